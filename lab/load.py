"""`./ost load`: drive the running local stack with fans who do the whole journey, at rising concurrency.

What is reported are ratios: a call of the API beside a bare GetItem on the same emulator, and beside a call of a
function that asks nothing of any table, both made by the same fans in the same moments. The emulator starts a process
for each concurrent call of a function and runs on this machine's own processors: it, not the product, is the ceiling,
and no time here says anything about AWS (docs/performance.md has what does).
"""

import random
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import httpx
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.ost.audit import audit
from tools.ost.catalog import Concert, Item
from tools.ost.console import Failure, err, figures, out, step
from tools.ost.fans import Fan, new_fan
from tools.ost.paths import STATE
from tools.ost.publish import CatalogTables, publish_concerts
from tools.ost.stack import Stack, StateOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

NIGHTS = 20
SEATS = 50
PRICE = 1000
LONGEST_SECONDS = 300
BARE = "bare GetItem"
IDLE = "function without tables"
REFUSALS = {"SEAT_TAKEN", "SEAT_LIMIT_EXCEEDED"}
"""Answers that a fan who competes has to expect: counted, but no errors."""


@dataclass
class Stage:
    """What so many fans at once have seen. Seconds by operation; answers that were no success by their code."""

    fans: int
    deadline: float
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    journeys: int = 0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_over(self) -> bool:
        """Tell whether to begin nothing more."""
        return time.monotonic() >= self.deadline

    @contextmanager
    def timing(self, operation: str) -> "Iterator[None]":
        """Note how long something took."""
        began = time.perf_counter()
        yield
        with self.lock:
            self.took[operation].append(time.perf_counter() - began)

    def note(self, answer: httpx.Response) -> bool:
        """Note how a call ended; tell whether it succeeded."""
        if answer.is_success:
            return True
        code = str(answer.json().get("code", answer.status_code)) if answer.content else str(answer.status_code)
        with self.lock:
            (self.refused if code in REFUSALS else self.errors)[code] += 1
        return False


def load(
    *,
    fans: Annotated[str, typer.Option(help="How many fans at once, stage by stage.")] = "1,2,4,8",
    seconds: Annotated[int, typer.Option(help="How long each stage lasts.", min=1, max=60)] = 10,
    state: StateOption = STATE,
) -> None:
    """Drive the running local stack with whole journeys, report throughput and latency as ratios, then audit it.

    Only the local stack, for at most five minutes. The emulator is the ceiling, not the product.
    """
    stages = [int(word) for word in fans.split(",") if word.strip().isdigit()]
    if not stages or max(stages) > 64 or min(stages) < 1 or len(stages) * seconds > LONGEST_SECONDS:
        raise Failure(f"say stages of 1 to 64 fans, such as 1,2,4, that take {LONGEST_SECONDS} s at most together.")
    stack = Stack.find(None, state)
    _must_be_local(stack)
    with step("Making fans and a concert", "Made fans and a concert"):
        concert = _publish(stack)
        crowd = [new_fan(stack, "load") for _ in range(max(stages))]
    with httpx.Client(base_url=stack.api_url, timeout=60, limits=httpx.Limits(max_connections=128)) as http:
        with step("Warming the functions up", "Warmed the functions up"):
            _run(stack, http, concert, crowd, Stage(2, time.monotonic() + 8))
        found = []
        for count in stages:
            stage = Stage(count, time.monotonic() + seconds)
            _run(stack, http, concert, crowd, stage)
            found.append(stage)
    _show(found)
    audit(None, state, None, None)


def _must_be_local(stack: Stack) -> None:
    for url in (stack.api_url, stack.endpoint or ""):
        host = urlsplit(url).hostname or ""
        if not (host == "localhost" or (host[:1].isdigit() and ip_address(host).is_loopback)):
            raise Failure("load is for the local stack on this machine only.")


def _publish(stack: Stack) -> str:
    name, now = f"load-{secrets.token_hex(4)}", int(time.time())
    later = now + 365 * 86_400
    facts: Item = {"title": "A load", "artist": "The Load Ensemble", "venue": "Load Hall", "description": ""}
    nights: dict[str, Item] = {
        f"night-{number}": {
            "pk": name,
            "sk": f"night-{number}",
            "startsAt": later + number,
            "timezone": "UTC",
            "price": PRICE,
            "seatsTotal": SEATS,
        }
        for number in range(NIGHTS)
    }
    sales: Item = {"pk": "CONCERT", "sk": name, "salesOpenAt": now - 60, "salesCloseAt": later}
    publish_concerts(CatalogTables.of(stack), [Concert(sales | facts, nights, None)])
    return name


