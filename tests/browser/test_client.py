"""What the client promises whatever the stack does, shown against a stand-in that can be made to misbehave."""

import re
import time
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Fake, Visit, Visits, assert_accessible
from tests.browser.fake_stack import Refused

TEN_MINUTES_FAST = """
  const shift = 10 * 60 * 1000, real = Date.now.bind(Date), RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...given) { if (given.length) super(...given); else super(real() + shift); }
    static now() { return real() + shift; }
  };
"""
COUNT_SHIFTS = """
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(entry.value);
  }).observe({ type: "layout-shift", buffered: true });
"""
HIDE = """
  Object.defineProperty(document, "hidden", { configurable: true, get: () => globalThis.isHidden === true });
"""
HOSTILE = """"><img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>{{7*7}}'&lt;b&gt;"""


def enter(visit: Visit, fake: Fake, concert: str = "moon-tide", date: str = "0110") -> None:
    """Sign up, join an empty queue and stand before the seats."""
    visit.sign_up("별헤는밤")
    visit.go(f"/concerts/{concert}/dates/{concert}.{date}")
    visit.page.click(".pick button.wide")
    visit.page.locator(".right .countdown").wait_for()


def seat(page: Page, number: int) -> Any:
    return page.get_by_role("group", name=re.compile("좌석표|Seat map")).get_by_text(str(number), exact=True)


def hold(visit: Visit, *numbers: int) -> None:
    for number in numbers:
        seat(visit.page, number).click()
    visit.page.click(".pick button.wide")
    visit.page.locator(".till").wait_for()


def give_points(fake: Fake, amount: int) -> None:
    for sub in fake.stack.users:
        fake.stack.enter(sub, "CHARGE", amount)


def calls(fake: Fake, method: str, pattern: str) -> list[float]:
    return [at for at, verb, path in fake.stack.log if verb == method and re.fullmatch(pattern, path)]


# -- arriving


