"""Tokens and ids that are not one's own, on the deployed stack: each refused with its own code, and nothing is said."""

import time
from typing import Any

import jwt
import pytest

from booking.queue import membership
from tests.stack.local_stack import ACTIVE_SECONDS, SHORT_TURNS, LocalStack, Stacks
from tools.ost.fans import Fan

type Booking = tuple[Any, Fan, str, str]


@pytest.fixture(scope="module")
def booking(stack: LocalStack) -> Booking:
    """Give a concert, a fan who is in, the fan's token and a reservation."""
    concert = stack.publish_concert()
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)
    body = {"performanceId": concert.performance_id, "seatNumbers": [1]}
    reserved = stack.call(fan, "POST", "/reservations", body, queue_token=token).json()
    return concert, fan, token, reserved["reservationId"]


def reserve(stack: LocalStack, fan: Fan, performance: str, token: str | None) -> tuple[int, str]:
    body = {"performanceId": performance, "seatNumbers": [2]}
    answer = stack.call(fan, "POST", "/reservations", body, queue_token=token)
    return answer.status_code, answer.json().get("code", "")


def forge(token: str, key: str, **changes: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    return jwt.encode(claims, key, "HS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def test_a_forged_token_is_invalid(stack: LocalStack, booking: Booking) -> None:
    concert, fan, token, _ = booking
    unsigned = jwt.encode(jwt.decode(token, options={"verify_signature": False}), "", "none")
    header, claims, signature = token.split(".")

    for forged in (
        forge(token, "x" * 64),
        unsigned,
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[::-1]}",
        "not-a-token",
        "a.b.c",
        "x" * 5000,
    ):
        assert reserve(stack, fan, concert.performance_id, forged) == (401, "QUEUE_TOKEN_INVALID"), forged[:80]


def test_no_token_another_users_and_another_concerts_are_each_refused(stack: LocalStack, booking: Booking) -> None:
    concert, fan, token, _ = booking
    other_concert = stack.publish_concert()
    stranger = stack.fan()
    elsewhere = stack.enter(fan, other_concert.concert_id)

    assert reserve(stack, fan, concert.performance_id, None) == (401, "QUEUE_TOKEN_REQUIRED")
    assert reserve(stack, stranger, concert.performance_id, token) == (401, "QUEUE_TOKEN_INVALID")
    assert reserve(stack, fan, concert.performance_id, elsewhere) == (401, "QUEUE_TOKEN_INVALID")
    for method in ("GET", "DELETE"):
        path = f"/concerts/{other_concert.concert_id}/queue-tokens/current"
        assert stack.call(fan, method, path, queue_token=token).json()["code"] == "QUEUE_TOKEN_INVALID"


def test_a_token_is_over_once_its_fan_has_left_and_leaving_is_safe_to_repeat(stack: LocalStack) -> None:
    concert = stack.publish_concert()
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)
    path = f"/concerts/{concert.concert_id}/queue-tokens/current"

    assert [stack.call(fan, "DELETE", path, queue_token=token).status_code for _ in range(2)] == [204, 204]
    assert reserve(stack, fan, concert.performance_id, token) == (401, "QUEUE_TOKEN_EXPIRED")
    assert stack.call(fan, "GET", path, queue_token=token).json()["code"] == "QUEUE_TOKEN_EXPIRED"
    again = stack.call(fan, "POST", f"/concerts/{concert.concert_id}/queue-tokens")
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(again.headers["Retry-After"]) <= membership.COOL_DOWN_SECONDS


def test_a_waiting_token_cannot_book_and_is_told_its_place(stack: LocalStack) -> None:
    concert = stack.publish_concert(capacity=1)
    first, second = stack.fans(2)
    stack.enter(first, concert.concert_id)
    waiting = stack.join(second, concert.concert_id)
    body = {"performanceId": concert.performance_id, "seatNumbers": [2]}

    answer = stack.call(second, "POST", "/reservations", body, queue_token=waiting["token"])

    assert (answer.status_code, answer.json()["code"]) == (403, "QUEUE_TOKEN_NOT_ACTIVE")
    assert (answer.json()["position"], answer.json()["ahead"]) == (1, 0)
    assert answer.headers["Retry-After"]


def test_an_active_token_expires_by_the_clock(stacks: Stacks) -> None:
    stack = stacks(SHORT_TURNS)
    concert = stack.publish_concert()
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)

    time.sleep(ACTIVE_SECONDS + 0.5)

    assert reserve(stack, fan, concert.performance_id, token) == (401, "QUEUE_TOKEN_EXPIRED")
    again = stack.call(fan, "POST", f"/concerts/{concert.concert_id}/queue-tokens")
    assert again.status_code == 201


def test_another_users_reservation_and_payment_look_like_none(stack: LocalStack, booking: Booking) -> None:
    _, fan, _, reservation = booking
    stranger = stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 100_000}, key="enough")
    payment = stack.call(fan, "POST", "/payments", {"reservationId": reservation}, key="mine").json()["paymentId"]

    for method, path, code in (
        ("GET", f"/reservations/{reservation}", "RESERVATION_NOT_FOUND"),
        ("DELETE", f"/reservations/{reservation}", "RESERVATION_NOT_FOUND"),
        ("GET", f"/payments/{payment}", "PAYMENT_NOT_FOUND"),
    ):
        answer = stack.call(stranger, method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    paid = stack.call(stranger, "POST", "/payments", {"reservationId": reservation}, key="theirs")
    assert (paid.status_code, paid.json()["code"]) == (404, "RESERVATION_NOT_FOUND")


@pytest.mark.parametrize("unknown", ["no-such", "..", "%00", "a" * 3000, "UPPER", "a.b", "한국어", "' OR 1=1"])
def test_unknown_ids_are_not_found_whatever_they_look_like(stack: LocalStack, booking: Booking, unknown: str) -> None:
    _, fan, _, _ = booking

    for path in (
        f"/concerts/{unknown}",
        f"/concerts/{unknown}/performances",
        f"/performances/{unknown}/seats",
        f"/reservations/{unknown}",
        f"/payments/{unknown}",
    ):
        assert stack.call(fan, "GET", path).status_code in {400, 404, 414}, path


def test_without_a_sign_in_or_with_a_bad_one_nothing_is_answered(stack: LocalStack, booking: Booking) -> None:
    _, fan, _, reservation = booking
    forged = Fan("forged", fan.token[:-8] + "AAAAAAAA")

    for caller in (None, forged):
        for path in ("/points", "/reservations", f"/reservations/{reservation}"):
            assert stack.call(caller, "GET", path).status_code == 401


def test_a_concert_without_dates_says_so_and_one_not_yet_on_sale_says_when(stack: LocalStack) -> None:
    early = stack.publish_concert(opens_in=3600)
    late = stack.publish_concert(opens_in=-7200, closes_in=-3600)
    dateless = stack.publish_concert(performances=0)
    fan = stack.fan()

    answer = stack.call(None, "GET", f"/concerts/{dateless.concert_id}/performances")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_PERFORMANCES")
    answer = stack.call(fan, "POST", f"/concerts/{early.concert_id}/queue-tokens")
    assert (answer.status_code, answer.json()["code"]) == (409, "SALES_NOT_OPEN")
    assert answer.json()["opensAt"]
    answer = stack.call(fan, "POST", f"/concerts/{late.concert_id}/queue-tokens")
    assert (answer.status_code, answer.json()["code"]) == (409, "SALES_CLOSED")
