"""The lobby and the draw in the page: quiet before it, an event, and a check that believes nothing.

The fake draws by the real rules, seconds after the closing. `Math.random` is pinned where it decides who is a witness.
"""

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Visits, assert_accessible
from tests.browser.fake import FakeApi, rfc3339

TOKENS = "/concerts/night-sky/queue-tokens"
DRAW = "/concerts/night-sky/draw"
NEVER_A_WITNESS = "Math.random = () => 0.07;"
ALWAYS_A_WITNESS = "Math.random = () => 0.01;"
CALM = "globalThis.matchMedia = () => ({ matches: true, addEventListener() {} });"


@pytest.fixture
def hall(api: FakeApi) -> FakeApi:
    """One concert with a date."""
    api.add_concert()
    api.add_performance()
    api.queue["night-sky"] = {"status": "WAITING", "ahead": 4, "position": 5}
    return api


def come_in(visit: Visit, username: str = "fan") -> None:
    """Sign up and enter the lobby by its door."""
    visit.sign_up(username)
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").click()
    visit.page.locator(".lobby .until").wait_for()


def findings(visit: Visit, kind: str) -> list[str]:
    """Press the button and read what was found."""
    visit.page.locator(".published .actions button").click()
    visit.page.locator(".findings").wait_for()
    return visit.page.locator(f".checked .{kind}").all_inner_texts()


# -- from the lobby into the line


def test_the_page_is_silent_until_the_draw_finds_its_number_in_one_file_and_calls_when_told(
    hall: FakeApi, visits: Visits
) -> None:
    """Also through a reload and with its tab closed for a while."""
    lobby = hall.add_lobby(closes_after=5, others=80, per_second=40)
    visit = visits(hall, phone=True, script=NEVER_A_WITNESS)
    come_in(visit)
    assert_accessible(visit.page)
    visit.shot("lobby-2-quiet-ko-phone", settle=0)
    visit.page.reload()
    expect(visit.page.locator(".until .countdown")).to_be_visible()
    visit.page.close()
    visit.page = visit.tab()
    visit.go("/concerts/night-sky/queue")
    expect(visit.page.locator(".lobby h1")).to_have_text("Night Sky")
    visit.page.locator(".made-from").wait_for()

    _, asked = hall.asked("GET", DRAW)
    heard = asked.at - time.monotonic() + time.time() - lobby.draws_at
    assert heard >= 0
    assert len(hall.asked("GET", f"{DRAW}/pieces/.*")) == 1
    drawn = visit.kept("place.")["drawn"]
    expect(visit.page.locator(".ahead .settled")).to_have_text(str(drawn["number"]))
    visit.shot("lobby-4-drawn-ko-phone", settle=0)
    due = max(0, drawn["number"] - lobby.front) / lobby.per_second
    assert due <= drawn["callAt"] / 1000 - lobby.draws_at <= max(due, heard) + 2
    expect(visit.page.locator(".ahead b")).to_have_text("4")
    [first, *_] = hall.asked("GET", f"{TOKENS}/current")
    assert first.at - time.monotonic() + time.time() >= drawn["callAt"] / 1000 - 0.2
    expect(visit.page.locator(".hints")).to_contain_text(f"81명 중 {drawn['number']}번")
    visit.shot("lobby-5-line-ko-phone", settle=0)


