"""The bodies of requests, as pydantic's core checks them.

The schemas are given to pydantic-core directly: it checks a body exactly as a pydantic model would, and pydantic makes
the specification from the same schemas, but a cold start is spared the import of the models (a quarter of the CPU of
importing the whole function). Integers are strict: `true`, `"7"`, `7.0` and `7.5` are not integers.
"""

import functools
from collections.abc import Hashable
from typing import Any, TypedDict, cast

from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError

from booking.errors import ValidationFailed

MAX_AMOUNT = 1_000_000
MAX_SEATS = 4
MAX_PARTY = 50
MAX_CAPACITY = 100_000
MAX_SCANS = 200
MAX_MESSAGE = 200
MAX_USER_ID = 128
MAX_CODE = 4296
"""As much as a QR code can hold: somebody else's codes are scanned at a door, too."""

type Schema = dict[str, Any]


class ReserveSeats(TypedDict):
    """Which seats of which performance to hold, or how many: the best ones that are free.

    `gradeId` and `sectionId` narrow down where the best ones are looked for; `accessible` asks for an accessible place.
    """

    performanceId: str
    seatNumbers: list[int] | None
    quantity: int | None
    gradeId: str | None
    sectionId: str | None
    accessible: bool


class ChargePoints(TypedDict):
    """How many points to add. Whose, says a machine; fans add to their own."""

    amount: int
    userId: str | None


class UsePoints(TypedDict):
    """How many points to take, and what for."""

    amount: int
    reason: str | None


class ScanTold(TypedDict):
    """What a door says that it saw, and when by its own clock."""

    scanId: str
    code: str
    at: str


class RecordCheckIns(TypedDict):
    """Scans of one door: `deviceId` and each `scanId` are its own names; sent again, they are the same scans."""

    deviceId: str
    scans: list[ScanTold]


class CancelSeats(TypedDict):
    """Which seats to cancel, or all that are left, and the sum that the fan has agreed to get back."""

    seatNumbers: list[int] | None
    expectedRefund: int


class CancelBooking(CancelSeats):
    """The same on behalf of the fan whose booking it is, and why."""

    userId: str
    reason: str


class CallOff(TypedDict):
    """Whether only to look (`dryRun`), with the date taken off sale before (`offSale`), or to call it off: `confirm` is
    the code of the look."""

    dryRun: bool
    offSale: bool
    confirm: str | None


class SetQueue(TypedDict, total=False):
    """How many may be in, whether anybody is let in, and what waiting fans are told (null: nothing); at least one."""

    capacity: int
    paused: bool
    message: str | None


class PayReservation(TypedDict):
    """Which reservation to pay for. The price is the server's."""

    reservationId: str


def _text(longest: int, shortest: int = 0) -> Schema:
    return {"type": "str", "strict": True, "min_length": shortest, "max_length": longest}


def _integer(least: int, most: int | None = None) -> Schema:
    return {"type": "int", "strict": True, "ge": least} | ({"le": most} if most is not None else {})


def _distinct(numbers: list[int]) -> list[int]:
    if len(set(numbers)) != len(numbers):
        raise PydanticCustomError("distinct", "Input should have distinct elements")
    return numbers


def _either(body: ReserveSeats) -> ReserveSeats:
    if (body["seatNumbers"] is None) == (body["quantity"] is None):
        raise PydanticCustomError("either", "Input should have either seatNumbers or quantity")
    return body


def _look_or_do(body: CallOff) -> CallOff:
    if body["dryRun"] == (body["confirm"] is not None) or (body["offSale"] and not body["dryRun"]):
        raise PydanticCustomError("look_or_do", "Input should have either dryRun: true or confirm")
    return body


def _something(body: SetQueue) -> SetQueue:
    if not body:
        raise PydanticCustomError("something", "Input should have capacity, paused or message")
    return body


def _body(*, partial: bool = False, **members: Schema) -> Schema:
    """Describe a body by its members; of a partial one each may be left out, and then is not in it."""
    fields = {
        name: {"type": "typed-dict-field", "schema": schema, "required": not partial and schema["type"] != "default"}
        for name, schema in members.items()
    }
    return {"type": "typed-dict", "fields": fields, "extra_behavior": "ignore"}


def _line(longest: int) -> Schema:
    """Describe a text of one line."""
    return _text(longest, 1) | {"pattern": r"^[^\x00-\x1f\x7f]*$"}


