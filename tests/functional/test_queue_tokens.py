"""The signed queue token: what is let through and what is not."""

import base64
import json
from collections.abc import Mapping

import boto3
import jwt
import pytest

from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired
from booking.queue import token
from booking.queue.token import Turn

AT = 1_800_000_000
TURN = Turn("yorushika", "ann", 7, active=True, expires_at=AT + 60)


def read(text: str | None, at: int = AT, user: str = "ann", concert: str | None = "yorushika") -> Turn:
    return token.verify(text, user_id=user, at=at, concert_id=concert)


def forged(claims: dict[str, object], key: str, header: Mapping[str, object]) -> str:
    return jwt.encode(claims, key, "HS256", headers=dict(header))


def claims() -> dict[str, object]:
    return {"concert": "yorushika", "sub": "ann", "number": 7, "active": True, "exp": AT + 60}


@pytest.fixture(autouse=True)
def _cloud(cloud: None) -> None:
    token.forget_keys()


def test_a_token_says_what_was_signed() -> None:
    assert read(token.sign(TURN)) == TURN
    assert read(token.sign(TURN), concert=None) == TURN


@pytest.mark.parametrize("text", [None, ""])
def test_no_token_is_told_so(text: str | None) -> None:
    with pytest.raises(QueueTokenRequired):
        read(text)


def test_a_token_ends_exactly_at_its_deadline() -> None:
    text = token.sign(TURN)
    read(text, at=AT + 59)

    with pytest.raises(QueueTokenExpired):
        read(text, at=AT + 60)


@pytest.mark.parametrize("who", [{"user": "ben"}, {"concert": "aimer"}])
def test_another_users_or_concerts_token_is_not_valid_even_after_its_time(who: dict[str, str]) -> None:
    text = token.sign(TURN)

    for at in (AT, AT + 3600):
        with pytest.raises(QueueTokenInvalid):
            read(text, at=at, **who)


def test_a_token_signed_with_another_key_is_not_valid() -> None:
    kid = jwt.get_unverified_header(token.sign(TURN))["kid"]

    for header in ({"kid": kid}, {"kid": "unknown"}, {}):
        with pytest.raises(QueueTokenInvalid):
            read(forged(claims(), "x" * 64, header))


def test_a_token_that_asks_for_no_signature_is_not_valid() -> None:
    kid = jwt.get_unverified_header(token.sign(TURN))["kid"]
    parts = [{"alg": "none", "typ": "JWT", "kid": kid}, claims()]
    body = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)

    for text in (f"{body}.", body, "a.b.c", "ä", "." * 5):
        with pytest.raises(QueueTokenInvalid):
            read(text)


def test_a_signed_token_that_lacks_a_claim_is_not_valid() -> None:
    kid = jwt.get_unverified_header(token.sign(TURN))["kid"]

    for missing in claims():
        rest = {name: value for name, value in claims().items() if name != missing}
        with pytest.raises(QueueTokenInvalid):
            read(forged(rest, "k" * 64, {"kid": kid}))


def test_a_rotated_key_keeps_the_tokens_of_the_one_before_and_no_older_ones() -> None:
    secrets = boto3.client("secretsmanager")
    first = token.sign(TURN)

    secrets.put_secret_value(SecretId="queue-key", SecretString="m" * 64)
    token.forget_keys()
    second = token.sign(TURN)
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]
    assert read(first) == read(second) == TURN

    secrets.put_secret_value(SecretId="queue-key", SecretString="n" * 64)
    token.forget_keys()
    assert read(second) == TURN
    with pytest.raises(QueueTokenInvalid):
        read(first)


def test_forged_key_ids_cost_no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    token.sign(TURN)
    monkeypatch.setattr(token._keys, "read", lambda: pytest.fail("asked for the keys again"))

    for number in range(5):
        with pytest.raises(QueueTokenInvalid):
            read(forged(claims(), "x" * 64, {"kid": f"forged-{number}"}))
