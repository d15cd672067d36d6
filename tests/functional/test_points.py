"""The wallet: one name for each entry for ever, and the end of its chain whatever the pages look like."""

from typing import Any

import pytest

from booking import dynamodb, points
from booking.dynamodb import delete, write
from booking.errors import BalanceLimitExceeded, IdempotencyKeyReused, InsufficientPoints
from booking.settings import settings
from tests.world import START

LATER = START + points.KEY_LIFE_SECONDS + 1


@pytest.fixture(autouse=True)
def _cloud(cloud: None) -> None:
    pass


def purge() -> None:
    """Do what the TTL does: forget the guards of requests."""
    answer = dynamodb.client().scan(TableName=settings().points_table)
    for raw in answer["Items"]:
        if raw["sk"]["S"].startswith("KEY#REQUEST#"):
            write(delete(settings().points_table, {"userId": raw["userId"]["S"], "sk": raw["sk"]["S"]}))


def test_a_key_that_was_forgotten_writes_an_entry_of_another_name() -> None:
    first = points.charge("ann", 5, "k", START)
    purge()

    second = points.charge("ann", 5, "k", LATER)

    assert (first.replayed, second.replayed) == (False, False)
    assert first.item["entryId"] != second.item["entryId"]
    assert points.balance("ann") == 10


def test_a_key_within_its_life_replays_the_same_entry() -> None:
    first = points.charge("ann", 5, "k", START)
    again = points.charge("ann", 5, "k", LATER - 2)

    assert (again.replayed, again.item["entryId"]) == (True, first.item["entryId"])
    with pytest.raises(IdempotencyKeyReused):
        points.charge("ann", 6, "k", START)


def test_a_forgotten_key_that_cannot_be_afforded_again_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own entry of long ago is the newest, which looks like a twin that is being written at this moment."""
    monkeypatch.setattr("booking.dynamodb.time.sleep", lambda _: pytest.fail("waits for a twin that will never show"))
    points.charge("ann", 5, "charge", START)
    points.use("ann", 5, None, "k", START)
    purge()

    with pytest.raises(InsufficientPoints):
        points.use("ann", 5, None, "k", LATER)


def test_a_forgotten_charge_that_would_pass_the_limit_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("booking.dynamodb.time.sleep", lambda _: pytest.fail("waits for a twin that will never show"))
    points.charge("ann", points.BALANCE_LIMIT, "k", START)
    purge()

    with pytest.raises(BalanceLimitExceeded):
        points.charge("ann", points.BALANCE_LIMIT, "k", LATER)


@pytest.mark.parametrize("empty", [1, 3])
def test_an_empty_page_is_not_the_end_of_the_chain(monkeypatch: pytest.MonkeyPatch, empty: int) -> None:
    """A strongly consistent, descending query may answer an empty page and a key to go on from."""
    points.charge("ann", 5, "k", START)
    query: Any = dynamodb.client().query
    pages = 0

    def sometimes_empty(**request: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages <= empty:
            return {"Items": [], "LastEvaluatedKey": {"userId": {"S": "ann"}, "sk": {"S": "ENTRY#000000000002"}}}
        return query(**request)

    monkeypatch.setattr(dynamodb.client(), "query", sometimes_empty)

    assert points.balance("ann") == 5
    assert pages == empty + 1


def test_nobody_without_an_entry_is_read_for_ever() -> None:
    assert points.balance("nobody") == 0
