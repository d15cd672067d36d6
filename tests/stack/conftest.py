"""Stacks for the tests of this folder: one per set of parameters, started when first asked for."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.stack.local_stack import ROOT, LocalStack, local_stack

type Stacks = Callable[[str], LocalStack]


def audit(stack: LocalStack) -> None:
    """End what was done to a stack by reading all of it: whatever the tests did, no promise may be broken."""
    told = subprocess.run(
        [str(ROOT / "ost"), "audit", "--state", str(stack.state)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.fixture(scope="session")
def stacks() -> Iterator[Stacks]:
    """Give the stack with these parameters (`"QueueCapacity=5"`), starting it the first time."""
    with ExitStack() as running:
        started: dict[str, LocalStack] = {}

        def start(params: str) -> LocalStack:
            if params not in started:
                started[params] = running.enter_context(local_stack(params))
                running.callback(audit, started[params])
            return started[params]

        yield start


@pytest.fixture(scope="session")
def stack(stacks: Stacks) -> LocalStack:
    """Give the stack as it is by default."""
    return stacks("")
