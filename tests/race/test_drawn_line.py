"""A line that began with a draw holds at every step too: first calls, late calls, tombstones, deaths, and a purge.

The numbers that were drawn are there before their tokens, which are written when their fans first call. So besides what
`test_waiting_room` holds of any line: a drawn number is its own fan's and nobody else's, it is over for good once the
line has ended it, and a fan who calls too late for it queues behind everybody, also when nothing of it is left in the
table.
"""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from booking import settings as settings_module
from booking.dynamodb import client, delete, put, query_all, write
from booking.queue import admission, driver, items, line, membership, tick
from booking.queue.place import Place
from booking.settings import settings
from tests.race.steps import How, Steps, Work
from tests.race.test_waiting_room import (
    ACTIVE_SECONDS,
    CALLS,
    EXAMPLES,
    OVER,
    SKEW_SECONDS,
    USERS,
    Process,
    WaitingRoom,
    _settings,
)
from tests.world import START


def begin_with_a_draw(concert: str, drawn: int, capacity: int) -> None:
    """Leave a line as a draw does: a counter that begins at the number of entries, and that number on the queue."""
    drawn_line = {"capacity": capacity, "drawn": drawn, "drawnAt": START}
    write(put(settings().queue_table, {**items.queue_key(concert), **drawn_line}))
    write(put(settings().queue_table, {**items.counter_key(concert), "issued": drawn, "issuedAt": START}))


class DrawnRoom(WaitingRoom):
    """The queue of one concert, some of whose fans were in its lobby."""

    ttl = None  # type: ignore[assignment]  # nothing above the low end is purged while the sale lasts

    @initialize(
        capacity=st.integers(1, 3),
        skews=st.lists(st.integers(-SKEW_SECONDS, SKEW_SECONDS), min_size=3, max_size=3),
        drawn=st.permutations(USERS).flatmap(lambda order: st.integers(1, len(USERS)).map(lambda many: order[:many])),
    )
    def open(self, capacity: int, skews: list[int], drawn: list[str]) -> None:
        self.processes = [Process(skew) for skew in skews]
        self.capacity = capacity
        begin_with_a_draw(self.concert, len(drawn), capacity)
        self.drawn = {user: number for number, user in enumerate(drawn, start=1)}

    @rule(user=st.sampled_from(USERS), process=st.integers(0, 2), calls=CALLS)
    def join(self, user: str, process: int, calls: int) -> None:
        """Call for one's number, for the first time or again; or queue behind those who were drawn."""
        number = self.drawn.get(user, 0)

        def work(now: Callable[[], int]) -> Place:
            return line.take_place(self.concert, user, now(), drawn=number)[0]

        self.begin(f"{user} calls", process, calls, work, user)

    @rule(seconds=st.sampled_from([1, 5, 20, 70, 70]))
    def time_passes(self, seconds: int) -> None:
        """Often for so long that those who have not called are ended."""
        self.time += seconds

    @precondition(lambda self: self.low)
    @rule(which=st.integers(0, 20))
    def purge(self, which: int) -> None:
        """Delete what is left of a number below the low end. No function that runs now is as old as that."""
        for handler in list(self.at_work):
            self.let_go_on(handler, 20)
        gone = sorted(number for number in self.tokens if number <= self.low)
        if gone:
            key = items.token_key(self.concert, gone[which % len(gone)])
            self.steps.client.delete_item(TableName="QueueTable", Key={name: {"S": at} for name, at in key.items()})
            self.seen["purged"] += 1
            self.look()

    def look(self) -> None:
        super().look()
        for number, user in self.given_to.items():
            assert self.drawn.get(user) == number or number > len(self.drawn), f"{user} has {number} of {self.drawn}"
        self.seen["tombstones"] += any("userId" not in token for token in self.tokens.values())
        self.seen["too late"] += any(
            number > len(self.drawn) for number, user in self.given_to.items() if user in self.drawn
        )


@pytest.fixture
def drawn_room(cloud: None, monkeypatch: pytest.MonkeyPatch) -> type[DrawnRoom]:
    monkeypatch.setenv("ACTIVE_SECONDS", str(ACTIVE_SECONDS))
    settings_module.settings.cache_clear()
    return type("DrawnRoomHere", (DrawnRoom,), {"seen": Counter()})


