"""The waiting room by its own policy, with crowds that no test stack could hold."""

from dataclasses import replace

import pytest

pytest.importorskip("numpy")

from lab.simulation import Crowd, counter_of_unreleased, fixed_rate, run


@pytest.mark.parametrize("abandonment", [0.0, 0.3, 0.6])
def test_twenty_thousand_at_once_fill_five_hundred_places_and_never_one_more(abandonment: float) -> None:
    outcome = run(Crowd(20_000, 500, abandonment, joins_a_second=20_000))

    assert outcome.active.max() == 500
    assert outcome.utilisation >= 0.98
    assert outcome.lost == 0, "nobody who is present loses their place"
    assert outcome.in_order
    median, _ = outcome.error_of_estimate()
    assert median <= 0.2


def test_nobody_who_polls_as_told_loses_the_place_to_an_api_that_takes_few_polls() -> None:
    """A fiftieth of the default, and a crowd to match."""
    crowd = Crowd(6_000, 60, 0.6, polls_a_second=60, polls_burst=30, joins_a_second=20)

    outcome = run(crowd)

    assert outcome.lost == 0
    assert outcome.polls.max() <= 90
    assert outcome.refused < 0.01 * outcome.polls.sum()
    assert outcome.utilisation >= 0.95


def test_control_pauses_that_do_not_know_the_throttle_are_refused() -> None:
    outcome = run(Crowd(6_000, 60, 0.6, polls_a_second=60, polls_burst=30, joins_a_second=20, told=6_000))

    assert outcome.refused > 0.2 * outcome.polls.sum()


def test_a_changed_capacity_is_never_passed_and_is_used_again() -> None:
    outcome = run(Crowd(3_000, 100, 0.3, capacities=((300, 50), (900, 0), (1_200, 150))))

    assert outcome.most_over == 0
    assert (outcome.active[901:1_200] <= outcome.active[900]).all(), "paused: nobody new comes in"
    assert outcome.active.max() == 150
    assert outcome.lost == 0


def test_after_a_draw_that_most_do_not_come_to_the_places_are_full_from_the_third_minute_on() -> None:
    outcome = run(Crowd(20_000, 500, 0.6, horizon=300, drawn=True))

    assert outcome.used(0, 60) <= 0.4, "those who do not come are waited for"
    assert outcome.used(60, 120) >= 0.93
    assert outcome.used(120, 300) >= 0.98
    assert outcome.active.max() == 500
    assert (outcome.lost, outcome.refused) == (0, 0)


def test_fans_who_know_their_numbers_only_by_asking_cannot_all_be_heard_in_time() -> None:
    crowd = Crowd(20_000, 500, 0.6, horizon=120, drawn=True, polls_a_second=60, polls_burst=30)

    knowing, asking = run(crowd), run(replace(crowd, static=False))

    assert (knowing.lost, asking.lost) == (0, asking.lost)
    assert asking.lost > 50
    assert asking.refused > 10 * knowing.refused


def test_control_two_known_designs_overshoot_or_stick_on_the_same_crowd() -> None:
    crowd = Crowd(5_000, 125, 0.3)

    assert counter_of_unreleased(crowd, leaking=True)[0] > 125
    assert counter_of_unreleased(crowd)[1] < 0.5
    assert fixed_rate(crowd)[1] < 0.9
