"""Moving the line on: one tick, and who keeps it ticking.

A tick reads a queue with strongly consistent reads, ends the tokens whose time is over where their places are needed,
and moves the cursor (see `admission` for why that is exact). It writes nothing when nothing moves. Any number of ticks
may run at once, and each may die anywhere.

Who ticks: a fan who joins an idle queue, at once; whoever pays or leaves, by an asynchronous *kick*; and, while
somebody waits, one *driver* for each queue every `TICK_SECONDS`. The schedule starts the drivers each minute; a kick
starts one earlier when none is at work. A driver that dies is replaced within the minute.
"""

import contextlib
import functools
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws, clock
from booking.dynamodb import ConditionFailed, Item, Write, get, put, query_all, update, write
from booking.observability import count, logger
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
FRONT = 10
"""How near to the cursor a fan who joins moves the line on before being answered."""
_CURSOR = ("admitted", "capacity")
"""What must not have changed between reading a queue and moving its cursor."""
ROUNDS = 20
"""How often a tick starts again because another moved the line, or because it let in more than it had read."""


@functools.cache
def _lambda() -> "LambdaClient":
    functions: LambdaClient = aws.client("lambda")
    return functions


def tick(concert_id: str, now: Callable[[], int] = clock.now, *, until: int | None = None) -> Line:
    """Move a queue on as far as it goes, or at least to the number `until`, and give the line as it then is.

    Safe to repeat and to run many at once.
    """
    line = Line(capacity=0)
    for _ in range(ROUNDS):
        item = get(settings().queue_table, queue_key(concert_id))
        counter = get(settings().queue_table, counter_key(concert_id))
        line = line_of(item, counter["issued"] if counter else 0)
        if line.low >= line.issued or (until is not None and line.admitted >= until):
            return line
        at = now()
        tokens = _read_tokens(concert_id, line)
        last = max(line.admitted, min(line.issued, _horizon(line)))
        judged = admission.states(tokens, line.low + 1, last, at)
        lapsed = 0
        while (decision := admission.decide(line, judged)).to_end:
            for number in decision.to_end:
                judged[number] = _end(concert_id, number, tokens.get(number), at)
                lapsed += judged[number] is State.OVER
        try:
            line = _move(concert_id, item or {}, line, decision, lapsed, at)
        except ConditionFailed:
            continue
        if not decision.more:
            return line
    return line


def _horizon(line: Line) -> int:
    """Give the last number worth reading: as far as the free places can reach, and some who may have gone away."""
    return line.admitted + admission.LOOKAHEAD + max(0, line.capacity - (line.admitted - line.low))


