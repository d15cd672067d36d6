"""Faults at botocore's event hooks, under the real handlers: what a network, a service or a process can do to a call.

A `Wire` stands between botocore and the cloud of this process. It numbers the API calls of the clients that are
attached to it, and lets one `Fault` strike the call with a given number: before it takes effect, after it, twice, late,
or by ending the process. Botocore's own retries and the code's own recovery run as they are.

The emulators never conflict, throttle or forget; so what they cannot do is answered here, in the words of the service.
A mixed cancellation (`MIXED_*`) is made from the reasons that a second delivery of the same transaction really gets:
it is what one sees whose earlier attempt is just being committed, item by item.
"""

import enum
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber


class ProcessEnded(BaseException):
    """The process is gone: nothing after this runs, no matter what is caught."""


class Kind(enum.Enum):
    """What happens to a call. ONCE strikes its first attempt only, so that botocore's retry comes through."""

    UNREACHABLE_ONCE = "fails before it takes effect; the SDK's retry comes through"
    UNREACHABLE = "fails before it takes effect, and so does all that follows"
    LOST_ONCE = "takes effect, its answer is lost; the SDK's retry is recognised by its token"
    LOST_FORGOTTEN = "takes effect, its answer is lost; the SDK's retry is taken for a new request"
    LOST = "takes effect, and every answer is lost"
    ERROR_AFTER = "takes effect, and is answered 500"
    THROTTLED = "is throttled, and so is all that follows"
    CANCELLED_BY_THROTTLING = "is a transaction that is cancelled because an item is throttled"
    CONFLICT = "meets another transaction once"
    CONFLICT_FOR_GOOD = "meets other transactions again and again"
    MIXED_FIRST = "took effect before; the repetition meets a conflict on its first refused item"
    MIXED_REST = "took effect before; the repetition meets conflicts on all but its last refused item"
    TWICE = "is delivered twice"
    LATE = "is given up by the client, and takes effect when everything else is over"
    LATE_ONCE = "is given up once; the SDK's retry comes through, and the first comes late"
    ENDS_BEFORE = "is never made: the process ends"
    ENDS_AFTER = "takes effect, and the process ends"


READS = {"GetItem", "Query", "GetSecretValue", "Scan"}
_LASTING = {Kind.UNREACHABLE, Kind.THROTTLED, Kind.CONFLICT_FOR_GOOD}
_ANY_READ = {Kind.UNREACHABLE, Kind.LOST, Kind.THROTTLED, Kind.ENDS_BEFORE}
"""A read changes nothing, so a process that ends after it has done what one did that ended before, and an attempt that
the SDK repeats was never there."""
_TRANSACTIONS = {Kind.CANCELLED_BY_THROTTLING, Kind.MIXED_FIRST, Kind.MIXED_REST, Kind.LOST_FORGOTTEN}
_DYNAMODB_WRITES = {Kind.CONFLICT, Kind.CONFLICT_FOR_GOOD}


def kinds_for(operation: str) -> list[Kind]:
    """Name what can happen to a call, such as `dynamodb.GetItem`."""
    service, name = operation.split(".")
    if name in READS:
        possible = _ANY_READ
    elif name == "TransactWriteItems":
        possible = set(Kind)
    else:
        possible = set(Kind) - _TRANSACTIONS - (_DYNAMODB_WRITES if service != "dynamodb" else set())
    return [kind for kind in Kind if kind in possible]


@dataclass(frozen=True)
class Fault:
    """What happens to the call with this number, counted from 0 since the fault was set."""

    kind: Kind
    call: int


