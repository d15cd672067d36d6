"""The whole booking in this process: real handlers, real workflow definition, real tables, a clock that tests turn.

A `World` sends API Gateway events to the handlers as a client would (it retries with the same key when no answer comes
or a 503 does), runs each payment's execution in moto's interpreter of the state machine file, and can be put back to an
earlier state at no cost. Every call that any of them makes goes over one `Wire`, where faults strike.
"""

import contextlib
import copy
import functools
import importlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import botocore.endpoint
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core import serialize
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from booking import aws, clock, dynamodb, keys, memory, observability, payments, settings
from booking.queue import driver, line, tick, token
from tests.conftest import REGION, forget_everything
from tests.faults import ProcessEnded, Wire
from tests.tables import create_tables
from tools.ost import audit

ROOT = Path(__file__).parents[1]
DEFINITION = ROOT / "statemachines" / "payment.asl.json"
STEPS_ARN = f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:test-payment-steps"
ROLE_ARN = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/test"
START = 1_800_000_000
CONCERT = "night"
PERFORMANCES = ("night.first", "night.second")
PRICE = 100
SEATS = 6
TABLES = {
    "catalog": "CatalogTable",
    "seats": "SeatsTable",
    "reservations": "ReservationsTable",
    "points": "PointsTable",
    "queue": "QueueTable",
    "payments": "PaymentsTable",
}


class Time:
    """Stands in for the module `time`: sleeping costs nothing and moves the clock."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass(frozen=True)
class Answer:
    """An answer of the API; status 0 when the connection just ended."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """The code of a refusal."""
        return self.body.get("code") if isinstance(self.body, dict) else None


@dataclass
class StepRun:
    """How the workflow's function is to run one step: as it is, or as a test says."""

    name: str
    event: dict[str, Any]
    run: Callable[[], dict[str, Any]]


class StepFailed(Exception):
    """A step's process reports an error of this type."""

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(error)


