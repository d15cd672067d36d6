"""One place for each user: finding it again, or taking the next number for a new one.

A user's parallel joins share one number: the counter notes who has just been numbered, and counts nobody twice within
some seconds. It has room for `RECENT` users, so in a rush of thousands a second a few of their parallel joins may still
be numbered apart; then the membership decides, and the other numbers are ended.

Whoever leaves and joins again has to wait a while first, longer each time: otherwise one account could fill the line
with numbers that are over.
"""

import base64
import hashlib
import random
from typing import Any, cast

from booking import clock
from booking.dynamodb import ConditionFailed, put, update, write
from booking.errors import QueueTokenExpired, RateLimited, SalesNotOpen, TemporarilyUnavailable
from booking.queue import admission, place
from booking.queue.admission import Line
from booking.queue.items import (
    MembershipItem,
    TokenItem,
    counter_key,
    membership_key,
    read_membership,
    read_queue,
    read_token,
)
from booking.queue.place import Place
from booking.settings import settings

ATTEMPTS = 5
RECENT = 32
"""How many users the counter remembers: as many as keep it within one unit of writing."""
RECENT_SECONDS = 5
"""For how long at least it tells a user's joins from a new one. A token is kept for longer than twice of it, so a
number that is found so has not been forgotten."""
KEPT_SECONDS = 366 * clock.DAY
COOL_DOWN_SECONDS = 30
LONGEST_COOL_DOWN_SECONDS = 600


def find_or_open(
    concert_id: str, user_id: str, line: Line, at: int, keep_until: int = 0, *, drawn: int | None = None
) -> tuple[Place, bool]:
    """Return the user's place in line and whether it is new. Safe to repeat: a user has one living place.

    `drawn` is the number that was drawn for the user, 0 in a line that began with a draw and None in one that did not.
    It is the user's once; who calls too late for it queues at the end.

    What is written is kept until `keep_until`, the sales window's end, or a year where none is said.

    Costs half a unit of reading and three of writing: strict order and one place for each user cost two of the three.
    `line` may be a second old; it tells for how long the place must be safe.

    Raises:
        RateLimited: more joins than one counter can number, or the user has just left; nothing was done.
        SalesNotOpen: the draw is not over yet.

    """
    keep_until, over = keep_until or at + KEPT_SECONDS, 0
    for attempt in range(ATTEMPTS):
        membership = read_membership(concert_id, user_id, consistent=attempt > 0)
        leaves = 0
        if membership is not None:
            token = read_token(concert_id, membership["number"])
            present = place.living(concert_id, token, at) if token else None
            if present is not None:
                try:
                    return place.come_back(present, admission.pause(line, present.turn.number, at), at), False
                except QueueTokenExpired:
                    continue
            if not attempt:
                continue  # a copy that lags may name the place before this one
            leaves = _leaves(membership, token, at)
            over = max(over, membership["number"])
        if drawn and membership is None and drawn > over and drawn > read_queue(concert_id).get("low", 0):
            number, is_new = drawn, True
        else:
            number, is_new = next_number(concert_id, user_id, over, at, keep_until, after_draw=drawn is not None)
        safe_until = at + admission.life(admission.pause(line, number, at))
        opened = place.open_place(concert_id, user_id, number, safe_until, at, keep_until)
        if opened is None:
            over = max(over, number)
        elif _point_to(concert_id, user_id, number, membership, leaves, max(keep_until, at + KEPT_SECONDS)):
            return opened, is_new
        else:
            place.end(concert_id, number)
    raise TemporarilyUnavailable


def _leaves(membership: MembershipItem, token: TokenItem | None, at: int) -> int:
    """Count how often in a row the user has left, this time included. Paying is not leaving.

    Raises:
        RateLimited: the last time was just now.

    """
    if token is None or "leftAt" not in token:
        return 0
    leaves = membership.get("leaves", 0)
    left = token["leftAt"] + min(COOL_DOWN_SECONDS * 2**leaves, LONGEST_COOL_DOWN_SECONDS) - at
    if left > 0:
        raise RateLimited(f"You have just left this queue. You can join it again in {left} seconds.", retry_after=left)
    return leaves + 1


def next_number(
    concert_id: str, user_id: str, over: int, at: int, keep_until: int, *, after_draw: bool
) -> tuple[int, bool]:
    """Number one more join, unless this user has just been numbered; return the number, and whether it is a new one.

    `over` is a number of this user's that is known to be over. In a line that begins with a draw (`after_draw`) a join
    only adds to the counter that the draw has made; a process that does not know yet that there is one numbers nobody
    before it. An answer that is lost for good leaves a hole in the
    numbers, which the line passes over.
    """
    now, before = (_mark(user_id, at // RECENT_SECONDS - age) for age in (0, 1))
    slot = hashlib.blake2b(user_id.encode(), digest_size=2).digest()[0] % RECENT
    one_more = update(
        settings().queue_table,
        counter_key(concert_id),
        f"SET #issuedAt = :at, #keepUntil = :keep, #issued = if_not_exists(#issued, :zero) + :one, "
        f"#by{slot} = :now, #got{slot} = if_not_exists(#issued, :zero) + :one",
        ("attribute_exists(#issued) AND " if after_draw else "attribute_not_exists(#lobby) AND ")
        + f"(attribute_not_exists(#by{slot}) OR (#by{slot} <> :now AND #by{slot} <> :before) OR #got{slot} <= :over)",
        at=at,
        keep=keep_until,
        zero=0,
        one=1,
        now=now,
        before=before,
        over=over,
    )
    try:
        counter: dict[str, Any] | None = write(one_more)
    except TemporarilyUnavailable as busy:
        raise RateLimited(retry_after=random.randint(1, 5)) from busy  # noqa: S311 - jitter needs no secrecy
    except ConditionFailed as refused:
        if refused.item is None or "issued" not in refused.item:
            raise SalesNotOpen from refused
        return refused.item[f"got{slot}"], False
    return cast(dict[str, Any], counter)["issued"], True


def _mark(user_id: str, moment: int) -> str:
    digest = hashlib.blake2b(f"{user_id} {moment}".encode(), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode()


def _point_to(
    concert_id: str, user_id: str, number: int, before: MembershipItem | None, leaves: int, keep_until: int
) -> bool:
    """Have the user's membership point to a number, unless it points to another one than `before` did by now."""
    key = membership_key(concert_id, user_id)
    item = MembershipItem(pk=key["pk"], sk=key["sk"], number=number, leaves=leaves, purgeAt=keep_until)
    was = before["number"] if before else 0
    try:
        write(put(settings().queue_table, item, "attribute_not_exists(#pk) OR #number = :before", before=was))
    except ConditionFailed as refused:
        return refused.item is not None and refused.item["number"] == number
    return True
