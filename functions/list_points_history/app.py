"""GET /points/history: every change of the user's points, newest first."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import http, points
from booking.cursors import cursor_of, key_of
from booking.errors import ValidationFailed

app = http.api()


@app.get(
    "/points/history",
    **http.operation(
        "List changes of one's points",
        tag="points",
        success=(200, "LedgerList"),
        user=True,
        paged=True,
        errors=[ValidationFailed],
    ),
)
def list_points_history() -> Response[Any]:
    user_id = http.user(app)
    limit, cursor = http.paging(app)
    items, last = points.history(user_id, limit, key_of(cursor))
    return http.answer(http.page(map(points.entry_view, items), cursor_of(last, "sk")))


handler = http.entry(app)
