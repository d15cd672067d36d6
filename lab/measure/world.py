"""Where the counting happens: the real handlers over an in-process DynamoDB, with a clock that stands still.

Nothing here depends on the machine's speed or the time of day, so the counts are the same on every run.
"""

import contextlib
import io
import itertools
import json
import os
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from moto import mock_aws

from booking import aws, catalog, clock, dynamodb, ids, payments, points, reservations, seats
from booking import settings as settings_module
from booking.observability import logger, metrics
from booking.queue import items, line, place, token
from lab.in_process import forget_process, handler, template
from lab.measure.meter import Emitter, Meter, Tally
from lab.measure.prices import Bill
from tools.ost.paths import ROOT

REGION = "us-east-1"
NOW = 1_796_119_200
STEP_SECONDS = 0.15
"""How long a step of the workflow is taken to last, its start by Step Functions included."""
CAPACITY = 500

CONCERT = "starfall-symphony"
LABEL = "2036-05-10"
PERFORMANCE = f"{CONCERT}.{LABEL}"
PRICE = 12_000
SEATS = 50

type Handler = Callable[[dict[str, Any], Any], Any]


class Context:
    """What Lambda tells a handler about its invocation."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"


def event(
    method: str,
    path: str,
    *,
    user: str | None = None,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    **headers: str,
) -> dict[str, Any]:
    """Make what API Gateway sends to a function. Header names are written with underscores."""
    request: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "headers": {"accept": "application/json", "content-type": "application/json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": Context.aws_request_id,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if query:
        request["queryStringParameters"] = dict(query)
    if user:
        request["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": user}, "scopes": None}}
    if body is not None:
        request["body"] = json.dumps(body)
    return request


class World:
    """A deployed stack in this process, with a meter on everything that its functions ask for.

    Use as a context manager. `now` is its time; it moves only when somebody sleeps, or by `wait`.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.now: float = NOW
        self.meter: Meter
        self.looking: Any
        self.in_workflow = False
        self._capacity = capacity
        self._running = contextlib.ExitStack()
        self._executions: list[tuple[float, Iterator[None]]] = []
        self._users = itertools.count(1)

    def __enter__(self) -> "World":
        """Make the tables of the template, publish a concert, and start counting."""
        stack = self._running
        stack.enter_context(mock.patch.dict(os.environ, self._environment()))
        stack.enter_context(mock_aws())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(mock.patch.object(clock, "time", SimpleNamespace(time=lambda: self.now)))
        watch = partial(payments.watch, sleep=self._sleep, monotonic=lambda: self.now)
        stack.enter_context(mock.patch.object(payments, "watch", watch))
        level = logger.log_level
        logger.setLevel("CRITICAL")
        stack.callback(logger.setLevel, level)
        stack.enter_context(mock.patch.object(metrics.provider, "namespace", "OstConcertBooking"))
        random.seed(6)
        aws.session.cache_clear()
        stack.callback(aws.session.cache_clear)
        forget_process()
        stack.callback(forget_process)
        self.looking = aws.new_client("dynamodb")
        self.meter = Meter(self.looking)
        self.meter.attach(aws.session().events)
        events: Emitter = aws.session().events
        events.register("before-call.lambda.Invoke", self._invoked)
        events.register("before-call.sfn.StartExecution", self._started)
        self._deploy()
        self.publish()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it all down."""
        self._running.close()

    def _environment(self) -> dict[str, str]:
        variables = template()["Globals"]["Function"]["Environment"]["Variables"]
        parameters = template()["Parameters"]
        named = {name: value.get("Ref", name) for name, value in variables.items() if isinstance(value, dict)}
        return {name: str(parameters.get(what, {}).get("Default", what)) for name, what in named.items()} | {
            "QUEUE_CAPACITY": str(self._capacity),
            "QUEUE_KEY_SECRET_ARN": "queue-key",
            "PAYMENT_WORKFLOW_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:measured-payment",
            "ADVANCE_QUEUE_FUNCTION": "measured-advance-queue",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "POWERTOOLS_SERVICE_NAME": "booking",
            "POWERTOOLS_METRICS_NAMESPACE": "OstConcertBooking",
        }

    def _deploy(self) -> None:
        for name, resource in template()["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
                properties = {key: resource["Properties"][key] for key in wanted if key in resource["Properties"]}
                self.looking.create_table(TableName=name, **properties)
        aws.new_client("secretsmanager").create_secret(Name="queue-key", SecretString="k" * 64)

    def publish(self) -> None:
        """Publish a concert on sale with one performance of 50 seats."""
        far = NOW + 3650 * clock.DAY
        concert = {
            "pk": "CONCERT",
            "sk": CONCERT,
            "title": "Starfall Symphony: Music from Letters to a Falling Star",
            "artist": "The Lantern Orchestra",
            "venue": "Hangang Light Hall, Seoul",
            "description": "The whole score of the film, played live by seventy musicians.",
            "salesOpenAt": NOW - 60,
            "salesCloseAt": far,
        }
        performance = {
            "pk": CONCERT,
            "sk": LABEL,
            "startsAt": far,
            "timezone": "Asia/Seoul",
            "price": PRICE,
            "seatsTotal": SEATS,
        }
        for item in (concert, performance):
            dynamodb.write(dynamodb.put(settings_module.settings().catalog_table, item))

    @contextlib.contextmanager
    def measured(self, *, cold: bool = False) -> Iterator[Tally]:
        """Count what is asked for inside; `cold`, in a process that has just started."""
        if cold:
            forget_process()
        with self.meter.watching() as tally:
            yield tally

    def call(self, function: str, method: str, path: str, expect: int = 200, **options: Any) -> dict[str, Any]:
        """Call the API, as a browser does, and return the body. Workflows that the call started run to their end."""
        self.meter.add(Bill(http_calls=1, lambda_calls=1))
        answer = handler(function)(event(method, path, **options), Context())
        self._run_executions(until=float("inf"))
        if answer["statusCode"] != expect:
            raise RuntimeError(f"{method} {path} answered {answer['statusCode']}: {answer['body']}")
        body: dict[str, Any] = json.loads(answer["body"] or "{}")
        return body

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def user(self) -> str:
        """Name a fan whom nobody has met."""
        return str(uuid.UUID(int=(1 << 124) + next(self._users)))

    def fill_line(self, active: int, waiting: int = 0, pace: int = 1000) -> None:
        """Make a line: `active` fans are in, `waiting` behind them, and a driver is at work."""
        table = settings_module.settings().queue_table
        for number in range(1, active + waiting + 1):
            item = items.token_key(CONCERT, number) | {
                "userId": self.user(),
                "number": number,
                "status": "ACTIVE" if number <= active else "WAITING",
                "expiresAt": int(self.now) + 600,
                "joinedAt": int(self.now) - 60,
                "purgeAt": int(self.now) + 600 + clock.DAY,
            }
            if number <= active:
                item["activeUntil"] = item["expiresAt"]
            dynamodb.write(dynamodb.put(table, item))
        queue = {
            "capacity": active,
            "admitted": active,
            "low": 0,
            "active": active,
            "entered": active,
            "lapsed": 0,
            "pace": pace,
            "advancedAt": int(self.now),
            "driver": Context.aws_request_id,
            "drivenUntil": int(self.now) + 3600,
        }
        if waiting:
            queue |= {"sampleAt": int(self.now), "sampleFrom": active}
        dynamodb.write(dynamodb.put(table, items.queue_key(CONCERT) | queue))
        dynamodb.write(dynamodb.put(table, items.counter_key(CONCERT) | {"issued": active + waiting}))

    def move_line(self, admitted: int) -> None:
        """Let fans in up to a number; processes notice within a second."""
        table = settings_module.settings().queue_table
        dynamodb.write(dynamodb.update(table, items.queue_key(CONCERT), "SET #admitted = :to", None, to=admitted))

    def join(self, user: str) -> str:
        """Take a place in line for a fan; return its queue token."""
        joined = self.call("issue_queue_token", "POST", f"/concerts/{CONCERT}/queue-tokens", 201, user=user)
        return str(joined["token"])

    def enter(self, user: str) -> str:
        """Let a fan in, and return the ACTIVE queue token."""
        joined, *_ = line.take_place(CONCERT, user, clock.now())
        return token.sign(place.enter(joined.turn, clock.now()).turn)

    def take_seats(self, numbers: range) -> None:
        """Have other fans hold seats."""
        for number in numbers:
            user, at = self.user(), clock.now()
            name = ids.reservation_id(user, PERFORMANCE, [number], number, 0, at)
            dynamodb.write(seats.hold(PERFORMANCE, number, reservation_id=name, user_id=user, at=at, until=at + 300))

    def hold(self, user: str, seat: int) -> str:
        """Hold a seat for a fan, with points enough to pay; return the reservation's id."""
        points.charge(user, 50_000, str(uuid.UUID(int=seat)), clock.now())
        performance = catalog.find_performance(PERFORMANCE, clock.now())
        turn = token.verify(self.enter(user), user_id=user, at=clock.now())
        return str(reservations.reserve(performance, [seat], turn, clock.now())["reservationId"])

    def _sleep(self, seconds: float) -> None:
        """Sleep inside a function: it is billed, and workflows go on meanwhile."""
        self.meter.add(Bill(slept_seconds=seconds))
        woken = self.now + seconds
        self._run_executions(until=woken)
        self.now = woken

    def _invoked(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        """Take an asynchronous invocation, and leave it at that: what it does is measured on its own."""
        return SimpleNamespace(status_code=202), {"StatusCode": 202}

    def _started(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Take an execution; its steps run when somebody sleeps, or when the call is over."""
        body = json.loads(params["body"])
        self._executions.append((self.now + STEP_SECONDS, self._execution(json.loads(body["input"]))))
        return SimpleNamespace(status_code=200), {"executionArn": body["name"]}

    def _run_executions(self, until: float) -> None:
        while self._executions:
            due, execution = self._executions[0]
            if due > until:
                return
            self.now = max(self.now, due)
            self.in_workflow = True
            if next(execution, StopIteration) is StopIteration:
                self._executions.pop(0)
            else:
                self._executions[0] = (due + STEP_SECONDS, execution)
            self.in_workflow = False

    def _execution(self, state: dict[str, Any]) -> Iterator[None]:
        """Run the payment workflow's own definition, step by step; every state that is entered is a transition."""
        definition = json.loads((ROOT / "statemachines" / "payment.asl.json").read_text())
        name = definition["StartAt"]
        while True:
            at = definition["States"][name]
            self.meter.add(Bill(transitions=1))
            match at["Type"]:
                case "Task":
                    self.meter.add(Bill(lambda_calls=1))
                    request = {"step": at["Parameters"]["step"], "state": state}
                    result = handler("payment_steps")(json.loads(json.dumps(request)), Context())
                    state[Path(at["ResultPath"]).suffix[1:]] = result
                    name = at["Next"]
                    if definition["States"][name]["Type"] == "Task":
                        yield
                case "Choice":
                    name = next((rule["Next"] for rule in at["Choices"] if _holds(rule, state)), at["Default"])
                    if definition["States"][name]["Type"] == "Task":
                        yield
                case "Succeed":
                    return
                case unknown:
                    raise NotImplementedError(f"the meter has no rule for a state of type {unknown}")


def _holds(rule: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    value: Any = state
    for part in rule["Variable"].split(".")[1:]:
        value = value.get(part, {})
    return bool(value == rule["StringEquals"])
