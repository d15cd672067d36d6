"""Ids that are derived from requests, so that a repeated request finds what the first one made."""

import base64
import hashlib
import json
from typing import Any

RESERVATION = r"r[0-9a-z]{21}"
"""What a reservation's id looks like."""


def digest(*parts: Any) -> str:
    """Return 20 lower-case base32 characters (100 bits) that stand for these JSON-able parts and no others."""
    canonical = json.dumps(parts, separators=(",", ":"), sort_keys=True)
    return base64.b32encode(hashlib.sha256(canonical.encode()).digest())[:20].decode().lower()


def reservation_id(
    user_id: str, performance_id: str, seat_numbers: list[int], turn: int, revision: int, at: int
) -> str:
    """Name a hold after the request, the queue token and the revision of the limit that it was made with; sorts by time
    `at`."""
    return f"r{at:09x}{digest(user_id, performance_id, seat_numbers, turn, revision)[:12]}"


def cancellation_id(whose: str, reservation_id: str, *key: str) -> str:
    """Name a cancellation after whose it is, the booking and their idempotency key, if they have one: a key that is
    forgotten may be used for another booking."""
    return f"c{digest('cancellation', whose, reservation_id, *key)}"


def reservation_id_of_key(user_id: str, key: str, at: int) -> str:
    """Name a hold after its user's idempotency key; sorts by time `at` as the others do."""
    return f"r{at:09x}{digest('reserve', user_id, key)[:12]}"


def of_key(reservation_id: str) -> str:
    """Return the part of a reservation's id that comes from the key, whenever it was made."""
    return reservation_id[10:]


def payment_id(user_id: str, key: str) -> str:
    """Name a payment after who pays and their idempotency key; it is also the name of the workflow's execution."""
    return f"p{digest('payment', user_id, key)}"
