"""The same tests are collected whenever, and under whichever hash seed, one asks: pytest-xdist's workers compare lists.

Each collection runs in a process of its own, whose clock stands at another moment and whose sets come in another order.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLLECT = """
import sys, time_machine
with time_machine.travel(sys.argv[1], tick=True):
    import pytest
    sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""
MOMENTS = {"1": "2027-02-28T23:59:58+00:00", "2": "2031-07-01T12:00:01+00:00"}
"""When each hash seed's collection takes place."""


def collect(seed: str, *arguments: str) -> list[str]:
    """Name the tests that are collected under this hash seed and at its moment."""
    command = [sys.executable, "-c", COLLECT, MOMENTS[seed], *arguments]
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]
    return [line for line in told.stdout.splitlines() if "::" in line]


def test_tests_are_named_and_ordered_alike_whatever_the_clock_and_the_hash_seed() -> None:
    first, second = collect("1"), collect("2")

    assert len(first) > 500
    assert first == second


@pytest.mark.parametrize(
    "parameters", ["[int(time.time()) // 1000]", "[datetime.now().year]", "sorted({'ann', 'ben', 'cem'}, key=hash)"]
)
def test_a_test_that_is_named_after_the_clock_or_the_hash_seed_is_found(tmp_path: Path, parameters: str) -> None:
    (tmp_path / "test_named.py").write_text(
        "import time\nfrom datetime import datetime\nimport pytest\n\n"
        f"@pytest.mark.parametrize('given', {parameters})\ndef test_named(given): ...\n"
    )

    assert collect("1", str(tmp_path)) != collect("2", str(tmp_path))
