"""The catalog file that organisers write: its shape, and messages that name the line and the field."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field, field_validator

from booking import clock
from booking.catalog import DEFAULT_FEES, FeePolicy, summed_up
from booking.layout import Hall
from booking.publishing.document import STRICT, Document, Identifier, Language, Location, Text, read_document
from booking.publishing.hall_file import HallEntry, build_hall

LOCAL_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?( ?[+-]\d{2}:\d{2})?$")


class _Entry(BaseModel):
    model_config = STRICT

    @field_validator("timezone", check_fields=False)
    @classmethod
    def _is_known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in _zones():
            raise ValueError("is not an IANA time zone such as Asia/Seoul")
        return name

    @field_validator("startsAt", "lobbyOpensAt", "salesOpenAt", "salesCloseAt", check_fields=False)
    @classmethod
    def _is_local_time(cls, text: str | None) -> str | None:
        if text is None:
            return None
        if not LOCAL_TIME.match(text):
            raise ValueError("is not a local time such as 2027-05-01 19:00")
        datetime.fromisoformat(_iso(text))
        return text


class ConcertWords(_Entry):
    """What a concert is called in another language; what is not here is shown as it stands."""

    title: Text | None = None
    artist: Text | None = None
    venue: Text | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None


class PerformanceWords(_Entry):
    """What a date's own venue is called in another language."""

    venue: Text


class FeeStep(_Entry):
    """From so many calendar days before the show on, this percentage of a price is kept."""

    daysBefore: Annotated[int, Field(ge=0, le=365)]  # noqa: N815
    keepPercent: Annotated[int, Field(ge=0, le=100)]  # noqa: N815


class Fees(_Entry):
    """What is kept when a booking is cancelled; closer to the show than the last step nothing can be cancelled."""

    steps: Annotated[list[FeeStep], Field(min_length=1, max_length=12)]
    freeHours: Annotated[int, Field(ge=0, le=720)] = 0  # noqa: N815
    freeDaysBefore: Annotated[int, Field(ge=0, le=365)] = 0  # noqa: N815

    @field_validator("steps")
    @classmethod
    def _are_in_order(cls, steps: list[FeeStep]) -> list[FeeStep]:
        days = [step.daysBefore for step in steps]
        if days != sorted(set(days), reverse=True):
            raise ValueError("are not in order, the most days before the show first and each once")
        return steps

    def policy(self) -> FeePolicy:
        """Return it as the catalog table keeps it."""
        steps = [[step.daysBefore, step.keepPercent] for step in self.steps]
        return {"steps": steps, "freeHours": self.freeHours, "freeDays": self.freeDaysBefore}


Price = Annotated[int, Field(ge=1, le=10_000_000)]
"""Points for a seat."""
DEFAULT_SEATS = 50
OF_A_HALL = ("prices", "noSingleSeats", "accessibleReleaseHours")
"""What only a date in a hall can have."""


class PerformanceEntry(_Entry):
    """One date of a concert. `startsAt` is wall time in `timezone`, the concert's own unless it is given here.

    It has either so many seats of one `price`, or a `hall` (catalog/halls/) with a price for each of its grades. In a
    hall, `noSingleSeats` refuses picked seats that leave one alone, and accessible places are sold to everybody from
    `accessibleReleaseHours` before the start on. `offSale: true` takes the date off sale: it stays listed, and nobody
    can hold a seat of it any more.
    """

    label: Identifier
    startsAt: str  # noqa: N815 - the names of the HTTP contract
    price: Price | None = None
    seatsTotal: Annotated[int, Field(ge=1, le=1000)] | None = None  # noqa: N815
    hall: Identifier | None = None
    prices: dict[Identifier, Price] = {}
    noSingleSeats: bool = False  # noqa: N815
    accessibleReleaseHours: Annotated[int, Field(ge=0, le=8760)] | None = None  # noqa: N815
    timezone: str | None = None
    venue: Text | None = None
    offSale: bool = False  # noqa: N815
    translations: dict[Language, PerformanceWords] = {}


class ConcertEntry(_Entry):
    """One concert. Its times are wall time in its `timezone`.

    Whoever comes between `lobbyOpensAt` and `salesOpenAt` is put in an order that is drawn.
    """

    concertId: Identifier  # noqa: N815
    title: Text
    artist: Text
    venue: Text
    description: Annotated[str, Field(max_length=2000)] = ""
    timezone: str
    lobbyOpensAt: str | None = None  # noqa: N815
    salesOpenAt: str  # noqa: N815
    salesCloseAt: str  # noqa: N815
    queueCapacity: Annotated[int, Field(ge=0, le=100_000)] | None = None  # noqa: N815
    cancellation: Fees | Literal["none"] | None = None
    translations: dict[Language, ConcertWords] = {}
    performances: list[PerformanceEntry] = []


