"""What a fan does in a line: join it, poll in it, book from it, leave it. One call for each endpoint."""

from typing import TYPE_CHECKING

from booking import catalog, clock, sale
from booking.catalog import Concert
from booking.queue import admission, driver, membership, place, token, view
from booking.queue.admission import Line
from booking.queue.items import line_of, read_membership, recent_queue
from booking.queue.place import Place
from booking.queue.tick import make_room
from booking.queue.token import Turn

if TYPE_CHECKING:
    from booking.views import QueueView


def join(concert: Concert, user_id: str, at: int) -> tuple["QueueView", bool]:
    """Return the user's place and whether it is new: in the line, with the way in if there is room, or in the lobby
    that comes before it.

    Safe to repeat, from any device.

    Raises:
        RateLimited: more joins than one counter can number, or the user has just left; nothing was done.
        SalesNotOpen, SalesClosed, NoPerformances, SoldOut: there is nothing to join.

    """
    drawn: int | None = None
    if "lobbyOpensAt" in concert and at < concert["salesCloseAt"]:
        from booking.queue import opening  # noqa: PLC0415 - only where there is a lobby

        met = opening.join(concert, user_id, at)
        if not isinstance(met, int):
            return met
        drawn = met
    sale.ensure_open(concert, at)
    keep_until = concert["salesCloseAt"] + clock.DAY
    found, line, is_new = take_place(concert["sk"], user_id, at, keep_until, drawn=drawn)
    return view.shown(found, line, at), is_new


def take_place(
    concert_id: str, user_id: str, at: int, keep_until: int = 0, *, drawn: int | None = None
) -> tuple[Place, Line, bool]:
    """Do what `join` does in the line; return the place itself, the line as it is then, and whether the place is new.

    `keep_until` and `drawn` are as in `membership.find_or_open`.
    """
    queue = recent_queue(concert_id, at)
    line = line_of(queue)
    found, is_new = membership.find_or_open(concert_id, user_id, line, at, keep_until, drawn=drawn)
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
    if turn.number == token.LOBBY:
        return _poll_in_the_lobby(turn, at)
    found, line = look(turn, at)
    return view.shown(found, line, at)


def _poll_in_the_lobby(turn: Turn, at: int) -> "QueueView":
    """Show the lobby, or, once the order is drawn, take the place that was drawn."""
    from booking.queue import opening  # noqa: PLC0415 - only where there is a lobby

    concert = catalog.find_concert(turn.concert_id, at)
    met = opening.poll(concert, turn, at)
    if not isinstance(met, int):
        return met
    sale.ensure_open(concert, at)
    keep_until = concert["salesCloseAt"] + clock.DAY
    found, line, _ = take_place(turn.concert_id, turn.user_id, at, keep_until, drawn=met)
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
        if (entered := place.send_away(turn, at)) is None:
            raise sale.REFUSALS[queue["closed"]]
        return entered, line
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
    if turn.number == token.LOBBY:
        raise view.in_the_lobby()
    found = place.find(turn, at)
    if not found.turn.active:
        raise view.not_active(found, line_of(recent_queue(turn.concert_id, at)), at)


def leave(concert_id: str, user_id: str, sent: str | None, at: int) -> bool:
    """Give a place up; it is free at once. Safe to repeat; tells whether it was this call that ended it.

    Raises:
        QueueTokenRequired, QueueTokenInvalid, QueueTokenExpired: as `token.verify`.

    """
    turn = token.verify(sent, user_id=user_id, at=at, concert_id=concert_id)
    if turn.number == token.LOBBY:
        return _leave_the_lobby(concert_id, user_id, at)
    return _leave_the_line(concert_id, turn.number, at)


def _leave_the_lobby(concert_id: str, user_id: str, at: int) -> bool:
    """Give an entry up, and before it the place that it has led to if the order is drawn."""
    from booking.queue import lobby  # noqa: PLC0415 - only where there is a lobby

    entry = lobby.find(concert_id, user_id, at)
    if entry is None or "leftAt" in entry:
        return False
    led_to = read_membership(concert_id, user_id, consistent=True)
    left = led_to is not None and _leave_the_line(concert_id, led_to["number"], at)
    return lobby.leave(concert_id, user_id, at) or left


def _leave_the_line(concert_id: str, number: int, at: int) -> bool:
    left = place.end(concert_id, number, left_at=at)
    if left:
        driver.kick(concert_id)
    return left
