"""Cancelling seats that are paid for: the sum that was agreed to, once, and seats that can be booked at once."""

from typing import Any

import pytest

from booking import cancellations, catalog, clock, dynamodb, payments, points, tickets
from booking.dynamodb import delete, put, query_all, update, write
from booking.settings import settings
from tests.world import PERFORMANCES, PRICE, START, TABLES, Answer, World

DAY = clock.DAY


def starts_in(world: World, days: int, **more: Any) -> None:
    """Let the first performance start some days from now, with these terms or the usual ones."""
    key = dict(zip(("pk", "sk"), PERFORMANCES[0].split("."), strict=True))
    write(update(TABLES["catalog"], key, "SET #startsAt = :at", None, at=clock.now() + days * DAY))
    for name, value in more.items():
        write(update(TABLES["catalog"], key, f"SET #{name} = :value", None, value=value))
    world.new_process()


def bought(world: World, *seats: int, user: str = "ann", key: str = "pay") -> dict[str, Any]:
    """Let a fan buy seats; return the reservation."""
    held = world.hold(user, *seats)
    world.charge(user, PRICE * len(seats))
    assert world.pay(user, held, key=key).status == 201
    return held


def cancel(world: World, held: dict[str, Any], refund: int, *seats: int, key: str = "c", user: str = "ann") -> Answer:
    body = {"seatNumbers": list(seats), "expectedRefund": refund} if seats else {"expectedRefund": refund}
    return world.call("cancel_reservation", user, body, key=key, reservationId=held["reservationId"])


def shown(world: World, held: dict[str, Any], user: str = "ann") -> dict[str, Any]:
    return dict(world.call("get_reservation", user, reservationId=held["reservationId"]).body)


def quoted(world: World, held: dict[str, Any], user: str = "ann") -> Answer:
    return world.call("quote_cancellation", user, reservationId=held["reservationId"])


def refunds(world: World, user: str = "ann") -> list[int]:
    found = [item for item in world.items("points") if item["userId"] == user and item["sk"].startswith("ENTRY#")]
    return [item["amount"] for item in found if item["type"] == "REFUND"]


# ---- what a fan sees


def test_cancelling_half_then_the_rest_gives_back_what_was_quoted(world: World) -> None:
    starts_in(world, 7)
    held = bought(world, 1, 2)
    world.time.sleep(DAY + 1)  # not free any more; 6 days before, 20 % is kept

    offer = quoted(world, held).body
    assert (offer["seatNumbers"], offer["paid"], offer["fee"], offer["refund"]) == ([1, 2], 200, 40, 160)
    assert (offer["keepPercent"], offer["rule"]) == (20, "DAYS_BEFORE_3")

    first = cancel(world, held, 80, 2)
    assert (first.status, first.body["status"], first.body["balance"]) == (201, "COMPLETED", 80)
    assert (first.body["seatNumbers"], first.body["fee"], first.body["refund"]) == ([2], 20, 80)
    half = shown(world, held)
    assert (half["status"], half["seatNumbers"], half["amount"]) == ("CONFIRMED", [1, 2], 200)
    assert (half["cancelledSeatNumbers"], half["refunded"]) == ([2], 80)
    assert world.violations() == []

    assert quoted(world, held).body["refund"] == 80
    second = cancel(world, held, 80, key="c2")
    assert (second.status, second.body["seatNumbers"], second.body["balance"]) == (201, [1], 160)
    whole = shown(world, held)
    assert (whole["status"], whole["cancelledSeatNumbers"], whole["refunded"]) == ("CANCELLED", [1, 2], 160)
    payment = world.call("get_payment", "ann", paymentId=half["paymentId"]).body
    assert (payment["status"], payment["amount"], payment["refunded"]) == ("COMPLETED", 200, 160)
    assert refunds(world) == [80, 80]
    assert world.violations() == []


