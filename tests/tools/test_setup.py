"""`./ost` on a machine where something is missing: one sentence, exit code 1."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("cat", "cksum", "dirname", "mkdir", "rm", "sh")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a copy of what `./ost` reads before it has an environment."""
    for name in ("ost", "requirements/dev.txt", "layers/dependencies/requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    bare = tmp_path / "bin"
    bare.mkdir()
    for tool in TOOLS:
        (bare / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def run(clone: Path, command: str = "--help", **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": str(clone / "bin"), "HOME": str(clone)} | environment
    return subprocess.run([str(clone / "ost"), command], env=bare, capture_output=True, text=True, check=False)


def test_no_python_is_told_in_one_sentence(clone: Path) -> None:
    told = run(clone)

    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "ost: Python 3.13 was not found: install it, or name it with OST_PYTHON=/path/to/python3.13."
    ]
    assert not (clone / ".venv").exists()


def test_no_network_is_told_in_one_sentence(clone: Path) -> None:
    told = run(clone, OST_PYTHON=os.path.realpath(sys.executable), PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)

    assert told.returncode == 1
    assert told.stderr.splitlines()[-1] == (
        "ost: the pinned packages could not be installed: is there a network? See .local/log/setup.log."
    )
    assert "No matching distribution found" in (clone / ".local/log/setup.log").read_text()


def test_set_up_alone_starts_no_program(clone: Path) -> None:
    interpreter = clone / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)
    pins = [(clone / name).read_bytes() for name in ("requirements/dev.txt", "layers/dependencies/requirements.txt")]
    summed = subprocess.run(["cksum"], input=b"".join(pins), capture_output=True, check=True).stdout
    (clone / ".venv" / ".requirements").write_bytes(summed)

    told = run(clone, "setup")

    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
