"""A whole stack of one's own: `./ost run` as a subprocess, and what a test needs to be many fans at once.

with local_stack("QueueCapacity=5 HoldSeconds=8") as stack:
    concert = stack.publish_concert(seats=50)
    fans = stack.fans(30)
    answer = stack.call(fans[0], "POST", f"/concerts/{concert.concert_id}/queue-tokens")
"""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from booking.publishing.catalog_file import Concert
from tools.ost.cloud import free_port
from tools.ost.fans import Fan, new_fan
from tools.ost.publish import publish_concerts
from tools.ost.stack import Stack

type Stacks = Callable[[str], "LocalStack"]

ROOT = Path(__file__).parents[2]
HOLD_SECONDS, ACTIVE_SECONDS = 8, 20
SHORT_HOLDS = f"HoldSeconds={HOLD_SECONDS}"
SHORT_TURNS = f"ActiveSeconds={ACTIVE_SECONDS} PollsPerSecond=40"
"""Parameters of stacks that several tests share. The local cloud takes some ten calls a second, as many as a line of
sixty makes of these polls (`admission.SHARES`)."""
START_SECONDS = 300
STOP_SECONDS = 30
MEMORY, MEMINFO = Path("/dev/shm"), Path("/proc/meminfo")
ROOM_BYTES = 16 * 2**30
"""What must be free for one more stack in memory: each may come to eighty processes with layers of their own."""
IN_FLIGHT = 8
YEAR = 365 * 24 * 3600
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PublishedConcert:
    """A concert that only one test knows."""

    concert_id: str
    performance_ids: list[str]
    price: int

    @property
    def performance_id(self) -> str:
        """Its first performance."""
        return self.performance_ids[0]


@dataclass
class LocalStack:
    """A running local stack. `cloud` has clients for everything in it, `outputs` is .local/outputs.json."""

    outputs: dict[str, Any]
    state: Path
    cloud: Stack
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
        self.http = httpx.Client(base_url=self.outputs["apiUrl"], timeout=90, limits=limits)

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return str(self.outputs["apiUrl"])

    def table(self, aggregate: str) -> str:
        """Name of the table of an aggregate (`seats`, `points`, …)."""
        return self.cloud.table(aggregate)

    def fans(self, count: int, name: str = "fan") -> list[Fan]:
        """Sign up and sign in that many new fans (about a hundred in two seconds)."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: new_fan(self.cloud, name), range(count)))

    def fan(self, name: str = "fan") -> Fan:
        """Sign up and sign in one new fan."""
        return new_fan(self.cloud, name)

    def call(
        self,
        fan: Fan | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        queue_token: str | None = None,
        key: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a request as a fan, or as nobody; can be called from many threads."""
        headers = dict(fan.headers) if fan else {}
        if queue_token is not None:
            headers["X-Queue-Token"] = queue_token
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            more["json"] = body
        return self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    def join(self, fan: Fan, concert_id: str) -> dict[str, Any]:
        """Take a place in a concert's queue; the queue view."""
        answer = self.call(fan, "POST", f"/concerts/{concert_id}/queue-tokens")
        assert answer.status_code in (200, 201), answer.text
        view: dict[str, Any] = answer.json()
        return view

    def poll(self, fan: Fan, concert_id: str, token: str) -> dict[str, Any]:
        """Poll one's place; the queue view."""
        answer = self.call(fan, "GET", f"/concerts/{concert_id}/queue-tokens/current", queue_token=token)
        assert answer.status_code == httpx.codes.OK, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def enter(self, fan: Fan, concert_id: str, seconds: float = 30) -> str:
        """Join and poll until it is the fan's turn; the queue token. Fails after that many seconds."""
        view = self.join(fan, concert_id)
        deadline = time.monotonic() + seconds
        while view["status"] != "ACTIVE":
            assert time.monotonic() < deadline, f"still {view['status']} at position {view['position']}"
            time.sleep(min(view["pollAfterSeconds"], 2))
            view = self.poll(fan, concert_id, view["token"])
        return str(view["token"])

    def publish_concert(
        self,
        *,
        seats: int = 50,
        price: int = 1000,
        performances: int = 1,
        lobby_opens_in: int | None = None,
        opens_in: int = -3600,
        closes_in: int = YEAR,
        capacity: int | None = None,
    ) -> PublishedConcert:
        """Publish a concert that no other test uses. Times are seconds from now."""
        concert_id, now = f"test-{os.getpid()}-{next(_numbers)}", int(time.time())
        labels = [f"night-{number}" for number in range(1, performances + 1)]
        lobby: dict[str, Any] = {} if lobby_opens_in is None else {"lobbyOpensAt": now + lobby_opens_in}
        concert = Concert(
            {
                "pk": "CONCERT",
                "sk": concert_id,
                "title": f"Test concert {concert_id}",
                "artist": "The Test Ensemble",
                "venue": "Test Hall",
                "description": "",
                "salesOpenAt": now + opens_in,
                "salesCloseAt": now + closes_in,
                **lobby,
            },
            {
                label: {
                    "pk": concert_id,
                    "sk": label,
                    "startsAt": now + closes_in + number * 86400,
                    "timezone": "Asia/Seoul",
                    "price": price,
                    "seatsTotal": seats,
                }
                for number, label in enumerate(labels)
            },
            capacity,
        )
        publish_concerts(self.cloud, [concert])
        return PublishedConcert(concert_id, [f"{concert_id}.{label}" for label in labels], price)

    def at_once[Argument, Result](
        self, call: Callable[[Argument], Result], arguments: list[Argument], in_flight: int = IN_FLIGHT
    ) -> list[Result]:
        """Make the call with each argument, that many of them in flight at every moment; the results in order."""
        with ThreadPoolExecutor(in_flight) as pool:
            return list(pool.map(call, arguments))

    def warm(self, call: Callable[[], Any], times: int = IN_FLIGHT) -> None:
        """Make that many calls at the same moment, so that as many processes of the function stand ready.

        The local cloud starts a process for each concurrent call, about a second of processor each. They stay.
        """
        barrier = threading.Barrier(times)

        def together(_: int) -> None:
            barrier.wait()
            call()

        with ThreadPoolExecutor(times) as pool:
            list(pool.map(together, range(times)))

    def close(self) -> None:
        """Close every connection."""
        self.http.close()
        self.cloud.close()


