"""The whole booking against a small model of it, with faults at any call and the clock moving in between.

Users join, reserve, release, charge, use, pay and cancel, with old keys and new ones; a date is called off; executions
are held back, steps break, requests arrive late, holds expire, the sweep comes by each minute. Doors scan tickets that
are good, given back, forged or of another date, at once or offline, and send what they scanned again and in any order.
After each step the auditor finds nothing and what everybody sees is what the model says.

`FUZZ_STEPS=10000 pytest tests/model -s --hypothesis-seed=1` runs it at length; a failure prints the steps to it, and
the same seed finds it again.
"""

import contextlib
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from booking import catalog, clock, ids, payments, tickets
from booking.queue import tick
from tests.faults import Fault, Kind, ProcessEnded
from tests.handlers import call
from tests.world import CONCERT, PERFORMANCES, PRICE, SEATS, Answer, StepFailed, StepRun, World

USERS = ("ann", "bob", "eve")
STEPS_AN_EXAMPLE = 40
DEFAULT_STEPS = 480
HOLD = 300
MAX_HOLDING = 900
AGAIN = 300
LIMIT = 4
DOORS = ("north", "south")
SCANS = ("s1", "s2", "s3", "s4", "s5", "s6")

BREAKS = st.sampled_from([None, None, None, "UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints"])

users = st.sampled_from(USERS)
keys = st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6"])
amounts = st.sampled_from([1, 50, 100, 150, 200, 500])


def faults(calls: int) -> st.SearchStrategy[Fault | None]:
    """Something that happens to one of the first calls of a request, or nothing."""
    fault = st.builds(Fault, st.sampled_from(list(Kind)), st.integers(0, calls - 1))
    return st.one_of(st.none(), fault, fault)


@dataclass
class Hold:
    """A reservation as the model has it."""

    user: str
    performance: str
    seats: tuple[int, ...]
    ends: int
    status: str = "HELD"
    paid_at: int | None = None
    bought: tuple[int, ...] = ()
    """Its seats as they were held; `seats` are those that were not cancelled."""

    def __post_init__(self) -> None:
        self.bought = self.seats

    @property
    def amount(self) -> int:
        return PRICE * len(self.seats)


@dataclass(frozen=True)
class Shown:
    """What a guest shows at a door: the ticket of a reservation's seat, as it was signed or forged."""

    reservation: str
    seat: int
    code: str
    forged: bool


