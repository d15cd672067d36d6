"""GET /concerts/{concertId}/draw: how far a concert's lobby is, and everything that its draw can be checked with."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http
from booking.errors import ConcertNotFound
from booking.queue import drawing, lobby

app = http.api()


@app.get(
    "/concerts/<concertId>/draw",
    **http.operation(
        "Read the draw of a lobby", tag="queue", success=(200, "Draw"), cached=True, errors=[ConcertNotFound]
    ),
)
def get_draw(concertId: str) -> Response[Any]:
    now = clock.now()
    concert = catalog.find_concert(concertId, now)
    shown = lobby.published(concert, now)
    if lobby.is_due(concert, lobby.recent(concertId, now), now):
        drawing.kick(concertId)
    return http.public(app, {**shown}, "public, max-age=1", serverTime=clock.rfc3339(now))


handler = http.entry(app)
