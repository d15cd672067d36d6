"""Draws the order of a concert's lobby, once its list can be read; invoked by whoever finds that it is time."""

from typing import Any

from booking.observability import bind, count, reported
from booking.queue import drawing


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Draw the lobby that the event names, if it is time to. Safe to repeat; a run that failed is run again."""
    concert_id = str(event["concertId"])
    bind(concertId=concert_id)
    status = drawing.draw_lobby(concert_id)
    if status == "DRAWN":
        count("LobbyDrawn")
    return {"lobby": status or "NONE"}
