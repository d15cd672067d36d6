"""The whole booking in this process: real handlers, real workflow definition, real tables, a clock that tests turn.

A `World` is deployed from the template. It sends API Gateway events to the handlers as a client would (it retries with
the same key when no answer comes or a 503 does), runs each payment's execution in moto's interpreter of the state
machine file, and can be put back to an earlier state at no cost. Every call that any of them makes goes over one
`Wire`, where faults strike, and every answer is held to the specification.

    with World() as world:
        reservation = world.hold("ann", 1, 2)
        world.charge("ann", 200)
        assert world.pay("ann", reservation).status == 201
"""

import contextlib
import copy
import functools
import importlib
import json
import logging
import os
import pkgutil
import random
import re
import threading
import time as real_time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType, SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

import boto3
import botocore.endpoint
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core import serialize
from moto.dynamodb.models import dynamodb_backends
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

import booking
from booking import aws, clock, dynamodb, keys, memory, observability, payments, settings, signatures
from booking.queue import tick
from lab.in_process import forget_process
from tests.conftest import forget_everything
from tests.faults import ProcessEnded, Wire
from tests.handlers import call, request
from tests.tables import ACCOUNT, REGION, deploy, environment, resources
from tools.ost import audit
from tools.ost.paths import ROOT

DEFINITION = ROOT / "statemachines" / "payment.asl.json"
STEPS_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:test-payment-steps"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/test"
MACHINE = "test-payment"
SERVICES = ("dynamodb", "stepfunctions", "lambda", "secretsmanager")
START = 1_800_001_751
"""Not a round moment: bits of the product's spans of time are set in it, so that `|` for `+` is noticed."""
CONCERT = "night"
PERFORMANCES = ("night.first", "night.second")
PRICE = 100
SEATS = 6
TABLES = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("Table")).lower(): name
    for name in resources("AWS::DynamoDB::Table")
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
    """See the module. Time stands still unless somebody sleeps."""

    def __init__(self, time: Time | None = None, **parameters: str) -> None:
        self.time = time or Time()
        self.parameters = {"QueueCapacity": "2"} | parameters
        self.wire = Wire()
        self.kicks: list[str] = []
        self.step_log: list[str] = []
        self.metrics: Counter[str] = Counter()
        self.run_step: Callable[[StepRun], dict[str, Any]] = lambda step: step.run()
        self.machine = ""
        self._held: list[bytes] = []
        self._definitions = 0
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Deploy the template, publish a concert of two performances, and let payments' executions run."""
        _client_once.cache_clear()
        config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
        with self._running as stack:
            stack.enter_context(patch.dict(os.environ, environment(**self.parameters)))
            os.environ.pop("AWS_PROFILE", None)
            stack.callback(forget_everything)
            stack.enter_context(mock_aws(config=config))
            for each in (*_clock_stopped(self.time), *_interpreter(self.invoke_step), *self.quiet()):
                stack.enter_context(each)
            stack.callback(self.run_held)
            forget_everything()
            deploy()
            self.connect()
            self.publish(CONCERT, {name.split(".")[1]: {} for name in PERFORMANCES})
            self.use_definition(definition())
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it all down."""
        self._running.close()

    def quiet(self) -> list[Any]:
        """Take metrics, and let nothing be written: thousands of faults would write thousands of traces."""
        return [
            patch.object(observability.metrics, "add_metric", self.count),
            patch.object(observability.logger, "_logger", _silent()),
            patch.object(observability.metrics.provider, "flush_metrics", lambda **_: None),
        ]

    # ---- clients and process

    def new_process(self) -> None:
        """Forget what a process remembers, as when a new one starts."""
        memory.forget()
        keys.forget()

    def connect(self) -> None:
        """Make the process's clients and lay them on the wire."""
        for service in SERVICES:
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

    # ---- the organiser

    def publish(
        self, concert_id: str, performances: dict[str, dict[str, Any]], opens: int = -1000, closes: int = 10_000_000
    ) -> None:
        """Publish a concert and its performances, by label, past the wire. Times are seconds from now."""
        at = int(self.time.at)
        times = {"salesOpenAt": at + opens, "salesCloseAt": at + closes}
        texts = {"title": concert_id.title(), "artist": "An Orchestra", "venue": "A Hall", "description": "Music."}
        self.put("catalog", {"pk": "CONCERT", "sk": concert_id} | texts | times)
        date = {"startsAt": at + 10_000_000, "timezone": "Asia/Seoul", "price": PRICE, "seatsTotal": SEATS}
        for label, changes in performances.items():
            self.put("catalog", {"pk": concert_id, "sk": label} | date | changes)

    def put(self, aggregate: str, item: dict[str, Any]) -> None:
        """Write an item of an aggregate's table, past the wire."""
        table = dynamodb_backends[ACCOUNT][REGION].tables[TABLES[aggregate]]
        table.put_item(dynamodb.encode(item))

    # ---- the API

    def call(self, function: str, user: str = "", body: Any = None, **options: Any) -> Answer:
        """Send one request to a handler, and no more: what a client does about the answer is `ask`.

        Options are those of `tests.handlers.request`.
        """
        try:
            with self.wire.invocation():
                raw = call(function, request(function, user, body, **options))
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
            if answer.status == 202 and function == "start_payment":
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
        self._definitions += 1
        text = json.dumps(definition).replace("${PaymentStepsFunctionArn}", STEPS_ARN)
        made = self.cloud.create_state_machine(
            name=MACHINE + f"-{self._definitions}" * (self._definitions > 1), definition=text, roleArn=ROLE_ARN
        )
        self.machine = made["stateMachineArn"]
        _set_setting("PAYMENT_WORKFLOW_ARN", self.machine)

    def _wait_for_executions(self) -> None:
        while TMP_THREADS:
            if (thread := TMP_THREADS.pop(0)) is not threading.current_thread():  # a step that starts another execution
                thread.join()

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
                return dict(call("payment_steps", event))

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
            return dict(call("settle_payment", event))

    def settle_until_quiet(self) -> None:
        """Do what EventBridge and the schedule do, until no payment is open."""
        for _ in range(5):
            open_now = [item["paymentId"] for item in self.items("payments") if "openShard" in item]
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

    # ---- what a fan does

    def join(self, user: str, concert: str = CONCERT) -> dict[str, Any]:
        """Take a place in a queue; the queue view."""
        answer = self.ask("issue_queue_token", user, concertId=concert)
        assert answer.status in {200, 201}, answer
        return dict(answer.body)

    def poll(self, user: str, token: str, concert: str = CONCERT) -> dict[str, Any]:
        """Ask for one's place; the queue view."""
        answer = self.ask("poll_queue_token", user, concertId=concert, queue_token=token)
        assert answer.status == 200, answer
        return dict(answer.body)

    def leave(self, user: str, token: str, concert: str = CONCERT) -> None:
        """Leave a queue."""
        assert self.ask("leave_queue", user, concertId=concert, queue_token=token).status == 204

    def enter(self, user: str, concert: str = CONCERT) -> str:
        """Join and poll until it is one's turn; the queue token."""
        view = self.join(user, concert)
        for _ in range(5):
            if view["status"] == "ACTIVE":
                return str(view["token"])
            self.tick(concert)
            self.time.sleep(2)
            view = self.poll(user, view["token"], concert)
        raise AssertionError(view)

    def tick(self, concert: str = CONCERT) -> None:
        """Have a queue moved on, as its driver does every two seconds."""
        tick.tick(concert)

    def hold(self, user: str, *seats: int, performance: str = PERFORMANCES[0]) -> dict[str, Any]:
        """Enter and hold seats; the reservation view."""
        body = {"performanceId": performance, "seatNumbers": list(seats or (1,))}
        token = self.enter(user, performance.split(".", maxsplit=1)[0])
        answer = self.ask("reserve_seats", user, body, queue_token=token)
        assert answer.status == 201, answer
        return dict(answer.body)

    def release(self, user: str, reservation: dict[str, Any]) -> Answer:
        """Release a hold."""
        return self.ask("release_reservation", user, reservationId=reservation["reservationId"])

    def charge(self, user: str, amount: int = 1000) -> None:
        """Add points to a user's."""
        assert self.ask("charge_points", user, {"amount": amount}, key=f"charge-{self.time.at}").status == 201

    def pay(self, user: str, reservation: dict[str, Any], key: str = "pay") -> Answer:
        """Pay for a reservation as a patient client does."""
        return self.ask("start_payment", user, {"reservationId": reservation["reservationId"]}, key=key)

    def codes(self, user: str, reservation: dict[str, Any]) -> dict[int, str]:
        """Give the codes of a booking's tickets, by seat."""
        answer = self.ask("list_tickets", user, reservationId=reservation["reservationId"])
        assert answer.status == 200, answer
        return {each["seatNumber"]: each["code"] for each in answer.body["items"]}

    def scan(
        self, device: str, *scans: tuple[str, str], ahead: int = 0, performance: str = PERFORMANCES[0]
    ) -> list[dict[str, Any]]:
        """Send what a door has scanned, as ids and codes, by a clock that is ahead; until there is an answer."""
        at = clock.rfc3339(int(self.time.at) + ahead)
        sent = [{"scanId": name, "code": code, "at": at} for name, code in scans]
        answer = self.ask(
            "record_check_ins",
            "staff",
            {"deviceId": device, "scans": sent},
            claims={"cognito:groups": "[staff]"},
            performanceId=performance,
        )
        assert answer.status == 200, answer
        results: list[dict[str, Any]] = answer.body["results"]
        return results

    def balance(self, user: str) -> int:
        """Read a user's balance."""
        return int(self.call("get_points", user).body["balance"])

    # ---- the books

    def snapshot(self) -> Any:
        """Remember the tables as they are."""
        self._wait_for_executions()
        backend = dynamodb_backends[ACCOUNT][REGION]
        return copy.deepcopy({name: table.items for name, table in backend.tables.items()}), self.time.at, self.machine

    def begin(self, snapshot: Any) -> None:
        """Put everything back, for another test: no listener, setting or memory of the one before is left."""
        forget_process()
        self.connect()
        self.restore(snapshot)

    def restore(self, snapshot: Any) -> None:
        """Put the tables and the clock back, as a new process with new clients."""
        items, self.time.at, self.machine = snapshot
        random.seed(6)
        _set_setting("PAYMENT_WORKFLOW_ARN", self.machine)
        backend = dynamodb_backends[ACCOUNT][REGION]
        for name in backend.tables.keys() - items.keys():
            del backend.tables[name]
        for name, table in backend.tables.items():
            table.items = copy.deepcopy(items[name])
        for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
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

    def tables(self) -> dict[str, list[Any]]:
        """Return every item of every table, past the wire."""
        return {table: self._stored(table) for table in TABLES}

    def _stored(self, table: str) -> list[Any]:
        stored = dynamodb_backends[ACCOUNT][REGION].tables[TABLES[table]]
        return [dynamodb.decode(item.to_json()["Attributes"]) or {} for item in stored.all_items()]

    def books(self) -> audit.Books:
        """Give all tables to the auditor."""
        return audit.Books.of({aggregate: self._stored(aggregate) for aggregate in audit.AGGREGATES})

    def violations(self) -> list[audit.Violation]:
        """Audit the tables."""
        limits = audit.Limits(queue_capacity=2, max_seats_per_user=4, public_keys=signatures.public_keys())
        return audit.check(self.books(), clock.now(), limits)


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


