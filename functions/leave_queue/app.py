"""DELETE /concerts/{concertId}/queue-tokens/current: give one's place up; it is free at once."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http
from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired
from booking.observability import bind, count
from booking.queue import line

app = http.api(missing=QueueTokenInvalid)


@app.delete(
    "/concerts/<concertId>/queue-tokens/current",
    **http.operation(
        "Leave the queue",
        tag="queue",
        success=(204, None),
        user=True,
        queue_token=True,
        errors=[QueueTokenRequired, QueueTokenInvalid, QueueTokenExpired],
    ),
)
def leave_queue(concertId: str) -> Response[Any]:
    user_id = http.user(app)
    bind(concertId=concertId)
    if line.leave(concertId, user_id, http.header(app, "x-queue-token"), clock.now()):
        count("QueueLeft")
    return http.no_content()


handler = http.entry(app)
