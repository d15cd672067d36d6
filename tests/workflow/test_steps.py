"""The steps of the payment workflow stand in one list; the state machine, the specification and the page follow it."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from booking import payments, views
from tests.handlers import EVENTS, call, event_text
from tests.tables import resources
from tests.world import StepFailed, StepRun, World, definition

ROOT = Path(__file__).parents[2]


def member(step: str) -> str:
    """Name the place of a step's outcome in an execution's state."""
    return step[0].lower() + step[1:]


def tasks() -> dict[str, dict[str, Any]]:
    return {name: state for name, state in definition()["States"].items() if state["Type"] == "Task"}


def test_the_state_machine_runs_exactly_the_steps() -> None:
    assert set(tasks()) == set(payments.STEPS)
    for name, state in tasks().items():
        assert state["Parameters"] == {"step": name, "state.$": "$"}
        assert state["ResultPath"] == f"$.{member(name)}"


def test_a_step_may_take_as_long_as_its_function() -> None:
    function = resources("AWS::Serverless::Function")["PaymentStepsFunction"]

    assert {state["TimeoutSeconds"] for state in tasks().values()} == {function["Timeout"]}
    assert definition()["TimeoutSeconds"] == payments.WORKFLOW_SECONDS


def test_choices_read_outcomes_of_steps() -> None:
    read = {
        choice["Variable"]
        for state in definition()["States"].values()
        if state["Type"] == "Choice"
        for choice in state["Choices"]
    }

    assert read <= {f"$.{member(step)}.outcome" for step in payments.STEPS}


def test_what_is_shown_and_drawn_are_the_steps() -> None:
    assert set(get_args(views.StepName.__value__)) == set(payments.STEPS)
    for language in ("en", "ko"):
        titles = re.search(r"\bstep: \{(.*?)\}", (ROOT / "web" / "i18n" / f"{language}.js").read_text("utf-8"))
        assert titles
        assert set(re.findall(r"(\w+): \"", titles[1])) == {member(step) for step in payments.STEPS}
    known = re.search(r"const NAMES = \{(.*?)\}", (ROOT / "web" / "pages" / "till.js").read_text("utf-8"))
    assert known
    drawn = dict(re.findall(r"(\w+): \"(\w+)\"", known[1]))
    assert drawn == {step.lower(): member(step) for step in payments.STEPS}


def test_each_step_has_its_event() -> None:
    events = {path.stem for path in (EVENTS / "payment_steps").glob("*.json")}

    assert events == {re.sub(r"(?<!^)([A-Z])", r"_\1", step).lower() for step in payments.STEPS}
    for case in events:
        assert f'"step": "{case.title().replace("_", "")}"' in event_text("payment_steps", case)


BEFORE = {"UnlockHold": "CancelBooking", "RefundPoints": "UndoPoints"}


def test_executions_that_began_before_the_renaming_come_to_their_end(world: World) -> None:
    """An execution keeps the definition that it began with while the functions behind it are deployed anew."""
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        event = step.event | {"step": BEFORE.get(step.name, step.name)}
        outcome: dict[str, Any] = call("payment_steps", event)
        return outcome

    world.run_step = run
    failed = world.pay("ann", held)

    assert failed.body["paymentStatus"] == "FAILED"
    assert world.balance("ann") == 100
    assert world.violations() == []


def test_steps_of_a_payment_that_ended_before_the_renaming_have_the_new_names() -> None:
    payment: Any = {
        "paymentId": "p",
        "reservationId": "r",
        "amount": 1,
        "status": "FAILED",
        "createdAt": 0,
        "steps": [payments.step(name, "DONE", 0) for name in ("UsePoints", *BEFORE.values())],
        "failure": {"code": "RESERVATION_EXPIRED", "detail": "", "refunded": True},
    }

    shown = payments.view(payment, 0)

    assert [step["name"] for step in shown["steps"]] == ["UsePoints", "UnlockHold", "RefundPoints"]


def test_an_unknown_step_is_an_error() -> None:
    with pytest.raises(KeyError):
        payments.run_step("Elsewhere", {}, 0)


@pytest.mark.parametrize("function", ["advance_queue", "settle_payment"])
def test_each_schedule_sends_an_input_of_its_own(function: str) -> None:
    """Without one, EventBridge Scheduler sends an event whose `detail` is the text "{}"."""
    logical = "".join(part.title() for part in function.split("_")) + "Function"
    schedule = resources("AWS::Serverless::Function")[logical]["Events"]["EveryMinute"]
    assert schedule["Type"] == "ScheduleV2"

    assert re.sub(r"\s", "", schedule["Properties"]["Input"]) == re.sub(r"\s", "", event_text(function, "schedule"))
