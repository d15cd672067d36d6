"""Structured logs, metrics and traces. Ids of the journey are on every line and trace; bodies and tokens never are."""

import functools
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from booking import tracing

logger = Logger()
metrics = Metrics()

_bound: dict[str, str | int] = {}


def reported[Answer](handler: Callable[[dict[str, Any], Any], Answer]) -> Callable[[dict[str, Any], Any], Answer]:
    """Begin each invocation of a handler with its request's id and no other bound; end it by writing its metrics, if it
    has any, and its trace."""

    @functools.wraps(handler)
    def invocation(event: dict[str, Any], context: Any) -> Answer:
        logger.clear_state()
        _bound.clear()
        bind(requestId=getattr(context, "aws_request_id", ""))
        began, failed = time.time(), True
        try:
            answer = handler(event, context)
            failed = False
            return answer
        finally:
            if metrics.provider.metric_set:
                metrics.flush_metrics()
            tracing.annotate(began, time.time(), _bound, failed=failed)

    return invocation


def bind(**ids: str | int) -> None:
    """Put ids (`userId`, `concertId`, `reservationId`, `paymentId`, …) on every further line of this invocation, and on
    its trace."""
    _bound.update(ids)
    logger.append_keys(**ids)


def count(metric: str, value: float = 1) -> None:
    """Add to a counter; it is written as an embedded metric when the invocation ends."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)


def gauge(metric: str, value: float) -> None:
    """Note a level, such as the number of fans waiting."""
    metrics.add_metric(name=metric, unit=_unit(metric), value=value)


def levels(concert_id: str, **values: float) -> None:
    """Write the levels of one concert's queue at once, as metrics with the concert as their dimension."""
    own = EphemeralMetrics()
    own.add_dimension(name="concertId", value=concert_id)
    for metric, value in values.items():
        own.add_metric(name=metric, unit=_unit(metric), value=value)
    own.flush_metrics()


def _unit(metric: str) -> MetricUnit:
    return MetricUnit.Seconds if "Seconds" in metric else MetricUnit.Count
