"""The catalog: concerts and their performances, as organisers published them.

Items: a concert is `pk = CONCERT, sk = concertId`, so that one query lists them all; a performance is
`pk = concertId, sk = label`. `performanceId` is `concertId.label`, so that one read finds it. Reads go through a short
in-memory cache: a published change is seen everywhere within `CACHE_SECONDS`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, cast

from booking import clock
from booking.dynamodb import (
    ConditionFailed,
    Item,
    Page,
    TransactionRefused,
    Write,
    attempts,
    get,
    query,
    query_all,
    transact,
    update,
    write,
)
from booking.errors import (
    ConcertNotFound,
    NoPerformances,
    PerformanceCancelled,
    PerformanceNotFound,
    SalesClosed,
    SalesNotOpen,
    TemporarilyUnavailable,
)
from booking.memory import cached
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

CACHE_SECONDS = 10
SLUG = r"[a-z0-9][a-z0-9-]{0,39}"
"""What a concert's id and a performance's label look like."""


class Date(TypedDict):
    """When a date of a concert begins, in epoch seconds, and the time zone of its venue; and if it was called off or is
    off sale."""

    startsAt: int
    timezone: str
    cancelled: NotRequired[bool]
    offSale: NotRequired[bool]


class Changing(TypedDict):
    """From when to when a date is off sale because it is to be moved or removed, in epoch seconds."""

    since: int
    until: int


class FeePolicy(TypedDict):
    """How much of a price is kept when a booking is cancelled (`fees` reads it).

    `steps` are `[days before, percent kept]`, most days first; closer than the last of them nothing can be cancelled,
    and without any never. Within `freeHours` of paying, and `freeDays` or more days before, nothing is kept.
    """

    steps: list[list[int]]
    freeHours: NotRequired[int]
    freeDays: NotRequired[int]


DEFAULT_FEES: FeePolicy = {"steps": [[10, 0], [7, 10], [3, 20], [1, 30], [0, 90]], "freeHours": 24, "freeDays": 3}


class Concert(TypedDict):
    """A title on sale. Times are epoch seconds.

    Whoever comes between `lobbyOpensAt` and `salesOpenAt` is put in an order that is drawn. `dates` (by time) and
    `priceFrom` are sums of its performances (`summed_up`), written when it is published and when one is called off or
    taken off sale. `translations` are by language, then by member.
    """

    sk: str
    title: str
    artist: str
    venue: str
    description: str
    salesOpenAt: int
    salesCloseAt: int
    lobbyOpensAt: NotRequired[int]
    dates: NotRequired[list[Date]]
    priceFrom: NotRequired[int]
    fees: NotRequired[FeePolicy]
    translations: NotRequired[dict[str, dict[str, str]]]


class Performance(TypedDict):
    """One date of a concert. `price` is in points a seat; seats are numbered 1 to `seatsTotal`.

    `venue` is there when it is not the concert's, as on a tour; `offSale` when the organiser has taken the date off
    sale. In a hall, `prices` are by grade and `price` is the lowest of them; `accessibleReleaseHours` says how long
    before the start accessible places are sold to everybody, and without it they never are.
    """

    pk: str
    sk: str
    startsAt: int
    timezone: str
    price: int
    seatsTotal: int
    fees: NotRequired[FeePolicy]
    venue: NotRequired[str]
    offSale: NotRequired[bool]
    cancelled: NotRequired[bool]
    cancelledAt: NotRequired[int]
    changing: NotRequired[Changing]
    hallVersion: NotRequired[str]
    prices: NotRequired[dict[str, int]]
    noSingleSeats: NotRequired[bool]
    accessibleReleaseHours: NotRequired[int]
    translations: NotRequired[dict[str, dict[str, str]]]


def performance_id(performance: Performance) -> str:
    """Return the id that the outside world uses."""
    return f"{performance['pk']}.{performance['sk']}"


def find_concert(concert_id: str, at: int) -> Concert:
    """Return a concert.

    Raises:
        ConcertNotFound: there is none, or the id cannot be one.

    """
    concert = _find("CONCERT", concert_id, at) if re.fullmatch(SLUG, concert_id) else None
    if concert is None:
        raise ConcertNotFound
    return cast(Concert, concert)


def find_performance(performance_id: str, at: int) -> Performance:
    """Return a performance.

    Raises:
        PerformanceNotFound: there is none, or the id cannot be one.

    """
    match = re.fullmatch(rf"({SLUG})\.({SLUG})", performance_id)
    performance = _find(match[1], match[2], at) if match else None
    if performance is None:
        raise PerformanceNotFound
    return cast(Performance, performance)


def _find(pk: str, sk: str, at: int) -> Item | None:
    key = {"pk": pk, "sk": sk}
    return cached("item", (pk, sk), lambda: get(settings().catalog_table, key, consistent=False), at, CACHE_SECONDS)


def list_concerts(limit: int, after: str | None, at: int) -> tuple[list[Concert], Item | None]:
    """Return one page of concerts by id, and the key to go on from.

    Only the first page is remembered: there are as many others as somebody makes up ids to go on from.
    """
    start = {"pk": "CONCERT", "sk": after} if after else None

    def read() -> Page:
        return query(settings().catalog_table, "#pk = :pk", consistent=False, limit=limit, start=start, pk="CONCERT")

    page = read() if after else cached("page", limit, read, at, CACHE_SECONDS)
    return cast(list[Concert], page.items), page.last_key


def all_concerts(at: int) -> list[Concert]:
    """Return every concert."""
    return cast(list[Concert], _list("CONCERT", at))


def list_performances(concert_id: str, at: int) -> list[Performance]:
    """Return every performance of a concert, by date.

    Raises:
        NoPerformances: the concert has none.

    """
    performances = cast(list[Performance], _list(concert_id, at))
    if not performances:
        raise NoPerformances
    return sorted(performances, key=lambda performance: (performance["startsAt"], performance["sk"]))


def _list(pk: str, at: int) -> list[Item]:
    def read() -> list[Item]:
        return query_all(settings().catalog_table, "#pk = :pk", consistent=False, pk=pk)

    return cached("list", pk, read, at, CACHE_SECONDS)


def ensure_on_sale(concert: Concert, at: int, performance: Performance | None = None) -> None:
    """Check that the concert is on sale, and the performance, if one is meant.

    Raises:
        SalesNotOpen: it opens later; says when.
        SalesClosed: it is over, the performance has begun or was taken off sale.

    """
    if performance is not None:
        ensure_not_cancelled(performance)
    if at < concert["salesOpenAt"]:
        raise SalesNotOpen(opensAt=clock.rfc3339(concert["salesOpenAt"]), serverTime=clock.rfc3339(at))
    if at >= concert["salesCloseAt"] or (performance is not None and not on_sale(concert, performance, at)):
        raise SalesClosed


def on_sale(concert: Concert, performance: Performance, at: int) -> bool:
    """Tell whether seats of a performance are sold now: the concert is on sale, the date has not begun and was not
    taken off sale."""
    closes = min(concert["salesCloseAt"], performance["startsAt"])
    stopped = performance.get("offSale") or performance.get("cancelled") or is_changing(performance, at)
    return concert["salesOpenAt"] <= at < closes and not stopped


def is_changing(performance: Performance, at: int) -> bool:
    """Tell whether a performance is off sale for the moment, because it is to be moved or removed."""
    return "changing" in performance and at < performance["changing"]["until"]


def read_performance(performance_id: str) -> Performance:
    """Return a performance as it is published now, past what this process remembers.

    Raises:
        PerformanceNotFound: there is none, or the id cannot be one.

    """
    found = get(settings().catalog_table, _performance_key(performance_id))
    if found is None:
        raise PerformanceNotFound
    return cast(Performance, found)


def mark(performance_id: str, name: Literal["offSale", "cancelled"], at: int, *beside: Write) -> bool:
    """Note that a performance is taken off sale, or called off and when; with what else is written then, or not at
    all. Safe to repeat; tells whether it was this call that noted it.

    Raises:
        PerformanceNotFound: there is none.

    """
    noted = update(
        settings().catalog_table,
        _performance_key(performance_id),
        f"SET #{name} = :yes" + (", #cancelledAt = :at" if name == "cancelled" else ""),
        f"attribute_exists(#pk) AND attribute_not_exists(#{name})",
        yes=True,
        **({"at": at} if name == "cancelled" else {}),
    )
    try:
        transact(noted, *beside)
    except TransactionRefused as refused:
        if 0 in refused.refusals and refused.refusals[0] is None:
            raise PerformanceNotFound from refused
        return False
    return True


def summed_up(performances: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum performances up for their concert's item, so that a list says what comes next in one read.

    Dates that were called off or are off sale are marked; prices of what was called off count no more.
    """
    ordered = sorted(performances, key=lambda each: (each["startsAt"], each["sk"]))
    dates = [
        {"startsAt": each["startsAt"], "timezone": each["timezone"]}
        | {name: True for name in ("cancelled", "offSale") if each.get(name)}
        for each in ordered
    ]
    prices = [each["price"] for each in ordered if not each.get("cancelled")]
    return {"dates": dates} | ({"priceFrom": min(prices)} if prices else {})


