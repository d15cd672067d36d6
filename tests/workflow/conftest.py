"""A world for each test of payments."""

from collections.abc import Iterator

import pytest

from tests.world import World, open_world


@pytest.fixture
def world(environment: None) -> Iterator[World]:
    with open_world() as opened:
        yield opened
