"""GET /reservations/{reservationId}: one of the user's reservations."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, reservations
from booking.errors import ReservationNotFound

app = http.api(missing=ReservationNotFound)


@app.get(
    "/reservations/<reservationId>",
    **http.operation(
        "Read a reservation",
        tag="reservations",
        success=(200, "Reservation"),
        user=True,
        errors=[ReservationNotFound],
    ),
)
def get_reservation(reservationId: str) -> Response[Any]:
    item = reservations.find(http.user(app), reservationId)
    return http.answer(reservations.view(item, clock.now()))


handler = http.entry(app)
