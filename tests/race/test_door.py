"""What doors do to each other, to a cancellation and to calling a date off, call by call and in every order.

Two works move by one call at a time; a schedule says whose turn it is, and every one is played. Whatever the order,
a ticket admits one guest, and never one whose seat was given back.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from booking import cancellations, catalog, check_ins, clock
from booking.errors import NotCancellable
from tests.race.steps import How, Steps, Work
from tests.world import PERFORMANCES, PRICE, World

DATE = PERFORMANCES[0]
SCAN_CALLS = 3
"""The scan is recorded, the seat is read, the guest admitted."""
CANCEL_CALLS = 5
"""A cancellation's calls up to its transaction, and one more; those that follow meet no scan."""


def schedules(*calls: int) -> Iterator[tuple[int, ...]]:
    """Every order in which two works can make this many calls."""
    for places in itertools.combinations(range(sum(calls)), calls[0]):
        yield tuple(0 if turn in places else 1 for turn in range(sum(calls)))


def play(schedule: tuple[int, ...], works: list[Callable[[], Any]], hows: dict[int, How] | None = None) -> list[Any]:
    """Run works by a schedule, and then to their ends; `hows` tells how each work's call is done, by position."""
    with Steps():
        running = [Work(f"work {number}", work, {}) for number, work in enumerate(works)]
        for turn, which in enumerate(schedule):
            if not running[which].ended:
                running[which].step((hows or {}).get(turn, "once"))
        for each in running:
            each.finish()
    return [each.error or each.answer for each in running]


def bought(world: World, *seats: int) -> tuple[dict[str, Any], dict[int, str]]:
    held = world.hold("ann", *seats)
    world.charge("ann", PRICE * len(seats))
    assert world.pay("ann", held).status == 201
    return held, world.codes("ann", held)


def scan_at(door: str, code: str, *, ahead: int = 0) -> Callable[[], Any]:
    at = clock.now()
    scan = check_ins.Scan("1", code, at + ahead)
    return lambda: check_ins.record(DATE, door, [scan], at)[0]


def scanned(world: World, door: str, code: str) -> dict[str, Any]:
    [result] = world.scan(door, ("1", code))
    return result


@pytest.mark.parametrize("ahead", [0, -6 * 3600, 6 * 3600], ids=["clocks agree", "hours behind", "hours ahead"])
def test_two_doors_at_once_admit_one_guest_and_tell_the_other_door(world: World, ahead: int) -> None:
    _, codes = bought(world, 1)
    beginning = world.snapshot()
    for schedule in schedules(SCAN_CALLS, SCAN_CALLS):
        world.restore(beginning)

        results = play(schedule, [scan_at("north", codes[1], ahead=ahead), scan_at("south", codes[1])])

        assert sorted(each.outcome for each in results) == ["ADMITTED", "ALREADY"], schedule
        assert len({(each.first_at, each.first_device) for each in results}) == 1, schedule
        again = [scanned(world, door, codes[1]) for door in ("north", "south")]
        assert [each["outcome"] for each in again] == [each.outcome for each in results], schedule
        assert world.violations() == []


def test_a_scan_beside_its_own_repetition_admits_once_and_both_say_so(world: World) -> None:
    _, codes = bought(world, 1)
    beginning = world.snapshot()
    for schedule in schedules(SCAN_CALLS, SCAN_CALLS):
        world.restore(beginning)

        results = play(schedule, [scan_at("north", codes[1])] * 2)

        assert [each.outcome for each in results] == ["ADMITTED", "ADMITTED"], schedule
        assert len([item for item in world.items("check_ins") if item["entry"].startswith("scan#")]) == 1
        assert world.violations() == []


