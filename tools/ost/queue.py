"""`./ost queue CONCERT`: look at a concert's queue and set how many may be in."""

from typing import Annotated

import typer

from tools.ost.console import Failure, out
from tools.ost.paths import STATE
from tools.ost.publish import CatalogTables
from tools.ost.stack import Stack, StackOption, StateOption


def queue(
    concert: Annotated[str, typer.Argument(help="Id of the concert.")],
    capacity: Annotated[
        int | None, typer.Option(help="Users who may be in at once; 0 lets nobody else in.", min=0, max=100_000)
    ] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Show the capacity of a concert's queue, or set it. Who is in stays in; safe to repeat."""
    tables = CatalogTables.of(Stack.find(stack, state))
    if tables.concert(concert) is None:
        raise Failure(f"there is no concert {concert!r}.")
    if capacity is not None:
        tables.set_capacity(concert, capacity)
    own = tables.capacity(concert)
    out.print(
        f"{concert}: capacity {'of the stack (parameter QueueCapacity)' if own is None else own}", highlight=False
    )
