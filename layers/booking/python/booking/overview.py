"""All sales at a glance, for organisers: each concert with its queue, its dates by grade, and what needs attention.

Nothing is counted while fans book and pay: the numbers are read from the seats themselves and from the tickets that
were revoked, which say what a seat cost and what was given back for it. So they are exact as of the moment of reading
(`asOf`), and cost what reading a hall costs; a process remembers them for some seconds. A seat that is being cancelled
at that moment may be missing until its ticket is listed as revoked, an instant later.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

from booking import catalog, check_ins, clock, halls, payments, reservations, sale, seats
from booking.catalog import Concert, Performance
from booking.errors import NoPerformances
from booking.memory import cached
from booking.payments import Payment
from booking.queue import control, items

if TYPE_CHECKING:
    from booking import views

CACHE_SECONDS = 2
"""How old the numbers of a date may be: `asOf` says when they were read."""
SEATS_ON_A_PAGE = 60_000
"""How many seats a page of concerts reads at most, so that it is answered in time; one concert is always on it."""

type Kind = Literal["PAYMENTS_UNDONE", "PAYMENTS_LEFT_BEHIND", "REFUNDS_UNFINISHED"]


class Grade(NamedTuple):
    """Seats of one grade: all of them, and of these the sold, the held and those that are closed for good."""

    total: int
    sold: int
    held: int
    closed: int


class Numbers(NamedTuple):
    """What was sold of a date: seats by grade, points taken and given back, guests who have come in; as of a time."""

    grades: dict[str, Grade]
    points: int
    refunded: int
    checked_in: int
    at: int


def sales(limit: int, after: str | None, at: int) -> "tuple[list[views.Sale], str | None]":
    """Return one page of concerts with their numbers, and the id of the last one if there are more."""
    concerts, last_key = catalog.list_concerts(limit, after, at)
    unfinished = attention(at)
    shown: list[views.Sale] = []
    read = 0
    for concert in concerts:
        dates = dates_of(concert["sk"], at)
        read += sum(date["seatsTotal"] for date in dates)
        if shown and read > SEATS_ON_A_PAGE:
            return shown, shown[-1]["concertId"]
        shown.append(_sale(concert, dates, unfinished[concert["sk"]], at))
    return shown, shown[-1]["concertId"] if shown and last_key else None


def dates_of(concert_id: str, at: int) -> list[Performance]:
    """Return the dates of a concert, by time; none where none were announced."""
    try:
        return catalog.list_performances(concert_id, at)
    except NoPerformances:
        return []


def _sale(concert: Concert, dates: list[Performance], unfinished: Counter[Kind], at: int) -> "views.Sale":
    numbers = [count(date, at) for date in dates]
    queue = items.recent_queue(concert["sk"], at)
    return {
        "concertId": concert["sk"],
        "title": concert["title"],
        "translations": concert.get("translations", {}),
        "saleStatus": sale.status(concert, queue, at),
        "queue": control.view(queue, items.line_of(queue, items.recent_counter(concert["sk"], at)), at),
        "performances": [_date(concert, date, each, at) for date, each in zip(dates, numbers, strict=True)],
        "attention": [{"kind": kind, "count": number} for kind, number in sorted(unfinished.items())],
        "asOf": clock.rfc3339(min((each.at for each in numbers), default=at)),
    }


def _date(concert: Concert, date: Performance, numbers: Numbers, at: int) -> "views.DateSales":
    totals = [sum(figures) for figures in zip(*numbers.grades.values(), strict=True)]
    total, sold, held, closed = totals
    return {
        "performanceId": catalog.performance_id(date),
        "startsAt": clock.rfc3339(date["startsAt"]),
        "timezone": date["timezone"],
        "venue": date.get("venue", concert["venue"]),
        "translations": catalog.venue_words(date, concert),
        "hallVersion": date.get("hallVersion"),
        "offSale": bool(date.get("offSale")),
        "calledOff": bool(date.get("cancelled")),
        "sold": sold,
        "held": held,
        "available": total - sold - held - closed,
        "points": numbers.points,
        "refunded": numbers.refunded,
        "checkedIn": numbers.checked_in,
        "grades": [
            {
                "gradeId": grade["gradeId"],
                "name": grade["name"],
                "translations": grade.get("translations", {}),
                "sold": each.sold,
                "held": each.held,
                "available": each.total - each.sold - each.held - each.closed,
            }
            for grade in halls.summary(date, at)["grades"]
            for each in [numbers.grades[grade["gradeId"]]]
        ],
    }


def count(date: Performance, at: int) -> Numbers:
    """Count a date by reading every seat of it that is or was somebody's; at most some seconds old."""
    return cached("numbers", catalog.performance_id(date), lambda: _count(date, at), at, CACHE_SECONDS)


def _count(date: Performance, at: int) -> Numbers:
    """Read the seats first, then what was revoked: what was cancelled in between is in both, and counts once."""
    taken = [seat for seat in seats.read_all(date, consistent=False) if seats.is_taken(seat, at)]
    revoked = check_ins.revoked(catalog.performance_id(date))
    cancelled = {(item["seatNumber"], item["reservationId"]) for item in revoked if "reservationId" in item}
    paid = [seat for seat in taken if (seat["seatNumber"], seats.buyer(seat)) not in cancelled]
    prices = reservations.prices_of([seat for seat in paid if seats.buyer(seat)])
    grades = _grades(date, at)
    by_grade: dict[str, Counter[str]] = defaultdict(Counter)
    for seat in paid:
        by_grade[grades[seat["seatNumber"] - 1]][seat["status"]] += 1
    for seat in taken:
        closed = seat["status"] == "CANCELLED"
        by_grade[grades[seat["seatNumber"] - 1]]["closed"] += closed
    totals = Counter(grades)
    return Numbers(
        grades={
            grade["gradeId"]: Grade(totals[name], of["SOLD"], of["HELD"], of["closed"])
            for grade in halls.summary(date, at)["grades"]
            for name in [grade["gradeId"]]
            for of in [by_grade[name]]
        },
        points=sum(prices.values()) + sum(item.get("price", 0) for item in revoked),
        refunded=sum(item.get("refund", 0) for item in revoked),
        checked_in=sum("admission" in seat for seat in paid),
        at=at,
    )


def _grades(date: Performance, at: int) -> list[str]:
    """Return the grade of each seat, from the first."""
    drawn = halls.sections(date, at)
    return [grade for section in drawn for row in section.rows for grade in row.grades]


def attention(at: int) -> defaultdict[str, "Counter[Kind]"]:
    """Count by concert what has been open for longer than most: payments on their way back, payments whose workflow
    may have died, and points that cancellations still owe."""
    found: defaultdict[str, Counter[Kind]] = defaultdict(Counter)
    for payment in cached("unfinished", None, lambda: payments.read_unfinished(at), at, CACHE_SECONDS):
        if (kind := _kind(payment)) is not None:
            found[payment["concertId"]][kind] += 1
    return found


def _kind(payment: Payment) -> Kind | None:
    if payment["status"] == "UNDOING":
        return "PAYMENTS_UNDONE"
    if payment["status"] == "PENDING":
        return "PAYMENTS_LEFT_BEHIND"
    return "REFUNDS_UNFINISHED" if payment.get("refunding") else None
