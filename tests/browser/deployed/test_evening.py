"""An organiser's evening, from the page alone: publish, watch, pause with a message, open, export, call a date off."""

import csv
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COLD, Visit, Visits
from tests.stack.local_stack import LocalStack, PublishedConcert
from tools.ost.roles import Role, give_role

CATALOG = """concerts:
  - concertId: {name}
    title: Lantern Night
    artist: The Ensemble
    venue: Lantern Hall, Seoul
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2036-05-03 18:00
    queueCapacity: 5
    performances:
      - {{label: friday, startsAt: 2036-05-01 19:30, price: 1000, seatsTotal: 20}}
      - {{label: saturday, startsAt: 2036-05-02 19:30, price: 1000, seatsTotal: 20}}
      - {{label: sunday, startsAt: 2036-05-03 19:30, price: 900, seatsTotal: 20}}
"""


@dataclass(frozen=True)
class Words:
    """What the page says where this test presses or reads."""

    refused: str
    check_again: str
    all_sales: str
    text_of_file: str
    see_changes: str
    line: str
    publish: str
    changed: str
    message: str
    pause: str
    paused: str
    open: str
    save: str
    name: str
    what_it_means: str
    off_sale: str
    on_sale: str
    call_off: str
    given_back: str
    told: str
    logged: tuple[str, ...]


SAYS = {
    "en-US": Words(
        refused="This page is for organisers",
        check_again="Check again",
        all_sales="All sales",
        text_of_file="Text of the catalog file",
        see_changes="See what would change",
        line="Line 1[01]",
        publish="Publish",
        changed="What was changed",
        message="What waiting fans read",
        pause="Pause the line",
        paused="Paused",
        open="Open the line",
        save="Save as a table",
        name="Name",
        what_it_means="See what it means",
        off_sale="Take it off sale and look again",
        on_sale="still on sale",
        call_off="Call it off and give 1,000 P back",
        given_back="1,000 P went back to the fans. Nothing is left.",
        told="The organiser called this date off",
        logged=("called off", "off sale", "Line changed", "Line changed", "published"),
    ),
    "ko-KR": Words(
        refused="주최자를 위한 화면이에요",
        check_again="다시 확인",
        all_sales="전체 판매",
        text_of_file="공연 파일의 내용",
        see_changes="무엇이 바뀌는지 보기",
        line="1[01]번째 줄",
        publish="등록하기",
        changed="바뀐 내용",
        message="대기 중인 팬에게 보이는 안내",
        pause="입장 멈추기",
        paused="일시 중지",
        open="입장 다시 열기",
        save="표로 저장",
        name="이름",
        what_it_means="어떻게 되는지 보기",
        off_sale="판매를 멈추고 다시 보기",
        on_sale="아직 팔고 있는 날짜",
        call_off="공연을 취소하고 1,000 P 돌려주기",
        given_back="팬들에게 1,000 P를 돌려드렸어요. 남은 것이 없습니다.",
        told="주최 측이 이 날짜의 공연을 취소했어요",
        logged=("공연 취소", "판매 중지", "대기열 변경", "대기열 변경", "공연 등록"),
    ),
}


def organiser(visits: Visits, stack: LocalStack, language: str) -> Visit:
    """Sign up, be made an organiser, and be let in without signing in again."""
    visit, user, says = visits(stack, language=language, expected={409}), f"boss{secrets.token_hex(3)}", SAYS[language]
    visit.sign_up(user)
    visit.go("/organiser")
    expect(visit.page.locator("h1")).to_have_text(says.refused)
    give_role(stack.cloud, user, Role.ORGANISER)
    visit.page.get_by_role("button", name=says.check_again).click()
    expect(visit.page.locator("h1")).to_have_text(says.all_sales)
    return visit