def test_a_cancelled_seat_can_be_booked_at_once_by_anybody_and_by_its_fan(world: World) -> None:
    held = bought(world, 1, 2, 3, 4)
    assert cancel(world, held, 200, 1, 2).status == 201

    assert world.hold("bob", 1)["status"] == "HELD"
    assert world.hold("ann", 2)["status"] == "HELD", "the limit of four counts what one has"
    assert world.violations() == []


def test_the_history_says_which_payment_points_came_back_for(world: World) -> None:
    held = bought(world, 1)
    cancel(world, held, 100)

    entry = world.call("list_points_history", "ann").body["items"][0]
    assert (entry["type"], entry["amount"], entry["paymentId"]) == ("REFUND", 100, shown(world, held)["paymentId"])
    for each in world.call("list_points_history", "ann").body["items"][:2]:
        assert (each["concertId"], each["performanceId"]) == tuple(
            held[name] for name in ("concertId", "performanceId")
        )


def test_the_doors_learn_that_the_ticket_is_good_no_more(world: World) -> None:
    held = bought(world, 1, 2)
    before = tickets.of_reservation(world.items("reservations")[0])
    cancel(world, held, 100, 2)

    revoked = query_all(settings().check_ins_table, "#performanceId = :date", date=PERFORMANCES[0])
    assert [item["entry"] for item in revoked] == [f"revoked#{before[1].ticket_id}"]
    assert tickets.of_reservation(world.items("reservations")[0]) == before[:1]


@pytest.mark.parametrize("agreed", [159, 161, 0, 200])
def test_no_other_sum_than_the_one_agreed_to(world: World, agreed: int) -> None:
    starts_in(world, 7)
    held = bought(world, 1, 2)
    world.time.sleep(DAY + 1)

    answer = cancel(world, held, agreed)

    assert (answer.status, answer.code) == (409, "QUOTE_CHANGED")
    assert (answer.body["refund"], answer.body["fee"], answer.body["seatNumbers"]) == (160, 40, [1, 2])
    assert refunds(world) == []
    assert cancel(world, held, answer.body["refund"], key="agreed").status == 201
    assert world.violations() == []


def test_a_quote_that_ran_out_is_not_what_happens(world: World) -> None:
    starts_in(world, 8)
    held = bought(world, 1)
    offer = quoted(world, held).body
    assert (offer["refund"], offer["rule"]) == (100, "WITHIN_24_HOURS")
    world.time.sleep(DAY)

    assert cancel(world, held, offer["refund"]).code == "QUOTE_CHANGED"


# ---- what is refused


def reason(answer: Answer) -> tuple[int, str | None, str]:
    return answer.status, answer.code, answer.body["reason"]


def test_what_is_not_paid_cannot_be_cancelled(world: World) -> None:
    held = world.hold("ann", 1)
    assert reason(cancel(world, held, 100)) == (409, "NOT_CANCELLABLE", "NOT_PAID")
    assert reason(quoted(world, held)) == (409, "NOT_CANCELLABLE", "NOT_PAID")
    world.time.sleep(300)
    assert reason(cancel(world, held, 100)) == (409, "NOT_CANCELLABLE", "NOT_PAID")
    world.hold_executions()
    paying = world.hold("ann", 2)
    world.charge("ann", 100)
    world.call("start_payment", "ann", {"reservationId": paying["reservationId"]}, key="k")
    assert reason(cancel(world, paying, 100)) == (409, "NOT_CANCELLABLE", "NOT_PAID")


def test_a_show_that_has_begun_cannot_be_cancelled(world: World) -> None:
    starts_in(world, 8)
    held = bought(world, 1)
    world.time.at = START + 8 * DAY - 1
    assert quoted(world, held).body["keepPercent"] == 90
    world.time.at += 1
    assert reason(cancel(world, held, 10)) == (409, "NOT_CANCELLABLE", "STARTED")


