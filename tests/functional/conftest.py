"""What tests of one function's work stand on."""

import json
import random
import secrets
from typing import Any

import pytest

from booking import dynamodb, payments
from tests.functional import world as happening
from tests.world import World


@pytest.fixture
def same_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is drawn in secret be the same in every run."""
    monkeypatch.setattr(secrets, "token_hex", lambda size=32: "5e" * size)


@pytest.fixture
def without_chance(world: World, same_secrets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish the concerts of the events, in a world where nothing is chance and no payment goes on by itself."""
    monkeypatch.setattr(random, "random", lambda: 0.5)
    monkeypatch.setattr(random, "randint", lambda low, high: (low + high) // 2)
    monkeypatch.setattr(payments, "run_workflow", lambda payment: None)
    monkeypatch.setattr(payments, "WATCH_SECONDS", 0.0)
    happening.publish()


@pytest.fixture
def calls(cloud: None) -> list[tuple[str, dict[str, Any]]]:
    """Record every call to DynamoDB: the operation and the request."""
    recorded: list[tuple[str, dict[str, Any]]] = []

    def record(model: Any, params: dict[str, Any], **_: Any) -> None:
        recorded.append((model.name, json.loads(params["body"])))

    dynamodb.client().meta.events.register("before-call.dynamodb", record)
    return recorded
