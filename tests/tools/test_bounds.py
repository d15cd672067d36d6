"""Each field of the files that organisers write is taken up to its bounds, and refused beyond."""

import copy
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from booking.publishing.catalog_file import ConcertEntry
from booking.publishing.hall_file import HallEntry

CONCERT: dict[str, Any] = {
    "concertId": "night-sky",
    "title": "Night Sky",
    "artist": "The Ensemble",
    "venue": "Hall, Seoul",
    "timezone": "Asia/Seoul",
    "salesOpenAt": "2026-01-05 10:00",
    "salesCloseAt": "2027-05-01 18:00",
    "cancellation": {"steps": [{"daysBefore": 5, "keepPercent": 10}]},
    "translations": {"ko": {"title": "밤하늘"}},
    "performances": [{"label": "first", "startsAt": "2027-05-01 19:00", "translations": {"ko": {"venue": "홀"}}}],
}
STRAIGHT: dict[str, Any] = {
    "hallId": "hall",
    "name": "Hall",
    "grades": [{"gradeId": "a", "name": "A"}],
    "sections": [{"sectionId": "main", "name": "Main", "at": [0, 0], "rows": [{"rows": "A"}]}],
}
CURVED = STRAIGHT | {
    "sections": [
        {
            **{"sectionId": "main{n}", "name": "Main {n}", "radius": 900, "rows": [{"rows": "A"}]},
            "around": {"times": 2, "turn": 90},
        }
    ]
}
ROW, SECTION, DATE, FEES = "sections.0.rows.0.", "sections.0.", "performances.0.", "cancellation."
TEXT = (["x", "x" * 200], ["", "x" * 201])
NAME = (["x", "x" * 40, "0-9"], ["", "x" * 41, "-x", "X", "x y"])


def numbers(least: int, most: int) -> tuple[list[Any], list[Any]]:
    return [least, most], [least - 1, most + 1, "1", None, True]


def steps(count: int) -> list[dict[str, int]]:
    return [{"daysBefore": 100 - day, "keepPercent": 0} for day in range(count)]


def many(count: int, name: str, of: dict[str, Any]) -> list[dict[str, Any]]:
    return [of | {name: f"n{number}"} for number in range(count)]


