"""Points: a chain of ledger entries for each user. The wallet.

Items: `userId, sk = ENTRY#<sequence>`: `type, amount` (signed), `balanceAfter, at, entryId` and, where it has them,
`paymentId` and `reason`; and `userId, sk = KEY#…`: the guard of one request, with a hash of the request and its answer.

There is no balance item. The balance is the newest entry's `balanceAfter`, and an entry can only be written as the
successor of the one that it was computed from: sequence n + 1, on condition that it does not exist. That one condition
keeps the balance equal to the sum of the entries, never lets it go below zero, and orders the history; it costs a third
less than an entry and a balance. The guard in the same transaction makes each request take effect once.

A payment's guards are `PAYMENT#<paymentId>` and `REFUND#<paymentId>`. Undoing a payment that has not debited yet writes
the first as *void*, so that a debit that is late on its way finds it closed.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booking import clock, ids
from booking.dynamodb import ConditionFailed, Item, TransactionRefused, get, put, query, transact, write
from booking.errors import (
    BalanceLimitExceeded,
    IdempotencyKeyReused,
    InsufficientPoints,
    TemporarilyUnavailable,
)
from booking.settings import settings

BALANCE_LIMIT = 10_000_000
KEY_LIFE_SECONDS = 7 * clock.DAY
"""How long a request's key is remembered; the contract promises a day."""
APPEND_BUDGET_SECONDS = 11.0
"""How long one request competes with others of the same user; within the 15 seconds of the functions that append.

Each refusal means that another of them has won and says where the chain now ends, so trying again at once is both the
quickest and the fairest: whoever backs off comes back with an end that is out of date.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry, and whether it was an earlier identical request that wrote it."""

    item: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Guard:
    """What makes a request take effect once: its sort key, a hash of the request, and when it may be forgotten."""

    sk: str
    request: str
    purge_at: int | None = None


def balance(user_id: str) -> int:
    """Give a user's points; 0 for a new user."""
    newest = _newest(user_id)
    return int(newest["balanceAfter"]) if newest else 0


def charge(user_id: str, amount: int, key: str, at: int) -> Entry:
    """Add points. Safe to repeat with the same key.

    Raises:
        BalanceLimitExceeded, IdempotencyKeyReused, TemporarilyUnavailable: nothing was changed.

    """
    return _append(user_id, "CHARGE", amount, _request_guard(key, at, "CHARGE", amount), at)


def use(user_id: str, amount: int, reason: str | None, key: str, at: int) -> Entry:
    """Take points. Safe to repeat with the same key.

    Raises:
        InsufficientPoints, IdempotencyKeyReused, TemporarilyUnavailable: nothing was changed.

    """
    guard = _request_guard(key, at, "USE", amount, reason)
    return _append(user_id, "USE", -amount, guard, at, **({"reason": reason} if reason else {}))


def pay(user_id: str, payment_id: str, amount: int, at: int) -> Entry | None:
    """Take points for a payment, once. Gives None when the payment has been undone already.

    Raises:
        InsufficientPoints: nothing was changed.

    """
    entry = _append(user_id, "PAYMENT", -amount, _payment_guard(payment_id), at, paymentId=payment_id)
    return None if "void" in entry.item else entry


def refund(user_id: str, payment_id: str, at: int) -> bool:
    """Give the points of a payment back, once, or see to it that they can never be taken; tell which.

    Returns True when points were taken and are given back, False when none were taken. Safe to repeat and to run beside
    a debit that is still on its way: exactly one of the two writes the payment's guard.
    """
    guard = _payment_guard(payment_id)
    debit = get(settings().points_table, {"userId": user_id, "sk": guard.sk})
    if debit is None:
        try:
            write(
                put(
                    settings().points_table,
                    {"userId": user_id, "sk": guard.sk, "request": guard.request, "void": True, "at": at},
                    "attribute_not_exists(#sk)",
                )
            )
        except ConditionFailed as refused:
            debit = refused.item
    if debit is None or "void" in debit:
        return False
    refund_guard = _Guard(f"KEY#REFUND#{payment_id}", ids.digest("REFUND", payment_id))
    _append(user_id, "REFUND", -debit["amount"], refund_guard, at, paymentId=payment_id)
    return True


