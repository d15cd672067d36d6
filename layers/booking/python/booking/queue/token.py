"""The signed queue token: proof of a place in line, or of the right to book, checked without any I/O.

A JWT (HS256). The key is a secret of the stack; its version is the token's `kid`, so that a rotated key keeps the
tokens of the version before it valid until they expire.
"""

import base64
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt
from botocore.exceptions import BotoCoreError, ClientError

from booking import aws
from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired, TemporarilyUnavailable
from booking.observability import logger
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ALGORITHM = "HS256"
KEY_LIFE_SECONDS = 300
"""How long a process keeps the keys before it looks for a rotated one; it keeps them for longer while it cannot."""
OUTAGE_PAUSE_SECONDS = 30
"""How long a process works with the keys that it has after it could not read them again."""
MISS_PAUSE_SECONDS = 5
"""How long after a look in vain no other unknown key is looked for, so that forged tokens cost next to no calls."""
VERSION = r"[A-Za-z0-9-]{32,64}"
"""What the version of a secret looks like."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a queue token says. `number` is the place in the order of joining; `expires_at` is in epoch seconds."""

    concert_id: str
    user_id: str
    number: int
    active: bool
    expires_at: int


class _Keys:
    """The current key and the one before it, by version."""

    def __init__(self) -> None:
        self.by_version: dict[str, str] = {}
        self.current = ""
        self.read_at = self.failed_at = self.missed_at = float("-inf")
        self.missed: set[str] = set()

    def read(self) -> None:
        """Read both versions of the secret; the one before may not exist."""
        by_version = {}
        secrets: SecretsManagerClient = aws.client("secretsmanager")
        try:
            answer = secrets.get_secret_value(SecretId=settings().queue_key_secret_arn)
            current = answer["VersionId"]
            by_version[current] = answer["SecretString"]
            try:
                before = secrets.get_secret_value(SecretId=settings().queue_key_secret_arn, VersionStage="AWSPREVIOUS")
                by_version[before["VersionId"]] = before["SecretString"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
        except (BotoCoreError, ClientError) as error:
            self.failed_at = time.monotonic()
            raise TemporarilyUnavailable from error
        self.by_version, self.current = by_version, current
        self.read_at = time.monotonic()
        self.missed.clear()

    def refresh(self) -> None:
        """Read the keys again once they are old; while that fails, the ones at hand stay good."""
        now = time.monotonic()
        if now - self.read_at <= KEY_LIFE_SECONDS or (self.current and now - self.failed_at <= OUTAGE_PAUSE_SECONDS):
            return
        try:
            self.read()
        except TemporarilyUnavailable:
            if not self.current:
                raise
            logger.warning("the keys of queue tokens cannot be read again; the ones at hand stay in use")

    def find(self, version: str) -> str | None:
        """Return the key of a version, or None when there is none.

        An unknown one may have been rotated in since the keys were read, so it is looked for; but after a look in vain
        there is a pause, in which nobody knows and the caller comes back.

        Raises:
            TemporarilyUnavailable: the keys could not be read, or may not be yet.

        """
        self.refresh()
        if version in self.by_version or version in self.missed:
            return self.by_version.get(version)
        if time.monotonic() - self.missed_at <= MISS_PAUSE_SECONDS:
            raise TemporarilyUnavailable(retry_after=MISS_PAUSE_SECONDS)
        self.read()
        if version not in self.by_version:
            self.missed.add(version)
            self.missed_at = time.monotonic()
        return self.by_version.get(version)

    def to_sign(self) -> tuple[str, str]:
        """Return the current version and its key."""
        self.refresh()
        return self.current, self.by_version[self.current]


_keys = _Keys()


def forget_keys() -> None:
    """Be a process again that has not read the keys."""
    _keys.__init__()  # type: ignore[misc]  # as new


def sign(turn: Turn) -> str:
    """Write a token; it is valid until the turn expires."""
    version, key = _keys.to_sign()
    claims = {
        "concert": turn.concert_id,
        "sub": turn.user_id,
        "number": turn.number,
        "active": turn.active,
        "exp": turn.expires_at,
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": version})


def verify(text: str | None, *, user_id: str, at: int, concert_id: str | None = None) -> Turn:
    """Read a token that this user sent, for this concert if one is given.

    Raises:
        QueueTokenRequired: there is none.
        QueueTokenInvalid: not signed by us, another user's, or for another concert.
        QueueTokenExpired: its time is over.

    """
    if not text:
        raise QueueTokenRequired
    try:
        version = _version_of(text)
        key = _keys.find(version) if version is not None else None
        if key is None:
            raise QueueTokenInvalid
        claims = jwt.decode(
            text, key, [ALGORITHM], options={"verify_exp": False, "require": ["concert", "sub", "number", "exp"]}
        )
        turn = Turn(claims["concert"], claims["sub"], claims["number"], claims["active"], claims["exp"])
    except (jwt.InvalidTokenError, KeyError, UnicodeError) as error:
        raise QueueTokenInvalid from error
    ensure_for(turn, user_id, concert_id)
    if turn.expires_at <= at:
        raise QueueTokenExpired
    return turn


def _version_of(text: str) -> str | None:
    """Read which key a token claims to be signed with; PyJWT would take the whole token apart for it, twice a call."""
    header = text.partition(".")[0]
    try:
        claimed = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, RecursionError):
        return None
    version = claimed.get("kid") if isinstance(claimed, dict) else None
    return version if isinstance(version, str) and re.fullmatch(VERSION, version) else None


def ensure_for(turn: Turn, user_id: str, concert_id: str | None) -> None:
    """Check whose token it is and for what; a concert of None is any.

    Raises:
        QueueTokenInvalid: another user's or another concert's.

    """
    if turn.user_id != user_id:
        raise QueueTokenInvalid("This queue token belongs to another user.")
    if concert_id is not None and turn.concert_id != concert_id:
        raise QueueTokenInvalid("This queue token is for another concert.")
