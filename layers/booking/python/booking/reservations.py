"""Reservations: seats kept for one user until a deadline, and what became of them.

Item: `userId, reservationId` (the owner is in the key, so another user's cannot even be read), `concertId,
performanceId, seatNumbers, amount` (the price when they were held), `status`, `expiresAt` (the deadline of the hold; it
never moves), `createdAt`, `name` (that its owner signs in with), `turn` (the number of the queue token that it was made
with), `paymentId` while a payment runs or once it is paid, `lockedUntil` while a payment runs, and `undoing`, the last
payment that was or is being undone. It is kept for ever; its status says HELD after the deadline too, and is shown as
EXPIRED by the clock; EXPIRED is written only to make room in the user's limit.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from booking import catalog, clock, halls, ids, limits, seats
from booking.catalog import DEFAULT_FEES, Concert, FeePolicy, Performance
from booking.cursors import not_a_cursor
from booking.dynamodb import (
    Item,
    Key,
    TransactionRefused,
    Write,
    attempts,
    get,
    get_many,
    put,
    query,
    query_all,
    transact,
    update,
)
from booking.errors import (
    HeldTooLong,
    IdempotencyKeyReused,
    PaymentInProgress,
    PerformanceCancelled,
    PerformanceNotFound,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotHeld,
    SeatLimitExceeded,
    SeatTaken,
    TemporarilyUnavailable,
    ValidationFailed,
)
from booking.halls import Placed, Wish
from booking.limits import PAID, Limit
from booking.queue import line, place
from booking.queue.token import Turn
from booking.seats import Seat
from booking.settings import settings

KEY_CLOCKS_DIFFER_SECONDS = 60
"""By how much the clock that made a key's reservation may have been ahead of this one."""
FIRST_SEAT = 3
"""The position of the first seat in the transaction that holds: before it are token, limit and reservation."""


class Terms(TypedDict):
    """What a booking was sold on: the start (epoch seconds) and its zone, and what cancelling costs."""

    startsAt: int
    timezone: str
    fees: FeePolicy


class PricedSeat(TypedDict):
    """A seat as it is printed on the chair, and what it cost when it was held."""

    seatNumber: int
    row: str
    label: str
    gradeId: str
    price: int


class Reservation(TypedDict):
    """Seats kept for one user, and what became of them. Times are epoch seconds; see the module."""

    userId: str
    reservationId: str
    concertId: str
    performanceId: str
    seatNumbers: list[int]
    amount: int
    status: Literal["HELD", "CONFIRMED", "EXPIRED", "RELEASED", "CANCELLED"]
    expiresAt: int
    createdAt: int
    turn: int
    paymentId: NotRequired[str]
    lockedUntil: NotRequired[int]
    confirmedAt: NotRequired[int]
    releasedAt: NotRequired[int]
    undoing: NotRequired[str]
    terms: NotRequired[Terms]
    cancelledSeatNumbers: NotRequired[list[int]]
    refunded: NotRequired[int]
    cancelledAt: NotRequired[int]
    seats: NotRequired[list[PricedSeat]]
    together: NotRequired[bool]
    request: NotRequired[str]
    cancelledBy: NotRequired[Literal["FAN", "ORGANISER"]]
    name: NotRequired[str]


