"""The bookings of a date, for its organiser: who has which seats, found by name, booking or seat.

There is no index from a performance to its reservations, and none is needed: the seats say who has them. The list goes
through the seats in order and shows a booking with its first seat, then through the revoked tickets, where the bookings
are of which every seat was cancelled. A page reads a bounded part of either, so it may be short or empty and not be the
last. What changes while somebody goes through it may be shown as it was before or after.
"""

import re
from collections.abc import Callable, Iterator
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple

from booking import catalog, check_ins, clock, reservations, seats, tickets
from booking.catalog import Performance
from booking.check_ins import RevokedItem
from booking.cursors import not_a_cursor
from booking.reservations import Reservation
from booking.seats import Seat

if TYPE_CHECKING:
    from booking import views

SEATS_ON_A_PAGE = 600
"""How many seats a page looks at, at most, and how many revoked tickets."""
AT_ONCE = 100


class Place(NamedTuple):
    """Where a page begins: behind a seat's number, or, once all seats were looked at, behind a revoked ticket."""

    seat: int
    ticket: str | None = None

    def text(self) -> str:
        """Write it as a cursor has it."""
        return f"seat {self.seat}" if self.ticket is None else f"ticket {self.ticket}"


def read_place(text: str | None) -> Place:
    """Read what `text` wrote.

    Raises:
        ValidationFailed: it is something else.

    """
    match = re.fullmatch(r"seat ([1-9][0-9]{0,5})|ticket (t[a-z2-7]{20})?", text or "seat 0", re.ASCII)
    if text is None:
        return Place(0)
    if match is None:
        raise not_a_cursor()
    return Place(int(match[1])) if match[1] else Place(0, match[2] or "")


class Found(NamedTuple):
    """A booking, where the next page would begin, and which of its seats are whose."""

    booking: Reservation
    place: Place
    seats: dict[int, Seat]


def page(
    performance: Performance, wanted: str, limit: int, after: str | None
) -> "tuple[list[views.Booking], str | None]":
    """Return some bookings, in the order of their first seats, and the cursor to go on from.

    `wanted` is a part of a name, a booking's id or its beginning, or a seat as its number or as it is printed.

    Raises:
        ValidationFailed: `after` is not a cursor of this list.

    """
    place = read_place(after)
    matches = _matcher(wanted)
    shown: list[views.Booking] = []
    if place.ticket is None:
        numbers = range(place.seat + 1, min(place.seat + SEATS_ON_A_PAGE, performance["seatsTotal"]) + 1)
        for found in _of_seats(catalog.performance_id(performance), numbers):
            if matches(found.booking):
                shown.append(view(found.booking, found.seats))
                if len(shown) == limit:
                    return shown, found.place.text()
        done = numbers.stop > performance["seatsTotal"]
        return shown, Place(0, "").text() if done else Place(numbers.stop - 1).text()
    part = check_ins.revoked_page(catalog.performance_id(performance), SEATS_ON_A_PAGE, place.ticket or None)
    for found in _of_revoked(part):
        if matches(found.booking):
            shown.append(view(found.booking, found.seats))
            if len(shown) == limit:
                return shown, found.place.text()
    more = len(part) == SEATS_ON_A_PAGE
    return shown, Place(0, check_ins.ticket_id_of(part[-1])).text() if more else None


def _matcher(wanted: str) -> Callable[[Reservation], bool]:
    text = wanted.strip().casefold()
    number = int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else None

    def matches(booking: Reservation) -> bool:
        printed = {f"{seat['row']}{seat['label']}".casefold() for seat in booking.get("seats", [])}
        return (
            not text
            or text in booking.get("name", "").casefold()
            or booking["reservationId"].startswith(text)
            or number in booking["seatNumbers"]
            or re.sub(r"[\s-]+", "", text) in printed
        )

    return matches


def _of_seats(performance_id: str, numbers: range) -> Iterator[Found]:
    """Go through the bookings whose first seat is among these."""
    taken = {seat["seatNumber"]: seat for seat in seats.read_range(performance_id, numbers) if seats.buyer(seat)}
    for part in batched(taken.values(), AT_ONCE, strict=False):
        owners = {(seat["userId"], str(seats.buyer(seat))) for seat in part}
        booked = {each["reservationId"]: each for each in reservations.read_many(owners)}
        for seat in part:
            booking = booked.get(str(seats.buyer(seat)))
            if booking is None:
                continue
            others = [number for number in booking["seatNumbers"] if number not in numbers]
            theirs = {each["seatNumber"]: each for each in seats.read_these(performance_id, others)} if others else {}
            theirs |= {number: taken[number] for number in booking["seatNumbers"] if number in taken}
            mine = {n: each for n, each in theirs.items() if seats.buyer(each) == booking["reservationId"]}
            if seat["seatNumber"] == min(mine):
                yield Found(booking, Place(seat["seatNumber"]), mine)


def _of_revoked(part: list[RevokedItem]) -> Iterator[Found]:
    """Go through the bookings of which every seat was cancelled and one of these was the first, unless their date was
    called off: then the seats still say whose they were."""
    known = [item for item in part if "reservationId" in item and "userId" in item]
    booked = reservations.read_many((item["userId"], item["reservationId"]) for item in known)
    by_ticket = {
        tickets.ticket_of(each["performanceId"], min(each["seatNumbers"]), each["reservationId"]).ticket_id: each
        for each in booked
        if each["status"] == "CANCELLED" and each.get("cancelledBy") != "ORGANISER"
    }
    for item in known:
        ticket = check_ins.ticket_id_of(item)
        if ticket in by_ticket:
            yield Found(by_ticket[ticket], Place(0, ticket), {})


def view(booking: Reservation, theirs: dict[int, Seat]) -> "views.Booking":
    """Show a booking to its organiser; `theirs` are the seats that it has, or had when the date was called off."""
    confirmed_at = booking.get("confirmedAt")
    return {
        "reservationId": booking["reservationId"],
        "userId": booking["userId"],
        "name": booking.get("name"),
        "seatNumbers": booking["seatNumbers"],
        "seats": [{**seat} for seat in reservations.priced_seats(booking)],
        "amount": booking["amount"],
        "status": booking["status"],
        "confirmedAt": clock.rfc3339(confirmed_at) if confirmed_at is not None else None,
        "cancelledSeatNumbers": booking.get("cancelledSeatNumbers", []),
        "refunded": booking.get("refunded", 0),
        "checkedIn": sum("admission" in seat for seat in theirs.values()),
    }
