"""An API in front of the page that says what a test wants: no cloud, one process, the contract's shapes.

It is for what the page does with an answer: what the API itself does is tested on the stack. It keeps what a fan does
(a place, holds, points, tickets) as simply as can be, under one lock; `now` is its clock, which a test may move. Every
answer to an operation that the specification describes is held to it (`complaints`).
"""

import base64
import functools
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft202012Validator

from booking import fees
from booking.best_available import Party, Shortfall, Snapshot, choose
from booking.catalog import FeePolicy
from booking.errors import CATALOGUE
from booking.layout import Hall
from booking.queue import draw
from tools.ost.cloud import free_port
from tools.ost.publish import read_hall
from tools.ost.website import Website

ROOT = Path(__file__).parents[2]
SPECIFICATION = json.loads((ROOT / "functions" / "get_openapi" / "openapi.json").read_text("utf-8"))
DAY = 86_400
PRICED = {"seatNumber", "row", "label", "gradeId", "price"}
DETAILS = {"description", "cancellation"}
STEPS = ((10, 0), (7, 10), (3, 20), (1, 30), (0, 90))
FEES = {
    "steps": [{"daysBefore": days, "keepPercent": percent} for days, percent in STEPS],
    "freeHours": 24,
    "freeDaysBefore": 3,
}
"""The default terms on which a booking can be cancelled."""
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"the key of a stack that is none.")
KEY_ID = "fa4e0001"
EXPOSED = "Date, Age, Retry-After, Location, Idempotency-Replayed, ETag"

ROUND = json.loads((ROOT / "tests" / "vectors" / "draw.json").read_text("utf-8"))["rounds"][1]
"""A round of the beacon as it was published."""

type Json = dict[str, Any]


@dataclass
class Request:
    """What the page asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json
    user: str
    at: float
    text: str = ""


@dataclass
class Answer:
    """What it is told. `kept` is a public answer's Cache-Control; it then gets a validator, as the API's have."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kept: str | None = None
    moment: Json = field(default_factory=dict)
    cors: bool = True


class RefusedError(Exception):
    """A refusal of the catalogue, or one that it does not have yet."""

    def __init__(self, code: str, status: int | None = None, **members: Any) -> None:
        super().__init__(code)
        known = CATALOGUE.get(code)
        self.status = status or (known.status if known else 409)
        self.retry_after = members.pop("retry_after", None)
        self.body = {"type": "about:blank", "title": code, "status": self.status, "detail": code, "code": code}
        self.body |= {"retryable": self.status in {429, 503}, **members}


def rfc3339(at: float) -> str:
    """Write a time as the API does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def jwt(claims: Json) -> str:
    """Write a token that nobody signed: the page only reads it."""
    parts = [{"alg": "none"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, "c2ln"])


def base64url(raw: bytes) -> str:
    """Write bytes as the API does."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def ticket_id(reservation_id: str, seat_number: int) -> str:
    """Name the ticket of a reservation's seat."""
    digest = hashlib.sha256(f"{reservation_id} {seat_number}".encode()).digest()
    return f"t{base64.b32encode(digest).decode().lower()[:20]}"


def code_of(
    performance_id: str, seat_number: int, ticket: str, key: Ed25519PrivateKey = SIGNING_KEY, key_id: str = KEY_ID
) -> str:
    """Write a ticket as its QR code has it."""
    text = f"OST1:{key_id}:{performance_id}:{seat_number}:{ticket}"
    return f"{text}:{base64url(key.sign(text.encode()))}"


@dataclass
class Lobby:
    """A lobby: who came, and what is drawn of them by the real rules. Times are epoch seconds of the fake's clock.

    It closes `closes_after` seconds after the first fan has come in, and is drawn `draws_in` seconds later, unless
    `is_late`; the list can be seen `root_in` seconds after the closing. `others` came beside the fans of the test. What
    the answer about the draw says otherwise may be put into `told`.
    """

    opens_at: float
    closes_at: float
    closes_after: float | None = None
    draws_in: float = 1
    root_in: float = 1
    others: int = 20
    beacon: bool = True
    is_late: bool = False
    told: Json = field(default_factory=dict)
    entries: dict[str, bytes] = field(default_factory=dict)
    front: int = 10
    per_second: int = 1500
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def draws_at(self) -> float:
        """When the order is drawn, if it is in time."""
        return self.closes_at + self.draws_in

    def entry(self, username: str) -> str:
        """Name a user's entry."""
        return draw.entry_id(b"key", "night-sky", username)

    def listed(self) -> list[bytes]:
        """List everybody's entry, as it is bound."""
        others = [self.entry(f"other {number}") for number in range(self.others)]
        return draw.read_entries(draw.entries_file([*others, *self.entries.values()]))


@dataclass
class Fan:
    """What the API knows of one user."""

    username: str
    balance: int = 0
    history: list[Json] = field(default_factory=list)
    places: dict[str, Json] = field(default_factory=dict)
    reservations: dict[str, Json] = field(default_factory=dict)
    payments: dict[str, Json] = field(default_factory=dict)
    done: dict[str, Answer] = field(default_factory=dict)


