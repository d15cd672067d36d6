"""Halls as they are published: which seats a performance has, where they are and what they cost.

Items in the catalog table, written once for each version of a hall and never changed: `pk = HALL#version, sk = SUMMARY`
with everything but the seats, and `pk = HALL#version, sk = SECTION#sectionId` with the layout of one section as compact
text, so that no item comes near DynamoDB's limit. They are remembered for an hour. `pk = HALL, sk = hallId` names the
version that was published last. A performance without a hall has
seats 1 to N in rows of ten that nobody has drawn.
"""

from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple, TypedDict, cast

from booking.catalog import Concert, Performance, on_sale, performance_id, price_of, venue_words
from booking.clock import HOUR, rfc3339
from booking.dynamodb import get, query_all
from booking.errors import ValidationFailed
from booking.layout import MAX_SECTION_SEATS, HallSummary, Row, Seat, Section, section_of
from booking.memory import cached
from booking.settings import settings

HALL_SECONDS = 3600
NEWEST = "HALL"
"""The partition that says of each hall which version was published last."""
STANDARD = "standard"
"""The one grade of a performance without a hall."""
_ROW = 10

type Placed = tuple[Section, Seat]
"""A seat of a performance's hall, and its section."""
type Counts = dict[str, dict[str, int]]
"""Numbers of seats by section and grade."""


class Wish(NamedTuple):
    """What a fan asks for who does not pick seats: how many, and of which grade or section, if that matters."""

    quantity: int
    grade_id: str | None
    section_id: str | None
    accessible: bool


class SummaryItem(TypedDict):
    """What is known of a hall without its seats."""

    pk: str
    sk: str
    summary: HallSummary


class SectionItem(TypedDict):
    """The layout of one section, as `Section.text` writes it."""

    pk: str
    sk: str
    layout: str


def partition(version: str) -> str:
    """Return the partition of a version of a hall."""
    return f"HALL#{version}"


def summary(performance: Performance, at: int) -> HallSummary:
    """Return what is known of the performance's hall without its seats."""
    if "hallVersion" not in performance:
        return _plain_summary(performance["seatsTotal"])
    pk = partition(performance["hallVersion"])

    def read() -> HallSummary:
        return cast(SummaryItem, get(settings().catalog_table, {"pk": pk, "sk": "SUMMARY"}))["summary"]

    return cached("hall", pk, read, at, HALL_SECONDS)


def sections(performance: Performance, at: int) -> list[Section]:
    """Return every section of the performance's hall, in the hall's order."""
    if "hallVersion" not in performance:
        return list(_plain_sections(performance["seatsTotal"]))
    pk = partition(performance["hallVersion"])

    def read() -> list[Section]:
        items = query_all(settings().catalog_table, "#pk = :pk AND begins_with(#sk, :first)", pk=pk, first="SECTION#")
        found = [Section.read(item["layout"]) for item in cast(list[SectionItem], items)]
        return sorted(found, key=lambda section: section.first)

    return cached("sections", pk, read, at, HALL_SECONDS)


def section(performance: Performance, section_id: str, at: int) -> Section:
    """Return a section that the performance's hall has."""
    if "hallVersion" not in performance:
        plain = _plain_sections(performance["seatsTotal"])
        return next(section for section in plain if section.section_id == section_id)
    key = {"pk": partition(performance["hallVersion"]), "sk": f"SECTION#{section_id}"}

    def read() -> Section:
        return Section.read(cast(SectionItem, get(settings().catalog_table, key))["layout"])

    return cached("section", (key["pk"], section_id), read, at, HALL_SECONDS)


def sections_to_show(performance: Performance, section_id: str | None, at: int) -> list[Section]:
    """Return the section that was asked for, or all of a hall that is small enough to be shown as one.

    Raises:
        ValidationFailed: names the sections, when one must be asked for or the one that was does not exist.

    """
    if section_id is None and performance["seatsTotal"] <= MAX_SECTION_SEATS:
        return sections(performance, at)
    names = [each["sectionId"] for each in summary(performance, at)["sections"]]
    if section_id in names:
        return [section(performance, section_id, at)]
    message = f"must be one of {', '.join(names)}"
    raise ValidationFailed(errors=[{"field": "section", "message": message}])


@lru_cache(maxsize=64)
def _plain_sections(seats_total: int) -> tuple[Section, ...]:
    starts = range(1, seats_total + 1, MAX_SECTION_SEATS)
    return tuple(_plain_section(first, min(seats_total, first + MAX_SECTION_SEATS - 1)) for first in starts)


