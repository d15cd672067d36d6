"""The commands that change a stack do so with the product's own code, in the environment of the stack's functions."""

import os
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from booking import audit_log, clock, settings
from booking.dynamodb import get
from tests.tables import REGION
from tests.world import CONCERT, World
from tools.ost.console import Failure
from tools.ost.product import inside, operator
from tools.ost.publish import publish_concerts, read_catalog
from tools.ost.queue import set_queue
from tools.ost.stack import Stack

GOOD = """\
concerts:
  - concertId: night-sky
    title: Night Sky
    artist: The Ensemble
    venue: Hall, Seoul
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2037-05-01 18:00
"""


@pytest.fixture
def stack(world: World, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Describe the stack of this process as one that is deployed, and forget its environment here."""
    variables = {
        name: os.environ[name.upper()] for name in settings.Settings.__annotations__ if name.upper() in os.environ
    }
    told = {name.upper(): value for name, value in variables.items()}
    functions = SimpleNamespace(get_function_configuration=lambda **_: {"Environment": {"Variables": told}})
    for name in told:
        monkeypatch.delenv(name)
    settings.settings.cache_clear()
    found = Stack("ost", {"AdvanceQueueFunctionName": "f"}, boto3.Session(region_name=REGION))
    clients: dict[Any, Any] = {"lambda": functions, "sts": boto3.client("sts")}
    monkeypatch.setattr(Stack, "client", lambda _, service: clients[service])
    return found


def test_a_command_works_in_the_environment_of_the_stack_and_leaves_its_own_as_it_was(stack: Stack) -> None:
    before = dict(os.environ)

    with inside(stack):
        assert settings.settings().catalog_table == "CatalogTable"
        assert get("CatalogTable", {"pk": "CONCERT", "sk": CONCERT}) is not None

    assert dict(os.environ) == before
    with pytest.raises(settings.MisconfiguredError):
        settings.settings()


def test_what_an_operator_changes_is_in_the_log_with_what_aws_knows_them_by(stack: Stack, tmp_path: Any) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(GOOD)
    set_queue(stack, CONCERT, {"capacity": 7})
    publish_concerts(stack, read_catalog(file))

    with inside(stack):
        entries, _ = audit_log.entries(10, None)
    who = operator(stack)
    assert {entry["action"] for entry in entries} == {"QUEUE_CHANGED", "CATALOG_PUBLISHED"}
    assert {(entry["userId"], entry["name"]) for entry in entries} == {(who.user_id, who.name)}
    assert who.user_id.startswith("arn:aws:")
    assert entries[0]["at"] == clock.now()


def test_a_refusal_is_told_in_a_sentence(stack: Stack) -> None:
    with pytest.raises(Failure, match="no-such-concert: There is no such concert"):
        set_queue(stack, "no-such-concert", {"capacity": 7})
