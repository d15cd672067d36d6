"""Limits of the API: what reads, polls and joins can never use up what booking and paying need."""

from typing import Any

import pytest

from booking import aws
from lab.in_process import template
from tests.contract.test_contract import ROUTES
from tests.deployed import deployed, values
from tests.tables import timeout_of_the_functions

ACCOUNT_RATE, ACCOUNT_BURST = 10_000, 5_000
"""Requests a second, and at one moment, that API Gateway lets a new account have in a Region."""
KEPT_FOR_BOOKING = 0.2
POLL = "GET /concerts/{concertId}/queue-tokens/current"
JOIN = "POST /concerts/{concertId}/queue-tokens"
READS = {f"{method} {path}" for method, path in ROUTES if method == "GET"} - {POLL}


def stage(**parameters: str) -> dict[str, Any]:
    [found] = [each for each in deployed(**parameters).values() if each["Type"] == "AWS::ApiGatewayV2::Stage"]
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_each_route_that_reads_and_no_route_that_books_has_a_limit_of_its_own() -> None:
    assert set(stage()["RouteSettings"]) == READS | {POLL, JOIN}


@pytest.mark.parametrize(
    ("limit", "account"), [("ThrottlingRateLimit", ACCOUNT_RATE), ("ThrottlingBurstLimit", ACCOUNT_BURST)]
)
def test_reading_waiting_and_joining_leave_a_new_account_what_booking_needs(limit: str, account: int) -> None:
    named = sum(int(each[limit]) for each in stage()["RouteSettings"].values())

    assert named <= account * (1 - KEPT_FOR_BOOKING)


def test_fans_are_told_pauses_that_make_as_many_polls_as_the_api_takes() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    limits = stage(PollsPerSecond="1234")["RouteSettings"][POLL]
    defaults = values()

    assert limits["ThrottlingRateLimit"] == "1234"
    assert variables["POLLS_PER_SECOND"] == {"Ref": "PollsPerSecond"}
    assert int(defaults["PollsPerSecond"]) == 0.6 * int(defaults["RequestsPerSecond"])


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        ("PaymentStepsFunction", "PaymentStepsConcurrency"),
        ("SettlePaymentFunction", "SettlePaymentConcurrency"),
        ("AdvanceQueueFunction", "AdvanceQueueConcurrency"),
    ],
)
def test_what_must_not_wait_has_executions_of_its_own_where_the_account_has_them(function: str, parameter: str) -> None:
    key = "ReservedConcurrentExecutions"

    assert deployed(**{parameter: "50"})[function]["Properties"][key] == "50"
    assert key not in deployed()[function]["Properties"]


def test_a_call_that_nobody_answers_is_given_up_before_its_function_is() -> None:
    config: Any = aws.CONFIG  # its options are attributes that are made at run time
    attempts = config.retries["total_max_attempts"]

    assert config.connect_timeout + attempts * config.read_timeout <= timeout_of_the_functions()
