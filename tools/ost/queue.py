"""`./ost queue CONCERT`: watch a concert's queue, and set how many may be in and what those who wait are told."""

import time
from typing import Annotated, Any

import httpx
import typer
from rich.live import Live
from rich.table import Table

from booking import catalog, clock
from booking.errors import BookingError
from booking.queue import control
from booking.requests import MAX_CAPACITY, MAX_MESSAGE
from tools.ost.console import Failure, figures, out
from tools.ost.paths import STATE
from tools.ost.product import inside, operator
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
        int | None, typer.Option(help="Users who may be in at once; 0 lets nobody else in.", min=0, max=MAX_CAPACITY)
    ] = None,
    message: Annotated[str | None, typer.Option(help="What waiting fans are told; empty: nothing.")] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Show a concert's queue, live until Ctrl-C (once where nobody looks at a terminal), or set something of it.

    A new capacity counts from the next tick on, within seconds. Who is in stays in; safe to repeat. What changes is
    written into the organisers' log.
    """
    found = Stack.find(stack, state)
    wanted: control.Setting = {} if capacity is None else {"capacity": capacity}
    if message is not None:
        wanted["message"] = message[:MAX_MESSAGE] or None
    if wanted:
        set_queue(found, concert, wanted)
        out.print(f"{concert}: {', '.join(f'{name} {value}' for name, value in wanted.items())}", highlight=False)
        return
    if not figures.is_terminal:
        figures.print(_drawn(concert, _levels(found, concert)))
        return
    with Live(console=figures, auto_refresh=False) as live:
        while True:
            live.update(_drawn(concert, _levels(found, concert)), refresh=True)
            time.sleep(LOOK_AGAIN_SECONDS)


def set_queue(stack: Stack, concert: str, wanted: control.Setting) -> None:
    """Set something of a concert's queue, as its organiser does.

    Raises:
        Failure: there is no such concert, or it is refused.

    """
    who, now = operator(stack), clock.now()
    with inside(stack):
        try:
            catalog.find_concert(concert, now)
            control.change(concert, wanted, who, now)
        except BookingError as refused:
            raise Failure(f"{concert}: {refused.detail}") from refused


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
