"""Which seats a party gets that asks for the best ones, and whether picked seats leave somebody's place alone. Pure.

The order: side by side in one row with nobody's neighbour left single, nearest to the section's focus; the same with a
single left; then in several rows, near each other, with as few of the party alone as can be. It is judged on one
snapshot, for the whole party, on the row as it will be: a single is a free seat that loses its last free neighbour.

A crowd that asks at once must not fight over one best block. So the blocks of one snapshot do not overlap, and a party
takes one of the best few by its seed, the better ones more likely; the larger the crowd, the more are the few, and each
conflict that the party has met doubles them.

A section is looked at as bytes: its grade for each seat that may be had, and a zero for one that may not and between
seats that are not side by side. So what is free side by side is what a regular expression finds.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby
from math import dist, isqrt
from typing import NamedTuple

from booking.layout import Section

RUSH = 20
"""How many others are taken to choose from the same snapshot, where nothing else is known."""
BLOCKS_EACH = 4
"""Among how many blocks for each of them a party chooses; modelled, that leaves 0.3 conflicts a success."""
ANCHORS = 24
"""Around how many places, the nearest to the focus first, a party that cannot sit side by side is seated on trial."""
WEIGHED = 8
"""Up to how many people all ways to cut a party are compared."""
TRIALS = 24
"""How many places, the nearest first, are tried for each of several picked blocks that leave a single."""
MOVED = 4
"""Of how many picked blocks it is tried to move each by itself."""

ANY, NONE = 0, 255
"""Codes that no grade has: for a party that wants any, and for one that wants a grade which is not there."""

type Seats = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A section and the seats that were held or sold, all of one read; other sections' may be among them."""

    section: Section
    taken: Collection[int]


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks. `accessible` asks for an accessible place with its companion places, and others for the rest.

    `released` says that the time has come when accessible places are sold to everybody.
    """

    quantity: int
    grade_id: str | None = None
    accessible: bool = False
    released: bool = False


class Choice(NamedTuple):
    """Seats for the whole party, by number, and whether all are side by side."""

    seats: Seats
    together: bool


class Shortfall(NamedTuple):
    """Too few seats: how many this party could have, and how many of them side by side at most."""

    available: int
    together: int


class Alone(NamedTuple):
    """Seats that picked ones would leave single, and as many of the same grades that would leave none."""

    seats: Seats
    instead: Seats


class _Block(NamedTuple):
    """Seats side by side: the sum of their distances to the focus, twice the place of their middle, and their run."""

    cost: int
    seats: Seats
    x: int
    y: int
    run: int


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What never changes of a section, by position in its bytes; `position` itself goes by seat.

    Two zeros stand before the first seat, two after the last and one between runs, so that whoever looks two seats to
    either side always finds something. `distance` sums the distances to the focus of all seats before a position.
    """

    seats: bytes
    unkept: bytes
    codes: dict[str, int]
    position: tuple[int, ...]
    number: tuple[int, ...]
    distance: tuple[int, ...]
    xs: tuple[int, ...]
    ys: tuple[int, ...]


@lru_cache(maxsize=256)
def _plan(section: Section) -> _Plan:
    codes = {grade: code for code, grade in enumerate(section.grade_counts, start=1)}
    number = [0, 0]
    for _, run in section.runs():
        number += [*run, 0]
    number.append(0)
    position = [place for place, each in enumerate(number) if each]
    seats, xs, ys, distances = bytearray(len(number)), [0] * len(number), [0] * len(number), [0] * len(number)
    for place, seat in zip(position, section.seats, strict=True):
        seats[place] = codes[seat["gradeId"]]
        xs[place], ys[place] = seat["x"], seat["y"]
        distances[place] = isqrt((seat["x"] - section.focus[0]) ** 2 + (seat["y"] - section.focus[1]) ** 2)
    unkept = bytearray(seats)
    for each in (*section.accessible, *dict(section.companions)):
        unkept[position[each - section.first]] = 0
    distance = tuple(accumulate(distances, initial=0))
    return _Plan(bytes(seats), bytes(unkept), codes, tuple(position), tuple(number), distance, tuple(xs), tuple(ys))


