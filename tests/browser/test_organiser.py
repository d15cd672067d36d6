"""The organisers' page: every sale live, the line, the catalog, a date with its bookings, calling off, and the log."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from booking.publishing.catalog_file import read_catalog
from booking.publishing.publish import published_hall
from tests.browser.conftest import PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import DAY, Answer, FakeApi, Request, jwt, rfc3339
from tests.browser.fake_desk import Desk

KOREAN = {"ko": {"title": "밤하늘", "artist": "앙상블", "venue": "등불 홀, 서울"}}
FIRST = "night-sky.first"
CATALOG = """concerts:
  - concertId: lantern-night
    title: Lantern Night
    artist: The Ensemble
    venue: Lantern Hall
    timezone: Asia/Seoul
    performances:
      - {label: friday, startsAt: "2036-05-01 19:30", price: 12000, seatsTotal: 50}
      - {label: saturday, startsAt: "2036-05-02 19:30", price: 12000, seatsTotal: 50}
      - {label: sunday, startsAt: "2036-05-03 15:00", price: 9000, seatsTotal: 50}
"""


@pytest.fixture
def desk(api: FakeApi) -> Desk:
    """Two concerts on sale, one of them with two dates; some seats are sold, some are being paid for."""
    api.add_concert(translations=KOREAN)
    api.add_performance()
    api.add_performance(label="second", startsAt=rfc3339(api.now() + 32 * DAY), seatsTotal=80)
    api.add_concert("tide", title="Tide")
    api.add_performance("tide", "only", price=9000)
    api.grant("boss", "organiser")
    desk = Desk(api)
    desk.line("night-sky").update(waiting=312, active=100, entered=460, enteredPerMinute=24)
    desk.book("Ann", FIRST, 7, 8)
    desk.book("Bea", FIRST, 9)
    api.hold("Cid", FIRST, [10])
    return desk


def signed_in(user: str, *groups: str) -> str:
    """Give a script that has a user signed in before the page looks."""
    claims = {"sub": f"sub-{user}", "cognito:username": user, "cognito:groups": list(groups), "exp": 4_000_000_000}
    token = jwt(claims)
    session = {
        "idToken": token,
        "accessToken": token,
        "refreshToken": "renewal-of-boss",
        "sub": claims["sub"],
        "username": user,
    }
    kept = json.dumps(json.dumps(session | {"lapsesAt": 4_000_000_000_000}))
    return f"localStorage.getItem('ost.session') ?? localStorage.setItem('ost.session', {kept})"


def organise(desk: Desk, visits: Visits, path: str, *, language: str = "en-US", **more: bool | set[int]) -> Visit:
    """Open a page of the organiser's."""
    visit = visits(desk.api, language=language, script=signed_in("boss", "organiser", "staff"), **more)
    visit.go(f"/organiser{path}")
    return visit


def row(visit: Visit, text: str) -> Locator:
    return visit.page.locator("tbody tr", has_text=text)


def say_yes(visit: Visit, name: str) -> None:
    visit.page.get_by_role("dialog").get_by_role("button", name=name).click()


# -- who may


