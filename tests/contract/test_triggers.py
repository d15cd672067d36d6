"""What sets each function going, and with what: AWS's documented event of every trigger is in events/, and is tried."""

import json
import re
from typing import Any

import pytest

from tests.deployed import deployed
from tests.handlers import EVENTS
from tests.tables import resources

TRIGGERS = [
    (properties["CodeUri"].strip("/").rsplit("/", 1)[1], event["Type"], event["Properties"])
    for properties in resources("AWS::Serverless::Function").values()
    for event in properties.get("Events", {}).values()
]
SCHEDULED = [(function, event) for function, kind, event in TRIGGERS if kind == "ScheduleV2"]
HTTP = [(function, event) for function, kind, event in TRIGGERS if kind == "HttpApi"]


def events(function: str) -> dict[str, dict[str, Any]]:
    texts = {path.stem: path.read_text("utf-8") for path in (EVENTS / function).glob("*.json")}
    return {case: json.loads(re.sub(r"\{\{[^}]*\}\}", "filled in", text)) for case, text in texts.items()}


def test_there_are_no_triggers_but_these() -> None:
    assert {kind for _, kind, _ in TRIGGERS} == {"HttpApi", "ScheduleV2", "EventBridgeRule", "Cognito"}


@pytest.mark.parametrize(("function", "event"), SCHEDULED, ids=[function for function, _ in SCHEDULED])
def test_schedule_says_what_it_sends_and_what_it_would_send_by_itself_is_tried_too(
    function: str, event: dict[str, Any]
) -> None:
    """Without `Input`, the Scheduler sends an event whose `detail` is the string "{}"."""
    tried = events(function)

    assert tried["schedule"] == json.loads(event["Input"])
    assert tried["schedule_without_input"]["detail"] == "{}"
    assert tried["schedule_without_input"]["source"] == "aws.scheduler"


def test_rule_matches_the_event_that_step_functions_documents() -> None:
    [(function, pattern)] = [(f, e["Pattern"]) for f, kind, e in TRIGGERS if kind == "EventBridgeRule"]
    tried = events(function)["timed_out"]

    assert tried["source"] in pattern["source"]
    assert tried["detail-type"] in pattern["detail-type"]
    assert tried["detail"]["status"] in pattern["detail"]["status"]
    assert set(pattern["detail"]) <= set(tried["detail"])
    assert isinstance(tried["detail"], dict)


def test_user_pool_sends_what_is_tried() -> None:
    [(function, event)] = [(f, e) for f, kind, e in TRIGGERS if kind == "Cognito"]
    tried = events(function)["ok"]

    assert tried["triggerSource"].startswith(f"{event['Trigger']}_")
    assert tried["request"].keys() >= {"userAttributes", "validationData"}


def test_http_events_are_of_the_version_that_the_api_sends() -> None:
    [body] = [e["Properties"]["Body"] for e in deployed().values() if e["Type"] == "AWS::ApiGatewayV2::Api"]
    versions = {
        operation["x-amazon-apigateway-integration"]["payloadFormatVersion"]
        for path in body["paths"].values()
        for operation in path.values()
        if "x-amazon-apigateway-integration" in operation
    }

    assert versions == {"2.0"}
    for function, event in HTTP:
        for tried in events(function).values():
            assert tried["version"] == "2.0"
            assert tried["routeKey"] == f"{event['Method']} {event['Path']}"


def test_asynchronous_call_of_ours_sends_what_is_tried() -> None:
    assert events("advance_queue")["kick"].keys() == {"concertId", "scheduled"}
