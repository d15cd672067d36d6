"""A body is taken exactly when the published schema takes it; integers are strict."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import requests
from booking.errors import ValidationFailed
from booking.requests import ChargePoints, PayReservation, ReserveSeats, UsePoints
from tools.ost import specification

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


SCHEMAS = json.loads(specification.FILE.read_text("utf-8"))["components"]["schemas"]


def wrong_fields(model: type, text: str) -> list[str]:
    """Name the members that a body is refused for."""
    try:
        requests.read(model, text)
    except ValidationFailed as refused:
        return [error["field"] for error in refused.members["errors"]]
    return []


@pytest.mark.parametrize("model", MODELS)
@given(body=BODIES)
def test_body_is_taken_exactly_when_the_published_schema_takes_it(model: type, body: Any) -> None:
    published = jsonschema.Draft202012Validator(SCHEMAS[model.__name__])

    assert (wrong_fields(model, json.dumps(body)) == []) == published.is_valid(body)


@pytest.mark.parametrize("amount", ["true", '"7"', "7.0", "7.5", "null", "0", "-1", "1000001", "[1]", "NaN", "1e2"])
def test_amount_that_is_no_whole_number_in_range_is_named(amount: str) -> None:
    assert wrong_fields(ChargePoints, f'{{"amount": {amount}}}') == ["amount"]


@pytest.mark.parametrize("seats", [[], [1, 1], [1, 2, 3, 4, 5], "1", None, {"1": 1}])
def test_seats_that_cannot_be_meant_are_named_as_a_whole(seats: Any) -> None:
    body = {"performanceId": "a.b", "seatNumbers": seats}

    assert wrong_fields(ReserveSeats, json.dumps(body)) == ["seatNumbers"]


def test_each_wrong_seat_is_named_by_its_place() -> None:
    body = {"performanceId": "", "seatNumbers": [1, True, 0]}

    assert wrong_fields(ReserveSeats, json.dumps(body)) == ["performanceId", "seatNumbers.1", "seatNumbers.2"]


@pytest.mark.parametrize("text", [None, "", "not JSON", "[]", '{"reservationId": "\\ud800"}', "[" * 100_000])
def test_what_is_no_body_is_refused(text: str | None) -> None:
    assert wrong_fields(PayReservation, text or "")


def test_request_is_made_of_the_members_that_it_has() -> None:
    assert requests.read(UsePoints, '{"amount": 5, "other": 1}') == {"amount": 5, "reason": None}
