"""Seats: who has which seat of a performance, now.

An item exists only while a seat is held or sold; absent means available. A hold ends at its deadline by the clock:
`expiresAt` is also the table's TTL attribute, but DynamoDB deletes late, so nothing here trusts the deletion.

Item: `performanceId` (with `#1`, `#2` … for each further 600 seats), `seatNumber, reservationId, userId, status`
and, while held, `expiresAt`; then `price` instead, what was paid for it. Every write on a seat
that somebody has names the `reservationId`, so that a late release, confirmation or refund of an old hold cannot touch
the next owner's. Items stay under 163 bytes, so that a full house of 50 is one read unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from booking import clock, halls
from booking.catalog import Performance, performance_id, price_of
from booking.dynamodb import ConditionFailed, Write, delete, get, get_many, put, query_all, update, write
from booking.halls import Counts
from booking.layout import MAX_SECTION_SEATS, Section
from booking.memory import cached
from booking.settings import settings

COUNT_CACHE_SECONDS = 2
"""How old the count of free seats in a list of performances may be. The seat map itself is always read."""
COUNTING_SECONDS = 5
"""How long a reader has to count a large hall before another takes its turn."""
BLOCK = 600
COUNTS = "COUNTS#"
"""What the partition of a shared count begins with."""


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
    status: Literal["HELD", "SOLD", "CANCELLED"]
    expiresAt: NotRequired[int]
    admission: NotRequired[Admission]
    soldTo: NotRequired[str]
    price: NotRequired[int]


SEALED = "called-off"
"""The reservation that has the seats of a date that was called off: nobody's, so no condition of anybody's holds."""


class Count(TypedDict):
    """How many seats of a performance are free, by section and grade, and how many are sold."""

    free: Counts
    sold: int


class CountItem(TypedDict):
    """The seats of a large performance, counted for everybody. One reader at a time counts, until `countingUntil`;
    before the first count `count` and `freshUntil` are missing."""

    performanceId: str
    seatNumber: int
    count: Count
    freshUntil: int
    countingUntil: int
    expiresAt: int


def is_taken(seat: Seat, at: int) -> bool:
    """Tell whether the seat is nobody's to have: sold, sealed, or held and its deadline has not come."""
    return seat["status"] != "HELD" or seat["expiresAt"] > at


def is_sealed(seat: Mapping[str, Any] | None) -> bool:
    """Tell whether a seat is of a date that was called off."""
    return seat is not None and seat.get("reservationId") == SEALED


def buyer(seat: Seat) -> str | None:
    """Name the reservation that has paid for a seat, also where the date was called off since; None where none has."""
    if seat["status"] == "SOLD":
        return seat["reservationId"]
    return seat.get("soldTo")


def _partition(performance_id: str, block: int) -> str:
    """Name the partition of 600 seats; a seat's number alone says which, wherever a layout puts the seat."""
    return f"{performance_id}#{block}" if block else performance_id


