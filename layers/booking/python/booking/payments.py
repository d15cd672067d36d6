"""Payments: one attempt to pay for one reservation, which ends COMPLETED or FAILED, never in between.

Item: `paymentId` (derived from the user and their idempotency key; also the name of the workflow's execution),
`userId`, what is paid for (`reservationId, concertId, performanceId, seatNumbers, turn, holdExpiresAt`), `amount`,
`status`, `createdAt`, `steps`, `completedAt`, `balance` and `failure`. While it is open, `openShard` and `openSince`
put it on the sparse index `open`, where the sweep finds what has been left behind without a scan.

Two contexts meet here, booking (queue, seats, reservations, payments) and the wallet (points). Inside each, a
transaction is enough. Between them stands the workflow, whose steps are functions of this module, each safe to run
twice and beside itself:

    use_points ──────→ confirm ──→ COMPLETED
       │ refused or fails │
       └──────────────────┴──→ cancel ──→ undo ──→ FAILED

The order back matters, because a step that timed out may still be running: `cancel` takes away the condition that a
late `confirm` needs before any points are given back, and `undo` bars the entry that a late `use_points` would write.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws, clock, ids, points, reservations, seats
from booking.dynamodb import (
    ConditionFailed,
    Item,
    TransactionRefused,
    Write,
    attempts,
    get,
    put,
    query_all,
    transact,
    update,
    write,
)
from booking.errors import (
    CATALOGUE,
    AlreadyPaid,
    BookingError,
    IdempotencyKeyReused,
    InsufficientPoints,
    PaymentInProgress,
    PaymentNotFound,
    ReservationExpired,
    ReservationNotHeld,
    TemporarilyUnavailable,
)
from booking.observability import count, logger
from booking.queue import line
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

WORKFLOW_SECONDS = 240
"""The workflow's own `TimeoutSeconds`."""
LOCK_SECONDS = WORKFLOW_SECONDS + 60
"""How long a hold is kept from running out for its payment."""
WATCH_SECONDS = 3.0
"""How long a request waits for the workflow before it answers that the payment is still running."""
OPEN_SHARDS = 8
"""Parts of the index of open payments, so that no part takes every payment's writes."""

FAILED_SENTENCES = {
    TemporarilyUnavailable.code: "The payment could not be completed. Start a new one.",
    ReservationExpired.code: "The seats were not held any more.",
}
"""What a failed payment says where the refusal's own sentence would invite to send the same request again."""

COPIED = ("userId", "reservationId", "concertId", "performanceId", "seatNumbers", "turn", "amount")
"""What a payment copies from its reservation."""


class NotCancelledError(RuntimeError):
    """A payment was to be undone that can still be confirmed: a fault of ours, which must not cost anybody seats."""


@dataclass(frozen=True, slots=True)
class Started:
    """A payment, and whether an earlier identical request had made it."""

    payment: Item
    replayed: bool


def start(user_id: str, reservation_id: str, key: str, at: int) -> Started:
    """Create a payment and lock its hold, in one transaction, then start the workflow. Safe to repeat with the same
    key.

    Too few points are refused here already, with a payment that has FAILED and a hold that is as it was. The balance is
    read before the reservation: a balance that another payment of this reservation has just lowered is then followed by
    a reservation that says so, and nobody who is paying is told that they have too few points.

    Raises:
        IdempotencyKeyReused: the key was used for another reservation.
        ReservationNotFound, ReservationExpired, ReservationNotHeld, AlreadyPaid, PaymentInProgress: nothing was done.

    """
    payment_id = ids.payment_id(user_id, key)
    balance = points.balance(user_id)
    try:
        reservation = reservations.find(user_id, reservation_id)
        _ensure_payable(reservation, payment_id, at)
    except BookingError:
        if (known := get(_table(), {"paymentId": payment_id})) is not None:
            return _replay(known, reservation_id)
        raise
    payment = _new(payment_id, reservation, at)
    until = max(reservation["expiresAt"], at + LOCK_SECONDS)
    try:
        if balance < payment["amount"]:
            return Started(_refuse(payment, balance, at), replayed=False)
        transact(
            put(_table(), payment, "attribute_not_exists(#paymentId)"),
            reservations.lock(reservation, payment_id, until=until, at=at),
            *_move_deadlines(payment, until),
        )
    except ConditionFailed as refused:
        return _replay(refused.item or {}, reservation_id)
    except TransactionRefused as refused:
        known = refused.refusals.get(0) or get(_table(), {"paymentId": payment_id})
        if known is not None:
            return _replay(known, reservation_id)
        _ensure_payable(reservations.find(user_id, reservation_id), payment_id, at)
        raise ReservationExpired from refused
    run_workflow(payment)
    return Started(payment, replayed=False)


