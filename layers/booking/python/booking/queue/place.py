"""A place in line: the token item of one number, and every write on it with its condition.

The conditions are what the proof in `admission` stands on: a token that is over (FINISHED or EXPIRED) never changes
again, and a token whose time is over is ended only with the deadline that was read. A waiting place whose time is over
is not lost before the line has ended it.
"""

from dataclasses import dataclass
from typing import cast

from booking.dynamodb import ConditionFailed, Write, check, put, update, write
from booking.errors import QueueTokenExpired
from booking.queue import admission
from booking.queue.items import TokenItem, read_token, token_key
from booking.queue.token import Turn
from booking.settings import settings


@dataclass(frozen=True, slots=True)
class Place:
    """A fan's place, as stored in the token item. Times are epoch seconds."""

    turn: Turn
    active_until: int | None


def _place(concert_id: str, item: TokenItem) -> Place:
    turn = Turn(concert_id, item["userId"], item["number"], item["status"] == "ACTIVE", item["expiresAt"])
    return Place(turn, item.get("activeUntil"))


def _is_alive(item: TokenItem | None, at: int) -> bool:
    if item is None or item["status"] in admission.OVER:
        return False
    return item["status"] == "WAITING" or item["expiresAt"] > at


def open_place(concert_id: str, user_id: str, number: int, safe_until: int, at: int, keep_until: int) -> Place | None:
    """Write a new token that is safe until a time; None when this number is over by now, or was never this user's.

    Safe to repeat: several joins of one user may share a number.
    """
    item = TokenItem(
        pk=token_key(concert_id, number)["pk"],
        sk=token_key(concert_id, number)["sk"],
        userId=user_id,
        number=number,
        status="WAITING",
        expiresAt=safe_until,
        joinedAt=at,
        purgeAt=keep_until,
    )
    try:
        write(put(settings().queue_table, item, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        found = cast(TokenItem | None, refused.item)
        if found is None or found.get("userId") != user_id or found["status"] in admission.OVER:
            return None
        item = found
    return _place(concert_id, item)


def close_number(concert_id: str, number: int, keep_until: int) -> tuple[TokenItem | None, bool]:
    """Close a number whose join has died on its way; return what is there then, and whether this call put it there."""
    key = token_key(concert_id, number)
    tombstone = TokenItem(pk=key["pk"], sk=key["sk"], number=number, status="EXPIRED", purgeAt=keep_until)
    try:
        write(put(settings().queue_table, tombstone, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        return cast(TokenItem | None, refused.item), False
    return tombstone, True


def enter(turn: Turn, at: int) -> Place:
    """Turn a waiting token ACTIVE. Only for numbers up to the cursor. Safe to repeat.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    until = at + settings().active_seconds
    try:
        item = write(
            update(
                settings().queue_table,
                token_key(turn.concert_id, turn.number),
                "SET #status = :active, #activeUntil = :until, #expiresAt = :until",
                "#status = :waiting",
                active="ACTIVE",
                waiting="WAITING",
                until=until,
            )
        )
    except ConditionFailed as refused:
        item = refused.item
    token = cast(TokenItem | None, item)
    if token is None or token["status"] != "ACTIVE" or token["expiresAt"] <= at:
        raise QueueTokenExpired
    return _place(turn.concert_id, token)


def renew(turn: Turn, safe_until: int, at: int) -> Place:
    """Keep a waiting place safe until a time: the health check. Safe to repeat; also a place whose time is over comes
    back, unless the line has ended it.

    It never shortens that time: another device of the same fan may have been told to come back later than this one.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    try:
        item = write(
            update(
                settings().queue_table,
                token_key(turn.concert_id, turn.number),
                "SET #expiresAt = :until, #lastSeenAt = :at",
                "#status = :waiting AND #expiresAt <= :until",
                waiting="WAITING",
                until=safe_until,
                at=at,
            )
        )
    except ConditionFailed as refused:
        item = refused.item
    return _place(turn.concert_id, _alive(cast(TokenItem | None, item), at))


def come_back(place: Place, pause: int, at: int) -> Place:
    """Prolong a waiting place when needed: it must be safe for longer than the pause that its fan is told.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    turn = place.turn
    if turn.active or not admission.must_renew(turn.expires_at, pause, at):
        return place
    return renew(turn, at + admission.life(pause), at)


def _alive(item: TokenItem | None, at: int) -> TokenItem:
    if item is None or not _is_alive(item, at):
        raise QueueTokenExpired
    return item


def still_active(turn: Turn, at: int) -> Place:
    """Look whether an ACTIVE token has been ended before its time.

    Its deadline is in the signed token already, and being over is for good, so half a unit is enough: a copy of the
    item that is too old to say ACTIVE yet, or to be there yet, says nothing.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    item = read_token(turn.concert_id, turn.number, consistent=False)
    if (item is not None and item["status"] in admission.OVER) or turn.expires_at <= at:
        raise QueueTokenExpired
    return Place(turn, turn.expires_at)


def find(turn: Turn, at: int) -> Place:
    """Read a living place as it is now.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    return _place(turn.concert_id, _alive(read_token(turn.concert_id, turn.number), at))


def use(turn: Turn, at: int) -> Write:
    """Let a transaction that books stand only while the token is ACTIVE."""
    return check(
        settings().queue_table,
        token_key(turn.concert_id, turn.number),
        "#status = :active AND #expiresAt > :at",
        active="ACTIVE",
        at=at,
    )


def finish(concert_id: str, number: int) -> Write:
    """End a turn because its fan has paid, in the transaction that confirms the booking.

    The token's own state is no condition: a token that ran out during the payment strands nobody.
    """
    return update(
        settings().queue_table,
        token_key(concert_id, number),
        "SET #status = :finished",
        finished="FINISHED",
    )


def end(concert_id: str, number: int, *, left_at: int | None = None) -> bool:
    """End a living token by hand; `left_at` is when its fan has left. Safe to repeat; tells whether it was this call
    that ended it."""
    leaving = {} if left_at is None else {"left": left_at}
    try:
        write(
            update(
                settings().queue_table,
                token_key(concert_id, number),
                "SET #status = :finished" + (", #leftAt = :left" if leaving else ""),
                "#status IN (:waiting, :active)",
                finished="FINISHED",
                waiting="WAITING",
                active="ACTIVE",
                **leaving,
            )
        )
    except ConditionFailed:
        return False
    return True


def send_away(turn: Turn, at: int) -> Place | None:
    """End a waiting place that leads to nothing; return the place if its fan has come in on another device. Safe to
    repeat."""
    try:
        write(
            update(
                settings().queue_table,
                token_key(turn.concert_id, turn.number),
                "SET #status = :finished",
                "#status = :waiting",
                finished="FINISHED",
                waiting="WAITING",
            )
        )
    except ConditionFailed as refused:
        item = cast(TokenItem | None, refused.item)
        return _place(turn.concert_id, item) if item is not None and _is_alive(item, at) else None
    return None


def expire(concert_id: str, number: int, item: TokenItem) -> tuple[TokenItem, bool]:
    """End a token whose time is over, unless it has been renewed since it was read; return what it is then, and
    whether it was this call that ended it."""
    ended = item.copy()
    ended["status"] = "EXPIRED"
    try:
        write(
            update(
                settings().queue_table,
                token_key(concert_id, number),
                "SET #status = :expired",
                "#status = :before AND #expiresAt = :deadline",
                expired="EXPIRED",
                before=item["status"],
                deadline=item["expiresAt"],
            )
        )
    except ConditionFailed as refused:
        return cast(TokenItem | None, refused.item) or ended, False
    return ended, True


def living(concert_id: str, item: TokenItem, at: int) -> Place | None:
    """Return the place of a token that has been read, if it lives; if its turn is over, see to it that it never lives
    again."""
    if item["status"] == "ACTIVE" and item["expiresAt"] <= at:
        item, _ = expire(concert_id, item["number"], item)
    return _place(concert_id, item) if _is_alive(item, at) else None
