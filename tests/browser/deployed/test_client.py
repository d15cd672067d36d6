"""What the client promises whatever happens: on a slow line, with a wrong clock, in two tabs, when answers are lost."""

import re
import secrets
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jwt
import pytest
from playwright.sync_api import Route, expect

from booking.publishing.catalog_file import Concert
from tests.browser.conftest import COLD, Visit, Visits, assert_accessible, fulfil
from tests.stack.local_stack import YEAR, LocalStack, PublishedConcert
from tools.ost.fans import Fan
from tools.ost.publish import publish_concerts

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
CAN_HIDE = """
  Object.defineProperty(document, "hidden", { configurable: true, get: () => globalThis.isHidden === true });
"""
HOSTILE = """"><img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>{{7*7}}'&lt;b&gt;"""


def name(start: str = "fan") -> str:
    return f"{start}{secrets.token_hex(3)}"


def give_points(stack: LocalStack, visit: Visit, amount: int) -> None:
    answer = stack.call(visit.fan, "POST", "/points/charges", {"amount": amount}, key=secrets.token_hex(8))
    assert answer.status_code == 201


def place_key(token: str) -> dict[str, Any]:
    """Find a place in the queue's table by its token."""
    claims = jwt.decode(token, options={"verify_signature": False})
    number = claims["number"]
    return {"pk": {"S": f"{claims['concert']}#TOKENS#{number // 500}"}, "sk": {"S": f"{number:010d}"}}


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


# -- arriving


def test_first_page_is_small_and_usable_on_slow_3g(visits: Visits, stack: LocalStack) -> None:
    stack.call(None, "GET", "/concerts")  # warm
    visit = visits(stack, phone=True, script=COUNT_SHIFTS)
    line = visit.context.new_cdp_session(visit.page)
    received: list[float] = []
    line.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    line.send("Network.enable")
    slow = {"latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # as the developer tools have it
    line.send("Network.emulateNetworkConditions", {"offline": False, **slow})

    began = time.monotonic()
    visit.page.goto(visit.url, wait_until="commit")
    visit.page.locator(".first-light").wait_for()
    seen = time.monotonic() - began
    visit.page.locator(".card h2").first.wait_for()
    usable = time.monotonic() - began
    visit.page.wait_for_timeout(500)

    assert sum(received) <= 100_000
    assert seen < 5
    assert usable < 16
    assert sum(visit.page.evaluate("shifts")) < 0.01


def test_nothing_is_asked_of_any_other_host_and_no_script_runs_but_the_clients(
    visits: Visits, stack: LocalStack
) -> None:
    visit = visits(stack)
    answer = visit.page.goto(visit.url)
    visit.page.locator(".card h2").first.wait_for(timeout=COLD)

    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert [r.url for _, r in visit.requests if not r.url.startswith((visit.url, visit.api))] == []


def publish_hostile(stack: LocalStack) -> PublishedConcert:
    now, concert_id = int(time.time()), name("hostile-")
    words = dict.fromkeys(("title", "artist", "venue", "description"), HOSTILE)
    sales: dict[str, Any] = {"salesOpenAt": now - 60, "salesCloseAt": now + YEAR}
    night: dict[str, Any] = {"startsAt": now + YEAR, "timezone": "Asia/Seoul", "price": 1000, "seatsTotal": 50}
    concert = Concert(
        {"pk": "CONCERT", "sk": concert_id, **words, **sales},
        {"night": {"pk": concert_id, "sk": "night", **night}},
        1,
    )
    publish_concerts(stack.cloud, [concert])
    return PublishedConcert(concert_id, [f"{concert_id}.night"], 1000)


def test_hostile_titles_and_names_are_only_text(visits: Visits, stack: LocalStack) -> None:
    concert = publish_hostile(stack)
    visit = visits(stack)
    username = name(HOSTILE.replace(" ", "_"))
    visit.sign_up(username)
    page = visit.page

    expect(page.locator(".who-name")).to_contain_text(username)
    card = page.locator(".card h2", has_text="onerror")
    for _ in range(15):  # a published concert is seen everywhere within ten seconds
        page.reload()
        page.locator(".card h2").first.wait_for(timeout=COLD)
        if card.count():
            break
        page.wait_for_timeout(1000)
    expect(card.first).to_have_text(HOSTILE)
    visit.refuse("POST", "/queue-tokens", "SOMETHING_NEW", detail=HOSTILE)
    visit.join(concert)
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator(".description")).to_have_text(HOSTILE)
    expect(page.get_by_role("alert")).to_contain_text(HOSTILE)

    stack.enter(stack.fan(), concert.concert_id)
    visit.join(concert)
    page.locator(".ahead").wait_for(timeout=COLD)
    expect(page.locator("h1")).to_have_text(HOSTILE)
    visit.go("/points")
    expect(page.locator(".dock")).to_contain_text(HOSTILE)
    give_points(stack, visit, 100)
    page.locator("summary").click()
    page.fill("#use-amount", "10")
    page.fill("#use-reason", HOSTILE[:100])
    page.click("details button[type=submit]")
    expect(page.locator(".entries li").first).to_contain_text(HOSTILE[:100])
    visit.go(f"/concerts/{HOSTILE}")
    expect(page.locator("h1")).to_have_text("여기에는 무대가 없어요")

    assert page.evaluate("globalThis.pwned") is None
    assert page.locator("img, #app script").count() == 0