class _Patient(threading.Event):
    """Ends the waiting for a step as the definition says only where that is a second, which a test has made of it.

    How long a step takes on this machine is nobody's promise; a step times out by raising `TimeoutError`.
    """

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout if timeout is not None and timeout <= 1 else None)


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


def _clock_stopped(time: Time) -> list[Any]:
    """Put a clock in the place of the module `time` wherever the booking, botocore's retries or the interpreter use it,
    in default arguments as well."""
    loaded = [importlib.import_module(each.name) for each in pkgutil.walk_packages(booking.__path__, "booking.")]
    turned: dict[Any, Any] = {getattr(real_time, name): getattr(time, name) for name in ("time", "monotonic", "sleep")}
    patches: list[Any] = [patch.object(module, "time", time) for module in (botocore.endpoint, retrier_decl)]
    for module in loaded:
        for name, value in vars(module).items():
            if value is real_time:
                patches.append(patch.object(module, name, time))
            elif isinstance(value, FunctionType) and value.__module__ == module.__name__:
                patches += _defaults_turned(value, turned)
    return patches


def _defaults_turned(function: FunctionType, turned: dict[Any, Any]) -> list[Any]:
    positional, named = function.__defaults__ or (), function.__kwdefaults__ or {}
    patches: list[Any] = []
    if any(each in turned for each in positional if callable(each)):
        mine = tuple(turned.get(each, each) if callable(each) else each for each in positional)
        patches.append(patch.object(function, "__defaults__", mine))
    if any(each in turned for each in named.values() if callable(each)):
        ours = {name: turned.get(each, each) if callable(each) else each for name, each in named.items()}
        patches.append(patch.object(function, "__kwdefaults__", ours))
    return patches


def _interpreter(step: Callable[[str], tuple[str, bool]]) -> list[Any]:
    """Let moto's interpreter of state machines call a step of ours, and parse and connect once instead of each time."""

    def invoke(
        _backend: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        text, failed = step(body if isinstance(body, str) else body.decode())
        if failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return text.encode()

    return [
        patch.object(LambdaSimpleBackend, "invoke", invoke),
        patch.object(execute_state, "threading", SimpleNamespace(Event=_Patient)),
        patch.object(lambda_eval_utils, "boto_client_for", _lambda_client),
        patch.object(serialize.AttributePicker, "__call__", _pick_quickly),
        patch.object(execution_worker, "AmazonStateLanguageParser", SimpleNamespace(parse=_parse)),
    ]
