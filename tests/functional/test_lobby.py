"""The lobby and its draw: coming in, closing, drawing at every death, and what is published."""

import contextlib
import io
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from booking import catalog, dynamodb, memory, observability, signatures
from booking.catalog import Concert
from booking.dynamodb import client, decode, delete, put, write
from booking.errors import SalesNotOpen
from booking.queue import beacon, draw, drawing, items, lobby
from booking.settings import settings
from tests.handlers import call
from tests.unit.test_draw import ROUNDS

CONCERT = "first-light"
ROUND = int(ROUNDS[1]["round"])
READ_AT = beacon.time_of(ROUND) - lobby.ROUND_AFTER_SECONDS - 2
"""The list is read then, so that the recorded round is the first that is far enough away."""
CLOSES = READ_AT - lobby.READ_AFTER_SECONDS
OPENS = CLOSES - 613


@pytest.fixture(autouse=True)
def beacon_is_on(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BEACON", "on")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def concert(beacon_is_on: None) -> Concert:
    write(
        put(
            settings().catalog_table,
            {
                "pk": "CONCERT",
                "sk": CONCERT,
                "title": "First Light",
                "artist": "An Orchestra",
                "venue": "A Hall",
                "description": "",
                "lobbyOpensAt": OPENS,
                "salesOpenAt": CLOSES,
                "salesCloseAt": CLOSES + 86_400,
            },
        )
    )
    memory.forget()
    return catalog.find_concert(CONCERT, OPENS)


class Clock:
    """A clock that sleeping moves."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += int(seconds)


def recorded(number: int) -> str:
    assert number == ROUND, "the round that was bound, and no other"
    return str(ROUNDS[1]["signature"])


def come(concert: Concert, *users: str, at: int = OPENS + 5) -> dict[str, draw.Receipt]:
    return {user: lobby.enter(concert, user, at, now=lambda: at)[0] for user in users}


def drawn(at: int = READ_AT, fetch: Callable[[int], str] = recorded) -> lobby.LobbyItem:
    clock = Clock(at)
    assert drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=fetch) == "DRAWN"
    found = lobby.read(CONCERT)
    assert found is not None
    return found


def stored() -> list[dict[str, Any]]:
    """Read the whole table of the queue."""
    pages = client().get_paginator("scan").paginate(TableName=settings().queue_table)
    return [decode(item) or {} for page in pages for item in page["Items"]]


def mistakes(found: lobby.LobbyItem, *receipts: draw.Receipt) -> list[str]:
    """Check the draw as anybody does who reads what was published."""
    memory.forget()
    shown = lobby.published(catalog.find_concert(CONCERT, READ_AT), READ_AT + 60)
    files = {str(item["pk"]): bytes(item["content"]) for item in stored() if item["sk"] == "FILE"}
    [key] = signatures.public_keys_view()
    assert shown["publicKeys"] == [key]
    return draw.mistakes(
        shown,  # type: ignore[arg-type]
        b"".join(files.get(f"{found['lobbyId']}#LIST#{shown['entriesRoot']}#{part:02x}", b"") for part in range(256)),
        lambda index: files.get(f"{found['lobbyId']}#PIECES#{shown['seed']}#{index:03x}", b""),
        randomness_of=beacon.randomness_of,
        receipts=receipts,
        is_signed=lambda text, signature: signatures.is_signed(text, signature, key["publicKey"]),
    )


def number_of(user: str) -> int | None:
    memory.forget()
    return lobby.number_of(CONCERT, user, READ_AT + 60)


def test_ten_devices_of_one_fan_are_one_entry_with_one_receipt(concert: Concert) -> None:
    receipts = [lobby.enter(concert, "ann", OPENS + each, now=lambda: OPENS + 10) for each in range(10)]

    assert [is_new for _, is_new in receipts] == [True] + [False] * 9
    assert len({receipt["signature"] for receipt, _ in receipts}) == 1
    assert drawn()["entries"] == 1


@pytest.mark.parametrize(
    ("at", "waits"),
    [
        (OPENS - 60, 60),
        (CLOSES, lobby.DRAWN_AFTER_SECONDS),
        (CLOSES + 5, lobby.DRAWN_AFTER_SECONDS - 5),
        (CLOSES + 3600, 2),
    ],
)
def test_nobody_comes_in_before_the_opening_or_after_the_closing(concert: Concert, at: int, waits: int) -> None:
    with pytest.raises(SalesNotOpen) as refused:
        come(concert, "ann", at=at)

    assert refused.value.retry_after == waits


def test_a_put_that_took_too_long_gets_no_receipt(concert: Concert) -> None:
    last = READ_AT - lobby.RECEIPT_MARGIN_SECONDS
    receipt, _ = lobby.enter(concert, "ann", CLOSES - 1, now=lambda: last)
    with pytest.raises(SalesNotOpen):
        lobby.enter(concert, "ben", CLOSES - 1, now=lambda: last + 1)

    assert mistakes(drawn(), receipt) == []


def test_everybody_with_a_receipt_has_a_number_and_the_check_finds_nothing(concert: Concert) -> None:
    users = [f"fan {number}" for number in range(40)]
    receipts = come(concert, *users)

    found = drawn()

    assert sorted(number for user in users if (number := number_of(user)) is not None) == list(range(1, 41))
    assert number_of("stranger") is None
    assert mistakes(found, *receipts.values()) == []
    assert items.read_counter(CONCERT)["issued"] == items.read_queue(CONCERT)["drawn"] == 40


def test_who_leaves_stays_in_the_list_and_may_come_back(concert: Concert) -> None:
    come(concert, "ann", "ben")

    assert lobby.leave(CONCERT, "ann", OPENS + 10)
    assert not lobby.leave(CONCERT, "ann", OPENS + 11)
    assert not lobby.leave(CONCERT, "nobody", OPENS + 11)
    assert "leftAt" in (lobby.find(CONCERT, "ann", OPENS + 20) or {})
    lobby.enter(concert, "ann", OPENS + 12, now=lambda: OPENS + 12)
    assert "leftAt" not in (lobby.find(CONCERT, "ann", OPENS + 20) or {})
    assert drawn()["entries"] == 2


def test_the_secret_and_the_list_are_nobodys_to_see_before_the_list_is_bound(concert: Concert) -> None:
    come(concert, "ann")
    memory.forget()

    shown = lobby.published(concert, OPENS + 60)

    assert shown["status"] == "OPEN"
    assert shown["commitment"]
    hidden = ("secret", "entries", "entriesRoot", "seed", "entriesUrl", "piecesUrl")
    assert {name: each for name, each in shown.items() if name in hidden} == dict.fromkeys(hidden)


@pytest.mark.parametrize(("entries", "seconds"), [(0, 0), (2, 0), (3, 1), (1502, 1), (1503, 2), (300_002, 200)])
def test_the_first_calls_take_as_long_as_the_api_needs_for_all_behind_the_front(
    concert: Concert, entries: int, seconds: int
) -> None:
    lobby.enter(concert, "ann", OPENS, now=lambda: OPENS)
    write(put(settings().queue_table, {**(lobby.read(CONCERT) or {}), "entries": entries}))

    shown = lobby.published(concert, OPENS)["firstCalls"]

    assert shown == {"front": 2, "perSecond": 1500, "windowSeconds": seconds}


def test_a_lobby_that_nobody_came_to_is_drawn(concert: Concert) -> None:
    found = drawn()

    assert found["entries"] == 0
    assert mistakes(found) == []
    assert items.read_counter(CONCERT)["issued"] == 0


@pytest.mark.parametrize("opens", range(CLOSES, CLOSES + 64, 7))
def test_the_list_is_read_20_seconds_after_the_closing_and_who_asks_70_before_that_waits(
    concert: Concert, opens: int
) -> None:
    postponed: Concert = {**concert, "salesOpenAt": opens}
    lobby.enter(concert, "ann", OPENS, now=lambda: OPENS)
    found = lobby.read(CONCERT)

    assert [lobby.is_due(postponed, found, opens + after) for after in (-1, 0, 19, 20, 21)] == [False] * 3 + [True] * 2
    assert [lobby.is_near(postponed, opens + after) for after in (-51, -50, 20)] == [False, True, True]


def test_nothing_is_drawn_before_its_time(concert: Concert) -> None:
    come(concert, "ann")

    for at, status in [(OPENS, "OPEN"), (READ_AT - lobby.NEAR_SECONDS - 1, "OPEN")]:
        clock = Clock(at)
        assert drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=recorded) == status
    assert "entriesRoot" not in (lobby.read(CONCERT) or {})


def test_a_run_that_begins_a_minute_early_waits_for_the_time(concert: Concert) -> None:
    receipts = come(concert, "ann", at=CLOSES - 1)

    found = drawn(at=READ_AT - 60)

    assert found["round"] == ROUND
    assert mistakes(found, *receipts.values()) == []


def test_an_opening_that_is_postponed_while_a_run_waits_is_not_drawn(concert: Concert) -> None:
    come(concert, "ann")
    clock = Clock(READ_AT - 60)

    def postponed(seconds: float) -> None:
        clock.sleep(seconds)
        write(put(settings().catalog_table, {**concert, "pk": "CONCERT", "salesOpenAt": CLOSES + 600}))

    assert drawing.draw_lobby(CONCERT, now=clock, sleep=postponed, fetch=recorded) == "OPEN"
    assert "entriesRoot" not in (lobby.read(CONCERT) or {})


def test_an_opening_that_was_postponed_is_not_drawn_at_the_old_time(concert: Concert) -> None:
    come(concert, "ann")
    write(put(settings().catalog_table, {**concert, "pk": "CONCERT", "salesOpenAt": CLOSES + 600}))

    clock = Clock(READ_AT)

    assert drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=recorded) == "OPEN"


def test_a_second_draw_changes_nothing(concert: Concert) -> None:
    come(concert, "ann", "ben", "cem")
    found = drawn()

    assert drawing.draw_lobby(CONCERT, now=Clock(READ_AT + 900), sleep=Clock(0).sleep, fetch=lambda _: "") == "DRAWN"
    assert lobby.read(CONCERT) == found


def test_a_run_asks_for_the_round_a_second_after_it_is_out_and_each_time_that_one_comes_out(concert: Concert) -> None:
    come(concert, "ann")
    clock = Clock(READ_AT)
    asked: list[int] = []

    def third_time(number: int) -> str:
        asked.append(clock.at - beacon.time_of(number))
        if len(asked) < 3:
            raise drawing.Late(str(number))
        return recorded(number)

    assert drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=third_time) == "DRAWN"
    assert asked == [1, 1 + beacon.PERIOD_SECONDS, 1 + 2 * beacon.PERIOD_SECONDS]


def test_a_late_round_is_waited_for_and_never_replaced(concert: Concert) -> None:
    come(concert, "ann", "ben")

    def late(number: int) -> str:
        raise drawing.Late(str(number))

    clock = Clock(READ_AT)
    with pytest.raises(drawing.Late):
        drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=late)
    bound = lobby.read(CONCERT)
    assert bound is not None
    assert bound.get("round") == ROUND
    assert "drawnAt" not in bound
    assert clock.at >= beacon.time_of(ROUND) + drawing.LATE_SECONDS

    assert drawn(at=clock.at + 3600)["round"] == ROUND


def test_a_round_that_is_not_genuine_draws_nothing(concert: Concert) -> None:
    come(concert, "ann")

    with pytest.raises(beacon.NotGenuine):
        drawn(fetch=lambda _: ROUNDS[0]["signature"])
    assert "drawnAt" not in (lobby.read(CONCERT) or {})


def test_an_entry_that_is_slipped_in_after_the_root_has_no_number(concert: Concert) -> None:
    come(concert, "ann", "ben")
    found = lobby.read(CONCERT)
    assert found is not None

    def slip_in(number: int) -> str:
        key = lobby.entry_key(found["lobbyId"], lobby.entry_of(found, "eve"))
        write(put(settings().queue_table, {**key, "userId": "eve", "joinedAt": OPENS, "purgeAt": OPENS * 2}))
        return recorded(number)

    after = drawn(fetch=slip_in)

    assert number_of("eve") is None
    assert after["entries"] == 2
    assert mistakes(after) == []


def test_without_a_beacon_the_seed_follows_from_the_secret(concert: Concert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON", "off")
    settings.cache_clear()
    come(concert, "ann", "ben")

    found = drawn(fetch=lambda _: pytest.fail("no round is asked for"))

    assert "round" not in found
    assert mistakes(found) == []


@pytest.mark.parametrize("first", ["down", "not JSON", "no signature", "another round's", "right"])
def test_the_round_is_taken_from_the_first_server_that_has_it_genuine(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    asked: list[str] = []
    genuine = json.dumps(ROUNDS[1]).encode()
    answers = {
        "not JSON": b"<html>",
        "no signature": b"{}",
        "another round's": json.dumps(ROUNDS[0]).encode(),
        "right": genuine,
    }

    def answer(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        if len(asked) == 1 and first == "down":
            raise OSError("no route")
        return io.BytesIO(answers[first] if len(asked) == 1 else genuine)

    monkeypatch.setattr("urllib.request.urlopen", answer)

    assert drawing.fetch(ROUND) == ROUNDS[1]["signature"]
    assert asked == beacon.paths(ROUND)[: 1 if first == "right" else 2]


def test_a_round_that_no_server_has_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_address: str, timeout: float) -> io.BytesIO:
        raise OSError(timeout)

    monkeypatch.setattr("urllib.request.urlopen", unreachable)

    with pytest.raises(drawing.Late):
        drawing.fetch(ROUND)


class Beacon(BaseHTTPRequestHandler):
    """Serves the round under `/good`; other addresses say how it misbehaves."""

    over = threading.Event()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        genuine = json.dumps(ROUNDS[1]).encode()
        match self.path:
            case "/garbage":
                self.wfile.write(b"garbage\r\n\r\n")
                return
            case "/cut-short":
                genuine, length = genuine[:9], 500
            case "/drips" | "/drips-of-headers":
                genuine, length = b"", 500
            case "/nested":
                genuine, length = b"[" * 200_000, 200_000
            case _:
                length = len(genuine)
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        if self.path != "/drips-of-headers":
            self.end_headers()
        else:
            self.flush_headers()
        self.wfile.write(genuine)
        for _ in range(200):
            if not self.path.startswith("/drips") or self.over.wait(0.05):
                return
            with contextlib.suppress(OSError):
                self.wfile.write(b"x")
        self.over.set()


@pytest.mark.parametrize("first", ["garbage", "cut-short", "drips", "drips-of-headers", "nested"])
def test_a_server_that_misbehaves_does_not_keep_the_next_from_being_asked(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(drawing, "FETCH_SECONDS", 0.3)
    Beacon.over.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Beacon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(beacon, "paths", lambda _: [f"{base}/{first}", f"{base}/good"])
        try:
            assert drawing.fetch(ROUND) == ROUNDS[1]["signature"]
            assert not Beacon.over.is_set(), "it was not waited for"
        finally:
            Beacon.over.set()
            server.shutdown()


class Killed(BaseException):
    """Ends a run where it stands."""


class Deadly:
    """The SDK's client, that kills at one call: of that step, the first or the last of its kind, before or after it."""

    def __init__(self, step: str, which: int, *, after: bool) -> None:
        self.client, self.at, self.after = client(), (step, which), after
        self.seen: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.client, name)

        def made(**parameters: Any) -> Any:
            step = step_of(name, str(parameters))
            self.seen[step] += 1
            is_it = (step, self.seen[step]) == self.at
            if is_it and not self.after:
                raise Killed
            answer = call(**parameters)
            if is_it:
                raise Killed
            return answer

        return made