def test_language_follows_the_browser_and_can_be_changed(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack, language="en-GB")
    visit.go()
    expect(visit.page.locator("h1")).to_have_text("The music of that scene, live")

    visit.page.get_by_role("button", name="한국어").click()

    expect(visit.page.locator("h1")).to_have_text("그 장면의 음악을, 라이브로")
    assert visit.page.evaluate("document.documentElement.lang") == "ko"
    visit.page.reload()
    expect(visit.page.locator("h1")).to_have_text("그 장면의 음악을, 라이브로")


def test_sign_in_says_what_was_wrong_and_returns_to_where_one_was(visits: Visits, stack: LocalStack) -> None:
    concert, username = stack.publish_concert(), name()
    visits(stack).sign_up(username)
    visit = visits(stack, expected={400})
    visit.go(f"/concerts/{concert.concert_id}")
    visit.page.get_by_role("button", name="로그인하고 예매하기").click(timeout=COLD)

    visit.page.fill("#username", username)
    visit.page.fill("#password", "wrong-password")
    visit.page.click("form button[type=submit]")
    expect(visit.page.get_by_role("alert")).to_contain_text("아이디나 비밀번호가 맞지 않아요")
    assert_accessible(visit.page)
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")

    expect(visit.page).to_have_url(re.compile(f"#/concerts/{concert.concert_id}$"))
    visit.page.get_by_role("button", name="로그아웃").click()
    expect(visit.page.get_by_role("link", name="로그인", exact=True)).to_be_visible()
    visit.go("/sign-up")
    visit.page.fill("#username", username)
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")
    expect(visit.page.get_by_role("alert")).to_contain_text("이미 쓰이고 있는 아이디예요")


def lapse(visit: Visit, times: int = 1) -> None:
    """Answer as API Gateway does when a sign-in token has lapsed: a 401 of its own, which has no code."""
    visit.expected.add(401)
    left = [times]

    def handle(route: Route) -> None:
        if left[0] > 0:
            left[0] -= 1
            fulfil(route, 401, {"message": "Unauthorized"})
        else:
            route.fallback()

    visit.intercept("GET", "/points", handle)


def test_lapsed_sign_in_is_renewed_unnoticed(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack)
    visit.sign_up(name())
    lapse(visit)
    before = visit.kept("session")["idToken"]

    visit.go("/points")

    expect(visit.page.locator(".big")).to_have_text("0 P")
    assert visit.kept("session")["idToken"] != before