@pytest.mark.parametrize("how", ["once", "twice"])
def test_a_guest_comes_in_or_the_seat_is_given_back_and_never_both(world: World, how: How) -> None:
    held, codes = bought(world, 1, 2)
    beginning, both = world.snapshot(), set()
    for schedule in schedules(SCAN_CALLS, CANCEL_CALLS):
        world.restore(beginning)
        cancel = (lambda: cancellations.cancel("ann", held["reservationId"], [1], PRICE, "c", clock.now()),)

        scan, cancelled = play(schedule, [scan_at("north", codes[1]), *cancel], dict.fromkeys(range(20), how))

        again = scanned(world, "north", codes[1])
        if scan.outcome == "ADMITTED":
            assert isinstance(cancelled, NotCancellable), schedule
            assert (cancelled.members["reason"], again["outcome"]) == ("CHECKED_IN", "ADMITTED"), schedule
        else:
            assert (scan.outcome, again["outcome"]) == ("REVOKED", "REVOKED"), schedule
            assert cancelled.item["refund"] == PRICE, schedule
        both.add(scan.outcome)
        assert world.violations() == []
    assert both == {"ADMITTED", "REVOKED"}


def test_a_date_is_called_off_beside_a_scan(world: World) -> None:
    """A guest may be in already when the date is called off; who comes later is not let in."""
    held, codes = bought(world, 1)
    catalog.mark(DATE, "cancelled", clock.now())
    world.new_process()
    beginning, both = world.snapshot(), set()
    for schedule in schedules(SCAN_CALLS, CANCEL_CALLS):
        world.restore(beginning)
        called_off = (lambda: cancellations.call_off("ann", held["reservationId"], clock.now()),)

        scan, back = play(schedule, [scan_at("north", codes[1]), *called_off])

        assert back == PRICE, schedule
        assert scanned(world, "north", codes[1])["outcome"] == scan.outcome, schedule
        assert scanned(world, "south", codes[1])["outcome"] == "REVOKED", schedule
        both.add(scan.outcome)
        assert {each.rule for each in world.violations()} <= {"called-off-but-open"}, "the other seats are open still"
    assert both == {"ADMITTED", "REVOKED"}


@pytest.mark.parametrize("lost", range(SCAN_CALLS))
def test_a_door_whose_answer_was_lost_asks_again_and_learns_the_same(world: World, lost: int) -> None:
    _, codes = bought(world, 1)
    schedule = (0,) * (SCAN_CALLS + 1)

    [answer] = play(schedule, [scan_at("north", codes[1])], {lost: "lost"})

    assert isinstance(answer, Exception) or answer.outcome == "ADMITTED"
    assert scanned(world, "north", codes[1])["outcome"] == "ADMITTED"
    assert scanned(world, "south", codes[1])["outcome"] == "ALREADY"
    assert world.violations() == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_batches_of_doors_that_were_offline_may_arrive_in_any_order_and_again(
    world: World, order: tuple[int, ...]
) -> None:
    """Their clocks are hours apart; the order in which they arrive is the one that counts."""
    _, codes = bought(world, 1, 2, 3)
    batches = [
        ("north", [("1", codes[1]), ("2", codes[2])], -5 * 3600),
        ("south", [("1", codes[2]), ("2", codes[3])], 5 * 3600),
        ("east", [("1", codes[1]), ("2", codes[3]), ("3", codes[1])], 0),
    ]
    sent = [batches[which] for which in order]

    told = [world.scan(door, *scans, ahead=ahead) for door, scans, ahead in sent]
    again = [world.scan(door, *scans, ahead=ahead) for door, scans, ahead in reversed(sent)]

    assert again[::-1] == told
    first: dict[int, str] = {}
    for (door, _, _), results in zip(sent, told, strict=True):
        for result in results:
            whose = first.setdefault(result["seatNumber"], door)
            assert result["first"]["deviceId"] == whose
    outcomes = [result["outcome"] for results in told for result in results]
    assert (outcomes.count("ADMITTED"), outcomes.count("ALREADY")) == (3, 4)
    assert world.violations() == []
