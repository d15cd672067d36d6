"""What a cold start has to import: CPU of the built functions against `boto3.client("dynamodb")` alone.

Measured on a read-only copy of .aws-sam/build, in a bare interpreter that sees the function and its layers and nothing
else, as on Lambda. Each figure is a new process's CPU time (not the clock's), the least of several rounds, and those of
the functions and of the bare client take turns. Beside the import alone, which is what the budget speaks of, stands the
import with making the client that the first request needs, since the bare figure has one too.
"""

import json
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tools.ost.build import finish
from tools.ost.console import Failure
from tools.ost.paths import BUILT

HOT = ("poll_queue_token", "reserve_seats", "list_seats")
LAYERS = ("DependenciesLayer", "BookingLayer")
BUDGET = 1.3
ROUNDS = 7
ROUNDS_ELSEWHERE = 2

PROBE = """
import json, os, sys, time
tree, first, second, paths = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
sys.path[:0] = paths
os.environ.update(
    AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x",
    POWERTOOLS_SERVICE_NAME="booking", POWERTOOLS_METRICS_NAMESPACE="OstConcertBooking",
)
compiled = []
def hook(event, arguments):
    if event == "compile" and isinstance(arguments[1], str) and arguments[1].startswith(tree):
        compiled.append(arguments[1])
sys.addaudithook(hook)
began = time.process_time()
exec(first)
imported = time.process_time() - began
exec(second)
whole = time.process_time() - began
print(json.dumps({"imported": imported, "whole": whole, "compiled": len(compiled)}))
"""
CLIENT_ALONE = ("import boto3", 'boto3.client("dynamodb")')
FUNCTION = ("import app", "from booking import dynamodb; dynamodb.client()")


@dataclass(frozen=True, slots=True)
class Import:
    """What a function's import takes, against `boto3.client("dynamodb")` alone in the same run.

    `ratio` is the import's CPU, `ratio_with_client` that with making its client; `compiled` counts the modules that
    had no valid bytecode.
    """

    ratio: float
    ratio_with_client: float
    compiled: int


def measure(*, bytecode: bool = True, hot_only: bool = False) -> dict[str, Import]:
    """Measure every built function, the hot ones more often; without bytecode, only the hot ones."""
    hot_only = hot_only or not bytecode
    if not BUILT.is_dir():
        raise Failure("nothing is built yet: run `./ost build` first.")
    with _read_only_copy(bytecode=bytecode) as tree:
        least: dict[str, _Probed] = {}
        bares: dict[str, float] = {}
        for turn in range(ROUNDS if bytecode else ROUNDS_ELSEWHERE):
            bare = _probe(tree, CLIENT_ALONE, tree / "Bare").whole
            for artifact in sorted(tree.glob("*Function")):
                name = _snake(artifact.name)
                if name in HOT or (not hot_only and turn < ROUNDS_ELSEWHERE):
                    probed = _probe(tree, FUNCTION, artifact, *(tree / layer / "python" for layer in LAYERS))
                    least[name] = min(least.get(name, probed), probed)
                    bares[name] = min(bares.get(name, bare), bare)  # the least of the same rounds
        return {
            name: Import(each.imported / bares[name], each.whole / bares[name], each.compiled)
            for name, each in least.items()
        }


def sizes() -> dict[str, int]:
    """Return the size in bytes of every built layer and function."""
    return {
        artifact.name: sum(file.stat().st_size for file in artifact.rglob("*") if file.is_file())
        for artifact in sorted(BUILT.iterdir())
        if artifact.is_dir()
    }


class _Probed(NamedTuple):
    """One process's CPU seconds after the import and after making the client, and the modules that it compiled."""

    whole: float
    imported: float
    compiled: int


def _snake(artifact: str) -> str:
    """Turn `PollQueueTokenFunction` into `poll_queue_token`; `Api` is two words nowhere."""
    words = artifact.removesuffix("Function").replace("OpenApi", "Openapi")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("_")


def _probe(tree: Path, statements: tuple[str, str], *paths: Path) -> _Probed:
    # -B: like Lambda's file system, this copy takes no bytecode, even from one who may write everywhere.
    command = [sys.executable, "-I", "-S", "-B", "-c", PROBE, str(tree), *statements, *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failure(f"a built function cannot be imported: {result.stderr.strip().splitlines()[-1]}")
    answer = json.loads(result.stdout)
    return _Probed(answer["whole"], answer["imported"], answer["compiled"])


@contextmanager
def _read_only_copy(*, bytecode: bool) -> Iterator[Path]:
    """Copy what was built, and beside it the bare client: the same packages, with boto3 if it is not among them."""
    ignore = None if bytecode else shutil.ignore_patterns("__pycache__")
    with tempfile.TemporaryDirectory(prefix="ost-built-") as directory:
        tree = Path(directory) / "built"
        shutil.copytree(BUILT, tree, ignore=ignore)
        shutil.copytree(BUILT / "DependenciesLayer" / "python", tree / "Bare")
        installed = Path(sysconfig.get_path("purelib"))
        for package in ("boto3", "s3transfer"):
            if not (tree / "Bare" / package).exists():
                without = shutil.ignore_patterns("__pycache__", "examples")
                shutil.copytree(installed / package, tree / "Bare" / package, ignore=without)
        finish(tree / "Bare", "/opt")
        _set_writable(tree, writable=False)
        try:
            yield tree
        finally:
            _set_writable(tree, writable=True)


def _set_writable(tree: Path, *, writable: bool) -> None:
    for path in [tree, *tree.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IWUSR if writable else mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
