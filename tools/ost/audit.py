"""`./ost audit`: read a stack's tables and report everything in them that must never be.

Read-only. The rules are pure (`check`), so the tests hold the same rules over every scenario that they can think of. A
stack in use changes while it is read, so what looks wrong is read again after a pause: only what is wrong both times is
reported.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import ClientError
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from booking import limits, signatures, tickets
from booking.catalog import summed_up
from booking.dynamodb import decode
from booking.halls import partition
from booking.layout import Section
from booking.seats import COUNTS
from tools.ost.console import err, figures, out
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

type Item = Mapping[str, Any]

WORKFLOW_SECONDS = 240
"""The payment workflow's time budget, as in statemachines/payment.asl.json."""
SWEEP_SECONDS = 180
"""Within this after the workflow's budget the sweep has ended whatever was left behind."""
BALANCE_LIMIT = 10_000_000
"""What no charge may lift a balance over, as in booking/points.py; a refund may."""
KEY_LIFE_SECONDS = 7 * 86_400 - 60
"""How long the guard of a request is there for certain: its life, as in booking/points.py, less a minute."""
REVOKED = "revoked#"
"""What the entry of a revoked ticket begins with, as in booking/check_ins.py."""
OPEN_SHARDS = 8
"""Parts of the index of open payments, as in booking/payments.py."""
SETTLE_PAUSE_SECONDS = 5.0
"""How long a finding must last to be one."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that must never be: which rule it breaks, what is wrong, and the ids to look at."""

    rule: str
    detail: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Books:
    """Every item of the tables that the rules are about."""

    seats: list[Item] = field(default_factory=list)
    reservations: list[Item] = field(default_factory=list)
    points: list[Item] = field(default_factory=list)
    queue: list[Item] = field(default_factory=list)
    payments: list[Item] = field(default_factory=list)
    check_ins: list[Item] = field(default_factory=list)
    limits: list[Item] = field(default_factory=list)
    performances: list[Item] = field(default_factory=list)
    concerts: list[Item] = field(default_factory=list)
    layouts: list[Item] = field(default_factory=list)

    @classmethod
    def of(cls, tables: Mapping[str, list[Item]]) -> "Books":
        """Sort what is in the tables: a user's limits lie beside their reservations."""
        counted = [item for item in tables["reservations"] if limits.performance_of(item)]
        booked = [item for item in tables["reservations"] if not limits.performance_of(item)]
        seats = [item for item in tables.get("seats", []) if not item["performanceId"].startswith(COUNTS)]
        placed = [{**item, "performanceId": item["performanceId"].partition("#")[0]} for item in seats]
        dates = [item for item in tables.get("catalog", []) if "startsAt" in item]
        concerts = [item for item in tables.get("catalog", []) if item["pk"] == "CONCERT"]
        drawn = [item for item in tables.get("catalog", []) if "layout" in item]
        sorted_out: dict[str, Any] = {
            "seats": placed,
            "reservations": booked,
            "limits": counted,
            "performances": dates,
            "concerts": concerts,
            "layouts": drawn,
        }
        return cls(**{name: items for name, items in tables.items() if name != "catalog"} | sorted_out)


AGGREGATES = ("payments", "seats", "check_ins", "reservations", "points", "queue", "catalog")
"""Payments first: what they point to is written with them or before them, so a later read finds it. So are the scans
that seats point to, and the cancellations in reservations that a revoked ticket is of."""


@dataclass(frozen=True)
class Limits:
    """The stack's parameters that the rules need; None leaves a rule out."""

    queue_capacity: int | None = None
    max_seats_per_user: int | None = None
    public_keys: Mapping[str, str] = field(default_factory=dict)
    """The keys that signed tickets, by id. What another key says to have signed is not judged: keys are rotated."""


def check(books: Books, at: int, limits: Limits | None = None) -> list[Violation]:
    """Return every violation in the books at a time (epoch seconds), sorted."""
    limits = limits or Limits()
    found: list[Violation] = []
    found += _seats(books, at, limits)
    found += _reservations(books, at)
    found += _called_off(books)
    found += _summed_up(books)
    found += _limits(books, at)
    found += _prices(books)
    found += _halls(books)
    found += _admissions(books, limits.public_keys)
    found += _revoked(books)
    found += _payments(books, at)
    found += _ledgers(books, at)
    found += _queues(books, at, limits)
    return sorted(set(found))


