"""The waiting room holds at every step of every interleaving that can be thought of: a model-based test.

Handlers run on the real reads and writes, each with a clock of its own, and move one call at a time in any order; any
of them may die between two calls, have a call repeated or lose an answer. After every step the tables are looked at.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from booking import settings as settings_module
from booking.dynamodb import TransactionRefused, get, query_all, transact
from booking.errors import BookingError
from booking.queue import admission, driver, items, line, membership, place, tick
from booking.queue.admission import Line, State
from booking.queue.place import Place
from booking.queue.token import Turn
from tests.race.steps import How, Steps, Work
from tests.world import START

ACCOUNT, REGION = "123456789012", "us-east-1"
ACTIVE_SECONDS = 20
SKEW_SECONDS = 3
"""How far from the true time a handler's clock may be."""
USERS = ["ann", "ben", "cem", "dan", "eva"]
OVER = {"FINISHED", "EXPIRED"}
CALLS = st.sampled_from([1, 2, 3, 4, 5, 20, 20, 20])
"""How many calls a handler makes before another moves; 20 is more than any handler's."""
EXAMPLES = 100
SEED = 1
"""Of the control, which so takes as long each time."""
AT_WORK = 6
"""How many handlers may be at work at once."""

type Alter = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass
class Process:
    """One process of a function: how far its clock is from the true time, and what it remembers."""

    skew: int
    cache: dict[Any, Any] = field(default_factory=dict)


class Handler(Work[Any]):
    """A handler at work, perhaps for one user."""

    def __init__(self, name: str, work: Callable[[], Any], cache: dict[Any, Any], user: str | None) -> None:
        self.user = user
        super().__init__(name, work, cache)