LENGTH, ALONG = numbers(1, 100_000), numbers(-100_000, 100_000)
ANGLE: tuple[list[Any], list[Any]] = ([-360, 360.0], [-360.1, 361, "1"])
PLACE: tuple[list[Any], list[Any]] = (
    [[-100_000, 100_000]],
    [[-100_001, 0], [0, 100_001], [0], [0, 0, 0], [0.5, 0], "0,0"],
)
LABEL: tuple[list[Any], list[Any]] = ([0, 99_999, "x", "x" * 20], [-1, 100_000, "", "x" * 21, 1.5])
GRADES, SECTIONS = STRAIGHT["grades"][0], STRAIGHT["sections"][0]
BOUNDS: dict[str, list[tuple[type[BaseModel], dict[str, Any], str, tuple[list[Any], list[Any]]]]] = {
    "a concert": [
        *((ConcertEntry, CONCERT, path, NAME) for path in ("concertId", f"{DATE}label", f"{DATE}hall")),
        *((ConcertEntry, CONCERT, path, TEXT) for path in ("title", "artist", "venue", f"{DATE}venue")),
        *((ConcertEntry, CONCERT, f"translations.ko.{name}", TEXT) for name in ("title", "artist", "venue")),
        (ConcertEntry, CONCERT, f"{DATE}translations.ko.venue", TEXT),
        (ConcertEntry, CONCERT, "description", (["", "x" * 2000], ["x" * 2001, None])),
        (ConcertEntry, CONCERT, "translations.ko.description", (["", "x" * 2000], ["x" * 2001])),
        (ConcertEntry, CONCERT, "queueCapacity", ([0, 100_000, None], [-1, 100_001, "1"])),
        (ConcertEntry, CONCERT, f"{DATE}price", ([1, 10_000_000, None], [0, 10_000_001, "1"])),
        (ConcertEntry, CONCERT, f"{DATE}prices", ([{}, {"a": 1}, {"a": 10_000_000}], [{"a": 0}, {"a": 10_000_001}])),
        (ConcertEntry, CONCERT, f"{DATE}seatsTotal", ([1, 1000, None], [0, 1001, "1"])),
        (ConcertEntry, CONCERT, f"{DATE}accessibleReleaseHours", ([0, 8760, None], [-1, 8761, "1"])),
        (ConcertEntry, CONCERT, f"{FEES}steps", ([steps(1), steps(12)], [[], steps(13), steps(2)[::-1]])),
        (ConcertEntry, CONCERT, f"{FEES}steps.0.daysBefore", numbers(0, 365)),
        (ConcertEntry, CONCERT, f"{FEES}steps.0.keepPercent", numbers(0, 100)),
        (ConcertEntry, CONCERT, f"{FEES}freeHours", numbers(0, 720)),
        (ConcertEntry, CONCERT, f"{FEES}freeDaysBefore", numbers(0, 365)),
    ],
    "a hall": [
        *((HallEntry, STRAIGHT, path, NAME) for path in ("hallId", "grades.0.gradeId", f"{SECTION}grade")),
        *((HallEntry, STRAIGHT, path, TEXT) for path in ("name", "grades.0.name", f"{SECTION}name")),
        (HallEntry, STRAIGHT, "grades", ([many(20, "gradeId", GRADES)], [[], many(21, "gradeId", GRADES)])),
        (HallEntry, STRAIGHT, "sections", ([many(200, "sectionId", SECTIONS)], [[], many(201, "sectionId", SECTIONS)])),
        (HallEntry, STRAIGHT, f"{SECTION}sectionId", (["x", "x" * 32], ["", "x" * 33, "-x", "X"])),
        (HallEntry, STRAIGHT, f"{SECTION}at", PLACE),
        (HallEntry, STRAIGHT, f"{SECTION}focus", PLACE),
        *((HallEntry, STRAIGHT, f"{SECTION}{name}", LENGTH) for name in ("seatWidth", "rowDepth", "aisleWidth")),
        (HallEntry, STRAIGHT, f"{SECTION}rows", ([[{"rows": "A"}]], [[]])),
        (HallEntry, STRAIGHT, f"{ROW}rows", LABEL),
        (HallEntry, STRAIGHT, f"{ROW}seats", ([1, 600, None], [0, 601])),
        (HallEntry, STRAIGHT, f"{ROW}grow", numbers(-20, 20)),
        (HallEntry, STRAIGHT, f"{ROW}first", numbers(0, 9_999)),
        (HallEntry, STRAIGHT, f"{ROW}step", numbers(1, 10)),
        (HallEntry, STRAIGHT, f"{ROW}aisles", ([[], [-600], [600]], [[-601], [601]])),
        (HallEntry, STRAIGHT, f"{ROW}gap", numbers(0, 10_000)),
        (HallEntry, STRAIGHT, f"{ROW}shift", ALONG),
    ],
    "a hall of curved rows": [
        (HallEntry, CURVED, f"{SECTION}radius", LENGTH),
        (HallEntry, CURVED, f"{SECTION}centre", PLACE),
        (HallEntry, CURVED, f"{SECTION}bearing", ANGLE),
        (HallEntry, CURVED, f"{SECTION}width", ([0.1, 360, None], [0, 360.1])),
        (HallEntry, CURVED, f"{SECTION}around.times", numbers(2, 100)),
        (HallEntry, CURVED, f"{SECTION}around.turn", ANGLE),
        (HallEntry, CURVED, f"{SECTION}around.first", numbers(0, 9_999)),
    ],
}


def is_taken(shape: type[BaseModel], entry: dict[str, Any], path: str, value: Any) -> bool:
    changed: Any = copy.deepcopy(entry)
    *way, name = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = changed
    for step in way:
        inner = inner[step]
    inner[name] = value
    try:
        shape.model_validate(changed)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("shape", "entry", "path", "values"),
    [pytest.param(*each, id=f"{of}: {each[2]}") for of, cases in BOUNDS.items() for each in cases],
)
def test_field_is_taken_within_its_bounds_and_refused_beyond(
    shape: type[BaseModel], entry: dict[str, Any], path: str, values: tuple[list[Any], list[Any]]
) -> None:
    within, beyond = values

    assert [value for value in within if not is_taken(shape, entry, path, value)] == []
    assert [value for value in beyond if is_taken(shape, entry, path, value)] == []
