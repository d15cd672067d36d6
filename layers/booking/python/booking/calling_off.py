"""Calling a date off: nothing of it is sold any more, and every booking is given back in full.

The catalog says first that the date is called off, so that new traffic stops once processes have forgotten what they
remember. That is no fence: who holds seats or pays for them does not read the catalog. The fence is a seal on every
seat, whether it has an item or not: one conditional write for each, after which no condition of anybody's hold, lock
or confirmation is true. Sold seats are sealed in the transaction that gives their booking back. Nothing is added to
what booking and paying ordinarily write.

A workflow walks over the seats in ranges, a few at a time. Each range is safe to repeat, so recovery is to run it again
from zero. `survey` says before how much there is to do, with a code that stands for it, and afterwards what is left.
"""

import functools
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypedDict, cast

from booking import aws, cancellations, catalog, ids, payments, reservations, seats
from booking.dynamodb import ConditionFailed, attempts, write
from booking.errors import ReservationNotFound, SurveyChanged, TemporarilyUnavailable
from booking.observability import logger
from booking.seats import Seat
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

RANGE_SEATS = 50
"""How many seats one step of the workflow clears: a few seconds, when all of them are sold."""


class Survey(TypedDict):
    """What there is of a performance, and what of it was given back. Points are whole; counts are of reservations."""

    performanceId: str
    cancelled: bool
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


@functools.cache
def _workflow() -> "SFNClient":
    workflow: SFNClient = aws.client("stepfunctions")
    return workflow


def survey(performance_id: str, at: int) -> Survey:
    """Read every seat of a performance and every reservation behind them; change nothing.

    The code stands for the bookings that would be given back and for their points: it changes when they do.

    Raises:
        PerformanceNotFound: there is none.

    """
    performance = catalog.read_performance(performance_id)
    held: set[tuple[str, str]] = set()
    booked: set[tuple[str, str]] = set()
    before: set[tuple[str, str]] = set()
    sold = sealed = 0
    for seat in seats.read_all(performance):
        if seat["status"] == "CANCELLED":
            sealed += 1
            if "soldTo" in seat:
                before.add((seat["userId"], seat["soldTo"]))
        elif seats.is_taken(seat, at):
            sold += seat["status"] == "SOLD"
            (booked if seat["status"] == "SOLD" else held).add((seat["userId"], seat["reservationId"]))
    points = {name: _price_left(user, name) for user, name in sorted(booked)}
    back = [_given_back(user, name) for user, name in before]
    return {
        "performanceId": performance_id,
        "cancelled": bool(performance.get("cancelled")),
        "offSale": bool(performance.get("offSale")),
        "seatsTotal": performance["seatsTotal"],
        "bookings": len(booked),
        "seats": sold,
        "points": sum(points.values()),
        "holds": len(held),
        "paymentsInFlight": sum("paymentId" in reservations.find(user, name) for user, name in held),
        "sealed": sealed,
        "givenBack": sum(given for given, _ in back),
        "owed": sum(owed for _, owed in back),
        "code": ids.digest(performance_id, sorted(points.items()))[:6],
    }


def _price_left(user_id: str, reservation_id: str) -> int:
    reservation = reservations.find(user_id, reservation_id)
    prices = reservations.prices(reservation)
    return sum(prices[number] for number in reservations.seats_left(reservation))


def _given_back(user_id: str, reservation_id: str) -> tuple[int, int]:
    """Return what a booking got back because its date was called off, and what of it is still on its way."""
    payment = payments.read(reservations.find(user_id, reservation_id)["paymentId"])
    item = payment["cancellations"].get(cancellations.called_off_id(reservation_id)) if payment else None
    if item is None:
        return 0, 0
    return (item["refund"], 0) if item["status"] == "COMPLETED" else (0, item["refund"])


def take_off_sale(performance_id: str) -> None:
    """Stop selling a date, so that a survey's code holds; processes learn of it within seconds."""
    catalog.mark(performance_id, "offSale")


def begin(performance_id: str, code: str, at: int) -> Survey:
    """Call a date off: say so in the catalog, and start the workflow. Safe to repeat, also from zero.

    Raises:
        SurveyChanged: the code stands for other bookings than there are now; with the new survey.
        PerformanceNotFound: there is none.

    """
    found = survey(performance_id, at)
    if found["code"] != code:
        raise SurveyChanged(**found)
    catalog.mark(performance_id, "cancelled")
    _workflow().start_execution(
        stateMachineArn=settings().calling_off_workflow_arn,
        name=f"{ids.digest(performance_id)}-{at}",
        input=json.dumps({"performanceId": performance_id, "ranges": ranges(found["seatsTotal"])}),
    )
    return found | {"cancelled": True}


def ranges(seats_total: int) -> list[Range]:
    """Divide the seats of a performance into the steps of the workflow."""
    firsts = range(1, seats_total + 1, RANGE_SEATS)
    return [{"first": first, "last": min(first + RANGE_SEATS - 1, seats_total)} for first in firsts]


def clear(performance_id: str, part: Range, at: int) -> dict[str, int]:
    """Seal these seats, and give back the bookings that have sold ones. Safe to repeat, and beside itself.

    A booking with seats in several ranges is given back whole by the first that comes to it.

    Raises:
        NotCleared: names the seats that could not be sealed or given back; the others are done.

    """
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
