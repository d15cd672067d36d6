"""Who keeps the line moving: drivers, kicks, the schedule, and what each costs when nothing moves."""

import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from booking import aws, memory
from booking.dynamodb import ConditionFailed, get, put, update, write
from booking.errors import TemporarilyUnavailable
from booking.queue import admission, driver, items, line, membership, place, tick
from booking.queue.admission import Line
from booking.queue.token import Turn
from tests.handlers import call
from tests.world import START

CONCERT = "yorushika"


class Clock:
    """A clock that only sleeping moves on; things can be made to happen at its times."""

    def __init__(self) -> None:
        self.at = START
        self.slept: list[float] = []
        self.then: dict[int, Callable[[], Any]] = {}

    def now(self) -> int:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        for _ in range(int(seconds)):
            self.at += 1
            self.then.pop(self.at - START, lambda: None)()


@pytest.fixture
def clock(cloud: None) -> Clock:
    return Clock()


@pytest.fixture
def kicked(cloud: None) -> list[dict[str, Any]]:
    payloads: list[dict[str, Any]] = []

    def invoke(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        assert params["url_path"].endswith("/functions/test-advance-queue%3Alive/invocations")
        assert params["headers"]["X-Amz-Invocation-Type"] == "Event"
        payloads.append(json.loads(params["body"]))
        return SimpleNamespace(status_code=202), {"StatusCode": 202}

    aws.client("lambda").meta.events.register("before-call.lambda.Invoke", invoke)
    return payloads


def fill(waiting: int = 1, at: int = START) -> list[Turn]:
    """Take both places, and have others wait."""
    turns = []
    for number in range(2 + waiting):
        memory.forget()
        turns.append(line.take_place(CONCERT, f"fan-{number}", at)[0].turn)
    return turns


def queue() -> dict[str, Any]:
    return get("QueueTable", items.queue_key(CONCERT)) or {}


def drive(clock: Clock, name: str = "one", *, take_over: bool = True) -> int:
    return driver.drive(CONCERT, name, take_over=take_over, now=clock.now, sleep=clock.sleep)


def stay(turn: Turn) -> None:
    """Keep a place for the whole test."""
    write(update("QueueTable", items.token_key(CONCERT, turn.number), "SET #expiresAt = :late", late=START + 10_000))


def test_a_line_that_nobody_waits_in_is_ticked_once_and_not_driven(clock: Clock, kicked: list[Any]) -> None:
    fill(waiting=0)

    assert drive(clock) == 1
    assert not clock.slept
    assert "driver" not in queue()


def test_while_somebody_waits_the_line_is_ticked_every_two_seconds_of_the_minute(
    clock: Clock, kicked: list[Any]
) -> None:
    for turn in fill():
        stay(turn)

    assert drive(clock) == 30
    assert set(clock.slept) == {driver.TICK_SECONDS}
    assert "driver" not in queue(), "whoever comes next may drive at once"


def test_a_place_that_lapses_or_is_freed_goes_to_the_next_within_a_tick(clock: Clock, kicked: list[Any]) -> None:
    ann, ben, cem, dan = fill(waiting=2)
    for turn in (ann, cem, dan):
        stay(turn)
    write(update("QueueTable", items.token_key(CONCERT, ben.number), "SET #expiresAt = :soon", soon=START + 11))
    moved: dict[str, int] = {}
    clock.then = {13: lambda: moved.update(lapse=queue()["admitted"]), 21: lambda: place.end(CONCERT, ann.number)}
    clock.then[23] = lambda: moved.update(leave=queue()["admitted"])

    drive(clock)

    assert moved == {"lapse": 3, "leave": 4}


def test_a_driver_stops_once_nobody_waits_and_looks_once_again(clock: Clock, kicked: list[Any]) -> None:
    ann = fill()[0]
    clock.then = {3: lambda: place.end(CONCERT, ann.number)}

    assert drive(clock) == 4
    assert clock.at - START == 6
    assert "driver" not in queue()


def test_a_fan_who_joins_while_the_driver_lets_go_is_not_forgotten(clock: Clock, kicked: list[Any]) -> None:
    ann, *others = fill()
    for turn in others:
        stay(turn)
    late: list[Turn] = []

    def joins() -> None:
        late.append(membership.find_or_open(CONCERT, "late", Line(capacity=2), clock.at)[0].turn)
        stay(late[0])

    clock.then = {3: lambda: place.end(CONCERT, ann.number), 5: joins}

    assert drive(clock) > 20


def test_the_scheduled_driver_takes_over_and_the_one_before_goes(clock: Clock, kicked: list[Any]) -> None:
    for turn in fill():
        stay(turn)
    clock.then = {9: lambda: driver.take_lease(CONCERT, "two", clock.at, take_over=True)}

    assert drive(clock, "one") == 5
    assert queue()["driver"] == "two", "it does not let go of what is another's"


def test_a_kick_beside_a_driver_ticks_but_does_not_drive(clock: Clock, kicked: list[Any]) -> None:
    fill()
    driver.take_lease(CONCERT, "one", START, take_over=True)
    clock.at = START + 5

    assert drive(clock, "kick", take_over=False) == 1
    assert queue()["driver"] == "one"


def test_a_kick_beside_a_driver_that_has_just_moved_the_line_costs_one_read(
    clock: Clock, kicked: list[Any], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    fill()
    driver.take_lease(CONCERT, "one", START, take_over=True)
    calls.clear()

    assert drive(clock, "kick", take_over=False) == 0
    assert [name for name, _ in calls] == ["GetItem"]


def test_a_driver_whose_start_is_repeated_goes_on_and_others_do_not_begin(clock: Clock, kicked: list[Any]) -> None:
    fill()
    assert driver.take_lease(CONCERT, "one", START, take_over=False)

    assert driver.take_lease(CONCERT, "one", START + 1, take_over=False)
    assert not driver.take_lease(CONCERT, "two", START + 1, take_over=False)


def test_a_tick_of_the_driver_reads_the_queue_once(
    clock: Clock, kicked: list[Any], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for turn in fill():
        stay(turn)
    read: list[int] = []
    clock.then = {15: calls.clear}
    clock.then[17] = lambda: read.extend(
        request["Key"]["sk"]["S"] == "QUEUE" for name, request in calls if name == "GetItem"
    )

    drive(clock)

    assert sum(read) == 1
    assert len(read) == 2, "the queue and the counter"


def test_a_tick_that_takes_long_is_followed_at_once(
    clock: Clock, kicked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in fill():
        stay(turn)
    long = tick.tick

    def takes(seconds: int) -> Callable[..., Line]:
        def ticks(*args: Any, **options: Any) -> Line:
            clock.at += seconds
            return long(*args, **options)

        return ticks

    monkeypatch.setattr(driver, "tick", takes(3))

    assert drive(clock) == 20
    assert set(clock.slept) == {0}


def test_a_tick_reads_no_token_twice_however_far_it_goes(
    clock: Clock, kicked: list[Any], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    fill(waiting=200)
    calls.clear()

    moved = tick.tick(CONCERT, lambda: START + 10_000)

    read = [request["ExpressionAttributeValues"] for name, request in calls if name == "Query"]
    ranges = [(int(each[":first"]["S"]), int(each[":last"]["S"])) for each in read if ":first" in each]
    assert (moved.low, moved.admitted) == (202, 202)
    assert len(ranges) > 1
    assert all(before[1] < first for before, (first, _) in pairwise(ranges))


@pytest.mark.parametrize(
    "move",
    [partial(tick.tick, CONCERT, lambda: START), partial(tick.make_room, CONCERT, 3, START)],
    ids=["tick", "join"],
)
def test_who_is_always_too_late_to_move_the_line_stops_trying(
    cloud: None, monkeypatch: pytest.MonkeyPatch, move: Callable[[], Line]
) -> None:
    fill(waiting=1)
    write(update("QueueTable", items.queue_key(CONCERT), "SET #capacity = :more", more=5))
    tries: list[Any] = []

    def too_late(change: Any) -> Any:
        tries.append(change)
        raise ConditionFailed(None)

    monkeypatch.setattr(tick, "write", too_late)
    monkeypatch.setattr(tick, "tick", lambda *_, **__: Line(capacity=0))

    move()

    assert len(tries) == 20


def test_a_tick_ends_no_more_than_it_may_however_far_it_reads(cloud: None) -> None:
    crowd = 2 * admission.LOOKAHEAD + 10
    for number in range(1, crowd + 1):
        token = {
            "number": number,
            "userId": f"fan-{number}",
            "status": "WAITING",
            "joinedAt": START,
            "expiresAt": START + 60,
        }
        write(put("QueueTable", items.token_key(CONCERT, number) | token))
    write(put("QueueTable", items.counter_key(CONCERT) | {"issued": crowd, "issuedAt": START}))

    tick.tick(CONCERT, lambda: START + 60, ends=70)

    ended = [items.read_token(CONCERT, number) for number in range(1, crowd + 1)]
    assert [token["status"] for token in ended if token] == ["EXPIRED"] * 70 + ["WAITING"] * (crowd - 70)
    assert (queue()["lapsed"], queue()["active"]) == (70, 2)


def test_a_driver_that_died_is_replaced_by_the_next_scheduled_one_or_by_a_kick_after_its_lease(
    clock: Clock, kicked: list[Any]
) -> None:
    for turn in fill():
        stay(turn)
    driver.take_lease(CONCERT, "dead", START, take_over=True)

    clock.at = START + 10
    assert drive(clock, "kick", take_over=False) == 1
    clock.at = START + driver.DRIVE_SECONDS + driver.TICK_SECONDS
    assert drive(clock, "kick", take_over=False) > 20
    driver.take_lease(CONCERT, "dead", clock.at, take_over=True)
    assert drive(clock, "scheduled", take_over=True) > 20


@pytest.mark.parametrize("failing", [{2, 3, 4}, {2, 3, 10, 11, 12}], ids=["at once", "after a recovery"])
def test_a_tick_that_fails_in_passing_does_not_end_the_driver_but_a_lasting_failure_does(
    clock: Clock, kicked: list[Any], monkeypatch: pytest.MonkeyPatch, failing: set[int]
) -> None:
    for turn in fill():
        stay(turn)
    real = tick.tick
    ticks = iter(range(1, 100))

    def tick_or_fail(*arguments: Any, **more: Any) -> Line:
        if next(ticks) in failing:
            raise TemporarilyUnavailable
        return real(*arguments, **more)

    monkeypatch.setattr(driver, "tick", tick_or_fail)

    with pytest.raises(TemporarilyUnavailable):
        drive(clock)
    assert next(ticks) == max(failing) + 1


def test_a_fan_near_the_front_of_an_undriven_line_kicks_and_others_do_not(kicked: list[Any], clock: Clock) -> None:
    cem = fill()[2]
    kicked.clear()

    memory.forget()
    line.look(cem, START + 2)
    assert kicked == [{"concertId": CONCERT, "scheduled": False}]

    far = Turn(CONCERT, "far", 2 + admission.FRONT + 1, active=False, expires_at=START + 600)
    line.look(far, START + 2)
    driver.take_lease(CONCERT, "one", START, take_over=True)
    memory.forget()
    line.look(cem, START + 2)
    assert len(kicked) == 1


def test_a_kick_that_fails_changes_nothing(cloud: None) -> None:
    def invoke(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")

    aws.client("lambda").meta.events.register("before-call.lambda.Invoke", invoke)

    assert driver.kick(CONCERT) is False


def publish(*concerts: str) -> None:
    for concert in concerts:
        write(put("CatalogTable", {"pk": "CONCERT", "sk": concert}))
        write(update("QueueTable", items.counter_key(concert), "ADD #issued :one", one=1))


def test_the_schedule_starts_a_driver_for_each_queue_in_use_before_its_own_work(
    cloud: None, kicked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("a", "b", "c")
    write(put("CatalogTable", {"pk": "CONCERT", "sk": "unused"}))
    seen: list[Any] = []

    def drive(concert_id: str, name: str, *, take_over: bool) -> int:
        seen.append((concert_id, take_over, len(kicked)))
        return 1

    monkeypatch.setattr(driver, "drive", drive)

    assert call("advance_queue", {"scheduled": True}) == {"ticks": 1}

    assert seen == [("a", True, 2)]
    assert kicked == [{"concertId": "b", "scheduled": True}, {"concertId": "c", "scheduled": True}]


def test_the_schedule_ends_at_once_when_no_queue_is_in_use(cloud: None, kicked: list[Any]) -> None:
    assert call("advance_queue", {}) == {"queues": 0}
    assert not kicked


def test_a_queue_that_cannot_be_read_or_started_does_not_keep_the_others_from_starting_and_fails_in_the_end(
    cloud: None, kicked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("a", "b", "c")
    real = get

    def troubled(table: str, key: Any, **more: Any) -> Any:
        if key["pk"] == "b":
            raise TemporarilyUnavailable
        return real(table, key, **more)

    monkeypatch.setattr(items, "get", troubled)
    monkeypatch.setattr(driver, "kick", lambda concert, *, scheduled: concert != "b")
    driven: list[str] = []

    def drive(concert_id: str, name: str, *, take_over: bool) -> int:
        driven.append(concert_id)
        return 1

    monkeypatch.setattr(driver, "drive", drive)

    with pytest.raises(RuntimeError, match="no driver could be started for b"):
        call("advance_queue", {})
    assert driven == ["a"]


def test_each_tick_writes_the_queues_levels_with_the_concert_as_their_dimension(
    clock: Clock, kicked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fill()
    capsys.readouterr()

    driver.report(CONCERT, tick.tick(CONCERT, clock.now), START + 9)

    written = json.loads(capsys.readouterr().out)
    assert written["concertId"] == CONCERT
    levels = {name: written[name] for name in ("QueueWaiting", "QueueActive", "QueueEntered", "QueueLapsed")}
    assert levels == {"QueueWaiting": [1.0], "QueueActive": [2.0], "QueueEntered": [2.0], "QueueLapsed": [0.0]}
    assert written["QueueSecondsSinceAdvance"] == [9.0]
    dimensions = written["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]
    assert "concertId" in dimensions


def test_a_changed_capacity_takes_effect_with_the_next_tick(clock: Clock, kicked: list[Any]) -> None:
    fill(waiting=3)
    for capacity, admitted in ((0, 2), (4, 4), (1, 4), (5, 5)):
        write(update("QueueTable", items.queue_key(CONCERT), "SET #capacity = :capacity", capacity=capacity))
        assert tick.tick(CONCERT, clock.now).admitted == admitted


def test_two_advances_count_a_lapsed_place_once(clock: Clock, kicked: list[Any]) -> None:
    fill()
    ended = items.read_token(CONCERT, 1)
    assert ended is not None
    place.expire(CONCERT, 1, ended)

    for _ in range(2):
        moved = tick.tick(CONCERT, lambda: START + 601)

    assert moved.lapsed == 2


def test_of_two_who_end_a_place_one_has_ended_it(clock: Clock, kicked: list[Any]) -> None:
    fill()
    read = items.read_token(CONCERT, 1)
    assert read is not None

    assert [ours for _, ours in (place.expire(CONCERT, 1, read), place.expire(CONCERT, 1, read))] == [True, False]
