"""What a process remembers of what it has read, for a few seconds, so that a crowd's reads cost one.

Each process remembers on its own: what is read through here may be as old as `seconds` says, and differ from what
another process shows.
"""

from collections.abc import Callable, Hashable
from typing import Any

ENTRIES = 1000
"""Past this everything is forgotten at once, so that no list of keys that somebody makes up fills a process. What is as
large as a page has no keys that anybody can make up."""

known: dict[tuple[str, Hashable], tuple[int, Any]] = {}
"""When and what, by kind and key. Who plays several processes in one lays another one's here."""


def cached[Value](kind: str, key: Hashable, read: Callable[[], Value], at: int, seconds: int) -> Value:
    """Return what was read under this key less than `seconds` ago, else read it. What is missing is not remembered.

    Each caller has a `kind` of its own: what one remembers is never another's, whatever the keys are made of.
    """
    remembered = known.get((kind, key))
    if remembered is not None and 0 <= at - remembered[0] < seconds:
        return remembered[1]  # type: ignore[no-any-return]
    value = read()
    if value is not None:
        if len(known) >= ENTRIES:
            known.clear()
        known[kind, key] = (at, value)
    return value


def forget(kind: str = "", key: Hashable = None) -> None:
    """Forget what was read under this key of a kind, or everything."""
    if not kind:
        known.clear()
    else:
        known.pop((kind, key), None)