def reserve(
    performance: Performance,
    seat_numbers: list[int],
    turn: Turn,
    at: int,
    *,
    accessible: bool = False,
    booked_by: str | None = None,
) -> Reservation:
    """Hold all of these seats for the user, or none of them.

    Safe to repeat: asking again for the seats of one's own living hold returns that hold. One transaction takes the
    seats, writes the reservation and counts it in the user's limit, while the queue token is ACTIVE.

    A transaction becomes visible item by item, so what looks like somebody's may be half of one's own request, sent
    twice: that is looked at again, and never told as a refusal.

    Raises:
        ValidationFailed: a seat that this performance does not have, or one that is kept for others.
        QueueTokenExpired, QueueTokenNotActive: it is not this user's turn.
        SeatTaken: with every seat that is not free; nothing was held.
        LeavesSingleSeat: with the seat that would be left alone; nothing was held.
        HeldTooLong, SeatLimitExceeded: nothing was held.

    """
    wanted = sorted(seat_numbers)
    if wanted[-1] > performance["seatsTotal"]:
        message = f"must be from 1 to {performance['seatsTotal']}"
        raise ValidationFailed(errors=[{"field": "seatNumbers", "message": message}])
    picked = halls.place(performance, wanted, at)
    if "hallVersion" in performance:
        _search().ensure_not_kept(performance, picked, at, accessible=accessible)
    performance_id = catalog.performance_id(performance)
    for _ in attempts():
        line.book(turn, at)
        limit = limits.read(turn.user_id, performance_id)
        taken = seats.read_taken_among(performance_id, wanted, at)
        _ensure_nobody_elses(taken, turn.user_id, at)
        mine = {seat["reservationId"] for seat in taken} | _alike(limit, wanted, at)
        if mine:
            if (held := _find_held(turn.user_id, mine, wanted, taken, at)) is not None:
                return held
            continue
        if performance.get("noSingleSeats"):
            _search().ensure_nobody_alone(performance, picked, at)
        ended = _make_room(limit, len(wanted), at)
        if ended is None:
            continue
        name = ids.reservation_id(turn.user_id, performance_id, wanted, turn.number, limit["revision"], at)
        outcome = write_hold(_new(performance, picked, name, turn, limit, booked_by, at), turn, limit, ended)
        if not isinstance(outcome, list):
            return outcome
        _ensure_nobody_elses(outcome, turn.user_id, at)
    raise TemporarilyUnavailable


def reserve_best(
    performance: Performance,
    concert: Concert,
    wish: Wish,
    key: str,
    turn: Turn,
    at: int,
    *,
    booked_by: str | None = None,
) -> tuple[Reservation, bool]:
    """Choose the best seats that are free and hold them, in one; return the reservation and whether it was there.

    Safe to repeat with the same key: the reservation's id comes from it, so a repeated request finds the first one's.

    Raises:
        ValidationFailed: a grade or section that the hall does not have.
        IdempotencyKeyReused: the key was used for another wish.
        QueueTokenExpired, QueueTokenNotActive: it is not this user's turn.
        NotEnoughSeats, HeldTooLong, SeatLimitExceeded: nothing was held.

    """
    performance_id = catalog.performance_id(performance)
    name = ids.reservation_id_of_key(turn.user_id, key, at)
    asked = ids.digest(performance_id, *wish)
    looking = _search().Search(performance, concert, wish, ids.of_key(name), at)
    for _ in attempts():
        line.book(turn, at)
        limit = limits.read(turn.user_id, performance_id)
        if known := [each for each in limit["holds"] if ids.of_key(each) == ids.of_key(name)]:
            if (found := _get(turn.user_id, known[0])) is not None:
                return _same_request(found, asked), True
            continue
        ended = _make_room(limit, wish.quantity, at)
        if ended is None:
            continue
        choice = looking.choose()
        picked = halls.place(performance, list(choice.seats), at)
        item = _new(performance, picked, name, turn, limit, booked_by, at)
        item["request"] = asked
        held = write_hold(item, turn, limit, ended)
        if not isinstance(held, list):
            return held, False
        looking.lose([seat["seatNumber"] for seat in held if seat["userId"] != turn.user_id])
    raise TemporarilyUnavailable


def find_by_key(user_id: str, key: str, performance_id: str, wish: Wish, at: int) -> Reservation | None:
    """Return the reservation that this key has made in the last day, if it has made one.

    Raises:
        IdempotencyKeyReused: for another wish.

    """
    name = ids.reservation_id_of_key(user_id, key, at)
    made = query_all(
        settings().reservations_table,
        "#userId = :user AND #reservationId BETWEEN :first AND :last",
        user=user_id,
        first=ids.reservation_id_of_key(user_id, key, at - clock.DAY),
        last=ids.reservation_id_of_key(user_id, key, at + KEY_CLOCKS_DIFFER_SECONDS),
    )
    for found in cast(list[Reservation], made):
        if ids.of_key(found["reservationId"]) == ids.of_key(name):
            return _same_request(found, ids.digest(performance_id, *wish))
    return None


