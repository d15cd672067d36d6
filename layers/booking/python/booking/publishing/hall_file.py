"""The hall file that organisers write: its shape, its mistakes by line and field, and the seats that it describes.

Lengths are centimetres, directions degrees. The middle of the stage's edge is [0, 0], x grows to the right and y away
from the stage. A section's rows go back in the direction of its `bearing`: 0 straight away from the stage, 90 to the
right. They are straight, from `at`, or arcs around `centre` whose first has the `radius`.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, Field, model_validator

from booking.layout import MAX_SEATS, MAX_SECTION_SEATS, Grade, Hall, Point, Row, Section
from booking.publishing.document import STRICT, Document, Identifier, Language, Location, Text, read_document

NEAREST_CM = 40
"""Chairs whose middles are nearer than this stand in each other."""
MOST_WRITTEN_OUT = 500_000
"""How many seats and labels the halls of a file may stand for, each as often as it is named: as five of the largest do.
So none is built for longer than a request may take, whatever a short line stands for."""
OUTLINE_STEPS = 8
"""Into how many straight pieces the front and the back of a curved section are drawn."""

Centimetres = Annotated[int, Field(ge=-100_000, le=100_000)]
Length = Annotated[int, Field(ge=1, le=100_000)]
Degrees = Annotated[float, Field(ge=-360, le=360)]
Place = Annotated[list[Centimetres], Field(min_length=2, max_length=2)]
Label = Annotated[int, Field(ge=0, le=99_999)] | Annotated[str, Field(min_length=1, max_length=20)]
"""What is printed on a chair or a row, or several that follow each other: 7, B, 1-12, A-F."""


class _Entry(BaseModel):
    model_config = STRICT


class Words(_Entry):
    """What something is called in another language."""

    name: Text


class GradeEntry(_Entry):
    """A grade; the best comes first in the file."""

    gradeId: Identifier  # noqa: N815 - the names of the HTTP contract
    name: Text
    translations: dict[Language, Words] = {}


class RowsEntry(_Entry):
    """A row, or several alike, one behind the other.

    `seats` is how many there are, or their numbers; without it, as many as fit in the section's `width`. They are
    numbered from `first` by `step`, from the left or the right as those who sit there see it. `grow` is how many more
    each row has than the one before. `aisles` says after how many seats from the left there is an aisle, or with a
    minus from the right. `missing`, `accessible`, `companions` (of which place) and `grades` go by the numbers on the
    chairs. `gap` is how much farther back the first row is, `shift` how far to the right all are.
    """

    rows: Label | list[Label]
    skip: list[Label] = []
    seats: Annotated[int, Field(ge=1, le=MAX_SECTION_SEATS)] | str | list[Label] | None = None
    grow: Annotated[int, Field(ge=-20, le=20)] = 0
    first: Annotated[int, Field(ge=0, le=9_999)] = 1
    step: Annotated[int, Field(ge=1, le=10)] = 1
    numbered: Literal["from left", "from right"] = "from left"
    aisles: list[Annotated[int, Field(ge=-MAX_SECTION_SEATS, le=MAX_SECTION_SEATS)]] = []
    missing: list[Label] = []
    grade: Identifier | None = None
    grades: dict[Identifier, list[Label]] = {}
    accessible: list[Label] = []
    companions: dict[str, Label] = {}
    gap: Annotated[int, Field(ge=0, le=10_000)] = 0
    shift: Centimetres = 0


class Copy(_Entry):
    """The same section on the other side of the hall."""

    sectionId: Identifier  # noqa: N815
    name: Text
    translations: dict[Language, Words] = {}


class Around(_Entry):
    """The same section several times around the centre, each turned further; `{n}` in its id and names counts them."""

    times: Annotated[int, Field(ge=2, le=100)]
    turn: Degrees
    first: Annotated[int, Field(ge=0, le=9_999)] = 1


class SectionEntry(_Entry):
    """A section of the hall: where its rows are, and what they have in common."""

    sectionId: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}(\{n\})?$")]  # noqa: N815
    name: Text
    translations: dict[Language, Words] = {}
    grade: Identifier | None = None
    at: Place | None = None
    centre: Place = [0, 0]
    radius: Length | None = None
    bearing: Degrees = 0
    width: Annotated[float, Field(gt=0, le=360)] | None = None
    align: Literal["left", "centre", "right"] = "centre"
    seatWidth: Length = 55  # noqa: N815
    rowDepth: Length = 95  # noqa: N815
    aisleWidth: Length = 110  # noqa: N815
    focus: Place | None = None
    rows: Annotated[list[RowsEntry], Field(min_length=1)]
    mirror: Copy | None = None
    around: Around | None = None

    @model_validator(mode="after")
    def _has_one_shape(self) -> Self:
        if (self.at is None) == (self.radius is None):
            raise ValueError("needs either at, for straight rows, or radius, for curved ones")
        if self.radius is None and (self.width is not None or self.around is not None):
            raise ValueError("can have width and around only with radius")
        if ("{n}" in self.sectionId) != (self.around is not None):
            raise ValueError("needs {n} in its sectionId if it is repeated around, and only then")
        return self


class HallEntry(_Entry):
    """A hall: its grades, the best first, and its sections."""

    hallId: Identifier  # noqa: N815
    name: Text
    translations: dict[Language, Words] = {}
    grades: Annotated[list[GradeEntry], Field(min_length=1, max_length=20)]
    sections: Annotated[list[SectionEntry], Field(min_length=1, max_length=200)]


def read_hall(name: str, text: str) -> Hall:
    """Read and check a whole file.

    Raises:
        Mistaken: with every mistake that was found.

    """
    document, content = read_document(name, text, HallEntry)
    hall = build_hall(document, content, ())
    document.ensure_right()
    return hall


def build_hall(document: Document, content: HallEntry, at: Location) -> Hall:
    """Build the hall that stands at a place in a file, as far as it is right; mistakes are reported there."""
    return _Builder(document, content, at).build()


class _Chair(NamedTuple):
    """A chair before it has a number: `along` says how far to the right of its row's middle its own middle is."""

    label: str
    along: float
    grade: str
    accessible: bool
    companion_of: str | None


