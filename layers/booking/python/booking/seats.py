"""Seats: who has which seat of a performance, now.

An item exists only while a seat is held or sold; absent means available. A hold ends at its deadline by the clock:
`expiresAt` is also the table's TTL attribute, but DynamoDB deletes late, so nothing here trusts the deletion.

Item: `performanceId, seatNumber, reservationId, userId, status` and, while held, `expiresAt`. Every write on a seat
that somebody has names the `reservationId`, so that a late release, confirmation or refund of an old hold cannot touch
the next owner's. Items stay under 163 bytes, so that a full house of 50 is one read unit.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from booking import clock
from booking.catalog import Performance, performance_id
from booking.dynamodb import Write, delete, get, put, query_all, update
from booking.memory import cached
from booking.settings import settings

COUNT_CACHE_SECONDS = 2
"""How old the count of free seats in a list of performances may be. The seat map itself is always read."""


class Admission(TypedDict):
    """The scan that a guest came in with: its entry among the check-ins, the door, and the door's clock."""

    entry: str
    deviceId: str
    at: int


class Seat(TypedDict):
    """A seat that is held, or was, or is sold. `expiresAt` is the deadline of a hold, in epoch seconds."""

    performanceId: str
    seatNumber: int
    reservationId: str
    userId: str
    status: Literal["HELD", "SOLD"]
    expiresAt: NotRequired[int]
    admission: NotRequired[Admission]


def is_taken(seat: Seat, at: int) -> bool:
    """Tell whether the seat is somebody's: sold, or held and its deadline has not come."""
    return seat["status"] == "SOLD" or seat["expiresAt"] > at


def _key(performance_id: str, seat_number: int) -> dict[str, Any]:
    return {"performanceId": performance_id, "seatNumber": seat_number}


def read_taken(performance_id: str, at: int) -> list[Seat]:
    """Read the seats of a performance that are somebody's, in order, with one query; a moment old at most."""
    items = query_all(
        settings().seats_table, "#performanceId = :performance", consistent=False, performance=performance_id
    )
    return [seat for seat in cast(list[Seat], items) if is_taken(seat, at)]


def read_taken_among(performance_id: str, seat_numbers: Iterable[int], at: int) -> list[Seat]:
    """Read which of these few seats are somebody's: a unit each, however large the hall."""
    found = (read(performance_id, number) for number in seat_numbers)
    return [seat for seat in found if seat is not None and is_taken(seat, at)]


def hold(performance_id: str, seat_number: int, *, reservation_id: str, user_id: str, at: int, until: int) -> Write:
    """Take a seat for a user until a deadline, if it is nobody's at this time."""
    seat: Seat = {
        "performanceId": performance_id,
        "seatNumber": seat_number,
        "reservationId": reservation_id,
        "userId": user_id,
        "status": "HELD",
        "expiresAt": until,
    }
    return put(
        settings().seats_table,
        seat,
        "attribute_not_exists(#reservationId) OR (#status = :held AND #expiresAt <= :at)",
        held="HELD",
        at=at,
    )


def release(performance_id: str, seat_number: int, reservation_id: str) -> Write:
    """Free a seat, if this reservation still holds it."""
    return delete(
        settings().seats_table,
        _key(performance_id, seat_number),
        "#reservationId = :reservation AND #status = :held",
        reservation=reservation_id,
        held="HELD",
    )


def move_deadline(performance_id: str, seat_number: int, reservation_id: str, *, until: int) -> Write:
    """Move a hold's deadline, if this reservation still has the seat.

    A payment moves it past the time that it may take; a failed one moves it back to the original. Whether the hold
    lives is the reservation's condition in the same transaction.
    """
    return update(
        settings().seats_table,
        _key(performance_id, seat_number),
        "SET #expiresAt = :until",
        "#reservationId = :reservation AND #status = :held",
        until=until,
        reservation=reservation_id,
        held="HELD",
    )


def sell(performance_id: str, seat_number: int, reservation_id: str) -> Write:
    """Make a held seat sold, if this reservation still has it. A sold seat has no deadline and no TTL."""
    return update(
        settings().seats_table,
        _key(performance_id, seat_number),
        "SET #status = :sold REMOVE #expiresAt",
        "#reservationId = :reservation AND #status = :held",
        sold="SOLD",
        reservation=reservation_id,
        held="HELD",
    )


def read(performance_id: str, seat_number: int) -> Seat | None:
    """Return a seat's item as it is now, or None where nobody has had the seat."""
    return cast(Seat | None, get(settings().seats_table, _key(performance_id, seat_number)))


def read_sold(performance_id: str) -> list[Seat]:
    """Return the seats of a performance that are sold, in order, as of now."""
    items = query_all(settings().seats_table, "#performanceId = :performance", performance=performance_id)
    return [seat for seat in cast(list[Seat], items) if seat["status"] == "SOLD"]


def cancel(performance_id: str, seat_number: int, reservation_id: str) -> Write:
    """Free a sold seat, if this reservation still has it and nobody has come in with its ticket."""
    return delete(
        settings().seats_table,
        _key(performance_id, seat_number),
        "#reservationId = :reservation AND #status = :sold AND attribute_not_exists(#admission)",
        reservation=reservation_id,
        sold="SOLD",
    )


def admit(performance_id: str, seat_number: int, reservation_id: str, admission: Admission) -> Write:
    """Write down that the guest of a sold seat came in, once, if this reservation still has the seat."""
    return update(
        settings().seats_table,
        _key(performance_id, seat_number),
        "SET #admission = :admission",
        "#reservationId = :reservation AND #status = :sold AND attribute_not_exists(#admission)",
        admission=admission,
        reservation=reservation_id,
        sold="SOLD",
    )


def seat_map(performance: Performance, taken: Sequence[Seat]) -> list[dict[str, Any]]:
    """Show all seats of a performance in order."""
    status: dict[int, str] = {seat["seatNumber"]: seat["status"] for seat in taken}
    return [
        {"seatNumber": number, "price": performance["price"], "status": status.get(number, "AVAILABLE")}
        for number in range(1, performance["seatsTotal"] + 1)
    ]


def refusal(taken: Sequence[Seat]) -> list[dict[str, Any]]:
    """Show why seats cannot be had: sold for good, or held until a time."""
    return [
        {"seatNumber": seat["seatNumber"], "status": seat["status"]}
        | ({"heldUntil": clock.rfc3339(seat["expiresAt"])} if seat["status"] == "HELD" else {})
        for seat in sorted(taken, key=lambda seat: seat["seatNumber"])
    ]


def is_sold_out(performance: Performance, at: int) -> bool:
    """Tell whether every seat of a performance is sold. One that is held may still come back."""
    if count_available(performance, at):
        return False
    taken = read_taken(performance_id(performance), at)
    return len([seat for seat in taken if seat["status"] == "SOLD"]) == performance["seatsTotal"]


def count_available(performance: Performance, at: int) -> int:
    """Count the free seats of a performance, as they were at most a few seconds ago."""
    name = performance_id(performance)
    taken = cached(("taken", name), lambda: len(read_taken(name, at)), at, COUNT_CACHE_SECONDS)
    return performance["seatsTotal"] - taken
