"""What one fan's requests do to each other: the limit of seats, holding for ever, and the same request sent twice.

Another request happens at a chosen moment inside the first: between any two of its calls, at the deadline of a hold, or
so that the first sees only half of what the other wrote, as DynamoDB shows a transaction item by item.
"""

import copy
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends

from booking import clock, reservations
from booking.settings import settings
from lab.in_process import template
from tests.faults import Fault, Kind
from tests.tables import ACCOUNT, REGION
from tests.world import PERFORMANCES, PRICE, TABLES, Answer, World

HOLD = 300
TRANSACT = "dynamodb.TransactWriteItems"
READS_OF_A_RESERVE = 3
"""The token, the limit and one seat."""
READS_OF_A_CANCELLATION = 3
"""The reservation, its payment and the date."""
HIDDEN_CALLS = 4


def body(*numbers: int, performance: str = PERFORMANCES[0]) -> dict[str, Any]:
    return {"performanceId": performance, "seatNumbers": list(numbers)}


def reserve(world: World, user: str, token: str, *numbers: int) -> Answer:
    return world.call("reserve_seats", user, body(*numbers), queue_token=token)


def before_the_transaction(world: World, then: Callable[[], Any]) -> None:
    happened = False

    def observe(_: int, operation: str) -> None:
        nonlocal happened
        if operation == TRANSACT and not happened:
            happened = True
            then()

    world.wire.observe = observe


def taken_by(world: World, user: str) -> list[int]:
    at = clock.now()
    return sorted(
        seat["seatNumber"]
        for seat in world.items("seats")
        if seat["userId"] == user and (seat["status"] == "SOLD" or seat["expiresAt"] > at)
    )


def sound(world: World) -> None:
    world.wire.observe = None
    assert world.violations() == []


# ---- the limit at the deadline


def test_a_payment_that_locks_at_the_last_moment_and_a_hold_just_after_it_keep_the_limit(world: World) -> None:
    held = world.hold("ann", 1, 2, 3, 4)
    world.charge("ann")
    world.time.sleep(HOLD - 3)
    token = world.enter("ann")
    world.time.at = clock.now() // 1 + 0.98
    while clock.now() < int(reservation(world, held)["expiresAt"]) - 1:
        world.time.sleep(1)
    answers: list[Answer] = []

    def a_moment_later() -> None:
        world.time.sleep(0.02)
        answers.append(reserve(world, "ann", token, 5, 6))

    before_the_transaction(world, a_moment_later)
    paid = world.pay("ann", held)

    sound(world)
    assert len(taken_by(world, "ann")) <= 4
    assert (answers[0].status, paid.code) == (201, "RESERVATION_EXPIRED")


def test_a_hold_that_its_payment_has_just_locked_is_still_counted(world: World) -> None:
    held = world.hold("ann", 1, 2, 3, 4)
    world.charge("ann")
    world.time.sleep(HOLD - 1)
    token = world.enter("ann")
    world.hold_executions()

    def pay_first() -> None:
        world.time.sleep(-1)
        assert world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k").status == 202
        world.time.sleep(1)

    world.time.at = float(reservation(world, held)["expiresAt"])
    before_the_transaction(world, pay_first)
    answer = reserve(world, "ann", token, 5)

    world.run_held()
    sound(world)
    assert (answer.code, answer.body["limit"]) == ("SEAT_LIMIT_EXCEEDED", 4)
    assert taken_by(world, "ann") == [1, 2, 3, 4]


def reservation(world: World, held: dict[str, Any]) -> dict[str, Any]:
    return next(item for item in world.items("reservations") if item["reservationId"] == held["reservationId"])


def test_a_lapsed_hold_makes_room_and_is_over_for_good(world: World) -> None:
    held = world.hold("ann", 1, 2, 3, 4)
    world.charge("ann")
    world.time.sleep(HOLD)

    again = world.hold("ann", 4, 5, 6)

    assert reservation(world, held)["status"] == "EXPIRED"
    assert world.call("get_reservation", "ann", reservationId=held["reservationId"]).body["status"] == "EXPIRED"
    assert world.pay("ann", held).code == "RESERVATION_EXPIRED"
    assert world.call("release_reservation", "ann", reservationId=held["reservationId"]).code == "RESERVATION_EXPIRED"
    [limit] = world.items("limits")
    assert list(limit["holds"]) == [again["reservationId"]]
    sound(world)


def test_what_is_paid_stays_counted_and_what_is_released_does_not(world: World) -> None:
    paid, released = world.hold("ann", 1, 2), world.hold("ann", 3, 4)
    world.charge("ann")
    assert world.pay("ann", paid).status == 201
    world.call("release_reservation", "ann", reservationId=released["reservationId"])
    world.time.sleep(HOLD)
    token = world.enter("ann")

    refused = reserve(world, "ann", token, 3, 4, 5)
    fits = reserve(world, "ann", token, 3, 4)

    assert (refused.code, fits.status) == ("SEAT_LIMIT_EXCEEDED", 201)
    sound(world)


