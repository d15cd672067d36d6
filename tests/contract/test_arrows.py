"""The arrows between modules run one way: functions → aggregates → DynamoDB, errors, settings, clock, ids."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "booking" / "python"

FOUNDATION = {"views", "errors", "settings", "clock", "ids"}
ARROWS: dict[str, set[str]] = {
    "aws": {"errors"},
    "errors": set(),
    "settings": set(),
    "clock": set(),
    "ids": set(),
    "memory": set(),
    "observability": {"tracing"},
    "tracing": {"settings"},
    "requests": {"errors"},
    "best_available": {"layout"},
    "layout": set(),
    "fees": {"catalog"},
    "views": set(),
    "dynamodb": {"aws", "errors"},
    "cursors": {"errors"},
    "http": {"clock", "cursors", "errors", "observability", "settings"},
    "catalog": {"dynamodb", "memory", *FOUNDATION},
    "halls": {"catalog", "dynamodb", "layout", "memory", *FOUNDATION},
    "search": {"best_available", "catalog", "halls", "seats", *FOUNDATION},
    "seats": {"catalog", "halls", "layout", "dynamodb", "memory", *FOUNDATION},
    "points": {"cursors", "dynamodb", *FOUNDATION},
    "queue.admission": set(),
    "queue.beacon": set(),
    "queue.draw": set(),
    "queue.lobby": {
        "catalog",
        "dynamodb",
        "memory",
        "queue.beacon",
        "queue.draw",
        "queue.items",
        "signatures",
        *FOUNDATION,
    },
    "queue.drawing": {
        "aws",
        "catalog",
        "dynamodb",
        "observability",
        "queue.beacon",
        "queue.draw",
        "queue.items",
        "queue.lobby",
        *FOUNDATION,
    },
    "keys": {"aws", "errors", "observability"},
    "queue.token": {"errors", "keys", "settings"},
    "queue.items": {"dynamodb", "memory", "queue.admission", "settings"},
    "queue.place": {"dynamodb", "queue.admission", "queue.items", "queue.token", *FOUNDATION},
    "queue.membership": {"dynamodb", "queue.admission", "queue.items", "queue.place", *FOUNDATION},
    "queue.view": {"queue.admission", "queue.items", "queue.place", "queue.token", "views", *FOUNDATION},
    "queue.tick": {"dynamodb", "queue.admission", "queue.items", "queue.place", *FOUNDATION},
    "sale": {"catalog", "errors", "queue.items", "seats"},
    "queue.driver": {
        "aws",
        "catalog",
        "dynamodb",
        "observability",
        "queue.admission",
        "queue.items",
        "queue.tick",
        "queue.token",
        "sale",
        *FOUNDATION,
    },
    "queue.opening": {
        "catalog",
        "queue.admission",
        "queue.draw",
        "queue.items",
        "queue.lobby",
        "queue.token",
        "views",
        *FOUNDATION,
    },
    "queue.line": {
        "catalog",
        "queue.lobby",
        "queue.opening",
        *FOUNDATION,
        "queue.admission",
        "queue.driver",
        "queue.items",
        "queue.membership",
        "queue.place",
        "queue.tick",
        "queue.token",
        "queue.view",
        "sale",
        "views",
    },
    "signatures": {"keys", "settings"},
    "tickets": {"ids", "signatures", "views"},
    "check_ins": {"catalog", "dynamodb", "requests", "seats", "signatures", "tickets", "views", *FOUNDATION},
    "audit_log": {"cursors", "dynamodb", "views", *FOUNDATION},
    "queue.control": {"audit_log", "dynamodb", "queue.admission", "queue.items", "views", *FOUNDATION},
    "publishing.document": set(),
    "publishing.hall_file": {"layout", "publishing.document"},
    "publishing.catalog_file": {"catalog", "clock", "layout", "publishing.document", "publishing.hall_file"},
    "publishing.publish": {
        "audit_log",
        "catalog",
        "dynamodb",
        "halls",
        "layout",
        "publishing.catalog_file",
        "publishing.document",
        "queue.control",
        "queue.items",
        "seats",
        "views",
        *FOUNDATION,
    },
    "bookings": {
        "catalog",
        "check_ins",
        "cursors",
        "reservations",
        "seats",
        "tickets",
        "views",
        *FOUNDATION,
    },
    "overview": {
        "catalog",
        "check_ins",
        "halls",
        "memory",
        "payments",
        "queue.control",
        "queue.items",
        "reservations",
        "sale",
        "seats",
        *FOUNDATION,
    },
    "limits": {"dynamodb", "settings"},
    "reservations": {
        "catalog",
        "cursors",
        "dynamodb",
        "halls",
        "limits",
        "queue.line",
        "queue.place",
        "queue.token",
        "search",
        "seats",
        *FOUNDATION,
    },
    "calling_off": {
        "audit_log",
        "aws",
        "cancellations",
        "catalog",
        "dynamodb",
        "observability",
        "payments",
        "reservations",
        "seats",
        "views",
        *FOUNDATION,
    },
    "cancellations": {
        "audit_log",
        "catalog",
        "check_ins",
        "dynamodb",
        "fees",
        "limits",
        "observability",
        "payments",
        "points",
        "reservations",
        "seats",
        *FOUNDATION,
    },
    "payments": {"aws", "dynamodb", "observability", "points", "queue.place", "reservations", "seats", *FOUNDATION},
}
"""What each module of the layer may import of it."""


def modules() -> dict[str, Path]:
    """Name the modules of the layer, packages by what is in their `__init__`."""
    paths = sorted((LAYER / "booking").rglob("*.py"))
    return {".".join(path.relative_to(LAYER / "booking").with_suffix("").parts): path for path in paths}


def imported(path: Path) -> set[str]:
    """Name everything that a file imports, as far down as the statement says."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def of_the_layer(path: Path) -> set[str]:
    """Name the modules of the layer that a file imports."""
    known = set(modules())
    found = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "booking":
            inside = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
            found.add(next((module for module in inside if module in known), "?" + name))
    return found


