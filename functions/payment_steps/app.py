"""The steps of the payment workflow: one function for the four, so one cold start and one policy.

Each is safe to run twice. A refusal is an outcome that the state machine reads; what is raised is technical, and
retried.
"""

from typing import Any

from booking import clock, payments
from booking.observability import bind, logger, reported
from booking.queue import advance


@reported
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run the step that the event names, on the state of the execution."""
    state = event["state"]
    payment = state["payment"]
    bind(paymentId=payment["paymentId"], userId=payment["userId"], reservationId=payment["reservationId"])
    now = clock.now()
    match event["step"]:
        case "UsePoints":
            outcome = payments.use_points(payment, now)
        case "ConfirmBooking":
            outcome = payments.confirm(payment, state["usePoints"], now)
            if outcome["outcome"] == "CONFIRMED":
                advance.kick(payment["concertId"])
        case "CancelBooking":
            steps, reason = payments.what_went_wrong(state, now)
            outcome = payments.cancel(payment, steps, reason, now)
        case "UndoPoints":
            outcome = payments.undo(payment, now)
        case unknown:
            raise ValueError(f"no such step: {unknown}")
    logger.info("step", step=event["step"], outcome=outcome["outcome"])
    return outcome