def _same_request(found: Reservation, asked: str) -> Reservation:
    if found.get("request") != asked:
        raise IdempotencyKeyReused
    return found


def _search() -> Any:
    from booking import search  # noqa: PLC0415 - who picks seats of a small date is spared the import

    return search


def _ensure_nobody_elses(taken: list[Seat], user_id: str, at: int) -> None:
    if any(seat["userId"] != user_id or seats.is_sealed(seat) for seat in taken):
        raise _seat_taken(taken, at)


def _seat_taken(lost: list[Seat], at: int, detail: str | None = None) -> SeatTaken:
    held = any(seat["status"] == "HELD" for seat in lost)
    sold = any(seat["status"] == "SOLD" for seat in lost)
    if any(seats.is_sealed(seat) for seat in lost):
        raise PerformanceCancelled
    told: dict[str, Any] = {"seats": seats.refusal(lost), "serverTime": clock.rfc3339(at)}
    return SeatTaken(detail, retryable=held and not sold, **told)


def _alike(limit: Limit, wanted: list[int], at: int) -> set[str]:
    """Name the user's holds of exactly these seats whose time is not over."""
    return {name for name, kept in limit["holds"].items() if kept["seats"] == wanted and kept["until"] > at}


def _find_held(user_id: str, names: set[str], wanted: list[int], taken: list[Seat], at: int) -> Reservation | None:
    """Return the user's own hold of exactly these seats, or None while it cannot be told what becomes of it.

    Raises:
        SeatTaken: the seats are the user's, but not as such a hold.

    """
    for name in names:
        found = _get(user_id, name)
        if found is None or status(found, at) not in {"HELD", "CONFIRMED"}:
            return None
        if (status(found, at), found["seatNumbers"]) == ("HELD", wanted):
            return found
    if not taken:
        return None
    raise _seat_taken(taken, at, "You hold or own a seat of these already.")


def _make_room(limit: Limit, wanted: int, at: int) -> list[Write] | None:
    """Check that the user may hold so many seats more, and for how long; return the writes that this takes.

    What the limit counts is looked at closer only when something depends on it. A hold whose time is over leaves it
    together with the write that ends the reservation, so that a payment that is about to lock it finds it ended, or
    has locked it before and is counted. Whoever has paid since they began to hold begins anew. None: look again, for
    what was read does not belong together.

    Raises:
        HeldTooLong: with the time from which seats can be held again.
        SeatLimitExceeded: they have too many.

    """
    most, ended = settings().max_seats_per_user, []
    crowded = limits.count(limit) + wanted > most
    if crowded or limits.deadline(limit, at) < at + settings().hold_seconds:
        for name, kept in list(limit["holds"].items()):
            if kept["until"] == PAID:
                continue
            found = _get(limit["userId"], name)
            if found is None or found["status"] not in {"HELD", "CONFIRMED"}:
                return None
            if found["status"] == "CONFIRMED":
                kept["until"] = PAID
                if found["confirmedAt"] >= limit["since"]:
                    limit["heldUntil"] = 0
            elif crowded and "paymentId" not in found and found["expiresAt"] <= at:
                del limit["holds"][name]
                ended.append(expire(found, at))
    if limits.deadline(limit, at) <= at:
        again_at = limits.again_at(limit)
        times = {"holdAgainAt": clock.rfc3339(again_at), "serverTime": clock.rfc3339(at)}
        raise HeldTooLong(retry_after=again_at - at, **times)
    if limits.count(limit) + wanted > most:
        raise SeatLimitExceeded(limit=most)
    return ended


