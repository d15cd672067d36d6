"""GET /concerts/{concertId}: one concert, and how full its queue is."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http
from booking.errors import ConcertNotFound
from booking.queue import view

app = http.api()


@app.get(
    "/concerts/<concertId>",
    **http.operation(
        "Read a concert", tag="catalog", success=(200, "ConcertDetail"), cached=True, errors=[ConcertNotFound]
    ),
)
def get_concert(concertId: str) -> Response[Any]:
    now = clock.now()
    concert = catalog.find_concert(concertId, now)
    queue = {"queue": view.overview(concertId, now)}
    return http.public(app, catalog.concert_detail(concert, now) | queue, "public, max-age=1")


handler = http.entry(app)