def _is_open(payment: Item) -> bool:
    return payment["status"] in {"PENDING", "UNDOING"}


def _seat_id(seat: Item) -> str:
    return f"{seat['performanceId']}/{seat['seatNumber']}"


def _deadline(reservation: Item) -> int:
    return max(int(reservation["expiresAt"]), int(reservation.get("lockedUntil", 0)))


def _lives(reservation: Item, at: int) -> bool:
    status = reservation["status"]
    return bool(status == "CONFIRMED" or (status == "HELD" and _deadline(reservation) > at))


def _seats(books: Books, at: int, limits: Limits) -> Iterator[Violation]:
    reservations = {item["reservationId"]: item for item in books.reservations}
    completed = Counter(item["reservationId"] for item in books.payments if item["status"] == "COMPLETED")
    open_for = {item["reservationId"] for item in books.payments if _is_open(item)}
    taken: Counter[tuple[str, str]] = Counter()
    for seat in books.seats:
        sold, holder = seat["status"] == "SOLD", seat["reservationId"]
        ids = (_seat_id(seat), holder)
        if seat["status"] == "CANCELLED":
            continue
        reservation = reservations.get(holder)
        if sold or seat["expiresAt"] > at:
            taken[seat["userId"], seat["performanceId"]] += 1
        if reservation is None:
            yield Violation("seat-without-reservation", "the seat's reservation does not exist", ids)
            continue
        if (
            seat["seatNumber"] not in reservation["seatNumbers"]
            or (reservation["performanceId"], reservation["userId"]) != (seat["performanceId"], seat["userId"])
        ):  # fmt: skip
            yield Violation("seat-of-another", "the seat's reservation is for other seats or of another user", ids)
        if sold and completed[holder] != 1:
            detail = f"the seat is SOLD with {completed[holder]} completed payments"
            yield Violation("sold-without-one-payment", detail, ids)
        if sold and "expiresAt" in seat:
            yield Violation(
                "sold-seat-expires", "the seat is SOLD and still carries its deadline, which deletes it", ids
            )
        if sold and (reservation["status"] != "CONFIRMED" or seat["seatNumber"] in _cancelled(reservation)):
            detail = f"the seat is SOLD and its reservation is {reservation['status']}"
            yield Violation("sold-without-confirmation", detail, ids)
        if not sold and seat["expiresAt"] != reservation["expiresAt"] and holder not in open_for:
            blocks = " and still blocks" if seat["expiresAt"] > at >= reservation["expiresAt"] else ""
            detail = f"the hold's deadline was moved{blocks}, and no payment is open"
            yield Violation("deadline-moved", detail, ids)
        if not sold and seat["expiresAt"] > at and reservation["status"] != "HELD":
            detail = f"the seat is held for a reservation that is {reservation['status']}"
            yield Violation("held-for-nothing", detail, ids)
    limit = limits.max_seats_per_user
    for (user, performance), count in taken.items():
        if limit is not None and count > limit:
            yield Violation("seat-limit", f"the user has {count} seats, more than {limit}", (user, performance))


def _reservations(books: Books, at: int) -> Iterator[Violation]:
    seats = {(item["performanceId"], item["seatNumber"]): item for item in books.seats}
    payments = {item["paymentId"]: item for item in books.payments}
    owners: dict[tuple[str, int], list[str]] = defaultdict(list)
    for reservation in books.reservations:
        name, status = reservation["reservationId"], reservation["status"]
        living = _lives(reservation, at)
        for number in _left(reservation):
            place = (reservation["performanceId"], number)
            seat = seats.get(place)
            if living:
                owners[place].append(name)
            wanted = "SOLD" if status == "CONFIRMED" else "HELD"
            if living and status == "HELD" and seat is not None and seat["status"] == "CANCELLED":
                continue  # the date was called off: the hold ends by itself, and its payment undoes itself
            if living and (seat is None or (seat["reservationId"], seat["status"]) != (name, wanted)):
                detail = f"the reservation is {status} but the seat is not {wanted} to it"
                yield Violation("reservation-without-seat", detail, (name, f"{place[0]}/{number}"))
        payment = payments.get(reservation.get("paymentId", ""))
        if "paymentId" in reservation and payment is None:
            yield Violation(
                "payment-missing",
                "the reservation names a payment that does not exist",
                (name, reservation["paymentId"]),
            )
        if status == "HELD" and payment is not None and payment["status"] != "PENDING":
            detail = f"the hold is locked for a payment that is {payment['status']}"
            yield Violation("locked-for-nothing", detail, (name, payment["paymentId"]))
        if status == "CONFIRMED" and (payment is None or payment["status"] != "COMPLETED"):
            detail = "the reservation is CONFIRMED without its completed payment"
            yield Violation("confirmed-without-payment", detail, (name,))
        if status != "HELD" and "lockedUntil" in reservation:
            yield Violation("lock-left", f"the reservation is {status} and still locked", (name,))
    for (performance, number), names in owners.items():
        if len(names) > 1:
            yield Violation("two-owners", f"seat {performance}/{number} has two owners", tuple(sorted(names)))