def _new(
    performance: Performance,
    picked: list[Placed],
    name: str,
    turn: Turn,
    limit: Limit,
    booked_by: str | None,
    at: int,
) -> Reservation:
    priced: list[PricedSeat] = [
        {
            "seatNumber": seat["seatNumber"],
            "row": seat["row"],
            "label": seat["label"],
            "gradeId": seat["gradeId"],
            "price": catalog.price_of(performance, seat["gradeId"]),
        }
        for _, seat in picked
    ]
    item: Reservation = {
        "userId": turn.user_id,
        "reservationId": name,
        "concertId": performance["pk"],
        "performanceId": catalog.performance_id(performance),
        "seatNumbers": [seat["seatNumber"] for seat in priced],
        "amount": sum(seat["price"] for seat in priced),
        "status": "HELD",
        "expiresAt": limits.deadline(limit, at),
        "createdAt": at,
        "turn": turn.number,
        "terms": terms_of(performance),
        "together": halls.are_together(picked),
    }
    if "hallVersion" in performance:
        item["seats"] = priced
    if booked_by is not None:
        item["name"] = booked_by
    return item


def terms_of(performance: Performance) -> Terms:
    """Return what seats of a performance are sold on now."""
    return {
        "startsAt": performance["startsAt"],
        "timezone": performance["timezone"],
        "fees": performance.get("fees", DEFAULT_FEES),
    }


def write_hold(item: Reservation, turn: Turn, limit: Limit, ended: list[Write]) -> Reservation | list[Seat]:
    """Write a hold and return it; or the seats that are somebody's, none when something else has changed meanwhile."""
    name, at, until = item["reservationId"], item["createdAt"], item["expiresAt"]
    owner = {"reservation_id": name, "user_id": item["userId"]}
    try:
        transact(
            place.use(turn, at),
            limits.add(limit, name, {"seats": item["seatNumbers"], "until": until}, at),
            put(settings().reservations_table, item, "attribute_not_exists(#reservationId)"),
            *(seats.hold(item["performanceId"], number, **owner, at=at, until=until) for number in item["seatNumbers"]),
            *ended,
        )
    except TransactionRefused as refused:
        found = cast(Reservation | None, refused.refusals.get(FIRST_SEAT - 1))
        if found is not None and (found["seatNumbers"], found["createdAt"], found["status"]) == (
            item["seatNumbers"],
            at,
            "HELD",
        ):
            return found  # this very request has been here before
        last = FIRST_SEAT + len(item["seatNumbers"])
        lost = [seat for position, seat in refused.refusals.items() if FIRST_SEAT <= position < last and seat]
        return cast(list[Seat], lost)
    return item


def _get(user_id: str, reservation_id: str) -> Reservation | None:
    key = {"userId": user_id, "reservationId": reservation_id}
    return cast(Reservation | None, get(settings().reservations_table, key))


def find(user_id: str, reservation_id: str) -> Reservation:
    """Read one reservation of this user.

    Raises:
        ReservationNotFound: there is none, or it is another user's.

    """
    item = _get(user_id, reservation_id) if re.fullmatch(ids.RESERVATION, reservation_id) else None
    if item is None:
        raise ReservationNotFound
    return item


def list_of(user_id: str, limit: int, after: str | None) -> tuple[list[Reservation], Item | None]:
    """Return one page of a user's reservations, newest first, and the key to go on from.

    Raises:
        ValidationFailed: `after` is not a reservation's id.

    """
    if after is not None and not re.fullmatch(ids.RESERVATION, after):
        raise not_a_cursor()
    page = query(
        settings().reservations_table,
        "#userId = :user AND begins_with(#reservationId, :first)",
        forward=False,
        limit=limit,
        start={"userId": user_id, "reservationId": after} if after else None,
        user=user_id,
        first="r",
    )
    return cast(list[Reservation], page.items), page.last_key


def status(item: Reservation, at: int) -> str:
    """Tell a reservation's status by the clock. A hold that is being paid for lives until its payment has ended."""
    if item["status"] == "HELD" and max(item["expiresAt"], item.get("lockedUntil", 0)) <= at:
        return "EXPIRED"
    return item["status"]