@dataclass
class Model:
    """What must be true, kept in a few dictionaries."""

    balance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(USERS, 0))
    holds: dict[str, Hold] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[Any, int]] = field(default_factory=dict)
    """What each key of a charge or use asked for, and the balance that it was answered."""
    paid_with: dict[tuple[str, str], str] = field(default_factory=dict)
    """Which reservation each key of a payment was used for."""
    open: dict[str, str] = field(default_factory=dict)
    """Open payments and their reservations."""
    called_off: set[str] = field(default_factory=set)
    """Performances that the organiser has called off."""
    scans: dict[tuple[str, str, str], Shown] = field(default_factory=dict)
    """What each scan was of, by performance, door and its name."""
    admitted: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    """Door and name of the scan that a reservation's seat was admitted with."""
    holding: dict[tuple[str, str], set[tuple[int, int]]] = field(default_factory=dict)
    """Since when a user may have been holding seats of a performance, and the latest deadline since then. Whoever pays
    begins anew, at one of their next holds."""

    def scan(self, performance: str, door: str, name: str, shown: Shown) -> tuple[str, str | None]:
        """Take one scan; tell what it means, and which door let this guest in."""
        shown = self.scans.setdefault((performance, door, name), shown)
        hold, seat = self.holds[shown.reservation], (shown.reservation, shown.seat)
        if shown.forged:
            return "INVALID", None
        if hold.performance != performance:
            return "WRONG_DATE", None
        good = hold.status == "CONFIRMED" and shown.seat in hold.seats
        first = self.admitted.setdefault(seat, (door, name)) if good else self.admitted.get(seat)
        if first == (door, name):
            return "ADMITTED", door
        return ("ALREADY", first[0]) if good and first else ("REVOKED", None)

    def count(self, user: str, performance: str, at: float) -> int:
        """Count what a user has of a performance."""
        holds = [
            (name, hold) for name, hold in self.holds.items() if (hold.user, hold.performance) == (user, performance)
        ]
        return sum(len(hold.seats) for name, hold in holds if self.lives(name, at))

    def begin(self, user: str, performance: str, at: int) -> set[tuple[int, int]]:
        """Tell since when a hold that is made now may count as holding, with the latest deadline before it."""
        known = self.holding.get((user, performance), {(at, 0)})
        paid = [hold.paid_at for hold in self.holds.values() if (hold.user, hold.performance) == (user, performance)]
        rested = {(at, until) if at >= until + AGAIN else (since, until) for since, until in known}
        return rested | {(at, 0) for since, _ in known for when in paid if when is not None and when >= since}

    def owner(self, performance: str, seat: int, at: float) -> str | None:
        """Name the reservation that has a seat."""
        for name, hold in self.holds.items():
            if (hold.performance, seat in hold.seats) == (performance, True) and self.lives(name, at):
                return name
        return None

    def lives(self, name: str, at: float) -> bool:
        hold = self.holds[name]
        locked = name in self.open.values()
        return hold.status == "CONFIRMED" or (hold.status == "HELD" and (hold.ends > at or locked))


