"""What an answer may be: what the specification says of it, and nothing beside that.

Every answer that a handler makes in a test goes through `check`: its status is one that the operation names, its body
is what that status has, and a member that no view names is a mistake, in a problem as well. A problem that names a time
to come also tells the server's, so that nobody counts down to it by a clock that is wrong.
"""

import base64
import copy
import functools
import gzip
import json
from typing import Any

import jsonschema

from tools.ost import specification

TIMES_TO_COME = {"opensAt", "heldUntil", "holdAgainAt", "expiresAt", "activeUntil", "validUntil"}


@functools.cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return the method, the path and the description of each operation, by the name of its function."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in _specification()["paths"].items()
        for method, operation in methods.items()
    }


def check(function: str, answer: dict[str, Any]) -> None:
    """Hold an answer of a function to the specification.

    Raises:
        AssertionError: it has a status or a member that the specification does not name, or lacks one.

    """
    responses = operations()[function][2]["responses"]
    status = str(answer["statusCode"])
    assert status in responses, f"{function} answered {status}, which the specification does not name"
    content = responses[status].get("content")
    if content is None:
        assert not answer["body"], f"{function} answered {status} with a body"
        return
    kind = answer["headers"]["Content-Type"].partition(";")[0]
    assert kind in content, f"{function} answered {status} as {kind}"
    if (validator := _validator(content[kind]["schema"].get("$ref"))) is not None:
        body = json.loads(text_of(answer))
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
        assert not wrong, f"{function} answered {status} with what the specification does not have: {wrong}"
        if kind == "application/problem+json" and (times := _names_of(body) & TIMES_TO_COME):
            assert "serverTime" in body, f"{function} answered {status} with {times} and not with the server's time"


def _names_of(body: Any) -> set[str]:
    """Name every member of a body, at any depth."""
    if isinstance(body, list):
        return {name for each in body for name in _names_of(each)}
    return body.keys() | _names_of([*body.values()]) if isinstance(body, dict) else set()


def text_of(answer: dict[str, Any]) -> str:
    """Return the body of an answer as a client has it after unpacking."""
    body = str(answer["body"])
    return gzip.decompress(base64.b64decode(body)).decode() if answer.get("isBase64Encoded") else body


@functools.cache
def _specification() -> dict[str, Any]:
    return dict(json.loads(specification.FILE.read_text("utf-8")))


@functools.cache
def _validator(reference: str | None) -> Any:
    if reference is None:
        return None
    schema = {"$ref": reference, "components": _closed(copy.deepcopy(_specification()["components"]))}
    return jsonschema.Draft202012Validator(schema)


def _closed(schema: Any) -> Any:
    """Close every object in a schema: it has the members that it names and no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed
