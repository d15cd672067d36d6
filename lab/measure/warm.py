"""What our code costs beside the SDK: CPU of a warm call against the bare SDK calls that it makes.

Each call is done once in a world, where its requests and their answers are recorded. Then the handler runs again and
again against a transport that gives those answers at once; and so do the very same requests on a bare client. Both take
turns in one run on one thread, so the ratio says something on a noisy machine, where the times alone do not.
"""

import gc
import io
import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

from botocore.awsrequest import AWSResponse, HeadersDict
from moto.core.models import botocore_stubber

from booking import aws, catalog, clock, memory
from booking.queue import token
from lab.in_process import forget_clients, handler
from lab.measure.meter import Emitter
from lab.measure.world import CONCERT, PERFORMANCE, SEATS, World
from tests.handlers import Context, request
from tools.ost.console import Failure
from tools.ost.paths import ROOT, inherited_environment

ROUNDS = 12
CALLS_A_ROUND = 25
BUDGETS = {"poll": 1.5, "reserve_seat": 1.5, "list_seats": 2.0, "charge": 2.0, "pay": 2.0}

SNAKE = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Call:
    """A warm call: a handler, an event for it, and what must be forgotten for it to ask again."""

    function: str
    event: dict[str, Any]
    status: int
    forget: Callable[[], object] = lambda: None