def _called_off(books: Books) -> Iterator[Violation]:
    """A date that was called off has every seat closed for good and no booking; no other date has such seats."""
    closed: dict[str, set[int]] = defaultdict(set)
    for seat in books.seats:
        if seat["status"] == "CANCELLED":
            closed[seat["performanceId"]].add(seat["seatNumber"])
            if "expiresAt" in seat:
                detail = "the seat is closed for good and carries a deadline, which deletes it"
                yield Violation("closed-seat-expires", detail, (_seat_id(seat),))
    called_off = {}
    for performance in books.performances:
        name = f"{performance['pk']}.{performance['sk']}"
        if performance.get("cancelled"):
            called_off[name] = performance
            if still := performance["seatsTotal"] - len(closed[name]):
                yield Violation("called-off-but-open", f"{still} seats of the date are not closed", (name,))
        elif closed[name]:
            detail = f"{len(closed[name])} seats are closed for good, and the date was not called off"
            yield Violation("closed-but-on", detail, (name,))
    for reservation in books.reservations:
        if reservation["status"] == "CONFIRMED" and reservation["performanceId"] in called_off:
            detail = "the date was called off and the booking was not given back"
            yield Violation(
                "called-off-but-booked", detail, (reservation["performanceId"], reservation["reservationId"])
            )


def _summed_up(books: Books) -> Iterator[Violation]:
    """What a concert says of its dates in a list is what its dates are; older concerts say nothing of them."""
    dates: dict[str, list[Item]] = defaultdict(list)
    for performance in books.performances:
        dates[performance["pk"]].append(performance)
    for concert in books.concerts:
        if "dates" in concert and concert["dates"] != summed_up(dates[concert["sk"]])["dates"]:
            detail = "the concert says other dates than it has, or counts one that was called off or is off sale"
            yield Violation("other-dates-shown", detail, (concert["sk"],))


def _limits(books: Books, at: int) -> Iterator[Violation]:
    """What a user's limit counts is what they have: nothing is missing from it, and nothing in it is over."""
    reservations = {item["reservationId"]: item for item in books.reservations}
    counted = {}
    for limit in books.limits:
        owner = (limit["userId"], limits.performance_of(limit))
        for name, kept in limit["holds"].items():
            counted[name] = (owner, kept["seats"])
            reservation = reservations.get(name)
            if reservation is None or reservation["status"] not in {"HELD", "CONFIRMED"}:
                detail = f"the limit counts a reservation that is {reservation['status'] if reservation else 'missing'}"
                yield Violation("counted-for-nothing", detail, (owner[0], name))
    for name, reservation in reservations.items():
        has = ((reservation["userId"], reservation["performanceId"]), _left(reservation))
        if _lives(reservation, at) and counted.get(name) != has:
            detail = f"the reservation is {reservation['status']} and the user's limit does not count its seats"
            yield Violation("not-counted", detail, (reservation["userId"], name))


def _prices(books: Books) -> Iterator[Violation]:
    """A seat says what its reservation says that it costs; older seats say nothing."""
    reservations = {item["reservationId"]: item for item in books.reservations}
    for seat in books.seats:
        reservation = reservations.get(seat["reservationId"])
        if reservation is not None and "price" in seat:
            price = _price_of(reservation, seat["seatNumber"])
            if seat["price"] != price:
                ids = (_seat_id(seat), seat["reservationId"])
                yield Violation("at-another-price", f"the seat says {seat['price']}, its reservation {price}", ids)


