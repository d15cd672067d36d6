"""What every event in events/ comes to, word for word: its answer, and each item that it and what came before it wrote.

Whoever changes an answer or a stored item sees here which ones change. With `WRITE_OUTCOMES=1` in the environment the
tests of this file write them down as they are now.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.faults import Fault, Kind
from tests.functional import world as happening
from tests.handlers import call, events
from tests.kept import assert_kept, plain
from tests.world import World

OUTCOMES = Path(__file__).with_name("outcomes")
FILES = {"get_openapi", "show_swagger"}
"""Functions that answer with a file as it stands."""
EVENTS = [(function, case) for function, case in events() if function not in FILES]


pytestmark = pytest.mark.usefixtures("without_chance")


def stored(world: World) -> dict[str, Any]:
    """Give every item, in the order of its text."""
    return {table: sorted(map(plain, items)) for table, items in world.tables().items()}


@pytest.mark.parametrize(("function", "case"), EVENTS, ids=[f"{f}/{c}" for f, c in EVENTS])
def test_event_comes_to_what_it_came_to_before(world: World, function: str, case: str) -> None:
    before = stored(world)
    event = happening.read_event(function, case)

    answer = call(function, event)

    after = stored(world)
    told = [f"answer {plain(answer)}"]
    for table, items in after.items():
        told += [f"{table} has {item}" for item in items if item not in before[table]]
        told += [f"{table} had {item}" for item in before[table] if item not in items]
    assert_kept(OUTCOMES / function / f"{case}.txt", told)


def test_every_outcome_is_of_an_event() -> None:
    assert {(file.parent.name, file.stem) for file in OUTCOMES.glob("*/*")} == set(EVENTS)


@pytest.mark.parametrize("case", [case for function, case in EVENTS if function == "payment_steps"])
def test_step_of_which_one_answer_is_lost_has_been_done_and_is_not_run_again(world: World, case: str) -> None:
    event = happening.read_event("payment_steps", case)
    before = world.snapshot()
    world.wire.set(None)
    calm = call("payment_steps", event)["outcome"]

    for lost in range(len(world.wire.calls)):
        world.restore(before)
        world.wire.set(Fault(Kind.LOST_ONCE, lost))
        assert call("payment_steps", event)["outcome"] == calm, lost
