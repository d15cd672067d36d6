"""Publishing concerts: bring the catalog to what a file says, without breaking anybody's seat.

Everything is planned first, and refused as a whole when a part of it would break a held or sold seat. What is written
goes in transactions, each with its entry in the log, on condition that every item is as it was read: two who publish at
once do not undo each other. A performance appears before its concert does and disappears last, so that no reader sees
a concert half made.

A date that is to be moved or removed has to be off sale first, for as long as processes remember the catalog
(`MEMORY_SECONDS`). So the first call takes it off sale for a while and says when to come back; the same call then looks
again and finishes it. That goes for every date, whatever its concert's times say: they may have changed a moment ago,
or change with it. Whoever does not come back changes nothing: after a while the date is on sale again by the clock, as
it was.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from booking import audit_log, clock, halls, seats
from booking.audit_log import Actor
from booking.catalog import CACHE_SECONDS, Changing, Performance, summed_up
from booking.dynamodb import (
    ConditionFailed,
    Item,
    TransactionRefused,
    Write,
    attempts,
    delete,
    get,
    put,
    query_all,
    transact,
    update,
    write,
)
from booking.errors import BookingError, CatalogRefused, TemporarilyUnavailable
from booking.layout import Hall, Section
from booking.publishing.catalog_file import Concert
from booking.queue import control, items
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views
    from booking.publishing.document import Mistake

WHEN_AND_WHERE = ("startsAt", "timezone", "venue", "hallVersion")
"""What somebody who holds a seat has planned for."""
SUMMED_UP = ("dates", "priceFrom")
"""What a concert's item says of its performances, which are shown themselves."""
CALLED_OFF = "called off: stays as it is"
"""What a file says of a date that was called off counts no more."""
MEMORY_SECONDS = CACHE_SECONDS + 11
"""How long something may still be sold after it was taken off sale: as long as a process remembers the catalog, and the
request that has just looked there takes at most (the functions' Timeout), in whole seconds."""
CHANGING_SECONDS = 300
"""How long a date is off sale that is to be moved or removed, unless that is finished before."""
WRITES_AT_ONCE = 90
"""How many items go into one transaction, which has room for a hundred."""
LOGGED = 100
"""How many changes an entry of the log names."""
TOLD = 1000
"""How many mistakes an answer names, which has room for six megabytes."""
LONGEST_TEXT = 200
FLAGS = ("cancelled", "offSale", "changing")
"""What others note on a performance; that none of it has come about is a condition of publishing over it."""


class Field(NamedTuple):
    """What of an item changes, as people read it; None where it has none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """What happens to one item: `created`, `changed`, `unchanged` or `removed`, and how."""

    what: str
    name: str
    outcome: str
    concert_id: str
    fields: tuple[Field, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Breaking:
    """A change of a performance that may not meet a seat that somebody has; `after` is None when it is removed.

    `before` is the item, `was` the same with the venue that it has from its concert, `changed` what changes of when and
    where it is. `is_open` tells that its hall is settled: sales have opened, and what fans were shown stays. `place` is
    where the file says so.
    """

    before: Item
    was: Item
    after: Item | None
    changed: list[str]
    is_open: bool
    place: tuple[int, str]

    @property
    def name(self) -> str:
        """The id of the performance."""
        return f"{self.before['pk']}.{self.before['sk']}"

    def refusals(self, taken: list[int]) -> Iterator[str]:
        """Say why it may not be, for each thing that changes under a seat that is taken, or a hall while it is sold."""
        if not taken:
            if self.is_open and "hallVersion" in self.changed:
                yield f"{self.name} cannot change its hall: its sales have opened"
            return
        if self.after is None:
            yield f"{self.name} cannot be removed: {_seats(taken)}"
            return
        for name in self.changed:
            was, becomes = shown(self.was, name) or "–", shown(self.after, name) or "–"
            yield f"{self.name} cannot change {name} from {was} to {becomes}: {_seats(taken)}"
        if lost := [seat for seat in taken if seat > self.after["seatsTotal"]]:
            yield f"{self.name} cannot shrink to {self.after['seatsTotal']} seats: {_seats(lost)}"


@dataclass(frozen=True)
class Step:
    """One write of a plan, with what it changes."""

    write: Write
    changes: tuple[Change, ...]


@dataclass
class Plan:
    """Everything that publishing will do, in the order of writing, and what of it may not meet a taken seat."""

    changes: list[Change] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    halls: list[Hall] = field(default_factory=list)
    breaking: list[Breaking] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What publishing has done, or would do. `repeat_at` is when the same call can finish it, in epoch seconds."""

    plan: Plan
    applied: bool
    repeat_at: int | None = None