class InTurns:
    """A pool that works in the calling thread, where a death is one."""

    def __init__(self, _threads: int) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    map = staticmethod(map)


def step_of(call: str, parameters: str) -> str:
    """Name a step of the draw by its call."""
    if call in {"put_item", "get_item"}:
        kind = "list" if "#LIST#" in parameters else "pieces" if "#PIECES#" in parameters else "lobby"
        return f"{call} {kind}"
    return call


FANS, PARTITIONS = 12, 16
DEATHS = [
    ("reading the entries", ("query", PARTITIONS), False),
    ("storing the first part of the list", ("put_item list", 1), False),
    ("storing its last part", ("put_item list", FANS), False),
    ("binding root, secret and round", ("update_item", 1), False),
    ("when that is written, its answer lost", ("update_item", 1), True),
    ("waiting for the round", ("fetch", 1), False),
    ("reading the list back", ("get_item list", PARTITIONS), False),
    ("storing the first piece", ("put_item pieces", 1), False),
    ("storing the last piece", ("put_item pieces", FANS), False),
    ("making the counter and calling it drawn", ("transact_write_items", 1), False),
    ("when that is written, its answer lost", ("transact_write_items", 1), True),
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "draw.md"


def test_killed_at_every_step_and_run_again_it_is_one_order(concert: Concert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "ThreadPoolExecutor", InTurns)
    monkeypatch.setattr(draw, "PARTITIONS", PARTITIONS)  # entries that begin with so small a byte
    monkeypatch.setattr(lobby, "entry_of", lambda _lobby, user: f"{int(user):02x}" * draw.ID_BYTES)
    monkeypatch.setattr(secrets, "token_hex", lambda many: "5e" * many)
    rows, orders = [], set()
    for words, (step, which), after in DEATHS:
        empty_the_table()
        lobby.ensure_open(concert, OPENS)
        come(concert, *map(str, range(FANS)))
        stands = killed(step, which, after=after, monkeypatch=monkeypatch)

        found = drawn(at=READ_AT + 3600 if stands["bound"] == "yes" else READ_AT)

        assert mistakes(found) == []
        orders.add((found["entriesRoot"], found["round"], tuple(number_of(str(fan)) for fan in range(FANS))))
        rows.append(f"| {words} | {' | '.join(stands.values())} |")
    assert len(orders) == 1
    assert "\n".join(rows) in DOCUMENT.read_text("utf-8"), "\n" + "\n".join(rows)


def empty_the_table() -> None:
    """Forget the lobby, and everything that was drawn of it."""
    memory.forget()
    for item in stored():
        write(delete(settings().queue_table, {"pk": item["pk"], "sk": item["sk"]}))


def killed(step: str, which: int, *, after: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Run a draw that dies there; tell what stands then."""
    clock = Clock(READ_AT)

    def fetch(number: int) -> str:
        if step == "fetch":
            raise Killed
        return recorded(number)

    with monkeypatch.context() as patched:
        deadly = Deadly(step, which, after=after)
        patched.setattr(dynamodb, "client", lambda: deadly)
        with pytest.raises(Killed):
            drawing.draw_lobby(CONCERT, now=clock, sleep=clock.sleep, fetch=fetch)
    memory.forget()
    found: dict[str, Any] = {**(lobby.read(CONCERT) or {})}
    files = Counter(kind for item in stored() for kind in ("LIST", "PIECES") if f"#{kind}#" in str(item["pk"]))
    much = {many: "all" if many == FANS else "some" if many else "–" for many in range(FANS + 1)}
    return {
        "list": much[files["LIST"]],
        "bound": "yes" if "round" in found else "–",
        "pieces": much[files["PIECES"]],
        "drawn": "yes" if "drawnAt" in found else "–",
    }


@pytest.mark.parametrize(("status", "counted"), [("DRAWN", ["LobbyDrawn"]), ("OPEN", []), (None, [])])
def test_a_lobby_is_counted_when_it_is_drawn(
    monkeypatch: pytest.MonkeyPatch, status: str | None, counted: list[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr(drawing, "draw_lobby", lambda _: status)
    monkeypatch.setattr(observability.metrics, "add_metric", lambda name, *_, **__: told.append(name))

    assert call("draw_lobby", {"concertId": CONCERT}) == {"lobby": status or "NONE"}
    assert told == counted
