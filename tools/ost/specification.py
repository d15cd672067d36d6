"""The specification of the HTTP API, merged from the handlers.

Powertools merges what the resolvers know: paths, methods, summaries, tags. Each route's `x-contract` (see
`booking.http.operation`) says the rest: headers, body, answers and refusals. Views and requests become schemas, and
each refusal comes with an example.
"""

import json
import re
import typing
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from booking import requests, views
from booking.errors import CATALOGUE, BookingError
from tools.ost.paths import ROOT

FILE = ROOT / "functions" / "get_openapi" / "openapi.json"
REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
BYPASSED = {
    "description": "`FORBIDDEN`: the request has not come through the origin of the page",
    "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
}


def _link(operation: str, parameters: dict[str, str], body: dict[str, str] | None = None) -> dict[str, Any]:
    """Say that an answer leads on to an operation: which of its members are which parameters there."""
    return {"operationId": operation, "parameters": parameters} | ({"requestBody": body} if body else {})


_TOKEN = {"header.X-Queue-Token": "$response.body#/token"}
_PLACE = {"path.concertId": "$request.path.concertId"} | _TOKEN
_RESERVATION = {"reservationId": "$response.body#/reservationId"}
LINKS: dict[str, list[dict[str, Any]]] = {
    "list_concerts": [_link("get_concert", {"path.concertId": "$response.body#/items/0/concertId"})],
    "get_concert": [_link("list_performances", {"path.concertId": "$response.body#/concertId"})],
    "list_performances": [_link("list_seats", {"path.performanceId": "$response.body#/items/0/performanceId"})],
    "issue_queue_token": [
        _link("poll_queue_token", _PLACE),
        _link("leave_queue", _PLACE),
        _link("reserve_seats", _TOKEN),
    ],
    "reserve_seats": [
        _link("get_reservation", {f"path.{name}": told for name, told in _RESERVATION.items()}),
        _link("release_reservation", {f"path.{name}": told for name, told in _RESERVATION.items()}),
        _link("start_payment", {}, _RESERVATION),
    ],
    "start_payment": [_link("get_payment", {"path.paymentId": "$response.body#/paymentId"})],
}
"""Where an answer leads: what a client can do next with what it has been told."""
METHODS = ("get", "post", "put", "delete")

EXAMPLES: dict[str, Any] = {
    "ahead": 41,
    "amount": 12000,
    "chain": "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "closesAt": "2026-12-01T10:00:00Z",
    "commitment": "5d3f0c9b3a0d2f4f6a1f5c0f0c7d9f6f2b1c4f0f7a6e5d4c3b2a190807060504",
    "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "drawsAt": "2026-12-01T10:00:40Z",
    "drawnAt": "2026-12-01T10:00:37Z",
    "entries": 120000,
    "entriesRoot": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "entriesUrl": "draw/entries/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "front": 500,
    "kind": "entries",
    "lobbyId": "starfall-symphony.1796115600",
    "lobbyOpensAt": "2026-12-01T09:00:00Z",
    "part": "00",
    "perSecond": 1500,
    "piecesUrl": "draw/pieces/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "randomness": "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587",
    "round": 34438878,
    "roundAt": "2026-12-01T10:00:33Z",
    "secret": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
    "seed": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "windowSeconds": 80,
    "asOf": "2026-12-24T09:30:05Z",
    "artist": "Studio Nocturne Orchestra",
    "at": "2026-12-01T10:00:05Z",
    "available": 49,
    "balance": 38000,
    "balanceAfter": 38000,
    "cancellationId": "ck3vq7ykq2m5xw4tz6onra",
    "cancelledSeatNumbers": [],
    "capacity": 500,
    "active": 500,
    "entered": 1840,
    "lapsed": 212,
    "secondsSinceAdvance": 1,
    "waiting": 12873,
    "code": "INSUFFICIENT_POINTS",
    "completedAt": "2026-12-01T10:00:05Z",
    "concertId": "starfall-symphony",
    "createdAt": "2026-12-01T10:00:04Z",
    "deviceId": "door-1",
    "publicKey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "keyId": "5f0c1c0e",
    "scanId": "17",
    "ticketId": "tm5xw4tz6onram5xw4tz6o",
    "dates": {
        "count": 2,
        "firstAt": "2026-12-24T10:00:00Z",
        "lastAt": "2026-12-25T10:00:00Z",
        "timezone": "Asia/Seoul",
        "priceFrom": 12000,
    },
    "holdSeconds": 300,
    "maxSeatsPerUser": 4,
    "translations": {"ko": {"title": "별이 내리는 교향곡", "venue": "하버 홀, 서울"}},
    "description": "The music of the film, played live to the picture.",
    "detail": "You do not have enough points. Charge points and try again.",
    "entryId": "e7m2qkx4zv3o6ytf5wqea",
    "estimatedWaitSeconds": 18,
    "expectedRefund": 10800,
    "fee": 1200,
    "keepPercent": 10,
    "paid": 12000,
    "confirm": None,
    "dryRun": True,
    "offSale": False,
    "calledOff": False,
    "surveyCode": "4kq2ma",
    "repeatAt": None,
    "field": "price",
    "before": "12000",
    "after": "13000",
    "reservations": 812,
    "refund": 10800,
    "rule": "DAYS_BEFORE_7",
    "validUntil": "2026-12-15T15:00:00Z",
    "expiresAt": "2026-12-01T10:05:00Z",
    "activeUntil": None,
    "message": "We are back at 20:15.",
    "details": {"before": {"paused": False}, "after": {"paused": True}},
    "nextCursor": None,
    "paymentId": "pk3vq7ykq2m5xw4tz6onra",
    "performanceId": "starfall-symphony.2036-05-10",
    "pollAfterSeconds": 2,
    "position": 42,
    "price": 12000,
    "reason": "a programme book",
    "reservationId": "r0692c3a40m5xw4tz6onra",
    "salesOpenAt": "2026-12-01T10:00:00Z",
    "salesCloseAt": "2026-12-24T10:00:00Z",
    "seatNumber": 7,
    "seatNumbers": [7],
    "seatsTotal": 50,
    "seatsAvailable": 49,
    "serverTime": "2026-12-01T10:00:05Z",
    "startsAt": "2026-12-24T10:00:00Z",
    "timezone": "Asia/Seoul",
    "title": "Starfall Symphony",
    "token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJudW1iZXIiOjQyfQ.c2ln",
    "venue": "Harbour Hall, Seoul",
}
"""What a member's value looks like; members that are not here are made from their schema."""

