"""What the built functions import, and what our code costs beside the SDK. Ratios in one run, with room for noise."""

import pytest

from lab import seating
from lab.measure import imports, warm
from tools.ost.paths import BUILT

ROOM = 1.15
"""How far a noisy machine may put a ratio off; `make measure` shows the budgets themselves."""


@pytest.fixture(scope="module")
def imported() -> dict[str, imports.Import]:
    if not BUILT.is_dir():
        pytest.skip("nothing is built; `make test` builds first")
    return imports.measure(hot_only=True)


def test_built_functions_compile_nothing_when_they_start(imported: dict[str, imports.Import]) -> None:
    assert {name: each.compiled for name, each in imported.items()} == dict.fromkeys(imports.HOT, 0)


def test_hot_functions_import_little_more_than_the_bare_client(imported: dict[str, imports.Import]) -> None:
    passed = {name: each.ratio for name, each in imported.items() if each.ratio > imports.BUDGET * ROOM}

    assert passed == {}


def test_without_bytecode_everything_would_be_compiled() -> None:
    if not BUILT.is_dir():
        pytest.skip("nothing is built; `make test` builds first")
    assert all(each.compiled > 100 for each in imports.measure(bytecode=False).values())


def test_warm_calls_cost_little_more_than_their_sdk_calls() -> None:
    measured = warm.measure_apart()

    passed = {name: each.ratio for name, each in measured.items() if each.ratio > warm.BUDGETS[name] * ROOM}

    assert passed == {}
    assert {name: each.sdk_calls for name, each in measured.items()} == {
        "poll": 2,
        "reserve_seat": 4,
        "list_seats": 1,
        "charge": 2,
        "pay": 6,
    }


def test_choosing_among_twenty_thousand_seats_costs_few_reads_of_one_item() -> None:
    passed = {name: ratios for name, ratios in seating.cpu().items() if max(ratios) > seating.BUDGET * ROOM}

    assert passed == {}
