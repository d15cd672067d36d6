"""Tickets in the page: for each seat a code that a door can read, without a network too, on paper, in a calendar."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PAGE_IS_KEPT, SMALL_PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import FakeApi, Request, code_of, ticket_id
from tools.ost.cloud import free_port
from tools.ost.hosting import WEB, release
from tools.ost.website import Website

DATE = "night-sky.first"
KOREAN = {"ko": {"title": "밤하늘: 별에게 보내는 편지", "artist": "앙상블", "venue": "등불 홀, 서울"}}


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """One concert, on Christmas Eve at 7 pm in Seoul."""
    api.add_concert(title="Night Sky; Letters, to a Star", translations=KOREAN)
    venue: dict[str, Any] = {"venue": "Lantern Hall, Seoul", "translations": {"ko": {"venue": "등불 홀, 서울"}}}
    api.add_performance(startsAt="2036-12-24T10:00:00Z", **venue)
    return api


def bought(shop: FakeApi, visit: Visit, *numbers: int) -> str:
    """Buy seats, and come to the tickets."""
    visit.sign_up("fan")
    shop.fan("fan").balance = 10_000
    reservation_id = str(shop.hold("fan", DATE, list(numbers))["reservationId"])
    shop.pay(Request("POST", "/payments", {}, {"idempotency-key": "k"}, {"reservationId": reservation_id}, "fan", 0))
    visit.go(f"/reservations/{reservation_id}")
    visit.page.locator(".pass .qr path").first.wait_for()
    return reservation_id


def read(page: Page, code: Locator) -> str:
    """Read a code from what is seen, as a door's camera would."""
    image = Image.open(io.BytesIO(code.screenshot())).convert("RGBA")
    pixels = {"width": image.width, "height": image.height, "data": list(image.tobytes())}
    return str(
        page.evaluate(
            """async (image) => (await import(new URL("vendor/qr-read.js", document.baseURI))).decodeQR(
                 { ...image, data: new Uint8ClampedArray(image.data) })""",
            pixels,
        )
    )


@pytest.mark.parametrize(("language", "light"), [("ko-KR", False), ("en-US", True)])
def test_each_seat_has_a_code_that_a_camera_reads_with_all_that_a_door_asks(
    shop: FakeApi, visits: Visits, language: str, light: bool
) -> None:
    visit = visits(shop, workers=True, language=language, phone=True, size=SMALL_PHONE, light=light)
    reservation = bought(shop, visit, 7, 8)
    passes = visit.page.locator(".pass")

    expect(passes).to_have_count(2)
    expect(passes.first).to_contain_text("밤하늘" if language == "ko-KR" else "Night Sky")
    expect(passes.first).to_contain_text("7:00")
    expect(passes.first).to_contain_text("등불 홀, 서울" if language == "ko-KR" else "Lantern Hall, Seoul")
    expect(passes.first).to_contain_text(reservation)
    seats = [read(visit.page, passes.nth(index).locator(".qr")).split(":")[3] for index in (0, 1)]
    assert seats == ["7", "8"]
    assert_accessible(visit.page)
    visit.shot(f"tickets-{language[:2]}")

    passes.nth(1).get_by_role("button").tap()
    large = visit.page.get_by_role("dialog").locator(".qr")
    assert read(visit.page, large) == code_of(DATE, 8, ticket_id(reservation, 8))
    visit.shot(f"ticket-large-{language[:2]}")


def test_ticket_is_dead_as_soon_as_its_seat_is_cancelled(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, workers=True, language="en-US")
    bought(shop, visit, 7, 8)
    page = visit.page

    page.get_by_role("button", name="Cancel seats").click()
    page.locator(".cancel-seats input").nth(1).uncheck()
    page.get_by_role("button", name="Cancel and get").click()
    page.get_by_role("dialog", name="Give this seat back?").get_by_role("button", name="Cancel the seats").click()

    expect(page.locator(".pass.dead")).to_have_count(1)
    expect(page.locator(".pass.dead")).to_contain_text("It opens no door")
    expect(page.locator(".pass .qr")).to_have_count(1)
    assert ":8:" in (page.locator(".pass .qr").get_attribute("data-code") or "")
    assert_accessible(page)


def test_ticket_that_dies_while_it_is_looked_at_looks_dead_at_the_next_look(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, workers=True, language="en-US")
    reservation = bought(shop, visit, 7)
    booking = shop.fan("fan").reservations[reservation]
    booking |= {"status": "CANCELLED", "cancelledSeatNumbers": [7], "refunded": 1000, "cancelledBy": "ORGANISER"}

    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(visit.page.locator(".pass.dead")).to_have_count(1)
    expect(visit.page.locator(".qr")).to_have_count(0)
    visit.page.reload()
    expect(visit.page.locator(".pass.dead")).to_have_count(1)


