"""Points: a chain of ledger entries for each user. The wallet.

Items: `userId, sk = ENTRY#<sequence>`: `type, amount` (signed), `balanceAfter, at, entryId` and, where it has them,
`paymentId` and `reason`; and `userId, sk = KEY#…`: the guard of one request, with a hash of the request and its answer.

There is no balance item. The balance is the newest entry's `balanceAfter`, and an entry can only be written as the
successor of the one that it was computed from: sequence n + 1, on condition that it does not exist. That one condition
keeps the balance equal to the sum of the entries, never lets it go below zero, and orders the history; it costs a third
less than an entry and a balance. The guard in the same transaction makes each request take effect once.

A cancellation's guard is `CANCELLATION#<cancellationId>`: it gives its points back once; the key of its request is
remembered under `CANCEL#…`. A payment's guards are `PAYMENT#<paymentId>` and `REFUND#<paymentId>`. Undoing a payment
that has not debited yet writes the first as *void*, so that a debit that is late on its way finds it closed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, Unpack, cast

from booking import clock, ids
from booking.cursors import not_a_cursor
from booking.dynamodb import (
    ConditionFailed,
    Contended,
    Key,
    TransactionRefused,
    Write,
    attempts,
    first,
    get,
    put,
    query,
    transact,
    write,
)
from booking.errors import (
    BalanceLimitExceeded,
    IdempotencyKeyReused,
    InsufficientPoints,
)
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

BALANCE_LIMIT = 10_000_000
KEY_LIFE_SECONDS = 7 * clock.DAY
"""How long a request's key is remembered; the contract promises a day."""
APPEND_BUDGET_SECONDS = 6.0
"""How long one request competes with others of the same user; within the time of the functions that append."""
APPEND_PAUSE_SECONDS = 0.05
"""How long to wait at most before reading the end of the chain again. It does not grow: whoever has waited for long
would wait ever longer, and be refused while newcomers are served."""
TWIN_SECONDS = 60
"""How old an entry may be whose guard is only just becoming visible; a transaction shows itself within milliseconds."""
ENTRY = "ENTRY#"

type Kind = Literal["CHARGE", "USE", "PAYMENT", "REFUND"]


class About(TypedDict):
    """What an entry was for."""

    paymentId: NotRequired[str]
    concertId: NotRequired[str]
    performanceId: NotRequired[str]
    reason: NotRequired[str]


class LedgerEntry(About):
    """A stored entry. `amount` is signed."""

    userId: str
    sk: str
    entryId: str
    type: Kind
    amount: int
    balanceAfter: int
    at: int


class Purge(TypedDict):
    """When an item may be forgotten; one without is kept for ever."""

    purgeAt: NotRequired[int]


class Guard(LedgerEntry, Purge):
    """What is remembered of a request: a hash of it, and the entry that it wrote, but under a key of its own."""

    request: str


class KeyMemory(Purge):
    """The key of a request whose effect is elsewhere."""

    userId: str
    sk: str
    request: str
    at: int


class Void(TypedDict):
    """The guard of a payment that was undone before it took any points."""

    userId: str
    sk: str
    request: str
    at: int
    void: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A ledger entry, and whether it was an earlier identical request that wrote it."""

    item: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Once:
    """What makes a request take effect once: its guard's sort key, a hash of the request, and when it may be
    forgotten."""

    sk: str
    request: str
    purge_at: int | None = None

    def entry_id(self, user_id: str, sequence: int) -> str:
        """Name the entry that this request writes at a place of the chain; no other ever has that name, not even the
        same key's once its guard is forgotten."""
        return f"e{ids.digest(user_id, self.sk, sequence)}"


def balance(user_id: str) -> int:
    """Return a user's points; 0 for a new user."""
    newest = _newest(user_id)
    return int(newest["balanceAfter"]) if newest else 0


def charge(user_id: str, amount: int, key: str, at: int) -> Change:
    """Add points. Safe to repeat with the same key.

    Raises:
        BalanceLimitExceeded, IdempotencyKeyReused, TemporarilyUnavailable: nothing was changed.

    """
    return _append(user_id, "CHARGE", amount, _request_guard(key, at, "CHARGE", amount), at)