def sum_up(concert_id: str) -> None:
    """Sum a concert's performances up again, as they are now: what was read must be what is written over.

    Safe to repeat. Concerts that were published without sums, long ago, have none.
    """
    key = {"pk": "CONCERT", "sk": concert_id}
    for _ in attempts():
        concert = get(settings().catalog_table, key)
        if concert is None or "dates" not in concert:
            return
        sums = summed_up(query_all(settings().catalog_table, "#pk = :pk", pk=concert_id))
        values = {"priceFrom": concert.get("priceFrom", 0)} | sums
        change = "SET #dates = :dates, #priceFrom = :priceFrom"
        try:
            write(update(settings().catalog_table, key, change, "#dates = :before", before=concert["dates"], **values))
        except ConditionFailed:
            continue
        return
    raise TemporarilyUnavailable


def _performance_key(performance_id: str) -> dict[str, str]:
    match = re.fullmatch(rf"({SLUG})\.({SLUG})", performance_id)
    if match is None:
        raise PerformanceNotFound
    return {"pk": match[1], "sk": match[2]}


def ensure_not_cancelled(performance: Performance) -> None:
    """Check that the organiser has not called a date off.

    Raises:
        PerformanceCancelled: they have.

    """
    if performance.get("cancelled"):
        raise PerformanceCancelled


