"""Each important condition and Catch, taken away: something must break, or nothing was testing it.

A sabotage is a change to what the code writes or to the state machine's definition. Each has a scenario that holds as
things are, and must fail with the change.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from booking import (
    audit_log,
    calling_off,
    cancellations,
    catalog,
    check_ins,
    clock,
    ids,
    limits,
    payments,
    points,
    reservations,
    seats,
)
from booking.audit_log import Actor
from booking.dynamodb import Write, check
from booking.errors import ReservationExpired
from booking.publishing import publish
from booking.publishing.catalog_file import Concert
from booking.queue import control, place
from booking.settings import settings
from tests.faults import Fault, Kind
from tests.race import test_best_seats as best_seats
from tests.race import test_seat_limit as limit_races
from tests.world import CONCERT, PERFORMANCES, SEATS, StepFailed, StepRun, World, definition

type Sabotage = Callable[[World, pytest.MonkeyPatch], None]


def loosened(one: Write, keep: str | None = None) -> Write:
    """Give a write without its condition, or with another; values that nothing names any more are left out."""
    text = f"{one.body.get('UpdateExpression', '')} {keep or ''}"
    values = {name: value for name, value in one.values.items() if re.search(rf":{name}\b", text)}
    return dataclasses.replace(one, condition=keep, values=values)


def loosen(module: Any, builder: str, keep: str | None = None, only: str = "") -> Sabotage:
    """Take the condition from what a builder of writes makes, if its expression or item mentions `only`."""

    def apply(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
        original = getattr(module, builder)

        def sabotaged(*args: Any, **values: Any) -> Write:
            made: Write = original(*args, **values)
            return loosened(made, keep) if only in str(made.body) else made

        monkeypatch.setattr(module, builder, sabotaged)

    return apply


def edit(change: Callable[[dict[str, Any]], None]) -> Sabotage:
    """Change the state machine's definition."""

    def apply(world: World, _: pytest.MonkeyPatch) -> None:
        changed = definition()
        change(changed["States"])
        world.use_definition(changed)

    return apply


def once(world: World, operation: str, then: Callable[[], Any], skip: int = 0) -> None:
    """Let something else happen just before a call of this operation, after so many others of it."""
    seen = 0

    def observe(_: int, called: str) -> None:
        nonlocal seen
        if called == operation:
            seen += 1
            if seen == skip + 1:
                then()

    world.wire.observe = observe


TRANSACT = "dynamodb.TransactWriteItems"


def sound(world: World) -> None:
    world.wire.observe = None
    assert world.violations() == []


def funded(world: World, seat: int = 1) -> dict[str, Any]:
    held = world.hold("ann", seat)
    world.charge("ann", 100)
    return held


def body_of(*numbers: int) -> dict[str, Any]:
    return {"performanceId": PERFORMANCES[0], "seatNumbers": list(numbers)}


# ---- scenarios


def two_fans_one_seat(world: World) -> None:
    ann, bob = world.enter("ann"), world.enter("bob")
    once(world, TRANSACT, lambda: world.call("reserve_seats", "bob", body_of(1), queue_token=bob))
    assert world.call("reserve_seats", "ann", body_of(1), queue_token=ann).code == "SEAT_TAKEN"
    sound(world)


def a_hold_ends_by_the_clock(world: World) -> None:
    world.hold("ann", 1)
    world.time.sleep(300)
    token = world.enter("bob")
    assert world.call("reserve_seats", "bob", body_of(1), queue_token=token).status == 201
    sound(world)


def parallel_requests_keep_the_limit(world: World) -> None:
    token = world.enter("ann")
    once(world, TRANSACT, lambda: world.call("reserve_seats", "ann", body_of(1, 2, 3), queue_token=token))
    world.call("reserve_seats", "ann", body_of(4, 5), queue_token=token)
    sound(world)
    assert len(world.items("seats")) <= 4


def a_second_hold_beside_a_second_hold_is_counted(world: World) -> None:
    world.hold("ann", 1)
    token = world.enter("ann")
    once(world, TRANSACT, lambda: world.call("reserve_seats", "ann", body_of(2, 3), queue_token=token))
    world.call("reserve_seats", "ann", body_of(4, 5), queue_token=token)
    sound(world)