def test_a_line_that_began_with_a_draw_holds_in_every_interleaving(drawn_room: type[DrawnRoom]) -> None:
    run_state_machine_as_test(drawn_room, settings=_settings(EXAMPLES // 2))

    seen = drawn_room.seen
    assert min(seen[what] for what in ("moves", "full", "tombstones", "too late", "purged")) > 0, seen


@pytest.mark.parametrize("reading", [True, False])
def test_a_late_call_brings_no_number_back_whose_tombstone_has_been_purged(
    cloud: None, monkeypatch: pytest.MonkeyPatch, *, reading: bool
) -> None:
    """The control leaves out the strong read of the low end: the condition of the call's write sees nothing there, and
    so a number lives again that no tick looks at any more."""
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)
    begin_with_a_draw("c", len(FANS), 2)
    tick.tick("c", lambda: LATE)
    assert items.read_queue("c").get("low") == len(FANS)
    for number in FANS:
        write(delete("QueueTable", {**items.token_key("c", number)}))
    if not reading:
        monkeypatch.setattr(membership, "read_queue", lambda _concert: {})

    came = line.take_place("c", "ben", LATE + 1, drawn=2)[0]

    assert came.turn.number == (5 if reading else 2)


# -- killed at each call, and run again

LATE = START + admission.FIRST_CALL_SECONDS
FANS = {1: "ann", 2: "ben", 3: "cem", 4: "dan"}


def _first_call(concert: str) -> Place:
    return line.take_place(concert, "cem", START + 5, drawn=3)[0]


def _too_late_a_call(concert: str) -> Place:
    return line.take_place(concert, "ben", LATE + 1, drawn=2)[0]


def _calls(concert: str, *numbers: int, at: int = START + 1) -> None:
    for number in numbers:
        line.take_place(concert, FANS[number], at, drawn=number)


def _leaves(concert: str, number: int) -> None:
    key = items.token_key(concert, number)
    client().update_item(
        TableName="QueueTable",
        Key={name: {"S": at} for name, at in key.items()},
        UpdateExpression="SET #status = :finished",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":finished": {"S": "FINISHED"}},
    )


def _ann_leaves(concert: str) -> None:
    _calls(concert, 1, 2, 3, 4)
    _leaves(concert, 1)


def _line_has_passed_two(concert: str) -> None:
    _calls(concert, 1, 3)
    tick.tick(concert, lambda: LATE)


type Case = tuple[Callable[[str], None], Callable[[str], Any], dict[int, str]]
CASES: dict[str, Case] = {
    "a first call": (
        lambda concert: _calls(concert, 1),
        _first_call,
        {1: "ACTIVE ann", 3: "WAITING cem"},
    ),
    "a call that is too late": (
        _line_has_passed_two,
        _too_late_a_call,
        {1: "ACTIVE ann", 2: "EXPIRED -", 3: "WAITING cem", 5: "WAITING ben"},
    ),
    "the tick that makes tombstones": (
        lambda concert: _calls(concert, 3, at=START + 30),
        lambda concert: tick.tick(concert, lambda: LATE),
        {1: "EXPIRED -", 2: "EXPIRED -", 3: "WAITING cem", 4: "EXPIRED -"},
    ),
    "the tick that lets the next in": (
        _ann_leaves,
        lambda concert: tick.tick(concert, lambda: START + 10),
        {1: "FINISHED ann", 2: "ACTIVE ben", 3: "WAITING cem", 4: "WAITING dan"},
    ),
}
_concerts = count(1)


def _told(concert: str) -> tuple[dict[int, str], int, int]:
    """Tell what is stored: each number's status and user, the cursor and the low end."""
    tokens = query_all("QueueTable", "#pk = :pk", pk=items.token_key(concert, 0)["pk"])
    queue = items.read_queue(concert)
    shown = {int(token["number"]): f"{token['status']} {token.get('userId', '-')}" for token in tokens}
    return dict(sorted(shown.items())), queue.get("admitted", 0), queue.get("low", 0)


def _played(case: Case, how: How | Literal["die"] | None, step: int) -> tuple[tuple[dict[int, str], int, int], bool]:
    """Play a case with something happening to its call of that index, and then again; tell what is stored then, and
    whether there was such a call."""
    before, work, _ = case
    concert = f"drawn-{next(_concerts)}"
    begin_with_a_draw(concert, len(FANS), 2)
    before(concert)
    struck = False
    if how is not None:
        first = Work("the first run", lambda: work(concert), {})
        for _ in range(step):
            if not first.ended:
                first.step()
        struck = not first.ended
        if struck and how == "die":
            first.die()
        elif struck:
            first.step(cast(How, how))
            first.finish()
    again = Work("the second run", lambda: work(concert), {})
    again.finish()
    assert again.error is None, again.error
    return _told(concert), struck


@pytest.mark.parametrize("how", ["die", "twice", "lost"])
@pytest.mark.parametrize("name", CASES)
def test_killed_at_any_call_and_run_again_the_line_is_as_if_nothing_had_happened(
    cloud: None, monkeypatch: pytest.MonkeyPatch, name: str, how: How | Literal["die"]
) -> None:
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)
    monkeypatch.setattr(tick, "THREADS", 1)
    monkeypatch.setenv("QUEUE_CAPACITY", "2")
    settings_module.settings.cache_clear()
    case = CASES[name]
    with Steps():
        expected, _ = _played(case, None, 0)
        assert expected[0].items() >= case[2].items(), expected
        present = [number for number, told in expected[0].items() if told.split()[0] not in OVER]
        assert len([number for number in present if number <= expected[1]]) <= 2

        deaths = 0
        for step in count():
            found, struck = _played(case, how, step)
            if not struck:
                break
            deaths += 1
            assert found == expected, f"call {step} of {name}, {how}"
    assert deaths >= 3