def _halls(books: Books) -> Iterator[Violation]:
    """A reservation in a hall has the hall's seats, as they are printed on the chairs, and is paid seat by seat."""
    dates = {f"{item['pk']}.{item['sk']}": item for item in books.performances if "hallVersion" in item}
    chairs: dict[str, dict[int, tuple[str, str, str]]] = defaultdict(dict)
    for item in books.layouts:
        for seat in Section.read(item["layout"]).seats:
            chairs[item["pk"]][seat["seatNumber"]] = (seat["row"], seat["label"], seat["gradeId"])
    for reservation in books.reservations:
        ids = (reservation["userId"], reservation["reservationId"])
        if "seats" in reservation:
            shown = {seat["seatNumber"]: seat for seat in reservation["seats"]}
            if sorted(shown) != reservation["seatNumbers"]:
                yield Violation("other-seats-shown", "the reservation shows other seats than it holds", ids)
            if sum(seat["price"] for seat in shown.values()) != reservation["amount"]:
                yield Violation("prices-do-not-add-up", "the reservation's amount is not the sum of its prices", ids)
            hall = chairs.get(partition(dates.get(reservation["performanceId"], {}).get("hallVersion", "")))
            for number, seat in shown.items():
                if hall is not None and hall.get(number) != (seat["row"], seat["label"], seat["gradeId"]):
                    detail = f"seat {number} is not what the reservation says of it: {_named(seat)}"
                    yield Violation("not-the-halls-seat", detail, ids)


def _named(seat: Item) -> str:
    return f"row {seat['row']}, seat {seat['label']}, {seat['gradeId']}"


def _admissions(books: Books, public_keys: Mapping[str, str]) -> Iterator[Violation]:
    """Who was admitted showed the seat's own ticket, in a scan that is recorded; and had paid for the seat.

    A date can be called off when guests are in already; its seats then say whose they were.
    """
    scans = {(item["performanceId"], item["entry"]): item for item in books.check_ins}
    reservations = {item["reservationId"]: item for item in books.reservations}
    for seat in books.seats:
        if (admission := seat.get("admission")) is None:
            continue
        holder = seat.get("soldTo", seat["reservationId"])
        ids = (_seat_id(seat), holder, admission["entry"])
        reservation = reservations.get(holder, {})
        paid = reservation.get("status") == "CONFIRMED" and seat["seatNumber"] in _left(reservation)
        if seat["status"] == "HELD" or (seat["status"] == "SOLD" and not paid):
            detail = f"somebody was admitted to the seat, which is {seat['status']}, and no seat of a booking"
            yield Violation("admitted-without-booking", detail, ids)
        scan = scans.get((seat["performanceId"], admission["entry"]))
        if scan is None or any(scan[name] != admission[name] for name in ("deviceId", "at")):
            yield Violation("admitted-without-scan", "the seat's admission is of a scan that is not recorded", ids)
            continue
        said = tickets.what_is_said(scan["code"])
        if said is None or said.ticket != tickets.ticket_of(seat["performanceId"], seat["seatNumber"], holder):
            detail = "the scan that admitted somebody to the seat is not of the seat's ticket"
            yield Violation("admitted-by-another-ticket", detail, ids)
        elif said.key_id in public_keys and tickets.read_code(scan["code"], public_keys) is None:
            yield Violation("admitted-by-forgery", "the code that admitted somebody is not signed by its key", ids)


def _revoked(books: Books) -> Iterator[Violation]:
    """The tickets that doors are told to be good no more are those of the seats that were cancelled, and no others."""
    revoked = {
        (item["performanceId"], item["entry"].removeprefix(REVOKED)): item
        for item in books.check_ins
        if item["entry"].startswith(REVOKED)
    }
    unexplained = set(revoked)
    for seat in books.seats:
        performance, number, holder = seat["performanceId"], seat["seatNumber"], seat["reservationId"]
        ticket = (performance, tickets.ticket_of(performance, number, holder).ticket_id)
        if seat["status"] == "SOLD" and ticket in revoked:
            detail = "doors are told that the ticket is good no more, and its seat is sold"
            yield Violation("revoked-but-good", detail, (_seat_id(seat), holder, ticket[1]))
            unexplained.discard(ticket)
    for payment in books.payments:
        performance, holder = payment["performanceId"], payment["reservationId"]
        for name, cancellation in payment.get("cancellations", {}).items():
            ids = (performance, holder, name)
            gone = [tickets.ticket_of(performance, number, holder) for number in cancellation["seatNumbers"]]
            names = {(performance, ticket.ticket_id) for ticket in gone}
            unexplained -= names
            told = [revoked[ticket] for ticket in names if ticket in revoked]
            if cancellation["status"] == "COMPLETED" and len(told) < len(names):
                detail = f"{len(names)} seats were cancelled, and doors are told of {len(told)}"
                yield Violation("cancelled-but-not-revoked", detail, ids)
            shares = [sum(item.get(sum_of, 0) for item in told) for sum_of in ("price", "refund")]
            whole = [cancellation["fee"] + cancellation["refund"], cancellation["refund"]]
            if len(told) == len(names) and all("refund" in item for item in told) and shares != whole:
                detail = f"the cancelled seats say {shares} of price and refund, the cancellation {whole}"
                yield Violation("revoked-for-another-sum", detail, ids)
    for ticket in unexplained:
        yield Violation("revoked-for-nothing", "doors are told that a ticket is good no more, of no seat", ticket)


