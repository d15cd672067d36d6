"""GET /reservations/{reservationId}/cancellation: what cancelling seats gives now."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import cancellations, clock, http
from booking.errors import NotCancellable, PerformanceCancelled, ReservationNotFound, ValidationFailed

app = http.api(missing=ReservationNotFound)


@app.get(
    "/reservations/<reservationId>/cancellation",
    **http.operation(
        "Ask what cancelling gives",
        tag="reservations",
        success=(200, "CancellationQuote"),
        user=True,
        query=["seatNumbers"],
        errors=[ValidationFailed, ReservationNotFound, NotCancellable, PerformanceCancelled],
    ),
)
def quote_cancellation(reservationId: str) -> Response[Any]:
    now = clock.now()
    offer = cancellations.quote(http.user(app), reservationId, http.numbers(app, "seatNumbers"), now)
    return http.answer(cancellations.quote_view(offer, now))


handler = http.entry(app)
