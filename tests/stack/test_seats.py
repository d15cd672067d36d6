"""Seats on the deployed stack: one owner each, whatever the rush, and for as long as the hold says."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.stack.local_stack import HOLD_SECONDS, IN_FLIGHT, SHORT_HOLDS, LocalStack, Stacks
from tools.ost.fans import Fan

BUYERS = 200
THINKING_SECONDS = 0.02
"""What a function takes between its read and its write, at the least."""


def reserve(stack: LocalStack, fan: Fan, token: str, performance: str, seats: Any) -> Any:
    body = {"performanceId": performance, "seatNumbers": seats}
    return stack.call(fan, "POST", "/reservations", body, queue_token=token)


def status_of(stack: LocalStack, performance: str, seat: int) -> str:
    seats = stack.call(None, "GET", f"/performances/{performance}/seats").json()["seats"]
    return str(seats[seat - 1]["status"])


def race(stack: LocalStack, attempt: Callable[[int], Any], racers: int) -> Counter[Any]:
    """Let that many try the same thing, `IN_FLIGHT` of them at every moment; count the outcomes."""
    return Counter(stack.at_once(attempt, list(range(racers)), IN_FLIGHT))


@pytest.fixture(scope="module")
def crowd(stack: LocalStack) -> tuple[Any, list[Fan], list[str]]:
    """Give a concert and 200 fans who have all been let in."""
    concert = stack.publish_concert(seats=50, performances=2)
    fans = stack.fans(BUYERS)
    stack.warm(lambda: stack.join(fans[0], concert.concert_id))
    tokens = stack.at_once(lambda fan: stack.enter(fan, concert.concert_id), fans)
    stack.warm(lambda: reserve(stack, fans[0], tokens[0], concert.performance_id, [51]))
    return concert, fans, tokens


def test_two_hundred_buyers_of_one_seat_have_one_winner_and_the_others_are_told(
    stack: LocalStack, crowd: tuple[Any, list[Fan], list[str]]
) -> None:
    concert, fans, tokens = crowd

    def buy(number: int) -> tuple[int, str]:
        answer = reserve(stack, fans[number], tokens[number], concert.performance_ids[0], [7])
        return answer.status_code, answer.json().get("code", "")

    outcomes = race(stack, buy, BUYERS)

    assert outcomes == {(201, ""): 1, (409, "SEAT_TAKEN"): BUYERS - 1}


def test_the_same_race_oversells_a_seat_that_is_read_and_then_written(stack: LocalStack) -> None:
    table = stack.table("seats")

    def buy_naively(number: int) -> int:
        key = {"performanceId": {"S": "control.naive"}, "seatNumber": {"N": "7"}}
        if "Item" in stack.cloud.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
            return 409
        time.sleep(0.05)  # as long as a program takes to decide
        stack.cloud.dynamodb.put_item(
            TableName=table,
            Item=key | {"userId": {"S": str(number)}, "status": {"S": "SOLD"}, "reservationId": {"S": "n"}},
        )
        return 201

    outcomes = race(stack, buy_naively, BUYERS)
    stack.cloud.dynamodb.delete_item(
        TableName=table, Key={"performanceId": {"S": "control.naive"}, "seatNumber": {"N": "7"}}
    )

    assert outcomes[201] > 1, "the harness cannot oversell, so the race above proves nothing"


def test_fifty_buyers_of_fifty_seats_all_get_theirs(stack: LocalStack, crowd: tuple[Any, list[Fan], list[str]]) -> None:
    concert, fans, tokens = crowd

    outcomes = race(
        stack,
        lambda number: (
            reserve(stack, fans[number], tokens[number], concert.performance_ids[1], [number + 1]).status_code
        ),
        50,
    )

    assert outcomes == {201: 50}
    seats = stack.call(None, "GET", f"/performances/{concert.performance_ids[1]}/seats").json()
    assert (seats["available"], {seat["status"] for seat in seats["seats"]}) == (0, {"HELD"})


def test_one_fans_parallel_requests_do_not_pass_the_limit_of_seats(stack: LocalStack) -> None:
    concert = stack.publish_concert()
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)

    outcomes = race(
        stack, lambda number: reserve(stack, fan, token, concert.performance_id, [number + 1]).status_code, 12
    )

    assert outcomes == {201: 4, 409: 8}
    assert stack.call(None, "GET", f"/performances/{concert.performance_id}/seats").json()["available"] == 46


def test_several_seats_are_held_all_or_none(stack: LocalStack) -> None:
    concert = stack.publish_concert()
    first, second = stack.fans(2)
    tokens = [stack.enter(fan, concert.concert_id) for fan in (first, second)]
    assert reserve(stack, first, tokens[0], concert.performance_id, [3]).status_code == 201

    refused = reserve(stack, second, tokens[1], concert.performance_id, [2, 3, 4])

    assert refused.json()["code"] == "SEAT_TAKEN"
    assert [seat["seatNumber"] for seat in refused.json()["seats"]] == [3]
    assert [status_of(stack, concert.performance_id, seat) for seat in (2, 3, 4)] == ["AVAILABLE", "HELD", "AVAILABLE"]


def test_asking_again_for_ones_own_seats_gives_the_same_hold(stack: LocalStack) -> None:
    concert = stack.publish_concert()
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)

    answers = [reserve(stack, fan, token, concert.performance_id, seats).json() for seats in ([5, 6], [6, 5])]

    assert answers[0]["reservationId"] == answers[1]["reservationId"]
    assert answers[0]["expiresAt"] == answers[1]["expiresAt"]


def test_a_released_seat_is_free_at_once_and_releasing_is_safe_to_repeat(stack: LocalStack) -> None:
    concert = stack.publish_concert()
    fan, stranger = stack.fans(2)
    token = stack.enter(fan, concert.concert_id)
    path = f"/reservations/{reserve(stack, fan, token, concert.performance_id, [5]).json()['reservationId']}"

    assert stack.call(stranger, "DELETE", path).json()["code"] == "RESERVATION_NOT_FOUND"
    assert [stack.call(fan, "DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert status_of(stack, concert.performance_id, 5) == "AVAILABLE"
    assert stack.call(fan, "GET", path).json()["status"] == "RELEASED"


def test_a_hold_ends_at_its_deadline_by_the_clock_and_its_owner_keeps_nothing_of_it(stacks: Stacks) -> None:
    stack = stacks(SHORT_HOLDS)
    concert = stack.publish_concert()
    first, second = stack.fans(2)
    tokens = [stack.enter(fan, concert.concert_id) for fan in (first, second)]
    stack.call(first, "POST", "/points/charges", {"amount": 5000}, key="points")
    warm = reserve(stack, second, tokens[1], concert.performance_id, [9]).json()
    stack.call(second, "DELETE", f"/reservations/{warm['reservationId']}")
    held = reserve(stack, first, tokens[0], concert.performance_id, [7]).json()
    assert status_of(stack, concert.performance_id, 7) == "HELD"

    time.sleep(HOLD_SECONDS + 0.5)

    key = {"performanceId": {"S": concert.performance_id}, "seatNumber": {"N": "7"}}
    assert "Item" in stack.cloud.dynamodb.get_item(TableName=stack.table("seats"), Key=key)
    assert status_of(stack, concert.performance_id, 7) == "AVAILABLE"
    assert reserve(stack, second, tokens[1], concert.performance_id, [7]).status_code == 201
    taken = stack.cloud.dynamodb.get_item(TableName=stack.table("seats"), Key=key)["Item"]
    paid = stack.call(first, "POST", "/payments", {"reservationId": held["reservationId"]}, key="late")
    assert (paid.status_code, paid.json()["code"]) == (410, "RESERVATION_EXPIRED")
    assert stack.call(first, "GET", "/points").json() == {"balance": 5000}
    path = f"/reservations/{held['reservationId']}"
    assert stack.call(first, "DELETE", path).json()["code"] == "RESERVATION_EXPIRED"
    assert stack.call(first, "GET", path).json()["status"] == "EXPIRED"
    assert stack.cloud.dynamodb.get_item(TableName=stack.table("seats"), Key=key)["Item"] == taken


BAD_BODIES = {
    "seat 0": {"seatNumbers": [0]},
    "seat 51": {"seatNumbers": [51]},
    "a string": {"seatNumbers": ["7"]},
    "a fraction": {"seatNumbers": [7.5]},
    "a float": {"seatNumbers": [7.0]},
    "a boolean": {"seatNumbers": [True]},
    "a huge number": {"seatNumbers": [2**63]},
    "the same seat twice": {"seatNumbers": [7, 7]},
    "five seats": {"seatNumbers": [1, 2, 3, 4, 5]},
    "no seats": {"seatNumbers": []},
    "no list": {"seatNumbers": 7},
    "no performance": {"performanceId": None},
}


@pytest.fixture(scope="module")
def let_in(stack: LocalStack) -> tuple[Any, Fan, str]:
    concert = stack.publish_concert()
    fan = stack.fan()
    return concert, fan, stack.enter(fan, concert.concert_id)


@pytest.mark.parametrize("change", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_malformed_reservation_is_refused_and_holds_nothing(
    stack: LocalStack, let_in: tuple[Any, Fan, str], change: dict[str, Any]
) -> None:
    concert, fan, token = let_in
    body = {"performanceId": concert.performance_id, "seatNumbers": [7]} | change

    answer = stack.call(fan, "POST", "/reservations", body, queue_token=token)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
    assert answer.json()["errors"]
    assert stack.call(None, "GET", f"/performances/{concert.performance_id}/seats").json()["available"] == 50


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[]", b"\xff\xfe", b'{"a": "' + b"x" * 1_000_000 + b'"}'])
def test_a_body_that_is_not_one_is_refused(stack: LocalStack, let_in: tuple[Any, Fan, str], content: bytes) -> None:
    _, fan, token = let_in

    answer = stack.call(fan, "POST", "/reservations", queue_token=token, content=content)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
