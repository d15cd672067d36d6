"""What wakes somebody: everything that fails, everything that falls silent, and no refusal that is meant."""

from typing import Any

import pytest

from lab.in_process import template
from tests.deployed import Reading, deployed, values, watched
from tests.tables import resources

ALARMS = resources("AWS::CloudWatch::Alarm") | {
    name: each["Properties"]
    for name, each in template("templates/edge.yaml")["Resources"].items()
    if each["Type"] == "AWS::CloudWatch::Alarm"
}
DOCUMENTED = {
    "AWS/Lambda": ({"Invocations", "Errors", "Throttles"}, {"FunctionName"}),
    "AWS/States": (
        {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"},
        {"StateMachineArn"},
    ),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, {"QueueName"}),
    "AWS/ApiGateway": ({"4xx", "5xx", "Latency", "Count"}, {"ApiId"}),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, {"TableName"}),
    "AWS/Cognito": ({"SignInThrottles", "SignUpThrottles", "TokenRefreshThrottles"}, {"UserPool", "UserPoolClient"}),
    "AWS/CloudFront": ({"5xxErrorRate"}, {"DistributionId", "Region"}),
}
"""The metrics that AWS documents under these namespaces, and their dimensions; an alarm on another is blind."""

BY_HAND = {"CallOffPerformanceFunction"}
"""Invoked by `./ost`, which says at once what failed."""
MUST_RING = {
    ("AWS/Lambda", "Throttles"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/DynamoDB", "WriteThrottleEvents"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/ApiGateway", "Latency"),
    ("AWS/States", "ExecutionThrottled"),
    ("AWS/CloudFront", "5xxErrorRate"),
    ("AWS/Cognito", "SignUpThrottles"),
    ("OstConcertBooking", "PaymentNotStarted"),
    ("OstConcertBooking", "PaymentSettleFailed"),
    ("OstConcertBooking", "QueueKickFailed"),
    ("OstConcertBooking", "QueueTickFailed"),
    ("OstConcertBooking", "Refused500"),
}


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_looks_at_a_metric_that_aws_writes_with_these_dimensions(name: str) -> None:
    for namespace, metric, dimensions in watched(ALARMS[name]):
        if namespace.startswith("AWS/"):
            known, needed = DOCUMENTED[namespace]
            assert metric in known
            assert set(dimensions) in (needed, set()) if metric == "Throttles" else set(dimensions) == needed


def test_everything_that_fails_rings() -> None:
    looked_at = {(namespace, metric) for alarm in ALARMS.values() for namespace, metric, _ in watched(alarm)}

    assert looked_at >= MUST_RING


def test_every_table_rings_when_it_is_throttled() -> None:
    for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
        tables = {d["TableName"]["Ref"] for a in ALARMS.values() for _, name, d in watched(a) if name == metric}
        assert tables == set(resources("AWS::DynamoDB::Table"))