def _payments(books: Books, at: int) -> Iterator[Violation]:
    reservations = {item["reservationId"]: item for item in books.reservations}
    entries = _entries_of_payments(books)
    tokens = {(item["pk"], item["sk"]): item for item in books.queue}
    for payment in books.payments:
        name, status = payment["paymentId"], payment["status"]
        taken, given = (entries.get((name, kind), []) for kind in ("PAYMENT", "REFUND"))
        if status == "COMPLETED":
            yield from _completed(payment, reservations.get(payment["reservationId"]), taken, given)
            turn = _token_of(payment, tokens)
            if turn is not None and turn["status"] in {"WAITING", "ACTIVE"} and turn["expiresAt"] > at:
                detail = "the payment is COMPLETED and its queue token still counts"
                yield Violation("turn-not-finished", detail, (name, payment["userId"]))
        elif status == "FAILED":
            yield from _failed(payment, taken, given)
        yield from _belongs(payment, reservations.get(payment["reservationId"]), [*taken, *given])
        yield from _listing(payment, at)


def _completed(payment: Item, reservation: Item | None, taken: list[Item], given: list[Item]) -> Iterator[Violation]:
    ids = (payment["paymentId"], payment["reservationId"])
    booked = reservation is not None and reservation["status"] in {"CONFIRMED", "CANCELLED"}
    if reservation is None or not booked or reservation.get("paymentId") != ids[0]:
        yield Violation("paid-without-reservation", "the payment is COMPLETED, its reservation not its own", ids)
    if [entry["amount"] for entry in taken] != [-payment["amount"]]:
        detail = f"the payment is COMPLETED with {len(taken)} PAYMENT entries, not one of its amount"
        yield Violation("paid-without-points", detail, ids)
    yield from _given_back(payment, reservation, given)


def _given_back(payment: Item, reservation: Item | None, given: list[Item]) -> Iterator[Violation]:
    """What was given back of a payment is what its cancellations say, each once; and they are of its seats, each once.

    A payment that was completed before there were cancellations carries nothing of them.
    """
    ids = (payment["paymentId"], payment["reservationId"])
    cancellations = payment.get("cancellations", {})
    done = [each["refund"] for each in cancellations.values() if each["status"] == "COMPLETED" and each["refund"]]
    owed = [each["refund"] for each in cancellations.values() if each["status"] == "REFUNDING"]
    entries = [entry["amount"] for entry in given]
    if (Counter(done) - Counter(entries)) or (Counter(entries) - Counter(done) - Counter(owed)):
        detail = f"the payment gave back {sorted(entries)}, its cancellations say {sorted(done)}"
        yield Violation("refunded-though-paid", detail, ids)
    if payment.get("refunding", 0) != len(owed):
        yield Violation("debt-uncounted", f"the payment counts {payment.get('refunding', 0)} debts of {len(owed)}", ids)
    if reservation is None:
        return
    seats = [number for each in cancellations.values() for number in each["seatNumbers"]]
    sums = {name: sum(each[name] for each in cancellations.values()) for name in ("fee", "refund")}
    cost = sum(_price_of(reservation, number) for number in seats)
    if sorted(seats) != sorted(_cancelled(reservation)) or (reservation["status"] == "CANCELLED") == bool(
        _left(reservation)
    ):
        detail = f"the reservation has {sorted(_cancelled(reservation))} cancelled, the payment {sorted(seats)}"
        yield Violation("cancelled-otherwise", detail, ids)
    if (
        sums["fee"] + sums["refund"] != cost
        or payment.get("refunded", 0) != sums["refund"]
        or reservation.get("refunded", 0) != sums["refund"]
        or payment.get("refundable", payment["amount"]) != payment["amount"] - cost
    ):
        yield Violation("kept-and-given-differ", "fees and refunds do not make what the cancelled seats cost", ids)