def use(user_id: str, amount: int, reason: str | None, key: str, at: int) -> Change:
    """Take points. Safe to repeat with the same key.

    Raises:
        InsufficientPoints, IdempotencyKeyReused, TemporarilyUnavailable: nothing was changed.

    """
    about: About = {"reason": reason} if reason else {}
    return _append(user_id, "USE", -amount, _request_guard(key, at, "USE", amount, reason), at, **about)


def pay(user_id: str, payment_id: str, amount: int, at: int, **about: Unpack[About]) -> Change | None:
    """Take points for a payment, once; `about` says what was bought. Returns None when it has been undone already.

    Raises:
        InsufficientPoints: nothing was changed.

    """
    entry = _append(user_id, "PAYMENT", -amount, _payment_guard(payment_id), at, **_of(payment_id, about))
    return None if "void" in entry.item else entry


def refund(user_id: str, payment_id: str, at: int, **about: Unpack[About]) -> bool:
    """Refund the points of a payment, once, or see to it that they can never be taken; tell which.

    Returns True when points were taken and are refunded, False when none were taken. Safe to repeat and to run beside
    a debit that is still on its way: exactly one of the two writes the payment's guard.
    """
    guard = _payment_guard(payment_id)
    debit = get(settings().points_table, {"userId": user_id, "sk": guard.sk})
    if debit is None:
        void: Void = {"userId": user_id, "sk": guard.sk, "request": guard.request, "void": True, "at": at}
        try:
            write(put(settings().points_table, void, "attribute_not_exists(#sk)"))
        except ConditionFailed as refused:
            debit = refused.item
    if debit is None or "void" in debit:
        return False
    refund_guard = _Once(f"KEY#REFUND#{payment_id}", ids.digest("REFUND", payment_id))
    _append(user_id, "REFUND", -debit["amount"], refund_guard, at, **_of(payment_id, about))
    return True


def refund_seats(
    user_id: str,
    payment_id: str,
    cancellation_id: str,
    amount: int,
    at: int,
    budget: float = APPEND_BUDGET_SECONDS,
    **about: Unpack[About],
) -> Change:
    """Return points of a payment for seats that were cancelled, once for each cancellation. Safe to repeat.

    No refund is refused for the limit of the balance.
    """
    once = _Once(f"KEY#CANCELLATION#{cancellation_id}", ids.digest("CANCELLATION", cancellation_id, amount))
    return _append(user_id, "REFUND", amount, once, at, budget, **_of(payment_id, about))


def remember(user_id: str, key: str, request: str, at: int) -> Write:
    """Remember the key of a request that changes more than points, for as long as those that do not; once."""
    memory: KeyMemory = {
        "userId": user_id,
        "sk": f"KEY#CANCEL#{_hash(key)}",
        "request": request,
        "at": at,
        "purgeAt": at + KEY_LIFE_SECONDS,
    }
    return put(settings().points_table, memory, "attribute_not_exists(#sk)")


def debit_of(user_id: str, payment_id: str) -> Guard | None:
    """Return the entry with which a payment took its points, or None when it took none."""
    guard = get(settings().points_table, {"userId": user_id, "sk": _payment_guard(payment_id).sk})
    return None if guard is None or "void" in guard else cast(Guard, guard)


def history(user_id: str, limit: int, after: str | None) -> tuple[list[LedgerEntry], Key | None]:
    """Return one page of a user's entries, newest first, and the key to go on from.

    Raises:
        ValidationFailed: `after` is not the key of an entry; DynamoDB refuses to begin outside of what is asked for.

    """
    if after is not None and not (after.startswith(ENTRY) and after.removeprefix(ENTRY).isdecimal()):
        raise not_a_cursor()
    page = query(
        settings().points_table,
        _ENTRIES,
        forward=False,
        limit=limit,
        start={"userId": user_id, "sk": after} if after is not None else None,
        user=user_id,
        entry=ENTRY,
    )
    return cast(list[LedgerEntry], page.items), page.last_key


_ENTRIES = "#userId = :user AND begins_with(#sk, :entry)"


def _of(payment_id: str, about: About) -> About:
    return {**about, "paymentId": payment_id}


