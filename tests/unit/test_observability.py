"""Whatever a function is invoked by, its lines and its trace can be found by the ids of the journey."""

import io
import json
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from booking import http
from booking.errors import ConcertNotFound, InternalError
from booking.observability import bind, logger, reported

CONTEXT = SimpleNamespace(aws_request_id="request-1")
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={sampled};Lineage=1:a:0"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Give what is logged."""
    written = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", written)
    return written


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Stand in for X-Ray's daemon on this machine, in a traced invocation."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE.format(sampled=1))
        yield listening


@reported
def step(event: dict[str, Any], _context: Any) -> str:
    bind(paymentId=event["paymentId"])
    logger.info("step")
    if event.get("breaks"):
        raise RuntimeError
    return "done"


def lines(said: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.getvalue().splitlines()]


def received(daemon: socket.socket) -> dict[str, Any]:
    header, _, document = daemon.recv(65_536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    subsegment: dict[str, Any] = json.loads(document)
    return subsegment


def test_every_line_carries_its_requests_id_and_only_its_own_ids(said: io.StringIO) -> None:
    step({"paymentId": "p1"}, CONTEXT)
    step({"paymentId": "p2"}, SimpleNamespace(aws_request_id="request-2"))

    assert [(line["requestId"], line["paymentId"]) for line in lines(said)] == [
        ("request-1", "p1"),
        ("request-2", "p2"),
    ]


@pytest.mark.usefixtures("environment")
def test_line_of_an_api_call_carries_the_id_that_the_caller_was_given_too(said: io.StringIO) -> None:
    app = http.api()

    @app.get("/points")
    def get_points() -> dict[str, str]:
        logger.info("read")
        return {}

    event = {
        "version": "2.0",
        "rawPath": "/points",
        "headers": {},
        "requestContext": {"requestId": "gateway-1", "stage": "$default", "http": {"method": "GET", "path": "/points"}},
    }
    assert http.entry(app)(event, CONTEXT)["statusCode"] == 200
    assert [(line["requestId"], line["apiRequestId"]) for line in lines(said)] == [("request-1", "gateway-1")]


@pytest.mark.usefixtures("said")
def test_trace_is_annotated_with_the_ids_of_the_journey(daemon: socket.socket) -> None:
    step({"paymentId": "p1"}, CONTEXT)

    subsegment = received(daemon)
    assert subsegment["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert subsegment["parent_id"] == "53995c3f42cd8ad8"
    assert subsegment["annotations"] == {"requestId": "request-1", "paymentId": "p1"}
    assert subsegment["start_time"] <= subsegment["end_time"]
    assert not subsegment["fault"]


@pytest.mark.usefixtures("said")
def test_trace_of_a_failure_is_marked_as_one(daemon: socket.socket) -> None:
    with pytest.raises(RuntimeError):
        step({"paymentId": "p1", "breaks": True}, CONTEXT)

    assert received(daemon)["fault"]


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("header", [TRACE.format(sampled=0), "", "Root=1-2", "=;;="])
def test_nothing_is_sent_where_nothing_is_traced(
    daemon: socket.socket, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)

    assert step({"paymentId": "p1"}, CONTEXT) == "done"
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(1)


@pytest.mark.usefixtures("said", "daemon")
@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:port", "127.0.0.1:99999"])
def test_trace_that_cannot_be_written_costs_nobody_an_answer(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)

    assert step({"paymentId": "p1"}, CONTEXT) == "done"


def test_a_refusal_is_logged_once_and_a_failure_where_it_happened(said: io.StringIO) -> None:
    http.problem(ConcertNotFound())
    http.problem(InternalError())

    assert [json.loads(line)["code"] for line in said.getvalue().splitlines()] == ["CONCERT_NOT_FOUND"]
