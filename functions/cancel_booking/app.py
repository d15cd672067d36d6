"""POST /organiser/reservations/{reservationId}/cancellation: cancel seats on a fan's behalf, with a reason."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import cancellations, clock, http, requests
from booking.audit_log import Actor
from booking.cancellations import OnBehalf
from booking.errors import (
    Forbidden,
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
    "/organiser/reservations/<reservationId>/cancellation",
    **http.operation(
        "Cancel seats on a fan's behalf",
        tag="organiser",
        success=(201, "Cancellation"),
        again=202,
        body="CancelBooking",
        user=True,
        key=True,
        errors=[
            ValidationFailed,
            Forbidden,
            IdempotencyKeyRequired,
            ReservationNotFound,
            QuoteChanged,
            NotCancellable,
            PerformanceCancelled,
            IdempotencyKeyReused,
        ],
    ),
)
def cancel_booking(reservationId: str) -> Response[Any]:
    now = clock.now()
    actor = Actor(http.require_role(app, "organiser"), http.user_name(app))
    key = http.idempotency_key(app)
    request = requests.read(requests.CancelBooking, http.body(app))
    bind(reservationId=reservationId)
    of = request["userId"], reservationId, request["seatNumbers"], request["expectedRefund"]
    cancelled = cancellations.cancel(*of, key, now, OnBehalf(actor, request["reason"]))
    bind(cancellationId=cancelled.cancellation_id)
    shown = cancellations.view(cancelled, clock.now())
    return http.done(shown, pending=shown["status"] == "REFUNDING", **http.replayed(cancelled.replayed))


handler = http.entry(app)