def debit_of(user_id: str, payment_id: str) -> Item | None:
    """Give the entry with which a payment took its points, or None when it took none."""
    guard = get(settings().points_table, {"userId": user_id, "sk": _payment_guard(payment_id).sk})
    return None if guard is None or "void" in guard else guard


def history(user_id: str, limit: int, after: str | None) -> tuple[list[Item], Item | None]:
    """Give one page of a user's entries, newest first, and the key to go on from."""
    page = query(
        settings().points_table,
        "#userId = :user AND begins_with(#sk, :entry)",
        forward=False,
        limit=limit,
        start={"userId": user_id, "sk": after} if after else None,
        user=user_id,
        entry="ENTRY#",
    )
    return page.items, page.last_key


def _payment_guard(payment_id: str) -> _Guard:
    return _Guard(f"KEY#PAYMENT#{payment_id}", ids.digest("PAYMENT", payment_id))


def _request_guard(key: str, at: int, *request: Any) -> _Guard:
    return _Guard(f"KEY#REQUEST#{_hash(key)}", ids.digest(*request), at + KEY_LIFE_SECONDS)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _newest(user_id: str) -> Item | None:
    entries, _ = history(user_id, 1, None)
    return entries[0] if entries else None


def _append(user_id: str, kind: str, amount: int, guard: _Guard, at: int, **about: str) -> Entry:
    """Write the next entry and its guard, or find that this very request wrote them before.

    Whether it may be written is judged on the entry before it, which the condition holds in place.
    """
    entry_id = "e" + ids.digest(user_id, guard.sk)
    before = _newest(user_id)
    deadline = time.monotonic() + APPEND_BUDGET_SECONDS
    while time.monotonic() < deadline:
        balance_after = (before["balanceAfter"] if before else 0) + amount
        if balance_after < 0 or (kind == "CHARGE" and balance_after > BALANCE_LIMIT):
            if known := get(settings().points_table, {"userId": user_id, "sk": guard.sk}):
                return _replay(known, guard)
            if before and before["entryId"] == entry_id:  # a twin is being written, entry first: look again
                before = _newest(user_id)
                continue
            if balance_after < 0:
                raise InsufficientPoints(required=-amount, balance=balance_after - amount)
            raise BalanceLimitExceeded(limit=BALANCE_LIMIT)
        sequence = (int(before["sk"].removeprefix("ENTRY#")) if before else 0) + 1
        facts = {
            "userId": user_id,
            "entryId": entry_id,
            "type": kind,
            "amount": amount,
            "balanceAfter": balance_after,
            "at": at,
            **about,
        }
        remembered = facts | {"sk": guard.sk, "request": guard.request}
        if guard.purge_at is not None:
            remembered["purgeAt"] = guard.purge_at
        try:
            transact(
                put(settings().points_table, facts | {"sk": f"ENTRY#{sequence:012d}"}, "attribute_not_exists(#sk)"),
                put(settings().points_table, remembered, "attribute_not_exists(#sk)"),
            )
        except TransactionRefused as refused:
            if 1 in refused.refusals:
                return _replay(refused.refusals[1] or {}, guard)
            before = refused.refusals[0]
        else:
            return Entry(facts, replayed=False)
    raise TemporarilyUnavailable


def _replay(known: Item, guard: _Guard) -> Entry:
    if known.get("request") != guard.request:
        raise IdempotencyKeyReused
    return Entry(known, replayed=True)


def change_view(entry: Entry) -> dict[str, Any]:
    """Show what a charge or use did. The amount is as it was asked for, without a sign."""
    item = entry.item
    return {
        "entryId": item["entryId"],
        "amount": abs(item["amount"]),
        "balance": item["balanceAfter"],
        "at": clock.rfc3339(item["at"]),
    }


def entry_view(item: Item) -> dict[str, Any]:
    """Show an entry in the history. The amount is signed."""
    shown = {name: item[name] for name in ("entryId", "type", "amount", "balanceAfter")}
    shown["at"] = clock.rfc3339(item["at"])
    return shown | {name: item[name] for name in ("paymentId", "reason") if name in item}
