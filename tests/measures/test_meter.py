"""The meter, on a DynamoDB in this process: it sees each call and bills what the call did."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from booking import aws
from lab.in_process import template
from lab.measure.meter import Meter
from lab.measure.prices import CALL_SECONDS, KICK_GB, LAMBDA_GB, LAMBDA_GB_SECOND, Bill


class Shop:
    """A table with an index, a client that is counted, and one that is not."""

    def __init__(self) -> None:
        self.quiet = aws.new_client("dynamodb")
        self.client = aws.new_client("dynamodb")
        self.meter = Meter(self.quiet)
        self.meter.attach(self.client.meta.events)
        self.quiet.create_table(
            TableName="shop",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "open", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "open",
                    "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )

    def bill(self, operation: str, **request: Any) -> Bill:
        """Do it, refused or not, and give its bill."""
        with self.meter.watching() as tally:
            try:
                getattr(self.client, operation)(**request)
            except ClientError:
                assert tally.calls[-1].error
        assert len(tally.calls) == 1
        return tally.bill


def big(name: str, size: int = 500, **more: Any) -> dict[str, Any]:
    return {"pk": {"S": name}, "note": {"S": "x" * (size - 6 - len(name))}, **more}


@pytest.fixture
def shop(environment: None) -> Iterator[Shop]:
    with mock_aws():
        yield Shop()


def test_put_is_billed_for_the_item_and_for_its_place_in_the_index(shop: Shop) -> None:
    assert shop.bill("put_item", TableName="shop", Item=big("a")).write_units == 1
    assert shop.bill("put_item", TableName="shop", Item=big("b", open={"S": "1"})).write_units == 2
    assert shop.bill("put_item", TableName="shop", Item=big("b", 3000, open={"S": "1"})).write_units == 3
    assert shop.bill("put_item", TableName="shop", Item=big("b")).write_units == 3 + 1


def test_transaction_of_three_items_of_500_bytes_takes_six_units(shop: Shop) -> None:
    puts = [{"Put": {"TableName": "shop", "Item": big(name)}} for name in "abc"]

    assert shop.bill("transact_write_items", TransactItems=puts).write_units == 6


def test_index_is_not_doubled_in_a_transaction(shop: Shop) -> None:
    put = {"Put": {"TableName": "shop", "Item": big("a", open={"S": "1"})}}

    assert shop.bill("transact_write_items", TransactItems=[put]).write_units == 2 + 1


def test_condition_check_is_billed_like_a_write(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a", 1500))
    check = {
        "ConditionCheck": {
            "TableName": "shop",
            "Key": {"pk": {"S": "a"}},
            "ConditionExpression": "attribute_exists(pk)",
        }
    }

    assert shop.bill("transact_write_items", TransactItems=[check]).write_units == 4


def test_failed_condition_is_billed_for_the_larger_item_and_changes_no_index(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a"))
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}

    refused = shop.bill("put_item", TableName="shop", Item=big("a", 2500, open={"S": "1"}), **condition)

    assert refused.write_units == 3


def test_refused_transaction_is_billed_for_all_of_its_writes(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a"))
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    puts = [{"Put": {"TableName": "shop", "Item": big(name), **condition}} for name in "ab"]

    assert shop.bill("transact_write_items", TransactItems=puts).write_units == 4


def test_what_is_malformed_costs_nothing(shop: Shop) -> None:
    assert shop.bill("query", TableName="shop", KeyConditionExpression="nonsense").read_units == 0


def test_update_and_delete_are_billed_for_what_was_there(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a", 2500))
    key = {"TableName": "shop", "Key": {"pk": {"S": "a"}}}

    short = {"UpdateExpression": "SET note = :short", "ExpressionAttributeValues": {":short": {"S": "x"}}}

    assert shop.bill("update_item", **short, **key).write_units == 3
    assert shop.bill("delete_item", **key).write_units == 1


def test_read_is_billed_for_the_whole_item_whatever_is_asked_of_it(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a", 8000))
    key = {"TableName": "shop", "Key": {"pk": {"S": "a"}}}

    assert shop.bill("get_item", **key).read_units == 1
    assert shop.bill("get_item", ConsistentRead=True, **key).read_units == 2
    assert shop.bill("get_item", ProjectionExpression="pk", **key).read_units == 1
    assert shop.bill("get_item", TableName="shop", Key={"pk": {"S": "none"}}).read_units == 0.5


def test_batch_is_billed_for_each_item_on_its_own_and_for_each_that_is_missing(shop: Shop) -> None:
    shop.quiet.put_item(TableName="shop", Item=big("a", 500))
    shop.quiet.put_item(TableName="shop", Item=big("b", 5000))

    asked = {"shop": {"Keys": [{"pk": {"S": name}} for name in ("a", "b", "none")]}}

    assert shop.bill("batch_get_item", RequestItems=asked) == Bill(read_units=0.5 + 1 + 0.5, items_read=2)


def test_count_and_filter_are_billed_for_every_item_that_they_pass(shop: Shop) -> None:
    for name in "abcd":
        shop.quiet.put_item(TableName="shop", Item=big(name, 3000))
    scan = {"TableName": "shop", "ConsistentRead": True}
    none = {
        "FilterExpression": "pk = :none",
        "ExpressionAttributeValues": {":none": {"S": "none"}},
    }

    assert shop.bill("scan", **scan).read_units == 3
    assert shop.bill("scan", Select="COUNT", **scan).read_units == 3
    assert shop.bill("scan", **none, **scan).read_units == 3


def test_calls_outside_a_watch_are_not_counted_and_each_watcher_sees_all_inside_its_own(shop: Shop) -> None:
    with shop.meter.watching() as outer:
        shop.client.get_item(TableName="shop", Key={"pk": {"S": "a"}})
        with shop.meter.watching() as inner:
            shop.client.get_item(TableName="shop", Key={"pk": {"S": "b"}})
    shop.client.get_item(TableName="shop", Key={"pk": {"S": "c"}})

    assert (len(outer.calls), len(inner.calls)) == (2, 1)


def test_bill_is_priced_by_the_list() -> None:
    million = 1_000_000

    assert round(Bill(write_units=1).usd * million, 6) == 0.625
    assert round(Bill(read_units=1).usd * million, 6) == 0.125
    assert round(Bill(http_calls=1).usd * million, 6) == 1.0
    assert round(Bill(lambda_calls=1).usd * million, 6) == round(
        0.2 + CALL_SECONDS * LAMBDA_GB * LAMBDA_GB_SECOND * million, 6
    )
    assert round((Bill(kicks=1).usd - Bill(lambda_calls=1).usd) * million, 6) == round(
        CALL_SECONDS * (KICK_GB - LAMBDA_GB) * LAMBDA_GB_SECOND * million, 6
    )
    assert Bill(transitions=1).usd == 0
    assert round(Bill(transitions=1).usd_with_transitions * million, 6) == 25.0


def test_functions_have_the_memory_that_is_priced() -> None:
    assert template()["Globals"]["Function"]["MemorySize"] == LAMBDA_GB * 1024
    assert template()["Resources"]["AdvanceQueueFunction"]["Properties"]["MemorySize"] == KICK_GB * 1024
