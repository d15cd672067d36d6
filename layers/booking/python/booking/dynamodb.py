"""The one DynamoDB client and the few verbs on it.

The condition is the lock: each rule of the domain is the condition of one write or one transaction. A refused write
raises `ConditionFailed` or `TransactionRefused` with the items as they are (`ALL_OLD`), so that the refusal already
says why and to whom one lost.

Contention is not refusal: conflicts of transactions, throttling and lost answers are retried with jitter within a
budget, then raised as `TemporarilyUnavailable`. So every caller must be safe to repeat, and must recognise its own
earlier write when a condition fails.
"""

import functools
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws
from booking.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
type Key = Mapping[str, Any]

AT_ONCE = 100
"""How many items DynamoDB reads by their keys in one request."""
CONTENTION_BUDGET_SECONDS = 4.0
"""How long conflicts are retried before the caller is told to come back."""

_CONTENTION = {
    "TransactionConflictException",
    "TransactionInProgressException",
    "TransactionConflict",
    "ThrottlingError",
    "ThrottlingException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}


class ConditionFailed(Exception):
    """The condition of a write does not hold. `item` is what is there, or None."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("the condition of the write does not hold")


class Contended(TemporarilyUnavailable):
    """Nothing was written, and nothing is wrong: others wrote the same items at the same moment."""


class TransactionRefused(Exception):
    """At least one condition of a transaction does not hold, and nothing was written.

    `refusals` maps the position of each write whose condition failed to the item that is there, or None. `contended`
    tells that other writes met a transaction that is just being committed, item by item: what is there then may be that
    transaction's work, and the writes that are missing from `refusals` may be refused a moment later too.
    """

    def __init__(self, refusals: Mapping[int, Item | None], *, contended: bool = False) -> None:
        self.refusals = refusals
        self.contended = contended
        super().__init__(f"conditions of writes {sorted(refusals)} do not hold")


def _serialize(value: Any) -> dict[str, Any]:
    """Write a value in DynamoDB's notation. Every number that we store is whole."""
    match value:
        case str() | bytes():
            return {"S" if isinstance(value, str) else "B": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case list():
            return {"L": [_serialize(element) for element in value]}
        case dict():
            return {"M": encode(value)}
    raise TypeError(f"no item holds a {type(value).__name__}")


def _deserialize(value: Mapping[str, Any]) -> Any:
    """Read a value in DynamoDB's notation."""
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL" | "B":
            return content
        case "N":
            return int(content)
        case "NULL":
            return None
        case "L":
            return [_deserialize(element) for element in content]
        case "M":
            return {name: _deserialize(element) for name, element in content.items()}
    raise TypeError(f"no item of ours holds a {kind}")


def client() -> "DynamoDBClient":
    """Return this process's one client."""
    dynamodb: DynamoDBClient = aws.client("dynamodb")
    return dynamodb


def encode(item: Key) -> dict[str, Any]:
    """Write an item in DynamoDB's notation."""
    return {name: _serialize(value) for name, value in item.items()}


def decode(item: Mapping[str, Any] | None) -> Item | None:
    """Read an item in DynamoDB's notation; what is not there is None."""
    return {name: _deserialize(value) for name, value in item.items()} if item else None


@dataclass(frozen=True, slots=True)
class Write:
    """One write, to be done alone (`write`) or with others (`transact`). Made by `put`, `update`, `delete`, `check`."""

    kind: str
    table: str
    body: Mapping[str, Any]
    condition: str | None
    values: Mapping[str, Any]

    def parameters(self) -> dict[str, Any]:
        """Return the request's members. `#name` in an expression stands for the attribute `name`, `:value` for a
        value."""
        expressions = f"{self.body.get('UpdateExpression', '')} {self.condition or ''}"
        parameters: dict[str, Any] = {"TableName": self.table, **self.body}
        if self.condition:
            parameters["ConditionExpression"] = self.condition
            parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if names := _names(expressions):
            parameters["ExpressionAttributeNames"] = names
        if self.values:
            parameters["ExpressionAttributeValues"] = _values(self.values)
        return parameters


def _names(expressions: str) -> dict[str, str]:
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expressions)}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f":{name}": _serialize(value) for name, value in values.items()}


def put(table: str, item: Key, condition: str | None = None, **values: Any) -> Write:
    """Write a whole item."""
    return Write("Put", table, {"Item": encode(item)}, condition, values)


def update(table: str, key: Key, expression: str, condition: str | None = None, **values: Any) -> Write:
    """Change some attributes of an item."""
    return Write("Update", table, {"Key": encode(key), "UpdateExpression": expression}, condition, values)


def delete(table: str, key: Key, condition: str | None = None, **values: Any) -> Write:
    """Remove an item."""
    return Write("Delete", table, {"Key": encode(key)}, condition, values)


def check(table: str, key: Key, condition: str, **values: Any) -> Write:
    """Change nothing, but let the transaction stand only if the condition holds; only for `transact`."""
    return Write("ConditionCheck", table, {"Key": encode(key)}, condition, values)


def write(one: Write) -> Item | None:
    """Do one write and return the item as it is afterwards (for `update`), or None.

    Raises:
        ConditionFailed: the condition does not hold; carries the item that is there.
        TemporarilyUnavailable: see the module.

    """
    calls: dict[str, Any] = {"Put": client().put_item, "Update": client().update_item, "Delete": client().delete_item}
    parameters = one.parameters()
    if one.kind == "Update":
        parameters["ReturnValues"] = "ALL_NEW"
    for _ in attempts():
        try:
            return decode(calls[one.kind](**parameters).get("Attributes"))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConditionFailed(decode(error.response.get("Item"))) from error  # type: ignore[arg-type]
            _raise_unless_contention(error)
        except BotoCoreError as error:
            raise TemporarilyUnavailable from error
    raise TemporarilyUnavailable


