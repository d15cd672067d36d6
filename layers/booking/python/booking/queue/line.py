"""The line itself: joining it, polling in it, leaving it.

Items in the queue table, for each concert:

- the queue: `pk = concertId, sk = QUEUE`: `capacity` if an operator set one, the cursor and its measurements (see
  `admission.Line`), counts for operators;
- the counter: `pk = concertId#COUNTER, sk = COUNTER`: `issued`, `issuedAt`;
- the tokens, in blocks of 500 numbers: `pk = concertId#TOKENS#block, sk = number`: `userId, number, status, expiresAt,
  joinedAt, revision`, `activeUntil` once ACTIVE. The status goes WAITING → ACTIVE → FINISHED, or to EXPIRED, and a
  token that is FINISHED or EXPIRED never changes again;
- one membership a user: `pk = concertId#USER#userId, sk = MEMBER`: the `number` of the user's place.

A token is written before the membership that points to it, so a membership never points to nothing.
"""

import contextlib
import random
from dataclasses import dataclass
from typing import Any

from booking import clock
from booking.catalog import cached
from booking.dynamodb import ConditionFailed, Item, Write, get, put, update, write
from booking.errors import QueueTokenExpired, QueueTokenNotActive, RateLimited, TemporarilyUnavailable
from booking.queue import admission, token
from booking.queue.admission import Line
from booking.queue.token import Turn
from booking.settings import settings

BLOCK = 500
LINE_CACHE_SECONDS = 1
JOIN_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A fan's place, as stored in the token item. Times are epoch seconds."""

    turn: Turn
    active_until: int | None


def queue_key(concert_id: str) -> dict[str, Any]:
    """Give the key of a concert's queue."""
    return {"pk": concert_id, "sk": "QUEUE"}


def counter_key(concert_id: str) -> dict[str, Any]:
    """Give the key of a concert's counter of joins."""
    return {"pk": f"{concert_id}#COUNTER", "sk": "COUNTER"}


def token_key(concert_id: str, number: int) -> dict[str, Any]:
    """Give the key of a token."""
    return {"pk": f"{concert_id}#TOKENS#{number // BLOCK}", "sk": f"{number:010d}"}


def membership_key(concert_id: str, user_id: str) -> dict[str, Any]:
    """Give the key of a user's membership."""
    return {"pk": f"{concert_id}#USER#{user_id}", "sk": "MEMBER"}


def line_of(item: Item | None, counter: Item | None = None) -> Line:
    """Read a queue item and its counter; a concert without them has the stack's capacity and nobody in it."""
    item, counter = item or {}, counter or {}
    return Line(
        capacity=item.get("capacity", settings().queue_capacity),
        admitted=item.get("admitted", 0),
        low=item.get("low", 0),
        issued=counter.get("issued", 0),
        issued_at=counter.get("issuedAt", 0),
        pace=item.get("pace", 0),
        sample_at=item.get("sampleAt", 0),
        sample_from=item.get("sampleFrom", 0),
        active=item.get("active", 0),
        entered=item.get("entered", 0),
        lapsed=item.get("lapsed", 0),
        advanced_at=item.get("advancedAt", 0),
    )


def recent_queue(concert_id: str, at: int) -> Item:
    """Give the queue item, at most a second old. An older cursor only makes somebody wait for the next poll."""
    return cached(
        ("queue", concert_id),
        lambda: get(settings().queue_table, queue_key(concert_id), consistent=False) or {},
        at,
        LINE_CACHE_SECONDS,
    )


def overview(concert_id: str, at: int) -> dict[str, Any]:
    """Tell operators and fans how full a queue is, as of at most a second ago.

    `active` is the number of places in use when the line last moved, `waiting` those behind the cursor.
    """
    counter = cached(
        ("counter", concert_id),
        lambda: get(settings().queue_table, counter_key(concert_id), consistent=False) or {},
        at,
        LINE_CACHE_SECONDS,
    )
    line = line_of(recent_queue(concert_id, at), counter)
    return {
        "waiting": line.waiting,
        "active": line.active,
        "capacity": line.capacity,
        "entered": line.entered,
        "lapsed": line.lapsed,
        "secondsSinceAdvance": max(0, at - line.advanced_at) if line.advanced_at else None,
    }


def recent_line(concert_id: str, at: int) -> Line:
    """Give the line, at most a second old, without the count of joins."""
    return line_of(recent_queue(concert_id, at))


def _place(concert_id: str, item: Item) -> Place:
    return Place(
        Turn(concert_id, item["userId"], item["number"], item["status"] == "ACTIVE", item["expiresAt"]),
        item.get("activeUntil"),
    )


def _is_alive(item: Item | None, at: int) -> bool:
    return item is not None and item["status"] in {"WAITING", "ACTIVE"} and item["expiresAt"] > at


def _alive(item: Item | None, at: int) -> Item:
    if item is None or not _is_alive(item, at):
        raise QueueTokenExpired
    return item


