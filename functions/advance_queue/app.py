"""Keeps the queues moving.

Invoked each minute by the schedule, to start a driver for each queue that is in use; and asynchronously, for one queue,
when a place has been freed or somebody waits and nobody drives.
"""

from typing import Any

from booking import catalog, clock
from booking.observability import bind, count, logger, reported
from booking.queue import drawing, driver, lobby


class NotStarted(RuntimeError):
    """Some queues have no driver for this minute; the alarm on this function's failures says so."""


@reported
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Drive the queue that the event names, or see to it that every queue in use is driven.

    The drivers of the other queues are started before one's own work begins, so no queue waits for another.
    """
    concert_id, scheduled, failed = event.get("concertId"), bool(event.get("scheduled")), []
    if concert_id is None:
        now = clock.now()
        concerts = catalog.all_concerts(now)
        for concert in concerts:
            if lobby.is_near(concert, now):
                drawing.kick(concert["sk"])
        in_use = [concert["sk"] for concert in concerts if driver.in_use(concert, now)]
        if not in_use:
            return {"queues": 0}
        concert_id, *others = in_use
        scheduled, failed = True, [each for each in others if not driver.kick(each, scheduled=True)]
    bind(concertId=concert_id)
    ticks = driver.drive(concert_id, context.aws_request_id, take_over=scheduled)
    count("QueueTicks", ticks)
    logger.info("drove", ticks=ticks)
    if failed:
        raise NotStarted(f"no driver could be started for {', '.join(failed)}")
    return {"ticks": ticks}