def test_what_is_cancelled_cannot_be_cancelled_again(world: World) -> None:
    held = bought(world, 1, 2)
    cancel(world, held, 100, 1)
    assert reason(cancel(world, held, 100, 1, key="again")) == (409, "NOT_CANCELLABLE", "CANCELLED")
    assert reason(cancel(world, held, 200, 1, 2, key="both")) == (409, "NOT_CANCELLABLE", "CANCELLED")
    cancel(world, held, 100, 2, key="rest")
    assert reason(cancel(world, held, 0, key="none left")) == (409, "NOT_CANCELLABLE", "CANCELLED")
    assert reason(quoted(world, held)) == (409, "NOT_CANCELLABLE", "CANCELLED")
    assert world.pay("ann", held, key="p2").code == "RESERVATION_NOT_HELD"
    released = world.call("release_reservation", "ann", reservationId=held["reservationId"])
    assert released.code == "RESERVATION_NOT_HELD"
    assert refunds(world) == [100, 100]


def test_a_concert_may_allow_no_cancelling(world: World) -> None:
    starts_in(world, 8, fees={"steps": []})
    held = bought(world, 1)
    assert reason(cancel(world, held, 100)) == (409, "NOT_CANCELLABLE", "POLICY")


def test_terms_are_those_that_the_seats_were_held_on(world: World) -> None:
    starts_in(world, 20)
    held = bought(world, 1)
    starts_in(world, 20, fees={"steps": []})  # the organiser changes their mind
    world.time.sleep(DAY + 1)

    assert quoted(world, held).body["refund"] == 100
    assert reason(quoted(world, bought(world, 2, key="p2"))) == (409, "NOT_CANCELLABLE", "POLICY")


def test_a_date_that_is_moved_can_be_given_back_in_full(world: World) -> None:
    starts_in(world, 8)
    held = bought(world, 1)
    world.time.sleep(6 * DAY)
    starts_in(world, 40)

    offer = quoted(world, held).body
    assert (offer["refund"], offer["rule"]) == (100, "MOVED")
    assert cancel(world, held, 100).status == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [({"cancelled": True}, "PERFORMANCE_CANCELLED"), ({"startsAt": START + 30 * DAY}, "QUOTE_CHANGED")],
    ids=["called off", "moved"],
)
def test_no_fee_is_kept_where_the_date_has_just_changed(world: World, change: dict[str, Any], code: str) -> None:
    starts_in(world, 4)
    held = bought(world, 1)
    world.time.sleep(DAY + 1)
    offer = quoted(world, held).body
    assert (offer["refund"], offer["fee"]) == (80, 20)
    date = catalog.read_performance(PERFORMANCES[0])
    write(put(TABLES["catalog"], {**date, **change}))  # this process remembers the date as it was

    assert cancel(world, held, 80).code == code


def test_a_strangers_booking_does_not_exist(world: World) -> None:
    held = bought(world, 1)
    assert cancel(world, held, 100, user="bob").code == "RESERVATION_NOT_FOUND"
    assert quoted(world, held, user="bob").code == "RESERVATION_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seatNumbers": [1]},
        {"expectedRefund": "100"},
        {"expectedRefund": True},
        {"expectedRefund": 100.0},
        {"expectedRefund": -1},
        {"expectedRefund": 1 << 70},
        {"seatNumbers": [], "expectedRefund": 0},
        {"seatNumbers": [1, 1], "expectedRefund": 200},
        {"seatNumbers": [3], "expectedRefund": 100},
        {"seatNumbers": ["1"], "expectedRefund": 100},
    ],
)
def test_requests_that_mean_nothing_are_refused(world: World, body: dict[str, Any]) -> None:
    held = bought(world, 1, 2)
    answer = world.call("cancel_reservation", "ann", body, key="c", reservationId=held["reservationId"])
    assert (answer.status, answer.code) == (400, "VALIDATION_FAILED")
    assert refunds(world) == []


