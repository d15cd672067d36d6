"""What the pages say and do with what the API tells them: the fake in front of them says what each test needs."""

import re
import threading
import time
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Error, Locator, expect

from tests.browser.conftest import SMALL_PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import DAY, Answer, FakeApi, Request, rfc3339

KOREAN = {"ko": {"title": "밤하늘", "artist": "앙상블", "venue": "등불 홀, 서울", "description": "음악."}}
TOKYO: dict[str, Any] = {
    "venue": "Tide Theatre, Tokyo",
    "translations": {"ko": {"venue": "물때 극장, 도쿄"}},
    "timezone": "Asia/Tokyo",
}


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """One concert on sale, with two dates in two cities."""
    api.add_concert(translations=KOREAN)
    seoul: dict[str, Any] = {"venue": "Lantern Hall, Seoul", "translations": {"ko": {"venue": "등불 홀, 서울"}}}
    api.add_performance(label="first", **seoul)
    api.add_performance(label="second", startsAt=rfc3339(api.now() + 32 * DAY), **TOKYO)
    return api


def to_the_seats(visit: Visit, performance: str = "night-sky.first") -> None:
    """From the door to the seats of a date."""
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act .button").click()
    visit.page.locator(".right .countdown").wait_for()
    visit.go(f"/concerts/night-sky/dates/{performance}")
    visit.page.locator(".seat.free").first.wait_for()


def to_the_till(shop: FakeApi, visit: Visit, *numbers: int, points: int = 50_000) -> None:
    """Hold seats, with points enough, and come to pay."""
    visit.sign_up("fan")
    shop.fan("fan").balance = points
    held = shop.hold("fan", "night-sky.first", list(numbers) or [7])
    visit.go(f"/reservations/{held['reservationId']}")
    visit.page.locator(".till .account").wait_for()


# -- signing in


def test_sign_in_that_lapsed_while_away_is_renewed_though_the_refusal_cannot_be_read(
    shop: FakeApi, visits: Visits
) -> None:
    visit = visits(shop, expected={401})
    visit.sign_up("fan")
    shop.fan("fan").balance = 4200
    shop.shift += 3700  # this device's clock did not see it

    visit.go("/points")
    visit.page.reload()

    expect(visit.page.locator(".big")).to_have_text("4,200 P")
    visit.complaints = [line for line in visit.complaints if "CORS" not in line and "ERR_FAILED" not in line]


def test_sign_in_that_cannot_be_renewed_is_asked_for_and_leads_back(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, expected={400, 401})
    visit.sign_up("fan")
    visit.go("/points")
    shop.shift += 3700
    shop.refresh_tokens.clear()
    visit.page.reload()

    visit.page.locator(".page .note").get_by_role("button", name="로그인").click()
    visit.page.fill("#username", "fan")
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")

    expect(visit.page).to_have_url(re.compile("#/points$"))
    expect(visit.page.locator(".big")).to_have_text("0 P")
    visit.complaints = [line for line in visit.complaints if "CORS" not in line and "ERR_FAILED" not in line]


