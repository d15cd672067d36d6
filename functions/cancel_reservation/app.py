"""POST /reservations/{reservationId}/cancellation: cancel seats that are paid for."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import cancellations, clock, http, requests
from booking.errors import (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    NotCancellable,
    PerformanceCancelled,
    QuoteChanged,
    ReservationNotFound,
    ValidationFailed,
)
from booking.observability import bind

app = http.api(missing=ReservationNotFound)


@app.post(
    "/reservations/<reservationId>/cancellation",
    **http.operation(
        "Cancel seats that are paid for",
        tag="reservations",
        success=(201, "Cancellation"),
        again=202,
        body="CancelSeats",
        user=True,
        key=True,
        errors=[
            ValidationFailed,
            IdempotencyKeyRequired,
            ReservationNotFound,
            QuoteChanged,
            NotCancellable,
            PerformanceCancelled,
            IdempotencyKeyReused,
        ],
    ),
)
def cancel_reservation(reservationId: str) -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    key = http.idempotency_key(app)
    request = requests.read(requests.CancelSeats, http.body(app))
    bind(reservationId=reservationId)
    cancelled = cancellations.cancel(
        user_id, reservationId, request["seatNumbers"], request["expectedRefund"], key, now
    )
    bind(cancellationId=cancelled.cancellation_id)
    shown = cancellations.view(cancelled, clock.now())
    return http.done(shown, pending=shown["status"] == "REFUNDING", **http.replayed(cancelled.replayed))


handler = http.entry(app)
