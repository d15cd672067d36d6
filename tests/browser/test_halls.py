"""A hall of thousands in the page: the best seats in three taps, sections, seats to touch, look at, read and type."""

import random
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import SMALL_PHONE, Visit, Visits, assert_accessible
from tests.browser.fake import FakeApi, demo_hall

HALL = "night-sky.first"
SECTION = "stalls-rear-centre"
WATCH_SEATS = """() => {
  globalThis.changed = new Set();
  const note = ({ target, addedNodes }) =>
    [target, ...addedNodes].forEach(({ id }) => id?.startsWith("seat-") && changed.add(id));
  new MutationObserver((all) => all.forEach(note))
    .observe(document.querySelector(".plan-svg"), { attributes: true, childList: true, subtree: true });
}"""


@pytest.fixture
def hall(api: FakeApi) -> FakeApi:
    """One date in the demo's concert hall, a third of it taken, one section sold out."""
    api.add_concert()
    api.add_hall()
    chance = random.Random(3)
    api.take(HALL, *chance.sample(range(1, demo_hall().seats_total + 1), 1100))
    gone = next(section for section in demo_hall().sections if section.section_id == "boxes-left")
    api.take(HALL, *gone.numbers)
    return api


def arrive(hall: FakeApi, visit: Visit, name: str = "fan") -> None:
    """Come to the hall's sections, with the right to book and points enough."""
    visit.sign_up(name)
    hall.fan(name).balance = 1_000_000
    visit.go("/concerts/night-sky")
    visit.page.locator(".door-act .button").click()
    visit.page.locator(".plan-section").first.wait_for()


def open_section(visit: Visit, section_id: str = SECTION) -> None:
    """From the sections to the seats of one."""
    sections = [section.section_id for section in demo_hall().sections]
    visit.page.locator(".section-list button").nth(sections.index(section_id)).click()
    visit.page.locator(".seats-svg .spot.free").first.wait_for()


def middle(where: Locator) -> tuple[float, float]:
    """Find the middle of a thing on the screen."""
    box = where.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def in_frame(visit: Visit, where: Locator) -> bool:
    """Tell whether a seat lies in the part of the plan that is shown."""
    (x, y), frame = middle(where), visit.page.locator(".plan-frame").bounding_box()
    assert frame is not None
    return frame["x"] < x < frame["x"] + frame["width"] and frame["y"] < y < frame["y"] + frame["height"]


@pytest.mark.parametrize(
    ("language", "two", "grade", "hold"),
    [
        ("ko-KR", "2명", "S석", "나란히 2석 잡기 · 160,000 P"),
        ("en-US", "2 people", "S ", "Hold the best 2 · 160,000 P"),
    ],
)
def test_two_together_best_of_a_grade_in_three_taps_on_a_phone(
    hall: FakeApi, visits: Visits, language: str, two: str, grade: str, hold: str
) -> None:
    visit = visits(hall, language=language, phone=True, size=SMALL_PHONE)
    arrive(hall, visit)
    assert_accessible(visit.page)

    visit.page.get_by_role("button", name=two, exact=True).tap()
    visit.page.locator(".best").get_by_role("button", name=re.compile(f"^{grade}")).tap()
    visit.page.get_by_role("button", name=hold).tap()

    visit.page.locator(".till .account").wait_for()
    (reservation,) = hall.fan("fan").reservations.values()
    assert [seat["gradeId"] for seat in reservation["seats"]] == ["s", "s"]
    first, second = reservation["seats"]
    shown = visit.page.locator(".slip-seats")
    for seat in (first, second):
        expect(shown).to_contain_text(re.compile(rf"{seat['row']}.*{seat['label']}"))
    section = next(one for one in demo_hall().sections if first["seatNumber"] in one.numbers)
    korean = dict(section.translations)["ko"]
    expect(shown).to_contain_text(korean if language == "ko-KR" else section.name)
    visit.page.locator(".pay").tap()
    expect(visit.page.locator(".outcome [role=status]")).to_be_visible()
    expect(visit.page.locator(".slip")).to_contain_text("160,000 P")