class FakeApi:
    """The API and the user pool on one port, the page on another. `config` is what config.json says besides."""

    def __init__(self, **config: str) -> None:
        self.config = config
        self.groups: dict[str, list[str]] = {}
        """User → the groups that the tokens name; the user pool names none where there are none."""
        self.codes: dict[str, str] = {}
        """User → the code that was sent and not yet entered."""
        self.shift = 0.0
        """How far this server's clock is from this machine's."""
        self.exposed = EXPOSED
        self.token_life = 3600
        self.hold_seconds = 300
        self.max_seats = 4
        self.fans: dict[str, Fan] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.concerts: dict[str, Json] = {}
        self.performances: dict[str, Json] = {}
        self.halls: dict[str, tuple[Hall, dict[str, int]]] = {}
        """Performance → its hall with rows, and its prices by grade."""
        self.taken: dict[str, dict[int, Json]] = {}
        self.guests: dict[str, dict[str, Json]] = {}
        """Performance → its tickets as the guest list has them, by id."""
        self.scans: dict[tuple[str, str, str], Json] = {}
        """Performance, device and scan → the scan as it was first sent."""
        self.admissions: dict[str, Json] = {}
        """Ticket → the scan that was its admission."""
        self.queue: dict[str, Json] = {}
        """Concert → what its queue views say; without `status: WAITING` everybody is let in at once."""
        self.lobbies: dict[str, Lobby] = {}
        self.receipt_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.scripted: list[tuple[str, re.Pattern[str], Callable[[Request], Answer | None]]] = []
        self.routes = self._routes()
        self.lock = threading.RLock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.outputs: Json = {}

    # -- what a test arranges

    def now(self) -> float:
        """Read this server's clock."""
        return time.time() + self.shift

    def script(self, method: str, pattern: str, answer: Callable[[Request], Answer | None]) -> None:
        """Answer such requests so; where the function returns None they are answered as usual. The last script wins."""
        self.scripted.insert(0, (method, re.compile(pattern), answer))

    def asked(self, method: str, pattern: str) -> list[Request]:
        """Give the requests with that method, whose path is so."""
        return [one for one in self.requests if one.method == method and re.fullmatch(pattern, one.path)]

    def add_concert(self, concert_id: str = "night-sky", **changes: Any) -> Json:
        """Put a concert into the catalog, on sale unless it says otherwise."""
        concert = {
            "concertId": concert_id,
            "title": "Night Sky",
            "artist": "The Ensemble",
            "venue": "Lantern Hall, Seoul",
            "salesOpenAt": rfc3339(self.now() - DAY),
            "salesCloseAt": rfc3339(self.now() + 30 * DAY),
            "description": "Music.",
            "translations": {},
            "dates": None,
            "saleStatus": "ON_SALE",
            "cancellation": FEES,
        } | changes
        self.concerts[concert_id] = concert
        self._sum_up(concert_id)
        return concert

    def add_performance(self, concert_id: str = "night-sky", label: str = "first", **changes: Any) -> Json:
        """Put a date into the catalog, a month away unless it says otherwise."""
        performance = {
            "performanceId": f"{concert_id}.{label}",
            "startsAt": rfc3339(self.now() + 31 * DAY),
            "timezone": "Asia/Seoul",
            "venue": self.concerts[concert_id]["venue"],
            "translations": {},
            "hallVersion": None,
            "cancelled": False,
            "price": 1000,
            "seatsTotal": 50,
            "bookable": True,
        } | changes
        self.performances[performance["performanceId"]] = performance
        self._sum_up(concert_id)
        return performance

    def add_hall(self, concert_id: str = "night-sky", label: str = "first", **changes: Any) -> Json:
        """Put a date in the demo's concert hall into the catalog: thousands of seats of four grades."""
        hall = demo_hall()
        prices = dict(zip((grade["gradeId"] for grade in hall.grades), (150_000, 110_000, 80_000, 50_000), strict=True))
        more: Json = {"seatsTotal": hall.seats_total, "hallVersion": hall.version, "price": min(prices.values())}
        performance = self.add_performance(concert_id, label, **(more | changes))
        self.halls[performance["performanceId"]] = (hall, prices)
        return performance

    def add_lobby(self, opened: float = 3600, closes_in: float = 900, **more: Any) -> Lobby:
        """Give the concert a lobby that opened some seconds ago, and an opening of its sale that ends it."""
        at = int(self.now())
        lobby = self.lobbies["night-sky"] = Lobby(at - opened, at + closes_in, **more)
        self._tell_opening(lobby)
        return lobby

    def _tell_opening(self, lobby: Lobby) -> None:
        times = {"lobbyOpensAt": rfc3339(lobby.opens_at), "salesOpenAt": rfc3339(lobby.closes_at)}
        self.concerts["night-sky"] |= times | {"saleStatus": "UPCOMING"}

    def _sum_up(self, concert_id: str) -> None:
        dates = sorted(self._dates(concert_id), key=lambda each: str(each["startsAt"]))
        if dates:
            self.concerts[concert_id]["dates"] = {
                "count": len(dates),
                "firstAt": dates[0]["startsAt"],
                "lastAt": dates[-1]["startsAt"],
                "timezone": dates[0]["timezone"],
                "priceFrom": min(each["price"] for each in dates),
            }

    def _dates(self, concert_id: str) -> list[Json]:
        return [one for name, one in self.performances.items() if name.startswith(f"{concert_id}.")]

    def take(self, performance_id: str, *numbers: int, status: str = "SOLD", user: str = "") -> None:
        """Have seats be somebody's."""
        seats = self.taken.setdefault(performance_id, {})
        seats |= {number: {"status": status, "user": user} for number in numbers}

    def add_guests(self, performance_id: str, *numbers: int) -> list[str]:
        """Sell seats to somebody; their tickets' codes."""
        codes = []
        for number in numbers:
            ticket = ticket_id("guest", number)
            self._guest(performance_id, number, ticket)
            codes.append(code_of(performance_id, number, ticket))
        self.take(performance_id, *numbers)
        return codes

    def _guest(self, performance_id: str, number: int, ticket: str) -> None:
        guest = {"ticketId": ticket, "seatNumber": number, "revoked": False}
        self.guests.setdefault(performance_id, {})[ticket] = guest

    def grant(self, username: str, *groups: str) -> None:
        """Put a user into groups, as the next tokens say."""
        self.groups[username] = list(groups)

    def fan(self, username: str) -> Fan:
        """Give what the API knows of a user."""
        return self.fans.setdefault(username, Fan(username))

    # -- serving

    @contextmanager
    def running(self) -> Iterator["FakeApi"]:
        """Serve the API and the page in the background."""
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        config = {"apiUrl": self.url, "cognitoUrl": f"{self.url}/cognito", "userPoolClientId": "client"} | self.config
        try:
            with _website(config) as site:
                self.outputs = {"webUrl": site.url}
                yield self
        finally:
            self.server.shutdown()
            self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api._serve(self)

            do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate(api.now() if timestamp is None else timestamp, usegmt=True)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _serve(self, to: BaseHTTPRequestHandler) -> None:
        url = urlsplit(to.path)
        length = int(to.headers.get("Content-Length") or 0)
        text = to.rfile.read(length)
        headers = {name.lower(): value for name, value in to.headers.items()}
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = unquote(url.path)
        if to.command == "OPTIONS":
            self._send(to, headers, Answer(None, 204))
            return
        is_yaml = headers.get("content-type") == "application/yaml"
        body = json.loads(text) if text and not is_yaml else {}
        request = Request(to.command, path, query, headers, body, "", time.monotonic(), text.decode())
        with self.lock:
            if path == "/cognito":
                answer = self._pool(headers["x-amz-target"].rpartition(".")[2], body)
            else:
                answer = self._answer(request)
                self.requests.append(request)
        self._send(to, headers, answer)

    def _send(self, to: BaseHTTPRequestHandler, asked: dict[str, str], answer: Answer) -> None:
        sent = dict(answer.headers)
        body = answer.body
        status = answer.status
        if answer.kept is not None:
            tag = f'W/"{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:20]}"'
            sent |= {"ETag": tag, "Cache-Control": answer.kept}
            if asked.get("if-none-match") == tag:
                status, body = 304, None
            else:
                body = body | answer.moment
        else:
            sent.setdefault("Cache-Control", "no-store")
        if answer.cors:
            sent |= {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": self.exposed}
            sent |= {"Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Allow-Methods": "*"}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        to.send_response(status)
        for name, value in sent.items():
            to.send_header(name, value)
        if content:
            kind = "application/problem+json" if status >= 400 else "application/json"
            to.send_header("Content-Type", kind)
        if status not in {204, 304}:
            to.send_header("Content-Length", str(len(content)))
        to.end_headers()
        to.wfile.write(content)

    # -- the user pool

    def _pool(self, action: str, body: Json) -> Answer:
        match action:
            case "SignUp":
                self.fan(body["Username"])
                if self.config.get("signUp") == "email":
                    assert [each["Name"] for each in body["UserAttributes"]] == ["email"]
                    self.codes[body["Username"]] = "123456"
                return Answer({"UserConfirmed": body["Username"] not in self.codes})
            case "ResendConfirmationCode" | "ForgotPassword":
                self.codes[body["Username"]] = "654321"
                return Answer({})
            case "ConfirmSignUp" | "ConfirmForgotPassword":
                if self.codes.get(body["Username"]) != body["ConfirmationCode"]:
                    return Answer({"__type": "CodeMismatchException", "message": "Invalid code"}, 400)
                del self.codes[body["Username"]]
                return Answer({})
            case "InitiateAuth" if body["AuthFlow"] == "REFRESH_TOKEN_AUTH":
                username = self.refresh_tokens.get(body["AuthParameters"]["REFRESH_TOKEN"])
            case "InitiateAuth":
                username = body["AuthParameters"]["USERNAME"]
            case _:
                return Answer({})
        if username is None:
            return Answer({"__type": "NotAuthorizedException", "message": "Refresh Token has been revoked"}, 400)
        refresh = secrets.token_hex(8)
        self.refresh_tokens[refresh] = username
        claims = {"sub": f"sub-{username}", "cognito:username": username, "exp": int(self.now() + self.token_life)}
        claims |= {"cognito:groups": self.groups[username]} if username in self.groups else {}
        claims["jti"] = refresh  # no two tokens are the same, however soon one follows the other
        result = {"IdToken": jwt(claims), "AccessToken": jwt(claims | {"use": "access"}), "RefreshToken": refresh}
        return Answer({"AuthenticationResult": result})

    def _user_of(self, request: Request) -> str | None:
        """Read who asks; None where API Gateway itself would say 401."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token.count(".") != 2:
            return None
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
        return str(claims["cognito:username"]) if claims["exp"] > self.now() else None

    # -- the API

    def _answer(self, request: Request) -> Answer:
        for method, pattern, script in self.scripted:
            if method == request.method and pattern.fullmatch(request.path):
                answer = script(request)
                if answer is not None:
                    return answer
        for method, route, auth, serve in self.routes:
            match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route), request.path)
            if match is None or method != request.method:
                continue
            if auth:
                user = self._user_of(request)
                if user is None:  # API Gateway's own, which carries no CORS header
                    return Answer({"message": "Unauthorized"}, 401, cors=False)
                request.user = user
            try:
                answer = serve(request, **match.groupdict())
            except RefusedError as refused:
                again = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
                return Answer(refused.body, refused.status, again)
            self._hold_to_specification(method, route, answer)
            return answer
        return Answer({"message": "Not Found"}, 404)

    def _hold_to_specification(self, method: str, route: str, answer: Answer) -> None:
        operation = SPECIFICATION["paths"].get(route, {}).get(method.lower())
        response = (operation or {}).get("responses", {}).get(str(answer.status), {})
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return
        whole = schema | {"components": SPECIFICATION["components"]}
        for error in Draft202012Validator(whole).iter_errors(json.loads(json.dumps(answer.body | answer.moment))):
            self.complaints.append(f"{method} {route}: {error.json_path}: {error.message[:200]}")

    def _routes(self) -> list[tuple[str, str, bool, Callable[..., Answer]]]:
        return [
            ("GET", "/concerts", False, self.list_concerts),
            ("GET", "/concerts/{concertId}", False, self.get_concert),
            ("GET", "/concerts/{concertId}/performances", False, self.list_performances),
            ("GET", "/performances/{performanceId}", False, self.get_performance),
            ("GET", "/performances/{performanceId}/layout", False, self.get_layout),
            ("GET", "/performances/{performanceId}/seats", False, self.list_seats),
            ("GET", "/concerts/{concertId}/draw", False, self.get_draw),
            ("GET", "/concerts/{concertId}/draw/{kind}/{digest}/{part}", False, self.get_draw_file),
            ("POST", "/concerts/{concertId}/queue-tokens", True, self.join),
            ("GET", "/concerts/{concertId}/queue-tokens/current", True, self.poll),
            ("DELETE", "/concerts/{concertId}/queue-tokens/current", True, self.leave),
            ("POST", "/reservations", True, self.reserve),
            ("GET", "/reservations", True, self.list_reservations),
            ("GET", "/reservations/{reservationId}", True, self.get_reservation),
            ("DELETE", "/reservations/{reservationId}", True, self.release),
            ("GET", "/reservations/{reservationId}/cancellation", True, self.quote),
            ("POST", "/reservations/{reservationId}/cancellation", True, self.cancel),
            ("GET", "/reservations/{reservationId}/tickets", True, self.list_tickets),
            ("GET", "/performances/{performanceId}/guest-list", True, self.guest_list),
            ("POST", "/performances/{performanceId}/check-ins", True, self.check_in),
            ("GET", "/points", True, lambda request: Answer({"balance": self.fan(request.user).balance})),
            ("POST", "/points/charges", True, self.charge),
            ("GET", "/points/history", True, self.history),
            ("POST", "/payments", True, self.pay),
            ("GET", "/payments/{paymentId}", True, self.get_payment),
        ]

    def _concert(self, concert_id: str) -> Json:
        if concert_id not in self.concerts:
            raise RefusedError("CONCERT_NOT_FOUND")
        return self.concerts[concert_id]

    def list_concerts(self, request: Request) -> Answer:
        """GET /concerts."""
        everything = sorted(self.concerts.values(), key=lambda one: str(one["concertId"]))
        first, limit = int(request.query.get("cursor", "0")), int(request.query.get("limit", "20"))
        items = [{name: one[name] for name in one if name not in DETAILS} for one in everything[first:][:limit]]
        more = str(first + limit) if first + limit < len(everything) else None
        return Answer({"items": items, "nextCursor": more}, kept="public, max-age=10")

    def get_concert(self, _: Request, concertId: str) -> Answer:  # noqa: N803
        """GET /concerts/{concertId}."""
        queue: Json = {"waiting": 0, "active": 0, "capacity": 10, "entered": 0, "lapsed": 0, "secondsSinceAdvance": 1}
        queue["paused"] = self._concert(concertId)["saleStatus"] == "PAUSED"
        rules = {"holdSeconds": self.hold_seconds, "maxSeatsPerUser": self.max_seats}
        return Answer(rules | {"queue": queue} | self._concert(concertId), kept="public, max-age=1")

    def list_performances(self, _: Request, concertId: str) -> Answer:  # noqa: N803
        """GET /concerts/{concertId}/performances."""
        self._concert(concertId)
        dates = self._dates(concertId)
        if not dates:
            raise RefusedError("NO_PERFORMANCES")
        items = []
        for one in dates:
            left = one["seatsTotal"] - len(self._taken(one["performanceId"]))
            is_open = concertId not in self.lobbies or self.lobbies[concertId].closes_at <= self.now()
            items.append(one | {"seatsAvailable": left, "bookable": one["bookable"] and left > 0 and is_open})
        return Answer({"items": items, "nextCursor": None}, kept="public, max-age=2")

    def _taken(self, performance_id: str) -> dict[int, Json]:
        """Give the seats that are somebody's; holds end by the clock."""
        seats = self.taken.setdefault(performance_id, {})
        for number, seat in list(seats.items()):
            if seat["status"] == "HELD" and seat.get("until", self.now() + 1) <= self.now():
                del seats[number]
        return seats

    def _performance(self, performance_id: str) -> Json:
        if performance_id not in self.performances:
            raise RefusedError("PERFORMANCE_NOT_FOUND")
        return self.performances[performance_id]

    def get_performance(self, _: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /performances/{performanceId}, of a hall with rows."""
        performance, taken = self._performance(performanceId), self._taken(performanceId)
        hall, prices = self.halls[performanceId]
        taken_of = dict.fromkeys(prices, 0)
        sections = []
        for section in hall.sections:
            gone = [number for number in taken if number in section.numbers]
            for number in gone:
                taken_of[section.seat(number)["gradeId"]] += 1
            summary = named(section.summary()) | {"sectionId": section.section_id}
            left = {"seatsTotal": section.seats_total, "seatsAvailable": section.seats_total - len(gone)}
            sections.append(summary | {"gradeIds": list(section.grade_counts)} | left)
        totals = {grade: sum(section.grade_counts.get(grade, 0) for section in hall.sections) for grade in prices}
        grades = [
            named(grade)
            | {"gradeId": grade["gradeId"], "price": prices[grade["gradeId"]]}
            | {"seatsAvailable": totals[grade["gradeId"]] - taken_of[grade["gradeId"]]}
            for grade in hall.grades
        ]
        shown = {
            name: performance[name]
            for name in ("performanceId", "startsAt", "timezone", "venue", "translations", "bookable", "hallVersion")
        }
        shown |= {"concertId": performanceId.partition(".")[0], "grades": grades, "sections": sections}
        shown |= {"seatsTotal": hall.seats_total, "seatsAvailable": hall.seats_total - len(taken)}
        return Answer(shown, kept="public, max-age=1")

    def get_layout(self, _: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /performances/{performanceId}/layout."""
        hall, _prices = self.halls[performanceId]
        sections = [
            named(section.summary())
            | {"sectionId": section.section_id, "gradeIds": list(section.grade_counts)}
            | {"seatsTotal": section.seats_total, "focus": section.focus, "outline": section.outline}
            for section in hall.sections
        ]
        grades = [named(grade) | {"gradeId": grade["gradeId"]} for grade in hall.grades]
        body = {"performanceId": performanceId, "hallVersion": hall.version, **named({"name": hall.name})}
        body |= {"grades": grades, "sections": sections, "seats": [seat for one in hall.sections for seat in one.seats]}
        return Answer(body, kept="public, max-age=31536000")

    def _section_seats(self, performance_id: str, section_id: str) -> Answer:
        hall, prices = self.halls[performance_id]
        taken = self._taken(performance_id)
        section = next(one for one in hall.sections if one.section_id == section_id)
        seats = [
            {name: seat[name] for name in ("seatNumber", "row", "label", "gradeId")}
            | {
                "price": prices[seat["gradeId"]],
                "status": taken.get(seat["seatNumber"], {"status": "AVAILABLE"})["status"],
            }
            for seat in section.seats
        ]
        free = sum(seat["status"] == "AVAILABLE" for seat in seats)
        body = {
            "performanceId": performance_id,
            "concertId": performance_id.partition(".")[0],
            "seats": seats,
            "available": free,
        }
        return Answer(body, kept="public, max-age=0", moment={"serverTime": rfc3339(self.now())})

    def list_seats(self, request: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /performances/{performanceId}/seats."""
        performance, taken = self._performance(performanceId), self._taken(performanceId)
        if performanceId in self.halls:
            if "section" not in request.query:
                raise RefusedError("VALIDATION_FAILED", errors=[{"field": "section", "message": "must be one of …"}])
            return self._section_seats(performanceId, request.query["section"])
        seats = [
            {
                "seatNumber": number,
                "price": performance["price"],
                "status": taken[number]["status"] if number in taken else "AVAILABLE",
            }
            for number in range(1, performance["seatsTotal"] + 1)
        ]
        body = {"performanceId": performanceId, "concertId": performanceId.partition(".")[0], "seats": seats}
        body |= {"available": performance["seatsTotal"] - len(taken)}
        return Answer(body, kept="public, max-age=0", moment={"serverTime": rfc3339(self.now())})

    # -- the lobby and its draw

    def get_draw(self, _: Request, concertId: str) -> Answer:  # noqa: N803
        """GET /concerts/{concertId}/draw."""
        self._concert(concertId)
        if concertId not in self.lobbies:
            raise RefusedError("CONCERT_NOT_FOUND")
        lobby, now, secret = self.lobbies[concertId], self.now(), "5e" * 32
        is_bound, is_drawn = now >= lobby.closes_at + lobby.root_in, now >= lobby.draws_at and not lobby.is_late
        entries = lobby.listed()
        root = draw.entries_root(entries)
        name = f"{concertId}.{int(lobby.opens_at)}"
        seed = draw.seed_of(name, root, secret, ROUND["randomness"] if lobby.beacon else None)
        if is_drawn and not lobby.files:
            lobby.files = {f"pieces/{seed}/{i:03x}": piece for i, piece in enumerate(draw.draw(seed, entries))}
            lobby.files |= {
                f"entries/{root}/{part:02x}": b"".join(entry for entry in entries if entry[0] == part)
                for part in range(draw.PARTITIONS)
            }
        before = "UPCOMING" if now < lobby.opens_at else "OPEN" if now < lobby.closes_at else "CLOSED"
        round_at = rfc3339(lobby.draws_at) if is_bound else None
        beacon = {
            "chain": "quicknet",
            "round": ROUND["round"] if is_bound else None,
            "roundAt": round_at,
            "signature": ROUND["signature"] if is_drawn else None,
            "randomness": ROUND["randomness"] if is_drawn else None,
        }
        key = self.receipt_key.public_key().public_bytes_raw()
        told = {
            "concertId": concertId,
            "status": "DRAWN" if is_drawn else before,
            "lobbyId": name,
            "lobbyOpensAt": rfc3339(lobby.opens_at),
            "closesAt": rfc3339(lobby.closes_at),
            "drawsAt": rfc3339(lobby.draws_at),
            "drawnAt": rfc3339(lobby.draws_at) if is_drawn else None,
            "pollAfterSeconds": max(2, int(lobby.draws_at - now)),
            "commitment": draw.commitment(secret),
            "beacon": beacon if lobby.beacon else None,
            "entries": len(entries) if is_bound else None,
            "entriesRoot": root if is_bound else None,
            "secret": secret if is_bound else None,
            "seed": seed if is_drawn else None,
            "entriesUrl": f"draw/entries/{root}" if is_bound else None,
            "piecesUrl": f"draw/pieces/{seed}" if is_drawn else None,
            "firstCalls": {"front": lobby.front, "perSecond": lobby.per_second, "windowSeconds": 0},
            "publicKeys": [{"keyId": "k", "publicKey": base64.urlsafe_b64encode(key).decode().rstrip("=")}],
        }
        return Answer(told | lobby.told, kept="public, max-age=1", moment={"serverTime": rfc3339(now)})

    def get_draw_file(self, _: Request, concertId: str, kind: str, digest: str, part: str) -> Answer:  # noqa: N803
        """GET /concerts/{concertId}/draw/{kind}/{digest}/{part}."""
        content = self.lobbies[concertId].files.get(f"{kind}/{digest}/{part}")
        if content is None:
            raise RefusedError("CONCERT_NOT_FOUND")
        return Answer(content, headers={"Cache-Control": "public, max-age=31536000, immutable"})

    def _lobby_view(self, request: Request, lobby: Lobby, place: Json) -> Json:
        pause = max(1, lobby.draws_at - self.now())
        view = {
            "token": place["token"],
            "status": "LOBBY",
            "position": None,
            "ahead": None,
            "estimatedWaitSeconds": None,
            "pollAfterSeconds": int(pause),
            "expiresAt": rfc3339(self.now() + pause + 60),
            "activeUntil": None,
            "paused": False,
            "saleStatus": "UPCOMING",
            "message": None,
            "serverTime": rfc3339(self.now()),
        }
        if request.method == "POST":
            entry = lobby.entry(request.user)
            lobby.entries[request.user] = bytes.fromhex(entry)
            receipt: Json = {"concertId": "night-sky", "entryId": entry, "joinedAt": place["joinedAt"]}
            receipt["lobbyId"] = f"night-sky.{int(lobby.opens_at)}"
            signed = self.receipt_key.sign(draw.receipt_text(receipt).encode())  # type: ignore[arg-type]
            view["receipt"] = receipt | {"signature": base64.urlsafe_b64encode(signed).decode().rstrip("=")}
        return view

    # -- the queue

    def _view(self, request: Request, concert_id: str, place: Json) -> Json:
        lobby = self.lobbies.get(concert_id)
        if lobby and (self.now() < lobby.draws_at or lobby.is_late):
            return self._lobby_view(request, lobby, place)
        return self._queue_view(concert_id, place)

    def _queue_view(self, concert_id: str, place: Json) -> Json:
        told = self.queue.get(concert_id, {})
        status = told.get("status", "ACTIVE")
        if status == "ACTIVE":
            place.setdefault("activeUntil", self.now() + told.get("activeSeconds", 600))
        if status == "ACTIVE" and place["activeUntil"] <= self.now():
            raise RefusedError("QUEUE_TOKEN_EXPIRED")
        inside = status == "ACTIVE"
        view = {
            "token": place["token"],
            "status": status,
            "position": 0 if inside else 201,
            "ahead": 0 if inside else 200,
            "estimatedWaitSeconds": 0 if inside else 90,
            "pollAfterSeconds": 2,
            "expiresAt": rfc3339(place["activeUntil"] if inside else self.now() + 60),
            "activeUntil": rfc3339(place["activeUntil"]) if inside else None,
            "paused": told.get("saleStatus") == "PAUSED",
            "saleStatus": "ON_SALE",
            "message": None,
            "serverTime": rfc3339(self.now()),
        }
        return view | {name: value for name, value in told.items() if name in view}

    def join(self, request: Request, concertId: str) -> Answer:  # noqa: N803
        """POST /concerts/{concertId}/queue-tokens."""
        self._concert(concertId)
        lobby = self.lobbies.get(concertId)
        if lobby and lobby.closes_after is not None and not lobby.entries:
            lobby.closes_at = int(self.now() + lobby.closes_after)
            self._tell_opening(lobby)
        is_open = lobby and lobby.opens_at <= self.now() < lobby.closes_at
        if lobby and not is_open and (self.now() < lobby.draws_at or lobby.is_late):
            wait = max(2, int(lobby.draws_at - self.now()))
            opens, now = rfc3339(lobby.closes_at), rfc3339(self.now())
            raise RefusedError("SALES_NOT_OPEN", opensAt=opens, serverTime=now, retry_after=wait)
        places = self.fan(request.user).places
        status = 200 if concertId in places else 201
        new = {"token": jwt({"place": secrets.token_hex(4)}), "joinedAt": rfc3339(self.now())}
        place = places.setdefault(concertId, new)
        return Answer(self._view(request, concertId, place), status)

    def poll(self, request: Request, concertId: str) -> Answer:  # noqa: N803
        """GET /concerts/{concertId}/queue-tokens/current."""
        place = self.fan(request.user).places.get(concertId)
        if place is None:
            raise RefusedError("QUEUE_TOKEN_EXPIRED")
        return Answer(self._view(request, concertId, place))

    def leave(self, request: Request, concertId: str) -> Answer:  # noqa: N803
        """DELETE /concerts/{concertId}/queue-tokens/current."""
        self.fan(request.user).places.pop(concertId, None)
        return Answer(None, 204)

    # -- reservations

    def reserve(self, request: Request) -> Answer:
        """POST /reservations."""
        performance_id, done = str(request.body["performanceId"]), self.fan(request.user).done
        if "seatNumbers" in request.body:
            numbers = sorted(request.body["seatNumbers"])
            for held in map(self._shown, self.fan(request.user).reservations.values()):
                if (held["performanceId"], held["seatNumbers"], held["status"]) == (performance_id, numbers, "HELD"):
                    return Answer(held)
            return Answer(self.hold(request.user, performance_id, numbers), 201)
        key = request.headers["idempotency-key"]
        if key not in done:
            done[key] = Answer(self._hold_best(request, performance_id), 201)
        return done[key]

    def _hold_best(self, request: Request, performance_id: str) -> Json:
        hall, _ = self.halls[performance_id]
        wish, taken = request.body, self._taken(performance_id)
        sections = [one for one in hall.sections if wish.get("sectionId", one.section_id) == one.section_id]
        party = Party(wish["quantity"], wish.get("gradeId"), accessible=wish.get("accessible", False))
        choice = choose([Snapshot(section, frozenset(taken)) for section in sections], party, "seed")
        if isinstance(choice, Shortfall):
            raise RefusedError("NOT_ENOUGH_SEATS", 409, available=choice.available, together=choice.together)
        return self.hold(request.user, performance_id, list(choice.seats)) | {"together": choice.together}

    def hold(self, username: str, performance_id: str, numbers: list[int]) -> Json:
        """Have a fan hold seats; the reservation's view."""
        performance, taken = self._performance(performance_id), self._taken(performance_id)
        lost = [number for number in numbers if number in taken]
        if lost:
            raise RefusedError("SEAT_TAKEN", seats=[{"seatNumber": n, "status": taken[n]["status"]} for n in lost])
        own = sum(seat["user"] == username for seat in taken.values())
        if own + len(numbers) > self.max_seats:
            raise RefusedError("SEAT_LIMIT_EXCEEDED", limit=self.max_seats)
        until = self.now() + self.hold_seconds
        taken |= {number: {"status": "HELD", "user": username, "until": until} for number in numbers}
        reservation_id = f"r{secrets.token_hex(8)}"
        reservation = {
            "reservationId": reservation_id,
            "concertId": performance_id.partition(".")[0],
            "performanceId": performance_id,
            "seatNumbers": numbers,
            "amount": performance["price"] * len(numbers),
            "status": "HELD",
            "expiresAt": rfc3339(until),
            "createdAt": rfc3339(self.now()),
            "cancelledSeatNumbers": [],
            "refunded": 0,
            "together": len(numbers) == 1,
            "seats": [
                {"seatNumber": n, "row": "", "label": str(n), "gradeId": "standard", "price": performance["price"]}
                for n in numbers
            ],
        }
        if performance_id in self.halls:
            hall, prices = self.halls[performance_id]
            seats = [section.seat(n) for n in numbers for section in hall.sections if n in section.numbers]
            named = [{**seat, "price": prices[seat["gradeId"]]} for seat in seats]
            reservation["seats"] = [{k: v for k, v in seat.items() if k in PRICED} for seat in named]
            reservation["amount"] = sum(seat["price"] for seat in named)
        self.fan(username).reservations[reservation_id] = reservation
        return self._shown(reservation)

    def _shown(self, reservation: Json) -> Json:
        lapsed = reservation["status"] == "HELD" and reservation["expiresAt"] <= rfc3339(self.now())
        status = "EXPIRED" if lapsed else reservation["status"]
        return reservation | {"status": status, "serverTime": rfc3339(self.now())}

    def list_reservations(self, request: Request) -> Answer:
        """GET /reservations."""
        items = [self._shown(one) for one in reversed(self.fan(request.user).reservations.values())]
        return Answer({"items": items, "nextCursor": None})

    def _reservation(self, request: Request, reservation_id: str) -> Json:
        if reservation_id not in self.fan(request.user).reservations:
            raise RefusedError("RESERVATION_NOT_FOUND")
        return self.fan(request.user).reservations[reservation_id]

    def get_reservation(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """GET /reservations/{reservationId}."""
        return Answer(self._shown(self._reservation(request, reservationId)))

    def release(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """DELETE /reservations/{reservationId}."""
        reservation = self._reservation(request, reservationId)
        reservation["status"] = "RELEASED"
        for number in reservation["seatNumbers"]:
            self._taken(reservation["performanceId"]).pop(number, None)
        return Answer(None, 204)

    def _quoted(self, request: Request, reservation: Json, numbers: list[int]) -> Json:
        if reservation["status"] == "CANCELLED" or set(numbers) & set(reservation["cancelledSeatNumbers"]):
            raise RefusedError("NOT_CANCELLABLE", reason="CANCELLED")
        performance = self.performances[reservation["performanceId"]]
        starts_at = int(datetime.fromisoformat(performance["startsAt"]).timestamp())
        payment = self.fan(request.user).payments[reservation["paymentId"]]
        paid_at = int(datetime.fromisoformat(payment["completedAt"]).timestamp())
        policy: FeePolicy = {"steps": [list(step) for step in STEPS], "freeHours": 24, "freeDays": 3}
        price = reservation["amount"] // len(reservation["seatNumbers"])
        try:
            terms = fees.Terms(policy, starts_at, performance["timezone"], paid_at)
            made = fees.quote(terms, [price] * len(numbers), int(self.now()))
        except fees.NotAllowed as refused:
            raise RefusedError("NOT_CANCELLABLE", reason=refused.reason) from refused
        sums = {"paid": made.paid, "fee": made.fee, "refund": made.refund, "keepPercent": made.keep_percent}
        times = {"validUntil": rfc3339(made.valid_until), "serverTime": rfc3339(self.now())}
        return {"reservationId": reservation["reservationId"], "seatNumbers": numbers, "rule": made.rule} | sums | times

    def quote(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """GET /reservations/{reservationId}/cancellation."""
        numbers = [int(number) for number in request.query["seatNumbers"].split(",")]
        return Answer(self._quoted(request, self._reservation(request, reservationId), numbers))

    def cancel(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """POST /reservations/{reservationId}/cancellation."""
        fan, key = self.fan(request.user), request.headers["idempotency-key"]
        if key in fan.done:
            return fan.done[key]
        reservation = self._reservation(request, reservationId)
        numbers = request.body["seatNumbers"]
        made = self._quoted(request, reservation, numbers)
        if made["refund"] != request.body["expectedRefund"]:
            raise RefusedError("QUOTE_CHANGED", **made)
        self._move(request.user, "REFUND", made["refund"], paymentId=reservation["paymentId"])
        reservation["cancelledSeatNumbers"] = sorted([*reservation["cancelledSeatNumbers"], *numbers])
        reservation["refunded"] += made["refund"]
        if len(reservation["cancelledSeatNumbers"]) == len(reservation["seatNumbers"]):
            reservation |= {"status": "CANCELLED", "cancelledBy": "FAN"}
        fan.payments[reservation["paymentId"]]["refunded"] = reservation["refunded"]
        for number in numbers:
            self._taken(reservation["performanceId"]).pop(number, None)
            self.revoke(reservation["performanceId"], ticket_id(reservation["reservationId"], number))
        about = {name: made[name] for name in ("reservationId", "seatNumbers", "fee", "refund", "serverTime")}
        status = {"cancellationId": f"c{secrets.token_hex(8)}", "status": "COMPLETED", "balance": fan.balance}
        fan.done[key] = Answer(about | status, 201)
        return fan.done[key]

    # -- tickets and the door

    def list_tickets(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """GET /reservations/{reservationId}/tickets."""
        reservation = self._reservation(request, reservationId)
        performance_id, items = reservation["performanceId"], []
        for number in reservation["seatNumbers"] if reservation["status"] == "CONFIRMED" else []:
            if number not in reservation["cancelledSeatNumbers"]:
                ticket = ticket_id(reservationId, number)
                code = code_of(performance_id, number, ticket)
                items.append({"ticketId": ticket, "seatNumber": number, "code": code})
        return Answer({"items": items, "publicKey": base64url(SIGNING_KEY.public_key().public_bytes_raw())})

    def revoke(self, performance_id: str, ticket: str) -> None:
        """Have a ticket be good no more."""
        self.guests[performance_id][ticket]["revoked"] = True

    def _staff_only(self, request: Request) -> None:
        if "staff" not in self.groups.get(request.user, []):
            raise RefusedError("FORBIDDEN")

    def guest_list(self, request: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /performances/{performanceId}/guest-list."""
        self._staff_only(request)
        self._performance(performanceId)
        key = {"keyId": KEY_ID, "publicKey": base64url(SIGNING_KEY.public_key().public_bytes_raw())}
        guests = [
            guest | ({"checkedInAt": self.admissions[name]["at"]} if name in self.admissions else {})
            for name, guest in self.guests.get(performanceId, {}).items()
        ]
        return Answer({"tickets": guests, "publicKeys": [key], "asOf": rfc3339(self.now())})

    def check_in(self, request: Request, performanceId: str) -> Answer:  # noqa: N803
        """POST /performances/{performanceId}/check-ins."""
        self._staff_only(request)
        self._performance(performanceId)
        device, sent = request.body["deviceId"], request.body["scans"]
        return Answer({"results": [self._scan(performanceId, device, scan) for scan in sent]})

    def _scan(self, performance_id: str, device: str, scan: Json) -> Json:
        name = (performance_id, device, scan["scanId"])
        fact = self.scans.setdefault(name, scan)
        result = {"scanId": scan["scanId"]}
        parts = fact["code"].split(":")
        if len(parts) != 6 or fact["code"] != code_of(parts[2], int(parts[3]), parts[4]):
            return result | {"outcome": "INVALID"}
        ticket = parts[4]
        result |= {"ticketId": ticket, "seatNumber": int(parts[3])}
        if parts[2] != performance_id:
            return result | {"outcome": "WRONG_DATE"}
        guest = self.guests.get(performance_id, {}).get(ticket)
        if guest is None or guest["revoked"]:
            return result | {"outcome": "REVOKED"}
        first = self.admissions.setdefault(ticket, {"at": fact["at"], "deviceId": device, "name": name})
        outcome = "ADMITTED" if first["name"] == name else "ALREADY"
        return result | {"outcome": outcome, "first": {"at": first["at"], "deviceId": first["deviceId"]}}

    # -- points and payments

    def _move(self, username: str, kind: str, amount: int, **more: Any) -> Json:
        fan = self.fan(username)
        fan.balance += amount
        entry = {"entryId": f"e{secrets.token_hex(8)}", "amount": amount, "at": rfc3339(self.now())}
        fan.history.insert(0, entry | {"type": kind, "balanceAfter": fan.balance} | more)
        return entry | {"balance": fan.balance}

    def charge(self, request: Request) -> Answer:
        """POST /points/charges."""
        key = request.headers["idempotency-key"]
        done = self.fan(request.user).done
        if key not in done:
            done[key] = Answer(self._move(request.user, "CHARGE", request.body["amount"]), 201)
        return done[key]

    def history(self, request: Request) -> Answer:
        """GET /points/history."""
        return Answer({"items": self.fan(request.user).history, "nextCursor": None})

    def pay(self, request: Request) -> Answer:
        """POST /payments."""
        fan, key = self.fan(request.user), request.headers["idempotency-key"]
        if key in fan.done:
            return fan.done[key]
        reservation = self._reservation(request, request.body["reservationId"])
        if self._shown(reservation)["status"] == "EXPIRED":
            raise RefusedError("RESERVATION_EXPIRED")
        if fan.balance < reservation["amount"]:
            raise RefusedError("INSUFFICIENT_POINTS", required=reservation["amount"], balance=fan.balance)
        payment_id, at = f"p{secrets.token_hex(8)}", rfc3339(self.now())
        self._move(request.user, "PAYMENT", -reservation["amount"], paymentId=payment_id)
        reservation |= {"status": "CONFIRMED", "paymentId": payment_id}
        for number in reservation["seatNumbers"]:
            self.take(reservation["performanceId"], number, user=request.user)
            ticket = ticket_id(reservation["reservationId"], number)
            self._guest(reservation["performanceId"], number, ticket)
        fan.places.pop(reservation["concertId"], None)
        fan.payments[payment_id] = {
            "paymentId": payment_id,
            "reservationId": reservation["reservationId"],
            "amount": reservation["amount"],
            "status": "COMPLETED",
            "createdAt": at,
            "completedAt": at,
            "refunded": 0,
            "balance": fan.balance,
            "steps": [{"name": name, "status": "DONE", "at": at} for name in ("UsePoints", "ConfirmBooking")],
        }
        fan.done[key] = Answer(fan.payments[payment_id] | {"serverTime": at}, 201)
        return fan.done[key]

    def get_payment(self, request: Request, paymentId: str) -> Answer:  # noqa: N803
        """GET /payments/{paymentId}."""
        payment = self.fan(request.user).payments.get(paymentId)
        if payment is None:
            raise RefusedError("PAYMENT_NOT_FOUND")
        return Answer(payment | {"serverTime": rfc3339(self.now())})


def named(thing: Any) -> Json:
    """Show a name, and what it is in other languages."""
    return {"name": thing["name"], "translations": thing.get("translations", {})}


@functools.cache
def demo_hall() -> Hall:
    """Read the demo's concert hall."""
    return read_hall(ROOT / "catalog" / "halls" / "namsan-philharmonic.yaml")


def _website(config: Json) -> Website:
    """Serve the page on a free port."""
    return Website(ROOT / "web", "127.0.0.1", free_port(), config)
