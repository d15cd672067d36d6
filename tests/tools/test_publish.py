"""Publishing changes the catalog to what the file says, and breaks nobody's seat."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine

from tools.ost.catalog import Concert, Item
from tools.ost.console import Failure
from tools.ost.publish import CatalogTables, Plan, publish_concerts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = 1_800_000_000


def concert(*labels: str, capacity: int | None = None, **changes: Any) -> Concert:
    item: Item = {"pk": "CONCERT", "sk": "night-sky", "title": "Night Sky", "salesOpenAt": NOW}
    return Concert(item, {label: performance(label, **changes) for label in labels}, capacity)


def performance(label: str, **changes: Any) -> Item:
    item: Item = {
        "pk": "night-sky",
        "sk": label,
        "startsAt": NOW + 86400,
        "timezone": "Asia/Seoul",
        "price": 100,
        "seatsTotal": 50,
    }
    return item | changes


def outcomes(plan: Plan) -> list[tuple[str, str, str]]:
    return [(change.what, change.name, change.outcome) for change in plan.changes]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tables(cloud: None) -> Iterator[CatalogTables]:
    client: DynamoDBClient = boto3.client("dynamodb")
    yield CatalogTables(client, "CatalogTable", "SeatsTable", "QueueTable")
    client.close()


def take_seat(tables: CatalogTables, number: int, status: str, expires_at: int | None = None) -> None:
    item: dict[str, Any] = {
        "performanceId": {"S": "night-sky.first"},
        "seatNumber": {"N": str(number)},
        "reservationId": {"S": "r1"},
        "userId": {"S": "u1"},
        "status": {"S": status},
    }
    if expires_at is not None:
        item["expiresAt"] = {"N": str(expires_at)}
    tables.client.put_item(TableName=tables.seats, Item=item)


def test_publishing_again_changes_nothing(tables: CatalogTables) -> None:
    first = publish_concerts(tables, [concert("first", "second")])
    again = publish_concerts(tables, [concert("first", "second")])

    assert outcomes(first) == [
        ("concert", "night-sky", "created"),
        ("performance", "night-sky.first", "created"),
        ("performance", "night-sky.second", "created"),
    ]
    assert {change.outcome for change in again.changes} == {"unchanged"}
    assert tables.performances("night-sky") == concert("first", "second").performances


def test_a_change_says_what_changed(tables: CatalogTables) -> None:
    publish_concerts(tables, [concert("first")])

    plan = publish_concerts(tables, [concert("first", price=150)])

    assert [change.detail for change in plan.changes if change.outcome == "changed"] == ["price 100 → 150"]
    assert tables.performances("night-sky")["first"]["price"] == 150


def test_a_dry_run_writes_nothing(tables: CatalogTables) -> None:
    plan = publish_concerts(tables, [concert("first")], dry_run=True)

    assert {change.outcome for change in plan.changes} == {"created"}
    assert tables.concert("night-sky") is None


def test_a_performance_that_the_file_no_longer_names_is_removed(tables: CatalogTables) -> None:
    publish_concerts(tables, [concert("first", "second")])

    plan = publish_concerts(tables, [concert("first")])

    assert ("performance", "night-sky.second", "removed") in outcomes(plan)
    assert tables.performances("night-sky").keys() == {"first"}


@pytest.mark.parametrize(("status", "expires_at"), [("SOLD", None), ("HELD", NOW + 86400)])
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (concert("second"), r"night-sky.first cannot be removed: 1 seat\(s\) are held or sold \(40\)"),
        (concert("first", seatsTotal=39), r"night-sky.first cannot shrink to 39 seats: 1 seat\(s\) .* \(40\)"),
        (concert("first", startsAt=NOW + 99), r"night-sky.first cannot change startsAt from .* \(40\)"),
        (
            concert("first", timezone="Asia/Tokyo"),
            r"night-sky.first cannot change timezone from Asia/Seoul to Asia/Tokyo",
        ),
        (concert("first", venue="Elsewhere"), r"night-sky.first cannot change venue from – to Elsewhere"),
    ],
)
def test_what_would_break_a_seat_is_refused_and_nothing_is_written(
    tables: CatalogTables, status: str, expires_at: int | None, wanted: Concert, told: str
) -> None:
    publish_concerts(tables, [concert("first")])
    take_seat(tables, 40, status, expires_at)

    with pytest.raises(Failure, match=told):
        publish_concerts(tables, [wanted])

    assert tables.performances("night-sky") == concert("first").performances


def test_a_hold_that_has_ended_by_the_clock_is_no_obstacle(tables: CatalogTables) -> None:
    publish_concerts(tables, [concert("first")])
    take_seat(tables, 40, "HELD", NOW - 1)

    publish_concerts(tables, [concert()])

    assert tables.performances("night-sky") == {}


def test_a_performance_may_shrink_to_its_last_taken_seat_and_change_its_price(tables: CatalogTables) -> None:
    publish_concerts(tables, [concert("first")])
    take_seat(tables, 40, "SOLD")

    publish_concerts(tables, [concert("first", seatsTotal=40, price=7)])

    assert tables.performances("night-sky") == concert("first", seatsTotal=40, price=7).performances


def test_a_capacity_is_set_without_touching_the_rest_of_the_queue(tables: CatalogTables) -> None:
    key = {"pk": {"S": "night-sky"}, "sk": {"S": "QUEUE"}}
    tables.client.put_item(TableName=tables.queue, Item={**key, "admitted": {"N": "12"}})

    plan = publish_concerts(tables, [concert(capacity=0)])
    again = publish_concerts(tables, [concert(capacity=0)])

    assert ("queue", "night-sky", "changed") in outcomes(plan)
    assert ("queue", "night-sky", "unchanged") in outcomes(again)
    item = tables.client.get_item(TableName=tables.queue, Key=key)["Item"]
    assert item == {**key, "admitted": {"N": "12"}, "capacity": {"N": "0"}}


def test_concerts_that_the_file_does_not_name_stay(tables: CatalogTables) -> None:
    publish_concerts(tables, [concert("first")])
    other = Concert({"pk": "CONCERT", "sk": "other", "title": "Other"}, {}, None)

    publish_concerts(tables, [other])

    assert tables.concert("night-sky") is not None
