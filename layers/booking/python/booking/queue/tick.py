"""The tick: moving the line on, as far as it goes or as far as one fan needs.

A tick reads a queue with strongly consistent reads, ends the tokens whose time is over where their places are needed,
and moves the cursor (see `admission` for why that is exact). It writes nothing when nothing moves. Any number of ticks
may run at once, and each may die anywhere.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from booking import clock
from booking.dynamodb import ConditionFailed, Write, update, write
from booking.queue import admission, place
from booking.queue.admission import Decision, Line, State
from booking.queue.items import QueueItem, TokenItem, line_of, queue_key, read_counter, read_queue, read_tokens
from booking.settings import settings

_CURSOR = ("admitted", "capacity", "paused")
"""What must not have changed between reading a queue and moving its cursor."""
ROUNDS = 20
"""How often a tick starts again because another moved the line, or because it let in more than it had read."""
THREADS = 10
"""As many as botocore keeps connections for."""
ENDS, ENDS_WHILE_JOINING = 4000, 20
"""How many tokens a tick ends at most, so that it comes to moving the cursor. Those left over count as taken."""


def tick(
    concert_id: str,
    now: Callable[[], int] = clock.now,
    *,
    queue: QueueItem | None = None,
    until: int | None = None,
    ends: int = ENDS,
) -> Line:
    """Move a queue on as far as it goes, or at least to the number `until`, and return the line as it then is.

    Safe to repeat and to run many at once. `queue` is the queue item if it has been read just now. The order of the
    reads matters: first the cursor and the capacity, which the write asks for, then the tokens. Those that were read
    before this call moved the cursor are not read again: since then they can only have come to be over.
    """
    lapsed = at = keep_until = read_to = 0
    tokens: dict[int, TokenItem] = {}

    def end(numbers: Sequence[int]) -> dict[int, State]:
        nonlocal ends, lapsed
        now_are = dict.fromkeys(numbers, State.TAKEN)
        ending = numbers[:ends]
        outcomes = _end_all(concert_id, {number: tokens.get(number) for number in ending}, keep_until)
        ends, lapsed = ends - len(ending), lapsed + sum(ours for _, ours in outcomes)
        for number, (item, _) in zip(ending, outcomes, strict=True):
            now_are[number] = admission.state_of(item, at=at)
            if item is not None:
                tokens[number] = item
        return now_are

    line = Line(capacity=0)
    for _ in range(ROUNDS):
        queue = read_queue(concert_id) if queue is None else queue
        counter = read_counter(concert_id)
        line = line_of(queue, counter)
        if line.low >= line.issued or (until is not None and line.admitted >= until):
            return line
        at = now()
        keep_until = counter.get("keepUntil", at + clock.DAY)
        first, last = max(line.low, read_to) + 1, admission.horizon(line)
        if first <= last:
            tokens |= read_tokens(concert_id, first, last, line.issued, line.drawn)
            read_to = last
        decision = admission.settle(line, tokens, at, end)
        try:
            line = _move(concert_id, queue, line, decision, lapsed, at)
        except ConditionFailed:
            queue, read_to, tokens = None, 0, {}
            continue
        lapsed = 0
        if not decision.more:
            return line
        queue = None
    return line


def _end_all(
    concert_id: str, ending: dict[int, TokenItem | None], keep_until: int
) -> list[tuple[TokenItem | None, bool]]:
    """End numbers, many of them in parallel, as when most of a draw's fans do not come."""

    def one(number: int) -> tuple[TokenItem | None, bool]:
        return _end(concert_id, number, ending[number], keep_until)

    if len(ending) <= ENDS_WHILE_JOINING:
        return [one(number) for number in ending]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - nobody who polls needs it

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, ending))


def _end(concert_id: str, number: int, item: TokenItem | None, keep_until: int) -> tuple[TokenItem | None, bool]:
    """End a token whose time is over, or a number whose join has died; return what is there then, and whether it was
    this call that ended it."""
    if item is not None:
        return place.expire(concert_id, number, item)
    return place.close_number(concert_id, number, keep_until)


def _move(concert_id: str, queue: QueueItem, line: Line, decision: Decision, lapsed: int, at: int) -> Line:
    """Write the cursor, if anything has changed.

    Raises:
        ConditionFailed: the cursor or the capacity is not what was read.

    """
    if not admission.moves(line, decision, at) and not lapsed:
        return line
    after = admission.measured(line, decision, at)
    written = write(
        _set_cursor(
            concert_id,
            queue,
            "SET #admitted = :admitted, #low = :low, #active = :active, #coming = :coming, #pace = :pace, "
            "#sampleAt = :sampleAt, #sampleFrom = :sampleFrom, #advancedAt = :at, "
            "#entered = if_not_exists(#entered, :zero) + :entered, "
            "#lapsed = if_not_exists(#lapsed, :zero) + :lapsed",
            admitted=after.admitted,
            low=after.low,
            active=after.active,
            coming=after.coming,
            pace=after.pace,
            sampleAt=after.sample_at,
            sampleFrom=after.sample_from,
            at=at,
            zero=0,
            entered=decision.entered,
            lapsed=lapsed,
        )
    )
    return replace(line_of(cast(QueueItem, written)), issued=line.issued, issued_at=line.issued_at)


def make_room(concert_id: str, number: int, at: int) -> Line:
    """Let a number in if there is room for it, and return the line as it then is.

    Where there is room even if every number from `low` on were taken, no token is read, so a crowd that fits into an
    empty hall costs little. Only near the front is the line read.
    """
    line = Line(capacity=0)
    for _ in range(ROUNDS):
        queue = read_queue(concert_id)
        line = line_of(queue)
        if number <= line.admitted:
            return line
        if number - line.low > line.capacity or line.closed:
            break
        with contextlib.suppress(ConditionFailed):
            opened = write(
                _set_cursor(
                    concert_id,
                    queue,
                    "SET #admitted = :admitted, #advancedAt = :at, "
                    "#active = if_not_exists(#active, :zero) + :entered, "
                    "#entered = if_not_exists(#entered, :zero) + :entered",
                    admitted=number,
                    at=at,
                    zero=0,
                    entered=number - line.admitted,
                )
            )
            return line_of(cast(QueueItem, opened))
    if number <= line.admitted + admission.FRONT and line.active < line.capacity and not line.closed:
        return tick(concert_id, lambda: at, until=number, ends=ENDS_WHILE_JOINING)
    return line


def _set_cursor(concert_id: str, queue: QueueItem, expression: str, **values: int) -> Write:
    """Change the queue, if neither its cursor nor its capacity has changed since this item was read."""
    item: dict[str, Any] = dict(queue)
    same = [f"#{name} = :read_{name}" if name in item else f"attribute_not_exists(#{name})" for name in _CURSOR]
    read = {f"read_{name}": item[name] for name in _CURSOR if name in item}
    return update(settings().queue_table, queue_key(concert_id), expression, " AND ".join(same), **values, **read)
