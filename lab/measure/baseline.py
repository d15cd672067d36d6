"""The naive baseline: the same work done as the common samples do it, on the same meter, so that the distance is seen.

Not a straw man; each habit is the usual one: a Lambda authorizer before every call; an item for every seat; a queue
position that is a COUNT query, and a heartbeat written at every poll; a hold that takes a lock item, reads, and then
writes; the idempotency record of a request put in progress and then completed; a balance, a history and no transaction;
a Standard workflow with one Lambda function for each step of the saga, its history in the payment item.
"""

from collections.abc import Callable, Mapping
from typing import Any

from booking import aws
from lab.measure.prices import Bill
from lab.measure.world import NOW, PRICE, SEATS, World

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
PERFORMANCE = "starfall-symphony.2036-05-10"

TABLES: Mapping[str, tuple[str, str]] = {
    "BaselineSeats": ("performanceId", "seatNumber"),
    "BaselineLocks": ("lockId", ""),
    "BaselineTokens": ("concertId", "joinedAt"),
    "BaselineReservations": ("reservationId", ""),
    "BaselinePoints": ("userId", ""),
    "BaselineHistory": ("userId", "at"),
    "BaselineKeys": ("key", ""),
    "BaselinePayments": ("paymentId", ""),
}


def _stored(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in item.items()}