@dataclass
class Wire:
    """The way from the clients to the cloud. `calls` are the operations made since the fault was set."""

    fault: Fault | None = None
    calls: list[str] = field(default_factory=list)
    struck: bool = False
    observe: Callable[[int, str], None] | None = None
    """Called before each call with its number and operation: a place to let something else happen in between."""
    stand_ins: dict[str, Callable[[bytes], tuple[int, str]]] = field(default_factory=dict)
    """Answers instead of the cloud, by service."""
    after: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What to do after a call was delivered and before its answer arrives, by operation."""

    def __post_init__(self) -> None:
        self._late: list[tuple[AWSPreparedRequest, str]] = []
        self._done: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self._present = threading.local()
        self._one_at_a_time = threading.Lock()

    def attach(self, client: Any) -> None:
        """Let this client's calls go over this wire."""
        client.meta.events.unregister("before-send", botocore_stubber)
        client.meta.events.register_first("before-call", self._begin)
        client.meta.events.register_first("before-send", self._send)

    def set(self, fault: Fault | None) -> None:
        """Set the next fault, and count calls from here."""
        self.fault, self.struck = fault, False
        self.calls.clear()

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Mark one run of a function: an outage ends with the run that it struck."""
        before = self.struck
        try:
            yield
        finally:
            if self.struck and not before:
                self.fault = None

    def deliver_late(self) -> int:
        """Deliver what was given up earlier; tell how much that was."""
        late, self._late = self._late, []
        for request, operation in late:
            self._deliver(request, operation)
        return len(late)

    @property
    def has_late(self) -> bool:
        """Tell whether something that was given up is still on its way."""
        return bool(self._late)

    def _begin(self, model: Any, **_: Any) -> None:
        number, operation = len(self.calls), f"{model.service_model.service_name}.{model.name}"
        self.calls.append(operation)
        if self.observe is not None:
            self.observe(number, operation)
        present = self._present
        present.number, present.operation, present.attempt = number, operation, 0

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        present = self._present
        attempt, present.attempt = present.attempt, present.attempt + 1
        fault = self.fault
        met = fault is not None and (
            present.number == fault.call or (self.struck and present.number > fault.call and fault.kind in _LASTING)
        )
        if fault is not None and met and fault.kind in kinds_for(present.operation):
            self.struck = True
            return self._strike(fault.kind, request, present.operation, attempt)
        return self._deliver(request, present.operation)

    def _strike(self, kind: Kind, request: AWSPreparedRequest, operation: str, attempt: int) -> AWSResponse:
        """Do to this attempt what the fault says."""
        url = request.url or ""
        match kind:
            case Kind.UNREACHABLE:
                raise EndpointConnectionError(endpoint_url=url)
            case Kind.UNREACHABLE_ONCE if attempt == 0:
                raise EndpointConnectionError(endpoint_url=url)
            case Kind.LOST:
                self._deliver(request, operation)
                raise ReadTimeoutError(endpoint_url=url)
            case Kind.LOST_ONCE if attempt == 0:
                self._deliver(request, operation)
                raise ReadTimeoutError(endpoint_url=url)
            case Kind.LOST_FORGOTTEN if attempt == 0:
                self._deliver(request, operation)
                self._done.clear()
                raise ReadTimeoutError(endpoint_url=url)
            case Kind.ERROR_AFTER if attempt == 0:
                self._deliver(request, operation)
                return _answer(url, 500, {"__type": "InternalServerError", "message": "injected"})
            case Kind.THROTTLED:
                return _answer(url, 400, {"__type": "ThrottlingException", "message": "injected"})
            case Kind.CANCELLED_BY_THROTTLING if attempt == 0:
                return self._cancelled(request, "ThrottlingError")
            case Kind.CONFLICT | Kind.CONFLICT_FOR_GOOD:
                return self._conflict(request, operation)
            case Kind.MIXED_FIRST | Kind.MIXED_REST:
                return self._mixed(request, operation, kind)
            case Kind.TWICE if attempt == 0:
                answer = self._deliver(request, operation)
                self._done.clear()
                self._deliver(request, operation)
                return answer
            case Kind.LATE:
                if attempt == 0:
                    self._late.append((request, operation))
                raise ReadTimeoutError(endpoint_url=url)
            case Kind.LATE_ONCE if attempt == 0:
                self._late.append((request, operation))
                raise ReadTimeoutError(endpoint_url=url)
            case Kind.ENDS_BEFORE:
                raise ProcessEnded
            case Kind.ENDS_AFTER:
                self._deliver(request, operation)
                raise ProcessEnded
        return self._deliver(request, operation)

    def _cancelled(self, request: AWSPreparedRequest, code: str) -> AWSResponse:
        count = len(json.loads(_body(request))["TransactItems"])
        reasons = [{"Code": code, "Message": "injected"}] + [{"Code": "None"}] * (count - 1)
        return _cancellation(request.url or "", reasons)

    def _conflict(self, request: AWSPreparedRequest, operation: str) -> AWSResponse:
        if operation == "dynamodb.TransactWriteItems":
            return self._cancelled(request, "TransactionConflict")
        return _answer(request.url or "", 400, {"__type": "TransactionConflictException", "message": "injected"})

    def _mixed(self, request: AWSPreparedRequest, operation: str, kind: Kind) -> AWSResponse:
        self._deliver(request, operation)
        self._done.clear()
        second = self._deliver(request, operation)
        reasons = json.loads(second.content).get("CancellationReasons")
        if reasons is None:
            return second
        refused = [n for n, reason in enumerate(reasons) if reason["Code"] == "ConditionalCheckFailed"]
        keep = refused[1:] if kind is Kind.MIXED_FIRST and len(refused) > 1 else refused[-1:]
        conflict = {"Code": "TransactionConflict", "Message": "injected"}
        return _cancellation(request.url or "", [r if n in keep else conflict for n, r in enumerate(reasons)])

    def _deliver(self, request: AWSPreparedRequest, operation: str) -> AWSResponse:
        """Let a call take effect. A transaction's token is remembered, as DynamoDB does for ten minutes."""
        url, service = request.url or "", operation.split(".", maxsplit=1)[0]
        body = _body(request)
        if service in self.stand_ins:
            return _answer(url, *self.stand_ins[service](body))
        if operation == "dynamodb.Query" and _is_turned(json.loads(body)):
            message = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            return _answer(url, 400, {"__type": "ValidationException", "message": message})
        token = json.loads(body).get("ClientRequestToken") if operation == "dynamodb.TransactWriteItems" else None
        if token in self._done:
            return _response(url, *self._done[token])
        with self._one_at_a_time:
            answer = botocore_stubber("before-send", request)
        assert answer is not None, "no cloud in this process"
        status, headers, content = answer.status_code, dict(answer.headers), answer.content
        if token is not None and status == 200:
            self._done[token] = (status, headers, content)
        if (then := self.after.get(operation)) is not None:
            then()
        return _response(url, status, headers, content)


def _is_turned(query: dict[str, Any]) -> bool:
    """Tell whether a query asks for a range that ends before it begins: DynamoDB refuses it, the emulator not."""
    bounds = re.search(r"BETWEEN (:\w+) AND (:\w+)", query["KeyConditionExpression"])
    if bounds is None:
        return False
    first, last = (query["ExpressionAttributeValues"][name] for name in bounds.groups())
    return int(first["N"]) > int(last["N"]) if "N" in first else first["S"] > last["S"]


def _body(request: AWSPreparedRequest) -> bytes:
    return request.body if isinstance(request.body, bytes) else str(request.body or "").encode()


def _answer(url: str, status: int, body: Any) -> AWSResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return _response(url, status, {"x-amzn-requestid": "injected"}, text.encode())


def _cancellation(url: str, reasons: list[dict[str, Any]]) -> AWSResponse:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    body = {"__type": "TransactionCanceledException", "Message": message, "CancellationReasons": reasons}
    return _answer(url, 400, body)


def _response(url: str, status: int, headers: dict[str, str], content: bytes) -> AWSResponse:
    return AWSResponse(url, status, headers, MockRawResponse(content))  # type: ignore[arg-type]  # read like urllib3's