def test_lost_answer_to_the_best_seats_is_asked_for_again_with_the_same_key(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    arrive(hall, visit)
    keys: list[str] = []

    def lose_the_first(route: object) -> None:
        keys.append(route.request.headers["idempotency-key"])  # type: ignore[attr-defined]
        if len(keys) == 1:
            route.fetch()  # type: ignore[attr-defined]
            route.abort("connectionreset")  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    visit.intercept("POST", "/reservations", lose_the_first)
    visit.page.locator(".best button.wide").click()

    visit.page.locator(".till .account").wait_for()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(hall.fan("fan").reservations) == 1
    visit.complaints = [line for line in visit.complaints if "ERR_CONNECTION_RESET" not in line]


def test_who_asks_for_more_than_there_is_is_told_how_many_there_are(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall, expected={409})
    arrive(hall, visit)
    boxes = next(section for section in demo_hall().sections if section.section_id == "boxes-right")
    hall.take(HALL, *boxes.numbers[:-2])
    hall.take(HALL, boxes.numbers[-1])
    open_section(visit, "boxes-right")

    visit.page.get_by_role("button", name="2명").click()
    visit.page.locator(".best button.wide").click()

    expect(visit.page.get_by_role("alert")).to_contain_text("남은 좌석은 1석이고, 나란히는 1석까지예요")


def test_sections_say_what_is_left_and_what_they_cost_and_sold_out_ones_do_not_open(
    hall: FakeApi, visits: Visits
) -> None:
    visit = visits(hall)
    arrive(hall, visit)
    page = visit.page
    (detail,) = [hall.get_performance(None, HALL).body]  # type: ignore[arg-type]
    first = detail["sections"][0]
    expect(page.locator(".section-list button").first).to_contain_text("1층 중앙")
    expect(page.locator(".section-list button").first).to_contain_text(f"{first['seatsAvailable']} / 273석 남음")
    expect(page.locator(".section-list button").first).to_contain_text("VIP석 150,000 P")
    polygon = page.locator(".plan-section").first
    expect(polygon).to_have_attribute("aria-label", f"1층 중앙, {first['seatsAvailable']}석 남음, VIP석 150,000 P")
    assert_accessible(page)

    page.locator("[data-section=boxes-left]").focus()
    page.keyboard.press("Enter")
    page.locator("[data-section=boxes-left]").click(force=True)
    expect(page.locator(".plan-section")).to_have_count(14)
    page.locator("[data-section=stalls-centre]").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#hall-title")).to_have_text("1층 중앙")
    page.locator(".seats-svg .spot.free").first.wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="전체 구역").click()
    expect(page.locator(".plan-section")).to_have_count(14)


def test_seats_are_picked_by_finger_without_a_pinch_and_held(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall, phone=True, size=SMALL_PHONE)
    arrive(hall, visit)
    open_section(visit)
    page = visit.page
    boxes = page.locator(".seats-svg .spot.free").evaluate_all(
        "(spots) => { const frame = document.querySelector('.plan-frame').getBoundingClientRect();"
        " return spots.filter((spot) => { const box = spot.getBoundingClientRect(); return box.x > frame.x + 30 &&"
        " box.right < frame.right - 60 && box.y > frame.y + 30 && box.bottom < frame.bottom - 30; })"
        " .map((spot) => [spot.id, spot.getBoundingClientRect().width]); }"
    )
    assert len(boxes) >= 4
    assert min(width for _, width in boxes) >= 20  # and its neighbours are 30 away: no pinch is needed

    for seat, _ in boxes[:2]:
        page.locator(".plan-frame").scroll_into_view_if_needed()
        page.touchscreen.tap(*middle(page.locator(f"#{seat}")))

    expect(page.locator(".chips li")).to_have_count(2)
    page.locator(".pick button.wide").tap()
    page.locator(".till .account").wait_for()
    (reservation,) = hall.fan("fan").reservations.values()
    assert {f"seat-{number}" for number in reservation["seatNumbers"]} == {seat for seat, _ in boxes[:2]}


