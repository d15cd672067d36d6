"""Every event in events/, through its handler: the answer has the status, shape and code that it promises."""

import json

import pytest

from booking import payments
from booking.errors import CATALOGUE
from tests import answers
from tests.functional import world
from tests.handlers import call, events

HTTP_EVENTS = [(function, case) for function, case in events() if function in answers.operations()]


@pytest.fixture(autouse=True)
def _world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    monkeypatch.setattr(payments, "run_workflow", lambda payment: None)
    monkeypatch.setattr(payments, "WATCH_SECONDS", 0.0)


@pytest.mark.parametrize(("function", "case"), HTTP_EVENTS, ids=[f"{f}/{c}" for f, c in HTTP_EVENTS])
def test_event_is_answered_as_its_name_and_the_specification_say(function: str, case: str) -> None:
    event = world.read_event(function, case)

    answer = call(function, event)

    body = answer["body"]
    if case == "ok":
        assert answer["statusCode"] in {200, 201, 202, 204}, body
    else:
        problem = json.loads(body)
        expected = CATALOGUE[case.upper()]
        assert (problem["code"], problem["status"], answer["statusCode"]) == (
            expected.code,
            expected.status,
            expected.status,
        )
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert world.OTHER not in body


@pytest.mark.parametrize(("function", "case"), [e for e in events() if e[0] not in answers.operations()])
def test_event_of_the_background_is_handled(function: str, case: str) -> None:
    event = world.read_event(function, case)

    answer = call(function, event)

    outcomes = {"use_points": "USED", "confirm_booking": "CONFIRMED", "unlock_hold": "UNDOING"}
    if function == "confirm_sign_up":
        assert answer == event | {"response": event["response"] | {"autoConfirmUser": True}}
    elif case in outcomes:
        assert answer["outcome"] == outcomes[case]
    elif case == "refund_points":
        assert answer == {"outcome": "FAILED", "refunded": False, "at": answer["at"]}
    elif function == "call_off_performance":
        told = answer["problem"] if case == "begin" else answer["survey"]
        assert (told["seats"], told["offSale"]) == (0, case == "take_off_sale")
    elif function == "clear_seats":
        assert answer == {"seats": 50, "bookings": 0, "points": 0}
    elif case == "timed_out":
        assert list(answer.values()) == ["FAILED"]
    else:
        assert answer in ({}, {"queues": 0}, {"ticks": 1}, {"lobby": "DRAWN"})