def test_a_hold_while_one_of_ones_seats_is_cancelled_counts_what_is_left(world: World) -> None:
    held = world.hold("ann", 1, 2)
    world.charge("ann", 2 * PRICE)
    assert world.pay("ann", held).status == 201
    token, gone = world.enter("ann"), {"seatNumbers": [1], "expectedRefund": PRICE}
    ask = partial(world.call, "cancel_reservation", "ann", gone, key="c", reservationId=held["reservationId"])
    before_the_transaction(world, ask)

    meanwhile = reserve(world, "ann", token, 3)
    world.wire.observe = None
    more = reserve(world, "ann", token, 4, 5)

    assert (meanwhile.status, more.status) == (201, 201)
    assert taken_by(world, "ann") == [2, 3, 4, 5]
    sound(world)


def test_a_seat_that_somebody_takes_while_another_device_ends_holds_that_are_over_is_the_one_that_is_told(
    world: World,
) -> None:
    for seat in (1, 2, 3):
        world.hold("ann", seat)
    world.time.sleep(HOLD)
    token, bens = world.enter("ann"), world.enter("ben")

    def meanwhile() -> None:
        assert reserve(world, "ann", token, 4, 5).status == 201
        assert reserve(world, "ben", bens, 6).status == 201

    before_the_transaction(world, meanwhile)

    answer = reserve(world, "ann", token, 1, 6)

    assert (answer.status, answer.code) == (409, "SEAT_TAKEN")
    assert [seat["seatNumber"] for seat in answer.body["seats"]] == [6]
    assert taken_by(world, "ann") == [4, 5]
    sound(world)


@pytest.mark.parametrize("seats", [0, 1], ids=["as many as the template allows", "one more"])
def test_the_largest_party_takes_the_place_of_as_many_holds_that_are_over(
    world: World, monkeypatch: pytest.MonkeyPatch, seats: int
) -> None:
    most = template()["Parameters"]["MaxSeatsPerUser"]["MaxValue"]
    monkeypatch.setenv("MAX_SEATS_PER_USER", str(most))
    settings.cache_clear()
    world.publish("large", {"one": {"seatsTotal": most + 1}})
    token = world.enter("ann", "large")
    for number in range(1, most + 1):
        held = world.call("reserve_seats", "ann", body(number, performance="large.one"), queue_token=token)
        assert held.status == 201, held
    world.time.sleep(HOLD + 300)

    party = {"performanceId": "large.one", "quantity": most + seats}
    answer = world.call("reserve_seats", "ann", party, key="k", queue_token=world.enter("ann", "large"))

    assert (answer.status, answer.code) == ((409, "SEAT_LIMIT_EXCEEDED") if seats else (201, None))


# ---- half of a transaction


HALVES = [
    (at, hidden)
    for at in range(READS_OF_A_RESERVE + 1)
    for size in range(4)
    for hidden in itertools.combinations(("limit", "reservation", "seats"), size)
]


class Halfway:
    """Lets another request happen in full, then hides some of the items that it wrote, as they were before it."""

    def __init__(self, hidden: tuple[str, ...]) -> None:
        self.hidden = hidden
        self._backend = dynamodb_backends[ACCOUNT][REGION]
        self._whole: dict[str, Any] = {}

    def __call__(self, happen: Callable[[], Any]) -> None:
        tables = {name: self._backend.tables[TABLES[name]] for name in ("reservations", "seats", "payments")}
        old = {name: copy.deepcopy(table.items) for name, table in tables.items()}
        happen()
        self._whole = {name: table.items for name, table in tables.items()}
        for name, table in tables.items():
            table.items = copy.deepcopy(table.items)
            for partition, items in list(table.items.items()):
                if name == "payments":
                    if "payment" in self.hidden and partition in old[name]:
                        table.items[partition] = old[name][partition]
                    continue
                for key in list(items):
                    if self._is_hidden(name, key):
                        before = old[name].get(partition, {}).get(key)
                        if before is None:
                            del items[key]
                        else:
                            items[key] = before

    def _is_hidden(self, table: str, key: Any) -> bool:
        if table == "seats":
            return "seats" in self.hidden
        return ("limit" if str(key.value).startswith("limit#") else "reservation") in self.hidden

    def show(self) -> None:
        """Let everything be seen."""
        for name, items in self._whole.items():
            self._backend.tables[TABLES[name]].items = items
        self._whole = {}