@dataclass
class Releases:
    """A site as it is deployed: one release of the page, and after `renew` another."""

    folder: Path
    config: dict[str, str]
    url: str
    outputs: dict[str, Any]

    def renew(self, name: str) -> None:
        """Publish a release that calls itself something else."""
        files = release(WEB, self.config)
        for key, body in files.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        page = (self.folder / "index.html").read_text("utf-8")
        (old,) = set(re.findall(r"release/[0-9a-f]+", page))
        new = f"release/{name.encode().hex()}"
        (self.folder / old).rename(self.folder / new)
        english = self.folder / new / "i18n" / "en.js"
        english.write_text(english.read_text("utf-8").replace('"My tickets"', f'"My tickets, {name}"'), "utf-8")
        (self.folder / "index.html").write_text(page.replace(old, new), "utf-8")


@contextmanager
def published(shop: FakeApi, folder: Path) -> Iterator[tuple[Releases, Website]]:
    config = {"apiUrl": shop.url, "cognitoUrl": f"{shop.url}/cognito", "userPoolClientId": "client"}
    releases = Releases(folder, config, shop.url, {})
    releases.renew("one")
    with Website(folder, "127.0.0.1", free_port(), config) as website:
        releases.outputs = {"webUrl": website.url}
        yield releases, website


def test_tickets_open_without_a_network_and_a_new_release_is_never_hidden_by_what_was_kept(
    shop: FakeApi, visits: Visits, tmp_path: Path
) -> None:
    with published(shop, tmp_path) as (releases, website):
        visit = visits(releases, workers=True, language="en-US")
        page = visit.page
        reservation = bought(shop, visit, 7)
        page.evaluate(PAGE_IS_KEPT)

        releases.renew("two")
        visit.go("/reservations")
        page.reload()
        expect(page.locator("h1")).to_have_text("My tickets, two")

        visit.cut_off()
        website.__exit__()  # its port answers nobody
        page.goto("about:blank")
        visit.go(f"/reservations/{reservation}")
        expect(page.locator(".pass")).to_contain_text("7:00")
        expect(page.locator(".passes .note")).to_contain_text("They are good at the door")
        assert read_code(page) == code_of(DATE, 7, ticket_id(reservation, 7))
        visit.go("/reservations")
        expect(page.locator(".ticket h2")).to_have_text("Night Sky; Letters, to a Star")
        visit.reconnect()


def read_code(page: Page) -> str:
    page.locator(".pass .qr path").wait_for()
    return page.locator(".pass .qr").get_attribute("data-code") or ""


def test_signing_out_takes_the_tickets_off_the_device(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, workers=True, language="en-US")
    bought(shop, visit, 7)
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('ost.ticket.')).length"
    assert visit.page.evaluate(kept) == 1

    visit.page.get_by_role("button", name="Sign out").click()

    expect(visit.page.get_by_role("link", name="Sign in")).to_be_visible()
    assert visit.page.evaluate(kept) == 0


def test_date_goes_into_a_calendar_as_its_standard_has_it(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, workers=True)
    reservation = bought(shop, visit, 7, 8)

    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="캘린더에 담기").click()

    assert waiting.value.suggested_filename == f"{reservation}.ics"
    raw = waiting.value.path().read_bytes()
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(len(line) for line in lines) <= 75
    entry = dict(line.split(":", 1) for line in raw.decode().replace("\r\n ", "").splitlines())
    assert entry["UID"] == f"{reservation}@127.0.0.1"
    assert entry["DTSTART"] == "20361224T100000Z"
    assert re.fullmatch(r"\d{8}T\d{6}Z", entry["DTSTAMP"])
    assert entry["SUMMARY"] == "밤하늘: 별에게 보내는 편지"
    assert entry["LOCATION"] == r"등불 홀\, 서울"
    assert entry["DESCRIPTION"].endswith(f"\\n예매 번호 {reservation}")
    assert entry["BEGIN"] == "VEVENT"
    assert entry["END"] == "VCALENDAR"


def test_what_a_calendar_would_take_for_its_own_signs_is_escaped(shop: FakeApi, visits: Visits) -> None:
    visit = visits(shop, workers=True)
    visit.go()
    event = {"id": "r1", "startsAt": "2036-12-24T10:00:00+09:00", "url": "https://example.com/#/a"}
    event |= {"title": "가" * 40 + " 🎻;,\\", "where": "a\r\nBEGIN:VALARM", "text": ""}

    text = visit.page.evaluate(
        """async (event) => (await import(new URL("calendar.js", document.baseURI))).calendarFile(event, 0)""", event
    )

    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    unfolded = text.replace("\r\n ", "")
    assert f"\r\nSUMMARY:{'가' * 40} 🎻\\;\\,\\\\\r\n" in unfolded
    assert "\r\nLOCATION:a\\nBEGIN:VALARM\r\n" in unfolded
    assert "DTSTART:20361224T010000Z" in unfolded


def test_all_tickets_of_a_booking_print_on_one_sheet(shop: FakeApi, visits: Visits) -> None:
    shop.max_seats = 6
    visit = visits(shop, workers=True)
    bought(shop, visit, 1, 2, 3, 4)

    sheet = visit.page.pdf(format="A4", path=None)

    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
    visit.page.emulate_media(media="print")
    expect(visit.page.locator(".counter-grid")).to_be_hidden()
    expect(visit.page.locator(".pass").nth(3)).to_be_visible()
    visit.shot("tickets-print")