HEADERS: dict[str, dict[str, Any]] = {
    "queueToken": {
        "name": "X-Queue-Token",
        "in": "header",
        "required": True,
        "description": "The token of one's place in the concert's queue.",
        "schema": {"type": "string"},
    },
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "The same on each retry of one request: it takes effect once.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "example": "5f0c1c0e-8d5c-4f0e-9d53-2f5a0d8f7b61",
    },
    "validator": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of an answer that one has: 304 where nothing has changed.",
        "schema": {"type": "string"},
    },
}
CURSOR = {"type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[A-Za-z0-9_-]+$"}
PAGING: list[dict[str, Any]] = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
    {"name": "cursor", "in": "query", "description": "`nextCursor` of the page before.", "schema": CURSOR},
]

QUERY: dict[str, Any] = {
    "seatNumbers": {"type": "string", "pattern": r"^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8}){0,99}$", "example": "1,2"},
    "bookable": {"type": "boolean"},
    "section": {"type": "string"},
    "version": {"type": "string"},
    "concertId": {"type": "string"},
    "dryRun": {"type": "boolean"},
    "userId": {"type": "string", "minLength": 1, "maxLength": 128},
    "q": {"type": "string", "maxLength": 100, "description": "A part of a name, a booking's id, or a seat."},
}


def build(functions: Path = ROOT / "functions") -> dict[str, Any]:
    """Merge the specification from every handler below a folder."""
    merge = OpenAPIMerge(
        title="OST Concert Booking",
        version="1.0.0",
        description="Queue, hold seats and pay for them with points. Errors are RFC 9457 problems.",
        on_conflict="error",
    )
    for handler in sorted(functions.glob("*/app.py")):
        if "http.api(" in handler.read_text("utf-8"):
            merge.add_file(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = merge.get_openapi_schema()
    specification = json.loads(json.dumps(merged, default=lambda member: member.value))
    specification["servers"] = [{"url": "."}]
    schemas = _schemas()
    schemas["Problem"]["properties"]["code"]["enum"] = sorted(CATALOGUE)
    schemas["Problem"]["additionalProperties"] = True
    specification["paths"] = dict(sorted(specification["paths"].items()))
    for path, operations in specification["paths"].items():
        for method in METHODS:
            if method in operations:
                _complete(operations[method], path, method, schemas)
    specification["components"] = {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": {
            "signIn": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The sign-in token."},
        },
    }
    return dict(specification)


def render(specification: dict[str, Any]) -> str:
    """Return the text of the file."""
    return json.dumps(specification, indent=2, ensure_ascii=False) + "\n"


