"""The naive baseline: the same work done as the common samples do it, by the same rules, so that the distance is seen.

Not a straw man; each habit is the usual one: a Lambda authorizer before every call; an item for every seat; a queue
position that is a COUNT query, and a heartbeat written at every poll; a hold that takes a lock item, reads, and then
writes; the idempotency record of a request put in progress and then completed; a balance, a history and no transaction;
a Standard workflow with one Lambda function for each step of the saga, its history in the payment item.

Nothing in it depends on what is stored, so its requests are listed and billed by `units`, without being made.
"""

from collections.abc import Mapping

from booking.dynamodb import encode
from lab.measure.prices import Bill
from lab.measure.units import item_size, read_units, write_units
from lab.measure.world import PERFORMANCE, PRICE, SEATS

NOW = 1_796_119_200
LINE = 5000
"""How many wait ahead of a fan who joins; on the way to the front the average is half of it. A quarter of the crowd
that the queue is simulated with. The COUNT query costs the baseline a read unit for every 47 of them, at every poll."""
PAY_STEPS = ("ValidateHold", "CheckBalance", "DebitPoints", "RecordHistory", "ConfirmSeats", "LeaveQueue", "Complete")
PAY_CHOICES = 2
"""Whether the hold lives; whether the balance is enough."""

USER = "11111111-1111-4111-8111-111111111111"
KEY = "8f0c1c0e-8d5c-4f0e-9d53-2f5a0d8f7b61"
RESERVATION = "7f0c1c0e-8d5c-4f0e-9d53-2f5a0d8f7b61"
PAYMENT = "6f0c1c0e-8d5c-4f0e-9d53-2f5a0d8f7b61"

type Item = Mapping[str, str | int]

SEAT: Item = {
    "performanceId": PERFORMANCE,
    "seatNumber": 7,
    "status": "HELD",
    "price": PRICE,
    "reservationId": RESERVATION,
    "userId": USER,
    "updatedAt": NOW,
}
TOKEN: Item = {
    "concertId": "starfall-symphony",
    "joinedAt": NOW + 1,
    "tokenId": KEY,
    "userId": USER,
    "status": "WAITING",
    "expiresAt": NOW + 300,
    "lastSeenAt": NOW,
}
HELD: Item = {
    "reservationId": RESERVATION,
    "userId": USER,
    "performanceId": PERFORMANCE,
    "seatNumber": 7,
    "amount": PRICE,
    "status": "HELD",
    "expiresAt": NOW + 300,
    "createdAt": NOW,
}
PAID: Item = {
    "paymentId": PAYMENT,
    "reservationId": RESERVATION,
    "userId": USER,
    "amount": PRICE,
    "status": "PENDING",
    "createdAt": NOW,
}
LOCK: Item = {"lockId": f"{PERFORMANCE}#7", "owner": USER, "expiresAt": NOW + 10}
BALANCE: Item = {"userId": USER, "balance": 100_000, "updatedAt": NOW}
ENTRY: Item = {"userId": USER, "at": NOW, "type": "CHARGE", "amount": PRICE, "balance": 50_000}
RECORD: Item = {"key": KEY, "status": "COMPLETED", "answer": "{}", "expiresAt": NOW}


def _read(item: Item, count: int = 1) -> Bill:
    """Read one item, or query so many alike."""
    return Bill(read_units(item_size(encode(item)) * count, consistent=False), items_read=count)


def _write(*items: Item) -> Bill:
    """Write items, each on its own."""
    return Bill(write_units=sum(write_units(None, encode(item), transaction=False) for item in items))


def measure() -> dict[str, Bill]:
    """Bill each of the baseline's operations, by the name of ours that does the same."""
    public, call = Bill(http_calls=1, lambda_calls=1), Bill(http_calls=1, lambda_calls=2)
    count_ahead = _read(TOKEN, LINE // 2)
    once = _write(RECORD, RECORD)
    change_points = once + _read(BALANCE) + _write(BALANCE, ENTRY)
    poll = call + _read(TOKEN) + _write(TOKEN) + count_ahead
    steps = Bill(lambda_calls=len(PAY_STEPS), transitions=len(PAY_STEPS) + PAY_CHOICES + 1)
    return {
        "list_seats": public + _read(SEAT, SEATS),
        "issue_token": call + _read(RECORD) + _write(TOKEN) + count_ahead,
        "poll_average": poll,
        "poll_let_in": poll,
        "reserve_seat": call + _read(TOKEN) + _write(LOCK) + _read(SEAT) + _write(SEAT, HELD, LOCK),
        "charge": call + change_points,
        "pay": call
        + (once + _write(PAID))
        + (steps + _write(PAID) * len(PAY_STEPS))
        + (_read(HELD) + _read(BALANCE) + change_points + _write(SEAT, HELD, TOKEN))
        + (call + _read(PAID)),
    }
