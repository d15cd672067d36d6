"""Fans book in the browser: the whole way, at phone and desktop size, in both languages, alone and against others."""

import re
import secrets
import subprocess
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COLD, SMALL_PHONE, Visits, assert_accessible
from tests.stack.local_stack import ROOT, SHORT_HOLDS, LocalStack, Stacks


def name(start: str) -> str:
    return f"{start}{secrets.token_hex(3)}"


@pytest.mark.parametrize(
    ("language", "phone", "light"), [("ko-KR", True, False), ("en-US", False, True)], ids=["ko-phone", "en-desktop"]
)
def test_fan_books_from_the_first_page_to_the_ticket_reloading_at_each_step(
    visits: Visits, stack: LocalStack, language: str, phone: bool, light: bool
) -> None:
    visit = visits(stack, language=language, phone=phone, light=light)
    page, mark = visit.page, "ko-phone" if phone else "en-desktop"
    visit.go()
    page.locator(".card h2").first.wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"1-concerts-{mark}")

    visit.go("/sign-in")
    page.locator("#username").wait_for()
    assert_accessible(page)
    visit.go("/sign-up")
    page.locator("#username").wait_for()
    assert_accessible(page)
    visit.shot(f"2-sign-up-{mark}")
    visit.sign_up(name("별빛" if phone else "luna"))
    page.locator(".card[href$='/starfall-symphony']").click()
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
        visit.seat(number).click()
    assert_accessible(page)
    visit.shot(f"4-seats-{mark}")

    page.click(".pick button.wide")
    page.locator(".shortfall").wait_for(timeout=COLD)
    page.reload()
    page.locator(".shortfall").wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"5-too-few-points-{mark}")
    visit.charge_what_is_missing()
    page.reload()
    page.locator(".pay").wait_for(timeout=COLD)
    assert_accessible(page)
    visit.shot(f"6-hold-{mark}")

    page.locator(".pay").click()
    page.locator(".steps").wait_for()
    visit.shot(f"7-paying-{mark}", settle=0)
    page.reload()
    page.locator(".outcome .note.good").wait_for(timeout=COLD)
    expect(page.locator(".outcome .steps .good")).to_have_count(2)
    assert_accessible(page)
    visit.shot(f"8-ticket-{mark}")

    visit.go("/reservations")
    expect(page.locator(".ticket.confirmed h2")).to_contain_text("별이 내리는" if phone else "Starfall Symphony")
    expect(page.locator(".dock")).to_have_count(0)  # paying ended the place in line
    assert_accessible(page)
    visit.shot(f"9-reservations-{mark}")
    visit.go("/points")
    expect(page.locator(".entries li")).to_have_count(2)
    expect(page.locator(".big")).to_have_text("0 P")
    assert_accessible(page)
    visit.shot(f"10-points-{mark}")
    visit.go("/nowhere")
    page.locator("h1").wait_for()
    assert_accessible(page)

    page.locator(".who button").click()
    expect(page.locator(".top-end a.button")).to_be_visible()
    visit.go("/reservations")
    expect(page.locator(".page .note")).to_be_visible()
    expect(page.locator(".ticket")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "two", "grade", "words"),
    [
        ("ko-KR", "2명", "S석", ("좌석 취소하기", "취소하고", "좌석 취소")),
        ("en-US", "2 people", "S ", ("Cancel seats", "Cancel and get", "Cancel the seats")),
    ],
    ids=["ko", "en"],
)
def test_two_seats_together_in_the_large_hall_are_bought_and_given_back_one_by_one_on_a_phone(
    visits: Visits, stack: LocalStack, language: str, two: str, grade: str, words: tuple[str, str, str]
) -> None:
    visit = visits(stack, language=language, phone=True, size=SMALL_PHONE)
    page, mark = visit.page, language[:2]
    visit.sign_up(name("fan"))
    visit.go("/concerts/ashes-and-aurora")
    page.locator(".door-act button").click(timeout=COLD)
    page.locator(".plan-section").first.wait_for(timeout=COLD)
    visit.shot(f"hall-1-sections-{mark}")

    page.get_by_role("button", name=two, exact=True).tap()
    page.locator(".best").get_by_role("button", name=re.compile(f"^{grade}")).tap()
    page.locator(".best button.wide").tap()
    page.locator(".shortfall").wait_for(timeout=COLD)
    visit.charge_what_is_missing()
    visit.shot(f"hall-2-hold-{mark}")
    page.locator(".pay").tap()
    page.locator(".outcome .note.good").wait_for(timeout=COLD)
    expect(page.locator(".slip-seats b")).to_have_count(2)
    visit.shot(f"hall-3-ticket-{mark}")

    opens, agrees, sure = words
    for left in (1, 0):
        page.get_by_role("button", name=opens, exact=True).tap(timeout=COLD)
        if left:
            page.locator(".cancel-seats input").nth(1).uncheck()
        expect(page.locator(".cancellation .rest dd")).to_have_text("110,000 P", timeout=COLD)
        visit.shot(f"hall-{5 - left}-cancel-{mark}")
        page.get_by_role("button", name=re.compile(agrees)).tap()
        page.get_by_role("dialog").get_by_role("button", name=sure, exact=True).tap()
        expect(page.locator(".slip-seats b")).to_have_count(left, timeout=COLD)
    expect(page.locator(".slip")).to_have_class(re.compile("slip"))
    expect(page.locator(".outcome")).to_contain_text("220,000 P")
    visit.shot(f"hall-6-over-{mark}")
    visit.go("/points")
    expect(page.locator(".big")).to_have_text("220,000 P", timeout=COLD)


