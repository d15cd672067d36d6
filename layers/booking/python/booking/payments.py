"""Payments: one attempt to pay for one reservation, which ends COMPLETED or FAILED, never in between.

Item: `paymentId` (derived from the user and their idempotency key; also the name of the workflow's execution),
`userId`, what is paid for (`reservationId, concertId, performanceId, seatNumbers, turn, holdExpiresAt`), `amount`,
`status`, `createdAt`, `steps`, `completedAt`, `balance` and `failure`. While it is open, `openShard` and `openSince`
put it on the sparse index `open`, where the sweep finds what has been left behind without a scan.

Two contexts meet here, booking (queue, seats, reservations, payments) and the wallet (points). Inside each, a
transaction is enough. Between them stands the workflow, whose steps are in `STEPS`, each safe to run twice and beside
itself:

    UsePoints ───────→ ConfirmBooking ──→ COMPLETED
       │ refused or fails │
       └──────────────────┴──→ UnlockHold ──→ RefundPoints ──→ FAILED

The order back matters, because a step that timed out may still be running: `unlock_hold` takes away the condition that
a late `confirm_booking` needs before any points go back, and `refund_points` bars the entry that a late `use_points`
would write. Going back is called undoing a payment.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, cast

from booking import aws, clock, ids, points, reservations, seats
from booking.dynamodb import (
    ConditionFailed,
    Item,
    TransactionRefused,
    Write,
    attempts,
    get,
    get_many,
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
    PerformanceCancelled,
    ReservationExpired,
    ReservationNotHeld,
    TemporarilyUnavailable,
)
from booking.observability import count, logger
from booking.queue import place
from booking.reservations import Reservation
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

WORKFLOW_SECONDS = 240
"""The workflow's own `TimeoutSeconds`."""
LOCK_SECONDS = WORKFLOW_SECONDS + 60
"""How long a hold is kept from running out for its payment."""
START_SECONDS = 15
"""After how long the sweep takes a payment for one whose workflow may never have been started."""
WATCH_SECONDS = 3.0
"""How long a request waits for the workflow before it answers that the payment is still running."""
UNFINISHED = 1000
"""How many payments that have not ended an organiser's overview looks at."""
OPEN_SHARDS = 8
"""Parts of the index of open payments, so that no part takes every payment's writes."""

FAILED_SENTENCES = {
    TemporarilyUnavailable.code: "The payment could not be completed. Start a new one.",
    ReservationExpired.code: "The seats were not held any more.",
}
"""What a failed payment says where the refusal's own sentence would invite to send the same request again."""

EXPECTED = {InsufficientPoints.code, PerformanceCancelled.code}
"""Why a payment fails where nothing is wrong with the system."""

COPIED = ("userId", "reservationId", "concertId", "performanceId", "seatNumbers", "turn", "amount")
"""What a payment copies from its reservation."""


class Step(TypedDict):
    """How one step of the workflow went, and when."""

    name: str
    status: Literal["DONE", "REFUSED", "FAILED"]
    at: int


class Failure(TypedDict):
    """Why a payment failed. `required` and `balance` are there where points were too few."""

    code: str
    detail: NotRequired[str]
    refunded: bool
    required: NotRequired[int]
    balance: NotRequired[int]


class Cancellation(TypedDict):
    """Seats of a payment that were cancelled: what was kept, and what is or will be given back (`cancellations`).

    `prices` are of its seats, in their order, and `keepPercent` is what was kept of each; older ones have neither.
    """

    seatNumbers: list[int]
    prices: NotRequired[list[int]]
    keepPercent: NotRequired[int]
    fee: int
    refund: int
    status: Literal["REFUNDING", "COMPLETED"]
    at: int
    request: str
    completedAt: NotRequired[int]
    balance: NotRequired[int]


class Facts(TypedDict):
    """What never changes of a payment: the input of its workflow. `prices` are of its seats, in their order; older ones
    have none."""

    paymentId: str
    userId: str
    reservationId: str
    concertId: str
    performanceId: str
    seatNumbers: list[int]
    turn: int
    amount: int
    prices: NotRequired[list[int]]
    holdExpiresAt: int
    createdAt: int