_NAME = _text(64, 1) | {"pattern": r"^[A-Za-z0-9._-]+$"}
_AMOUNT = _integer(1, MAX_AMOUNT)


def _seats(most: int) -> Schema:
    return {
        "type": "function-after",
        "function": {"type": "no-info", "function": _distinct},
        "schema": {"type": "list", "items_schema": _integer(1), "min_length": 1, "max_length": most},
        "metadata": {"pydantic_js_updates": {"uniqueItems": True}},
    }


_SOME_SEATS: Schema = {"type": "default", "default": None, "schema": {"type": "nullable", "schema": _seats(MAX_PARTY)}}
_REFUND = _integer(0, 1_000_000_000)

SCHEMAS: dict[type, Schema] = {
    ReserveSeats: {
        "type": "function-after",
        "function": {"type": "no-info", "function": _either},
        "schema": _body(
            performanceId=_text(100, 1),
            seatNumbers={"type": "default", "default": None, "schema": _seats(MAX_SEATS)},
            quantity={"type": "default", "default": None, "schema": _integer(1, MAX_PARTY)},
            gradeId={"type": "default", "default": None, "schema": {"type": "nullable", "schema": _text(40, 1)}},
            sectionId={"type": "default", "default": None, "schema": {"type": "nullable", "schema": _text(40, 1)}},
            accessible={"type": "default", "default": False, "schema": {"type": "bool", "strict": True}},
        ),
        "metadata": {"pydantic_js_updates": {"oneOf": [{"required": ["seatNumbers"]}, {"required": ["quantity"]}]}},
    },
    ChargePoints: _body(
        amount=_AMOUNT,
        userId={"type": "default", "default": None, "schema": {"type": "nullable", "schema": _text(MAX_USER_ID, 1)}},
    ),
    UsePoints: _body(
        amount=_AMOUNT,
        reason={"type": "default", "default": None, "schema": {"type": "nullable", "schema": _text(200)}},
    ),
    RecordCheckIns: _body(
        deviceId=_NAME,
        scans={
            "type": "list",
            "items_schema": _body(scanId=_NAME, code=_text(MAX_CODE), at=_text(40, 1)),
            "min_length": 1,
            "max_length": MAX_SCANS,
        },
    ),
    CancelSeats: _body(seatNumbers=_SOME_SEATS, expectedRefund=_REFUND),
    CancelBooking: _body(
        seatNumbers=_SOME_SEATS, expectedRefund=_REFUND, userId=_text(MAX_USER_ID, 1), reason=_line(MAX_MESSAGE)
    ),
    CallOff: {
        "type": "function-after",
        "function": {"type": "no-info", "function": _look_or_do},
        "schema": _body(
            dryRun={"type": "default", "default": False, "schema": {"type": "bool", "strict": True}},
            offSale={"type": "default", "default": False, "schema": {"type": "bool", "strict": True}},
            confirm={"type": "default", "default": None, "schema": {"type": "nullable", "schema": _text(40, 1)}},
        ),
        "metadata": {"pydantic_js_updates": {"oneOf": [{"required": ["dryRun"]}, {"required": ["confirm"]}]}},
    },
    SetQueue: {
        "type": "function-after",
        "function": {"type": "no-info", "function": _something},
        "schema": _body(
            partial=True,
            capacity=_integer(0, MAX_CAPACITY),
            paused={"type": "bool", "strict": True},
            message={"type": "nullable", "schema": _line(MAX_MESSAGE)},
        ),
        "metadata": {"pydantic_js_updates": {"minProperties": 1}},
    },
    PayReservation: _body(reservationId=_text(64, 1)),
}
"""What each body must be, in pydantic-core's notation."""


@functools.cache
def _validator(body: Any) -> SchemaValidator:
    return SchemaValidator(SCHEMAS[body])


def read[Body](body: type[Body], text: str | None) -> Body:
    """Read a request's JSON body. Members that it does not have are passed over.

    Raises:
        ValidationFailed: with a message for each wrong member.

    """
    try:
        request: Body = _validator(cast(Hashable, body)).validate_json(text or "")
    except ValidationError as error:
        raise ValidationFailed(
            errors=[
                {"field": ".".join(map(str, each["loc"])) or "body", "message": each["msg"]} for each in error.errors()
            ]
        ) from error
    return request