def _plain_section(first: int, last: int) -> Section:
    rows = []
    for start in range(first, last + 1, _ROW):
        numbers = range(start, min(last, start + _ROW - 1) + 1)
        count, y = len(numbers), 100 * ((start - 1) // _ROW + 2)
        xs = tuple(100 * place - 50 * (_ROW - 1) for place in range(count))
        rows.append(Row("", tuple(map(str, numbers)), xs, (y,) * count, (STANDARD,) * count, (count,)))
    left, right = -50 * _ROW, 50 * _ROW
    top, bottom = rows[0].ys[0] - 50, rows[-1].ys[0] + 50
    outline = ((left, top), (right, top), (right, bottom), (left, bottom))
    name = f"{first}–{last}"
    return Section(f"{first}-{last}", name, first, (0, 0), outline, tuple(rows))


@lru_cache(maxsize=64)
def _plain_summary(seats_total: int) -> HallSummary:
    return {
        "hallId": "",
        "version": "",
        "name": "",
        "grades": [{"gradeId": STANDARD, "name": "Standard"}],
        "sections": [section.summary() for section in _plain_sections(seats_total)],
    }


def released(performance: Performance, at: int) -> bool:
    """Tell whether accessible places are sold to everybody by now."""
    hours = performance.get("accessibleReleaseHours")
    return hours is not None and at >= performance["startsAt"] - hours * HOUR


def place(performance: Performance, numbers: list[int], at: int) -> list[Placed]:
    """Find seats that the performance has, by number."""
    hall = summary(performance, at)
    found = ((number, section_of(hall, number)) for number in sorted(numbers))
    placed = [(section(performance, each["sectionId"], at), number) for number, each in found if each is not None]
    return [(within, within.seat(number)) for within, number in placed]


def by_section(picked: list[Placed]) -> list[tuple[Section, list[int]]]:
    """Sort seats, in order, by their sections."""
    return [
        (section, [seat["seatNumber"] for _, seat in seats])
        for section, seats in groupby(picked, key=lambda placed: placed[0])
    ]


def are_together(picked: list[Placed]) -> bool:
    """Tell whether seats, in order, are all side by side."""
    [(section, numbers), *elsewhere] = by_section(picked)
    return (
        not elsewhere
        and any(run.start <= numbers[0] and numbers[-1] < run.stop for _, run in section.runs())
        and (numbers[-1] - numbers[0] == len(numbers) - 1)
    )


def performance_view(performance: Performance, concert: Concert, free: Counts, at: int) -> dict[str, Any]:
    """Show one performance: what is left and what it costs, by grade and by section."""
    hall = summary(performance, at)
    available = sum(sum(grades.values()) for grades in free.values())
    by_grade = {
        grade["gradeId"]: sum(grades.get(grade["gradeId"], 0) for grades in free.values()) for grade in hall["grades"]
    }
    return {
        "performanceId": performance_id(performance),
        "concertId": performance["pk"],
        "startsAt": rfc3339(performance["startsAt"]),
        "timezone": performance["timezone"],
        "venue": performance.get("venue", concert["venue"]),
        "translations": venue_words(performance, concert),
        "bookable": available > 0 and on_sale(concert, performance, at),
        "hallVersion": performance.get("hallVersion"),
        "grades": [
            _named(grade)
            | {
                "gradeId": grade["gradeId"],
                "price": price_of(performance, grade["gradeId"]),
                "seatsAvailable": by_grade[grade["gradeId"]],
            }
            for grade in hall["grades"]
        ],
        "sections": [
            _named(section)
            | {
                "sectionId": section["sectionId"],
                "gradeIds": list(section["gradeCounts"]),
                "seatsTotal": section["seatsTotal"],
                "seatsAvailable": sum(free[section["sectionId"]].values()),
            }
            for section in hall["sections"]
        ],
        "seatsTotal": performance["seatsTotal"],
        "seatsAvailable": available,
    }


def _named(named: Any) -> dict[str, Any]:
    return {"name": named["name"], "translations": named.get("translations", {})}


def layout_view(performance: Performance, at: int) -> dict[str, Any]:
    """Show what a client needs to draw the hall. It is the same for as long as the version is."""
    hall, drawn = summary(performance, at), sections(performance, at)
    told = {section["sectionId"]: section for section in hall["sections"]}
    return {
        "performanceId": performance_id(performance),
        "hallVersion": performance.get("hallVersion"),
        **_named(hall),
        "grades": [_named(grade) | {"gradeId": grade["gradeId"]} for grade in hall["grades"]],
        "sections": [
            _named(told[section.section_id])
            | {
                "sectionId": section.section_id,
                "gradeIds": list(section.grade_counts),
                "seatsTotal": section.seats_total,
                "focus": section.focus,
                "outline": section.outline,
            }
            for section in drawn
        ],
        "seats": [seat for section in drawn for seat in section.seats],
    }
