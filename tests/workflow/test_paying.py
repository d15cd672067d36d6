"""Paying, as a fan sees it: at the deadline, many times at once, and what the answers say."""

import json
from collections import Counter
from typing import Any

import pytest

from booking import clock, payments, points, seats
from booking.dynamodb import ConditionFailed, get, put, write
from tests.faults import Fault, Kind
from tests.handlers import call, event_text
from tests.world import PERFORMANCES, START, TABLES, Answer, StepFailed, StepRun, World

HOLD = 300


def deadline_of(world: World) -> int:
    return int(world.items("reservations")[0]["expiresAt"])


# ---- the deadline


@pytest.mark.parametrize(("moment", "status"), [(299.999, 201), (300.0, 410), (300.001, 410)])
def test_paying_succeeds_until_the_deadline_and_not_at_it(world: World, moment: float, status: int) -> None:
    # given
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.time.at = START + moment

    # when: the workflow takes longer than what is left of the hold
    def slow(step: StepRun) -> dict[str, Any]:
        world.time.sleep(30)
        return step.run()

    world.run_step = slow
    answer = world.pay("ann", held)

    # then
    assert answer.status == status
    assert world.balance("ann") == (0 if status == 201 else 100)
    if status == 410:
        assert answer.code == "RESERVATION_EXPIRED"
        assert world.items("payments") == []
    assert world.violations() == []


