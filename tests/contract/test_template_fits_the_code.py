"""What the template says in numbers and names is what the code counts on."""

import json
from typing import Any

import pytest

from booking import dynamodb, payments
from booking.queue import driver
from tests.tables import resources, timeout_of_the_functions
from tests.world import TABLES, World, definition

ALARMS = resources("AWS::CloudWatch::Alarm")
SDK_SECONDS = 3
"""How long one attempt of a call to AWS may last (`booking.aws.CONFIG`)."""


def timeout(function: str) -> int:
    """Return a function's Timeout by its logical id, in seconds."""
    properties = resources("AWS::Serverless::Function")[function]
    return int(properties.get("Timeout", timeout_of_the_functions()))


def test_what_is_kept_for_a_time_only_lies_in_tables_that_delete_it(world: World) -> None:
    world.charge("ann", 200)
    token = world.enter("ann")
    world.leave("ann", token)
    world.pay("bob", world.hold("bob", 1))

    purged = {table for aggregate, table in TABLES.items() if any("purgeAt" in item for item in stored(table))}
    deleting = {
        name
        for name, table in resources("AWS::DynamoDB::Table").items()
        if table.get("TimeToLiveSpecification") == {"AttributeName": "purgeAt", "Enabled": True}
    }

    assert purged == deleting == {"QueueTable", "PointsTable"}


def stored(table: str) -> list[dict[str, Any]]:
    scanned = dynamodb.client().scan(TableName=table)["Items"]
    return [dynamodb.decode(item) or {} for item in scanned]


def test_a_driver_has_time_to_drive_and_to_end_its_lease() -> None:
    assert timeout("AdvanceQueueFunction") >= driver.DRIVE_SECONDS + driver.TICK_SECONDS + 3 * SDK_SECONDS


def test_a_request_that_watches_its_payment_has_time_to_write_before_and_to_answer_after() -> None:
    enough = payments.WATCH_SECONDS + dynamodb.CONTENTION_BUDGET_SECONDS + SDK_SECONDS

    assert timeout("StartPaymentFunction") >= enough


def test_a_function_is_over_when_its_step_of_the_workflow_has_timed_out() -> None:
    tasks = [state for state in definition()["States"].values() if state["Type"] == "Task"]

    assert tasks
    assert all(timeout("PaymentStepsFunction") <= task["TimeoutSeconds"] for task in tasks)


def test_the_workflow_may_invoke_what_its_steps_are_and_nothing_else() -> None:
    machine = resources("AWS::Serverless::StateMachine")["PaymentWorkflow"]
    invoked = machine["DefinitionSubstitutions"]["PaymentStepsFunctionArn"]
    statements = [statement for policy in machine["Policies"] for statement in policy["Statement"]]
    allowed = [each["Resource"] for each in statements if each["Action"] == "lambda:InvokeFunction"]

    assert {state["Resource"] for state in definition()["States"].values() if state["Type"] == "Task"} == {
        "${PaymentStepsFunctionArn}"
    }
    assert allowed == [invoked]
    assert all("lambda" not in json.dumps(each["Action"]) for each in statements if each["Resource"] != invoked)


@pytest.mark.parametrize("metric", ["PaymentsLeftBehind", "QueueSecondsStalled", "ApproximateNumberOfMessagesVisible"])
def test_a_level_rings_at_its_highest(metric: str) -> None:
    levels = [alarm for alarm in ALARMS.values() if alarm.get("MetricName") == metric]
    statistics = [alarm["Statistic"] for alarm in levels if alarm["TreatMissingData"] == "notBreaching"]

    assert statistics
    assert set(statistics) == {"Maximum"}
