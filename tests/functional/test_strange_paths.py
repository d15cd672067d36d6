"""An id that nobody has is told so in the contract's words, whatever it is made of."""

import json
from typing import Any

import pytest

from tests import answers
from tests.handlers import call, request

BY_ID = [function for function, (_, path, _) in answers.operations().items() if "{" in path]
STRANGE = ['"', "\\", "#", "x\x01y", "\U0001f3bb", "a" * 5000, "%2F", "..", "?", "null"]


@pytest.mark.parametrize("function", BY_ID)
def test_an_id_of_strange_characters_is_answered_with_a_problem(cloud: None, function: str) -> None:
    _, path, _ = answers.operations()[function]
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]

    for strange in STRANGE:
        given: dict[str, Any] = dict.fromkeys(names, "id")
        event = request(function, "ann", **given)
        raw = event["rawPath"].replace("/id", f"/{strange}", 1)
        event |= {"rawPath": raw, "pathParameters": dict.fromkeys(names, strange)}
        event["requestContext"]["http"]["path"] = raw

        answer = call(function, event)

        assert answer["statusCode"] in {400, 401, 403, 404}
        problem: dict[str, Any] = json.loads(answer["body"])
        assert problem["code"]
