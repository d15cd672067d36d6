"""GET /organiser/reservations/{reservationId}/cancellation: what cancelling a fan's seats gives now."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import cancellations, clock, http
from booking.errors import Forbidden, NotCancellable, PerformanceCancelled, ReservationNotFound, ValidationFailed
from booking.requests import MAX_USER_ID

app = http.api(missing=ReservationNotFound)


@app.get(
    "/organiser/reservations/<reservationId>/cancellation",
    **http.operation(
        "Ask what cancelling a fan's seats gives",
        tag="organiser",
        success=(200, "CancellationQuote"),
        user=True,
        query=["userId", "seatNumbers"],
        errors=[ValidationFailed, Forbidden, ReservationNotFound, NotCancellable, PerformanceCancelled],
    ),
)
def quote_booking(reservationId: str) -> Response[Any]:
    now = clock.now()
    http.require_role(app, "organiser")
    user_id = http.parameter(app, "userId")
    if not user_id or len(user_id) > MAX_USER_ID:
        raise ValidationFailed(errors=[{"field": "userId", "message": "must say whose booking it is"}])
    offer = cancellations.quote(user_id, reservationId, http.numbers(app, "seatNumbers"), now)
    return http.answer(cancellations.quote_view(offer, now))


handler = http.entry(app)