class _File(BaseModel):
    """Concerts, and the halls that they are in as far as they do not stand elsewhere."""

    model_config = STRICT

    halls: list[HallEntry] = []
    concerts: Annotated[list[ConcertEntry], Field(min_length=1)]


type Item = dict[str, Any]
"""An item of the catalog table: text, whole numbers, and lists and maps of them."""


@dataclass(frozen=True)
class Concert:
    """A concert as the catalog table keeps it: times in epoch seconds, performances by label.

    `places` says where in the file it stands, and each of its performances by label, with the line and the path; the
    concert's own is under "".
    """

    item: Item
    performances: dict[str, Item]
    queue_capacity: int | None
    halls: tuple[Hall, ...] = ()
    places: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def concert_id(self) -> str:
        """Its id."""
        return str(self.item["sk"])


type FindHall = Callable[[str], Hall]
"""Finds a hall that the file does not have itself; raises LookupError with a sentence where there is none."""


def read_catalog(name: str, text: str, find_hall: FindHall) -> list[Concert]:
    """Read and check a whole file.

    Raises:
        Mistaken: with every mistake that was found.

    """
    document, content = read_document(name, text, _File)
    halls: dict[str, Hall] = {}
    for index, entry in enumerate(content.halls):
        if entry.hallId in halls:
            document.report(("halls", index, "hallId"), f"{entry.hallId!r} appears twice")
        halls[entry.hallId] = build_hall(document, entry, ("halls", index))
    concerts = _convert(content.concerts, document, halls, find_hall)
    document.ensure_right()
    return concerts


def epoch(text: str, zone_name: str) -> int:
    """Convert wall time in a zone to epoch seconds.

    Raises ValueError for a time that the zone's clocks skip, for one that they show twice unless it says which
    (`2027-10-31 02:30 +01:00`), for an offset that the zone does not have at that time, and for a year that no answer
    can show.
    """
    zone = ZoneInfo(zone_name)
    given = datetime.fromisoformat(_iso(text))
    wall = given.replace(tzinfo=None)
    if not 0 <= wall.replace(tzinfo=zone).timestamp() <= clock.LAST:
        raise ValueError("is not in the years 1970 to 9999 by the clocks of UTC; take one that is")
    candidates = []
    for fold in (0, 1):
        local = wall.replace(tzinfo=zone, fold=fold)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall and local.timestamp() not in candidates:
            candidates.append(local.timestamp())
    if not candidates:
        later = wall.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)
        raise ValueError(
            f"does not exist in {zone_name}: the clocks are put forward then (the next moment is {later:%H:%M})"
        )
    if given.tzinfo is not None:
        if given.timestamp() not in candidates:
            raise ValueError(f"has an offset that {zone_name} does not have at that time")
        return int(given.timestamp())
    if len(candidates) > 1:
        offsets = " or ".join(_offset(wall, stamp) for stamp in candidates)
        raise ValueError(
            f"happens twice in {zone_name}, when the clocks are put back: add the offset that is meant, {offsets}"
        )
    return int(candidates[0])


