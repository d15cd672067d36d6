"""The time: whole seconds since the epoch (UTC) inside, RFC 3339 outside."""

import time
from datetime import UTC, datetime

DAY = 86_400


def now() -> int:
    """Give the time in whole epoch seconds, rounded down: a deadline D has passed exactly when `now() >= D`."""
    return int(time.time())


def rfc3339(seconds: int) -> str:
    """Write epoch seconds as the contract has times, such as `2026-12-24T10:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
