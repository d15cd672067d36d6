"""`./ost build`: SAM's own build, then the two things that make a function start fast."""

import compileall
import fcntl
import hashlib
import platform
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tools.ost.console import Failure, err, step
from tools.ost.paths import BUILT, ROOT, STATE, inherited_environment

SERVICES = frozenset({"dynamodb", "lambda", "secretsmanager", "stepfunctions"})
"""The AWS services that functions call. botocore describes four hundred; the built layer keeps these."""
POWERTOOLS = frozenset({"data_classes", "jmespath_utils", "typing"})
"""The utilities of Powertools that its event handler needs; of the others no function uses any."""
UNUSED = ("cffi", "pycparser")
"""Packages that only serve to build another, of which cryptography brings what it needs at run time."""

INPUTS = ("template.yaml", "templates", "samconfig.toml", "functions", "layers", "statemachines", "tools/ost/build.py")
NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|Network is unreachable|Could not find a version|ProxyError"
)


class Architecture(StrEnum):
    """Processors that Lambda offers."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


def host_architecture() -> Architecture:
    """Tell this machine's processor in Lambda's words: the local cloud can run no other."""
    return Architecture.ARM64 if platform.machine() in ("arm64", "aarch64") else Architecture.X86_64


def build(
    architecture: Annotated[
        Architecture | None, typer.Option(help="Processor of the functions; this machine's own by default.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing changed.")] = False,
) -> None:
    """Build functions and layers into .aws-sam/build (sam build, trimmed, with bytecode). Safe to repeat."""
    ensure_built(architecture or host_architecture(), force=force)


def ensure_built(architecture: Architecture, *, force: bool = False) -> None:
    """Build unless .aws-sam/build already holds exactly these inputs; raise Failure when SAM cannot."""
    with built(architecture, force=force):
        pass


@contextmanager
def built(architecture: Architecture, *, force: bool = False) -> Iterator[None]:
    """Build if need be; nothing else builds over it inside the block."""
    with _one_at_a_time():
        stamp = BUILT.parent / "ost-build"
        wanted = fingerprint(architecture)
        if not force and BUILT.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
            err.print("[green]✓[/] Nothing to build: no input has changed", highlight=False)
        else:
            stamp.unlink(missing_ok=True)
            with step("Building functions and layers", "Built functions and layers"):
                _sam_build(architecture)
                for layer in ("BookingLayer", "DependenciesLayer"):
                    finish(BUILT / layer, "/opt")
                for artifact in sorted(BUILT.glob("*Function")):
                    finish(artifact, "/var/task")
            stamp.write_text(wanted)
        yield


def fingerprint(architecture: Architecture) -> str:
    """Hash everything that the built artifact is made from."""
    digest = hashlib.sha256(f"{architecture}:{sys.version}".encode())
    for name in INPUTS:
        source = ROOT / name
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def finish(artifact: Path, deployed_at: str) -> None:
    """Trim an artifact and compile it where it lies.

    Lambda's file system is read-only, so modules without bytecode are compiled at every cold start, and bytecode that
    is judged by time stamps is stale once it was zipped: hence unchecked hashes. Tracebacks name the deployed path.
    """
    trim(artifact / "python")
    compiled = compileall.compile_dir(
        artifact,
        quiet=2,
        force=True,
        stripdir=str(artifact),
        prependdir=deployed_at,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise Failure(f"{artifact.name} contains a module that does not compile.")


def trim(packages: Path) -> None:
    """Drop what no function calls, first of all the descriptions of AWS services: most of the layer, which is unzipped
    at each cold start."""
    for data in (packages / "botocore" / "data", packages / "boto3" / "data"):
        for service in data.iterdir() if data.is_dir() else ():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    utilities = packages / "aws_lambda_powertools" / "utilities"
    for utility in utilities.iterdir() if utilities.is_dir() else ():
        if utility.is_dir() and utility.name not in POWERTOOLS:
            shutil.rmtree(utility)
    for unused in ("boto3/examples", *UNUSED):
        shutil.rmtree(packages / unused, ignore_errors=True)


def _sam_build(architecture: Architecture) -> None:
    result = subprocess.run(
        ["sam", "build", "--config-env", "local", "--parameter-overrides", f"Architecture={architecture}"],
        cwd=ROOT,
        env=inherited_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    log = STATE / "log" / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(result.stdout + result.stderr)
    if result.returncode:
        output = result.stdout + result.stderr
        if NO_NETWORK.search(output):
            raise Failure(
                "the build could not fetch the functions' packages: is there a network? See .local/log/build.log."
            )
        last = next((line for line in reversed(output.splitlines()) if line.startswith("Error")), "")
        raise Failure(f"sam build failed. {last} See .local/log/build.log.".replace("  ", " "))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two stacks may start at the same moment from one working tree; they share what is built."""
    BUILT.parent.mkdir(exist_ok=True)
    with (BUILT.parent / "ost-build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
