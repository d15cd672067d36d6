"""The signed queue token: what is let through and what is not."""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import boto3
import jwt
import pytest
from botocore.exceptions import EndpointConnectionError

from booking import aws, keys
from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired, TemporarilyUnavailable
from booking.queue import token
from booking.queue.token import Turn
from tests.world import START

TURN = Turn("yorushika", "ann", 7, active=True, expires_at=START + 60)


def read(text: str | None, at: int = START, user: str = "ann", concert: str | None = "yorushika") -> Turn:
    return token.verify(text, user_id=user, at=at, concert_id=concert)


def forged(claims: dict[str, object], key: str, header: Mapping[str, object]) -> str:
    return jwt.encode(claims, key, "HS256", headers=dict(header))


def claims() -> dict[str, object]:
    return {"concert": "yorushika", "sub": "ann", "number": 7, "active": True, "exp": START + 60}


@pytest.fixture(autouse=True)
def _cloud(cloud: None) -> None:
    keys.forget()


def test_a_token_says_what_was_signed() -> None:
    assert read(token.sign(TURN)) == TURN
    assert read(token.sign(TURN), concert=None) == TURN


@pytest.mark.parametrize("text", [None, ""])
def test_no_token_is_told_so(text: str | None) -> None:
    with pytest.raises(QueueTokenRequired):
        read(text)


def test_a_token_ends_exactly_at_its_deadline() -> None:
    text = token.sign(TURN)
    read(text, at=START + 59)

    with pytest.raises(QueueTokenExpired):
        read(text, at=START + 60)


def test_a_waiting_place_is_proved_also_after_its_time() -> None:
    waiting = dataclasses.replace(TURN, active=False)

    assert read(token.sign(waiting), at=START + 86_400) == waiting


@pytest.mark.parametrize("who", [{"user": "ben"}, {"concert": "aimer"}])
def test_another_users_or_concerts_token_is_not_valid_even_after_its_time(who: dict[str, str]) -> None:
    text = token.sign(TURN)

    for at in (START, START + 3600):
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

    good = token.sign(TURN)
    spoilt = [f"{good[:-1]}ä", f"{good}\ud800", good.replace(".", ".\ud800", 1), good[:-2], f"{good}.{good}"]
    for text in (f"{body}.", body, "a.b.c", "ä", "." * 5, *spoilt):
        with pytest.raises(QueueTokenInvalid):
            read(text)


def test_another_house_reads_our_tokens_and_we_read_its() -> None:
    ours = token.sign(TURN)

    assert jwt.decode(ours, "k" * 64, ["HS256"], options={"verify_exp": False}) == claims()
    assert read(forged(claims(), "k" * 64, {"kid": jwt.get_unverified_header(ours)["kid"]})) == TURN
    with pytest.raises(QueueTokenInvalid):
        read(jwt.encode(claims(), "k" * 64, "HS512", headers={"kid": jwt.get_unverified_header(ours)["kid"]}))


def test_a_signed_token_that_lacks_a_claim_is_not_valid() -> None:
    kid = jwt.get_unverified_header(token.sign(TURN))["kid"]

    for missing in claims():
        rest = {name: value for name, value in claims().items() if name != missing}
        with pytest.raises(QueueTokenInvalid):
            read(forged(rest, "k" * 64, {"kid": kid}))


def test_a_rotated_key_keeps_the_tokens_of_the_one_before_and_no_older_ones() -> None:
    secrets = boto3.client("secretsmanager")
    first = token.sign(TURN)

    secrets.put_secret_value(SecretId="QueueKeySecret", SecretString="m" * 64)
    keys.forget()
    second = token.sign(TURN)
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]
    assert read(first) == read(second) == TURN

    secrets.put_secret_value(SecretId="QueueKeySecret", SecretString="n" * 64)
    keys.forget()
    assert read(second) == TURN
    with pytest.raises(QueueTokenInvalid):
        read(first)


