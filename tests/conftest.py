"""What every test may stand on: the functions' environment, and the whole booking in this process."""

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

os.environ |= {"POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "test"}  # read when imported

import pytest

from booking import aws
from lab.in_process import forget_process
from tests.tables import environment as told_to_functions

if TYPE_CHECKING:
    from tests.stack.local_stack import LocalStack, Stacks
    from tests.world import World


def settle() -> None:
    """Take what is here by now for what stays: what collects garbage after a test then looks at what the test made."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes by the clock, so that it waits beside the others; all else keeps its order."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


def pytest_collection_finish() -> None:
    """Settle on everything that the tests have imported."""
    settle()


def forget_everything() -> None:
    """Make this process a new one, and close what the one before has left open."""
    aws.session.cache_clear()
    forget_process()
    gc.collect()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the functions the environment that the template gives them, with places for two in a queue."""
    for name, value in told_to_functions(QueueCapacity="2").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    forget_everything()
    yield
    forget_everything()


@pytest.fixture(scope="module")
def opened() -> "Iterator[tuple[World, Any]]":
    """Open a world for the tests of a file, and remember its beginning."""
    from tests.world import World  # it brings moto and its interpreter, which many a file does without

    settle()
    with World() as world:
        yield world, world.snapshot()


@pytest.fixture
def world(opened: "tuple[World, Any]") -> "World":
    """Put the file's world back to its beginning, with a process that remembers nothing."""
    world, beginning = opened
    world.begin(beginning)
    return world


@pytest.fixture
def cloud(world: "World") -> None:
    """Stand in a world without speaking to it: its tables, its clock, its functions' environment."""


@pytest.fixture(scope="session")
def stacks() -> "Iterator[Stacks]":
    """Give the deployed stack with these parameters (`"QueueCapacity=5"`), starting it the first time, for all tests.

    At the end all of each is read: whatever the tests did, no promise may be broken. `OST_TEST_STATE=.local` has the
    tests use the stack that runs from there where none is asked for with parameters.
    """
    from tests.stack.local_stack import shared

    with shared(os.environ.get("OST_TEST_STATE")) as start:
        yield start


@pytest.fixture(scope="session")
def stack(stacks: "Stacks") -> "LocalStack":
    """Give the stack as it is by default."""
    return stacks("")
