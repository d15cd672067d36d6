"""Giving seats back in the page: the terms before buying, the sum before agreeing, and what came of it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SMALL_PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import DAY, Answer, FakeApi, Request, rfc3339

CANCELLATION = r"/reservations/[^/]+/cancellation"


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """One concert on sale, a month away."""
    api.add_concert()
    api.add_performance()
    return api


def bought(shop: FakeApi, visit: Visit, *numbers: int) -> str:
    """Buy seats, and come to the ticket."""
    visit.sign_up("fan")
    shop.fan("fan").balance = 10_000
    held = shop.hold("fan", "night-sky.first", list(numbers))
    request = Request(
        "POST", "/payments", {}, {"idempotency-key": "k"}, {"reservationId": held["reservationId"]}, "fan", 0
    )
    shop.pay(request)
    visit.go(f"/reservations/{held['reservationId']}")
    visit.page.get_by_role("button", name="Cancel seats").wait_for()
    visit.page.locator(".steps").wait_for()  # the payment has been asked for
    return str(held["reservationId"])


def agree(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Cancel and get").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Cancel the seats").click()


@pytest.mark.parametrize("where", ["/concerts/night-sky", "till"])
def test_what_cancelling_costs_is_said_before_buying(shop: FakeApi, visits: Visits, where: str) -> None:
    visit = visits(shop, language="en-US")
    visit.sign_up("fan")
    if where == "till":
        where = f"/reservations/{shop.hold('fan', 'night-sky.first', [7])['reservationId']}"
    visit.go(where)

    visit.page.get_by_text("If you cancel").click()

    rows = visit.page.locator(".terms tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_have_text("10 days or more beforeNothing")
    expect(rows.nth(1)).to_have_text("9 to 7 days before10 % of the price")
    expect(rows.nth(4)).to_have_text("On the day, before the start90 % of the price")
    assert_accessible(visit.page)


def test_concert_that_lets_nobody_cancel_says_so(shop: FakeApi, visits: Visits) -> None:
    shop.concerts["night-sky"]["cancellation"] = {"steps": [], "freeHours": 0, "freeDaysBefore": 0}
    visit = visits(shop, language="en-US")

    visit.go("/concerts/night-sky")

    expect(visit.page.get_by_text("Bookings of this concert cannot be cancelled.")).to_be_visible()


@pytest.mark.parametrize("size", [None, SMALL_PHONE], ids=["desktop", "phone"])
def test_half_of_a_booking_then_the_rest_is_cancelled_for_the_sum_agreed_to(
    shop: FakeApi, visits: Visits, size: dict[str, int] | None
) -> None:
    visit = visits(shop, size=size, language="en-US")
    reservation = bought(shop, visit, 7, 8)
    page = visit.page

    page.get_by_role("button", name="Cancel seats").click()
    page.locator(".cancel-seats input").nth(1).uncheck()
    expect(page.locator(".cancellation .rest dd")).to_have_text("1,000 P")
    visit.shot(f"cancel-quote-{'phone' if size else 'desktop'}")
    assert_accessible(page)
    agree(visit)

    expect(page.get_by_text("1,000 P is back. You have 9,000 P now.")).to_be_visible()
    expect(page.locator(".slip-seats s")).to_have_count(1)
    expect(page.locator(".slip-seats b")).to_have_count(1)

    page.get_by_role("button", name="Cancel seats").click()
    agree(visit)

    expect(page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")
    expect(page.get_by_text("2,000 P came back to your points.")).to_be_visible()
    visit.shot(f"cancel-over-{'phone' if size else 'desktop'}")
    assert shop.fan("fan").balance == 10_000
    assert [request.body["expectedRefund"] for request in shop.asked("POST", CANCELLATION)] == [1000, 1000]
    assert shop.fan("fan").reservations[reservation]["status"] == "CANCELLED"


def test_sum_that_changed_meanwhile_is_shown_and_agreed_to_anew(shop: FakeApi, visits: Visits) -> None:
    shop.performances["night-sky.first"]["startsAt"] = rfc3339(shop.now() + 8 * DAY)
    visit = visits(shop, language="en-US", expected={409})
    bought(shop, visit, 7)
    shop.fan("fan").payments.popitem()
    page = visit.page
    paid = {"completedAt": rfc3339(shop.now() - DAY // 2)}
    (reservation,) = shop.fan("fan").reservations.values()
    shop.fan("fan").payments[reservation["paymentId"]] = {"paymentId": reservation["paymentId"]} | paid

    page.get_by_role("button", name="Cancel seats").click()
    expect(page.locator(".cancellation .rest dd")).to_have_text("1,000 P")
    shop.fan("fan").payments[reservation["paymentId"]]["completedAt"] = rfc3339(shop.now() - 2 * DAY)
    agree(visit)

    expect(page.get_by_text("What you get back has changed.")).to_be_visible()
    expect(page.locator(".cancellation .rest dd")).to_have_text("900 P")
    assert shop.fan("fan").balance == 9000
    agree(visit)
    expect(page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")
    assert shop.fan("fan").balance == 9900


def test_points_on_their_way_are_said_to_be_and_asked_after_with_the_same_key(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, language="en-US")
    bought(shop, visit, 7)
    asked: list[str] = []

    def slow(request: Request) -> Answer | None:
        asked.append(request.headers["idempotency-key"])
        request.user = "fan"
        done = shop.cancel(request, request.path.split("/")[2])
        if len(asked) > 2:
            return done
        body = {name: value for name, value in done.body.items() if name != "balance"}
        return Answer(body | {"status": "REFUNDING"}, 202, {"Retry-After": "1"})

    shop.script("POST", CANCELLATION, slow)
    visit.page.get_by_role("button", name="Cancel seats").click()
    agree(visit)

    expect(visit.page.get_by_text("is on its way to your points")).to_be_visible()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_lost_answer_and_a_reload_are_one_cancellation(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, language="en-US", expected={503})
    bought(shop, visit, 7, 8)
    page = visit.page
    lost = [5]

    def lose(request: Request) -> Answer | None:
        if lost[0] == 0:
            return None
        lost[0] -= 1
        request.user = "fan"
        shop.cancel(request, request.path.split("/")[2])  # it was done, and the answer is lost
        return Answer({"code": "TEMPORARILY_UNAVAILABLE"}, 503)

    shop.script("POST", CANCELLATION, lose)
    page.get_by_role("button", name="Cancel seats").click()
    page.locator(".cancel-seats input").nth(1).uncheck()
    agree(visit)
    expect(page.get_by_text("We are very busy right now.")).to_be_visible(timeout=15_000)
    page.reload()

    expect(page.locator(".slip-seats s")).to_have_count(1, timeout=15_000)
    expect(page.get_by_text("1,000 P is back.")).to_be_visible(timeout=15_000)
    assert shop.fan("fan").balance == 9000
    assert len({request.headers["idempotency-key"] for request in shop.asked("POST", CANCELLATION)}) == 1


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("STARTED", "The show has begun"),
        ("CHECKED_IN", "Somebody has come in with one of these tickets"),
        ("POLICY", "does not let bookings be cancelled any more"),
        ("SOMETHING_NEW", "This booking cannot be cancelled now."),
    ],
)
def test_what_stands_against_it_is_said(shop: FakeApi, visits: Visits, reason: str, told: str) -> None:
    visit = visits(shop, language="en-US")
    bought(shop, visit, 7)
    visit.refuse("GET", "/cancellation", "NOT_CANCELLABLE", times=9, reason=reason)

    visit.page.get_by_role("button", name="Cancel seats").click()

    expect(visit.page.get_by_text(re.compile(told))).to_be_visible()


@pytest.mark.parametrize(
    ("tongue", "told"), [("en", "The organiser called this date off"), ("ko", "주최 측이 이 날짜의 공연을 취소했어요")]
)
def test_date_that_was_called_off_says_so_and_what_came_back(
    shop: FakeApi, visits: Visits, tongue: str, told: str
) -> None:
    visit = visits(shop, language="en-US")
    name = bought(shop, visit, 7)
    changed = {"status": "CANCELLED", "cancelledBy": "ORGANISER", "cancelledSeatNumbers": [7], "refunded": 1000}
    shop.fan("fan").reservations[name] |= changed
    visit.page.locator(f".tongues [lang={tongue}]").click()
    visit.page.reload()

    expect(visit.page.get_by_text(told)).to_be_visible()
    expect(visit.page.get_by_text(re.compile("1,000 P"))).to_have_count(2)
    assert_accessible(visit.page)


def test_hold_of_a_date_that_was_called_off_says_that_nothing_was_paid(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, language="en-US")
    name = bought(shop, visit, 7)
    changed = {"status": "CANCELLED", "cancelledBy": "ORGANISER", "cancelledSeatNumbers": [7], "refunded": 0}
    shop.fan("fan").reservations[name] |= changed
    del shop.fan("fan").reservations[name]["paymentId"]
    visit.page.reload()

    expect(visit.page.get_by_text("no points have left your account")).to_be_visible()
