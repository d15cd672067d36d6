"""How many seats of a performance a user holds and owns, and for how long they have been holding: in one item.

What is judged together has to be read together, since a transaction becomes visible item by item. So there is one item
for each user and performance, beside the user's reservations: `userId, reservationId = limit#performanceId`. Every
reservation that holds or owns seats is in its `holds`, put there and taken out by the very transaction that makes or
ends it. Its `revision` is a condition of each hold, so parallel requests of one user follow each other.

Paying does not touch it: a reservation that is paid for stays in it. A hold past its deadline stays in it too, for its
payment may just be locking it; it leaves only with the write that ends the reservation for good (`reservations`).

A user cannot keep seats for ever by holding them again and again. From the first hold on, every hold ends by an
absolute end; then nobody holds for them until a pause is over. Paying, and a pause by oneself, begin anew.
"""

from typing import TypedDict, cast

from booking.dynamodb import Key, Write, get, put, update
from booking.settings import settings

PAID = 0
"""Stands as the deadline of a hold that was seen to be paid for."""
_KEY = "limit#"


class Kept(TypedDict):
    """The seats of one reservation, and the deadline of its hold (epoch seconds) or `PAID`."""

    seats: list[int]
    until: int


class Limit(TypedDict):
    """What one user has of one performance. `since` is the first hold since the last pause, `heldUntil` the latest
    deadline since then; both are 0 before the first."""

    userId: str
    reservationId: str
    revision: int
    holds: dict[str, Kept]
    since: int
    heldUntil: int


def _key(user_id: str, performance_id: str) -> dict[str, str]:
    return {"userId": user_id, "reservationId": f"{_KEY}{performance_id}"}


def performance_of(item: Key) -> str | None:
    """Name the performance of such an item, or return None for a reservation, which lies beside it."""
    name = str(item["reservationId"])
    return name.removeprefix(_KEY) if name.startswith(_KEY) else None


def read(user_id: str, performance_id: str) -> Limit:
    """Read what a user has of a performance; somebody who never held a seat has an empty one of revision 0."""
    key = _key(user_id, performance_id)
    found = get(settings().reservations_table, key) or {**key, "revision": 0, "holds": {}, "since": 0, "heldUntil": 0}
    return cast(Limit, found)


def count(limit: Limit) -> int:
    """Count the seats that are held or owned, those of lapsed holds that were not ended yet included."""
    return sum(len(kept["seats"]) for kept in limit["holds"].values())


def deadline(limit: Limit, at: int) -> int:
    """Return until when a hold that is made now may last; a time that has come means none may be made now."""
    longest = settings().hold_seconds
    return min(at + longest, since(limit, at) + max(settings().max_holding_seconds, longest))


def since(limit: Limit, at: int) -> int:
    """Return when the holding began that a hold made now would belong to."""
    return limit["since"] if at < again_at(limit) else at


def again_at(limit: Limit) -> int:
    """Return when the pause is over that follows the last hold."""
    return limit["heldUntil"] + settings().hold_again_seconds


def add(limit: Limit, reservation_id: str, kept: Kept, at: int) -> Write:
    """Put a new hold into the item, if nothing has changed since it was read."""
    changed: Limit = {
        **limit,
        "revision": limit["revision"] + 1,
        "holds": limit["holds"] | {reservation_id: kept},
        "since": since(limit, at),
        "heldUntil": max(limit["heldUntil"], kept["until"]),
    }
    if not limit["revision"]:
        return put(settings().reservations_table, changed, "attribute_not_exists(#revision)")
    return put(settings().reservations_table, changed, "#revision = :before", before=limit["revision"])


def keep(user_id: str, performance_id: str, reservation_id: str, left: list[int]) -> Write:
    """Count only these seats of a reservation from now on, some of which were cancelled; or none of it any more."""
    if not left:
        return take_out(user_id, performance_id, reservation_id)
    return update(
        settings().reservations_table,
        _key(user_id, performance_id),
        f"SET #revision = #revision + :one, #holds.#{reservation_id}.#seats = :left",
        f"attribute_exists(#holds.#{reservation_id})",
        one=1,
        left=left,
    )


def take_out(user_id: str, performance_id: str, reservation_id: str) -> Write:
    """Take a reservation out that this transaction ends."""
    return update(
        settings().reservations_table,
        _key(user_id, performance_id),
        f"SET #revision = #revision + :one REMOVE #holds.#{reservation_id}",
        f"attribute_exists(#holds.#{reservation_id})",
        one=1,
    )
