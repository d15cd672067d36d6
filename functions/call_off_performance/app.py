"""Calls a date off for its operator: surveys it, takes it off sale, or begins to give everything back.

Invoked by `./ost cancel-performance`, which says who does it. What it does stands in `calling_off`.
"""

from typing import Any

from booking import calling_off, clock
from booking.audit_log import Actor
from booking.errors import BookingError
from booking.observability import bind, logger, reported


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Do what the event asks for; a refusal is answered as a problem, in `problem`."""
    performance_id, now = str(event["performanceId"]), clock.now()
    bind(performanceId=performance_id)
    try:
        match event["action"]:
            case "survey":
                answer = calling_off.survey(performance_id, now)
            case "takeOffSale":
                calling_off.take_off_sale(performance_id, _actor(event), now)
                answer = calling_off.survey(performance_id, now)
            case "begin":
                answer = calling_off.begin(performance_id, str(event["code"]), _actor(event), now)
            case unknown:
                raise ValueError(f"no such action: {unknown}")
    except BookingError as refused:
        return {"problem": refused.problem()}
    logger.info("called off", action=event["action"], survey=answer)
    return {"survey": answer}


def _actor(event: dict[str, Any]) -> Actor:
    return Actor(str(event["by"]["userId"]), event["by"]["name"])
