"""`./ost fuzz`: the model-based test of the whole booking, at length."""

import random
import subprocess
from typing import Annotated

import typer

from tools.ost.console import Failure, err
from tools.ost.paths import BIN, ROOT, inherited_environment


def fuzz(
    steps: Annotated[int, typer.Option(help="About how many steps to take.", min=40)] = 10_000,
    seed: Annotated[int | None, typer.Option(help="Take the same steps as the run that printed this seed.")] = None,
) -> None:
    """Hold the booking to its model over many random steps with faults; exit 1 when they ever differ.

    Shows how far it is. A failure prints the shortest steps that lead to it; the seed finds them again.
    """
    chosen = random.randrange(1 << 32) if seed is None else seed  # noqa: S311 - it only has to differ
    err.print(
        f"seed {chosen}: [bold]./ost fuzz --steps {steps} --seed {chosen}[/] takes the same steps", highlight=False
    )
    command = [str(BIN / "pytest"), "tests/model", "-s", "-q", f"--hypothesis-seed={chosen}"]
    environment = inherited_environment() | {"FUZZ_STEPS": str(steps), "POWERTOOLS_LOG_LEVEL": "CRITICAL"}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise Failure(f"the booking is not what its model says; --seed {chosen} finds it again.")
