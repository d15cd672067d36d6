"""`./ost queue CONCERT`: watch a concert's queue, and set how many may be in."""

import time
from typing import Annotated, Any

import httpx
import typer
from rich.live import Live
from rich.table import Table

from tools.ost.console import Failure, figures, out
from tools.ost.paths import STATE
from tools.ost.publish import CatalogTables
from tools.ost.stack import Stack, StackOption, StateOption

LOOK_AGAIN_SECONDS = 2
SHOWN = {
    "waiting": "waiting",
    "active": "places in use",
    "capacity": "capacity",
    "entered": "let in so far",
    "lapsed": "gone without a word",
    "secondsSinceAdvance": "seconds since the line moved",
}


def queue(
    concert: Annotated[str, typer.Argument(help="Id of the concert.")],
    capacity: Annotated[
        int | None, typer.Option(help="Users who may be in at once; 0 lets nobody else in.", min=0, max=100_000)
    ] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Show a concert's queue, live until Ctrl-C (once where nobody looks at a terminal), or set its capacity.

    A new capacity counts from the next tick on, within seconds. Who is in stays in; safe to repeat.
    """
    found = Stack.find(stack, state)
    tables = CatalogTables.of(found)
    if tables.concert(concert) is None:
        raise Failure(f"there is no concert {concert!r}.")
    if capacity is not None:
        tables.set_capacity(concert, capacity)
        out.print(f"{concert}: capacity {capacity}", highlight=False)
        return
    if not figures.is_terminal:
        figures.print(_drawn(concert, _levels(found, concert)))
        return
    with Live(console=figures, auto_refresh=False) as live:
        while True:
            live.update(_drawn(concert, _levels(found, concert)), refresh=True)
            time.sleep(LOOK_AGAIN_SECONDS)


def _levels(stack: Stack, concert: str) -> dict[str, Any]:
    """Ask the stack's API, which tells fans the same."""
    try:
        answer = httpx.get(f"{stack.api_url}/concerts/{concert}", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise Failure(f"the API does not tell: {error}.") from error
    levels: dict[str, Any] = answer.json()["queue"]
    return levels


def _drawn(concert: str, levels: dict[str, Any]) -> Table:
    table = Table(*SHOWN.values(), title=concert, title_justify="left")
    table.add_row(*("-" if levels[name] is None else f"{levels[name]:,}" for name in SHOWN))
    return table
