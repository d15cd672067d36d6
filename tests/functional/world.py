"""The world in which the events happen: published concerts, and whatever a `sample-…` in an event stands for."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from booking import cancellations, catalog, clock, halls, memory, payments, points, reservations, seats, tickets
from booking.audit_log import Actor
from booking.cancellations import OnBehalf
from booking.dynamodb import put, update, write
from booking.halls import Wish
from booking.layout import MAX_SECTION_SEATS, Hall, Row, Section
from booking.queue import drawing, items, line, lobby, place, tick, token
from booking.queue.token import Turn
from booking.settings import settings
from tests.handlers import event_text

USER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
CONCERT = "starfall-symphony"
PERFORMANCE = f"{CONCERT}.2036-05-10"
CLOSED = {"aurora-requiem": "SOLD_OUT", "silent-overture": "NO_DATES", "autumn-finale": "OVER"}
"""Concerts of which nothing can be had, and why."""
FAR = 10 * 365 * clock.DAY


def publish() -> None:
    """Publish a concert on sale, one not yet, one no more, one sold out, and one without dates."""
    now = clock.now()
    for concert_id, opens, closes in [
        (CONCERT, now - 60, now + FAR),
        ("winter-prelude", now + clock.DAY, now + FAR),
        ("autumn-finale", now - clock.DAY, now - 60),
        ("aurora-requiem", now - 60, now + FAR),
        ("silent-overture", now - 60, now + FAR),
    ]:
        facts = {"title": concert_id.title(), "artist": "An Orchestra", "venue": "A Hall", "description": "Music."}
        times = {"salesOpenAt": opens, "salesCloseAt": closes}
        dates = [] if concert_id == "silent-overture" else [{"startsAt": now + FAR, "timezone": "Asia/Seoul"}]
        concert = {"pk": "CONCERT", "sk": concert_id, "dates": dates, "priceFrom": 12000}
        write(put(settings().catalog_table, concert | facts | times))
        if dates:
            seats_total = 1 if concert_id == "aurora-requiem" else 50
            date = {"startsAt": now + FAR, "timezone": "Asia/Seoul", "price": 12000, "seatsTotal": seats_total}
            write(put(settings().catalog_table, {"pk": concert_id, "sk": "2036-05-10"} | date))
    sold = {"performanceId": "aurora-requiem.2036-05-10", "seatNumber": 1, "reservationId": "r", "userId": OTHER}
    write(put(settings().seats_table, sold | {"status": "SOLD"}))
    close("aurora-requiem")


def publish_date(label: str) -> None:
    """Publish one more date of the concert on sale, and let everybody into its queue."""
    date = {"startsAt": clock.now() + FAR, "timezone": "Asia/Seoul", "price": 12000, "seatsTotal": 50}
    write(put(settings().catalog_table, {"pk": CONCERT, "sk": label} | date))
    write(update(settings().queue_table, items.queue_key(CONCERT), "SET #capacity = :all", None, all=10_000))


def close(concert: str) -> None:
    """Note on a concert's queue that nothing is left, as the driver does."""
    write(put(settings().queue_table, items.queue_key(concert) | {"closed": CLOSED[concert]}))


def put_hall(version: str, seats: int, premium: int = 0) -> None:
    """Store a hall of sections of one row of up to 600; the first seats may be of a grade of their own."""
    names = ("premium", "standard") if premium else ("standard",)
    sections = []
    for first in range(1, seats + 1, MAX_SECTION_SEATS):
        numbers = range(first, min(seats, first + MAX_SECTION_SEATS - 1) + 1)
        xs, ys = tuple(50 * n for n in numbers), (first,) * len(numbers)
        grades = tuple("premium" if n <= premium else "standard" for n in numbers)
        row = Row("A", tuple(map(str, numbers)), xs, ys, grades, (len(numbers),))
        sections.append(Section(f"from-{first}", f"From {first}", first, (0, 0), (), (row,)))
    hall = Hall("hall", "A Hall", tuple({"gradeId": name, "name": name.title()} for name in names), tuple(sections))
    stored: dict[str, Any] = {"SUMMARY": {"summary": dict(hall.summary())}}
    stored |= {f"SECTION#{each.section_id}": {"layout": each.text()} for each in hall.sections}
    for name, item in stored.items():
        write(put(settings().catalog_table, {"pk": halls.partition(version), "sk": name} | item))