def publish(visit: Visit, name: str, says: Words) -> PublishedConcert:
    """Publish three dates: with a mistake first, which the page leads to."""
    page, text = visit.page, CATALOG.format(name=name)
    visit.go("/organiser/catalog")
    editor, check = page.get_by_label(says.text_of_file), page.get_by_role("button", name=says.see_changes)
    editor.fill(text.replace("seatsTotal: 20}", "seatsTotal: many}", 1))
    check.click()
    page.get_by_role("button", name=re.compile(says.line)).click(timeout=COLD)
    editor.fill(text)
    check.click()
    expect(page.locator(".changes .created")).to_have_count(4, timeout=COLD)
    page.get_by_role("button", name=says.publish, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=says.publish).click()
    expect(page.get_by_text(says.changed)).to_be_visible(timeout=COLD)
    return PublishedConcert(name, [f"{name}.{label}" for label in ("friday", "saturday", "sunday")], 1000)


def answer(visit: Visit, button: str) -> None:
    """Press a button that asks, and say yes."""
    visit.page.get_by_role("button", name=button).click(timeout=COLD)
    visit.page.get_by_role("dialog").get_by_role("button", name=button).click()


@pytest.mark.parametrize("language", SAYS)
def test_sale_of_three_dates_is_run_from_the_page_alone(visits: Visits, stack: LocalStack, language: str) -> None:
    boss, fan, says = organiser(visits, stack, language), visits(stack, language=language), SAYS[language]
    page, message = boss.page, "We are back at 20:15."
    concert = publish(boss, f"evening-{secrets.token_hex(4)}", says)

    # Paused with a message: a fan who comes now waits, and reads it.
    boss.go(f"/organiser/concerts/{concert.concert_id}")
    page.get_by_role("textbox", name=says.message).fill(message, timeout=COLD)
    answer(boss, says.pause)
    expect(page.locator(".state .tag")).to_have_text(says.paused, timeout=COLD)
    fan.sign_up(f"fan{secrets.token_hex(3)}")
    fan.join(concert)
    expect(fan.page.locator(".line")).to_contain_text(message, timeout=COLD)
    expect(page.locator(".state .counts dd").first).to_have_text("1", timeout=COLD)
    boss.shot(f"evening-1-paused-{language[:2]}", settle=0)

    # Opened: the fan is let in, and buys a seat.
    answer(boss, says.open)
    fan.page.locator(".seat.free").first.wait_for(timeout=COLD)
    fan.hold(7)
    fan.charge_what_is_missing()
    fan.page.locator(".pay").click()
    fan.page.locator(".outcome .note.good").first.wait_for(timeout=COLD)
    boss.go("/organiser")
    sale = page.locator(".sale").filter(has=page.locator(f"a[href$='{concert.concert_id}']"))
    expect(sale.locator("tbody tr").first).to_contain_text("1,000 P", timeout=COLD)
    boss.shot(f"evening-2-sales-{language[:2]}", settle=0)

    # The date: its booking as a table, and calling it off.
    boss.go(f"/organiser/dates/{concert.performance_id}")
    expect(page.locator(".bookings-table tbody tr")).to_have_count(1, timeout=COLD)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=says.save).click()
    head, booked = csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines())
    assert (head[0], booked[0]) == (says.name, fan.fan.name)
    page.get_by_role("button", name=says.what_it_means).click()
    page.get_by_role("button", name=says.off_sale).click(timeout=COLD)
    expect(page.get_by_text(says.on_sale)).to_have_count(0, timeout=COLD)
    page.locator("#off-code").fill(page.locator(".code").inner_text())
    page.get_by_role("button", name=says.call_off).click()
    expect(page.get_by_text(says.given_back)).to_be_visible(timeout=COLD)
    fan.page.reload()
    expect(fan.page.locator(".outcome")).to_contain_text(says.told, timeout=COLD)

    boss.go("/organiser/log")
    own = page.locator(".log-entries > li").filter(has_text=concert.concert_id)
    expect(own).to_contain_text(list(says.logged), timeout=COLD)
    boss.shot(f"evening-3-log-{language[:2]}", settle=0)
