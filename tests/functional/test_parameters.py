"""Every parameter is taken up to the bounds that the specification states, and refused by name beyond them."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional import world
from tests.handlers import call
from tools.ost.paths import ROOT

OF_A_PATTERN = {
    "seatNumbers": (["9", ",".join(["9"] * 100)], ["", "0", "09", "9" * 10, "9,", "9, 9", "-9", ",".join(["9"] * 101)]),
    "Idempotency-Key": (["!", "~", "a b", "k" * 255], ["ä", "a\tb", "k" * 256]),
}
EVENTS = {("reserve_seats", "Idempotency-Key"): "idempotency_key_reused"}
"""Where it is not the function's first event that has the parameter."""
OF_LISTS = {"cursor"}
"""What only a list itself can make; tests/functional/test_cursors.py tries those."""


def values(name: str, schema: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Give what is just within a parameter's bounds, and what is just beyond."""
    if name in OF_A_PATTERN:
        return OF_A_PATTERN[name]
    if schema["type"] == "boolean":
        return ["true", "false"], ["", "True", "1", "yes"]
    if schema["type"] == "integer":
        least, most = schema["minimum"], schema["maximum"]
        return [str(least), str(most)], ["", str(least - 1), str(most + 1), "1.0", "+1", "1e1", "x", "٣", "9" * 30]
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    within, beyond = [length for length in (least, most) if length], [] if most is None else [most + 1]
    return ["x" * length for length in within], ["x" * length for length in beyond] + [""] * least


def parameters() -> Iterator[Any]:
    specification = json.loads((ROOT / "functions" / "get_openapi" / "openapi.json").read_text("utf-8"))
    for operations in specification["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                within, beyond = values(parameter["name"], parameter["schema"])
                if parameter["in"] != "path" and parameter["name"] not in OF_LISTS and within + beyond:
                    name = f"{operation['operationId']}-{parameter['name']}"
                    yield pytest.param(operation["operationId"], parameter, within, beyond, id=name)


@pytest.mark.parametrize(("function", "parameter", "within", "beyond"), list(parameters()))
def test_parameter_is_taken_within_its_bounds_and_refused_beyond(
    cloud: None, function: str, parameter: dict[str, Any], within: list[str], beyond: list[str]
) -> None:
    world.publish()
    sent = world.read_event(function, EVENTS.get((function, parameter["name"]), "ok"))

    def fields_refused(text: str) -> list[str]:
        event = copy.deepcopy(sent)
        if parameter["in"] == "header":
            event["headers"] |= {parameter["name"].lower(): text}
        else:
            event["queryStringParameters"] = (event.get("queryStringParameters") or {}) | {parameter["name"]: text}
        answer = call(function, event)
        problem = json.loads(answer["body"]) if answer["statusCode"] == 400 else {}
        return [each["field"] for each in problem.get("errors", [])]

    assert {text: fields_refused(text) for text in within} == {text: [] for text in within}
    assert {text: fields_refused(text) for text in beyond} == {text: [parameter["name"]] for text in beyond}