class Secrets:
    """Counts the reads of the keys, and is down or late on demand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.reads, self.down = 0.0, 0, False
        monkeypatch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: self.now))
        aws.client("secretsmanager").meta.events.register("before-call", self._called)

    def _called(self, **_: Any) -> None:
        self.reads += 1
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    @staticmethod
    def rotate(key: str) -> None:
        boto3.client("secretsmanager").put_secret_value(SecretId="QueueKeySecret", SecretString=key)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    return Secrets(monkeypatch)


def version(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def test_what_cannot_be_a_version_of_the_key_is_refused_without_a_call(secrets: Secrets) -> None:
    token.sign(TURN)
    before = secrets.reads

    for kid in ("unknown", "", 7, None, ["x"], "ä" * 40, "x" * 65):
        with pytest.raises(QueueTokenInvalid):
            read(forged(claims(), "x" * 64, {"kid": kid}) if isinstance(kid, str) else forged_header({"kid": kid}))

    assert secrets.reads == before


def forged_header(header: Mapping[str, object]) -> str:
    text = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", **header}).encode()).decode().rstrip("=")
    return f"{text}.e30.e30"


def test_a_flood_of_forged_versions_costs_one_look_in_five_seconds(secrets: Secrets) -> None:
    token.sign(TURN)
    before = secrets.reads
    with pytest.raises(QueueTokenInvalid):
        read(forged(claims(), "x" * 64, {"kid": version(0)}))
    assert secrets.reads - before <= 2  # the current version and the one before it

    before = secrets.reads
    for number in range(5):
        with pytest.raises(QueueTokenInvalid):
            read(forged(claims(), "x" * 64, {"kid": version(0)}))
        with pytest.raises(TemporarilyUnavailable) as told:  # nobody may look just now, so nobody knows
            read(forged(claims(), "x" * 64, {"kid": version(number + 1)}))
        assert told.value.retry_after == keys.MISS_PAUSE_SECONDS
    assert secrets.reads == before

    secrets.now += keys.MISS_PAUSE_SECONDS + 1
    with pytest.raises(QueueTokenInvalid):
        read(forged(claims(), "x" * 64, {"kid": version(1)}))


def test_a_token_of_a_key_that_was_rotated_in_a_moment_ago_is_good(secrets: Secrets) -> None:
    token.sign(TURN)
    secrets.rotate("m" * 64)
    current = boto3.client("secretsmanager").get_secret_value(SecretId="QueueKeySecret")["VersionId"]

    secrets.now += 1
    assert read(forged(claims(), "m" * 64, {"kid": current})) == TURN


def test_a_rotation_is_seen_also_under_a_flood_of_forged_versions(secrets: Secrets) -> None:
    token.sign(TURN)
    with pytest.raises(QueueTokenInvalid):
        read(forged(claims(), "x" * 64, {"kid": version(0)}))
    secrets.rotate("m" * 64)
    current = boto3.client("secretsmanager").get_secret_value(SecretId="QueueKeySecret")["VersionId"]
    honest = forged(claims(), "m" * 64, {"kid": current})

    with pytest.raises(TemporarilyUnavailable):  # never "not valid": the page would drop the place
        read(honest)
    secrets.now += keys.MISS_PAUSE_SECONDS + 1
    assert read(honest) == TURN


def test_the_keys_at_hand_outlive_an_outage_of_the_service_that_keeps_them(secrets: Secrets) -> None:
    text = token.sign(TURN)
    secrets.down = True

    for _ in range(5):
        secrets.now += keys.LIFE_SECONDS + 1
        before = secrets.reads
        assert read(text) == TURN
        assert read(token.sign(TURN)) == TURN
        assert secrets.reads - before == 1, "each request waits for a service that does not answer"

    with pytest.raises(TemporarilyUnavailable):  # an unknown version can be neither good nor bad now
        read(forged(claims(), "x" * 64, {"kid": version(0)}))

    secrets.down = False
    secrets.rotate("m" * 64)
    secrets.now += keys.OUTAGE_PAUSE_SECONDS + 1
    assert jwt.get_unverified_header(token.sign(TURN))["kid"] != jwt.get_unverified_header(text)["kid"]
    assert read(text) == TURN


def test_the_keys_are_read_again_after_300_seconds_or_30_in_an_outage_and_looked_for_every_5(secrets: Secrets) -> None:
    def reads(at: float, then: Callable[[], Any]) -> int:
        secrets.now, before = at, secrets.reads
        then()
        return secrets.reads - before

    def sign() -> None:
        token.sign(TURN)

    def look(number: int, error: type[Exception]) -> Callable[[], Any]:
        def read_forged() -> None:
            with pytest.raises(error):
                read(forged(claims(), "x" * 64, {"kid": version(number)}))

        return read_forged

    assert [reads(at, sign) for at in (0, 300, 300.1, 600)] == [2, 0, 2, 0]
    assert [reads(600, look(1, QueueTokenInvalid)), reads(605, look(2, TemporarilyUnavailable))] == [2, 0]
    assert reads(605.1, look(2, QueueTokenInvalid)) == 2
    secrets.down = True
    assert [reads(at, sign) for at in (905.1, 905.2, 935.2, 935.3, 965.3)] == [0, 1, 0, 1, 0]


def test_a_process_that_never_had_the_keys_says_that_it_is_busy(secrets: Secrets) -> None:
    secrets.down = True

    with pytest.raises(TemporarilyUnavailable):
        token.sign(TURN)
    with pytest.raises(TemporarilyUnavailable):
        read(forged(claims(), "x" * 64, {"kid": version(0)}))
