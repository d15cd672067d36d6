"""The door: scans of tickets, recorded as facts, and what they mean.

A scan is a fact: a door recorded that it saw a code. It is kept once, however often a door sends it, and never dropped.
What it means is computed from the seat: the first scan of a good ticket to reach the server is the admission, written
into the seat's item, which the seat's reservation must still have; every other scan of it is told that first one. Doors
may have been offline and their clocks wrong by hours; the order in which scans arrive here is the order that counts.

Items, by performance: `entry = scan#<deviceId>#<scanId>` is a scan as it was sent, `entry = revoked#<ticketId>` a
ticket whose seat was cancelled, so that doors learn of it. Both are kept for good, as bookings are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

from booking import catalog, clock, seats, signatures, tickets
from booking.catalog import Performance
from booking.dynamodb import ConditionFailed, Write, put, query, query_all, write
from booking.errors import ValidationFailed
from booking.requests import RecordCheckIns
from booking.seats import Admission, Seat
from booking.settings import settings
from booking.tickets import Ticket

if TYPE_CHECKING:
    from booking import views

REVOKED = "revoked#"
"""What the entry of a revoked ticket begins with."""


class ScanItem(TypedDict):
    """A scan as a door sent it. `at` is the door's clock, `receivedAt` ours, in epoch seconds."""

    performanceId: str
    entry: str
    deviceId: str
    code: str
    at: int
    receivedAt: int


class RevokedItem(TypedDict):
    """A ticket that is good no more, since its seat was cancelled: whose it was, what was paid and what given back.

    Older ones say nothing but which ticket it is.
    """

    performanceId: str
    entry: str
    seatNumber: int
    revokedAt: int
    userId: NotRequired[str]
    reservationId: NotRequired[str]
    price: NotRequired[int]
    refund: NotRequired[int]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a door says that it saw: `at` is its own clock in epoch seconds, `scan_id` its own name for the scan."""

    scan_id: str
    code: str
    at: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan means. `first_at` and `first_device` tell the admission where there is one."""

    scan_id: str
    outcome: "views.Outcome"
    ticket: Ticket | None = None
    first_at: int | None = None
    first_device: str | None = None


def record(performance_id: str, device_id: str, scans: Sequence[Scan], at: int) -> list[Result]:
    """Record scans, admit whom they admit, and return what each means, in their order. Safe to repeat in part or whole.

    Costs at most one unit of reading and two of writing for each scan.
    """
    said = [tickets.what_is_said(scan.code) for scan in scans]
    public_keys = signatures.public_keys(*(each.key_id for each in said if each is not None))
    return [_record(performance_id, device_id, scan, public_keys, at) for scan in scans]


def scans_of(request: RecordCheckIns) -> list[Scan]:
    """Read the scans of a request.

    Raises:
        ValidationFailed: the time of one is no time; names which.

    """
    scans = []
    for position, each in enumerate(request["scans"]):
        try:
            seen_at = clock.epoch_seconds(each["at"])
        except ValueError as error:
            field = f"scans.{position}.at"
            raise ValidationFailed(errors=[{"field": field, "message": "must be a time with a zone"}]) from error
        scans.append(Scan(each["scanId"], each["code"], seen_at))
    return scans


def _record(performance_id: str, device_id: str, scan: Scan, public_keys: Mapping[str, str], at: int) -> Result:
    fact: ScanItem = {
        "performanceId": performance_id,
        "entry": f"scan#{device_id}#{scan.scan_id}",
        "deviceId": device_id,
        "code": scan.code,
        "at": scan.at,
        "receivedAt": at,
    }
    try:
        write(put(settings().check_ins_table, fact, "attribute_not_exists(#entry)"))
    except ConditionFailed as known:
        if known.item is not None:
            fact = cast(ScanItem, known.item)
    ticket = tickets.read_code(fact["code"], public_keys)
    if ticket is None:
        return Result(scan.scan_id, "INVALID")
    if ticket.performance_id != performance_id:
        return Result(scan.scan_id, "WRONG_DATE", ticket)
    return _admit(fact, scan.scan_id, ticket)