def test_the_draw_is_an_event_also_for_who_is_let_in_at_once_and_the_root_seen_before_the_round_is_kept(
    hall: FakeApi, visits: Visits
) -> None:
    hall.add_lobby(closes_after=2, draws_in=4, root_in=1, front=20_000, others=12_344)
    hall.queue["night-sky"] = {}
    visit = visits(hall, language="en-US", script=ALWAYS_A_WITNESS)
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act button").wait_for()
    visit.shot("lobby-1-door-en-desktop", settle=0)
    visit.page.locator(".door-act button").click()
    visit.page.locator(".lobby .until").wait_for()
    visit.shot("lobby-2-quiet-en-desktop", settle=0)
    visit.page.locator(".crowd.moves").wait_for()
    visit.shot("lobby-3-drawing-en-desktop", settle=0)

    go_in = visit.page.get_by_role("button", name="Go in now")
    go_in.wait_for()
    expect(visit.page.locator(".ahead .settled")).to_be_visible()
    visit.shot("lobby-4-drawn-en-desktop", settle=0)
    visit.page.locator(".seat.free").first.wait_for()

    visit.go("/concerts/night-sky/draw")
    passed = findings(visit, "passed")
    assert len(passed) == 8
    assert any("this browser saw before" in each for each in passed)
    assert any("12,345 entries" in each for each in passed)
    assert visit.page.locator(".checked .failed, .checked .unchecked").count() == 0
    assert_accessible(visit.page)
    visit.shot("lobby-6-check-en-desktop", settle=0)


def test_who_wants_no_motion_sees_the_number_at_once_and_a_draw_without_a_beacon_says_so(
    hall: FakeApi, visits: Visits
) -> None:
    hall.add_lobby(closes_after=2, beacon=False, per_second=1, front=-60)
    visit = visits(hall, language="en-US", light=True, phone=True, script=NEVER_A_WITNESS + CALM)
    come_in(visit)
    visit.page.locator(".ahead .settled").wait_for()
    assert visit.page.locator(".made-from").inner_text().endswith("its secret")
    expect(visit.page.locator(".first-call .countdown")).to_be_visible()
    assert_accessible(visit.page)
    visit.shot("lobby-4-drawn-light-phone", settle=0)
    visit.go("/concerts/night-sky/draw")
    [unchecked] = findings(visit, "unchecked")
    assert "no beacon" in unchecked
    visit.shot("lobby-6-check-light-phone", settle=0)


# -- the check


def test_a_draw_that_was_tampered_with_fails_loudly_and_says_how(hall: FakeApi, visits: Visits) -> None:
    lobby = hall.add_lobby(closes_after=2)
    visit = visits(hall, language="en-US", script=NEVER_A_WITNESS)
    come_in(visit)
    visit.page.locator(".ahead .settled").wait_for()
    own = lobby.entry("fan")
    number = visit.kept("lobby.")["number"]
    pieces, entries = ({name: each for name, each in lobby.files.items() if name.startswith(kind)} for kind in "pe")
    seed, root = (next(iter(files)).split("/")[1] for files in (pieces, entries))
    without = {name: content.replace(bytes.fromhex(own), b"") for name, content in entries.items()}
    lobby.files |= {name.replace(root, "ab" * 32): content for name, content in without.items()}
    lobby.files |= {name.replace(seed, "cd" * 32): bytes(4) for name in pieces}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, []),
        ({"commitment": "00" * 32}, []),  # it was kept while the lobby was open
        ({"secret": "00" * 32}, ["The secret is not the one", "The seed does not follow"]),
        (
            {"entriesUrl": f"draw/entries/{'ab' * 32}"},
            ["The list is not the one", "your entry is missing", "The published result"],
        ),
        ({"piecesUrl": f"draw/pieces/{'cd' * 32}"}, ["The number that was published for you"]),
        ({"seed": "not hex"}, ["cannot be read"]),
    ]

    for told, expected in cases:
        lobby.told = told
        visit.go("/points")
        visit.page.reload()
        visit.go("/concerts/night-sky/draw")
        failed = findings(visit, "failed")
        # An order of other entries puts one's own elsewhere, most of the time.
        failed = [each for each in failed if told.get("entriesUrl") is None or "was told right after" not in each]
        assert len(failed) == len(expected), (told, failed)
        assert all(words in line for words, line in zip(expected, failed, strict=True)), (told, failed)
        tone = visit.page.locator(".findings .note")
        expect(tone).to_have_attribute("role", "alert" if expected else "status")
        if "entriesUrl" in told:
            assert_accessible(visit.page)
            visit.shot("lobby-7-tampered-en-desktop", settle=0)
    assert number