class _View:
    """What one party may have of a section: `free` in its bytes, of which `wanted` matches what it asks for."""

    def __init__(self, section: Section, free: bytearray, code: int) -> None:
        self.section = section
        self.plan = _plan(section)
        self.free = free
        self.code = code
        self.wanted = rb"[^\0]" if code == ANY else b"[\\x%02x]" % code

    @classmethod
    def of(cls, snapshot: Snapshot, grade_id: str | None, *, released: bool) -> "_View":
        """Look at a snapshot; kept places are not free before their release."""
        plan, first = _plan(snapshot.section), snapshot.section.first
        free, position = bytearray(plan.seats if released else plan.unkept), plan.position
        for number in snapshot.taken:
            if 0 <= number - first < len(position):
                free[position[number - first]] = 0
        return cls(snapshot.section, free, ANY if grade_id is None else plan.codes.get(grade_id, NONE))

    def changed(self, positions: Iterable[int], content: bytes | bytearray) -> "_View":
        """Look at the section with these positions as they are in other bytes."""
        free = bytearray(self.free)
        for each in positions:
            free[each] = content[each]
        return _View(self.section, free, self.code)

    def positions(self, numbers: Iterable[int]) -> list[int]:
        """Return where seats are in the bytes."""
        return sorted(self.plan.position[number - self.section.first] for number in numbers)

    def runs(self, least: int = 1) -> list[tuple[int, int]]:
        """Find what is wanted and free side by side, at least so many, as positions from and to."""
        pattern = b"%b{%d,}" % (self.wanted, least)
        return [match.span() for match in re.finditer(pattern, self.free, re.DOTALL)]

    def is_clean(self, start: int, stop: int) -> bool:
        """Tell whether taking what is between leaves no single on either side."""
        free = self.free
        return not (free[start - 1] and not free[start - 2]) and not (free[stop] and not free[stop + 1])

    def count(self) -> int:
        """Count the seats that are wanted and free."""
        any_grade = len(self.free) - self.free.count(0)
        return any_grade if self.code == ANY else self.free.count(self.code)

    def is_wanted(self, start: int, stop: int) -> bool:
        """Tell whether everything between is wanted and free, side by side."""
        return re.fullmatch(b"%b{%d}" % (self.wanted, stop - start), self.free[start:stop], re.DOTALL) is not None

    def numbers(self) -> list[int]:
        """List the seats that are wanted and free."""
        return [number for start, stop in self.runs() for number in self.plan.number[start:stop]]

    def are_side_by_side(self, seats: Seats) -> bool:
        """Tell whether all these seats are of this section and in one row without a break."""
        if not all(number in self.section.numbers for number in seats):
            return False
        places = self.positions(seats)
        return places[-1] - places[0] + 1 == len(places)

    def count_alone(self, seats: Seats) -> int:
        """Count the seats of a party that have none of it beside them."""
        places = set(self.positions(seats))
        return sum(place - 1 not in places and place + 1 not in places for place in places)

    def block(self, start: int, stop: int, run: int) -> _Block:
        """Return the block between two positions of a run."""
        plan = self.plan
        return _Block(
            plan.distance[stop] - plan.distance[start],
            plan.number[start:stop],
            plan.xs[start] + plan.xs[stop - 1],
            plan.ys[start] + plan.ys[stop - 1],
            plan.number[run],
        )

    def windows(self, size: int) -> list[_Block]:
        """List every block of a size, nearest to the focus first."""
        return sorted(
            self.block(each, each + size, start)
            for start, stop in self.runs(size)
            for each in range(start, stop - size + 1)
        )

    def blocks(self, size: int, *, clean: bool) -> list[Seats]:
        """List blocks of a size that do not overlap, nearest to the focus first."""
        distance, number = self.plan.distance, self.plan.number
        found = []
        for start, stop in self.runs(size):
            starts = self._cut(start, stop, size)
            if clean:
                starts = [each for each in starts if self.is_clean(each, each + size)] or [
                    each for each in range(start, stop - size + 1) if self.is_clean(each, each + size)
                ][:1]
            found += [(distance[each + size] - distance[each], each) for each in starts]
        found.sort()
        return [number[each : each + size] for _, each in found]

    def _cut(self, start: int, stop: int, size: int) -> list[int]:
        """Cut a run into blocks from the end that is nearer to the focus; what is over lies before the last.

        Anywhere else it would leave a single in the midst of a row.
        """
        distance, more = self.plan.distance, ((stop - start) // size - 1) * size
        if distance[start + 1] - distance[start] <= distance[stop] - distance[stop - 1]:
            return [*range(start, start + more, size), stop - size if more else start]
        return [start if more else stop - size, *range(stop - more, stop, size)]


def choose(
    snapshots: Sequence[Snapshot], party: Party, seed: str, *, rush: int = RUSH, conflicts: int = 0
) -> Choice | Shortfall:
    """Choose seats for the whole party, or say how many there are.

    The sections are tried in the order that is given. Deterministic: the same arguments give the same seats. `rush`
    says how many others may be choosing at this moment: with none, the party gets the very best. `conflicts` counts
    how often what this party chose had been taken by others a moment before.
    """
    views = [
        _View.of(snapshot, party.grade_id, released=party.released and not party.accessible) for snapshot in snapshots
    ]
    if party.accessible:
        whole = [_View.of(snapshot, party.grade_id, released=True) for snapshot in snapshots]
        ranked = _with_accessible_place(views, whole, party)
    else:
        ranked = _side_by_side(views, party.quantity) or _apart(views, party.quantity)
    if isinstance(ranked, Shortfall):
        return ranked
    few = min(len(ranked), max(1, rush * BLOCKS_EACH) << min(conflicts, 16))
    seats = ranked[_better_of_two(f"{seed}/{conflicts}", few)]
    return Choice(tuple(sorted(seats)), any(view.are_side_by_side(seats) for view in views))


def section_order(available: Iterable[tuple[str, int]], quantity: int) -> list[str]:
    """Order sections for a party that named none: as they come, but first those that seem to have enough free seats.

    The counts may be some seconds old, so none is left out.
    """
    counted = list(available)
    enough = [section_id for section_id, count in counted if count >= quantity]
    return enough + [section_id for section_id, count in counted if count < quantity]


def kept_places(section: Section, picked: Collection[int], *, accessible: bool, released: bool) -> list[int]:
    """Name the picked seats that this buyer may not have.

    Until their release accessible places are for those who ask for one, and a companion place goes with its own.
    """
    companions = dict(section.companions)
    return [
        number
        for number in sorted(picked)
        if not released
        and (
            (number in section.accessible and not accessible)
            or (number in companions and not (accessible and companions[number] in picked))
        )
    ]


def leaves_single(snapshot: Snapshot, picked: Collection[int], *, released: bool = False) -> Alone | None:
    """Tell which seats of this section the picked ones would leave single, and what to take instead.

    None also when nothing better is to be had: as many seats of the same grades in the section, all side by side or
    in blocks as large as the picked ones. A party that fits is never turned away.
    """
    view = _View.of(snapshot, None, released=released)
    places = view.positions(picked)
    view = view.changed(places, view.plan.seats)  # a kept place that this buyer may have is part of the row
    after = view.changed(places, bytes(len(view.free))).free
    sides = sorted({side for place in places for side in (place - 1, place + 1)})
    alone = [side for side in sides if after[side] and not after[side - 1] and not after[side + 1]]
    if not alone:
        return None
    groups = [places[:1]]
    for place in places[1:]:
        if place == groups[-1][-1] + 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    instead = _moved(view, [places]) or (_moved(view, groups) if len(groups) <= MOVED else None)
    number = view.plan.number
    return Alone(tuple(number[side] for side in alone), tuple(sorted(instead))) if instead else None


def _moved(view: _View, groups: Sequence[Sequence[int]]) -> Seats | None:
    """Move picked blocks, one after the other, to the nearest places of the same grades that leave no single."""
    if not groups:
        return ()
    size, plan = len(groups[0]), view.plan
    grades = sorted(plan.seats[place] for place in groups[0])
    x, y = (2 * sum(axis[place] for place in groups[0]) / size for axis in (plan.xs, plan.ys))
    fitting = [
        (dist((x, y), (plan.xs[at] + plan.xs[to - 1], plan.ys[at] + plan.ys[to - 1])), at)
        for start, stop in view.runs(size)
        for at, to in zip(range(start, stop), range(start + size, stop + 1), strict=False)
        if view.is_clean(at, to) and sorted(plan.seats[at:to]) == grades
    ]
    for _, at in sorted(fitting)[:TRIALS]:
        places = range(at, at + size)
        rest = _moved(view.changed(places, bytes(len(view.free))), groups[1:])
        if rest is not None:
            return plan.number[at : at + size] + rest
    return None


def _side_by_side(views: Sequence[_View], quantity: int) -> list[Seats]:
    """Rank the blocks of the first section that has a clean one, else of the first that has any."""
    for clean in (True, False):
        for view in views:
            if blocks := view.blocks(quantity, clean=clean):
                return blocks
    return []


def _apart(views: Sequence[_View], quantity: int) -> list[Seats] | Shortfall:
    """Rank ways to seat a party in several rows of the first section that has enough seats, else of all sections."""
    counts = [view.count() for view in views]
    for view, count in zip(views, counts, strict=True):
        if count >= quantity:
            return _split([view], quantity)
    if sum(counts) >= quantity:
        return _split(views, quantity)
    return Shortfall(sum(counts), max((stop - start for view in views for start, stop in view.runs()), default=0))


def _split(views: Sequence[_View], quantity: int) -> list[Seats]:
    possible = _cuts(quantity, [stop - start for view in views for start, stop in view.runs()])
    least = min(map(_loneliness, possible))
    pieces = _Pieces(views)
    ranked = [
        found
        for parts in possible
        if _loneliness(parts) == least
        for anchor in pieces.of(parts[0])[:ANCHORS]
        if (found := pieces.around(anchor, parts[1:])) is not None
    ]
    return [seats for _, seats in sorted(ranked)]


class _Pieces:
    """Every block that some views allow, by size, nearest to the focus first."""

    def __init__(self, views: Sequence[_View]) -> None:
        self.views = views
        self.by_size: dict[int, list[_Block]] = {}

    def of(self, size: int) -> list[_Block]:
        """List the blocks of a size."""
        if size not in self.by_size:
            self.by_size[size] = sorted(block for view in self.views for block in view.windows(size))
        return self.by_size[size]

    def around(self, anchor: _Block, parts: Sequence[int]) -> tuple[int, Seats] | None:
        """Seat the other parts of a party as near to one part as can be, each in a run of its own.

        The cost, in centimetres: for each seat the way to the focus, and for each other seat the way to the one part.
        """
        used = {anchor.run}
        cost, seats = anchor.cost, anchor.seats
        for size, parts_of_size in groupby(parts):
            blocks, x, y = self.of(size), anchor.x, anchor.y
            costs = [own + isqrt((at - x) ** 2 + (to - y) ** 2) * size // 2 for own, _, at, to, _ in blocks]
            nearest = iter(sorted(range(len(blocks)), key=costs.__getitem__))
            for _ in parts_of_size:
                near = next((each for each in nearest if blocks[each].run not in used), None)
                if near is None:
                    return None
                used.add(blocks[near].run)
                cost += costs[near]
                seats += blocks[near].seats
        return cost, seats


def _cuts(quantity: int, lengths: Iterable[int]) -> list[Seats]:
    """List the ways to cut a party into parts that fit into runs of these lengths, each into one of its own.

    Of a party larger than `WEIGHED`, which can be cut in thousands of ways, only the one into the longest runs.
    """
    runs = sorted(lengths, reverse=True)
    if quantity <= WEIGHED:
        ways = _partitions(quantity, runs[0] if runs else 0)
        return [way for way in ways if len(way) <= len(runs) and all(map(int.__le__, way, runs))]
    parts: list[int] = []
    for length in runs:
        part = min(length, quantity)
        part -= quantity - part == 1 and part > 2
        if part:
            parts.append(part)
            quantity -= part
    return [tuple(sorted(parts, reverse=True))] if quantity == 0 else []


def _partitions(quantity: int, largest: int) -> Iterator[Seats]:
    """Go through the ways to cut a party into parts, none larger than the one before."""
    if quantity == 0:
        yield ()
    for part in range(min(quantity, largest), 0, -1):
        for rest in _partitions(quantity - part, part):
            yield part, *rest


def _loneliness(parts: Sequence[int]) -> tuple[int, int]:
    """Judge a cut of a party: how many sit alone, then how many parts there are."""
    return parts.count(1), len(parts)


def _with_accessible_place(views: Sequence[_View], whole: Sequence[_View], party: Party) -> list[Seats] | Shortfall:
    """Rank what a party that needs an accessible place can have.

    Its unit is the place and its companion places. A unit is not broken for fewer people while a smaller one is free;
    then the order is that of every party, with the rest beside the unit or else near it, in seats that nobody else
    needs. Only when these are too few are other units touched.
    """
    quantity = party.quantity
    units = [(order, unit) for order, every in enumerate(whole) for unit in _units(every)]
    if not units:
        return Shortfall(0, 0)
    ranked: list[tuple[tuple[int, ...], Seats]] = []
    for order, unit in units:
        places = views[order].positions(unit[:quantity])
        own = views[order].changed(places, whole[order].free)
        for start in range(max(0, places[-1] + 1 - quantity), places[0] + 1):
            if own.is_wanted(start, start + quantity):
                block = own.block(start, start + quantity, start)
                unclean = not own.is_clean(start, start + quantity)
                ranked.append(((len(unit) > quantity, unclean, order, block.cost), block.seats))
    for order, unit in units if not ranked else ():
        pieces, mine, plan = _Pieces([views[order]]), unit[:quantity], views[order].plan
        places = views[order].positions(mine)
        x, y = (2 * sum(axis[place] for place in places) // len(places) for axis in (plan.xs, plan.ys))
        anchor = _Block(sum(plan.distance[place + 1] - plan.distance[place] for place in places), mine, x, y, 0)
        for parts in _cuts(quantity - len(mine), [stop - start for start, stop in views[order].runs()]):
            if found := pieces.around(anchor, parts):
                alone = whole[order].count_alone(found[1])
                ranked.append(((len(unit) > quantity, alone, order, found[0]), found[1]))
    if not ranked:
        return _crowded(views, whole, units, party)
    best = min(ranked)[0][:3]
    return [seats for key, seats in sorted(ranked) if key[:3] == best]


def _units(every: _View) -> Iterator[Seats]:
    """Go through the accessible places that are free and wanted, each with its free companion places behind it."""

    def is_free(number: int) -> bool:
        (place,) = every.positions([number])
        return every.is_wanted(place, place + 1)

    for place in filter(is_free, sorted(every.section.accessible)):
        companions = (number for number, of in every.section.companions if of == place)
        yield place, *sorted(filter(is_free, companions), key=lambda number: (abs(number - place), number))


def _crowded(
    views: Sequence[_View], whole: Sequence[_View], units: Sequence[tuple[int, Seats]], party: Party
) -> list[Seats] | Shortfall:
    """Seat a party around the first unit: in ordinary seats, its own section's first, then in other units."""
    order, unit = units[0]
    sections = [views[order], *views[:order], *views[order + 1 :]]
    usable = dict.fromkeys(unit)
    usable |= dict.fromkeys(number for view in sections for number in view.numbers())
    usable |= dict.fromkeys(number for _, other in units for number in other)
    if party.released:
        usable |= dict.fromkeys(number for every in whole for number in every.numbers())
    if len(usable) >= party.quantity:
        return [tuple(usable)[: party.quantity]]
    longest = 0
    for order, unit in units:
        places = views[order].positions(unit)
        own = views[order].changed(places, whole[order].free)
        longest = max([longest, *(stop - start for start, stop in own.runs() if start <= places[0] < stop)])
    return Shortfall(len(usable), longest)


def _better_of_two(seed: str, count: int) -> int:
    """Choose one of so many by a seed: the lower of two numbers, so that early ones are more likely.

    Of all ways to choose that meet as seldom, this one is near to the one that loses least quality.
    """
    drawn = hashlib.sha256(seed.encode()).digest()
    return min(int.from_bytes(part) * count >> 64 for part in (drawn[:8], drawn[8:16]))
