"""Fans book in the browser, on the real stack: the whole way, at phone and desktop size, in both languages."""

import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stacks, Visit, Visits, assert_accessible
from tests.stack.local_stack import LocalStack, PublishedConcert

COLD = 60_000  # milliseconds: the local cloud starts a process for each function when it is first called


def name(start: str) -> str:
    return f"{start}{secrets.token_hex(3)}"


def seat(page: Page, number: int) -> Any:
    return page.get_by_role("group", name=re.compile("좌석표|Seat map")).get_by_text(str(number), exact=True)


def arrive(visit: Visit, concert: PublishedConcert) -> None:
    """From the concert's page through the queue to its seats."""
    visit.go(f"/concerts/{concert.concert_id}")
    visit.page.locator(".date").first.wait_for(timeout=COLD)
    visit.page.locator(".door-act button").click()
    visit.page.locator(".right .countdown").wait_for(timeout=COLD)
    visit.page.locator(".seat.free").first.wait_for(timeout=COLD)


def hold(visit: Visit, *numbers: int) -> None:
    for number in numbers:
        seat(visit.page, number).click()
    visit.page.click(".pick button.wide")
    visit.page.locator(".till .account").wait_for(timeout=COLD)


def charge_what_is_missing(visit: Visit) -> None:
    visit.page.locator(".shortfall button[type=submit]").click(timeout=COLD)
    visit.page.locator(".pay").wait_for(timeout=COLD)


def pay(visit: Visit) -> None:
    visit.page.locator(".pay").click()
    visit.page.locator(".outcome .note.good").wait_for(timeout=COLD)


@pytest.mark.parametrize(
    ("language", "phone", "light"), [("ko-KR", True, False), ("en-US", False, True)], ids=["ko-phone", "en-desktop"]
)
def test_fan_books_from_the_first_page_to_the_ticket_reloading_at_each_step(
    visits: Visits, stack: LocalStack, language: str, phone: bool, light: bool
) -> None:
    visit = visits(str(stack.outputs["webUrl"]), language=language, phone=phone, light=light, expected={402})
    page, mark = visit.page, "ko-phone" if phone else "en-desktop"
    visit.go()
    page.locator(".card h2").first.wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"1-concerts-{mark}")

    visit.go("/sign-up")
    page.locator("#username").wait_for()
    visit.shot(f"2-sign-up-{mark}")
    visit.sign_up(name("별빛" if phone else "luna"))
    page.locator(".card", has_text="Starfall Symphony").click()
    page.locator(".date").first.wait_for(timeout=COLD)
    page.reload()
    page.locator(".date").first.wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"3-concert-{mark}")

    page.locator(".door-act button").click()
    page.locator(".right .countdown").wait_for(timeout=COLD)
    page.locator(".seat.free").first.wait_for(timeout=COLD)
    page.reload()
    page.locator(".seat.free").first.wait_for(timeout=COLD)
    expect(page.locator(".right .countdown")).to_be_visible()
    free = page.locator(".seats .seat.free")
    picked = [int(free.nth(at).inner_text()) for at in (14, 15)]
    for number in picked:
        seat(page, number).click()
    assert_accessible(page)
    visit.shot(f"4-seats-{mark}")

    page.click(".pick button.wide")
    page.locator(".shortfall").wait_for(timeout=COLD)
    page.reload()
    page.locator(".shortfall").wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"5-too-few-points-{mark}")
    charge_what_is_missing(visit)
    page.reload()
    page.locator(".pay").wait_for(timeout=COLD)
    visit.shot(f"6-hold-{mark}")

    page.locator(".pay").click()
    page.locator(".steps").wait_for()
    visit.shot(f"7-paying-{mark}", settle=0)
    page.reload()
    page.locator(".outcome .note.good").wait_for(timeout=COLD)
    expect(page.locator(".outcome .steps .good")).to_have_count(2, timeout=COLD)
    assert_accessible(page)
    visit.shot(f"8-ticket-{mark}")

    visit.go("/reservations")
    expect(page.locator(".ticket.confirmed h2")).to_contain_text("Starfall Symphony", timeout=COLD)
    assert_accessible(page)
    visit.shot(f"9-reservations-{mark}")
    visit.go("/points")
    expect(page.locator(".entries li")).to_have_count(2, timeout=COLD)
    expect(page.locator(".big")).to_have_text("0 P", timeout=COLD)
    assert_accessible(page)
    visit.shot(f"10-points-{mark}")

    page.locator(".who button").click()
    expect(page.locator(".top-end a.button")).to_be_visible()
    visit.go("/reservations")
    expect(page.locator(".ticket")).to_have_count(0)


