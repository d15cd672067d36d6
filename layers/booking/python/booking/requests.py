"""The bodies of requests, and what is wrong with one.

Each member carries its JSON Schema, which is both what the specification shows and what a body is checked against; a
test holds the two readings together. The few rules that we have need no validation library, and a cold start is spared
one. Integers are strict: `true`, `"7"`, `7.0` and `7.5` are not integers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

MAX_AMOUNT = 1_000_000
MAX_SEATS = 4

type Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReserveSeats:
    """Which seats of which performance to hold."""

    performanceId: str = field(metadata={"type": "string", "minLength": 1, "maxLength": 100})
    seatNumbers: list[int] = field(
        metadata={
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
            "minItems": 1,
            "maxItems": MAX_SEATS,
            "uniqueItems": True,
        }
    )


@dataclass(frozen=True, slots=True)
class ChargePoints:
    """How many points to add."""

    amount: int = field(metadata={"type": "integer", "minimum": 1, "maximum": MAX_AMOUNT})


@dataclass(frozen=True, slots=True)
class UsePoints(ChargePoints):
    """How many points to take, and what for."""

    reason: str | None = field(default=None, metadata={"type": "string", "minLength": 0, "maxLength": 200})


@dataclass(frozen=True, slots=True)
class PayReservation:
    """Which reservation to pay for. The price is the server's."""

    reservationId: str = field(metadata={"type": "string", "minLength": 1, "maxLength": 64})


def schema(model: type) -> dict[str, Any]:
    """Give the JSON Schema of a body. A member that can be left out can also be null."""
    members: dict[str, Any] = {}
    required: list[str] = []
    for member in fields(model):
        if member.default is MISSING:
            members[member.name] = dict(member.metadata)
            required.append(member.name)
        else:
            members[member.name] = {"anyOf": [dict(member.metadata), {"type": "null"}], "default": None}
    return {"type": "object", "description": model.__doc__, "required": required, "properties": members}


def problems(model: type, content: Any) -> list[dict[str, str]]:
    """Give what is wrong with a body, a sentence for each wrong member; nothing when it can be taken as it is."""
    if not isinstance(content, dict):
        return [{"field": "body", "message": "must be an object"}]
    found: list[tuple[str, str]] = []
    for member in fields(model):
        optional = member.default is not MISSING
        if member.name not in content:
            found += [] if optional else [(member.name, "is required")]
        elif not (optional and content[member.name] is None):
            found += _wrong(member.name, content[member.name], dict(member.metadata))
    return [{"field": name, "message": message} for name, message in found]


def take[Model](model: type[Model], content: Mapping[str, Any]) -> Model:
    """Make the request of a body that has no problems; members that it does not have are passed over."""
    known = {member.name for member in fields(model)}  # type: ignore[arg-type]  # every model here is a dataclass
    return model(**{name: value for name, value in content.items() if name in known})


def _wrong(name: str, value: Any, rule: Schema) -> Iterator[tuple[str, str]]:
    match rule["type"]:
        case "string":
            if not isinstance(value, str) or not _is_unicode(value):
                yield name, "must be a text"
            elif not rule["minLength"] <= len(value) <= rule["maxLength"]:
                yield name, f"must have {rule['minLength']} to {rule['maxLength']} characters"
        case "integer":
            least, most = rule["minimum"], rule.get("maximum")
            if type(value) is not int:
                yield name, "must be a whole number"
            elif value < least or (most is not None and value > most):
                yield name, f"must be from {least} to {most}" if most is not None else f"must be {least} or more"
        case "array":
            if not isinstance(value, list):
                yield name, "must be a list"
            elif not rule["minItems"] <= len(value) <= rule["maxItems"]:
                yield name, f"must have {rule['minItems']} to {rule['maxItems']} elements"
            else:
                wrong = [
                    each for i, element in enumerate(value) for each in _wrong(f"{name}.{i}", element, rule["items"])
                ]
                yield from wrong
                if not wrong and rule["uniqueItems"] and len(set(value)) != len(value):
                    yield name, "must be distinct"


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be stored: JSON can escape half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
