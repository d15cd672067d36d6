"""The rules of billing, against the figures in DynamoDB's developer guide.

Each size here was also checked once against the units that Amazon's own DynamoDB Local gives at the edge of a kilobyte.
"""

from typing import Any

import pytest

from lab.measure.units import index_units, item_size, number_size, read_units, value_size, write_units

KB = 1024


def item(size: int) -> dict[str, Any]:
    """Make an item of so many bytes."""
    return {"pk": {"S": "x" * (size - 2)}}


@pytest.mark.parametrize(
    ("number", "size"),
    [("0", 1), ("7", 2), ("12", 2), ("123", 3), ("1234", 3), ("12300", 3), ("1796119200", 5), ("0.5", 2), ("-12", 3)],
)
def test_number_takes_a_byte_for_two_significant_digits_and_one_more(number: str, size: int) -> None:
    assert number_size(number) == size


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "곡"}, 3),
        ({"B": b"abc"}, 3),
        ({"B": "YWJj"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "5"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"k": {"S": "ab"}}}, 3 + 1 + 1 + 2),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["12", "7"]}, 4),
    ],
)
def test_value_has_its_documented_size(value: dict[str, Any], size: int) -> None:
    assert value_size(value) == size


def test_item_is_as_long_as_its_names_and_values() -> None:
    assert item_size({"pk": {"S": "abc"}, "count": {"N": "12"}}) == 2 + 3 + 5 + 2


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [(3500, True, 1), (8 * KB, True, 2), (8 * KB, False, 1), (10 * KB, True, 3), (0, True, 1), (0, False, 0.5)],
)
def test_read_is_rounded_up_to_four_kilobytes_and_halved_for_eventual_consistency(
    size: int, consistent: bool, units: float
) -> None:
    assert read_units(size, consistent=consistent) == units


def test_query_rounds_the_sum_of_its_items_once() -> None:
    assert read_units(round(40.8 * KB), consistent=True) == 11
    assert read_units(1500 * 64, consistent=True) == 24


@pytest.mark.parametrize(("size", "units"), [(512, 1), (KB, 1), (KB + 1, 2), (2 * KB, 2)])
def test_write_is_rounded_up_to_a_kilobyte_and_doubled_in_a_transaction(size: int, units: int) -> None:
    assert write_units(None, item(size)) == units
    assert write_units(None, item(size), transaction=True) == 2 * units


def test_update_is_billed_for_the_larger_of_before_and_after() -> None:
    assert write_units(item(3 * KB), item(KB)) == write_units(item(KB), item(3 * KB)) == 3


def test_delete_is_billed_for_what_was_there() -> None:
    assert write_units(item(8 * KB), None) == 8
    assert write_units(None, None) == 1


OPEN = {"pk": {"S": "p"}, "open": {"S": "1"}, "status": {"S": "PENDING"}}
CLOSED = {"pk": {"S": "p"}, "status": {"S": "DONE"}}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, OPEN, 1),
        (OPEN, CLOSED, 1),
        (OPEN, None, 1),
        (OPEN, OPEN | {"open": {"S": "2"}}, 2),
        (OPEN, OPEN | {"status": {"S": "UNDOING"}}, 0),
        (None, CLOSED, 0),
        (CLOSED, None, 0),
    ],
)
def test_index_is_billed_for_what_changes_in_it(before: Any, after: Any, units: int) -> None:
    assert index_units(before, after, ["open"], {"pk", "open"}) == units


def test_index_of_all_attributes_is_billed_for_each_change() -> None:
    assert index_units(OPEN, OPEN | {"status": {"S": "UNDOING"}}, ["open"], None) == 1