def _price_of(reservation: Item, seat_number: int) -> int:
    """Return what a seat of a reservation cost; where no prices are kept by seat, all cost the same."""
    each = reservation["amount"] // len(reservation["seatNumbers"])
    graded = {seat["seatNumber"]: seat["price"] for seat in reservation.get("seats", [])}
    return int(graded.get(seat_number, each))


def _cancelled(reservation: Item) -> list[int]:
    numbers: list[int] = reservation.get("cancelledSeatNumbers", [])
    return numbers


def _left(reservation: Item) -> list[int]:
    return [number for number in reservation["seatNumbers"] if number not in _cancelled(reservation)]


def _belongs(payment: Item, reservation: Item | None, entries: list[Item]) -> Iterator[Violation]:
    """A payment is of one reservation and one wallet: its owner's, for the price that was held."""
    ids = (payment["paymentId"], payment["reservationId"])
    if reservation is not None and reservation["userId"] != payment["userId"]:
        yield Violation("payment-of-another", "the payment is not of its reservation's owner", ids)
    if reservation is not None and reservation["amount"] != payment["amount"]:
        detail = f"the payment is of {payment['amount']}, its reservation of {reservation['amount']}"
        yield Violation("wrong-amount", detail, ids)
    for entry in entries:
        if entry["userId"] != payment["userId"]:
            detail = f"a {entry['type']} entry of the payment is in another's wallet"
            yield Violation("wallet-of-another", detail, (*ids, entry["userId"]))


def _failed(payment: Item, taken: list[Item], given: list[Item]) -> Iterator[Violation]:
    ids = (payment["paymentId"], payment["reservationId"])
    if len(taken) != len(given):
        detail = f"the payment has FAILED with {len(taken)} PAYMENT and {len(given)} REFUND entries"
        yield Violation("points-not-given-back", detail, ids)
    if payment["failure"]["refunded"] != bool(given):
        yield Violation("untrue-failure", "the payment's failure says the wrong thing about a refund", ids)


def _listing(payment: Item, at: int) -> Iterator[Violation]:
    status, ids = payment["status"], (payment["paymentId"], payment["reservationId"])
    if _is_open(payment) or payment.get("refunding"):
        if payment.get("openSince", at) < at - WORKFLOW_SECONDS - SWEEP_SECONDS:
            yield Violation("open-too-long", f"the payment is {status} since {payment['openSince']}", ids)
        if "openShard" not in payment or "openSince" not in payment or payment["openShard"] not in _SHARDS:
            yield Violation("open-unlisted", f"the payment is {status} where the sweep cannot find it", ids)
    elif "openShard" in payment:
        yield Violation("ended-but-listed", f"the payment is {status} and still listed as open", ids)


_SHARDS = {f"OPEN#{shard}" for shard in range(OPEN_SHARDS)}


def _token_of(payment: Item, tokens: Mapping[tuple[str, str], Item]) -> Item | None:
    number = payment["turn"]
    return tokens.get((f"{payment['concertId']}#TOKENS#{number // 500}", f"{number:010d}"))


def _entries_of_payments(books: Books) -> dict[tuple[str, str], list[Item]]:
    entries: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in books.points:
        if item["sk"].startswith("ENTRY#") and "paymentId" in item:
            entries[item["paymentId"], item["type"]].append(item)
    return entries


