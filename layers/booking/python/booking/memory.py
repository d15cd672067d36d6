"""What a process remembers of what it has read, for a few seconds, so that a crowd's reads cost one.

Each process remembers on its own: what is read through here may be as old as `seconds` says, and differ from what
another process shows.
"""

from collections.abc import Callable, Hashable
from typing import Any

ENTRIES = 1000
"""Past this everything is forgotten at once, so that no list of keys that somebody makes up fills a process."""

known: dict[Hashable, tuple[int, Any]] = {}
"""When and what, by key. Who plays several processes in one lays another one's here."""


def cached[Value](key: Hashable, read: Callable[[], Value], at: int, seconds: int) -> Value:
    """Return what was read under this key less than `seconds` ago, else read it. What is missing is not remembered."""
    remembered = known.get(key)
    if remembered is not None and 0 <= at - remembered[0] < seconds:
        return remembered[1]  # type: ignore[no-any-return]
    value = read()
    if value is not None:
        if len(known) >= ENTRIES:
            known.clear()
        known[key] = (at, value)
    return value


def forget(key: Hashable = None) -> None:
    """Forget what was read under this key, or everything."""
    if key is None:
        known.clear()
    else:
        known.pop(key, None)
