"""Every write endpoint and the whole payment workflow, every call that they make, everything that can happen to it.

Each scenario is run once to see which calls it makes. Then it is run again for each of these calls and each kind of
fault that the call can meet, from the same tables at the same time, with the retries of a real client, of the state
machine and of the schedule. After each run the books must balance and the user must have been told the truth.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from booking import payments
from booking.queue import tick
from tests.faults import READS, Fault, Kind, kinds_for
from tests.world import CONCERT, PERFORMANCES, Answer, StepFailed, StepRun, World

LATE_KINDS = {Kind.LATE, Kind.LATE_ONCE}


@pytest.fixture(autouse=True)
def _index_of_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the index of open payments have two parts: the sweep's walk is the same, in a quarter of its calls."""
    monkeypatch.setattr(payments, "OPEN_SHARDS", 2)


@dataclass(frozen=True)
class Scenario:
    """What is there before, what is then done under faults, and what must be so at the end."""

    prepare: Callable[[World], Any]
    act: Callable[[World, Any], Answer]
    expect: Callable[[World, Any, Answer], None]
    after: str | None = None
    """Strike only calls after this one: those before it are another scenario's."""


def entries(world: World, user: str) -> list[tuple[str, int]]:
    found = [item for item in world.items("points") if item["userId"] == user and item["sk"].startswith("ENTRY#")]
    return [(item["type"], item["amount"]) for item in sorted(found, key=lambda item: str(item["sk"]))]


def seats_of(world: World, user: str) -> list[tuple[int, str]]:
    at = world.time.at
    living = [seat for seat in world.items("seats") if seat["status"] == "SOLD" or seat["expiresAt"] > at]
    return sorted((seat["seatNumber"], seat["status"]) for seat in living if seat["userId"] == user)


def status_of(world: World, reservation: dict[str, Any], user: str = "ann") -> str:
    shown = world.call("get_reservation", user, reservationId=reservation["reservationId"])
    return str(shown.body["status"])


# ---- the queue


def join() -> Scenario:
    def expect(world: World, _: Any, answer: Answer) -> None:
        assert answer.status in {200, 201}
        living = [i for i in world.items("queue") if i.get("userId") == "ann" and i["status"] in {"WAITING", "ACTIVE"}]
        assert len(living) <= 2
        assert answer.body["status"] in {"WAITING", "ACTIVE"}

    return Scenario(lambda _: None, lambda world, _: world.ask("issue_queue_token", "ann", concertId=CONCERT), expect)


def poll() -> Scenario:
    def prepare(world: World) -> str:
        first = world.enter("bob")
        world.enter("eve")
        waiting = world.ask("issue_queue_token", "ann", concertId=CONCERT)
        assert waiting.body["status"] == "WAITING"
        world.ask("leave_queue", "bob", concertId=CONCERT, queue_token=first)
        tick.tick(CONCERT)
        world.time.sleep(2)
        return str(waiting.body["token"])

    def expect(world: World, _: Any, answer: Answer) -> None:
        assert (answer.status, answer.body["status"]) == (200, "ACTIVE")

    return Scenario(
        prepare,
        lambda world, token: world.ask("poll_queue_token", "ann", concertId=CONCERT, queue_token=token),
        expect,
    )


def leave() -> Scenario:
    def expect(world: World, _: Any, answer: Answer) -> None:
        assert answer.status == 204
        assert [i["status"] for i in world.items("queue") if i.get("userId") == "ann"] == ["FINISHED"]

    return Scenario(
        lambda world: world.enter("ann"),
        lambda world, token: world.ask("leave_queue", "ann", concertId=CONCERT, queue_token=token),
        expect,
    )


# ---- seats


def reserve() -> Scenario:
    def act(world: World, token: str) -> Answer:
        body = {"performanceId": PERFORMANCES[0], "seatNumbers": [1, 2]}
        return world.ask("reserve_seats", "ann", body, queue_token=token)

    def expect(world: World, _: Any, answer: Answer) -> None:
        assert answer.status == 201
        assert answer.body["status"] == "HELD"
        assert len(world.items("reservations")) == 1
        held = [item for item in world.items("seats") if item["reservationId"] == answer.body["reservationId"]]
        assert [seat["seatNumber"] for seat in held] == [1, 2]

    return Scenario(lambda world: world.enter("ann"), act, expect)


