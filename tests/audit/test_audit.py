"""Each thing that must never be, planted in healthy books, is found by the auditor; and healthy books are clean."""

import copy
import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from booking import catalog, check_ins, clock, dynamodb, payments, points, signatures, tickets
from tests.race.test_best_seats import ask, publish_hall
from tests.world import CONCERT, PERFORMANCES, TABLES, StepFailed, World
from tools.ost import audit

FULL = 1000


class Healthy(NamedTuple):
    """Books in which nothing is wrong, at a time, and what the auditor is told of the stack."""

    books: audit.Books
    at: int
    limits: audit.Limits


@pytest.fixture(scope="module")
def healthy() -> Iterator[Healthy]:
    """Books of a little of everything: paid, failed and refunded, refused, held, released, expired, open, admitted."""
    with World() as world:
        live(world)
        limits = audit.Limits(queue_capacity=2, max_seats_per_user=4, public_keys=signatures.public_keys())
        yield Healthy(world.books(), clock.now(), limits)


def live(world: World) -> None:
    paid = world.hold("ann", 1, 2)
    world.charge("ann")
    assert world.pay("ann", paid).status == 201

    given_back = world.hold("dan", 5, 6)
    world.charge("dan")
    assert world.pay("dan", given_back).status == 201
    [admitted] = world.scan("door", ("1", world.codes("dan", given_back)[5]))
    assert admitted["outcome"] == "ADMITTED"
    body = {"seatNumbers": [6], "expectedRefund": 100}
    answer = world.ask("cancel_reservation", "dan", body, key="c", reservationId=given_back["reservationId"])
    assert answer.status == 201

    publish_hall(12)
    world.new_process()
    sums = catalog.summed_up(catalog.list_performances(CONCERT, clock.now()))
    world.put("catalog", {"pk": "CONCERT", "sk": CONCERT} | catalog.find_concert(CONCERT, clock.now()) | sums)
    token = world.enter("zoe")
    assert ask(world, "zoe", 2, token=token).status == 201
    world.leave("zoe", token)

    refunded = world.hold("bob", 3)
    world.charge("bob")

    def broken(step: Any) -> Any:
        if step.name == "ConfirmBooking":
            raise StepFailed("Broken")
        return step.run()

    world.run_step = broken
    assert world.pay("bob", refunded).status == 503
    world.run_step = lambda step: step.run()
    world.ask("release_reservation", "bob", reservationId=refunded["reservationId"])
    world.pay("bob", world.hold("bob", 4), key="again")
    world.hold("ann", 1, performance=PERFORMANCES[1])
    world.time.sleep(301)
    world.hold("eve", 1, performance=PERFORMANCES[1])
    world.charge("eve", 150)
    world.hold_executions()
    open_one = world.hold("eve", 2, performance=PERFORMANCES[1])
    assert world.call("start_payment", "eve", {"reservationId": open_one["reservationId"]}, key="k").status == 202


@pytest.fixture
def books(healthy: Healthy) -> audit.Books:
    return copy.deepcopy(healthy.books)


def test_healthy_books_are_clean(healthy: Healthy) -> None:
    assert audit.check(*healthy) == []
    assert len(healthy.books.payments) == 5


def one(items: list[Any], **wanted: Any) -> Any:
    return next(item for item in items if all(item.get(name) == value for name, value in wanted.items()))


def entry(books: audit.Books, kind: str, user: str) -> Any:
    found = [i for i in books.points if i["sk"].startswith("ENTRY#") and i["userId"] == user and i["type"] == kind]
    return found[-1]


def failed(books: audit.Books) -> Any:
    return one(books.payments, userId="bob", status="FAILED")


def guard(books: audit.Books, kind: str, user: str) -> Any:
    return next(i for i in books.points if i["sk"].startswith(f"KEY#{kind}#") and i["userId"] == user)


def put_entry(books: audit.Books, like: Any, **changes: Any) -> None:
    books.points.append({**like, "sk": "ENTRY#000000000099", **changes})


def giving_back(books: audit.Books) -> Any:
    """Return the payment of which one seat of two was cancelled."""
    return next(payment for payment in books.payments if payment.get("cancellations"))