@dataclass(frozen=True)
class _Line:
    """A row before its seats have numbers, `depth` behind the first row: its runs, from left to right."""

    label: str
    depth: float
    runs: list[list[_Chair]]

    @property
    def chairs(self) -> list[_Chair]:
        """Every chair, from left to right."""
        return [chair for run in self.runs for chair in run]


@dataclass(frozen=True)
class _Frame:
    """Where a section's rows are. `mirrored` turns left and right, `turned` turns it around its centre."""

    entry: SectionEntry
    turned: float = 0
    mirrored: bool = False

    def place(self, depth: float, along: float) -> Point:
        """Return the point so far behind the first row and so far to the right of its middle."""
        entry = self.entry
        direction = math.radians(entry.bearing + self.turned)
        if entry.radius is None:
            x, y = entry.at or (0, 0)
        else:
            depth += entry.radius
            direction += along / depth
            x, y, along = *entry.centre, 0
        east, south = math.sin(direction), math.cos(direction)
        right = x + along * south + depth * east
        return round(-right if self.mirrored else right), round(y - along * east + depth * south)

    def focus(self) -> Point:
        """Return the point that the section's best seats are nearest to: the stage, if the file names none."""
        x, y = self.entry.focus or (0, 0)
        return -x if self.mirrored else x, y

    def outline(self, lines: Sequence[_Line]) -> tuple[Point, ...]:
        """Draw a line around the rows, half a chair and half a row outside of them."""
        entry = self.entry
        sides = [
            (line.depth, line.chairs[0].along - entry.seatWidth / 2, line.chairs[-1].along + entry.seatWidth / 2)
            for line in lines
        ]
        steps = OUTLINE_STEPS if entry.radius else 1
        (front, left, right), (back, back_left, back_right) = sides[0], sides[-1]
        front, back = front - entry.rowDepth / 2, back + entry.rowDepth / 2
        points = [self.place(front, left + (right - left) * step / steps) for step in range(steps + 1)]
        points += [self.place(depth, end) for depth, _, end in sides]
        points += [self.place(back, back_right + (back_left - back_right) * step / steps) for step in range(steps + 1)]
        points += [self.place(depth, start) for depth, start, _ in reversed(sides)]
        return tuple(dict.fromkeys(points))


