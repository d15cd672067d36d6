"""Who keeps the line ticking: one driver for each queue, by a lease, and the kicks that wake one.

A fan who joins a queue that has room ticks at once; whoever pays or leaves has it ticked by an asynchronous *kick*;
and, while somebody waits, one *driver* for each queue ticks every `TICK_SECONDS`. The schedule starts the drivers each
minute. Fans near the front who find that nobody drives kick as well, when they join and when they poll; so a line moves
although the schedule is late, and a place that lapses is seen within a tick or two. A driver that dies is replaced when
its lease ends or the next minute begins.
"""

import contextlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws, clock, sale
from booking.catalog import Concert
from booking.dynamodb import ConditionFailed, update, write
from booking.errors import BookingError, TemporarilyUnavailable
from booking.observability import count, gauge, levels, logger
from booking.queue import admission
from booking.queue.admission import Line
from booking.queue.items import QueueItem, line_of, queue_key, read_counter, read_queue
from booking.queue.tick import tick
from booking.queue.token import Turn
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

TICK_SECONDS = 2
"""From one tick to the next; one that takes longer, as when a draw's fans do not come, is followed at once."""
LOOK_SECONDS = 10
"""How often a driver looks whether anything is left to sell."""
DRIVE_SECONDS = 58
"""How long a driver works; the schedule starts the next one within this and a tick."""
FAILURES = 3
"""How many ticks in a row may fail for a passing reason before a driver gives up."""


def drive(
    concert_id: str,
    driver: str,
    *,
    take_over: bool,
    now: Callable[[], int] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Tick until nobody waits, another driver takes over, or `DRIVE_SECONDS` have passed; return the number of ticks.

    Beside a driver at work that has just moved the line a kick is not worth a tick. Otherwise the first tick is always
    done. After it, only one driver goes on: the scheduled one takes over (`take_over`), a kicked one begins only where
    none is at work. Two drivers at once would be safe, and only cost more.

    When nobody waits any more, the driver ends its lease and looks once again a tick later: a fan who joined just
    before may have believed that it was still driving.

    Raises:
        TemporarilyUnavailable: several ticks in a row have failed.

    """
    started = now()
    queue = read_queue(concert_id)
    if not take_over and is_driven(queue, started) and started - queue.get("advancedAt", 0) < TICK_SECONDS:
        return 0
    queue, looked_at = note_what_is_left(concert_id, queue, started), started
    line, ticks, failures = report(concert_id, tick(concert_id, now, queue=queue), now()), 1, 0
    took = now() - started
    if not line.waiting or not take_lease(concert_id, driver, started, take_over=take_over):
        return ticks
    holds = True
    while now() - started < DRIVE_SECONDS:
        if not line.waiting:
            end_lease(concert_id, driver)
            holds = False
        sleep(max(0, TICK_SECONDS - took))
        began = now()
        try:
            queue = read_queue(concert_id)
            if holds and queue.get("driver") != driver:
                return ticks
            if now() - looked_at >= LOOK_SECONDS:
                queue, looked_at = note_what_is_left(concert_id, queue, now()), now()
            line, ticks, failures = report(concert_id, tick(concert_id, now, queue=queue), now()), ticks + 1, 0
        except TemporarilyUnavailable:
            failures += 1
            count("QueueTickFailed")
            if failures >= FAILURES:
                raise
        took = now() - began
        if not holds:
            holds = line.waiting > 0 and take_lease(concert_id, driver, now(), take_over=False)
            if not holds:
                return ticks
    if holds:
        end_lease(concert_id, driver)
    return ticks


def note_what_is_left(concert_id: str, queue: QueueItem, at: int) -> QueueItem:
    """Note on the queue when nothing is left to sell, and when something is again; return the queue as it is then."""
    try:
        closed = sale.nothing_left(concert_id, at)
    except BookingError:
        logger.warning("it cannot be read whether anything is left to sell", exc_info=True)
        return queue
    if closed == queue.get("closed"):
        return queue
    logger.info("nothing is left to sell" if closed else "something is left to sell again", closed=closed)
    change = "SET #closed = :closed" if closed else "REMOVE #closed"
    values = {"closed": closed} if closed else {}
    return cast(QueueItem, write(update(settings().queue_table, queue_key(concert_id), change, None, **values)))


def report(concert_id: str, line: Line, at: int) -> Line:
    """Write the queue's levels as metrics. It stalls while fans wait before places that are free."""
    idle = max(0, at - line.advanced_at) if line.advanced_at else 0
    levels(
        concert_id,
        QueueWaiting=line.waiting,
        QueueActive=line.active,
        QueueEntered=line.entered,
        QueueLapsed=line.lapsed,
        QueueSecondsSinceAdvance=idle,
    )
    gauge("QueueSecondsStalled", idle if line.waiting and line.active < line.capacity else 0)
    return line


def take_lease(concert_id: str, driver: str, at: int, *, take_over: bool) -> bool:
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


def end_lease(concert_id: str, driver: str) -> None:
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


def is_driven(queue: QueueItem, at: int) -> bool:
    """Tell from a queue item whether a driver is at work."""
    return queue.get("drivenUntil", 0) > at


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


def keep_moving(turn: Turn, queue: QueueItem, line: Line, at: int) -> None:
    """See to it that the line is driven, on behalf of a fan who is near its front or for whom there may be room.

    `queue` and `line` may be a second old. A kick beside a driver costs one unit of reading, so a crowd does no harm.
    """
    near = turn.number <= line.admitted + admission.FRONT + max(0, line.capacity - line.active)
    if near and not turn.active and not is_driven(queue, at):
        kick(turn.concert_id)


def in_use(concert: Concert, at: int) -> bool:
    """Tell whether anybody has or wants a place in a concert's queue, or may want one that was closed; if that cannot
    be read, somebody may."""
    concert_id = concert["sk"]
    try:
        line = line_of(read_queue(concert_id, consistent=False), read_counter(concert_id, consistent=False))
    except BookingError:
        logger.warning("it cannot be read whether a queue is in use", concertId=concert_id, exc_info=True)
        return True
    return line.issued > line.low or (line.closed and at < concert["salesCloseAt"])