def publish(concerts: list[Concert], actor: Actor, at: int, *, dry_run: bool = False) -> Outcome:
    """Bring the catalog to these concerts; those that are not named stay as they are. Safe to repeat.

    Raises:
        CatalogRefused: it would break what fans hold, own or have been told; nothing was written.
        TemporarilyUnavailable: others publish at this moment; what of it was written is as it should be.

    """
    for _ in attempts():
        plan = make_plan(concerts, at)
        _refuse(plan, at, dry_run=dry_run)
        if dry_run:
            return Outcome(plan, applied=False)
        try:
            if (repeat_at := _take_off_sale(plan, actor, at)) is not None:
                return Outcome(plan, applied=False, repeat_at=repeat_at)
            _apply(plan, actor, at)
        except TransactionRefused:
            continue
        return Outcome(plan, applied=True)
    raise TemporarilyUnavailable


def make_plan(concerts: list[Concert], at: int) -> Plan:
    """Compare concerts with what is published. Performances come before their concerts, and removals last."""
    plan, concerts_last, removals = Plan(), [], []
    for concert in concerts:
        steps, removed = _plan_concert(plan, concert, at)
        concerts_last += steps
        removals += removed
    plan.steps += [*concerts_last, *removals]
    return plan


def _plan_concert(plan: Plan, wanted: Concert, at: int) -> tuple[list[Step], list[Step]]:
    concert_id = wanted.concert_id
    published = get(settings().catalog_table, {"pk": "CONCERT", "sk": concert_id})
    here = wanted.places.get("", (1, ""))
    plan.refusals += [(*here, f"{concert_id}: {why}") for why in _breaks_the_lobby(published or {}, wanted.item, at)]
    present = {str(item["sk"]): item for item in query_all(settings().catalog_table, "#pk = :pk", pk=concert_id)}
    called_off = {label: item for label, item in present.items() if item.get("cancelled")}
    sums = summed_up((wanted.performances | called_off).values()) if "dates" in wanted.item else {}
    of_concert = _plan_item(plan, "concert", concert_id, published, wanted.item | sums)
    counter = _plan_lobby(plan, concert_id, published or {}, wanted.item, here)
    # A file may be more than one transaction: while the sale is told to have a lobby, the counter numbers nobody.
    of_concert = [*counter, *of_concert] if "lobbyOpensAt" in wanted.item else [*of_concert, *counter]
    for hall in wanted.halls:
        if hall.version not in {known.version for known in plan.halls} and not _is_newest(hall):
            plan.halls.append(hall)
            detail = f"{hall.seats_total} seats in {len(hall.sections)} sections"
            plan.changes.append(Change("hall", f"{hall.hall_id} {hall.version}", "created", concert_id, note=detail))
    for label, item in wanted.performances.items():
        before, name = present.get(label), f"{concert_id}.{label}"
        if before and before.get("cancelled"):
            plan.changes.append(Change("performance", name, "unchanged", concert_id, note=CALLED_OFF))
            continue
        if before:
            after = {"venue": wanted.item.get("venue")} | item
            _plan_breaking(plan, published or {}, before, after, wanted.places.get(label, here), at)
        plan.steps += _plan_item(plan, "performance", name, before, item)
    removals = []
    for label in sorted(present.keys() - wanted.performances.keys()):
        before, name = present[label], f"{concert_id}.{label}"
        if before.get("cancelled"):
            plan.changes.append(Change("performance", name, "unchanged", concert_id, note=CALLED_OFF))
            continue
        _plan_breaking(plan, published or {}, before, None, here, at)
        change = Change("performance", name, "removed", concert_id)
        plan.changes.append(change)
        condition, values = _as_read(before)
        key = {"pk": before["pk"], "sk": before["sk"]}
        removals.append(Step(delete(settings().catalog_table, key, condition, **values), (change,)))
    _plan_queue(plan, concert_id, wanted.queue_capacity)
    return of_concert, removals


