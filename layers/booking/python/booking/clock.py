"""The time: whole seconds since the epoch (UTC) inside, RFC 3339 outside."""

import math
import re
import time
from datetime import UTC, datetime

HOUR = 3600
DAY = 86_400
LAST = 253_402_300_799
"""The last second of the year 9999, after which no time can be written as the contract has it."""


def now() -> int:
    """Return the time in whole epoch seconds, rounded down: a deadline D has passed exactly when `now() >= D`."""
    return int(time.time())


def milliseconds() -> int:
    """Return the time in whole epoch milliseconds: for what has an order within a second, and for no deadline."""
    return int(time.time() * 1000)


def epoch_seconds(text: str) -> int:
    """Read a time as RFC 3339 has it, with its zone, in whole epoch seconds, rounded down.

    Raises:
        ValueError: it is no such time, or before 1970 or after 9999.

    """
    if not re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", text, re.ASCII
    ):
        raise ValueError("not a time with a zone")
    seconds = math.floor(datetime.fromisoformat(text.upper()).timestamp())
    if not 0 <= seconds <= LAST:
        raise ValueError("before 1970 or after 9999")
    return seconds


def rfc3339(seconds: int) -> str:
    """Write epoch seconds as the contract has times, such as `2026-12-24T10:00:00Z`; what is after `LAST` as that."""
    return datetime.fromtimestamp(min(seconds, LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
