"""Tests, tools and the laboratory reach the booking by public names only: what they need to reach is a seam."""

import ast
from pathlib import Path

import pytest

from tests.functional.test_caching import AGES

ROOT = Path(__file__).parents[2]


def private_names_reached(source: str) -> set[str]:
    """Name each private name of a module of the booking that a file reaches, by attribute, import or in a patch."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    reached: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "booking":
            reached |= {f"{node.module}.{each.name}" for each in node.names if each.name.startswith("_")}
            modules |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    for node in ast.walk(tree):
        owner, name = None, ""
        if isinstance(node, ast.Attribute):
            owner, name = node.value, node.attr
        elif isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            owner, name = node.args[0], str(node.args[1].value)
        if isinstance(owner, ast.Name) and owner.id in modules and name.startswith("_") and not name.startswith("__"):
            reached.add(f"{modules[owner.id]}.{name}")
    return reached


@pytest.mark.parametrize("folder", ["tests", "lab", "tools"])
def test_no_private_name_of_the_booking_is_reached(folder: str) -> None:
    reached = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in private_names_reached(path.read_text("utf-8"))
    }

    assert reached == set()


@pytest.mark.parametrize(
    "source",
    [
        "from booking.queue import tick\ntick._cursor()",
        "from booking import seats as hall\nmonkeypatch.setattr(hall, '_key', None)",
        "from booking.payments import _new",
    ],
)
def test_a_private_name_that_is_reached_is_found(source: str) -> None:
    assert private_names_reached(source)


def test_each_kind_of_thing_that_a_process_remembers_has_one_reader_and_an_age_that_is_tested() -> None:
    kinds = [
        node.args[0]
        for path in (ROOT / "layers" / "booking").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cached"
    ]
    names = [kind.value for kind in kinds if isinstance(kind, ast.Constant)]

    assert len(names) == len(kinds) == len(set(names))
    assert set(names) == {kind.split(",")[0] for kind in AGES}
