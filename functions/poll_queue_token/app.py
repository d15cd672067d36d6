"""GET /concerts/{concertId}/queue-tokens/current: the health check of a place in line, and the way in."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http
from booking.errors import (
    NoPerformances,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenRequired,
    SalesClosed,
    SoldOut,
)
from booking.observability import bind
from booking.queue import line

app = http.api(missing=QueueTokenInvalid)


@app.get(
    "/concerts/<concertId>/queue-tokens/current",
    **http.operation(
        "Poll the queue",
        tag="queue",
        success=(200, "QueueView"),
        user=True,
        queue_token=True,
        errors=[QueueTokenRequired, QueueTokenInvalid, QueueTokenExpired, NoPerformances, SalesClosed, SoldOut],
    ),
)
def poll_queue_token(concertId: str) -> Response[Any]:
    user_id = http.user(app)
    bind(concertId=concertId)
    shown = line.poll(concertId, user_id, http.header(app, "x-queue-token"), clock.now())
    return http.answer(shown, retry_after=str(shown["pollAfterSeconds"]))


handler = http.entry(app)
