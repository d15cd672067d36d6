"""The house rules of template.yaml."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab.in_process import template
from tests.deployed import watched
from tests.tables import resources
from tools.ost.paths import ROOT

READS = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem", "secretsmanager:GetSecretValue"}
WRITING_READ = "PollQueueTokenFunction"
"""Polling is the health check of a place in line: the contract says that it renews the token, so it writes it."""
COUNTS_ONLY = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["COUNTS#*"]}}
"""How many seats are taken is counted once for everybody; whoever counts writes that down, and can write no more."""
PUBLIC = {
    "GET /concerts",
    "GET /concerts/{concertId}",
    "GET /concerts/{concertId}/performances",
    "GET /concerts/{concertId}/draw",
    "GET /concerts/{concertId}/draw/{kind}/{digest}/{part}",
    "GET /performances/{performanceId}",
    "GET /performances/{performanceId}/layout",
    "GET /performances/{performanceId}/seats",
    "GET /openapi.json",
    "GET /swagger",
}
FUNCTIONS = resources("AWS::Serverless::Function")
MACHINES = resources("AWS::Serverless::StateMachine")
ASYNCHRONOUS = ("ScheduleV2", "EventBridgeRule", "Schedule", "SQS", "SNS", "S3", "DynamoDB")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in properties.get("Policies", []):
        yield from policy["Statement"]


def events(properties: dict[str, Any], *kinds: str) -> Iterator[dict[str, Any]]:
    for event in properties.get("Events", {}).values():
        if event["Type"] in kinds:
            yield event["Properties"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_writes_to_a_log_group_of_its_own_that_forgets(name: str) -> None:
    log_group = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]

    assert log_group == name.replace("Function", "Logs")
    assert resources("AWS::Logs::LogGroup")[log_group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_folder_is_one_function(name: str) -> None:
    folder = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower().replace("open_api", "openapi")

    assert FUNCTIONS[name]["CodeUri"] == f"functions/{folder}/"
    assert FUNCTIONS[name]["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{folder.replace('_', '-')}"}


def test_each_folder_is_deployed() -> None:
    deployed = {properties["CodeUri"] for properties in FUNCTIONS.values()}

    assert deployed == {f"functions/{file.parent.name}/" for file in (ROOT / "functions").glob("*/app.py")}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if any(events(FUNCTIONS[name], *ASYNCHRONOUS))])
def test_what_fails_behind_the_api_is_kept_and_rings(name: str) -> None:
    properties = FUNCTIONS[name]
    kept_in = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]
    undelivered = [event["DeadLetterConfig"]["Arn"] for event in events(properties, *ASYNCHRONOUS)]
    queue = kept_in["Fn::GetAtt"][0]
    alarmed = [
        value
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for _, _, dimensions in watched(alarm)
        for value in dimensions.values()
    ]

    assert all(arn == kept_in for arn in undelivered)
    assert queue in resources("AWS::SQS::Queue")
    assert {"Fn::GetAtt": [queue, "QueueName"]} in alarmed
    assert {"Ref": name} in alarmed


def test_the_workflow_rings_when_it_fails() -> None:
    metrics = {
        metric
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for _, metric, dimensions in watched(alarm)
        if {"Ref": "PaymentWorkflow"} in dimensions.values()
    }

    assert metrics == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_policy_of_a_function_names_more_than_one_thing(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in as_list(statement["Action"]))
        assert isinstance(statement["Resource"], dict), "a resource is referred to, never spelt out"
        assert "*" not in str(statement["Resource"])


def test_only_log_delivery_has_no_resource_to_name() -> None:
    unnamed = [
        action
        for properties in MACHINES.values()
        for statement in statements(properties)
        if statement["Resource"] == "*"
        for action in as_list(statement["Action"])
    ]

    assert unnamed
    assert all(action.startswith("logs:") for action in unnamed)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_read_endpoint_cannot_write(name: str) -> None:
    methods = {event["Method"] for event in events(FUNCTIONS[name], "HttpApi")}
    if methods != {"GET"} or name == WRITING_READ:
        return

    allowed = {
        action
        for statement in statements(FUNCTIONS[name])
        if statement.get("Condition") != COUNTS_ONLY
        for action in as_list(statement["Action"])
    }

    assert allowed <= READS


def test_a_read_endpoint_that_is_called_by_anybody_cannot_read_what_is_personal() -> None:
    personal = {"ReservationsTable", "PointsTable", "PaymentsTable", "QueueKeySecret"}
    for properties in FUNCTIONS.values():
        if any(event.get("Auth") for event in events(properties, "HttpApi")):
            named = {statement["Resource"]["Fn::GetAtt"][0] for statement in statements(properties)}
            assert not named & personal


def test_everything_but_the_catalog_and_the_documentation_needs_a_sign_in() -> None:
    public: set[str] = set()
    protected: set[str] = set()
    for properties in FUNCTIONS.values():
        for event in events(properties, "HttpApi"):
            route = f"{event['Method']} {event['Path']}"
            (public if event.get("Auth") == {"Authorizer": "NONE"} else protected).add(route)
    api = resources("AWS::Serverless::HttpApi")["Api"]

    paths = json.loads((ROOT / "functions" / "get_openapi" / "openapi.json").read_text("utf-8"))["paths"].items()
    specified = {f"{method.upper()} {path}" for path, operations in paths for method in operations}

    assert public == PUBLIC
    assert protected == specified - PUBLIC
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]


def test_every_permission_says_why() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    silent = [
        number + 1
        for number, line in enumerate(lines)
        if line.strip() == "- Effect: Allow"
        and "Principal" not in lines[number + 1]
        and not lines[number - 1].strip().startswith("# ")
    ]

    assert silent == []


@pytest.mark.parametrize("name", resources("AWS::DynamoDB::Table"))
def test_tables_cost_by_use_and_are_safe_where_data_matters(name: str) -> None:
    table = resources("AWS::DynamoDB::Table")[name]
    when_protected = {"Fn::If": ["DataIsProtected", True, False]}

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["DeletionProtectionEnabled"] == when_protected
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": when_protected}


HOLDERS = (*resources("AWS::DynamoDB::Table"), "UserPool", "QueueKeySecret")


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_data_outlives_its_stack_and_its_replacement(name: str) -> None:
    resource = template()["Resources"][name]

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_code_and_workflows_are_files() -> None:
    assert all("InlineCode" not in properties for properties in FUNCTIONS.values())
    assert all("Definition" not in properties for properties in MACHINES.values())


def documented_defaults() -> dict[str, str]:
    """Read the table of parameters: several in a row share one default, or have one each. Words stand for nothing."""
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").split("## Parameters")[1].split("\n## ")[0]
    defaults: dict[str, str] = {}
    for row in re.findall(r"^\| (`.*)$", section, re.M):
        names, default = (cell.strip() for cell in row.split("|")[:2])
        parameters = re.findall(r"`(\w+)`", names)
        values = [
            "" if re.search(r"[a-z] ", each) or each == "none" else each.strip("`") for each in default.split(", ")
        ]
        defaults |= dict(zip(parameters, values if len(values) > 1 else values * len(parameters), strict=True))
    return defaults


def test_every_parameter_is_documented_with_its_default() -> None:
    parameters = template()["Parameters"]

    assert documented_defaults() == {name: str(parameter.get("Default", "")) for name, parameter in parameters.items()}