def _plan_item(plan: Plan, what: str, name: str, before: Item | None, after: Item) -> list[Step]:
    concert_id = name.partition(".")[0]
    known = _without_changing(before) if before else None
    if known == after:
        change = Change(what, name, "unchanged", concert_id)
        steps = [] if known == before else [Step(_put(before, after), ())]
    elif known is None:
        change = Change(what, name, "created", concert_id)
        steps = [Step(_put(before, after), (change,))]
    else:
        changed = [key for key in sorted(known.keys() | after.keys()) if known.get(key) != after.get(key)]
        fields = (Field(key, shown(known, key), shown(after, key)) for key in changed if key not in SUMMED_UP)
        change = Change(what, name, "changed", concert_id, tuple(fields))
        steps = [Step(_put(before, after), (change,))]
    plan.changes.append(change)
    return steps


def _plan_queue(plan: Plan, concert_id: str, capacity: int | None) -> None:
    """Plan the concert's own queue capacity and nothing else of its queue; works before the queue exists."""
    if capacity is None:
        return
    queue = items.read_queue(concert_id)
    changed = control.changes(queue, {"capacity": capacity})
    before = queue.get("capacity")
    fields = (Field("capacity", None if before is None else str(before), str(capacity)),) if changed else ()
    change = Change("queue", concert_id, "changed" if changed else "unchanged", concert_id, fields)
    plan.changes.append(change)
    if changed:
        plan.steps.append(Step(control.setting(concert_id, queue, changed), (change,)))


def _plan_lobby(plan: Plan, concert_id: str, before: Item, after: Item, place: tuple[int, str]) -> list[Step]:
    """Plan that nobody is numbered before the draw where a lobby comes, or that joins number again where it goes.

    The counter itself says so, since a process that remembers the concert as it was may still number a join.
    """
    if "lobbyOpensAt" not in before | after:
        return []
    counter, has_lobby = items.read_counter(concert_id), "lobbyOpensAt" in after
    if "issued" in counter:
        if "lobbyOpensAt" not in before:
            why = "a lobby cannot be added, because fans have joined the queue already"
            plan.refusals.append((*place, f"{concert_id}: {why}"))
        return []
    if has_lobby == ("lobby" in counter):
        return []
    change, values = ("SET #lobby = :yes", {"yes": True}) if has_lobby else ("REMOVE #lobby", {})
    key = {**items.counter_key(concert_id)}
    return [Step(update(settings().queue_table, key, change, "attribute_not_exists(#issued)", **values), ())]


def _plan_breaking(
    plan: Plan, concert: Item, before: Item, after: Item | None, place: tuple[int, str], at: int
) -> None:
    """Note what changes for who has a seat; a new price does not, since a hold keeps its own."""
    was = {"venue": concert.get("venue")} | before
    changed = [name for name in WHEN_AND_WHERE if after is not None and was.get(name) != after.get(name)]
    if after is None or changed or after["seatsTotal"] < before["seatsTotal"]:
        is_open = concert.get("salesOpenAt", 0) <= at
        plan.breaking.append(Breaking(before, was, after, changed, is_open, place))


def _breaks_the_lobby(before: Item, after: Item, at: int) -> Iterator[str]:
    """Say what whoever stands in a lobby, or has been drawn, has been told otherwise: it can only be postponed."""
    if "salesOpenAt" not in before:
        return
    lobby, opens = before.get("lobbyOpensAt"), before["salesOpenAt"]
    if lobby is None:
        if "lobbyOpensAt" in after and at >= opens:
            yield "a lobby cannot be added once the sale has opened"
    elif at >= lobby:
        if after.get("lobbyOpensAt") != lobby:
            yield "lobbyOpensAt cannot change, because the lobby has opened"
        if at >= opens and after["salesOpenAt"] != opens:
            yield "salesOpenAt cannot change, because the lobby has closed and its order is drawn"
        elif after["salesOpenAt"] < opens:
            yield "salesOpenAt can only be postponed, because the lobby has opened"