class Payment(Facts):
    """The stored item."""

    status: Literal["PENDING", "COMPLETED", "UNDOING", "FAILED"]
    steps: list[Step]
    completedAt: NotRequired[int]
    balance: NotRequired[int]
    failure: NotRequired[Failure]
    refundable: NotRequired[int]
    refunded: NotRequired[int]
    refunding: NotRequired[int]
    cancellations: NotRequired[dict[str, Cancellation]]
    openShard: NotRequired[str]
    openSince: NotRequired[int]


class NotUnlockedError(RuntimeError):
    """A payment was to be undone that can still be confirmed: a fault of ours, which must not cost anybody seats."""


@dataclass(frozen=True, slots=True)
class Started:
    """A payment, and whether an earlier identical request had made it."""

    payment: Payment
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
        if (known := read(payment_id)) is not None:
            return _replay(known, reservation_id)
        raise
    payment = _new(payment_id, reservation, at)
    until = max(reservation["expiresAt"], at + LOCK_SECONDS)
    try:
        if balance < payment["amount"]:
            balance = _balance_after_undoing(reservation, balance)
        if balance < payment["amount"]:
            return Started(_refuse(payment, balance, at), replayed=False)
        transact(
            put(_table(), payment, "attribute_not_exists(#paymentId)"),
            reservations.lock(reservation, payment_id, until=until, at=at),
            *move_deadlines(payment, until),
        )
    except ConditionFailed as refused:
        return _replay(refused.item or {}, reservation_id)
    except TransactionRefused as refused:
        known = cast(Payment | None, refused.refusals.get(0)) or read(payment_id)
        if known is not None:
            return _replay(known, reservation_id)
        if any(seats.is_sealed(item) for item in refused.refusals.values()):
            raise PerformanceCancelled from refused
        _ensure_payable(reservations.find(user_id, reservation_id), payment_id, at)
        raise ReservationExpired from refused
    run_workflow(payment)
    return Started(payment, replayed=False)


def _table() -> str:
    return settings().payments_table


def read(payment_id: str, *, consistent: bool = True) -> Payment | None:
    """Read a payment, whoever's it is."""
    return cast(Payment | None, get(_table(), {"paymentId": payment_id}, consistent=consistent))


def _replay(known: Mapping[str, Any], reservation_id: str) -> Started:
    """Return the payment that this key made before; one that is still open may never have been started, so start it."""
    if known.get("reservationId") != reservation_id:
        raise IdempotencyKeyReused
    payment = cast(Payment, known)
    if payment["status"] == "PENDING":
        run_workflow(payment)
    return Started(payment, replayed=True)


def _ensure_payable(reservation: Reservation, payment_id: str, at: int) -> None:
    status = reservations.status(reservation, at)
    if status == "CONFIRMED":
        raise AlreadyPaid(paymentId=reservation["paymentId"])
    if status == "RELEASED":
        raise ReservationNotHeld
    if status == "CANCELLED":
        raise ReservationNotHeld(paymentId=reservation["paymentId"])
    if status == "EXPIRED":
        raise ReservationExpired
    if reservation.get("paymentId") == payment_id:
        raise TemporarilyUnavailable  # this very request, sent twice, is being written at this moment
    if "paymentId" in reservation:
        raise PaymentInProgress(paymentId=reservation["paymentId"], retry_after=2)


def _balance_after_undoing(reservation: Reservation, balance: int) -> int:
    """Return a balance to judge by: one that was read while a payment of this reservation was being undone is none.

    Raises:
        PaymentInProgress: the points of that payment are still on their way back.

    """
    before = read(reservation["undoing"]) if "undoing" in reservation else None
    if before is None:
        return balance
    if is_open(before):
        raise PaymentInProgress(paymentId=before["paymentId"], retry_after=2)
    return points.balance(before["userId"])