@pytest.mark.parametrize("language", ["ko-KR", "en-US"], ids=["ko", "en"])
def test_date_that_is_called_off_gives_everything_back_and_says_so(
    visits: Visits, stack: LocalStack, language: str
) -> None:
    concert = stack.publish_concert(price=1000, performances=2)
    visit = visits(stack, language=language)
    page = visit.page
    visit.sign_up(name("fan"))
    visit.arrive(concert)
    visit.hold(7)
    visit.charge_what_is_missing()
    page.locator(".pay").click()
    page.locator(".outcome .note.good").wait_for(timeout=COLD)

    def calling_off(*words: str) -> str:
        command = [str(ROOT / "ost"), "cancel-performance", concert.performance_id, *words, "--state", str(stack.state)]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        return told.stdout + told.stderr

    code = re.search(r"--confirm ([a-z2-7]{6})", calling_off("--dry-run", "--off-sale"))
    assert code
    calling_off("--confirm", code[1])
    deadline = time.monotonic() + 90
    while "nothing left" not in calling_off("--status"):
        assert time.monotonic() < deadline
        time.sleep(1)
    page.reload()

    expect(page.locator(".outcome")).to_contain_text("1,000 P", timeout=COLD)
    told = "주최 측이 이 날짜의 공연을 취소했어요" if language == "ko-KR" else "The organiser called this date off"
    expect(page.locator(".outcome")).to_contain_text(told)
    assert_accessible(page)
    visit.shot(f"called-off-{language[:2]}")
    visit.go("/points")
    expect(page.locator(".big")).to_have_text("1,000 P", timeout=COLD)


def test_of_two_fans_who_want_one_seat_the_slower_is_told_and_picks_another(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert()
    first, second = fans = [visits(stack, expected={409}) for _ in range(2)]
    for fan in fans:
        fan.sign_up(name("fan"))
        fan.arrive(concert)
        fan.seat(26).click()

    for fan in fans:
        fan.page.locator(".pick button.wide").click(no_wait_after=True)

    for fan in fans:
        fan.page.locator(".till .account, .pick .note[role=alert]").first.wait_for(timeout=COLD)
    losers = [fan for fan in fans if "/reservations/" not in fan.page.url]
    assert len(losers) == 1
    loser = losers[0]
    expect(loser.page.get_by_role("alert")).to_contain_text("26번 좌석은 방금 다른 분이 먼저 잡았어요")
    expect(loser.page.locator(".seats .seat.held")).to_have_count(1)
    assert_accessible(loser.page)
    loser.shot("11-seat-taken")
    loser.hold(27)
    expect(loser.page.locator(".slip-seats")).to_contain_text("27")
    assert first.page.url != second.page.url


def test_with_room_for_one_the_next_waits_and_is_let_in_when_the_first_has_paid(
    visits: Visits, stack: LocalStack
) -> None:
    concert = stack.publish_concert(capacity=1)
    first, second = (visits(stack) for _ in range(2))
    first.sign_up(name("first"))
    first.arrive(concert)
    second.sign_up(name("second"))
    second.join(concert)
    expect(second.page.locator(".ahead b")).to_have_text("0")
    second.page.reload()
    expect(second.page.locator(".ahead b")).to_have_text("0")
    assert_accessible(second.page)
    second.shot("12-waiting")

    first.hold(1)
    first.charge_what_is_missing()
    first.page.locator(".pay").click()
    first.page.locator(".outcome .note.good").wait_for(timeout=COLD)

    second.page.locator(".right .countdown").wait_for(timeout=COLD)
    expect(second.page.locator(".seats .seat.sold")).to_have_count(1)
    second.page.locator(".right > button").click()  # gives the right to book back, but asks before
    second.page.get_by_role("dialog").locator(".danger").click()
    expect(second.page.locator(".right")).to_have_count(0)
    first.arrive(concert)  # paying ended the place: the first fan joins anew


def test_released_seats_are_free_again(visits: Visits, stack: LocalStack) -> None:
    concert = stack.publish_concert()
    visit = visits(stack)
    visit.sign_up(name("fan"))
    visit.arrive(concert)
    visit.hold(3, 4)

    visit.page.get_by_role("button", name="좌석 선택 취소").click()
    visit.page.get_by_role("dialog").locator(".danger").click()

    expect(visit.page.locator(".seats .seat.free")).to_have_count(50)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket .tag")).to_have_text("선택 취소")


def test_hold_runs_out_on_screen_and_the_seat_is_free_again(visits: Visits, stacks: Stacks) -> None:
    stack = stacks(SHORT_HOLDS)
    concert = stack.publish_concert()
    visit = visits(stack)
    visit.sign_up(name("fan"))
    visit.arrive(concert)
    visit.hold(10)
    expect(visit.page.locator(".ring")).to_be_visible()

    expect(visit.page.locator("h1")).to_have_text("시간이 지나 좌석이 풀렸어요")
    assert_accessible(visit.page)
    visit.shot("13-hold-ran-out")
    visit.page.get_by_role("link", name="다시 고르기").click()
    expect(visit.page.locator(".seats .seat.free")).to_have_count(50)
    visit.go("/reservations")
    expect(visit.page.locator(".ticket .tag")).to_have_text("시간 만료")