def test_token_is_renewed_before_it_lapses_by_this_devices_clock_too(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.sign_up("fan")
    before = visit.kept("session")["idToken"]
    visit.page.clock.install()
    visit.page.clock.fast_forward(3_590_000)

    visit.go("/points")

    expect(visit.page.locator(".big")).to_have_text("0 P")
    assert visit.kept("session")["idToken"] != before
    assert len(shop.asked("GET", "/points")) == 1


# -- where and what


@pytest.mark.parametrize(
    ("language", "concert", "venue"),
    [("ko-KR", "밤하늘", "물때 극장, 도쿄"), ("en-US", "Night Sky", "Tide Theatre, Tokyo")],
)
def test_each_date_says_its_own_venue_in_the_readers_language(
    shop: FakeApi, visits: Visits, language: str, concert: str, venue: str
) -> None:
    visit = visits(shop, language=language)
    visit.sign_up("fan")
    visit.go()
    expect(visit.page.locator(".card h2")).to_have_text(concert)
    visit.go("/concerts/night-sky")
    expect(visit.page.locator(".date").nth(1)).to_contain_text(venue)
    visit.go("/concerts/night-sky/dates/night-sky.second")
    expect(visit.page.locator(".date-tabs a").nth(1)).to_contain_text(venue)
    expect(visit.page.locator(".booking .lead")).to_contain_text(venue)
    held = shop.hold("fan", "night-sky.second", [7])
    visit.go(f"/reservations/{held['reservationId']}")
    expect(visit.page.locator(".slip")).to_contain_text(venue)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket")).to_contain_text(venue)


def test_concerts_are_sorted_by_what_comes_next_and_say_when_how_much_and_what_is_left(
    api: FakeApi, visits: Visits
) -> None:
    later, sooner = api.now() + 40 * DAY, api.now() + 20 * DAY
    for concert_id, at in (("a-later", later), ("z-sooner", sooner)):
        api.add_concert(concert_id, title=concert_id)
        api.add_performance(concert_id, startsAt=rfc3339(at), price=12_000)
        api.add_performance(concert_id, "more", startsAt=rfc3339(at + DAY), price=9000)
    api.add_concert("b-over", title="b-over", salesCloseAt=rfc3339(api.now() - DAY))
    api.add_concert("c-dateless", title="c-dateless")
    api.take("z-sooner.first", *range(1, 31))
    visit = visits(api)
    visit.go()

    expect(visit.page.locator(".card h2")).to_have_text(["z-sooner", "a-later", "c-dateless", "b-over"])
    first = visit.page.locator(".card").first
    expect(first).to_contain_text("외 1회")
    expect(first).to_contain_text("9,000 P부터")
    expect(first.locator(".card-left")).to_have_text("70 / 100석 남음")
    expect(visit.page.get_by_role("search")).to_have_count(0)
    assert_accessible(visit.page)


def test_many_concerts_can_be_searched_in_any_language_and_filtered(api: FakeApi, visits: Visits) -> None:
    for number in range(40):
        concert_id = f"concert-{number:02}"
        api.add_concert(concert_id, title=f"Concert {number}", salesOpenAt=rfc3339(api.now() + (number % 4 - 1) * DAY))
        api.add_performance(concert_id)
    api.add_concert("kites", title="Sea of Kites", translations={"ko": {"title": "연의 바다"}})
    visit = visits(api, language="en-US")
    visit.go()
    cards = visit.page.locator(".card")
    expect(cards).to_have_count(24)
    assert_accessible(visit.page)

    visit.page.get_by_role("searchbox").fill("연의")
    expect(cards).to_have_text([re.compile("Sea of Kites")])
    visit.page.get_by_role("searchbox").fill("nothing like it")
    expect(visit.page.locator(".empty")).to_be_visible()
    visit.page.get_by_role("searchbox").fill("")
    visit.page.get_by_role("button", name="Opening soon").click()
    expect(visit.page.get_by_role("status")).to_have_text("20 concerts")
    visit.page.get_by_role("button", name="All").click()
    visit.page.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(41)


@pytest.mark.parametrize(
    ("status", "tag", "door"),
    [
        ("SOLD_OUT", "매진", "모든 좌석이 나갔어요"),
        ("NO_DATES", "날짜 미정", "아직 공연 날짜가 정해지지 않았습니다"),
        ("PAUSED", "입장 일시 중지", "입장을 잠시 멈췄습니다"),
        ("OVER", "예매 종료", "예매가 끝난 공연이에요"),
    ],
)
def test_state_of_a_sale_is_said_in_the_list_and_at_the_door(
    api: FakeApi, visits: Visits, status: str, tag: str, door: str
) -> None:
    api.add_concert(saleStatus=status)
    if status != "NO_DATES":
        api.add_performance(bookable=status != "OVER")
    if status == "SOLD_OUT":
        api.take("night-sky.first", *range(1, 51))
    visit = visits(api, expected={404})
    visit.sign_up("fan")
    visit.go()
    expect(visit.page.locator(".card .tag")).to_have_text(tag)
    visit.go("/concerts/night-sky")

    expect(visit.page.locator(".door")).to_contain_text(door)
    expect(visit.page.locator(".door-act button")).to_have_count(1 if status == "PAUSED" else 0)


# -- rules come from the API


def test_rules_that_are_said_are_the_apis(shop: FakeApi, visits: Visits) -> None:
    shop.hold_seconds, shop.max_seats = 480, 3
    visit = visits(shop)
    visit.sign_up("fan")
    shop.fan("fan").balance = 50_000
    to_the_seats(visit)
    expect(visit.page.locator(".pick")).to_contain_text("8분 동안")
    expect(visit.page.locator("#pick-title")).to_have_text("고른 좌석 0/3")
    visit.hold(7)

    circle = visit.page.locator(".ring-left")
    assert float(circle.get_attribute("stroke-dashoffset") or "") < 3
    shop.hold("fan", "night-sky.first", [8])
    to_the_seats(visit)
    expect(visit.page.locator("#pick-title")).to_have_text("고른 좌석 0/1")


def test_one_pick_too_many_is_said_and_who_has_all_is_offered_none(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.sign_up("fan")
    to_the_seats(visit)
    for number in (1, 2, 3, 4, 5):
        visit.seat(number).click(force=True)

    expect(visit.page.locator(".pick [role=status]")).to_contain_text("한 번에 4석까지")
    expect(visit.page.locator(".chips li")).to_have_count(4)
    visit.hold()
    to_the_seats(visit)

    expect(visit.page.locator(".pick")).to_contain_text("이미 4석을 가지고 있어")
    expect(visit.page.locator(".pick button.wide")).to_have_count(0)


def test_quick_amounts_add_up(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.sign_up("fan")
    visit.go("/points")

    visit.page.get_by_role("button", name="+10,000").click()
    visit.page.get_by_role("button", name="+50,000").click()
    visit.page.get_by_role("button", name="+10,000").click()

    expect(visit.page.locator("#charge-amount")).to_have_value("70000")


# -- outcomes


def test_stopping_is_asked_about_and_then_frees_the_place(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    visit.sign_up("fan")
    to_the_seats(visit)
    stop = visit.page.locator(".right").get_by_role("button", name="예매 그만하기")

    stop.click()
    visit.page.get_by_role("dialog").get_by_role("button", name="취소").click()
    expect(stop).to_be_focused()
    assert shop.asked("DELETE", ".*") == []
    stop.click()
    visit.page.get_by_role("dialog").locator(".danger").click()

    expect(visit.page.locator("h1")).to_be_focused()
    assert len(shop.asked("DELETE", ".*")) == 1


def test_focus_is_on_the_outcome_once_paid_or_over(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    to_the_till(shop, visit)

    visit.page.locator(".pay").click()

    expect(visit.page.locator("h1")).to_have_text("예매가 확정되었어요")
    expect(visit.page.locator("h1")).to_be_focused()
    expect(visit.page.locator(".outcome [role=status]")).to_contain_text("결제 완료")
    held = shop.hold("fan", "night-sky.first", [9])
    shop.fan("fan").reservations[held["reservationId"]]["expiresAt"] = rfc3339(shop.now() + 10)
    visit.go(f"/reservations/{held['reservationId']}")
    expect(visit.page.locator(".pay")).to_be_visible()
    expect(visit.page.locator("h1")).to_have_text("시간이 지나 좌석이 풀렸어요")
    expect(visit.page.locator("h1")).to_be_focused()
    expect(visit.page.locator(".outcome [role=status]")).to_be_visible()


def test_paying_while_the_line_is_gone_claims_nothing_and_goes_on_when_it_is_back(
    shop: FakeApi, visits: Visits
) -> None:
    visit = visits(shop)
    to_the_till(shop, visit)
    visit.context.set_offline(True)

    visit.page.locator(".pay").click()

    expect(visit.page.locator(".till .ring .countdown")).to_be_visible()
    expect(visit.page.locator(".till")).to_contain_text("결제가 되었는지는 아직 알 수 없어요")
    expect(visit.page.locator(".till")).not_to_contain_text("안전하게 잠겨")
    expect(visit.page.locator(".till .note")).to_have_count(1)
    expect(visit.page.locator(".till button:visible")).to_have_count(1)
    visit.context.set_offline(False)
    expect(visit.page.locator("h1")).to_have_text("예매가 확정되었어요")
    keys = {request.headers["idempotency-key"] for request in shop.asked("POST", "/payments")}
    assert len(keys) == 1
    visit.complaints = [line for line in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in line]


# -- room on the screen


def in_sight(where: Locator) -> bool:
    """Tell whether a thing can be seen and touched as the screen is now: its middle is its own."""
    return bool(
        where.evaluate(
            """(thing) => { const box = thing.getBoundingClientRect();
            const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return box.bottom <= innerHeight && (there === thing || thing.contains(there)); }"""
        )
    )


@pytest.mark.parametrize("language", ["ko-KR", "en-US"])
def test_entering_and_paying_need_no_scrolling_on_a_small_phone(shop: FakeApi, visits: Visits, language: str) -> None:
    shop.concerts["night-sky"]["title"] = "Night Sky: Music from Letters to a Falling Star"
    visit = visits(shop, language=language, phone=True, size=SMALL_PHONE)
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    enter = visit.page.locator(".door-act button")
    enter.wait_for()
    assert in_sight(enter)

    to_the_till_again(shop, visit)
    assert in_sight(visit.page.locator(".pay"))


def to_the_till_again(shop: FakeApi, visit: Visit) -> None:
    shop.fan("fan").balance = 50_000
    held = shop.hold("fan", "night-sky.first", [7, 8])
    visit.go(f"/reservations/{held['reservationId']}")
    visit.page.locator(".pay").wait_for()
    visit.page.wait_for_timeout(300)


@pytest.mark.parametrize("size", [{"width": 640, "height": 400}, SMALL_PHONE], ids=["at 200 %", "phone"])
def test_seat_with_the_focus_is_never_behind_the_sheet(shop: FakeApi, visits: Visits, size: dict[str, int]) -> None:
    visit = visits(shop, size=size)
    visit.sign_up("fan")
    to_the_seats(visit)
    visit.seat(7).click()
    visit.page.locator(".seats .seat").first.focus()

    for key in ["ArrowDown"] * 5 + ["ArrowRight"] * 3 + ["ArrowUp"] * 5:
        visit.page.keyboard.press(key)
        visit.page.wait_for_timeout(50)
        assert in_sight(visit.page.locator(".seats .seat:focus")), key


LAID_OUT = """() => {
  const seats = [...document.querySelectorAll(".seats .seat")].map((seat) => seat.getBoundingClientRect());
  return seats.length === 100 && seats[0].width > 0 && seats[99].y > seats[0].y;
}"""


def test_a_hundred_seats_can_be_told_apart_and_touched_on_a_phone(shop: FakeApi, visits: Visits) -> None:
    shop.performances["night-sky.first"]["seatsTotal"] = 100
    visit = visits(shop, phone=True, size=SMALL_PHONE)
    visit.sign_up("fan")
    to_the_seats(visit)
    visit.page.wait_for_function(LAID_OUT)

    boxes = visit.page.locator(".seats .seat").evaluate_all(
        "(seats) => seats.map((seat) => { const { x, y, width, height } = seat.getBoundingClientRect();"
        " return [x + width / 2, y + height / 2, width]; })"
    )
    nearest = min(
        ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5
        for index, (ax, ay, _) in enumerate(boxes)
        for bx, by, _ in boxes[index + 1 :]
    )
    assert nearest >= 24  # a finger's target, by WCAG 2.2
    assert_accessible(visit.page)
    visit.seat(100).click()
    expect(visit.page.locator(".chips li")).to_have_count(1)


def luminance(red: float, green: float, blue: float) -> float:
    """Compute the relative luminance of WCAG."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (red / 255, green / 255, blue / 255)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def colours_behind(where: Locator) -> list[Any]:
    """Give the colours of the picture behind a text: of the screen without the text."""
    where.evaluate("(text) => { text.style.color = 'transparent'; }")
    shot = Image.open(BytesIO(where.screenshot())).convert("RGB")
    where.evaluate("(text) => { text.style.color = ''; }")
    pixels = shot.load()
    assert pixels is not None
    return [pixels[x, y] for x in range(0, shot.width, 3) for y in range(0, shot.height, 3)]


@pytest.mark.parametrize("light", [False, True], ids=["dark", "light"])
def test_words_over_the_picture_of_the_waiting_room_can_be_read(api: FakeApi, visits: Visits, light: bool) -> None:
    visit = visits(api, light=light)
    visit.sign_up("fan")
    for number in range(12):  # twelve pictures
        concert_id = f"concert-{number}"
        api.add_concert(concert_id, title=f"Concert {number}")
        api.add_performance(concert_id)
        api.queue[concert_id] = {"status": "WAITING"}
        visit.go(f"/concerts/{concert_id}")
        visit.page.locator(".door-act button").click()
        visit.page.locator(".ahead").wait_for()
        visit.page.wait_for_timeout(400)
        for text in (visit.page.locator(".waiting .lead"), visit.page.locator(".waiting h1")):
            ink = text.evaluate("(text) => getComputedStyle(text).color.match(/[0-9.]+/g).slice(0, 3).map(Number)")
            behind = [luminance(*colour) for colour in colours_behind(text)]
            own = luminance(*ink)
            worst = min((max(own, one) + 0.05) / (min(own, one) + 0.05) for one in behind)
            assert worst >= 4.5, (concert_id, worst)


# -- keeping a place


@pytest.fixture
def waiting(shop: FakeApi, visits: Visits) -> Visit:
    """A fan in the waiting room, two hundred behind, with a clock that can be moved."""
    shop.queue["night-sky"] = {"status": "WAITING"}
    visit = visits(shop, expected={401}, script=COUNT_COURTESIES)
    visit.page.clock.install()
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".ahead").wait_for()
    return visit


COUNT_COURTESIES = """
  globalThis.courtesies = [];
  const count = (what) => courtesies.push(what);
  const request = async () => (count("awake"), { release: () => count("asleep") });
  Object.defineProperty(navigator, "wakeLock", { value: { request } });
  Object.defineProperty(navigator, "vibrate", { value: () => count("vibration") });
  globalThis.Notification = class {
    static permission = "default";
    static async requestPermission() { return (Notification.permission = "granted"); }
    constructor(title) { count(`notification ${title}`); }
  };
  const connect = (to) => to;
  const gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
  globalThis.AudioContext = class {
    state = "running"; currentTime = 0; destination = {};
    async resume() {}
    createGain() { return { gain, connect }; }
    createOscillator() { return { frequency: {}, connect, start: () => count("sound"), stop() {} }; }
  };
  Object.defineProperty(document, "hidden", { configurable: true, get: () => globalThis.isHidden === true });
"""


def courtesies(visit: Visit) -> list[str]:
    """Read what the page did to call a fan."""
    found: list[str] = visit.page.evaluate("courtesies")
    return found


def look_away(visit: Visit, away: bool) -> None:
    """Hide the tab, or look at it again."""
    visit.page.evaluate(f"isHidden = {str(away).lower()}; document.dispatchEvent(new Event('visibilitychange'))")


def test_screen_stays_on_and_one_is_warned_when_it_is_nearly_ones_turn(waiting: Visit, shop: FakeApi) -> None:
    shop.queue["night-sky"] |= {"estimatedWaitSeconds": 1800}
    expect(waiting.page.locator(".line .note.good")).to_have_count(0)
    shop.queue["night-sky"] |= {"estimatedWaitSeconds": 60, "ahead": 3}
    waiting.page.clock.fast_forward(5000)

    expect(waiting.page.locator(".line [role=status]", has_text="곧 차례예요")).to_be_visible()
    assert "awake" in courtesies(waiting)
    assert_accessible(waiting.page)


def test_who_looks_elsewhere_is_called_by_title_sound_vibration_and_notification(waiting: Visit, shop: FakeApi) -> None:
    waiting.page.get_by_role("button", name="차례가 되면 알림 받기").click()
    expect(waiting.page.get_by_text("알림과 소리로 알려 드릴게요")).to_be_visible()
    look_away(waiting, away=True)
    shop.queue["night-sky"] = {}
    waiting.page.clock.fast_forward(61_000)

    expect(waiting.page).to_have_title("● 입장하실 차례예요!")
    assert {"vibration", "sound", "notification 입장하실 차례예요!"} <= set(courtesies(waiting))
    look_away(waiting, away=False)
    expect(waiting.page.locator(".right .countdown")).to_be_visible()


@pytest.mark.parametrize("seconds", [9, 60, 600, 3600])
def test_who_comes_back_finds_the_place(waiting: Visit, shop: FakeApi, seconds: int) -> None:
    look_away(waiting, away=True)
    waiting.context.set_offline(True)
    shop.queue["night-sky"] |= {"ahead": 12, "estimatedWaitSeconds": 300}
    shop.shift += seconds
    waiting.page.clock.fast_forward(seconds * 1000)

    waiting.context.set_offline(False)
    look_away(waiting, away=False)

    expect(waiting.page.locator(".ahead b")).to_have_text("12")
    expect(waiting.page.locator(".line .note.warn")).to_have_count(0)
    waiting.complaints = [line for line in waiting.complaints if "ERR_" not in line]


def test_who_comes_back_too_late_is_told_why_the_place_is_gone(waiting: Visit, shop: FakeApi) -> None:
    look_away(waiting, away=True)
    shop.fan("fan").places.clear()
    shop.shift += 3600
    waiting.page.clock.fast_forward(3_600_000)
    look_away(waiting, away=False)

    expect(waiting.page.locator("h1")).to_have_text("줄에서 나왔어요")
    expect(waiting.page.get_by_role("status")).to_contain_text("차례가 왔을 때 이 화면이 응답하지 않아")


def test_what_is_said_of_how_long_a_place_is_safe_does_not_flicker(waiting: Visit, shop: FakeApi) -> None:
    said: list[str] = []
    for jitter in (61.2, 64.9, 62.0, 67.3, 60.5):
        lives = jitter

        def poll(request: Request, lives: float = lives) -> Answer:
            view = shop._queue_view("night-sky", shop.fan("fan").places["night-sky"])
            return Answer(view | {"expiresAt": rfc3339(shop.now() + lives)})

        shop.script("GET", ".*/queue-tokens/current", poll)
        asked = len(shop.asked("GET", ".*/queue-tokens/current"))
        waiting.page.clock.fast_forward(3000)
        while len(shop.asked("GET", ".*/queue-tokens/current")) == asked:
            waiting.page.wait_for_timeout(20)
        waiting.page.wait_for_timeout(100)
        said.append(waiting.page.locator(".hints li").nth(1).inner_text())

    assert len(set(said)) == 1
    assert "1분 동안" in said[0]


def test_poll_whose_tab_crashed_before_the_answer_is_not_repeated_sooner_than_told(
    shop: FakeApi, visits: Visits
) -> None:
    shop.queue["night-sky"] = {"status": "WAITING"}
    visit = visits(shop)
    visit.sign_up("fan")
    asked: list[float] = []
    crashed = threading.Event()

    def poll(_: Request) -> None:
        asked.append(time.monotonic())
        crashed.wait(10)

    shop.script("GET", ".*/queue-tokens/current", poll)
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".ahead").wait_for()
    while not asked:
        visit.page.wait_for_timeout(20)

    with pytest.raises(Error, match="crash"):
        visit.page.goto("chrome://crash")
    crashed.set()
    again = visit.tab()
    again.goto(f"{visit.url}#/concerts/night-sky")
    while len(asked) < 2:
        again.wait_for_timeout(20)

    assert asked[1] - asked[0] >= 2


def test_paused_line_says_so_instead_of_guessing(waiting: Visit, shop: FakeApi) -> None:
    shop.queue["night-sky"] |= {"saleStatus": "PAUSED"}
    waiting.page.clock.fast_forward(5000)

    expect(waiting.page.locator(".line")).to_contain_text("입장을 잠시 멈췄습니다")
    expect(waiting.page.locator(".line .counts")).not_to_contain_text("분")


@pytest.mark.parametrize(
    ("code", "said"), [("SOLD_OUT", "모든 좌석이 나갔어요"), ("SALES_CLOSED", "예매가 끝난 공연이에요")]
)
def test_line_that_leads_to_nothing_ends_kindly(waiting: Visit, shop: FakeApi, code: str, said: str) -> None:
    def refuse(_: Request) -> Answer:
        return Answer({"type": "about:blank", "title": code, "status": 409, "detail": code, "code": code}, 409)

    waiting.expected.add(409)
    shop.script("GET", ".*/queue-tokens/current", refuse)
    waiting.page.clock.fast_forward(5000)

    expect(waiting.page.get_by_role("status")).to_contain_text(said)
    expect(waiting.page.get_by_role("button", name="다시 줄 서기")).to_have_count(0)
    expect(waiting.page.get_by_role("button", name="공연 정보 보기")).to_be_visible()


# -- by e-mail, and with points that are bought


def test_who_signs_up_by_email_enters_the_code_and_can_have_it_sent_again(visits: Visits) -> None:
    with FakeApi(signUp="email").running() as api:
        visit = visits(api, expected={400})
        visit.go("/sign-up")
        visit.page.fill("#username", "fan")
        visit.page.fill("#email", "fan@example.com")
        visit.page.fill("#password", "Encore-2026!")
        visit.page.click("form button[type=submit]")
        visit.page.fill("#code", "999999")
        visit.page.click("form button[type=submit]")
        expect(visit.page.get_by_role("alert")).to_contain_text("확인 코드가 달라요")
        assert_accessible(visit.page)

        visit.page.get_by_role("button", name="코드 다시 받기").click()
        expect(visit.page.get_by_role("status")).to_have_text("코드를 다시 보냈습니다.")
        visit.page.fill("#code", "654321")
        visit.page.click("form button[type=submit]")

        expect(visit.page.locator(".who-name")).to_contain_text("fan")


def test_forgotten_password_is_set_anew_with_a_code(visits: Visits) -> None:
    with FakeApi(signUp="email").running() as api:
        api.fan("fan")
        visit = visits(api)
        visit.go("/sign-in")
        visit.page.get_by_role("button", name="비밀번호를 잊었나요?").click()
        visit.page.fill("#username", "fan")
        visit.page.click("form button[type=submit]")
        expect(visit.page.locator("h1")).to_be_focused()
        visit.page.fill("#code", "654321")
        visit.page.fill("#password", "Encore-2027!")
        assert_accessible(visit.page)
        visit.page.click("form button[type=submit]")

        expect(visit.page.locator(".who-name")).to_contain_text("fan")


def test_where_points_are_bought_nobody_is_offered_to_charge_any(visits: Visits) -> None:
    with FakeApi(charges="provider").running() as api:
        api.add_concert()
        api.add_performance()
        visit = visits(api)
        visit.sign_up("fan")
        visit.go("/points")
        expect(visit.page.locator(".balance")).to_contain_text("포인트는 결제 서비스에서 살 수 있어요")
        expect(visit.page.locator("#charge-amount")).to_have_count(0)

        held = api.hold("fan", "night-sky.first", [7])
        visit.go(f"/reservations/{held['reservationId']}")

        expect(visit.page.locator(".shortfall")).to_contain_text("포인트는 결제 서비스에서 살 수 있어요")
        expect(visit.page.locator("#charge-amount")).to_have_count(0)


def test_ledger_says_which_concert_was_paid_for(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop)
    to_the_till(shop, visit)
    visit.page.locator(".pay").click()
    expect(visit.page.locator("h1")).to_have_text("예매가 확정되었어요")

    visit.go("/points")

    expect(visit.page.locator(".entries li").first).to_contain_text("밤하늘")


def test_who_has_just_left_is_told_when_to_come_back_and_then_may(shop: FakeApi, visits: Visits) -> None:
    left_at = shop.now()

    def cool_down(_: Request) -> Answer | None:
        if shop.now() - left_at >= 30:
            return None
        problem = {"type": "about:blank", "title": "Later", "status": 429, "detail": "Later.", "code": "RATE_LIMITED"}
        return Answer(problem, 429, {"Retry-After": "30"})

    shop.script("POST", ".*/queue-tokens", cool_down)
    visit = visits(shop, expected={429})
    visit.page.clock.install()
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    alert = visit.page.get_by_role("alert")
    expect(alert.get_by_role("timer")).to_be_visible()
    expect(alert.get_by_role("button")).to_have_count(0)
    assert len(shop.asked("POST", ".*/queue-tokens")) == 1

    shop.shift += 31
    visit.page.clock.fast_forward(31_000)
    alert.get_by_role("button", name="다시 시도").click()

    expect(visit.page.locator(".right .countdown")).to_be_visible()
