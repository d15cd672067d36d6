"""The template and the functions, read from the repository into this process: for measuring and for the tests."""

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]

from booking import aws, keys, memory
from booking import settings as settings_module
from tools.ost.paths import ROOT

type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@cache
def template(path: str = "template.yaml") -> dict[str, Any]:
    """Read a template, with `!Ref X` as `{"Ref": "X"}` and so on."""
    return dict(yaml_parse((ROOT / path).read_text("utf-8")))


@cache
def handler(function: str) -> Handler:
    """Load a function's handler from its folder, under a module name of its own."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"functions.{function}.app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler  # type: ignore[no-any-return]


def forget_clients() -> None:
    """Have every client made again, by the same session."""
    aws.client.cache_clear()


def forget_process() -> None:
    """Make this process a new one, as at a cold start: no clients, no settings, no caches.

    The session stays: what listens to its events goes on listening.
    """
    forget_clients()
    settings_module.settings.cache_clear()
    memory.forget()
    keys.forget()