def test_functions_that_run_by_schedule_or_for_the_workflow_ring_when_they_fail() -> None:
    behind = {
        name
        for name, function in resources("AWS::Serverless::Function").items()
        if not any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    ringing = {
        dimensions["FunctionName"]["Ref"]
        for alarm in ALARMS.values()
        for _, metric, dimensions in watched(alarm)
        if metric == "Errors"
    }

    assert ringing == behind - BY_HAND


def test_what_must_happen_each_minute_rings_when_it_falls_silent() -> None:
    each_minute = {
        name
        for name, function in resources("AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Properties"].get("ScheduleExpression") == "rate(1 minute)"
    }
    switches = {name: alarm for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}

    assert each_minute == {"AdvanceQueueFunction", "SettlePaymentFunction"}
    assert set(switches) == {"QueueDriverIsSilentAlarm", "SweepIsSilentAlarm"}
    for switch in switches.values():
        assert (switch["ComparisonOperator"], switch["Threshold"]) == ("LessThanThreshold", 1)
        assert switch["Period"] * switch["EvaluationPeriods"] <= 180
        assert switch["Statistic"] in ("Sum", "SampleCount")


def test_every_other_alarm_is_quiet_while_nothing_happens() -> None:
    others = [alarm for alarm in ALARMS.values() if alarm["TreatMissingData"] != "breaching"]

    assert all(alarm["TreatMissingData"] == "notBreaching" for alarm in others)
    assert all(alarm["ComparisonOperator"] == "GreaterThanThreshold" for alarm in others)


def test_no_alarm_rings_for_a_busy_moments_503() -> None:
    """API Gateway counts every 5xx, so the ones that are meant are taken off."""
    on_5xx = [alarm for alarm in ALARMS.values() if ("AWS/ApiGateway", "5xx") in {w[:2] for w in watched(alarm)}]
    alone = [alarm for alarm in ALARMS.values() if [w[1] for w in watched(alarm)] in (["Refused503"], ["Refused429"])]

    assert [each["Expression"] for alarm in on_5xx for each in alarm["Metrics"] if each.get("ReturnData")] == [
        "errors - FILL(busy, 0)"
    ]
    assert {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in on_5xx[0]["Metrics"][1:]} == {
        "errors": "5xx",
        "busy": "Refused503",
    }
    assert alone == []


def test_everybody_who_must_be_told_is() -> None:
    arguments = template()["Resources"]["Alarms"]["Properties"]["Parameters"]
    nested = deployed("templates/alarms.yaml", AlarmEmail="night@example.com", MonthlyBudget="500", MetricMath="on")
    actions = [e["Properties"]["AlarmActions"] for e in nested.values() if e["Type"] == "AWS::CloudWatch::Alarm"]

    assert values()["MetricMath"] == "on"
    assert set(arguments) == set(template("templates/alarms.yaml")["Parameters"])
    assert nested["Told"]["Properties"]["Subscription"] == [{"Protocol": "email", "Endpoint": "night@example.com"}]
    assert all(each == [{"Ref": "Told"}] for each in actions)
    assert nested["Budget"]["Properties"]["Budget"]["BudgetLimit"] == {"Amount": "500", "Unit": "USD"}


@pytest.mark.parametrize(
    ("protection", "email", "deploys"), [("on", "", False), ("on", "a@b.example", True), ("off", "", True)]
)
def test_nobody_can_deploy_what_holds_data_without_somebody_to_wake(protection: str, email: str, deploys: bool) -> None:
    [rule] = template()["Rules"].values()
    reading = Reading(values(DataProtection=protection, AlarmEmail=email), {})

    applies = reading.holds(rule["RuleCondition"])

    assert (not applies or all(reading.holds(each["Assert"]) for each in rule["Assertions"])) is deploys


def test_new_version_goes_back_when_an_alarm_rings() -> None:
    gradual = deployed(GradualDeploys="true")
    groups = [each for each in gradual.values() if each["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    named = {
        alarm["AlarmName"]["Fn::Sub"].replace("${Service}", "${AWS::StackName}")
        for alarm in template("templates/alarms.yaml")["Resources"].values()
        for alarm in [alarm.get("Properties", {})]
        if "AlarmName" in alarm
    }

    assert len(groups) == len(resources("AWS::Serverless::Function"))
    for group in groups:
        configured: dict[str, Any] = group["Properties"]["AlarmConfiguration"]
        assert configured["Enabled"]
        assert {each["Name"]["Fn::Sub"] for each in configured["Alarms"]} == named
    assert not [each for each in deployed().values() if each["Type"].startswith("AWS::CodeDeploy")]


def test_every_caller_calls_the_alias_that_moves_by_and_by() -> None:
    """Whoever called a function by its bare name would get the newest code at once, and no way back."""
    found = deployed()
    [body] = [each["Properties"]["Body"] for each in found.values() if each["Type"] == "AWS::ApiGatewayV2::Api"]
    uris = [
        operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for operations in body["paths"].values()
        for operation in operations.values()
        if "x-amazon-apigateway-integration" in operation
    ]
    targets = [
        each["Properties"]["Target"]["Arn"] for each in found.values() if each["Type"] == "AWS::Scheduler::Schedule"
    ]
    machine = found["PaymentWorkflow"]["Properties"]["DefinitionSubstitutions"]
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]

    assert uris
    assert all(uri.endswith("Aliaslive}/invocations") for uri in uris)
    assert all(target["Ref"].endswith("Aliaslive") for target in targets)
    assert machine["PaymentStepsFunctionArn"]["Ref"].endswith("Aliaslive")
    assert variables["ADVANCE_QUEUE_FUNCTION"] == {"Fn::Sub": "${AWS::StackName}-advance-queue:live"}