@contextmanager
def local_stack(params: str = "", *, port: int | None = None) -> Iterator[LocalStack]:
    """Start a stack with those parameters on a free port and with its own state; stop it at the end.

    Several can run at once. Fails with what `./ost run` said when it does not become ready. The cloud's log is kept in
    .local/log/, the last one for each set of parameters.
    """
    with tempfile.TemporaryDirectory(prefix="ost-stack-", dir=_in_memory()) as directory:
        state = Path(directory)
        where = ["--port", str(port or free_port()), "--state", str(state)]
        with (state / "run.log").open("w+") as log:
            process = subprocess.Popen(
                [str(ROOT / "ost"), "run", "--params", params, *where],
                cwd=ROOT,
                env=os.environ | {"LAMBDA_WARM_TTL_SECONDS": "60"},  # a process that has nothing to do takes room
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _wait_for_outputs(process, state)
                running = _running(state)
                try:
                    yield running
                finally:
                    running.close()
            finally:
                _stop(process)
                _keep_log(state, params)


@contextmanager
def shared(state: str | None = None) -> Iterator[Stacks]:
    """Start a stack for each set of parameters when it is first asked for; audit and stop them at the end.

    `state` is of a stack that runs already, and is used where no parameters are asked for.
    """
    with ExitStack() as running:
        started: dict[str, LocalStack] = {}

        def start(params: str) -> LocalStack:
            if params not in started:
                if state and not params:
                    stack = running.enter_context(closing(_running(Path(state))))
                else:
                    stack = running.enter_context(local_stack(params))
                running.callback(audit, stack)
                started[params] = stack
            return started[params]

        yield start


def _in_memory() -> Path | None:
    """Name the directory that lies in memory, where there is one and room: the local cloud unpacks the layers for each
    process of a function, which on a disk is most of its start."""
    told = re.search(r"^MemAvailable: +(\d+) kB", MEMINFO.read_text(), re.M) if MEMINFO.is_file() else None
    if told is None or not MEMORY.is_dir():
        return None
    return MEMORY if min(int(told[1]) * 1024, shutil.disk_usage(MEMORY).free) > ROOM_BYTES else None


def _running(state: Path) -> LocalStack:
    outputs = json.loads((state / "outputs.json").read_text())
    return LocalStack(outputs, state, Stack.local(outputs["awsEndpointUrl"], outputs["region"], outputs))


def audit(stack: LocalStack) -> None:
    """Read all of a stack: whatever was done to it, no promise may be broken."""
    told = subprocess.run(
        [str(ROOT / "ost"), "audit", "--state", str(stack.state)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def _wait_for_outputs(process: subprocess.Popen[bytes], state: Path) -> None:
    written, deadline = state / "outputs.json", time.monotonic() + START_SECONDS
    while not written.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"./ost run did not become ready:\n{(state / 'run.log').read_text()}")
        time.sleep(0.2)


def _keep_log(state: Path, params: str) -> None:
    log = state / "log" / "cloud.log"
    if log.is_file():
        kept = ROOT / ".local" / "log" / f"stack-{re.sub(r'[^A-Za-z0-9]+', '-', params) or 'default'}.log"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
