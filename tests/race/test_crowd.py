"""Crowds that ask for seats together, through the real booking: every call of every request in any order.

The order is drawn from a seed, so it is the same on each run. What a race costs is what the search is told that others
were faster to take.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from booking import catalog, clock, reservations
from booking.errors import NotEnoughSeats, SeatTaken
from booking.halls import Wish, partition
from booking.layout import Hall
from booking.queue import items
from booking.queue.token import Turn
from booking.search import Search
from lab.seating import section_of
from tests.race.steps import Steps, Work
from tests.world import CONCERT, World
from tools.ost import audit

ROW = 25
PAIRS = 200
HALL = f"{CONCERT}.crowded"
ALLOWED = 0.3
"""Conflicts for each success with 20 in flight."""
ALLOWED_IN_A_RUSH = 1.0
"""The same with 200 in flight; docs/performance.md has the figure."""


def publish(world: World, rows: int) -> None:
    """Publish a date in a hall of one section, its sales just opened."""
    made = Hall("crowded", "Crowded", ({"gradeId": "r", "name": "R"},), (section_of(rows, ROW),))
    facts = {"hallVersion": made.version, "prices": {"r": 100}, "seatsTotal": made.seats_total}
    world.publish(CONCERT, {"crowded": facts}, opens=-1)
    pk = partition(made.version)
    world.put("catalog", {"pk": pk, "sk": "SUMMARY", "summary": made.summary()})
    for section in made.sections:
        world.put("catalog", {"pk": pk, "sk": f"SECTION#{section.section_id}", "layout": section.text()})


def sound(world: World) -> None:
    assert audit.check(world.books(), clock.now(), audit.Limits(max_seats_per_user=4)) == []


def turns(world: World, count: int) -> list[Turn]:
    """Let so many fans in, past the line."""
    until = clock.now() + 600
    for number in range(1, count + 1):
        token = {"userId": f"fan-{number}", "number": number, "status": "ACTIVE", "expiresAt": until}
        world.put("queue", {**items.token_key(CONCERT, number), **token, "activeUntil": until})
    world.put("queue", {**items.queue_key(CONCERT), "admitted": count, "capacity": count})
    return [Turn(CONCERT, f"fan-{n}", n, active=True, expires_at=until) for n in range(1, count + 1)]


@dataclass
class Crowd:
    """What became of a crowd."""

    held: list[reservations.Reservation]
    conflicts: int
    refused: int


def pair_is_free(world: World, total: int) -> bool:
    taken = {seat["seatNumber"] for seat in world.items("seats")}
    return any(number not in taken and number + 1 not in taken for number in range(1, total) if number % ROW)


def run(world: World, fans: list[Turn], in_flight: int, monkeypatch: pytest.MonkeyPatch, pick_every: int = 0) -> Crowd:
    """Let all of them ask for two together, so many at a time; every so many picks two seats instead."""
    at, order = clock.now(), random.Random(7)
    performance, concert = catalog.find_performance(HALL, at), catalog.find_concert(CONCERT, at)
    crowd, lose = Crowd([], 0, 0), Search.lose

    def lost(search: Search, numbers: list[int]) -> None:
        crowd.conflicts += bool(numbers)
        lose(search, numbers)

    monkeypatch.setattr(Search, "lose", lost)

    def ask(turn: Turn) -> Any:
        if pick_every and turn.number % pick_every == 0:
            first = 1 + 2 * order.randrange(performance["seatsTotal"] // 2 - 1)
            return reservations.reserve(performance, [first, first + 1], turn, at)
        return reservations.reserve_best(performance, concert, Wish(2, None, None, False), "key", turn, at)[0]

    def begin() -> Iterator[Work[Any]]:
        for turn in fans:
            yield Work(turn.user_id, lambda turn=turn: ask(turn), {})  # type: ignore[misc]  # bound at once

    with Steps():
        waiting = begin()
        working: list[Work[Any]] = []
        while True:
            while len(working) < in_flight and (one := next(waiting, None)) is not None:
                working.append(one)
            if not working:
                return crowd
            one = working[order.randrange(len(working))]
            if not one.ended:
                one.step()
            if one.ended:
                working.remove(one)
                if isinstance(one.error, NotEnoughSeats):
                    assert not pair_is_free(world, performance["seatsTotal"]), (
                        "refused while two seats side by side are free"
                    )
                    crowd.refused += 1
                elif one.error is None and one.answer is not None:
                    crowd.held.append(one.answer)
                else:
                    assert isinstance(one.error, SeatTaken), one.error


@pytest.mark.parametrize(("in_flight", "allowed"), [(20, ALLOWED), (PAIRS, ALLOWED_IN_A_RUSH)])
def test_two_hundred_pairs_in_a_section_of_five_hundred_sit_together_and_seldom_meet(
    world: World, monkeypatch: pytest.MonkeyPatch, in_flight: int, allowed: float
) -> None:
    publish(world, 20)

    crowd = run(world, turns(world, PAIRS), in_flight, monkeypatch)

    assert len(crowd.held) == PAIRS
    assert all(held["together"] for held in crowd.held)
    assert crowd.conflicts / PAIRS <= allowed
    sound(world)


def test_nobody_is_refused_while_two_seats_side_by_side_are_free(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world, 3)

    crowd = run(world, turns(world, 50), 20, monkeypatch)

    assert crowd.refused > 0
    assert len(crowd.held) + crowd.refused == 50
    assert len([held for held in crowd.held if held["together"]]) >= 30
    sound(world)


def test_who_picks_and_who_asks_for_the_best_share_a_hall(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world, 4)

    crowd = run(world, turns(world, 40), 20, monkeypatch, pick_every=3)

    owned = [number for held in crowd.held for number in held["seatNumbers"]]
    assert len(owned) == len(set(owned)) == len(world.items("seats"))
    assert crowd.conflicts > 0
    sound(world)