def _payment_guard(payment_id: str) -> _Once:
    return _Once(f"KEY#PAYMENT#{payment_id}", ids.digest("PAYMENT", payment_id))


def _request_guard(key: str, at: int, *request: Any) -> _Once:
    return _Once(f"KEY#REQUEST#{_hash(key)}", ids.digest(*request), at + KEY_LIFE_SECONDS)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _newest(user_id: str) -> LedgerEntry | None:
    newest = first(settings().points_table, _ENTRIES, forward=False, user=user_id, entry=ENTRY)
    return cast(LedgerEntry | None, newest)


def _append(
    user_id: str,
    kind: Kind,
    amount: int,
    once: _Once,
    at: int,
    budget: float = APPEND_BUDGET_SECONDS,
    **about: Unpack[About],
) -> Change:
    """Write the next entry and its guard, or find that this very request wrote them before.

    Whether it may be written is judged on the entry before it, which the condition holds in place. Whoever loses that
    place to another request of the same user reads the end of the chain again: the refusal only tells who has taken
    the place, and the chain may have grown far beyond it.
    """
    for _ in attempts(budget, APPEND_PAUSE_SECONDS):
        before = _newest(user_id)
        sequence = _sequence(before)
        balance_after = (before["balanceAfter"] if before else 0) + amount
        if balance_after < 0 or (kind == "CHARGE" and balance_after > BALANCE_LIMIT):
            if known := get(settings().points_table, {"userId": user_id, "sk": once.sk}):
                return _replay(known, once)
            if before and before["entryId"] == once.entry_id(user_id, sequence) and before["at"] > at - TWIN_SECONDS:
                continue  # this very request, sent twice, is being written, entry first: look again
            if balance_after < 0:
                raise InsufficientPoints(required=-amount, balance=balance_after - amount)
            raise BalanceLimitExceeded(limit=BALANCE_LIMIT)
        entry: LedgerEntry = {
            "userId": user_id,
            "sk": f"{ENTRY}{sequence + 1:012d}",
            "entryId": once.entry_id(user_id, sequence + 1),
            "type": kind,
            "amount": amount,
            "balanceAfter": balance_after,
            "at": at,
            **about,
        }
        purge: Purge = {} if once.purge_at is None else {"purgeAt": once.purge_at}
        remembered: Guard = {**entry, "sk": once.sk, "request": once.request, **purge}
        try:
            transact(
                put(settings().points_table, entry, "attribute_not_exists(#sk)"),
                put(settings().points_table, remembered, "attribute_not_exists(#sk)"),
                budget=0,
            )
        except Contended:
            continue
        except TransactionRefused as refused:
            if 1 in refused.refusals:
                return _replay(refused.refusals[1] or {}, once)
        else:
            return Change(entry, replayed=False)
    raise Contended


def _sequence(entry: LedgerEntry | None) -> int:
    return int(entry["sk"].removeprefix(ENTRY)) if entry else 0


def _replay(known: Mapping[str, Any], once: _Once) -> Change:
    if known.get("request") != once.request:
        raise IdempotencyKeyReused
    return Change(known, replayed=True)


def change_view(change: Change) -> "views.PointsChange":
    """Show what a charge or use did. The amount is as it was asked for, without a sign."""
    item = change.item
    return {
        "entryId": item["entryId"],
        "amount": abs(item["amount"]),
        "balance": item["balanceAfter"],
        "at": clock.rfc3339(item["at"]),
    }


def entry_view(item: LedgerEntry) -> "views.LedgerEntry":
    """Show an entry in the history. The amount is signed."""
    shown: views.LedgerEntry = {
        "entryId": item["entryId"],
        "type": item["type"],
        "amount": item["amount"],
        "balanceAfter": item["balanceAfter"],
        "at": clock.rfc3339(item["at"]),
    }
    if "paymentId" in item:
        shown["paymentId"] = item["paymentId"]
    if "concertId" in item:
        shown["concertId"] = item["concertId"]
    if "performanceId" in item:
        shown["performanceId"] = item["performanceId"]
    if "reason" in item:
        shown["reason"] = item["reason"]
    return shown
