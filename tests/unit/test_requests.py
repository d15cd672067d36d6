"""A body is taken exactly when the published schema takes it; integers are strict."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import requests
from booking.requests import ChargePoints, PayReservation, ReserveSeats, UsePoints

MODELS = [ReserveSeats, ChargePoints, UsePoints, PayReservation]

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 6),
        st.integers(999_998, 1_000_002),
        st.text(max_size=4),
        st.sampled_from(["x" * 64, "x" * 65, "x" * 100, "x" * 101, "x" * 200, "x" * 201]),
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
MEMBERS = st.sampled_from(["performanceId", "seatNumbers", "amount", "reason", "reservationId", "other"])
BODIES = st.one_of(VALUES, st.dictionaries(MEMBERS, VALUES | st.lists(st.integers(0, 5), max_size=5)))


@pytest.mark.parametrize("model", MODELS)
@given(body=BODIES)
def test_body_is_taken_exactly_when_the_published_schema_takes_it(model: type, body: Any) -> None:
    published = jsonschema.Draft202012Validator(requests.schema(model))

    assert (requests.problems(model, body) == []) == published.is_valid(body)


@pytest.mark.parametrize("amount", [True, "7", 7.0, 7.5, None, 0, -1, 1_000_001, [1], float("nan")])
def test_amount_that_is_no_whole_number_in_range_is_named(amount: Any) -> None:
    assert [wrong["field"] for wrong in requests.problems(ChargePoints, {"amount": amount})] == ["amount"]


@pytest.mark.parametrize("seats", [[], [1, 1], [1, 2, 3, 4, 5], "1", None, {"1": 1}])
def test_seats_that_cannot_be_meant_are_named_as_a_whole(seats: Any) -> None:
    body = {"performanceId": "a.b", "seatNumbers": seats}

    assert [wrong["field"] for wrong in requests.problems(ReserveSeats, body)] == ["seatNumbers"]


def test_each_wrong_seat_is_named_by_its_place() -> None:
    body = {"performanceId": "", "seatNumbers": [1, True, 0]}

    named = [wrong["field"] for wrong in requests.problems(ReserveSeats, body)]

    assert named == ["performanceId", "seatNumbers.1", "seatNumbers.2"]


def test_half_a_character_is_no_text() -> None:
    assert requests.problems(PayReservation, json.loads(r'{"reservationId": "\ud800"}'))


def test_request_is_made_of_the_members_that_it_has() -> None:
    made = requests.take(UsePoints, {"amount": 5, "other": 1})

    assert made == UsePoints(amount=5, reason=None)
