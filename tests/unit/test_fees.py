"""What is kept of a cancelled booking: each edge to the second, in the venue's zone, over changes of the clock."""

import subprocess
import sys
from datetime import datetime
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from booking import fees
from booking.catalog import DEFAULT_FEES, FeePolicy
from booking.fees import NotAllowed, Terms

LONG_AGO = 0


def at(text: str, zone: str = "Asia/Seoul") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def terms(starts: str, zone: str = "Asia/Seoul", paid: int = LONG_AGO, policy: FeePolicy = DEFAULT_FEES) -> Terms:
    return Terms(policy, at(starts, zone), zone, paid)


def percent(of: Terms, when: int) -> int:
    return fees.quote(of, [100], when).keep_percent


ZONES = {
    # the shows are on Sundays; in each zone the clocks change within the ten days before
    "Asia/Seoul": "2027-05-16T19:00",
    "Europe/Berlin": "2027-03-28T19:00",
    "America/New_York": "2027-11-07T19:00",
    "Australia/Lord_Howe": "2027-04-04T19:00",
    "Africa/Cairo": "2027-05-02T19:00",
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("days", "before", "after"), [(9, 0, 10), (6, 10, 20), (2, 20, 30), (0, 30, 90)])
def test_a_fee_changes_at_midnight_of_the_venue_to_the_second(zone: str, days: int, before: int, after: int) -> None:
    show = terms(ZONES[zone], zone)
    day = datetime.fromtimestamp(show.starts_at, ZoneInfo(zone)).date().toordinal() - days
    midnight = at(datetime.fromordinal(day).isoformat(), zone)

    assert [percent(show, midnight + second) for second in (-1, 0, 1)] == [before, after, after]
    assert fees.quote(show, [100], midnight - 1).valid_until == midnight


@pytest.mark.parametrize("zone", ZONES)
def test_nothing_can_be_cancelled_from_the_start_on(zone: str) -> None:
    show = terms(ZONES[zone], zone)

    assert percent(show, show.starts_at - 1) == 90
    assert fees.quote(show, [100], show.starts_at - 1).valid_until == show.starts_at
    for late in (0, 1, 86_400):
        with pytest.raises(NotAllowed) as refused:
            fees.quote(show, [100], show.starts_at + late)
        assert refused.value.reason == "STARTED"


def test_a_fee_counts_calendar_days_and_not_stretches_of_24_hours() -> None:
    show = terms("2027-05-16T00:30")

    assert percent(show, at("2027-05-15T23:59:59")) == 30
    assert percent(show, at("2027-05-16T00:00")) == 90


def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_do() -> None:
    """In Cairo the clocks go from 0:00 to 1:00 on Friday, 30 April 2027."""
    show = terms("2027-05-07T19:00", "Africa/Cairo")
    skipped = at("2027-04-29T23:59:59", "Africa/Cairo") + 1

    assert datetime.fromtimestamp(skipped, ZoneInfo("Africa/Cairo")).hour == 1
    assert fees.quote(show, [100], skipped - 1).valid_until == skipped
    assert [fees.days_before(show, skipped + second) for second in (-1, 0)] == [8, 7]


def test_what_was_paid_within_24_plain_hours_is_free_while_the_show_is_3_days_away() -> None:
    paid = at("2027-03-27T12:00", "Europe/Berlin")  # the night after has 23 hours
    show = terms("2027-04-01T19:00", "Europe/Berlin", paid)
    end = paid + 24 * 3600

    assert [percent(show, end + second) for second in (-1, 0, 1)] == [0, 20, 20]
    assert fees.quote(show, [100], end - 1).valid_until == end
    assert fees.quote(show, [100], end - 1).rule == "WITHIN_24_HOURS"


def test_being_free_ends_with_the_third_day_before_the_show() -> None:
    paid = at("2027-05-13T20:00")
    show = terms("2027-05-16T19:00", paid=paid)
    midnight = at("2027-05-14T00:00")

    assert [percent(show, midnight + second) for second in (-1, 0, 1)] == [0, 30, 30]
    assert fees.quote(show, [100], midnight - 1).valid_until == midnight


def test_fees_are_rounded_down_for_each_seat_so_that_no_order_of_cancelling_matters() -> None:
    show = terms("2027-05-16T19:00")
    when, prices = at("2027-05-08T12:00"), [99, 101, 7, 12_345]
    whole = fees.quote(show, prices, when)

    assert whole.fee == 9 + 10 + 0 + 1234
    for order in permutations(prices):
        parts = [fees.quote(show, [price], when) for price in order]
        assert sum(part.fee for part in parts) == whole.fee
        assert sum(part.refund for part in parts) == whole.refund
        assert all(part.fee + part.refund == part.paid for part in parts)


def test_a_price_of_zero_costs_nothing_and_gives_nothing() -> None:
    assert fees.quote(terms("2027-05-16T19:00"), [0, 0], at("2027-05-16T12:00"))[:3] == (0, 0, 0)


def test_a_concert_may_have_steps_of_its_own() -> None:
    own: FeePolicy = {"steps": [[30, 0], [14, 50]]}
    show = terms("2027-05-31T19:00", policy=own, paid=at("2027-05-01T12:00"))

    assert percent(show, at("2027-05-01T23:59:59")) == 0
    assert percent(show, at("2027-05-02T00:00")) == 50
    assert percent(show, at("2027-05-02T01:00")) == 50, "hours that are free are part of a policy, not of every one"
    with pytest.raises(NotAllowed) as refused:
        percent(show, at("2027-05-18T00:00"))
    assert refused.value.reason == "POLICY"


def test_a_concert_may_allow_no_cancelling() -> None:
    with pytest.raises(NotAllowed) as refused:
        percent(terms("2027-05-31T19:00", policy={"steps": []}), at("2027-01-01T00:00"))
    assert refused.value.reason == "POLICY"


def test_a_show_that_was_moved_can_be_given_back_in_full_until_it_starts() -> None:
    moved = terms("2027-05-16T19:00", policy={"steps": []})._replace(moved=True)

    assert fees.quote(moved, [100], moved.starts_at - 1)[:5] == (100, 0, 100, 0, "MOVED")
    with pytest.raises(NotAllowed):
        fees.quote(moved, [100], moved.starts_at)


def test_no_quote_changes_before_it_says_so() -> None:
    """Every hour of twelve days, and to the second at each announced change."""
    paid = at("2027-03-21T08:17:23", "Europe/Berlin")
    show = terms("2027-03-28T19:00", "Europe/Berlin", paid)
    when = at("2027-03-16T00:00", "Europe/Berlin")
    while when < show.starts_at:
        quote = fees.quote(show, [1000], when)
        assert quote.valid_until > when
        assert fees.quote(show, [1000], quote.valid_until - 1)[:5] == quote[:5]
        when = min(when + 3600, quote.valid_until)


def test_the_zones_of_venues_are_found_where_the_system_has_none() -> None:
    """A function's image may carry no zone files; the layer brings its own."""
    needed = Path(fees.__file__).parents[3] / "dependencies" / "requirements.txt"
    assert any(line.startswith("tzdata==") for line in needed.read_text("utf-8").splitlines())

    say = "from zoneinfo import ZoneInfo; print(ZoneInfo('Asia/Seoul').key, ZoneInfo('Europe/Berlin').key)"
    told = subprocess.run(
        [sys.executable, "-c", say], env={"PYTHONTZPATH": ""}, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["Asia/Seoul", "Europe/Berlin"]