def test_a_seat_whose_guest_has_come_in_is_not_cancelled(world: World) -> None:
    held = bought(world, 1, 2)
    [result] = world.scan("door", ("1", world.codes("ann", held)[2]))
    assert result["outcome"] == "ADMITTED"

    asked = world.call("quote_cancellation", "ann", reservationId=held["reservationId"])
    assert reason(asked) == (409, "NOT_CANCELLABLE", "CHECKED_IN")
    assert reason(cancel(world, held, 200)) == (409, "NOT_CANCELLABLE", "CHECKED_IN")
    the_other = {"seatNumbers": "1"}
    assert world.call("quote_cancellation", "ann", query=the_other, reservationId=held["reservationId"]).status == 200
    assert cancel(world, held, 100, 1, key="the other").status == 201
    assert world.violations() == []


# ---- repeated, at once, and beside others


def test_a_key_replays_its_cancellation_and_is_for_no_other(world: World) -> None:
    held, other = bought(world, 1, 2), bought(world, 3, key="p2")
    first = cancel(world, held, 100, 1)
    again = cancel(world, held, 100, 1)

    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert {**again.body, "serverTime": ""} == {**first.body, "serverTime": ""}
    assert cancel(world, held, 100, 2).code == "IDEMPOTENCY_KEY_REUSED"
    assert cancel(world, held, 200).code == "IDEMPOTENCY_KEY_REUSED"
    assert cancel(world, other, 100).code == "IDEMPOTENCY_KEY_REUSED"
    assert refunds(world) == [100]
    assert world.violations() == []


@pytest.mark.parametrize("seats", [(3,), (3, 4)], ids=["the same sum", "another sum"])
def test_a_key_that_was_forgotten_cancels_another_booking(world: World, seats: tuple[int, ...]) -> None:
    first, other = bought(world, 1), bought(world, *seats, key="p2")
    cancel(world, first, 100)
    world.time.sleep(points.KEY_LIFE_SECONDS)
    for item in world.items("points"):
        if item.get("purgeAt", clock.now() + 1) <= clock.now():
            write(delete(TABLES["points"], {name: item[name] for name in ("userId", "sk")}))

    answer = cancel(world, other, 100 * len(seats))

    assert (answer.status, answer.body["balance"]) == (201, 100 + 100 * len(seats))
    assert refunds(world) == [100, 100 * len(seats)]
    assert world.violations() == []


