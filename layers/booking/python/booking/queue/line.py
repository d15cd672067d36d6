"""What a fan does in a line: join it, poll in it, book from it, leave it. One call for each endpoint."""

from typing import TYPE_CHECKING

from booking import sale
from booking.queue import admission, driver, membership, place, token, view
from booking.queue.admission import Line
from booking.queue.items import line_of, recent_queue
from booking.queue.place import Place
from booking.queue.tick import make_room
from booking.queue.token import Turn

if TYPE_CHECKING:
    from booking.views import QueueView


def join(concert_id: str, user_id: str, at: int, keep_until: int = 0) -> tuple["QueueView", bool]:
    """Return the user's place in line and whether it is new; let them straight in if there is room.

    The place is kept until `keep_until` at least, as in `membership.find_or_open`.

    Safe to repeat, from any device.

    Raises:
        RateLimited: more joins than one counter can number; nothing was done.

    """
    found, line, is_new = take_place(concert_id, user_id, at, keep_until)
    return view.shown(found, line, at), is_new


def take_place(concert_id: str, user_id: str, at: int, keep_until: int = 0) -> tuple[Place, Line, bool]:
    """Do what `join` does; return the place itself, the line as it is then, and whether the place is new."""
    queue = recent_queue(concert_id, at)
    line = line_of(queue)
    found, is_new = membership.find_or_open(concert_id, user_id, line, at, keep_until)
    turn = found.turn
    if not turn.active and turn.number > line.admitted and _has_moved(line, turn.number):
        line = make_room(concert_id, turn.number, at)
    if not turn.active and turn.number <= line.admitted:
        return place.enter(turn, at), line, is_new
    driver.keep_moving(turn, queue, line, at)
    return found, line, is_new


def _has_moved(line: Line, number: int) -> bool:
    """Tell whether joins may have moved a line that was read a second ago, or this number can move it: while there was
    room, or as far as a hall that has emptied since would reach."""
    return line.active < line.capacity or number <= line.admitted + admission.FRONT + line.capacity


def poll(concert_id: str, user_id: str, sent: str | None, at: int) -> "QueueView":
    """Check a place's health and turn: renew it when needed, let it in when it may enter.

    Raises:
        QueueTokenRequired, QueueTokenInvalid: as `token.verify`.
        QueueTokenExpired: the place is gone.
        SoldOut, NoPerformances, SalesClosed: nothing is left that one could wait for; the place has ended.

    """
    turn = token.verify(sent, user_id=user_id, at=at, concert_id=concert_id)
    found, line = look(turn, at)
    return view.shown(found, line, at)


def look(turn: Turn, at: int) -> tuple[Place, Line | None]:
    """Do what `poll` does for a token that has been verified; return the place itself, and the line if it waited.

    At most one write, and none while the place is safe for long enough; at most one read, of the line or, once ACTIVE,
    of the token.

    Raises:
        QueueTokenExpired: the place is gone.
        SoldOut, NoPerformances, SalesClosed: nothing is left that one could wait for; the place has ended.

    """
    if turn.active:
        return place.still_active(turn, at), None
    queue = recent_queue(turn.concert_id, at)
    line = line_of(queue)
    if "closed" in queue:
        place.end(turn.concert_id, turn.number)
        raise sale.REFUSALS[queue["closed"]]
    if turn.number <= line.admitted:
        return place.enter(turn, at), line
    found = place.come_back(Place(turn, None), admission.pause(line, turn.number, at), at)
    driver.keep_moving(turn, queue, line, at)
    return found, line


def book(turn: Turn, at: int) -> None:
    """Check that it is this fan's turn to book, now.

    Raises:
        QueueTokenExpired: the place is gone.
        QueueTokenNotActive: it is not this fan's turn yet; carries the numbers of the place.

    """
    found = place.find(turn, at)
    if not found.turn.active:
        raise view.not_active(found, line_of(recent_queue(turn.concert_id, at)), at)


def leave(concert_id: str, user_id: str, sent: str | None, at: int) -> bool:
    """Give a place up; it is free at once. Safe to repeat; tells whether it was this call that ended it.

    Raises:
        QueueTokenRequired, QueueTokenInvalid, QueueTokenExpired: as `token.verify`.

    """
    turn = token.verify(sent, user_id=user_id, at=at, concert_id=concert_id)
    left = place.end(concert_id, turn.number, left_at=at)
    if left:
        driver.kick(concert_id)
    return left