@pytest.mark.parametrize("module", [name for name in modules() if not name.endswith("__init__")])
def test_module_imports_only_what_its_arrows_allow(module: str) -> None:
    assert of_the_layer(modules()[module]) <= ARROWS[module]


def test_every_arrow_is_used() -> None:
    unused = {
        f"{module} -> {allowed}"
        for module, arrows in ARROWS.items()
        if module in modules()
        for allowed in arrows - of_the_layer(modules()[module]) - FOUNDATION
    }

    assert set(ARROWS) == {name for name in modules() if not name.endswith("__init__")}
    assert unused == set()


def test_functions_do_not_import_each_other_or_the_tools_and_leave_the_cloud_to_the_layer() -> None:
    for path in (ROOT / "functions").glob("*/app.py"):
        roots = {name.split(".")[0] for name in imported(path)}
        page = {"base64", "functools", "hashlib", "importlib"}  # of show_swagger: made once, let run by its hashes
        allowed = {"aws_lambda_powertools", "booking", "pathlib", "random", "typing"} | page
        assert roots <= allowed, path


def test_command_line_runs_without_the_laboratory_and_the_layer_without_either() -> None:
    closed = {"tools": {"tests", "lab"}, "layers": {"tests", "lab", "tools"}}

    reached = {
        (str(path.relative_to(ROOT)), root)
        for folder, others in closed.items()
        for path in (ROOT / folder).rglob("*.py")
        for root in others & {name.split(".")[0] for name in imported(path)}
    }

    assert reached == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.name
        for path in [*(ROOT / "functions").rglob("*.py"), *(LAYER / "booking").rglob("*.py")]
        if "environ" in path.read_text("utf-8")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }

    assert readers == {"settings.py"}