def ask_seeing_half(
    world: World, at: int, hidden: tuple[str, ...], happen: Callable[[], Any], token: str, *numbers: int
) -> Answer:
    """Reserve, once, while another request is seen by half."""
    return see_half(world, at, hidden, happen, lambda: reserve(world, "ann", token, *numbers))


def see_half(
    world: World, at: int, hidden: tuple[str, ...], happen: Callable[[], Any], ask: Callable[[], Answer]
) -> Answer:
    """Ask, and let another request happen before this call; half of it is hidden for a few calls, or until something is
    written."""
    world.wire.set(None)
    half = Halfway(hidden)
    seen: list[str] = []
    inside = False

    def observe(called: int, operation: str) -> None:
        nonlocal inside
        if inside:
            return
        if called == at and not seen:
            inside = True
            half(happen)
            inside = False
            seen.append(operation)
        elif seen:
            seen.append(operation)
        if seen and (operation == TRANSACT or len(seen) > HIDDEN_CALLS):
            half.show()

    world.wire.observe = observe
    answer = ask()
    half.show()
    return answer


@pytest.mark.parametrize(("at", "hidden"), HALVES)
def test_the_same_request_twice_at_once_is_one_hold_for_both(world: World, at: int, hidden: tuple[str, ...]) -> None:
    token = world.enter("ann")
    first: list[Answer] = []

    answer = ask_seeing_half(
        world, at, hidden, lambda: first.append(reserve(world, "ann", token, 1, 2, 3)), token, 1, 2, 3
    )

    sound(world)
    assert (first[0].status, answer.status) == (201, 201), (first, answer)
    assert answer.body["reservationId"] == first[0].body["reservationId"]
    assert len(world.items("reservations")) == 1


@pytest.mark.parametrize(("at", "hidden"), HALVES)
def test_a_hold_that_is_seen_by_half_is_counted(world: World, at: int, hidden: tuple[str, ...]) -> None:
    token = world.enter("ann")
    first: list[Answer] = []

    answer = ask_seeing_half(
        world, at, hidden, lambda: first.append(reserve(world, "ann", token, 1, 2, 3)), token, 4, 5
    )

    sound(world)
    assert (first[0].status, answer.code) == (201, "SEAT_LIMIT_EXCEEDED")
    assert taken_by(world, "ann") == [1, 2, 3]


@pytest.mark.parametrize(("at", "hidden"), HALVES)
def test_a_hold_whose_release_is_seen_by_half_is_never_returned(world: World, at: int, hidden: tuple[str, ...]) -> None:
    token = world.enter("ann")
    held = reserve(world, "ann", token, 1).body
    path = {"reservationId": held["reservationId"]}

    answer = ask_seeing_half(world, at, hidden, lambda: world.call("release_reservation", "ann", **path), token, 1)

    sound(world)
    assert (answer.status, answer.body["status"]) == (201, "HELD"), answer
    if reservation(world, held)["status"] == "HELD":
        assert answer.body["reservationId"] == held["reservationId"]  # answered before the release


@pytest.mark.parametrize("seats", [[1], [1, 2], None], ids=str)
@pytest.mark.parametrize("at", range(READS_OF_A_CANCELLATION + 1))
def test_the_same_cancellation_twice_at_once_is_one_for_both(world: World, at: int, seats: list[int] | None) -> None:
    held = world.hold("ann", 1, 2)
    world.charge("ann", 2 * PRICE)
    assert world.pay("ann", held).status == 201
    asked = {"seatNumbers": seats, "expectedRefund": PRICE * len(seats or [1, 2])}
    beginning = world.snapshot()

    def ask() -> Answer:
        return world.call("cancel_reservation", "ann", asked, key="c", reservationId=held["reservationId"])

    for size in range(4):
        for hidden in itertools.combinations(("limit", "reservation", "seats", "payment"), size):
            world.begin(beginning)

            answer = see_half(world, at, hidden, ask, ask)

            sound(world)
            assert (answer.status, len(world.items("check_ins"))) == (201, len(seats or [1, 2])), (hidden, answer)
            assert answer.headers["idempotency-replayed"] == "true"
            assert world.balance("ann") == asked["expectedRefund"]


@pytest.mark.parametrize("call", range(6))
def test_seats_that_are_chosen_for_the_same_request_twice_at_once_are_one_hold_for_both(
    world: World, call: int
) -> None:
    token, wish = world.enter("ann"), {"performanceId": PERFORMANCES[0], "quantity": 2}
    ask = partial(world.call, "reserve_seats", "ann", wish, key="k", queue_token=token)
    twins: list[Answer] = []
    world.wire.set(None)

    def observe(number: int, _: str) -> None:
        if number == call and not twins:
            world.wire.observe = None
            twins.append(ask())

    world.wire.observe = observe

    mine = ask()

    assert (twins[0].status, mine.status) in {(201, 200), (201, 201)}
    assert mine.body["reservationId"] == twins[0].body["reservationId"]
    assert len(taken_by(world, "ann")) == 2
    sound(world)