def _refuse(plan: Plan, at: int, *, dry_run: bool) -> None:
    """Refuse a plan that breaks something; a date that was off sale for it is on sale again at once, or by the clock
    where that fails."""
    refusals = [*plan.refusals]
    for each in plan.breaking:
        refusals += [(*each.place, why) for why in each.refusals(_taken(cast(Performance, each.before), at))]
    if not refusals:
        return
    for before in (each.before for each in plan.breaking if "changing" in each.before and not dry_run):
        with contextlib.suppress(ConditionFailed, TemporarilyUnavailable):
            write(_put(before, _without_changing(before)))
    raise CatalogRefused(changes=changes_view(plan), mistakes=_told(refusals))


def _taken(performance: Performance, at: int) -> list[int]:
    """Read which seats of a performance are sold or held, in order."""
    name, numbers = f"{performance['pk']}.{performance['sk']}", seats.numbers_of(performance)
    return [seat["seatNumber"] for seat in seats.read_taken(name, numbers, at, consistent=True)]


def _seats(taken: list[int]) -> str:
    listed = ", ".join(map(str, taken[:10])) + (" …" if len(taken) > 10 else "")
    return f"{len(taken)} seat(s) are held or sold ({listed})"


def _take_off_sale(plan: Plan, actor: Actor, at: int) -> int | None:
    """Take the dates off sale that are to be moved or removed, and say when they have been for long enough; None when
    they had been at `at`, before their seats were read.

    Nothing is sold of them until `until`, whatever a process remembers, so that what is written may still be read a
    moment later by one that does. Reading takes its time, so what is written counts from its writing.
    """
    dates, now = [each.before for each in plan.breaking], clock.now()
    fresh = [before for before in dates if now + MEMORY_SECONDS > before.get("changing", {}).get("until", 0)]
    names = [f"{before['pk']}.{before['sk']}" for before in fresh]
    for part in batched(fresh, WRITES_AT_ONCE, strict=False):
        now = clock.now()
        changing: Changing = {"since": now, "until": now + CHANGING_SECONDS}
        details = {"offSaleUntil": clock.rfc3339(changing["until"]), "performances": names}
        entry = _entry(actor, {before["pk"] for before in fresh}, [names, now, part[0]["sk"]], now, details)
        transact(*(_put(before, {**before, "changing": changing}) for before in part), entry)
    if fresh:
        return now + MEMORY_SECONDS
    ready_at = max((before["changing"]["since"] + MEMORY_SECONDS for before in dates), default=0)
    return ready_at if ready_at > at else None


def _apply(plan: Plan, actor: Actor, at: int) -> None:
    """Write a plan: halls first, which are in nothing yet, then everything else in transactions with their entries."""
    for hall in plan.halls:
        _put_hall(hall)
    for part in batched(plan.steps, WRITES_AT_ONCE, strict=False):
        changes = [change for step in part for change in step.changes]
        if not changes:
            transact(*(step.write for step in part))
            continue
        told = [view for change in changes for view in change_view(change)]
        details: Item = {"changes": [{**each} for each in told[:LOGGED]]}
        if len(told) > LOGGED:
            details["omitted"] = len(told) - LOGGED
        once = [at, details["changes"]]
        concert_ids = {change.concert_id for change in changes}
        transact(*(step.write for step in part), _entry(actor, concert_ids, once, at, details))


def _entry(actor: Actor, concert_ids: set[str], once: object, at: int, details: Item) -> Write:
    about: audit_log.About = {"concertId": next(iter(concert_ids))} if len(concert_ids) == 1 else {}
    return audit_log.entry(actor, "CATALOG_PUBLISHED", once, at, about=about, details=details)


def _without_changing(item: Item) -> Item:
    return {name: value for name, value in item.items() if name != "changing"}


def _put(before: Item | None, after: Item) -> Write:
    """Write an item over what was read, if nobody has changed that since."""
    condition, values = _as_read(before)
    return put(settings().catalog_table, after, condition, **values)


def _as_read(before: Item | None) -> tuple[str, dict[str, Any]]:
    if before is None:
        return "attribute_not_exists(#pk)", {}
    same = [f"#{name} = :was_{name}" for name in before if name not in {"pk", "sk"}]
    absent = [f"attribute_not_exists(#{name})" for name in FLAGS if name not in before]
    values = {f"was_{name}": value for name, value in before.items() if name not in {"pk", "sk"}}
    return " AND ".join(same + absent), values


