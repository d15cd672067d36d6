"""Keeps the queues moving.

Invoked each minute by the schedule, to start a driver for each queue that is in use; and asynchronously, for one queue,
when a place has been freed or somebody waits and nobody drives.
"""

from typing import Any

from booking import catalog, clock
from booking.observability import bind, count, logger, reported
from booking.queue import advance


@reported
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Drive the queue that the event names, or see to it that every queue in use is driven."""
    concert_id = event.get("concertId")
    if concert_id is None:
        in_use = [concert["sk"] for concert in catalog.all_concerts(clock.now()) if advance.in_use(concert["sk"])]
        for each in in_use[1:]:
            advance.kick(each, scheduled=True)
        if not in_use:
            return {"queues": 0}
        concert_id = in_use[0]
        event = {"scheduled": True}
    bind(concertId=concert_id)
    ticks = advance.drive(concert_id, context.aws_request_id, take_over=bool(event.get("scheduled")))
    count("QueueTicks", ticks)
    logger.info("drove", ticks=ticks)
    return {"ticks": ticks}