class WaitingRoom(RuleBasedStateMachine):
    """The queue of one concert, everybody who works on it, and what is always true of it."""

    numbers: ClassVar[Iterator[int]] = iter(range(1_000_000))
    seen: ClassVar[Counter[str]] = Counter()
    alter: ClassVar[Alter | None] = None
    cursor_may_go_back: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.concert = f"concert-{next(self.numbers)}"
        self.steps = Steps(type(self).alter)
        self.steps.__enter__()
        self.time = START
        self.capacity = 2
        self.at_work: list[Handler] = []
        self.kicks = 0
        self.turns: dict[str, Turn] = {}
        self.given_to: dict[int, str] = {}
        self.over: set[int] = set()
        self.tokens: dict[int, dict[str, Any]] = {}
        self.admitted = self.low = self.bound = 0
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(driver, "kick", self._kick)

    def _kick(self, concert_id: str, *, scheduled: bool = False) -> bool:
        self.kicks += 1
        return True

    @initialize(
        capacity=st.integers(1, 3),
        skews=st.lists(st.integers(-SKEW_SECONDS, SKEW_SECONDS), min_size=3, max_size=3),
        joined=st.integers(0, len(USERS)),
    )
    def open(self, capacity: int, skews: list[int], joined: int) -> None:
        self.processes = [Process(skew) for skew in skews]
        self.set_capacity(capacity)
        for user in USERS[:joined]:
            self.join(user, 0, 20)

    # ------------------------------------------------------------------------------------------- handlers at work

    def begin(
        self,
        name: str,
        process: int,
        calls: int,
        work: Callable[[Callable[[], int]], Any],
        user: str | None = None,
    ) -> None:
        if len(self.at_work) >= AT_WORK:
            self.let_go_on(self.at_work[0], 20)
        its = self.processes[process]
        handler = Handler(name, lambda: work(lambda: self.time + its.skew), its.cache, user)
        self.at_work.append(handler)
        self.let_go_on(handler, calls)

    def let_go_on(self, handler: "Handler", calls: int, how: How = "once") -> None:
        """Let a handler make that many calls, or all that are left, and look at the tables after each."""
        while calls and not handler.ended:
            calls -= 1
            handler.step(how)
            self.look()
        self._tidy()

    @rule(user=st.sampled_from(USERS), process=st.integers(0, 2), calls=CALLS)
    def join(self, user: str, process: int, calls: int) -> None:
        def work(now: Callable[[], int]) -> Place:
            return line.take_place(self.concert, user, now())[0]

        self.begin(f"{user} joins", process, calls, work, user)

    @precondition(lambda self: self.turns)
    @rule(user=st.sampled_from(USERS), process=st.integers(0, 2), calls=CALLS)
    def poll(self, user: str, process: int, calls: int) -> None:
        if turn := self.turns.get(user):
            self.begin(f"{user} polls", process, calls, lambda now: _poll(turn, now()), user)

    @precondition(lambda self: self.turns)
    @rule(user=st.sampled_from(USERS), process=st.integers(0, 2), calls=CALLS, kicked=CALLS)
    def leave(self, user: str, process: int, calls: int, kicked: int) -> None:
        if turn := self.turns.get(user):
            self.begin(f"{user} leaves", process, calls, lambda now: place.end(self.concert, turn.number))
            self.tick(process, kicked)

    @precondition(lambda self: self.turns)
    @rule(user=st.sampled_from(USERS), process=st.integers(0, 2), calls=CALLS, kicked=CALLS)
    def book_and_pay(self, user: str, process: int, calls: int, kicked: int) -> None:
        if turn := self.turns.get(user):
            self.begin(f"{user} pays", process, calls, lambda now: _book_and_pay(turn, now))
            self.tick(process, kicked)

    @rule(process=st.integers(0, 2), calls=CALLS)
    def tick(self, process: int, calls: int) -> None:
        self.begin("tick", process, calls, lambda now: tick.tick(self.concert, now))

    @precondition(lambda self: self.at_work)
    @rule(which=st.integers(0, AT_WORK), calls=CALLS)
    def go_on(self, which: int, calls: int) -> None:
        self.let_go_on(self.at_work[which % len(self.at_work)], calls)

    @precondition(lambda self: self.at_work)
    @rule(which=st.integers(0, AT_WORK), how=st.sampled_from(["twice", "lost"]))
    def stumble(self, which: int, how: How) -> None:
        self.let_go_on(self.at_work[which % len(self.at_work)], 1, how)

    @precondition(lambda self: self.at_work)
    @rule(which=st.integers(0, AT_WORK))
    def die(self, which: int) -> None:
        self.at_work[which % len(self.at_work)].die()
        self._tidy()

    def _tidy(self) -> None:
        """Take note of what those who have ended answered, and look at the tables."""
        ended = [handler for handler in self.at_work if handler.ended]
        self.at_work = [handler for handler in self.at_work if not handler.ended]
        for handler in ended:
            if handler.error is not None and not isinstance(handler.error, BookingError | TransactionRefused):
                raise handler.error
            if isinstance(handler.answer, Place):
                turn = handler.answer.turn
                assert self.given_to.setdefault(turn.number, turn.user_id) == turn.user_id == handler.user, (
                    f"{turn.number} was given twice"
                )
                self.turns[turn.user_id] = turn
        self.look()

    # ------------------------------------------------------------------------------------------- what else happens

    @rule(seconds=st.sampled_from([1, 2, 5, 8, 20, 70]))
    def time_passes(self, seconds: int) -> None:
        self.time += seconds

    @rule(capacity=st.integers(0, 4))
    def set_capacity(self, capacity: int) -> None:
        self.steps.client.update_item(
            TableName="QueueTable",
            Key={"pk": {"S": self.concert}, "sk": {"S": "QUEUE"}},
            UpdateExpression="SET #capacity = :capacity",
            ExpressionAttributeNames={"#capacity": "capacity"},
            ExpressionAttributeValues={":capacity": {"N": str(capacity)}},
        )
        self.capacity = capacity

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 20))
    def ttl(self, which: int) -> None:
        """DynamoDB deletes a token whose time has passed on every clock: at once here, a day later at the earliest
        there, or never."""
        old = sorted(number for number, token in self.tokens.items() if self._is_old(token))
        if old:
            number = old[which % len(old)]
            key = {name: {"S": value} for name, value in items.token_key(self.concert, number).items()}
            self.steps.client.delete_item(TableName="QueueTable", Key=key)
            self.over.add(number)
            self.look()

    def _is_old(self, token: dict[str, Any]) -> bool:
        return "expiresAt" in token and token["expiresAt"] <= self.time - SKEW_SECONDS

    # ------------------------------------------------------------------------------------------- what is always true

    def read(self) -> None:
        """Read the tables from inside the emulator, which takes no time."""
        partitions = dynamodb_backends[ACCOUNT][REGION].tables["QueueTable"].items
        tokens = partitions.get(DynamoType({"S": items.token_key(self.concert, 0)["pk"]}), {})
        self.tokens = {int(sort_key.value): _plain(item.attrs) for sort_key, item in tokens.items()}
        self.queue = {}
        for item in partitions.get(DynamoType({"S": self.concert}), {}).values():
            self.queue = _plain(item.attrs)

    def look(self) -> None:
        before, admitted = self.tokens, self.admitted
        self.read()
        self.admitted, self.low = self.queue.get("admitted", 0), self.queue.get("low", 0)
        statuses = {number: token["status"] for number, token in self.tokens.items()}
        self.seen["moves"] += self.admitted > admitted
        self.seen["waiting"] += any(number > self.admitted for number in self.tokens)
        self.seen["full"] += 0 < self.capacity <= self.bound
        assert self.admitted >= admitted or self.cursor_may_go_back, f"cursor back from {admitted} to {self.admitted}"
        self.admitted = max(admitted, self.admitted)

        back = {number for number, status in statuses.items() if number in self.over and status not in OVER}
        assert not back, f"{back} came back after being over"
        self.over |= {number for number, status in statuses.items() if status in OVER}
        assert self.over.issuperset(range(1, self.low + 1)), f"up to {self.low} not all are over"

        in_use = set(range(1, self.admitted + 1)) - self.over
        self.bound = max(self.capacity, self.bound)
        assert len(in_use) <= self.bound, f"{sorted(in_use)} have places, of {self.capacity} (at most {self.bound})"
        self.bound = max(self.capacity, len(in_use))

        active = {number for number, status in statuses.items() if status == "ACTIVE"}
        assert active <= in_use, f"{active - in_use} came in before their turn"
        users = [self.tokens[number]["userId"] for number in active]
        assert len(users) == len(set(users)), f"active: {users}"
        living = [user for number, user in self.given_to.items() if statuses.get(number) in {"WAITING", "ACTIVE"}]
        assert len(living) == len(set(living)), f"places of {living}"

        for number, token in self.tokens.items():
            was = before.get(number, token)
            assert was.get("userId", token.get("userId")) == token.get("userId"), f"{number} changed hands"
            if token["status"] == "EXPIRED" and was["status"] not in OVER and "expiresAt" in token:
                assert token["expiresAt"] <= self.time + SKEW_SECONDS, f"{number} was ended before its time"

    # ------------------------------------------------------------------------------------------- never stuck

    def teardown(self) -> None:
        try:
            if hasattr(self, "processes"):
                for handler in list(self.at_work):
                    self.let_go_on(handler, 20)
                self._let_everybody_in()
        finally:
            for handler in self.at_work:
                if not handler.ended:
                    handler.die()
            self.patch.undo()
            self.steps.__exit__(None, None, None)

    def _let_everybody_in(self) -> None:
        """From wherever the test has got to, fans who keep polling all come in, and at the end all places are free."""
        self.processes = [Process(0)]
        self.set_capacity(max(1, self.capacity))
        waiting = {user: turn for user, turn in self.turns.items() if self._is_present(turn)}
        for _ in range(40):
            if not waiting:
                break
            self.time += 6
            self.processes[0].cache.clear()
            for user, turn in sorted(waiting.items(), key=lambda held: held[1].number):
                held = self._do(lambda turn=turn: _poll(turn, self.time))  # type: ignore[misc]
                assert isinstance(held, Place), f"{user} kept polling and lost the place: {held}"
                waiting[user] = held.turn
                if held.turn.active:
                    self._do(lambda turn=turn: place.end(self.concert, turn.number))  # type: ignore[misc]
                    del waiting[user]
            self._do(lambda: tick.tick(self.concert, lambda: self.time))
        assert not waiting, f"{waiting} never came in"
        for _ in range(2):
            self.time += 200
            self._do(lambda: tick.tick(self.concert, lambda: self.time))
        assert set(range(1, self.admitted + 1)) <= self.over, "a place that nobody has is not free"

    def _is_present(self, turn: Turn) -> bool:
        """A waiting fan is, however long the silence, unless the line has ended the place."""
        token = self.tokens.get(turn.number, {"status": "EXPIRED"})
        lasts = bool(token["status"] == "ACTIVE" and token["expiresAt"] > self.time + 6)
        return lasts or token["status"] == "WAITING"

    def _do(self, work: Callable[[], Any]) -> Any:
        handler = Work("in the end", work, self.processes[0].cache)
        while not handler.ended:
            handler.step()
        self.look()
        return handler.answer if handler.error is None else handler.error


