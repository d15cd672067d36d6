"""GET /concerts/{concertId}: one concert, and how full its queue is."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, sale
from booking.errors import ConcertNotFound
from booking.queue import items, view

app = http.api(missing=ConcertNotFound)


@app.get(
    "/concerts/<concertId>",
    **http.operation(
        "Read a concert", tag="catalog", success=(200, "ConcertDetail"), cached=True, errors=[ConcertNotFound]
    ),
)
def get_concert(concertId: str) -> Response[Any]:
    now = clock.now()
    concert = catalog.find_concert(concertId, now)
    state = {
        "saleStatus": sale.status(concert, items.recent_queue(concertId, now), now),
        "queue": view.overview(concertId, now),
    }
    return http.public(app, catalog.concert_detail(concert, now) | state, "public, max-age=1")


handler = http.entry(app)
