"""What each operation asks of AWS, exactly: a change that costs more has to say so here."""

import pytest

from lab.measure import baseline, report
from lab.measure.operations import JOURNEY_USD, OPERATIONS, journey, measure, within_budget
from lab.measure.prices import Bill

EXACT = {
    "list_concerts": (0, 0, 1, 0),
    "list_performances": (0, 0, 1, 0),
    "list_seats": (1, 0, 1, 0),
    "issue_token": (0.5, 3, 1, 0),
    "poll": (0.5, 1, 1, 0),
    "poll_let_in": (0.5, 1, 1, 0),
    "reserve_seat": (3, 8, 1, 0),
    "reserve_two_of_500": (4, 10, 1, 0),
    "reserve_two_of_9600": (4, 10, 1, 0),
    "list_section": (12, 0, 1, 0),
    "lose_seat": (3, 0, 1, 0),
    "charge": (1, 4, 1, 0),
    "use": (1, 4, 1, 0),
    "pay": (4, 20, 3, 5),
    "cancel": (5, 18, 1, 0),
    "cancel_two": (5, 21, 1, 0),
    "overview_2000": (44.5, 0, 1, 0),
    "overview_20000": (374.5, 0, 1, 0),
    "scan": (1, 2, 0.01, 0),
    "guest_list": (75, 0, 1, 0),
    "advance_tick": (24, 0, 0, 0),
}
"""Read units, write units, Lambda calls and transitions of a warm call."""

EXACT_COLD = {
    "list_concerts": (1.0, 0),
    "list_performances": (1.5, 0),
    "list_seats": (1.5, 0),
    "issue_token": (1.5, 3),
    "poll": (0.5, 1),
    "poll_let_in": (0.5, 1),
    "reserve_seat": (4, 8),
    "reserve_two_of_500": (7, 10),
    "reserve_two_of_9600": (7, 10),
    "list_section": (14.5, 0),
    "lose_seat": (4, 0),
    "charge": (1, 4),
    "use": (1, 4),
    "pay": (4, 20),
    "cancel": (5, 18),
    "cancel_two": (5, 21),
    "advance_tick": (24, 0),
}
"""Read and write units of a call in a process that has just started."""

BY_NAME = {operation.name: operation for operation in OPERATIONS}


@pytest.fixture(scope="module")
def bills() -> dict[str, Bill]:
    return {name: measure(operation) for name, operation in BY_NAME.items()}


@pytest.mark.parametrize("name", EXACT)
def test_warm_call_asks_for_exactly_this_and_keeps_its_budget(name: str, bills: dict[str, Bill]) -> None:
    bill = bills[name]

    assert (bill.read_units, bill.write_units, bill.lambda_calls, bill.transitions) == EXACT[name]
    assert bill.secret_calls == 0
    assert within_budget(BY_NAME[name], bill)


@pytest.mark.parametrize("name", EXACT_COLD)
def test_cold_call_asks_for_exactly_this_and_keeps_its_budget(name: str) -> None:
    bill = measure(BY_NAME[name], cold=True)

    assert (bill.read_units, bill.write_units) == EXACT_COLD[name]
    assert bill.secret_calls in {0, 2}
    assert within_budget(BY_NAME[name], bill, cold=True)


def test_every_operation_has_its_exact_figures() -> None:
    assert {*EXACT, "poll_average"} == {*BY_NAME}


def test_poll_writes_seldom_over_a_wait_of_ten_minutes(bills: dict[str, Bill]) -> None:
    average = bills["poll_average"]

    assert (average.read_units, round(average.write_units, 2), average.kicks) == (0, 0.28, 0)
    assert within_budget(BY_NAME["poll_average"], average)


def test_payment_kicks_the_queue_once_and_nothing_else_does(bills: dict[str, Bill]) -> None:
    assert {name: bill.kicks for name, bill in bills.items() if bill.kicks} == {"pay": 1}


def test_journey_keeps_its_budget(bills: dict[str, Bill]) -> None:
    assert journey(bills).usd <= JOURNEY_USD


def test_journey_costs_at_most_half_of_the_naive_baselines(bills: dict[str, Bill]) -> None:
    ours, its = journey(bills), journey(baseline.measure())

    assert ours.usd <= its.usd / 2
    assert ours.usd_with_transitions <= its.usd_with_transitions / 2


def test_counts_are_the_same_on_every_run(bills: dict[str, Bill]) -> None:
    again = {name: measure(BY_NAME[name]) for name in ("poll_average", "reserve_seat", "pay")}

    assert again == {name: bills[name] for name in again}


def test_document_shows_these_figures(bills: dict[str, Bill]) -> None:
    baselines = baseline.measure()
    journeys = journey(bills), journey(baselines)
    shown = report.counts(report.counted(bills, {}, journeys[0]), bills, baselines, journeys)
    written = report.DOCUMENT.read_text("utf-8")

    assert [line for line in shown.markdown().splitlines() if line not in written] == []
    assert report.against_the_baseline(journeys) in written