def test_a_twin_that_loses_every_answer_holds_once(world: World) -> None:
    token = world.enter("ann")
    for kind in Kind:
        world.wire.set(Fault(kind, READS_OF_A_RESERVE))
        answer = world.ask("reserve_seats", "ann", body(1), queue_token=token)
        world.wire.fault = None
        world.wire.deliver_late()
        assert answer.status == 201, (kind, answer)
        assert taken_by(world, "ann") == [1]
        assert world.ask("release_reservation", "ann", reservationId=answer.body["reservationId"]).status == 204
    sound(world)


def test_ones_own_seat_is_not_said_to_be_somebody_elses(world: World) -> None:
    world.hold("ann", 1, 2)
    token = world.enter("ann")

    answer = reserve(world, "ann", token, 2, 3)

    assert (answer.code, answer.body["detail"]) == ("SEAT_TAKEN", "You hold or own a seat of these already.")
    assert [seat["seatNumber"] for seat in answer.body["seats"]] == [2]


def test_who_asks_again_and_again_for_what_others_write_is_told_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.enter("ann")
    monkeypatch.setattr(reservations, "write_hold", lambda *_: [])

    answer = reserve(world, "ann", token, 1)

    assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")


# ---- holding for ever


def test_holding_again_and_again_ends_and_can_begin_anew_after_a_pause(world: World) -> None:
    ends = []
    first = clock.now()
    while True:
        token = world.enter("ann")
        answer = reserve(world, "ann", token, 1, 2)
        if answer.status != 201:
            break
        ends.append(reservation(world, answer.body)["expiresAt"])
        world.time.sleep(200)
        world.call("release_reservation", "ann", reservationId=answer.body["reservationId"])

    began = ends[0] - HOLD
    assert began - first <= 5
    assert max(ends) == began + 900
    assert answer.code == "HELD_TOO_LONG"
    assert answer.status == 409
    assert answer.body["holdAgainAt"] == clock.rfc3339(began + 900 + 300)
    assert int(answer.headers["retry-after"]) == began + 900 + 300 - clock.now()
    assert answer.body["serverTime"] == clock.rfc3339(clock.now())
    sound(world)

    world.time.sleep(int(answer.headers["retry-after"]) - 10)
    token = world.enter("ann")
    world.time.at = float(began + 900 + 299)
    assert reserve(world, "ann", token, 1, 2).code == "HELD_TOO_LONG"
    world.time.at = float(began + 900 + 300)
    again = reserve(world, "ann", world.enter("ann"), 1, 2)
    assert reservation(world, again.body)["expiresAt"] == clock.now() + HOLD
    sound(world)


def test_another_date_and_another_fan_are_not_concerned(world: World) -> None:
    for _ in range(4):
        held = world.hold("ann", 1)
        world.time.sleep(250)
        world.call("release_reservation", "ann", reservationId=held["reservationId"])
    token = world.enter("ann")
    assert reserve(world, "ann", token, 1).code == "HELD_TOO_LONG"

    assert world.hold("ann", 1, performance=PERFORMANCES[1])["status"] == "HELD"
    assert world.hold("bob", 1)["status"] == "HELD"


def test_a_pause_by_oneself_is_one(world: World) -> None:
    world.hold("ann", 1)
    world.time.sleep(HOLD + 300)

    held = world.hold("ann", 1)

    assert reservation(world, held)["expiresAt"] == clock.now() + HOLD


def test_paying_begins_anew(world: World) -> None:
    world.charge("ann")
    for seat in (1, 2, 3):
        held = world.hold("ann", seat)
        world.time.sleep(290)
    assert world.pay("ann", held).status == 201
    token = world.enter("ann")

    held = reserve(world, "ann", token, 4).body

    assert reservation(world, held)["expiresAt"] == clock.now() + HOLD
    for _ in range(3):
        world.time.sleep(290)
        world.call("release_reservation", "ann", reservationId=held["reservationId"])
        token = world.enter("ann")
        held = reserve(world, "ann", token, 4).body
    world.time.sleep(200)
    assert reserve(world, "ann", world.enter("ann"), 5).code == "HELD_TOO_LONG", "an old payment begins nothing anew"
    sound(world)


def test_seats_that_are_picked_are_no_replay_and_are_counted(world: World) -> None:
    token = world.enter("ann")

    first = reserve(world, "ann", token, 1, 2)

    assert (first.status, first.headers.get("idempotency-replayed")) == (201, None)
    assert world.metrics["SeatsHeld"] == 2
