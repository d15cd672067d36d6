"""Reservations: seats kept for one user until a deadline, and what became of them.

Item: `userId, reservationId` (the owner is in the key, so another user's cannot even be read), `concertId,
performanceId, seatNumbers, amount` (the price when they were held), `status`, `expiresAt` (the deadline of the hold; it
never moves), `createdAt`, `turn` (the number of the queue token that it was made with), `paymentId` while a payment
runs or once it is paid, `lockedUntil` while a payment runs, and `undoing`, the last payment that was or is being
undone. It is kept for ever; its status says HELD after the deadline too, and is shown as EXPIRED by the clock.
"""

from typing import Any

from booking import catalog, clock, ids, seats
from booking.catalog import Performance
from booking.dynamodb import Item, Key, TransactionRefused, Write, attempts, get, put, query, transact, update
from booking.errors import (
    PaymentInProgress,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotHeld,
    SeatLimitExceeded,
    SeatTaken,
    TemporarilyUnavailable,
    ValidationFailed,
)
from booking.queue import line, place
from booking.queue.token import Turn
from booking.settings import settings

RESERVE_ATTEMPTS = 5


def reserve(performance: Performance, seat_numbers: list[int], turn: Turn, at: int) -> Item:
    """Hold all of these seats for the user, or none of them.

    Safe to repeat: asking again for the seats of one's own living hold gives that hold. One transaction takes the
    seats, writes the reservation and counts up the revision of the user's queue token; the last makes the limit exact
    under the same user's own parallel requests.

    Raises:
        ValidationFailed: a seat that this performance does not have.
        QueueTokenExpired, QueueTokenNotActive: it is not this user's turn.
        SeatTaken: with every seat that is not free; nothing was held.
        SeatLimitExceeded: nothing was held.

    """
    wanted = sorted(seat_numbers)
    if wanted[-1] > performance["seatsTotal"]:
        message = f"must be from 1 to {performance['seatsTotal']}"
        raise ValidationFailed(errors=[{"field": "seatNumbers", "message": message}])
    performance_id = catalog.performance_id(performance)
    for _ in range(RESERVE_ATTEMPTS):
        revision = line.book(turn, at)
        taken = seats.read_taken(performance_id, at, consistent=True)
        if held := _own_hold(taken, wanted, turn.user_id):
            return find(turn.user_id, held)
        if lost := [seat for seat in taken if seat["seatNumber"] in wanted]:
            raise _seat_taken(lost)
        own = sum(seat["userId"] == turn.user_id for seat in taken)
        if own + len(wanted) > settings().max_seats_per_user:
            raise SeatLimitExceeded(limit=settings().max_seats_per_user)
        item = _new(performance, wanted, turn, revision, at)
        try:
            transact(
                place.use(turn, revision, at),
                put(settings().reservations_table, item, "attribute_not_exists(#reservationId)"),
                *(
                    seats.hold(
                        performance_id,
                        number,
                        reservation_id=item["reservationId"],
                        user_id=turn.user_id,
                        at=at,
                        until=item["expiresAt"],
                    )
                    for number in wanted
                ),
            )
        except TransactionRefused as refused:
            found = refused.refusals.get(1)
            if found is not None and _is_ours(found, item):
                return found
            lost = [seat for position, seat in refused.refusals.items() if position > 1 and seat is not None]
            if any(seat["userId"] != turn.user_id for seat in lost):  # one's own earlier request is read again
                raise _seat_taken(lost) from refused
        else:
            return item
    raise TemporarilyUnavailable


def _is_ours(found: Item, item: Item) -> bool:
    """Tell whether a reservation that is there already is the one that this very request made."""
    return bool(found["seatNumbers"] == item["seatNumbers"] and found["createdAt"] == item["createdAt"])


