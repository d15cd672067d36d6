"""`./ost demo`: two fans want the same seat. The whole journey of the HTTP contract, each answer checked."""

import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from tools.ost.console import Failure, out
from tools.ost.fans import Fan, new_fan
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

type Json = dict[str, Any]

PATIENCE = 60
"""Seconds to wait for a turn in the queue, or for a payment to end."""


def demo(
    concert: Annotated[str | None, typer.Argument(help="The concert to book; else the cheapest that is on.")] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Walk the whole journey over HTTP with two new fans who want the same seat.

    Exit 1 at the first answer that is not as documented. Can be repeated: it buys a free seat each time.
    """
    found = Stack.find(stack, state)
    with httpx.Client(base_url=found.api_url, timeout=30) as http:
        journey(Walk(http), new_fan(found, "haruka"), new_fan(found, "minjun"), concert)
    out.print("\n[bold green]The journey went as documented.[/]")


class Walk:
    """Makes requests, prints each with its answer, and stops at the first answer that is not as documented."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._step = 0

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self._step += 1
        out.print(f"\n[bold]{self._step}. {escape(title)}[/]")

    def call(
        self,
        fan: Fan | None,
        request: str,
        status: int | tuple[int, ...],
        code: str | None = None,
        *,
        body: Json | None = None,
        queue_token: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Send `METHOD /path` as a fan (or nobody) and demand the status, and the problem's code when it is one."""
        method, path = request.split(" ", 1)
        headers = dict(fan.headers) if fan else {}
        if queue_token:
            headers["X-Queue-Token"] = queue_token
        if key:
            headers["Idempotency-Key"] = key
        answer = self._http.request(method, path, json=body, headers=headers)
        who = fan.name.partition("-")[0] if fan else "anybody"
        out.print(f"  [cyan]{who}[/] {method} {escape(path)} {escape(_short(body)) if body else ''}", highlight=False)
        content = _content(answer)
        out.print(f"    → [bold]{answer.status_code}[/] [dim]{escape(_short(content))}[/]", highlight=False)
        allowed = (status,) if isinstance(status, int) else status
        self.demand(answer.status_code in allowed, f"{request} answers {' or '.join(map(str, allowed))}")
        if code:
            self.demand(content.get("code") == code, f"the problem's code is {code}")
            self.demand(
                answer.headers["content-type"].startswith("application/problem+json"),
                "a problem is application/problem+json",
            )
        return answer

    def demand(self, holds: bool, promise: str) -> None:
        """Stop with the promise that was broken."""
        if not holds:
            raise Failure(f"the demo is not as documented: {promise}.")


def journey(walk: Walk, first: Fan, second: Fan, concert: str | None = None) -> None:
    """Tell the story; `first` gets the seat and `second` does not."""
    story = Story(walk, first, second, *_choose(walk, concert))
    story.refuse_strangers()
    first_turn = story.queue_up()
    reservation = story.race_for_a_seat(first_turn)
    story.pay_without_points(reservation)
    story.charge()
    payment = story.pay(reservation)
    story.read_the_ledger(payment)
    story.end_the_turn(first_turn, reservation)
    story.think_again()


@dataclass
class Story:
    """Who wants what; each method is a chapter."""

    walk: Walk
    first: Fan
    second: Fan
    concert: str
    performance: str
    price: int
    second_turn: Json = field(default_factory=dict)

    @property
    def both_are_in(self) -> bool:
        """Tell whether the queue is large enough for both at once."""
        return bool(self.second_turn["status"] == "ACTIVE")

    def refuse_strangers(self) -> None:
        """Ask for what cannot be had."""
        self.walk.chapter("What cannot be booked")
        self.walk.call(None, "GET /points", 401)
        self.walk.call(self.first, "POST /concerts/no-such-concert/queue-tokens", 404, "CONCERT_NOT_FOUND")
        self.walk.call(self.first, "POST /reservations", 401, "QUEUE_TOKEN_REQUIRED", body=self._seats(1))

    def queue_up(self) -> Json:
        """Join with both; return the first fan's turn once it is ACTIVE."""
        self.walk.chapter("Both fans join the queue and wait until it is their turn")
        first_turn = self._wait_for_turn(self.first, self._join(self.first))
        self.second_turn = self._join(self.second)
        again = self.walk.call(self.second, f"POST /concerts/{self.concert}/queue-tokens", 200).json()
        self.walk.demand(again["position"] <= self.second_turn["position"], "joining again keeps one's place")
        self.second_turn = self._poll(self.second, self.second_turn)
        if not self.both_are_in:
            self._reserve(self.second, 1, self.second_turn, 403, "QUEUE_TOKEN_NOT_ACTIVE")
        return first_turn

    def race_for_a_seat(self, first_turn: Json) -> Json:
        """Both want one seat; return the reservation of the one who gets it."""
        self.walk.chapter("They want the same seat; one gets it")
        seat = self._free_seat()
        reservation: Json = self._reserve(self.first, seat, first_turn, 201)
        self.walk.demand(reservation["status"] == "HELD", "the reservation is HELD")
        self.walk.demand(reservation["amount"] == self.price, "the amount is the seat's price")
        repeated = self._reserve(self.first, seat, first_turn, (200, 201))
        self.walk.demand(
            repeated["reservationId"] == reservation["reservationId"], "asking again gives the same reservation"
        )
        self.walk.demand(self._status(seat) == "HELD", "the seat map shows the seat as HELD")
        if self.both_are_in:
            self._is_refused(seat, "HELD")
        return reservation

    def pay_without_points(self, reservation: Json) -> None:
        """Pay too early."""
        self.walk.chapter("Too few points: nothing is taken and the hold keeps its deadline")
        body = {"reservationId": reservation["reservationId"]}
        poor = self.walk.call(self.first, "POST /payments", 402, "INSUFFICIENT_POINTS", body=body, key=_key()).json()
        self.walk.demand(
            (poor["required"], poor["balance"]) == (self.price, 0),
            "the refusal says what is required and there",
        )
        held = self.walk.call(self.first, f"GET /reservations/{reservation['reservationId']}", 200).json()
        self.walk.demand(held["status"] == "HELD", "the reservation is still HELD")
        self.walk.demand(held["expiresAt"] == reservation["expiresAt"], "paying never prolongs a hold")

    def charge(self) -> None:
        """Charge, repeat it, and get it wrong."""
        self.walk.chapter("Charging points, twice with one key: once")
        path, body, key = "POST /points/charges", {"amount": self.price + 500}, _key()
        charged = self.walk.call(self.first, path, 201, body=body, key=key)
        replayed = self.walk.call(self.first, path, 201, body=body, key=key)
        self.walk.demand(
            replayed.headers.get("idempotency-replayed") == "true", "the second answer is marked as a replay"
        )
        self.walk.demand(replayed.json() == charged.json(), "the replay is the first answer")
        self.walk.call(self.first, path, 422, "IDEMPOTENCY_KEY_REUSED", body={"amount": 1}, key=key)
        self.walk.call(self.first, path, 400, "IDEMPOTENCY_KEY_REQUIRED", body={"amount": 1})
        self.walk.call(self.first, path, 400, "VALIDATION_FAILED", body={"amount": 0}, key=_key())
        balance = self.walk.call(self.first, "GET /points", 200).json()["balance"]
        self.walk.demand(balance == self.price + 500, "the balance grew once")

    def pay(self, reservation: Json) -> Json:
        """Pay, wait for the end, ask again with the same key; return the payment."""
        self.walk.chapter("Paying")
        key, body = _key(), {"reservationId": reservation["reservationId"]}
        payment: Json = self.walk.call(self.first, "POST /payments", (201, 202), body=body, key=key).json()
        deadline = time.monotonic() + PATIENCE
        while payment["status"] not in ("COMPLETED", "FAILED"):
            self.walk.demand(time.monotonic() < deadline, f"the payment ends within {PATIENCE} s")
            time.sleep(1)
            payment = self.walk.call(self.first, f"GET /payments/{payment['paymentId']}", 200).json()
        self.walk.demand(payment["status"] == "COMPLETED", "the payment is COMPLETED")
        replayed = self.walk.call(self.first, "POST /payments", (201, 202), body=body, key=key)
        self.walk.demand(replayed.json()["paymentId"] == payment["paymentId"], "the same key gives the same payment")
        self.walk.demand(
            replayed.headers.get("idempotency-replayed") == "true", "the second answer is marked as a replay"
        )
        confirmed = self.walk.call(self.first, f"GET /reservations/{reservation['reservationId']}", 200).json()
        self.walk.demand(confirmed["status"] == "CONFIRMED", "the reservation is CONFIRMED")
        self.walk.demand(self._status(reservation["seatNumbers"][0]) == "SOLD", "the seat is SOLD")
        self.walk.call(self.first, "POST /payments", 409, "ALREADY_PAID", body=body, key=_key())
        return payment

    def read_the_ledger(self, payment: Json) -> None:
        """Find the charge and the payment, and nothing else."""
        self.walk.chapter("The ledger tells what happened, newest first")
        entries = self.walk.call(self.first, "GET /points/history", 200).json()["items"]
        self.walk.demand(
            [(entry["type"], entry["amount"], entry["balanceAfter"]) for entry in entries]
            == [("PAYMENT", -self.price, 500), ("CHARGE", self.price + 500, self.price + 500)],
            "the history is one CHARGE and one PAYMENT",
        )
        self.walk.demand(entries[0]["paymentId"] == payment["paymentId"], "the PAYMENT entry names its payment")

    def end_the_turn(self, first_turn: Json, reservation: Json) -> None:
        """Who has paid is out; the other one is told that the seat is sold."""
        self.walk.chapter("Who has paid has had their turn; the next in line comes in")
        self._is_over(self.first, first_turn)
        self.second_turn = self._wait_for_turn(self.second, self.second_turn)
        self._is_refused(reservation["seatNumbers"][0], "SOLD")

    def think_again(self) -> None:
        """Hold another seat, give it back, leave."""
        self.walk.chapter("The other fan takes another seat, thinks again and leaves")
        seat = self._free_seat()
        spare = self._reserve(self.second, seat, self.second_turn, 201)
        self.walk.call(self.first, f"GET /reservations/{spare['reservationId']}", 404, "RESERVATION_NOT_FOUND")
        self.walk.call(self.second, f"DELETE /reservations/{spare['reservationId']}", 204)
        self.walk.demand(self._status(seat) == "AVAILABLE", "a released seat is free at once")
        self.walk.call(self.second, f"DELETE {self._place}", 204, queue_token=self.second_turn["token"])
        self._is_over(self.second, self.second_turn)

    @property
    def _place(self) -> str:
        return f"/concerts/{self.concert}/queue-tokens/current"

    def _seats(self, *numbers: int) -> Json:
        return {"performanceId": self.performance, "seatNumbers": list(numbers)}

    def _join(self, fan: Fan) -> Json:
        turn: Json = self.walk.call(fan, f"POST /concerts/{self.concert}/queue-tokens", 201).json()
        return turn

    def _poll(self, fan: Fan, turn: Json) -> Json:
        polled: Json = self.walk.call(fan, f"GET {self._place}", 200, queue_token=turn["token"]).json()
        return polled

    def _wait_for_turn(self, fan: Fan, turn: Json) -> Json:
        deadline = time.monotonic() + PATIENCE
        while turn["status"] != "ACTIVE":
            self.walk.demand(time.monotonic() < deadline, f"the fan is let in within {PATIENCE} s")
            time.sleep(min(turn["pollAfterSeconds"], 5))
            turn = self._poll(fan, turn)
        self.walk.demand(turn["position"] == 0, "who is ACTIVE has position 0")
        self.walk.demand(turn["activeUntil"] is not None, "who is ACTIVE has a deadline")
        return turn

    def _is_over(self, fan: Fan, turn: Json) -> None:
        self.walk.call(fan, f"GET {self._place}", 401, "QUEUE_TOKEN_EXPIRED", queue_token=turn["token"])

    def _reserve(self, fan: Fan, seat: int, turn: Json, status: int | tuple[int, ...], code: str | None = None) -> Json:
        answer: Json = self.walk.call(
            fan, "POST /reservations", status, code, body=self._seats(seat), queue_token=turn["token"]
        ).json()
        return answer

    def _is_refused(self, seat: int, status: str) -> None:
        refused = self._reserve(self.second, seat, self.second_turn, 409, "SEAT_TAKEN")
        self.walk.demand(
            [(each["seatNumber"], each["status"]) for each in refused["seats"]] == [(seat, status)],
            f"the refusal names the seat as {status}",
        )

    def _seat_map(self) -> dict[int, str]:
        seats = self.walk.call(None, f"GET /performances/{self.performance}/seats", 200).json()["seats"]
        return {seat["seatNumber"]: seat["status"] for seat in seats}

    def _free_seat(self) -> int:
        return next(number for number, status in self._seat_map().items() if status == "AVAILABLE")

    def _status(self, seat: int) -> str:
        return self._seat_map()[seat]


def _choose(walk: Walk, wanted: str | None) -> tuple[str, str, int]:
    """Look around as somebody who has not signed in, and find a performance, of a certain concert or of any, with two
    free seats."""
    walk.chapter("What is on")
    chosen: tuple[str, str, int] | None = None
    for concert in walk.call(None, "GET /concerts", 200).json()["items"]:
        concert_id = concert["concertId"]
        answer = walk.call(None, f"GET /concerts/{concert_id}/performances?bookable=true", (200, 404))
        if answer.status_code == httpx.codes.NOT_FOUND:
            walk.demand(answer.json()["code"] == "NO_PERFORMANCES", "a concert without dates answers NO_PERFORMANCES")
            continue
        for performance in answer.json()["items"]:
            fits = concert_id == (wanted or concert_id) and performance["seatsAvailable"] >= 2
            if fits and (chosen is None or performance["price"] < chosen[2]):
                chosen = concert_id, performance["performanceId"], performance["price"]
    if chosen is None:
        raise Failure("nothing is on sale with two free seats: publish something, or start `make run` again.")
    walk.call(None, f"GET /concerts/{chosen[0]}", 200)
    return chosen


def _key() -> str:
    return secrets.token_urlsafe(12)


def _content(answer: httpx.Response) -> Json:
    if not answer.content:
        return {}
    try:
        content: Json = answer.json()
    except json.JSONDecodeError as error:
        raise Failure(f"the answer is not JSON: {answer.text[:200]}") from error
    return content


def _short(value: Any, width: int = 240) -> str:
    """Show what matters of an answer on a line or two: tokens cut, seat maps counted, problems as their code."""
    text = json.dumps(_digest(value), ensure_ascii=False, separators=(", ", ": "))
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _digest(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "code" in value and "detail" in value and "type" in value:
        return {
            key: each for key, each in value.items() if key not in ("type", "title", "status", "retryable", "steps")
        }
    digest: Json = {}
    for key, each in value.items():
        if key == "serverTime":
            continue
        if key == "token":
            digest[key] = f"{each[:12]}…"
        elif key == "seats" and each and "price" in each[0] and "status" in each[0]:
            digest[key] = dict(Counter(seat["status"] for seat in each))
        elif key == "items" and len(each) > 1 and "entryId" not in each[0]:
            ids = [item.get("performanceId") or item.get("concertId") for item in each]
            digest[key] = ids if all(ids) else f"{len(each)} items"
        else:
            digest[key] = each
    return digest
