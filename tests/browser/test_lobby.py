"""The lobby and the draw in the page: quiet before it, an event, and a check that believes nothing."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Visits, assert_accessible
from tests.browser.fake import FakeApi

TOKENS = "/concerts/night-sky/queue-tokens"
DRAW = "/concerts/night-sky/draw"
NEVER_A_WITNESS = "Math.random = () => 0.5;"
ALWAYS_A_WITNESS = "Math.random = () => 0.01;"


@pytest.fixture
def hall(api: FakeApi) -> FakeApi:
    """One concert with a date."""
    api.add_concert()
    api.add_performance(bookable=False)
    api.queue["night-sky"] = {"status": "WAITING", "ahead": 4, "position": 5}
    return api


def come_in(visit: Visit, username: str = "fan") -> None:
    """Sign up and enter the lobby by its door."""
    visit.sign_up(username)
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".lobby .until").wait_for()


@pytest.mark.parametrize(("language", "phone"), [("ko-KR", True), ("en-US", False)], ids=["ko-phone", "en-desktop"])
def test_from_the_quiet_room_to_a_number_and_into_the_line(
    hall: FakeApi, visits: Visits, language: str, phone: bool
) -> None:
    hall.add_lobby(closes_in=7, others=12_344)
    visit = visits(hall, language=language, phone=phone, script=NEVER_A_WITNESS)
    page, mark = visit.page, "ko-phone" if phone else "en-desktop"
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    page.locator(".door-act button").wait_for()
    visit.shot(f"lobby-1-door-{mark}", settle=0)
    page.locator(".door-act button").click()
    page.locator(".lobby .until").wait_for()
    visit.shot(f"lobby-2-quiet-{mark}")
    page.locator(".made-from").wait_for()
    page.locator(".ahead .settled").wait_for()
    visit.shot(f"lobby-4-drawn-{mark}", settle=0)
    page.locator(".hints .icon").first.wait_for()
    expect(page.locator(".ahead b")).to_have_text("4")
    visit.shot(f"lobby-5-line-{mark}")
    visit.go("/concerts/night-sky/draw")
    page.locator(".published button").click()
    page.locator(".checked").wait_for()
    visit.shot(f"lobby-6-check-{mark}")
    assert_accessible(page)