def transact(*writes: Write, budget: float = CONTENTION_BUDGET_SECONDS) -> None:
    """Do all the writes or none of them.

    All of a cancellation's reasons are read: it is repeated only when every one of them is contention, and within the
    budget; with a budget of 0 never, for callers who rather read again what they have to compete with.

    Raises:
        TransactionRefused: at least one condition does not hold; carries the items that are there.
        Contended: others were in the way until the budget was used up.
        TemporarilyUnavailable: see the module.

    """
    items: list[Any] = [{one.kind: one.parameters()} for one in writes]
    for _ in attempts(budget):
        try:
            client().transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                _raise_unless_contention(error)
                continue
            reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
            refusals = {
                position: decode(reason.get("Item"))
                for position, reason in enumerate(reasons)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
            if refusals:
                contended = any(reason.get("Code") in _CONTENTION for reason in reasons)
                raise TransactionRefused(refusals, contended=contended) from error
            if not all(reason.get("Code") in _CONTENTION | {"None", None} for reason in reasons):
                raise
        except BotoCoreError as error:
            raise TemporarilyUnavailable from error
        else:
            return
    raise Contended


def attempts(budget: float = CONTENTION_BUDGET_SECONDS, longest: float = 0.3) -> Iterator[int]:
    """Count attempts, pausing with full jitter of at most `longest` seconds between them, until `budget` seconds have
    gone by."""
    deadline = time.monotonic() + budget
    attempt = 0
    while True:
        yield attempt
        attempt += 1
        pause = random.uniform(0.002, min(longest, 0.01 * 2**attempt))  # noqa: S311 - jitter needs no secrecy
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)


def _raise_unless_contention(error: ClientError) -> None:
    """Let the caller repeat after contention; anything transient that botocore gave up on becomes a 503."""
    code = error.response["Error"]["Code"]
    if code in {"TransactionConflictException", "TransactionInProgressException"}:
        return
    if _is_transient(error):
        raise TemporarilyUnavailable from error
    raise error


def _is_transient(error: ClientError) -> bool:
    """Tell whether the same call may succeed later. The service's own faults are 5xx, with whatever code."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in _CONTENTION or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def get(table: str, key: Key, *, consistent: bool = True) -> Item | None:
    """Read one item. Eventually consistent reads cost half."""
    return decode(
        _read(lambda: client().get_item(TableName=table, Key=encode(key), ConsistentRead=consistent)).get("Item")
    )


def get_many(table: str, keys: Sequence[Key]) -> list[Item]:
    """Read items, a hundred at once, eventually consistent, in any order; those that are not there are left out."""
    return [
        item for first in range(0, len(keys), AT_ONCE) for item in _get_hundred(table, keys[first : first + AT_ONCE])
    ]


def _get_hundred(table: str, keys: Sequence[Key]) -> list[Item]:
    wanted: Any = {table: {"Keys": [encode(key) for key in keys], "ConsistentRead": False}}
    found: list[Item] = []
    for _ in attempts():
        if not wanted:
            return found
        request = functools.partial(client().batch_get_item, RequestItems=wanted)
        answer = _read(request)
        found += [item for raw in answer["Responses"].get(table, []) if (item := decode(raw)) is not None]
        wanted = answer.get("UnprocessedKeys")
    raise TemporarilyUnavailable


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a query, and the key to go on from, or None after the last."""

    items: list[Item]
    last_key: Item | None


def query(
    table: str,
    condition: str,
    *,
    index: str | None = None,
    consistent: bool = True,
    forward: bool = True,
    limit: int | None = None,
    start: Key | None = None,
    only: str | None = None,
    **values: Any,
) -> Page:
    """Read one page of items of one partition; `#name` and `:value` as in writes. `only` names attributes to read."""
    parameters: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": _names(f"{condition} {only or ''}"),
        "ExpressionAttributeValues": _values(values),
        "ScanIndexForward": forward,
        "ConsistentRead": consistent,
    }
    if index:
        parameters["IndexName"] = index
    if limit:
        parameters["Limit"] = limit
    if start:
        parameters["ExclusiveStartKey"] = encode(start)
    if only:
        parameters["ProjectionExpression"] = only
    answer = _read(lambda: client().query(**parameters))
    items = [item for raw in answer["Items"] if (item := decode(raw)) is not None]
    return Page(items, decode(answer.get("LastEvaluatedKey")))


def first(table: str, condition: str, **options: Any) -> Item | None:
    """Read the first item that the condition names, or None when there is none for certain: a page may be empty and
    still not be the last."""
    start: Item | None = None
    while True:
        page = query(table, condition, start=start, limit=1, **options)
        if page.items or page.last_key is None:
            return page.items[0] if page.items else None
        start = page.last_key


def query_all(table: str, condition: str, **options: Any) -> list[Item]:
    """Read every item of a partition that the condition names, page after page."""
    items: list[Item] = []
    start: Item | None = None
    while True:
        page = query(table, condition, start=start, **options)
        items += page.items
        if page.last_key is None:
            return items
        start = page.last_key


def _read[Answer](call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except ClientError as error:
        if _is_transient(error):
            raise TemporarilyUnavailable from error
        raise
    except BotoCoreError as error:
        raise TemporarilyUnavailable from error