class Baseline:
    """The baseline's tables in a world, and its client, which the world's meter sees."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = aws.new_client("dynamodb")
        for name, (partition, sort) in TABLES.items():
            keys = [partition, sort] if sort else [partition]
            numbers = {"seatNumber", "joinedAt", "at"}
            world.looking.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": key, "AttributeType": "N" if key in numbers else "S"} for key in keys
                ],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        for number in range(1, SEATS + 1):
            self._put("BaselineSeats", _seat(number))
        for place in range(LINE // 2 + 1):
            self._put("BaselineTokens", _token(NOW + place))
        self._put("BaselinePoints", {"userId": USER, "balance": 100_000, "updatedAt": NOW})
        self._put("BaselineReservations", _reservation())
        self._put("BaselinePayments", _payment())

    def _put(self, table: str, item: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=table, Item=_stored(item))

    def _get(self, table: str, **key: Any) -> None:
        self.client.get_item(TableName=table, Key=_stored(key))

    def _set(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        self.client.update_item(
            TableName=table,
            Key=_stored(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in _stored(values).items()},
        )

    def _http(self, *, authorized: bool = True) -> None:
        """Take a call of the API: its function, and the authorizer before it."""
        self.world.meter.add(Bill(http_calls=1, lambda_calls=2 if authorized else 1))

    def _count_ahead(self) -> None:
        self.client.query(
            TableName="BaselineTokens",
            Select="COUNT",
            KeyConditionExpression="#c = :c AND #j < :j",
            ExpressionAttributeNames={"#c": "concertId", "#j": "joinedAt"},
            ExpressionAttributeValues=_stored({":c": "starfall-symphony", ":j": NOW + LINE // 2}),
        )

    def list_seats(self) -> None:
        """List the seats of a performance."""
        self._http(authorized=False)
        self.client.query(
            TableName="BaselineSeats",
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "performanceId"},
            ExpressionAttributeValues=_stored({":p": PERFORMANCE}),
        )

    def issue_token(self) -> None:
        """Join the queue."""
        self._http()
        self._get("BaselineKeys", key=USER)
        self._put("BaselineTokens", _token(NOW + LINE))
        self._count_ahead()

    def poll(self) -> None:
        """Poll, with half of the line ahead."""
        self._http()
        self._get("BaselineTokens", concertId="starfall-symphony", joinedAt=NOW + 1)
        self._set("BaselineTokens", {"concertId": "starfall-symphony", "joinedAt": NOW + 1}, lastSeenAt=NOW)
        self._count_ahead()

    def reserve_seat(self) -> None:
        """Hold a seat: lock, read, write, unlock."""
        self._http()
        self._get("BaselineTokens", concertId="starfall-symphony", joinedAt=NOW + 1)
        self._put("BaselineLocks", {"lockId": f"{PERFORMANCE}#7", "owner": USER, "expiresAt": NOW + 10})
        self._get("BaselineSeats", performanceId=PERFORMANCE, seatNumber=7)
        self._set(
            "BaselineSeats", {"performanceId": PERFORMANCE, "seatNumber": 7}, status="HELD", reservationId=RESERVATION
        )
        self._put("BaselineReservations", _reservation())
        self.client.delete_item(TableName="BaselineLocks", Key=_stored({"lockId": f"{PERFORMANCE}#7"}))

    def charge(self) -> None:
        """Charge points."""
        self._http()
        self._change_points()

    def _change_points(self) -> None:
        self._put("BaselineKeys", {"key": KEY, "status": "INPROGRESS", "expiresAt": NOW})
        self._get("BaselinePoints", userId=USER)
        self._set("BaselinePoints", {"userId": USER}, balance=50_000, updatedAt=NOW)
        self._put("BaselineHistory", {"userId": USER, "at": NOW, "type": "CHARGE", "amount": PRICE, "balance": 50_000})
        self._set("BaselineKeys", {"key": KEY}, status="COMPLETED", answer="{}")

    def pay(self) -> None:
        """Pay for a reservation: the call, then a Lambda function for each step of the workflow."""
        self._http()
        self._put("BaselineKeys", {"key": PAYMENT, "status": "INPROGRESS", "expiresAt": NOW})
        self._put("BaselinePayments", _payment())
        self._set("BaselineKeys", {"key": PAYMENT}, status="COMPLETED", answer="{}")
        steps = len(PAY_STEPS)
        self.world.meter.add(Bill(lambda_calls=steps, transitions=steps + PAY_CHOICES + 1))
        self._get("BaselineReservations", reservationId=RESERVATION)
        self._get("BaselinePoints", userId=USER)
        self._change_points()
        self._set("BaselineSeats", {"performanceId": PERFORMANCE, "seatNumber": 7}, status="SOLD")
        self._set("BaselineReservations", {"reservationId": RESERVATION}, status="CONFIRMED")
        self._set("BaselineTokens", {"concertId": "starfall-symphony", "joinedAt": NOW + 1}, status="FINISHED")
        for step in PAY_STEPS:
            self._set("BaselinePayments", {"paymentId": PAYMENT}, step=step)
        self._http()
        self._get("BaselinePayments", paymentId=PAYMENT)


def _seat(number: int) -> dict[str, Any]:
    return {
        "performanceId": PERFORMANCE,
        "seatNumber": number,
        "status": "HELD",
        "price": PRICE,
        "reservationId": RESERVATION,
        "userId": USER,
        "updatedAt": NOW,
    }


def _token(joined_at: int) -> dict[str, Any]:
    return {
        "concertId": "starfall-symphony",
        "joinedAt": joined_at,
        "tokenId": KEY,
        "userId": USER,
        "status": "WAITING",
        "expiresAt": NOW + 300,
        "lastSeenAt": NOW,
    }


def _reservation() -> dict[str, Any]:
    return {
        "reservationId": RESERVATION,
        "userId": USER,
        "performanceId": PERFORMANCE,
        "seatNumber": 7,
        "amount": PRICE,
        "status": "HELD",
        "expiresAt": NOW + 300,
        "createdAt": NOW,
    }


def _payment() -> dict[str, Any]:
    return {
        "paymentId": PAYMENT,
        "reservationId": RESERVATION,
        "userId": USER,
        "amount": PRICE,
        "status": "PENDING",
        "createdAt": NOW,
    }


def measure() -> dict[str, Bill]:
    """Count each of the baseline's operations, by the name of ours that does the same, and its journey."""
    bills: dict[str, Bill] = {}
    with World() as world:
        baseline = Baseline(world)
        operations: dict[str, Callable[[], None]] = {
            "list_seats": baseline.list_seats,
            "issue_token": baseline.issue_token,
            "poll_average": baseline.poll,
            "reserve_seat": baseline.reserve_seat,
            "charge": baseline.charge,
            "pay": baseline.pay,
        }
        for name, operation in operations.items():
            with world.measured() as tally:
                operation()
            bills[name] = tally.bill
    return bills | {"poll_let_in": bills["poll_average"]}
