"""DELETE /reservations/{reservationId}: give held seats back at once."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, reservations
from booking.errors import (
    PaymentInProgress,
    PerformanceCancelled,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotHeld,
)
from booking.observability import bind

app = http.api(missing=ReservationNotFound)


@app.delete(
    "/reservations/<reservationId>",
    **http.operation(
        "Release a hold",
        tag="reservations",
        success=(204, None),
        user=True,
        errors=[ReservationNotFound, PaymentInProgress, ReservationNotHeld, ReservationExpired, PerformanceCancelled],
    ),
)
def release_reservation(reservationId: str) -> Response[Any]:
    user_id = http.user(app)
    bind(reservationId=reservationId)
    reservations.release(user_id, reservationId, clock.now())
    return http.no_content()


handler = http.entry(app)
