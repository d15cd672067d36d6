"""Brings payments to an end whose workflow did not: failed, timed out, aborted, or never started.

Invoked by EventBridge when an execution ends badly, and each minute to sweep up what was left behind. Safe to repeat.
"""

from typing import Any

from booking import clock, payments
from booking.observability import bind, gauge, logger, reported


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Settle the payment of the execution that the event names, or every payment that is open for too long."""
    now = clock.now()
    execution = event.get("detail", {}).get("name")
    open_payments = [execution] if execution else payments.list_left_behind(now)
    if not execution:
        gauge("PaymentsLeftBehind", len(open_payments))
    settled = {}
    for payment_id in open_payments:
        bind(paymentId=payment_id)
        settled[payment_id] = payments.settle(payment_id, now)
        logger.info("settled", status=settled[payment_id])
    return settled