def test_who_has_no_receipt_checks_everything_else(hall: FakeApi, visits: Visits) -> None:
    hall.add_lobby(closes_in=-10)
    visit = visits(hall)
    visit.go("/concerts/night-sky")
    visit.page.get_by_role("link", name="순서는 이렇게 추첨해요").click()

    assert len(findings(visit, "passed")) == 5
    assert visit.page.locator(".checked .failed").count() == 0
    assert any("접수증" in each for each in visit.page.locator(".checked .unchecked").all_inner_texts())


# -- what may happen


def test_a_late_draw_is_waited_for_and_late_comers_queue_behind(hall: FakeApi, visits: Visits) -> None:
    lobby = hall.add_lobby(closes_after=2)
    visit, other = visits(hall, script=NEVER_A_WITNESS), visits(hall, phone=True, expected={409})
    come_in(visit)
    lobby.is_late = True
    other.sign_up("fan")  # the same fan, on another device
    other.go("/concerts/night-sky")
    expect(other.page.locator(".door")).to_contain_text("순서를 추첨하고 있어요")
    assert_accessible(other.page)
    other.shot("lobby-8-closed-ko-phone", settle=0)
    expect(visit.page.locator(".note.warn")).to_contain_text("정해진 공개 난수를 기다리고")
    assert_accessible(visit.page)
    visit.shot("lobby-3-late-ko-desktop", settle=0)

    lobby.is_late = False

    visit.page.locator(".made-from").wait_for()
    other.page.locator(".door-act button").click()
    expect(other.page.locator(".ahead b")).to_have_text("4")
    other.go("/concerts/night-sky/draw")
    expect(other.page.locator(".published")).to_be_visible()
    expect(other.page.locator(".receipt")).to_have_count(0)


def test_sales_that_are_over_before_the_draw_end_the_place_and_say_so(hall: FakeApi, visits: Visits) -> None:
    hall.add_lobby(closes_after=2, is_late=True)
    visit = visits(hall, script=NEVER_A_WITNESS)
    come_in(visit)
    over = rfc3339(hall.now() - 1)
    hall.concerts["night-sky"]["salesCloseAt"] = over
    visit.page.evaluate(
        """(over) => { const key = Object.keys(localStorage).find((key) => key.startsWith("ost.place."));
        const place = JSON.parse(localStorage.getItem(key));
        localStorage.setItem(key, JSON.stringify({ ...place, lobby: { ...place.lobby, salesCloseAt: over } })); }""",
        over,
    )
    visit.page.reload()

    expect(visit.page.locator(".page .note")).to_contain_text("예매가 끝난 공연이에요")


def test_leaving_is_asked_about_coming_back_costs_nothing_and_the_rush_is_spread(hall: FakeApi, visits: Visits) -> None:
    hall.add_lobby(opened=1, closes_in=30)
    visit = visits(hall, script=NEVER_A_WITNESS)
    visit.sign_up("fan")
    visit.go("/concerts/night-sky")
    button = visit.page.locator(".door-act button")
    button.click()
    expect(button).to_have_text("들어가는 중…")
    clicked = time.monotonic()
    visit.page.locator(".lobby .until").wait_for()
    assert hall.asked("POST", TOKENS)[0].at >= clicked
    visit.page.locator(".actions").get_by_role("button", name="로비 나가기").click()
    visit.page.get_by_role("dialog").locator(".danger").click()
    expect(visit.page.locator(".concert h1")).to_be_visible()
    assert len(hall.asked("DELETE", f"{TOKENS}/current")) == 1


def test_an_opening_that_was_postponed_is_waited_for_and_a_lobby_left_elsewhere_is_explained(
    hall: FakeApi, visits: Visits
) -> None:
    lobby = hall.add_lobby(closes_after=2)
    visit = visits(hall, language="en-US", script=NEVER_A_WITNESS, expected={401})
    come_in(visit)
    lobby.closes_at += 6
    expect(visit.page.locator(".crowd.moves")).to_be_visible()
    expect(visit.page.locator(".lobby:not(:has(.moves)) .until .countdown")).to_be_visible()
    hall.fan("fan").places.clear()

    expect(visit.page.locator(".page .note")).to_contain_text("You left the lobby on another device")