def join(concert_id: str, user_id: str, at: int) -> tuple[Place, bool]:
    """Give the user's place in line and whether it is new. Safe to repeat: a user has one living place.

    Costs one unit of reading and three of writing: strict order and one place for each user cost two of the three.

    Raises:
        RateLimited: more joins than one counter can number; nothing was done.

    """
    for attempt in range(JOIN_ATTEMPTS):
        membership = get(settings().queue_table, membership_key(concert_id, user_id), consistent=attempt > 0)
        if membership is not None:
            present = _end_if_lapsed(concert_id, membership["number"], at)
            if present is not None:
                with contextlib.suppress(QueueTokenExpired):
                    return _come_back(_place(concert_id, present), at), False
                continue
        number = _next_number(concert_id, at)
        place = _put_token(concert_id, user_id, number, at)
        if place is None:
            continue
        try:
            write(
                put(
                    settings().queue_table,
                    membership_key(concert_id, user_id) | {"number": number, "purgeAt": at + 366 * clock.DAY},
                    "attribute_not_exists(#pk) OR #number = :before",
                    before=membership["number"] if membership else 0,
                )
            )
        except ConditionFailed as refused:
            if refused.item is None or refused.item["number"] != number:
                end(concert_id, number, "FINISHED")
                continue
        return place, True
    raise TemporarilyUnavailable


def _come_back(place: Place, at: int) -> Place:
    """Prolong a living place, when needed, as a poll does: whoever comes back is told a pause that it must outlive."""
    turn = place.turn
    if turn.active:
        return place
    after = _pause(turn, at)
    return renew(turn, after, at) if admission.must_renew(turn.expires_at, after, at) else place


def _wait(turn: Turn, at: int) -> int:
    return admission.estimated_wait(recent_line(turn.concert_id, at), turn.number, at, settings().active_seconds)


def _pause(turn: Turn, at: int, spread: float = 0.0) -> int:
    position = turn.number - recent_line(turn.concert_id, at).admitted
    return admission.poll_after(_wait(turn, at), position, spread)


def _next_number(concert_id: str, at: int) -> int:
    """Count one more join. A lost answer leaves a hole in the numbers, which the line passes over."""
    one_more = "SET #issuedAt = :at ADD #issued :one"
    try:
        counter = write(update(settings().queue_table, counter_key(concert_id), one_more, one=1, at=at))
    except TemporarilyUnavailable as busy:
        raise RateLimited(retry_after=random.randint(1, 5)) from busy  # noqa: S311 - jitter needs no secrecy
    assert counter is not None  # an update without a condition returns the item
    return int(counter["issued"])


def _put_token(concert_id: str, user_id: str, number: int, at: int) -> Place | None:
    """Write a new token, or give None when the line went on without this number."""
    expires_at = at + admission.life(_pause(Turn(concert_id, user_id, number, active=False, expires_at=at), at))
    item = token_key(concert_id, number) | {
        "userId": user_id,
        "number": number,
        "status": "WAITING",
        "expiresAt": expires_at,
        "joinedAt": at,
        "revision": 0,
        "purgeAt": expires_at + clock.DAY,
    }
    try:
        write(put(settings().queue_table, item, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        if refused.item is None or refused.item.get("userId") != user_id:
            return None
        item = refused.item
    return _place(concert_id, item)


def _end_if_lapsed(concert_id: str, number: int, at: int) -> Item | None:
    """Give the token if it lives; if its time is over, see to it that it never lives again."""
    item = get(settings().queue_table, token_key(concert_id, number))
    if item is None or item["status"] in {"FINISHED", "EXPIRED"}:
        return None
    if item["expiresAt"] > at:
        return item
    now_is, _ = expire(concert_id, item)
    return now_is if _is_alive(now_is, at) else None


def expire(concert_id: str, item: Item) -> tuple[Item, bool]:
    """End a token whose time is over, unless it has been renewed since it was read; give what it is then, and whether
    it was this call that ended it."""
    try:
        write(
            update(
                settings().queue_table,
                token_key(concert_id, item["number"]),
                "SET #status = :expired",
                "#status = :before AND #expiresAt = :deadline",
                expired="EXPIRED",
                before=item["status"],
                deadline=item["expiresAt"],
            )
        )
    except ConditionFailed as refused:
        return refused.item or item | {"status": "EXPIRED"}, False
    return item | {"status": "EXPIRED"}, True


def end(concert_id: str, number: int, status: str) -> bool:
    """End a living token by hand. Safe to repeat; tells whether it was this call that ended it."""
    try:
        write(
            update(
                settings().queue_table,
                token_key(concert_id, number),
                "SET #status = :status",
                "#status IN (:waiting, :active)",
                status=status,
                waiting="WAITING",
                active="ACTIVE",
            )
        )
    except ConditionFailed:
        return False
    return True


def finish(concert_id: str, number: int, at: int) -> Write:
    """End a turn because its fan has paid, in the transaction that confirms the booking.

    The token's own state is no condition: a token that ran out during the payment strands nobody.
    """
    return update(
        settings().queue_table,
        token_key(concert_id, number),
        "SET #status = :finished, #purgeAt = :purge",
        finished="FINISHED",
        purge=at + clock.DAY,
    )


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
                "SET #status = :active, #activeUntil = :until, #expiresAt = :until, #purgeAt = :purge",
                "#status = :waiting AND #expiresAt > :at",
                active="ACTIVE",
                waiting="WAITING",
                until=until,
                purge=until + clock.DAY,
                at=at,
            )
        )
    except ConditionFailed as refused:
        item = refused.item
    if item is None or item["status"] != "ACTIVE" or item["expiresAt"] <= at:
        raise QueueTokenExpired
    return _place(turn.concert_id, item)


