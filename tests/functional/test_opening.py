"""From the lobby into the line: the number that was drawn is the fan's once, for a time, and never below the cursor."""

from collections.abc import Sequence
from typing import Any

import pytest

from booking import catalog, clock, memory
from booking.catalog import Concert
from booking.dynamodb import delete, put, query_all, transact, write
from booking.errors import QueueTokenExpired, QueueTokenNotActive, SalesClosed, SalesNotOpen
from booking.queue import admission, drawing, driver, items, line, lobby, membership, tick, token
from booking.queue.admission import Line, State
from booking.queue.token import LOBBY
from booking.settings import settings
from booking.views import QueueView
from tests.world import START

CONCERT = "first-light"
OPENS = START
CLOSES = OPENS + 613
DRAWN = CLOSES + 30
FANS = ["ann", "ben", "cem", "dan", "eva"]


@pytest.fixture(autouse=True)
def _world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON", "off")
    settings.cache_clear()
    times = {"lobbyOpensAt": OPENS, "salesOpenAt": CLOSES, "salesCloseAt": CLOSES + 86_400}
    write(put("CatalogTable", {"pk": "CONCERT", "sk": CONCERT} | times))
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the clock stand at a time, in a process that remembers nothing."""

    def stand(time: int) -> int:
        monkeypatch.setattr(clock, "now", lambda: time)
        memory.forget()
        return time

    return stand


def concert() -> Concert:
    return catalog.find_concert(CONCERT, OPENS)


def join(user: str, time: int) -> tuple[QueueView, bool]:
    memory.forget()
    return line.join(concert(), user, time)


def poll(user: str, view: QueueView, time: int) -> QueueView:
    memory.forget()
    return line.poll(CONCERT, user, view["token"], time)


@pytest.mark.parametrize("late", [0, 1, 1000])
def test_a_sale_that_is_over_says_so_also_where_nobody_drew_its_lobby(late: int) -> None:
    join("ann", OPENS)

    with pytest.raises(SalesClosed):
        join("ben", CLOSES + 86_400 + late)


def number(view: QueueView, user: str) -> int:
    return token.verify(view["token"], user_id=user, at=0, concert_id=CONCERT).number


def all_come(at: Any, fans: list[str] = FANS) -> dict[str, QueueView]:
    return {fan: join(fan, at(OPENS + 5))[0] for fan in fans}


def draw(at: Any) -> dict[str, int]:
    """Have the order drawn; return each fan's number."""
    time = at(DRAWN)
    assert drawing.draw_lobby(CONCERT, now=lambda: time, sleep=lambda _: None) == "DRAWN"
    memory.forget()
    return {fan: lobby.number_of(CONCERT, fan, time) or 0 for fan in FANS}


def test_in_the_lobby_there_is_no_position_and_nothing_to_ask_before_the_draw(at: Any) -> None:
    shown, is_new = join("ann", at(OPENS + 5))
    again, is_new_again = join("ann", at(OPENS + 50))

    assert (is_new, is_new_again) == (True, False)
    assert (shown["status"], shown["position"], shown["ahead"], shown["estimatedWaitSeconds"]) == (
        "LOBBY",
        None,
        None,
        None,
    )
    waits = lobby.draws_at(concert()) - (OPENS + 5)
    assert waits <= shown["pollAfterSeconds"] <= waits + 10
    assert shown["receipt"] == again["receipt"]
    assert number(shown, "ann") == LOBBY
    assert "receipt" not in poll("ann", shown, at(OPENS + 60)), "who asks before the draw is shown the lobby"


def test_before_the_lobby_and_between_its_closing_and_the_draw_nobody_joins(at: Any) -> None:
    for time, waits in ((OPENS - 60, 60), (CLOSES, lobby.DRAWN_AFTER_SECONDS)):
        with pytest.raises(SalesNotOpen) as refused:
            join("ann", at(time))
        assert refused.value.retry_after == waits


