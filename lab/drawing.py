"""`python -m lab drawing`: what drawing the order of a million fans takes, in a process of its own."""

import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from booking.queue import draw
from lab.measure.prices import LAMBDA_CALL, LAMBDA_GB_SECOND
from lab.tables import Figures
from tools.ost.console import Failure, figures
from tools.ost.paths import ROOT, inherited_environment

SEED = hashlib.sha256(b"seed").hexdigest()
MEGABYTE = 2**20


def drawing(
    entries: Annotated[int, typer.Option(help="How many came to the lobby.")] = 1_000_000,
    alone: Annotated[bool, typer.Option("--alone", hidden=True)] = False,
) -> None:
    """Sort, bind and order the entries of a lobby: CPU by step, peak memory, and the size of what is published."""
    if alone:
        sys.stdout.write(json.dumps(_measure(entries)))
        return
    command = [sys.executable, "-P", "-m", "lab", "drawing", "--entries", str(entries), "--alone"]
    paths = f"{ROOT}:{ROOT / 'layers' / 'booking' / 'python'}"
    environment = inherited_environment() | {"PYTHONPATH": paths}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failure(f"the draw could not be measured: {result.stderr.strip().splitlines()[-1]}")
    measured = json.loads(result.stdout)
    total = sum(measured["steps"].values())
    rows = [(name, f"{took / measured['hashing']:.1f}") for name, took in (measured["steps"] | {"all": total}).items()]
    Figures(f"A draw of {entries:,} entries", ("step", "CPU, in hashes of every entry"), rows).show()
    sizes = measured["pieces"]
    figures.print(
        f"Peak memory of the process {measured['peak'] // MEGABYTE} MB; list {measured['list'] / MEGABYTE:.1f} MB, "
        f"pieces {sum(sizes) / MEGABYTE:.1f} MB in {len(sizes):,} files of {min(sizes)} to {max(sizes)} bytes."
    )
    figures.print(
        f"On Lambda, at this machine's speed and 1 GB, ${LAMBDA_CALL + total * LAMBDA_GB_SECOND:.5f}; "
        f"{len(sizes) + 1:,} objects put at $5 a million, ${(len(sizes) + 1) * 5e-6:.2f}."
    )


def _measure(count: int) -> dict[str, object]:
    """Draw once, from the list as the partitions of a lobby give it: not in order."""
    given = [hashlib.sha256(b"%d" % number).digest() for number in range(count)]
    steps: dict[str, float] = {}

    def timed[Result](name: str, work: Callable[[], Result]) -> Result:
        began = time.process_time()
        result = work()
        steps[name] = time.process_time() - began
        return result

    hashing = time.process_time()
    for each in given:
        hashlib.sha256(each).digest()
    hashing = time.process_time() - hashing
    file = timed("sort the list", lambda: draw.entries_file(given))
    given.clear()
    entries = timed("read it back", lambda: draw.read_entries(file))
    timed("bind it with a root", lambda: draw.entries_root(entries))
    pieces = timed("order it and cut it", lambda: draw.draw(SEED, entries))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "steps": steps,
        "hashing": hashing,
        "peak": peak,
        "list": len(file),
        "pieces": [len(each) for each in pieces],
    }
