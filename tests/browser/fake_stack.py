"""A stand-in for the stack, for what the real one cannot be made to do on demand: hostile titles, a payment that takes
long or is undone, a busy server, a line of a thousand. It keeps to the HTTP contract, holds its state in memory and
serves the client beside it. Everything that can be shown on the real stack is tested there (`test_journey.py`).
"""

import base64
import gzip
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WEB = Path(__file__).parents[2] / "web"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
SEATS = 50


def rfc3339(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _jwt(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}.sig"


class Refused(Exception):
    def __init__(self, code: str, status: int, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(code)
        self.status, self.headers = status, headers or {}
        self.body = {
            **members,
            "type": f"urn:ost:problem:{code}",
            "title": code,
            "status": status,
            "detail": f"{code} happened.",
            "code": code,
            "retryable": False,
        }


type Answer = tuple[int, Any, dict[str, str]]


@dataclass
class FakeStack:
    """Change its attributes to set a scene; `log` has every call of the API with the time it came."""

    concerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    performances: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seats: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    reservations: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    log: list[tuple[float, str, str]] = field(default_factory=list)
    hold_seconds: int = 300
    active_seconds: int = 600
    poll_seconds: int = 2
    ahead: int = 0  # strangers in front of whoever joins next
    slow_payment: int = 0  # polls until a payment ends
    payment_fails: str | None = None  # code of the failure
    fail_next: dict[str, list[Refused | None]] = field(default_factory=dict)  # "GET /points" -> what to answer first
    lock: threading.RLock = field(default_factory=threading.RLock)

    # -- the scene

    def add_concert(self, concert_id: str, title: str, artist: str, venue: str, **more: Any) -> None:
        now = time.time()
        self.concerts[concert_id] = {
            "concertId": concert_id,
            "title": title,
            "artist": artist,
            "venue": venue,
            "salesOpenAt": rfc3339(now - 86400),
            "salesCloseAt": rfc3339(now + 30 * 86400),
            "description": "",
            "capacity": 100,
        } | more
        self.performances.setdefault(concert_id, [])

    def add_date(self, concert_id: str, label: str, in_days: float, price: int = 110_000) -> str:
        performance_id = f"{concert_id}.{label}"
        starts = (time.time() + in_days * 86400) // 86400 * 86400 + 10.5 * 3600  # 19:30 in Seoul
        self.performances[concert_id].append(
            {
                "performanceId": performance_id,
                "startsAt": rfc3339(starts),
                "timezone": "Asia/Seoul",
                "price": price,
                "seatsTotal": SEATS,
            }
        )
        self.seats[performance_id] = {}
        return performance_id

    def take(self, performance_id: str, numbers: list[int], status: str = "SOLD") -> None:
        for number in numbers:
            self.seats[performance_id][number] = {"status": status, "until": time.time() + 200, "reservationId": "x"}

    # -- what the client calls

    def api(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any) -> Answer:
        with self.lock:
            self.log.append((time.monotonic(), method, path))
            planned = self.fail_next.get(f"{method} {path}") or []
            if planned and (refused := planned.pop(0)) is not None:
                raise refused
            for (verb, pattern), work in ROUTES.items():
                if verb == method and (match := re.fullmatch(pattern, path)):
                    return work(self, *map(unquote, match.groups()), query=query, headers=headers, body=body)
        raise Refused("NOT_FOUND", 404)

    def user(self, headers: dict[str, str]) -> str:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        for sub, user in self.users.items():
            if token and token in user["tokens"]:
                return sub
        raise Unauthorized

    def once(self, sub: str, headers: dict[str, str], work: Callable[[], Answer]) -> Answer:
        key = headers.get("idempotency-key")
        if not key:
            raise Refused("IDEMPOTENCY_KEY_REQUIRED", 400)
        if (known := self.answers.get(sub + key)) is not None:
            return known[0], known[1], {**known[2], "Idempotency-Replayed": "true"}
        self.answers[sub + key] = work()
        return self.answers[sub + key]

    def state(self, performance_id: str, number: int) -> str:
        seat = self.seats[performance_id].get(number)
        if seat is None or (seat["status"] == "HELD" and seat["until"] <= time.time()):
            return "AVAILABLE"
        return str(seat["status"])

    def balance(self, sub: str) -> int:
        return sum(entry["amount"] for entry in self.ledger.get(sub, []))

    def enter(self, sub: str, kind: str, amount: int, **more: Any) -> dict[str, Any]:
        entry = {
            "entryId": uuid.uuid4().hex[:12],
            "type": kind,
            "amount": amount,
            "balanceAfter": self.balance(sub) + amount,
            "at": rfc3339(time.time()),
        } | more
        self.ledger.setdefault(sub, []).append(entry)
        return entry


class Unauthorized(Exception):
    """API Gateway's own 401, which has no code."""


def _page(items: list[Any], query: dict[str, str]) -> dict[str, Any]:
    first, limit = int(query.get("cursor", "0")), int(query.get("limit", "20"))
    rest = first + limit
    return {"items": items[first:rest], "nextCursor": str(rest) if rest < len(items) else None}


def _public(concert: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in concert.items() if key not in {"description", "capacity"}}


def list_concerts(stack: FakeStack, *, query: dict[str, str], **_: Any) -> Answer:
    return 200, _page([_public(concert) for concert in stack.concerts.values()], query), {}


def get_concert(stack: FakeStack, concert_id: str, **_: Any) -> Answer:
    if concert_id not in stack.concerts:
        raise Refused("CONCERT_NOT_FOUND", 404)
    concert = stack.concerts[concert_id]
    queue = {"waiting": stack.ahead, "active": min(stack.ahead, 37), "capacity": concert["capacity"]}
    return 200, _public(concert) | {"description": concert["description"], "queue": queue}, {}


def list_performances(stack: FakeStack, concert_id: str, *, query: dict[str, str], **_: Any) -> Answer:
    if concert_id not in stack.concerts:
        raise Refused("CONCERT_NOT_FOUND", 404)
    if not stack.performances[concert_id]:
        raise Refused("NO_PERFORMANCES", 404)
    shown = []
    on_sale = stack.concerts[concert_id]["salesOpenAt"] <= rfc3339(time.time())
    for one in stack.performances[concert_id]:
        free = sum(stack.state(one["performanceId"], number) == "AVAILABLE" for number in range(1, SEATS + 1))
        shown.append(one | {"seatsAvailable": free, "bookable": free > 0 and on_sale})
    return 200, _page(shown, query), {}


def list_seats(stack: FakeStack, performance_id: str, **_: Any) -> Answer:
    if performance_id not in stack.seats:
        raise Refused("PERFORMANCE_NOT_FOUND", 404)
    concert_id = performance_id.split(".", maxsplit=1)[0]
    price = next(one["price"] for one in stack.performances[concert_id] if one["performanceId"] == performance_id)
    seats = [
        {"seatNumber": number, "price": price, "status": stack.state(performance_id, number)}
        for number in range(1, SEATS + 1)
    ]
    return (
        200,
        {
            "performanceId": performance_id,
            "concertId": concert_id,
            "seats": seats,
            "available": sum(seat["status"] == "AVAILABLE" for seat in seats),
            "serverTime": rfc3339(time.time()),
        },
        {},
    )


def _queue_view(stack: FakeStack, place: dict[str, Any]) -> Answer:
    now = time.time()
    if place["ahead"] <= 0 and place["status"] == "WAITING":
        place |= {"status": "ACTIVE", "until": now + stack.active_seconds}
    active = place["status"] == "ACTIVE"
    life = stack.poll_seconds * 3 + 10
    place["expires"] = place["until"] if active else now + life
    view: dict[str, Any] = {
        "token": place["token"],
        "status": place["status"],
        "position": 0 if active else place["ahead"] + 1,
        "ahead": max(0, place["ahead"]),
        "estimatedWaitSeconds": max(0, place["ahead"]) * 3,
        "pollAfterSeconds": 30 if active else stack.poll_seconds,
        "expiresAt": rfc3339(place["expires"]),
        "activeUntil": rfc3339(place["until"]) if active else None,
        "serverTime": rfc3339(now),
    }
    return 200, view, {"Retry-After": str(view["pollAfterSeconds"])}


def join(stack: FakeStack, concert_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    sub = stack.user(headers)
    concert = stack.concerts[concert_id]
    if concert["salesOpenAt"] > rfc3339(time.time()):
        raise Refused("SALES_NOT_OPEN", 409, opensAt=concert["salesOpenAt"])
    place = stack.places.get((concert_id, sub))
    fresh = place is None or place["status"] == "FINISHED"
    if place is None or fresh:
        place = {"token": uuid.uuid4().hex, "status": "WAITING", "ahead": stack.ahead, "until": 0.0}
        stack.places[concert_id, sub] = place
    _status, view, more = _queue_view(stack, place)
    return (201 if fresh else 200), view, more


def _place(stack: FakeStack, concert_id: str, headers: dict[str, str]) -> dict[str, Any]:
    sub = stack.user(headers)
    token = headers.get("x-queue-token")
    if not token:
        raise Refused("QUEUE_TOKEN_REQUIRED", 401)
    place = stack.places.get((concert_id, sub))
    if place is None or place["token"] != token:
        raise Refused("QUEUE_TOKEN_INVALID", 401)
    if place["status"] == "FINISHED" or place["expires"] < time.time():
        raise Refused("QUEUE_TOKEN_EXPIRED", 401)
    return place


def poll(stack: FakeStack, concert_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    return _queue_view(stack, _place(stack, concert_id, headers))


def leave(stack: FakeStack, concert_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    _place(stack, concert_id, headers)["status"] = "FINISHED"
    return 204, None, {}


def _reservation_view(reservation: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    shown = {key: value for key, value in reservation.items() if key not in {"sub", "until"}}
    if shown["status"] == "HELD" and reservation["until"] <= now:
        shown["status"] = "EXPIRED"
    return shown | {"expiresAt": rfc3339(reservation["until"]), "serverTime": rfc3339(now)}


def reserve(stack: FakeStack, *, headers: dict[str, str], body: Any, **_: Any) -> Answer:
    sub = stack.user(headers)
    performance_id = body["performanceId"]
    concert_id = performance_id.split(".")[0]
    if _place(stack, concert_id, headers)["status"] != "ACTIVE":
        raise Refused("QUEUE_TOKEN_NOT_ACTIVE", 403)
    wanted = sorted(body["seatNumbers"])
    taken = [n for n in wanted if stack.state(performance_id, n) != "AVAILABLE"]
    if taken:
        seats = [{"seatNumber": n, "status": stack.state(performance_id, n)} for n in taken]
        raise Refused("SEAT_TAKEN", 409, seats=seats)
    own = [
        n
        for r in stack.reservations.values()
        if r["sub"] == sub
        and r["performanceId"] == performance_id
        and _reservation_view(r)["status"] in {"HELD", "CONFIRMED"}
        for n in r["seatNumbers"]
    ]
    if len(own) + len(wanted) > 4:
        raise Refused("SEAT_LIMIT_EXCEEDED", 409, limit=4)
    reservation_id = f"r-{uuid.uuid4().hex[:16]}"
    until = time.time() + stack.hold_seconds
    price = next(one["price"] for one in stack.performances[concert_id] if one["performanceId"] == performance_id)
    stack.reservations[reservation_id] = {
        "reservationId": reservation_id,
        "concertId": concert_id,
        "performanceId": performance_id,
        "seatNumbers": wanted,
        "amount": price * len(wanted),
        "status": "HELD",
        "sub": sub,
        "until": until,
    }
    for number in wanted:
        stack.seats[performance_id][number] = {"status": "HELD", "until": until, "reservationId": reservation_id}
    return 201, _reservation_view(stack.reservations[reservation_id]), {}


def list_reservations(stack: FakeStack, *, headers: dict[str, str], query: dict[str, str], **_: Any) -> Answer:
    sub = stack.user(headers)
    mine = [_reservation_view(one) for one in reversed(stack.reservations.values()) if one["sub"] == sub]
    return 200, _page(mine, query), {}


def _reservation(stack: FakeStack, reservation_id: str, sub: str) -> dict[str, Any]:
    reservation = stack.reservations.get(reservation_id)
    if reservation is None or reservation["sub"] != sub:
        raise Refused("RESERVATION_NOT_FOUND", 404)
    return reservation


def get_reservation(stack: FakeStack, reservation_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    return 200, _reservation_view(_reservation(stack, reservation_id, stack.user(headers))), {}


def release(stack: FakeStack, reservation_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    reservation = _reservation(stack, reservation_id, stack.user(headers))
    if reservation["status"] == "HELD":
        reservation["status"] = "RELEASED"
        for number in reservation["seatNumbers"]:
            stack.seats[reservation["performanceId"]].pop(number, None)
    return 204, None, {}


def get_points(stack: FakeStack, *, headers: dict[str, str], **_: Any) -> Answer:
    return 200, {"balance": stack.balance(stack.user(headers))}, {}


def charge(stack: FakeStack, *, headers: dict[str, str], body: Any, **_: Any) -> Answer:
    sub = stack.user(headers)

    def work() -> Answer:
        if stack.balance(sub) + body["amount"] > 10_000_000:
            raise Refused("BALANCE_LIMIT_EXCEEDED", 409, limit=10_000_000)
        entry = stack.enter(sub, "CHARGE", body["amount"])
        return (
            201,
            {
                "entryId": entry["entryId"],
                "amount": entry["amount"],
                "balance": entry["balanceAfter"],
                "at": entry["at"],
            },
            {},
        )

    return stack.once(sub, headers, work)


def use(stack: FakeStack, *, headers: dict[str, str], body: Any, **_: Any) -> Answer:
    sub = stack.user(headers)

    def work() -> Answer:
        if stack.balance(sub) < body["amount"]:
            raise Refused("INSUFFICIENT_POINTS", 402, required=body["amount"], balance=stack.balance(sub))
        reason = {"reason": body["reason"]} if body.get("reason") else {}
        entry = stack.enter(sub, "USE", -body["amount"], **reason)
        return (
            201,
            {
                "entryId": entry["entryId"],
                "amount": entry["amount"],
                "balance": entry["balanceAfter"],
                "at": entry["at"],
            },
            {},
        )

    return stack.once(sub, headers, work)


def history(stack: FakeStack, *, headers: dict[str, str], query: dict[str, str], **_: Any) -> Answer:
    return 200, _page(stack.ledger.get(stack.user(headers), [])[::-1], query), {}


def _payment_view(payment: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payment.items() if key not in {"sub", "left"}} | {
        "serverTime": rfc3339(time.time())
    }


def _step(name: str, status: str = "DONE") -> dict[str, str]:
    return {"name": name, "status": status, "at": rfc3339(time.time())}


def _advance(stack: FakeStack, payment: dict[str, Any]) -> None:
    reservation = stack.reservations[payment["reservationId"]]
    sub = payment["sub"]
    if payment["left"] > 0:
        payment["left"] -= 1
        if not payment["steps"]:
            stack.enter(sub, "PAYMENT", -payment["amount"], paymentId=payment["paymentId"])
            payment["steps"] = [_step("UsePoints")]
        return
    if payment["status"] != "PENDING":
        return
    if stack.payment_fails:
        taken = bool(payment["steps"])
        if taken:
            stack.enter(sub, "REFUND", payment["amount"], paymentId=payment["paymentId"])
        payment["steps"] = [
            _step("UsePoints"),
            _step("ConfirmBooking", "FAILED"),
            _step("CancelBooking"),
            _step("UndoPoints"),
        ]
        payment |= {
            "status": "FAILED",
            "failure": {"code": stack.payment_fails, "detail": "It did not work.", "refunded": taken},
        }
        return
    if not payment["steps"]:
        stack.enter(sub, "PAYMENT", -payment["amount"], paymentId=payment["paymentId"])
        payment["steps"] = [_step("UsePoints")]
    payment["steps"].append(_step("ConfirmBooking"))
    payment |= {"status": "COMPLETED", "completedAt": rfc3339(time.time()), "balance": stack.balance(sub)}
    reservation["status"] = "CONFIRMED"
    for number in reservation["seatNumbers"]:
        stack.seats[reservation["performanceId"]][number]["status"] = "SOLD"
    place = stack.places.get((reservation["concertId"], sub))
    if place:
        place["status"] = "FINISHED"


def pay(stack: FakeStack, *, headers: dict[str, str], body: Any, **_: Any) -> Answer:
    sub = stack.user(headers)

    def work() -> Answer:
        reservation = _reservation(stack, body["reservationId"], sub)
        status = _reservation_view(reservation)["status"]
        if status == "CONFIRMED":
            raise Refused("ALREADY_PAID", 409, paymentId=reservation["paymentId"])
        if status == "EXPIRED":
            raise Refused("RESERVATION_EXPIRED", 410)
        if status == "RELEASED":
            raise Refused("RESERVATION_NOT_HELD", 409)
        balance = stack.balance(sub)
        payment = {
            "paymentId": f"p-{uuid.uuid4().hex[:16]}",
            "reservationId": reservation["reservationId"],
            "amount": reservation["amount"],
            "status": "PENDING",
            "createdAt": rfc3339(time.time()),
            "steps": [],
            "sub": sub,
            "left": stack.slow_payment,
        }
        if balance < payment["amount"]:
            failure = {"code": "INSUFFICIENT_POINTS", "detail": "Not enough.", "refunded": False}
            payment |= {"steps": [_step("UsePoints", "REFUSED")], "failure": failure}
            view = {key: value for key, value in _payment_view(payment).items() if key != "status"}
            raise Refused(
                "INSUFFICIENT_POINTS", 402, **view, paymentStatus="FAILED", required=payment["amount"], balance=balance
            )
        stack.payments[payment["paymentId"]] = payment
        reservation["paymentId"] = payment["paymentId"]
        _advance(stack, payment)
        location = {"Location": f"/payments/{payment['paymentId']}"}
        if payment["status"] == "FAILED":
            view = {key: value for key, value in _payment_view(payment).items() if key != "status"}
            raise Refused(stack.payment_fails or "", 409, **view, paymentStatus="FAILED")
        if payment["status"] == "COMPLETED":
            return 201, _payment_view(payment), location
        return 202, _payment_view(payment), location | {"Retry-After": "1"}

    return stack.once(sub, headers, work)


def get_payment(stack: FakeStack, payment_id: str, *, headers: dict[str, str], **_: Any) -> Answer:
    sub = stack.user(headers)
    payment = stack.payments.get(payment_id)
    if payment is None or payment["sub"] != sub:
        raise Refused("PAYMENT_NOT_FOUND", 404)
    _advance(stack, payment)
    return 200, _payment_view(payment), {"Retry-After": "1"}


ROUTES: dict[tuple[str, str], Callable[..., Answer]] = {
    ("GET", "/concerts"): list_concerts,
    ("GET", "/concerts/([^/]+)"): get_concert,
    ("GET", "/concerts/([^/]+)/performances"): list_performances,
    ("GET", "/performances/([^/]+)/seats"): list_seats,
    ("POST", "/concerts/([^/]+)/queue-tokens"): join,
    ("GET", "/concerts/([^/]+)/queue-tokens/current"): poll,
    ("DELETE", "/concerts/([^/]+)/queue-tokens/current"): leave,
    ("POST", "/reservations"): reserve,
    ("GET", "/reservations"): list_reservations,
    ("GET", "/reservations/([^/]+)"): get_reservation,
    ("DELETE", "/reservations/([^/]+)"): release,
    ("GET", "/points"): get_points,
    ("POST", "/points/charges"): charge,
    ("POST", "/points/uses"): use,
    ("GET", "/points/history"): history,
    ("POST", "/payments"): pay,
    ("GET", "/payments/([^/]+)"): get_payment,
}


def cognito(stack: FakeStack, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """As much of Cognito's public API as the client uses."""

    def exception(kind: str) -> tuple[int, dict[str, Any]]:
        return 400, {"__type": kind, "message": f"{kind}."}

    by_name = {user["username"]: (sub, user) for sub, user in stack.users.items()}
    if action == "SignUp":
        if body["Username"] in by_name:
            return exception("UsernameExistsException")
        if len(body["Password"]) < 8:
            return exception("InvalidPasswordException")
        sub = str(uuid.uuid4())
        stack.users[sub] = {"username": body["Username"], "password": body["Password"], "tokens": set()}
        return 200, {"UserConfirmed": True, "UserSub": sub}
    if action == "InitiateAuth":
        parameters = body["AuthParameters"]
        if body["AuthFlow"] == "REFRESH_TOKEN_AUTH":
            found = next(
                ((s, u) for s, u in stack.users.items() if u.get("refresh") == parameters["REFRESH_TOKEN"]), None
            )
            if found is None:
                return exception("NotAuthorizedException")
        else:
            found = by_name.get(parameters["USERNAME"])
            if found is None or found[1]["password"] != parameters["PASSWORD"]:
                return exception("NotAuthorizedException")
        sub, user = found
        token = _jwt(
            {"sub": sub, "cognito:username": user["username"], "exp": time.time() + 3600, "n": uuid.uuid4().hex}
        )
        user["tokens"].add(token)
        user["refresh"] = user.get("refresh") or uuid.uuid4().hex
        result = {"IdToken": token, "AccessToken": token, "ExpiresIn": 3600, "TokenType": "Bearer"}
        if body["AuthFlow"] == "USER_PASSWORD_AUTH":
            result["RefreshToken"] = user["refresh"]
        return 200, {"AuthenticationResult": result}
    if action == "RevokeToken":
        for user in stack.users.values():
            if user.get("refresh") == body["Token"]:
                user["refresh"] = None
        return 200, {}
    return exception("InvalidParameterException")


def security_headers() -> dict[str, str]:
    """The headers that the client is served with: the policy is the page's own, as the header says it more strictly."""
    page = (WEB / "index.html").read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    strict = re.sub(r"connect-src [^;]+", "connect-src 'self'", policy[1])
    return {"Content-Security-Policy": f"{strict}; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}


def serve(stack: FakeStack) -> tuple[ThreadingHTTPServer, str]:
    """Serve the client and the stand-in on a free port of this machine."""
    secure = security_headers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            pass

        def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
            if len(body) > 500 and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body)
                headers = headers | {"Content-Encoding": "gzip"}
            self.send_response(status)
            for name, value in {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Cache-Control": "no-cache",
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _json(self, status: int, body: Any, headers: dict[str, str], kind: str = "application/json") -> None:
            self._send(status, kind, b"" if body is None else json.dumps(body).encode(), headers)

        def _static(self, path: str) -> None:
            if path == "/config.json":
                config = {"apiUrl": "/api", "cognitoUrl": "/cognito", "userPoolClientId": "client", "region": "local"}
                return self._json(200, config, {})
            file = WEB / (path.strip("/") or "index.html")
            if not file.is_file() or ".." in path:
                return self._send(404, "text/plain", b"", {})
            return self._send(200, TYPES[file.suffix], file.read_bytes(), secure)

        def _handle(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            if url.path == "/cognito":
                with stack.lock:
                    status, answer = cognito(stack, headers["x-amz-target"].rsplit(".", 1)[-1], body or {})
                return self._json(status, answer, {})
            if not url.path.startswith("/api/"):
                return self._static(url.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                status, answer, more = stack.api(self.command, url.path.removeprefix("/api"), query, headers, body)
            except Unauthorized:
                return self._json(401, {"message": "Unauthorized"}, {})
            except Refused as refused:
                return self._json(refused.status, refused.body, refused.headers, "application/problem+json")
            return self._json(status, answer, more)

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - the names are the base class's

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}/"


def scene(stack: FakeStack) -> None:
    """A season of concerts."""
    stack.add_concert(
        "starlight",
        "별빛을 건너는 열차",
        "하늘정거장 오케스트라",
        "세종문화회관 대극장",
        description="은하를 달리던 그 밤 열차의 음악을 60인조 오케스트라로 다시 만납니다.\n"
        "오리지널 보컬과 함께하는 앙코르까지, 120분의 여행.",
    )
    for label, days, price in (("1224", 32, 132_000), ("1225", 33, 154_000), ("1226", 34, 132_000)):
        stack.add_date("starlight", label, days, price)
    stack.take("starlight.1224", [3, 4, 9, 10, 11, 17, 18, 24, 25, 26, 33, 34, 35, 42])
    stack.take("starlight.1224", [12, 27, 28, 43], "HELD")
    stack.take("starlight.1226", list(range(1, 51)))
    stack.add_concert(
        "moon-tide", "달의 조류 ~Moonlit Tide~", "Mio Aozora & the Tidal Strings", "블루스퀘어 마스터카드홀"
    )
    stack.add_date("moon-tide", "0110", 49)
    stack.add_date("moon-tide", "0111", 50)
    stack.add_concert(
        "summer-wires",
        "여름, 전깃줄 위의 멜로디",
        "레일사이드 앙상블",
        "고양아람누리 하이든홀",
        salesOpenAt=rfc3339(time.time() + 9 * 86400),
    )
    stack.add_date("summer-wires", "0301", 100, 99_000)
    stack.add_concert("last-boss", "최종 결전 심포니", "서울 픽셀 필하모닉", "예술의전당 콘서트홀")
    stack.add_concert(
        "first-snow", "첫눈의 엔딩 크레딧", "윤슬", "롯데콘서트홀", salesCloseAt=rfc3339(time.time() - 3600)
    )
    stack.add_date("first-snow", "1130", 8)
    stack.add_concert("penlight", "PENLIGHT FES: 함께 부르는 오프닝", "All Cast", "KSPO DOME")
    stack.add_date("penlight", "0214", 84, 165_000)
