"""The signed queue token: proof of a place in line, or of the right to book, checked without any I/O.

A JWT (HS256). The key is a secret of the stack; its version is the token's `kid`, so that a rotated key keeps the
tokens of the version before it valid until they expire. Written and checked by the standard library: a JWT library
brings the curves of `cryptography` into each cold start of the functions that are called most, and reads a token twice.
"""

import base64
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from booking.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired
from booking.keys import VERSION, Keys
from booking.settings import settings

ALGORITHM = "HS256"


LOBBY = 0
"""The number of those who are in a lobby and have none yet."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a queue token says. `number` is the place in the line, or `LOBBY`; `expires_at` is in epoch seconds."""

    concert_id: str
    user_id: str
    number: int
    active: bool
    expires_at: int


_keys = Keys(lambda: settings().queue_key_secret_arn)


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
    signed = f"{_encoded({'alg': ALGORITHM, 'typ': 'JWT', 'kid': version})}.{_encoded(claims)}"
    return f"{signed}.{_signature(signed, key)}"


def verify(text: str | None, *, user_id: str, at: int, concert_id: str | None = None) -> Turn:
    """Read a token that this user sent, for this concert if one is given.

    One of a turn ends with it. One of a waiting place proves the place also after its time: the place may live, or have
    become a turn, and has to be looked up.

    Raises:
        QueueTokenRequired: there is none.
        QueueTokenInvalid: not signed by us, another user's, or for another concert.
        QueueTokenExpired: the turn is over.

    """
    if not text:
        raise QueueTokenRequired
    signed, _, signature = text.rpartition(".")
    header, _, body = signed.partition(".")
    version = _version_of(header)
    key = _keys.find(version) if version is not None else None
    if key is None or not hmac.compare_digest(signature.encode(errors="replace"), _signature(signed, key).encode()):
        raise QueueTokenInvalid
    claims = _decoded(body)
    try:
        turn = Turn(claims["concert"], claims["sub"], claims["number"], claims["active"], claims["exp"])
    except (KeyError, TypeError) as error:
        raise QueueTokenInvalid from error
    ensure_for(turn, user_id, concert_id)
    if turn.active and turn.expires_at <= at:
        raise QueueTokenExpired
    return turn


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).decode().rstrip("=")


def _decoded(part: str) -> Any:
    """Read a part of a token; what is none is None."""
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def _signature(signed: str, key: str) -> str:
    digest = hmac.digest(key.encode(), signed.encode(errors="replace"), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _version_of(header: str) -> str | None:
    """Read which key a token claims to be signed with, if it is signed as ours are."""
    claimed = _decoded(header)
    if not isinstance(claimed, dict) or claimed.get("alg") != ALGORITHM:
        return None
    version = claimed.get("kid")
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