def _new(payment_id: str, reservation: Reservation, at: int) -> Payment:
    prices = reservations.prices(reservation)
    return cast(
        Payment,
        {
            "paymentId": payment_id,
            **{name: value for name, value in reservation.items() if name in COPIED},
            "prices": [prices[number] for number in reservation["seatNumbers"]],
            "holdExpiresAt": reservation["expiresAt"],
            "status": "PENDING",
            "createdAt": at,
            "steps": [],
            "openShard": open_shard(payment_id),
            "openSince": at,
        },
    )


def open_shard(payment_id: str) -> str:
    """Name the part of the index of open payments that lists this one."""
    return f"OPEN#{int(ids.digest(payment_id), 36) % OPEN_SHARDS}"


def _refuse(payment: Payment, balance: int, at: int) -> Payment:
    """Write a payment that has failed before it began.

    Raises:
        ConditionFailed: the key has made a payment before.

    """
    refused = InsufficientPoints(required=payment["amount"], balance=balance)
    failed = payment.copy()
    del failed["openShard"], failed["openSince"]
    failed["status"] = "FAILED"
    failed["completedAt"] = at
    failed["steps"] = [step("UsePoints", "REFUSED", at)]
    why: Failure = {"code": refused.code, "refunded": False, "required": payment["amount"], "balance": balance}
    failed["failure"] = _failure(why, held=True)
    write(put(_table(), failed, "attribute_not_exists(#paymentId)"))
    count("PaymentRefused")
    return failed


def move_deadlines(payment: Facts, until: int) -> list[Write]:
    """Move the deadlines of the seats that are paid for, as long as they are this reservation's."""
    return [
        seats.move_deadline(payment["performanceId"], number, payment["reservationId"], until=until)
        for number in payment["seatNumbers"]
    ]


def run_workflow(payment: Payment) -> None:
    """Start the payment's execution. Safe to repeat: its name is the payment's id.

    Its failing is not the user's business: the payment stays PENDING, and their retry or the sweep goes on from there.
    """
    facts = {name: value for name, value in payment.items() if name in Facts.__annotations__}
    try:
        aws.start_execution(settings().payment_workflow_arn, payment["paymentId"], {"payment": facts})
    except TemporarilyUnavailable:
        logger.exception("the workflow could not be started; a retry or the sweep will", paymentId=payment["paymentId"])
        count("PaymentNotStarted")


def watch(
    payment: Payment, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
) -> Payment:
    """Wait a short time for a payment to end, and return it as it then is."""
    deadline, pause = monotonic() + WATCH_SECONDS, 0.2
    while is_open(payment) and monotonic() + pause <= deadline:
        sleep(pause)
        payment = read(payment["paymentId"], consistent=False) or payment
        pause *= 1.4
    return payment


def owe(payment: Payment, cancellation_id: str, item: Cancellation, at: int) -> Write:
    """Note a cancellation whose points are to be given back, if so much of the payment is not cancelled yet.

    Whether the seats are the ones that are meant is the condition of the reservation beside it.
    """
    return update(
        _table(),
        {"paymentId": payment["paymentId"]},
        f"SET #refundable = #refundable - :paid, #refunded = #refunded + :refund, #refunding = #refunding + :one, "
        f"#cancellations.#{cancellation_id} = :item, #openShard = :shard, #openSince = :at",
        "#status = :completed AND #refundable >= :paid",
        completed="COMPLETED",
        paid=item["fee"] + item["refund"],
        refund=item["refund"],
        one=1,
        item=item,
        shard=open_shard(payment["paymentId"]),
        at=at,
    )


def settle_debt(payment: Payment, cancellation_id: str, done: Cancellation) -> Write:
    """Note that a cancellation's points are back; a payment that owes nothing any more leaves the index."""
    before = payment["refunding"]
    return update(
        _table(),
        {"paymentId": payment["paymentId"]},
        f"SET #cancellations.#{cancellation_id} = :done, #refunding = :left"
        + (" REMOVE #openShard, #openSince" if before == 1 else ""),
        f"#cancellations.#{cancellation_id}.#status = :owed AND #refunding = :before",
        done=done,
        left=before - 1,
        owed="REFUNDING",
        before=before,
    )