def _read_tokens(concert_id: str, line: Line) -> dict[int, Item]:
    first, last = line.low + 1, min(line.issued, _horizon(line))
    tokens: dict[int, Item] = {}
    for block in range(first // BLOCK, last // BLOCK + 1):
        items = query_all(
            settings().queue_table,
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            pk=token_key(concert_id, block * BLOCK)["pk"],
            first=token_key(concert_id, max(first, block * BLOCK))["sk"],
            last=token_key(concert_id, last)["sk"],
        )
        tokens |= {int(item["sk"]): item for item in items}
    return tokens


def _end(concert_id: str, number: int, item: Item | None, at: int) -> State:
    """End a token whose time is over, or a number whose join has died; give what the number stands for then."""
    if item is not None:
        return admission.state_of(expire(concert_id, item | {"number": number}), at=at)
    tombstone = token_key(concert_id, number) | {"number": number, "status": "EXPIRED", "purgeAt": at + clock.DAY}
    try:
        write(put(settings().queue_table, tombstone, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        return admission.state_of(refused.item, at=at)
    return State.OVER


def _move(concert_id: str, item: Item, line: Line, decision: Decision, lapsed: int, at: int) -> Line:
    """Write the cursor, if anything has changed.

    Raises:
        ConditionFailed: the cursor or the capacity is not what was read.

    """
    starts_waiting = line.issued > decision.admitted and not line.sample_at
    unchanged = (
        (decision.admitted, decision.low) == (line.admitted, line.low)
        and decision.taken == item.get("active", 0)
        and not lapsed
        and not starts_waiting
    )
    if unchanged:
        return line
    after = admission.measured(line, decision, at)
    write(
        _set_cursor(
            concert_id,
            item,
            "SET #admitted = :admitted, #low = :low, #active = :active, #pace = :pace, #sampleAt = :sampleAt, "
            "#sampleFrom = :sampleFrom, #advancedAt = :at, #entered = if_not_exists(#entered, :zero) + :entered, "
            "#lapsed = if_not_exists(#lapsed, :zero) + :lapsed",
            admitted=after.admitted,
            low=after.low,
            active=decision.taken,
            pace=after.pace,
            sampleAt=after.sample_at,
            sampleFrom=after.sample_from,
            at=at,
            zero=0,
            entered=decision.entered,
            lapsed=lapsed,
        )
    )
    return after


def drive(
    concert_id: str,
    driver: str,
    *,
    take_over: bool,
    now: Callable[[], int] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Tick until nobody waits, another driver takes over, or `DRIVE_SECONDS` have passed; give the number of ticks.

    The first tick is always done. After it, only one driver goes on: the scheduled one takes over (`take_over`),
    a kicked one begins only where none is at work. Two drivers at once would be safe, and only cost more.
    """
    started = now()
    line, ticks = tick(concert_id, now), 1
    if line.issued <= line.admitted or not _take_wheel(concert_id, driver, started, take_over=take_over):
        return ticks
    while line.issued > line.admitted and now() - started < DRIVE_SECONDS:
        sleep(TICK_SECONDS)
        if (get(settings().queue_table, queue_key(concert_id)) or {}).get("driver") != driver:
            break
        line, ticks = tick(concert_id, now), ticks + 1
    return ticks


def _take_wheel(concert_id: str, driver: str, at: int, *, take_over: bool) -> bool:
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


def is_driven(queue: Mapping[str, Any], at: int) -> bool:
    """Tell from a queue item whether a driver is at work."""
    return bool(queue.get("drivenUntil", 0) > at)


def kick(concert_id: str, *, scheduled: bool = False) -> None:
    """Have the line moved on, asynchronously. Its failing changes nothing: the next tick does the work."""
    try:
        _lambda().invoke(
            FunctionName=settings().advance_queue_function,
            InvocationType="Event",
            Payload=json.dumps({"concertId": concert_id, "scheduled": scheduled}).encode(),
        )
    except (BotoCoreError, ClientError):
        logger.warning("the line could not be kicked; the next tick moves it", exc_info=True)
        count("QueueKickFailed")


def in_use(concert_id: str) -> bool:
    """Tell whether anybody has or wants a place in a concert's queue."""
    item = get(settings().queue_table, queue_key(concert_id), consistent=False)
    counter = get(settings().queue_table, counter_key(concert_id), consistent=False)
    return bool(counter and counter["issued"] > line_of(item).low)


def let_in(place: Place, at: int) -> Place:
    """Let a fan who has just joined straight in if there is room, and see to it that the line moves if there is not.

    Only those near the front have the line read: further back, somebody else's tick comes first anyway.
    """
    turn = place.turn
    if turn.active:
        return place
    queue = recent_queue(turn.concert_id, at)
    line = line_of(queue)
    if turn.number <= line.admitted or _open_for(turn, line):
        return enter(turn, at)
    if turn.number <= line.admitted + FRONT and turn.number <= tick(turn.concert_id, until=turn.number).admitted:
        return enter(turn, at)
    if not is_driven(queue, at):
        kick(turn.concert_id)
    return place


def _open_for(turn: Turn, line: Line) -> bool:
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
                        at=clock.now(),
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