def _key(performance_id: str, seat_number: int) -> dict[str, Any]:
    return {"performanceId": _partition(performance_id, seat_number // BLOCK), "seatNumber": seat_number}


def partitions(performance_id: str, seats_total: int) -> list[str]:
    """Name every partition that holds seats of a performance."""
    return [_partition(performance_id, block) for block in range(seats_total // BLOCK + 1)]


def performance_of(seat: Seat) -> str:
    """Return the performance that a seat's item is of."""
    return seat["performanceId"].partition("#")[0]


def _read(performance_id: str, numbers: range, *, consistent: bool) -> list[Seat]:
    """Read what there is of these seats, in order, with one query for each block of 600."""
    if not numbers:
        return []
    items: list[Any] = []
    for block in range(numbers.start // BLOCK, (numbers.stop - 1) // BLOCK + 1):
        items += query_all(
            settings().seats_table,
            "#performanceId = :performance AND #seatNumber BETWEEN :first AND :last",
            consistent=consistent,
            performance=_partition(performance_id, block),
            first=numbers.start,
            last=numbers.stop - 1,
        )
    return items


def read_taken(performance_id: str, numbers: range, at: int, *, consistent: bool = False) -> list[Seat]:
    """Read which of these seats, one beside the other, are somebody's, in order."""
    return [seat for seat in _read(performance_id, numbers, consistent=consistent) if is_taken(seat, at)]


def read_taken_among(performance_id: str, seat_numbers: Iterable[int], at: int) -> list[Seat]:
    """Read which of these few seats are somebody's: a unit each, however large the hall."""
    found = (read(performance_id, number) for number in seat_numbers)
    return [seat for seat in found if seat is not None and is_taken(seat, at)]


def hold(performance_id: str, seat_number: int, *, reservation_id: str, user_id: str, at: int, until: int) -> Write:
    """Take a seat for a user until a deadline, if it is nobody's at this time."""
    seat: Seat = {
        "performanceId": _key(performance_id, seat_number)["performanceId"],
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


def sell(performance_id: str, seat_number: int, reservation_id: str, price: int | None = None) -> Write:
    """Make a held seat sold, if this reservation still has it. A sold seat has no deadline and no TTL, and says what it
    cost, unless its payment began before payments knew."""
    return update(
        settings().seats_table,
        _key(performance_id, seat_number),
        "SET #status = :sold" + (", #price = :price" if price is not None else "") + " REMOVE #expiresAt",
        "#reservationId = :reservation AND #status = :held",
        sold="SOLD",
        reservation=reservation_id,
        held="HELD",
        **({"price": price} if price is not None else {}),
    )


def read(performance_id: str, seat_number: int) -> Seat | None:
    """Return a seat's item as it is now, or None where nobody has had the seat."""
    return cast(Seat | None, get(settings().seats_table, _key(performance_id, seat_number)))


def read_range(performance_id: str, numbers: range) -> list[Seat]:
    """Read every item of these seats, one beside the other, in order; a moment old."""
    return _read(performance_id, numbers, consistent=False)


def read_these(performance_id: str, numbers: Iterable[int]) -> list[Seat]:
    """Read the items of these few seats, in any order; a moment old."""
    return cast(list[Seat], get_many(settings().seats_table, [_key(performance_id, each) for each in numbers]))


def read_sold(performance: Performance) -> list[Seat]:
    """Return the seats of a performance that are sold, in order, as of now."""
    found = _read(performance_id(performance), numbers_of(performance), consistent=True)
    return [seat for seat in found if seat["status"] == "SOLD"]


def numbers_of(performance: Performance) -> range:
    """Return the numbers of a performance's seats."""
    return range(1, performance["seatsTotal"] + 1)


def seal(performance_id: str, seat_number: int) -> Write:
    """Close a seat of a date that was called off for ever, unless it is sold; it has no deadline and no TTL.

    Whoever holds it finds every condition of theirs refused, so a payment that is on its way undoes itself.
    """
    seat: Seat = {
        "performanceId": _key(performance_id, seat_number)["performanceId"],
        "seatNumber": seat_number,
        "reservationId": SEALED,
        "userId": SEALED,
        "status": "CANCELLED",
    }
    condition = "attribute_not_exists(#reservationId) OR #status = :held"
    return put(settings().seats_table, seat, condition, held="HELD")


def seal_sold(performance_id: str, seat_number: int, reservation_id: str) -> Write:
    """Close a sold seat whose booking is given back in the same transaction; it says whose it was."""
    return update(
        settings().seats_table,
        _key(performance_id, seat_number),
        "SET #status = :cancelled, #reservationId = :sealed, #soldTo = :reservation",
        "#reservationId = :reservation AND #status = :sold",
        cancelled="CANCELLED",
        sealed=SEALED,
        reservation=reservation_id,
        sold="SOLD",
    )


def read_all(performance: Performance, *, consistent: bool = True) -> list[Seat]:
    """Read every item of a performance's seats, holds that are over included, in order, as it is now."""
    return _read(performance_id(performance), numbers_of(performance), consistent=consistent)


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


def seat_map(performance: Performance, section: str | None, at: int) -> dict[str, Any]:
    """Show the seats of a section, or all of a small hall, in order, and how many of them are free.

    Raises:
        ValidationFailed: names the sections, when one must be asked for or the one that was does not exist.

    """
    shown = halls.sections_to_show(performance, section, at)
    name = performance_id(performance)
    taken = [seat for each in _joined(shown) for seat in read_taken(name, each, at)]
    status: dict[int, str] = {seat["seatNumber"]: seat["status"] for seat in taken}
    seats = [seat for each in shown for seat in each.seats]
    printed = ("row", "label", "gradeId") if "hallVersion" in performance else ()
    return {
        "performanceId": name,
        "concertId": performance["pk"],
        "seats": [
            {
                "seatNumber": seat["seatNumber"],
                "price": price_of(performance, seat["gradeId"]),
                "status": status.get(seat["seatNumber"], "AVAILABLE"),
            }
            | {member: seat[member] for member in printed}  # type: ignore[literal-required]  # each is one of the seat's
            for seat in seats
        ],
        "available": len(seats) - len(taken),
    }


def _joined(sections: list[Section]) -> list[range]:
    """Return the numbers of sections that follow each other as one range, so that a small hall is one query."""
    return [range(sections[0].numbers.start, sections[-1].numbers.stop)] if sections else []


def refusal(taken: Sequence[Seat]) -> list[dict[str, Any]]:
    """Show why seats cannot be had: sold for good, or held until a time."""
    return [
        {"seatNumber": seat["seatNumber"], "status": seat["status"]}
        | ({"heldUntil": clock.rfc3339(seat["expiresAt"])} if seat["status"] == "HELD" else {})
        for seat in sorted(taken, key=lambda seat: seat["seatNumber"])
    ]


def is_sold_out(performance: Performance, at: int) -> bool:
    """Tell whether every seat of a performance is sold. One that is held may still come back."""
    return count(performance, at)["sold"] == performance["seatsTotal"]


def count_available(performance: Performance, at: int) -> int:
    """Count the free seats of a performance, as they were at most a few seconds ago."""
    return sum(sum(grades.values()) for grades in count_free(performance, at).values())


def count_free(performance: Performance, at: int) -> Counts:
    """Count the free seats of a performance by section and grade, as they were at most a few seconds ago."""
    return count(performance, at)["free"]


def count(performance: Performance, at: int) -> Count:
    """Count the seats of a performance, as they were at most a few seconds ago.

    A hall of more seats than one query reads has a shared count, which one reader at a time makes anew.
    """
    large = performance["seatsTotal"] > MAX_SECTION_SEATS
    return cached(
        "count",
        performance_id(performance),
        lambda: _shared_count(performance, at) if large else read_count(performance, at),
        at,
        1 if large else COUNT_CACHE_SECONDS,
    )


def read_count(performance: Performance, at: int) -> Count:
    """Count the seats that are free and sold, by section and grade, by reading every one that is taken."""
    sections = halls.sections(performance, at)
    free = {section.section_id: dict(section.grade_counts) for section in sections}
    taken = read_taken(performance_id(performance), numbers_of(performance), at)
    following = iter(sections)
    section = next(following)
    for seat in taken:
        while seat["seatNumber"] not in section.numbers:
            section = next(following)
        free[section.section_id][section.seat(seat["seatNumber"])["gradeId"]] -= 1
    return {"free": free, "sold": sum(seat["status"] == "SOLD" for seat in taken)}


def _shared_count(performance: Performance, at: int) -> Count:
    """Return the count that all processes share, and make it anew when it is old and nobody else is doing that."""
    name = f"{COUNTS}{performance_id(performance)}"
    key = {"performanceId": name, "seatNumber": 0}
    known = cast(CountItem | None, get(settings().seats_table, key, consistent=False))
    if known is not None and "count" in known and at < known["freshUntil"]:
        return known["count"]
    take_turn = update(
        settings().seats_table,
        key,
        "SET #countingUntil = :until, #expiresAt = :purge",
        "attribute_not_exists(#countingUntil) OR #countingUntil <= :at",
        until=at + COUNTING_SECONDS,
        purge=at + clock.DAY,
        at=at,
    )
    try:
        write(take_turn)
    except ConditionFailed as refused:
        known = cast(CountItem | None, refused.item)
        if known is not None and "count" in known:
            return known["count"]
    counted: CountItem = {
        "performanceId": name,
        "seatNumber": 0,
        "count": read_count(performance, at),
        "freshUntil": at + COUNT_CACHE_SECONDS,
        "countingUntil": at,
        "expiresAt": at + clock.DAY,
    }
    write(put(settings().seats_table, counted))
    return counted["count"]
