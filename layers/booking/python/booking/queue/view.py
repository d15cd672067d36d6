"""What fans and operators are shown of a queue."""

import random
from typing import TYPE_CHECKING, Any

from booking import clock
from booking.errors import QueueTokenNotActive
from booking.queue import admission, items, token
from booking.queue.admission import Line
from booking.queue.place import Place

if TYPE_CHECKING:
    from booking import views


def shown(place: Place, line: Line | None, at: int) -> "views.QueueView":
    """Show a place, with the token to send from now on."""
    return {"token": token.sign(place.turn), **numbers(place, line, at), "serverTime": clock.rfc3339(at)}


def numbers(place: Place, line: Line | None, at: int) -> "views.QueueNumbers":
    """Show a place without its token, in a line that may be a second old; who is ACTIVE stands in none."""
    turn = place.turn
    position, wait, pause, paused, message = 0, 0, admission.POLL_ACTIVE_SECONDS, False, None
    if not turn.active and line is not None:
        paused, message = line.paused, line.message
        position = max(1, turn.number - line.admitted)
        wait = admission.estimated_wait(line, turn.number, at)
        pause = admission.pause(line, turn.number, at, random.random())  # noqa: S311 - jitter needs no secrecy
    return {
        "status": "ACTIVE" if turn.active else "WAITING",
        "position": position,
        "ahead": max(0, position - 1),
        "estimatedWaitSeconds": wait,
        "pollAfterSeconds": pause,
        "paused": paused,
        "saleStatus": "PAUSED" if paused else "ON_SALE",
        "message": message,
        "expiresAt": clock.rfc3339(turn.expires_at),
        "activeUntil": clock.rfc3339(place.active_until) if place.active_until is not None else None,
    }


def not_active(place: Place, line: Line, at: int) -> QueueTokenNotActive:
    """Refuse somebody whose turn has not come, with the numbers of the place."""
    told: dict[str, Any] = {**numbers(place, line, at), "serverTime": clock.rfc3339(at)}
    told["queueStatus"] = told.pop("status")
    return QueueTokenNotActive(retry_after=told["pollAfterSeconds"], **told)


def in_the_lobby() -> QueueTokenNotActive:
    """Refuse somebody who is still in the lobby, where nobody has a position."""
    pause = admission.POLL_ACTIVE_SECONDS
    none: dict[str, Any] = dict.fromkeys(("position", "ahead", "estimatedWaitSeconds"))
    return QueueTokenNotActive(retry_after=pause, queueStatus="LOBBY", pollAfterSeconds=pause, **none)


def overview(concert_id: str, at: int) -> "views.Queue":
    """Tell operators and fans how full a queue is, as of at most a second ago.

    `active` is the number of places in use when the line last moved, `waiting` those behind the cursor.
    """
    line = items.line_of(items.recent_queue(concert_id, at), items.recent_counter(concert_id, at))
    return {
        "waiting": line.waiting,
        "active": line.active,
        "capacity": line.capacity,
        "paused": line.paused,
        "entered": line.entered,
        "lapsed": line.lapsed,
        "secondsSinceAdvance": max(0, at - line.advanced_at) if line.advanced_at else None,
    }
