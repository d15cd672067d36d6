"""The layout of a hall: sections of rows of seats, and which seats are side by side. Pure.

Seats are numbered 1 to N through the sections in their order, row by row, from left to right as the plan is drawn: the
stage's edge is at (0, 0), x grows to the right and y away from the stage, in centimetres. Neighbours are data: a row
is cut into runs, and what an aisle, a pillar or a row's end parts is not side by side, whatever the numbers say.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NotRequired, TypedDict

MAX_SECTION_SEATS = 600
MAX_SEATS = 20_000

type Point = tuple[int, int]
type Translations = dict[str, dict[str, str]]
"""What a name is in other languages: `{"ko": {"name": "…"}}`."""


class Grade(TypedDict):
    """What seats of one price are called."""

    gradeId: str
    name: str
    translations: NotRequired[Translations]


class Seat(TypedDict):
    """One seat as it is drawn and as it is printed on the chair."""

    seatNumber: int
    sectionId: str
    row: str
    label: str
    x: int
    y: int
    gradeId: str
    accessible: NotRequired[Literal[True]]
    companionOf: NotRequired[int]


class SectionSummary(TypedDict):
    """What is known of a section without its seats: which numbers it has, and how many seats of each grade."""

    sectionId: str
    name: str
    translations: NotRequired[Translations]
    first: int
    seatsTotal: int
    gradeCounts: dict[str, int]


class HallSummary(TypedDict):
    """What is known of a hall without its seats."""

    hallId: str
    version: str
    name: str
    translations: NotRequired[Translations]
    grades: list[Grade]
    sections: list[SectionSummary]


@dataclass(frozen=True, eq=False)
class Row:
    """A row, from left to right: each seat's label, place and grade, and how many are side by side in each run."""

    label: str
    labels: tuple[str, ...]
    xs: tuple[int, ...]
    ys: tuple[int, ...]
    grades: tuple[str, ...]
    runs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a hall that is drawn and read as one.

    `first` is the number of its first seat. `focus` is the point that its best seats are nearest to. `companions` names
    the accessible place that each companion place belongs to.
    """

    section_id: str
    name: str
    first: int
    focus: Point
    outline: tuple[Point, ...]
    rows: tuple[Row, ...]
    accessible: frozenset[int] = frozenset()
    companions: tuple[tuple[int, int], ...] = ()
    translations: tuple[tuple[str, str], ...] = ()

    @cached_property
    def seats_total(self) -> int:
        """How many seats it has."""
        return sum(len(row.labels) for row in self.rows)

    @property
    def numbers(self) -> range:
        """The numbers of its seats."""
        return range(self.first, self.first + self.seats_total)

    @cached_property
    def grade_counts(self) -> dict[str, int]:
        """How many seats of each grade it has, in the order in which they appear."""
        return dict(Counter(grade for row in self.rows for grade in row.grades))

    def runs(self) -> Iterator[tuple[Row, range]]:
        """Go through what is side by side: the row, and the seat numbers of a run of it."""
        number = self.first
        for row in self.rows:
            for length in row.runs:
                yield row, range(number, number + length)
                number += length

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """All seats, by number."""
        seats: list[Seat] = []
        companions = dict(self.companions)
        for row in self.rows:
            for label, x, y, grade in zip(row.labels, row.xs, row.ys, row.grades, strict=True):
                number = self.first + len(seats)
                seat: Seat = {
                    "seatNumber": number,
                    "sectionId": self.section_id,
                    "row": row.label,
                    "label": label,
                    "x": x,
                    "y": y,
                    "gradeId": grade,
                }
                if number in self.accessible:
                    seat["accessible"] = True
                if number in companions:
                    seat["companionOf"] = companions[number]
                seats.append(seat)
        return tuple(seats)

    def seat(self, number: int) -> Seat:
        """Return the seat of this number, which must be one of the section's."""
        return self.seats[number - self.first]

    def neighbours(self) -> dict[int, tuple[int | None, int | None]]:
        """Name the seats to the left and to the right of each seat."""
        return {
            number: (number - 1 if number > run.start else None, number + 1 if number < run.stop - 1 else None)
            for _, run in self.runs()
            for number in run
        }

    def summary(self) -> SectionSummary:
        """Say what is known of it without its seats."""
        summary: SectionSummary = {
            "sectionId": self.section_id,
            "name": self.name,
            "first": self.first,
            "seatsTotal": self.seats_total,
            "gradeCounts": self.grade_counts,
        }
        if self.translations:
            summary["translations"] = _translations(self.translations)
        return summary

    def text(self) -> str:
        """Write it as compact JSON, the same text for the same layout; 600 seats are about 7 kB."""
        stored: dict[str, Any] = {
            "sectionId": self.section_id,
            "name": self.name,
            "first": self.first,
            "focus": self.focus,
            "outline": self.outline,
            "accessible": sorted(self.accessible),
            "companions": self.companions,
            "translations": self.translations,
            "rows": [
                [row.label, _pack(row.labels), _alike(row.xs), _alike(row.ys), _repeats(row.grades), row.runs]
                for row in self.rows
            ],
        }
        return json.dumps(stored, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> "Section":
        """Read what `text` wrote."""
        stored = json.loads(text)
        return cls(
            stored["sectionId"],
            stored["name"],
            stored["first"],
            _point(stored["focus"]),
            tuple(map(_point, stored["outline"])),
            tuple(map(_read_row, stored["rows"])),
            frozenset(stored["accessible"]),
            tuple(map(_point, stored["companions"])),
            tuple((language, name) for language, name in stored["translations"]),
        )


@dataclass(frozen=True, eq=False)
class Hall:
    """A venue's layout. Grades and sections are in the order of preference, best first."""

    hall_id: str
    name: str
    grades: tuple[Grade, ...]
    sections: tuple[Section, ...]
    translations: tuple[tuple[str, str], ...] = ()

    @cached_property
    def version(self) -> str:
        """The hash of everything that is drawn, sold or judged, so that a change of any of it is another version."""
        told = json.dumps([self.hall_id, self.name, self.grades, self.translations], ensure_ascii=False, sort_keys=True)
        texts = [told, *(section.text() for section in self.sections)]
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

    @property
    def seats_total(self) -> int:
        """How many seats it has."""
        return sum(section.seats_total for section in self.sections)

    def summary(self) -> HallSummary:
        """Say what is known of it without its seats."""
        summary: HallSummary = {
            "hallId": self.hall_id,
            "version": self.version,
            "name": self.name,
            "grades": list(self.grades),
            "sections": [section.summary() for section in self.sections],
        }
        if self.translations:
            summary["translations"] = _translations(self.translations)
        return summary


def section_of(summary: HallSummary, seat_number: int) -> SectionSummary | None:
    """Find the section that has a seat, or None when no section has it."""
    for section in summary["sections"]:
        if section["first"] <= seat_number < section["first"] + section["seatsTotal"]:
            return section
    return None


def _translations(names: Sequence[tuple[str, str]]) -> Translations:
    return {language: {"name": name} for language, name in names}


def _point(stored: Sequence[int]) -> Point:
    x, y = stored
    return x, y


def _read_row(stored: Sequence[Any]) -> Row:
    label, labels, xs, ys, grades, runs = stored
    length = sum(runs)
    return Row(
        label,
        tuple(_unpack(labels)),
        tuple(xs) if isinstance(xs, list) else (xs,) * length,
        tuple(ys) if isinstance(ys, list) else (ys,) * length,
        tuple(grade for grade, times in grades for _ in range(times)),
        tuple(runs),
    )


def _alike(values: Sequence[int]) -> Sequence[int] | int:
    return values[0] if len(set(values)) == 1 else values


def _repeats(values: Sequence[str]) -> list[tuple[str, int]]:
    repeats: list[tuple[str, int]] = []
    for value in values:
        times = repeats.pop()[1] if repeats and repeats[-1][0] == value else 0
        repeats.append((value, times + 1))
    return repeats


def _pack(labels: Sequence[str]) -> list[str]:
    """Write labels that count up or down by one as `first..last`."""
    packed: list[list[str]] = []
    step = 0
    for label in labels:
        last = packed[-1] if packed else []
        difference = int(label) - int(last[-1]) if last and _counts(label) and _counts(last[-1]) else 0
        if difference in (1, -1) and (len(last) == 1 or difference == step):
            last[1:] = [label]
            step = difference
        else:
            packed.append([label])
    return ["..".join(ends) for ends in packed]


def _counts(label: str) -> bool:
    return re.fullmatch(r"0|[1-9][0-9]{0,5}", label) is not None


def _unpack(packed: Sequence[str]) -> Iterator[str]:
    for each in packed:
        first, dots, last = each.partition("..")
        if not dots:
            yield first
        elif int(first) <= int(last):
            yield from map(str, range(int(first), int(last) + 1))
        else:
            yield from map(str, range(int(first), int(last) - 1, -1))