def test_sign_in_that_cannot_be_renewed_is_asked_for_again(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack, expected={400})
    visit.sign_up(name())
    lapse(visit)
    visit.page.evaluate(
        "() => { const kept = JSON.parse(localStorage['ost.session']); kept.refreshToken = 'gone';"
        " localStorage['ost.session'] = JSON.stringify(kept); }"
    )
    visit.page.reload()

    visit.go("/points")

    expect(visit.page.locator(".page .note")).to_contain_text("로그인이 필요해요")
    expect(visit.page.get_by_role("link", name="로그인", exact=True)).to_be_visible()


# -- waiting


@dataclass
class Queued:
    """A fan in the waiting room, behind two others; answers to their polls say what `told` says."""

    visit: Visit
    concert: PublishedConcert
    others: dict[str, Fan]
    told: dict[str, Any]

    @property
    def poll(self) -> str:
        return f"/concerts/{self.concert.concert_id}/queue-tokens/current"

    def polls(self) -> list[float]:
        return self.visit.calls("GET", self.poll)

    def expect_ahead(self, text: str) -> None:
        expect(self.visit.page.locator(".ahead b")).to_have_text(text)


@pytest.fixture
def queued(visits: Visits, stack: LocalStack) -> Queued:
    """A queue of three with room for one; polls are asked for as near the front of a fast line, each 2 s."""
    concert = stack.publish_concert(capacity=1)
    inside, ahead = stack.fans(2)
    tokens = {stack.enter(inside, concert.concert_id): inside, stack.join(ahead, concert.concert_id)["token"]: ahead}
    visit = visits(stack, script=CAN_HIDE)
    queue = Queued(visit, concert, tokens, {"pollAfterSeconds": 2, "ahead": 200, "position": 201})

    def change(view: dict[str, Any]) -> dict[str, Any]:
        if view["status"] != "WAITING":
            return view
        at = time.mktime(time.strptime(view["serverTime"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        return view | {"expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + 16))} | queue.told

    visit.alter("POST", "/queue-tokens", change)
    visit.alter("GET", "/queue-tokens/current", change)
    visit.sign_up(name("기다림"))
    visit.join(concert)
    visit.page.locator(".ahead").wait_for(timeout=COLD)
    visit.page.wait_for_timeout(500)  # what the page itself needs is there
    visit.requests.clear()
    return queue


def test_while_waiting_nothing_is_asked_but_polls_and_never_oftener_than_told(queued: Queued) -> None:
    queued.visit.page.wait_for_timeout(8000)

    assert {request.url for _, request in queued.visit.requests} == {queued.visit.api + queued.poll}
    assert len(queued.polls()) >= 3
    assert min(gaps(queued.polls())) >= 2.0


def test_waiting_shows_the_place_as_it_moves_until_one_is_let_in(queued: Queued, stack: LocalStack) -> None:
    page = queued.visit.page
    queued.expect_ahead("200")
    queued.told["ahead"] = 50
    queued.expect_ahead("50")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75")

    for token, fan in queued.others.items():
        stack.call(fan, "DELETE", queued.poll, queue_token=token)

    page.locator(".right .countdown").wait_for(timeout=COLD)
    expect(page).to_have_url(re.compile(f"/dates/{queued.concert.performance_id}$"))


def test_reload_while_waiting_keeps_the_place_and_polls_no_sooner(queued: Queued) -> None:
    for _ in range(3):
        queued.visit.page.wait_for_timeout(700)
        queued.visit.page.reload()
        queued.expect_ahead("200")
    queued.visit.page.wait_for_timeout(3500)

    assert queued.visit.calls("POST", "/queue-tokens") == []
    assert len(queued.polls()) >= 2
    assert min(gaps(queued.polls())) >= 2.0


def test_two_tabs_share_one_place_and_one_rhythm(queued: Queued) -> None:
    second = queued.visit.tab()
    second.goto(queued.visit.page.url)
    expect(second.locator(".ahead b")).to_have_text("200")
    queued.visit.page.wait_for_timeout(6500)

    assert len(queued.polls()) >= 2
    assert min(gaps(queued.polls())) >= 2.0
    queued.visit.page.close()
    queued.told["ahead"] = 120
    expect(second.locator(".ahead b")).to_have_text("120")


def test_tab_that_sleeps_on_the_lock_loses_it_to_one_that_is_seen(queued: Queued) -> None:
    sleeper = queued.visit.context.new_page()
    sleeper.goto(f"{queued.visit.url}icon.svg")  # of the same origin, but it will never poll
    key = queued.visit.page.evaluate("Object.keys(localStorage).find((key) => key.startsWith('ost.place.'))")
    sleeper.evaluate("(name) => void navigator.locks.request(name, { steal: true }, () => new Promise(() => {}))", key)
    queued.visit.page.bring_to_front()
    queued.told["ahead"] = 120

    queued.expect_ahead("120")


def test_hidden_tab_polls_only_as_often_as_keeps_the_place(queued: Queued) -> None:
    queued.visit.page.evaluate("isHidden = true; document.dispatchEvent(new Event('visibilitychange'))")
    began = time.monotonic()
    queued.visit.page.wait_for_timeout(18_000)

    polls = [at for at in queued.polls() if at > began + 1]
    # A place lives 16 s from a poll, so half of that is soon enough; seen, it would have been polled eight times.
    assert 1 <= len(polls) <= 3


def test_who_is_let_in_while_looking_elsewhere_is_called_by_the_title(queued: Queued, stack: LocalStack) -> None:
    page = queued.visit.page
    page.evaluate("isHidden = true; document.dispatchEvent(new Event('visibilitychange'))")
    for token, fan in queued.others.items():
        stack.call(fan, "DELETE", queued.poll, queue_token=token)

    expect(page).to_have_title("● 입장하실 차례예요!")
    page.evaluate("isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title(re.compile("^Test concert"))


def test_unsteady_line_is_told_and_survived(queued: Queued) -> None:
    note = queued.visit.page.locator(".line .note")
    queued.visit.refuse("GET", "/queue-tokens/current", "TEMPORARILY_UNAVAILABLE", times=2)

    expect(note).to_contain_text("자리는 그대로")
    expect(note).to_have_count(0)

    assert min(gaps(queued.polls())) >= 2.0


def test_ended_place_offers_to_join_again(queued: Queued) -> None:
    visit = queued.visit
    visit.refuse("GET", "/queue-tokens/current", "QUEUE_TOKEN_EXPIRED")

    expect(visit.page.locator("h1")).to_have_text("줄에서 나왔어요")
    assert_accessible(visit.page)
    visit.page.get_by_role("button", name="다시 줄 서기").click()

    queued.expect_ahead("200")


def test_leaving_is_asked_about_and_frees_the_place(queued: Queued, stack: LocalStack) -> None:
    page, leave = queued.visit.page, "대기열 나가기"
    token = queued.visit.kept("place.")["view"]["token"]
    page.get_by_role("button", name=leave).click()
    assert_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="취소").click()
    assert queued.visit.calls("DELETE", ".*") == []
    page.get_by_role("button", name=leave).click()
    page.get_by_role("dialog").get_by_role("button", name=leave).click()

    expect(page.get_by_role("button", name="예매하러 입장하기")).to_be_visible()
    fan, path = queued.visit.fan, queued.poll
    place = stack.cloud.dynamodb.get_item(TableName=stack.table("queue"), Key=place_key(token))["Item"]
    assert place["status"] == {"S": "FINISHED"}
    again = stack.call(fan, "POST", path.removesuffix("/current"))
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMITED")  # whoever has just left waits a while
    assert 1 <= int(again.headers["Retry-After"]) <= 30


# -- seats


@pytest.fixture
def seated(visits: Visits, stack: LocalStack) -> tuple[Visit, PublishedConcert]:
    """A fan before the seats of a concert, with the right to book."""
    concert = stack.publish_concert()
    visit = visits(stack)
    visit.sign_up(name())
    visit.arrive(concert)
    return visit, concert


def reserve(stack: LocalStack, concert: PublishedConcert, *numbers: int) -> None:
    """Have another fan hold seats."""
    fan = stack.fan()
    token = stack.enter(fan, concert.concert_id)
    body = {"performanceId": concert.performance_id, "seatNumbers": list(numbers)}
    assert stack.call(fan, "POST", "/reservations", body, queue_token=token).status_code == 201


@pytest.mark.parametrize("last", ["/seats", "/performances", "/concerts/[^/]+"])
def test_seat_map_comes_without_a_layout_shift_whatever_comes_last(
    visits: Visits, stack: LocalStack, last: str
) -> None:
    concert = stack.publish_concert(performances=2)
    visit = visits(stack, phone=True, script=COUNT_SHIFTS)

    def dawdle(route: Route) -> None:
        time.sleep(0.8)
        route.fallback()

    visit.intercept("GET", last, dawdle)
    visit.go(f"/concerts/{concert.concert_id}/dates/{concert.performance_id}")
    visit.page.locator(".seat.ghost").first.wait_for(timeout=COLD)
    visit.page.locator(".seat.free").first.wait_for(timeout=COLD)
    expect(visit.page.locator("h1")).to_contain_text("Test concert", timeout=COLD)
    visit.page.locator(".date-tabs a").first.wait_for(timeout=COLD)
    visit.page.wait_for_timeout(500)

    assert visit.page.locator(".seats .seat").count() == 50
    assert sum(visit.page.evaluate("shifts")) < 0.01


def test_seats_can_be_picked_with_the_keyboard_alone(seated: tuple[Visit, PublishedConcert]) -> None:
    page = seated[0].page
    first = page.locator(".seats .seat").first
    expect(first).to_have_attribute("aria-label", "A열 1번째, 1번 좌석, 1,000 P, 선택 가능")
    first.focus()

    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End"):
        page.keyboard.press(key)
    page.keyboard.press("Space")

    picked = page.locator(".seats .seat:focus")
    expect(picked).to_have_attribute("aria-label", "C열 8번째, 21번 좌석, 1,000 P, 선택함")
    expect(picked).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chips li")).to_have_text(re.compile("C열 21번"))
    assert page.locator(".seats .seat[tabindex='0']").count() == 1


def test_no_more_than_four_seats_and_none_that_is_taken(
    seated: tuple[Visit, PublishedConcert], stack: LocalStack
) -> None:
    visit, concert = seated
    reserve(stack, concert, 8)
    visit.page.reload()
    visit.page.locator(".seats .seat.held").click(force=True, timeout=COLD)

    for number in (1, 2, 5, 6, 7):
        visit.seat(number).click(force=True)

    expect(visit.page.locator(".chips li")).to_have_count(4)
    expect(visit.page.locator(".sum")).to_contain_text("4,000 P")


def test_of_several_seats_only_the_taken_one_is_dropped(
    seated: tuple[Visit, PublishedConcert], stack: LocalStack
) -> None:
    visit, concert = seated
    visit.expected.add(409)
    visit.seat(7).click()
    visit.seat(8).click()
    reserve(stack, concert, 7)

    # The map may have heard of it by itself before; then it says so, and the second click asks for what is left.
    visit.page.click(".pick button.wide")

    visit.page.locator(".pick .note[role=alert], .till .account").first.wait_for(timeout=COLD)
    if "/reservations/" not in visit.page.url:
        expect(visit.page.locator(".seats .seat.held")).to_have_count(1)
        expect(visit.page.locator(".chips li")).to_have_text(re.compile("8번"))
        visit.page.click(".pick button.wide")
    expect(visit.page.locator(".slip-seats")).to_have_text(re.compile("8"))


def test_token_that_ended_elsewhere_leads_back_to_the_queue(
    seated: tuple[Visit, PublishedConcert], stack: LocalStack
) -> None:
    visit, _ = seated
    visit.expected.add(401)
    visit.seat(7).click()
    token = visit.kept("place.")["view"]["token"]
    stack.cloud.dynamodb.update_item(  # as the line ends a place whose time is over
        TableName=stack.table("queue"),
        Key=place_key(token),
        UpdateExpression="SET #status = :over",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":over": {"S": "EXPIRED"}},
    )

    visit.page.click(".pick button.wide")

    alert = visit.page.get_by_role("alert")
    expect(alert).to_contain_text("예매할 차례가 끝났어요")
    alert.get_by_role("link", name="다시 줄 서기").click()
    visit.page.get_by_role("button", name="다시 줄 서기").click()
    expect(visit.page.locator(".right .countdown")).to_be_visible()


# -- holding and paying


def test_countdown_is_right_though_the_devices_clock_is_ten_minutes_fast(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert()
    visit = visits(stack, script=TEN_MINUTES_FAST)
    visit.sign_up(name())
    visit.arrive(concert)
    visit.hold(7)
    (held,) = stack.call(visit.fan, "GET", "/reservations").json()["items"]
    until = time.mktime(time.strptime(held["expiresAt"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone

    for _ in range(2):
        countdown = visit.page.locator(".ring .countdown")
        countdown.wait_for(timeout=COLD)
        visit.page.wait_for_timeout(1200)
        minutes, seconds = countdown.inner_text().split(":")
        assert abs(int(minutes) * 60 + int(seconds) - (until - time.time())) <= 2
        visit.page.reload()


@pytest.fixture
def paying(seated: tuple[Visit, PublishedConcert], stack: LocalStack) -> Visit:
    """A fan at the counter, with points enough."""
    visit, _ = seated
    give_points(stack, visit, 5000)
    visit.hold(7)
    visit.page.locator(".pay").wait_for(timeout=COLD)
    return visit


def paid(visit: Visit) -> None:
    expect(visit.page.locator("h1")).to_have_text("예매가 확정되었어요")


def payments(stack: LocalStack, visit: Visit) -> list[dict[str, Any]]:
    entries = stack.call(visit.fan, "GET", "/points/history").json()["items"]
    return [entry for entry in entries if entry["type"] == "PAYMENT"]


def test_payment_that_takes_long_is_followed_to_its_end(paying: Visit) -> None:
    pending: list[dict[str, Any]] = [
        {"steps": []},
        {"steps": [{"name": "UsePoints", "status": "DONE", "at": "2026-11-22T10:00:00Z"}]},
    ]

    def start(route: Route) -> None:
        answer = route.fetch()
        view = answer.json() | {"status": "PENDING"} | pending.pop(0)
        location = {"Location": f"/payments/{view['paymentId']}", "Retry-After": "1"}
        route.fulfill(status=202, json=view, headers=answer.headers | location)

    def look(view: dict[str, Any]) -> dict[str, Any]:
        return view | {"status": "PENDING"} | pending.pop(0) if pending else view

    paying.intercept("POST", "/payments", start)
    paying.alter("GET", "/payments/[^/]+", look)
    paying.page.locator(".pay").click()

    expect(paying.page.locator(".steps .good")).to_have_text(re.compile("포인트 사용"))
    expect(paying.page.locator(".steps .now")).to_have_text(re.compile("좌석 확정"))
    paid(paying)
    expect(paying.page.locator(".steps .good")).to_have_count(2)
    assert min(gaps([*paying.calls("POST", "/payments"), *paying.calls("GET", "/payments/[^/]+")[:2]])) >= 1.0


def test_failed_payment_says_that_all_was_given_back_and_can_be_tried_again(paying: Visit) -> None:
    failure = {"code": "TEMPORARILY_UNAVAILABLE", "detail": "It did not work.", "refunded": True}
    names = ("UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints")
    steps = [
        {"name": each, "status": "FAILED" if each == "ConfirmBooking" else "DONE", "at": "2026-11-22T10:00:00Z"}
        for each in names
    ]
    # A failed payment answers with its failure's status; here one that no retry of the client's own hides.
    paying.refuse("POST", "/payments", "ALREADY_PAID", paymentStatus="FAILED", failure=failure, steps=steps)
    paying.page.locator(".pay").click()

    alert = paying.page.get_by_role("alert")
    expect(alert).to_contain_text("결제하지 못했어요")
    expect(alert).to_contain_text("쓰인 포인트는 모두 돌려드렸습니다")
    expect(paying.page.locator(".steps .bad")).to_have_count(1)
    expect(paying.page.locator(".ring")).to_be_visible()
    assert_accessible(paying.page)
    paying.page.locator(".pay").click()

    paid(paying)


def test_lost_answer_is_asked_for_again_with_the_same_key(paying: Visit, stack: LocalStack) -> None:
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it arrives and takes effect, but the answer never comes back
            route.abort("connectionreset")
        else:
            route.continue_()

    paying.intercept("POST", "/payments", lose_the_first)
    paying.page.locator(".pay").click()

    paid(paying)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(payments(stack, paying)) == 1
    paying.complaints = [line for line in paying.complaints if "ERR_CONNECTION_RESET" not in line]


def test_reload_in_the_middle_of_paying_finds_the_payment_again(paying: Visit, stack: LocalStack) -> None:
    keys: list[str] = []

    def hold_the_answer_back(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it takes effect; the page never hears
        else:
            route.continue_()

    paying.intercept("POST", "/payments", hold_the_answer_back)
    paying.page.locator(".pay").click()
    paying.page.locator(".steps .now").wait_for()
    paying.page.wait_for_timeout(1500)

    paying.page.reload()

    paid(paying)
    assert len(set(keys)) == 1
    assert len(payments(stack, paying)) == 1


def test_points_that_went_elsewhere_meanwhile_are_asked_for(paying: Visit, stack: LocalStack) -> None:
    paying.expected.add(402)
    stack.call(paying.fan, "POST", "/points/uses", {"amount": 4500}, key=secrets.token_hex(8))

    paying.page.locator(".pay").click()

    expect(paying.page.locator(".shortfall")).to_contain_text("포인트가 모자라요")
    expect(paying.page.locator("#charge-amount")).to_have_value("500")
    paying.charge_what_is_missing()
    paying.page.locator(".pay").click()
    paid(paying)


def test_busy_server_is_told_and_tried_again(paying: Visit) -> None:
    paying.refuse("POST", "/payments", "TEMPORARILY_UNAVAILABLE", times=3)
    paying.page.locator(".pay").click()

    expect(paying.page.get_by_role("alert")).to_contain_text("지금은 처리가 밀려 있어요")
    paying.page.get_by_role("alert").get_by_role("button", name="다시 시도").click()

    paid(paying)


def test_double_click_charges_once(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack)
    visit.sign_up(name())
    visit.go("/points")
    visit.page.get_by_role("button", name="+50,000").click()

    visit.page.locator(".balance > form button[type=submit]").dblclick()

    expect(visit.page.locator(".big")).to_have_text("50,000 P")
    expect(visit.page.locator(".entries li")).to_have_count(1)
    assert len(visit.calls("POST", "/points/charges")) == 1


def test_what_is_no_amount_is_not_sent(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack)
    visit.sign_up(name())
    visit.go("/points")

    for text in ("0", "-5", "1.5", "1000001", "십만", "1e3"):
        visit.page.fill("#charge-amount", text)
        visit.page.locator(".balance > form button[type=submit]").click(force=True)
        expect(visit.page.locator("#charge-amount")).to_have_attribute("aria-invalid", "true")

    assert visit.calls("POST", "/points/charges") == []


def test_concert_that_opens_later_says_when_and_one_without_dates_says_so(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack, expected={404})
    visit.sign_up(name())
    visit.go("/concerts/moonlit-railway")
    expect(visit.page.locator(".door")).to_contain_text("문을 엽니다")
    assert_accessible(visit.page)
    visit.go("/concerts/sea-of-kites")
    expect(visit.page.locator(".empty")).to_have_text(re.compile("아직 공연 날짜가"))
    visit.go("/concerts/nowhere")
    expect(visit.page.get_by_role("alert").first).to_contain_text("이 공연을 찾을 수 없어요")


def test_one_who_wants_less_motion_gets_none(visits: Visits, stack: LocalStack) -> None:
    visit = visits(stack)
    visit.page.emulate_media(reduced_motion="reduce")
    visit.go()
    visit.page.locator(".card").first.wait_for(timeout=COLD)

    longest = visit.page.evaluate(
        "Math.max(...document.getAnimations().map((animation) => animation.effect.getTiming().duration), 0)"
    )
    assert longest < 1
