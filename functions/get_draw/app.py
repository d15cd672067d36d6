"""GET /concerts/{concertId}/draw: how far a concert's lobby is, and everything that its draw can be checked with."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http
from booking.errors import ConcertNotFound
from booking.queue import lobby

app = http.api(missing=ConcertNotFound)


@app.get(
    "/concerts/<concertId>/draw",
    **http.operation(
        "Read the draw of a lobby", tag="queue", success=(200, "Draw"), cached=True, errors=[ConcertNotFound]
    ),
)
def get_draw(concertId: str) -> Response[Any]:
    now = clock.now()
    concert = catalog.find_concert(concertId, now)
    return http.public(app, {**lobby.published(concert, now)}, "public, max-age=1", serverTime=clock.rfc3339(now))


handler = http.entry(app)