@dataclass(slots=True)
class Recorded:
    """A request that was made and what it was answered with."""

    service: str
    operation: str
    params: dict[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Body:
    """An answer's body, as urllib3 would stream it."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        """Return all of it."""
        yield self.content


@dataclass(frozen=True, slots=True)
class Warm:
    """CPU seconds of a call, and of its SDK calls on their own."""

    cpu: float
    bare: float
    sdk_calls: int

    @property
    def ratio(self) -> float:
        """CPU against the bare calls'."""
        return self.cpu / self.bare


def list_seats(world: World) -> Call:
    """List 50 seats, half of them taken."""
    world.take_seats(range(1, SEATS // 2))
    return Call("list_seats", request("list_seats", performanceId=PERFORMANCE), 200)


def poll(world: World) -> Call:
    """Poll, with a token to renew and a cursor to read."""
    world.fill_line(active=10, waiting=100)
    user = world.user()
    queue_token = world.join(user, CONCERT)["token"]
    world.time.at += 25
    event = request("poll_queue_token", user, concertId=CONCERT, queue_token=queue_token)
    return Call("poll_queue_token", event, 200, lambda: memory.forget("queue", CONCERT))


def reserve_seat(world: World) -> Call:
    """Hold a seat in a half-full hall."""
    world.take_seats(range(1, SEATS // 2))
    user = world.user()
    queue_token = world.enter(user, CONCERT)
    body = {"performanceId": PERFORMANCE, "seatNumbers": [SEATS]}
    return Call("reserve_seats", request("reserve_seats", user, body, queue_token=queue_token), 201)


def charge(world: World) -> Call:
    """Charge points."""
    return Call("charge_points", request("charge_points", world.user(), {"amount": 50_000}, key="a-key"), 201)


def pay(world: World) -> Call:
    """Pay for a seat: what the API's own function does."""
    user = world.user()
    world.charge(user, 50_000)
    body = {"reservationId": world.hold(user, 10, performance=PERFORMANCE)["reservationId"]}
    return Call("start_payment", request("start_payment", user, body, key="a-key"), 201)


CALLS = {"poll": poll, "reserve_seat": reserve_seat, "list_seats": list_seats, "charge": charge, "pay": pay}


def measure() -> dict[str, Warm]:
    """Measure every call that has a budget."""
    return {name: measure_one(name) for name in CALLS}


def measure_one(name: str) -> Warm:
    """Record the call once, then run it and its bare requests in turns."""
    with World() as world:
        call = CALLS[name](world)
        at = world.now
        recorded = _record(world, call)
        with replaying(recorded), redirect_stdout(io.StringIO()) as said:

            def ours() -> None:
                call.forget()
                world.time.at = at
                _invoke(call)

            bare = bare_calls(recorded)
            best = {bare: float("inf"), ours: float("inf")}
            for _ in range(ROUNDS):
                spent = dict.fromkeys(best, 0.0)
                for _ in range(CALLS_A_ROUND):
                    for each in spent:
                        spent[each] += _cpu(each)
                best = {each: min(best[each], spent[each]) for each in best}
                said.seek(0)
                said.truncate()
        return Warm(best[ours] / CALLS_A_ROUND, best[bare] / CALLS_A_ROUND, len(recorded))


def _invoke(call: Call) -> None:
    answer = handler(call.function)(call.event, Context())
    if answer["statusCode"] != call.status:
        raise RuntimeError(f"{call.function} answered {answer['statusCode']}: {answer['body']}")


def _cpu(work: Callable[[], None]) -> float:
    """Return the CPU seconds of one call.

    The two take turns call by call: a loop over one of them alone would have the processor's caches to itself, as no
    function on Lambda has.
    """
    began = time.process_time()
    work()
    return time.process_time() - began


def _record(world: World, call: Call) -> list[Recorded]:
    """Do the call in the world, warm, and keep what it asked and what it was told."""
    recorded: list[Recorded] = []
    requests: dict[str, dict[str, Any]] = {}

    def asked(params: dict[str, Any], model: Any, **_: Any) -> None:
        if not world.in_workflow:
            requests[model.name] = dict(params)

    def told(event_name: str, response_dict: dict[str, Any], **_: Any) -> None:
        if not world.in_workflow:
            name = event_name.rsplit(".", 1)[-1]
            recorded.append(Recorded("dynamodb", name, requests[name], response_dict["body"]))

    def started(**_: Any) -> None:
        if world.in_workflow:
            return
        answer = b'{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:p:p", "startDate": 1796119200.0}'
        recorded.append(Recorded("stepfunctions", "StartExecution", requests["StartExecution"], answer))

    events: Emitter = aws.session().events
    events.register("before-parameter-build", asked)
    events.register("response-received.dynamodb", told)
    events.register("after-call.sfn.StartExecution", started)
    forget_clients()
    world.connect()
    token.sign(token.Turn(CONCERT, "somebody", 1, active=True, expires_at=clock.now()))
    catalog.find_concert(CONCERT, clock.now())
    catalog.find_performance(PERFORMANCE, clock.now())
    call.forget()
    recorded.clear()
    _invoke(call)
    return recorded


@contextmanager
def replaying(recorded: list[Recorded]) -> Iterator[None]:
    """Answer every request, in order and over again, with what was recorded; nothing leaves the process."""
    turns = itertools.cycle(recorded)

    def send(request: Any, **_: Any) -> AWSResponse:
        known = next(turns)
        if not request.headers["X-Amz-Target"].decode().endswith(f".{known.operation}"):
            raise RuntimeError(f"{known.operation} was expected, not {request.headers['X-Amz-Target']}")
        headers: Any = HeadersDict({"Content-Type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, 200, headers, _Body(known.body))

    aws.session.cache_clear()
    emitter: Any = aws.session().events
    emitter.unregister("before-send", botocore_stubber)  # the in-process cloud would answer as well, and be counted
    emitter.register("before-send", send)
    forget_clients()
    gc.collect()
    gc.freeze()  # the in-process cloud's objects are no function's, and should not be gone through at each collection
    try:
        yield
    finally:
        gc.unfreeze()
        aws.session.cache_clear()
        forget_clients()


def bare_calls(recorded: list[Recorded]) -> Callable[[], None]:
    """Make a function that makes the recorded requests on clients like ours, and does nothing else."""
    clients = {service: aws.new_client(service) for service in {each.service for each in recorded}}
    calls = [(getattr(clients[each.service], SNAKE.sub("_", each.operation).lower()), each.params) for each in recorded]

    def bare() -> None:
        for make, params in calls:
            make(**params)

    return bare


def measure_apart() -> dict[str, Warm]:
    """Measure in a process of its own, without the native signer that the local cloud brings and Lambda has not."""
    paths = f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'booking' / 'python'}"
    environment = inherited_environment() | {"BOTO_DISABLE_CRT": "true", "PYTHONPATH": paths}
    command = [sys.executable, "-P", "-m", "lab.measure.warm"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failure(f"the warm calls could not be measured: {result.stderr.strip().splitlines()[-1]}")
    return {name: Warm(**figures) for name, figures in json.loads(result.stdout).items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: asdict(warm) for name, warm in measure().items()}))