def _offset(wall: datetime, stamp: float) -> str:
    offset = wall.replace(tzinfo=UTC) - datetime.fromtimestamp(stamp, UTC)
    sign, offset = ("-", -offset) if offset < timedelta(0) else ("+", offset)
    hours, minutes = divmod(int(offset.total_seconds()) // 60, 60)
    return f"{sign}{hours:02}:{minutes:02}"


def _iso(text: str) -> str:
    return re.sub(r" ([+-])", r"\1", text.replace(" ", "T", 1))


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _convert(
    entries: list[ConcertEntry], document: Document, halls: dict[str, Hall], find_hall: FindHall
) -> list[Concert]:
    concerts: dict[str, Concert] = {}
    for index, entry in enumerate(entries):
        at: Location = ("concerts", index)
        if entry.concertId in concerts:
            document.report((*at, "concertId"), f"{entry.concertId!r} appears twice")
        opens = _epoch(document, (*at, "salesOpenAt"), entry.salesOpenAt, entry.timezone)
        closes = _epoch(document, (*at, "salesCloseAt"), entry.salesCloseAt, entry.timezone)
        if opens is not None and closes is not None and closes <= opens:
            document.report((*at, "salesCloseAt"), "is not after salesOpenAt")
        lobby = (
            _epoch(document, (*at, "lobbyOpensAt"), entry.lobbyOpensAt, entry.timezone) if entry.lobbyOpensAt else None
        )
        if lobby is not None and opens is not None and lobby >= opens:
            document.report((*at, "lobbyOpensAt"), "is not before salesOpenAt")
        performances: dict[str, Item] = {}
        places = {"": document.place(at)}
        for number, performance in enumerate(entry.performances):
            here: Location = (*at, "performances", number)
            places[performance.label] = document.place(here)
            if performance.label in performances:
                document.report((*here, "label"), f"{performance.label!r} appears twice in {entry.concertId!r}")
            zone = performance.timezone or entry.timezone
            starts = _epoch(document, (*here, "startsAt"), performance.startsAt, zone)
            item: Item = {
                "pk": entry.concertId,
                "sk": performance.label,
                "startsAt": starts or 0,
                "timezone": zone,
                **_seats(document, here, performance, halls, find_hall),
                "fees": _fees(entry),
            }
            if performance.venue:
                item["venue"] = performance.venue
            if performance.offSale:
                item["offSale"] = True
            if performance.translations:
                item["translations"] = _words(performance.translations)
            performances[performance.label] = item
        concert: Item = {
            "pk": "CONCERT",
            "sk": entry.concertId,
            "title": entry.title,
            "artist": entry.artist,
            "venue": entry.venue,
            "description": entry.description.strip(),
            "salesOpenAt": opens or 0,
            "salesCloseAt": closes or 0,
            "fees": _fees(entry),
        }
        if lobby is not None:
            concert["lobbyOpensAt"] = lobby
        if entry.translations:
            concert["translations"] = _words(entry.translations)
        concert |= summed_up(performances.values())
        used = {performance.hall for performance in entry.performances}
        theirs = tuple(hall for name, hall in sorted(halls.items()) if name in used)
        concerts[entry.concertId] = Concert(concert, performances, entry.queueCapacity, theirs, places)
    return list(concerts.values())


def _seats(
    document: Document, here: Location, entry: PerformanceEntry, halls: dict[str, Hall], find_hall: FindHall
) -> Item:
    """Say which seats a date has, and what they cost: so many of one price, or those of a hall by grade."""
    if entry.hall is None:
        for name in OF_A_HALL:
            if name in entry.model_fields_set:
                document.report((*here, name), "is only for a date in a hall")
        if entry.price is None:
            document.report((*here, "price"), "is missing")
        return {"price": entry.price or 0, "seatsTotal": entry.seatsTotal or DEFAULT_SEATS}
    for name in ("price", "seatsTotal"):
        if name in entry.model_fields_set:
            document.report((*here, name), "is not for a date in a hall, which has seats and prices of its own")
    if entry.hall not in halls:
        try:
            halls[entry.hall] = find_hall(entry.hall)
        except LookupError as missing:
            document.report((*here, "hall"), str(missing))
            return {"price": 0, "seatsTotal": 1}
    hall = halls[entry.hall]
    grades = [grade["gradeId"] for grade in hall.grades]
    if set(grades) != set(entry.prices):
        document.report((*here, "prices"), f"must have a price for each grade and no other: {', '.join(grades)}")
    item: Item = {
        "price": min(entry.prices.values(), default=0),
        "seatsTotal": hall.seats_total,
        "hallVersion": hall.version,
        "prices": entry.prices,
    }
    if entry.noSingleSeats:
        item["noSingleSeats"] = True
    if entry.accessibleReleaseHours is not None:
        item["accessibleReleaseHours"] = entry.accessibleReleaseHours
    return item


def _fees(entry: ConcertEntry) -> FeePolicy:
    """Return the concert's own policy of cancelling, or the usual one; `none` allows no cancelling."""
    if entry.cancellation == "none":
        return {"steps": []}
    return entry.cancellation.policy() if entry.cancellation else DEFAULT_FEES


def _words(translations: Mapping[str, ConcertWords | PerformanceWords]) -> dict[str, dict[str, str]]:
    return {language: words.model_dump(exclude_none=True) for language, words in translations.items()}


def _epoch(document: Document, location: Location, text: str, zone: str) -> int | None:
    try:
        return epoch(text, zone)
    except ValueError as error:
        document.report(location, str(error))
        return None