def reserve_taken() -> Scenario:
    def prepare(world: World) -> str:
        world.hold("bob", 1)
        return world.enter("ann")

    def act(world: World, token: str) -> Answer:
        body = {"performanceId": PERFORMANCES[0], "seatNumbers": [1, 2]}
        return world.ask("reserve_seats", "ann", body, queue_token=token)

    def expect(world: World, _: Any, answer: Answer) -> None:
        assert answer.code == "SEAT_TAKEN"
        assert [seat["userId"] for seat in world.items("seats")] == ["bob"]

    return Scenario(prepare, act, expect)


def release() -> Scenario:
    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        assert answer.status == 204
        assert status_of(world, held) == "RELEASED"
        assert world.items("seats") == []

    return Scenario(
        lambda world: world.hold("ann", 1, 2),
        lambda world, held: world.ask("release_reservation", "ann", reservationId=held["reservationId"]),
        expect,
    )


# ---- points


def charge() -> Scenario:
    def expect(world: World, _: Any, answer: Answer) -> None:
        assert (answer.status, answer.body["balance"]) == (201, 1070)
        assert entries(world, "ann") == [("CHARGE", 1000), ("CHARGE", 70)]

    return Scenario(
        lambda world: world.charge("ann"),
        lambda world, _: world.ask("charge_points", "ann", {"amount": 70}, key="k"),
        expect,
    )


def use() -> Scenario:
    def expect(world: World, _: Any, answer: Answer) -> None:
        assert (answer.status, answer.body["balance"]) == (201, 0)
        assert entries(world, "ann") == [("CHARGE", 1000), ("USE", -1000)]

    return Scenario(
        lambda world: world.charge("ann"),
        lambda world, _: world.ask("use_points", "ann", {"amount": 1000}, key="k"),
        expect,
    )


def use_too_much() -> Scenario:
    def expect(world: World, _: Any, answer: Answer) -> None:
        assert answer.code == "INSUFFICIENT_POINTS"
        assert entries(world, "ann") == [("CHARGE", 1000)]

    return Scenario(
        lambda world: world.charge("ann"),
        lambda world, _: world.ask("use_points", "ann", {"amount": 1001}, key="k"),
        expect,
    )


# ---- paying


def rich(world: World) -> dict[str, Any]:
    held = world.hold("ann", 1, 2)
    world.charge("ann", 200)
    return held


def pays() -> Scenario:
    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        shown = world.call("get_payment", "ann", paymentId=world.items("payments")[0]["paymentId"]).body
        if answer.status == 201:
            assert shown["status"] == "COMPLETED"
        if shown["status"] == "COMPLETED":
            assert status_of(world, held) == "CONFIRMED"
            assert entries(world, "ann") == [("CHARGE", 200), ("PAYMENT", -200)]
            assert seats_of(world, "ann") == [(1, "SOLD"), (2, "SOLD")]
        else:
            assert shown["status"] == "FAILED"
            assert answer.body["status"] == "PENDING", "the user was told something else before"
            assert world.balance("ann") == 200

    return Scenario(rich, lambda world, held: world.pay("ann", held), expect)


def pays_too_poor() -> Scenario:
    def prepare(world: World) -> dict[str, Any]:
        held = world.hold("ann", 1, 2)
        world.charge("ann", 199)
        return held

    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        assert (answer.code, answer.body["paymentStatus"]) == ("INSUFFICIENT_POINTS", "FAILED")
        assert (answer.body["required"], answer.body["balance"]) == (200, 199)
        assert entries(world, "ann") == [("CHARGE", 199)]

    return Scenario(prepare, lambda world, held: world.pay("ann", held), expect)


def failing(run_step: Callable[[StepRun], dict[str, Any]], code: str, *, refunded: bool) -> Scenario:
    def act(world: World, held: dict[str, Any]) -> Answer:
        world.run_step = run_step
        return world.pay("ann", held)

    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        shown = world.call("get_payment", "ann", paymentId=world.items("payments")[0]["paymentId"]).body
        assert shown["status"] == "FAILED"
        if answer.status >= 400:
            assert (answer.code, answer.body["paymentStatus"]) == (code, "FAILED")
            assert answer.body["failure"]["refunded"] is refunded
        else:
            assert answer.body["status"] in {"PENDING", "UNDOING", "FAILED"}
        assert world.balance("ann") == 200
        assert status_of(world, held) in {"HELD", "EXPIRED"}
        assert [seat["expiresAt"] for seat in world.items("seats")] == [
            item["expiresAt"] for item in world.items("reservations") for _ in range(2)
        ]

    return Scenario(rich, act, expect, after="stepfunctions.StartExecution")