def release(user_id: str, reservation_id: str, at: int) -> None:
    """Free the seats of a living hold at once. Safe to repeat.

    Raises:
        ReservationNotFound: as `find`.
        PaymentInProgress: it is being paid for.
        ReservationExpired: its time is over; whoever has the seats now keeps them.
        ReservationNotHeld: it is paid for.
        PerformanceCancelled: the organiser has called the date off, and the seats are closed.

    """
    for _ in attempts():
        item = find(user_id, reservation_id)
        if item["status"] == "RELEASED":
            return
        if item["status"] in {"CONFIRMED", "CANCELLED"}:
            raise ReservationNotHeld(paymentId=item.get("paymentId"))
        if "paymentId" in item:
            raise PaymentInProgress(paymentId=item["paymentId"])
        if item["status"] == "EXPIRED" or item["expiresAt"] <= at:
            raise ReservationExpired
        try:
            transact(
                update(
                    settings().reservations_table,
                    key(item),
                    "SET #status = :released, #releasedAt = :at",
                    "#status = :held AND #expiresAt > :at AND attribute_not_exists(#paymentId)",
                    released="RELEASED",
                    held="HELD",
                    at=at,
                ),
                *(seats.release(item["performanceId"], number, reservation_id) for number in item["seatNumbers"]),
                limits.take_out(user_id, item["performanceId"], reservation_id),
            )
        except TransactionRefused as refused:
            if any(seats.is_sealed(seat) for seat in refused.refusals.values()):
                raise PerformanceCancelled from refused
            if 0 not in refused.refusals and not refused.contended:
                raise ReservationExpired from refused
        else:
            return
    raise TemporarilyUnavailable


def key(item: Key) -> dict[str, str]:
    """Return the key of a reservation, or of whatever carries its owner and id."""
    return {"userId": item["userId"], "reservationId": item["reservationId"]}


def expire(item: Reservation, at: int) -> Write:
    """End a hold for good whose time is over; not one that a payment has locked."""
    return update(
        settings().reservations_table,
        key(item),
        "SET #status = :expired",
        "#status = :held AND #expiresAt <= :at AND attribute_not_exists(#paymentId)",
        expired="EXPIRED",
        held="HELD",
        at=at,
    )


def lock(item: Key, payment_id: str, *, until: int, at: int) -> Write:
    """Keep a hold from running out while it is paid for; only while it lives, and for one payment at a time."""
    return update(
        settings().reservations_table,
        key(item),
        "SET #paymentId = :payment, #lockedUntil = :until",
        "#status = :held AND #expiresAt > :at AND attribute_not_exists(#paymentId)",
        payment=payment_id,
        until=until,
        held="HELD",
        at=at,
    )


def unlock(item: Key, payment_id: str) -> Write:
    """Let a hold go back to its own deadline after this payment has failed."""
    return update(
        settings().reservations_table,
        key(item),
        "SET #undoing = :payment REMOVE #paymentId, #lockedUntil",
        "#status = :held AND #paymentId = :payment",
        held="HELD",
        payment=payment_id,
    )


def confirm(item: Key, payment_id: str, at: int) -> Write:
    """Make a hold that this payment has locked a booking."""
    return update(
        settings().reservations_table,
        key(item),
        "SET #status = :confirmed, #confirmedAt = :at REMOVE #lockedUntil",
        "#status = :held AND #paymentId = :payment",
        confirmed="CONFIRMED",
        held="HELD",
        payment=payment_id,
        at=at,
    )


