"""What of a price is kept when a booking is cancelled: pure, for quotes and for their effect alike.

A policy is the concert's, and is copied into the reservation when seats are held: what an organiser changes later
never worsens it. Its steps say how much is kept so many days before the show; days are calendar days of the venue's
zone, so a fee changes at midnight there. What was paid a few hours ago may be free as long as the show is some days
away; these are plain hours. From the start on nothing can be cancelled.

The default follows Korea's consumer dispute resolution standard for performances. Two of its rules are left to the
organiser: that days which are no business days do not count, and 10 % on top when the organiser is at fault.

The fee is rounded down for each seat, in the fan's favour, so that cancelling seats one by one, in any order, gives
what cancelling them at once gives; what is kept and what is refunded always make what was paid.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.catalog import FeePolicy

HOUR = 3600


class Terms(NamedTuple):
    """What a booking can be cancelled on: its policy, the show's start (epoch seconds) and zone, and when it was paid.

    `moved` tells that the organiser has given the show another start than it was sold with.
    """

    policy: FeePolicy
    starts_at: int
    timezone: str
    paid_at: int
    moved: bool = False


class Quote(NamedTuple):
    """What cancelling gives now. The quote changes at `valid_until` at the earliest."""

    paid: int
    fee: int
    refund: int
    keep_percent: int
    rule: str
    valid_until: int


class NotAllowed(Exception):
    """Nothing can be cancelled any more: `reason` is STARTED, or POLICY when the concert does not allow it now."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def quote(terms: Terms, prices: Iterable[int], at: int) -> Quote:
    """Say what is kept of these prices, one for each seat, at a time.

    Raises:
        NotAllowed: nothing can be cancelled now.

    """
    percent, rule = _kept(terms, at)
    each = list(prices)
    paid, kept = sum(each), sum(fee(price, percent) for price in each)
    return Quote(paid, kept, paid - kept, percent, rule, _valid_until(terms, at))


def fee(price: int, keep_percent: int) -> int:
    """Return what is kept of one seat's price."""
    return price * keep_percent // 100


def _kept(terms: Terms, at: int) -> tuple[int, str]:
    if at >= terms.starts_at:
        raise NotAllowed("STARTED")
    if terms.moved:
        return 0, "MOVED"
    policy, days = terms.policy, days_before(terms, at)
    if at < _free_until(terms) and days >= policy.get("freeDays", 0):
        return 0, f"WITHIN_{policy.get('freeHours', 0)}_HOURS"
    for least, percent in policy["steps"]:
        if days >= least:
            return percent, f"DAYS_BEFORE_{least}"
    raise NotAllowed("POLICY")


def _free_until(terms: Terms) -> int:
    return terms.paid_at + terms.policy.get("freeHours", 0) * HOUR


def _valid_until(terms: Terms, at: int) -> int:
    edges = [_next_midnight(at, terms.timezone), _free_until(terms), terms.starts_at]
    return min(edge for edge in edges if edge > at)


def days_before(terms: Terms, at: int) -> int:
    """Count the calendar days of the venue from a time to the day of the show."""
    return (_local(terms.starts_at, terms.timezone).date() - _local(at, terms.timezone).date()).days


def _local(at: int, timezone: str) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(timezone))


def _next_midnight(at: int, timezone: str) -> int:
    """Return when the venue's next day begins. Where the clocks skip midnight, that is when they do."""
    today = _local(at, timezone)
    return int(datetime.combine(today.date() + timedelta(days=1), time(), today.tzinfo).timestamp())
