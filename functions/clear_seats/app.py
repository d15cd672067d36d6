"""The steps of calling a date off: clear a range of its seats, and say at the end what could not be cleared.

Safe to repeat; what it does stands in `calling_off`.
"""

from typing import Any

from booking import calling_off, clock
from booking.observability import bind, logger, reported


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Clear the range that the event names, or add up what the steps before have done.

    Raises:
        NotCleared: of this range, or of those whose steps failed for good.

    """
    bind(performanceId=event["performanceId"])
    if "results" in event:
        done = calling_off.add_up(event["performanceId"], event["results"])
    else:
        done = calling_off.clear(event["performanceId"], event["range"], clock.now())
    logger.info("cleared", cleared=done)
    return done
