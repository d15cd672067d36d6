"""The functions' handlers, each a module of its own, and the events that they are tried with."""

import json
from pathlib import Path
from typing import Any

from lab.in_process import handler

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events"


class Context:
    """What Lambda tells a handler about its invocation."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"

    def get_remaining_time_in_millis(self) -> int:
        """Give the whole time that a function has."""
        return 10_000


def call(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke a handler, as Lambda would; what goes in and comes out must be JSON."""
    answer: dict[str, Any] = json.loads(json.dumps(handler(function)(json.loads(json.dumps(event)), Context())))
    return answer


def functions() -> list[str]:
    """Name every function."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def events() -> list[tuple[str, str]]:
    """Name every event, as its function and its case."""
    return sorted((path.parent.name, path.stem) for path in EVENTS.glob("*/*.json"))


def event_text(function: str, case: str) -> str:
    """Read an event; `{{…}}` in it stands for what only a living stack can give."""
    return (EVENTS / function / f"{case}.json").read_text("utf-8")
