"""The line: one place for each fan, whatever they do with it."""

import contextlib
import dataclasses
from functools import partial
from typing import Any, cast

import pytest

from booking import memory
from booking.dynamodb import get, put, update, write
from booking.errors import QueueTokenExpired, QueueTokenNotActive, RateLimited
from booking.queue import admission, driver, items, line, membership, place, tick, view
from booking.queue.admission import Line
from booking.queue.membership import COOL_DOWN_SECONDS
from booking.queue.place import Place
from booking.queue.token import Turn
from tests.race.steps import Steps, Work
from tests.world import START

CONCERT = "yorushika"
ACTIVE_SECONDS = 600


@pytest.fixture(autouse=True)
def kicks(cloud: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    kicked: list[str] = []
    monkeypatch.setattr(driver, "kick", kicked.append)
    return kicked


def join(user: str, at: int = START) -> tuple[Place, bool]:
    memory.forget()
    found, _, is_new = line.take_place(CONCERT, user, at)
    return found, is_new


def poll(turn: Turn, at: int) -> Place:
    memory.forget()
    return line.look(turn, at)[0]


def numbers(shown: Place, at: int) -> dict[str, Any]:
    return dict(view.numbers(shown, items.line_of(items.read_queue(CONCERT)), at))


def stored(number: int) -> dict[str, Any]:
    return get("QueueTable", items.token_key(CONCERT, number)) or {}


def fill() -> list[Turn]:
    """Two places and one who waits: ann and ben are in, cem waits."""
    return [join(user)[0].turn for user in ("ann", "ben", "cem")]


def test_a_queue_that_nobody_has_set_or_joined_is_empty_and_has_the_stacks_capacity() -> None:
    nothing = {"drawn": 0, "drawn_at": 0, "admitted": 0, "low": 0, "issued": 0, "issued_at": 0, "pace": 0}
    nothing |= {"sample_at": 0, "sample_from": 0, "active": 0, "entered": 0, "lapsed": 0, "advanced_at": 0}
    stacks = {"capacity": 2, "active_seconds": ACTIVE_SECONDS, "polls_per_second": 3000, "calls_front": 2}

    found = dataclasses.asdict(items.line_of({}))

    assert found == nothing | stacks | {"coming": 1000, "closed": False, "message": None}
    assert dataclasses.asdict(Line(capacity=2, calls_front=2)) == found


def test_a_queue_is_read_as_it_is_stored() -> None:
    stored: dict[str, Any] = {"capacity": 11, "drawn": 12, "drawnAt": 13, "coming": 14, "admitted": 15, "low": 16}
    stored |= {"pace": 17, "sampleAt": 18, "sampleFrom": 19, "active": 20, "entered": 21, "lapsed": 22}
    stored |= {"advancedAt": 23, "message": "Soon.", "closed": "OVER"}

    found = dataclasses.asdict(items.line_of(cast(items.QueueItem, stored), {"issued": 24, "issuedAt": 25}))

    assert found == {
        **{"capacity": 11, "active_seconds": ACTIVE_SECONDS, "polls_per_second": 3000, "drawn": 12, "drawn_at": 13},
        **{"calls_front": 2, "coming": 14, "closed": True, "admitted": 15, "low": 16, "issued": 24, "issued_at": 25},
        **{"pace": 17, "sample_at": 18, "sample_from": 19, "active": 20, "entered": 21, "lapsed": 22},
        **{"advanced_at": 23, "message": "Soon."},
    }
    assert items.line_of(cast(items.QueueItem, stored | {"paused": True})).capacity == 0


@pytest.mark.parametrize("before", [0, 70_000])
def test_who_joins_in_the_second_in_which_the_hall_empties_gets_in_at_once(before: int) -> None:
    write(put("QueueTable", items.counter_key(CONCERT) | {"issued": before, "issuedAt": START}))
    write(put("QueueTable", items.queue_key(CONCERT) | {"low": before, "admitted": before}))
    inside = [join(user)[0].turn for user in ("ann", "ben")]
    memory.forget()
    assert items.recent_queue(CONCERT, START)["active"] == 2
    for turn in inside:
        place.end(CONCERT, turn.number)
    tick.tick(CONCERT, lambda: START)

    cem, *_ = line.take_place(CONCERT, "cem", START)

    assert (cem.turn.number, cem.turn.active) == (before + 3, True)


def test_an_empty_queue_lets_one_straight_in() -> None:
    ann, is_new = join("ann")

    assert is_new
    assert ann.turn.active
    assert ann.active_until == ann.turn.expires_at == START + ACTIVE_SECONDS


def test_a_full_queue_gives_the_next_number() -> None:
    ann, ben, cem = fill()

    assert (ann.active, ben.active, cem.active) == (True, True, False)
    shown = numbers(Place(cem, None), START)
    assert (shown["status"], shown["position"], shown["ahead"]) == ("WAITING", 1, 0)
    assert shown["pollAfterSeconds"] < cem.expires_at - START


def test_a_second_device_finds_the_same_place_while_waiting_and_while_active() -> None:
    ann, _, cem = fill()

    assert join("cem", START + 2) == (Place(cem, None), False)
    assert join("ann", START + 3) == (Place(ann, START + ACTIVE_SECONDS), False)


def test_a_fan_who_comes_back_late_by_joining_again_is_told_a_pause_that_the_place_outlives() -> None:
    cem = fill()[2]

    back, is_new = join("cem", cem.expires_at - 1)

    assert (is_new, back.turn.number) == (False, cem.number)
    shown = numbers(back, cem.expires_at - 1)
    assert back.turn.expires_at > cem.expires_at - 1 + shown["pollAfterSeconds"]


def test_joining_again_after_finishing_being_passed_over_or_leaving_gives_a_new_place_at_the_end() -> None:
    ann, ben, cem = fill()
    write(place.finish(CONCERT, ann.number))
    assert place.end(CONCERT, ben.number, left_at=START - COOL_DOWN_SECONDS)
    tick.tick(CONCERT, lambda: cem.expires_at)

    again, is_new = join("ann", START + 1)
    ben_again, ben_is_new = join("ben", START + 1)
    cem_again, cem_is_new = join("cem", cem.expires_at)

    assert (is_new, ben_is_new, cem_is_new) == (True, True, True)
    assert [each.turn.number for each in (again, ben_again, cem_again)] == [4, 5, 6]
    assert stored(cem.number)["status"] == "EXPIRED"


def test_a_phone_in_a_pocket_keeps_its_place_while_the_line_does_not_need_it() -> None:
    cem = fill()[2]
    tick.tick(CONCERT, lambda: cem.expires_at)
    late = START + 590

    polled = poll(cem, late)
    joined, is_new = join("cem", late + 300)

    assert (polled.turn.number, joined.turn.number, is_new) == (cem.number, cem.number, False)
    for back, at in ((polled, late), (joined, late + 300)):
        assert back.turn.expires_at - at >= numbers(back, at)["pollAfterSeconds"] + admission.SAFE_SECONDS


def test_a_place_whose_time_is_over_enters_when_the_line_has_let_it_in_and_not_ended_it() -> None:
    _, ben, cem = fill()
    place.end(CONCERT, ben.number)
    tick.tick(CONCERT, lambda: START + 2)

    assert poll(cem, cem.expires_at + 100).turn.active


def test_a_waiting_place_that_was_left_is_told_to_be_over_by_its_next_renewal_and_one_inside_at_once() -> None:
    ann, _, cem = fill()
    for turn in (ann, cem):
        place.end(CONCERT, turn.number, left_at=START)

    assert not poll(cem, START).turn.active
    for turn, at in ((cem, cem.expires_at - admission.SAFE_SECONDS), (ann, START)):
        with pytest.raises(QueueTokenExpired):
            poll(turn, at)


def test_whoever_leaves_and_joins_again_at_once_is_told_how_long_to_wait_and_burns_no_number() -> None:
    cem = fill()[2]
    place.end(CONCERT, cem.number, left_at=START + 7)

    for at, left in ((START + 7, COOL_DOWN_SECONDS), (START + 7 + COOL_DOWN_SECONDS - 1, 1)):
        with pytest.raises(RateLimited) as refused:
            join("cem", at)
        assert refused.value.retry_after == left
        assert f"{left} seconds" in refused.value.detail
    assert items.read_counter(CONCERT)["issued"] == 3

    assert join("cem", START + 7 + COOL_DOWN_SECONDS)[0].turn.number == 4


def test_a_membership_of_before_leaves_were_counted_has_none() -> None:
    cem = fill()[2]
    write(update("QueueTable", items.membership_key(CONCERT, "cem"), "REMOVE #leaves", None))
    place.end(CONCERT, cem.number, left_at=START)

    with pytest.raises(RateLimited) as refused:
        join("cem", START)
    assert refused.value.retry_after == COOL_DOWN_SECONDS


def test_leaving_again_and_again_makes_the_wait_longer_and_paying_ends_that() -> None:
    at, waits = START, []
    turn = fill()[2]
    for _ in range(7):
        place.end(CONCERT, turn.number, left_at=at)
        with pytest.raises(RateLimited) as refused:
            join("cem", at)
        waits.append(refused.value.retry_after)
        at += refused.value.retry_after or 0
        turn = join("cem", at)[0].turn
    assert waits == [30, 60, 120, 240, 480, 600, 600]

    write(place.finish(CONCERT, turn.number))
    turn = join("cem", at)[0].turn
    place.end(CONCERT, turn.number, left_at=at)
    with pytest.raises(RateLimited) as refused:
        join("cem", at)
    assert refused.value.retry_after == 30


def test_one_account_that_leaves_and_joins_all_the_time_does_not_spoil_the_line_for_another() -> None:
    fill()
    for later in range(300):
        with contextlib.suppress(RateLimited):
            place.end(CONCERT, join("restless", START + later)[0].turn.number, left_at=START + later)
    place.end(CONCERT, 3)
    tick.tick(CONCERT, lambda: START + 300)

    honest = join("honest", START + 300)[0]

    assert numbers(honest, START + 300)["position"] == 1


@pytest.mark.parametrize("moment", range(membership.RECENT_SECONDS))
def test_a_users_parallel_joins_share_one_number(moment: int) -> None:
    fill()
    write(update("QueueTable", items.counter_key(CONCERT), "SET #issued = :far", far=1000))
    at = [START + moment + n // 3 for n in range(5)]
    with Steps():
        joins = [Work(f"join {n}", partial(line.take_place, CONCERT, "dan", at[n]), {}) for n in range(5)]
        while standing := [each for each in joins if not each.ended]:
            for each in standing:
                each.step()

    assert [each.error for each in joins] == [None] * 5
    assert {each.answer[0].turn.number for each in joins if each.answer} == {1001}
    assert sum(each.answer[2] for each in joins if each.answer) == 1, "one of them made the place"
    assert items.read_counter(CONCERT)["issued"] == 1001


def test_a_join_whose_answer_of_the_counter_is_lost_finds_its_number_again() -> None:
    with Steps():
        lost = Work("a join", lambda: line.take_place(CONCERT, "ann", START), {})
        while lost.call != "update_item":
            lost.step()
        lost.step("lost")
        lost.finish()

    assert isinstance(lost.error, RateLimited)
    assert join("ann")[0].turn.number == 1


def test_a_join_right_after_anothers_is_not_told_a_position_from_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has remembered the queue from a second ago, when it was empty."""
    empty = items.read_queue(CONCERT)
    monkeypatch.setattr(line, "recent_queue", lambda *_: empty)
    positions = []
    for fan in range(30):
        found, seen, _ = line.take_place(CONCERT, f"fan-{fan}", START)
        positions.append(view.numbers(found, seen, START)["position"])

    assert positions == [0, 0, *range(1, 29)]


def test_a_queue_that_is_paused_says_so_to_those_who_wait_and_on_its_concert() -> None:
    ann, _, cem = fill()
    write(update("QueueTable", items.queue_key(CONCERT), "SET #capacity = :zero", zero=0))
    memory.forget()

    assert numbers(Place(cem, None), START)["paused"]
    assert view.overview(CONCERT, START)["paused"]
    assert not numbers(Place(ann, None), START)["paused"], "who is in stays in"

    write(update("QueueTable", items.queue_key(CONCERT), "SET #capacity = :two", two=2))
    memory.forget()
    assert not numbers(Place(cem, None), START)["paused"]
    assert not view.overview(CONCERT, START)["paused"]


def test_the_first_devices_token_works_on_after_the_second_has_let_the_fan_in() -> None:
    _, ben, cem = fill()
    place.end(CONCERT, ben.number)
    tick.tick(CONCERT, lambda: START + 1)
    assert poll(cem, START + 2).turn.active

    assert poll(cem, START + 3).turn.active
    assert stored(cem.number)["activeUntil"] == START + 2 + ACTIVE_SECONDS, "a second poll does not prolong it"


def test_a_poll_of_one_device_never_shortens_what_another_was_given() -> None:
    cem = fill()[2]
    longer = place.renew(cem, START + 1 + admission.life(30), START + 1).turn

    memory.forget()
    shorter = place.renew(cem, START + 2 + admission.life(2), START + 2).turn

    assert stored(cem.number)["expiresAt"] == longer.expires_at == shorter.expires_at


def test_a_late_renewal_does_not_prolong_a_turn_to_book() -> None:
    ann = fill()[0]

    assert place.renew(dataclasses.replace(ann, active=False), START + 5_000, START + 1).turn == ann
    assert stored(ann.number)["expiresAt"] == START + ACTIVE_SECONDS


def test_those_further_back_are_told_how_many_must_enter_first_and_the_wait_that_is_certain() -> None:
    """Nothing has been measured yet: with two places for 600 s each, one comes free each 300 s at the latest."""
    fill()
    join("dan")
    eva, _ = join("eva")

    shown = numbers(eva, START)

    assert (shown["position"], shown["ahead"], shown["estimatedWaitSeconds"]) == (3, 2, 900)


def test_whoever_the_line_has_let_in_since_it_was_read_enters_without_moving_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = items.read_queue(CONCERT)
    found, _ = membership.find_or_open(CONCERT, "ann", Line(capacity=2), START)
    write(update("QueueTable", items.queue_key(CONCERT), "SET #admitted = :two", two=2))
    passed = items.read_queue(CONCERT)
    monkeypatch.setattr(line, "recent_queue", lambda *_: before)

    again, _, is_new = line.take_place(CONCERT, "ann", START)

    assert (again.turn.number, again.turn.active, is_new) == (found.turn.number, True, False)
    assert items.read_queue(CONCERT) == passed


def test_a_place_that_the_line_has_ended_never_comes_back() -> None:
    _, ben, cem = fill()
    place.end(CONCERT, ben.number)
    tick.tick(CONCERT, lambda: cem.expires_at)

    for at in (START, cem.expires_at):
        with pytest.raises(QueueTokenExpired):
            place.renew(cem, at + 5_000, at)
        with pytest.raises(QueueTokenExpired):
            place.enter(cem, at)


def test_a_turn_whose_time_is_over_never_comes_back() -> None:
    ann = fill()[0]

    assert place.renew(dataclasses.replace(ann, active=False), START + 5_000, START + 1).turn == ann
    for again in (poll, place.enter):
        with pytest.raises(QueueTokenExpired):
            again(dataclasses.replace(ann, active=False), START + ACTIVE_SECONDS)


def test_what_is_over_is_kept_until_the_sales_window_is() -> None:
    closes = START + 5_000_000
    line.take_place(CONCERT, "ann", START, closes)
    dead, _ = membership.next_number(CONCERT, "dead", 0, START, closes, after_draw=False)
    line.take_place(CONCERT, "cem", START, closes)
    place.end(CONCERT, 1)
    tick.tick(CONCERT, lambda: START + 60)

    assert [stored(number)["status"] for number in (1, dead)] == ["FINISHED", "EXPIRED"]
    assert {stored(number)["purgeAt"] for number in (1, dead, 3)} == {closes}
    assert items.read_membership(CONCERT, "ann", consistent=True) is not None


def test_a_place_that_was_given_up_is_told_so_while_active() -> None:
    ann = fill()[0]
    place.end(CONCERT, ann.number)

    with pytest.raises(QueueTokenExpired):
        poll(ann, START + 1)


def test_a_copy_of_the_token_that_lags_does_not_turn_an_active_fan_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = fill()[0]

    for old in (None, {"status": "WAITING", "expiresAt": START + 16, "number": 1, "userId": "ann"}):
        monkeypatch.setattr(place, "read_token", lambda *_, old=old, **__: old)
        assert line.look(ann, START + 1)[0].turn == ann


def test_leaving_is_safe_to_repeat_and_says_who_did_it() -> None:
    ann = fill()[0]

    assert place.end(CONCERT, ann.number)
    assert not place.end(CONCERT, ann.number)


def test_a_lost_answer_of_the_counter_is_passed_over() -> None:
    write(update("QueueTable", items.counter_key(CONCERT), "ADD #issued :one SET #issuedAt = :at", one=1, at=START))

    assert join("ann", START)[0].turn.number == 2
    assert join("ben", START)[0].turn.active is False, "the hole counts as a join that is on its way"

    tick.tick(CONCERT, lambda: START + 5)
    assert poll(join("ben", START + 5)[0].turn, START + 5).turn.active


def test_a_join_that_wakes_up_after_its_number_was_passed_over_takes_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    number = membership.next_number(CONCERT, "ann", 0, START, START + 999, after_draw=False)[0]
    join("ben", START)
    tick.tick(CONCERT, lambda: START + 60)
    assert stored(number)["status"] == "EXPIRED"

    assert place.open_place(CONCERT, "ann", number, START + 76, START + 60, START + 999) is None
    assert join("ann", START + 60)[0].turn.number > number


def test_booking_needs_the_turn_to_have_come() -> None:
    ann, _, cem = fill()

    line.book(ann, START)
    with pytest.raises(QueueTokenNotActive) as refused:
        line.book(cem, START)
    assert refused.value.members["position"] == 1
    with pytest.raises(QueueTokenExpired):
        line.book(ann, START + ACTIVE_SECONDS)


def test_the_overview_counts_who_waits_who_is_in_and_who_has_gone_away() -> None:
    fill()
    memory.forget()
    assert view.overview(CONCERT, START) == {
        "waiting": 1,
        "active": 2,
        "capacity": 2,
        "paused": False,
        "entered": 2,
        "lapsed": 0,
        "secondsSinceAdvance": 0,
    }

    join("dan", START + 500)
    tick.tick(CONCERT, lambda: START + ACTIVE_SECONDS)
    memory.forget()
    assert view.overview(CONCERT, START + ACTIVE_SECONDS + 7) == {
        "waiting": 0,
        "active": 0,
        "capacity": 2,
        "paused": False,
        "entered": 2,
        "lapsed": 4,
        "secondsSinceAdvance": 7,
    }


def test_an_unused_queue_has_an_overview_too() -> None:
    assert view.overview("nobody", START)["secondsSinceAdvance"] is None
