"""A cursor that a list did not give is refused or leads somewhere in the same list; it is never an error of ours.

DynamoDB refuses to begin a query outside of what its condition asks for, with an exception that is nobody's refusal.
The cloud in this process does not, so these tests stand in its way (`Strict`) with the rules of the service. Whether
these are its rules is tried on Amazon's own DynamoDB Local: start it, and say where it is with
`OST_TEST_DYNAMODB=http://127.0.0.1:8000 .venv/bin/pytest tests/functional/test_cursors.py`.
"""

import base64
import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from booking import clock, dynamodb, points
from tests import tables
from tests.functional import world
from tests.handlers import call

LISTS = [
    "list_bookings",
    "list_concerts",
    "list_log",
    "list_performances",
    "list_points_history",
    "list_reservations",
    "list_sales",
]
TABLE = "AWS::DynamoDB::Table"
DYNAMODB_LOCAL = os.environ.get("OST_TEST_DYNAMODB")


class Strict:
    """Checks each query's `ExclusiveStartKey` as DynamoDB does: a whole key, not empty, within the condition."""

    def __init__(self) -> None:
        self.began = 0
        dynamodb.client().meta.events.register("before-call.dynamodb.Query", self._check)

    def _check(self, params: dict[str, Any], **_: Any) -> None:
        request = json.loads(params["body"])
        start = request.get("ExclusiveStartKey")
        if start is None:
            return
        self.began += 1
        if DYNAMODB_LOCAL:
            return
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        equal = dict(re.findall(r"(#\w+) = (:\w+)", request["KeyConditionExpression"]))
        prefixed = dict(re.findall(r"begins_with\((#\w+), (:\w+)\)", request["KeyConditionExpression"]))
        schema = {each["AttributeName"] for each in tables.resources(TABLE)[request["TableName"]]["KeySchema"]}
        if set(start) != schema:
            raise _refused("Exclusive Start Key must have same size as table's key schema")
        inside = all(start.get(names[name]) == values[value] for name, value in equal.items())
        inside &= all(start[names[name]]["S"].startswith(values[value]["S"]) for name, value in prefixed.items())
        if not inside or not all(part.get("S") for part in start.values()):
            raise _refused("The provided starting key does not match the range key predicate")


