"""A quarter of an hour of an on-sale, the same every time: what everybody is answered, and what is stored at last.

Fans queue, hold, pay, cancel and come to the door, an organiser sets and sells beside them, by a seed's dice. The queue
is far on, the halls have sections, grades and places for wheelchairs: small numbers hide what is wrong. Whoever changes
an answer sees here which ones change. With `WRITE_OUTCOMES=1` in the environment this is written down as it is now.
"""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking import calling_off, clock, dynamodb, memory
from booking.errors import TemporarilyUnavailable
from booking.queue import driver, items
from tests.faults import Fault, Kind
from tests.handlers import call
from tests.kept import assert_kept, digest, plain
from tests.world import START, Answer, World

STAFF = {"cognito:groups": "[staff]", "cognito:username": "door"}
ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}
FAR_ON = 70_000
"""Numbers that were given out before."""
HOUR = 3600
PLAYED = {"calm": (17, 0.0), "faulty": (23, 0.3)}
"""A seed for the dice, and how often something happens to a call."""
CATALOG = """\
halls:
  - hallId: opera
    name: The Opera
    grades: [{ gradeId: vip, name: VIP }, { gradeId: r, name: R }]
    sections:
      - sectionId: stalls
        name: Stalls
        grade: vip
        at: [0, 300]
        rows:
          - { rows: A-C, seats: 1-12, aisles: [4, -4], accessible: [1, 12], companions: { 2: 1, 3: 1, 10: 12, 11: 12 } }
          - { rows: D-F, seats: 14, grow: 1, grade: r }
      - { sectionId: "box-{n}", name: "Box {n}", grade: r, radius: 1500, bearing: -60, around: { times: 3, turn: 60 },
          rows: [{ rows: A-B, seats: 4 }] }
concerts:
  - concertId: ashes
    title: Ashes
    artist: The Ensemble
    venue: The Opera
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2027-01-24 18:00
    queueCapacity: 16
    performances:
      - { label: first, startsAt: 2027-01-25 19:00, hall: opera, prices: { vip: 317, r: 121 }, noSingleSeats: true,
          accessibleReleaseHours: 1 }
      - { label: second, startsAt: 2027-01-18 19:00, price: 93, seatsTotal: 45 }
  - concertId: dawn
    title: Dawn
    artist: The Ensemble
    venue: A Hall
    timezone: Asia/Seoul
    lobbyOpensAt: 2027-01-15 16:00
    salesOpenAt: 2027-01-15 17:33
    salesCloseAt: 2027-01-24 18:00
    queueCapacity: 5
    performances: [{ label: only, startsAt: 2027-01-25 19:00, price: 71, seatsTotal: 12 }]
"""
FIRST, SECOND = "ashes.first", "ashes.second"
FANS = [f"fan-{number}" for number in range(30)]


