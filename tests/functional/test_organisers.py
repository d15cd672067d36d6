"""Everything of the organisers is refused to everybody else, by the function itself, before anything is read."""

import json
from typing import Any

import pytest

from tests import answers
from tests.functional import world
from tests.handlers import call

OF_ORGANISERS = [name for name, (_, path, _) in answers.operations().items() if path.startswith("/organiser/")]
OTHERS = [
    None,
    "",
    "[]",
    "[staff]",
    "[organiser-of-another-house]",
    "[ORGANISER]",
    "organiserorganiser",
    ["staff"],
    {"organiser": 1},
    "organis er",
]


@pytest.mark.parametrize("function", OF_ORGANISERS)
@pytest.mark.parametrize("groups", OTHERS, ids=str)
def test_everybody_else_is_refused_and_nothing_is_read(
    calls: list[tuple[str, dict[str, Any]]], function: str, groups: Any
) -> None:
    world.publish()
    event = world.read_event(function, "ok")
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    claims.pop("cognito:groups")
    if groups is not None:
        claims["cognito:groups"] = groups
    calls.clear()

    answer = call(function, event)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "FORBIDDEN")
    assert calls == []


def test_there_are_endpoints_of_organisers() -> None:
    assert "list_sales" in OF_ORGANISERS
