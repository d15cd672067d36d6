"""Moving the line on: one tick, and who keeps it ticking.

A tick reads a queue with strongly consistent reads, ends the tokens whose time is over where their places are needed,
and moves the cursor (see `admission` for why that is exact). It writes nothing when nothing moves. Any number of ticks
may run at once, and each may die anywhere.

Who ticks: a fan who joins a queue that has room, at once; whoever pays or leaves, by an asynchronous *kick*; and, while
somebody waits, one *driver* for each queue every `TICK_SECONDS`. The schedule starts the drivers each minute. Fans near
the front who find that nobody drives kick as well, when they join and when they poll; so a line moves although the
schedule is late, and a place that lapses is seen within a tick or two. A driver that dies is replaced when its lease
ends or the next minute begins.
"""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws, clock
from booking.dynamodb import ConditionFailed, Item, Write, get, put, query, query_all, update, write
from booking.errors import BookingError, TemporarilyUnavailable
from booking.observability import count, levels, logger
from booking.queue import admission
from booking.queue.admission import Decision, Line, State
from booking.queue.line import (
    BLOCK,
    Place,
    counter_key,
    enter,
    expire,
    line_of,
    queue_key,
    recent_queue,
    token_key,
)
from booking.queue.token import Turn
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

TICK_SECONDS = 2
DRIVE_SECONDS = 58
"""How long a driver works; the schedule starts the next one within this and a tick."""
FAILURES = 3
"""How many ticks in a row may fail for a passing reason before a driver gives up."""
_CURSOR = ("admitted", "capacity")
"""What must not have changed between reading a queue and moving its cursor."""
ROUNDS = 20
"""How often a tick starts again because another moved the line, or because it let in more than it had read."""
ENDS, ENDS_WHILE_JOINING = 1000, 20
"""How many tokens a tick ends at most, so that it comes to moving the cursor. Those left over count as taken."""


def tick(concert_id: str, now: Callable[[], int] = clock.now, ends: int = ENDS, *, until: int | None = None) -> Line:
    """Move a queue on as far as it goes, or at least to the number `until`, and give the line as it then is.

    Safe to repeat and to run many at once. The order of the reads matters: first the cursor and the capacity, which the
    write asks for, then the tokens.
    """
    lapsed = 0
    line = Line(capacity=0)
    for _ in range(ROUNDS):
        item = get(settings().queue_table, queue_key(concert_id)) or {}
        line = line_of(item, get(settings().queue_table, counter_key(concert_id)))
        if line.low >= line.issued or (until is not None and line.admitted >= until):
            return line
        at = now()
        last = _horizon(line)
        tokens = _read_tokens(concert_id, line, last)
        judged = admission.states(tokens, line.low + 1, last, at, line.issued_at)
        while (decision := admission.decide(line, judged)).to_end:
            for number in decision.to_end:
                judged[number], ours = (
                    _end(concert_id, number, tokens.get(number), at) if ends else (State.TAKEN, False)
                )
                ends, lapsed = max(0, ends - 1), lapsed + ours
        try:
            line = _move(concert_id, item, line, decision, lapsed, at)
        except ConditionFailed:
            continue
        lapsed = 0
        if not decision.more:
            return line
    return line


def _horizon(line: Line) -> int:
    """Give the last number worth reading: as far as the free places can reach, and some who may have gone away."""
    free = max(0, line.capacity - (line.admitted - line.low))
    return min(line.issued, line.admitted + admission.LOOKAHEAD + free)


