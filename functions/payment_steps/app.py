"""The steps of the payment workflow: one function for all, so one cold start and one policy.

What they are stands in `payments.STEPS`.
"""

from typing import Any

from booking import clock, payments
from booking.observability import bind, logger, reported
from booking.queue import driver


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run the step that the event names, on the state of the execution."""
    payment = event["state"]["payment"]
    bind(paymentId=payment["paymentId"], userId=payment["userId"], reservationId=payment["reservationId"])
    outcome = payments.run_step(event["step"], event["state"], clock.now())
    if outcome["outcome"] == "CONFIRMED":
        driver.kick(payment["concertId"])
    logger.info("step", step=event["step"], outcome=outcome["outcome"])
    return outcome
