"""Every event works on a running stack once `make events` has filled in what is alive."""

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from booking.errors import CATALOGUE
from lab.in_process import template
from tests import answers
from tests.handlers import events
from tests.stack.local_stack import ROOT, LocalStack
from tools.ost.audit import AGGREGATES

BATCH = 25
"""How many items DynamoDB deletes at once."""
PATIENCE_SECONDS = 60
"""How long the workflows that events start may take."""


@pytest.fixture
def filled(stack: LocalStack) -> Iterator[LocalStack]:
    """Fill the events in, and take away afterwards what was put into the tables: some of it is past all promises."""
    before = {aggregate: keys(stack, aggregate) for aggregate in AGGREGATES}
    told = subprocess.run(
        ["make", "events", f"STATE={stack.state}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    yield stack
    wait_for_workflows(stack)
    for aggregate, known in before.items():
        made = [{"DeleteRequest": {"Key": json.loads(key)}} for key in keys(stack, aggregate) - known]
        table = stack.table(aggregate)
        for first in range(0, len(made), BATCH):
            batch: Any = {table: made[first : first + BATCH]}
            stack.cloud.dynamodb.batch_write_item(RequestItems=batch)


def keys(stack: LocalStack, aggregate: str) -> set[str]:
    """Return the keys of all items of a table, each as JSON."""
    table, client = stack.table(aggregate), stack.cloud.dynamodb
    names = [each["AttributeName"] for each in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {json.dumps({name: item[name] for name in names}) for page in pages for item in page["Items"]}


def wait_for_workflows(stack: LocalStack) -> None:
    deadline, workflows = time.monotonic() + PATIENCE_SECONDS, stack.cloud.client("stepfunctions")
    for name in ("PaymentWorkflowArn", "CallingOffWorkflowArn"):
        asked = {"stateMachineArn": stack.cloud.outputs[name], "statusFilter": "RUNNING"}
        while workflows.list_executions(**asked)["executions"]:
            assert time.monotonic() < deadline, f"executions of {name} go on"
            time.sleep(0.2)


def deployed(stack: LocalStack) -> dict[str, str]:
    """Return the name of each function in the stack, by its folder."""
    described = stack.cloud.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.cloud.name)
    named = {
        each["LogicalResourceId"]: each["PhysicalResourceId"] for p in described for each in p["StackResourceSummaries"]
    }
    functions = {
        name: each for name, each in template()["Resources"].items() if each["Type"] == "AWS::Serverless::Function"
    }
    return {each["Properties"]["CodeUri"].strip("/").split("/")[-1]: named[name] for name, each in functions.items()}


def test_every_event_works_as_it_is_on_a_running_stack(filled: LocalStack) -> None:
    names = deployed(filled)
    cases: dict[str, list[str]] = defaultdict(list)
    for function, case in events():
        cases[function].append(case)

    def wrong_of(function: str) -> list[str]:
        return [told for case in cases[function] if (told := invoke(filled, names[function], function, case))]

    wrong = filled.at_once(wrong_of, list(cases), in_flight=6)

    assert [each for told in wrong for each in told] == []


def invoke(stack: LocalStack, name: str, function: str, case: str) -> str | None:
    """Send one event; tell what is wrong with the answer."""
    payload = (stack.state / "events" / function / f"{case}.json").read_bytes()
    invoked: Any = stack.cloud.functions.invoke(FunctionName=name, Payload=payload)
    answer = json.loads(invoked["Payload"].read())
    if "FunctionError" in invoked:
        return f"{function}/{case}: {answer}"
    if function not in answers.operations():
        return None
    code = json.loads(answer["body"] or "{}").get("code") if answer["statusCode"] >= 400 else "OK"
    wanted = "OK" if case == "ok" else CATALOGUE[case.upper()].code
    return None if code == wanted else f"{function}/{case}: {answer['statusCode']} {answer['body'][:200]}"
