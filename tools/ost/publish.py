"""`./ost publish FILE`: bring the catalog table to what an organiser's file says, without breaking anybody's seat."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from booking import clock
from booking.audit_log import Actor
from booking.errors import BookingError, CatalogRefused
from booking.layout import Hall
from booking.publishing import catalog_file, hall_file
from booking.publishing import publish as publishing
from booking.publishing.catalog_file import Concert
from booking.publishing.document import Mistake, Mistaken
from booking.publishing.publish import Change, Plan
from tools.ost.console import Failure, err, out
from tools.ost.paths import STATE
from tools.ost.product import inside, operator
from tools.ost.stack import Stack, StackOption, StateOption

LONGEST_TEXT = 40


class Mistakes(Failure):
    """What is wrong with a file: one line per mistake, each with file, line and field."""

    def __init__(self, name: str, mistakes: list[Mistake]) -> None:
        self.problems = [str(mistake) for mistake in mistakes]
        told = f"{name} was not published; {len(mistakes)} mistake(s) to correct:"
        super().__init__("\n".join([told, *self.problems]))


def publish(
    file: Annotated[Path, typer.Argument(help="The catalog, in YAML; catalog/demo.yaml is an example.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Publish the concerts and performances of FILE. Safe to repeat; refuses what would break a held or sold seat.

    Concerts that FILE does not name stay as they are; performances that it no longer names are removed. A performance
    with `offSale: true` stays, and is not sold any more. What changes is written into the organisers' log.
    """
    concerts = read_catalog(file)
    plan = publish_concerts(Stack.find(stack, state), concerts, dry_run=dry_run)
    out.print(as_table(plan, dry_run=dry_run))


def publish_file(stack: Stack, file: Path) -> Plan:
    """Publish a file; raise Failure with the reasons when it is refused, and then nothing was written."""
    return publish_concerts(stack, read_catalog(file))


def publish_concerts(stack: Stack, concerts: list[Concert], *, dry_run: bool = False) -> Plan:
    """Publish concerts to a stack, as its organisers do; raise Failure with every refusal."""
    who = operator(stack)
    with inside(stack):
        return bring_about(concerts, who, dry_run=dry_run)


def bring_about(
    concerts: list[Concert],
    who: Actor,
    *,
    dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Plan:
    """Publish concerts, and wait for those of them that have to be off sale before; raise Failure with every refusal.

    Stopped in between, nothing has changed, and what was taken off sale is on sale again after a while.
    """
    while True:
        try:
            outcome = publishing.publish(concerts, who, clock.now(), dry_run=dry_run)
        except CatalogRefused as refused:
            why = [f"  {each['message']}" for each in refused.members["mistakes"]]
            told = "nothing was published, because fans hold, own or were told otherwise:"
            raise Failure("\n".join([told, *why])) from refused
        except BookingError as refused:
            raise Failure(refused.detail) from refused
        if outcome.repeat_at is None:
            return outcome.plan
        pause = max(1, outcome.repeat_at - clock.now())
        err.print(f"dates that change are off sale for {pause} s before they do …", highlight=False)
        sleep(pause)


def read_catalog(file: Path) -> list[Concert]:
    """Read and check a whole file, and the halls in the folder beside it; raise Mistakes with every one that was found,
    Failure when it cannot be read."""

    def find_hall(name: str) -> Hall:
        beside = file.parent / "halls" / f"{name}.yaml"
        if not beside.is_file():
            raise LookupError(f"there is no {beside.parent.name}/{beside.name}")
        return hall_file.read_hall(beside.name, _read(beside))

    try:
        return catalog_file.read_catalog(file.name, _read(file), find_hall)
    except Mistaken as mistaken:
        raise Mistakes(mistaken.name, mistaken.mistakes) from mistaken


def read_hall(file: Path) -> Hall:
    """Read and check a hall's file; raise Mistakes with every one that was found, Failure when it cannot be read."""
    try:
        return hall_file.read_hall(file.name, _read(file))
    except Mistaken as mistaken:
        raise Mistakes(mistaken.name, mistaken.mistakes) from mistaken


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}.") from error


def as_table(plan: Plan, *, dry_run: bool) -> Table:
    """Lay the plan out for a person."""
    table = Table(title="Would be published" if dry_run else "Published")
    for heading in ("", "id", "outcome", "what changed"):
        table.add_column(heading, overflow="fold")
    colours = {"created": "green", "changed": "yellow", "removed": "red", "unchanged": "dim"}
    for change in plan.changes:
        colour = colours[change.outcome]
        table.add_row(change.what, change.name, f"[{colour}]{change.outcome}[/]", detail_of(change))
    return table


def detail_of(change: Change) -> str:
    """Say in a line what changes of an item."""
    told = [f"{name} {_short(before)} → {_short(after)}" for name, before, after in change.fields]
    return "; ".join(told) or change.note


def _short(text: str | None) -> str:
    if text is None:
        return "–"
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
