"""Which seats the best ones are: against brute force on generated small halls, and the rules as properties."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise, product
from math import dist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.best_available import (
    Alone,
    Choice,
    Party,
    Shortfall,
    Snapshot,
    choose,
    kept_places,
    leaves_single,
    section_order,
)
from booking.layout import Row, Section

GRADES = ("r", "s")


def section_of(
    *runs_of_rows: Sequence[int],
    first: int = 1,
    section_id: str = "stalls",
    grades: Sequence[str] | None = None,
    bend: int = 0,
    accessible: Sequence[int] = (),
    companions: Sequence[tuple[int, int]] = (),
) -> Section:
    """Make a section of rows that are cut into runs; an aisle is two seats wide, a bent row is nearer at its ends."""
    rows: list[Row] = []
    done = 0
    for behind, runs in enumerate(runs_of_rows):
        xs: list[int] = []
        for index, run in enumerate(runs):
            start = xs[-1] + 165 if index else 0
            xs += range(start, start + 55 * run, 55)
        middle = xs[-1] // 2
        xs = [x - middle for x in xs]
        ys = tuple(300 + 95 * behind - bend * x * x // 100_000 for x in xs)
        row_grades = tuple(grades[done : done + len(xs)]) if grades else ("r",) * len(xs)
        labels = tuple(str(index + 1) for index in range(len(xs)))
        rows.append(Row(str(behind + 1), labels, tuple(xs), ys, row_grades, tuple(runs)))
        done += len(xs)
    return Section(section_id, section_id, first, (0, 300), (), tuple(rows), frozenset(accessible), tuple(companions))


def free_seats(snapshot: Snapshot, *, released: bool = True) -> set[int]:
    section = snapshot.section
    kept = set() if released else section.accessible | dict(section.companions).keys()
    return set(section.numbers) - set(snapshot.taken) - kept


def singles(section: Section, free: set[int]) -> set[int]:
    """Name the free seats that have no free neighbour."""
    return {
        number
        for number, sides in section.neighbours().items()
        if number in free and not any(side in free for side in sides)
    }


def left_single(section: Section, free: set[int], taken: Sequence[int]) -> set[int]:
    """Name the seats that become single when these are taken."""
    return singles(section, free - set(taken)) - singles(section, free)


def are_together(section: Section, seats: Sequence[int]) -> bool:
    neighbours, ordered = section.neighbours(), sorted(seats)
    return all(neighbours[left][1] == right for left, right in pairwise(ordered))


def count_alone(section: Section, seats: Sequence[int]) -> int:
    neighbours = section.neighbours()
    return sum(not any(side in seats for side in neighbours[number]) for number in seats)


def longest_together(section: Section, wanted: set[int]) -> int:
    neighbours, longest, run = section.neighbours(), 0, 0
    for number in section.numbers:
        joined = neighbours[number][0] is not None
        run = 0 if number not in wanted else run + 1 if joined else 1
        longest = max(longest, run)
    return longest


def wanted_of(section: Section, free: set[int], grade: str | None) -> set[int]:
    return {number for number in free if grade is None or section.seat(number)["gradeId"] == grade}


def judge(section: Section, free: set[int], seats: Sequence[int]) -> tuple[int, int]:
    """Tell how bad seats are: 0 side by side, 1 with a single left, 2 apart, and then how many are alone."""
    if are_together(section, seats):
        return (1 if left_single(section, free, seats) else 0), 0
    return 2, count_alone(section, seats)


def brute_force(section: Section, free: set[int], wanted: set[int], quantity: int) -> tuple[int, int] | None:
    """Judge the best of all choices, or return None if the party does not fit."""
    return min((judge(section, free, seats) for seats in combinations(sorted(wanted), quantity)), default=None)


@st.composite
def small_halls(draw: st.DrawFn) -> tuple[Snapshot, str | None]:
    """Draw a section of rows of 1 to 12 seats with aisles, holes, a curve and grades, some of it taken, and a wish."""
    rows = draw(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1, max_size=4))
    rows = [row for row in rows if sum(row) <= 12] or [[3]]
    total = sum(map(sum, rows))
    grades = draw(st.none() | st.lists(st.sampled_from(GRADES), min_size=total, max_size=total))
    first = draw(st.sampled_from([1, 601]))
    section = section_of(*rows, first=first, grades=grades, bend=draw(st.sampled_from([0, 40])))
    free = draw(st.sets(st.sampled_from(sorted(section.numbers)), max_size=14))
    grade = draw(st.sampled_from([None, None, *GRADES, "vip"]))
    return Snapshot(section, set(section.numbers) - free), grade


def every_small_row() -> Iterator[Snapshot]:
    """Make every row of up to 7 places, each a free seat, a taken one or an aisle."""
    for length in range(1, 8):
        for places in product("fta", repeat=length):
            if runs := [len(run) for run in "".join(places).split("a") if run]:
                seats = [place for place in places if place != "a"]
                taken = {number for number, kind in enumerate(seats, start=1) if kind == "t"}
                yield Snapshot(section_of(runs), taken)


@pytest.mark.parametrize("quantity", [1, 2, 3, 4])
def test_every_row_of_up_to_seven_places_is_judged_as_brute_force_does(quantity: int) -> None:
    for snapshot in every_small_row():
        section, free = snapshot.section, free_seats(snapshot)
        chosen = choose([snapshot], Party(quantity), "seed")
        if isinstance(chosen, Choice):
            assert judge(section, free, chosen.seats) == brute_force(section, free, free, quantity), snapshot
        else:
            assert chosen == Shortfall(len(free), longest_together(section, free))
            assert len(free) < quantity


@settings(max_examples=300, deadline=None, derandomize=True)
@given(small_halls(), st.integers(1, 4), st.text(max_size=3), st.integers(0, 5), st.sampled_from([0, 1, 20, 200]))
def test_a_choice_is_as_good_as_any_that_brute_force_finds(
    hall: tuple[Snapshot, str | None], quantity: int, seed: str, conflicts: int, rush: int
) -> None:
    snapshot, grade = hall
    section, free = snapshot.section, free_seats(snapshot)
    wanted = wanted_of(section, free, grade)

    chosen = choose([snapshot], Party(quantity, grade), seed, rush=rush, conflicts=conflicts)

    assert chosen == choose([snapshot], Party(quantity, grade), seed, rush=rush, conflicts=conflicts)
    if isinstance(chosen, Shortfall):
        assert chosen == Shortfall(len(wanted), longest_together(section, wanted))
        assert len(wanted) < quantity
    else:
        assert len(set(chosen.seats)) == quantity
        assert set(chosen.seats) <= wanted
        assert chosen.together == are_together(section, chosen.seats)
        assert judge(section, free, chosen.seats) == brute_force(section, free, wanted, quantity)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(small_halls(), st.integers(1, 4))
def test_without_a_rush_the_block_is_at_most_its_own_length_from_the_nearest(
    hall: tuple[Snapshot, str | None], quantity: int
) -> None:
    snapshot, _ = hall
    section = snapshot.section
    alike = Section("a", "a", section.first, section.focus, (), tuple(one_grade(row) for row in section.rows))
    snapshot = Snapshot(alike, snapshot.taken)
    free = free_seats(snapshot)

    chosen = choose([snapshot], Party(quantity), "seed", rush=0)

    if isinstance(chosen, Choice) and chosen.together:
        tier = judge(alike, free, chosen.seats)
        costs = [
            walk(alike, seats)
            for seats in combinations(sorted(free), quantity)
            if are_together(alike, seats) and judge(alike, free, seats) == tier
        ]
        assert walk(alike, chosen.seats) <= min(costs) + quantity * (quantity - 1) * 56


def one_grade(row: Row) -> Row:
    return Row(row.label, row.labels, row.xs, row.ys, ("r",) * len(row.labels), row.runs)


def walk(section: Section, seats: Sequence[int]) -> float:
    """Add up the ways from seats to the focus."""
    return sum(dist((section.seat(each)["x"], section.seat(each)["y"]), section.focus) for each in seats)


def test_those_who_cannot_sit_together_sit_one_behind_the_other() -> None:
    # two free seats in row 2 and row 3, one above the other, and one far away in each row
    section = section_of([9], [9], [9])
    snapshot = Snapshot(section, set(section.numbers) - {1, 14, 23, 27})

    assert choose([snapshot], Party(2), "seed", rush=0) == Choice((14, 23), together=False)


def test_a_pair_and_a_pair_rather_than_three_and_one() -> None:
    section = section_of([9], [9], [9])
    snapshot = Snapshot(section, set(section.numbers) - {4, 5, 6, 14, 24, 25, 26})

    chosen = choose([snapshot], Party(4), "seed", rush=0)

    assert isinstance(chosen, Choice)
    assert count_alone(section, chosen.seats) == 0


def test_side_by_side_in_a_later_section_comes_before_apart_in_the_first() -> None:
    first, second = section_of([4]), section_of([4], first=5, section_id="balcony")
    one_each = [Snapshot(first, {2, 3}), Snapshot(second, {5, 8})]

    assert choose(one_each, Party(2), "seed") == Choice((6, 7), together=True)
    assert choose(one_each[:1], Party(2), "seed") == Choice((1, 4), together=False)


def test_a_party_that_fits_only_over_two_sections_is_not_turned_away() -> None:
    first, second = section_of([4]), section_of([4], first=5, section_id="balcony")
    snapshots = [Snapshot(first, {1, 2, 3}), Snapshot(second, {5, 8})]

    assert choose(snapshots, Party(3), "seed") == Choice((4, 6, 7), together=False)
    assert choose(snapshots, Party(4), "seed") == Shortfall(3, 2)


def test_taken_seats_of_other_sections_in_the_same_read_mean_nothing() -> None:
    section = section_of([4], first=601)

    assert choose([Snapshot(section, {1, 599, 600, 605, 700})], Party(4), "seed") == Choice((601, 602, 603, 604), True)


def test_other_seeds_choose_other_blocks_and_a_conflict_widens_the_choice() -> None:
    snapshot = Snapshot(section_of(*[[24]] * 20), set())

    def chosen(**options: int) -> set[Choice | Shortfall]:
        return {choose([snapshot], Party(2), f"seed {number}", **options) for number in range(600)}

    assert len(chosen(rush=0)) == 1
    assert len(chosen(rush=4)) == 16
    assert 16 < len(chosen(rush=4, conflicts=1)) <= 32
    assert len(chosen(rush=200, conflicts=9)) > 150


def test_sections_that_seem_full_are_tried_last() -> None:
    assert section_order([("a", 0), ("b", 5), ("c", 1), ("d", 2)], 2) == ["b", "d", "a", "c"]


def test_a_party_of_fifty_is_seated_apart_in_good_time() -> None:
    hall = section_of(*[[1, 2, 3, 4, 5, 6, 7]] * 20)
    chosen = choose([Snapshot(hall, set(range(1, 500, 9)))], Party(50), "seed")
    scattered = choose([Snapshot(hall, set(range(1, 560, 2)))], Party(50, accessible=False), "seed")

    for each in (chosen, scattered):
        assert isinstance(each, Choice)
        assert len(set(each.seats)) == 50
    assert isinstance(chosen, Choice)
    assert count_alone(hall, chosen.seats) == 0


# Accessible places


def accessible_hall(taken: set[int] | None = None) -> Snapshot:
    """Make two rows: place 1 with companion 2, place 10 without, place 20 with companions 19 and 18."""
    section = section_of([10], [10], accessible=[1, 10, 20], companions=[(2, 1), (18, 20), (19, 20)])
    return Snapshot(section, taken or set())


def test_nobody_else_gets_an_accessible_place_before_its_release() -> None:
    snapshot = accessible_hall()
    kept = {1, 2, 10, 18, 19, 20}

    for number in range(50):
        chosen = choose([snapshot], Party(4), f"seed {number}", rush=200)
        assert isinstance(chosen, Choice)
        assert not kept & set(chosen.seats)
    assert choose([Snapshot(snapshot.section, set(range(3, 18)) - {10})], Party(1), "seed") == Shortfall(0, 0)
    assert choose([Snapshot(snapshot.section, set(range(1, 20)))], Party(1, released=True), "s") == Choice((20,), True)


@pytest.mark.parametrize(
    ("quantity", "expected"), [(1, (10,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 3, 4)), (5, (1, 2, 3, 4, 5))]
)
def test_an_accessible_place_comes_with_its_companions(quantity: int, expected: tuple[int, ...]) -> None:
    wanted = Party(quantity, accessible=True)

    assert choose([accessible_hall()], wanted, "seed", rush=0) == Choice(expected, together=True)
    assert choose([accessible_hall()], replace(wanted, released=True), "seed", rush=0) == Choice(expected, True)


def test_the_companion_seat_beside_the_place_goes_first() -> None:
    hall = accessible_hall({1, 10})

    assert choose([hall], Party(2, accessible=True), "seed", rush=0) == Choice((19, 20), together=True)
    assert choose([hall], Party(3, accessible=True), "seed", rush=0) == Choice((18, 19, 20), together=True)


@st.composite
def accessible_halls(draw: st.DrawFn) -> Snapshot:
    """Draw small halls in which some seats are accessible places, some with companions beside them."""
    rows = draw(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=2), min_size=1, max_size=3))
    plain = section_of(*rows)
    accessible: set[int] = set()
    companions: list[tuple[int, int]] = []
    for number, (_, right) in plain.neighbours().items():
        kind = draw(st.sampled_from(["seat", "seat", "place", "place and companion"]))
        if kind == "seat" or number in dict(companions):
            continue
        accessible.add(number)
        if kind == "place and companion" and right is not None:
            companions.append((right, number))
    section = section_of(*rows, accessible=sorted(accessible), companions=companions)
    free = draw(st.sets(st.sampled_from(sorted(section.numbers)), max_size=10))
    return Snapshot(section, set(section.numbers) - free)


def run_of(section: Section, start: set[int], seats: set[int]) -> int:
    """Count how many of these seats are side by side with one of them."""
    neighbours, (seat,) = section.neighbours(), start
    found = [seat]
    for side in (0, 1):
        beside = neighbours[seat][side]
        while beside is not None and beside in seats:
            found.append(beside)
            beside = neighbours[beside][side]
    return len(found)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(accessible_halls(), st.integers(1, 4), st.integers(0, 9))
def test_a_party_with_an_accessible_place_is_seated_if_it_fits(snapshot: Snapshot, quantity: int, seed: int) -> None:
    section, companions = snapshot.section, dict(snapshot.section.companions)
    free, public = free_seats(snapshot), free_seats(snapshot, released=False)
    places = free & section.accessible
    usable = public | places | {each for each in free & companions.keys() if companions[each] in places}

    units = [{place, *(each for each in free & companions.keys() if companions[each] == place)} for place in places]

    chosen = choose([snapshot], Party(quantity, accessible=True), str(seed))

    if isinstance(chosen, Shortfall):
        assert chosen.available == (len(usable) if places else 0)
        assert chosen.together == max((run_of(section, unit & places, public | unit) for unit in units), default=0)
        assert not places or len(usable) < quantity
        return
    seats = set(chosen.seats)
    assert len(seats) == quantity
    assert seats & places
    assert seats <= usable
    assert kept_places(section, seats, accessible=True, released=False) == []
    whole = [
        set(window)
        for window in combinations(sorted(usable), quantity)
        if are_together(section, window) and any(unit <= set(window) and set(window) - unit <= public for unit in units)
    ]
    if whole:
        assert chosen.together
        assert any(unit <= seats and seats - unit <= public for unit in units)


def test_picked_places_that_are_kept_for_others_are_named() -> None:
    section = accessible_hall().section

    assert kept_places(section, [1, 2, 3, 10], accessible=False, released=False) == [1, 2, 10]
    assert kept_places(section, [1, 2, 3, 10], accessible=True, released=False) == []
    assert kept_places(section, [2, 3], accessible=True, released=False) == [2]
    assert kept_places(section, [1, 2, 10], accessible=False, released=True) == []


# Picked seats


def test_a_picked_seat_that_leaves_one_alone_is_told_with_a_choice_that_does_not() -> None:
    snapshot = Snapshot(section_of([6]), set())

    assert leaves_single(snapshot, [2, 3]) == Alone((1,), (1, 2))
    assert leaves_single(snapshot, [1, 2]) is None
    assert leaves_single(snapshot, [1, 3]) == Alone((2,), (1, 2))


def test_blocks_that_were_picked_stay_blocks_when_they_move() -> None:
    assert leaves_single(Snapshot(section_of([5], [5]), set()), [2, 3, 7, 8]) == Alone((1, 6), (1, 2, 6, 7))


def test_a_party_that_fits_nowhere_else_may_leave_a_single() -> None:
    assert leaves_single(Snapshot(section_of([3]), set()), [2, 3]) is None
    assert leaves_single(Snapshot(section_of([3], [9]), set()), [2, 3]) == Alone((1,), (8, 9))
    assert leaves_single(Snapshot(section_of([3, 1]), {1}), [2]) == Alone((3,), (4,))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(small_halls(), st.data())
def test_picked_seats_are_judged_as_brute_force_does(hall: tuple[Snapshot, str | None], data: st.DataObject) -> None:
    snapshot, _ = hall
    section, free = snapshot.section, free_seats(snapshot)
    if not free:
        return
    picked = data.draw(st.sets(st.sampled_from(sorted(free)), min_size=1, max_size=4))

    def grades(seats: Iterable[int]) -> list[str]:
        return sorted(section.seat(each)["gradeId"] for each in seats)

    alone = leaves_single(snapshot, picked)
    left = left_single(section, free, sorted(picked))
    if alone is not None:
        assert set(alone.seats) == left
        assert set(alone.instead) <= free
        assert grades(alone.instead) == grades(picked)
        assert not left_single(section, free, alone.instead)
    elif left:
        assert not any(
            are_together(section, seats) and grades(seats) == grades(picked) and not left_single(section, free, seats)
            for seats in combinations(sorted(free), len(picked))
        )
