"""Crowds that ask for the best seats at once: how often they meet, and whether pairs sit side by side."""

from lab.seating import average, crowd, section_of

SECTION = section_of(20, 25)


def test_twenty_at_once_meet_in_three_of_ten_successes_at_most() -> None:
    outcome = average(SECTION, pairs=200, in_flight=20, rush=20)

    assert outcome.conflicts <= 0.3
    assert outcome.together == outcome.seated == 2_000


def test_two_hundred_at_once_all_sit_side_by_side() -> None:
    outcome = average(SECTION, pairs=200, in_flight=200, rush=20)

    assert outcome.conflicts <= 1.14
    assert outcome.together == outcome.seated == 2_000


def test_control_all_wanting_the_one_best_block_meet_again_and_again() -> None:
    assert average(SECTION, pairs=200, in_flight=20, rush=0).conflicts > 1.5


def test_nobody_is_refused_before_the_last_two_seats_are_sold() -> None:
    outcome = crowd(SECTION, pairs=300, in_flight=20, rush=20, seed=1)

    assert outcome.seated == 250
    assert outcome.together >= 235, "rows of 25 leave a single each"
    assert outcome.refused == 50