def price_of(performance: Performance, grade_id: str) -> int:
    """Return what a seat of this grade costs now; without a hall, every seat costs the same."""
    return performance["prices"][grade_id] if "prices" in performance else performance["price"]


def concert_view(concert: Concert, at: int) -> dict[str, Any]:
    """Show a concert in a list."""
    listed = {
        language: {name: text for name, text in words.items() if name != "description"}
        for language, words in concert.get("translations", {}).items()
    }
    lobby = {"lobbyOpensAt": clock.rfc3339(concert["lobbyOpensAt"])} if "lobbyOpensAt" in concert else {}
    return lobby | {
        "concertId": concert["sk"],
        "title": concert["title"],
        "artist": concert["artist"],
        "venue": concert["venue"],
        "salesOpenAt": clock.rfc3339(concert["salesOpenAt"]),
        "salesCloseAt": clock.rfc3339(concert["salesCloseAt"]),
        "dates": _dates_ahead(concert, at),
        "translations": listed,
    }


def _dates_ahead(concert: Concert, at: int) -> dict[str, Any] | None:
    ahead = [date for date in concert.get("dates", []) if date["startsAt"] > at and not date.get("cancelled")]
    if not ahead:
        return None
    return {
        "count": len(ahead),
        "firstAt": clock.rfc3339(ahead[0]["startsAt"]),
        "lastAt": clock.rfc3339(ahead[-1]["startsAt"]),
        "timezone": ahead[0]["timezone"],
        "priceFrom": concert.get("priceFrom", 0),
    }


def concert_detail(concert: Concert, at: int) -> dict[str, Any]:
    """Show one concert: what the list shows, its description, and the rules of booking it."""
    return concert_view(concert, at) | {
        "description": concert["description"],
        "translations": concert.get("translations", {}),
        "holdSeconds": settings().hold_seconds,
        "maxSeatsPerUser": settings().max_seats_per_user,
        "cancellation": fees_view(concert.get("fees", DEFAULT_FEES)),
    }


def fees_view(policy: FeePolicy) -> "views.Fees":
    """Show on what terms a booking can be cancelled."""
    return {
        "steps": [{"daysBefore": days, "keepPercent": percent} for days, percent in policy["steps"]],
        "freeHours": policy.get("freeHours", 0),
        "freeDaysBefore": policy.get("freeDays", 0),
    }


def performance_view(performance: Performance, concert: Concert, seats_available: int, at: int) -> dict[str, Any]:
    """Show a performance; it is bookable while it is on sale and a seat is free."""
    return {
        "performanceId": performance_id(performance),
        "startsAt": clock.rfc3339(performance["startsAt"]),
        "timezone": performance["timezone"],
        "venue": performance.get("venue", concert["venue"]),
        "translations": venue_words(performance, concert),
        "hallVersion": performance.get("hallVersion"),
        "price": performance["price"],
        "seatsTotal": performance["seatsTotal"],
        "seatsAvailable": seats_available,
        "cancelled": bool(performance.get("cancelled")),
        "bookable": seats_available > 0 and on_sale(concert, performance, at),
    }


def venue_words(performance: Performance, concert: Concert) -> dict[str, dict[str, str]]:
    """Return the venue in other languages: the date's own, or the concert's when the date has none of its own."""
    own = performance if "venue" in performance else concert
    return {
        language: {"venue": words["venue"]}
        for language, words in own.get("translations", {}).items()
        if "venue" in words
    }
