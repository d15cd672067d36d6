"""`./ost publish FILE`: bring the catalog table to what an organiser's file says, without breaking anybody's seat."""

import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from rich.table import Table

from tools.ost.catalog import Concert, Item, read_catalog
from tools.ost.console import Failure, out
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WHEN_AND_WHERE = ("startsAt", "timezone", "venue")
"""What somebody who holds a seat has planned for."""


def publish(
    file: Annotated[Path, typer.Argument(help="The catalog, in YAML; catalog/demo.yaml is an example.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Publish the concerts and performances of FILE. Safe to repeat; refuses what would break a held or sold seat.

    Concerts that FILE does not name stay as they are; performances that it no longer names are removed.
    """
    concerts = read_catalog(file)
    plan = publish_concerts(CatalogTables.of(Stack.find(stack, state)), concerts, dry_run=dry_run)
    out.print(as_table(plan, dry_run=dry_run))


def publish_file(stack: Stack, file: Path) -> "Plan":
    """Publish a file; raise Failure with the reasons when it is refused, and then nothing was written."""
    return publish_concerts(CatalogTables.of(stack), read_catalog(file))


@dataclass(frozen=True)
class Change:
    """What happens to one item: `created`, `changed`, `unchanged` or `removed`, and how."""

    what: str
    name: str
    outcome: str
    detail: str = ""


@dataclass
class Plan:
    """Everything that publishing will do, in the order of writing, and why it may not."""

    changes: list[Change] = field(default_factory=list)
    puts: list[Item] = field(default_factory=list)
    deletes: list[Item] = field(default_factory=list)
    capacities: list[tuple[str, int]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CatalogTables:
    """The tables of a stack that publishing reads and writes."""

    client: "DynamoDBClient"
    catalog: str
    seats: str
    queue: str

    @classmethod
    def of(cls, stack: Stack) -> "CatalogTables":
        """Name the tables of a stack."""
        return cls(stack.dynamodb, stack.table("catalog"), stack.table("seats"), stack.table("queue"))

    def concert(self, concert_id: str) -> Item | None:
        """Read the concert as it is published now."""
        key = {"pk": {"S": "CONCERT"}, "sk": {"S": concert_id}}
        found = self.client.get_item(TableName=self.catalog, Key=key, ConsistentRead=True).get("Item")
        return _from_dynamodb(found) if found else None

    def performances(self, concert_id: str) -> dict[str, Item]:
        """Read its performances as they are published now, by label."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.catalog,
            KeyConditionExpression="pk = :concert",
            ExpressionAttributeValues={":concert": {"S": concert_id}},
            ConsistentRead=True,
        )
        items = (_from_dynamodb(item) for page in pages for item in page["Items"])
        return {str(item["sk"]): item for item in items}

    def taken_seats(self, performance_id: str, now: int) -> list[int]:
        """Read which seats are sold, or held past `now` (epoch seconds), in order."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.seats,
            KeyConditionExpression="performanceId = :performance",
            FilterExpression="#status = :sold OR expiresAt > :now",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":performance": {"S": performance_id},
                ":sold": {"S": "SOLD"},
                ":now": {"N": str(now)},
            },
            ConsistentRead=True,
        )
        return sorted(int(item["seatNumber"]["N"]) for page in pages for item in page["Items"])

    def capacity(self, concert_id: str) -> int | None:
        """Read the concert's own queue capacity, None when it follows the stack's."""
        key = {"pk": {"S": concert_id}, "sk": {"S": "QUEUE"}}
        item = self.client.get_item(TableName=self.queue, Key=key, ConsistentRead=True).get("Item", {})
        return int(item["capacity"]["N"]) if "capacity" in item else None

    def set_capacity(self, concert_id: str, capacity: int) -> None:
        """Set the concert's own queue capacity and nothing else of its queue; works before the queue exists."""
        self.client.update_item(
            TableName=self.queue,
            Key={"pk": {"S": concert_id}, "sk": {"S": "QUEUE"}},
            UpdateExpression="SET #capacity = :capacity",
            ExpressionAttributeNames={"#capacity": "capacity"},
            ExpressionAttributeValues={":capacity": {"N": str(capacity)}},
        )

    def put(self, item: Item) -> None:
        """Write an item of the catalog."""
        self.client.put_item(TableName=self.catalog, Item=_to_dynamodb(item))

    def delete(self, item: Item) -> None:
        """Remove an item of the catalog; safe to repeat."""
        self.client.delete_item(TableName=self.catalog, Key=_to_dynamodb({"pk": item["pk"], "sk": item["sk"]}))


def publish_concerts(tables: "CatalogTables", concerts: list[Concert], *, dry_run: bool = False) -> Plan:
    """Plan all concerts first and write only when none is refused; raise Failure with every refusal otherwise.

    A performance appears before its concert does, and disappears last, so that no reader sees a concert half made.
    The seats are read a moment before the catalog is written: take a performance off sale before removing it.
    """
    plan = Plan()
    for concert in concerts:
        plan_concert(plan, tables, concert, int(time.time()))
    if plan.refusals:
        raise Failure(
            "\n".join(["nothing was published, because it would break seats that fans hold or own:", *plan.refusals])
        )
    if not dry_run:
        for item in sorted(plan.puts, key=lambda item: item["pk"] == "CONCERT"):
            tables.put(item)
        for item in plan.deletes:
            tables.delete(item)
        for concert_id, capacity in plan.capacities:
            tables.set_capacity(concert_id, capacity)
    return plan


def plan_concert(plan: Plan, tables: CatalogTables, wanted: Concert, now: int) -> None:
    """Compare one concert with what is published and add to the plan. `now` in epoch seconds."""
    concert_id = wanted.concert_id
    _plan_item(plan, "concert", concert_id, tables.concert(concert_id), wanted.item)
    present = tables.performances(concert_id)
    for label, item in wanted.performances.items():
        name, before = f"{concert_id}.{label}", present.get(label)
        if before and (why := _breaks(before, item)):
            plan.refusals += _refusals(why, before, item, tables.taken_seats(name, now), name)
        _plan_item(plan, "performance", name, before, item)
    for label in sorted(present.keys() - wanted.performances.keys()):
        name = f"{concert_id}.{label}"
        if taken := tables.taken_seats(name, now):
            plan.refusals.append(f"  {name} cannot be removed: {_seats(taken)}")
        plan.changes.append(Change("performance", name, "removed"))
        plan.deletes.append(present[label])
    if wanted.queue_capacity is not None:
        before_capacity = tables.capacity(concert_id)
        same = before_capacity == wanted.queue_capacity
        detail = (
            ""
            if same
            else f"capacity {'of the stack' if before_capacity is None else before_capacity} → {wanted.queue_capacity}"
        )
        plan.changes.append(Change("queue", concert_id, "unchanged" if same else "changed", detail))
        if not same:
            plan.capacities.append((concert_id, wanted.queue_capacity))


def _breaks(before: Item, after: Item) -> list[str]:
    """Name the fields whose change matters to who has a seat; a new price does not, since a hold keeps its own."""
    fields = [name for name in WHEN_AND_WHERE if before.get(name) != after.get(name)]
    return [*fields, "seatsTotal"] if int(after["seatsTotal"]) < int(before["seatsTotal"]) else fields


def _refusals(why: list[str], before: Item, after: Item, taken: list[int], name: str) -> list[str]:
    if not taken:
        return []
    refusals = []
    for changed in why:
        if changed == "seatsTotal":
            lost = [seat for seat in taken if seat > int(after["seatsTotal"])]
            if lost:
                refusals.append(f"  {name} cannot shrink to {after['seatsTotal']} seats: {_seats(lost)}")
        else:
            moved = f"{before.get(changed, '–')} to {after.get(changed, '–')}"
            refusals.append(f"  {name} cannot change {changed} from {moved}: {_seats(taken)}")
    return refusals


def _seats(taken: list[int]) -> str:
    listed = ", ".join(map(str, taken[:10])) + (" …" if len(taken) > 10 else "")
    return f"{len(taken)} seat(s) are held or sold ({listed})"


def _plan_item(plan: Plan, what: str, name: str, before: Item | None, after: Item) -> None:
    if before == after:
        plan.changes.append(Change(what, name, "unchanged"))
        return
    plan.puts.append(after)
    if before is None:
        plan.changes.append(Change(what, name, "created"))
        return
    fields = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    detail = "; ".join(f"{key} {_short(before.get(key))} → {_short(after.get(key))}" for key in fields)
    plan.changes.append(Change(what, name, "changed", detail))


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def as_table(plan: Plan, *, dry_run: bool) -> Table:
    """Lay the plan out for a person."""
    table = Table(title="Would be published" if dry_run else "Published")
    for heading in ("", "id", "outcome", "what changed"):
        table.add_column(heading, overflow="fold")
    colours = {"created": "green", "changed": "yellow", "removed": "red", "unchanged": "dim"}
    for change in plan.changes:
        colour = colours[change.outcome]
        table.add_row(change.what, change.name, f"[{colour}]{change.outcome}[/]", change.detail)
    return table


def _to_dynamodb(item: Item) -> dict[str, Any]:
    return {key: TypeSerializer().serialize(value) for key, value in item.items()}


def _from_dynamodb(item: Any) -> Item:
    return {key: _plain(TypeDeserializer().deserialize(value)) for key, value in item.items()}


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case Decimal():
            return int(value)
    return value
