"""`./ost measure`: everything that can be counted without an account."""

from typing import Annotated

import typer

from tools.ost.paths import STATE
from tools.ost.stack import StateOption


def measure(
    *,
    cpu: Annotated[bool, typer.Option(help="Measure the CPU of cold starts and warm calls as well.")] = True,
    state: StateOption = STATE,
) -> None:
    """Count what every operation asks of AWS, beside its floor, its budget and a naive twin; measure CPU as ratios.

    Writes measures.json beside the local stack's files, and docs/images/measures.png. Counts are the same on every run.
    """
    from tools.ost.measure import report  # noqa: PLC0415 - it loads every handler and a cloud

    report.measure(cpu=cpu, state=state)