@pytest.mark.parametrize("seats", [((1,), (1,)), ((1,), (2,)), ((1, 2), (2,)), ((1, 2), (1, 2))])
def test_two_cancellations_at_once_give_back_each_seat_once(world: World, seats: tuple[Any, Any]) -> None:
    held = bought(world, 1, 2)
    said: list[Answer] = []

    def beside(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            said.append(cancel(world, held, 100 * len(seats[1]), *seats[1], key="other"))

    world.wire.observe = beside
    said.append(cancel(world, held, 100 * len(seats[0]), *seats[0]))

    assert {answer.status for answer in said} <= {201, 409}
    cancelled = [number for answer in said if answer.status == 201 for number in answer.body["seatNumbers"]]
    assert sorted(cancelled) == sorted(set(cancelled))
    assert sum(refunds(world)) == 100 * len(cancelled)
    assert shown(world, held)["refunded"] == 100 * len(cancelled)
    assert world.violations() == []


def test_points_under_contention_come_back_by_themselves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = bought(world, 1)
    with monkeypatch.context() as crowded:
        crowded.setattr(cancellations, "REFUND_SECONDS", 0.0)

        def busy(*_: Any, **__: Any) -> None:
            raise dynamodb.Contended

        crowded.setattr(points, "transact", busy)
        answer = cancel(world, held, 100)
        assert (answer.status, answer.body["status"]) == (202, "REFUNDING")
        assert "retry-after" in answer.headers
    assert shown(world, held)["status"] == "CANCELLED"
    assert world.hold("bob", 1)["status"] == "HELD", "the seat is free at once"
    assert world.violations() == []

    world.time.sleep(payments.START_SECONDS + 1)
    payment_id = shown(world, held)["paymentId"]
    assert world.settle() == {payment_id: "REFUNDED"}
    assert world.settle() == {}
    assert world.balance("ann") == 100
    assert cancel(world, held, 100).body["status"] == "COMPLETED"
    assert world.violations() == []


@pytest.mark.parametrize("gone", ["prices", "keepPercent"])
def test_what_an_earlier_release_left_owing_is_given_back_and_stands_with_its_first_seat(
    world: World, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    starts_in(world, 8)
    held = bought(world, 1, 2)
    world.time.sleep(2 * DAY)
    quote = quoted(world, held).body
    assert quote["fee"] > 0

    def busy(*_: Any, **__: Any) -> None:
        raise dynamodb.Contended

    with monkeypatch.context() as crowded:
        crowded.setattr(cancellations, "finish", busy)
        cancel(world, held, quote["refund"])
    [payment] = world.items("payments")
    [(name, owed)] = payment["cancellations"].items()
    del owed[gone]
    world.put("payments", payment | {"cancellations": {name: owed}})
    world.time.sleep(payments.START_SECONDS + 1)

    assert list(world.settle().values()) == ["REFUNDED"]
    assert world.balance("ann") == quote["refund"]
    revoked = [item for item in world.tables()["check_ins"] if item["entry"].startswith("revoked#")]
    sums = sorted((item["seatNumber"], item["price"], item["refund"]) for item in revoked)
    assert sums == [(1, 2 * PRICE, quote["refund"]), (2, 0, 0)]
    assert world.violations() == []


def test_a_refund_is_never_refused_for_the_limit_of_a_balance(world: World) -> None:
    held = bought(world, 1)
    for number in range(10):
        world.ask("charge_points", "ann", {"amount": 1_000_000}, key=f"million {number}")
    assert cancel(world, held, 100).body["balance"] == 10_000_100
    assert world.violations() == []


def test_a_payment_gives_back_no_more_than_it_took(world: World) -> None:
    held = bought(world, 1)
    payment = world.items("payments")[0]
    write(put(TABLES["payments"], payment | {"refundable": 99}))
    assert cancel(world, held, 100).status == 503
    assert refunds(world) == []


def test_a_party_as_large_as_the_stack_allows_is_booked_and_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_SEATS_PER_USER", "6")
    settings.cache_clear()
    body = {"performanceId": PERFORMANCES[0], "quantity": 6}
    held = world.ask("reserve_seats", "ann", body, key="k", queue_token=world.enter("ann")).body
    world.charge("ann", 6 * PRICE)
    assert world.pay("ann", held).status == 201

    answer = cancel(world, held, 6 * PRICE, *quoted(world, held).body["seatNumbers"])

    assert (answer.status, answer.body) == (201, answer.body | {"balance": 6 * PRICE})


def test_a_booking_from_before_there_were_cancellations_can_be_cancelled(world: World) -> None:
    starts_in(world, 8)
    held = bought(world, 1, 2)
    payment = {k: v for k, v in world.items("payments")[0].items() if not k.startswith(("refund", "cancell"))}
    write(put(TABLES["payments"], payment))
    reservation = {k: v for k, v in world.items("reservations")[0].items() if k != "terms"}
    write(put(TABLES["reservations"], reservation))
    limit = world.items("limits")[0]
    write(put(TABLES["reservations"], limit | {"holds": {}}))

    assert cancel(world, held, 100, 1).status == 201
    assert cancel(world, held, 100, 2, key="c2").status == 201
    assert world.balance("ann") == 200
    assert world.violations() == []


def test_a_refund_of_nothing_writes_no_entry(world: World) -> None:
    starts_in(world, 8, fees={"steps": [[0, 100]]})
    held = bought(world, 1)

    answer = cancel(world, held, 0)

    assert (answer.status, answer.body["status"], answer.body["fee"]) == (201, "COMPLETED", 100)
    assert refunds(world) == []
    assert shown(world, held)["status"] == "CANCELLED"
    assert world.violations() == []
