"""Who signs up is confirmed at once, unless there is an address that a code confirms."""

import json
from typing import Any

import pytest

from booking.settings import settings
from lab.in_process import handler
from tests.handlers import event_text

EVENT = json.loads(event_text("confirm_sign_up", "ok"))


def sign_up(**attributes: str) -> dict[str, Any]:
    event = json.loads(json.dumps(EVENT))
    event["request"]["userAttributes"] = attributes
    return handler("confirm_sign_up")(event, None)


@pytest.fixture
def address_is_confirmed(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGN_UP", "email")
    settings.cache_clear()


def test_name_alone_is_confirmed_at_once(environment: None) -> None:
    assert sign_up()["response"]["autoConfirmUser"] is True


def test_address_is_left_to_its_code(address_is_confirmed: None) -> None:
    assert sign_up(email="fan@example.com")["response"] == EVENT["response"]


def test_without_an_address_nobody_signs_up_where_one_is_asked_for(address_is_confirmed: None) -> None:
    with pytest.raises(ValueError, match="Sign up with an e-mail address"):
        sign_up()
