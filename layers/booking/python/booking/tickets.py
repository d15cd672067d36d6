"""Tickets: what lets a guest through the door, one for each seat of a CONFIRMED reservation.

A ticket is not stored. Its id is derived from the reservation and the seat, so that a seat that is cancelled and sold
again has another ticket, and whether it is good is what the seat's own item says. What a QR code holds is a short
signed text, `OST1:<key id>:<performanceId>:<seatNumber>:<ticketId>:<signature>`; it names nobody, and a door can check
it with the public key and no network.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from booking import ids, signatures

if TYPE_CHECKING:
    from booking import views

PREFIX = "OST1"
_CODE = re.compile(
    rf"{PREFIX}:(?P<key>[A-Za-z0-9-]{{1,64}}):(?P<performance>[a-z0-9.-]{{1,100}}):(?P<seat>[1-9][0-9]{{0,5}})"
    r":(?P<ticket>t[a-z2-7]{20}):(?P<signature>[A-Za-z0-9_-]{86})",
    re.ASCII,
)
LONGEST_CODE = 300
"""No code of ours is longer; what is longer is not looked at."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right of whoever holds it to one seat of one performance."""

    performance_id: str
    seat_number: int
    ticket_id: str


def ticket_of(performance_id: str, seat_number: int, reservation_id: str) -> Ticket:
    """Return the ticket that a reservation's seat has."""
    return Ticket(performance_id, seat_number, f"t{ids.digest('ticket', reservation_id, seat_number)}")


def of_reservation(reservation: Mapping[str, Any]) -> list[Ticket]:
    """Return the tickets of a reservation, in the order of its seats: none unless it is paid for, none for seats that
    were cancelled."""
    if reservation["status"] != "CONFIRMED":
        return []
    cancelled = reservation.get("cancelledSeatNumbers", [])
    return [
        ticket_of(reservation["performanceId"], number, reservation["reservationId"])
        for number in reservation["seatNumbers"]
        if number not in cancelled
    ]


def code_of(ticket: Ticket) -> str:
    """Write a ticket as the text that a QR code holds, signed with the current key."""
    key = signatures.current_key_id()
    text = f"{PREFIX}:{key}:{ticket.performance_id}:{ticket.seat_number}:{ticket.ticket_id}"
    return f"{text}:{signatures.sign(text)}"


def read_code(code: str, public_keys: Mapping[str, str]) -> Ticket | None:
    """Return the ticket of a code that one of these keys has signed, or None: forged, damaged, or something else."""
    said = what_is_said(code)
    if said is None or said.key_id not in public_keys:
        return None
    signed, _, signature = code.rpartition(":")
    return said.ticket if signatures.is_signed(signed, signature, public_keys[said.key_id]) else None


class Said(NamedTuple):
    """What a code says, whoever wrote it: the ticket, and the id of the key that is to have signed it."""

    ticket: Ticket
    key_id: str


def what_is_said(code: str) -> Said | None:
    """Read a code without judging its signature; None when it has not the form of one."""
    match = _CODE.fullmatch(code) if len(code) <= LONGEST_CODE else None
    return match and Said(Ticket(match["performance"], int(match["seat"]), match["ticket"]), match["key"])


def view(ticket: Ticket) -> "views.Ticket":
    """Show a ticket to its owner."""
    return {"ticketId": ticket.ticket_id, "seatNumber": ticket.seat_number, "code": code_of(ticket)}