def _ledgers(books: Books, at: int) -> Iterator[Violation]:
    ledgers: dict[str, list[Item]] = defaultdict(list)
    guards: dict[tuple[str, str], Item] = {}
    for item in books.points:
        if item["sk"].startswith("ENTRY#"):
            ledgers[item["userId"]].append(item)
        else:
            guards[item["userId"], item["sk"]] = item
    for user, entries in ledgers.items():
        entries.sort(key=lambda item: str(item["sk"]))
        yield from _chain(user, entries)
    yield from _guards(ledgers, guards, at)
    payments = {item["paymentId"]: item for item in books.payments}
    entries_of = _entries_of_payments(books)
    for (name, kind), entries in entries_of.items():
        ids = (entries[0]["userId"], name)
        if len(entries) > 1 and (kind == "PAYMENT" or payments.get(name, {}).get("status") != "COMPLETED"):
            yield Violation("twice", f"the payment has {len(entries)} {kind} entries", ids)
        if name not in payments:
            yield Violation("entry-without-payment", f"a {kind} entry names a payment that does not exist", ids)
        taken = entries_of.get((name, "PAYMENT"), [])
        back = sum(entry["amount"] for entry in entries)
        whole = payments.get(name, {}).get("status") != "COMPLETED"
        price = -sum(entry["amount"] for entry in taken)
        if kind == "REFUND" and (back > price or (whole and back != price)):
            yield Violation("wrong-refund", "the refund is not what the payment took", ids)
    for payment in books.payments:
        undone = {step["name"] for step in payment["steps"]} & {"RefundPoints", "UndoPoints"}
        if undone and (payment["userId"], f"KEY#PAYMENT#{payment['paymentId']}") not in guards:
            detail = (
                "the payment was undone with neither a debit nor a bar to one, so a late debit can still take points"
            )
            yield Violation("undone-but-open", detail, (payment["userId"], payment["paymentId"]))


def _guards(ledgers: Mapping[str, list[Item]], guards: Mapping[tuple[str, str], Item], at: int) -> Iterator[Violation]:
    """Each entry has the guard that lets its request write no other, and each guard has its entry.

    A guard of a request is forgotten after its life; until then, and for ever where it is a payment's, it is there.
    """
    written = {(user, entry["entryId"]): entry for user, entries in ledgers.items() for entry in entries}
    guarded = {(user, guard["entryId"]) for (user, _), guard in guards.items() if "entryId" in guard}
    for (user, sk), guard in guards.items():
        entry = written.get((user, guard.get("entryId", "")))
        if (
            "void" not in guard
            and not sk.startswith("KEY#CANCEL#")
            and (entry is None or any(entry[each] != guard[each] for each in _REMEMBERED))
        ):
            yield Violation("guard-without-entry", "a guard stands for an entry that is not in the ledger", (user, sk))
        if "purgeAt" in guard and not sk.startswith(("KEY#REQUEST#", "KEY#CANCEL#")):
            yield Violation("kept-but-expires", "the guard is kept for ever and carries a deadline", (user, sk))
    for (user, entry_id), entry in written.items():
        ids = (user, entry_id)
        if ids not in guarded and ("paymentId" in entry or entry["at"] > at - KEY_LIFE_SECONDS):
            detail = f"a {entry['type']} entry has no guard, so it is written twice or can be written again"
            yield Violation("entry-without-guard", detail, ids)
        if "purgeAt" in entry:
            yield Violation("kept-but-expires", "the entry is kept for ever and carries a deadline", ids)


_REMEMBERED = ("type", "amount", "balanceAfter", "at")


def _chain(user: str, entries: Iterable[Item]) -> Iterator[Violation]:
    balance, sequence, names = 0, 0, set()
    for entry in entries:
        ids = (user, entry["entryId"])
        if entry["entryId"] in names:
            yield Violation("one-name-twice", "two entries of the ledger have the same id", ids)
        names.add(entry["entryId"])
        balance, sequence = balance + entry["amount"], sequence + 1
        if int(entry["sk"].removeprefix("ENTRY#")) != sequence:
            yield Violation("ledger-gap", f"entry {entry['sk']} stands where number {sequence} should", ids)
        if entry["balanceAfter"] != balance:
            detail = f"balanceAfter is {entry['balanceAfter']}, the sum of the entries is {balance}"
            yield Violation("balance-does-not-follow", detail, ids)
            balance = entry["balanceAfter"]
        if entry["balanceAfter"] < 0:
            yield Violation("negative-balance", f"the balance went to {entry['balanceAfter']}", ids)
        if entry["type"] == "CHARGE" and entry["balanceAfter"] > BALANCE_LIMIT:
            yield Violation("over-the-limit", f"a charge lifted the balance to {entry['balanceAfter']}", ids)
        if (entry["amount"] > 0) != (entry["type"] in {"CHARGE", "REFUND"}):
            yield Violation("wrong-sign", f"a {entry['type']} of {entry['amount']}", ids)


