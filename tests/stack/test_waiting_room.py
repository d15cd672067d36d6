"""The waiting room on the deployed stack: five places, sixty fans, a third of whom vanish without a word."""

import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from booking import clock
from booking.queue import items
from tests.stack.local_stack import SHORT_TURNS, LocalStack, PublishedConcert, Stacks
from tools.ost.fans import Fan

CAPACITY, FANS = 5, 60
IN_FLIGHT = 8
PATIENCE_SECONDS = 300
"""Each of the ten who vanish while they wait may keep a place for its minute, two of them one after the other."""
SAMPLE_SECONDS = 0.1
FILLED_WITHIN = 5.0
LATE_SECONDS = 4
"""A poll that the local cloud answers this much late may find the place gone: it has taken half of a short life."""


@dataclass
class Watch:
    """What the table said, every tenth of a second: when each number was let in, came in and was over."""

    stack: LocalStack
    concert_id: str
    most_active: int = 0
    let_in: dict[int, float] = field(default_factory=dict)
    came_in: dict[int, float] = field(default_factory=dict)
    over: dict[int, float] = field(default_factory=dict)
    deadline: dict[int, int] = field(default_factory=dict)
    samples: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._table, self._dynamodb = self.stack.table("queue"), self.stack.cloud.dynamodb
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self) -> None:
        key = {name: {"S": value} for name, value in items.queue_key(self.concert_id).items()}
        queue = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        tokens = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": items.token_key(self.concert_id, 0)["pk"]}},
            ConsistentRead=True,
        )["Items"]
        now, active = time.time(), 0
        for number in range(1, int(queue.get("admitted", {"N": "0"})["N"]) + 1):
            self.let_in.setdefault(number, now)
        for token in tokens:
            number, status = int(token["sk"]["S"]), token["status"]["S"]
            if status in {"FINISHED", "EXPIRED"}:
                self.over.setdefault(number, now)
                continue
            self.deadline[number] = int(token["expiresAt"]["N"])
            if status == "ACTIVE":
                self.came_in.setdefault(number, now)
                active += self.deadline[number] > now
        self.most_active, self.samples = max(self.most_active, active), self.samples + 1

    def seconds_to_fill(self) -> list[float]:
        """How long each place that came free stood empty: until the next fan came in, or, when that fan had vanished,
        was let in. A vanished fan's place comes free when its time is over."""
        free = sorted(
            min(at, self.deadline.get(number, at)) for number, at in self.over.items() if number in self.let_in
        )
        filled = sorted(self.came_in.get(number, at) for number, at in self.let_in.items())
        return [max(0.0, later - earlier) for earlier, later in zip(free, filled[CAPACITY:], strict=False)]


@dataclass
class Behaviour:
    """What one fan does: how long they stay, and whether they pay, or vanish while waiting or while in."""

    fan: Fan
    stays: float
    pays: bool
    vanishes: str | None
    number: int = 0
    entered: bool = False


