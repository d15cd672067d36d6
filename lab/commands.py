"""The commands of the laboratory."""

from typing import Annotated

import typer

from lab import calling_off, drawing, mutants, opening, seating, simulate
from tools.ost.paths import STATE
from tools.ost.stack import StackOption, StateOption

app = typer.Typer(
    add_completion=False,
    help=__doc__,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


@app.command()
def measure(
    *,
    cpu: Annotated[bool, typer.Option(help="Measure the CPU of cold starts and warm calls as well.")] = True,
    state: StateOption = STATE,
) -> None:
    """Count what every operation asks of AWS, beside its floor, its budget and a baseline; measure CPU as ratios.

    Writes measures.json beside the local stack's files, and docs/images/measures.png. Counts are the same on every run.
    """
    from lab.measure import report  # noqa: PLC0415 - it loads every handler and a cloud

    report.measure(cpu=cpu, state=state)


@app.command()
def events(*, stack: StackOption = None, state: StateOption = STATE) -> None:
    """Write the events of events/ beside the stack's outputs, with all that they speak of alive in it."""
    from lab.events import fill  # noqa: PLC0415 - it loads the handlers

    fill(stack=stack, state=state)


app.command(name="calling-off")(calling_off.call_off)
app.command()(drawing.drawing)
app.command()(mutants.mutants)
app.command()(opening.opening)
app.command()(seating.seating)
app.command()(simulate.simulate)