def count_refundable(payment: Payment) -> Payment:
    """Give a payment that was completed before there were cancellations what they need. Safe to repeat."""
    if payment["status"] != "COMPLETED" or "refundable" in payment:
        return payment
    try:
        changed = write(
            update(
                _table(),
                {"paymentId": payment["paymentId"]},
                "SET #refundable = :amount, #refunded = :none, #refunding = :none, #cancellations = :empty",
                "#status = :completed AND attribute_not_exists(#refundable)",
                completed="COMPLETED",
                amount=payment["amount"],
                none=0,
                empty={},
            )
        )
    except ConditionFailed as refused:
        changed = refused.item
    return cast(Payment, changed)


def is_open(payment: Mapping[str, Any]) -> bool:
    """Tell whether a payment has not ended."""
    return payment["status"] in {"PENDING", "UNDOING"}


def find(user_id: str, payment_id: str) -> Payment:
    """Read one payment of this user.

    Raises:
        PaymentNotFound: there is none, or it is another user's.

    """
    item = read(payment_id) if 0 < len(payment_id) <= 64 else None
    if item is None or item["userId"] != user_id:
        raise PaymentNotFound
    return item


def step(name: str, status: Literal["DONE", "REFUSED", "FAILED"], at: int) -> Step:
    """Note how a step of the workflow went: DONE, REFUSED (an outcome) or FAILED (an error)."""
    return {"name": name, "status": status, "at": at}


def bought(payment: Facts) -> points.About:
    """Say in a wallet what a payment was for."""
    return {"concertId": payment["concertId"], "performanceId": payment["performanceId"]}


def use_points(payment: Facts, at: int) -> Item:
    """Take the points. A refusal is an outcome; only what is technical is raised."""
    try:
        entry = points.pay(payment["userId"], payment["paymentId"], payment["amount"], at, **bought(payment))
    except InsufficientPoints as refused:
        return {"outcome": "REFUSED", "at": at, "code": refused.code, **refused.members}
    if entry is None:
        return {"outcome": "REFUSED", "at": at, "code": TemporarilyUnavailable.code}
    return {"outcome": "USED", "at": at, "balance": entry.item["balanceAfter"]}


def confirm_booking(payment: Facts, used: Mapping[str, Any], at: int) -> Item:
    """Make the seats sold, the reservation confirmed, the payment COMPLETED and the queue turn over, all at once.

    Only a PENDING payment can be confirmed, so never one that is being undone.
    """
    steps = [step("UsePoints", "DONE", used["at"]), step("ConfirmBooking", "DONE", at)]
    prices: list[int | None] = [*payment.get("prices", [])] or [None] * len(payment["seatNumbers"])
    try:
        transact(
            update(
                _table(),
                {"paymentId": payment["paymentId"]},
                "SET #status = :completed, #completedAt = :at, #steps = :steps, #balance = :balance, "
                "#refundable = :amount, #refunded = :none, #refunding = :none, #cancellations = :empty "
                "REMOVE #openShard, #openSince",
                "#status = :pending",
                completed="COMPLETED",
                pending="PENDING",
                at=at,
                steps=steps,
                balance=used["balance"],
                amount=payment["amount"],
                none=0,
                empty={},
            ),
            reservations.confirm(payment, payment["paymentId"], at),
            place.finish(payment["concertId"], payment["turn"]),
            *(
                seats.sell(payment["performanceId"], number, payment["reservationId"], price)
                for number, price in zip(payment["seatNumbers"], prices, strict=True)
            ),
        )
    except TransactionRefused as refused:
        found = refused.refusals.get(0) or {}
        if found.get("status") == "COMPLETED":
            return {"outcome": "CONFIRMED", "at": found["completedAt"]}
        code = ReservationExpired.code
        if 0 in refused.refusals:
            code = TemporarilyUnavailable.code
        elif any(seats.is_sealed(item) for item in refused.refusals.values()):
            code = PerformanceCancelled.code
        return {"outcome": "REFUSED", "at": at, "code": code}
    count("PaymentCompleted")
    return {"outcome": "CONFIRMED", "at": at}


