"""What Schemathesis is told that the specification cannot say: which ids are alive, and which integers are strict."""

import itertools
import os
from typing import Any

import schemathesis

FANS = itertools.cycle(os.environ.get("FANS", "nobody").split())
IDS = {name: os.environ.get(name, "") for name in ("concertId", "performanceId")}


@schemathesis.auth(refresh_interval=None)
class SignedIn:
    """Sign each request in as a fan; somebody else joins each time, so that nobody joins a queue again too soon."""

    def __init__(self) -> None:
        self.fan = next(FANS)

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        """Choose the fan."""
        if case.operation.definition.raw["operationId"] == "issue_queue_token":
            self.fan = next(FANS)
        return self.fan

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        """Say who asks."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any] | None) -> Any:
    """Ask for the concert that is there, three times of four."""
    for name in IDS.keys() & (path_parameters or {}).keys():
        if path_parameters and len(str(path_parameters[name])) % 4:
            path_parameters[name] = IDS[name]
    return path_parameters


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Ask for seats that the hall has, of the performance that is there."""
    if (
        isinstance(body, dict)
        and isinstance(body.get("seatNumbers"), list)
        and isinstance(body.get("performanceId"), str)
    ):
        seats = {int(seat) % 50 + 1 for seat in body["seatNumbers"] if isinstance(seat, int)}
        return body | {"performanceId": IDS["performanceId"], "seatNumbers": sorted(seats)} if seats else body
    return body


@schemathesis.hook
def filter_body(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out whole floats: 7.0 is an integer to JSON Schema, and none to this API, whose integers are strict."""
    return not _has_whole_float(body)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Send no cursor, section or booked seat that is only made to look like one, and the key that best seats need.

    A cursor is what a list has answered, a section what a layout has, and what can be cancelled what was booked; tests
    of theirs try foreign ones.
    """
    if case.meta is None or case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return
    for name in ("cursor", "section"):
        (case.query or {}).pop(name, None)
    if case.operation.path.endswith("/cancellation"):
        (case.query or {}).pop("seatNumbers", None)
        if isinstance(case.body, dict):
            case.body.pop("seatNumbers", None)
    if isinstance(case.body, dict) and "quantity" in case.body:
        case.headers.setdefault("Idempotency-Key", "best seats")


def _has_whole_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(_has_whole_float, value))
    return isinstance(value, float) and value.is_integer()