def _poll(turn: Turn, at: int) -> Place | None:
    """Poll as the endpoint does, which refuses the signed token of a turn that is over."""
    return line.look(turn, at)[0] if turn.expires_at > at or not turn.active else None


def _book_and_pay(turn: Turn, now: Callable[[], int]) -> None:
    """What booking and paying do to the queue, each in a transaction."""
    line.book(turn, now())
    transact(place.use(turn, now()))
    transact(place.finish(turn.concert_id, turn.number))


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: int(kept.value) if kept.type == "N" else kept.value for name, kept in attributes.items()}


@pytest.fixture
def room(cloud: None, monkeypatch: pytest.MonkeyPatch) -> type[WaitingRoom]:
    monkeypatch.setenv("ACTIVE_SECONDS", str(ACTIVE_SECONDS))
    settings_module.settings.cache_clear()
    return type("WaitingRoomHere", (WaitingRoom,), {"seen": Counter()})


def _settings(examples: int, *, shrink: bool = True) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def test_the_waiting_room_holds_in_every_interleaving(room: type[WaitingRoom]) -> None:
    run_state_machine_as_test(room, settings=_settings(EXAMPLES))

    assert min(room.seen[what] for what in ("moves", "waiting", "full")) > EXAMPLES, "there was nothing to hold"


