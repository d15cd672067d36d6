"""Where the counting happens: the whole booking in this process, as the tests have it, with a meter on all it asks for.

Time stands still unless somebody sleeps, so nothing depends on the machine's speed or the time of day, and the counts
are the same on every run.
"""

import contextlib
import io
import itertools
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any, Self
from unittest.mock import patch

from booking import aws, clock, dynamodb, ids, seats
from booking import settings as settings_module
from booking.observability import logger, metrics
from booking.queue import items
from lab.in_process import forget_process
from lab.measure.meter import Meter, Tally
from lab.measure.prices import Bill
from tests import world as in_process
from tests.world import Answer

WORKFLOW_SECONDS = 0.3
"""How long the workflow of a payment is taken to last: two steps of 0.15 s, their start by Step Functions included."""
CAPACITY = 500

CONCERT = "starfall-symphony"
LABEL = "2036-05-10"
PERFORMANCE = f"{CONCERT}.{LABEL}"
PRICE = 12_000
SEATS = 50


class _Time(in_process.Time):
    """Tells the world when a function sleeps."""

    world: "World"

    def sleep(self, seconds: float) -> None:
        self.world.slept(seconds)


class World(in_process.World):
    """A deployed stack in this process, with a meter on everything that its functions ask for.

    There is one concert, with one performance of 50 seats. Executions go on while a function sleeps, and end with the
    call that started them.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        time = _Time()
        time.world = self
        super().__init__(time, QueueCapacity=str(capacity))
        self.in_workflow = False
        self._executions: list[tuple[float, dict[str, Any]]] = []
        self._meters: list[Meter] = []
        self._users = itertools.count(1)

    def __enter__(self) -> Self:
        """Deploy, and start counting."""
        random.seed(6)
        return super().__enter__()

    def quiet(self) -> list[Any]:
        """Let the functions write their metrics, as they must, where nobody reads them; they log nothing here."""
        before = logger.log_level
        logger.setLevel("CRITICAL")
        log_again = contextlib.ExitStack()
        log_again.callback(logger.setLevel, before)
        namespace = patch.object(metrics.provider, "namespace", "OstConcertBooking")
        return [contextlib.redirect_stdout(io.StringIO()), namespace, log_again]

    def connect(self) -> None:
        """Make the process's clients, and have the meter see what they do."""
        if not self._meters:
            self._meters.append(Meter(aws.new_client("dynamodb")))
        super().connect()
        for service in in_process.SERVICES:
            self.meter.attach(aws.client(service).meta.events)
        self.wire.stand_ins["stepfunctions"] = self._started

    def publish(self, *_: Any, **__: Any) -> None:
        """Publish the concert that is measured with, and no other."""
        super().publish(CONCERT, {LABEL: {"price": PRICE, "seatsTotal": SEATS}})

    @property
    def meter(self) -> Meter:
        """What counts."""
        return self._meters[0]

    @property
    def now(self) -> float:
        """The time, in epoch seconds."""
        return self.time.at

    @contextlib.contextmanager
    def measured(self, *, cold: bool = False) -> Iterator[Tally]:
        """Count what is asked for inside; `cold`, in a process that has just started."""
        if cold:
            forget_process()
            self.connect()
        with self.meter.watching() as tally:
            yield tally

    def call(self, function: str, user: str = "", body: Any = None, **options: Any) -> Answer:
        """Call the API, as a browser does. Workflows that the call started run to their end."""
        self.meter.add(Bill(http_calls=1, lambda_calls=1))
        answer = super().call(function, user, body, **options)
        self._run_executions(until=float("inf"))
        return answer

    def demand(self, status: int, function: str, user: str = "", body: Any = None, **options: Any) -> Any:
        """Call the API and return the body of the answer, which must have this status."""
        answer = self.call(function, user, body, **options)
        if answer.status != status:
            raise RuntimeError(f"{function} answered {answer}")
        return answer.body

    def user(self) -> str:
        """Name a fan whom nobody has met."""
        return str(uuid.UUID(int=(1 << 124) + next(self._users)))

    def fill_line(self, active: int, waiting: int = 0, pace: int = 1000) -> None:
        """Make a line: `active` fans are in, `waiting` behind them, and a driver is at work."""
        at = int(self.now)
        for number in range(1, active + waiting + 1):
            token = {"userId": self.user(), "number": number, "status": "WAITING", "expiresAt": at + 600}
            token |= {"joinedAt": at - 60, "purgeAt": at + 600 + clock.DAY}
            if number <= active:
                token |= {"status": "ACTIVE", "activeUntil": at + 600}
            self.put("queue", {**items.token_key(CONCERT, number), **token})
        queue = {"capacity": active, "admitted": active, "low": 0, "active": active, "entered": active, "lapsed": 0}
        queue |= {"pace": pace, "advancedAt": at, "drivenUntil": at + 3600}
        if waiting:
            queue |= {"sampleAt": at, "sampleFrom": active}
        self.put("queue", {**items.queue_key(CONCERT), **queue, "driver": "00000000-0000-4000-8000-000000000000"})
        self.put("queue", {**items.counter_key(CONCERT), "issued": active + waiting})

    def move_line(self, admitted: int) -> None:
        """Let fans in up to a number; processes notice within a second."""
        table, key = settings_module.settings().queue_table, items.queue_key(CONCERT)
        dynamodb.write(dynamodb.update(table, key, "SET #admitted = :to", None, to=admitted))

    def take_seats(self, numbers: range, performance: str = PERFORMANCE) -> None:
        """Have other fans hold seats."""
        for number in numbers:
            user, at = self.user(), clock.now()
            name = ids.reservation_id(user, performance, [number], number, 0, at)
            dynamodb.write(seats.hold(performance, number, reservation_id=name, user_id=user, at=at, until=at + 300))

    def sell_out(self, performance: str, seats_total: int) -> dict[int, str]:
        """Have other fans own seats, from the first; return whose each is, past the meter."""
        names = seats.partitions(performance, seats_total)
        bought = {}
        for number in range(1, seats_total + 1):
            user = self.user()
            bought[number] = ids.reservation_id(user, performance, [number], number, 0, clock.now())
            item = {"performanceId": names[number // seats.BLOCK], "seatNumber": number, "userId": user}
            self.put("seats", item | {"reservationId": bought[number], "status": "SOLD", "price": PRICE})
        return bought

    def slept(self, seconds: float) -> None:
        """Bill a function for sleeping, while executions go on."""
        self.meter.add(Bill(slept_seconds=seconds))
        woken = self.now + seconds
        self._run_executions(until=woken)
        self.time.at = woken

    def invoke_step(self, body: str) -> tuple[str, bool]:
        """Run a step of the workflow, and bill its function."""
        self.meter.add(Bill(lambda_calls=1))
        return super().invoke_step(body)

    def _started(self, body: bytes) -> tuple[int, str]:
        """Take an execution; it runs when somebody sleeps, or when the call is over."""
        self._executions.append((self.now + WORKFLOW_SECONDS, json.loads(body)))
        return 200, json.dumps({"executionArn": "held", "startDate": self.now})

    def _run_executions(self, until: float) -> None:
        """Run what was to be over by then; every state that is entered is a transition."""
        while self._executions and self._executions[0][0] <= until:
            due, asked = self._executions.pop(0)
            self.time.at = max(self.now, due)
            self.in_workflow = True
            del self.wire.stand_ins["stepfunctions"]
            aws.client("stepfunctions").start_execution(**asked)
            self.wire.stand_ins["stepfunctions"] = self._started
            self.in_workflow = False
            entered = [each for each in self.history(asked["name"]) if each["type"].endswith("StateEntered")]
            self.meter.add(Bill(transitions=len(entered)))