class Crowd:
    """Sixty fans who poll as they are told, with a few requests in flight at once."""

    def __init__(self, stack: LocalStack, concert: PublishedConcert) -> None:
        self.stack, self.concert = stack, concert
        self.in_flight = threading.Semaphore(IN_FLIGHT)
        self.latencies: list[float] = []
        self.late = 0
        """How often the local cloud kept a fan so long that the place lapsed."""
        self.seats = iter(range(1, 51))
        self.deadline = time.monotonic() + PATIENCE_SECONDS

    def call(self, fan: Fan, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        with self.in_flight:
            started = time.monotonic()
            answer = self.stack.call(fan, method, path, body, **more)
            self.latencies.append(time.monotonic() - started)
        return answer

    def join(self, who: Behaviour) -> dict[str, Any]:
        answer = self.call(who.fan, "POST", f"/concerts/{self.concert.concert_id}/queue-tokens")
        assert answer.status_code in {httpx.codes.CREATED, httpx.codes.OK}, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def live(self, who: Behaviour) -> None:
        path = f"/concerts/{self.concert.concert_id}/queue-tokens"
        view = self.join(who)
        while view["status"] != "ACTIVE":
            if who.vanishes == "waiting":
                return
            assert time.monotonic() < self.deadline, f"still at position {view['position']}"
            answered = time.monotonic()
            time.sleep(view["pollAfterSeconds"])
            answer = self.call(who.fan, "GET", f"{path}/current", queue_token=view["token"])
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                late = time.monotonic() - answered - view["pollAfterSeconds"]
                assert late > LATE_SECONDS, f"a fan who polled as told lost the place: {answer.text}"
                self.late += 1
                view = self.join(who)
                continue
            assert answer.status_code == httpx.codes.OK, answer.text
            view = answer.json()
        who.entered = True
        if who.vanishes:
            return
        time.sleep(who.stays)
        if who.pays:
            answer = self.pay(who.fan, view["token"])
        else:
            answer = self.call(who.fan, "DELETE", f"{path}/current", queue_token=view["token"])
        if answer.status_code == httpx.codes.UNAUTHORIZED and time.time() >= clock.epoch_seconds(view["activeUntil"]):
            self.late += 1
        else:
            assert answer.is_success, answer.text

    def pay(self, fan: Fan, token: str) -> httpx.Response:
        body = {"performanceId": self.concert.performance_id, "seatNumbers": [next(self.seats)]}
        held = self.call(fan, "POST", "/reservations", body, queue_token=token)
        if not held.is_success:
            return held
        self.call(fan, "POST", "/points/charges", {"amount": self.concert.price}, key="charge")
        return self.call(fan, "POST", "/payments", {"reservationId": held.json()["reservationId"]}, key="pay")


@pytest.mark.waits
def test_five_places_and_sixty_fans_of_whom_a_third_vanish(
    stacks: Stacks, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = stacks(SHORT_TURNS)
    concert = stack.publish_concert(seats=50, capacity=CAPACITY)
    chance = random.Random(3)
    fans = [
        Behaviour(fan, chance.uniform(0.5, 3), chance.random() < 0.25, vanishes)
        for fan, vanishes in zip(stack.fans(FANS), [None, "waiting", None, None, "active", None] * 10, strict=True)
    ]
    crowd = Crowd(stack, concert)
    stack.warm(lambda: stack.http.get(f"/concerts/{concert.concert_id}"), IN_FLIGHT)

    with Watch(stack, concert.concert_id) as watch, ThreadPoolExecutor(FANS) as pool:
        for ended in [pool.submit(crowd.live, who) for who in fans]:
            ended.result()

    assert watch.most_active <= CAPACITY, f"{watch.most_active} were active"
    assert all(who.entered for who in fans if who.vanishes != "waiting"), "every fan who is present comes in"
    assert set(watch.came_in) <= set(watch.let_in), "nobody comes in before being let in"
    let_in = [watch.let_in[number] for number in sorted(watch.let_in)]
    assert let_in == sorted(let_in), "fans are let in in the order of joining"
    seconds = sorted(watch.seconds_to_fill())
    usual, slowest = statistics.median(seconds), seconds[int(0.95 * len(seconds))]
    slow = sorted(crowd.latencies)[int(0.95 * len(crowd.latencies))]
    record_property("seconds_to_fill_a_place", {"median": usual, "p95": slowest, "call_p95": slow})
    with capsys.disabled():
        print(  # noqa: T201 - the measurement is what the test is run for
            f"\n{watch.samples} samples, at most {watch.most_active} active; a place filled in {usual:.1f} s (median), "
            f"{slowest:.1f} s (95th percentile); a call took {slow:.1f} s (95th percentile), "
            f"which cost {crowd.late} places"
        )
    assert slowest <= FILLED_WITHIN + 3 * slow, "the local cloud's own slowness is three calls: leave, tick, poll"
