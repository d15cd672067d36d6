"""The page's clock: the server's, learned only from answers that were made now, and running while nothing comes."""

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit, Visits
from tests.browser.fake import FakeApi, rfc3339

YEAR = 365 * 86_400
OFF_BY_TEN_MINUTES = """
  const shift = {minutes} * 60 * 1000, real = Date.now.bind(Date), RealDate = Date;
  globalThis.Date = class extends RealDate {{
    constructor(...given) {{ if (given.length) super(...given); else super(real() + shift); }}
    static now() {{ return real() + shift; }}
  }};
"""
ASK_FOR_POINTS = """async () => {
  const { call } = await import("/api.js");
  await call("GET", "/points");
}"""


def shown(page: Page, where: str) -> int:
    """Read a countdown: its seconds."""
    seconds = 0
    for part in page.locator(where).inner_text().split(":"):
        seconds = seconds * 60 + int(part)
    return seconds


def sleep(visit: Visit, api: FakeApi, seconds: int) -> None:
    """Let the device sleep: the server's clock and the wall clock go on, the page's own stands still."""
    api.shift += seconds
    visit.page.evaluate(f"() => {{ const now = Date.now.bind(Date); Date.now = () => now() + {seconds * 1000}; }}")


def assert_the_countdown_ends(visit: Visit, api: FakeApi, until: float) -> None:
    """Hold the countdown, which is drawn a moment after the clock has changed, to the server's time of its end."""
    expect(visit.page.locator(".right .countdown")).to_have_text(re.compile("^0?[0-6]:"))
    assert abs(until - time.time() - api.shift - shown(visit.page, ".right .countdown")) <= 3


def pass_time(api: FakeApi, visit: Visit, seconds: int) -> None:
    """Let time go by for the server and for the page."""
    api.shift += seconds
    visit.page.clock.fast_forward(seconds * 1000)


@pytest.fixture
def inside(api: FakeApi, visits: Visits) -> Visit:
    """A fan before the seats, with ten minutes to book."""
    api.add_concert()
    api.add_performance()
    visit = visits(api)
    visit.page.clock.install()
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".right .countdown").wait_for()
    visit.page.locator(".seat.free").first.wait_for()
    return visit


def test_countdown_is_true_though_the_map_is_answered_from_a_cache(inside: Visit, api: FakeApi) -> None:
    until = time.time() + api.shift + shown(inside.page, ".right .countdown")

    for _ in range(12):
        asked = len(api.asked("GET", ".*/seats"))
        pass_time(api, inside, 10)
        while len(api.asked("GET", ".*/seats")) == asked:
            inside.page.wait_for_timeout(20)
    inside.page.wait_for_timeout(500)

    assert all("if-none-match" in request.headers for request in api.asked("GET", ".*/seats")[1:])
    assert abs(shown(inside.page, ".right .countdown") - (until - api.now())) <= 2


@pytest.mark.parametrize("minutes", [10, -10])
def test_door_opens_by_the_servers_clock_and_its_countdown_runs(api: FakeApi, visits: Visits, minutes: int) -> None:
    api.add_concert(salesOpenAt=rfc3339(api.now() + 90))
    api.add_performance(bookable=False)
    visit = visits(api, script=OFF_BY_TEN_MINUTES.format(minutes=minutes))
    visit.page.clock.install()
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    door = visit.page.locator(".door-act")

    assert abs(shown(visit.page, ".door-act .countdown") - 90) <= 5
    pass_time(api, visit, 60)
    visit.page.wait_for_timeout(400)
    assert abs(shown(visit.page, ".door-act .countdown") - 30) <= 5
    expect(door.get_by_role("button")).to_have_count(0)

    api.performances["night-sky.first"]["bookable"] = True
    pass_time(api, visit, 31)
    expect(door.get_by_role("button", name="예매하러 입장하기")).to_be_visible()


def test_door_that_opens_in_years_is_shut_also_where_nobody_tells_the_time(api: FakeApi, visits: Visits) -> None:
    api.add_concert(salesOpenAt=rfc3339(api.now() + 9 * YEAR))
    api.add_performance(bookable=False)
    api.exposed = "Retry-After"
    visit = visits(api)
    visit.page.goto(visit.url)
    visit.page.evaluate("localStorage['ost.session'] = JSON.stringify({idToken: 'a.b.c', sub: 'x', username: 'x'})")
    visit.page.reload()
    visit.go("/concerts/night-sky")

    expect(visit.page.locator(".door-act")).to_contain_text("문을 엽니다")
    expect(visit.page.locator(".door-act").get_by_role("button")).to_have_count(0)
    expect(visit.page.locator(".door-act")).to_have_text(re.compile("3,28[3-6]일"))


def test_what_a_sleeping_device_missed_is_made_up_for(inside: Visit, api: FakeApi) -> None:
    """Some browsers stop the page's clock while the device sleeps; only the wall clock then shows that time passed."""
    until = time.time() + api.shift + shown(inside.page, ".right .countdown")

    sleep(inside, api, 240)

    assert_the_countdown_ends(inside, api, until)


def test_an_answer_that_was_made_before_a_sleep_and_comes_after_it_tells_no_time(inside: Visit, api: FakeApi) -> None:
    until = time.time() + api.shift + shown(inside.page, ".right .countdown")
    late: list[str] = []

    def arrive_after_a_sleep(route: Route) -> None:
        answer = route.fetch()
        if not late:
            late.append(route.request.url)
            sleep(inside, api, 240)
        route.fulfill(response=answer)

    inside.intercept("GET", "/points", arrive_after_a_sleep)
    inside.page.evaluate(ASK_FOR_POINTS)

    assert late
    inside.page.wait_for_timeout(450)  # as long as the countdown takes to look at the clock twice
    assert_the_countdown_ends(inside, api, until)