class OnSale:
    """What the dice do, and what comes of it, a line a step."""

    def __init__(self, world: World, seed: int, faults: float) -> None:
        self.world, self.dice, self.lines, self.faults = world, random.Random(seed), list[str](), faults
        self.tokens: dict[tuple[str, str], str] = {}
        self.bookings: list[tuple[str, dict[str, Any]]] = []
        self.codes: list[str] = []
        self.scans = 0
        self.key = 0

    def told(self, function: str, user: str, body: Any = None, **options: Any) -> Answer:
        """Send a request once, whatever happens to a call of it, and write down what comes back."""
        struck = self.dice.random() < self.faults
        self.world.wire.set(Fault(self.dice.choice(list(Kind)), self.dice.randint(0, 7)) if struck else None)
        answer = self.world.call(function, user, body, **options)
        struck &= self.world.wire.struck
        self.world.wire.set(None)
        named = {name: value for name, value in options.items() if name.endswith("Id")}
        asked = named | options.get("query", {}) | (body if isinstance(body, dict) else {})
        whole = plain([answer.status, answer.headers, answer.body])
        facts = f"{answer.code} " * (answer.code is not None) + short(answer.body)
        at = int(self.world.time.at) - START
        self.lines.append(
            f"{at} {user} {function} {plain(asked)[:60]} {answer.status} {facts[:60]} {digest(whole)}{' !' * struck}"
        )
        return answer

    def new_key(self) -> str:
        """Return a key that was not used, or now and then the one before."""
        self.key += self.dice.random() < 0.9
        return f"key-{self.key}"

    def step(self, acts: dict[str, int], pauses: list[int]) -> None:
        """Let some time go by, and somebody do something."""
        self.world.time.sleep(self.dice.choice(pauses))
        if self.dice.random() < 0.1:
            memory.forget()
            self.world.wire.deliver_late()
        if self.dice.random() < 0.3:
            self.world.tick(self.concert())
        what = self.dice.choices(list(acts), list(acts.values()))[0]
        getattr(self, what)(self.dice.choice(FANS))

    def concert(self) -> str:
        return self.dice.choice(["ashes", "ashes", "ashes", "dawn"])

    def join(self, user: str, concert: str = "") -> None:
        concert = concert or self.concert()
        view = self.told("issue_queue_token", user, concertId=concert)
        if view.status in {200, 201}:
            self.tokens[user, concert] = view.body["token"]

    def poll(self, user: str, concert: str = "") -> Answer:
        concert = concert or self.concert()
        view = self.told("poll_queue_token", user, concertId=concert, queue_token=self.tokens.get((user, concert)))
        if view.status == 200:
            self.tokens[user, concert] = view.body["token"]
        return view

    def leave(self, user: str) -> None:
        concert = self.concert()
        self.told("leave_queue", user, concertId=concert, queue_token=self.tokens.get((user, concert)))

    def come_in(self, user: str, concert: str) -> str | None:
        """Poll, or join where that is no place any more; return the token."""
        if self.poll(user, concert).status == 401:
            self.join(user, concert)
        return self.tokens.get((user, concert))

    def reserve(self, user: str) -> None:
        first, count = self.dice.randint(1, 45), self.dice.randint(1, 3)
        body: dict[str, Any] = {
            "performanceId": self.dice.choice([FIRST, FIRST, SECOND, "dawn.only"]),
            "seatNumbers": list(range(first, first + count)),
        }
        self._reserve(user, body)

    def reserve_best(self, user: str) -> None:
        body: dict[str, Any] = {"performanceId": self.dice.choice([FIRST, FIRST, SECOND, "dawn.only"])}
        body["quantity"] = self.dice.randint(1, 4)
        if body["performanceId"] == FIRST:
            body |= self.dice.choice([{}, {}, {"gradeId": "r"}, {"sectionId": "box-2"}, {"accessible": True}])
        self._reserve(user, body)

    def _reserve(self, user: str, body: dict[str, Any]) -> None:
        token = self.come_in(user, body["performanceId"].split(".")[0])
        key = self.new_key() if "quantity" in body else None
        answer = self.told("reserve_seats", user, body, queue_token=token, key=key)
        if answer.status == 201:
            self.bookings.append((user, answer.body))

    def _booking(self) -> tuple[str, dict[str, Any]]:
        recent = self.bookings[-12:] or [("fan-0", {"reservationId": "r0", "seatNumbers": [1], "amount": 1})]
        return self.dice.choice(recent)

    def release(self, _: str) -> None:
        user, held = self._booking()
        self.told("release_reservation", user, reservationId=held["reservationId"])

    def charge(self, user: str) -> None:
        self.told("charge_points", user, {"amount": self.dice.choice([53, 419, 1511])}, key=self.new_key())

    def use(self, user: str) -> None:
        self.told("use_points", user, {"amount": self.dice.choice([11, 87])}, key=self.new_key())

    def pay(self, _: str) -> None:
        user, held = self._booking()
        self.told("start_payment", user, {"reservationId": held["reservationId"]}, key=self.new_key())

    def charge_and_pay(self, _: str) -> None:
        self._charge_and_pay(*self._booking())

    def _charge_and_pay(self, user: str, held: dict[str, Any]) -> None:
        self.told("charge_points", user, {"amount": held["amount"]}, key=self.new_key())
        paid = self.told("start_payment", user, {"reservationId": held["reservationId"]}, key=self.new_key())
        if "paymentId" in (paid.body or {}):
            self.told("get_payment", user, paymentId=paid.body["paymentId"])

    def buy(self, user: str) -> None:
        before = len(self.bookings)
        self.reserve_best(user)
        if len(self.bookings) > before:
            self._charge_and_pay(*self.bookings[-1])

    def cancel(self, _: str) -> None:
        user, held = self._booking()
        seats = held["seatNumbers"][: self.dice.randint(1, 4)]
        quoted = self.told(
            "quote_cancellation",
            user,
            reservationId=held["reservationId"],
            query={"seatNumbers": ",".join(map(str, seats))},
        )
        refund = (quoted.body or {}).get("refund", 0) + (self.dice.random() < 0.1)
        body = {"seatNumbers": seats, "expectedRefund": refund}
        self.told("cancel_reservation", user, body, reservationId=held["reservationId"], key=self.new_key())

    def cancel_in_their_stead(self, _: str) -> None:
        user, held = self._booking()
        of = {"reservationId": held["reservationId"], "claims": ORGANISER}
        quoted = self.told("quote_booking", "olga", query={"userId": user}, **of)
        body = {
            "userId": user,
            "expectedRefund": (quoted.body or {}).get("refund", 0),
            "reason": "asked for by telephone",
        }
        self.told("cancel_booking", "olga", body, key=self.new_key(), **of)

    def tickets(self, _: str) -> None:
        user, held = self._booking()
        shown = self.told("list_tickets", user, reservationId=held["reservationId"])
        self.codes += [ticket["code"] for ticket in ((shown.body or {}).get("items") or [])]

    def scan(self, _: str) -> None:
        codes = [self.dice.choice([*self.codes[-20:], "not a ticket"]) for _ in range(self.dice.randint(1, 3))]
        at = int(self.world.time.at) - self.dice.choice([0, 0, 30])
        scans = [
            {"scanId": f"s{self.scans + each}", "code": code, "at": clock.rfc3339(at)}
            for each, code in enumerate(codes)
        ]
        self.scans += self.dice.randint(0, len(scans))
        sent = {"deviceId": self.dice.choice(["north", "south"]), "scans": scans}
        self.told("record_check_ins", "staff", sent, claims=STAFF, performanceId=self.dice.choice([FIRST, SECOND]))

    def look(self, user: str) -> None:
        user, held = self.dice.choice([(user, {"reservationId": "r0"}), self._booking()])
        date, section = self.dice.choice([(FIRST, None), (FIRST, "stalls"), (FIRST, "box-1"), (SECOND, None)])
        self.told("list_seats", user, performanceId=date, query={"section": section} if section else {})
        self.told("get_performance", user, performanceId=date)
        self.told("list_performances", user, concertId="ashes", query={"bookable": "true"})
        self.told("list_concerts", user)
        self.told("get_concert", user, concertId=self.concert())
        self.told("get_draw", user, concertId="dawn")
        self.told("get_reservation", user, reservationId=held["reservationId"])
        self.told("get_points", user)
        for function in ("list_reservations", "list_points_history"):
            self._pages(function, user, {"limit": "3"}, 2)

    def look_at_sales(self, _: str) -> None:
        date = self.dice.choice([FIRST, SECOND])
        self.told("list_sales", "olga", claims=ORGANISER)
        self._pages("list_bookings", "olga", {"limit": "4"}, 5, claims=ORGANISER, performanceId=date)
        self.told("list_bookings", "olga", claims=ORGANISER, performanceId=date, query={"q": "12"})
        self._pages("list_log", "olga", {"limit": "5"}, 2, claims=ORGANISER)
        self.told("get_guest_list", "staff", claims=STAFF, performanceId=date)

    def _pages(self, function: str, user: str, query: dict[str, str], most: int, **options: Any) -> None:
        for _ in range(most):
            page = self.told(function, user, query=query, **options)
            if page.status != 200 or page.body["nextCursor"] is None:
                return
            query = query | {"cursor": page.body["nextCursor"]}

    def set_queue(self, _: str) -> None:
        body = self.dice.choice([{"capacity": 3}, {"capacity": 16}, {"message": "Soon."}, {"paused": True}])
        self.told("set_queue", "olga", body, claims=ORGANISER, concertId="ashes")
        self.world.time.sleep(5)
        self.told("set_queue", "olga", {"paused": False, "message": None}, claims=ORGANISER, concertId="ashes")

    def publish(self, _: str) -> None:
        text = self.dice.choice(
            [
                CATALOG.replace("price: 93", f"price: {self.dice.randint(80, 99)}"),
                CATALOG.replace("seatsTotal: 45", "seatsTotal: 44"),
                CATALOG.replace("title: Ashes", f"title: Ashes {self.dice.randint(1, 9)}"),
                CATALOG.replace("price: 93", "price: free").replace("aisles: [4", "aisles: [99"),
            ]
        )
        query = self.dice.choice([{}, {"dryRun": "true"}])
        self.told("publish_catalog", "olga", text, claims=ORGANISER, query=query)

    def call_off(self, _: str) -> None:
        of: dict[str, Any] = {"claims": ORGANISER, "performanceId": SECOND}
        survey = self.told(
            "start_calling_off", "olga", {"dryRun": True} | self.dice.choice([{}, {"offSale": True}]), **of
        )
        self.world.wire.stand_ins["stepfunctions"] = lambda _: (200, json.dumps({"executionArn": "x", "startDate": 0}))
        self.told("start_calling_off", "olga", {"confirm": (survey.body or {}).get("code", "none")}, **of)
        del self.world.wire.stand_ins["stepfunctions"]
        first = self.dice.choice([1, 1, 20])
        self.clear(first, first + 25)
        self.told("get_calling_off", "olga", **of)

    def clear(self, first: int, last: int) -> None:
        sent = {"performanceId": SECOND, "range": {"first": first, "last": last}}
        with self.world.wire.invocation(), contextlib.suppress(calling_off.NotCleared, TemporarilyUnavailable):
            self.lines.append(f"clear_seats {plain(call('clear_seats', sent))}")

    def drive(self, _: str) -> None:
        concert = self.concert()
        with self.world.wire.invocation():
            self.lines.append(f"advance_queue {concert} {plain(call('advance_queue', {'concertId': concert}))}")

    def settle(self, _: str) -> None:
        self.lines.append(f"settle_payment {plain(self.world.settle())}")

    def draw(self, _: str) -> None:
        with self.world.wire.invocation():
            self.lines.append(f"draw_lobby {plain(call('draw_lobby', {'concertId': 'dawn'}))}")