def only_cancellation(books: audit.Books) -> Any:
    return next(iter(giving_back(books)["cancellations"].values()))


def half_cancelled(books: audit.Books) -> Any:
    return next(item for item in books.reservations if item.get("cancelledSeatNumbers"))


def admitted(books: audit.Books) -> Any:
    """Return the seat whose guest has come in."""
    return next(seat for seat in books.seats if "admission" in seat)


def scan_of(books: audit.Books) -> Any:
    """Return the scan that admitted the guest."""
    return one(books.check_ins, entry=admitted(books)["admission"]["entry"])


def revoked_of(books: audit.Books) -> Any:
    """Return the line that tells doors of the one cancelled seat."""
    return next(item for item in books.check_ins if item["entry"].startswith("revoked#"))


def revoked_line(performance: str, seat: int, reservation: str) -> dict[str, Any]:
    ticket = tickets.ticket_of(performance, seat, reservation)
    return {"performanceId": performance, "entry": f"revoked#{ticket.ticket_id}", "seatNumber": seat, "revokedAt": 0}


def forge(books: audit.Books) -> None:
    """Let the scan that admitted be of a code that says the right thing, and that its key has not signed."""
    code = scan_of(books)["code"]
    scan_of(books)["code"] = f"{code[:-86]}{'A' * 86}"


def close_seat(books: audit.Books, **more: int) -> None:
    closed = {"reservationId": "called-off", "userId": "called-off", "status": "CANCELLED"}
    books.seats.append({"performanceId": PERFORMANCES[1], "seatNumber": 6, **closed, **more})


