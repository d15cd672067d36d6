"""`./ost ready` sees everything that is missing for a sale, says nothing is when nothing is, and only ever looks."""

import ast
import io
import re
import time
import zipfile
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.contract.test_limits import READS as READS_OF_THE_API
from tests.deployed import values
from tools.ost import quotas, ready
from tools.ost.build import Architecture
from tools.ost.deploy import MACHINES
from tools.ost.hosting import configuration
from tools.ost.paths import ROOT
from tools.ost.stack import Stack

FANS = 200_000
READS = re.compile("get|list|describe")
NOW = int(time.time())
OUTPUTS = {
    "ApiUrl": "https://api.example",
    "UserPoolId": "pool",
    "UserPoolClientId": "web",
    "SignUp": "email",
    "FansCharge": "off",
    **{f"{table}TableName": f"ost-{table}" for table in ready.TABLES},
    **{name: name for name in ("AdvanceQueueFailuresUrl", "SettlePaymentFailuresUrl")},
    **{name: name for name in ("QueueKeySecretArn", "OriginSecretArn")},
}


def layer(architecture: Architecture) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        files.writestr("python/core.so", b"\x7fELF" + bytes(14) + MACHINES[architecture].to_bytes(2, "little"))
    return content.getvalue()


WORLD: dict[str, Any] = {
    "list_service_quotas": {
        "Quotas": [{"QuotaName": need.quota + " (and more)", "Value": 1_000_000.0} for need in quotas.needs(FANS)]
    },
    "describe_table": {
        "Table": {"WarmThroughput": {"WriteUnitsPerSecond": 100_000}, "DeletionProtectionEnabled": True}
    },
    "get_function_concurrency": {"ReservedConcurrentExecutions": 50},
    "get_provisioned_concurrency_config": {"Status": "READY", "AvailableProvisionedConcurrentExecutions": 20},
    "get_function_configuration": {"Architectures": ["arm64"], "Layers": [{"Arn": "arn:aws:lambda:r:1:layer:deps:1"}]},
    "get_layer_version_by_arn": {"Content": {"Location": "https://layer.example"}},
    "describe_continuous_backups": {
        "ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}
    },
    "describe_alarms": {
        "MetricAlarms": [{"AlarmName": "ost-api-errors", "StateValue": "OK", "AlarmActions": ["arn:aws:sns:r:1:ost"]}]
    },
    "list_subscriptions_by_topic": {"Subscriptions": [{"SubscriptionArn": "arn:aws:sns:r:1:ost:1"}]},
    "get_schedule": {"State": "ENABLED"},
    "get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
    "describe_secret": {"VersionIdsToStages": {"1": ["AWSCURRENT"]}},
    "describe_user_pool": {"UserPool": {"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER"}}},
    "get_distribution": {"Distribution": {"Status": "Deployed"}},
    "query": {
        "Items": [
            {"sk": {"S": "starfall"}, "salesOpenAt": {"N": str(NOW + 3600)}, "salesCloseAt": {"N": str(NOW + 9999999)}}
        ]
    },
    "https://layer.example": httpx.Response(200, content=layer(Architecture.ARM64)),
    "https://page.example": httpx.Response(200, text='<script src="release/0/main.js">'),
    "https://page.example/config.json": httpx.Response(200, json={}),
    "https://page.example/api/concerts": httpx.Response(200, json={}),
    "https://api.example/concerts": httpx.Response(403),
}


class Client:
    """A client of AWS that answers what the world says, and notes what it is asked."""

    def __init__(self, world: dict[str, Any], asked: set[str]) -> None:
        self._world = world
        self._asked = asked

    def __getattr__(self, operation: str) -> Any:
        def answer(**_: Any) -> Any:
            self._asked.add(operation)
            if isinstance(self._world[operation], Exception):
                raise self._world[operation]
            return self._world[operation]

        return answer

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **parameters: [getattr(self, operation)(**parameters)])


