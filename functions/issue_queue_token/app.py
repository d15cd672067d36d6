"""POST /concerts/{concertId}/queue-tokens: join the queue, or find one's place in it again."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http
from booking.errors import ConcertNotFound, NoPerformances, RateLimited, SalesClosed, SalesNotOpen, SoldOut
from booking.observability import bind, count
from booking.queue import line

app = http.api(missing=ConcertNotFound)


@app.post(
    "/concerts/<concertId>/queue-tokens",
    **http.operation(
        "Join the queue",
        tag="queue",
        success=(201, "QueueView"),
        again=200,
        user=True,
        errors=[ConcertNotFound, NoPerformances, SalesNotOpen, SalesClosed, SoldOut, RateLimited],
    ),
)
def issue_queue_token(concertId: str) -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    bind(concertId=concertId)
    shown, is_new = line.join(catalog.find_concert(concertId, now), user_id, now)
    if is_new:
        count("QueueJoined")
    return http.answer(shown, 201 if is_new else 200, retry_after=str(shown["pollAfterSeconds"]))


handler = http.entry(app)