ACTS = {
    **{"join": 16, "poll": 30, "leave": 2, "reserve": 14, "reserve_best": 12, "release": 3, "charge": 4, "use": 2},
    **{"pay": 3, "charge_and_pay": 12, "cancel": 6, "cancel_in_their_stead": 2, "tickets": 5, "scan": 6, "look": 3},
    **{"look_at_sales": 1, "set_queue": 1, "publish": 1, "drive": 1, "draw": 2, "settle": 2},
}
"""What happens, and how often."""
AFTERWARDS = {
    **{"buy": 12, "join": 3, "pay": 1, "cancel": 14, "cancel_in_their_stead": 4, "tickets": 4, "scan": 4, "look": 4},
    **{"look_at_sales": 3, "settle": 1, "publish": 1, "call_off": 2},
}
"""What happens in the days after it."""


def short(body: Any) -> str:
    """Name the plain facts of an answer."""
    return plain([each for each in body.values() if isinstance(each, int)]) if isinstance(body, dict) else ""


@pytest.fixture
def world() -> Iterator[World]:
    with World(Beacon="off") as world:
        yield world


@pytest.mark.parametrize("name", PLAYED)
def test_an_on_sale_comes_to_what_it_came_to_before(
    world: World, same_secrets: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    random.seed(5)
    monkeypatch.setattr(driver, "kick", lambda *_, **__: True)
    played = OnSale(world, *PLAYED[name])
    assert world.call("publish_catalog", "olga", CATALOG, claims=ORGANISER).body["mistakes"] == []
    far = {"issued": FAR_ON, "issuedAt": START - 600}
    world.put("queue", items.counter_key("ashes") | far)
    world.put("queue", items.queue_key("ashes") | {"capacity": 16, "low": FAR_ON, "admitted": FAR_ON})
    made: Counter[str] = Counter()
    dynamodb.client().meta.events.register("before-call.dynamodb", lambda model, **_: made.update([model.name]))

    for _ in range(400):
        played.step(ACTS, [0, 0, 1, 1, 1, 2, 3])
    for _ in range(100):
        played.step(AFTERWARDS, [7, 500, HOUR, 5 * HOUR])
    world.wire.deliver_late()
    played.clear(1, 45)
    world.settle_until_quiet()

    sums = [f"{name} {count}" for name, count in [*sorted(made.items()), *sorted(world.metrics.items())]]
    ends = [
        f"{table} {len(found)} {digest(plain(sorted(map(plain, found))))}" for table, found in world.tables().items()
    ]
    assert_kept(Path(__file__).with_name(f"on_sale_{name}.txt"), [*played.lines, *sums, *ends])
    assert world.violations() == []