PLANTED: dict[str, list[Callable[[audit.Books], Any]]] = {
    "two-owners": [
        lambda b: b.reservations.append(
            {**one(b.reservations, userId="ann", status="CONFIRMED"), "reservationId": "rx", "userId": "eve"}
        )
    ],
    "seat-without-reservation": [lambda b: one(b.seats, userId="bob").update(reservationId="nobody")],
    "seat-of-another": [lambda b: one(b.seats, status="SOLD").update(userId="eve")],
    "sold-without-one-payment": [
        lambda b: b.payments.remove(one(b.payments, userId="ann")),
        lambda b: b.payments.append({**one(b.payments, userId="ann"), "paymentId": "p2"}),
    ],
    "sold-without-confirmation": [
        lambda b: one(b.reservations, userId="ann", status="CONFIRMED").update(status="HELD", expiresAt=FULL)
    ],
    "sold-seat-expires": [lambda b: one(b.seats, status="SOLD").update(expiresAt=FULL)],
    "deadline-moved": [lambda b: one(b.seats, seatNumber=1, performanceId=PERFORMANCES[1]).update(expiresAt=1 << 40)],
    "held-for-nothing": [
        lambda b: one(b.reservations, userId="eve", seatNumbers=[1]).update(status="RELEASED"),
    ],
    "seat-limit": [
        lambda b: b.seats.extend(
            {**one(b.seats, userId="eve"), "seatNumber": n, "expiresAt": 1 << 40} for n in range(10, 15)
        )
    ],
    "not-counted": [
        lambda b: b.limits.remove(one(b.limits, userId="ann", reservationId=f"limit#{PERFORMANCES[0]}")),
        lambda b: next(iter(one(b.limits, userId="eve")["holds"].values()))["seats"].append(9),
    ],
    "counted-for-nothing": [
        lambda b: one(b.limits, userId="eve")["holds"].update(rx={"seats": [9], "until": FULL}),
        lambda b: one(b.reservations, userId="bob", seatNumbers=[4]).update(status="EXPIRED"),
    ],
    "other-seats-shown": [lambda b: one(b.reservations, userId="zoe")["seats"].pop()],
    "prices-do-not-add-up": [
        lambda b: one(b.reservations, userId="zoe")["seats"][0].update(price=99),
        lambda b: one(b.reservations, userId="zoe").update(amount=100),
    ],
    "not-the-halls-seat": [
        lambda b: one(b.reservations, userId="zoe")["seats"][0].update(gradeId="vip"),
        lambda b: one(b.reservations, userId="zoe")["seats"][1].update(row="B"),
    ],
    "reservation-without-seat": [
        lambda b: b.seats.remove(one(b.seats, status="SOLD")),
        lambda b: b.seats.remove(one(b.seats, userId="eve")),
    ],
    "payment-missing": [lambda b: b.payments.remove(one(b.payments, userId="eve"))],
    "locked-for-nothing": [lambda b: one(b.payments, userId="eve").update(status="UNDOING")],
    "confirmed-without-payment": [lambda b: one(b.reservations, userId="ann", status="CONFIRMED").pop("paymentId")],
    "lock-left": [lambda b: one(b.reservations, userId="ann", status="CONFIRMED").update(lockedUntil=FULL)],
    "paid-without-reservation": [
        lambda b: b.reservations.remove(one(b.reservations, userId="ann", status="CONFIRMED"))
    ],
    "paid-without-points": [
        lambda b: b.points.remove(entry(b, "PAYMENT", "ann")),
        lambda b: one(b.payments, userId="ann").update(amount=1),
    ],
    "refunded-though-paid": [
        lambda b: put_entry(b, entry(b, "PAYMENT", "ann"), type="REFUND", amount=200),
        lambda b: put_entry(b, entry(b, "REFUND", "dan")),
        lambda b: b.points.remove(entry(b, "REFUND", "dan")),
        lambda b: giving_back(b).pop("cancellations"),
    ],
    "called-off-but-open": [lambda b: one(b.performances, sk="second").update(cancelled=True)],
    "called-off-but-booked": [lambda b: one(b.performances, sk="first").update(cancelled=True)],
    "closed-but-on": [close_seat],
    "closed-seat-expires": [lambda b: close_seat(b, expiresAt=FULL)],
    "debt-uncounted": [
        lambda b: giving_back(b).update(refunding=1),
        lambda b: only_cancellation(b).update(status="REFUNDING"),
    ],
    "cancelled-otherwise": [
        lambda b: half_cancelled(b).update(cancelledSeatNumbers=[5]),
        lambda b: half_cancelled(b).update(status="CANCELLED"),
        lambda b: half_cancelled(b).update(cancelledSeatNumbers=[5, 6]),
        lambda b: only_cancellation(b).update(seatNumbers=[6, 6]),
    ],
    "kept-and-given-differ": [
        lambda b: only_cancellation(b).update(fee=1),
        lambda b: giving_back(b).update(refunded=99),
        lambda b: giving_back(b).update(refundable=200),
        lambda b: half_cancelled(b).update(refunded=0),
    ],
    "at-another-price": [lambda b: one(b.seats, userId="ann", status="SOLD").update(price=101)],
    "other-dates-shown": [
        lambda b: one(b.concerts, sk=CONCERT)["dates"][0].update(cancelled=True),
        lambda b: one(b.concerts, sk=CONCERT)["dates"].pop(),
        lambda b: one(b.performances, sk="second").update(startsAt=FULL),
        lambda b: one(b.performances, sk="first").update(cancelled=True),
    ],
    "admitted-without-booking": [
        lambda b: half_cancelled(b).update(cancelledSeatNumbers=[5, 6], status="CANCELLED"),
        lambda b: half_cancelled(b).update(cancelledSeatNumbers=[5]),
        lambda b: admitted(b).update(status="HELD", expiresAt=1 << 40),
        lambda b: b.reservations.remove(half_cancelled(b)),
    ],
    "admitted-without-scan": [
        lambda b: b.check_ins.remove(scan_of(b)),
        lambda b: scan_of(b).update(performanceId=PERFORMANCES[1]),
        lambda b: scan_of(b).update(deviceId="another-door"),
        lambda b: admitted(b)["admission"].update(at=FULL),
        lambda b: admitted(b)["admission"].update(entry="scan#door#2"),
    ],
    "admitted-by-another-ticket": [
        lambda b: scan_of(b).update(code="https://example.com"),
        lambda b: admitted(b).update(seatNumber=6),
        lambda b: scan_of(b).update(code=scan_of(b)["code"].replace(":5:", ":6:")),
        lambda b: scan_of(b).update(code=scan_of(b)["code"].replace(PERFORMANCES[0], PERFORMANCES[1])),
        lambda b: one(b.seats, userId="ann", status="SOLD", seatNumber=1).update(admission=admitted(b)["admission"]),
    ],
    "admitted-by-forgery": [forge],
    "revoked-but-good": [
        lambda b: b.check_ins.append(revoked_line(PERFORMANCES[0], 5, admitted(b)["reservationId"])),
    ],
    "cancelled-but-not-revoked": [
        lambda b: b.check_ins.remove(revoked_of(b)),
    ],
    "revoked-for-another-sum": [
        lambda b: revoked_of(b).update(refund=99),
        lambda b: revoked_of(b).update(price=101),
    ],
    "revoked-for-nothing": [
        lambda b: b.check_ins.append(revoked_line(PERFORMANCES[0], 4, "nobody")),
        lambda b: b.check_ins.append(revoked_line(PERFORMANCES[1], 6, giving_back(b)["reservationId"])),
    ],
    "turn-not-finished": [
        lambda b: one(b.queue, userId="ann", status="FINISHED").update(status="ACTIVE", expiresAt=1 << 40)
    ],
    "points-not-given-back": [lambda b: b.points.remove(entry(b, "REFUND", "bob"))],
    "untrue-failure": [lambda b: one(b.payments, userId="bob", status="FAILED")["failure"].update(refunded=False)],
    "open-too-long": [lambda b: one(b.payments, userId="eve").update(openSince=FULL)],
    "open-unlisted": [
        lambda b: one(b.payments, userId="eve").pop("openShard"),
        lambda b: one(b.payments, userId="eve").pop("openSince"),
        lambda b: one(b.payments, userId="eve").update(openShard="OPEN#8"),
    ],
    "ended-but-listed": [lambda b: one(b.payments, userId="ann").update(openShard="OPEN#1")],
    "twice": [
        lambda b: put_entry(b, entry(b, "PAYMENT", "ann")),
        lambda b: put_entry(b, entry(b, "REFUND", "bob")),
    ],
    "entry-without-payment": [lambda b: b.payments.remove(one(b.payments, userId="bob", status="FAILED"))],
    "entry-without-guard": [
        lambda b: b.points.remove(next(i for i in b.points if i["sk"].startswith("KEY#PAYMENT#"))),
        lambda b: b.points.remove(next(i for i in b.points if i["sk"].startswith("KEY#REQUEST#"))),
        lambda b: put_entry(b, entry(b, "CHARGE", "ann"), entryId="ewrittentwice", balanceAfter=1800),
    ],
    "one-name-twice": [lambda b: put_entry(b, entry(b, "CHARGE", "ann"), balanceAfter=1800)],
    "guard-without-entry": [
        lambda b: b.points.remove(entry(b, "CHARGE", "eve")),
        lambda b: b.points.remove(entry(b, "PAYMENT", "ann")),
        lambda b: guard(b, "REQUEST", "eve").update(amount=151),
    ],
    "kept-but-expires": [
        lambda b: entry(b, "CHARGE", "ann").update(purgeAt=1 << 40),
        lambda b: guard(b, "PAYMENT", "ann").update(purgeAt=1 << 40),
    ],
    "over-the-limit": [
        lambda b: entry(b, "CHARGE", "eve").update(amount=10_000_001, balanceAfter=10_000_001),
    ],
    "undone-but-open": [lambda b: b.points.remove(one(b.points, sk=f"KEY#PAYMENT#{failed(b)['paymentId']}"))],
    "payment-of-another": [lambda b: one(b.payments, userId="ann").update(userId="bob")],
    "wallet-of-another": [lambda b: entry(b, "PAYMENT", "ann").update(userId="bob")],
    "wrong-amount": [
        lambda b: one(b.payments, userId="ann").update(amount=201),
        lambda b: one(b.reservations, userId="eve", seatNumbers=[2]).update(amount=1),
    ],
    "wrong-refund": [lambda b: entry(b, "REFUND", "bob").update(amount=1)],
    "ledger-gap": [lambda b: b.points.remove(one(b.points, sk="ENTRY#000000000001", userId="bob"))],
    "balance-does-not-follow": [lambda b: entry(b, "REFUND", "bob").update(balanceAfter=7)],
    "negative-balance": [lambda b: entry(b, "PAYMENT", "ann").update(balanceAfter=-1)],
    "wrong-sign": [lambda b: entry(b, "CHARGE", "eve").update(amount=-150)],
    "active-beyond-cursor": [lambda b: one(b.queue, pk=CONCERT).update(admitted=0)],
    "over-capacity": [lambda b: one(b.queue, pk=CONCERT).update(capacity=0)],
}