def _read_tokens(concert_id: str, line: Line, last: int) -> dict[int, Item]:
    """Read the tokens above `low` up to `last`; when the last one is missing, also the next that there is.

    That one tells how long the missing ones before it have been on their way: without it, a row of dead joins as long
    as the reading would hold the line up for as long as others keep joining.
    """
    tokens: dict[int, Item] = {}
    for block in range((line.low + 1) // BLOCK, last // BLOCK + 1):
        items = query_all(
            settings().queue_table,
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            pk=token_key(concert_id, block * BLOCK)["pk"],
            first=token_key(concert_id, max(line.low + 1, block * BLOCK))["sk"],
            last=token_key(concert_id, last)["sk"],
        )
        tokens |= {int(item["sk"]): item for item in items}
    beyond, block = last in tokens, (last + 1) // BLOCK
    while not beyond and block * BLOCK <= line.issued:
        page = query(
            settings().queue_table,
            "#pk = :pk AND #sk > :last",
            limit=1,
            pk=token_key(concert_id, block * BLOCK)["pk"],
            last=token_key(concert_id, last)["sk"],
        )
        tokens |= {int(item["sk"]): item for item in page.items}
        beyond, block = bool(page.items), block + 1
    return tokens


def _end(concert_id: str, number: int, item: Item | None, at: int) -> tuple[State, bool]:
    """End a token whose time is over, or a number whose join has died; give what the number stands for then, and
    whether it was this call that ended it."""
    if item is not None:
        now_is, ours = expire(concert_id, item | {"number": number})
        return admission.state_of(now_is, at=at), ours
    tombstone = token_key(concert_id, number) | {"number": number, "status": "EXPIRED", "purgeAt": at + clock.DAY}
    try:
        write(put(settings().queue_table, tombstone, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        return admission.state_of(refused.item, at=at), False
    return State.OVER, True


def _move(concert_id: str, item: Item, line: Line, decision: Decision, lapsed: int, at: int) -> Line:
    """Write the cursor, if anything has changed.

    Raises:
        ConditionFailed: the cursor or the capacity is not what was read.

    """
    starts_waiting = line.issued > decision.admitted and not line.sample_at
    unchanged = (
        (decision.admitted, decision.low, decision.taken) == (line.admitted, line.low, line.active)
        and not lapsed
        and not starts_waiting
    )
    if unchanged:
        return line
    certain = admission.certain_pace(line.capacity, settings().active_seconds)
    after = admission.measured(line, decision, at, certain)
    written = write(
        _set_cursor(
            concert_id,
            item,
            "SET #admitted = :admitted, #low = :low, #active = :active, #pace = :pace, #sampleAt = :sampleAt, "
            "#sampleFrom = :sampleFrom, #advancedAt = :at, #entered = if_not_exists(#entered, :zero) + :entered, "
            "#lapsed = if_not_exists(#lapsed, :zero) + :lapsed",
            admitted=after.admitted,
            low=after.low,
            active=after.active,
            pace=after.pace,
            sampleAt=after.sample_at,
            sampleFrom=after.sample_from,
            at=at,
            zero=0,
            entered=decision.entered,
            lapsed=lapsed,
        )
    )
    return replace(line_of(written), issued=line.issued, issued_at=line.issued_at)


def drive(
    concert_id: str,
    driver: str,
    *,
    take_over: bool,
    now: Callable[[], int] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Tick until nobody waits, another driver takes over, or `DRIVE_SECONDS` have passed; give the number of ticks.

    Beside a driver at work that has just moved the line a kick is not worth a tick. Otherwise the first tick is always
    done. After it, only one driver goes on: the scheduled one takes over (`take_over`), a kicked one begins only where
    none is at work. Two drivers at once would be safe, and only cost more.

    When nobody waits any more, the driver lets go of the wheel and looks once again a tick later: a fan who joined just
    before may have believed that it was still driving.

    Raises:
        TemporarilyUnavailable: several ticks in a row have failed.

    """
    started = now()
    queue = get(settings().queue_table, queue_key(concert_id)) or {}
    if not take_over and is_driven(queue, started) and started - queue.get("advancedAt", 0) < TICK_SECONDS:
        return 0
    line, ticks, failures = _report(concert_id, tick(concert_id, now), now()), 1, 0
    if not line.waiting or not _take_wheel(concert_id, driver, started, take_over=take_over):
        return ticks
    holds = True
    while now() - started < DRIVE_SECONDS:
        if not line.waiting:
            _let_go(concert_id, driver)
            holds = False
        sleep(TICK_SECONDS)
        try:
            if holds and (get(settings().queue_table, queue_key(concert_id)) or {}).get("driver") != driver:
                return ticks
            line, ticks, failures = _report(concert_id, tick(concert_id, now), now()), ticks + 1, 0
        except TemporarilyUnavailable:
            failures += 1
            count("QueueTickFailed")
            if failures >= FAILURES:
                raise
        if not holds:
            holds = line.waiting > 0 and _take_wheel(concert_id, driver, now(), take_over=False)
            if not holds:
                return ticks
    if holds:
        _let_go(concert_id, driver)
    return ticks


def _report(concert_id: str, line: Line, at: int) -> Line:
    """Write the queue's levels as metrics."""
    levels(
        concert_id,
        QueueWaiting=line.waiting,
        QueueActive=line.active,
        QueueEntered=line.entered,
        QueueLapsed=line.lapsed,
        QueueSecondsSinceAdvance=max(0, at - line.advanced_at) if line.advanced_at else 0,
    )
    return line


def _take_wheel(concert_id: str, driver: str, at: int, *, take_over: bool) -> bool:
    """Become the one who drives; tells whether that came about. A repeated run of the same driver may."""
    condition = None if take_over else "attribute_not_exists(#drivenUntil) OR #drivenUntil <= :at OR #driver = :driver"
    try:
        write(
            update(
                settings().queue_table,
                queue_key(concert_id),
                "SET #driver = :driver, #drivenUntil = :until",
                condition,
                driver=driver,
                until=at + DRIVE_SECONDS + TICK_SECONDS,
                **({} if take_over else {"at": at}),
            )
        )
    except ConditionFailed:
        return False
    return True


def _let_go(concert_id: str, driver: str) -> None:
    """Let the next who finds somebody waiting drive, unless another has taken over already."""
    with contextlib.suppress(ConditionFailed):
        write(
            update(
                settings().queue_table,
                queue_key(concert_id),
                "REMOVE #driver, #drivenUntil",
                "#driver = :driver",
                driver=driver,
            )
        )


def is_driven(queue: Mapping[str, Any], at: int) -> bool:
    """Tell from a queue item whether a driver is at work."""
    return bool(queue.get("drivenUntil", 0) > at)


def kick(concert_id: str, *, scheduled: bool = False) -> bool:
    """Have the line moved on, asynchronously; tells whether that was passed on. Its failing changes nothing: the next
    tick does the work."""
    try:
        functions: LambdaClient = aws.client("lambda")
        functions.invoke(
            FunctionName=settings().advance_queue_function,
            InvocationType="Event",
            Payload=json.dumps({"concertId": concert_id, "scheduled": scheduled}).encode(),
        )
    except (BotoCoreError, ClientError):
        logger.warning("the line could not be kicked; the next tick moves it", exc_info=True)
        count("QueueKickFailed")
        return False
    return True


def in_use(concert_id: str) -> bool:
    """Tell whether anybody has or wants a place in a concert's queue; if that cannot be read, somebody may."""
    try:
        item = get(settings().queue_table, queue_key(concert_id), consistent=False)
        counter = get(settings().queue_table, counter_key(concert_id), consistent=False)
    except BookingError:
        logger.warning("it cannot be read whether a queue is in use", concertId=concert_id, exc_info=True)
        return True
    line = line_of(item, counter)
    return line.issued > line.low


def let_in(place: Place, at: int) -> Place:
    """Let a fan who has just joined straight in if there is room, and see to it that the line moves if there is not.

    Only those near the front have the line read, and only where it had room: everybody else's turn is the driver's
    business.
    """
    turn = place.turn
    if turn.active:
        return place
    line = line_of(recent_queue(turn.concert_id, at))
    if turn.number <= line.admitted or _open_for(turn, line, at):
        return enter(turn, at)
    if turn.number <= line.admitted + admission.FRONT and line.active < line.capacity:
        line = tick(turn.concert_id, lambda: at, ENDS_WHILE_JOINING, until=turn.number)
    if turn.number <= line.admitted:
        return enter(turn, at)
    keep_moving(place, at)
    return place


def _open_for(turn: Turn, line: Line, at: int) -> bool:
    """Move the cursor up to a number for which there is room even if every number from `low` on were taken.

    That needs no token to be read, so a crowd that fits into an empty hall costs little. `line` may be a second old: a
    cursor that is behind only makes it seem fuller.
    """
    for _ in range(ROUNDS):
        if turn.number - line.low > line.capacity:
            return False
        item = get(settings().queue_table, queue_key(turn.concert_id)) or {}
        line = line_of(item)
        if turn.number <= line.admitted:
            return True
        if turn.number - line.low <= line.capacity:
            with contextlib.suppress(ConditionFailed):
                write(
                    _set_cursor(
                        turn.concert_id,
                        item,
                        "SET #admitted = :admitted, #advancedAt = :at, "
                        "#active = if_not_exists(#active, :zero) + :entered, "
                        "#entered = if_not_exists(#entered, :zero) + :entered",
                        admitted=turn.number,
                        at=at,
                        zero=0,
                        entered=turn.number - line.admitted,
                    )
                )
                return True
    return False


def _set_cursor(concert_id: str, item: Item, expression: str, **values: int) -> Write:
    """Change the queue, if neither its cursor nor its capacity has changed since this item was read."""
    same = [f"#{name} = :read_{name}" if name in item else f"attribute_not_exists(#{name})" for name in _CURSOR]
    read = {f"read_{name}": item[name] for name in _CURSOR if name in item}
    return update(settings().queue_table, queue_key(concert_id), expression, " AND ".join(same), **values, **read)


def keep_moving(place: Place, at: int) -> None:
    """See to it that the line is driven, on behalf of a fan who is near its front or for whom there may be room.

    Costs no read of its own, and a kick beside a driver costs one unit of reading, so a crowd does no harm.
    """
    turn = place.turn
    queue = recent_queue(turn.concert_id, at)
    line = line_of(queue)
    near = turn.number <= line.admitted + admission.FRONT + max(0, line.capacity - line.active)
    if near and not turn.active and not is_driven(queue, at):
        kick(turn.concert_id)