def without_the_condition(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Write the cursor whatever has happened since it was read."""
    if "#admitted = :admitted," in parameters.get("UpdateExpression", ""):
        condition = parameters["ConditionExpression"]
        return parameters | {"ConditionExpression": f"({condition}) OR attribute_not_exists(nothing)"}
    return parameters


def without_the_cursor_in_it(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Write the cursor if capacity and pause are as they were read, wherever the cursor may be."""
    if "#admitted = :admitted," in parameters.get("UpdateExpression", ""):
        cursor, others = parameters["ConditionExpression"].split(" AND ", 1)
        condition = f"({cursor} OR attribute_not_exists(nothing)) AND {others}"
        return parameters | {"ConditionExpression": condition}
    return parameters


def test_control_without_its_condition_the_cursors_write_lets_too_many_in(room: type[WaitingRoom]) -> None:
    """The same test, with fewer things that can happen so that it finds it soon.

    It takes an operator: the numbers themselves can only come to be over, so a late cursor alone is harmless.
    """
    room.alter = staticmethod(without_the_condition)
    room.cursor_may_go_back = True
    for unneeded in ("time_passes", "ttl", "stumble", "die", "poll", "book_and_pay"):
        setattr(room, unneeded, None)

    seed(SEED)(room)
    with pytest.raises(AssertionError, match="have places, of"):
        run_state_machine_as_test(room, settings=_settings(3000, shrink=False))


@pytest.mark.parametrize("alter", [None, without_the_cursor_in_it])
def test_an_advance_that_is_late_does_not_send_back_those_who_have_been_let_in(
    cloud: None, monkeypatch: pytest.MonkeyPatch, alter: Alter | None
) -> None:
    """The control leaves the cursor out of the condition of its write, and then the cursor goes back."""
    ann, ben, _ = _three_for_one_place(monkeypatch)
    place.enter(ann, START)
    place.end("c", ann.number)

    with Steps(alter):
        late = Work("a late tick", lambda: tick.tick("c", lambda: START), {})
        while late.call not in {"update_item", None}:
            late.step()
        Work("a tick", lambda: tick.tick("c", lambda: START), {}).finish()
        Work("ben comes and goes", lambda: place.end("c", place.enter(ben, START).turn.number), {}).finish()
        Work("a tick", lambda: tick.tick("c", lambda: START), {}).finish()
        assert _cursor() == 3
        late.finish()

    assert _cursor() == (3 if alter is None else 2)


def _three_for_one_place(monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """Ann has been let in, ben and cem wait."""
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)
    monkeypatch.setenv("QUEUE_CAPACITY", "1")
    settings_module.settings.cache_clear()
    turns = [waits(user, START) for user in ("ann", "ben", "cem")]
    tick.tick("c", lambda: START)
    return turns


def waits(user: str, at: int) -> Turn:
    """Give a user a place in line, without letting them in."""
    return membership.find_or_open("c", user, Line(capacity=1), at)[0].turn


def _cursor() -> int:
    return int((get("QueueTable", items.queue_key("c")) or {})["admitted"])


@pytest.mark.parametrize("trusting", [False, True])
def test_a_place_that_lapses_on_one_clock_and_is_renewed_on_another_is_had_by_one_fan(
    cloud: None, monkeypatch: pytest.MonkeyPatch, *, trusting: bool
) -> None:
    """The control trusts the clock: it gives the place on without ending the token, and then two fans have it."""
    judge = admission.state_of

    def trusted(*arguments: Any, **more: Any) -> State:
        state = judge(*arguments, **more)
        return State.OVER if state is State.LAPSED else state

    if trusting:
        monkeypatch.setattr(admission, "state_of", trusted)
    ann, *_ = _three_for_one_place(monkeypatch)
    late, early = ann.expires_at, ann.expires_at - 1

    with Steps():
        ahead = Work("a tick whose clock is ahead", lambda: tick.tick("c", lambda: late), {})
        while ahead.call not in {"update_item", None}:
            ahead.step()
        behind = Work("ann enters by a clock that is behind", lambda: place.enter(ann, early), {})
        behind.finish()
        ahead.finish()

    places = [token for token in _tokens("c") if int(token["number"]) <= _cursor()]
    assert behind.answer is not None
    assert (len([token for token in places if token["status"] not in OVER]) > 1) is trusting


def _tokens(concert: str) -> list[dict[str, Any]]:
    return query_all("QueueTable", "#pk = :pk", pk=items.token_key(concert, 0)["pk"])


def test_a_row_of_dead_joins_longer_than_the_reading_holds_nobody_up(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while others keep joining, so that the counter is never at rest."""
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)
    for dead in range(2 + admission.LOOKAHEAD + 5):
        membership.next_number("c", f"dead-{dead}", 0, START, START + 999, after_draw=False)
    ann = waits("ann", START)

    for later in range(0, 12, 2):
        waits(f"fan-{later}", START + later)
        tick.tick("c", lambda later=later: START + later)  # type: ignore[misc]

    assert _cursor() >= ann.number