def renew(turn: Turn, poll_after_seconds: int, at: int) -> Place:
    """Prolong a waiting token's life: the health check. Safe to repeat; a token that has lapsed never comes back.

    It never shortens a life: another device of the same fan may have been told to come back later than this one.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    expires_at = at + admission.life(poll_after_seconds)
    try:
        item = write(
            update(
                settings().queue_table,
                token_key(turn.concert_id, turn.number),
                "SET #expiresAt = :until, #lastSeenAt = :at, #purgeAt = :purge",
                "#status = :waiting AND #expiresAt > :at AND #expiresAt <= :until",
                waiting="WAITING",
                until=expires_at,
                purge=expires_at + clock.DAY,
                at=at,
            )
        )
    except ConditionFailed as refused:
        item = refused.item
    item = _alive(item, at)
    return _place(turn.concert_id, item)


def poll(turn: Turn, at: int) -> Place:
    """Check a place's health and turn: renew it when needed, let it in when it may enter.

    At most one write, and none while less than half of the token's life is over; at most one read, of the cached line
    or, once ACTIVE, of the token.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    if turn.active:
        return _still_active(turn, at)
    if turn.number <= recent_line(turn.concert_id, at).admitted:
        return enter(turn, at)
    return _come_back(Place(turn, None), at)


def _still_active(turn: Turn, at: int) -> Place:
    """Look whether an ACTIVE token has been ended before its time.

    Its deadline is in the signed token already, and being over is for good, so half a unit is enough: a copy of the
    item that is too old to say ACTIVE yet, or to be there yet, says nothing.

    Raises:
        QueueTokenExpired: the place is gone.

    """
    item = get(settings().queue_table, token_key(turn.concert_id, turn.number), consistent=False) or {}
    if item.get("status") in {"FINISHED", "EXPIRED"} or turn.expires_at <= at:
        raise QueueTokenExpired
    return Place(turn, turn.expires_at)


def read_active(turn: Turn, at: int) -> Item:
    """Read the token with which somebody wants to book.

    Raises:
        QueueTokenExpired: the place is gone.
        QueueTokenNotActive: it is not this fan's turn yet; carries the numbers of the place.

    """
    item = get(settings().queue_table, token_key(turn.concert_id, turn.number))
    item = _alive(item, at)
    if item["status"] != "ACTIVE":
        raise not_active(_place(turn.concert_id, item), at)
    return item


def not_active(place: Place, at: int) -> QueueTokenNotActive:
    """Refuse somebody whose turn has not come, with the numbers of the place."""
    shown = numbers(place, at)
    shown["queueStatus"] = shown.pop("status")
    return QueueTokenNotActive(retry_after=shown["pollAfterSeconds"], **shown)


def use(turn: Turn, revision: int, at: int) -> Write:
    """Book with an ACTIVE token, in a transaction; a parallel booking with the same token is refused and looks
    again."""
    return update(
        settings().queue_table,
        token_key(turn.concert_id, turn.number),
        "SET #revision = :next",
        "#status = :active AND #expiresAt > :at AND #revision = :revision",
        next=revision + 1,
        active="ACTIVE",
        revision=revision,
        at=at,
    )


def leave(turn: Turn) -> bool:
    """Give a place up; it is free at once. Safe to repeat; tells whether it was this call that ended it."""
    return end(turn.concert_id, turn.number, "FINISHED")


def view(place: Place, at: int) -> dict[str, Any]:
    """Show a place, with the token to send from now on."""
    turn = place.turn
    return {"token": token.sign(turn), **numbers(place, at), "serverTime": clock.rfc3339(at)}


def numbers(place: Place, at: int) -> dict[str, Any]:
    """Show a place without its token."""
    turn = place.turn
    position, wait, after = 0, 0, admission.POLL_SLOWEST_SECONDS
    if not turn.active:
        position = max(1, turn.number - recent_line(turn.concert_id, at).admitted)
        wait = _wait(turn, at)
        after = _pause(turn, at, random.random())  # noqa: S311 - jitter needs no secrecy
    return {
        "status": "ACTIVE" if turn.active else "WAITING",
        "position": position,
        "ahead": max(0, position - 1),
        "estimatedWaitSeconds": wait,
        "pollAfterSeconds": after,
        "expiresAt": clock.rfc3339(turn.expires_at),
        "activeUntil": clock.rfc3339(place.active_until) if place.active_until is not None else None,
    }