def _refused(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Query")


@pytest.fixture
def strict(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strict]:
    with contextlib.ExitStack() as made:
        if DYNAMODB_LOCAL:
            client = boto3.client("dynamodb", endpoint_url=DYNAMODB_LOCAL)
            monkeypatch.setattr(dynamodb, "client", lambda: client)
            for name in tables.create(client):
                made.callback(client.delete_table, TableName=name)
            made.callback(client.close)
        yield filled()


def filled() -> Strict:
    world.publish()
    for number in range(3):
        points.charge(world.USER, 1, f"key {number}", clock.now())
        world.hold(world.USER, [number + 1])
    return Strict()


@pytest.mark.parametrize(
    ("start", "begins"),
    [
        ({"sk": "ENTRY#000000000001"}, True),
        ({"sk": "ENTRY#0000000000011"}, True),
        ({"sk": "ENTRY#"}, True),
        ({"sk": "ENTRY#\u0661"}, True),
        ({"sk": "A"}, False),
        ({"sk": "KEY#REQUEST#x"}, False),
        ({"sk": "\0"}, False),
        ({"sk": ""}, False),
        ({"userId": "another", "sk": "ENTRY#000000000001"}, False),
        ({}, False),
        ({"sk": "ENTRY#000000000001", "more": "than the key"}, False),
    ],
    ids=str,
)
def test_a_query_begins_where_its_condition_holds(strict: Strict, start: dict[str, str], begins: bool) -> None:
    query: Any = {
        "TableName": "PointsTable",
        "KeyConditionExpression": "#userId = :user AND begins_with(#sk, :entry)",
        "ExpressionAttributeNames": {"#userId": "userId", "#sk": "sk"},
        "ExpressionAttributeValues": {":user": {"S": world.USER}, ":entry": {"S": "ENTRY#"}},
        "ExclusiveStartKey": {name: {"S": text} for name, text in ({"userId": world.USER} | start).items()},
    }
    if begins:
        assert dynamodb.client().query(**query)["Count"] <= 3
    else:
        with pytest.raises(ClientError, match="ValidationException"):
            dynamodb.client().query(**query)


@pytest.mark.parametrize(("first", "last", "stands"), [("5", "5", True), ("5", "10", True), ("10", "5", False)])
def test_a_range_does_not_end_before_it_begins(strict: Strict, first: str, last: str, stands: bool) -> None:
    query: Any = {
        "TableName": "SeatsTable",
        "KeyConditionExpression": "#performanceId = :performance AND #seatNumber BETWEEN :first AND :last",
        "ExpressionAttributeNames": {"#performanceId": "performanceId", "#seatNumber": "seatNumber"},
        "ExpressionAttributeValues": {":performance": {"S": "x.y"}, ":first": {"N": first}, ":last": {"N": last}},
    }
    if stands:
        assert dynamodb.client().query(**query)["Count"] == 0
    else:
        with pytest.raises(ClientError, match="ValidationException"):
            dynamodb.client().query(**query)


def page(function: str, **query: str) -> dict[str, Any]:
    event = world.read_event(function, "ok")
    event["queryStringParameters"] = query
    return call(function, event)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def own_cursors() -> dict[str, str]:
    """Give the cursor of the first page of each list that has more than one item."""
    found = {function: json.loads(page(function, limit="1")["body"])["nextCursor"] for function in LISTS}
    return {function: text for function, text in found.items() if text}


def test_a_lists_own_cursors_lead_through_the_list_once(strict: Strict) -> None:
    for function in own_cursors():
        whole = json.loads(page(function)["body"])["items"]
        seen, after = [], None
        while True:
            answer = json.loads(page(function, limit="1", **({"cursor": after} if after else {}))["body"])
            seen += answer["items"]
            after = answer["nextCursor"]
            if after is None:
                break
        assert [strip(item) for item in seen] == [strip(item) for item in whole]
    assert strict.began > 3


def strip(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "serverTime"}


@pytest.mark.parametrize("function", LISTS)
def test_a_cursor_that_a_list_did_not_give_is_refused_or_stays_within_it(strict: Strict, function: str) -> None:
    own = own_cursors()
    assert {"list_concerts", "list_points_history", "list_reservations"} <= set(own)
    tries = [
        *own.values(),
        *(text[::-1] for text in own.values()),
        *(text[:-1] for text in own.values()),
        *(text[: len(text) // 2] for text in own.values()),
        *map(cursor, ["sk", "pk", "userId", "KEY#REQUEST#x", "ENTRY", "ENTRY#", "ENTRY#x", "ENTRY#-1", "ENTRY#\u0661"]),
        *map(cursor, ["CONCERT", "limit#starfall-symphony.2036-05-10", "r", "\0", "ÿ", " "]),
        *map(cursor, ["x" * 200, "x" * 201, "ENTRY#" + "9" * 194]),
        *("QQ", "Q", "=", "====", "%", "null", "-", "_", "0", "ä", "x" * 5000, "eyJwayI6ICJ4In0"),
    ]

    for text in tries:
        answer = page(function, cursor=text)
        assert answer["statusCode"] in {200, 400}, (text, answer)
        if answer["statusCode"] == 400:
            problem = json.loads(answer["body"])
            assert (problem["code"], problem["errors"][0]["field"]) == ("VALIDATION_FAILED", "cursor")


def test_the_history_refuses_what_is_not_the_key_of_an_entry(strict: Strict) -> None:
    for text in ("sk", "KEY#REQUEST#x", "ENTRY#", "ENTRY#x", "r000000000"):
        assert page("list_points_history", cursor=cursor(text))["statusCode"] == 400
    assert strict.began == 0
