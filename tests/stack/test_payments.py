"""Payments on the deployed stack: in crowds, through the real workflow; and the books balance afterwards."""

import time
from collections import Counter
from typing import Any

import jwt
import pytest

from booking import clock, payments
from tests.conftest import forget_everything
from tests.stack.local_stack import LocalStack, PublishedConcert
from tools.ost.environment import function_environments
from tools.ost.fans import Fan

CROWD = 100


def hold(stack: LocalStack, fan: Fan, concert: PublishedConcert, seat: int = 1) -> dict[str, Any]:
    body = {"performanceId": concert.performance_id, "seatNumbers": [seat]}
    answer = stack.call(fan, "POST", "/reservations", body, queue_token=stack.enter(fan, concert.concert_id))
    assert answer.status_code == 201, answer.text
    held: dict[str, Any] = answer.json()
    return held


def payments_of(stack: LocalStack, fan: Fan) -> list[int]:
    entries = stack.call(fan, "GET", "/points/history", params={"limit": "100"}).json()["items"]
    return [entry["amount"] for entry in entries if entry["type"] == "PAYMENT"]


def warm(stack: LocalStack, fan: Fan) -> None:
    stack.warm(lambda: stack.call(fan, "POST", "/payments", {"reservationId": "none"}, key="warm"))


def ended(stack: LocalStack, fan: Fan, payment_id: str) -> dict[str, Any]:
    def read() -> dict[str, Any] | None:
        shown: dict[str, Any] = stack.call(fan, "GET", f"/payments/{payment_id}").json()
        return shown if shown["status"] in {"COMPLETED", "FAILED"} else None

    for _ in range(120):
        if (shown := read()) is not None:
            return shown
        time.sleep(0.25)
    raise AssertionError("the payment does not end")


def test_a_hundred_keys_pay_one_reservation_once(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(price=10), stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 1000}, key="charge")
    body = {"reservationId": hold(stack, fan, concert)["reservationId"]}
    warm(stack, fan)

    answers = stack.at_once(lambda n: stack.call(fan, "POST", "/payments", body, key=f"k{n}"), list(range(CROWD)))

    told = Counter(answer.json().get("code") or answer.status_code for answer in answers)
    assert set(told) <= {201, 202, "PAYMENT_IN_PROGRESS", "ALREADY_PAID"}, told
    assert told[201] + told[202] == 1
    paid = next(answer.json()["paymentId"] for answer in answers if answer.status_code in (201, 202))
    assert ended(stack, fan, paid)["status"] == "COMPLETED"
    assert payments_of(stack, fan) == [-10]


def test_one_key_a_hundred_times_is_one_payment_and_a_hundred_answers_of_it(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(price=10), stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 1000}, key="charge")
    body = {"reservationId": hold(stack, fan, concert)["reservationId"]}
    warm(stack, fan)

    answers = stack.at_once(lambda _: stack.call(fan, "POST", "/payments", body, key="one"), list(range(CROWD)))

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["paymentId"] for answer in answers}) == 1
    assert ended(stack, fan, answers[0].json()["paymentId"])["status"] == "COMPLETED"
    assert payments_of(stack, fan) == [-10]


def test_paying_without_enough_points_takes_nothing_and_works_after_charging(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(price=10), stack.fan()
    held = hold(stack, fan, concert)
    body = {"reservationId": held["reservationId"]}

    refused = stack.call(fan, "POST", "/payments", body, key="poor")
    stack.call(fan, "POST", "/points/charges", {"amount": 10}, key="charge")
    paid = stack.call(fan, "POST", "/payments", body, key="rich")

    assert (refused.status_code, refused.json()["code"]) == (402, "INSUFFICIENT_POINTS")
    assert (refused.json()["paymentStatus"], refused.json()["failure"]["refunded"]) == ("FAILED", False)
    assert paid.status_code in (201, 202)
    assert ended(stack, fan, paid.json()["paymentId"])["status"] == "COMPLETED"


def test_points_taken_for_seats_that_cannot_be_confirmed_come_back(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forced: the workflow is told of one seat more than the reservation has, so it cannot confirm them all."""
    concert, fan = stack.publish_concert(price=10), stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 25}, key="charge")
    held = hold(stack, fan, concert)
    for name, value in function_environments(stack.cloud)["StartPaymentFunction"].items():
        monkeypatch.setenv(name, value)
    forget_everything()
    run_workflow = payments.run_workflow
    monkeypatch.setattr(payments, "run_workflow", lambda payment: run_workflow(payment | {"seatNumbers": [1, 2]}))
    user = jwt.decode(fan.token, options={"verify_signature": False})["sub"]

    started = payments.start(user, held["reservationId"], "forced", clock.now())

    shown = ended(stack, fan, started.payment["paymentId"])
    assert (shown["status"], shown["failure"]["refunded"]) == ("FAILED", True)
    assert [done["name"] for done in shown["steps"]] == ["UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints"]
    entries = stack.call(fan, "GET", "/points/history").json()["items"]
    assert [(entry["type"], entry["amount"]) for entry in entries] == [("REFUND", 10), ("PAYMENT", -10), ("CHARGE", 25)]
    after = stack.call(fan, "GET", f"/reservations/{held['reservationId']}").json()
    assert (after["status"], after["expiresAt"]) == ("HELD", held["expiresAt"])
    forget_everything()
