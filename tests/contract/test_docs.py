"""What the documents cite is there: files, functions in them, tests, commands, and nothing outside the repository."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tools.ost.commands import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md")])
LAYER = "layers/booking/python"
PLACES = (".", LAYER, "docs", "web")
"""Where a cited path may begin: `booking/seats.py` is short for the layer's."""
FOLDERS = {
    "booking",
    "catalog",
    "docs",
    "events",
    "functions",
    "lab",
    "layers",
    "tests",
    "tools",
    "web",
    "statemachines",
}
QUOTED = re.compile(r"`([^`\n]+)`")
LINKED = re.compile(r"\]\(([^)#\s]+)")
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def quoted(document: Path) -> list[str]:
    """Name what a document sets in code type, outside of fenced blocks."""
    return QUOTED.findall(FENCED.sub("", document.read_text("utf-8")))


def cited(document: Path) -> set[str]:
    """Name the files that a document cites, with what is cited in them: `path`, `path:name` or `path::test`."""
    found = {
        text.removeprefix("./")
        for text in quoted(document)
        if re.fullmatch(r"(\./)?[\w.-]+(/[\w.*-]+)+/?(::?\w+)?", text) and text.split("/")[0] in FOLDERS
    }
    linked = {target for target in LINKED.findall(document.read_text("utf-8")) if "://" not in target}
    return found | {str((document.parent / target).resolve().relative_to(ROOT)) for target in linked}


def file_of(path: str) -> Path | None:
    """Find a cited path, or what it matches when it has a `*`."""
    for place in PLACES:
        found = next(iter(sorted((ROOT / place).glob(path.rstrip("/")))), None)
        if found is not None:
            return found
    return None


@cache
def names_in(file: Path) -> set[str]:
    """Name what a file defines: functions, methods and classes at any depth, and constants."""
    if file.suffix != ".py":
        return set(re.findall(r"\w+", file.read_text("utf-8")))
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.TypeAlias(name=ast.Name(id=name)):
                names.add(name)
    return names


def is_there(citation: str) -> bool:
    """Tell whether a file is there, and in it what is cited."""
    path, _, name = citation.replace("::", ":").partition(":")
    file = file_of(path)
    return file is not None and (not name or (file.is_file() and name in names_in(file)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_function_and_test_that_a_document_cites_is_there(document: Path) -> None:
    assert {citation for citation in cited(document) if not is_there(citation)} == set()


def test_code_cites_no_document_but_those_that_are_here() -> None:
    folders = ("functions", "layers", "statemachines", "templates", "tools", "lab", "web", "tests")
    files = [path for each in folders for path in (ROOT / each).rglob("*") if path.suffix in {".py", ".yaml", ".js"}]
    named = {name for path in files for name in re.findall(r"\b([\w-]+\.md)\b", path.read_text("utf-8"))}

    assert named - {path.name for path in DOCUMENTS} == set()
    assert named


def test_a_citation_of_what_is_not_there_would_be_found() -> None:
    assert is_there("booking/seats.py:hold")
    assert is_there("tests/contract/test_docs.py::test_a_citation_of_what_is_not_there_would_be_found")
    assert is_there("functions/*/app.py")
    assert not is_there("booking/seats.py:nothing_of_that_name")
    assert not is_there("tests/contract/test_docs.py::test_nothing_of_that_name")
    assert not is_there("booking/nothing_of_that_name.py")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    code = "\n".join([*QUOTED.findall(text), *re.findall(r"^(?: {4}|\t)(.+)$", text, re.M), *FENCED.findall(text)])
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    group: Any = get_command(app)

    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) - targets == set()
    assert set(re.findall(r"\./ost ([a-z][a-z-]*)", code)) - {*group.commands, "setup"} == set()