def a_release_beside_a_hold_is_counted(world: World) -> None:
    held = world.hold("ann", 1)
    token = world.enter("ann")
    once(world, TRANSACT, lambda: world.call("release_reservation", "ann", reservationId=held["reservationId"]))
    world.call("reserve_seats", "ann", body_of(2), queue_token=token)
    sound(world)


def who_has_left_holds_nothing(world: World) -> None:
    token = world.enter("ann")
    once(world, TRANSACT, lambda: world.call("leave_queue", "ann", concertId=CONCERT, queue_token=token))
    answer = world.call("reserve_seats", "ann", body_of(1), queue_token=token)
    sound(world)
    assert (answer.code, world.items("seats")) == ("QUEUE_TOKEN_EXPIRED", [])


def a_late_confirmation_spares_the_next_owner(world: World) -> None:
    held = funded(world)

    def late(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            world.time.sleep(payments.LOCK_SECONDS)
            world.hold("bob", 1)
        return step.run()

    world.run_step = late
    world.pay("ann", held)
    sound(world)
    assert world.items("seats")[0]["userId"] == "bob"


def a_late_cancel_spares_the_next_owner(world: World) -> None:
    held = funded(world)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    world.time.sleep(payments.LOCK_SECONDS)
    bob = world.hold("bob", 1)
    world.settle(world.items("payments")[0]["paymentId"])
    sound(world)
    assert clock.rfc3339(world.items("seats")[0]["expiresAt"]) == bob["expiresAt"]


def a_late_release_spares_the_next_owner(world: World) -> None:
    held = world.hold("ann", 1)
    world.time.sleep(300)
    world.hold("bob", 1)
    with pytest.raises(ReservationExpired):  # a machine whose clock is slow
        reservations.release("ann", held["reservationId"], clock.now() - 2)
    sound(world)


def two_keys_make_one_payment(world: World) -> None:
    held = funded(world)
    world.hold_executions()
    body = {"reservationId": held["reservationId"]}
    once(world, TRANSACT, lambda: world.call("start_payment", "ann", body, key="other"))
    world.call("start_payment", "ann", body, key="k")
    world.run_held()
    sound(world)
    assert len(world.items("payments")) == 1


def nothing_is_released_while_it_is_paid(world: World) -> None:
    held = funded(world)
    world.hold_executions()
    body = {"reservationId": held["reservationId"]}
    once(world, TRANSACT, lambda: world.call("start_payment", "ann", body, key="k"))
    answer = world.call("release_reservation", "ann", reservationId=held["reservationId"])
    world.wire.observe = None
    world.run_held()
    sound(world)
    assert answer.code == "PAYMENT_IN_PROGRESS"


def confirming_twice_says_confirmed_twice(world: World) -> None:
    held = funded(world)
    said = []

    def twice(step: StepRun) -> dict[str, Any]:
        first = step.run()
        if step.name == "ConfirmBooking":
            said.extend([first["outcome"], step.run()["outcome"]])
        return first

    world.run_step = twice
    world.pay("ann", held)
    sound(world)
    assert said == ["CONFIRMED", "CONFIRMED"]


def broken(name: str, *, after: bool = False, times: int = 99) -> Callable[[StepRun], dict[str, Any]]:
    left = times

    def run(step: StepRun) -> dict[str, Any]:
        nonlocal left
        if step.name != name or not left:
            return step.run()
        left -= 1
        if after:
            step.run()
        raise StepFailed("Broken")

    return run


def ends_by_itself(run_step: Callable[[], Callable[[StepRun], dict[str, Any]]], status: str) -> Callable[[World], None]:
    """Pay while a step fails: the workflow must bring the payment to its end without anybody's help."""

    def scenario(world: World) -> None:
        held = funded(world)
        world.run_step = run_step()
        world.pay("ann", held)
        payment = world.items("payments")[0]
        assert payment["status"] == status
        assert world.execution(payment["paymentId"])["status"] == "SUCCEEDED"
        assert world.balance("ann") == (0 if status == "COMPLETED" else 100)
        sound(world)

    return scenario


def a_paid_hold_outlives_its_deadline(world: World) -> None:
    held = funded(world)
    world.time.sleep(299)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    world.time.sleep(60)
    token = world.enter("bob")
    assert world.call("reserve_seats", "bob", body_of(1), queue_token=token).code == "SEAT_TAKEN"
    sound(world)


def a_charge_beside_a_charge_counts(world: World) -> None:
    once(world, TRANSACT, lambda: points.charge("ann", 5, "other", clock.now()))
    world.call("charge_points", "ann", {"amount": 7}, key="k")
    sound(world)
    assert world.balance("ann") == 12


def a_charge_sent_twice_counts_once(world: World) -> None:
    for _ in range(2):
        world.call("charge_points", "ann", {"amount": 7}, key="k")
    assert world.balance("ann") == 7
    sound(world)


def a_late_debit_beside_the_undoing_is_given_back(world: World) -> None:
    held = funded(world)
    late: list[Callable[[], Any]] = []

    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "UsePoints":
            late.append(step.run)
            raise TimeoutError
        return step.run()

    def debit() -> None:
        late.pop()()

    world.run_step = run
    once(world, "dynamodb.PutItem", debit)
    world.pay("ann", held)
    sound(world)
    assert world.balance("ann") == 100


def a_debit_after_the_undoing_is_barred(world: World) -> None:
    held = funded(world)
    late: list[Callable[[], Any]] = []

    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "UsePoints":
            late.append(step.run)
            raise TimeoutError
        return step.run()

    world.run_step = run
    world.pay("ann", held)
    late.pop()()
    sound(world)
    assert world.balance("ann") == 100


def undoing_twice_gives_back_once(world: World) -> None:
    held = funded(world)

    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        if step.name == "RefundPoints":
            once(world, TRANSACT, step.run)
        return step.run()

    world.run_step = run
    world.pay("ann", held)
    sound(world)
    assert world.balance("ann") == 100


def a_pick_and_a_party_of_one_seat(world: World) -> None:
    best_seats.publish_hall(2)
    ann, bob = world.enter("ann"), world.enter("bob")
    picked = {"performanceId": best_seats.HALL, "seatNumbers": [1]}
    once(world, TRANSACT, lambda: world.call("reserve_seats", "bob", picked, queue_token=bob))
    assert best_seats.ask(world, "ann", 2, token=ann).code == "NOT_ENOUGH_SEATS"
    sound(world)


def a_key_holds_one_block(world: World) -> None:
    best_seats.publish_hall(12)
    token = world.enter("ann")
    once(world, TRANSACT, lambda: best_seats.ask(world, "ann", 2, token=token))
    best_seats.ask(world, "ann", 2, token=token)
    world.time.sleep(1)
    best_seats.ask(world, "ann", 2, token=token)
    sound(world)
    assert len(world.items("seats")) == 2


# ---- cancelling and calling off


def bought(world: World, *numbers: int, key: str = "pay") -> dict[str, Any]:
    held = world.hold("ann", *numbers)
    world.charge("ann", 100 * len(numbers))
    assert world.pay("ann", held, key=key).status == 201
    world.time.sleep(1)
    return held


def cancelled(world: World, held: dict[str, Any], *numbers: int, key: str = "c") -> str | None:
    body = {"seatNumbers": list(numbers), "expectedRefund": 100 * len(numbers)}
    return world.call("cancel_reservation", "ann", body, key=key, reservationId=held["reservationId"]).code


def owing(world: World, held: dict[str, Any], *numbers: int, key: str) -> None:
    """Cancel while the wallet cannot be reached."""
    world.wire.set(Fault(Kind.UNREACHABLE, 4))
    cancelled(world, held, *numbers, key=key)
    world.wire.set(None)


def who_has_come_in_is_not_cancelled(world: World) -> None:
    held = bought(world, 1)

    code = world.codes("ann", held)[1]
    once(world, TRANSACT, lambda: world.scan("door", ("1", code)))
    assert cancelled(world, held, 1) == "NOT_CANCELLABLE"
    sound(world)


def two_cancellations_at_once_know_of_each_other(world: World) -> None:
    held = bought(world, 1, 2)
    once(world, TRANSACT, lambda: cancelled(world, held, 2, key="other"))
    assert cancelled(world, held, 1) is None
    sound(world)
    assert world.balance("ann") == 200


def no_more_comes_back_than_was_paid(world: World) -> None:
    held = bought(world, 1)
    world.put("payments", world.items("payments")[0] | {"refundable": 99})
    cancelled(world, held, 1)
    assert world.balance("ann") == 0


def two_debts_are_settled_one_by_one(world: World) -> None:
    held = bought(world, 1, 2)
    owing(world, held, 1, key="c")
    owing(world, held, 2, key="d")
    payment: Any = world.items("payments")[0]
    assert payment["refunding"] == 2
    for name in payment["cancellations"]:
        cancellations.finish(payment, name, clock.now())  # each as if it knew of no other
    sound(world)
    assert "openShard" not in world.items("payments")[0]


def a_late_refund_of_seats_comes_once(world: World) -> None:
    held = bought(world, 1)
    cancelled(world, held, 1)
    payment = world.items("payments")[0]
    points.refund_seats("ann", payment["paymentId"], next(iter(payment["cancellations"])), 100, clock.now())
    sound(world)
    assert world.balance("ann") == 100


def a_key_cancels_in_one_booking(world: World) -> None:
    held, other = bought(world, 1), bought(world, 2, key="p2")
    assert cancelled(world, held, 1) is None
    assert cancelled(world, other, 2) == "IDEMPOTENCY_KEY_REUSED"
    sound(world)


def a_date_that_is_called_off_gives_every_booking_back(world: World) -> None:
    bought(world, 1)
    catalog.mark(PERFORMANCES[0], "cancelled", clock.now())
    calling_off.clear(PERFORMANCES[0], {"first": 1, "last": SEATS}, clock.now())
    sound(world)
    assert world.balance("ann") == 100


def a_range_may_be_cleared_twice_at_once(world: World) -> None:
    bought(world, 1, 2)
    catalog.mark(PERFORMANCES[0], "cancelled", clock.now())
    part: calling_off.Range = {"first": 1, "last": SEATS}
    once(world, TRANSACT, lambda: calling_off.clear(PERFORMANCES[0], part, clock.now()))
    calling_off.clear(PERFORMANCES[0], part, clock.now())
    sound(world)
    assert world.balance("ann") == 200


# ---- organisers

MINJI, OSKAR = Actor("minji", "minji"), Actor("oskar", "oskar")


def two_organisers_know_of_each_other(world: World) -> None:
    def a_moment_later() -> None:
        world.time.sleep(1)  # so that the ids of the two entries say nothing of each other
        control.change(CONCERT, {"capacity": 9}, OSKAR, clock.now())

    once(world, TRANSACT, a_moment_later)
    control.change(CONCERT, {"capacity": 5}, MINJI, clock.now())
    entries, _ = audit_log.entries(10, None)
    [mine] = [entry["details"] for entry in entries if entry["name"] == "minji"]
    assert mine == {"before": {"capacity": 9}, "after": {"capacity": 5}}


def published(price: int = 100, *labels: str) -> list[Concert]:
    at = clock.now()
    facts = {"pk": "CONCERT", "sk": "opera", "venue": "A Hall", "salesOpenAt": at - 60, "salesCloseAt": at + 10**6}
    date = {"pk": "opera", "startsAt": at + 10**6, "timezone": "UTC", "price": price, "seatsTotal": 9}
    return [Concert(facts, {label: date | {"sk": label} for label in labels}, None)]


def publishing_does_not_undo_a_calling_off(world: World) -> None:
    publish.publish(published(100, "one"), MINJI, clock.now())
    once(world, TRANSACT, lambda: catalog.mark("opera.one", "cancelled", clock.now()))
    publish.publish(published(200, "one"), MINJI, clock.now())
    assert catalog.read_performance("opera.one").get("cancelled")


def nothing_is_sold_of_a_date_that_is_to_go(world: World) -> None:
    publish.publish(published(100, "one"), MINJI, clock.now())
    assert publish.publish(published(), MINJI, clock.now()).repeat_at is not None
    token = world.enter("ann", "opera")
    body = {"performanceId": "opera.one", "seatNumbers": [1]}
    assert world.ask("reserve_seats", "ann", body, queue_token=token).code == "SALES_CLOSED"


# ---- the door


ADMIT = "dynamodb.UpdateItem"


def one_of_two_doors_admits(world: World) -> None:
    code = world.codes("ann", bought(world, 1))[1]
    told: list[dict[str, Any]] = []
    once(world, ADMIT, lambda: told.extend(world.scan("south", ("1", code))))
    told.extend(world.scan("north", ("1", code)))
    assert [result["outcome"] for result in told] == ["ADMITTED", "ALREADY"]
    sound(world)


def nobody_comes_in_for_a_seat_that_was_given_back(world: World) -> None:
    held = bought(world, 1)
    code = world.codes("ann", held)[1]
    once(world, ADMIT, lambda: cancelled(world, held, 1))
    [result] = world.scan("north", ("1", code))
    assert (result["outcome"], world.items("seats")) == ("REVOKED", [])
    sound(world)


def a_scan_stays_what_it_was(world: World) -> None:
    codes = world.codes("ann", bought(world, 1, 2))
    for number in (1, 2):
        [result] = world.scan("north", ("1", codes[number]))
        assert (result["outcome"], result["seatNumber"]) == ("ADMITTED", 1)
    sound(world)


# ---- what is taken away


@dataclass(frozen=True)
class Attack:
    """What is taken away, and the scenario that notices."""

    sabotage: Sabotage
    scenario: Callable[[World], None]


def no_void(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "write", lambda _: None)


def no_lock(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "move_deadlines", lambda _payment, _until: [])


def no_end(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lapsed holds make room, and nothing ends them."""
    table = settings().reservations_table
    monkeypatch.setattr(
        reservations, "expire", lambda item, _: check(table, reservations.key(item), "attribute_exists(#userId)")
    )


def no_count_of_releases(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases are not told to who holds at the same time."""
    take_out = limits.take_out

    def silent(*names: str) -> Write:
        write = take_out(*names)
        expression = str(write.body["UpdateExpression"]).replace("SET #revision = #revision + :one ", "")
        return loosened(dataclasses.replace(write, body={**write.body, "UpdateExpression": expression}))

    monkeypatch.setattr(limits, "take_out", silent)


def no_key(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests with one key do not find each other."""
    monkeypatch.setattr(reservations, "find_by_key", lambda *_: None)
    monkeypatch.setattr(ids, "of_key", lambda name: name)


def remove(state: str, member: str) -> Sabotage:
    return edit(lambda states: states[state].pop(member))


def confirm_lost() -> Callable[[StepRun], dict[str, Any]]:
    return broken("ConfirmBooking", after=True)


def together(*sabotages: Sabotage) -> Sabotage:
    """Take several conditions away that stand in for each other."""

    def apply(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        for sabotage in sabotages:
            sabotage(world, monkeypatch)

    return apply


ATTACKS = {
    "seats: who takes a seat need not find it free": Attack(loosen(seats, "hold"), two_fans_one_seat),
    "seats: a hold does not end by the clock": Attack(
        loosen(seats, "hold", "attribute_not_exists(#reservationId)"), a_hold_ends_by_the_clock
    ),
    "seats: selling does not name the reservation": Attack(
        loosen(seats, "sell"), a_late_confirmation_spares_the_next_owner
    ),
    "seats: moving a deadline does not name the reservation": Attack(
        loosen(seats, "move_deadline"), a_late_cancel_spares_the_next_owner
    ),
    "seats: releasing does not name the reservation": Attack(
        loosen(seats, "release"), a_late_release_spares_the_next_owner
    ),
    "reservations: a locked hold can be locked again": Attack(
        loosen(reservations, "lock", "#status = :held AND #expiresAt > :at"), two_keys_make_one_payment
    ),
    "reservations: a locked hold can be released": Attack(
        loosen(reservations, "update", "#status = :held AND #expiresAt > :at", only="releasedAt"),
        nothing_is_released_while_it_is_paid,
    ),
    "queue: who books need not be in": Attack(
        loosen(place, "use", "attribute_exists(#pk)"), who_has_left_holds_nothing
    ),
    "limits: the first hold need not be the first": Attack(
        loosen(limits, "put", only="'N': '1'"), parallel_requests_keep_the_limit
    ),
    "limits: a hold need not know of the one before it": Attack(
        loosen(limits, "put"), a_second_hold_beside_a_second_hold_is_counted
    ),
    "limits: a release changes no revision": Attack(no_count_of_releases, a_release_beside_a_hold_is_counted),
    "seats: the best ones need not be free": Attack(loosen(seats, "hold"), a_pick_and_a_party_of_one_seat),
    "limits: a party's key does not count": Attack(no_key, a_key_holds_one_block),
    "limits: a lapsed hold makes room without being ended": Attack(
        no_end,
        limit_races.test_a_payment_that_locks_at_the_last_moment_and_a_hold_just_after_it_keep_the_limit,
    ),
    "limits: a hold is ended though its payment has locked it": Attack(
        loosen(reservations, "expire", "#status = :held AND #expiresAt <= :at"),
        limit_races.test_a_hold_that_its_payment_has_just_locked_is_still_counted,
    ),
    "payments: confirming asks for no PENDING payment": Attack(
        loosen(payments, "update", only="#balance"), confirming_twice_says_confirmed_twice
    ),
    "payments: cancelling asks for no PENDING payment": Attack(
        loosen(payments, "update", only="SET #status = :undoing"), ends_by_itself(confirm_lost, "COMPLETED")
    ),
    "payments: a lock moves no deadline": Attack(no_lock, a_paid_hold_outlives_its_deadline),
    "points: an entry need not be the next": Attack(
        loosen(points, "put", only="ENTRY#"), a_charge_beside_a_charge_counts
    ),
    "points: a request has no guard": Attack(
        loosen(points, "put", only="KEY#REQUEST"), a_charge_sent_twice_counts_once
    ),
    "points: a refund has no guard": Attack(loosen(points, "put", only="KEY#REFUND"), undoing_twice_gives_back_once),
    "points: barring a debit overwrites it": Attack(
        loosen(points, "put", only="'void'"), a_late_debit_beside_the_undoing_is_given_back
    ),
    "points: a debit is not barred": Attack(no_void, a_debit_after_the_undoing_is_barred),
    "seats: cancelling does not ask who has come in": Attack(
        loosen(seats, "cancel", "#reservationId = :reservation AND #status = :sold"), who_has_come_in_is_not_cancelled
    ),
    "seats: admitting does not ask who has come in": Attack(
        loosen(seats, "admit", "#reservationId = :reservation AND #status = :sold"), one_of_two_doors_admits
    ),
    "seats: admitting does not ask whose the seat is": Attack(
        loosen(seats, "admit", "attribute_not_exists(#admission)"), nobody_comes_in_for_a_seat_that_was_given_back
    ),
    "check-ins: a scan that is sent again is recorded anew": Attack(
        loosen(check_ins, "put", only="scan#"), a_scan_stays_what_it_was
    ),
    "reservations: cancelling does not ask what was cancelled": Attack(
        loosen(reservations, "cancel", "#status = :confirmed"), two_cancellations_at_once_know_of_each_other
    ),
    "payments: cancelling does not ask what can be refunded": Attack(
        loosen(payments, "owe", "#status = :completed"), no_more_comes_back_than_was_paid
    ),
    "payments: a debt is settled whatever else is owed": Attack(
        loosen(payments, "settle_debt"), two_debts_are_settled_one_by_one
    ),
    "points: a refund of seats has no guard": Attack(
        loosen(points, "put", only="KEY#CANCELLATION"), a_late_refund_of_seats_comes_once
    ),
    "points: the key of a cancellation is not remembered": Attack(
        loosen(points, "put", only="KEY#CANCEL#"), a_key_cancels_in_one_booking
    ),
    "seats: a seal does not spare what is sold": Attack(
        loosen(seats, "seal"), a_date_that_is_called_off_gives_every_booking_back
    ),
    "reservations: a booking is called off twice": Attack(
        together(
            loosen(reservations, "cancel"), loosen(seats, "seal_sold"), loosen(payments, "owe"), loosen(limits, "keep")
        ),
        a_range_may_be_cleared_twice_at_once,
    ),
    "queue: a setting does not ask what was set meanwhile": Attack(
        loosen(control, "setting"), two_organisers_know_of_each_other
    ),
    "catalog: publishing does not ask what was noted meanwhile": Attack(
        loosen(publish, "put", only="startsAt"), publishing_does_not_undo_a_calling_off
    ),
    "catalog: a date that is to go is sold from memory": Attack(
        lambda _, monkeypatch: monkeypatch.setattr(catalog, "is_changing", lambda *_: False),
        nothing_is_sold_of_a_date_that_is_to_go,
    ),
    "workflow: a failing debit is not caught": Attack(
        remove("UsePoints", "Catch"), ends_by_itself(lambda: broken("UsePoints"), "FAILED")
    ),
    "workflow: a failing confirmation is not caught": Attack(
        remove("ConfirmBooking", "Catch"), ends_by_itself(lambda: broken("ConfirmBooking"), "FAILED")
    ),
    "workflow: a debit is not retried": Attack(
        remove("UsePoints", "Retry"), ends_by_itself(lambda: broken("UsePoints", times=2), "COMPLETED")
    ),
    "workflow: a confirmation is not retried": Attack(
        remove("ConfirmBooking", "Retry"), ends_by_itself(lambda: broken("ConfirmBooking", times=2), "COMPLETED")
    ),
    "workflow: a cancellation is not retried": Attack(
        remove("UnlockHold", "Retry"),
        ends_by_itself(lambda: both(broken("ConfirmBooking"), broken("UnlockHold", times=1)), "FAILED"),
    ),
    "workflow: giving back is not retried": Attack(
        remove("RefundPoints", "Retry"),
        ends_by_itself(lambda: both(broken("ConfirmBooking"), broken("RefundPoints", times=1)), "FAILED"),
    ),
    "workflow: what was confirmed after all is undone": Attack(
        edit(lambda states: states["HoldUnlocked"]["Choices"][0].update(Next="RefundPoints")),
        ends_by_itself(confirm_lost, "COMPLETED"),
    ),
    "workflow: points go back before the booking is cancelled": Attack(
        edit(lambda states: states["ConfirmBooking"]["Catch"][0].update(Next="RefundPoints")),
        ends_by_itself(lambda: broken("ConfirmBooking"), "FAILED"),
    ),
    "workflow: a refused debit goes on": Attack(
        edit(lambda states: states["PointsUsed"].update(Default="ConfirmBooking")),
        ends_by_itself(lambda: refusing, "FAILED"),
    ),
}


def refusing(step: StepRun) -> dict[str, Any]:
    if step.name == "UsePoints":
        return {"outcome": "REFUSED", "at": 0, "code": "INSUFFICIENT_POINTS", "balance": 0, "required": 100}
    return step.run()


def both(*runs: Callable[[StepRun], dict[str, Any]]) -> Callable[[StepRun], dict[str, Any]]:
    def run(step: StepRun) -> dict[str, Any]:
        for each in runs:
            step = StepRun(step.name, step.event, lambda each=each, step=step: each(step))  # type: ignore[misc]
        return step.run()

    return run


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_can_be_taken_away_unnoticed(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    attack = ATTACKS[name]
    beginning = world.snapshot()

    attack.scenario(world)  # holds as things are

    world.wire.observe = None
    world.restore(beginning)
    attack.sabotage(world, monkeypatch)
    noticed = False
    try:
        attack.scenario(world)
    except (AssertionError, payments.NotUnlockedError, pytest.fail.Exception):
        noticed = True
    assert noticed, "nothing noticed what was taken away"