def _table() -> str:
    return settings().payments_table


def _replay(known: Item, reservation_id: str) -> Started:
    """Give the payment that this key made before; one that is still open may never have been started, so start it."""
    if known.get("reservationId") != reservation_id:
        raise IdempotencyKeyReused
    if known["status"] == "PENDING":
        run_workflow(known)
    return Started(known, replayed=True)


def _ensure_payable(reservation: Item, payment_id: str, at: int) -> None:
    status = reservations.status(reservation, at)
    if status == "CONFIRMED":
        raise AlreadyPaid(paymentId=reservation["paymentId"])
    if status == "RELEASED":
        raise ReservationNotHeld
    if status == "EXPIRED":
        raise ReservationExpired
    if reservation.get("paymentId") == payment_id:
        raise TemporarilyUnavailable  # this very request, sent twice, is being written at this moment
    if "paymentId" in reservation:
        raise PaymentInProgress(paymentId=reservation["paymentId"], retry_after=2)


def _new(payment_id: str, reservation: Item, at: int) -> Item:
    return {
        "paymentId": payment_id,
        **{name: reservation[name] for name in COPIED},
        "holdExpiresAt": reservation["expiresAt"],
        "status": "PENDING",
        "createdAt": at,
        "steps": [],
        "openShard": f"OPEN#{int(ids.digest(payment_id), 36) % OPEN_SHARDS}",
        "openSince": at,
    }


def _refuse(payment: Item, balance: int, at: int) -> Item:
    """Write a payment that has failed before it began.

    Raises:
        ConditionFailed: the key has made a payment before.

    """
    refused = InsufficientPoints(required=payment["amount"], balance=balance)
    failed = {name: value for name, value in payment.items() if not name.startswith("open")} | {
        "status": "FAILED",
        "completedAt": at,
        "steps": [step("UsePoints", "REFUSED", at)],
        "failure": _failure(refused.code, refunded=False, held=True) | dict(refused.members),
    }
    write(put(_table(), failed, "attribute_not_exists(#paymentId)"))
    count("PaymentRefused")
    return failed


def _move_deadlines(payment: Item, until: int) -> list[Write]:
    return [
        seats.move_deadline(payment["performanceId"], number, payment["reservationId"], until=until)
        for number in payment["seatNumbers"]
    ]


