"""The policy of the waiting room at its edges."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.queue import admission
from booking.queue.admission import Line, State, Token, decide, states

AT = 1_001_751


def waiting(expires_at: int = AT + 16, joined_at: int = AT - 60) -> Token:
    return {"status": "WAITING", "expiresAt": expires_at, "joinedAt": joined_at}


def all_taken(first: int, last: int) -> dict[int, State]:
    return dict.fromkeys(range(first, last + 1), State.TAKEN)


def test_an_empty_line_lets_nobody_in() -> None:
    decision = decide(Line(capacity=5), {})

    assert (decision.admitted, decision.taken, decision.entered, decision.more) == (0, 0, 0, False)


def test_as_many_enter_as_there_are_places() -> None:
    decision = decide(Line(capacity=3, issued=10), all_taken(1, 10))

    assert (decision.admitted, decision.taken, decision.entered) == (3, 3, 3)


def test_a_capacity_of_nothing_lets_nobody_in_and_throws_nobody_out() -> None:
    decision = decide(Line(capacity=0, admitted=2, issued=5), all_taken(1, 5))

    assert (decision.admitted, decision.taken) == (2, 2)


def test_a_lowered_capacity_waits_until_fewer_are_in() -> None:
    judged = all_taken(1, 6) | {1: State.OVER}

    decision = decide(Line(capacity=2, admitted=4, issued=6), judged)

    assert (decision.admitted, decision.low, decision.taken) == (4, 1, 3)


def test_whoever_has_gone_away_is_ended_before_anybody_enters_in_their_place() -> None:
    judged = all_taken(1, 4) | {2: State.LAPSED, 3: State.ABANDONED}
    line = Line(capacity=2, admitted=2, issued=4)

    decision = decide(line, judged)

    assert (decision.to_end, decision.admitted, decision.entered) == ((2, 3), 2, 0)
    assert decide(line, judged | {2: State.OVER, 3: State.OVER}).admitted == 4


def test_an_unread_number_counts_as_taken() -> None:
    assert decide(Line(capacity=3, admitted=3, issued=9), {1: State.OVER}).taken == 2


def test_numbers_that_are_over_are_passed_also_while_the_hall_is_full() -> None:
    judged = all_taken(1, 2) | {3: State.OVER, 4: State.OVER, 5: State.TAKEN, 6: State.OVER}

    decision = decide(Line(capacity=2, admitted=2, issued=6), judged)

    assert (decision.admitted, decision.taken, decision.entered, decision.more) == (4, 2, 0, False)


def test_whoever_has_gone_away_silently_is_not_ended_before_the_line_needs_the_place() -> None:
    judged = all_taken(1, 2) | {3: State.OVER, 4: State.LAPSED, 5: State.ABANDONED}

    decision = decide(Line(capacity=2, admitted=2, issued=5), judged)

    assert (decision.to_end, decision.admitted) == ((), 3)


def test_a_full_hall_reads_on_when_all_that_was_read_is_over() -> None:
    judged = all_taken(1, 2) | dict.fromkeys(range(3, 53), State.OVER)

    assert decide(Line(capacity=2, admitted=2, issued=300), judged).more
    assert not decide(Line(capacity=2, admitted=2, issued=52), judged).more


@pytest.mark.parametrize(("capacity", "more"), [(3, False), (400, False), (401, True)])
def test_where_more_are_in_than_may_be_nobody_else_is_looked_at(capacity: int, more: bool) -> None:
    assert decide(Line(capacity=capacity, admitted=400, issued=900), all_taken(1, 400)).more == more


def test_the_low_end_stops_at_the_first_who_is_not_over() -> None:
    judged = {1: State.OVER, 2: State.MISSING, 3: State.OVER}

    assert decide(Line(capacity=3, admitted=3, issued=3), judged).low == 1


def test_the_line_says_that_there_is_more_when_the_reading_ended_before_the_places() -> None:
    assert decide(Line(capacity=10, issued=100), all_taken(1, 5)).more
    assert not decide(Line(capacity=5, issued=100), all_taken(1, 5)).more


@given(
    capacity=st.integers(0, 8),
    admitted=st.integers(0, 12),
    kinds=st.lists(st.sampled_from(list(State)), min_size=12, max_size=20),
)
def test_never_more_places_are_in_use_than_there_are_or_were(capacity: int, admitted: int, kinds: list[State]) -> None:
    judged = dict(enumerate(kinds, 1))
    line = Line(capacity=capacity, admitted=admitted, issued=len(kinds))
    before = sum(judged[number] is not State.OVER for number in range(1, admitted + 1))

    while (decision := decide(line, judged)).to_end:
        assert (decision.admitted, decision.entered) == (admitted, 0)
        judged |= dict.fromkeys(decision.to_end, State.OVER)

    in_use = sum(judged[number] is not State.OVER for number in range(1, decision.admitted + 1))
    assert in_use == decision.taken <= max(capacity, before)
    assert decision.admitted >= admitted
    left = sum(judged[n] in {State.TAKEN, State.MISSING} for n in judged if n > decision.admitted)
    assert decision.taken >= min(capacity, in_use + left), "nobody waits while there is a place"


def test_a_token_lapses_exactly_at_its_deadline() -> None:
    assert admission.state_of(waiting(AT + 1), at=AT) is State.TAKEN
    assert admission.state_of(waiting(AT), at=AT) is State.LAPSED


@pytest.mark.parametrize("status", ["FINISHED", "EXPIRED"])
def test_what_is_over_is_over_whatever_the_clock_says(status: Literal["FINISHED", "EXPIRED"]) -> None:
    assert admission.state_of({"status": status, "expiresAt": AT + 99}, at=AT) is State.OVER


def test_a_missing_number_waits_for_a_younger_one_to_be_old_enough() -> None:
    grace = admission.JOIN_GRACE_SECONDS

    assert states({2: waiting(joined_at=AT - grace + 1)}, 1, 2, AT)[1] is State.MISSING
    assert states({2: waiting(joined_at=AT - grace)}, 1, 2, AT)[1] is State.ABANDONED
    assert states({}, 1, 2, AT) == {1: State.MISSING, 2: State.MISSING}


def test_a_younger_one_beyond_the_reading_or_the_counter_itself_tells_as_well() -> None:
    assert states({9: waiting()}, 1, 3, AT)[3] is State.ABANDONED
    assert states({}, 1, 3, AT, issued_at=AT - 60)[3] is State.ABANDONED
    assert states({}, 1, 3, AT, issued_at=AT - 1)[3] is State.MISSING


def test_an_older_one_tells_nothing() -> None:
    assert states({1: waiting()}, 1, 2, AT)[2] is State.MISSING


TOKENS: list[Token | None] = [
    None,
    waiting(),
    waiting(joined_at=AT - 1),
    waiting(AT),
    {"status": "ACTIVE", "expiresAt": AT + 1},
    {"status": "FINISHED", "expiresAt": AT + 99},
]
FAR_ON = 100_000


@given(
    capacity=st.integers(0, 6),
    low=st.integers(0, 4),
    admitted=st.integers(0, 6),
    active=st.integers(0, 6),
    kinds=st.lists(st.sampled_from(TOKENS), min_size=6, max_size=90),
    issued_at=st.sampled_from([0, AT - 60, AT]),
)
def test_a_line_far_on_is_decided_as_one_at_its_beginning(
    capacity: int, low: int, admitted: int, active: int, kinds: list[Token | None], issued_at: int
) -> None:
    def decided(by: int) -> tuple[list[tuple[int, ...]], tuple[object, ...]]:
        start = by + low
        line = Line(
            capacity=capacity,
            low=start,
            admitted=start + min(admitted, len(kinds)),
            issued=start + len(kinds),
            active=min(active, admitted),
            issued_at=issued_at,
        )
        tokens = {start + place: token for place, token in enumerate(kinds, 1) if token is not None}
        ended: list[tuple[int, ...]] = []

        def end(numbers: Sequence[int]) -> dict[int, State]:
            assert min(numbers) > start, "what is over is not ended again"
            ended.append(tuple(number - by for number in numbers))
            return dict.fromkeys(numbers, State.OVER)

        last = admission.horizon(line)
        read = {number: token for number, token in tokens.items() if number <= last}
        found = admission.settle(line, read, AT, end)
        place = (found.admitted - by, found.low - by, found.taken, found.missing, found.entered, found.more)
        return ended, (last - by, *place, admission.moves(line, found, AT))

    assert decided(FAR_ON) == decided(0)


@pytest.mark.parametrize(("polls", "calls"), [(1, 1), (2, 1), (3, 1), (3000, 1500), (3001, 1500)])
def test_half_of_the_polls_are_for_first_calls_and_at_least_one(polls: int, calls: int) -> None:
    assert Line(capacity=1, polls_per_second=polls).calls_per_second == calls


@pytest.mark.parametrize(("first", "last"), [(1, 3), (7, 9), (100_001, 100_050)])
def test_exactly_the_numbers_that_were_asked_for_are_judged(first: int, last: int) -> None:
    assert set(states({}, first, last, AT)) == set(range(first, last + 1))


def test_the_estimate_starts_from_what_is_certain_and_follows_what_is_measured() -> None:
    line = Line(capacity=10, admitted=100, issued=1000)

    assert admission.estimated_wait(line, 101, AT) == 60
    assert admission.estimated_wait(line, 100, AT) == 0
    measured = Line(capacity=10, admitted=220, issued=1000, sample_at=AT - 60, sample_from=100)
    assert admission.estimated_wait(measured, 320, AT) < 0.2 * admission.estimated_wait(line, 200, AT)


def test_the_estimate_grows_while_nobody_enters() -> None:
    line = Line(capacity=10, admitted=100, issued=1000, pace=500, sample_at=AT, sample_from=100)

    waits = [admission.estimated_wait(line, 200, AT + later) for later in (0, 60, 600)]

    assert waits == sorted(set(waits))


def test_a_clock_that_is_behind_makes_the_pace_no_shorter() -> None:
    line = Line(capacity=10, admitted=100, issued=1000, pace=500, sample_at=AT, sample_from=100)

    assert admission.pace_of(line, AT - 60) == admission.pace_of(line, AT) == 500


def test_filling_an_empty_queue_says_nothing_about_the_pace() -> None:
    line = Line(capacity=500, issued=500)
    decision = decide(line, all_taken(1, 500))

    after = admission.measured(line, decision, AT)

    assert (after.admitted, after.pace, after.sample_at) == (500, 0, 0)


def test_the_measurement_is_carried_on_as_the_next_ones_prior() -> None:
    line = Line(capacity=5, admitted=90, issued=500, sample_at=AT - 60, sample_from=40)
    decision = admission.Decision((), 100, 80, 5, 0, 10, more=False)

    after = admission.measured(line, decision, AT)

    assert (after.sample_at, after.sample_from) == (AT, 100)
    assert after.pace == (10 * 120_000 + 60_000) // 70


LINES = st.builds(
    Line,
    capacity=st.integers(0, 20_000),
    pace=st.integers(0, 10**6),
    polls_per_second=st.integers(1, 10_000),
    sample_at=st.sampled_from([0, AT - 30]),
    drawn=st.sampled_from([0, 10**6]),
    drawn_at=st.integers(AT - 900, AT),
    coming=st.integers(1, 1000),
)


@given(line=LINES, position=st.integers(1, 10**7), spread=st.floats(0, 1, exclude_max=True), left=st.integers(0, 9_000))
def test_a_place_is_safe_for_a_minute_beyond_the_pause_that_is_told_also_after_a_poll_that_wrote_nothing(
    line: Line, position: int, spread: float, left: int
) -> None:
    told, longest = admission.pause(line, position, AT, spread), admission.pause(line, position, AT)

    assert 2 <= told <= longest
    assert admission.life(longest) >= told + 60
    if not admission.must_renew(AT + left, longest, AT):
        assert left >= told + 60


@pytest.mark.parametrize("fans", [20_000, 200_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("capacity", [50, 2_000, 20_000])
def test_the_pauses_of_a_whole_line_add_up_to_no_more_polls_than_the_api_takes(fans: int, capacity: int) -> None:
    """Whatever the pace that has been measured. One fan in many stands for those around them."""
    for pace in (0, 1, 9, 90, 10_000):
        line = Line(capacity=capacity, pace=pace, polls_per_second=3000)
        edges = [round(1.02**step) for step in range(1, 2_000) if 1.02**step < fans] + [fans]
        rate = 0.0
        for first, last in pairwise(sorted(set(edges))):
            longest = admission.pause(line, first, AT)
            mean = sum(admission.pause(line, first, AT, tenth / 10) for tenth in range(10)) / 10
            assert longest >= mean
            rate += (last - first) / mean

        assert rate <= 3000


@pytest.mark.parametrize("coming", [50, 400, 1000])
def test_nor_do_those_who_come_of_a_million_whose_numbers_were_drawn(coming: int) -> None:
    fans = 1_000_000
    line = Line(capacity=2_000, drawn=fans, drawn_at=AT - 9_000, coming=coming, admitted=2_000)
    edges = sorted({round(1.02**step) for step in range(1, 1_000) if 1.02**step < fans})
    pauses = {last: sum(admission.pause(line, 2_000 + last, AT, n / 10) for n in range(10)) / 10 for last in edges}

    assert sum(coming / 1000 * (last - first) / pauses[first] for first, last in pairwise(edges)) <= 3000


def test_the_first_minute_shows_how_many_of_those_come_whose_numbers_were_drawn() -> None:
    line = Line(capacity=100, drawn=1_000, issued=1_000, drawn_at=AT, admitted=100, active=100, sample_at=AT)
    decision = decide(line, all_taken(1, 40) | dict.fromkeys(range(41, 151), State.MISSING))

    assert decision.missing == 60
    for early_or_late in (AT + 19, AT + 60):
        assert not admission.moves(line, decision, early_or_late)
    assert admission.moves(line, decision, AT + 20)
    after = admission.measured(line, decision, AT + 20)
    assert after.coming == 1000 - 60_000 // 110
    assert admission.coming(after, decision, AT + 60) == after.coming, "it stays what it was"


def test_whom_the_line_reaches_when_nobody_is_waited_for_any_more_asks_just_then() -> None:
    line = Line(capacity=500, drawn=10_000, drawn_at=AT - 30, calls_front=500, admitted=500, polls_per_second=20)
    few, missed = replace(line, coming=400), line.calls_until(1_200) - AT

    assert admission.pause(line, 1_200, AT) == 700 * admission.SHARES // 20, "all come, so nothing comes free"
    assert {admission.pause(few, 1_200, AT, spread) - missed for spread in (0, 0.4, 0.6, 0.99)} == {2, 3, 4}
    assert admission.pause(few, 1_251, AT) == 751 * admission.SHARES // 50, "so far it does not reach"
    assert admission.pause(few, 10_001, AT) == 9_501 * admission.SHARES // 20, "who came later has no part in it"


def test_who_calls_before_it_is_known_how_many_come_asks_again_once_it_is() -> None:
    line = Line(capacity=500, drawn=100_000, drawn_at=AT - 19, calls_front=500, admitted=500, polls_per_second=200)

    known = [admission.pause(line, 50_000, AT, spread) + 19 for spread in (0, 0.5, 0.999)]
    assert known == [admission.FIRST_CALL_SECONDS, 40, admission.CALLED_SECONDS + 1]
    assert admission.pause(line, 50_000, AT + 1) == 49_500 * admission.SHARES // 200


def test_a_tick_reads_as_far_as_the_places_reach_that_are_free() -> None:
    line = Line(capacity=100, low=10, admitted=500, active=30, issued=10_000)

    assert admission.horizon(line) == 500 + admission.LOOKAHEAD + 70
    assert admission.horizon(replace(line, admitted=40)) == 40 + admission.LOOKAHEAD + 70
    assert admission.horizon(replace(line, active=100)) == 500 + admission.LOOKAHEAD


def test_fans_far_back_do_not_all_come_back_at_once() -> None:
    line = Line(capacity=50, pace=1_000)

    assert len({admission.pause(line, 5_000, AT, spread / 10) for spread in range(10)}) > 5


@pytest.mark.parametrize("pace", [0, 1, 1_000, 10**6])
def test_a_fan_whose_turn_may_be_next_asks_often_however_long_it_may_take(pace: int) -> None:
    line = Line(capacity=1, pace=pace)

    assert admission.pause(line, admission.FRONT, AT) == 2
    assert admission.pause(line, admission.FRONT + 1, AT) <= 60


def test_where_the_api_has_room_nobody_waits_longer_than_a_minute_for_an_answer() -> None:
    line = Line(capacity=1, pace=10**6)

    assert admission.pause(line, 1_000, AT) == 60
    assert admission.pause(line, 1_000_000, AT) == 1_000_000 * admission.SHARES // 3_000


def test_a_fan_asks_at_least_ten_times_in_the_shortest_wait_that_is_plausible() -> None:
    measured, unmeasured = Line(capacity=500, pace=400), Line(capacity=500)

    assert admission.pause(measured, 1_000, AT) == 1_000 * 400 // 1000 // admission.PLAUSIBLE // 10
    assert admission.pause(unmeasured, 1_000, AT) == 1_000 * 1_200 // 1000 // admission.PLAUSIBLE_BEFORE // 10


def test_a_smaller_api_is_asked_less_often() -> None:
    few = Line(capacity=500, pace=400, polls_per_second=30)

    assert admission.pause(few, 1_000, AT) == 1_000 * admission.SHARES // 30
