"""What is stored and shown has a type: a key that is written wrong fails the type check."""

import importlib
import pkgutil
import re
import subprocess
import sys
import typing
from pathlib import Path

import booking

ROOT = Path(__file__).parents[2]


def typed() -> list[type]:
    """Return every type of an item or a view in the layer."""
    modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(booking.__path__, "booking.")]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if typing.is_typeddict(kind) and kind.__module__ == module.__name__
    ]


def test_a_misspelt_key_of_anything_stored_or_shown_fails_the_type_check(tmp_path: Path) -> None:
    kinds = typed()
    lines = [f"import {module}" for module in sorted({kind.__module__ for kind in kinds})]
    for number, kind in enumerate(kinds):
        known = next(iter(kind.__annotations__ or kind.__mro__[1].__annotations__), "key")
        lines.append(f"def read_{number}(item: {kind.__module__}.{kind.__name__}) -> object:")
        lines.append(f'    return item["{known}x"]  # {kind.__name__}')
    (tmp_path / "misspelt.py").write_text("\n".join(lines) + "\n")

    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--config-file", "pyproject.toml"]
    told = subprocess.run(
        [*command, str(tmp_path / "misspelt.py")], cwd=ROOT, capture_output=True, text=True, check=False
    )

    found = re.findall(r'misspelt\.py:(\d+): error: TypedDict "(?:\w+\.)*\w+" has no key', told.stdout)
    assert len(kinds) > 40
    assert len(set(found)) == len(kinds), told.stdout + told.stderr
