"""GET /concerts/{concertId}/draw/{kind}/{digest}/{part}: a part of the list of entries, or a piece of the result.

What has a name never changes, so a CDN keeps it for a year and asks once.
"""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http
from booking.errors import ConcertNotFound
from booking.queue import lobby

app = http.api(missing=ConcertNotFound)


@app.get(
    "/concerts/<concertId>/draw/<kind>/<digest>/<part>",
    **http.operation(
        "Read a file of a draw",
        tag="queue",
        success=(200, None),
        errors=[ConcertNotFound],
        media="application/octet-stream",
    ),
)
def get_draw_file(concertId: str, kind: str, digest: str, part: str) -> Response[Any]:
    content = lobby.published_file(concertId, kind, digest, part, clock.now())
    headers: dict[str, str | list[str]] = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(200, "application/octet-stream", content, headers)


handler = http.entry(app)
