"""GET /reservations: the user's reservations, newest first."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, reservations
from booking.cursors import cursor_of, key_of
from booking.errors import ValidationFailed

app = http.api()


@app.get(
    "/reservations",
    **http.operation(
        "List one's reservations",
        tag="reservations",
        success=(200, "ReservationList"),
        user=True,
        paged=True,
        errors=[ValidationFailed],
    ),
)
def list_reservations() -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    limit, cursor = http.paging(app)
    items, last = reservations.list_of(user_id, limit, key_of(cursor))
    shown = [reservations.view(item, now) for item in items]
    return http.answer(http.page(shown, cursor_of(last, "reservationId")))


handler = http.entry(app)
