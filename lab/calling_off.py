"""`python -m lab calling-off`: a date of many tickets is called off, with deaths on the way, and what that costs."""

import contextlib
import copy
import random
import uuid
from inspect import signature
from types import SimpleNamespace
from typing import Annotated, Any
from unittest.mock import patch

import typer
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from booking import calling_off, catalog, clock, dynamodb, ids, limits, payments, points, reservations, seats
from booking.catalog import Performance
from booking.settings import settings
from lab.measure import world as measuring
from lab.measure.meter import Tally
from lab.measure.prices import LAMBDA_GB, LAMBDA_GB_SECOND, Bill
from lab.tables import Figures
from tests import world as in_process
from tests.faults import Fault, Kind, ProcessEnded
from tests.handlers import call
from tools.ost.console import Failure, err, out

DATE = measuring.PERFORMANCE
SEATS_EACH = 2
READ_SECONDS, WRITE_SECONDS, TRANSACTION_SECONDS = 0.004, 0.006, 0.012
"""How long calls of DynamoDB are taken to last, for the model of time."""
CONCURRENCY = 20
"""`MaxConcurrency` of the workflow; a test holds the two together."""


def call_off(
    tickets: Annotated[int, typer.Option(help="Tickets of the date, all sold.", min=100, max=20_000)] = 10_000,
    seed: Annotated[int, typer.Option(help="Where the deaths strike.")] = 7,
) -> None:
    """Sell a date out, call it off with deaths on the way, run it again from zero, and show what it costs.

    Everything is the product's own code over a cloud in this process, with a meter; only time is a model.
    """
    with large_tables(), Crowded(tickets) as world:
        err.print(f"selling {tickets:,} tickets …", highlight=False)
        performance = catalog.read_performance(DATE)
        for first in range(1, tickets + 1, SEATS_EACH):
            book(performance, user(first), list(range(first, min(first + SEATS_EACH, tickets + 1))), clock.now())
        dry = calling_off.survey(DATE, clock.now())
        catalog.mark(DATE, "cancelled", clock.now())
        parts = calling_off.ranges(tickets)
        calm, stormy = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        err.print("calling it off …", highlight=False)
        with world.measured() as first_run:
            walk(calm)
        deaths = sum(_die(world, part, random.Random(f"{seed} {part}")) for part in stormy)  # noqa: S311
        err.print("again, from zero …", highlight=False)
        walk(parts)
        with world.measured() as second_run:
            walk(parts)
        after = calling_off.survey(DATE, clock.now())
        wrong = world.violations()
    half = sum(part["last"] - part["first"] + 1 for part in calm)
    _show(("called off", first_run, half), ("run again from zero", second_run, tickets))
    out.print(
        f"{tickets:,} tickets in {dry['bookings']:,} bookings, {deaths} deaths, then a run from zero: "
        f"{dry['points']:,} points to give back, {after['givenBack']:,} given back, {after['owed']:,} owed, "
        f"{tickets - after['sealed']} seats open, {len(wrong)} violations",
        highlight=False,
    )
    if wrong or after["givenBack"] != dry["points"] or after["sealed"] != tickets or after["owed"]:
        raise Failure("something is left, or was given back twice.")


class Crowded(measuring.World):
    """A world with one date of so many seats."""

    def __init__(self, seats_total: int) -> None:
        self._seats = seats_total
        super().__init__()

    def publish(self, *_: Any, **__: Any) -> None:
        """Publish the date."""
        date = {"price": measuring.PRICE, "seatsTotal": self._seats}
        in_process.World.publish(self, measuring.CONCERT, {measuring.LABEL: date})