def write() -> bool:
    """Write the file that `GET /openapi.json` answers with; tell whether it has changed. Safe to repeat."""
    text = render(build())
    changed = not FILE.exists() or FILE.read_text("utf-8") != text
    FILE.write_text(text, "utf-8")
    return changed


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for name, kind in vars(views).items():
        if typing.is_typeddict(kind) and kind.__module__ == views.__name__:
            schema = TypeAdapter(kind).json_schema(ref_template=REFERENCE)
            schemas |= schema.pop("$defs", {})
            schemas[name] = schema
    for kind, schema in requests.SCHEMAS.items():
        described = GenerateJsonSchema(ref_template=REFERENCE).generate(schema)
        schemas[kind.__name__] = described | {"title": kind.__name__, "description": kind.__doc__}
    return schemas


def _complete(operation: dict[str, Any], path: str, method: str, schemas: dict[str, Any]) -> None:
    contract = operation.pop("x-contract")
    operation["operationId"] = operation["operationId"].removesuffix(re.sub(r"\W", "_", path) + "_" + method)
    parameters = [
        {"name": known["name"], "in": "path", "required": True, "schema": {"type": "string"}}
        | {"example": EXAMPLES[known["name"]]}
        for known in operation.pop("parameters", [])
    ]
    parameters += [HEADERS["queueToken"]] if contract["queueToken"] else []
    if contract["key"]:
        optional = {"required": False, "description": contract["key"]} if isinstance(contract["key"], str) else {}
        parameters.append(HEADERS["key"] | optional)
    parameters += PAGING if contract["paged"] else []
    parameters += [{"name": name, "in": "query", "schema": QUERY[name]} for name in contract["query"]]
    parameters += [HEADERS["validator"]] if contract["cached"] else []
    if parameters:
        operation["parameters"] = parameters
    if contract["user"]:
        operation["security"] = [{"signIn": []}]
    if contract["body"]:
        schema = {"$ref": REFERENCE.format(model=contract["body"])}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example(schema, schemas)}},
        }
    if contract["upload"]:
        operation["requestBody"] = {"required": True, "content": {contract["upload"]: {"schema": {"type": "string"}}}}
    operation["responses"] = _responses(contract, schemas)
    for status in (contract["success"][0], _again(contract)[0]):
        if status and (links := LINKS.get(operation["operationId"])):
            operation["responses"][str(status)]["links"] = {link["operationId"]: link for link in links}


def _again(contract: dict[str, Any]) -> tuple[int | None, str | None]:
    """Return the other status of success, and its view where it has one of its own."""
    match contract["again"]:
        case [status, view]:
            return status, view
        case status:
            return status, None


def _answer(view: str, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model=view)}
    content = {"application/json": {"schema": schema, "example": example(schema, schemas)}}
    return {"description": f"A {view}", "content": content}


def _responses(contract: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    status, view = contract["success"]
    answer: dict[str, Any] = _answer(view, schemas) if view else {"description": "Done"}
    if contract["media"]:
        answer["content"] = {
            contract["media"]: {"schema": {"type": "object" if contract["media"].endswith("json") else "string"}}
        }
    responses = {str(status): answer}
    status, view = _again(contract)
    if status:
        responses[str(status)] = _answer(view, schemas) if view else answer
    if contract["cached"]:
        responses["304"] = {"description": "What `If-None-Match` names is still what there is"}
    codes = [*contract["errors"], *(EVERYWHERE if contract["errors"] or contract["user"] else ())]
    by_status: dict[int, list[type[BookingError]]] = {}
    for code in codes:
        by_status.setdefault(CATALOGUE[code].status, []).append(CATALOGUE[code])
    for refused, errors in sorted(by_status.items()):
        responses[str(refused)] = _refusals(errors)
    responses.setdefault("403", BYPASSED)
    if contract["user"]:
        unsigned = responses.setdefault("401", {"description": "No sign-in, or a bad one", "content": {}})
        unsigned["content"]["application/json"] = {"schema": {"$ref": REFERENCE.format(model="GatewayMessage")}}
    return dict(sorted(responses.items()))


def _refusals(errors: Iterable[type[BookingError]]) -> dict[str, Any]:
    errors = list(errors)
    return {
        "description": ", ".join(f"`{error.code}`" for error in errors),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": REFERENCE.format(model="Problem")},
                "examples": {error.code: {"value": error().problem()} for error in errors},
            }
        },
    }


def example(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:  # noqa: PLR0911
    """Make an example of a schema."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, name)
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], schemas, name)
    if schema.get("type") == "object":
        return {member: example(kind, schemas, member) for member, kind in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example(schema["items"], schemas, "")]
    return {"integer": 1, "boolean": True}.get(schema.get("type", ""), "text")
