"""What a fan meets where a lobby comes before the line: the lobby, the closed door until the draw, the drawn number.

Imported only for concerts that have a lobby.
"""

import random
from typing import TYPE_CHECKING

from booking import clock
from booking.catalog import Concert
from booking.errors import QueueTokenExpired
from booking.queue import items, lobby, token
from booking.queue.admission import SAFE_SECONDS
from booking.queue.draw import Receipt
from booking.queue.token import LOBBY, Turn

if TYPE_CHECKING:
    from booking.views import QueueView

SPREAD_SECONDS = 10
"""Over how long those in the lobby spread their first question after the draw."""


def join(concert: Concert, user_id: str, at: int) -> tuple["QueueView", bool] | int:
    """Let a user into the lobby and show it; once the order is drawn, return the user's number, or 0 for none.

    Raises:
        SalesNotOpen: the lobby is not open yet, or is closed and the order is not drawn.

    """
    match lobby.state(concert, at):
        case "OPEN":
            receipt, is_new = lobby.enter(concert, user_id, at, clock.now)
            return _shown(concert, user_id, at, receipt), is_new
        case "DRAWN":
            return _number(concert["sk"], user_id, at)
    raise lobby.not_now(concert, at)


def poll(concert: Concert, turn: Turn, at: int) -> "QueueView | int":
    """Show somebody's lobby; once the order is drawn, return the number.

    Raises:
        QueueTokenExpired: the user has left the lobby.

    """
    found = lobby.find(concert["sk"], turn.user_id, at)
    if found is None or "leftAt" in found:
        raise QueueTokenExpired
    if lobby.state(concert, at) == "DRAWN":
        return _number(concert["sk"], turn.user_id, at)
    return _shown(concert, turn.user_id, at, None)


def _number(concert_id: str, user_id: str, at: int) -> int:
    found = lobby.find(concert_id, user_id, at)
    if found is None or "leftAt" in found:
        return 0
    return lobby.number_of(concert_id, user_id, at) or 0


def _shown(concert: Concert, user_id: str, at: int, receipt: Receipt | None) -> "QueueView":
    """Show a place in the lobby. It has no position; nothing has to be asked before the draw."""
    draws_at = lobby.draws_at(concert)
    spread = random.randint(0, SPREAD_SECONDS)  # noqa: S311 - jitter needs no secrecy
    pause = max(2, draws_at - at) + spread
    turn = Turn(concert["sk"], user_id, LOBBY, active=False, expires_at=at + pause + SAFE_SECONDS)
    shown: QueueView = {
        "token": token.sign(turn),
        "status": "LOBBY",
        "position": None,
        "ahead": None,
        "estimatedWaitSeconds": None,
        "pollAfterSeconds": pause,
        "paused": False,
        "saleStatus": "UPCOMING",
        "message": items.recent_queue(concert["sk"], at).get("message"),
        "expiresAt": clock.rfc3339(turn.expires_at),
        "activeUntil": None,
        "serverTime": clock.rfc3339(at),
    }
    if receipt is not None:
        shown["receipt"] = receipt
    return shown