def unlock_hold(payment: Facts, steps: list[Step], reason: Mapping[str, Any], at: int) -> Item:
    """Turn a PENDING payment UNDOING and put the hold back to its original deadline.

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
            steps=[*steps, step("UnlockHold", "DONE", at)],
            failure={"refunded": False, **reason},
        ),
        "reservation": reservations.unlock(payment, payment["paymentId"]),
    }
    writes |= {
        f"seat {number}": move
        for number, move in zip(payment["seatNumbers"], move_deadlines(payment, payment["holdExpiresAt"]), strict=True)
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


def what_went_wrong(state: Mapping[str, Any], at: int) -> tuple[list[Step], Item]:
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


def refund_points(payment: Facts, at: int) -> Item:
    """Refund the points if they were taken, bar them if not, and end the payment FAILED.

    Raises:
        NotUnlockedError: the payment can still be confirmed, so nothing may be refunded.

    """
    known = read(payment["paymentId"])
    status = known["status"] if known else "missing"
    if known and status == "FAILED":
        return {"outcome": "FAILED", "refunded": known["failure"]["refunded"], "at": at}
    if known is None or status != "UNDOING":
        raise NotUnlockedError(f"payment {payment['paymentId']} is {status}, not UNDOING")
    refunded = points.refund(payment["userId"], payment["paymentId"], at, **bought(payment))
    reason: Failure = {**known["failure"], "refunded": refunded}
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
                steps=[*known["steps"], step("RefundPoints", "DONE", at)],
                failure=_failure(reason, held=at < known["holdExpiresAt"]),
            )
        )
    except ConditionFailed as refused:
        if (refused.item or {}).get("status") != "FAILED":
            raise
    else:
        if reason["code"] in EXPECTED:
            count("PaymentRefused")
        else:
            count("PaymentUndone")
    return {"outcome": "FAILED", "refunded": refunded, "at": at}


STEPS: Mapping[str, Callable[[Mapping[str, Any], int], Item]] = {
    "UsePoints": lambda state, at: use_points(state["payment"], at),
    "ConfirmBooking": lambda state, at: confirm_booking(state["payment"], state["usePoints"], at),
    "UnlockHold": lambda state, at: unlock_hold(state["payment"], *what_went_wrong(state, at), at),
    "RefundPoints": lambda state, at: refund_points(state["payment"], at),
}
"""The steps of the workflow, on the state of an execution at a time: the one list of them.