def run_workflow(payment: Item) -> None:
    """Start the payment's execution. Safe to repeat: its name is the payment's id.

    Its failing is not the user's business: the payment stays PENDING, and their retry or the sweep goes on from there.
    """
    facts = {name: payment[name] for name in ("paymentId", *COPIED, "holdExpiresAt", "createdAt")}
    try:
        workflow: SFNClient = aws.client("stepfunctions")
        workflow.start_execution(
            stateMachineArn=settings().payment_workflow_arn,
            name=payment["paymentId"],
            input=json.dumps({"payment": facts}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            _not_started(payment["paymentId"])
    except BotoCoreError:
        _not_started(payment["paymentId"])


def _not_started(payment_id: str) -> None:
    logger.exception("the workflow could not be started; a retry or the sweep will", paymentId=payment_id)
    count("PaymentNotStarted")


def watch(
    payment: Item, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
) -> Item:
    """Wait a short time for a payment to end, and give it as it then is."""
    deadline, pause = monotonic() + WATCH_SECONDS, 0.2
    while is_open(payment) and monotonic() + pause <= deadline:
        sleep(pause)
        payment = get(_table(), {"paymentId": payment["paymentId"]}, consistent=False) or payment
        pause *= 1.4
    return payment


def is_open(payment: Item) -> bool:
    """Tell whether a payment has not ended."""
    return payment["status"] in {"PENDING", "UNDOING"}


def find(user_id: str, payment_id: str) -> Item:
    """Read one payment of this user.

    Raises:
        PaymentNotFound: there is none, or it is another user's.

    """
    item = get(_table(), {"paymentId": payment_id}) if 0 < len(payment_id) <= 64 else None
    if item is None or item["userId"] != user_id:
        raise PaymentNotFound
    return item


def step(name: str, status: str, at: int) -> Item:
    """Note how a step of the workflow went: DONE, REFUSED (an outcome) or FAILED (an error)."""
    return {"name": name, "status": status, "at": at}


def use_points(payment: Item, at: int) -> Item:
    """Take the points. Step of the workflow: a refusal is an outcome; only what is technical is raised."""
    try:
        entry = points.pay(payment["userId"], payment["paymentId"], payment["amount"], at)
    except InsufficientPoints as refused:
        return {"outcome": "REFUSED", "at": at, "code": refused.code, **refused.members}
    if entry is None:
        return {"outcome": "REFUSED", "at": at, "code": TemporarilyUnavailable.code}
    return {"outcome": "USED", "at": at, "balance": entry.item["balanceAfter"]}


def confirm(payment: Item, used: Mapping[str, Any], at: int) -> Item:
    """Make the seats sold, the reservation confirmed, the payment COMPLETED and the queue turn over, all at once.

    Step of the workflow. Only a PENDING payment can be confirmed, so never one that is being undone.
    """
    steps = [step("UsePoints", "DONE", used["at"]), step("ConfirmBooking", "DONE", at)]
    try:
        transact(
            update(
                _table(),
                {"paymentId": payment["paymentId"]},
                "SET #status = :completed, #completedAt = :at, #steps = :steps, #balance = :balance "
                "REMOVE #openShard, #openSince",
                "#status = :pending",
                completed="COMPLETED",
                pending="PENDING",
                at=at,
                steps=steps,
                balance=used["balance"],
            ),
            reservations.confirm(payment, payment["paymentId"], at),
            line.finish(payment["concertId"], payment["turn"], at),
            *(
                seats.sell(payment["performanceId"], number, payment["reservationId"])
                for number in payment["seatNumbers"]
            ),
        )
    except TransactionRefused as refused:
        found = refused.refusals.get(0) or {}
        if found.get("status") == "COMPLETED":
            return {"outcome": "CONFIRMED", "at": found["completedAt"]}
        code = TemporarilyUnavailable.code if 0 in refused.refusals else ReservationExpired.code
        return {"outcome": "REFUSED", "at": at, "code": code}
    count("PaymentCompleted")
    return {"outcome": "CONFIRMED", "at": at}


def cancel(payment: Item, steps: list[Item], reason: Mapping[str, Any], at: int) -> Item:
    """Turn a PENDING payment UNDOING and give the hold its original deadline back. Step of the workflow.

    A seat or reservation that is no longer this payment's is left alone. Outcomes: UNDOING, or COMPLETED when the
    booking was confirmed after all, and then nothing is to be undone.
    """
    writes = {
        "payment": update(
            _table(),
            {"paymentId": payment["paymentId"]},
            "SET #status = :undoing, #steps = :steps, #failure = :failure",
            "#status = :pending",
            undoing="UNDOING",
            pending="PENDING",
            steps=[*steps, step("CancelBooking", "DONE", at)],
            failure={"refunded": False, **reason},
        ),
        "reservation": reservations.unlock(payment, payment["paymentId"]),
    }
    writes |= {
        f"seat {number}": move
        for number, move in zip(payment["seatNumbers"], _move_deadlines(payment, payment["holdExpiresAt"]), strict=True)
    }
    for _ in attempts():
        names = list(writes)
        try:
            transact(*writes.values())
        except TransactionRefused as refused:
            if 0 in refused.refusals:
                found = refused.refusals[0] or {}
                return {"outcome": "COMPLETED" if found.get("status") == "COMPLETED" else "UNDOING", "at": at}
            for position in refused.refusals:
                del writes[names[position]]
        else:
            return {"outcome": "UNDOING", "at": at}
    raise TemporarilyUnavailable


def what_went_wrong(state: Mapping[str, Any], at: int) -> tuple[list[Item], Item]:
    """Read from an execution's state which steps were taken, and the reason that the payment fails for."""
    technical = {"code": TemporarilyUnavailable.code}
    used, confirmed = state.get("usePoints"), state.get("confirmBooking")
    if used is None:
        return [step("UsePoints", "FAILED", at)], technical
    if used["outcome"] != "USED":
        return [step("UsePoints", "REFUSED", used["at"])], {k: v for k, v in used.items() if k not in {"outcome", "at"}}
    steps = [step("UsePoints", "DONE", used["at"])]
    if confirmed is None:
        return [*steps, step("ConfirmBooking", "FAILED", at)], technical
    return [*steps, step("ConfirmBooking", "REFUSED", confirmed["at"])], {"code": confirmed["code"]}


def undo(payment: Item, at: int) -> Item:
    """Give the points back if they were taken, bar them if not, and end the payment FAILED. Step of the workflow.

    Raises:
        NotCancelledError: the payment can still be confirmed, so nothing may be given back.

    """
    known = get(_table(), {"paymentId": payment["paymentId"]}) or {"status": "missing"}
    if known["status"] == "FAILED":
        return {"outcome": "FAILED", "refunded": known["failure"]["refunded"], "at": at}
    if known["status"] != "UNDOING":
        raise NotCancelledError(f"payment {payment['paymentId']} is {known['status']}, not UNDOING")
    refunded = points.refund(payment["userId"], payment["paymentId"], at)
    reason, held = known["failure"], at < known["holdExpiresAt"]
    try:
        write(
            update(
                _table(),
                {"paymentId": payment["paymentId"]},
                "SET #status = :failed, #completedAt = :at, #steps = :steps, #failure = :failure "
                "REMOVE #openShard, #openSince",
                "#status = :undoing",
                failed="FAILED",
                undoing="UNDOING",
                at=at,
                steps=[*known["steps"], step("UndoPoints", "DONE", at)],
                failure=reason | _failure(reason["code"], refunded=refunded, held=held),
            )
        )
    except ConditionFailed as refused:
        if (refused.item or {}).get("status") != "FAILED":
            raise
    else:
        count("PaymentUndone")
    return {"outcome": "FAILED", "refunded": refunded, "at": at}


def settle(payment_id: str, at: int) -> str:
    """Bring a payment whose workflow is over, or never began, to its end, from what is recorded; give its status.

    Safe to repeat, and beside a workflow that is still running after all: both take the same conditions.
    """
    payment = get(_table(), {"paymentId": payment_id})
    if payment is None or not is_open(payment):
        return payment["status"] if payment else "UNKNOWN"
    if payment["status"] == "PENDING":
        debit = points.debit_of(payment["userId"], payment_id)
        steps = [step("UsePoints", "DONE", debit["at"])] if debit else []
        reason = {"code": TemporarilyUnavailable.code}
        if cancel(payment, steps, reason, at)["outcome"] == "COMPLETED":
            return "COMPLETED"
    undo(payment, at)
    count("PaymentSettled")
    return "FAILED"


def list_left_behind(at: int) -> list[str]:
    """Give the ids of payments that are open for longer than their workflow can run."""
    found: list[str] = []
    for shard in range(OPEN_SHARDS):
        items = query_all(
            _table(),
            "#openShard = :shard AND #openSince < :before",
            index="open",
            consistent=False,
            shard=f"OPEN#{shard}",
            before=at - WORKFLOW_SECONDS,
        )
        found += [item["paymentId"] for item in items]
    return found


def _failure(code: str, *, refunded: bool, held: bool) -> Item:
    """Say why a payment failed, and what became of the points and the seats; `held` until the original deadline."""
    why = FAILED_SENTENCES.get(code, CATALOGUE[code].sentence)
    fate = "Your points have been given back" if refunded else "No points were taken"
    if code != ReservationExpired.code:
        fate += ", and your seats stay held until their deadline" if held else ", and the hold on your seats has ended"
    return {"code": code, "detail": f"{why} {fate}.", "refunded": refunded}


def view(payment: Item, at: int) -> dict[str, Any]:
    """Show a payment to its owner."""
    shown = {name: payment[name] for name in ("paymentId", "reservationId", "amount", "status")}
    shown["createdAt"] = clock.rfc3339(payment["createdAt"])
    if "completedAt" in payment:
        shown["completedAt"] = clock.rfc3339(payment["completedAt"])
    if payment["status"] == "FAILED":
        shown["failure"] = {name: payment["failure"][name] for name in ("code", "detail", "refunded")}
    if "balance" in payment:
        shown["balance"] = payment["balance"]
    shown["steps"] = [done | {"at": clock.rfc3339(done["at"])} for done in payment["steps"]]
    return shown | {"serverTime": clock.rfc3339(at)}


def refusal(payment: Item, at: int) -> BookingError:
    """Make the answer to a payment that failed: its failure's problem, beside the payment view's members.

    The problem's `status` is the HTTP status, so the payment's own stands in `paymentStatus`.
    """
    failure = payment["failure"]
    shown = view(payment, at)
    shown["paymentStatus"] = shown.pop("status")
    numbers = {name: failure[name] for name in ("required", "balance") if name in failure}
    return CATALOGUE[failure["code"]](failure["detail"], **(shown | numbers))
