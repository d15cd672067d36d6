"""GET /concerts/{concertId}/queue-tokens/current: the health check of a place in line, and the way in."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http
from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired
from booking.observability import bind
from booking.queue import advance, line, token

app = http.api()


@app.get(
    "/concerts/<concertId>/queue-tokens/current",
    **http.operation(
        "Poll the queue",
        tag="queue",
        success=(200, "QueueView"),
        user=True,
        queue_token=True,
        errors=[QueueTokenRequired, QueueTokenInvalid, QueueTokenExpired],
    ),
)
def poll_queue_token(concertId: str) -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    bind(concertId=concertId)
    turn = token.verify(http.header(app, "x-queue-token"), user_id=user_id, at=now, concert_id=concertId)
    place = line.poll(turn, now)
    advance.keep_moving(place, now)
    shown = line.view(place, now)
    return http.answer(shown, retry_after=str(shown["pollAfterSeconds"]))


handler = http.entry(app)