def enter(user: str, concert: str | None = None) -> place.Place:
    """Let a user in, to the one concert or another."""
    concert = concert or CONCERT
    joined, *_ = line.take_place(concert, user, clock.now())
    tick.tick(concert)
    return place.enter(joined.turn, clock.now())


def hold(user: str, seats: list[int], turn: Turn | None = None) -> str:
    """Let a user in and hold seats."""
    performance = catalog.find_performance(PERFORMANCE, clock.now())
    held = reservations.reserve(performance, seats, turn or enter(user).turn, clock.now())
    return str(held["reservationId"])


def _change(user: str, reservation: str, expression: str, **values: object) -> str:
    key = {"userId": user, "reservationId": reservation}
    write(update(settings().reservations_table, key, expression, None, **values))
    return reservation


def _pay(user: str, seat: int, *, confirmed: bool) -> payments.Payment:
    points.charge(user, 50_000, f"charge for {seat}", clock.now())
    payment = payments.start(user, hold(user, [seat]), f"payment for {seat}", clock.now()).payment
    if confirmed:
        payments.confirm_booking(payment, payments.use_points(payment, clock.now()), clock.now())
    else:  # young for minutes, so that no sweep brings it to its end before the event is used
        key = {"paymentId": payment["paymentId"]}
        write(update(settings().payments_table, key, "SET #openSince = :later", None, later=clock.now() + 240))
    return payment


def _waiting_token() -> str:
    queue = update(settings().queue_table, items.queue_key(CONCERT), "SET #capacity = :zero", None, zero=0)
    write(queue)
    return line.join(catalog.find_concert(CONCERT, clock.now()), USER, clock.now())[0]["token"]


def _four_seats_held() -> str:
    turn = enter(USER).turn
    hold(USER, [1, 2, 3, 4], turn)
    return token.sign(turn)


def _held_too_long() -> str:
    place = enter(USER)
    hold(USER, [1], place.turn)
    limit = {"userId": USER, "reservationId": f"limit#{PERFORMANCE}"}
    since = update(settings().reservations_table, limit, "SET #since = :then", None, then=clock.now() - 900)
    write(since)
    return token.sign(place.turn)


def _in_a_hall(seats: int, **facts: Any) -> None:
    """Put the date of the events in a hall of one row: the hall first, as when it is published."""
    put_hall(f"v{seats}", seats)
    date = {"pk": CONCERT, "sk": PERFORMANCE.split(".")[1]}
    facts |= {"hallVersion": f"v{seats}", "seatsTotal": seats}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in facts)
    write(update(settings().catalog_table, date, expression, None, **facts))
    memory.forget()


def _one_seat_left() -> str:
    _in_a_hall(2)
    hold(OTHER, [1])
    return token.sign(enter(USER).turn)


def _nobody_sits_alone() -> str:
    _in_a_hall(12, noSingleSeats=True)
    return token.sign(enter(USER).turn)


def _key_of_another_party() -> str:
    now = clock.now()
    performance, concert = catalog.find_performance(PERFORMANCE, now), catalog.find_concert(CONCERT, now)
    reservations.reserve_best(
        performance, concert, Wish(3, None, None, False), "a party of three", enter(USER).turn, now
    )
    return "a party of three"


def _seat_13_taken() -> str:
    hold(OTHER, [13])
    return token.sign(enter(USER).turn)


def _being_undone() -> payments.Payment:
    payment = _pay(USER, 9, confirmed=False)
    payments.unlock_hold(payment, [], {"code": "TEMPORARILY_UNAVAILABLE"}, clock.now())
    return payment


def _reservation_beyond_the_balance() -> str:
    points.charge(USER, 11_999, "not enough", clock.now())
    return hold(USER, [9])


def _almost_at_the_limit() -> str:
    for tenth in range(10):
        points.charge(USER, 999_999, f"charge {tenth}", clock.now())
    return "one more"


def _released() -> str:
    reservation = hold(USER, [9])
    reservations.release(USER, reservation, clock.now())
    return reservation