class _Builder:
    """Turns a file's entries into a hall and reports what cannot be."""

    def __init__(self, document: Document, content: HallEntry, at: Location) -> None:
        self.document = document
        self.at = at
        self.before = len(document.mistakes)
        self.content = content
        self.grades = {grade.gradeId for grade in content.grades}
        self.sections: dict[str, Section] = {}
        self.where: dict[str, Location] = {}
        self.reported: set[Location] = set()
        self.first = 1

    def build(self) -> Hall:
        """Build the hall, as far as it is right."""
        content = self.content
        for index, grade in enumerate(content.grades):
            if grade.gradeId in {other.gradeId for other in content.grades[:index]}:
                self._report(("grades", index, "gradeId"), f"{grade.gradeId!r} appears twice")
        for index, entry in enumerate(content.sections):
            self._add_all(("sections", index), entry)
        if self.first - 1 > MAX_SEATS:
            self._report(("sections",), f"have more than {MAX_SEATS} seats together")
        if len(self.document.mistakes) == self.before:
            self._report_overlaps()
        grades = tuple(_grade(grade) for grade in content.grades)
        sections = tuple(self.sections.values())
        return Hall(content.hallId, content.name, grades, sections, _translations(content.translations))

    def _report(self, at: Location, sentence: str) -> None:
        """Note a mistake once for each place in the file, however many rows it is in."""
        if at not in self.reported:
            self.reported.add(at)
            self.document.report((*self.at, *at), sentence)

    def _count(self, at: Location, number: int) -> None:
        """Count what the file stands for; raise Mistaken with all that was found where that is too much."""
        self.document.written_out += number
        if self.document.written_out > MOST_WRITTEN_OUT:
            self._report(at, f"is too much: the file's halls stand for more than {MOST_WRITTEN_OUT} seats and labels")
            self.document.ensure_right()

    def _add_all(self, at: Location, entry: SectionEntry) -> None:
        lines = self._lines(at, entry)
        if not lines or self.first - 1 > MAX_SEATS:
            return
        around = entry.around or Around(times=2, turn=0)
        for turn in range(around.times if entry.around else 1):
            self._add(at, _Frame(entry, turned=turn * around.turn), lines, entry, str(around.first + turn))
        if entry.mirror:
            self._add((*at, "mirror"), _Frame(entry, mirrored=True), lines, entry.mirror, "")

    def _add(self, at: Location, frame: _Frame, lines: list[_Line], names: SectionEntry | Copy, number: str) -> None:
        section_id = names.sectionId.replace("{n}", number)
        if section_id in self.sections:
            self._report((*at, "sectionId"), f"{section_id!r} appears twice")
        accessible: list[int] = []
        companions: list[tuple[int, int]] = []
        rows: list[Row] = []
        first = self.first
        for line in lines:
            runs = [run[::-1] for run in line.runs[::-1]] if frame.mirrored else line.runs
            chairs = [chair for run in runs for chair in run]
            self._count((*at, "sectionId"), len(chairs))
            numbers = {chair.label: self.first + index for index, chair in enumerate(chairs)}
            accessible += [numbers[chair.label] for chair in chairs if chair.accessible]
            companions += [
                (numbers[each.label], numbers[each.companion_of]) for each in chairs if each.companion_of in numbers
            ]
            xs, ys = zip(*(frame.place(line.depth, chair.along) for chair in chairs), strict=True)
            labels, grades = tuple(chair.label for chair in chairs), tuple(chair.grade for chair in chairs)
            rows.append(Row(line.label, labels, xs, ys, grades, tuple(map(len, runs))))
            self.first += len(chairs)
        self.where[section_id] = (*at, "sectionId")
        self.sections[section_id] = Section(
            section_id,
            names.name.replace("{n}", number),
            first,
            frame.focus(),
            frame.outline(lines),
            tuple(rows),
            frozenset(accessible),
            tuple(companions),
            tuple((language, name.replace("{n}", number)) for language, name in _translations(names.translations)),
        )

    def _lines(self, at: Location, entry: SectionEntry) -> list[_Line]:
        lines: list[_Line] = []
        taken: set[str] = set()
        depth = seats = 0
        for index, rows in enumerate(entry.rows):
            here: Location = (*at, "rows", index)
            depth += rows.gap
            skipped = set(self._labels((*here, "skip"), rows.skip))
            names = [name for name in self._labels((*here, "rows"), rows.rows) if name not in skipped]
            for behind, name in enumerate(names):
                if name in taken:
                    self._report((*here, "rows"), f"has row {name!r}, which the section has already")
                taken.add(name)
                lines.append(self._row(here, entry, rows, name, depth, behind))
                seats += len(lines[-1].chairs)
                if seats > MAX_SECTION_SEATS:
                    self._report((*at, "sectionId"), f"has more than {MAX_SECTION_SEATS} seats; cut it in two")
                    return []
                depth += entry.rowDepth
        return lines if all(line.runs for line in lines) else []

    def _row(self, at: Location, entry: SectionEntry, rows: RowsEntry, name: str, depth: int, behind: int) -> _Line:
        labels = self._seats(at, entry, rows, depth, behind)
        self._count((*at, "seats"), 1 + len(labels) + len(rows.aisles))
        known = set(labels)
        if repeated := [label for label, times in Counter(labels).items() if times > 1]:
            self._report((*at, "seats"), f"has seat {repeated[0]!r} twice in row {name!r}")
        aisles = [aisle if aisle > 0 else len(labels) + aisle for aisle in rows.aisles]
        for given, aisle in zip(rows.aisles, aisles, strict=True):
            if not (given and 0 < aisle < len(labels)):
                self._report((*at, "aisles"), f"has {given}, which is not between two seats of row {name!r}")

        def these(kind: str, spec: Label | list[Label]) -> set[str]:
            named = self._labels((*at, kind), spec)
            if unknown := [label for label in named if label not in known]:
                self._report((*at, kind), f"names seat {unknown[0]!r}, which row {name!r} does not have")
            return set(named)

        missing, accessible = these("missing", rows.missing), these("accessible", rows.accessible)
        companions = {label: str(of) for label, of in rows.companions.items()}
        these("companions", list(companions))
        for label, of in companions.items():
            if of not in accessible:
                self._report((*at, "companions"), f"has {label!r} for {of!r}, which is not an accessible place")
            if label in accessible:
                self._report((*at, "companions"), f"has {label!r}, which is an accessible place itself")
        if away := sorted(missing & (accessible | companions.keys())):
            self._report((*at, "missing"), f"has {away[0]!r}, which is an accessible or a companion place")
        grades = {label: grade for grade, spec in rows.grades.items() for label in these("grades", spec)}
        runs: list[list[_Chair]] = [[]]
        after, along = set(aisles), 0.0
        for position, label in enumerate(labels):
            if position in after:
                along += entry.aisleWidth
                runs.append([])
            if label in missing:
                runs.append([])
            else:
                grade = self._grade(at, grades.get(label) or rows.grade or entry.grade)
                chair = _Chair(label, along + entry.seatWidth / 2, grade, label in accessible, companions.get(label))
                runs[-1].append(chair)
            along += entry.seatWidth
        left = rows.shift + _left_end(entry, depth, along)
        line = _Line(name, depth, [[chair._replace(along=chair.along + left) for chair in run] for run in runs if run])
        if not line.runs:
            self._report((*at, "seats"), f"leave no seat in row {name!r}")
        return line

    def _seats(self, at: Location, entry: SectionEntry, rows: RowsEntry, depth: int, behind: int) -> list[str]:
        """List the labels of a row's seats from left to right, the missing ones too."""
        if isinstance(rows.seats, str | list):
            labels = self._labels((*at, "seats"), rows.seats)
            if rows.grow or rows.first != 1 or rows.step != 1:
                self._report((*at, "seats"), "are numbered already; grow, first and step go with a number of seats")
        else:
            seats = rows.seats
            if seats is None and (entry.radius is None or entry.width is None):
                self._report((*at, "seats"), "is missing; only a curved section with a width can be filled without it")
                return []
            if seats is None:
                length = _arc(entry, depth) - len(rows.aisles) * entry.aisleWidth
                seats = int(length / entry.seatWidth + 1e-6)
            seats += rows.grow * behind
            labels = [str(rows.first + index * rows.step) for index in range(seats)]
        return labels[::-1] if rows.numbered == "from right" else labels

    def _grade(self, at: Location, grade: str | None) -> str:
        if grade is None:
            self._report((*at, "grade"), "is missing here and in the section")
        elif grade not in self.grades:
            self._report((*at, "grade"), f"{grade!r} is not one of the hall's grades")
        return grade or ""

    def _labels(self, at: Location, spec: Label | list[Label]) -> list[str]:
        """Read labels and ranges of them: `[1-12, 14]` or `A-F`; no more than one past what a section may have."""
        given = spec if isinstance(spec, list) else [spec]
        self._count(at, 1 + len(given))
        labels: list[str] = []
        for each in given:
            try:
                labels += islice(_expanded(str(each)), MAX_SECTION_SEATS + 1 - len(labels))
            except ValueError as error:
                self._report(at, str(error))
        self._count(at, len(labels))
        return labels

    def _report_overlaps(self) -> None:
        """Report sections that have a chair in the same place, once for each section and what it overlaps with."""
        places: dict[tuple[int, int], list[tuple[Point, str, str]]] = defaultdict(list)
        told: set[tuple[str, str]] = set()
        for section in self.sections.values():
            for seat in section.seats:
                x, y = seat["x"], seat["y"]
                name = f"{section.section_id} {seat['row']} {seat['label']}"
                cell = x // NEAREST_CM, y // NEAREST_CM
                around = [places[cell[0] + i, cell[1] + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
                if not (there := [each for near in around for each in near if math.dist(each[0], (x, y)) < NEAREST_CM]):
                    places[cell].append(((x, y), name, section.section_id))
                for _, other, other_section in there:
                    pair = other_section, section.section_id
                    if pair not in told:
                        told.add(pair)
                        self._report(self.where[section.section_id], f"puts seat {name} where {other} is")


def _arc(entry: SectionEntry, depth: int) -> float:
    """Return how long a curved row is that fills the section's width."""
    return math.radians(entry.width or 0) * ((entry.radius or 0) + depth)


def _left_end(entry: SectionEntry, depth: int, length: float) -> float:
    """Return where a row of this length begins, seen from the middle that all rows have.

    Rows that are aligned left or right end where the section's width ends, or at the middle if it has none.
    """
    side = _arc(entry, depth) / 2
    return {"left": -side, "centre": -length / 2, "right": side - length}[entry.align]


def _expanded(text: str) -> Iterable[str]:
    ends = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})|([A-Z])-([A-Z])", text)
    if ends and ends[1]:
        first, last = int(ends[1]), int(ends[2])
        numbers = range(first, last + 1) if first <= last else range(first, last - 1, -1)
        return map(str, numbers)
    if ends:
        first, last = ord(ends[3]), ord(ends[4])
        return map(chr, range(first, last + 1) if first <= last else range(first, last - 1, -1))
    if re.fullmatch(r"[0-9A-Za-z]{1,6}", text):
        return [text]
    raise ValueError(f"has {text!r}, which is neither a label such as 7 or B nor a range such as 1-12 or A-F")


def _grade(entry: GradeEntry) -> Grade:
    grade: Grade = {"gradeId": entry.gradeId, "name": entry.name}
    if entry.translations:
        grade["translations"] = {language: words.model_dump() for language, words in entry.translations.items()}
    return grade


def _translations(words: Mapping[str, Words]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((language, each.name) for language, each in words.items()))
