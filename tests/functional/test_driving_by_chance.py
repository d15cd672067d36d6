"""Drivers of a line in which a seed's dice have fans come, enter, pay, leave and stay away, and organisers change it.

What the queue's item is after each pause, and in how many calls, stays: `WRITE_OUTCOMES=1` writes it down anew.
"""

import random
from collections import Counter
from pathlib import Path

import pytest

from booking import dynamodb, memory
from booking.dynamodb import put, write
from booking.errors import BookingError
from booking.queue import control, driver, items, line, place
from booking.queue.token import Turn
from booking.settings import settings
from tests.faults import Fault, Kind
from tests.kept import assert_kept, digest, plain
from tests.world import CONCERT, World

DRIVES = 16


class Crowd:
    """Fans and organisers of one line, who do something whenever its driver sleeps."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.turns: list[Turn] = []
        self.told: list[str] = []
        self.come = 0

    def sleep(self, seconds: float) -> None:
        """Pass the time of a driver's pause, and note how the line is then."""
        self.world.time.sleep(seconds + self.dice.choice([0, 0, 0, 0.4, 1.3]))
        self.world.wire.set(None)
        at = int(self.world.time.at)
        for _ in range(self.dice.choice([0, 0, 1, 1, 2, 4])):
            self.act(at)
        queue, counter = items.read_queue(CONCERT), items.read_counter(CONCERT)
        self.told.append(f"{at % 100_000} {seconds:.1f} {items.line_of(queue, counter)}".partition(", message")[0])
        if self.dice.random() < 0.15:
            self.world.wire.set(Fault(Kind.THROTTLED, self.dice.randint(0, 4)))

    def act(self, at: int) -> None:
        """Have one fan or organiser do something."""
        memory.forget()
        turn = self.dice.choice(self.turns) if self.turns else None
        match self.dice.randint(0, 9):
            case 0 | 1 | 2 | 3:
                self.join(at)
            case 4 | 5 if turn is not None:
                self.poll(turn, at)
            case 6 if turn is not None:
                place.end(CONCERT, turn.number, left_at=self.dice.choice([None, at]))
            case 7:
                change = control.Setting(capacity=self.dice.choice([0, 1, 3, 6]))
                change = self.dice.choice([change, control.Setting(paused=self.dice.random() < 0.5)])
                queue = items.read_queue(CONCERT)
                if changed := control.changes(queue, change):
                    write(control.setting(CONCERT, queue, changed))
            case 8:
                driver.take_lease(CONCERT, "another", at, take_over=self.dice.random() < 0.3)

    def join(self, at: int) -> None:
        self.come += 1
        try:
            self.turns.append(line.take_place(CONCERT, f"fan-{self.come}", at, at + 99_999)[0].turn)
        except BookingError as refused:
            self.told.append(refused.code)

    def poll(self, turn: Turn, at: int) -> None:
        try:
            found, _ = line.look(turn, at)
        except BookingError as refused:
            self.told.append(f"{turn.number} {refused.code}")
        else:
            self.turns[self.turns.index(turn)] = found.turn


def test_drivers_of_a_line_do_what_they_did_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begins = world.snapshot()
    kicks: list[str] = []
    monkeypatch.setattr(driver, "kick", lambda concert, **_: kicks.append(concert))
    told: list[str] = []
    made: Counter[str] = Counter()
    dynamodb.client().meta.events.register("before-call.dynamodb", lambda model, **_: made.update([model.name]))
    for number in range(DRIVES):
        dice = random.Random(number)
        world.restore(begins)
        made.clear()
        kicks.clear()
        crowd = Crowd(world, dice)
        at, first = int(world.time.at), dice.choice([0, 70_000])
        write(put(settings().queue_table, items.counter_key(CONCERT) | {"issued": first, "issuedAt": at - 50}))
        line_is = {"capacity": dice.choice([1, 2, 5]), "low": first, "admitted": first}
        write(put(settings().queue_table, items.queue_key(CONCERT) | line_is))
        for _ in range(dice.randint(0, 12)):
            memory.forget()
            crowd.join(at)
        for name in ("one", "two"):
            try:
                ticks = driver.drive(
                    CONCERT,
                    name,
                    take_over=dice.random() < 0.5,
                    now=lambda: int(world.time.at),
                    sleep=crowd.sleep,
                )
            except BookingError as refused:
                crowd.told.append(f"{number} {name} {refused.code}")
            else:
                crowd.told.append(f"{number} {name} ticks {ticks}")
            world.wire.set(None)
        stored = digest(plain(sorted(map(plain, world.tables()["queue"]))))
        crowd.told.append(f"{number} {plain(made)} {plain(world.metrics)} {len(kicks)} kicks {stored}")
        told += crowd.told
    assert_kept(Path(__file__).with_name("driving_by_chance.txt"), told)