def _queues(books: Books, at: int, limits: Limits) -> Iterator[Violation]:
    queues = {item["pk"]: item for item in books.queue if item["sk"] == "QUEUE"}
    active: Counter[str] = Counter()
    for token in books.queue:
        if "#TOKENS#" in token["pk"] and token["status"] == "ACTIVE" and token["expiresAt"] > at:
            concert = token["pk"].split("#", 1)[0]
            active[concert] += 1
            if token["number"] > queues.get(concert, {}).get("admitted", 0):
                yield Violation("active-beyond-cursor", "a token is ACTIVE that was not let in", (concert, token["sk"]))
    for concert, count in active.items():
        capacity = queues.get(concert, {}).get("capacity", limits.queue_capacity)
        if capacity is not None and count > capacity:
            yield Violation("over-capacity", f"{count} tokens are ACTIVE, more than {capacity}", (concert,))


def read(client: "DynamoDBClient", tables: Mapping[str, str], progress: Progress | None = None) -> Books:
    """Read all tables, page after page, with strongly consistent reads."""
    books: dict[str, list[Item]] = {}
    for aggregate in AGGREGATES:
        task = progress.add_task(aggregate, total=None) if progress else None
        items = books.setdefault(aggregate, [])
        pages = client.get_paginator("scan").paginate(TableName=tables[aggregate], ConsistentRead=True)
        for page in pages:
            items += [item for raw in page["Items"] if (item := decode(raw))]
            if progress and task is not None:
                progress.update(task, completed=len(items))
        if progress and task is not None:
            progress.update(task, total=len(items), completed=len(items))
    return Books.of(books)


def find(stack: Stack, limits: Limits | None = None, progress: Progress | None = None) -> tuple[list[Violation], int]:
    """Return the violations in a stack that last, and the number of items that were read."""
    client = stack.dynamodb
    tables = {aggregate: stack.table(aggregate) for aggregate in AGGREGATES}
    books = read(client, tables, progress)
    count = sum(len(getattr(books, aggregate)) for aggregate in vars(books))
    violations = check(books, int(time.time()), limits)
    if violations:
        if progress:
            progress.add_task(f"{len(violations)} to look at again", total=None)
        time.sleep(SETTLE_PAUSE_SECONDS)
        again = check(read(client, tables), int(time.time()), limits)
        violations = lasting(violations, again)
    return violations, count


def public_keys(stack: Stack) -> dict[str, str]:
    """Return the public keys that belong to the stack's secret, by id; none when it may not be read."""
    secrets: SecretsManagerClient = stack.client("secretsmanager")
    found = {}
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        try:
            answer = secrets.get_secret_value(SecretId=stack.outputs["SigningKeySecretArn"], VersionStage=stage)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceNotFoundException", "AccessDeniedException"}:
                raise
        else:
            found[answer["VersionId"]] = answer["SecretString"]
    return signatures.public_keys_of(found)


def lasting(before: Iterable[Violation], after: Iterable[Violation]) -> list[Violation]:
    """Return what is wrong in both looks, as the later has it: the same rule on the same ids, whatever the details."""
    seen = {(violation.rule, violation.ids) for violation in before}
    return sorted(violation for violation in after if (violation.rule, violation.ids) in seen)


def audit(
    stack: StackOption = None,
    state: StateOption = STATE,
    capacity: Annotated[
        int | None, typer.Option(help="Parameter QueueCapacity of the stack; checked for queues without their own.")
    ] = None,
    max_seats: Annotated[int | None, typer.Option(help="Parameter MaxSeatsPerUser of the stack.")] = None,
) -> None:
    """Read all tables of a stack, change nothing, and report every violation. Exit status 1 when there is any."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        found = Stack.find(stack, state)
        keys = public_keys(found)
        violations, count = find(found, Limits(capacity, max_seats, keys), progress)
    if not keys:
        out.print("not judged: the signatures of tickets, since the signing key may not be read", highlight=False)
    if not violations:
        out.print(f"clean: {count} items, no violation", highlight=False)
        return
    table = Table("rule", "what is wrong", "look at")
    for each in violations:
        table.add_row(each.rule, each.detail, "\n".join(each.ids))
    figures.print(table)
    out.print(f"{len(violations)} violations in {count} items", highlight=False)
    sys.exit(1)