@pytest.mark.parametrize(("rule", "plant"), [(rule, plant) for rule, plants in PLANTED.items() for plant in plants])
def test_planted_violation_is_found(
    healthy: Healthy, books: audit.Books, rule: str, plant: Callable[[audit.Books], Any]
) -> None:
    plant(books)

    found = audit.check(books, healthy.at, healthy.limits)

    assert rule in {violation.rule for violation in found}
    assert all(violation.ids and violation.detail for violation in found)


def test_every_rule_has_a_planted_violation() -> None:
    source = Path(audit.__file__).read_text("utf-8")

    assert set(re.findall(r'Violation\(\s*"([a-z-]+)"', source)) == set(PLANTED)


def test_a_violation_is_reported_also_when_its_details_change_between_two_looks() -> None:
    before = [audit.Violation("seat-limit", "the user has 5 seats, more than 4", ("ann", "night.first"))]
    after = [
        audit.Violation("seat-limit", "the user has 6 seats, more than 4", ("ann", "night.first")),
        audit.Violation("seat-limit", "the user has 5 seats, more than 4", ("bob", "night.first")),
        audit.Violation("seat-of-another", "", ("ann", "night.first")),
    ]

    assert audit.lasting(before, after) == after[:1]


def test_a_guard_that_was_forgotten_in_time_is_no_violation(healthy: Healthy) -> None:
    books = copy.deepcopy(healthy.books)
    for item in [item for item in books.points if item["sk"].startswith("KEY#REQUEST#")]:
        books.points.remove(item)
    later = healthy.at + points.KEY_LIFE_SECONDS

    assert "entry-without-guard" not in {violation.rule for violation in audit.check(books, later, healthy.limits)}