def test_first_page_is_small_and_usable_on_slow_3g(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, phone=True, script=COUNT_SHIFTS)
    line = visit.context.new_cdp_session(visit.page)
    received = 0

    def add(event: dict[str, Any]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    line.on("Network.loadingFinished", add)
    line.send("Network.enable")
    slow = {"latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # as the developer tools have it
    line.send("Network.emulateNetworkConditions", {"offline": False, **slow})

    began = time.monotonic()
    visit.page.goto(fake.url, wait_until="commit")
    visit.page.locator(".first-light").wait_for()
    seen = time.monotonic() - began
    visit.page.locator(".card h2").first.wait_for()
    usable = time.monotonic() - began
    visit.page.wait_for_timeout(500)

    assert received <= 100_000
    assert seen < 4
    assert usable < 15
    assert sum(visit.page.evaluate("shifts")) < 0.01


def test_nothing_is_asked_of_any_other_host_and_no_script_runs_but_the_clients(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    answer = visit.page.goto(fake.url)
    visit.page.locator(".card h2").first.wait_for()

    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert {request.url.startswith(fake.url) for request in visit.requests} == {True}


def test_hostile_titles_and_names_are_only_text(visits: Visits, fake: Fake) -> None:
    fake.stack.add_concert("evil", HOSTILE, HOSTILE, HOSTILE, description=HOSTILE)
    fake.stack.add_date("evil", "1", 3)
    visit = visits(fake.url, expected={418})
    visit.sign_up(HOSTILE.replace(" ", "_"))
    page = visit.page

    expect(page.locator(".who-name")).to_contain_text("<script>globalThis.pwned=1</script>")
    expect(page.locator(".card h2", has_text="onerror")).to_have_text(HOSTILE)
    visit.go("/concerts/evil")
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator(".description")).to_have_text(HOSTILE)
    refusal = Refused("SOMETHING_NEW", 418)
    refusal.body["detail"] = HOSTILE
    fake.stack.fail_next["POST /concerts/evil/queue-tokens"] = [refusal]
    page.click(".door button")
    expect(page.get_by_role("alert")).to_contain_text(HOSTILE)

    fake.stack.ahead = 3
    page.click(".door .door-act button")
    page.locator(".ahead").wait_for()
    expect(page.locator("h1")).to_have_text(HOSTILE)
    visit.go("/points")
    expect(page.locator(".dock")).to_contain_text(HOSTILE)
    page.locator("summary").click()
    give_points(fake, 100)
    page.fill("#use-amount", "10")
    page.fill("#use-reason", HOSTILE[:100])
    page.click("details button[type=submit]")
    expect(page.locator(".entries li").first).to_contain_text(HOSTILE[:100])
    visit.go(f"/concerts/{HOSTILE}")
    page.locator("h1").wait_for()

    assert page.evaluate("globalThis.pwned") is None
    assert page.locator("img, main script").count() == 0


def test_language_follows_the_browser_and_can_be_changed(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, language="en-GB")
    visit.go()
    expect(visit.page.locator("h1")).to_have_text("The music of that scene, live")

    visit.page.get_by_role("button", name="한국어").click()

    expect(visit.page.locator("h1")).to_have_text("그 장면의 음악을, 라이브로")
    assert visit.page.evaluate("document.documentElement.lang") == "ko"
    visit.page.reload()
    expect(visit.page.locator("h1")).to_have_text("그 장면의 음악을, 라이브로")


def test_sign_in_says_what_was_wrong_and_returns_to_where_one_was(visits: Visits, fake: Fake) -> None:
    visits(fake.url).sign_up("haru")
    visit = visits(fake.url, expected={400})
    visit.go("/concerts/moon-tide")
    visit.page.get_by_role("button", name="로그인하고 예매하기").click()

    visit.page.fill("#username", "haru")
    visit.page.fill("#password", "wrong-password")
    visit.page.click("form button[type=submit]")
    expect(visit.page.get_by_role("alert")).to_contain_text("아이디나 비밀번호가 맞지 않아요")
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")

    expect(visit.page).to_have_url(re.compile(r"#/concerts/moon-tide$"))
    visit.page.get_by_role("button", name="로그아웃").click()
    expect(visit.page.get_by_role("link", name="로그인", exact=True)).to_be_visible()
    visit.go("/sign-up")
    visit.page.fill("#username", "haru")
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")
    expect(visit.page.get_by_role("alert")).to_contain_text("이미 쓰이고 있는 아이디예요")


def test_lapsed_sign_in_is_renewed_unnoticed(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, expected={401})
    visit.sign_up("haru")
    for user in fake.stack.users.values():
        user["tokens"].clear()

    visit.go("/points")

    expect(visit.page.locator(".big")).to_have_text("0 P")


def test_sign_in_that_cannot_be_renewed_is_asked_for_again(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, expected={400, 401})
    visit.sign_up("haru")
    for user in fake.stack.users.values():
        user["tokens"].clear()
        user["refresh"] = None

    visit.go("/points")

    expect(visit.page.locator(".note")).to_contain_text("로그인이 필요해요")
    expect(visit.page.get_by_role("link", name="로그인", exact=True)).to_be_visible()


# -- waiting


@pytest.fixture
def waiting(visits: Visits, fake: Fake) -> Visit:
    """A fan in the waiting room, with two hundred ahead."""
    fake.stack.ahead = 200
    visit = visits(fake.url, script=HIDE)
    visit.sign_up("기다림")
    visit.go("/concerts/moon-tide")
    visit.page.click(".door button")
    visit.page.locator(".ahead").wait_for()
    visit.page.wait_for_timeout(300)  # what the page needs is there
    visit.requests.clear()
    fake.stack.log.clear()
    return visit


POLL = "/concerts/moon-tide/queue-tokens/current"


def place_of(fake: Fake) -> dict[str, Any]:
    return next(iter(fake.stack.places.values()))


def test_while_waiting_nothing_is_asked_but_polls_and_never_oftener_than_told(waiting: Visit, fake: Fake) -> None:
    waiting.page.wait_for_timeout(7500)

    polls = calls(fake, "GET", POLL)
    assert {request.url for request in waiting.requests} == {f"{fake.url}api{POLL}"}
    assert len(polls) >= 3
    assert min(later - earlier for earlier, later in pairwise(polls)) >= 2.0


def test_waiting_shows_the_place_as_it_moves(waiting: Visit, fake: Fake) -> None:
    expect(waiting.page.locator(".ahead b")).to_have_text("200")
    place_of(fake)["ahead"] = 50

    expect(waiting.page.locator(".ahead b")).to_have_text("50")
    expect(waiting.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75")
    place_of(fake)["ahead"] = 0
    expect(waiting.page.locator(".right .countdown")).to_be_visible()
    expect(waiting.page).to_have_url(re.compile(r"/dates/moon-tide\.0110$"))


def test_reload_while_waiting_keeps_the_place_and_polls_no_sooner(waiting: Visit, fake: Fake) -> None:
    for _ in range(3):
        waiting.page.wait_for_timeout(700)
        waiting.page.reload()
        expect(waiting.page.locator(".ahead b")).to_have_text("200")
    waiting.page.wait_for_timeout(2000)

    polls = calls(fake, "GET", POLL)
    assert calls(fake, "POST", ".*/queue-tokens") == []
    assert len(polls) >= 1
    assert min([later - earlier for earlier, later in pairwise(polls)] or [2]) >= 2.0


def test_two_tabs_share_one_place_and_one_rhythm(waiting: Visit, fake: Fake) -> None:
    second = waiting.tab()
    second.goto(waiting.page.url)
    expect(second.locator(".ahead b")).to_have_text("200")
    waiting.page.wait_for_timeout(6500)

    polls = calls(fake, "GET", POLL)
    assert len(polls) <= 4
    assert min(later - earlier for earlier, later in pairwise(polls)) >= 2.0
    waiting.page.close()
    place_of(fake)["ahead"] = 120
    expect(second.locator(".ahead b")).to_have_text("120")


def test_tab_that_sleeps_on_the_lock_loses_it_to_one_that_is_seen(waiting: Visit, fake: Fake) -> None:
    sleeper = waiting.context.new_page()
    sleeper.goto(f"{waiting.url}icon.svg")  # of the same origin, but it will never poll
    key = waiting.page.evaluate("Object.keys(localStorage).find((key) => key.startsWith('ost.place.'))")
    sleeper.evaluate("(name) => void navigator.locks.request(name, { steal: true }, () => new Promise(() => {}))", key)
    waiting.page.bring_to_front()
    place_of(fake)["ahead"] = 120

    expect(waiting.page.locator(".ahead b")).to_have_text("120", timeout=20_000)


def test_hidden_tab_polls_only_as_often_as_keeps_the_place(waiting: Visit, fake: Fake) -> None:
    waiting.page.evaluate("isHidden = true; document.dispatchEvent(new Event('visibilitychange'))")
    began = time.monotonic()
    waiting.page.wait_for_timeout(18_000)

    polls = [at for at in calls(fake, "GET", POLL) if at > began + 1]
    # A place lives 16 s from a poll, so half of that is soon enough; seen, it would have been polled eight times.
    assert 1 <= len(polls) <= 3
    assert place_of(fake)["expires"] > time.time()


def test_unsteady_line_is_told_and_survived(waiting: Visit, fake: Fake) -> None:
    waiting.expected.add(503)
    busy = [Refused("TEMPORARILY_UNAVAILABLE", 503, {"Retry-After": "1"}) for _ in range(2)]
    fake.stack.fail_next[f"GET {POLL}"] = list(busy)

    expect(waiting.page.locator(".line .note")).to_contain_text("자리는 그대로")
    expect(waiting.page.locator(".line .note")).to_have_count(0)

    polls = calls(fake, "GET", POLL)
    assert min(later - earlier for earlier, later in pairwise(polls)) >= 2.0


def test_ended_place_offers_to_join_again(waiting: Visit, fake: Fake) -> None:
    waiting.expected.add(401)
    place_of(fake)["status"] = "FINISHED"

    expect(waiting.page.locator("h1")).to_have_text("대기 순번이 끝났어요")
    waiting.page.get_by_role("button", name="다시 줄 서기").click()

    expect(waiting.page.locator(".ahead b")).to_have_text("200")


def test_leaving_is_asked_about_and_frees_the_place(waiting: Visit, fake: Fake) -> None:
    waiting.page.get_by_role("button", name="대기열 나가기").click()
    waiting.page.get_by_role("dialog").get_by_role("button", name="취소").click()
    waiting.page.get_by_role("button", name="대기열 나가기").click()
    waiting.page.get_by_role("dialog").get_by_role("button", name="대기열 나가기").click()

    expect(waiting.page.get_by_role("button", name="예매하러 입장하기")).to_be_visible()
    assert place_of(fake)["status"] == "FINISHED"


# -- seats


def test_seat_map_comes_without_a_layout_shift(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, phone=True, script=COUNT_SHIFTS)

    def dawdle(route: Route) -> None:
        time.sleep(0.8)
        route.continue_()

    visit.page.route("**/performances/*/seats", dawdle)

    visit.go("/concerts/starlight/dates/starlight.1224")
    visit.page.locator(".seat.ghost").first.wait_for()
    visit.page.locator(".seat.free").first.wait_for()
    visit.page.wait_for_timeout(500)

    assert visit.page.locator(".seats .seat").count() == 50
    assert sum(visit.page.evaluate("shifts")) < 0.01


def test_seats_can_be_picked_with_the_keyboard_alone(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    enter(visit, fake, "starlight", "1224")
    page = visit.page
    first = page.locator(".seats .seat").first
    expect(first).to_have_attribute("aria-label", "A열 1번째, 1번 좌석, 132,000 P, 선택 가능")
    first.focus()

    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End"):
        page.keyboard.press(key)
    page.keyboard.press("Space")

    picked = page.locator(".seats .seat:focus")
    expect(picked).to_have_attribute("aria-label", "C열 8번째, 21번 좌석, 132,000 P, 선택함")
    expect(picked).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chips li")).to_have_text(re.compile("C열 21번"))
    assert page.locator(".seats .seat[tabindex='0']").count() == 1


def test_no_more_than_four_seats_and_none_that_is_taken(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    enter(visit, fake, "starlight", "1224")
    for number in (1, 2, 5, 6, 7):
        seat(visit.page, number).click(force=True)
    visit.page.locator(".seat.sold").first.click(force=True)
    visit.page.locator(".seats .seat.held").first.click(force=True)

    expect(visit.page.locator(".chips li")).to_have_count(4)
    expect(visit.page.locator(".sum")).to_contain_text("528,000 P")


def test_taken_seat_is_told_with_what_is_free(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, expected={409})
    enter(visit, fake)
    seat(visit.page, 7).click()
    seat(visit.page, 8).click()
    fake.stack.take("moon-tide.0110", [7])

    visit.page.click(".pick button.wide")

    expect(visit.page.get_by_role("alert")).to_contain_text("7번 좌석은 방금 다른 분이 먼저 잡았어요")
    expect(visit.page.locator(".seats .seat.sold")).to_have_count(1)
    expect(visit.page.locator(".chips li")).to_have_count(1)
    visit.page.click(".pick button.wide")
    visit.page.locator(".till").wait_for()


def test_token_that_ended_elsewhere_leads_back_to_the_queue(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, expected={401})
    enter(visit, fake)
    seat(visit.page, 7).click()
    place_of(fake)["status"] = "FINISHED"

    visit.page.click(".pick button.wide")

    expect(visit.page.get_by_role("alert")).to_contain_text("대기 순번이 끝났어요")
    visit.page.get_by_role("alert").get_by_role("link", name="다시 줄 서기").click()
    visit.page.get_by_role("button", name="다시 줄 서기").click()
    expect(visit.page.locator(".right .countdown")).to_be_visible()


# -- holding and paying


def test_countdown_is_right_though_the_devices_clock_is_ten_minutes_fast(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, script=TEN_MINUTES_FAST)
    enter(visit, fake)
    hold(visit, 7)
    reservation = next(iter(fake.stack.reservations.values()))

    for _ in range(2):
        countdown = visit.page.locator(".ring .countdown")
        countdown.wait_for()
        visit.page.wait_for_timeout(1200)
        minutes, seconds = countdown.inner_text().split(":")
        left = reservation["until"] - time.time()
        assert abs(int(minutes) * 60 + int(seconds) - left) <= 2
        visit.page.reload()


def test_hold_that_runs_out_is_told_on_screen(visits: Visits, fake: Fake) -> None:
    fake.stack.hold_seconds = 4
    visit = visits(fake.url)
    enter(visit, fake)
    hold(visit, 7)

    expect(visit.page.locator("h1")).to_have_text("시간이 지나 좌석이 풀렸어요")
    visit.page.get_by_role("link", name="다시 고르기").click()

    expect(seat(visit.page, 7)).to_be_visible()


def test_payment_shows_its_steps_as_they_happen(visits: Visits, fake: Fake) -> None:
    fake.stack.slow_payment = 2
    visit = visits(fake.url)
    enter(visit, fake)
    give_points(fake, 500_000)
    hold(visit, 7, 8)

    visit.page.locator(".pay").click()

    expect(visit.page.locator(".steps .good")).to_have_text(re.compile("포인트 사용"))
    expect(visit.page.locator(".steps .now")).to_have_text(re.compile("좌석 확정"))
    expect(visit.page.locator("h1")).to_have_text("예매가 끝났어요")
    expect(visit.page.locator(".steps .good")).to_have_count(2)
    follows = calls(fake, "GET", "/payments/.*")
    assert min(later - earlier for earlier, later in pairwise(follows)) >= 1.0
    assert len(fake.stack.payments) == 1
    visit.go("/concerts/moon-tide")
    expect(visit.page.get_by_role("button", name="예매하러 입장하기")).to_be_visible()


def test_failed_payment_says_that_all_was_given_back_and_can_be_tried_again(visits: Visits, fake: Fake) -> None:
    fake.stack.slow_payment = 1
    fake.stack.payment_fails = "TEMPORARILY_UNAVAILABLE"
    visit = visits(fake.url)
    enter(visit, fake)
    give_points(fake, 500_000)
    hold(visit, 7)
    visit.page.locator(".pay").click()

    expect(visit.page.get_by_role("alert")).to_contain_text("쓰인 포인트는 모두 돌려드렸습니다")
    expect(visit.page.locator(".ring")).to_be_visible()
    fake.stack.payment_fails = None
    visit.page.locator(".pay").click()

    expect(visit.page.locator("h1")).to_have_text("예매가 끝났어요")
    assert len(fake.stack.payments) == 2


def test_lost_answer_is_asked_for_again_with_the_same_key(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    enter(visit, fake)
    give_points(fake, 500_000)
    hold(visit, 7)
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it arrives and takes effect, but the answer never comes back
            route.abort("connectionreset")
        else:
            route.continue_()

    visit.page.route("**/payments", lose_the_first)
    visit.page.locator(".pay").click()

    expect(visit.page.locator("h1")).to_have_text("예매가 끝났어요")
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(fake.stack.payments) == 1
    visit.complaints = [line for line in visit.complaints if "ERR_CONNECTION_RESET" not in line]


def test_reload_in_the_middle_of_paying_finds_the_payment_again(visits: Visits, fake: Fake) -> None:
    fake.stack.slow_payment = 3
    visit = visits(fake.url)
    enter(visit, fake)
    give_points(fake, 500_000)
    hold(visit, 7)
    visit.page.locator(".pay").click()
    visit.page.locator(".steps .good").wait_for()

    visit.page.reload()

    expect(visit.page.locator("h1")).to_have_text("예매가 끝났어요")
    assert len(fake.stack.payments) == 1


def test_letting_seats_go_is_asked_about_and_frees_them(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    enter(visit, fake)
    hold(visit, 7)

    visit.page.get_by_role("button", name="이 좌석 놓아주기").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="이 좌석 놓아주기").click()

    expect(visit.page.locator(".seats .seat.free")).to_have_count(50)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket .tag")).to_have_text("놓아줌")


def test_double_click_charges_once(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    visit.sign_up("haru")
    visit.go("/points")
    visit.page.get_by_role("button", name="+50,000").click()

    visit.page.locator(".balance > form button[type=submit]").dblclick()

    expect(visit.page.locator(".big")).to_have_text("50,000 P")
    expect(visit.page.locator(".entries li")).to_have_count(1)
    assert len(calls(fake, "POST", "/points/charges")) == 1


def test_what_is_no_amount_is_not_sent(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    visit.sign_up("haru")
    visit.go("/points")

    for text in ("0", "-5", "1.5", "1000001", "십만", "1e3"):
        visit.page.fill("#charge-amount", text)
        visit.page.locator(".balance > form button[type=submit]").click(force=True)
        expect(visit.page.locator("#charge-amount")).to_have_attribute("aria-invalid", "true")

    assert calls(fake, "POST", "/points/charges") == []


def test_concert_that_opens_later_says_when_and_one_without_dates_says_so(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url, expected={404})
    visit.sign_up("haru")
    visit.go("/concerts/summer-wires")
    expect(visit.page.locator(".door")).to_contain_text("문을 엽니다")
    visit.go("/concerts/last-boss")
    expect(visit.page.locator(".empty")).to_have_text(re.compile("아직 공연 날짜가"))
    visit.go("/concerts/nowhere")
    expect(visit.page.get_by_role("alert").first).to_contain_text("이 공연을 찾을 수 없어요")


# -- everybody


@pytest.mark.parametrize(("light", "phone", "language"), [(False, True, "ko-KR"), (True, False, "en-US")])
def test_every_page_is_accessible(visits: Visits, fake: Fake, light: bool, phone: bool, language: str) -> None:
    visit = visits(fake.url, light=light, phone=phone, language=language)
    page = visit.page
    fake.stack.slow_payment = 8

    def check(path: str, ready: str) -> None:
        visit.go(path)
        page.locator(ready).first.wait_for()
        judge()

    def judge() -> None:
        assert_accessible(page)
        width = page.viewport_size["width"] if page.viewport_size else 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the screen"

    check("/", ".card h2")
    check("/sign-in", "#username")
    check("/sign-up", "#username")
    visit.sign_up("haru")
    check("/concerts/starlight", ".date")
    check("/concerts/summer-wires", ".date")
    fake.stack.ahead = 40
    visit.go("/concerts/starlight")
    page.click(".door .door-act button")
    page.locator(".ahead").wait_for()
    judge()
    page.locator(".waiting .center button").click()
    page.locator("dialog[open]").wait_for()
    judge()
    page.locator("dialog .quiet").click()
    check("/points", "#charge-amount")
    visit.go("/concerts/starlight/queue")
    place_of(fake)["ahead"] = 0
    page.locator(".right .countdown").wait_for()
    seat(page, 20).click()
    judge()
    page.click(".pick button.wide")
    page.locator(".shortfall").wait_for()
    judge()
    page.locator(".shortfall button[type=submit]").click()
    page.locator(".pay").click()
    page.locator(".steps .now").wait_for()
    judge()
    fake.stack.slow_payment = 0
    next(iter(fake.stack.payments.values()))["left"] = 0
    page.locator(".outcome").wait_for()
    judge()
    check("/reservations", ".ticket h2 a")
    check("/nowhere", "h1")


def test_one_who_wants_less_motion_gets_none(visits: Visits, fake: Fake) -> None:
    visit = visits(fake.url)
    visit.page.emulate_media(reduced_motion="reduce")
    visit.go()
    visit.page.locator(".card").first.wait_for()

    longest = visit.page.evaluate(
        "Math.max(...document.getAnimations().map((animation) => animation.effect.getTiming().duration), 0)"
    )
    assert longest < 1
