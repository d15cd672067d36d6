"""A hundred charges a second of one user: how many transactions they take, and that none is refused.

Each request is the code as it is, on a thread of its own; only one runs at a time, and whoever calls DynamoDB or sleeps
waits for a virtual clock. What answers is one partition: reads take 4 ms, transactions 10 ms, for 6 of which they are
in flight on their items; one that meets another there is cancelled at once, as DynamoDB does.
"""

import heapq
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from booking import dynamodb, points
from booking.errors import BookingError

SECONDS, A_SECOND = 10, 100
READ_SECONDS, WAY_SECONDS, IN_FLIGHT_SECONDS = 0.004, 0.002, 0.006


class VirtualTime:
    """Runs threads one at a time, in the order in which their sleeps end."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, threading.Semaphore]] = []
        self._idle = threading.Semaphore(0)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        turn = threading.Semaphore(0)
        heapq.heappush(self._due, (self.now + seconds, next(self._order), turn))
        self._idle.release()
        turn.acquire()

    def start(self, at: float, work: Callable[[], None]) -> None:
        """Have a thread begin its work at a time."""
        turn = threading.Semaphore(0)
        heapq.heappush(self._due, (at, next(self._order), turn))

        def run() -> None:
            turn.acquire()
            work()
            self._idle.release()

        threading.Thread(target=run, daemon=True).start()

    def run(self) -> None:
        """Let time pass until nobody waits for anything."""
        while self._due:
            self.now, _, turn = heapq.heappop(self._due)
            turn.release()
            self._idle.acquire()


class OnePartition:
    """The items of one user, as DynamoDB's calls see them."""

    def __init__(self, time: VirtualTime) -> None:
        self.items: dict[str, Any] = {}
        self.calls: Counter[str] = Counter()
        self._time = time
        self._in_flight: set[str] = set()

    def query(self, **_: Any) -> dict[str, Any]:
        self.calls["Query"] += 1
        self._time.sleep(READ_SECONDS)
        entries = [sk for sk in self.items if sk.startswith("ENTRY#")]
        return {"Items": [self.items[max(entries)]] if entries else []}

    def transact_write_items(self, TransactItems: Any, **_: Any) -> None:  # noqa: N803 - as the SDK calls it
        self.calls["TransactWriteItems"] += 1
        puts = {one["Put"]["Item"]["sk"]["S"]: one["Put"]["Item"] for one in TransactItems}
        self._time.sleep(WAY_SECONDS)
        if met := self._in_flight & puts.keys():
            self._time.sleep(WAY_SECONDS)
            self._cancel([{"Code": "TransactionConflict" if sk in met else "None"} for sk in puts])
        self._in_flight |= puts.keys()
        self._time.sleep(IN_FLIGHT_SECONDS)
        self._in_flight -= puts.keys()
        known = {sk: self.items[sk] for sk in puts if sk in self.items}
        if not known:
            self.items |= puts
        self._time.sleep(WAY_SECONDS)
        if known:
            self._cancel(
                [
                    {"Code": "ConditionalCheckFailed", "Item": known[sk]} if sk in known else {"Code": "None"}
                    for sk in puts
                ]
            )

    @staticmethod
    def _cancel(reasons: list[dict[str, Any]]) -> None:
        error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(error, "TransactWriteItems")


@pytest.mark.usefixtures("environment")
def test_a_hundred_charges_a_second_of_one_user_are_all_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    time = VirtualTime()
    partition = OnePartition(time)
    monkeypatch.setattr(dynamodb, "client", lambda: partition)
    monkeypatch.setattr(dynamodb, "time", time)
    monkeypatch.setattr(dynamodb, "random", random.Random(7))
    outcomes: Counter[str] = Counter()
    waits: list[float] = []

    def charge(number: int) -> None:
        began = time.now
        try:
            points.charge("ann", 1, f"key {number}", 1_800_000_000)
            outcomes["charged"] += 1
        except BookingError as error:
            outcomes[error.code] += 1
        waits.append(time.now - began)

    chance = random.Random(7)
    for number in range(SECONDS * A_SECOND):
        time.start(chance.uniform(0, SECONDS), lambda number=number: charge(number))  # type: ignore[misc]
    time.run()

    with capsys.disabled():
        print(f"\n{dict(outcomes)} {dict(partition.calls)} longest {max(waits):.1f} s ")  # noqa: T201
    assert outcomes == {"charged": SECONDS * A_SECOND}
    assert partition.calls["TransactWriteItems"] <= 8 * SECONDS * A_SECOND
    newest = partition.items[max(sk for sk in partition.items if sk.startswith("ENTRY#"))]
    assert newest["balanceAfter"] == {"N": str(SECONDS * A_SECOND)}
