"""One place for each user: finding it again, or taking the next number for a new one."""

import random
from typing import cast

from booking import clock
from booking.dynamodb import ConditionFailed, put, update, write
from booking.errors import QueueTokenExpired, RateLimited, TemporarilyUnavailable
from booking.queue import admission, place
from booking.queue.admission import Line
from booking.queue.items import CounterItem, MembershipItem, counter_key, membership_key, read_membership
from booking.queue.place import Place
from booking.settings import settings

ATTEMPTS = 4


def find_or_open(concert_id: str, user_id: str, line: Line, at: int) -> tuple[Place, bool]:
    """Return the user's place in line and whether it is new. Safe to repeat: a user has one living place.

    Costs half a unit of reading and three of writing: strict order and one place for each user cost two of the three.
    `line` may be a second old; it tells for how long the place must live.

    Raises:
        RateLimited: more joins than one counter can number; nothing was done.

    """
    for attempt in range(ATTEMPTS):
        membership = read_membership(concert_id, user_id, consistent=attempt > 0)
        if membership is not None:
            present = place.living(concert_id, membership["number"], at)
            if present is not None:
                try:
                    return place.come_back(present, admission.pause(line, present.turn.number, at), at), False
                except QueueTokenExpired:
                    continue
        number = _next_number(concert_id, at)
        opened = place.open_place(concert_id, user_id, number, admission.life(admission.pause(line, number, at)), at)
        if opened is None:
            continue
        if not _point_to(concert_id, user_id, number, membership["number"] if membership else 0, at):
            place.end(concert_id, number)
            continue
        return opened, True
    raise TemporarilyUnavailable


def _next_number(concert_id: str, at: int) -> int:
    """Count one more join. A lost answer leaves a hole in the numbers, which the line passes over."""
    one_more = "SET #issuedAt = :at ADD #issued :one"
    try:
        counter = write(update(settings().queue_table, counter_key(concert_id), one_more, one=1, at=at))
    except TemporarilyUnavailable as busy:
        raise RateLimited(retry_after=random.randint(1, 5)) from busy  # noqa: S311 - jitter needs no secrecy
    return cast(CounterItem, counter)["issued"]


def _point_to(concert_id: str, user_id: str, number: int, before: int, at: int) -> bool:
    """Have the user's membership point to a number, unless it points to another one than `before` by now."""
    key = membership_key(concert_id, user_id)
    item = MembershipItem(pk=key["pk"], sk=key["sk"], number=number, purgeAt=at + 366 * clock.DAY)
    try:
        write(put(settings().queue_table, item, "attribute_not_exists(#pk) OR #number = :before", before=before))
    except ConditionFailed as refused:
        return refused.item is not None and refused.item["number"] == number
    return True