def test_failing_payments_never_prolong_a_hold(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def broken(step: StepRun) -> dict[str, Any]:
        world.time.sleep(5)
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = broken
    attempts = 0
    while (answer := world.pay("ann", held, key=f"k{attempts}")).status == 503:
        attempts += 1
        assert deadline_of(world) == START + HOLD
        assert world.items("seats")[0]["expiresAt"] == START + HOLD

    assert attempts > 3
    assert answer.code == "RESERVATION_EXPIRED"
    assert world.hold("bob", 1)["status"] == "HELD"
    assert world.balance("ann") == 100
    assert world.violations() == []


def test_paying_poorly_again_and_again_leaves_the_hold_as_it_was(world: World) -> None:
    held = world.hold("ann", 1)
    for attempt in range(5):
        world.time.sleep(50)
        answer = world.pay("ann", held, key=f"k{attempt}")
        assert answer.code == "INSUFFICIENT_POINTS"
        assert answer.body["detail"].endswith("No points were taken, and your seats stay held until their deadline.")
        assert world.items("seats")[0]["expiresAt"] == START + HOLD

    world.time.at = START + HOLD
    assert world.hold("bob", 1)["status"] == "HELD"


def test_a_hold_that_is_paid_late_is_kept_while_the_payment_runs(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.enter("bob")
    world.time.at = START + HOLD - 1
    world.hold_executions()
    assert world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k").status == 202

    world.time.at = START + HOLD + 100
    token = world.enter("bob")
    taken = world.ask("reserve_seats", "bob", {"performanceId": PERFORMANCES[0], "seatNumbers": [1]}, queue_token=token)
    assert taken.code == "SEAT_TAKEN"

    world.run_held()
    assert world.items("payments")[0]["status"] == "COMPLETED"
    assert world.violations() == []


def test_a_hold_longer_than_the_lock_is_not_shortened_by_paying(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = world.hold("ann", 1)
    reservation = world.items("reservations")[0]
    long = reservation | {"expiresAt": START + 10 * payments.LOCK_SECONDS}
    put_item(world, "reservations", long)
    put_item(world, "seats", world.items("seats")[0] | {"expiresAt": long["expiresAt"]})
    world.charge("ann", 100)
    world.hold_executions()

    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")

    assert world.items("seats")[0]["expiresAt"] == long["expiresAt"]


def put_item(world: World, aggregate: str, item: Any) -> None:
    write(put(TABLES[aggregate], item))


# ---- many at once


def test_a_hundred_keys_pay_one_reservation_once(world: World) -> None:
    """Between any two calls of one payment, all the others make theirs: each call index gets its crowd."""
    held = world.hold("ann", 1)
    world.charge("ann", 1000)
    answers: list[Answer] = []
    others = iter(range(99))
    busy = False

    def crowd(number: int, operation: str) -> None:
        nonlocal busy
        if busy:
            return
        busy = True
        for other in [next(others, None) for _ in range(12)]:
            if other is not None:
                body = {"reservationId": held["reservationId"]}
                answers.append(world.call("start_payment", "ann", body, key=f"k{other}"))
        busy = False

    world.wire.observe = crowd
    answers.append(world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="first"))
    world.wire.observe = None
    for other in others:
        answers.append(world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key=f"k{other}"))

    assert len(answers) == 100
    told = Counter(answer.code or answer.status for answer in answers)
    assert set(told) <= {201, "ALREADY_PAID", "PAYMENT_IN_PROGRESS"}
    assert told[201] == 1
    assert [payment["status"] for payment in world.items("payments")] == ["COMPLETED"]
    assert world.balance("ann") == 900
    assert world.violations() == []


def test_one_key_a_hundred_times_is_one_payment_and_one_answer(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 1000)
    body = {"reservationId": held["reservationId"]}
    answers: list[Answer] = []
    left = 99
    depth = 0

    def again(number: int, operation: str) -> None:
        nonlocal left, depth
        if left and depth < 4:
            left, depth = left - 1, depth + 1
            answers.append(world.call("start_payment", "ann", body, key="one"))
            depth -= 1

    world.wire.observe = again
    answers.append(world.call("start_payment", "ann", body, key="one"))
    world.wire.observe = None
    while left:
        left -= 1
        answers.append(world.call("start_payment", "ann", body, key="one"))

    assert len(answers) == 100
    assert {answer.status for answer in answers} <= {201, 202}
    assert len({answer.body["paymentId"] for answer in answers}) == 1
    final = world.call("start_payment", "ann", body, key="one")
    assert (final.status, final.headers["idempotency-replayed"]) == (201, "true")
    done = [answer.body for answer in answers if answer.status == 201]
    assert all(one | {"serverTime": ""} == final.body | {"serverTime": ""} for one in done)
    assert len(world.step_log) == 2, "one execution"
    assert world.balance("ann") == 900
    assert world.violations() == []


def test_two_hundred_fans_and_one_seat(world: World) -> None:
    """The control reads, decides and then writes; it sells the seat to everybody. Ours is given to one."""
    at = clock.now()
    buyers = [f"fan{n}" for n in range(200)]
    key = {"performanceId": "control", "seatNumber": 1}
    naive = [buyer for buyer in buyers if get(TABLES["seats"], key) is None]
    for buyer in naive:
        write(put(TABLES["seats"], key | {"reservationId": buyer, "status": "HELD", "expiresAt": at + HOLD}))
    assert len(naive) == 200, "the control oversells"

    winners, losers = [], []
    for buyer in buyers:  # every one of them has read the seat as free before the first writes
        try:
            owner = {"reservation_id": buyer, "user_id": buyer}
            write(seats.hold(PERFORMANCES[0], 1, **owner, at=at, until=at + HOLD))
        except ConditionFailed as lost:
            losers.append(lost.item)
        else:
            winners.append(buyer)

    assert len(winners) == 1
    assert [lost["userId"] for lost in losers if lost] == winners * 199


def test_charging_and_paying_at_once_balance(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    charges = iter(range(20))

    def charge(number: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems" and (n := next(charges, None)) is not None:
            points.charge("ann", 1, f"c{n}", clock.now())

    world.wire.observe = charge
    answer = world.pay("ann", held)

    assert answer.status == 201
    assert world.balance("ann") == 20
    assert world.violations() == []


def test_a_twin_that_is_just_being_written_is_not_taken_for_somebody_elses_debit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction's items appear one by one: for a moment the entry can be read and its guard cannot."""
    world.charge("ann", 100)
    assert points.use("ann", 100, None, "k", clock.now()).replayed is False
    early = iter([True, True])

    def not_yet(table: str, key: Any) -> Any:
        return None if next(early, False) else get(table, key)

    monkeypatch.setattr(points, "get", not_yet)

    entry = points.use("ann", 100, None, "k", clock.now())

    assert (entry.replayed, entry.item["balanceAfter"]) == (True, 0)


# ---- what the answers say


def test_balance_equal_to_the_price_is_enough(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    assert world.pay("ann", held).body["balance"] == 0


def test_a_paid_reservation_is_already_paid_for_another_key(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    paid = world.pay("ann", held)
    again = world.pay("ann", held, key="other")
    assert (again.code, again.body["paymentId"]) == ("ALREADY_PAID", paid.body["paymentId"])


def test_a_key_is_for_one_reservation(world: World) -> None:
    first = world.hold("ann", 1)
    second = world.hold("ann", 2)
    world.charge("ann", 1000)
    world.pay("ann", first)
    assert world.pay("ann", second).code == "IDEMPOTENCY_KEY_REUSED"


def test_a_strangers_reservation_does_not_exist(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("bob", 100)
    assert world.pay("bob", held).code == "RESERVATION_NOT_FOUND"


def test_a_strangers_payment_does_not_exist(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    paid = world.pay("ann", held)
    assert world.call("get_payment", "bob", paymentId=paid.body["paymentId"]).code == "PAYMENT_NOT_FOUND"


def test_nothing_can_be_released_or_paid_twice_while_a_payment_runs(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    first = world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")

    assert (first.status, first.headers["retry-after"]) == (202, "1")
    assert first.headers["location"] == f"/payments/{first.body['paymentId']}"
    released = world.call("release_reservation", "ann", reservationId=held["reservationId"])
    other = world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="other")
    assert (released.code, other.code) == ("PAYMENT_IN_PROGRESS", "PAYMENT_IN_PROGRESS")


def test_a_failed_payment_lists_its_steps_and_says_what_became_of_points_and_seats(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def broken(step: StepRun) -> dict[str, Any]:
        world.time.sleep(1)
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = broken
    failed = world.pay("ann", held)
    shown = world.call("get_payment", "ann", paymentId=failed.body["paymentId"]).body

    assert [(step["name"], step["status"]) for step in shown["steps"]] == [
        ("UsePoints", "DONE"),
        ("ConfirmBooking", "FAILED"),
        ("UnlockHold", "DONE"),
        ("RefundPoints", "DONE"),
    ]
    assert [step["at"] for step in shown["steps"]] == sorted(step["at"] for step in shown["steps"])
    assert shown["failure"]["detail"] == (
        "The payment could not be completed. Start a new one. "
        "Your points have been given back, and your seats stay held until their deadline."
    )
    assert (failed.status, failed.body["status"], failed.body["paymentStatus"]) == (503, 503, "FAILED")
    assert {"reservationId", "amount", "steps", "failure", "createdAt", "completedAt"} <= set(failed.body)


def test_an_undone_payment_whose_hold_has_ended_says_so(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def slow(step: StepRun) -> dict[str, Any]:
        world.time.sleep(150)
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = slow
    failed = world.pay("ann", held)
    assert "the hold on your seats has ended" in failed.body["detail"]


def test_undoing_a_payment_that_can_still_be_confirmed_is_refused(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    payment: Any = world.items("payments")[0]
    payments.use_points(payment, clock.now())

    with pytest.raises(payments.NotUnlockedError):
        payments.refund_points(payment, clock.now())
    assert world.balance("ann") == 0


def test_undoing_a_payment_that_is_completed_is_refused(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    assert world.pay("ann", held).status == 201
    payment: Any = world.items("payments")[0]

    with pytest.raises(payments.NotUnlockedError):
        payments.refund_points(payment, clock.now())
    assert world.balance("ann") == 0
    assert world.violations() == []


def test_one_error_of_the_service_without_a_known_code_is_temporary(world: World) -> None:
    world.wire.stand_ins["dynamodb"] = lambda body: (502, "<html>bad gateway</html>")
    assert world.call("get_points", "ann").code == "TEMPORARILY_UNAVAILABLE"
    assert world.call("charge_points", "ann", {"amount": 1}, key="k").code == "TEMPORARILY_UNAVAILABLE"


# ---- ends outside the workflow


def test_a_payment_whose_execution_never_started_goes_on_with_the_users_retry(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    body = {"reservationId": held["reservationId"]}
    starting = 3
    world.wire.set(Fault(Kind.ENDS_BEFORE, starting))
    assert world.call("start_payment", "ann", body, key="k").status == 0
    assert world.wire.calls[starting] == "stepfunctions.StartExecution"
    assert world.items("payments")[0]["status"] == "PENDING"

    again = world.call("start_payment", "ann", body, key="k")

    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert world.violations() == []


def never_started(world: World) -> str:
    """Let a fan pay while Step Functions answers nobody; return the payment's id."""
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.wire.stand_ins["stepfunctions"] = lambda _: (503, "{}")
    body = {"reservationId": held["reservationId"]}
    answer = world.call("start_payment", "ann", body, key="k")
    assert (answer.status, answer.body["status"]) == (202, "PENDING")
    assert world.metrics["PaymentNotStarted"] == 1
    return str(answer.body["paymentId"])


def test_the_sweep_starts_what_was_never_started_and_the_fan_keeps_the_seats(world: World) -> None:
    payment_id = never_started(world)
    del world.wire.stand_ins["stepfunctions"]
    created = world.items("payments")[0]["createdAt"]

    world.time.at = created + payments.START_SECONDS
    assert world.settle() == {}
    world.time.sleep(1)
    assert world.settle() == {payment_id: "PENDING"}

    assert world.items("payments")[0]["status"] == "COMPLETED"
    assert [seat["status"] for seat in world.items("seats")] == ["SOLD"]
    assert world.metrics["PaymentsLeftBehind"] == world.metrics["PaymentSettled"] == 0
    assert world.settle() == {}
    assert world.violations() == []


def test_the_sweep_starts_no_payment_a_second_time(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def dies(step: StepRun) -> dict[str, Any]:
        if step.name == "UsePoints":
            return step.run()
        raise StepFailed("Dead")

    world.run_step = dies
    payment_id = world.pay("ann", held).body["paymentId"]
    world.time.sleep(payments.START_SECONDS + 1)
    ran = list(world.step_log)

    assert world.settle() == {payment_id: "PENDING"}

    assert world.step_log == ran
    assert world.metrics["PaymentNotStarted"] == 0
    assert world.settle(payment_id) == {payment_id: "FAILED"}
    assert world.violations() == []


def test_the_sweep_ends_what_cannot_be_started_only_when_its_time_is_over(world: World) -> None:
    payment_id = never_started(world)
    created = world.items("payments")[0]["createdAt"]

    world.time.at = created + payments.WORKFLOW_SECONDS
    assert world.settle() == {payment_id: "PENDING"}
    assert world.metrics["PaymentNotStarted"] == 2
    world.time.sleep(5)
    assert world.settle() == {payment_id: "FAILED"}
    assert world.settle() == {}

    payment = world.items("payments")[0]
    assert payment["failure"]["refunded"] is False
    assert world.metrics["PaymentSettled"] == 1
    assert world.metrics["PaymentsLeftBehind"] == 1
    assert world.balance("ann") == 100
    assert world.violations() == []


# ---- events as AWS sends them


def documented(function: str, case: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(event_text(function, case))
    return event


@pytest.mark.parametrize("case", ["schedule", "schedule_without_input"])
def test_a_schedule_with_or_without_an_input_of_its_own_sweeps(world: World, case: str) -> None:
    payment_id = never_started(world)
    del world.wire.stand_ins["stepfunctions"]
    world.time.sleep(payments.WORKFLOW_SECONDS + 1)

    settled = call("settle_payment", documented("settle_payment", case))

    assert settled == {payment_id: "FAILED"}


def test_the_end_of_an_execution_settles_its_payment_only(world: World) -> None:
    payment_id = never_started(world)
    event = documented("settle_payment", "timed_out")
    event["detail"]["name"] = payment_id

    assert call("settle_payment", event) == {payment_id: "FAILED"}


# ---- failed is over


def test_a_failed_payment_cannot_be_retried_and_its_replays_ring_nobody(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)

    def broken(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = broken
    body = {"reservationId": held["reservationId"]}
    for repeat in range(5):
        answer = world.call("start_payment", "ann", body, key="k")
        assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")
        assert answer.body["retryable"] is False
        assert "retry-after" not in answer.headers
        assert world.metrics["PaymentFailureReplayed"] == repeat

    world.run_step = lambda step: step.run()
    assert world.pay("ann", held, key="a new one").status == 201


def test_a_payment_that_the_fan_cannot_afford_is_not_counted_as_undone(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    world.call("use_points", "ann", {"amount": 1}, key="meanwhile")
    world.run_held()

    payment = world.items("payments")[0]
    assert (payment["status"], payment["failure"]["code"]) == ("FAILED", "INSUFFICIENT_POINTS")
    assert (world.metrics["PaymentUndone"], world.metrics["PaymentRefused"]) == (0, 1)


def test_paying_again_while_the_first_payment_is_undone_is_told_to_wait(world: World) -> None:
    """At each call before the points are back, a second key is never told that there are too few."""
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    body = {"reservationId": held["reservationId"]}
    said: list[tuple[str, str | None]] = []

    def ask(_: int, operation: str) -> None:
        world.wire.observe = None
        said.append((operation, world.call("start_payment", "ann", body, key="again").code))
        world.wire.observe = None if operation == "dynamodb.TransactWriteItems" else ask

    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        if step.name == "RefundPoints":
            world.wire.observe = ask
        return step.run()

    world.run_step = run
    first = world.call("start_payment", "ann", body, key="k")

    assert first.body["failure"]["refunded"] is True
    assert said[-1][0] == "dynamodb.TransactWriteItems", "the refund itself"
    assert len(said) >= 3
    assert {code for _, code in said} == {"PAYMENT_IN_PROGRESS"}
    assert world.balance("ann") == 100
    assert world.violations() == []


def test_a_balance_read_while_points_were_on_their_way_back_is_read_again(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    body = {"reservationId": held["reservationId"]}
    world.call("start_payment", "ann", body, key="k")
    payment: Any = world.items("payments")[0]
    payments.use_points(payment, clock.now())
    payments.unlock_hold(payment, [], {"code": "TEMPORARILY_UNAVAILABLE"}, clock.now())
    world.wire.calls.clear()

    def refund(_: int, operation: str) -> None:
        if operation == "dynamodb.GetItem":  # the balance has been read, the reservation has not
            world.wire.observe = None
            payments.refund_points(payment, clock.now())

    world.wire.observe = refund
    answer = world.call("start_payment", "ann", body, key="again")

    assert (answer.status, answer.body["status"]) == (202, "PENDING")


@pytest.mark.parametrize("died_before", ["UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints"])
def test_an_aborted_execution_is_settled_from_what_is_recorded(world: World, died_before: str) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    order = ["UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints"]

    def dies(step: StepRun) -> dict[str, Any]:
        if order.index(step.name) >= order.index(died_before):
            world.time.sleep(1)
            raise StepFailed("Aborted")
        if step.name == "ConfirmBooking" and died_before != "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = dies
    world.pay("ann", held)
    payment_id = world.items("payments")[0]["paymentId"]
    if died_before in {"UsePoints", "ConfirmBooking"}:
        assert payments.is_open(world.items("payments")[0])
    world.run_step = lambda step: step.run()

    for _ in range(2):
        assert world.settle(payment_id)[payment_id] == "FAILED"

    shown = world.call("get_payment", "ann", paymentId=payment_id).body
    assert shown["failure"]["refunded"] is (died_before != "UsePoints")
    assert shown["steps"][-1]["name"] == "RefundPoints"
    assert ("UsePoints" in [step["name"] for step in shown["steps"] if step["status"] == "DONE"]) is (
        died_before != "UsePoints"
    )
    assert world.balance("ann") == 100
    assert world.violations() == []


def test_settling_a_completed_payment_changes_nothing(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    paid = world.pay("ann", held)
    assert world.settle(paid.body["paymentId"]) == {paid.body["paymentId"]: "COMPLETED"}
    assert world.settle("unknown") == {"unknown": "UNKNOWN"}
    assert world.violations() == []


def test_settling_beside_a_running_execution_at_any_call_ends_well(world: World) -> None:
    """Settle, at once, before each call that the workflow makes; whoever comes first, the books balance."""
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    beginning = world.snapshot()
    ends = Counter[str]()
    for moment in range(40):
        world.restore(beginning)
        world.wire.set(None)
        busy = False

        def settle(number: int, operation: str, moment: int = moment) -> None:
            nonlocal busy
            if number == moment and not busy:
                busy = True
                for payment in world.items("payments"):
                    world.settle(payment["paymentId"])

        world.wire.observe = settle
        world.pay("ann", held)
        world.wire.observe = None
        assert world.violations() == []
        payment = world.items("payments")[0]
        assert world.balance("ann") == (0 if payment["status"] == "COMPLETED" else 100)
        ends[payment["status"]] += 1
        if moment >= len(world.wire.calls):
            break
    assert ends["COMPLETED"] > 0
    assert ends["FAILED"] > 0


def test_one_payment_that_cannot_be_settled_does_not_keep_the_others_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold_executions()
    for user in ("ann", "bob"):
        held = world.hold(user, 1 if user == "ann" else 2)
        world.charge(user, 100)
        world.call("start_payment", user, {"reservationId": held["reservationId"]}, key="k")
    stuck, other = sorted(payment["paymentId"] for payment in world.items("payments"))
    settle = payments.settle

    def sometimes(payment_id: str, at: int) -> str:
        if payment_id == stuck:
            raise ValueError("poison")
        return settle(payment_id, at)

    monkeypatch.setattr(payments, "settle", sometimes)
    world.time.sleep(payments.WORKFLOW_SECONDS + 1)
    with pytest.raises(RuntimeError, match=stuck):
        world.settle()

    status = {payment["paymentId"]: payment["status"] for payment in world.items("payments")}
    assert status == {stuck: "PENDING", other: "FAILED"}
    assert world.metrics["PaymentSettleFailed"] == 1


@pytest.mark.parametrize(("seconds", "looks"), [(3.0, 5), (0.2, 1), (0.19, 0)])
def test_who_pays_is_answered_as_soon_as_the_payment_has_ended_or_told_to_ask_again(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, looks: int
) -> None:
    world.hold_executions()
    held = world.hold("ann", 1)
    world.charge("ann")
    monkeypatch.setattr(payments, "WATCH_SECONDS", 0.0)
    begun = world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    payment = payments.read(begun.body["paymentId"])
    assert payment is not None
    monkeypatch.setattr(payments, "WATCH_SECONDS", seconds)
    now, pauses = 0.0, list[float]()

    def sleep(pause: float) -> None:
        nonlocal now
        now += pause
        pauses.append(pause)

    assert payments.watch(payment, sleep, lambda: now)["status"] == "PENDING"
    assert pauses == pytest.approx([0.2 * 1.4**each for each in range(looks)])

    world.run_held()
    pauses.clear()
    assert payments.watch(payment, sleep, lambda: now)["status"] == ("COMPLETED" if looks else "PENDING")
    assert len(pauses) == min(looks, 1)
