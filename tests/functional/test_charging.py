"""Points are charged by fans themselves or, where they are bought, by the payment provider's machine only."""

import json
from typing import Any

import pytest

from booking import points
from booking.settings import settings
from tests.functional import world
from tests.handlers import call, event_text

MACHINE = {"sub": "machine", "client_id": "machine", "token_use": "access", "scope": "other/scope points/charge"}


@pytest.fixture
def bought(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANS_CHARGE", "off")
    settings.cache_clear()


def charge(claims: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    event = json.loads(event_text("charge_points", "ok"))
    event["requestContext"]["authorizer"]["jwt"]["claims"] = claims or {"sub": world.USER, "token_use": "id"}
    event["body"] = json.dumps({"amount": 100} | body)
    return call("charge_points", event)


def code(answer: dict[str, Any]) -> str:
    return str(json.loads(answer["body"])["code"])


def test_fan_cannot_charge_where_points_are_bought(bought: None) -> None:
    answer = charge()

    assert (answer["statusCode"], code(answer)) == (403, "FORBIDDEN")
    assert points.balance(world.USER) == 0


@pytest.mark.parametrize("scope", ["points/charged", "points", "aws.cognito.signin.user.admin", ""])
def test_another_scope_is_not_enough(bought: None, scope: str) -> None:
    assert code(charge(MACHINE | {"scope": scope}, userId=world.USER)) == "FORBIDDEN"


def test_machine_charges_the_fan_that_it_names_once_for_a_key(bought: None) -> None:
    answers = [charge(MACHINE, userId=world.USER) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert (points.balance(world.USER), points.balance("machine")) == (100, 0)


def test_machine_must_name_a_fan(bought: None) -> None:
    answer = charge(MACHINE)

    assert (code(answer), json.loads(answer["body"])["errors"][0]["field"]) == ("VALIDATION_FAILED", "userId")


def test_fan_can_never_charge_another(cloud: None) -> None:
    assert code(charge(userId=world.OTHER)) == "FORBIDDEN"
    assert points.balance(world.OTHER) == 0
