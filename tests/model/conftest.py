"""A world for each test of payments: one is opened for a file, and put back to its beginning for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import variables
from tests.world import World, open_world


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[World, Any]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in variables().items():
            monkeypatch.setenv(name, value)
        with open_world() as world:
            yield world, world.snapshot()


@pytest.fixture
def world(opened: tuple[World, Any]) -> World:
    world, beginning = opened
    world.restore(beginning)
    return world
