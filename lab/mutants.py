"""`make mutants`: a sample of small changes to the product, made one at a time, and which of them no test notices.

cosmic-ray makes the changes in copies of what is committed, one copy for each core, and runs the tests in this process
that can notice a change against it (`lab/covering.py`): which lines each test runs is learnt first, from one run of all
of them. A seed always draws the same sample from the same code; a run that was stopped goes on where it was.
"""

import ast
import functools
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.ost.paths import ROOT, STATE

TESTS = (
    *("tests/unit", "tests/functional", "tests/workflow", "tests/contract", "tests/audit", "tests/race", "tests/model"),
    "tests/measures/test_budgets.py",
    *(
        f"tests/tools/test_{of}.py"
        for of in ("bounds", "catalog", "changed_files", "halls", "halls_by_chance", "publish", "template")
    ),
    *("--ignore=tests/contract/test_collection.py", "--ignore=tests/contract/test_types.py"),
)
"""What is run: everything that needs no deployed stack."""
LEARNT = "learnt.json"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "lab.covering")
SETTINGS = """
[cosmic-ray]
module-path = ["layers/booking/python/booking", "functions"]
timeout = 3600.0
excluded-modules = []
test-command = "{command}"
[cosmic-ray.distributor]
name = "local"
"""


def mutants(
    *,
    seed: Annotated[int, typer.Option(help="Which sample is drawn.")] = 1,
    sample: Annotated[int, typer.Option(help="How many changes are tried.")] = 90,
) -> None:
    """Try a sample of changes to the product, and report those that no test notices."""
    copies = [(STATE / f"mutants-{number}").resolve() for number in range(os.cpu_count() or 1)]
    for copy in copies:
        if not copy.is_dir():
            _run("git", "worktree", "add", "--force", "--detach", str(copy), "HEAD", where=ROOT)
    learnt = copies[0] / LEARNT
    if not learnt.is_file():
        _run(*PYTEST, f"--learn={learnt}", *TESTS, where=copies[0])
    command = " ".join((*PYTEST, "-x", f"--concerned={learnt}", *TESTS))
    for copy in copies:
        (copy / "cosmic-ray.toml").write_text(SETTINGS.format(command=command))
        _run(sys.executable, "-m", "cosmic_ray.cli", "baseline", "cosmic-ray.toml", where=copy)
    every, name = copies[0] / "every.sqlite", f"sample-{seed}-{sample}.sqlite"
    if not every.is_file():
        _run(sys.executable, "-m", "cosmic_ray.cli", "init", "cosmic-ray.toml", "init.sqlite", where=copies[0])
        (copies[0] / "init.sqlite").rename(every)
    for share, copy in enumerate(copies):
        if not (copy / name).is_file():
            shutil.copyfile(every, copy / name)
            _draw(copy / name, seed, sample, share, len(copies))
    trying = (sys.executable, "-m", "cosmic_ray.cli", "exec", "cosmic-ray.toml", name)
    for process in [subprocess.Popen(trying, cwd=copy) for copy in copies]:
        if process.wait():
            raise typer.Exit(1)
    for copy in copies:
        _run(str(Path(sys.executable).with_name("cr-report")), "--surviving-only", "--show-diff", name, where=copy)


def _draw(session: Path, seed: int, sample: int, share: int, shares: int) -> None:
    """Leave one share of a sample of the session's changes."""
    with sqlite3.connect(session) as database:
        found = database.execute(
            "SELECT job_id, operator_name, module_path, start_pos_row, start_pos_col FROM mutation_specs "
            "ORDER BY module_path, operator_name, occurrence"
        ).fetchall()
        jobs = [
            job
            for job, operator, path, row, column in found
            if not operator.startswith(OF_TWO) or (row, column) in _between_operands(session.parent / path)
        ]
        drawn = random.Random(seed).sample(range(len(jobs)), min(sample, len(jobs)))  # noqa: S311
        left_out = {job for job, *_ in found} - {jobs[position] for position in drawn[share::shares]}
        for table in ("mutation_specs", "work_items"):
            database.executemany(f"DELETE FROM {table} WHERE job_id = ?", [(job,) for job in left_out])  # noqa: S608


OF_TWO = "core/ReplaceBinaryOperator"
"""Changes that cosmic-ray also makes where `*` and `|` are no operators, as in signatures and annotations: what comes
out is no Python, and says nothing of the tests."""


@functools.cache
def _between_operands(path: Path) -> set[tuple[int, int]]:
    """Return where a file's operators of two operands may be, as lines and columns; not those of annotations."""
    tree = ast.parse(path.read_text("utf-8"))
    typed: set[ast.AST] = set()
    for node in ast.walk(tree):
        for name in ("value",) if isinstance(node, ast.TypeAlias) else ("annotation", "returns"):
            if (annotation := getattr(node, name, None)) is not None:
                typed |= set(ast.walk(annotation))
    places: set[tuple[int, int]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and node not in typed:
            before, after = node.left, node.right
            lines = range(before.end_lineno or 0, after.lineno + 1)
            for line in lines:
                first = (before.end_col_offset or 0) if line == lines[0] else 0
                last = after.col_offset if line == lines[-1] else 200
                places |= {(line, column) for column in range(first, last)}
    return places


def _run(*command: str, where: Path) -> None:
    subprocess.run(command, cwd=where, check=True)
