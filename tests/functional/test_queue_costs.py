"""What joining, polling and ticking cost, in units counted from the recorded calls and the sizes of the items.

A write unit is 1 KB, a read unit 4 KB strongly consistent and half of it if not; a query rounds its sum once; a refused
condition bills as well.
"""

import json
import math
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from booking import memory
from booking.dynamodb import client, get, put, query_all, write
from booking.errors import RateLimited
from booking.queue import admission, driver, items, line, tick, view
from booking.queue.place import close_number
from booking.queue.token import Turn
from tests.world import START

CONCERT = "yorushika-2026-tour"

type Calls = list[tuple[str, dict[str, Any]]]


def size(item: dict[str, Any]) -> int:
    """Give the bytes of an item in DynamoDB's own count; numbers at their most."""
    return sum(len(name) + len(str(value)) + (1 if isinstance(value, int) else 0) for name, value in item.items())


def units(calls: Calls) -> tuple[float, float]:
    """Give read and write units."""
    reads = writes = 0.0
    for name, parameters in calls:
        half = 1 if parameters.get("ConsistentRead") else 2
        if name == "GetItem":
            reads += 1 / half
        elif name == "Query":
            values = parameters["ExpressionAttributeValues"]
            items = query_all(parameters["TableName"], "#pk = :pk", pk=values[":pk"]["S"])
            reads += max(1, math.ceil(sum(map(size, items)) / 4096)) / half
        else:
            writes += 1
    return reads, writes


@pytest.fixture(autouse=True)
def _no_kicks(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)


def fill_and_wait(ahead: int) -> Turn:
    """Take both places and have `ahead` numbers before the next fan, in a line that moves one number each 2 s."""
    for user in ("ann", "ben"):
        line.take_place(CONCERT, user, START)
        memory.forget()
    write(put("QueueTable", items.counter_key(CONCERT) | {"issued": 2 + ahead, "issuedAt": START}))
    queue = get("QueueTable", items.queue_key(CONCERT)) or {}
    write(put("QueueTable", queue | {"pace": 2_000, "active": 2, "drivenUntil": START + 9_999}))
    return line.take_place(CONCERT, "cem", START)[0].turn


def test_joining_costs_three_writes_and_one_read(calls: Calls) -> None:
    fill_and_wait(500)
    memory.forget()
    items.recent_queue(CONCERT, START)
    calls.clear()

    line.take_place(CONCERT, "dan", START)

    assert units(calls) == (0.5, 3)


def test_whoever_joins_far_behind_does_not_read_the_line_though_a_place_is_free(calls: Calls) -> None:
    fill_and_wait(admission.FRONT + 10)
    queue = get("QueueTable", items.queue_key(CONCERT)) or {}
    write(put("QueueTable", queue | {"active": 1}))
    memory.forget()
    calls.clear()

    line.take_place(CONCERT, "dan", START)

    assert "Query" not in [name for name, _ in calls]


def test_who_is_beyond_a_missing_number_is_looked_for_from_there_on_and_only_where_one_is_missing(calls: Calls) -> None:
    for number in (70_010, 71_200):
        write(put("QueueTable", items.token_key(CONCERT, number) | {"number": number}))
    calls.clear()

    found = [set(items.read_tokens(CONCERT, 70_001, last, 71_900, drawn)) for last, drawn in ((70_010, 0), (70_020, 0))]
    queries = len(calls)
    drawn = set(items.read_tokens(CONCERT, 70_001, 70_020, 71_900, 70_020))

    assert found == [{70_010}, {70_010, 71_200}]
    assert (queries, len(calls) - queries) == (1 + 1 + 3, 1)
    assert drawn == {70_010}


def test_a_poll_costs_at_most_one_write_and_half_a_read_and_half_a_write_on_average(calls: Calls) -> None:
    """Over a wait of ten minutes, polling as told, each time in a process that remembers nothing."""
    turn, at, polls, written = fill_and_wait(300), START, 0, 0.0
    random.seed(5)
    while not turn.active:
        admitted = min(turn.number, 2 + (at - START) // 2)
        write(put("QueueTable", (get("QueueTable", items.queue_key(CONCERT)) or {}) | {"admitted": admitted}))
        memory.forget()
        calls.clear()

        place, seen = line.look(turn, at)
        shown = view.numbers(place, seen, at)

        reads, writes = units(calls)
        assert (reads, writes) <= (0.5, 1)
        turn, polls, written = place.turn, polls + 1, written + writes
        at += shown["pollAfterSeconds"]

    assert 590 <= at - START <= 640
    assert written / polls <= 0.5

    memory.forget()
    calls.clear()
    line.look(turn, at)
    assert units(calls) == (0.5, 0)


def test_a_tick_reads_the_window_only_and_writes_nothing_when_nothing_moves(calls: Calls) -> None:
    fill_and_wait(0)
    for number in range(80):
        line.take_place(CONCERT, f"fan-{number}", START)
    tick.tick(CONCERT, lambda: START + 1)
    calls.clear()

    tick.tick(CONCERT, lambda: START + 3)

    assert [name for name, _ in calls] == ["GetItem", "GetItem", "Query"]
    window = calls[2][1]["ExpressionAttributeValues"]
    assert (int(window[":first"]["S"]), int(window[":last"]["S"])) == (1, 2 + admission.LOOKAHEAD)


def test_the_size_of_a_token_is_what_the_simulation_reckons_with() -> None:
    simulation = pytest.importorskip("lab.simulation")
    user = "5f0c1a52-0b5e-4a7e-9c39-1f2d3c4b5a69"
    place, *_ = line.take_place(CONCERT, user, START)
    token = get("QueueTable", items.token_key(CONCERT, place.turn.number)) or {}

    assert size(token | {"lastSeenAt": START}) <= simulation.TOKEN_BYTES
    assert size(get("QueueTable", items.queue_key(CONCERT)) or {}) <= simulation.QUEUE_BYTES
    close_number(CONCERT, 999_999, START)
    assert size(get("QueueTable", items.token_key(CONCERT, 999_999)) or {}) <= simulation.TOMBSTONE_BYTES


def test_past_the_counters_ceiling_a_fan_is_told_to_come_back_and_then_gets_a_place_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy, asked = {"ann", "ben"}, 0

    def throttled(params: dict[str, Any], **_: Any) -> None:
        nonlocal asked
        body = json.loads(params["body"])
        if busy and body.get("Key", {}).get("sk", {}).get("S") == "COUNTER":
            asked += 1
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")

    client().meta.events.register("before-call.dynamodb.UpdateItem", throttled)

    pauses = set()
    for user in sorted(busy) * 10:
        with pytest.raises(RateLimited) as refused:
            line.take_place(CONCERT, user, START)
        pauses.add(refused.value.retry_after)
    assert pauses <= {1, 2, 3, 4, 5}
    assert len(pauses) > 1, "those who are sent away do not all come back at once"
    assert get("QueueTable", items.counter_key(CONCERT)) is None, "nothing was done"

    busy.clear()
    assert [line.take_place(CONCERT, user, START)[0].turn.number for user in ("ben", "ann")] == [1, 2]


def test_queues_of_more_than_a_hundred_concerts_are_read_a_hundred_at_once(calls: Calls) -> None:
    items.read_queues([f"concert-{number}" for number in range(201)])

    asked = [request["RequestItems"]["QueueTable"]["Keys"] for name, request in calls if name == "BatchGetItem"]
    assert [len(keys) for keys in asked] == [100, 100, 1]