def test_fan_is_refused_kindly_and_comes_in_once_made_an_organiser(desk: Desk, visits: Visits) -> None:
    visit = visits(desk.api, language="en-US")
    visit.sign_up("fan")
    assert [request.url for _, request in visit.requests if "organis" in request.url] == []
    visit.go("/organiser")
    expect(visit.page.locator("h1")).to_have_text("This page is for organisers")
    expect(visit.page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_count(3)
    assert desk.api.asked("GET", "/organiser/.*") == []
    assert_accessible(visit.page)

    desk.api.grant("fan", "organiser")
    visit.page.get_by_role("button", name="Check again").click()

    expect(visit.page.locator("h1")).to_have_text("All sales")
    expect(visit.page.get_by_role("navigation", name="Main").get_by_role("link", name="Organise")).to_be_visible()


# -- all sales


def test_all_sales_are_on_one_screen_and_live_and_fresh_numbers_move_no_row(desk: Desk, visits: Visits) -> None:
    desk.attention["tide"] = [{"kind": "REFUNDS_UNFINISHED", "count": 2}]
    visit = organise(desk, visits, "", expected={503})
    page = visit.page
    titles = page.locator(".sale h2")
    expect(titles).to_have_text(["Tide", "Night Sky"])  # what needs attention comes first
    expect(page.locator(".sale").first).to_contain_text("2 refunds are still on their way.")
    expect(page.locator(".sale").nth(1).locator("dd").first).to_have_text("312")
    dates = page.locator(".sale").nth(1).locator("tbody tr")
    expect(dates.first.locator("td.number")).to_have_text(["3", "1", "46", "3,000 P", "0 P"])
    assert_accessible(page)
    visit.shot("organiser-1-sales-en")

    page.get_by_role("button", name="Sold", exact=True).nth(1).click()
    page.get_by_role("button", name="Sold", exact=True).nth(1).click()  # the most first
    expect(page.locator(".sale").nth(1).get_by_role("columnheader", name="Sold")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(dates.first).to_contain_text("46")
    page.clock.install()
    for number in range(1, 21):
        desk.book(f"fan {number}", "night-sky.second", number)
    desk.attention["tide"] = []
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(dates.nth(1).locator("td.number").first).to_have_text("20")
    expect(dates.first.locator("td.number").first).to_have_text("3")
    expect(titles).to_have_text(["Tide", "Night Sky"])

    # An API that is silent is said to be, with the time since when; and asked less often.
    desk.api.script("GET", "/organiser/concerts", lambda _: Answer({"code": "TEMPORARILY_UNAVAILABLE"}, 503))
    page.clock.fast_forward(6000)
    expect(page.get_by_text(re.compile("No answer since .* What you see is from then"))).to_be_visible()
    asked = len(desk.api.asked("GET", "/organiser/concerts"))
    page.clock.fast_forward(7000)
    assert len(desk.api.asked("GET", "/organiser/concerts")) == asked
    desk.api.scripted.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".since")).to_be_visible()


def test_date_opens_into_its_grades(desk: Desk, visits: Visits) -> None:
    desk.api.add_hall(label="third")
    desk.api.take("night-sky.third", *range(1, 101))
    visit = organise(desk, visits, "/concerts/night-sky")
    visit.page.get_by_role("button", name=re.compile("Grades on")).click()

    expect(visit.page.locator("tr.grade")).to_have_count(4)
    expect(visit.page.locator("tr.grade td.number").first).not_to_have_text("0")


def test_every_page_fits_a_phone_and_can_be_read_by_everybody(desk: Desk, visits: Visits) -> None:
    desk.attention["night-sky"] = [{"kind": "PAYMENTS_LEFT_BEHIND", "count": 1}]
    boss = Request("", "", {}, {}, {}, "boss", 0)
    desk._did(boss, "QUEUE_CHANGED", {"before": {"capacity": 50}, "after": {"capacity": 100}})
    visit = organise(desk, visits, "", language="ko-KR", phone=True)
    for path, ready in [
        ("", ".sale"),
        ("/concerts/night-sky", ".line-grid"),
        (f"/dates/{FIRST}", ".bookings-table"),
        ("/catalog", ".editor"),
        ("/log", ".log-entries li"),
    ]:
        visit.go(f"/organiser{path}")
        visit.page.locator(ready).first.wait_for()
        mark = path.split("/")[1] if path else "sales"
        visit.page.get_by_role("button", name="English").click()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        visit.shot(f"organiser-phone-{mark}-en", settle=0)
        visit.page.get_by_role("button", name="한국어").click()
        assert_accessible(visit.page)
        visit.shot(f"organiser-phone-{mark}-ko", settle=0)


# -- the line


def test_line_is_paused_with_a_message_and_opened_and_the_log_says_by_whom(desk: Desk, visits: Visits) -> None:
    visit = organise(desk, visits, "/concerts/night-sky", expected={503})
    page = visit.page
    page.get_by_role("textbox", name="What waiting fans read").fill("We are back at 20:15.")
    expect(page.locator(".preview")).to_contain_text("We are back at 20:15.")
    page.get_by_role("button", name="Pause the line").click()
    expect(page.get_by_role("dialog").first).to_contain_text("Waiting fans will read: “We are back at 20:15.”")
    say_yes(visit, "Cancel")
    page.reload()  # loses nothing
    visit.refuse("PUT", "/queue", "TEMPORARILY_UNAVAILABLE")  # nor does an answer that is lost
    page.get_by_role("button", name="Pause the line").click()
    expect(page.get_by_role("dialog")).to_contain_text("Waiting fans will read: “We are back at 20:15.”")
    say_yes(visit, "Pause the line")

    expect(page.get_by_role("status").filter(has_text="The line is paused.")).to_be_visible()
    expect(page.locator(".state .tag")).to_have_text("Paused")
    assert desk.lines["night-sky"]["message"] == "We are back at 20:15."
    expect(page.locator(".log-entries li").first).to_contain_text("by boss")
    expect(page.locator(".log-entries")).to_contain_text("Paused no → yes")
    assert_accessible(page)
    visit.shot("organiser-2-line-en", settle=0)

    page.get_by_role("button", name="Open the line").click()
    say_yes(visit, "Open the line")
    expect(page.locator(".state .tag")).to_have_text("On sale")
    assert desk.lines["night-sky"]["message"] is None

    page.get_by_label("How many may be in at once").fill("20")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("dialog").last).to_contain_text("100 are in now. They stay")
    page.get_by_role("dialog").last.get_by_role("button", name="Change").click()
    expect(page.get_by_text("20 may be in at once now.")).to_be_visible()
    assert [list(one.body) for one in desk.api.asked("PUT", ".*")] == [
        ["paused", "message"],
        ["paused", "message"],
        ["capacity"],
    ]


