"""Calling a date off: nothing of it is sold any more, and every booking is given back in full.

The catalog says first that the date is called off, so that new traffic stops once processes have forgotten what they
remember. That is no fence: who holds seats or pays for them does not read the catalog. The fence is a seal on every
seat, whether it has an item or not: one conditional write for each, after which no condition of anybody's hold, lock
or confirmation is true. Sold seats are sealed in the transaction that gives their booking back. Nothing is added to
what booking and paying ordinarily write.

A workflow walks over the seats in ranges, a few at a time. It is started just before the catalog is written, and waits
for that: so nothing that dies in between leaves a date called off whose bookings nobody gives back. Each range is safe
to repeat, so recovery is to run it again from zero. `survey` says before how much there is to do, with a code that
stands for it, and afterwards what is left.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, TypedDict, cast

from booking import audit_log, aws, cancellations, catalog, clock, ids, payments, reservations, seats
from booking.audit_log import Action, Actor
from booking.dynamodb import ConditionFailed, Write, attempts, write
from booking.errors import ReservationNotFound, SurveyChanged, TemporarilyUnavailable
from booking.observability import logger
from booking.seats import Seat
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

RANGE_SEATS = 50
"""How many seats one step of the workflow clears: a few seconds, when all of them are sold."""


class Survey(TypedDict):
    """What there is of a performance, and what of it was given back. Points are whole; counts are of reservations."""

    performanceId: str
    cancelled: bool
    startedAt: int | None
    offSale: bool
    seatsTotal: int
    bookings: int
    seats: int
    points: int
    holds: int
    paymentsInFlight: int
    sealed: int
    givenBack: int
    owed: int
    code: str


class Range(TypedDict):
    """Seats of one step, the last included."""

    first: int
    last: int


def survey(performance_id: str, at: int) -> Survey:
    """Read every seat of a performance, which says what was paid for it; change nothing.

    So it costs what reading the hall costs, and takes a second or two for 10,000 tickets. The code stands for the
    bookings that would be given back and for their points: it changes when they do.

    Raises:
        PerformanceNotFound: there is none.

    """
    performance = catalog.read_performance(performance_id)
    taken = [seat for seat in seats.read_all(performance) if seats.is_taken(seat, at)]
    booked = [seat for seat in taken if seat["status"] == "SOLD"]
    held = {(seat["userId"], seat["reservationId"]) for seat in taken if seat["status"] == "HELD"}
    before = [seat for seat in taken if seat["status"] == "CANCELLED" and "soldTo" in seat]
    points: Counter[str] = Counter()
    for seat, price in _priced(booked):
        points[seat["reservationId"]] += price
    owed = payments.count_owed(performance_id, at)
    return {
        "performanceId": performance_id,
        "cancelled": bool(performance.get("cancelled")),
        "startedAt": performance.get("cancelledAt"),
        "offSale": bool(performance.get("offSale")),
        "seatsTotal": performance["seatsTotal"],
        "bookings": len(points),
        "seats": len(booked),
        "points": points.total(),
        "holds": len(held),
        "paymentsInFlight": sum("paymentId" in found for found in reservations.read_many(held)),
        "sealed": sum(seat["status"] == "CANCELLED" for seat in taken),
        "givenBack": max(0, sum(price for _, price in _priced(before)) - owed),
        "owed": owed,
        "code": ids.digest(performance_id, sorted(points.items()))[:6],
    }


def _priced(sold: list[Seat]) -> list[tuple[Seat, int]]:
    prices = reservations.prices_of(sold)
    return [(seat, prices[seat["seatNumber"]]) for seat in sold]


def take_off_sale(performance_id: str, actor: Actor, at: int) -> None:
    """Stop selling a date, so that a survey's code holds; processes learn of it within seconds. Safe to repeat.

    Raises:
        PerformanceNotFound: there is none.

    """
    details = {"before": {"offSale": False}, "after": {"offSale": True}}
    catalog.mark(performance_id, "offSale", at, _entry(performance_id, "PERFORMANCE_OFF_SALE", actor, at, details))
    catalog.sum_up(performance_id.partition(".")[0])


def _entry(performance_id: str, action: Action, actor: Actor, at: int, details: dict[str, Any]) -> Write:
    about: audit_log.About = {"concertId": performance_id.partition(".")[0], "performanceId": performance_id}
    return audit_log.entry(actor, action, [performance_id, at], at, about=about, details=details)


def begin(performance_id: str, code: str, actor: Actor, at: int) -> Survey:
    """Call a date off: start the workflow, and say so in the catalog and in the log. Safe to repeat, also from zero: a
    date that was called off before has only its workflow started again, whatever the code.

    Raises:
        SurveyChanged: the code stands for other bookings than there are now; with the new survey.
        PerformanceNotFound: there is none.
        TemporarilyUnavailable: the date is called off and its workflow runs, or neither.

    """
    found = survey(performance_id, at)
    if not found["cancelled"] and found["code"] != code:
        now_is: dict[str, Any] = {**survey_view(found, at)}
        raise SurveyChanged(surveyCode=now_is.pop("code"), **now_is)
    walk = {"performanceId": performance_id, "ranges": ranges(found["seatsTotal"])}
    aws.start_execution(settings().calling_off_workflow_arn, f"{ids.digest(performance_id)}-{at}", walk)
    if not found["cancelled"]:
        details = {"reservations": found["bookings"], "seats": found["seats"], "amount": found["points"]}
        entry = _entry(performance_id, "PERFORMANCE_CALLED_OFF", actor, at, details)
        catalog.mark(performance_id, "cancelled", at, entry)
        found["cancelled"], found["startedAt"] = True, at
    catalog.sum_up(performance_id.partition(".")[0])
    return found


def survey_view(found: Survey, at: int) -> "views.DateSurvey":
    """Show an organiser what calling a date off would give back."""
    return {
        "performanceId": found["performanceId"],
        "reservations": found["bookings"],
        "seats": found["seats"],
        "amount": found["points"],
        "holds": found["holds"],
        "paymentsInFlight": found["paymentsInFlight"],
        "offSale": found["offSale"],
        "calledOff": found["cancelled"],
        "code": found["code"],
        "asOf": clock.rfc3339(at),
    }


def progress_view(found: Survey, at: int) -> "views.CallingOff":
    """Show an organiser how far calling a date off is: DONE when every seat is closed and nothing is owed any more."""
    over = found["sealed"] == found["seatsTotal"] and not found["owed"]
    started_at = found["startedAt"]
    return {
        "performanceId": found["performanceId"],
        "status": ("DONE" if over else "RUNNING") if found["cancelled"] else "NONE",
        "startedAt": clock.rfc3339(started_at) if started_at is not None else None,
        "reservations": found["bookings"],
        "left": found["points"] + found["owed"],
        "refunded": found["givenBack"],
        "seats": found["sealed"],
        "seatsTotal": found["seatsTotal"],
        "asOf": clock.rfc3339(at),
    }


def ranges(seats_total: int) -> list[Range]:
    """Divide the seats of a performance into the steps of the workflow."""
    firsts = range(1, seats_total + 1, RANGE_SEATS)
    return [{"first": first, "last": min(first + RANGE_SEATS - 1, seats_total)} for first in firsts]


def clear(performance_id: str, part: Range, at: int) -> dict[str, int]:
    """Seal these seats, and give back the bookings that have sold ones. Safe to repeat, and beside itself.

    A booking with seats in several ranges is given back whole by the first that comes to it.

    Raises:
        NotCleared: names the seats that could not be sealed or given back; the others are done. Or the date is not
            called off, also not after seconds; nothing was done.

    """
    if not any(catalog.read_performance(performance_id).get("cancelled") for _ in attempts()):
        raise NotCleared(f"{performance_id} was not called off")
    given: dict[str, int] = {}
    failed: dict[str, list[int]] = defaultdict(list)
    for number in range(part["first"], part["last"] + 1):
        try:
            _clear(performance_id, number, at, given)
        except (TemporarilyUnavailable, ReservationNotFound) as error:
            logger.exception("a seat could not be cleared", performanceId=performance_id, seatNumber=number)
            failed[error.code].append(number)
    if failed:
        raise NotCleared(f"{performance_id}: {dict(failed)}")
    return {"seats": part["last"] - part["first"] + 1, "bookings": len(given), "points": sum(given.values())}


class NotCleared(RuntimeError):
    """Some seats of a range are not sealed, or not given back yet; running the range again goes on from there."""


def _clear(performance_id: str, seat_number: int, at: int, given: dict[str, int]) -> None:
    """Seal one seat. The seal itself tells whether the seat is sold: it is refused, with the seat as it is."""
    for _ in attempts():
        try:
            write(seats.seal(performance_id, seat_number))
        except ConditionFailed as refused:
            seat = cast(Seat, refused.item)
            holder = seat.get("soldTo", seat["reservationId"])
            if holder != seats.SEALED and holder not in given:
                given[holder] = cancellations.call_off(seat["userId"], holder, at)
            if seat["status"] == "CANCELLED":
                return
        else:
            return
    raise TemporarilyUnavailable


def add_up(performance_id: str, results: list[dict[str, Any]]) -> dict[str, int]:
    """Add up what the steps of a workflow have done.

    Raises:
        NotCleared: names the ranges whose steps failed for good; the others are done.

    """
    failed = [f"{each['range']['first']} to {each['range']['last']}" for each in results if "error" in each]
    if failed:
        raise NotCleared(f"{performance_id}: seats {', '.join(failed)}; run it again")
    return {name: sum(each["cleared"][name] for each in results) for name in ("seats", "bookings", "points")}
