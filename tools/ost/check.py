"""`./ost check`, `test`, `format`, `openapi` and `pins`: what a developer repeats all day."""

import subprocess
from typing import Annotated

import typer

from tools.ost.build import ensure_built, host_architecture
from tools.ost.console import Failure, out, step
from tools.ost.paths import BIN, ROOT, inherited_environment

CHECKS = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy",),
    "cfn-lint": ("cfn-lint", "template.yaml"),
}
ALONE = ("tests/measures/test_cpu.py", "tests/stack", "tests/browser")
PIN = (
    *("pip-compile", "--quiet", "--strip-extras", "--annotation-style=line"),
    *("--no-emit-index-url", "--no-emit-find-links"),  # a pin says which version, not from where
)


def check() -> None:
    """Lint, check types and the template; exit 1 when anything is found."""
    for name, command in CHECKS.items():
        with step(f"Running {name}", name):
            _must_pass(*command)


def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to pytest, after --.")] = None,
) -> None:
    """Check everything, build, then run every test (or those that the arguments name).

    What needs the machine for itself, a deployed stack or a measurement, comes after the rest, which shares it.
    """
    if arguments:
        ensure_built(host_architecture())
        _must_pass("pytest", *arguments)
        return
    check()
    ensure_built(host_architecture())
    alone = [f"--ignore={path}" for path in ALONE]
    _must_pass("pytest", "-n", "auto", "--dist", "worksteal", *alone)
    _must_pass("pytest", *ALONE)


def format_code() -> None:
    """Format the code and sort its imports."""
    _must_pass("ruff", "check", "--select", "I", "--fix", "--quiet", ".")
    _must_pass("ruff", "format", ".")


def openapi() -> None:
    """Merge the specification from the handlers into functions/get_openapi/openapi.json."""
    from tools.ost import specification  # noqa: PLC0415 - it loads every handler

    out.print("written" if specification.write() else "unchanged")


def pins() -> None:
    """Compile the pinned requirements from what is asked for, the functions' first. Needs a network."""
    for source in ("layers/dependencies/requirements.in", "requirements/dev.in"):
        compiled = source.removesuffix(".in") + ".txt"
        with step(f"Compiling {source}", compiled):
            _must_pass(*PIN, source, "-o", compiled)


def _must_pass(program: str, *arguments: str) -> None:
    environment = inherited_environment() | {"CUSTOM_COMPILE_COMMAND": "make pins"}
    result = subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=environment, check=False)
    if result.returncode:
        raise Failure(f"{program} is not satisfied.")