class World:
    """See the module. Made by `open_world`."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.wire = Wire()
        self.kicks: list[str] = []
        self.executions: list[str] = []
        self.step_log: list[str] = []
        self.metrics: Counter[str] = Counter()
        self.run_step: Callable[[StepRun], dict[str, Any]] = lambda step: step.run()
        self._held: list[bytes] = []
        self.machine = ""
        self._cursor = 0

    # ---- clients and process

    def new_process(self) -> None:
        """Forget what a process remembers, as when a new one starts."""
        memory.forget()
        token.forget_keys()

    def connect(self) -> None:
        """Make the process's clients and lay them on the wire."""
        for service in ("dynamodb", "stepfunctions", "lambda", "secretsmanager"):
            self.wire.attach(aws.client(service))
        self.wire.stand_ins["lambda"] = self._kick
        self.wire.after["stepfunctions.StartExecution"] = self._wait_for_executions
        self.cloud = boto3.client("stepfunctions")

    def count(self, name: str, value: float, **_: Any) -> None:
        """Take a metric."""
        self.metrics[name] += int(value)

    def _kick(self, body: bytes) -> tuple[int, str]:
        self.kicks.append(json.loads(body)["concertId"])
        return 202, ""

    # ---- the API

    def call(
        self,
        function: str,
        user: str = "",
        body: Any = None,
        *,
        key: str | None = None,
        queue_token: str | None = None,
        **path: str,
    ) -> Answer:
        """Send one request to a handler, and no more: what a client does about the answer is `ask`."""
        module = handler_of(function)
        route = module.app._static_routes + module.app._dynamic_routes
        method, rule = route[0].method, route[0].path
        for name, value in path.items():
            rule = rule.replace(f"<{name}>", value)
        headers = {"content-type": "application/json"}
        headers |= {"idempotency-key": key} if key is not None else {}
        headers |= {"x-queue-token": queue_token} if queue_token is not None else {}
        event = {
            "version": "2.0",
            "routeKey": f"{method} {rule}",
            "rawPath": rule,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "http": {"method": method, "path": rule},
                "stage": "$default",
                "authorizer": {"jwt": {"claims": {"sub": user}}},
            },
            "isBase64Encoded": False,
            "body": json.dumps(body) if body is not None else "",
        }
        try:
            with self.wire.invocation():
                raw = module.handler(event, SimpleNamespace(aws_request_id="request"))
        except ProcessEnded:
            self.new_process()
            return Answer(0)
        text = raw["body"]
        headers = {name.lower(): value for name, value in raw["headers"].items()}
        return Answer(raw["statusCode"], json.loads(text) if text else None, headers)

    def ask(self, function: str, user: str = "", body: Any = None, tries: int = 5, **options: Any) -> Answer:
        """Send a request as a patient client does: again, with the same key, after no answer, a 429, 503 or 202."""
        answer = Answer(0)
        for _ in range(tries):
            answer = self.call(function, user, body, **options)
            if answer.status == 202:
                return self._follow(user, answer)
            assert answer.status != 500, answer  # a fault of ours, which a client's patience must not hide
            if answer.status not in {0, 429, 503} or "paymentStatus" in (answer.body or {}):
                return answer
            self.time.sleep(float(answer.headers.get("retry-after", 1)))
        return answer

    def _follow(self, user: str, answer: Answer) -> Answer:
        self.run_held()
        for _ in range(5):
            shown = self.call("get_payment", user, paymentId=answer.body["paymentId"])
            if shown.status == 200:
                return shown
        raise AssertionError("the payment cannot be read")

    # ---- the workflow

    def use_definition(self, definition: dict[str, Any]) -> None:
        """Run payments with this definition from now on."""
        self._count = getattr(self, "_count", 0) + 1
        text = json.dumps(definition).replace("${PaymentStepsFunctionArn}", STEPS_ARN)
        made = self.cloud.create_state_machine(name=f"test-payment-{self._count}", definition=text, roleArn=ROLE_ARN)
        self.machine = made["stateMachineArn"]
        _set_setting("PAYMENT_WORKFLOW_ARN", self.machine)

    def _wait_for_executions(self) -> None:
        while TMP_THREADS:
            TMP_THREADS.pop(0).join()

    def hold_executions(self) -> None:
        """Leave executions unstarted until `run_held`, as if the service were slow."""

        def remember(body: bytes) -> tuple[int, str]:
            self._held.append(body)
            return 200, json.dumps({"executionArn": "held", "startDate": self.time.at})

        self.wire.stand_ins["stepfunctions"] = remember

    def run_held(self) -> None:
        """Let executions run that were held back, in the order in which they were started."""
        self.wire.stand_ins.pop("stepfunctions", None)
        held, self._held = self._held, []
        for body in held:
            asked = json.loads(body)
            with contextlib.suppress(self.cloud.exceptions.ExecutionAlreadyExists):
                self.cloud.start_execution(**asked)
            self._wait_for_executions()

    def invoke_step(self, body: str) -> tuple[str, bool]:
        """Run the workflow's function as Lambda would; tell whether it failed."""
        event = json.loads(body)
        name = event["step"]
        self.step_log.append(name)

        def run() -> dict[str, Any]:
            with self.wire.invocation():
                outcome: dict[str, Any] = handler_of("payment_steps").handler(event, None)
                return outcome

        try:
            return json.dumps(self.run_step(StepRun(name, event, run))), False
        except ProcessEnded:
            self.new_process()
            return json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "the process ended"}), True
        except StepFailed as failed:
            return json.dumps({"errorType": failed.error, "errorMessage": ""}), True
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - Lambda reports whatever it is
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}), True

    def execution(self, payment_id: str) -> dict[str, Any]:
        """Describe a payment's execution."""
        arn = self.machine.replace(":stateMachine:", ":execution:") + f":{payment_id}"
        return dict(self.cloud.describe_execution(executionArn=arn))

    def history(self, payment_id: str) -> list[dict[str, Any]]:
        """Give the events of a payment's execution."""
        arn = self.execution(payment_id)["executionArn"]
        events: list[Any] = self.cloud.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        return events

    def settle(self, payment_id: str | None = None) -> dict[str, str]:
        """Run settle_payment for one execution that ended badly, or as the sweep."""
        event = {"detail": {"name": payment_id}} if payment_id else {}
        with self.wire.invocation():
            settled: dict[str, str] = handler_of("settle_payment").handler(event, None)
        return settled

    def settle_until_quiet(self) -> None:
        """Do what EventBridge and the schedule do, until no payment is open."""
        for _ in range(5):
            open_now = [payment["paymentId"] for payment in self.items("payments") if payments.is_open(payment)]
            if not open_now:
                return
            self.time.sleep(payments.WORKFLOW_SECONDS + 1)
            try:
                self.settle()
            except ProcessEnded:
                self.new_process()
            except Exception:  # noqa: BLE001 - the schedule comes again
                pass
        raise AssertionError(f"payments stay open: {open_now}")

    # ---- shortcuts of a fan

    def enter(self, user: str) -> str:
        """Let a user into the concert; give the queue token."""
        answer = self.ask("issue_queue_token", user, concertId=CONCERT)
        for _ in range(5):
            if answer.body["status"] == "ACTIVE":
                return str(answer.body["token"])
            tick.tick(CONCERT)
            self.time.sleep(2)
            answer = self.ask("poll_queue_token", user, concertId=CONCERT, queue_token=answer.body["token"])
        raise AssertionError(answer)

    def hold(self, user: str, *seats: int, performance: str = PERFORMANCES[0]) -> dict[str, Any]:
        """Let a user in and hold seats; give the reservation."""
        body = {"performanceId": performance, "seatNumbers": list(seats or (1,))}
        answer = self.ask("reserve_seats", user, body, queue_token=self.enter(user))
        assert answer.status == 201, answer
        return dict(answer.body)

    def charge(self, user: str, amount: int = 1000) -> None:
        """Give a user points."""
        assert self.ask("charge_points", user, {"amount": amount}, key=f"charge-{self.time.at}").status == 201

    def pay(self, user: str, reservation: dict[str, Any], key: str = "pay") -> Answer:
        """Pay for a reservation as a patient client does."""
        return self.ask("start_payment", user, {"reservationId": reservation["reservationId"]}, key=key)

    def balance(self, user: str) -> int:
        """Read a user's balance."""
        return int(self.call("get_points", user).body["balance"])

    # ---- the books

    def snapshot(self) -> Any:
        """Remember the tables as they are."""
        self._wait_for_executions()
        backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
        return copy.deepcopy({name: table.items for name, table in backend.tables.items()}), self.time.at, self.machine

    def restore(self, snapshot: Any) -> None:
        """Put the tables and the clock back, as a new process with new clients."""
        items, self.time.at, self.machine = snapshot
        _set_setting("PAYMENT_WORKFLOW_ARN", self.machine)
        backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
        for name, table in backend.tables.items():
            table.items = copy.deepcopy(items[name])
        for machine in stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].state_machines:
            machine.executions.clear()
        self.wire.__post_init__()
        self.wire.observe = None
        self.wire.stand_ins = {"lambda": self._kick}
        self.metrics.clear()
        self.kicks.clear()
        self.wire.set(None)
        self.step_log.clear()
        self.run_step = lambda step: step.run()
        self._held.clear()
        self.new_process()

    def items(self, aggregate: str) -> list[dict[str, Any]]:
        """Return every item of an aggregate, past the wire."""
        table = "reservations" if aggregate == "limits" else aggregate
        items: list[dict[str, Any]] = getattr(
            audit.Books.of({"reservations": [], table: self._stored(table)}), aggregate
        )
        return items

    def _stored(self, table: str) -> list[Any]:
        stored = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[TABLES[table]]
        return [dynamodb.decode(item.to_json()["Attributes"]) or {} for item in stored.all_items()]

    def books(self) -> audit.Books:
        """Give all tables to the auditor."""
        return audit.Books.of({aggregate: self._stored(aggregate) for aggregate in audit.AGGREGATES})

    def violations(self) -> list[audit.Violation]:
        """Audit the tables."""
        return audit.check(self.books(), clock.now(), audit.Limits(queue_capacity=2, max_seats_per_user=4))