The state machine calls them by these names and keeps each outcome under the name with a small first letter; the
payment's `steps`, the views and the page use the same names.
"""
RENAMED = {"CancelBooking": "UnlockHold", "UndoPoints": "RefundPoints"}
"""What steps were called before: executions that began then, and payments that ended then, still say so."""


def run_step(name: str, state: Mapping[str, Any], at: int) -> Item:
    """Run one step of the workflow. A refusal is an outcome, which the state machine reads; what is raised is
    technical, and retried.

    Raises:
        KeyError: there is no such step.

    """
    return STEPS[RENAMED.get(name, name)](state, at)


def settle(payment_id: str, at: int, /) -> str:
    """Bring a payment whose workflow is over, or never began, to its end, from what is recorded; return its status.

    Safe to repeat, and beside a workflow that is still running after all: both take the same conditions.
    """
    payment = read(payment_id)
    if payment is None or not is_open(payment):
        return payment["status"] if payment else "UNKNOWN"
    if payment["status"] == "PENDING":
        debit = points.debit_of(payment["userId"], payment_id)
        steps = [step("UsePoints", "DONE", debit["at"])] if debit else []
        reason = {"code": TemporarilyUnavailable.code}
        if unlock_hold(payment, steps, reason, at)["outcome"] == "COMPLETED":
            return "COMPLETED"
    refund_points(payment, at)
    count("PaymentSettled")
    return "FAILED"


def start_again(payment_id: str, _at: int, /) -> str:
    """Start the workflow of a payment that may never have been started; return the payment's status."""
    payment = read(payment_id)
    if payment is not None and payment["status"] == "PENDING":
        run_workflow(payment)
    return payment["status"] if payment else "UNKNOWN"


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Ids of open payments: those whose time is over, and those that are open for longer than most and may never have
    been started."""

    over: list[str]
    slow: list[str]


def list_left_behind(at: int) -> LeftBehind:
    """List the payments that have been open for a while, without a scan."""
    found = LeftBehind([], [])
    for item in _open_since(at - START_SECONDS):
        over = item["openSince"] < at - WORKFLOW_SECONDS
        (found.over if over else found.slow).append(item["paymentId"])
    return found


def _open_since(before: int) -> list[Item]:
    """Return the keys of payments that have been on the index of open ones since before a time."""
    return [
        item
        for shard in range(OPEN_SHARDS)
        for item in query_all(
            _table(),
            "#openShard = :shard AND #openSince < :before",
            index="open",
            consistent=False,
            shard=f"OPEN#{shard}",
            before=before,
        )
    ]


def count_owed(performance_id: str, at: int) -> int:
    """Sum up what cancellations of a performance still owe: noted, and not given back yet."""
    keys = [{"paymentId": item["paymentId"]} for item in _open_since(at + LOCK_SECONDS)]
    return sum(
        item["refund"]
        for payment in cast(list[Payment], get_many(_table(), keys))
        if payment["performanceId"] == performance_id
        for item in payment.get("cancellations", {}).values()
        if item["status"] == "REFUNDING"
    )


def read_unfinished(at: int) -> list[Payment]:
    """Return payments that have been open, or owing points, for longer than most: at most `UNFINISHED` of them."""
    keys = [{"paymentId": item["paymentId"]} for item in _open_since(at - START_SECONDS)[:UNFINISHED]]
    return cast(list[Payment], get_many(_table(), keys))


def _failure(failure: Failure, *, held: bool) -> Failure:
    """Say why a payment failed, and what became of the points and the seats; `held` until the original deadline."""
    code = failure["code"]
    why = FAILED_SENTENCES.get(code, CATALOGUE[code].sentence)
    fate = "Your points have been given back" if failure["refunded"] else "No points were taken"
    if code != ReservationExpired.code:
        fate += ", and your seats stay held until their deadline" if held else ", and the hold on your seats has ended"
    return {**failure, "detail": f"{why} {fate}."}


def view(payment: Payment, at: int) -> "views.Payment":
    """Show a payment to its owner."""
    shown: views.Payment = {
        "paymentId": payment["paymentId"],
        "reservationId": payment["reservationId"],
        "amount": payment["amount"],
        "status": payment["status"],
        "createdAt": clock.rfc3339(payment["createdAt"]),
        "refunded": payment.get("refunded", 0),
        "steps": [_step_view(done) for done in payment["steps"]],
        "serverTime": clock.rfc3339(at),
    }
    if "completedAt" in payment:
        shown["completedAt"] = clock.rfc3339(payment["completedAt"])
    if payment["status"] == "FAILED":
        failure = payment["failure"]
        shown["failure"] = {"code": failure["code"], "detail": failure["detail"], "refunded": failure["refunded"]}
    if "balance" in payment:
        shown["balance"] = payment["balance"]
    return shown


def _step_view(done: Step) -> "views.Step":
    name = cast("views.StepName", RENAMED.get(done["name"], done["name"]))
    return {"name": name, "status": done["status"], "at": clock.rfc3339(done["at"])}


def refusal(payment: Payment, at: int) -> BookingError:
    """Make the answer to a payment that failed: its failure's problem, beside the payment view's members.

    The problem's `status` is the HTTP status, so the payment's own stands in `paymentStatus`. The payment is over for
    good and its key only replays it, so whatever the failure was, the same request cannot succeed later.
    """
    failure = payment["failure"]
    members: dict[str, Any] = {**view(payment, at), "retryable": False}
    members |= {name: value for name, value in failure.items() if name in {"required", "balance"}}
    members["paymentStatus"] = members.pop("status")
    return CATALOGUE[failure["code"]](failure["detail"], retry_after=None, **members)