def confirm_refused(step: StepRun) -> dict[str, Any]:
    if step.name == "ConfirmBooking":
        return {"outcome": "REFUSED", "at": step.event["state"]["usePoints"]["at"], "code": "RESERVATION_EXPIRED"}
    return step.run()


def confirm_broken(step: StepRun) -> dict[str, Any]:
    if step.name == "ConfirmBooking":
        raise StepFailed("Broken")
    return step.run()


def use_broken(step: StepRun) -> dict[str, Any]:
    if step.name == "UsePoints":
        raise StepFailed("Broken")
    return step.run()


def use_broken_after_effect(step: StepRun) -> dict[str, Any]:
    outcome = step.run()
    if step.name == "UsePoints":
        raise StepFailed("Broken")
    return outcome


def settles(status: str, *, debited: bool, cancelled: bool) -> Scenario:
    """An execution died at some point, and EventBridge says so, twice again when the function fails."""

    def prepare(world: World) -> dict[str, Any]:
        held = rich(world)

        def dies(step: StepRun) -> dict[str, Any]:
            if step.name == "UsePoints" and not debited:
                raise StepFailed("Dead")
            if step.name == "UnlockHold" and cancelled:
                return step.run()
            if step.name != "UsePoints":
                raise StepFailed("Dead")
            return step.run()

        world.run_step = dies
        world.pay("ann", held)
        world.run_step = lambda step: step.run()
        payment = world.items("payments")[0]
        assert payment["status"] == status
        return held | {"paymentId": payment["paymentId"]}

    def act(world: World, held: dict[str, Any]) -> Answer:
        for _ in range(3):
            try:
                world.settle(held["paymentId"])
                break
            except BaseException as error:
                if isinstance(error, AssertionError):
                    raise
        return Answer(0)

    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        payment = world.items("payments")[0]
        assert (payment["status"], payment["failure"]["refunded"]) == ("FAILED", debited)
        assert world.balance("ann") == 200

    return Scenario(prepare, act, expect)


def cancels() -> Scenario:
    """A fan cancels one of two seats for what is left of its price; whatever happens, it is done once or not at all."""

    def prepare(world: World) -> dict[str, Any]:
        held = rich(world)
        assert world.pay("ann", held).status == 201
        return held

    def act(world: World, held: dict[str, Any]) -> Answer:
        body = {"seatNumbers": [2], "expectedRefund": 100}
        return world.ask("cancel_reservation", "ann", body, key="c", reservationId=held["reservationId"])

    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        assert answer.status in {201, 202}, answer
        assert (answer.body["seatNumbers"], answer.body["refund"]) == ([2], 100)
        assert entries(world, "ann") == [("CHARGE", 200), ("PAYMENT", -200), ("REFUND", 100)]
        assert seats_of(world, "ann") == [(1, "SOLD")]
        assert status_of(world, held) == "CONFIRMED"

    return Scenario(prepare, act, expect)


def owes() -> Scenario:
    """A cancellation was accepted and its function died; the sweep comes by, again and again."""

    def prepare(world: World) -> dict[str, Any]:
        held = rich(world)
        assert world.pay("ann", held).status == 201
        world.wire.set(Fault(Kind.UNREACHABLE, 5))  # key, seats and payment are written; the wallet cannot be read
        body = {"expectedRefund": 200}
        answer = world.call("cancel_reservation", "ann", body, key="c", reservationId=held["reservationId"])
        assert (answer.status, answer.body["status"]) == (202, "REFUNDING")
        world.wire.set(None)
        world.time.sleep(16)
        return held

    def act(world: World, _: dict[str, Any]) -> Answer:
        for _attempt in range(3):
            try:
                world.settle()
                break
            except BaseException as error:
                if isinstance(error, AssertionError):
                    raise
        return Answer(0)

    def expect(world: World, held: dict[str, Any], answer: Answer) -> None:
        assert entries(world, "ann") == [("CHARGE", 200), ("PAYMENT", -200), ("REFUND", 200)]
        assert (status_of(world, held), seats_of(world, "ann")) == ("CANCELLED", [])

    return Scenario(prepare, act, expect)