def test_of_two_fans_who_want_one_seat_the_slower_is_told_and_picks_another(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert(seats=50)
    first, second = (visits(str(stack.outputs["webUrl"]), expected={409}) for _ in range(2))
    for fan in (first, second):
        fan.sign_up(name("fan"))
        arrive(fan, concert)
        seat(fan.page, 26).click()

    for fan in (first, second):
        fan.page.locator(".pick button.wide").click(no_wait_after=True)

    winner_or_loser = "css=.till .account, .pick .note[role=alert]"
    for fan in (first, second):
        fan.page.locator(winner_or_loser).first.wait_for(timeout=COLD)
    losers = [fan for fan in (first, second) if "/reservations/" not in fan.page.url]
    assert len(losers) == 1
    loser = losers[0]
    expect(loser.page.get_by_role("alert")).to_contain_text("26번 좌석은 방금 다른 분이 먼저 잡았어요")
    expect(loser.page.locator(".seats .seat.held")).to_have_count(1, timeout=COLD)
    loser.shot("11-seat-taken")
    hold(loser, 27)
    expect(loser.page.locator(".slip-seats")).to_contain_text("27")


def test_with_room_for_one_the_next_waits_and_is_let_in_when_the_first_has_paid(
    visits: Visits, stack: LocalStack
) -> None:
    concert = stack.publish_concert(capacity=1)
    first, second = (visits(str(stack.outputs["webUrl"])) for _ in range(2))
    first.sign_up(name("first"))
    arrive(first, concert)
    second.sign_up(name("second"))
    second.go(f"/concerts/{concert.concert_id}")
    second.page.locator(".door-act button").click()
    expect(second.page.locator(".ahead b")).to_have_text("0", timeout=COLD)
    second.page.reload()
    expect(second.page.locator(".ahead b")).to_have_text("0")
    assert_accessible(second.page)
    second.shot("12-waiting")

    hold(first, 1)
    charge_what_is_missing(first)
    pay(first)

    second.page.locator(".right .countdown").wait_for(timeout=COLD)
    expect(second.page.locator(".seats .seat.sold")).to_have_count(1, timeout=COLD)
    second.page.locator(".right button").click()  # gives the right to book back
    expect(second.page.locator(".right")).to_have_count(0)
    first.go(f"/concerts/{concert.concert_id}")
    first.page.locator(".door-act button").click()
    first.page.locator(".right .countdown").wait_for(timeout=COLD)


def test_leaving_the_queue_frees_the_place(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert(capacity=1)
    stack.enter(stack.fan(), concert.concert_id)
    visit = visits(str(stack.outputs["webUrl"]))
    visit.sign_up(name("fan"))
    visit.go(f"/concerts/{concert.concert_id}")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".ahead").wait_for(timeout=COLD)

    visit.page.locator(".waiting .center button").click()
    visit.page.get_by_role("dialog").locator(".danger").click()

    expect(visit.page.get_by_role("button", name="예매하러 입장하기")).to_be_visible(timeout=COLD)


def test_released_seats_are_free_again(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert()
    visit = visits(str(stack.outputs["webUrl"]))
    visit.sign_up(name("fan"))
    arrive(visit, concert)
    hold(visit, 3, 4)

    visit.page.get_by_role("button", name="이 좌석 놓아주기").click()
    visit.page.get_by_role("dialog").locator(".danger").click()

    expect(visit.page.locator(".seats .seat.free")).to_have_count(50, timeout=COLD)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket .tag")).to_have_text("놓아줌", timeout=COLD)


def test_hold_runs_out_on_screen_and_the_seat_is_free_again(visits: Visits, stacks: Stacks) -> None:
    stack = stacks("HoldSeconds=8")
    concert = stack.publish_concert()
    visit = visits(str(stack.outputs["webUrl"]))
    visit.sign_up(name("fan"))
    arrive(visit, concert)
    hold(visit, 10)
    expect(visit.page.locator(".ring")).to_be_visible()

    expect(visit.page.locator("h1")).to_have_text("시간이 지나 좌석이 풀렸어요", timeout=COLD)
    assert_accessible(visit.page)
    visit.shot("13-hold-ran-out")
    visit.page.get_by_role("link", name="다시 고르기").click()
    expect(visit.page.locator(".seats .seat.free")).to_have_count(50, timeout=COLD)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket .tag")).to_have_text("시간 만료", timeout=COLD)