@functools.cache
def handler_of(function: str) -> Any:
    """Give a function's module."""
    return importlib.import_module(f"functions.{function}.app")


def definition() -> dict[str, Any]:
    """Read the state machine's file."""
    loaded: dict[str, Any] = json.loads(DEFINITION.read_text("utf-8"))
    return loaded


def _silent() -> logging.Logger:
    """Make a logger that writes nothing: thousands of faults would write thousands of traces."""
    logger = logging.Logger("silent")
    logger.disabled = True
    return logger


_pick = serialize.AttributePicker.__call__


def _pick_quickly(picker: Any, context: Any) -> Any:
    """Take a member of a DynamoDB answer as it is named, where moto tries every spelling: half of its time."""
    if type(context.obj) is dict and context.service_model.service_name == "dynamodb":
        return context.obj.get(context.key)
    return _pick(picker, context)


_make_client: Any = vars(lambda_eval_utils)["boto_client_for"]
_parse = functools.cache(AmazonStateLanguageParser.parse)


@functools.cache
def _client_once(region: str, service: str) -> Any:
    return _make_client(region, service)


def _lambda_client(region: str, service: str, state_credentials: Any = None) -> Any:
    return _client_once(region, service)


def _set_setting(name: str, value: str) -> None:
    os.environ[name] = value
    settings.settings.cache_clear()


