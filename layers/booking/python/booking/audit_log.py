"""The log of what organisers and operators have changed: who, when, what it was before and what it is after.

An entry is written in the transaction of the change itself, so there is no change without its entry and no entry
without its change. It is put on condition that it is not there, and nothing updates or deletes it: no function's policy
allows that (`tests/contract/test_log.py`), and no TTL does it. Entries are kept for good. They name organisers and
operators, and bookings by their ids; no fan is named.

Item: `pk = LOG`, `sk = entryId`, which begins with the time to the millisecond, so that the newest are read first.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, cast

from booking import clock, ids
from booking.cursors import not_a_cursor
from booking.dynamodb import Item, Write, put, query
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

LOG = "LOG"
_ENTRY = r"e[0-9a-z]{21}"

type Action = Literal[
    "QUEUE_CHANGED", "CATALOG_PUBLISHED", "PERFORMANCE_OFF_SALE", "PERFORMANCE_CALLED_OFF", "RESERVATION_CANCELLED"
]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: an organiser's id and the name that they sign in with, or an operator's AWS identity and
    the name that their machine knows them by."""

    user_id: str
    name: str | None


class About(TypedDict, total=False):
    """What a change is about."""

    concertId: str
    performanceId: str
    reservationId: str


class Entry(About):
    """A change. `details` has what it was before and after, or what else there is to say; `reason` is the actor's."""

    pk: str
    sk: str
    at: int
    userId: str
    name: str | None
    action: Action
    details: dict[str, Any]
    reason: NotRequired[str]


def entry(
    actor: Actor, action: Action, once: object, at: int, *, about: About, details: Item, reason: str | None = None
) -> Write:
    """Write a change down, in the transaction that makes it and whose conditions let it happen once.

    `once` names the change among those of this kind, so that two of one moment are two entries.
    """
    seconds, moment = divmod(clock.milliseconds(), 1000)
    item: Entry = {
        "pk": LOG,
        "sk": f"e{seconds:09x}{moment:03x}{ids.digest(action, once)[:9]}",
        "at": at,
        "userId": actor.user_id,
        "name": actor.name,
        "action": action,
        "details": details,
    }
    if reason is not None:
        item["reason"] = reason
    return put(settings().log_table, {**item, **about}, "attribute_not_exists(#pk)")


def entries(limit: int, after: str | None) -> tuple[list[Entry], Item | None]:
    """Return one page of the log, newest first, and the key to go on from.

    Raises:
        ValidationFailed: `after` is not an entry's id; DynamoDB refuses to begin outside of what is asked for.

    """
    if after is not None and not re.fullmatch(_ENTRY, after):
        raise not_a_cursor()
    page = query(
        settings().log_table,
        "#pk = :log",
        forward=False,
        limit=limit,
        start={"pk": LOG, "sk": after} if after else None,
        log=LOG,
    )
    return cast(list[Entry], page.items), page.last_key


def view(item: Entry) -> "views.LogEntry":
    """Show an entry to an organiser."""
    shown: views.LogEntry = {
        "entryId": item["sk"],
        "at": clock.rfc3339(item["at"]),
        "userId": item["userId"],
        "name": item["name"],
        "action": item["action"],
        "details": item["details"],
    }
    if "concertId" in item:
        shown["concertId"] = item["concertId"]
    if "performanceId" in item:
        shown["performanceId"] = item["performanceId"]
    if "reservationId" in item:
        shown["reservationId"] = item["reservationId"]
    if "reason" in item:
        shown["reason"] = item["reason"]
    return shown