class Booking(RuleBasedStateMachine):
    """See the module."""

    steps = 0
    ended: ClassVar[Counter[str]] = Counter()
    refused: ClassVar[Counter[str]] = Counter()

    def __init__(self, world: World, beginning: Any) -> None:
        super().__init__()
        self.world = world
        world.restore(beginning)
        world.wire.set(None)
        self.model = Model()
        self.payment_users: dict[str, str] = {}
        self.offline: dict[str, list[tuple[str, Shown]]] = {door: [] for door in DOORS}

    # ---- what users do

    @initialize(poor=st.none() | users)
    def most_are_rich(self, poor: str | None) -> None:
        for user in USERS:
            if user != poor:
                self.charge(user, 500, "k1", None)

    @rule(user=users, amount=amounts, key=keys, fault=faults(2))
    def charge(self, user: str, amount: int, key: str, fault: Fault | None) -> None:
        answer = self._ask(fault, "charge_points", user, {"amount": amount}, key=key)
        self._changed(user, key, ("charge", amount), amount, answer)

    @rule(user=users, amount=amounts, key=keys, fault=faults(2))
    def use(self, user: str, amount: int, key: str, fault: Fault | None) -> None:
        if self._is_paying(user):
            return
        answer = self._ask(fault, "use_points", user, {"amount": amount}, key=key)
        if (user, key) not in self.model.requests and self.model.balance[user] < amount:
            assert answer.code == "INSUFFICIENT_POINTS", answer
            assert answer.body["balance"] == self.model.balance[user]
        else:
            self._changed(user, key, ("use", amount), -amount, answer)
        self._check()

    def _changed(self, user: str, key: str, request: Any, change: int, answer: Answer) -> None:
        known = self.model.requests.get((user, key))
        if known is not None and known[0] != request:
            assert answer.code == "IDEMPOTENCY_KEY_REUSED", answer
        elif known is not None:
            assert (answer.status, answer.headers["idempotency-replayed"]) == (201, "true"), answer
            assert answer.body["balance"] == known[1]
        else:
            assert answer.status == 201, answer
            self.model.balance[user] += change
            if not self._is_paying(user):
                assert answer.body["balance"] == self.model.balance[user]
            self.model.requests[user, key] = (request, answer.body["balance"])
        self._check()

    @rule(
        user=users,
        performance=st.sampled_from(PERFORMANCES),
        seats=st.sets(st.integers(1, SEATS), min_size=1, max_size=2).map(lambda seats: tuple(sorted(seats))),
        fault=faults(6),
    )
    def reserve(self, user: str, performance: str, seats: tuple[int, ...], fault: Fault | None) -> None:
        token = self._token(user)
        if token is None:
            return
        before = self.world.time.at
        body = {"performanceId": performance, "seatNumbers": list(seats)}
        answer = self._ask(fault, "reserve_seats", user, body, queue_token=token)
        moments = (before, self.world.time.at)
        possible = {self._may_reserve(user, performance, seats, at) for at in moments}
        if performance in self.model.called_off:
            assert answer.code == "PERFORMANCE_CANCELLED", answer
        elif answer.code == "SEAT_TAKEN":
            assert None in possible, answer
        elif answer.code == "SEAT_LIMIT_EXCEEDED":
            assert max(self.model.count(user, performance, at) for at in moments) + len(seats) > LIMIT, answer
            Booking.refused[answer.code] += 1
        elif answer.code == "HELD_TOO_LONG":
            last = int(moments[1])
            assert any(since + MAX_HOLDING <= last for since, _ in self.model.begin(user, performance, last)), answer
            Booking.refused[answer.code] += 1
        else:
            assert answer.status == 201, answer
            name = answer.body["reservationId"]
            assert "new" in possible or name in possible, (answer, possible)
            held = next(item for item in self.world.items("reservations") if item["reservationId"] == name)
            if name not in self.model.holds:
                self._held(user, performance, held)
            self.model.holds.setdefault(name, Hold(user, performance, seats, held["expiresAt"]))
            assert before - 1 <= held["createdAt"] <= self.world.time.at or name in possible
        self._check()

    def _held(self, user: str, performance: str, held: dict[str, Any]) -> None:
        """Check how long a new hold lasts, and remember since when its user is holding."""
        at, ends = held["createdAt"], held["expiresAt"]
        assert self.model.count(user, performance, at) + len(held["seatNumbers"]) <= LIMIT
        fits = {
            (since, max(until, ends))
            for since, until in self.model.begin(user, performance, at)
            if ends == min(at + HOLD, since + MAX_HOLDING)
        }
        assert fits, held
        self.model.holding[user, performance] = fits

    def _may_reserve(self, user: str, performance: str, seats: tuple[int, ...], at: float) -> str | None:
        owners = {self.model.owner(performance, seat, at) for seat in seats}
        if owners == {None}:
            return "new"
        name = owners.pop() if len(owners) == 1 else None
        hold = self.model.holds[name] if name else None
        return name if hold and (hold.user, hold.seats, hold.status) == (user, seats, "HELD") else None

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), fault=faults(2))
    def release(self, data: st.DataObject, fault: Fault | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.holds)), label="reservation")
        hold, before = self.model.holds[name], self.world.time.at
        answer = self._ask(fault, "release_reservation", hold.user, reservationId=name)
        locked = name in self.model.open.values()
        match hold.status:
            case "RELEASED":
                assert answer.status == 204, answer
            case "CONFIRMED" | "CANCELLED":
                assert answer.code == "RESERVATION_NOT_HELD", answer
            case _ if locked:
                assert answer.code == "PAYMENT_IN_PROGRESS", answer
            case _ if answer.status == 204:
                assert hold.ends > before
                hold.status = "RELEASED"
            case _:
                assert answer.code == "RESERVATION_EXPIRED", answer
                assert hold.ends <= self.world.time.at or hold.performance in self.model.called_off
        self._check()

    @rule(
        user=users,
        performance=st.sampled_from(PERFORMANCES),
        seat=st.integers(1, SEATS),
        key=keys,
        fault=faults(14),
        breaks=BREAKS,
        late=st.booleans(),
    )
    def reserve_and_pay(
        self, user: str, performance: str, seat: int, key: str, fault: Fault | None, breaks: str | None, late: bool
    ) -> None:
        self.reserve(user, performance, (seat,), None)
        name = self.model.owner(performance, seat, self.world.time.at)
        if name is not None and self.model.holds[name].user == user:
            self._pay(name, key, fault, breaks, late=late)

    @rule(
        user=users,
        performance=st.sampled_from(PERFORMANCES),
        seats=st.sets(st.integers(1, SEATS), min_size=1, max_size=2).map(lambda seats: tuple(sorted(seats))),
        door=st.sampled_from(DOORS),
        name=st.sampled_from(SCANS),
        comes=st.booleans(),
    )
    def buy_and_come(
        self, user: str, performance: str, seats: tuple[int, ...], door: str, name: str, comes: bool
    ) -> None:
        """Buy seats while nothing goes wrong, and perhaps come in with the first."""
        once = f"only for {Booking.steps}"
        self.charge(user, PRICE * len(seats), once, None)
        self.reserve(user, performance, seats, None)
        reservation = self.model.owner(performance, seats[0], self.world.time.at)
        if reservation is None or self.model.holds[reservation].user != user:
            return
        self._pay(reservation, once, None, None, late=False)
        if comes:
            self._scan(None, performance, door, [(name, self._shown(reservation, seats[0], forged=False))])

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), key=keys, fault=faults(14), breaks=BREAKS, late=st.booleans())
    def pay(self, data: st.DataObject, key: str, fault: Fault | None, breaks: str | None, late: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.holds)), label="reservation")
        self._pay(name, key, fault, breaks, late=late)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), fault=faults(9))
    def cancel(self, data: st.DataObject, fault: Fault | None) -> None:
        """Cancel some seats of a booking, or try to; there is time enough that nothing is kept."""
        name = self._booking(data)
        hold = self.model.holds[name]
        seats = data.draw(st.sets(st.sampled_from(hold.bought), min_size=1), label="seats")
        body = {"seatNumbers": sorted(seats), "expectedRefund": PRICE * len(seats)}
        key = f"cancel {Booking.steps}"
        answer = self._ask(fault, "cancel_reservation", hold.user, body, key=key, reservationId=name)
        if hold.status == "CONFIRMED" and hold.performance in self.model.called_off:
            assert answer.code == "PERFORMANCE_CANCELLED", answer
        elif hold.status == "CONFIRMED" and any(
            (name, seat) in self.model.admitted for seat in seats & set(hold.seats)
        ):
            assert (answer.code, seats <= set(hold.seats)) == ("NOT_CANCELLABLE", answer.body["reason"] == "CHECKED_IN")
            Booking.ended["checked in"] += 1
        elif hold.status == "CONFIRMED" and seats <= set(hold.seats):
            assert answer.status in {201, 202}, answer
            assert (answer.body["refund"], answer.body["seatNumbers"]) == (PRICE * len(seats), sorted(seats))
            self._given_back(hold, tuple(seat for seat in hold.seats if seat not in seats))
            Booking.ended["cancelled"] += 1
        self._check()

    def _booking(self, data: st.DataObject) -> str:
        """Choose a reservation, mostly one that was paid for."""
        paid = [name for name, hold in self.model.holds.items() if hold.status in {"CONFIRMED", "CANCELLED"}]
        known = sorted(self.model.holds)
        return str(data.draw(st.sampled_from(known + 4 * sorted(paid)), label="reservation"))

    def _given_back(self, hold: Hold, left: tuple[int, ...]) -> None:
        self.model.balance[hold.user] += PRICE * (len(hold.seats) - len(left))
        hold.seats = left
        hold.status = "CONFIRMED" if left else "CANCELLED"

    @precondition(lambda self: not self.model.called_off and self.model.holds)
    @rule(chance=st.integers(0, 4), fault=faults(20))
    def call_off(self, chance: int, fault: Fault | None) -> None:
        """Call a date off, at most one, and seldom: with a death in the middle, then again from zero."""
        if chance:
            return
        catalog.mark(PERFORMANCES[1], "cancelled", clock.now())
        self.world.new_process()
        self.model.called_off.add(PERFORMANCES[1])
        self.world.wire.set(fault)
        event = {"performanceId": PERFORMANCES[1], "range": {"first": 1, "last": SEATS}}
        with contextlib.suppress(Exception, ProcessEnded):
            call("clear_seats", event)
        self.world.wire.fault = None
        self.world.new_process()
        call("clear_seats", event)
        for hold in self.model.holds.values():
            if hold.performance == PERFORMANCES[1] and hold.status == "CONFIRMED":
                self._given_back(hold, ())
        Booking.ended["called off"] += 1
        self._check()

    def _pay(self, name: str, key: str, fault: Fault | None, breaks: str | None, *, late: bool) -> None:
        hold = self.model.holds[name]
        self.world.run_step = _breaking(breaks)
        if late:
            self.world.hold_executions()
        used_for = self.model.paid_with.get((hold.user, key))
        before = self.world.time.at
        self.world.wire.set(fault)
        answer = self._start(hold.user, name, key)
        self.world.wire.fault = None
        payment = self._payment(hold.user, key)
        if payment is not None and used_for is None:
            self.model.paid_with[hold.user, key] = name
            self._learn(payment, hold.user)
        if used_for not in {None, name}:
            assert answer.code == "IDEMPOTENCY_KEY_REUSED", answer
        elif answer.status == 201:
            assert hold.status in {"CONFIRMED", "CANCELLED"}, answer
        elif answer.code == "PERFORMANCE_CANCELLED":
            assert hold.performance in self.model.called_off, answer
        elif answer.code in {"RESERVATION_EXPIRED", "INSUFFICIENT_POINTS"} and payment is None:
            assert answer.code == "RESERVATION_EXPIRED", answer
            assert hold.ends <= self.world.time.at
        elif answer.code == "ALREADY_PAID":
            assert hold.status == "CONFIRMED"
        elif answer.code == "PAYMENT_IN_PROGRESS":
            assert name in self.model.open.values()
        elif answer.code == "RESERVATION_NOT_HELD":
            assert hold.status in {"RELEASED", "CANCELLED"}
        elif answer.status in {202, 402, 410, 503}:
            assert payment is not None, answer
            assert answer.body["paymentId"] == payment["paymentId"]
            assert (answer.status == 202) == payments.is_open(payment), (answer, payment["status"])
        else:
            raise AssertionError(answer)
        assert before <= self.world.time.at
        self._check()

    def _start(self, user: str, reservation: str, key: str) -> Answer:
        """Ask until there is an answer; a 202 is one, and the execution may be held back for long."""
        body = {"reservationId": reservation}
        answer = Answer(0)
        for _ in range(6):
            answer = self.world.call("start_payment", user, body, key=key)
            assert answer.status != 500, answer
            if answer.status not in {0, 429, 503} or "paymentStatus" in (answer.body or {}):
                return answer
            self.world.time.sleep(1)
        return answer

    # ---- what doors do

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), door=st.sampled_from(DOORS), name=st.sampled_from(SCANS), online=st.booleans())
    def show(self, data: st.DataObject, door: str, name: str, online: bool) -> None:
        """Show a ticket at a door, which asks at once or keeps the scan for later."""
        reservation = self._booking(data)
        seat = data.draw(st.sampled_from(self.model.holds[reservation].bought), label="seat")
        shown = self._shown(reservation, seat, forged=data.draw(st.integers(0, 9), label="forged") == 0)
        if not online:
            self.offline[door].append((name, shown))
            return
        performance = data.draw(st.sampled_from((self.model.holds[reservation].performance, *PERFORMANCES)))
        self._scan(data.draw(faults(4), label="fault"), performance, door, [(name, shown)])

    @precondition(lambda self: any(self.offline.values()))
    @rule(data=st.data(), performance=st.sampled_from(PERFORMANCES), fault=faults(12))
    def sync(self, data: st.DataObject, performance: str, fault: Fault | None) -> None:
        """Send what a door has kept, in any order; it may send all of it again later."""
        door = data.draw(st.sampled_from([door for door in DOORS if self.offline[door]]), label="door")
        self._scan(fault, performance, door, data.draw(st.permutations(self.offline[door]), label="order")[:9])
        if data.draw(st.booleans(), label="forgets"):
            self.offline[door].clear()

    def _shown(self, reservation: str, seat: int, *, forged: bool) -> Shown:
        code = tickets.code_of(tickets.ticket_of(self.model.holds[reservation].performance, seat, reservation))
        return Shown(reservation, seat, f"{code[:-86]}{'A' * 86}" if forged else code, forged)

    def _scan(self, fault: Fault | None, performance: str, door: str, scans: list[tuple[str, Shown]]) -> None:
        at = clock.rfc3339(clock.now() + (7200 if door == "north" else -7200))  # no clock of a door is right
        body = {
            "deviceId": door,
            "scans": [{"scanId": name, "code": shown.code, "at": at} for name, shown in scans],
        }
        staff = {"cognito:groups": "[staff]"}
        answer = self._ask(fault, "record_check_ins", "staff", body, claims=staff, performanceId=performance)
        assert answer.status == 200, answer
        for (name, shown), result in zip(scans, answer.body["results"], strict=True):
            outcome, first = self.model.scan(performance, door, name, shown)
            assert (result["outcome"], result.get("first", {}).get("deviceId")) == (outcome, first), result
            Booking.ended[outcome] += 1
        self._check()

    # ---- what happens by itself

    @rule(seconds=st.sampled_from([1, 30, 60, 150, 299, 300]))
    def wait(self, seconds: int) -> None:
        """Let time pass; the sweep comes by each minute."""
        while seconds > 0:
            step = min(60, seconds)
            self.world.time.sleep(step)
            seconds -= step
            self.world.run_step = lambda run: run.run()
            self.world.settle()
            self._check()

    @rule()
    def executions_run(self) -> None:
        self.world.run_step = lambda step: step.run()
        self.world.run_held()
        self._check()

    @rule(fault=faults(10))
    def sweep_fails(self, fault: Fault | None) -> None:
        self.world.wire.set(fault)
        try:
            self.world.settle()
        except BaseException as error:
            if isinstance(error, AssertionError):
                raise
        self.world.wire.fault = None
        self._check()

    @precondition(lambda self: self.world.wire.has_late)
    @rule()
    def late_requests_arrive(self) -> None:
        self.world.wire.deliver_late()
        self._check()

    @rule(user=users)
    def leave(self, user: str) -> None:
        token = self._token(user)
        if token is not None:
            assert self.world.ask("leave_queue", user, concertId=CONCERT, queue_token=token).status == 204
        self._check()

    # ---- comparing

    def _ask(self, fault: Fault | None, function: str, user: str, body: Any = None, **options: Any) -> Answer:
        self.world.wire.set(fault)
        answer = self.world.ask(function, user, body, **options)
        self.world.wire.fault = None
        return answer

    def _token(self, user: str) -> str | None:
        answer = self.world.ask("issue_queue_token", user, concertId=CONCERT)
        if answer.body["status"] == "WAITING":
            tick.tick(CONCERT)
            self.world.time.sleep(2)
            answer = self.world.ask("poll_queue_token", user, concertId=CONCERT, queue_token=answer.body["token"])
        return str(answer.body["token"]) if answer.body.get("status") == "ACTIVE" else None

    def _payment(self, user: str, key: str) -> dict[str, Any] | None:
        name = ids.payment_id(user, key)
        return next((item for item in self.world.items("payments") if item["paymentId"] == name), None)

    def _is_paying(self, user: str) -> bool:
        """Tell whether points of a user are on their way, there or back."""
        return self._owed(user) > 0 or any(self.payment_users[name] == user for name in self.model.open)

    def _owed(self, user: str) -> int:
        """Add up what cancellations still owe a user."""
        return sum(
            each["refund"]
            for item in self.world.items("payments")
            for each in item.get("cancellations", {}).values()
            if item["userId"] == user and each["status"] == "REFUNDING"
        )

    def _learn(self, payment: dict[str, Any], user: str) -> None:
        self.payment_users[payment["paymentId"]] = user
        self.model.open[payment["paymentId"]] = payment["reservationId"]
        self._settle_model()

    def _settle_model(self) -> None:
        """Take over how open payments have ended; nothing else may have changed by it."""
        for item in self.world.items("payments"):
            name = item["paymentId"]
            if name not in self.model.open or payments.is_open(item):
                continue
            hold = self.model.holds[self.model.open.pop(name)]
            if item["status"] == "COMPLETED":
                assert hold.status == "HELD", "paid for what could not be paid any more"
                hold.status, hold.paid_at = "CONFIRMED", item["completedAt"]
                self.model.balance[hold.user] -= hold.amount
            else:
                assert item["status"] == "FAILED"

    def _check(self) -> None:
        Booking.steps += 1
        self._settle_model()
        assert self.world.violations() == []
        at = clock.now()
        for user in USERS:
            balance, paying = self.world.balance(user), self._is_paying(user)
            amounts = [self.model.holds[r].amount for p, r in self.model.open.items() if self.payment_users[p] == user]
            least = self.model.balance[user] - sum(amounts) - self._owed(user)
            assert balance == self.model.balance[user] or (paying and least <= balance <= self.model.balance[user])
        for performance in PERFORMANCES:
            shown = self.world.call("list_seats", performanceId=performance).body["seats"]
            for seat in shown:
                name = self.model.owner(performance, seat["seatNumber"], at)
                status = self.model.holds[name].status if name else None
                wanted = {"HELD": "HELD", "CONFIRMED": "SOLD", None: "AVAILABLE"}[status]
                if performance in self.model.called_off:
                    wanted = "CANCELLED"
                locked = name in self.model.open.values() and performance not in self.model.called_off
                assert seat["status"] == wanted or locked, (performance, seat, name)