def test_a_date_may_be_called_off_when_guests_are_in(healthy: Healthy) -> None:
    books = copy.deepcopy(healthy.books)
    seat = admitted(books)
    seat.update(status="CANCELLED", soldTo=seat["reservationId"], reservationId="called-off")

    rules = {violation.rule for violation in audit.check(books, healthy.at, healthy.limits)}

    assert not {rule for rule in rules if rule.startswith("admitted")}


def test_what_a_key_signed_that_was_rotated_away_is_not_judged(healthy: Healthy) -> None:
    books = copy.deepcopy(healthy.books)
    forge(books)

    assert audit.check(books, healthy.at, dataclasses.replace(healthy.limits, public_keys={"other": "key"})) == []


def test_the_auditor_and_the_code_agree_on_their_numbers() -> None:
    assert audit.WORKFLOW_SECONDS == payments.WORKFLOW_SECONDS
    assert audit.BALANCE_LIMIT == points.BALANCE_LIMIT
    assert audit.OPEN_SHARDS == payments.OPEN_SHARDS
    assert audit.REVOKED == check_ins.REVOKED
    assert audit.KEY_LIFE_SECONDS < points.KEY_LIFE_SECONDS


def test_reading_takes_every_page(healthy: Healthy) -> None:
    client = boto3.client("dynamodb")
    key: Any = {"AttributeDefinitions": [{"AttributeName": "sk", "AttributeType": "S"}]}
    key["KeySchema"] = [{"AttributeName": "sk", "KeyType": "HASH"}]
    client.create_table(TableName="Large", BillingMode="PAY_PER_REQUEST", **key)
    for number in range(30):
        item = {"userId": "ann", "sk": f"ENTRY#{number:012d}", "reason": "x" * 50_000, "amounts": [1], "is": True}
        item |= {"content": b"\x00\xff", "none": None}
        client.put_item(TableName="Large", Item=dynamodb.encode(item))

    books = audit.read(client, TABLES | {"points": "Large"})

    assert len(books.points) == 30
    assert books.points[0]["amounts"] == [1]
    assert books.points[0]["content"] == b"\x00\xff", "as the files of a draw are kept"
    assert sorted(map(str, books.payments)) == sorted(map(str, healthy.books.payments))
