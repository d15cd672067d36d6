"""The API answers who comes through the edge, and refuses everybody else before it looks at anything."""

import hashlib
import json
from typing import Any

import pytest

from booking.settings import settings
from tests.contract.test_contract import ROUTES
from tests.handlers import call, event_text

OLD, NEW = "the secret before the rotation", "the secret after it"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@pytest.fixture
def behind_the_edge(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_SECRET_DIGESTS", f"{digest(OLD)},{digest(NEW)}")
    settings.cache_clear()


def ask(function: str, **headers: str) -> dict[str, Any]:
    event = json.loads(event_text(function, "ok"))
    event["headers"] |= headers
    return call(function, event)


@pytest.mark.parametrize("function", ROUTES.values())
@pytest.mark.parametrize("sent", [None, "", "a guess", digest(OLD)])
def test_request_that_walks_around_the_edge_is_refused(behind_the_edge: None, function: str, sent: str | None) -> None:
    answer = ask(function) if sent is None else ask(function, **{"x-origin-secret": sent})

    assert answer["statusCode"] == 403
    assert json.loads(answer["body"])["code"] == "FORBIDDEN"


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_secrets_are_accepted_while_they_are_rotated(behind_the_edge: None, secret: str) -> None:
    assert ask("get_openapi", **{"x-origin-secret": secret})["statusCode"] == 200


def test_without_an_edge_requests_may_come_from_anywhere(environment: None) -> None:
    assert ask("get_openapi")["statusCode"] == 200
