"""`make load`: fans who do the whole journey on the running local stack, driven by Locust.

After each call a fan makes a bare GetItem on the same emulator, and before each journey a call of a function that asks
nothing of any table. What is worth reading are the ratios to those two, printed last: the emulator starts a process for
each concurrent call on this machine's own processors, so it, not the product, is the ceiling, and no time here says
anything about AWS (docs/performance.md has what does).
"""

import os
import random
import secrets
import time
from pathlib import Path
from typing import Any

from locust import HttpUser, constant, events, task

from booking.publishing.catalog_file import Concert, Item
from tools.ost.fans import new_fan
from tools.ost.paths import STATE
from tools.ost.publish import publish_concerts
from tools.ost.stack import Stack

NIGHTS = 20
SEATS = 50
PRICE = 1000
PATIENCE_SECONDS = 60
"""How long a fan waits in line before giving up, which counts as a failure."""
BARE, IDLE = "bare GetItem", "function without tables"
REFUSALS = {"SEAT_TAKEN", "SEAT_LIMIT_EXCEEDED"}
"""Answers that a fan who competes has to expect: shown under a name of their own, but no failures."""

stack = Stack.find(None, Path(os.environ.get("OST_STATE", STATE)))  # the local one, and no other
concert = f"load-{secrets.token_hex(4)}"


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def publish(**_: Any) -> None:
    """Put a concert on sale that nobody has booked."""
    now = int(time.time())
    later = now + 365 * 86_400
    facts: Item = {"title": "A load", "artist": "The Load Ensemble", "venue": "Load Hall", "description": ""}
    facts |= {"pk": "CONCERT", "sk": concert, "salesOpenAt": now - 60, "salesCloseAt": later}
    night: Item = {"pk": concert, "startsAt": later, "timezone": "UTC", "price": PRICE, "seatsTotal": SEATS}
    nights: dict[str, Item] = {f"night-{number}": night | {"sk": f"night-{number}"} for number in range(NIGHTS)}
    publish_concerts(stack, [Concert(facts, nights, None)])


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def show_ratios(environment: Any, **_: Any) -> None:
    """Print the median of each operation against the two bare calls'."""
    medians = {name: entry.median_response_time for (name, _), entry in environment.stats.entries.items()}
    bare, idle = medians.pop(BARE, 0), medians.pop(IDLE, 0)
    print(f"\n{'median against':30}{BARE:>30}{IDLE:>30}")
    for name, median in sorted(medians.items()):
        print(f"{name:30}{median / (bare or 1):30.1f}{median / (idle or 1):30.1f}")


class JourneyingFan(HttpUser):
    """A fan who books one seat after another."""

    host = stack.api_url
    wait_time = constant(0)

    def on_start(self) -> None:
        """Sign up and in."""
        self.client.headers.update(new_fan(stack, "load").headers)

    @task
    def book(self) -> None:
        """Browse, join, poll as told, hold a seat, charge and pay."""
        self.client.get("/openapi.json", name=IDLE)
        night = f"{concert}.night-{random.randrange(NIGHTS)}"  # noqa: S311 - any night will do
        self.ask("list concerts", "GET", "/concerts")
        self.ask("list dates", "GET", f"/concerts/{concert}/performances")
        seats = self.ask("list seats", "GET", f"/performances/{night}/seats")["seats"]
        free = [seat["seatNumber"] for seat in seats if seat["status"] == "AVAILABLE"]
        place = self.line_up()
        if not free or place["status"] != "ACTIVE":
            return
        turn = {"X-Queue-Token": place["token"]}
        wanted = {"performanceId": night, "seatNumbers": [random.choice(free)]}  # noqa: S311 - any seat will do
        held = self.ask("reserve", "POST", "/reservations", json=wanted, headers=turn)
        if "reservationId" not in held:
            self.ask("leave", "DELETE", f"/concerts/{concert}/queue-tokens/current", headers=turn)
            return
        key = {"Idempotency-Key": secrets.token_hex(8)}
        self.ask("charge", "POST", "/points/charges", json={"amount": PRICE}, headers=key)
        self.ask("pay", "POST", "/payments", json={"reservationId": held["reservationId"]}, headers=key)

    def line_up(self) -> dict[str, Any]:
        """Join the queue and poll as told until it is one's turn; return the place."""
        place, deadline = self.ask("join", "POST", f"/concerts/{concert}/queue-tokens"), time.time() + PATIENCE_SECONDS
        while place["status"] == "WAITING" and time.time() < deadline:
            time.sleep(place["pollAfterSeconds"])
            turn = {"X-Queue-Token": place["token"]}
            place = self.ask("poll", "GET", f"/concerts/{concert}/queue-tokens/current", headers=turn)
        return place

    def ask(self, operation: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Make a call, and the bare one after it, under the same load; return the body of what came."""
        with self.client.request(method, path, name=operation, catch_response=True, **request) as answer:
            body: dict[str, Any] = answer.json() if answer.content else {}
            if body.get("code") in REFUSALS:
                answer.request_meta["name"] = f"{operation}: {body['code']}"
                answer.success()
        began = time.perf_counter()
        key = {"pk": {"S": "CONCERT"}, "sk": {"S": concert}}
        stack.dynamodb.get_item(TableName=stack.table("catalog"), Key=key)
        took = (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type="AWS", name=BARE, response_time=took, response_length=0, exception=None
        )
        return body
