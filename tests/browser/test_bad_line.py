"""A bad line at the worst moments: a file of the page, a renewed sign-in or an answer that does not come.

Nothing that one has is lost by it, and nothing is done twice.
"""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit, Visits
from tests.browser.fake import Answer, FakeApi, Request
from tests.browser.test_cancelling import agree
from tests.browser.test_pages import to_the_seats

POLL = ".*/queue-tokens/current"
IN_A_HURRY = "const timeout = AbortSignal.timeout; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 50);"
"""What waits half a minute for an answer waits less than a second."""


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """One concert on sale, with one date."""
    api.add_concert()
    api.add_performance()
    return api


def wait_until(visit: Visit, condition: Callable[[], Any]) -> None:
    """Let the page go on until it has come to something."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        visit.page.wait_for_timeout(20)


def wait_in_line(visit: Visit) -> None:
    """Sign up, and join a line in which nobody is let in."""
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".ahead").wait_for()


def lose_a_file(visit: Visit, name: str) -> Callable[[], None]:
    """Let a file of the page not come, until what is returned is called."""
    visit.was_cut_off = True
    pattern = re.compile(rf".*/{name}(\?.*)?$")
    visit.context.route(pattern, lambda route: route.abort())
    return lambda: visit.context.unroute(pattern)


# -- files of the page


def test_page_that_did_not_come_comes_when_it_is_asked_for_again(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.go("/")
    visit.page.locator(".card").first.wait_for()
    found = lose_a_file(visit, "concert.js")
    visit.go("/concerts/night-sky")
    again = visit.page.get_by_role("button", name="다시 시도")
    again.wait_for()
    found()

    again.click()

    expect(visit.page.locator("h1")).to_have_text("Night Sky")


def test_place_is_kept_though_a_file_does_not_come_after_a_reload(shop: FakeApi, visits: Visits) -> None:
    shop.queue["night-sky"] = {"status": "WAITING"}
    visit = visits(shop)
    wait_in_line(visit)
    lose_a_file(visit, "alarm-worker.js")
    visit.page.reload()
    visit.page.locator(".ahead").wait_for()
    asked = len(shop.asked("GET", POLL))

    wait_until(visit, lambda: len(shop.asked("GET", POLL)) >= asked + 2)


def test_what_a_lobby_needs_is_fetched_long_before_the_draw(shop: FakeApi, visits: Visits) -> None:
    shop.queue["night-sky"] = {"status": "WAITING", "ahead": 4, "position": 5}
    shop.add_lobby(closes_after=5)
    visit = visits(shop, script="Math.random = () => 0.07;")
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".lobby .until").wait_for()
    with visit.page.expect_response(re.compile(".*/lobby.js$")):
        visit.page.goto(f"{visit.url}#/points")
        visit.page.reload()
    lose_a_file(visit, "lobby.js")

    wait_until(visit, lambda: visit.kept("place.").get("drawn"))


def test_ticket_whose_code_cannot_be_drawn_says_so(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.sign_up("fan")
    held = shop.hold("fan", "night-sky.first", [7])
    shop.fan("fan").balance = 50_000
    found = lose_a_file(visit, "qr-write.js")
    visit.go(f"/reservations/{held['reservationId']}")
    visit.page.locator(".pay").click()

    again = visit.page.locator(".passes").get_by_role("button", name="다시 시도")
    again.wait_for()
    found()
    again.click()
    expect(visit.page.locator(".qr path")).to_have_count(1)


# -- renewing a sign-in


def refuse_to_renew(visit: Visit, status: int, kind: str | None) -> list[Route]:
    """Let the user pool refuse what it is asked from now on; what it was asked is listed."""
    asked: list[Route] = []
    visit.expected.add(status)

    def handle(route: Route) -> None:
        asked.append(route)
        body = {"__type": kind, "message": "Rate exceeded"} if kind else None
        route.fulfill(status=status, json=body, headers={"Access-Control-Allow-Origin": "*"})

    visit.context.route("**/cognito", handle)
    return asked


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "TooManyRequestsException"),
        (400, "ForbiddenException"),
        (500, "InternalErrorException"),
        (502, None),
        (429, None),
        (403, None),
    ],
)
def test_place_outlives_a_user_pool_that_cannot_renew_just_now(
    shop: FakeApi, visits: Visits, status: int, kind: str | None
) -> None:
    shop.queue["night-sky"] = {"status": "WAITING"}
    visit = visits(shop, expected={401})
    visit.page.clock.install()
    wait_in_line(visit)
    refused = refuse_to_renew(visit, status, kind)
    before = len(shop.asked("GET", POLL))
    visit.page.clock.fast_forward(3_590_000)
    wait_until(visit, lambda: refused)
    expect(visit.page.locator(".line .note.warn")).to_be_visible()

    visit.context.unroute("**/cognito")
    shop.queue["night-sky"] |= {"ahead": 12}
    visit.page.clock.fast_forward(30_000)

    expect(visit.page.locator(".ahead b")).to_have_text("12")
    assert len(shop.asked("GET", POLL)) > before


def test_renewal_without_an_answer_is_given_up_and_the_place_asked_for_again(shop: FakeApi, visits: Visits) -> None:
    shop.queue["night-sky"] = {"status": "WAITING"}
    visit = visits(shop, script=IN_A_HURRY)
    visit.page.clock.install()
    wait_in_line(visit)
    held: list[Route] = []
    visit.context.route("**/cognito", lambda route: held.append(route))  # noqa: PLW0108
    visit.page.clock.fast_forward(3_590_000)
    wait_until(visit, lambda: held)

    expect(visit.page.locator(".line .note.warn")).to_be_visible()
    visit.context.unroute("**/cognito")
    shop.queue["night-sky"] |= {"ahead": 12}
    visit.page.clock.fast_forward(30_000)
    expect(visit.page.locator(".ahead b")).to_have_text("12")
    visit.was_cut_off = True


@pytest.mark.parametrize("refused", [False, True])
def test_renewal_that_comes_after_signing_out_signs_nobody_in_or_out(
    shop: FakeApi, visits: Visits, refused: bool
) -> None:
    visit = visits(shop, expected={400})
    visit.page.clock.install()
    visit.sign_up("fan")
    held: list[Route] = []
    visit.context.route("**/cognito", lambda route: route.continue_() if held else held.append(route))
    visit.page.clock.fast_forward(3_590_000)
    visit.go("/points")
    wait_until(visit, lambda: held)
    visit.page.get_by_role("button", name="로그아웃").click()
    visit.sign_up("another")
    if refused:
        shop.refresh_tokens.clear()

    held[0].continue_()
    visit.page.wait_for_timeout(500)

    assert visit.kept("session")["username"] == "another"
    visit.page.reload()
    expect(visit.page.locator(".who-name")).to_contain_text("another")


def test_lobby_renews_a_sign_in_before_the_draw_at_a_moment_of_its_own(shop: FakeApi, visits: Visits) -> None:
    """Otherwise all who came an hour before it renew at the draw, when every second counts."""
    shop.add_lobby(closes_in=7200)
    moments: list[int] = []
    for chance in (0.1, 0.9):
        visit = visits(shop, script=f"Math.random = () => {chance};")
        visit.page.clock.install()
        visit.sign_up(f"fan-{chance}".replace(".", "-"))
        visit.go("/concerts/night-sky")
        visit.page.locator(".door-act button").click()
        visit.page.locator(".lobby .until").wait_for()
        before = visit.kept("session")["idToken"]
        for minute in range(0, 60, 2):
            visit.page.clock.fast_forward(120_000)
            visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            visit.page.wait_for_timeout(100)
            if visit.kept("session")["idToken"] != before:
                moments.append(minute)
                break

    late, early = moments
    assert 25 <= early < late - 15
    assert late <= 58


# -- answers that are lost


def lose_answers(shop: FakeApi, method: str, pattern: str, serve: Callable[[Request], Any], times: int) -> None:
    """Let the next requests be carried out, and their answers get lost."""
    left = [times]

    def lose(request: Request) -> Answer | None:
        if left[0] == 0:
            return None
        left[0] -= 1
        request.user = "fan"
        serve(request)
        return Answer({"code": "TEMPORARILY_UNAVAILABLE"}, 503)

    shop.script(method, pattern, lose)


def test_seats_whose_hold_was_not_answered_are_said_to_be_ones_own(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, expected={503})
    visit.sign_up("fan")
    to_the_seats(visit)
    lose_answers(shop, "POST", "/reservations", shop.reserve, times=3)
    for number in (7, 8):
        visit.seat(number).click()
    visit.page.locator(".pick button.wide").click()
    visit.page.locator(".pick .note.warn").wait_for()

    mine = visit.page.locator(".pick .mine")
    expect(mine).to_contain_text("2")
    looked = len(shop.asked("GET", ".*/seats"))
    wait_until(visit, lambda: len(shop.asked("GET", ".*/seats")) > looked)
    visit.page.wait_for_timeout(300)
    expect(visit.page.locator(".pick")).not_to_contain_text("방금 나갔어요")
    visit.page.locator(".pick").get_by_role("button", name="다시 시도").click()

    visit.page.locator(".till .account").wait_for()
    assert len({request.body["seatNumbers"][0] for request in shop.asked("POST", "/reservations")}) == 1
    assert len(shop.fan("fan").reservations) == 1


def test_charge_that_is_repeated_after_a_lost_answer_ends_as_any_other(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, expected={503})
    visit.sign_up("fan")
    visit.go("/points")
    lose_answers(shop, "POST", "/points/charges", lambda _: None, times=3)
    visit.page.fill("#charge-amount", "50000")
    visit.page.get_by_role("button", name="충전하기").click()
    visit.page.locator(".wallet .note.warn").get_by_role("button", name="다시 시도").click()

    expect(visit.page.locator(".told")).to_contain_text("50,000 P")
    expect(visit.page.locator("#charge-amount")).to_have_value("")


def test_cancellation_that_is_repeated_after_a_reload_on_a_bad_line_is_the_one_agreed_to(
    shop: FakeApi, visits: Visits
) -> None:
    visit = visits(shop, language="en-US", expected={503})
    visit.sign_up("fan")
    shop.fan("fan").balance = 50_000
    held = shop.hold("fan", "night-sky.first", [7, 8])
    visit.go(f"/reservations/{held['reservationId']}")
    visit.page.locator(".pay").click()
    cancellation = "/reservations/.*/cancellation"
    lost = threading.Event()

    def lose(request: Request) -> Answer | None:
        return None if lost.is_set() else Answer({"code": "TEMPORARILY_UNAVAILABLE"}, 503)

    shop.script("POST", cancellation, lose)
    visit.page.get_by_role("button", name="Cancel seats").click()
    visit.page.locator(".cancel-seats input").nth(1).uncheck()
    agree(visit)
    visit.page.locator(".cancellation .note.warn").wait_for(timeout=15_000)
    visit.page.reload()
    again = visit.page.locator(".cancellation .note.warn").get_by_role("button", name="Try again")
    again.wait_for(timeout=15_000)
    lost.set()
    again.click()

    expect(visit.page.locator(".slip-seats s")).to_have_count(1)
    asked = shop.asked("POST", cancellation)
    assert len({request.headers["idempotency-key"] for request in asked}) == 1
    assert len({str(request.body) for request in asked}) == 1


def test_concert_that_one_has_left_asks_no_more_about_its_draw(shop: FakeApi, visits: Visits) -> None:
    shop.add_lobby(closes_in=-1, draws_in=3600)
    draw = "/concerts/night-sky/draw"
    visit = visits(shop)
    visit.page.clock.install()
    held: list[Route] = []
    visit.intercept("GET", "/draw", lambda route: held.append(route))  # noqa: PLW0108
    visit.go("/concerts/night-sky")
    wait_until(visit, lambda: held)
    visit.go("/")
    visit.page.locator(".card").first.wait_for()
    held[0].continue_()
    wait_until(visit, lambda: shop.asked("GET", draw))
    visit.page.wait_for_timeout(200)

    visit.page.clock.fast_forward(4_000_000)
    visit.page.wait_for_timeout(500)

    assert len(held) == 1