def large_tables() -> Any:
    """Let the cloud in this process look at what a call is about only: it copies and sorts whole tables."""
    touched: list[tuple[str, Any]] = []
    transact = DynamoDBBackend.transact_write_items

    def noted(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        touched[:] = [
            (one["TableName"], one.get("Key") or one["Item"]) for each in transact_items for one in each.values()
        ]
        transact(backend, transact_items)

    def deepcopy(thing: Any) -> Any:
        if not isinstance(thing, Table):
            return copy.deepcopy(thing)
        kept = copy.copy(thing)
        kept.items = copy.copy(thing.items)
        for key in (key for table, key in touched if table == thing.name):
            first = DynamoType(key[thing.hash_key_attr])
            if first not in kept.items:
                continue
            if thing.range_key_attr is None:
                kept.items[first] = copy.deepcopy(kept.items[first])
                continue
            if kept.items[first] is thing.items[first]:
                kept.items[first] = copy.copy(thing.items[first])
            second = DynamoType(key[thing.range_key_attr])
            if second in kept.items[first]:
                kept.items[first][second] = copy.deepcopy(kept.items[first][second])
        return kept

    query = Table.query

    def of_one_partition(table: Any, *args: Any, **options: Any) -> Any:
        asked = signature(query).bind(table, *args, **options).arguments
        whole, partition = table.items, asked["hash_key"]
        if not asked.get("index_name"):
            table.items = {partition: whole[partition]} if partition in whole else {}
        try:
            return query(table, *args, **options)
        finally:
            table.items = whole

    patches = contextlib.ExitStack()
    patches.enter_context(patch.object(Table, "query", of_one_partition))
    patches.enter_context(patch.object(DynamoDBBackend, "transact_write_items", noted))
    patches.enter_context(patch.object(dynamodb_models, "copy", SimpleNamespace(deepcopy=deepcopy)))
    return patches


def user(number: int) -> str:
    """Name a fan."""
    return str(uuid.UUID(int=(1 << 124) + number))


def book(performance: Performance, user_id: str, numbers: list[int], at: int) -> None:
    """Write what a sale leaves behind: seats sold, a reservation, its payment, the ledger and the limit."""
    date = catalog.performance_id(performance)
    name = ids.reservation_id(user_id, date, numbers, 1, 0, at)
    amount = performance["price"] * len(numbers)
    payment_id = ids.payment_id(user_id, "sold")
    reservation: reservations.Reservation = {
        "userId": user_id,
        "reservationId": name,
        "concertId": performance["pk"],
        "performanceId": date,
        "seatNumbers": numbers,
        "amount": amount,
        "status": "CONFIRMED",
        "expiresAt": at,
        "createdAt": at,
        "confirmedAt": at,
        "turn": 1,
        "paymentId": payment_id,
        "terms": reservations.terms_of(performance),
    }
    payment: payments.Payment = {
        "paymentId": payment_id,
        "userId": user_id,
        "reservationId": name,
        "concertId": performance["pk"],
        "performanceId": date,
        "seatNumbers": numbers,
        "turn": 1,
        "amount": amount,
        "holdExpiresAt": at,
        "createdAt": at,
        "status": "COMPLETED",
        "steps": [payments.step(each, "DONE", at) for each in ("UsePoints", "ConfirmBooking")],
        "completedAt": at,
        "balance": 0,
        "refundable": amount,
        "refunded": 0,
        "refunding": 0,
        "cancellations": {},
    }
    points.charge(user_id, amount, "sold", at)
    points.pay(user_id, payment_id, amount, at)
    kept: limits.Kept = {"seats": numbers, "until": at}
    owner = {"reservation_id": name, "user_id": user_id}
    dynamodb.write(limits.add(limits.read(user_id, date), name, kept, at))
    dynamodb.write(dynamodb.put(settings().reservations_table, reservation))
    dynamodb.write(dynamodb.put(settings().payments_table, payment))
    for number in numbers:
        dynamodb.write(seats.hold(date, number, **owner, at=at, until=at + 300))
        dynamodb.write(seats.sell(date, number, name, performance["price"]))


def walk(parts: list[calling_off.Range]) -> None:
    """Do what the workflow does, one range after the other."""
    for part in parts:
        call("clear_seats", {"performanceId": DATE, "range": part})


def _die(world: Crowded, part: calling_off.Range, chance: random.Random) -> int:
    """Walk over a range until the process ends somewhere in it."""
    world.wire.set(Fault(chance.choice([Kind.ENDS_BEFORE, Kind.ENDS_AFTER]), chance.randrange(calling_off.RANGE_SEATS)))
    with contextlib.suppress(ProcessEnded):
        walk([part])
    died = world.wire.struck
    world.wire.set(None)
    return int(died)


def _seconds(tally: Tally) -> float:
    """Say how long the calls of a walk take, one after the other."""
    took = {"TransactWriteItems": TRANSACTION_SECONDS, "GetItem": READ_SECONDS, "Query": READ_SECONDS}
    return sum(took.get(each.operation, WRITE_SECONDS) for each in tally.calls)


def _show(*runs: tuple[str, Tally, int]) -> None:
    """Show what a thousand tickets cost, and how long a walk over them takes, as a model."""
    rows = []
    for name, tally, tickets in runs:
        bill, ranges = tally.bill * (1000 / tickets), 1000 / calling_off.RANGE_SEATS
        seconds = _seconds(tally) * 1000 / tickets
        steps = Bill(lambda_calls=ranges, transitions=ranges)
        usd = (bill + steps).usd_with_transitions + seconds * LAMBDA_GB * LAMBDA_GB_SECOND
        walked = f"{seconds / CONCURRENCY:.1f}"
        rows.append([name, f"{bill.read_units:,.0f}", f"{bill.write_units:,.0f}", f"{usd:.4f}", walked])
    columns = ["", "read units", "write units", "$", f"seconds, {CONCURRENCY} ranges at a time"]
    Figures("A thousand tickets, two in each booking", columns, rows).show()
