"""Brings payments to an end whose workflow did not: failed, timed out, aborted, or never started.

Invoked by EventBridge when an execution ends badly, and each minute to sweep up what was left behind. Safe to repeat.
"""

import random
from typing import Any

from booking import clock, payments
from booking.observability import bind, count, gauge, logger, reported


class UnsettledError(RuntimeError):
    """Some payments could not be brought to an end; the next minute's run tries again."""


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Settle the payment of the execution that the event names, or every payment that is open for too long.

    One payment that cannot be settled does not keep the others waiting: each is tried, in an order of its own in each
    run.

    Raises:
        UnsettledError: names the payments that are still open.

    """
    now = clock.now()
    execution = event.get("detail", {}).get("name")
    open_payments = [execution] if execution else payments.list_left_behind(now)
    if not execution:
        gauge("PaymentsLeftBehind", len(open_payments))
    random.shuffle(open_payments)
    settled, unsettled = {}, []
    for payment_id in open_payments:
        bind(paymentId=payment_id)
        try:
            settled[payment_id] = payments.settle(payment_id, now)
        except Exception:  # noqa: BLE001 - the one entry point: whatever it is, the other payments have their turn
            logger.exception("unsettled")
            count("PaymentSettleFailed")
            unsettled.append(payment_id)
        else:
            logger.info("settled", status=settled[payment_id])
    if unsettled:
        raise UnsettledError(", ".join(sorted(unsettled)))
    return settled
