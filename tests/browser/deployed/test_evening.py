"""An organiser's evening, from the page alone: publish, watch, pause with a message, open, export, call a date off."""

import csv
import re
import secrets
from pathlib import Path

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


def organiser(visits: Visits, stack: LocalStack) -> Visit:
    """Sign up, be made an organiser, and be let in without signing in again."""
    visit, user = visits(stack, language="en-US", expected={409}), f"boss{secrets.token_hex(3)}"
    visit.sign_up(user)
    visit.go("/organiser")
    expect(visit.page.locator("h1")).to_have_text("This page is for organisers")
    give_role(stack.cloud, user, Role.ORGANISER)
    visit.page.get_by_role("button", name="Check again").click()
    expect(visit.page.locator("h1")).to_have_text("All sales")
    return visit


def publish(visit: Visit, name: str) -> PublishedConcert:
    """Publish three dates: with a mistake first, which the page leads to."""
    page, text = visit.page, CATALOG.format(name=name)
    visit.go("/organiser/catalog")
    editor, check = page.get_by_label("Text of the catalog file"), page.get_by_role("button", name="See what would")
    editor.fill(text.replace("seatsTotal: 20}", "seatsTotal: many}", 1))
    check.click()
    page.get_by_role("button", name=re.compile("Line 1[01]")).click(timeout=COLD)
    editor.fill(text)
    check.click()
    expect(page.locator(".changes .created")).to_have_count(4, timeout=COLD)
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.get_by_text("What was changed")).to_be_visible(timeout=COLD)
    return PublishedConcert(name, [f"{name}.{label}" for label in ("friday", "saturday", "sunday")], 1000)


def answer(visit: Visit, button: str) -> None:
    """Press a button that asks, and say yes."""
    visit.page.get_by_role("button", name=button).click(timeout=COLD)
    visit.page.get_by_role("dialog").get_by_role("button", name=button).click()


def test_sale_of_three_dates_is_run_from_the_page_alone(visits: Visits, stack: LocalStack) -> None:
    boss, fan = organiser(visits, stack), visits(stack, language="en-US")
    page, message = boss.page, "We are back at 20:15."
    concert = publish(boss, f"evening-{secrets.token_hex(4)}")

    # Paused with a message: a fan who comes now waits, and reads it.
    boss.go(f"/organiser/concerts/{concert.concert_id}")
    page.get_by_role("textbox", name="What waiting fans read").fill(message, timeout=COLD)
    answer(boss, "Pause the line")
    expect(page.locator(".state .tag")).to_have_text("Paused", timeout=COLD)
    fan.sign_up(f"fan{secrets.token_hex(3)}")
    fan.join(concert)
    expect(fan.page.locator(".line")).to_contain_text(message, timeout=COLD)
    expect(page.locator(".state .counts dd").first).to_have_text("1", timeout=COLD)
    boss.shot("evening-1-paused", settle=0)

    # Opened: the fan is let in, and buys a seat.
    answer(boss, "Open the line")
    fan.page.locator(".seat.free").first.wait_for(timeout=COLD)
    fan.hold(7)
    fan.charge_what_is_missing()
    fan.page.locator(".pay").click()
    fan.page.locator(".outcome .note.good").first.wait_for(timeout=COLD)
    boss.go("/organiser")
    sale = page.locator(".sale").filter(has=page.locator(f"a[href$='{concert.concert_id}']"))
    expect(sale.locator("tbody tr").first).to_contain_text("1,000 P", timeout=COLD)
    boss.shot("evening-2-sales", settle=0)

    # The date: its booking as a table, and calling it off.
    boss.go(f"/organiser/dates/{concert.performance_id}")
    expect(page.locator(".bookings-table tbody tr")).to_have_count(1, timeout=COLD)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as a table").click()
    head, booked = csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines())
    assert (head[0], booked[0]) == ("Name", fan.fan.name)
    page.get_by_role("button", name="See what it means").click()
    page.get_by_role("button", name="Take it off sale and look again").click(timeout=COLD)
    expect(page.get_by_text("still on sale")).to_have_count(0, timeout=COLD)
    page.locator("#off-code").fill(page.locator(".code").inner_text())
    page.get_by_role("button", name="Call it off and give 1,000 P back").click()
    expect(page.get_by_text("1,000 P went back to the fans. Nothing is left.")).to_be_visible(timeout=COLD)
    fan.page.reload()
    expect(fan.page.locator(".outcome")).to_contain_text("The organiser called this date off", timeout=COLD)

    boss.go("/organiser/log")
    own = page.locator(".log-entries > li").filter(has_text=concert.concert_id)
    expect(own).to_contain_text(["called off", "off sale", "Line changed", "Line changed", "published"], timeout=COLD)
    boss.shot("evening-3-log", settle=0)
