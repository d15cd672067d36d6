"""`make mutants`: a sample of small changes to the product, made one at a time, and which of them no test notices.

cosmic-ray makes the changes in a copy of what is committed, and runs the tests in this process against each: a sample
takes hours. A seed always draws the same sample from the same code.
"""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.ost.paths import ROOT, STATE

TESTS = (
    *("tests/unit", "tests/functional", "tests/workflow", "tests/contract", "tests/audit", "tests/race", "tests/model"),
    *("tests/measures/test_budgets.py", "tests/tools/test_template.py"),
    *("--ignore=tests/contract/test_collection.py", "--ignore=tests/contract/test_types.py"),
)
"""What is run against each change: everything that needs no deployed stack, the quickest first."""
SETTINGS = """
[cosmic-ray]
module-path = ["layers/booking/python/booking", "functions"]
timeout = 3600.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def mutants(
    *,
    seed: Annotated[int, typer.Option(help="Which sample is drawn.")] = 1,
    sample: Annotated[int, typer.Option(help="How many changes are tried.")] = 90,
) -> None:
    """Try a sample of changes to the product, and report those that no test notices."""
    copy, name = (STATE / "mutants").resolve(), f"sample-{seed}-{sample}.sqlite"
    if not copy.is_dir():
        _run("git", "worktree", "add", "--force", "--detach", str(copy), "HEAD", where=ROOT)
    (copy / "cosmic-ray.toml").write_text(SETTINGS.format(python=sys.executable, tests=" ".join(TESTS)))
    if not (copy / name).is_file():
        _run(sys.executable, "-m", "cosmic_ray.cli", "init", "cosmic-ray.toml", name, where=copy)
        _draw(copy / name, seed, sample)
    _run(sys.executable, "-m", "cosmic_ray.cli", "exec", "cosmic-ray.toml", name, where=copy)
    _run(str(Path(sys.executable).with_name("cr-report")), "--surviving-only", "--show-diff", name, where=copy)


def _draw(session: Path, seed: int, sample: int) -> None:
    """Leave a sample of the session's changes."""
    with sqlite3.connect(session) as database:
        jobs = [
            job
            for (job,) in database.execute(
                "SELECT job_id FROM mutation_specs ORDER BY module_path, operator_name, occurrence"
            )
        ]
        left_out = set(jobs) - set(random.Random(seed).sample(jobs, min(sample, len(jobs))))  # noqa: S311
        for table in ("mutation_specs", "work_items"):
            database.executemany(f"DELETE FROM {table} WHERE job_id = ?", [(job,) for job in left_out])  # noqa: S608


def _run(*command: str, where: Path) -> None:
    subprocess.run(command, cwd=where, check=True)