def cancel(item: Reservation, seat_numbers: list[int], refund: int, by: Literal["FAN", "ORGANISER"], at: int) -> Write:
    """Note seats of a booking as cancelled, and what is given back for them; with its last seat all of it is.

    Only if no other cancellation has changed it since it was read.
    """
    before = item.get("cancelledSeatNumbers")
    cancelled = sorted([*(before or []), *seat_numbers])
    whole = cancelled == sorted(item["seatNumbers"])
    return update(
        settings().reservations_table,
        key(item),
        "SET #cancelledSeatNumbers = :cancelled, #refunded = :refunded, #cancelledAt = :at, #cancelledBy = :by"
        + (", #status = :over" if whole else ""),
        "#status = :confirmed AND "
        + ("#cancelledSeatNumbers = :before" if before else "attribute_not_exists(#cancelledSeatNumbers)"),
        cancelled=cancelled,
        refunded=item.get("refunded", 0) + refund,
        by=by,
        at=at,
        confirmed="CONFIRMED",
        **({"over": "CANCELLED"} if whole else {}),
        **({"before": before} if before else {}),
    )


def seats_left(item: Reservation) -> list[int]:
    """Return the seats that were not cancelled."""
    cancelled = item.get("cancelledSeatNumbers", [])
    return [number for number in item["seatNumbers"] if number not in cancelled]


def prices(item: Reservation) -> dict[int, int]:
    """Return what was paid for each seat."""
    each = item["amount"] // len(item["seatNumbers"])
    graded = {seat["seatNumber"]: seat["price"] for seat in item.get("seats", [])}
    return graded or dict.fromkeys(item["seatNumbers"], each)


def read_many(owners: Iterable[tuple[str, str]]) -> list[Reservation]:
    """Read reservations by owner and id, each once; a moment old, and in any order."""
    keys = [{"userId": user_id, "reservationId": name} for user_id, name in sorted(set(owners))]
    return cast(list[Reservation], get_many(settings().reservations_table, keys))


def prices_of(sold: Sequence[Seat]) -> dict[int, int]:
    """Return what was paid for each of these seats, which were sold. Older ones say so only in their reservation."""
    known = {seat["seatNumber"]: seat["price"] for seat in sold if "price" in seat}
    older = {(seat["userId"], str(seats.buyer(seat))) for seat in sold if "price" not in seat}
    for item in read_many(older):
        known |= {number: price for number, price in prices(item).items() if number not in known}
    return {seat["seatNumber"]: known.get(seat["seatNumber"], 0) for seat in sold}


def priced_seats(item: Reservation) -> list[PricedSeat]:
    """Return the seats of a reservation as they are printed on the chairs; without a hall, their numbers are."""
    plain: list[PricedSeat] = [
        {"seatNumber": number, "row": "", "label": str(number), "gradeId": halls.STANDARD, "price": price}
        for number, price in prices(item).items()
    ]
    return item.get("seats", plain)


def view(item: Reservation, at: int) -> dict[str, Any]:
    """Show a reservation to its owner. A hold of a date that was called off shows as cancelled until its deadline."""
    if _is_called_off(item, at):
        item = {**item, "status": "CANCELLED", "cancelledSeatNumbers": item["seatNumbers"], "cancelledBy": "ORGANISER"}
    listed = ("reservationId", "concertId", "performanceId", "seatNumbers", "amount")
    shown = {name: value for name, value in item.items() if name in listed}
    shown |= {"status": status(item, at), "expiresAt": clock.rfc3339(item["expiresAt"])}
    shown["createdAt"] = clock.rfc3339(item["createdAt"])
    shown["cancelledSeatNumbers"] = item.get("cancelledSeatNumbers", [])
    if "cancelledBy" in item:
        shown["cancelledBy"] = item["cancelledBy"]
    shown["refunded"] = item.get("refunded", 0)
    shown["seats"] = priced_seats(item)
    shown["together"] = item.get("together", len(item["seatNumbers"]) == 1)
    if "paymentId" in item:
        shown["paymentId"] = item["paymentId"]
    return shown | {"serverTime": clock.rfc3339(at)}


def _is_called_off(item: Reservation, at: int) -> bool:
    """Tell whether a living hold, which no payment has locked, is of a date that was called off."""
    if status(item, at) != "HELD" or "paymentId" in item:
        return False
    try:
        return bool(catalog.find_performance(item["performanceId"], at).get("cancelled"))
    except PerformanceNotFound:
        return False
