"""The door: who may scan, what each code means, with a network and without, and that no scan is ever lost."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import CHROMIUM, SMALL_PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import Answer, FakeApi, RefusedError, Request, code_of, rfc3339, ticket_id

DATE, OTHER_DATE = "night-sky.first", "night-sky.second"
CHECK_INS = f"/performances/{DATE}/check-ins"
THIEF = Ed25519PrivateKey.from_private_bytes(b"the key of somebody who is not u")
KOREAN = {"ko": {"title": "밤하늘", "artist": "앙상블", "venue": "등불 홀, 서울"}}
NOTICE_SIGNALS = """
  globalThis.signals = [];
  navigator.vibrate = (pattern) => (signals.push(Array.isArray(pattern) ? "bad" : "good"), true);
  const make = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () { signals.push("tone"); return make.call(this); };
"""
SCAN_ALL = """async ([codes, performanceId]) => {
  const { keptDate, scan } = await import(new URL("door.js", document.baseURI));
  const list = await keptDate(performanceId);
  for (const code of codes) await scan(list, code);
}"""


@pytest.fixture
def house(api: FakeApi) -> FakeApi:
    """A concert with a date tonight, of which forty seats are sold, and another date."""
    api.add_concert(translations=KOREAN)
    api.add_performance(startsAt=rfc3339(api.now() + 3600))
    api.add_performance(label="second")
    api.add_guests(DATE, *range(1, 41))
    api.grant("staff", "staff")
    return api


def code(seat: int, performance: str = DATE, **key: Any) -> str:
    """The code of a guest whom the house knows."""
    return code_of(performance, seat, ticket_id("guest", seat), **key)


def at_door(house: FakeApi, visits: Visits, **how: Any) -> Visit:
    """Staff with a phone, the date loaded."""
    visit = visits(house, workers=True, **({"language": "en-US", "phone": True, "size": SMALL_PHONE} | how))
    visit.sign_up("staff")
    visit.go(f"/door/{DATE}")
    visit.page.locator("#typed").wait_for()
    expect(visit.page.locator(".gate-list .spinner")).to_have_count(0)
    return visit


def typed(visit: Visit, text: str) -> Locator:
    """Have a scanner type a code; what the door says."""
    before = visit.page.locator(".latest li").count()
    visit.page.fill("#typed", text)
    visit.page.keyboard.press("Enter")
    if before < 12:
        expect(visit.page.locator(".latest li")).to_have_count(before + 1)
    verdict = visit.page.locator(".verdict")
    expect(verdict).to_have_class(re.compile("good|bad"))
    return verdict


def all_sent(visit: Visit) -> None:
    expect(visit.page.locator(".gate-line")).to_have_text(re.compile("Everything is sent|모든 기록을 보냈어요"))


# -- who


@pytest.mark.parametrize(
    ("language", "told"), [("ko-KR", "현장 스태프를 위한 화면"), ("en-US", "for staff at the door")]
)
def test_fan_is_told_kindly_whom_the_door_is_for_and_sees_no_link_to_it(
    house: FakeApi, visits: Visits, language: str, told: str
) -> None:
    visit = visits(house, workers=True, language=language, phone=True, size=SMALL_PHONE)
    visit.sign_up("fan")
    expect(visit.page.get_by_role("link", name=re.compile("^(Door|입장 확인)$"))).to_have_count(0)

    visit.go(f"/door/{DATE}")

    expect(visit.page.locator(".note")).to_contain_text(told)
    expect(visit.page.locator(".note")).to_contain_text("fan")
    assert house.asked("GET", ".*/guest-list") == []
    assert_accessible(visit.page)

    house.grant("fan", "staff")
    visit.page.locator(".note button").tap()
    expect(visit.page.locator("#typed")).to_be_visible()


def test_staff_choose_a_date_and_find_it_again_without_a_network(house: FakeApi, visits: Visits) -> None:
    visit = visits(house, workers=True, language="ko-KR", phone=True, size=SMALL_PHONE)
    visit.sign_up("staff")
    visit.page.get_by_role("link", name="입장 확인").tap()
    visit.page.locator(".gate-date").first.wait_for()
    assert_accessible(visit.page)
    visit.shot("door-dates-ko")
    visit.page.locator("#gate-name").fill("A")
    visit.page.locator(".gate-date").first.tap()
    expect(visit.page.locator(".gate-counts")).to_contain_text("0 / 40")
    visit.cut_off()

    visit.page.reload()
    visit.go("/door")

    kept = visit.page.locator(".gate-date").first
    expect(kept).to_contain_text("밤하늘")
    expect(kept).to_contain_text("티켓 40장")
    expect(visit.page.locator("#gate-name")).to_have_value("A")
    kept.tap()
    expect(typed(visit, code(7))).to_contain_text("7번")
    visit.reconnect()
    all_sent(visit)
    ((_, device, _),) = house.scans
    assert re.fullmatch("A-[0-9a-f]{6}", device)


# -- what a code means


def test_each_code_means_what_it_is_and_nothing_but_our_own_lets_in(house: FakeApi, visits: Visits) -> None:
    house.revoke(DATE, ticket_id("guest", 11))
    visit = at_door(house, visits, script=NOTICE_SIGNALS)
    new = code_of(DATE, 50, ticket_id("later", 50))
    good = [(code(7), "A good ticket."), (new, "Sold after the list was loaded")]
    parts = code(8).split(":")
    bad = [
        (code(7), "came in at"),
        (code(11), "cancelled"),
        (code(9, OTHER_DATE), "another date"),
        (":".join([*parts[:3], "9", *parts[4:]]), "signature is wrong"),
        (code(8, key=THIEF), "signature is wrong"),
        (code(8, key=THIEF, key_id="0badc0de"), "does not know the signature"),
        (code(8)[:-1], "not the code of a ticket"),
        (code(8).lower(), "not the code of a ticket"),
        ('{"seatNumber": 8, "outcome": "ADMITTED"}', "not the code of a ticket"),
    ]
    house.guests[DATE][ticket_id("later", 50)] = {
        "ticketId": ticket_id("later", 50),
        "seatNumber": 50,
        "revoked": False,
    }
    for text, why in [*good, *bad]:
        is_good = (text, why) in good
        visit.page.evaluate("signals.length = 0")
        verdict = typed(visit, text)
        expect(verdict).to_contain_text(why)
        expect(verdict).to_have_class(re.compile("good" if is_good else "bad"))
        expect(verdict).to_contain_text("Come in" if is_good else "Stop")
        assert visit.page.evaluate("signals") == ["good" if is_good else "bad", "tone", "tone"]
        if why == "A good ticket.":
            assert_accessible(visit.page)
            visit.shot("door-good")
    assert_accessible(visit.page)
    visit.shot("door-bad")
    all_sent(visit)
    expect(visit.page.locator(".gate-counts")).to_contain_text("Refused9")
    expect(visit.page.locator(".to-look-at")).to_have_count(0)
    assert set(house.admissions) == {ticket_id("guest", 7), ticket_id("later", 50)}
    assert len(house.scans) == 11


def test_servers_word_counts_before_the_list_that_is_old(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits)
    house.revoke(DATE, ticket_id("guest", 12))

    verdict = typed(visit, code(12))

    expect(verdict).to_contain_text("cancelled")
    expect(visit.page.locator(".to-look-at")).to_have_count(0)  # nobody was let in


def test_server_that_is_silent_holds_up_one_guest_and_no_other(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits)
    speaks = threading.Event()

    def silent(_: Request) -> None:
        speaks.wait(60)

    house.script("POST", CHECK_INS, silent)

    expect(typed(visit, code(1))).to_contain_text("Checked by this phone alone")
    visit.page.evaluate(
        """() => { globalThis.waited = false;
        const note = () => (waited ||= document.querySelector(".verdict .spinner") !== null);
        new MutationObserver(note).observe(document.querySelector(".gate"), { childList: true, subtree: true }); }"""
    )
    expect(typed(visit, code(2))).to_contain_text("Checked by this phone alone")
    assert visit.page.evaluate("waited") is False
    speaks.set()
    all_sent(visit)


# -- without a network


def test_scans_survive_the_network_a_reload_and_are_sent_once_it_is_back(house: FakeApi, visits: Visits) -> None:
    house.revoke(DATE, ticket_id("guest", 11))
    visit = at_door(house, visits)
    visit.cut_off()

    expect(typed(visit, code(1))).to_contain_text("Checked by this phone alone")
    expect(typed(visit, code(1))).to_contain_text("came in here at")
    expect(typed(visit, code(11))).to_contain_text("cancelled")
    expect(visit.page.locator(".gate-side .note")).to_contain_text("3 scans are kept on this phone")
    assert_accessible(visit.page)
    visit.shot("door-offline")
    visit.page.reload()
    expect(visit.page.locator(".latest li")).to_have_count(3)
    expect(typed(visit, code(1))).to_contain_text("came in here at")
    assert house.scans == {}
    visit.reconnect()

    all_sent(visit)
    assert [len(request.body["scans"]) for request in house.asked("POST", CHECK_INS)] == [4]
    assert len({device for _, device, _ in house.scans}) == 1
    assert list(house.admissions) == [ticket_id("guest", 1)]
    expect(visit.page.locator(".to-look-at")).to_have_count(0)


def test_two_doors_offline_with_one_ticket_let_in_once_and_the_other_is_told_at_which_door(
    house: FakeApi, visits: Visits
) -> None:
    doors = [at_door(house, visits) for _ in range(2)]
    for door in doors:
        door.cut_off()
        expect(typed(door, code(7))).to_have_class(re.compile("good"))
    devices = [door.page.locator(".gate-side .hint").inner_text().removeprefix("This door: ") for door in doors]

    for door in doors:
        door.reconnect()
        all_sent(door)

    first, second = doors
    expect(first.page.locator(".to-look-at")).to_have_count(0)
    look = second.page.locator(".to-look-at")
    expect(look).to_contain_text("Let in here, but: This ticket came in at")
    expect(look).to_contain_text(devices[0])
    expect(second.page.locator(".latest .bad")).to_contain_text("In already")
    expect(second.page.locator(".gate-counts")).to_contain_text("In here0")
    assert_accessible(second.page)
    second.shot("door-look")
    second.page.reload()
    look.get_by_role("button", name="Seen").tap()
    expect(look).to_have_count(0)
    second.page.reload()
    expect(second.page.locator(".latest li")).to_have_count(1)
    expect(look).to_have_count(0)
    assert {device for _, device, _ in house.scans} == set(devices)


def test_scans_go_in_batches_and_the_same_again_when_the_answer_is_lost(house: FakeApi, visits: Visits) -> None:
    house.add_guests(DATE, *range(41, 251))
    visit = at_door(house, visits, expected={503})
    visit.cut_off()
    visit.page.evaluate(SCAN_ALL, [[code(seat) for seat in range(1, 251)], DATE])
    answers: list[Answer] = []

    def lose_the_first(request: Request) -> Answer | None:
        request.user = "staff"
        answers.append(house.check_in(request, DATE))
        return Answer(RefusedError("TEMPORARILY_UNAVAILABLE").body, 503) if len(answers) == 1 else answers[-1]

    house.script("POST", CHECK_INS, lose_the_first)
    visit.reconnect()

    all_sent(visit)
    sent = [request.body["scans"] for request in house.asked("POST", CHECK_INS)]
    assert [len(scans) for scans in sent] == [200, 200, 50]
    assert sent[0] == sent[1]
    assert answers[0].body == answers[1].body
    assert len(house.admissions) == len(house.scans) == 250
    expect(visit.page.locator(".gate-counts")).to_contain_text("In here250")
    expect(visit.page.locator(".to-look-at")).to_have_count(0)


def test_scan_that_the_server_cannot_read_holds_no_other_up_and_stays(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits, expected={400})
    visit.cut_off()
    visit.page.evaluate(SCAN_ALL, [[code(1), code(2), "strange", code(3), "x" * 7000], DATE])

    def refuse(request: Request) -> Answer | None:
        strange = any(scan["code"] == "strange" or len(scan["code"]) > 4296 for scan in request.body["scans"])
        return Answer(RefusedError("VALIDATION_FAILED").body, 400) if strange else None

    house.script("POST", CHECK_INS, refuse)
    visit.reconnect()

    all_sent(visit)
    assert len(house.admissions) == 3
    assert len(house.scans) == 4
    visit.page.reload()
    expect(visit.page.locator(".to-look-at li")).to_have_count(1)
    expect(visit.page.locator(".to-look-at")).to_contain_text("It stays on this phone")


def test_sign_in_that_ended_meanwhile_is_asked_for_and_then_everything_is_sent(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits, expected={400, 401})
    visit.cut_off()
    typed(visit, code(1))
    house.shift += 3700
    house.refresh_tokens.clear()
    visit.reconnect()
    visit.page.reload()

    visit.page.locator(".page .note").get_by_role("button", name="Sign in").tap()
    visit.page.fill("#username", "staff")
    visit.page.fill("#password", "Encore-2026!")
    visit.page.click("form button[type=submit]")

    all_sent(visit)
    assert list(house.admissions) == [ticket_id("guest", 1)]


def test_date_that_is_done_with_is_forgotten_and_one_with_unsent_scans_is_not(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits, expected={404})
    typed(visit, code(1))
    all_sent(visit)
    age = """async ([performanceId, unsent]) => {
      const scans = await import(new URL("scans.js", document.baseURI));
      await scans.keepList({ ...(await scans.listOf("night-sky.first")), performanceId, loadedAt: 0 });
      const scan = { performanceId, deviceId: "door-1", scanId: "1", code: "x", at: "2026-01-01T00:00:00Z", told: {} };
      if (unsent) await scans.keepScan(scan);
    }"""
    visit.page.evaluate(age, ["night-sky.done", False])
    visit.page.evaluate(age, ["night-sky.gone", True])

    visit.page.reload()
    expect(visit.page.locator(".latest li")).to_have_count(1)
    visit.go("/door")

    expect(visit.page.locator(".gate-date").filter(has_text="tickets")).to_have_count(2)
    kept = "async () => (await (await import(new URL('scans.js', document.baseURI))).unsentScans()).length"
    assert visit.page.evaluate(kept) == 1


# -- many


def drawn_by_a_scan(visit: Visit, seat: int) -> int:
    """Count the nodes that come when a ticket is scanned without a network."""
    visit.cut_off()
    visit.page.locator(".gate-side .note").wait_for()
    visit.page.evaluate(
        """() => { globalThis.come = 0;
        const note = (all) => { for (const { addedNodes } of all) come += addedNodes.length; };
        new MutationObserver(note).observe(document.querySelector(".gate"), { childList: true, subtree: true }); }"""
    )
    expect(typed(visit, code(seat))).to_have_class(re.compile("good"))
    return int(visit.page.evaluate("come"))


def test_two_thousand_tickets_are_no_more_to_draw_than_forty(house: FakeApi, visits: Visits) -> None:
    few = at_door(house, visits)
    counted = [few.page.locator("*").count(), drawn_by_a_scan(few, 7)]
    house.performances[DATE]["seatsTotal"] = 2000
    house.add_guests(DATE, *range(41, 2001))

    many = at_door(house, visits)
    expect(many.page.locator(".gate-counts")).to_contain_text("0 / 2,000")
    assert [many.page.locator("*").count(), drawn_by_a_scan(many, 1900)] == counted

    many.page.evaluate(SCAN_ALL, [[code(seat) for seat in range(1901, 2001)], DATE])
    expect(many.page.locator(".latest li")).to_have_count(12)
    for door in (few, many):
        door.reconnect()
        all_sent(door)


# -- the camera


type Cameras = Callable[[list[str | None]], Browser]


@pytest.fixture
def camera(browser: Browser, tmp_path: Path) -> Iterator[Cameras]:
    """Give a browser whose camera sees these codes, two seconds each, over and over; None is a wall."""
    with ExitStack() as opened:

        def start(codes: list[str | None]) -> Browser:
            film = tmp_path / "door.y4m"
            film.write_bytes(filmed([rows_of(browser, each) if each else None for each in codes]))
            flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
            flags += ["--no-sandbox", "--disable-background-networking", f"--use-file-for-fake-video-capture={film}"]
            chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
            opened.callback(chromium.close)
            return chromium

        yield start


def rows_of(browser: Browser, text: str) -> list[list[bool]]:
    """Encode a code as the page does."""
    library = (Path(__file__).parents[2] / "web" / "vendor" / "qr-write.js").read_text("utf-8")
    page = browser.new_page()
    module = "data:text/javascript," + library.replace("%", "%25").replace("#", "%23")
    rows = page.evaluate(
        "async ([module, text]) => (await import(module)).encodeQR(text, 'raw', { border: 4 })", [module, text]
    )
    page.close()
    return list(rows)


def filmed(pictures: list[list[list[bool]] | None], side: int = 320) -> bytes:
    """Write a film (YUV4MPEG2) of one picture each half second, four times each."""
    film = bytearray(f"YUV4MPEG2 W{side} H{side} F2:1 Ip A1:1 C420jpeg\n".encode())
    for rows in pictures:
        frame = Image.new("L", (side, side), 130)
        if rows:
            small = Image.new("L", (len(rows), len(rows)))
            small.putdata([0 if dark else 255 for row in rows for dark in row])
            scale = side // len(rows)
            shown = small.resize((len(rows) * scale, len(rows) * scale), Image.Resampling.NEAREST)
            frame.paste(shown, ((side - shown.width) // 2, (side - shown.height) // 2))
        film += (b"FRAME\n" + frame.tobytes() + bytes([128]) * (side * side // 2)) * 4
    return bytes(film)


def test_camera_reads_tickets_one_after_the_other_and_each_once_while_it_is_held_there(
    house: FakeApi, camera: Cameras, visits: Visits
) -> None:
    visit = at_door(house, visits, chromium=camera([code(7), None, code(8, key=THIEF), None]))
    page: Page = visit.page

    page.get_by_role("button", name="Start the camera").tap()

    expect(page.locator(".verdict.good")).to_contain_text("seat 7")
    visit.shot("door-camera", settle=0)
    expect(page.locator(".verdict.bad")).to_contain_text("signature is wrong")
    expect(page.locator(".verdict.bad")).to_contain_text("came in")  # the film begins again
    page.get_by_role("button", name="Camera off").tap()
    all_sent(visit)
    assert 3 <= len(house.scans) <= 4
    assert list(house.admissions) == [ticket_id("guest", 7)]


def test_who_has_no_camera_or_forbids_it_is_told_what_to_do(house: FakeApi, visits: Visits) -> None:
    visit = at_door(house, visits)

    visit.page.get_by_role("button", name="Start the camera").tap()

    expect(visit.page.get_by_role("alert")).to_contain_text(re.compile("camera is blocked|There is no camera"))
    visit.page.get_by_role("button", name="Start the camera").wait_for()
