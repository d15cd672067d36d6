"""GET /reservations/{reservationId}/tickets: what lets one's guests through the door."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import http, reservations, signatures, tickets
from booking.errors import ReservationNotFound
from booking.observability import bind

app = http.api(missing=ReservationNotFound)


@app.get(
    "/reservations/<reservationId>/tickets",
    **http.operation(
        "List the tickets of a reservation",
        tag="tickets",
        success=(200, "TicketList"),
        user=True,
        errors=[ReservationNotFound],
    ),
)
def list_tickets(reservationId: str) -> Response[Any]:
    user_id = http.user(app)
    bind(reservationId=reservationId)
    reservation = reservations.find(user_id, reservationId)
    items = [tickets.view(ticket) for ticket in tickets.of_reservation(reservation)]
    return http.answer({"items": items, "publicKey": signatures.current_public_key()})


handler = http.entry(app)