def _used_key() -> str:
    points.charge(USER, 7, "a key of another request", clock.now())
    return "a key of another request"


def _key_of_another_payment() -> str:
    points.charge(USER, 50_000, "charge", clock.now())
    payments.start(USER, hold(USER, [8]), "a key of another payment", clock.now())
    return "a key of another payment"


def bought(user: str, seat: int) -> str:
    """Buy a seat and return the reservation's id."""
    return str(_pay(user, seat, confirmed=True)["reservationId"])


def _code_of_a_ticket() -> str:
    (ticket,) = tickets.of_reservation(reservations.find(USER, bought(USER, 9)))
    return tickets.code_of(ticket)


def _a_token_of(concert: str) -> str:
    """Sign a place that is over: no other event's place has its number."""
    close(concert)
    return token.sign(Turn(concert, USER, 1_000_000, active=False, expires_at=clock.now() + 60))


def _key_of_another_cancellation() -> str:
    other = _pay(USER, 8, confirmed=True)["reservationId"]
    cancellations.cancel(USER, other, None, 12_000, "a key of another cancellation", clock.now())
    return "a key of another cancellation"


def _key_of_another_cancellation_by_an_organiser() -> str:
    other = _pay(USER, 8, confirmed=True)["reservationId"]
    behalf = OnBehalf(Actor(USER, "minji"), "The fan is ill.")
    cancellations.cancel(USER, other, None, 12_000, "a key of an organiser", clock.now(), behalf)
    return "a key of an organiser"


def _call_off() -> None:
    key = dict(zip(("pk", "sk"), PERFORMANCE.split("."), strict=True))
    write(update(settings().catalog_table, key, "SET #cancelled = :yes", None, yes=True))
    memory.forget()


def _date_called_off() -> str:
    paid = str(_pay(USER, 9, confirmed=True)["reservationId"])
    _call_off()
    return paid


def _token_of_a_date_called_off() -> str:
    entered = enter(USER)
    _call_off()
    return token.sign(entered.turn)


def _held_of_a_date_called_off() -> str:
    points.charge(USER, 50_000, "enough", clock.now())
    held = hold(USER, [9])
    _call_off()
    write(seats.seal(PERFORMANCE, 9))
    return held


def concert_with_a_lobby(*, closed: bool) -> str:
    """Publish a concert whose lobby is open, or closed and to be drawn, with a fan in it."""
    now = clock.now()
    opened, opens = (now - clock.DAY, now - 60) if closed else (now - 60, now + clock.DAY)
    facts = {"title": "First Light", "artist": "An Orchestra", "venue": "A Hall", "description": "Music."}
    times = {"lobbyOpensAt": opened, "salesOpenAt": opens, "salesCloseAt": now + FAR}
    dates = [{"startsAt": now + FAR, "timezone": "Asia/Seoul"}]
    write(put(settings().catalog_table, {"pk": "CONCERT", "sk": "first-light", "dates": dates, **facts, **times}))
    memory.forget()
    lobby.enter(catalog.find_concert("first-light", now), USER, opened + 1, now=lambda: opened + 1)
    return "first-light"


def _root_of_a_draw() -> str:
    """Draw a lobby with entries until one is in the first part of the list; return the root of the list."""
    concert_id = concert_with_a_lobby(closed=True)
    concert, opened = catalog.find_concert(concert_id, clock.now()), clock.now() - clock.DAY + 1
    found = lobby.ensure_open(concert, clock.now())
    fan = next(str(number) for number in range(10_000) if lobby.entry_of(found, str(number)).startswith("00"))
    lobby.enter(concert, fan, opened, now=lambda: opened)
    drawing.draw_lobby(concert_id)
    memory.forget()
    return str(lobby.published(concert, clock.now())["entriesRoot"])


