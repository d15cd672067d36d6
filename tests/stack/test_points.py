"""Points on the deployed stack: exact under many requests at once, and each request once."""

import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.stack.local_stack import LocalStack
from tools.ost.fans import Fan

CHARGES = 100


def history(stack: LocalStack, fan: Fan) -> list[dict[str, Any]]:
    """Read all entries, page by page, newest first."""
    entries: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"limit": "40"} | ({"cursor": cursor} if cursor else {})
        page = stack.call(fan, "GET", "/points/history", params=query).json()
        entries += page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return entries


def test_a_hundred_charges_at_once_all_count_and_the_chain_of_entries_is_whole(stack: LocalStack) -> None:
    fan = stack.fan()
    stack.warm(lambda: stack.call(fan, "POST", "/points/charges", {"amount": 0}, key="warm"))

    def charge(number: int) -> httpx.Response:
        """Charge as a client does that obeys: who is told that it is busy comes back with the same key."""
        for _ in range(10):
            answer = stack.call(fan, "POST", "/points/charges", {"amount": 1}, key=f"charge {number}")
            if answer.status_code != 503:
                break
            assert answer.json()["code"] == "TEMPORARILY_UNAVAILABLE"
            time.sleep(int(answer.headers["Retry-After"]))
        return answer

    answers = stack.at_once(charge, list(range(CHARGES)))

    assert Counter(answer.status_code for answer in answers) == {201: CHARGES}
    assert stack.call(fan, "GET", "/points").json() == {"balance": CHARGES}
    assert [entry["balanceAfter"] for entry in history(stack, fan)] == list(range(CHARGES, 0, -1))


def test_one_charge_sent_a_hundred_times_with_one_key_is_one_entry_and_a_hundred_equal_answers(
    stack: LocalStack,
) -> None:
    fan = stack.fan()

    answers = stack.at_once(
        lambda _: stack.call(fan, "POST", "/points/charges", {"amount": 7}, key="the same"), list(range(CHARGES))
    )

    assert {answer.text for answer in answers} == {answers[0].text}
    assert Counter(answer.headers.get("Idempotency-Replayed") for answer in answers) == {None: 1, "true": CHARGES - 1}
    assert len(history(stack, fan)) == 1


def test_a_key_used_for_another_request_is_refused(stack: LocalStack) -> None:
    fan = stack.fan()
    assert stack.call(fan, "POST", "/points/charges", {"amount": 7}, key="k").status_code == 201

    for path, body in (("/points/charges", {"amount": 8}), ("/points/uses", {"amount": 7})):
        answer = stack.call(fan, "POST", path, body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert stack.call(fan, "GET", "/points").json() == {"balance": 7}


@pytest.mark.parametrize("path", ["/points/charges", "/points/uses"])
@pytest.mark.parametrize("amount", [0, -1, 1.5, 7.0, True, "7", None, 2**63, 1_000_001, [], {}])
def test_an_amount_that_is_none_is_refused_and_changes_nothing(stack: LocalStack, path: str, amount: Any) -> None:
    fan = _with_points(stack)

    answer = stack.call(fan, "POST", path, {"amount": amount}, key="bad")

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
    assert answer.json()["errors"][0]["field"] == "amount"
    assert stack.call(fan, "GET", "/points").json() == {"balance": 10}


def test_using_more_than_the_balance_is_refused_and_the_same_key_works_after_charging(stack: LocalStack) -> None:
    fan = stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 10}, key="first")

    refused = stack.call(fan, "POST", "/points/uses", {"amount": 11}, key="use")
    stack.call(fan, "POST", "/points/charges", {"amount": 1}, key="second")
    used = stack.call(fan, "POST", "/points/uses", {"amount": 11}, key="use")

    assert (refused.status_code, refused.json()["code"]) == (402, "INSUFFICIENT_POINTS")
    assert (refused.json()["required"], refused.json()["balance"]) == (11, 10)
    assert (used.status_code, used.json()["balance"]) == (201, 0)


def test_keys_are_required_and_must_be_printable(stack: LocalStack) -> None:
    fan = stack.fan()

    missing = stack.call(fan, "POST", "/points/charges", {"amount": 1})
    too_long = stack.call(fan, "POST", "/points/charges", {"amount": 1}, key="k" * 256)

    assert missing.json()["code"] == "IDEMPOTENCY_KEY_REQUIRED"
    assert too_long.json()["code"] == "VALIDATION_FAILED"


_fans: dict[int, Fan] = {}


def _with_points(stack: LocalStack) -> Fan:
    """Give the one fan of the refusals, who has 10 points."""
    if id(stack) not in _fans:
        _fans[id(stack)] = stack.fan()
        stack.call(_fans[id(stack)], "POST", "/points/charges", {"amount": 10}, key="ten")
    return _fans[id(stack)]
