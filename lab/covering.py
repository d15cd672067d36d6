"""A pytest plugin for `make mutants`: which tests run which lines of the product, and which a changed line concerns.

`--learn FILE` runs what is collected and writes down, for each test, its seconds and the lines of the product that it
ran. `--concerned FILE` finds the line that the work tree changes and keeps the tests that can notice: those that run
the changed statement, then those that read the files of the product, of each the quickest files first. For what a file
does when it is imported, those are the tests that name what the statement sets, or run a statement that names it or
anything set from it; where it sets nothing, nothing is left out.
"""

import ast
import faulthandler
import functools
import inspect
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tools.ost.paths import ROOT

PRODUCT = ("layers/booking/python/booking", "functions")
READS_FILES = ("tests/contract/", "tests/tools/", "tests/audit/")
"""Tests that may notice a change by reading it, or in a process of their own."""
PATIENCE_SECONDS = 60
TOOL = sys.monitoring.COVERAGE_ID


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the two options of this plugin."""
    parser.addoption("--learn", type=Path)
    parser.addoption("--concerned", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    """Do what was asked for."""
    if learn := config.getoption("--learn"):
        config.pluginmanager.register(Learning(learn))
    if concerned := config.getoption("--concerned"):
        config.pluginmanager.register(Concerned(json.loads(concerned.read_text("utf-8")), *changed_lines()))


class Learning:
    """Notes each line of the product's functions when a test runs it first; looking costs nothing after that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        self._lines: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._ran: set[tuple[str, int]] = set()
        sys.monitoring.use_tool_id(TOOL, "covering")
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, self._line)
        sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)

    def _line(self, code: CodeType, line: int) -> Any:
        if code.co_flags & inspect.CO_OPTIMIZED:
            self._ran.add((code.co_filename, line))
        return sys.monitoring.DISABLE

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run one test, and note what it ran."""
        self._ran = set()
        sys.monitoring.restart_events()
        began = time.monotonic()
        result = yield
        self._seconds[item.nodeid] = time.monotonic() - began
        ran, self._ran = self._ran, set()
        for name, line in ran:
            path = name.removeprefix(f"{ROOT}/")
            if path.startswith(PRODUCT):
                self._lines[path][line].append(item.nodeid)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what fails without any change."""
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write down what was learnt."""
        sys.monitoring.set_events(TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.free_tool_id(TOOL)
        seconds = {name: took for name, took in self._seconds.items() if name not in self._failed}
        self._path.write_text(json.dumps({"seconds": seconds, "lines": self._lines}))


def changed_lines() -> tuple[str, set[int]]:
    """Return the one file of the product that the work tree changes, and the lines of it, as they were committed.

    Without a change there is no file, and then one test shows that they can be run at all.
    """
    command = ("git", "diff", "--no-ext-diff", "--unified=0", "--", *PRODUCT)
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    path = next(iter(re.findall(r"^--- a/(.+)$", told, re.MULTILINE)), "")
    lines: set[int] = set()
    for first, count in re.findall(r"^@@ -(\d+)(?:,(\d+))? ", told, re.MULTILINE):
        lines |= set(range(int(first), int(first) + int(count or 1)))
    return path, lines


def statements(path: str, lines: set[int]) -> set[int]:
    """Return the lines of the smallest statements, as committed, that these lines are in.

    A function's first lines, with its decorators and defaults, stand for all of it.
    """
    if not path:
        return set()
    found: set[int] = set()
    spans = [_span(node) for node in ast.walk(ast.parse(_committed(path))) if isinstance(node, ast.stmt)]
    for line in lines:
        around = sorted((span for span in spans if line in span), key=len)
        found |= set(around[0]) if around else {line}
    return found


@functools.cache
def _committed(path: str) -> str:
    command = ("git", "show", f"HEAD:{path}")
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _span(node: ast.stmt) -> range:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return range(min([node.lineno, *(each.lineno for each in decorators)]), (node.end_lineno or node.lineno) + 1)


type _Imported = tuple[range, set[str], range]
"""What of a statement is run when its file is imported, the names that this sets, and what is run only later."""


def _at_import(node: ast.AST, within: tuple[str, ...] = ()) -> Iterator[_Imported]:
    for statement in ast.iter_child_nodes(node):
        span = _span(statement) if isinstance(statement, ast.stmt) else range(0)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield range(span.start, statement.body[0].lineno), set(), span
        elif isinstance(statement, ast.ClassDef):
            yield range(span.start, statement.body[0].lineno), {statement.name, *within}, range(0)
            yield from _at_import(statement, (*within, statement.name))
        elif isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try):
            yield from _at_import(statement, within)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            found = [each for target in targets for each in ast.walk(target)]
            yield span, set(within) or {each.id for each in found if isinstance(each, ast.Name)}, range(0)


def named_from(path: str, changed: set[int]) -> tuple[set[str], set[tuple[str, int]]]:
    """Return the names that these lines set at import, with what is set from those, and every line with such a name.

    A function of which the first lines have one counts as a whole.
    """
    files = [str(file.relative_to(ROOT)) for folder in PRODUCT for file in sorted((ROOT / folder).rglob("*.py"))]
    texts: dict[str, list[str]] = {}
    for name in files:
        text = _committed(name) if name == path else (ROOT / name).read_text("utf-8")
        texts[name] = text.splitlines()
    imported = {name: list(_at_import(ast.parse("\n".join(text)))) for name, text in texts.items()}
    new = {name for span, names, _ in imported[path] if changed & set(span) for name in names}
    known: set[str] = set()
    lines: set[tuple[str, int]] = set()
    while new - known:
        known |= new
        word = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\b")
        lines = {(name, at) for name, text in texts.items() for at, line in enumerate(text, 1) if word.search(line)}
        for name, found in imported.items():
            for span, names, later in found:
                if any((name, at) in lines for at in span):
                    new |= names
                    lines |= {(name, at) for at in later}
    return known, lines


class Concerned:
    """Keeps and orders the tests that can notice a change."""

    def __init__(self, learnt: dict[str, Any], path: str, lines: set[int]) -> None:
        ran: dict[str, dict[str, list[str]]] = learnt["lines"]
        self._seconds: dict[str, float] = learnt["seconds"]
        self._file = {test for tests in ran.get(path, {}).values() for test in tests}
        changed = statements(path, lines)
        self._concerned = {test for line in changed for test in ran.get(path, {}).get(str(line), [])}
        self._naming: set[str] = set()
        if path and not self._concerned:
            names, where = named_from(path, changed)
            self._concerned = {test for file, line in where for test in ran.get(file, {}).get(str(line), [])}
            self._naming = _tests_with(names)
        self._in_first_lines = bool(path) and lines <= {
            at for span, _, _ in _at_import(ast.parse(_committed(path))) for at in span
        }
        self._all = not self._concerned and not self._naming
        if not path:
            self._concerned, self._all = {min(self._seconds, key=lambda test: self._seconds[test])}, False
        self._read = READS_FILES if path else ()
        self._files = {test.split("::")[0] for test in self._concerned} | self._naming

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Do not even import files of tests that cannot notice."""
        name = str(collection_path.relative_to(ROOT))
        concerned = self._all or name in self._files or name.startswith(self._read)
        return None if concerned or collection_path.is_dir() else True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """End it all when a test takes far longer than without a change: it is noticed, too."""
        faulthandler.dump_traceback_later(PATIENCE_SECONDS + 10 * self._seconds[item.nodeid], exit=True)
        result = yield
        faulthandler.cancel_dump_traceback_later()
        return result

    def _rank(self, item: pytest.Item) -> int | None:
        """Return how soon a test is run, or None where it cannot notice."""
        file = item.nodeid.split("::")[0]
        if item.nodeid not in self._seconds:
            return None
        if item.nodeid.startswith(self._read) and self._in_first_lines:
            return 0
        if item.nodeid in self._concerned or file in self._naming:
            return 1
        if self._all and item.nodeid in self._file:
            return 2
        if item.nodeid.startswith(self._read):
            return 3
        return 4 if self._all else None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what cannot notice, or fails without any change; the rest is ordered by what it takes."""
        groups: dict[tuple[int, str], list[pytest.Item]] = defaultdict(list)
        for item in items:
            if (rank := self._rank(item)) is not None:
                groups[rank, item.nodeid.split("::")[0]].append(item)
        took = {key: sum(self._seconds[item.nodeid] for item in group) / len(group) for key, group in groups.items()}
        kept = [item for key in sorted(groups, key=lambda key: (key[0], took[key])) for item in groups[key]]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


def _tests_with(names: set[str]) -> set[str]:
    """Return the files of tests that have one of these names."""
    if not names:
        return set()
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {str(file.relative_to(ROOT)) for file in files if word.search(file.read_text("utf-8"))}