GIVEN: dict[str, Callable[[], str]] = {
    "key of another cancellation": _key_of_another_cancellation,
    "key of another cancellation by an organiser": _key_of_another_cancellation_by_an_organiser,
    "reservation of a date called off": _date_called_off,
    "held reservation of a date called off": _held_of_a_date_called_off,
    "active token, date called off": _token_of_a_date_called_off,
    "waiting token": _waiting_token,
    "active token": lambda: token.sign(enter(USER).turn),
    "active token of winter-prelude": lambda: token.sign(enter(USER, "winter-prelude").turn),
    "active token of autumn-finale": lambda: token.sign(enter(USER, "autumn-finale").turn),
    "active token, four seats held": _four_seats_held,
    "active token, held too long": _held_too_long,
    "active token, one seat left": _one_seat_left,
    "active token, nobody sits alone": _nobody_sits_alone,
    "key of another party": _key_of_another_party,
    "active token, seat 13 taken": _seat_13_taken,
    **{f"waiting token of {concert}": functools.partial(_a_token_of, concert) for concert in CLOSED},
    "token of another user": lambda: token.sign(enter(OTHER).turn),
    "token of another concert": lambda: token.sign(enter(USER, "silent-overture").turn),
    "expired token": lambda: token.sign(Turn(CONCERT, USER, 1, active=True, expires_at=clock.now() - 1)),
    "code of a ticket": _code_of_a_ticket,
    "concert with a lobby": lambda: concert_with_a_lobby(closed=False),
    "concert to be drawn": lambda: concert_with_a_lobby(closed=True),
    "root of a draw": _root_of_a_draw,
    "held reservation": lambda: hold(USER, [9]),
    "reservation of another user": lambda: hold(OTHER, [9]),
    "reservation being paid": lambda: str(_pay(USER, 9, confirmed=False)["reservationId"]),
    "paid reservation": lambda: str(_pay(USER, 9, confirmed=True)["reservationId"]),
    "expired reservation": lambda: _change(USER, hold(USER, [9]), "SET #expiresAt = :then", then=clock.now() - 1),
    "released reservation": _released,
    "reservation beyond the balance": _reservation_beyond_the_balance,
    "key of another request": _used_key,
    "key, almost at the limit": _almost_at_the_limit,
    "key of another payment": _key_of_another_payment,
    "payment of another user": lambda: str(_pay(OTHER, 9, confirmed=True)["paymentId"]),
}
"""How to make true what an event speaks of."""


PAYMENTS: dict[str, Callable[[], payments.Payment]] = {
    "payment": lambda: _pay(USER, 9, confirmed=False),
    "payment being undone": _being_undone,
}
"""Payments that an event can name beside their reservations."""


def _pays(function: str) -> Callable[[], Any]:
    return lambda: points.charge(USER, 50_000, f"enough for {function}", clock.now())


def _left_a_moment_ago() -> None:
    """Join and leave by a clock that is minutes ahead, so that for minutes joining again is told to wait."""
    joined = line.join(catalog.find_concert(CONCERT, clock.now()), USER, clock.now())[0]
    line.leave(CONCERT, USER, joined["token"], clock.now() + 240)


BEFORE: dict[tuple[str, str], Callable[[], Any]] = {
    ("clear_seats", "range"): _call_off,
    ("use_points", "ok"): _pays("using"),
    ("start_payment", "ok"): _pays("paying"),
    ("issue_queue_token", "rate_limited"): _left_a_moment_ago,
}
"""What has to have happened before an event although the event does not name it."""


def sample(name: str) -> str:
    """Return what stands in an event for something that only a living stack has, such as `sample-held-reservation`."""
    return f"sample-{re.sub('[^a-z0-9]+', '-', name)}"


def fill_in(text: str) -> str:
    """Make everything that an event speaks of, and put it in its place."""
    made: dict[str, str] = {}
    for name, start in PAYMENTS.items():
        if re.search(rf"{sample(name)}\b(?!-)", text):
            payment = start()
            made = {sample(name): payment["paymentId"], sample("reservation being paid"): payment["reservationId"]}
    make = {sample(name): each for name, each in GIVEN.items()}
    for found in dict.fromkeys(re.findall(r"sample-[a-z0-9-]+", text)):
        if found not in made:
            made[found] = make[found]()
    return re.sub(r"sample-[a-z0-9-]+", lambda match: made[match[0]], text)


def read_event(function: str, case: str) -> dict[str, Any]:
    """Read an event, with everything in it alive and done that it takes."""
    BEFORE.get((function, case), lambda: None)()
    event: dict[str, Any] = json.loads(fill_in(event_text(function, case)))
    return event