SCENARIOS = {
    "join": join(),
    "poll": poll(),
    "leave": leave(),
    "reserve": reserve(),
    "reserve taken": reserve_taken(),
    "release": release(),
    "charge": charge(),
    "use": use(),
    "use too much": use_too_much(),
    "pay": pays(),
    "pay too poor": pays_too_poor(),
    "pay, confirming refused": failing(confirm_refused, "RESERVATION_EXPIRED", refunded=True),
    "pay, confirming broken": failing(confirm_broken, "TEMPORARILY_UNAVAILABLE", refunded=True),
    "pay, debit broken": failing(use_broken, "TEMPORARILY_UNAVAILABLE", refunded=False),
    "pay, debit done but broken": failing(use_broken_after_effect, "TEMPORARILY_UNAVAILABLE", refunded=True),
    "cancel a seat": cancels(),
    "give back what a cancellation owes": owes(),
    "settle a debited payment": settles("PENDING", debited=True, cancelled=False),
    "settle an undebited payment": settles("PENDING", debited=False, cancelled=False),
    "settle a cancelled payment": settles("UNDOING", debited=True, cancelled=True),
}


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "pay, confirming broken"])
def test_books_balance_and_answers_are_true_after_any_fault_at_any_call(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = SCENARIOS[name]
    before = scenario.prepare(world)
    start = world.snapshot()

    def run(fault: Fault | None, *, late_last: bool = False) -> list[str]:
        world.restore(start)
        world.wire.set(fault)
        answer = scenario.act(world, before)
        calls = list(world.wire.calls)
        world.wire.fault = None
        if not late_last:
            world.wire.deliver_late()
        if world.items("payments"):
            world.settle_until_quiet()
        world.wire.deliver_late()
        assert world.violations() == []
        outcomes.extend(payment["status"] for payment in world.items("payments"))
        scenario.expect(world, before, answer)
        return calls

    outcomes: list[str] = []
    cases, failures = 0, []
    calls = run(None)
    first = calls.index(scenario.after) + 1 if scenario.after else 0  # "broken" differs from "refused" in no call
    for number, operation in list(enumerate(calls))[first:]:
        for kind in kinds_for(operation):
            for late_last in (False, True) if kind in LATE_KINDS else (False,):
                cases += 1
                try:
                    run(Fault(kind, number), late_last=late_last)
                except AssertionError as error:
                    failures.append(f"{number} {operation} {kind.name} {late_last}: {str(error)[:600]}")
                except Exception as error:  # noqa: BLE001
                    failures.append(f"{number} {operation} {kind.name} {late_last}: {error!r}")
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {cases} faults at {len(calls) - first} calls {dict(Counter(outcomes)) or ''} ")
    assert failures == []


@pytest.mark.parametrize("name", ["pay", "pay, confirming broken", "reserve", "release", "cancel a seat"])
def test_a_write_that_was_given_up_may_arrive_at_any_later_moment(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client has stopped waiting; the write takes effect between any two of the calls that come after it."""
    scenario = SCENARIOS[name]
    before = scenario.prepare(world)
    start = world.snapshot()

    def run(given_up: int | None, arrives: int | None) -> list[str]:
        world.restore(start)
        world.wire.set(Fault(Kind.LATE, given_up) if given_up is not None else None)

        def arrive(number: int, _: str) -> None:
            if number == arrives:
                world.wire.deliver_late()

        world.wire.observe = arrive
        answer = scenario.act(world, before)
        calls = list(world.wire.calls)
        world.wire.observe, world.wire.fault = None, None
        world.wire.deliver_late()
        if world.items("payments"):
            world.settle_until_quiet()
        assert world.violations() == []
        scenario.expect(world, before, answer)
        return calls

    cases = 0
    writes = [n for n, called in enumerate(run(None, None)) if called.split(".")[1] not in READS]
    for given_up in writes:
        arrives, last = given_up + 1, given_up + 1
        while arrives <= last:
            cases += 1
            last = len(run(given_up, arrives)) - 1
            arrives += 1
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {cases} late arrivals of {len(writes)} writes ")
