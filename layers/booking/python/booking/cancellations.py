"""Cancellations: seats that were paid for, given back for points: by their fan, for what the fees leave, or all of them
in full, when the organiser calls the date off.

A cancellation lives in the payment that bought the seats, under `cancellations`, where `refundable` says how much of
the payment is in seats that are not cancelled: each cancellation takes the price of its seats from it, on condition
that it is there. `refunded` sums up what was given back, and `refunding` counts the cancellations that still owe their
points; while there are any, the payment is on the index `open`, where the sweep finds it.

    cancel ──→ REFUNDING ──→ COMPLETED
               seats free    points back

Accepting is one transaction over seats, reservation, limit, payment and the request's key: from then on the points come
back, whatever dies. Giving them back is another, in the wallet, whose guard lets each cancellation do so once; it is
tried at once, and by the sweep until it succeeds. Both are safe to repeat.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from booking import audit_log, catalog, check_ins, clock, fees, ids, limits, payments, points, reservations, seats
from booking.audit_log import Actor
from booking.dynamodb import ConditionFailed, Contended, Item, TransactionRefused, Write, attempts, transact, write
from booking.errors import (
    IdempotencyKeyReused,
    NotCancellable,
    PerformanceNotFound,
    QuoteChanged,
    TemporarilyUnavailable,
    ValidationFailed,
)
from booking.observability import count, logger
from booking.payments import Cancellation, Payment
from booking.reservations import Reservation

if TYPE_CHECKING:
    from booking import views

REFUND_SECONDS = 2.5
"""How long a request competes in the wallet before it answers that the points are on their way."""


class Offer(NamedTuple):
    """A quote for some seats of a booking, and what it was made of."""

    reservation: Reservation
    payment: Payment
    seat_numbers: list[int]
    quote: fees.Quote


class OnBehalf(NamedTuple):
    """Who cancels in a fan's stead, and why."""

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancellation, and whether an earlier identical request had made it."""

    cancellation_id: str
    reservation_id: str
    item: Cancellation
    replayed: bool


def quote(user_id: str, reservation_id: str, seat_numbers: list[int] | None, at: int) -> Offer:
    """Say what cancelling seats of a booking gives now; all that are left, when none are named.

    Raises:
        ReservationNotFound: as `reservations.find`.
        ValidationFailed: seats that the booking does not have.
        NotCancellable: with the reason.
        PerformanceCancelled: the organiser has called the date off, and everything comes back by itself.

    """
    reservation = reservations.find(user_id, reservation_id)
    offer = _offer(reservation, _payment_of(reservation), seat_numbers, at)
    if any("admission" in seat for seat in seats.read_these(reservation["performanceId"], offer.seat_numbers)):
        raise _come_in()
    return offer


def _come_in() -> NotCancellable:
    return NotCancellable("Somebody has come in with this ticket.", reason="CHECKED_IN")


def _payment_of(reservation: Reservation) -> Payment | None:
    return payments.read(reservation["paymentId"]) if "paymentId" in reservation else None


def _offer(reservation: Reservation, payment: Payment | None, seat_numbers: list[int] | None, at: int) -> Offer:
    left = reservations.seats_left(reservation)
    if seat_numbers is not None and not set(seat_numbers) <= set(reservation["seatNumbers"]):
        message = f"must be among {', '.join(map(str, reservation['seatNumbers']))}"
        raise ValidationFailed(errors=[{"field": "seatNumbers", "message": message}])
    if reservation["status"] == "CANCELLED" or not set(seat_numbers or []) <= set(left):
        raise NotCancellable("These seats are cancelled already.", reason="CANCELLED")
    if reservation["status"] != "CONFIRMED" or payment is None or payment["status"] != "COMPLETED":
        raise NotCancellable("Only seats that are paid for can be cancelled.", reason="NOT_PAID")
    wanted = sorted(seat_numbers or left)
    prices = reservations.prices(reservation)
    try:
        offered = fees.quote(_terms(reservation, payment), [prices[number] for number in wanted], at)
    except fees.NotAllowed as refused:
        raise NotCancellable(_WHY[refused.reason], reason=refused.reason) from refused
    return Offer(reservation, payment, wanted, offered)


_WHY = {
    "STARTED": "The show has begun, so nothing can be cancelled any more.",
    "POLICY": "This concert does not let bookings be cancelled any more.",
}


def _terms(reservation: Reservation, payment: Payment) -> fees.Terms:
    """Return the terms that the seats were held with; older bookings, which noted none, have today's start and the
    usual ones.

    The date is read as it is now: whoever cancels after it was moved or called off pays no fee, whatever this process
    remembers of it. Who had asked before that has cancelled before it.
    """
    try:
        performance = catalog.read_performance(reservation["performanceId"])
    except PerformanceNotFound:
        performance = None
    if performance is not None:
        catalog.ensure_not_cancelled(performance)
    sold = reservation.get("terms")
    if sold is None:
        if performance is None:
            raise NotCancellable(_WHY["POLICY"], reason="POLICY")
        sold = reservations.terms_of(performance)
    starts_at = performance["startsAt"] if performance is not None else sold["startsAt"]
    moved = starts_at != sold["startsAt"]
    return fees.Terms(sold["fees"], starts_at, sold["timezone"], payment["completedAt"], moved)


def cancel(
    user_id: str,
    reservation_id: str,
    seat_numbers: list[int] | None,
    expected_refund: int,
    key: str,
    at: int,
    behalf: OnBehalf | None = None,
) -> Cancelled:
    """Cancel seats of a booking for exactly the sum that was agreed to. Safe to repeat with the same key, which is the
    fan's, or that of the organiser who does it on the fan's behalf: then it is in the log, in the same transaction.

    Raises:
        QuoteChanged: it would be another sum now; with the new quote.
        IdempotencyKeyReused: the key was used with another request.
        ReservationNotFound, ValidationFailed, NotCancellable, PerformanceCancelled: as `quote`; nothing was done.

    """
    named = None if seat_numbers is None else sorted(seat_numbers)
    request = ids.digest("CANCEL", reservation_id, named, expected_refund)
    whose = f"organiser#{behalf.actor.user_id}" if behalf else user_id
    cancellation_id = ids.cancellation_id(whose, reservation_id, key)
    counted = True
    for _ in attempts():
        reservation = reservations.find(user_id, reservation_id)
        payment = _payment_of(reservation)
        known = payment.get("cancellations", {}).get(cancellation_id) if payment else None
        if known is not None and payment is not None:
            if known["request"] != request:
                raise IdempotencyKeyReused
            return _finished(payment, cancellation_id, reservation_id, at, replayed=True)
        if not _agree(reservation, payment):
            continue  # a cancellation, maybe this very request sent twice, is being written, reservation first
        offer = _offer(reservation, payment, named, at)
        if offer.quote.refund != expected_refund:
            raise QuoteChanged(**quote_view(offer, at))
        offer = offer._replace(payment=payments.count_refundable(offer.payment))
        prices = reservations.prices(reservation)
        item = _new({number: prices[number] for number in offer.seat_numbers}, offer.quote.keep_percent, request, at)
        writes = _writes(reservation, offer.payment, cancellation_id, item, at, counted=counted) | {
            "key": points.remember(whose, key, request, at)
        }
        if behalf:
            writes["log"] = _entry(behalf, reservation, cancellation_id, item, at)
        for number in offer.seat_numbers:
            writes[f"seat {number}"] = seats.cancel(reservation["performanceId"], number, reservation_id)
        refused = _accept(writes)
        if refused is None:
            count("SeatsCancelled", len(offer.seat_numbers))
            changed = payments.read(offer.payment["paymentId"]) or offer.payment
            return _finished(changed, cancellation_id, reservation_id, at, replayed=False)
        if "key" in refused and (refused["key"] or {}).get("request") != request:
            raise IdempotencyKeyReused
        if any(seat and "admission" in seat for seat in refused.values()):
            raise _come_in()
        counted = counted and "limit" not in refused
    raise TemporarilyUnavailable


def _agree(reservation: Reservation, payment: Payment | None) -> bool:
    """Tell whether a reservation and its payment say the same of which seats are cancelled."""
    noted = payment.get("cancellations", {}).values() if payment else []
    cancelled = [number for each in noted for number in each["seatNumbers"]]
    return sorted(cancelled) == reservation.get("cancelledSeatNumbers", [])


def _entry(behalf: OnBehalf, reservation: Reservation, cancellation_id: str, item: Cancellation, at: int) -> Write:
    about: audit_log.About = {
        "concertId": reservation["concertId"],
        "performanceId": reservation["performanceId"],
        "reservationId": reservation["reservationId"],
    }
    details = {
        "before": {"seatNumbers": reservations.seats_left(reservation)},
        "after": {"cancelledSeatNumbers": item["seatNumbers"], "fee": item["fee"], "refund": item["refund"]},
    }
    return audit_log.entry(
        behalf.actor,
        "RESERVATION_CANCELLED",
        cancellation_id,
        at,
        about=about,
        details=details,
        reason=behalf.reason,
    )


def call_off(user_id: str, reservation_id: str, at: int) -> int:
    """Return all seats that are left of a booking whose date the organiser has called off, in full, and seal them.

    Returns how many points; 0 when nothing was left. Safe to repeat, and beside a cancellation of the fan's own.
    """
    cancellation_id = called_off_id(reservation_id)
    counted = True
    for _ in attempts():
        reservation = reservations.find(user_id, reservation_id)
        payment = _payment_of(reservation)
        if payment is None:
            return 0
        if cancellation_id in payment.get("cancellations", {}):
            return finish(payment, cancellation_id, at)["cancellations"][cancellation_id]["refund"]
        left = reservations.seats_left(reservation)
        if reservation["status"] != "CONFIRMED" or not left:
            return 0
        prices = reservations.prices(reservation)
        item = _new({number: prices[number] for number in left}, 0, "ORGANISER", at)
        payment = payments.count_refundable(payment)
        writes = _writes(reservation, payment, cancellation_id, item, at, counted=counted)
        for number in left:
            writes[f"seat {number}"] = seats.seal_sold(reservation["performanceId"], number, reservation_id)
        refused = _accept(writes)
        if refused is None:
            count("SeatsCalledOff", len(left))
        else:
            counted = counted and "limit" not in refused
    raise TemporarilyUnavailable


def called_off_id(reservation_id: str) -> str:
    """Name the cancellation that calling a date off makes of a booking: one, however often it is run."""
    return ids.cancellation_id("organiser", reservation_id)


def _new(prices: dict[int, int], keep_percent: int, request: str, at: int) -> Cancellation:
    fee = sum(fees.fee(price, keep_percent) for price in prices.values())
    return {
        "seatNumbers": [*prices],
        "prices": [*prices.values()],
        "keepPercent": keep_percent,
        "fee": fee,
        "refund": sum(prices.values()) - fee,
        "status": "REFUNDING",
        "at": at,
        "request": request,
    }


def _shares(item: Cancellation) -> list[tuple[int, int, int]]:
    """Return the seats of a cancellation, each with its price and what is given back for it.

    Older ones know their sums only, which stand with the first seat.
    """
    if "prices" not in item or "keepPercent" not in item:
        first, *others = item["seatNumbers"]
        return [(first, item["fee"] + item["refund"], item["refund"]), *((number, 0, 0) for number in others)]
    return [
        (number, price, price - fees.fee(price, item["keepPercent"]))
        for number, price in zip(item["seatNumbers"], item["prices"], strict=True)
    ]


def _writes(
    reservation: Reservation,
    payment: Payment,
    cancellation_id: str,
    item: Cancellation,
    at: int,
    *,
    counted: bool,
) -> dict[str, Write]:
    """Name what every cancellation writes, beside its seats.

    The reservation's condition is the seats that were cancelled when it was read, so of two cancellations at once the
    second is judged anew. `counted` is false for older bookings, which are in no limit.
    """
    cancelled = item["seatNumbers"]
    left = [number for number in reservations.seats_left(reservation) if number not in cancelled]
    of = reservation["userId"], reservation["performanceId"], reservation["reservationId"]
    by: Literal["FAN", "ORGANISER"] = "ORGANISER" if item["request"] == "ORGANISER" else "FAN"
    writes = {
        "reservation": reservations.cancel(reservation, cancelled, item["refund"], by, at),
        "payment": payments.owe(payment, cancellation_id, item, at),
    }
    return writes | ({"limit": limits.keep(*of, left)} if counted else {})


def _accept(writes: dict[str, Write]) -> dict[str, Item | None] | None:
    """Do the writes of a cancellation, all or none; return what stood in the way of which, or None when it is done."""
    try:
        transact(*writes.values())
    except TransactionRefused as refused:
        names = list(writes)
        return {names[position]: item for position, item in refused.refusals.items()}
    return None


def _finished(payment: Payment, cancellation_id: str, reservation_id: str, at: int, *, replayed: bool) -> Cancelled:
    """Try to return the points at once; whatever stands in the way, the sweep goes on."""
    try:
        payment = finish(payment, cancellation_id, at, REFUND_SECONDS)
    except TemporarilyUnavailable:
        count("RefundLeftToSweep")
        logger.exception("the points could not be given back at once; the sweep will", cancellationId=cancellation_id)
    return Cancelled(cancellation_id, reservation_id, payment["cancellations"][cancellation_id], replayed)


def finish(payment: Payment, cancellation_id: str, at: int, budget: float = points.APPEND_BUDGET_SECONDS) -> Payment:
    """Return the points of a cancellation and note that it is done; return the payment as it then is.

    Safe to repeat and beside itself.
    """
    item = payment["cancellations"][cancellation_id]
    if item["status"] == "COMPLETED":
        return payment
    done: Cancellation = {**item, "status": "COMPLETED", "completedAt": at}
    for number, price, refund in _shares(item):
        write(check_ins.revoke(payment, number, price, refund, at))
    if item["refund"]:
        of = payment["userId"], payment["paymentId"], cancellation_id
        entry = points.refund_seats(*of, item["refund"], at, budget, **payments.bought(payment))
        done["balance"] = entry.item["balanceAfter"]
    for _ in attempts():
        try:
            return cast(Payment, write(payments.settle_debt(payment, cancellation_id, done)))
        except ConditionFailed as refused:
            payment = cast(Payment, refused.item or payment)
            if payment["cancellations"][cancellation_id]["status"] == "COMPLETED":
                return payment
    raise Contended


def settle(payment_id: str, at: int) -> str | None:
    """Return what cancellations of a payment still owe; None when it owes nothing. Safe to repeat."""
    payment = payments.read(payment_id)
    if payment is None or not payment.get("refunding"):
        return None
    for cancellation_id, item in payment["cancellations"].items():
        if item["status"] == "REFUNDING":
            payment = finish(payment, cancellation_id, at)
    return "REFUNDED"


def quote_view(offer: Offer, at: int) -> "views.CancellationQuote":
    """Show what cancelling gives now."""
    return {
        "reservationId": offer.reservation["reservationId"],
        "seatNumbers": offer.seat_numbers,
        "paid": offer.quote.paid,
        "fee": offer.quote.fee,
        "refund": offer.quote.refund,
        "keepPercent": offer.quote.keep_percent,
        "rule": offer.quote.rule,
        "validUntil": clock.rfc3339(offer.quote.valid_until),
        "serverTime": clock.rfc3339(at),
    }


def view(cancelled: Cancelled, at: int) -> "views.Cancellation":
    """Show a cancellation to its fan."""
    item = cancelled.item
    shown: views.Cancellation = {
        "cancellationId": cancelled.cancellation_id,
        "reservationId": cancelled.reservation_id,
        "seatNumbers": item["seatNumbers"],
        "fee": item["fee"],
        "refund": item["refund"],
        "status": item["status"],
        "serverTime": clock.rfc3339(at),
    }
    if "balance" in item:
        shown["balance"] = item["balance"]
    return shown
