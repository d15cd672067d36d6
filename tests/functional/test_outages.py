"""What every event comes to where one of its calls goes wrong, in a line: the answer, what was tried, and how long.

A read is throttled, a write conflicts with others or takes effect and loses every answer; so it stays for the rest of
the invocation. Or, before a call, the same event comes to its end in another process. What is tried again, how often,
and after which pause stands in files that `WRITE_OUTCOMES=1` rewrites.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults import READS, Fault, Kind
from tests.functional import world as happening
from tests.functional.test_outcomes import EVENTS, stored
from tests.handlers import call
from tests.kept import assert_kept, digest, plain
from tests.world import World

OUTAGES = Path(__file__).with_name("outages")
FUNCTIONS = sorted({function for function, _ in EVENTS} - {"draw_lobby"})
"""A draw reads with several threads, so which call is the third is chance."""
MANY = 4
"""How many calls of an operation go wrong, one at a time; those after them are more of the same."""


def kinds(operation: str) -> list[Kind]:
    """Name what goes wrong with a call."""
    service, name = operation.split(".")
    if name in READS or name == "BatchGetItem":
        return [Kind.THROTTLED]
    return [Kind.CONFLICT_FOR_GOOD, Kind.LOST] if service == "dynamodb" else [Kind.UNREACHABLE]


def send(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function, and tell what Lambda is told."""
    try:
        return call(function, event)
    except Exception as error:  # noqa: BLE001 - Lambda reports whatever it is
        return {"raised": type(error).__name__}


def came_of(world: World, answer: dict[str, Any]) -> str:
    """Sum up an answer, and every item there is after it."""
    told = answer.get("statusCode") or answer.get("raised") or answer.get("outcome")
    return f"{told} {digest(plain(answer))} wrote {digest(plain(stored(world)))}"


def tried(world: World, function: str, event: dict[str, Any], twin: int | None = None) -> str:
    """Send an event to a process that remembers nothing, its twin before the call `twin`, and tell what came of it."""

    def observe(number: int, _: str) -> None:
        if number == twin:
            world.wire.observe = None
            send(function, event)

    world.wire.observe = observe
    world.new_process()
    before, world.time.at = world.time.at, float(int(world.time.at))
    with world.wire.invocation():
        answer = send(function, event)
    slept, world.time.at = world.time.at - int(before), before
    calls = " ".join(f"{name.split('.')[1]} {count}" for name, count in Counter(world.wire.calls).items())
    return f"{came_of(world, answer)} slept {slept:.2f} | {calls}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_event_comes_to_what_it_came_to_where_a_call_goes_wrong(
    world: World, without_chance: None, function: str
) -> None:
    published = world.snapshot()
    told = []
    for case in [case for name, case in EVENTS if name == function]:
        world.restore(published)
        event = happening.read_event(function, case)
        before = world.snapshot()
        world.wire.set(None)
        told.append(f"{case}: {tried(world, function, event)}")
        seen: Counter[str] = Counter()
        for number, operation in enumerate(list(world.wire.calls)):
            seen[operation] += 1
            if seen[operation] > MANY:
                continue
            world.restore(before)
            told.append(
                f"{case}, twin before {number} {operation.split('.')[1]}: {tried(world, function, event, number)}"
            )
            for kind in kinds(operation):
                world.restore(before)
                world.wire.set(Fault(kind, number))
                name = f"{number} {operation.split('.')[1]} {kind.name}"
                told.append(f"{case}, {name}: {tried(world, function, event)}")
    assert_kept(OUTAGES / f"{function}.txt", told)


def test_every_file_is_of_a_function() -> None:
    assert {file.stem for file in OUTAGES.glob("*")} == set(FUNCTIONS)