def test_seats_are_picked_with_the_keyboard_alone_and_stay_in_sight(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    hall.taken[HALL].clear()
    arrive(hall, visit)
    open_section(visit, "stalls-centre")
    page, box = visit.page, visit.page.get_by_role("listbox")
    box.focus()
    seats = demo_hall().sections[0].seats
    assert box.get_attribute("aria-activedescendant") == "seat-1"

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert box.get_attribute("aria-activedescendant") == "seat-3"
    page.keyboard.press("+")
    page.keyboard.press("+")
    for key in ("End", "ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        active = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
        assert in_frame(visit, active), key
    page.keyboard.press("Space")

    number = int((box.get_attribute("aria-activedescendant") or "").removeprefix("seat-"))
    seat = seats[number - 1]
    assert seat["row"] == "C"
    expect(page.locator(".chips li")).to_have_text(re.compile(f"1층 중앙 {seat['row']}열 {seat['label']}번"))
    expect(page.locator(f"#seat-{number}")).to_have_attribute("aria-selected", "true")


def test_seats_can_be_read_and_picked_from_a_list(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    arrive(hall, visit)
    open_section(visit)
    page = visit.page

    page.get_by_role("button", name="목록").click()
    rows = page.locator(".seat-list li")
    expect(rows.first.locator("h3")).to_have_text(re.compile(r"^M열 · \d+석$"))
    button = rows.nth(1).get_by_role("button").first
    expect(button).to_have_attribute("aria-label", re.compile(r"^N열 \d+번, R석, 110,000 P, 선택 가능$"))
    button.click()

    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chips li")).to_have_count(1)
    assert_accessible(page)


def test_zoom_by_buttons_wheel_and_keys_and_all_of_it_again(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    arrive(hall, visit)
    page, svg = visit.page, visit.page.locator(".plan-svg")

    def width() -> float:
        return float((svg.get_attribute("viewBox") or "").split()[2])

    def becomes(holds: Callable[[float], bool]) -> float:
        for _ in range(100):  # it is drawn anew with the next frame
            if holds(width()):
                break
            page.wait_for_timeout(20)
        assert holds(width()), width()
        return width()

    whole = width()
    page.get_by_role("button", name="확대", exact=True).click()
    becomes(lambda now: now == pytest.approx(whole / 1.5, rel=0.01))
    page.mouse.move(*middle(svg))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    larger = becomes(lambda now: now < whole / 1.8)
    before = svg.get_attribute("viewBox")
    page.mouse.down()
    page.mouse.move(*(at - 60 for at in middle(svg)), steps=4)
    page.mouse.up()
    expect(svg).not_to_have_attribute("viewBox", before or "")
    assert width() == pytest.approx(larger)
    page.locator(".plan-section").nth(1).focus()
    page.keyboard.press("0")
    becomes(lambda now: now == pytest.approx(whole))


def test_a_large_hall_is_no_more_to_draw_than_its_section_and_only_what_changed_is_drawn_again(
    hall: FakeApi, visits: Visits
) -> None:
    visit = visits(hall)
    visit.page.clock.install()
    arrive(hall, visit)
    largest = max(demo_hall().sections, key=lambda section: section.seats_total)
    open_section(visit, largest.section_id)
    page = visit.page
    drawn = page.locator(".plan-svg *").count()
    assert drawn <= 1.6 * largest.seats_total + 100
    page.evaluate(WATCH_SEATS)

    page.mouse.move(*middle(page.locator(".plan-svg")))
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(300)
    assert page.evaluate("changed.size") == 0  # moving the window draws no seat again

    free = [number for number in largest.numbers if number not in hall.taken[HALL]][:5]
    hall.take(HALL, *free)
    page.clock.fast_forward(11_000)
    expect(page.locator(f"#seat-{free[0]}.sold")).to_be_attached()
    assert page.evaluate("changed.size") == len(free)


def test_buttons_over_the_plan_pick_no_seat_beneath_them(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    hall.taken[HALL].clear()
    arrive(hall, visit)
    open_section(visit)

    for name in ("확대", "확대", "축소", "전체 보기", "확대"):
        visit.page.get_by_role("button", name=name, exact=True).click()

    expect(visit.page.locator("#pick-title")).to_have_text("고른 좌석 0/4")


def test_picked_seat_that_was_taken_is_dropped_and_said(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    visit.page.clock.install()
    arrive(hall, visit)
    open_section(visit)
    page = visit.page
    page.get_by_role("button", name="목록").click()
    chips = page.locator(".seat-list .chip")
    chips.nth(0).click()
    chips.nth(1).click()
    section = next(one for one in demo_hall().sections if one.section_id == SECTION)
    first = next(number for number in section.numbers if number not in hall.taken[HALL])

    hall.take(HALL, first)
    page.clock.fast_forward(11_000)

    expect(page.get_by_role("alert")).to_contain_text("방금 나갔어요")
    expect(page.locator(".chips li")).to_have_count(1)


def test_place_for_a_wheelchair_is_asked_for_in_so_many_words(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    hall.taken[HALL].clear()
    arrive(hall, visit)
    open_section(visit)
    visit.page.get_by_role("button", name="목록").click()

    place = visit.page.locator(".seat-list .chip").first
    expect(place).to_have_attribute("aria-label", re.compile("휠체어석, 선택 가능$"))
    place.click()
    visit.page.locator(".pick button.wide").click()

    visit.page.locator(".till .account").wait_for()
    (request,) = hall.asked("POST", "/reservations")
    assert request.body["accessible"] is True


def test_who_gets_seats_apart_is_told_so_before_paying(hall: FakeApi, visits: Visits) -> None:
    visit = visits(hall)
    arrive(hall, visit)
    boxes = next(section for section in demo_hall().sections if section.section_id == "boxes-right")
    hall.take(HALL, *boxes.numbers)
    for number in (boxes.numbers[0], boxes.numbers[-1]):
        del hall.taken[HALL][number]
    visit.page.reload()
    visit.page.locator(".plan-section").first.wait_for()
    open_section(visit, "boxes-right")

    visit.page.locator(".best button.wide").click()

    expect(visit.page.locator(".till")).to_contain_text("나란한 좌석이 없어")
