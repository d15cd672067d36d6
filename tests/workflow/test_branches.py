"""Every branch of the payment workflow, as the state machine file has it, over the real steps.

Each case scripts how the attempts of some steps go; everything not scripted runs as it is. A case is a promise about
how the payment ends. What a case took of the state machine is read from its execution's history; a way through it that
no case takes fails `test_every_branch_is_taken`.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from booking import payments
from tests.world import PERFORMANCES, StepFailed, StepRun, World, definition

STEPS = ("UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints")
FOR_GOOD = 20


@dataclass
class Script:
    """How the attempts of each step go, in order; after the last they go as they are.

    ok, twice (delivered twice), error / timeout (without effect), error after / timeout after (with effect), refused,
    and outlives:X, which times out and takes effect only when step X begins, or at the end.
    """

    attempts: dict[str, list[str]]
    late: dict[str, list[Callable[[], Any]]] = field(default_factory=lambda: defaultdict(list))

    def run(self, step: StepRun) -> dict[str, Any]:
        for late in self.late.pop(step.name, []):
            late()
        todo = self.attempts.get(step.name, [])
        action, _, until = (todo.pop(0) if todo else "ok").partition(":")
        match action:
            case "ok":
                return step.run()
            case "twice":
                step.run()
                return step.run()
            case "error":
                raise StepFailed("Broken")
            case "timeout":
                raise TimeoutError
            case "error after":
                step.run()
                raise StepFailed("Broken")
            case "timeout after":
                step.run()
                raise TimeoutError
            case "refused":
                return {"outcome": "REFUSED", "at": 0, "code": "RESERVATION_EXPIRED"}
            case "outlives":
                self.late[until].append(step.run)
                raise TimeoutError
        raise AssertionError(action)

    def finish(self) -> None:
        for waiting in list(self.late.values()):
            for late in waiting:
                late()
        self.late.clear()


@dataclass(frozen=True)
class Case:
    """A script and how the payment must end: by the workflow itself, or (`dies`) only with settle_payment."""

    attempts: dict[str, list[str]]
    ends: str
    refunded: bool | None = None
    dies: bool = False
    ended_before: bool = False
    """The payment had ended all the same: only the answer of its last step was lost, again and again."""


def cases() -> dict[str, Case]:
    table: dict[str, Case] = {"nothing goes wrong": Case({}, "COMPLETED")}
    for step in ("UsePoints", "ConfirmBooking"):
        for action in ("error", "timeout", "error after", "timeout after"):
            table[f"{step}: {action}, then well"] = Case({step: [action, action]}, "COMPLETED")
        table[f"{step}: twice"] = Case({step: ["twice"]}, "COMPLETED")
    table["UsePoints: error for good"] = Case({"UsePoints": ["error"] * 3}, "FAILED", refunded=False)
    table["UsePoints: timeout for good"] = Case({"UsePoints": ["timeout"] * 3}, "FAILED", refunded=False)
    table["UsePoints: error after for good"] = Case({"UsePoints": ["error after"] * 3}, "FAILED", refunded=True)
    table["UsePoints: timeout after for good"] = Case({"UsePoints": ["timeout after"] * 3}, "FAILED", refunded=True)
    table["UsePoints: refused"] = Case({"UsePoints": ["refused"]}, "FAILED", refunded=False)
    table["ConfirmBooking: refused"] = Case({"ConfirmBooking": ["refused"]}, "FAILED", refunded=True)
    for action in ("error", "timeout"):
        table[f"ConfirmBooking: {action} for good"] = Case({"ConfirmBooking": [action] * 3}, "FAILED", refunded=True)
        table[f"ConfirmBooking: {action} after for good"] = Case(
            {"ConfirmBooking": [f"{action} after"] * 3}, "COMPLETED"
        )
    for begun, until in (
        ("UsePoints", "UnlockHold"),
        ("UsePoints", "RefundPoints"),
        ("UsePoints", "end"),
        ("ConfirmBooking", "RefundPoints"),
        ("ConfirmBooking", "end"),
    ):
        refunded = begun == "ConfirmBooking" or until != "end"
        table[f"{begun}: outlives its timeouts until {until}"] = Case(
            {begun: [f"outlives:{until}"] * 3}, "FAILED", refunded=refunded
        )
    table["ConfirmBooking: outlives its timeouts until UnlockHold"] = Case(
        {"ConfirmBooking": ["outlives:UnlockHold"] * 3}, "COMPLETED"
    )
    broken = {"ConfirmBooking": ["error"] * 3}
    for step in ("UnlockHold", "RefundPoints"):
        for action in ("error", "timeout", "error after", "timeout after"):
            table[f"{step}: {action} four times, then well"] = Case(
                broken | {step: [action] * 4}, "FAILED", refunded=True
            )
            table[f"{step}: {action} for good"] = Case(
                broken | {step: [action] * FOR_GOOD}, "FAILED", refunded=True, dies=True
            )
            if step == "RefundPoints" and action.endswith("after"):
                table[f"{step}: {action} for good"] = Case(
                    broken | {step: [action] * FOR_GOOD}, "FAILED", refunded=True, dies=True, ended_before=True
                )
        table[f"{step}: twice"] = Case(broken | {step: ["twice"]}, "FAILED", refunded=True)
        table[f"{step}: outlives its timeout until the end"] = Case(
            broken | {step: ["outlives:end"]}, "FAILED", refunded=True
        )
    table["UsePoints broken and UnlockHold for good"] = Case(
        {"UsePoints": ["error"] * 3, "UnlockHold": ["error"] * FOR_GOOD}, "FAILED", refunded=False, dies=True
    )
    return table


CASES = cases()
taken_by: dict[str, set[str]] = {}


def ways() -> set[str]:
    """Name every way through the state machine: each Retry, Catch, choice, default, next, and each uncaught failure."""
    found = set()
    for name, state in definition()["States"].items():
        if state["Type"] == "Task":
            found |= {f"{name} retried" for _ in state.get("Retry", [])}
            found |= {f"{name} caught by {catch['Next']}" for catch in state.get("Catch", [])}
            found |= set() if state.get("Catch") else {f"{name} fails the execution"}
            found |= {f"{name} then {state['Next']}"}
        elif state["Type"] == "Choice":
            found |= {f"{name} then {choice['Next']}" for choice in state["Choices"]} | {
                f"{name} then {state['Default']}"
            }
        else:
            found |= {f"{name} ends"}
    return found


def ways_taken(history: list[dict[str, Any]]) -> set[str]:
    taken, state, failed = set(), "", False
    for event in history:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            entered = event["stateEnteredEventDetails"]["name"]
            if state:
                taken.add(f"{state} caught by {entered}" if failed else f"{state} then {entered}")
            state, failed = entered, False
        elif kind == "LambdaFunctionScheduled" and failed:
            taken.add(f"{state} retried")
            failed = False
        elif kind in {"LambdaFunctionFailed", "LambdaFunctionTimedOut"}:
            failed = True
        elif kind == "ExecutionFailed":
            taken.add(f"{state} fails the execution")
        elif kind == "ExecutionSucceeded":
            taken.add(f"{state} ends")
    return taken


def run_case(world: World, name: str) -> None:
    case = CASES[name]
    held = world.hold("ann", 1, 2)
    world.charge("ann", 200)
    script = Script({step: list(actions) for step, actions in case.attempts.items()})
    world.run_step = script.run

    answer = world.pay("ann", held)

    payment = world.items("payments")[0]
    taken_by[name] = ways_taken(world.history(payment["paymentId"]))
    execution = world.execution(payment["paymentId"])
    if case.dies:
        assert payments.is_open(payment) is not case.ended_before, "a compensation that failed was reported as done"
        assert execution["status"] == "FAILED"
        assert json.loads(execution["input"])["payment"]["paymentId"] == payment["paymentId"]
        assert case.ended_before or answer.body["status"] in {"PENDING", "UNDOING"}
        world.settle(payment["paymentId"])
    else:
        assert execution["status"] == "SUCCEEDED"
    script.finish()
    payment = world.items("payments")[0]
    assert payment["status"] == case.ends
    assert world.violations() == []
    if case.ends == "COMPLETED":
        assert world.balance("ann") == 0
        assert {seat["status"] for seat in world.items("seats")} == {"SOLD"}
        return
    assert world.balance("ann") == 200
    assert payment["failure"]["refunded"] is case.refunded
    assert ("given back" in payment["failure"]["detail"]) is case.refunded
    hold = world.items("reservations")[0]
    assert "paymentId" not in hold
    assert {seat["expiresAt"] for seat in world.items("seats")} == {hold["expiresAt"]}


@pytest.mark.parametrize("name", CASES)
def test_payment_ends_as_promised(world: World, name: str) -> None:
    run_case(world, name)


def test_every_branch_is_taken(world: World) -> None:
    start = world.snapshot()
    for name in CASES:
        if name not in taken_by:
            world.restore(start)
            run_case(world, name)

    assert ways() - set().union(*taken_by.values()) == set()


def test_a_step_that_really_takes_longer_than_its_timeout_is_undone(world: World) -> None:
    # given: a definition in which the debit's timeout is a second, and a debit that goes on until all else is over
    shortened = definition()
    shortened["States"]["UsePoints"] |= {"TimeoutSeconds": 1, "Retry": []}
    world.use_definition(shortened)
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    undone, finished = threading.Event(), threading.Event()
    late: dict[str, Any] = {}

    def slow(step: StepRun) -> dict[str, Any]:
        if step.name == "UsePoints":
            assert undone.wait(120)
            late.update(step.run())
            finished.set()
            return late
        outcome = step.run()
        if step.name == STEPS[-1]:
            undone.set()
        return outcome

    world.run_step = slow

    # when
    answer = world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    assert finished.wait(120)

    # then: the late debit found itself barred
    assert answer.code == "TEMPORARILY_UNAVAILABLE"
    assert late["outcome"] == "REFUSED"
    assert world.balance("ann") == 100
    assert world.violations() == []


def test_a_hold_that_was_lost_is_refused_and_the_points_come_back(world: World) -> None:
    # given: a workflow so late that its lock has run out and somebody else has taken the seat
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.time.sleep(1)

    def late(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            world.time.sleep(payments.LOCK_SECONDS)
            world.hold("bob", 1)
        return step.run()

    world.run_step = late

    # when
    answer = world.pay("ann", held)

    # then
    assert (answer.status, answer.code, answer.body["failure"]["refunded"]) == (410, "RESERVATION_EXPIRED", True)
    assert world.balance("ann") == 100
    assert [seat["userId"] for seat in world.items("seats")] == ["bob"]
    assert world.violations() == []


def test_points_that_are_gone_when_the_workflow_asks_refuse_the_payment(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def spends(step: StepRun) -> dict[str, Any]:
        if step.name == "UsePoints":
            world.ask("use_points", "ann", {"amount": 1}, key="sweets")
        return step.run()

    world.run_step = spends
    answer = world.pay("ann", held)

    assert (answer.status, answer.code) == (402, "INSUFFICIENT_POINTS")
    assert (answer.body["required"], answer.body["balance"]) == (100, 99)
    assert answer.body["failure"] == {
        "code": "INSUFFICIENT_POINTS",
        "detail": answer.body["detail"],
        "refunded": False,
    }
    assert [step["name"] for step in answer.body["steps"]] == ["UsePoints", "UnlockHold", "RefundPoints"]
    assert world.violations() == []


def test_the_lock_outlives_the_workflow_and_the_workflow_outlives_its_steps() -> None:
    machine = definition()

    def longest(state: dict[str, Any]) -> float:
        retry = state["Retry"][0]
        pauses = [
            min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** n)
            for n in range(retry["MaxAttempts"])
        ]
        return float(state["TimeoutSeconds"] * (retry["MaxAttempts"] + 1) + sum(pauses))

    steps = sum(longest(machine["States"][name]) for name in STEPS)

    assert steps <= machine["TimeoutSeconds"] == payments.WORKFLOW_SECONDS < payments.LOCK_SECONDS


def test_the_queue_is_kicked_after_paying_and_its_failing_changes_nothing(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.wire.stand_ins["lambda"] = lambda body: (500, json.dumps({"__type": "ServiceException"}))

    assert world.pay("ann", held).status == 201
    assert world.metrics["QueueKickFailed"] == 1
    assert PERFORMANCES[0] == held["performanceId"]
