"""The functions' handlers, called as API Gateway and Lambda call them, and the events that they are tried with."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from lab.in_process import handler
from tests import answers
from tools.ost.paths import ROOT

EVENTS = ROOT / "events"


class Context:
    """What Lambda tells a handler about its invocation."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"

    def get_remaining_time_in_millis(self) -> int:
        """Return the whole time that a function has."""
        return 10_000


def request(
    function: str,
    user: str | None = None,
    body: Any = None,
    *,
    key: str | None = None,
    queue_token: str | None = None,
    query: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    claims: dict[str, Any] | None = None,
    **path: str,
) -> dict[str, Any]:
    """Make what API Gateway sends to the function of an endpoint; what a path names is given by those names."""
    method, route, _ = answers.operations()[function]
    raw_path = route.format(**{name: quote(value) for name, value in path.items()})
    sent = {"accept": "application/json", "content-type": "application/json", "host": "api.example.com"}
    sent |= {"idempotency-key": key} if key is not None else {}
    sent |= {"x-queue-token": queue_token} if queue_token is not None else {}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": raw_path,
        "rawQueryString": urlencode(query or {}),
        "headers": sent | (headers or {}),
        "requestContext": {
            "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": Context.aws_request_id,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = {name: str(value) for name, value in query.items()}
    if path:
        event["pathParameters"] = path
    if user is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": user} | (claims or {}), "scopes": None}}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


def call(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke a handler, as Lambda would: what goes in and comes out must be JSON. An answer is what its operation has.

    Raises:
        AssertionError: the answer has a status or a member that the specification does not name.

    """
    answer: dict[str, Any] = json.loads(json.dumps(handler(function)(json.loads(json.dumps(event)), Context())))
    if function in answers.operations():
        answers.check(function, answer)
    return answer


def functions() -> list[str]:
    """Name every function."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def events() -> list[tuple[str, str]]:
    """Name every event, as its function and its case."""
    return sorted((path.parent.name, path.stem) for path in EVENTS.glob("*/*.json"))


def event_text(function: str, case: str) -> str:
    """Read an event; `sample-…` in it stands for what only a living stack has."""
    return (EVENTS / function / f"{case}.json").read_text("utf-8")
