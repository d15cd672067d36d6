"""What tests of one function's work stand on."""

import json
from typing import Any

import pytest

from booking import dynamodb


@pytest.fixture
def calls(cloud: None) -> list[tuple[str, dict[str, Any]]]:
    """Record every call to DynamoDB: the operation and the request."""
    recorded: list[tuple[str, dict[str, Any]]] = []

    def record(model: Any, params: dict[str, Any], **_: Any) -> None:
        recorded.append((model.name, json.loads(params["body"])))

    dynamodb.client().meta.events.register("before-call.dynamodb", record)
    return recorded