def _new(performance: Performance, wanted: list[int], turn: Turn, revision: int, at: int) -> Item:
    performance_id = catalog.performance_id(performance)
    return {
        "userId": turn.user_id,
        "reservationId": ids.reservation_id(turn.user_id, performance_id, wanted, turn.number, revision, at),
        "concertId": performance["pk"],
        "performanceId": performance_id,
        "seatNumbers": wanted,
        "amount": performance["price"] * len(wanted),
        "status": "HELD",
        "expiresAt": at + settings().hold_seconds,
        "createdAt": at,
        "turn": turn.number,
    }


def _own_hold(taken: list[Item], wanted: list[int], user_id: str) -> str | None:
    """Give the id of the user's hold of exactly these seats, if there is one."""
    holders = {seat["reservationId"] for seat in taken if seat["seatNumber"] in wanted and seat["userId"] == user_id}
    if len(holders) != 1:
        return None
    holder: str = holders.pop()
    held = [seat for seat in taken if seat["reservationId"] == holder]
    exact = sorted(seat["seatNumber"] for seat in held) == wanted
    return holder if exact and all(seat["status"] == "HELD" for seat in held) else None


def _seat_taken(lost: list[Item]) -> SeatTaken:
    held = any(seat["status"] == "HELD" for seat in lost)
    sold = any(seat["status"] == "SOLD" for seat in lost)
    return SeatTaken(seats=seats.refusal(lost), retryable=held and not sold)


def find(user_id: str, reservation_id: str) -> Item:
    """Read one reservation of this user.

    Raises:
        ReservationNotFound: there is none, or it is another user's.

    """
    item = None
    if 0 < len(reservation_id) <= 64:
        item = get(settings().reservations_table, {"userId": user_id, "reservationId": reservation_id})
    if item is None:
        raise ReservationNotFound
    return item


def list_of(user_id: str, limit: int, after: str | None) -> tuple[list[Item], Item | None]:
    """Give one page of a user's reservations, newest first, and the key to go on from."""
    page = query(
        settings().reservations_table,
        "#userId = :user",
        forward=False,
        limit=limit,
        start={"userId": user_id, "reservationId": after} if after else None,
        user=user_id,
    )
    return page.items, page.last_key


def status(item: Item, at: int) -> str:
    """Tell a reservation's status by the clock. A hold that is being paid for lives until its payment has ended."""
    if item["status"] == "HELD" and max(item["expiresAt"], item.get("lockedUntil", 0)) <= at:
        return "EXPIRED"
    return str(item["status"])


def release(user_id: str, reservation_id: str, at: int) -> None:
    """Free the seats of a living hold at once. Safe to repeat.

    Raises:
        ReservationNotFound: as `find`.
        PaymentInProgress: it is being paid for.
        ReservationExpired: its time is over; whoever has the seats now keeps them.
        ReservationNotHeld: it is paid for.

    """
    for _ in attempts():
        item = find(user_id, reservation_id)
        if item["status"] == "RELEASED":
            return
        if item["status"] == "CONFIRMED":
            raise ReservationNotHeld(paymentId=item.get("paymentId"))
        if "paymentId" in item:
            raise PaymentInProgress(paymentId=item["paymentId"])
        if item["expiresAt"] <= at:
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
            )
        except TransactionRefused as refused:
            if 0 not in refused.refusals and not refused.contended:
                raise ReservationExpired from refused
        else:
            return
    raise TemporarilyUnavailable


def key(item: Key) -> dict[str, str]:
    """Give the key of a reservation, or of whatever carries its owner and id."""
    return {"userId": item["userId"], "reservationId": item["reservationId"]}


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


def view(item: Item, at: int) -> dict[str, Any]:
    """Show a reservation to its owner."""
    shown = {name: item[name] for name in ("reservationId", "concertId", "performanceId", "seatNumbers", "amount")}
    shown |= {"status": status(item, at), "expiresAt": clock.rfc3339(item["expiresAt"])}
    shown["createdAt"] = clock.rfc3339(item["createdAt"])
    if "paymentId" in item:
        shown["paymentId"] = item["paymentId"]
    return shown | {"serverTime": clock.rfc3339(at)}
