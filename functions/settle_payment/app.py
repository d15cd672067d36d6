"""Brings payments to an end whose workflow did not: failed, timed out, aborted, or never started; and gives points back
that cancellations still owe.

Invoked by EventBridge when an execution ends badly, and each minute to sweep up what was left behind. Safe to repeat.
"""

import random
from typing import Any

from booking import cancellations, clock, payments
from booking.observability import bind, count, gauge, logger, reported


class UnsettledError(RuntimeError):
    """Some payments could not be brought to an end; the next minute's run tries again."""


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Settle the payment of the execution that the event names, or else every payment that is open for too long.

    The sweep also starts what may never have been started. One payment that fails does not keep the others waiting:
    each is tried, in an order of its own in each run.

    Raises:
        UnsettledError: names the payments that are still open.

    """
    now = clock.now()
    if (execution := _execution(event)) is not None:
        todo = [(execution, payments.settle)]
    else:
        left = payments.list_left_behind(now)
        gauge("PaymentsLeftBehind", len(left.over))
        todo = [(each, payments.settle) for each in _shuffled(left.over)]
        todo += [(each, payments.start_again) for each in _shuffled(left.slow)]
    settled, unsettled = {}, []
    for payment_id, bring_on in todo:
        bind(paymentId=payment_id)
        try:
            settled[payment_id] = cancellations.settle(payment_id, now) or bring_on(payment_id, now)
        except Exception:  # noqa: BLE001 - the one entry point: whatever it is, the other payments have their turn
            logger.exception("unsettled")
            count("PaymentSettleFailed")
            unsettled.append(payment_id)
        else:
            logger.info("settled", status=settled[payment_id])
    if unsettled:
        raise UnsettledError(", ".join(sorted(unsettled)))
    return settled


def _shuffled(names: list[str]) -> list[str]:
    return random.sample(names, len(names))


def _execution(event: dict[str, Any]) -> str | None:
    """Return the name of the execution that an event of Step Functions tells of; a schedule's names none.

    A schedule without an input of its own sends `detail` as the text "{}".
    """
    detail = event.get("detail")
    return str(detail["name"]) if isinstance(detail, dict) and "name" in detail else None
