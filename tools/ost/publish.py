"""`./ost publish FILE`: bring the catalog table to what an organiser's file says, without breaking anybody's seat."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from rich.table import Table

from booking import halls, seats
from booking.catalog import CACHE_SECONDS, summed_up
from booking.layout import Hall
from tools.ost.catalog import Concert, Item, read_catalog
from tools.ost.console import Failure, err, out
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WHEN_AND_WHERE = ("startsAt", "timezone", "venue", "hallVersion")
"""What somebody who holds a seat has planned for."""
SUMMED_UP = ("dates", "priceFrom")
"""What a concert's item says of its performances, which are shown themselves."""
CALLED_OFF = "called off: stays as it is"
"""What a file says of a date that was called off counts no more."""
MEMORY_SECONDS = CACHE_SECONDS + 11
"""How long something may still be sold after it was taken off sale: as long as a process remembers the catalog, and the
request that has just looked there takes at most (the functions' Timeout), in whole seconds."""


def publish(
    file: Annotated[Path, typer.Argument(help="The catalog, in YAML; catalog/demo.yaml is an example.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Publish the concerts and performances of FILE. Safe to repeat; refuses what would break a held or sold seat.

    Concerts that FILE does not name stay as they are; performances that it no longer names are removed. A performance
    with `offSale: true` stays, and is not sold any more.
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


@dataclass(frozen=True)
class Breaking:
    """A change of a performance that may not meet a seat that somebody has; `after` is None when it is removed.

    `before` is the item, `was` the same with the venue that it has from its concert, `changed` what changes of when and
    where it is. `is_sold` tells that somebody may be buying a seat of it at this moment, `is_open` that its hall is
    settled: sales have opened, and what fans were shown stays.
    """

    before: Item
    was: Item
    after: Item | None
    changed: list[str]
    is_sold: bool
    is_open: bool

    @property
    def name(self) -> str:
        """The id of the performance."""
        return f"{self.before['pk']}.{self.before['sk']}"

    def refusals(self, taken: list[int]) -> list[str]:
        """Say why it may not be, for each thing that changes under a seat that is taken, or a hall while it is sold."""
        if not taken:
            settled = self.is_open and "hallVersion" in self.changed
            return [f"  {self.name} cannot change its hall: its sales have opened"] if settled else []
        if self.after is None:
            return [f"  {self.name} cannot be removed: {_seats(taken)}"]
        moved = [(name, _shown(self.was, name), _shown(self.after, name)) for name in self.changed]
        told = [f"  {self.name} cannot change {name} from {was} to {to}: {_seats(taken)}" for name, was, to in moved]
        if lost := [seat for seat in taken if seat > self.after["seatsTotal"]]:
            told.append(f"  {self.name} cannot shrink to {self.after['seatsTotal']} seats: {_seats(lost)}")
        return told


@dataclass
class Plan:
    """Everything that publishing will do, in the order of writing, and what of it may not meet a taken seat."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Item] = field(default_factory=list)
    puts: list[Item] = field(default_factory=list)
    deletes: list[Item] = field(default_factory=list)
    capacities: list[tuple[str, int]] = field(default_factory=list)
    halls: list[Hall] = field(default_factory=list)
    breaking: list[Breaking] = field(default_factory=list)
    lobbies: list[str] = field(default_factory=list)


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

    def concerts(self) -> list[Item]:
        """Read every concert that is published."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.catalog,
            KeyConditionExpression="pk = :concerts",
            ExpressionAttributeValues={":concerts": {"S": "CONCERT"}},
        )
        return [_from_dynamodb(item) for page in pages for item in page["Items"]]

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

    def taken_seats(self, performance_id: str, seats_total: int, now: int) -> list[int]:
        """Read which seats are sold, or held past `now` (epoch seconds), in order."""
        taken: list[int] = []
        for partition in seats.partitions(performance_id, seats_total):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.seats,
                KeyConditionExpression="performanceId = :performance",
                FilterExpression="#status = :sold OR expiresAt > :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":performance": {"S": partition},
                    ":sold": {"S": "SOLD"},
                    ":now": {"N": str(now)},
                },
                ConsistentRead=True,
            )
            taken += [int(item["seatNumber"]["N"]) for page in pages for item in page["Items"]]
        return sorted(taken)

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

    def has_hall(self, version: str) -> bool:
        """Tell whether a version of a hall is there as a whole: its summary is written last."""
        key = _to_dynamodb({"pk": halls.partition(version), "sk": "SUMMARY"})
        return "Item" in self.client.get_item(TableName=self.catalog, Key=key, ConsistentRead=True)

    def put_hall(self, hall: Hall) -> None:
        """Write a version of a hall, which never changes; safe to repeat."""
        pk = halls.partition(hall.version)
        for section in hall.sections:
            self.put({"pk": pk, "sk": f"SECTION#{section.section_id}", "layout": section.text()})
        self.put({"pk": pk, "sk": "SUMMARY", "summary": dict(hall.summary())})

    def put(self, item: Item) -> None:
        """Write an item of the catalog; never over a date that was called off since it was read."""
        called_off: Any = {} if item.get("cancelled") else {"ConditionExpression": "attribute_not_exists(cancelled)"}
        try:
            self.client.put_item(TableName=self.catalog, Item=_to_dynamodb(item), **called_off)
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Failure(f"{item['pk']}.{item['sk']} was called off meanwhile; publish again.") from error

    def delete(self, item: Item) -> None:
        """Remove an item of the catalog; safe to repeat."""
        key = _to_dynamodb({"pk": item["pk"], "sk": item["sk"]})
        try:
            self.client.delete_item(
                TableName=self.catalog, Key=key, ConditionExpression="attribute_not_exists(cancelled)"
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Failure(f"{item['pk']}.{item['sk']} was called off meanwhile; publish again.") from error


def publish_concerts(
    tables: "CatalogTables",
    concerts: list[Concert],
    *,
    dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Plan:
    """Plan all concerts first and write only when none is refused; raise Failure with every refusal otherwise.

    A performance appears before its concert does, and disappears last, so that no reader sees a concert half made.
    """
    plan = Plan()
    for concert in concerts:
        plan_concert(plan, tables, concert, _now())
    if plan.lobbies:
        raise Failure("\n".join(["nothing was published, because fans have been told otherwise:", *plan.lobbies]))
    _ensure_nobody_loses(plan.breaking, tables)
    if not dry_run:
        closed = [breaking.before for breaking in plan.breaking if breaking.is_sold]
        _stop_selling(closed, plan, tables, sleep)
        for hall in plan.halls:
            tables.put_hall(hall)
        for item in sorted(plan.puts, key=lambda item: item["pk"] == "CONCERT"):
            tables.put(item)
        for item in plan.deletes:
            tables.delete(item)
        for before in closed:
            if before in plan.kept:
                tables.put(before)
        for concert_id, capacity in plan.capacities:
            tables.set_capacity(concert_id, capacity)
    return plan


def _ensure_nobody_loses(breaking: list[Breaking], tables: CatalogTables) -> None:
    refusals: list[str] = []
    for each in breaking:
        refusals += each.refusals(tables.taken_seats(each.name, each.before["seatsTotal"], _now()))
    if refusals:
        raise Failure(
            "\n".join(["nothing was published, because it would break seats that fans hold or own:", *refusals])
        )


def _stop_selling(sold: list[Item], plan: Plan, tables: CatalogTables, sleep: Callable[[float], None]) -> None:
    """Take performances off sale until they have changed, and look again when nobody can be selling them any more.

    Functions remember the catalog for a while, and go on selling what was on sale a moment ago. When a seat was taken
    meanwhile, everything is put back as it was.
    """
    if not sold:
        return
    err.print(f"taking {len(sold)} performance(s) off sale for {MEMORY_SECONDS} s before they change …")
    try:
        for before in sold:
            tables.put({**before, "offSale": True})
        sleep(MEMORY_SECONDS)
        _ensure_nobody_loses(plan.breaking, tables)
    except BaseException:
        for before in sold:
            tables.put(before)
        raise


def _now() -> int:
    return int(time.time())


def _breaks_the_lobby(before: Item, after: Item, now: int) -> Iterator[str]:
    """Say what whoever stands in a lobby, or has been drawn, has been told otherwise: it can only be postponed."""
    if "salesOpenAt" not in before:
        return
    lobby, opens = before.get("lobbyOpensAt"), before["salesOpenAt"]
    if lobby is None:
        if "lobbyOpensAt" in after and now >= opens:
            yield "a lobby cannot be added once the sale has opened"
    elif now >= lobby:
        if after.get("lobbyOpensAt") != lobby:
            yield "lobbyOpensAt cannot change, because the lobby has opened"
        if now >= opens and after["salesOpenAt"] != opens:
            yield "salesOpenAt cannot change, because the lobby has closed and its order is drawn"
        elif after["salesOpenAt"] < opens:
            yield "salesOpenAt can only be postponed, because the lobby has opened"


def plan_concert(plan: Plan, tables: CatalogTables, wanted: Concert, now: int) -> None:
    """Compare one concert with what is published and add to the plan. `now` in epoch seconds."""
    concert_id = wanted.concert_id
    published = tables.concert(concert_id)
    plan.lobbies += [f"  {concert_id}: {each}" for each in _breaks_the_lobby(published or {}, wanted.item, now)]
    present = tables.performances(concert_id)
    called_off = {label: item for label, item in present.items() if item.get("cancelled")}
    sums = summed_up((wanted.performances | called_off).values()) if "dates" in wanted.item else {}
    _plan_item(plan, "concert", concert_id, published, wanted.item | sums)
    for hall in wanted.halls:
        if hall not in plan.halls and not tables.has_hall(hall.version):
            plan.halls.append(hall)
            detail = f"{hall.seats_total} seats in {len(hall.sections)} sections"
            plan.changes.append(Change("hall", f"{hall.hall_id} {hall.version}", "created", detail))
    for label, item in wanted.performances.items():
        before = present.get(label)
        if before and before.get("cancelled"):
            plan.changes.append(Change("performance", f"{concert_id}.{label}", "unchanged", CALLED_OFF))
            continue
        if before:
            after = {"venue": wanted.item.get("venue")} | item
            _plan_breaking(plan, published or {}, before, after, now)
        _plan_item(plan, "performance", f"{concert_id}.{label}", before, item)
    for label in sorted(present.keys() - wanted.performances.keys()):
        if present[label].get("cancelled"):
            plan.changes.append(Change("performance", f"{concert_id}.{label}", "unchanged", CALLED_OFF))
            continue
        _plan_breaking(plan, published or {}, present[label], None, now)
        plan.changes.append(Change("performance", f"{concert_id}.{label}", "removed"))
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


def _plan_breaking(plan: Plan, concert: Item, before: Item, after: Item | None, now: int) -> None:
    """Note what changes for who has a seat; a new price does not, since a hold keeps its own."""
    was = {"venue": concert.get("venue")} | before
    changed = [name for name in WHEN_AND_WHERE if after is not None and was.get(name) != after.get(name)]
    if after is None or changed or after["seatsTotal"] < before["seatsTotal"]:
        opens, closes = concert.get("salesOpenAt", 0), min(concert.get("salesCloseAt", 0), before["startsAt"])
        is_sold = opens < now + MEMORY_SECONDS and now - MEMORY_SECONDS < closes
        plan.breaking.append(Breaking(before, was, after, changed, is_sold, is_open=opens <= now))


def _seats(taken: list[int]) -> str:
    listed = ", ".join(map(str, taken[:10])) + (" …" if len(taken) > 10 else "")
    return f"{len(taken)} seat(s) are held or sold ({listed})"


def _plan_item(plan: Plan, what: str, name: str, before: Item | None, after: Item) -> None:
    if before == after:
        plan.kept.append(after)
        plan.changes.append(Change(what, name, "unchanged"))
        return
    plan.puts.append(after)
    if before is None:
        plan.changes.append(Change(what, name, "created"))
        return
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    shown = [(key, _shown(before, key), _shown(after, key)) for key in changed if key not in SUMMED_UP]
    detail = "; ".join(f"{key} {was} → {becomes}" for key, was, becomes in shown)
    plan.changes.append(Change(what, name, "changed", detail))


def _shown(item: Item, name: str) -> str:
    """Show one field of an item to a person: times by the clocks of its time zone."""
    value = item.get(name)
    text = "–" if value is None else str(value)
    if value is not None and name.endswith("At"):
        zone = str(item.get("timezone", "UTC"))
        text = f"{datetime.fromtimestamp(value, ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
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