# -- the catalog


def test_file_is_checked_by_line_published_and_finished_when_it_had_to_wait(
    desk: Desk, visits: Visits, tmp_path: Path
) -> None:
    file = tmp_path / "spring.yaml"
    file.write_text(CATALOG)
    desk.mistakes = [{"line": 9, "path": "concerts[0].performances[1].price", "message": "is not a whole number"}]
    visit = organise(desk, visits, "/catalog", expected={409})
    page = visit.page
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("1 mistake; nothing was changed")).to_be_visible()
    expect(page.locator(".gutter .wrong-line")).to_have_text("9")
    assert_accessible(page)
    visit.shot("organiser-4-mistakes-en", settle=0)
    page.get_by_role("button", name="Line 9").click()
    text = page.get_by_label("Text of the catalog file")
    expect(text).to_be_focused()
    chosen = text.evaluate("(area) => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen == CATALOG.splitlines()[8]

    desk.mistakes = []
    text.fill(CATALOG.replace("Lantern Night", "Lantern Nights"))
    expect(page.get_by_text("The text has changed since.")).to_be_visible()
    page.get_by_role("button", name="See what would change").click()
    expect(page.locator(".changes li")).to_have_count(4)
    visit.shot("organiser-5-changes-en", settle=0)
    desk.repeat_after = 2
    page.get_by_role("button", name="Publish", exact=True).click()
    say_yes(visit, "Publish")
    expect(page.get_by_text("Nearly done")).to_be_visible()
    page.reload()  # the page goes on where it was

    expect(page.get_by_text("What was changed")).to_be_visible()
    assert [one["title"] for name, one in desk.api.concerts.items() if name == "lantern-night"] == ["Lantern Nights"]
    assert len(desk.api.asked("POST", "/organiser/catalog")) == 4
    visit.go("/organiser")
    expect(page.locator(".sale h2").filter(has_text="Lantern Nights")).to_be_visible()
    visit.go("/organiser/log")
    page.get_by_text("4 changes").click()
    expect(page.locator(".log-entries .changes")).to_contain_text("lantern-night.friday")


def test_example_can_be_published_as_it_is(desk: Desk, visits: Visits) -> None:
    visit = organise(desk, visits, "/catalog", language="ko-KR")
    visit.page.get_by_role("button", name="예시로 시작하기").click()
    text = visit.page.get_by_label("공연 파일의 내용").input_value()
    (concert,) = read_catalog("catalog.yaml", text, published_hall)  # as publishing reads it
    assert list(concert.performances) == ["friday", "saturday", "sunday"]
    visit.page.get_by_role("button", name="무엇이 바뀌는지 보기").click()

    expect(visit.page.locator(".changes li")).to_have_count(4)


# -- a date


def test_bookings_are_found_and_saved_as_a_table_that_runs_no_formula(desk: Desk, visits: Visits) -> None:
    desk.book("=cmd|' /C calc'!A0", FIRST, 20)
    desk.book('@Sum "x"', FIRST, 21)
    desk.page_size = 1  # pages that are short, or empty and not the last
    visit = organise(desk, visits, f"/dates/{FIRST}")
    page = visit.page
    expect(page.locator(".bookings-table tbody tr")).to_have_count(4)
    page.get_by_role("searchbox").fill("21")
    expect(page.locator(".bookings-table tbody th b")).to_have_text(['@Sum "x"'])
    page.get_by_role("searchbox").fill("bea")
    expect(page.locator(".bookings-table tbody th b")).to_have_text(["Bea"])

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as a table").click()

    assert waiting.value.suggested_filename == f"bookings-{FIRST}.csv"
    text = Path(waiting.value.path()).read_text("utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0][:5] == ["Name", "Booking", "Seats", "Cancelled seats", "Points"]
    assert [each[0] for each in rows[1:]] == ["Ann", "Bea", "'=cmd|' /C calc'!A0", '\'@Sum "x"']
    assert rows[1][2:7] == ["Row B, seat 7, Row B, seat 8", "", "2000", "0", "Confirmed"]

    page.get_by_text("The hall", exact=True).click()
    page.locator(".seats .seat.sold").first.click()
    expect(page.get_by_role("searchbox")).to_have_value("7")
    expect(page.locator(".bookings-table tbody th b")).to_have_text(["Ann"])
    assert_accessible(page)
    visit.shot("organiser-3-date-en", settle=0)


def test_cells_that_a_spreadsheet_would_run_are_text(desk: Desk, visits: Visits) -> None:
    visit = organise(desk, visits, "/log")
    dangerous = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "plain", 'say "=x"', 12, None]
    cells = visit.page.evaluate(f"async (cells) => cells.map((await import('{visit.url}csv.js')).cell)", dangerous)

    assert cells[:8] == [f'"\'{text}"' for text in dangerous[:8]]
    assert cells[8:] == ['"plain"', '"say ""=x"""', "12", '""']


def test_booking_is_cancelled_for_a_fan_once_with_quote_and_reason(desk: Desk, visits: Visits) -> None:
    visit = organise(desk, visits, f"/dates/{FIRST}", expected={503})
    page = visit.page
    lost = [1]

    def lose(request: Request) -> Answer | None:
        if not lost[0]:
            return None
        lost[0] -= 1
        request.user = "boss"
        desk.cancel(request, request.path.split("/")[3])  # it was done, and the answer is lost
        return Answer({"code": "TEMPORARILY_UNAVAILABLE"}, 503)

    desk.api.script("POST", "/organiser/reservations/.*", lose)
    page.get_by_role("button", name="Cancel the booking of Ann").click()
    dialog = page.locator(".for-a-fan")
    dialog.get_by_role("checkbox").nth(1).uncheck()
    expect(dialog.locator(".rest dd")).to_have_text("1,000 P")
    dialog.get_by_label("Why").fill("Fell ill, wrote to us")
    assert_accessible(page)
    visit.shot("organiser-6-for-a-fan-en", settle=0)
    dialog.get_by_role("button", name="Cancel and give 1,000 P back").click()

    expect(dialog).to_contain_text("Ann has 1,000 P back.", timeout=15_000)
    dialog.get_by_role("button", name="Close").click()
    keys = {one.headers["idempotency-key"] for one in desk.api.asked("POST", "/organiser/reservations/.*")}
    assert len(keys) == 1
    assert desk.api.fan("Ann").balance == 1000
    assert {one["reason"] for one in desk.log} == {"Fell ill, wrote to us"}


def test_date_is_called_off_with_the_code_of_what_was_seen_and_watched_until_done(desk: Desk, visits: Visits) -> None:
    visit = organise(desk, visits, f"/dates/{FIRST}", expected={409})
    page = visit.page
    page.get_by_role("button", name="See what it means").click()
    expect(page.locator(".danger-zone .rest dd")).to_have_text("3,000 P")
    desk.book("Dan", FIRST, 30)  # meanwhile
    code = page.get_by_label("To call it off, type")
    confirm = page.get_by_role("button", name=re.compile("Call it off and give"))
    code.fill("code2")
    expect(confirm).to_have_attribute("aria-disabled", "true")
    code.fill("code23")
    assert_accessible(page)
    visit.shot("organiser-7-call-off-en", settle=0)
    confirm.click()
    expect(page.get_by_role("alert")).to_contain_text("The bookings have changed since the last look.")
    expect(page.locator(".danger-zone .rest dd")).to_have_text("4,000 P")
    assert desk.off == {}

    desk.unfinished = 1
    page.get_by_label("To call it off, type").fill("code34")
    page.get_by_role("button", name=re.compile("Call it off and give 4,000 P")).click()

    expect(page.get_by_text("Giving everything back")).to_be_visible()
    expect(page.get_by_text("4,000 P went back to the fans. Nothing is left.")).to_be_visible()
    expect(row(visit, "Dan").locator(".tag")).to_have_text("Cancelled")
    visit.go("/organiser/log")
    expect(page.locator(".log-entries li").first).to_contain_text("Date called off")