def _breaking(name: str | None) -> Any:
    def run(step: StepRun) -> dict[str, Any]:
        if step.name == "ConfirmBooking" and name in {"UnlockHold", "RefundPoints"}:
            raise StepFailed("Broken")
        if step.name == name:
            raise StepFailed("Broken")
        return step.run()

    return run


def test_booking_is_what_the_model_says(opened: tuple[World, Any]) -> None:
    steps = int(os.environ.get("FUZZ_STEPS", DEFAULT_STEPS))
    at_length = "FUZZ_STEPS" in os.environ
    examples = 0

    def begin() -> Any:
        nonlocal examples
        examples += 1
        if at_length:
            sys.stderr.write(f"\r{Booking.steps} checks in {examples} runs ")
            sys.stderr.flush()
        return Booking(*opened)

    factory: Any = begin
    run_state_machine_as_test(
        factory,
        settings=settings(
            max_examples=max(1, steps // STEPS_AN_EXAMPLE),
            stateful_step_count=STEPS_AN_EXAMPLE,
            deadline=None,
            derandomize=not at_length,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if at_length else [Phase.generate],
        ),
    )
    ends = ("cancelled", "called off", "checked in", "ADMITTED", "ALREADY", "REVOKED", "WRONG_DATE", "INVALID")
    assert min(Booking.ended[end] for end in ends) > 0, Booking.ended
