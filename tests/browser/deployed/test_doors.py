"""An evening at the doors of the deployed stack: twenty guests, two doors, one of them without a network."""

import re
import secrets
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COLD, SMALL_PHONE, Visit, Visits
from tests.stack.local_stack import LocalStack, PublishedConcert, audit
from tools.ost.fans import Fan
from tools.ost.roles import Role, give_role


def tickets_of(stack: LocalStack, concert: PublishedConcert, *seats: int) -> tuple[Fan, str, list[str]]:
    """Have a new fan buy seats; the fan, the booking and the codes of its tickets."""
    fan = stack.fan("guest")
    stack.call(fan, "POST", "/points/charges", {"amount": concert.price * len(seats)}, key=secrets.token_hex(8))
    body = {"performanceId": concert.performance_id, "seatNumbers": list(seats)}
    held = stack.call(fan, "POST", "/reservations", body, queue_token=stack.enter(fan, concert.concert_id))
    booking = held.json()["reservationId"]
    stack.call(fan, "POST", "/payments", {"reservationId": booking}, key=secrets.token_hex(8))
    deadline = time.monotonic() + 60
    while True:
        items: list[dict[str, Any]] = stack.call(fan, "GET", f"/reservations/{booking}/tickets").json()["items"]
        if len(items) == len(seats):
            return fan, booking, [item["code"] for item in items]
        assert time.monotonic() < deadline
        time.sleep(0.5)


def at_door(stack: LocalStack, visits: Visits, concert: PublishedConcert, language: str, door: str) -> Visit:
    """Staff with a phone at a door of that name, the date loaded and the page kept."""
    visit = visits(stack, workers=True, language=language, phone=True, size=SMALL_PHONE)
    username = f"staff{secrets.token_hex(3)}"
    visit.sign_up(username)
    give_role(stack.cloud, username, Role.STAFF)
    visit.page.locator(".who button").tap()
    visit.go("/sign-in")
    visit.page.fill("#username", username)
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")
    visit.page.locator(".who-name").wait_for(timeout=COLD)
    visit.go("/door")
    visit.page.fill("#gate-name", door)
    visit.page.locator("#gate-name").blur()
    visit.go(f"/door/{concert.performance_id}")
    expect(visit.page.locator(".gate-counts")).to_contain_text("/ 20", timeout=COLD)
    return visit


def scan(visit: Visit, code: str) -> str:
    """Have a scanner type a code; the colour of what came of it."""
    counted = "[...document.querySelectorAll('.gate-counts dd')].map((each) => each.innerText).join()"
    before = visit.page.evaluate(counted)
    visit.page.fill("#typed", code)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(f"(before) => {counted} !== before", arg=before)
    visit.page.locator(".verdict.good, .verdict.bad").wait_for()
    return visit.page.locator(".latest li").first.get_attribute("class") or ""


@pytest.mark.parametrize("language", ["ko-KR", "en-US"], ids=["ko", "en"])
def test_twenty_guests_come_in_at_two_doors_of_which_one_is_offline(
    stack: LocalStack, visits: Visits, language: str
) -> None:
    concert = stack.publish_concert()
    bookings = [tickets_of(stack, concert, *range(first, first + 4)) for first in range(1, 21, 4)]
    codes = [code for _, _, some in bookings for code in some]
    north, south = (at_door(stack, visits, concert, language, door) for door in ("north", "south"))
    south.cut_off()

    assert [scan(north, code) for code in codes[:10]] == ["good"] * 10
    assert [scan(south, code) for code in codes[9:]] == ["good"] * 11  # of which one is in at the other door
    assert scan(south, codes[15]) == "bad"
    expect(south.page.locator(".gate-side .note")).to_contain_text("12")
    south.shot(f"evening-offline-{language[:2]}")
    south.page.reload()
    south.reconnect()

    expect(south.page.locator(".gate-line")).to_have_text(
        re.compile("Everything is sent|모든 기록을 보냈어요"), timeout=COLD
    )
    expect(south.page.locator(".to-look-at li")).to_have_count(1)
    expect(south.page.locator(".to-look-at")).to_contain_text(re.compile("north-[0-9a-f]{6}"))
    south.shot(f"evening-look-{language[:2]}")
    expect(south.page.locator(".gate-counts")).to_contain_text("20 / 20")
    fan, booking, _ = bookings[0]
    where = f"/reservations/{booking}/cancellation"
    quoted = stack.call(fan, "GET", where, params={"seatNumbers": "1"}).json()
    refused = stack.call(fan, "POST", where, {"seatNumbers": [1], "expectedRefund": 1000}, key="back").json()
    for each in (quoted, refused):
        assert (each["code"], each["reason"]) == ("NOT_CANCELLABLE", "CHECKED_IN")
    audit(stack)