def test_of_two_who_draw_at_the_same_moment_the_later_finds_it_drawn(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    all_come(at)
    time, real = at(DRAWN), transact
    statuses: list[str | None] = []

    def run() -> None:
        statuses.append(drawing.draw_lobby(CONCERT, now=lambda: time, sleep=lambda _: None))

    def overtaken(*writes: Any) -> None:
        monkeypatch.setattr(drawing, "transact", real)
        run()
        real(*writes)

    monkeypatch.setattr(drawing, "transact", overtaken)
    run()

    assert statuses == ["DRAWN", "DRAWN"]
    memory.forget()
    assert sorted(lobby.number_of(CONCERT, fan, time) or 0 for fan in FANS) == [1, 2, 3, 4, 5]


def test_everybody_of_the_lobby_gets_the_number_that_was_drawn_and_others_queue_behind(at: Any) -> None:
    views = all_come(at)
    numbers = draw(at)
    assert sorted(numbers.values()) == [1, 2, 3, 4, 5]

    late = join("late", at(DRAWN + 1))[0]
    came = {fan: poll(fan, views[fan], at(DRAWN + 1)) for fan in FANS[:3]} | {
        fan: join(fan, at(DRAWN + 1))[0] for fan in FANS[3:]
    }

    assert {fan: number(view, fan) for fan, view in came.items()} == numbers
    assert number(late, "late") == 6
    active = {numbers[fan] for fan, view in came.items() if view["status"] == "ACTIVE"}
    assert active == {1, 2}, "two places, for the first two of the draw"


def test_a_token_of_the_lobby_finds_the_drawn_place_again_and_again(at: Any) -> None:
    views = all_come(at)
    draw(at)
    first = poll("ann", views["ann"], at(DRAWN + 1))

    second = poll("ann", views["ann"], at(DRAWN + 2))

    assert number(first, "ann") == number(second, "ann")


def test_who_leaves_the_lobby_has_no_number_and_queues_at_the_end(at: Any) -> None:
    views = all_come(at)
    assert line.leave(CONCERT, "ann", views["ann"]["token"], at(OPENS + 60))
    assert not line.leave(CONCERT, "ann", views["ann"]["token"], at(OPENS + 61))
    draw(at)

    with pytest.raises(QueueTokenExpired):
        poll("ann", views["ann"], at(DRAWN + 1))
    assert number(join("ann", at(DRAWN + 1))[0], "ann") == len(FANS) + 1


def test_who_leaves_with_a_token_of_the_lobby_after_the_draw_frees_the_place_that_was_drawn(
    at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = all_come(at)
    first, second, third = sorted(FANS, key=draw(at).__getitem__)[:3]
    inside = {fan: poll(fan, views[fan], at(DRAWN + 1)) for fan in (first, second, third)}
    assert [view["status"] for view in inside.values()] == ["ACTIVE", "ACTIVE", "WAITING"]
    kicked: list[str] = []
    monkeypatch.setattr(driver, "kick", kicked.append)

    assert line.leave(CONCERT, first, views[first]["token"], at(DRAWN + 2))

    assert kicked == [CONCERT]
    with pytest.raises(QueueTokenExpired):
        poll(first, inside[first], at(DRAWN + 2))
    tick.tick(CONCERT, lambda: DRAWN + 3)
    assert poll(third, inside[third], at(DRAWN + 3))["status"] == "ACTIVE"
    again = join(first, at(DRAWN + 60))[0]
    assert not line.leave(CONCERT, first, views[first]["token"], at(DRAWN + 61)), "that token is over"
    assert number(poll(first, again, at(DRAWN + 62)), first) == len(FANS) + 1


def test_leaving_that_died_when_the_place_was_free_is_finished_by_the_next_call(
    at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = all_come(at)
    drawn = draw(at)["ann"]
    poll("ann", views["ann"], at(DRAWN + 1))
    with monkeypatch.context() as dies:
        dies.setattr(lobby, "leave", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            line.leave(CONCERT, "ann", views["ann"]["token"], at(DRAWN + 2))

    assert line.leave(CONCERT, "ann", views["ann"]["token"], at(DRAWN + 3))

    ended = items.read_token(CONCERT, drawn)
    assert ended is not None
    assert (ended["status"], ended.get("leftAt")) == ("FINISHED", DRAWN + 2)
    with pytest.raises(QueueTokenExpired):
        poll("ann", views["ann"], at(DRAWN + 4))


def test_nobody_books_from_the_lobby(at: Any) -> None:
    view = all_come(at)["ann"]

    with pytest.raises(QueueTokenNotActive) as refused:
        line.book(token.verify(view["token"], user_id="ann", at=OPENS, concert_id=CONCERT), OPENS + 60)
    assert refused.value.members == {
        "queueStatus": "LOBBY",
        "position": None,
        "ahead": None,
        "estimatedWaitSeconds": None,
        "pollAfterSeconds": admission.POLL_ACTIVE_SECONDS,
    }
    assert refused.value.retry_after == admission.POLL_ACTIVE_SECONDS


def test_a_drawn_number_is_waited_for_until_a_minute_after_its_time_whatever_has_been_issued_since(at: Any) -> None:
    all_come(at)
    draw(at)
    for other in range(3):
        join(f"late-{other}", at(DRAWN + 20))

    waits = tick.tick(CONCERT, lambda: DRAWN + admission.FIRST_CALL_SECONDS - 1)
    assert (waits.low, waits.admitted) == (0, 2)

    ended = tick.tick(CONCERT, lambda: DRAWN + admission.FIRST_CALL_SECONDS)
    assert (ended.low, ended.admitted) == (5, 7), "all five are ended, and two of the late ones are let in"


def test_a_tick_notes_how_many_call_of_those_whom_a_place_is_kept_for(at: Any) -> None:
    views = all_come(at)
    first = next(fan for fan, drawn in draw(at).items() if drawn == 1)
    poll(first, views[first], at(DRAWN + 1))
    noted = []

    for later in (19, 20, 59, 60):
        tick.tick(CONCERT, lambda later=later: DRAWN + later)  # type: ignore[misc]
        noted.append(items.read_queue(CONCERT).get("coming", 1000))

    assert noted == [1000, 1000 - 1000 // 12, 1000 - 1000 // 12, 1000 - 1000 // 12]
    assert items.line_of(items.read_queue(CONCERT)).coming == noted[-1]


def test_a_place_far_back_is_waited_for_from_its_own_time_to_call() -> None:
    begun = Line(capacity=2, issued=10_000, drawn=10_000, drawn_at=DRAWN, calls_front=2, polls_per_second=100)
    later = DRAWN + admission.FIRST_CALL_SECONDS + (5_002 - 2) // 50

    assert begun.calls_until(2) == DRAWN + admission.FIRST_CALL_SECONDS
    assert begun.calls_until(5_002) == later
    ended: list[int] = []

    def end(numbers: Sequence[int]) -> dict[int, State]:
        ended.extend(numbers)
        return dict.fromkeys(numbers, State.OVER)

    admission.settle(begun, {}, begun.calls_until(2), end)
    assert ended == [1, 2, *range(3, 52)], "those whose time to call has come in the same second"


def test_who_calls_too_late_queues_at_the_end(at: Any) -> None:
    views = all_come(at)
    draw(at)
    late = at(DRAWN + admission.FIRST_CALL_SECONDS)
    tick.tick(CONCERT, lambda: late)

    assert number(poll("ann", views["ann"], late), "ann") == len(FANS) + 1


def test_a_late_call_never_opens_a_place_below_the_cursor_also_when_its_tombstone_is_gone(at: Any) -> None:
    views = all_come(at)
    draw(at)
    late = at(DRAWN + admission.FIRST_CALL_SECONDS)
    tick.tick(CONCERT, lambda: late)
    for item in query_all("QueueTable", "#pk = :pk", pk=items.token_key(CONCERT, 1)["pk"]):
        write(delete("QueueTable", {"pk": item["pk"], "sk": item["sk"]}))

    came = number(poll("ann", views["ann"], late), "ann")

    assert came == len(FANS) + 1
    assert [int(item["sk"]) for item in query_all("QueueTable", "#pk = :pk", pk=items.token_key(CONCERT, 1)["pk"])] == [
        came
    ]


def test_a_join_before_the_draw_adds_to_no_counter() -> None:
    """As in a process that believes that the order is drawn already."""
    with pytest.raises(SalesNotOpen):
        membership.find_or_open(CONCERT, "ann", Line(capacity=2), CLOSES, drawn=0)
    assert items.read_counter(CONCERT) == {}


def test_tombstones_of_the_draw_are_kept_until_the_sale_is_over(at: Any) -> None:
    all_come(at)
    draw(at)
    tick.tick(CONCERT, lambda: DRAWN + admission.FIRST_CALL_SECONDS)

    kept = query_all("QueueTable", "#pk = :pk", pk=items.token_key(CONCERT, 1)["pk"])
    assert len(kept) == len(FANS)
    assert {item["purgeAt"] for item in kept} == {CLOSES + 86_400 + clock.DAY}