def _admit(fact: ScanItem, scan_id: str, ticket: Ticket) -> Result:
    """Admit the guest, unless somebody was admitted with this ticket before, or it is good no more.

    The scan that admitted stays the one that did, also when the date was called off since.
    """
    seat = seats.read(ticket.performance_id, ticket.seat_number)
    if seat is not None and "admission" not in seat and is_good(ticket, seat):
        try:
            admission: Admission = {"entry": fact["entry"], "deviceId": fact["deviceId"], "at": fact["at"]}
            write(seats.admit(ticket.performance_id, ticket.seat_number, seat["reservationId"], admission))
        except ConditionFailed as refused:
            seat = cast(Seat | None, refused.item)
        else:
            return Result(scan_id, "ADMITTED", ticket, fact["at"], fact["deviceId"])
    first = seat.get("admission") if seat is not None else None
    if seat is None or first is None or (first["entry"] != fact["entry"] and not is_good(ticket, seat)):
        return Result(scan_id, "REVOKED", ticket)
    outcome: views.Outcome = "ADMITTED" if first["entry"] == fact["entry"] else "ALREADY"
    return Result(scan_id, outcome, ticket, first["at"], first["deviceId"])


def is_good(ticket: Ticket, seat: Seat) -> bool:
    """Tell whether a ticket is the one that this seat was sold with."""
    return (
        seat["status"] == "SOLD"
        and tickets.ticket_of(ticket.performance_id, ticket.seat_number, seat["reservationId"]) == ticket
    )


def revoke(of: Mapping[str, Any], seat_number: int, price: int, refund: int, at: int) -> Write:
    """List the ticket of a cancelled seat as revoked, so that doors that are offline learn of it, and what was given
    back for it. Safe to repeat.

    `of` says whose it was (performanceId, userId, reservationId). The seat's own item is what makes the ticket bad;
    this only tells.
    """
    ticket = tickets.ticket_of(of["performanceId"], seat_number, of["reservationId"])
    item: RevokedItem = {
        "performanceId": ticket.performance_id,
        "entry": f"{REVOKED}{ticket.ticket_id}",
        "seatNumber": seat_number,
        "revokedAt": at,
        "userId": of["userId"],
        "reservationId": of["reservationId"],
        "price": price,
        "refund": refund,
    }
    return put(settings().check_ins_table, item)


def revoked(performance_id: str) -> list[RevokedItem]:
    """Return the tickets of a performance that are good no more, as of now."""
    found = query_all(
        settings().check_ins_table,
        "#performanceId = :performance AND begins_with(#entry, :revoked)",
        performance=performance_id,
        revoked=REVOKED,
    )
    return cast(list[RevokedItem], found)


def revoked_page(performance_id: str, limit: int, after: str | None) -> list[RevokedItem]:
    """Return some of these tickets by id, from behind the one of this id on; fewer than asked for are the last."""
    page = query(
        settings().check_ins_table,
        "#performanceId = :performance AND #entry BETWEEN :first AND :last",
        consistent=False,
        limit=limit,
        performance=performance_id,
        first=f"{REVOKED}{after}!" if after else REVOKED,
        last=f"{REVOKED}~",
    )
    return cast(list[RevokedItem], page.items)


def ticket_id_of(item: RevokedItem) -> str:
    """Return the id of a ticket that was revoked."""
    return item["entry"].removeprefix(REVOKED)


def result_view(result: Result) -> "views.CheckIn":
    """Show what a scan means."""
    shown: views.CheckIn = {"scanId": result.scan_id, "outcome": result.outcome}
    if result.ticket is not None:
        shown["ticketId"], shown["seatNumber"] = result.ticket.ticket_id, result.ticket.seat_number
    if result.first_at is not None and result.first_device is not None:
        shown["first"] = {"at": clock.rfc3339(result.first_at), "deviceId": result.first_device}
    return shown


def guest_list(performance: Performance) -> "list[views.Guest]":
    """Return every ticket that is or was good for a performance, in the order of seats, as of now."""
    performance_id = catalog.performance_id(performance)
    guests: list[views.Guest] = []
    for seat in seats.read_sold(performance):
        ticket = tickets.ticket_of(performance_id, seat["seatNumber"], seat["reservationId"])
        guest: views.Guest = {"ticketId": ticket.ticket_id, "seatNumber": seat["seatNumber"], "revoked": False}
        if "admission" in seat:
            guest["checkedInAt"] = clock.rfc3339(seat["admission"]["at"])
        guests.append(guest)
    for item in revoked(performance_id):
        ticket_id = ticket_id_of(item)
        guests.append({"ticketId": ticket_id, "seatNumber": item["seatNumber"], "revoked": True})
    return sorted(guests, key=lambda guest: (guest["seatNumber"], guest["revoked"], guest["ticketId"]))