def _run(stack: Stack, http: httpx.Client, concert: str, crowd: list[Fan], stage: Stage) -> None:
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress, ThreadPoolExecutor(stage.fans) as pool:
        task = progress.add_task(f"{stage.fans} at once", total=stage.deadline - began)
        journeys = [pool.submit(_live, stack, http, concert, fan, stage) for fan in crowd[: stage.fans]]
        while not all(journey.done() for journey in journeys):
            progress.update(
                task, completed=time.monotonic() - began, description=f"{stage.fans}: {stage.journeys} paid"
            )
            time.sleep(0.2)
    stage.seconds = time.monotonic() - began
    for journey in journeys:
        journey.result()


def _live(stack: Stack, http: httpx.Client, concert: str, fan: Fan, stage: Stage) -> None:
    """Do journeys until the stage is over. After each call of the API, the bare ones, under the same load."""
    client, table = stack.dynamodb, stack.table("catalog")
    while not stage.is_over:

        def call(operation: str, method: str, path: str, **options: Any) -> httpx.Response:
            headers = fan.headers | options.pop("headers", {})
            with stage.timing(operation):
                answer = http.request(method, path, headers=headers, **options)
            _bare(client, table, concert, stage)
            return answer

        with stage.timing(IDLE):
            http.get("/openapi.json")
        if _journey(call, concert, stage):
            stage.journeys += 1


def _bare(client: "DynamoDBClient", table: str, concert: str, stage: Stage) -> None:
    with stage.timing(BARE):
        client.get_item(TableName=table, Key={"pk": {"S": "CONCERT"}, "sk": {"S": concert}})


def _journey(call: Callable[..., httpx.Response], concert: str, stage: Stage) -> bool:
    """Browse, join, poll as told, hold a seat, charge and pay; tell whether it ended paid."""
    night = f"{concert}.night-{random.randrange(NIGHTS)}"  # noqa: S311 - any night will do
    for operation, path in (
        ("list concerts", "/concerts"),
        ("list dates", f"/concerts/{concert}/performances"),
        ("list seats", f"/performances/{night}/seats"),
    ):
        answer = call(operation, "GET", path)
        if not stage.note(answer):
            return False
    free = [seat["seatNumber"] for seat in answer.json()["seats"] if seat["status"] == "AVAILABLE"]
    if not free or (queue_token := _wait(call, concert, stage)) is None:
        return False
    wanted = {"performanceId": night, "seatNumbers": [random.choice(free)]}  # noqa: S311 - any seat will do
    held = call("reserve", "POST", "/reservations", json=wanted, headers={"X-Queue-Token": queue_token})
    if not stage.note(held):
        call("leave", "DELETE", f"/concerts/{concert}/queue-tokens/current", headers={"X-Queue-Token": queue_token})
        return False
    key = {"Idempotency-Key": secrets.token_hex(8)}
    if not stage.note(call("charge", "POST", "/points/charges", json={"amount": PRICE}, headers=key)):
        return False
    body = {"reservationId": held.json()["reservationId"]}
    return stage.note(call("pay", "POST", "/payments", json=body, headers=key))


def _wait(call: Callable[..., httpx.Response], concert: str, stage: Stage) -> str | None:
    answer = call("join", "POST", f"/concerts/{concert}/queue-tokens")
    while stage.note(answer):
        place = answer.json()
        if place["status"] == "ACTIVE":
            return str(place["token"])
        if stage.is_over:
            return None
        time.sleep(min(place["pollAfterSeconds"], max(0.0, stage.deadline - time.monotonic())))
        headers = {"X-Queue-Token": place["token"]}
        answer = call("poll", "GET", f"/concerts/{concert}/queue-tokens/current", headers=headers)
    return None


def _show(stages: list[Stage]) -> None:
    for stage in stages:
        calls = sum(len(times) for name, times in stage.took.items() if name not in (BARE, IDLE))
        title = (
            f"{stage.fans} at once: {calls / stage.seconds:.1f} calls and {stage.journeys / stage.seconds:.2f} paid "
            f"journeys a second; refused {dict(stage.refused) or 'none'}, errors {dict(stage.errors) or 'none'}"
        )
        table = Table(title=title, title_justify="left")
        for heading in ("operation", "calls", "p50 ms", "p95 ms", "p99 ms", "p50 / GetItem", "p50 / idle function"):
            table.add_column(heading, justify="left" if heading == "operation" else "right")
        bare, idle = (_percentile(stage.took[name], 50) for name in (BARE, IDLE))
        for name, times in sorted(stage.took.items(), key=lambda each: (each[0] in (BARE, IDLE), each[0])):
            middle = _percentile(times, 50)
            table.add_row(
                name,
                str(len(times)),
                *(f"{_percentile(times, share) * 1000:.0f}" for share in (50, 95, 99)),
                f"{middle / bare:.1f}" if bare else "",
                f"{middle / idle:.1f}" if idle else "",
            )
        figures.print(table)
    out.print("The emulator is the ceiling here, not the product: read the ratios, not the times.", style="dim")


def _percentile(times: list[float], share: int) -> float:
    """Give the nearest-rank percentile; 0 of nothing."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0.0
