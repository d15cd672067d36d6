"""The meter: sees every AWS call at botocore's hooks and works out what it is billed.

It hangs on a botocore session (or client), so that whatever handler, step or tick uses it is counted without knowing.
Emulators report units wrongly, so nothing is taken from `ConsumedCapacity`: the meter looks at the items themselves
before and after each write, with a client of its own that is not counted, and applies the rules in `units`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.measure import units
from lab.measure.prices import Bill
from lab.measure.units import Stored

WRITES = ("PutItem", "UpdateItem", "DeleteItem")
BILLED = {None, "ConditionalCheckFailedException", "TransactionCanceledException"}
"""What a call that costs something can end with: what is throttled or malformed costs nothing."""


class Emitter(Protocol):
    """What has botocore's events: a session, or a client's `meta.events`."""

    def register(self, event_name: str, handler: Any) -> None:
        """Call the handler at each event of that name, or whose name begins with it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call: the service, the operation, the tables that it named, and what it is billed."""

    service: str
    operation: str
    tables: tuple[str, ...]
    bill: Bill
    error: str | None = None


@dataclass(slots=True)
class Tally:
    """What was asked of AWS while somebody watched. `extra` is what does not pass through the SDK (`Meter.add`)."""

    calls: list[Call] = field(default_factory=list)
    extra: Bill = field(default_factory=Bill)

    @property
    def bill(self) -> Bill:
        """Sum it up."""
        return sum((call.bill for call in self.calls), self.extra)


@dataclass(frozen=True, slots=True)
class _Index:
    key: tuple[str, ...]
    projected: frozenset[str] | None


class Meter:
    """Counts what goes through the sessions and clients that it is attached to.

    `looking` is a DynamoDB client of its own for the same cloud; its calls are not counted.
    """

    def __init__(self, looking: Any) -> None:
        self._looking = looking
        self._tallies: list[Tally] = []
        self._keys: dict[str, tuple[str, ...]] = {}
        self._indexes: dict[str, list[_Index]] = {}

    def attach(self, emitter: Emitter) -> None:
        """Count every call of the clients that this session makes from now on, or of this client."""
        emitter.register("before-parameter-build", self._before)
        emitter.register("after-call", self._after)

    @contextmanager
    def watching(self) -> Iterator[Tally]:
        """Return a tally of what is asked for inside. May be nested: each watcher sees everything inside it."""
        tally = Tally()
        self._tallies.append(tally)
        try:
            yield tally
        finally:
            self._tallies.remove(tally)

    def add(self, bill: Bill) -> None:
        """Count what does not pass through the SDK: an HTTP call, a Lambda invocation, a transition, a pause."""
        for tally in self._tallies:
            tally.extra += bill

    def _before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        """Remember the request, and the items that it may change, as they are before it."""
        if not self._tallies:
            return
        context["meter"] = [params, None]
        writes = _writes(model.name, params) if model.service_model.service_name == "dynamodb" else None
        if writes:
            context["meter"][1] = [self._look(write) for _, write in writes]

    def _after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if "meter" not in context:
            return
        params, before = context.pop("meter")
        service = model.service_model.service_name
        error = parsed.get("Error", {}).get("Code")
        bill = Bill()
        if service == "dynamodb" and error in BILLED:
            if before is not None:
                bill = self._bill_writes(model.name, params, before, failed=error is not None)
            else:
                bill = self._bill_reads(model.name, params, parsed)
        elif service == "lambda":
            bill = Bill(kicks=1) if params.get("InvocationType") == "Event" else Bill(lambda_calls=1)
        elif service == "secretsmanager":
            bill = Bill(secret_calls=1)
        call = Call(service, model.name, _tables(params), bill, error)
        for tally in self._tallies:
            tally.calls.append(call)

    def _bill_writes(
        self, operation: str, params: Mapping[str, Any], before: Sequence[Stored | None], *, failed: bool
    ) -> Bill:
        """Bill each write, in a transaction twice. A write whose condition failed is billed for the larger of what is
        there and what was to be put, and changes no index."""
        transaction = operation == "TransactWriteItems"
        total = 0
        for (_, write), old in zip(_writes(operation, params), before, strict=True):
            new = write.get("Item", old) if failed else self._look(write)
            total += units.write_units(old, new, transaction=transaction)
            if not failed:
                total += sum(
                    units.index_units(old, new, index.key, index.projected)
                    for index in self._indexes_of(write["TableName"])
                )
        return Bill(write_units=total)

    def _bill_reads(self, operation: str, params: Mapping[str, Any], parsed: Mapping[str, Any]) -> Bill:
        """Bill a read: an item on its own is rounded up on its own, a query's items together."""
        match operation:
            case "GetItem":
                item = self._look(params) if "ProjectionExpression" in params else parsed.get("Item")
                size = units.item_size(item) if item else 0
                found = units.read_units(size, consistent=params.get("ConsistentRead", False))
                return Bill(read_units=found, items_read=1 if item else 0)
            case "BatchGetItem":
                batches = params["RequestItems"].items()
                return sum((self._bill_batch(table, asked, parsed) for table, asked in batches), Bill())
            case "Query" | "Scan":
                items = self._evaluated(operation, params, parsed)
                size = sum(units.item_size(item) for item in items)
                found = units.read_units(size, consistent=params.get("ConsistentRead", False))
                return Bill(read_units=found, items_read=len(items))
        raise NotImplementedError(f"the meter has no rule for {operation}")

    def _bill_batch(self, table: str, asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> Bill:
        """Bill a table's part of a batch: each item on its own, and each that is missing; not what was left for
        later."""
        if "ProjectionExpression" in asked:
            raise NotImplementedError("the meter has no rule for a batch of parts of items")
        found = parsed["Responses"].get(table, [])
        later = parsed.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        sizes = [*map(units.item_size, found), *[0] * (len(asked["Keys"]) - len(found) - len(later))]
        consistent = asked.get("ConsistentRead", False)
        return Bill(sum(units.read_units(size, consistent=consistent) for size in sizes), items_read=len(found))

    def _evaluated(self, operation: str, params: Mapping[str, Any], parsed: Mapping[str, Any]) -> list[Stored]:
        """Return the items that a query went over, which is what it is billed for, whatever it filtered or left out."""
        if not {"Select", "ProjectionExpression", "FilterExpression"} & set(params):
            return list(parsed["Items"])
        bare = {
            name: value for name, value in params.items() if name not in {"Select", "ProjectionExpression", "Limit"}
        }
        bare.pop("FilterExpression", None)
        used = str(bare.get("KeyConditionExpression", ""))
        for unused in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            kept = {name: value for name, value in bare.pop(unused, {}).items() if name in used}
            if kept:
                bare[unused] = kept
        answer = getattr(self._looking, "query" if operation == "Query" else "scan")(
            **bare, Limit=max(1, parsed["ScannedCount"])
        )
        return list(answer["Items"][: parsed["ScannedCount"]])

    def _look(self, request: Mapping[str, Any]) -> Stored | None:
        """Read the item that a request is about."""
        table = request["TableName"]
        key = request.get("Key") or {name: request["Item"][name] for name in self._key_of(table)}
        item: Stored | None = self._looking.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return item

    def _key_of(self, table: str) -> tuple[str, ...]:
        self._describe(table)
        return self._keys[table]

    def _indexes_of(self, table: str) -> list[_Index]:
        self._describe(table)
        return self._indexes[table]

    def _describe(self, table: str) -> None:
        if table in self._keys:
            return
        known = self._looking.describe_table(TableName=table)["Table"]
        self._keys[table] = tuple(part["AttributeName"] for part in known["KeySchema"])
        self._indexes[table] = [
            _Index(
                key := tuple(part["AttributeName"] for part in index["KeySchema"]),
                _projected(index["Projection"], {*key, *self._keys[table]}),
            )
            for index in known.get("GlobalSecondaryIndexes", [])
        ]


def _projected(projection: Mapping[str, Any], keys: set[str]) -> frozenset[str] | None:
    if projection["ProjectionType"] == "ALL":
        return None
    return frozenset(keys | set(projection.get("NonKeyAttributes", [])))


def _writes(operation: str, params: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the writes of a request by kind. A condition check is billed like a write."""
    if operation in WRITES:
        return [(operation.removesuffix("Item"), params)]
    if operation == "TransactWriteItems":
        return [(kind, write) for item in params["TransactItems"] for kind, write in item.items()]
    return []


def _tables(params: Mapping[str, Any]) -> tuple[str, ...]:
    named = [params, *(write for item in params.get("TransactItems", []) for write in item.values())]
    return tuple(each["TableName"] for each in named if "TableName" in each) + tuple(params.get("RequestItems", ()))