def _is_newest(hall: Hall) -> bool:
    """Tell whether this version of a hall was published last, and so is there as a whole: that is written last."""
    newest = get(settings().catalog_table, {"pk": halls.NEWEST, "sk": hall.hall_id})
    return newest is not None and newest["version"] == hall.version


def _put_hall(hall: Hall) -> None:
    """Write a version of a hall, which never changes, and that it is the newest of its id; safe to repeat."""
    table, pk = settings().catalog_table, halls.partition(hall.version)
    for section in hall.sections:
        write(put(table, {"pk": pk, "sk": f"SECTION#{section.section_id}", "layout": section.text()}))
    write(put(table, {"pk": pk, "sk": "SUMMARY", "summary": dict(hall.summary())}))
    write(put(table, {"pk": halls.NEWEST, "sk": hall.hall_id, "version": hall.version}))


def published_hall(hall_id: str) -> Hall:
    """Return the version of a hall that was published last.

    Raises:
        LookupError: there is none; says so.

    """
    newest = get(settings().catalog_table, {"pk": halls.NEWEST, "sk": hall_id})
    if newest is None:
        raise LookupError(f"there is no hall {hall_id!r} in this file, and none was published under that name")
    pk = halls.partition(newest["version"])
    known = query_all(settings().catalog_table, "#pk = :pk", pk=pk)
    [summary] = [item["summary"] for item in known if item["sk"] == "SUMMARY"]
    drawn = sorted((Section.read(item["layout"]) for item in known if "layout" in item), key=lambda each: each.first)
    words = tuple(sorted((language, each["name"]) for language, each in summary.get("translations", {}).items()))
    return Hall(summary["hallId"], summary["name"], tuple(summary["grades"]), tuple(drawn), words)


def shown(item: Item, name: str) -> str | None:
    """Show one field of an item to a person: times by the clocks of its time zone."""
    value = item.get(name)
    if value is None:
        return None
    text = str(value)
    if name.endswith("At"):
        zone = str(item.get("timezone", "UTC"))
        text = f"{datetime.fromtimestamp(value, ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


KINDS: "dict[str, views.ChangeKind]" = {"created": "CREATED", "changed": "CHANGED", "removed": "REMOVED"}


def changes_view(plan: Plan) -> "list[views.CatalogChange]":
    """Show what a plan changes, field by field."""
    return [view for change in plan.changes for view in change_view(change)]


def change_view(change: Change) -> "Iterator[views.CatalogChange]":
    """Show one change: an item that comes or goes as one, one that changes by each of its fields."""
    if change.outcome == "unchanged":
        return
    about: views.CatalogChange = {"kind": KINDS[change.outcome], "concertId": change.concert_id}
    if change.what == "performance":
        about["performanceId"] = change.name
    if change.what == "hall":
        yield {**about, "field": "hall", "after": f"{change.name}: {change.note}"}
    elif change.outcome != "changed":
        yield about
    for name, before, after in change.fields:
        told: views.CatalogChange = {**about, "field": "queueCapacity" if change.what == "queue" else name}
        if before is not None:
            told["before"] = before
        if after is not None:
            told["after"] = after
        yield told


def result_view(outcome: Outcome) -> "views.CatalogResult":
    """Show what publishing has done, or would do."""
    repeat_at = outcome.repeat_at
    return {
        "changes": changes_view(outcome.plan),
        "mistakes": [],
        "applied": outcome.applied,
        "repeatAt": clock.rfc3339(repeat_at) if repeat_at is not None else None,
    }


def refusal_of(mistakes: "list[Mistake]") -> BookingError:
    """Make the answer to a file with mistakes."""
    told = _told([(each.line, each.path, each.message) for each in mistakes])
    return CatalogRefused("There are mistakes in the file; nothing was published.", changes=[], mistakes=told)


def _told(mistakes: list[tuple[int, str, str]]) -> list[dict[str, Any]]:
    """Show what is wrong, as line, path and message; of very much the first, and how much more there is."""
    first, more = mistakes[:TOLD], mistakes[TOLD:]
    if more:
        first.append((more[0][0], "", f"and {len(more)} more mistakes from here on"))
    return [{"line": line, "path": path, "message": why} for line, path, why in first]