def _seed() -> None:
    client = boto3.client("dynamodb")

    def put(table: str, **item: Any) -> None:
        client.put_item(TableName=table, Item=dynamodb.encode(item))

    put(
        TABLES["catalog"],
        pk="CONCERT",
        sk=CONCERT,
        title="Night",
        artist="A",
        venue="V",
        description="",
        salesOpenAt=START - 1000,
        salesCloseAt=START + 10_000_000,
    )
    for performance in PERFORMANCES:
        put(
            TABLES["catalog"],
            pk=CONCERT,
            sk=performance.split(".")[1],
            startsAt=START + 10_000_000,
            timezone="Asia/Seoul",
            price=PRICE,
            seatsTotal=SEATS,
        )


@contextmanager
def open_world() -> Iterator[World]:
    """Open a world: a cloud in this process, with its tables, a concert of two performances, and the workflow.

    Needs the fixture `environment`. Time stands still unless somebody sleeps.
    """
    time = Time()
    world = World(time)
    _client_once.cache_clear()

    def invoke(
        _backend: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        text, failed = world.invoke_step(body if isinstance(body, str) else body.decode())
        if failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return text.encode()

    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    modules = [clock, dynamodb, keys, payments, driver, botocore.endpoint, retrier_decl]
    with mock_aws(config=config):
        create_tables()
        boto3.client("secretsmanager").create_secret(Name="queue-key", SecretString="k" * 64)
        patches: list[Any] = [patch.object(module, "time", time) for module in modules]
        patches += [
            patch.object(payments.watch, "__defaults__", (time.sleep, time.monotonic)),
            patch.object(LambdaSimpleBackend, "invoke", invoke),
            # The interpreter parses the same file and makes the same client each time: once is enough.
            patch.object(lambda_eval_utils, "boto_client_for", _lambda_client),
            patch.object(serialize.AttributePicker, "__call__", _pick_quickly),
            patch.object(execution_worker, "AmazonStateLanguageParser", SimpleNamespace(parse=_parse)),
            patch.object(observability.metrics, "add_metric", world.count),
            patch.object(observability.logger, "_logger", _silent()),
            patch.object(observability.metrics.provider, "flush_metrics", lambda **_: None),
        ]
        for each in patches:
            each.start()
        try:
            forget_everything()
            world.connect()
            _seed()
            world.use_definition(definition())
            yield world
        finally:
            world.run_held()
            for each in patches:
                each.stop()
            forget_everything()


__all__ = ["Answer", "StepFailed", "StepRun", "Time", "World", "line", "open_world"]