def look(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> tuple[list[ready.Line], set[str]]:
    """Run every check in a world that is ready but for what is changed."""
    asked: set[str] = set()
    session: Any = SimpleNamespace(region_name="eu-west-1")
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    world = deepcopy({name: each for name, each in WORLD.items() if not isinstance(each, httpx.Response)})
    world |= {name: each for name, each in WORLD.items() if isinstance(each, httpx.Response)}
    stack = Stack("ost", OUTPUTS, session)
    world["https://page.example/config.json"] = httpx.Response(200, json=configuration(stack))
    world |= changed
    edge = Stack("edge", {"WebUrl": "https://page.example", "DistributionId": "D"}, session)
    monkeypatch.setattr(Stack, "client", lambda *_: Client(world, asked))
    monkeypatch.setattr(Stack, "edge", lambda _: edge)

    def fetch(url: str, **_: Any) -> httpx.Response:
        found: httpx.Response = world[url]
        return httpx.Response(found.status_code, content=found.content, headers={"Date": world.get("Date", date)})

    monkeypatch.setattr(httpx, "get", fetch)
    return list(ready.look(stack, FANS)), asked


def test_stack_that_lacks_nothing_is_ready_and_was_only_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, asked = look(monkeypatch)

    assert [line.what for line in lines if not line.ready] == []
    assert len(lines) > 30
    assert {operation for operation in asked if not READS.match(operation)} <= {"query"}


NOT_FOUND = ClientError({"Error": {"Code": "ProvisionedConcurrencyConfigNotFoundException"}}, "Get")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "List")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"list_service_quotas": {"Quotas": []}}, "no quota is named"),
        ({"list_service_quotas": DENIED}, "quotas: cannot be read"),
        (
            {"list_service_quotas": {"Quotas": [{"QuotaName": n.quota, "Value": 10.0} for n in quotas.needs(FANS)]}},
            "API Gateway: requests a second: 10, needed: ",
        ),
        ({"describe_table": {"Table": {}}}, "warm throughput of the queue's table: 0"),
        ({"describe_table": {"Table": {}}}, "table Catalog: guarded: False"),
        ({"get_function_concurrency": {}}, "payment-steps: 0 executions kept free"),
        ({"get_provisioned_concurrency_config": NOT_FOUND}, "start-payment: no executions kept warm"),
        (
            {"https://layer.example": httpx.Response(200, content=layer(Architecture.X86_64))},
            "layer deps: python/core.so is not for arm64",
        ),
        ({"describe_continuous_backups": {"ContinuousBackupsDescription": {}}}, "recoverable: False"),
        ({"describe_alarms": {"MetricAlarms": []}}, "0 alarms"),
        (
            {"describe_alarms": {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK", "AlarmActions": []}]}},
            "1 of them tell nobody",
        ),
        (
            {"describe_alarms": {"MetricAlarms": [{"AlarmName": "a", "StateValue": "ALARM", "AlarmActions": ["t:t"]}]}},
            "ringing: a",
        ),
        (
            {"list_subscriptions_by_topic": {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}},
            "topic ost: 0 confirmed subscriptions",
        ),
        ({"get_schedule": {"State": "DISABLED"}}, "schedule ost-advance-queue: disabled"),
        ({"get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "3"}}}, "AdvanceQueueFailures: 3"),
        ({"describe_user_pool": {"UserPool": {}}}, "codes are sent by COGNITO_DEFAULT"),
        ({"describe_secret": {}}, "QueueKeySecret has a value"),
        ({"get_distribution": {"Distribution": {"Status": "InProgress"}}}, "distribution: InProgress"),
        ({"https://page.example/config.json": httpx.Response(404)}, "the page is told this stack's own configuration"),
        ({"https://page.example": httpx.Response(200, text="<h1>")}, "the page names its files by their content"),
        ({"https://api.example/concerts": httpx.Response(200)}, "the API answers 200 to who walks around the edge"),
        ({"https://page.example/api/concerts": httpx.Response(403)}, "the API answers 403 through the edge"),
        ({"query": {"Items": []}}, "0 concerts are published"),
        ({"Date": "Fri, 01 Jan 2021 00:00:00 GMT"}, "s off AWS's"),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str) -> None:
    lines, _ = look(monkeypatch, **changed)

    assert [line.what for line in lines if not line.ready and said in line.what]


def test_every_call_that_ready_makes_is_one_that_reads() -> None:
    tree = ast.parse((ROOT / "tools" / "ost" / "ready.py").read_text("utf-8"))
    paged = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator"
        if isinstance(node.args[0], ast.Constant)
    }
    changing = re.compile("(put|create|update|delete|tag|start|invoke|publish|send)(_|$)")
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert all(READS.match(str(operation)) for operation in paged)
    assert not {name for name in called if changing.match(name)}


def test_quotas_are_reckoned_with_the_limits_of_the_template() -> None:
    defaults = values()

    assert len(READS_OF_THE_API) == quotas.ROUTES_THAT_READ
    assert int(defaults["ReadsPerSecond"]) == quotas.READS_PER_SECOND
    assert int(defaults["PollsPerSecond"]) == quotas.POLLS_PER_SECOND


def test_quotas_are_documented_as_they_are_reckoned() -> None:
    page = (ROOT / "docs" / "quotas.md").read_text("utf-8")

    assert quotas.table() in page
    for need in quotas.needs(FANS):
        assert need.how in page
