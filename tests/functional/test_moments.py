"""What every event comes to at each moment that is stored somewhere, and a second before it: where one state ends and
the next begins.

The times are those of the items that an event finds and leaves. `WRITE_OUTCOMES=1` writes down anew what it comes to.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking import clock
from tests.functional import world as happening
from tests.functional.test_outages import FUNCTIONS, came_of, send
from tests.functional.test_outcomes import EVENTS
from tests.kept import assert_kept
from tests.world import World

MOMENTS = Path(__file__).with_name("moments")
SPAN = 4000 * clock.DAY
"""What is farther away than this is no time that anything depends on."""


def times(stored: Any, now: int) -> Iterator[int]:
    """Go through the times in items, in epoch seconds."""
    if isinstance(stored, dict | list):
        for each in stored.values() if isinstance(stored, dict) else stored:
            yield from times(each, now)
    elif isinstance(stored, int) and abs(stored - now) < SPAN:
        yield stored


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_event_comes_to_what_it_came_to_at_the_moments_that_are_stored(
    world: World, without_chance: None, function: str
) -> None:
    published = world.snapshot()
    told: list[str] = []
    for case in [case for name, case in EVENTS if name == function]:
        world.restore(published)
        event = happening.read_event(function, case)
        before, now = world.snapshot(), int(world.time.at)
        world.wire.set(None)
        world.new_process()
        send(function, event)
        if not {call for call in world.wire.calls if call.startswith("dynamodb.")}:
            continue
        for time in sorted({moment for found in world.tables().values() for moment in times(found, now)}):
            for moment in (time - 1, time):
                world.restore(before)
                world.time.at = moment
                answer = send(function, event)
                told.append(f"{case} {moment - now} {came_of(world, answer)}")
    assert_kept(MOMENTS / f"{function}.txt", told)


def test_every_file_is_of_a_function() -> None:
    assert {file.stem for file in MOMENTS.glob("*")} == set(FUNCTIONS)
