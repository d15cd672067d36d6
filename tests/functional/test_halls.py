"""A date in a hall: what is shown of it, of its sections and of its seats, and what that costs."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from booking import catalog, clock, halls, memory, seats
from booking.audit_log import Actor
from booking.catalog import Performance
from booking.dynamodb import write
from booking.layout import MAX_SECTION_SEATS
from booking.publishing.catalog_file import Concert
from tests.answers import text_of
from tests.functional import world
from tests.handlers import call, event_text
from tools.ost.publish import bring_about, read_catalog

DEMO = Path(__file__).parents[2] / "catalog" / "demo.yaml"
HALL = "ashes-and-aurora.2036-10-10"
PLAIN = "starfall-symphony.2036-05-10"


@pytest.fixture(scope="module")
def demo() -> list[Concert]:
    return read_catalog(DEMO)


@pytest.fixture(autouse=True)
def _world(cloud: None, demo: list[Concert]) -> None:
    bring_about(demo, Actor("arn:aws:iam::123456789012:user/minji", "minji"))


def read(function: str, performance: str = HALL, *, headers: Any = None, **query: str) -> Any:
    event = json.loads(event_text(function, "ok").replace(world.PERFORMANCE, performance))
    event["headers"] |= headers or {}
    if query:
        event["queryStringParameters"] = query
    return call(function, event)


def body(function: str, performance: str = HALL, **query: str) -> Any:
    answer = read(function, performance, **query)
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def find(performance: str = HALL) -> Performance:
    return catalog.find_performance(performance, clock.now())


def take(*numbers: int, performance: str = HALL, sold: bool = False) -> None:
    at = clock.now()
    for number in numbers:
        owner = {"reservation_id": f"r{number}", "user_id": world.OTHER}
        write(seats.hold(performance, number, **owner, at=at, until=at + 300))
        if sold:
            write(seats.sell(performance, number, f"r{number}"))
    memory.forget()


def test_a_date_in_a_hall_says_what_is_left_and_what_it_costs_by_grade_and_section() -> None:
    take(1, 2, 3)

    shown = body("get_performance")

    assert [(grade["gradeId"], grade["price"]) for grade in shown["grades"]] == [
        ("vip", 190_000),
        ("r", 150_000),
        ("s", 110_000),
        ("a", 70_000),
    ]
    assert shown["seatsTotal"] == 3360
    assert shown["seatsAvailable"] == 3357 == sum(section["seatsAvailable"] for section in shown["sections"])
    assert sum(grade["seatsAvailable"] for grade in shown["grades"]) == 3357
    first = shown["sections"][0]
    assert (first["seatsTotal"] - first["seatsAvailable"], first["gradeIds"]) == (3, ["vip"])
    assert shown["grades"][0]["translations"] == {"ko": {"name": "VIP석"}}
    assert (shown["bookable"], shown["concertId"]) == (True, "ashes-and-aurora")
    assert len(shown["hallVersion"]) == 16


def test_the_list_of_dates_has_the_lowest_price_and_the_same_count() -> None:
    take(1, 600, 1200, 3360, sold=True)
    event = json.loads(event_text("list_performances", "ok").replace("starfall-symphony", "ashes-and-aurora"))

    [first, _] = json.loads(call("list_performances", event)["body"])["items"]

    assert (first["price"], first["seatsTotal"], first["seatsAvailable"]) == (70_000, 3360, 3356)
    assert first["hallVersion"] == find()["hallVersion"]


def test_accessible_places_are_everybodys_from_the_hour_on_that_the_catalog_says() -> None:
    date: Any = find() | {"accessibleReleaseHours": 48}
    release = date["startsAt"] - 48 * 3600

    assert [halls.released(date, at) for at in (release - 1, release, date["startsAt"])] == [False, True, True]
    assert not halls.released(find(), date["startsAt"])


def test_the_layout_draws_every_seat_once_and_is_kept_for_a_year_and_compressed_when_asked() -> None:
    plain = read("get_layout")
    packed = read("get_layout", headers={"accept-encoding": "gzip, br"})

    shown = json.loads(plain["body"])
    assert [seat["seatNumber"] for seat in shown["seats"]] == list(range(1, 3361))
    assert {seat["sectionId"] for seat in shown["seats"]} == {each["sectionId"] for each in shown["sections"]}
    assert {"row", "label", "x", "y", "gradeId"} < set(shown["seats"][0])
    assert any("companionOf" in seat for seat in shown["seats"])
    assert plain["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert json.loads(text_of(packed)) == shown
    assert packed["headers"]["Vary"] == "Accept-Encoding"
    assert len(base64.b64decode(packed["body"])) * 8 < len(plain["body"])


def test_a_layout_that_may_still_change_is_not_kept_for_a_year() -> None:
    event = json.loads(event_text("get_layout", "ok").replace(world.PERFORMANCE, "moonlit-railway.first-night"))

    assert call("get_layout", event)["headers"]["Cache-Control"] == "public, max-age=60"


def test_a_section_shows_its_seats_as_they_are_printed_on_the_chairs() -> None:
    summary = halls.summary(find(), clock.now())
    second = summary["sections"][1]
    take(second["first"], sold=True)

    shown = body("list_seats", section=second["sectionId"])

    assert [seat["seatNumber"] for seat in shown["seats"]] == list(
        range(second["first"], second["first"] + second["seatsTotal"])
    )
    assert shown["seats"][0] == {
        "seatNumber": second["first"],
        "price": 150_000,
        "status": "SOLD",
        "row": shown["seats"][0]["row"],
        "label": "1",
        "gradeId": "r",
    }
    assert shown["available"] == second["seatsTotal"] - 1


@pytest.mark.parametrize("query", [{}, {"section": "nowhere"}, {"section": ""}])
def test_a_large_hall_asks_for_a_section_and_names_them(query: dict[str, str]) -> None:
    answer = read("list_seats", **query)

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (400, "VALIDATION_FAILED")
    names = ", ".join(each["sectionId"] for each in halls.summary(find(), clock.now())["sections"])
    assert problem["errors"] == [{"field": "section", "message": f"must be one of {names}"}]


def test_a_date_without_a_hall_is_shown_as_it_always_was() -> None:
    take(7, performance=PLAIN)

    shown = body("list_seats", PLAIN)

    assert [seat["seatNumber"] for seat in shown["seats"]] == list(range(1, 51))
    assert shown["seats"][6] == {"seatNumber": 7, "price": 12_000, "status": "HELD"}
    assert shown["available"] == 49
    detail = body("get_performance", PLAIN)
    assert detail["hallVersion"] is None
    assert [(grade["price"], grade["seatsAvailable"]) for grade in detail["grades"]] == [(12_000, 49)]
    assert [section["seatsAvailable"] for section in detail["sections"]] == [49]
    assert len(body("get_layout", PLAIN)["seats"]) == 50


@pytest.mark.parametrize("total", [1, 40, 599, 600, 601, 602, 1_200, 1_201])
def test_a_date_without_a_hall_has_each_of_its_seats_inside_the_outline_of_a_section(total: int) -> None:
    performance: Performance = {**find(PLAIN), "seatsTotal": total}

    sections = halls.sections(performance, clock.now())

    assert [seat["seatNumber"] for section in sections for seat in section.seats] == list(range(1, total + 1))
    for section in sections:
        xs, ys = zip(*section.outline, strict=True)
        seats_at = [place for row in section.rows for place in zip(row.xs, row.ys, strict=True)]
        assert (min(ys) + 50, max(ys) - 50) == (min(y for _, y in seats_at), max(y for _, y in seats_at))
        assert min(xs) == -max(xs) == min(x for x, _ in seats_at) - 50, "the stage is in the middle"


def test_reading_a_section_costs_what_its_seats_cost_however_large_the_hall(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    summary = halls.summary(find(), clock.now())
    body("list_seats", section=summary["sections"][0]["sectionId"])
    calls.clear()

    body("list_seats", section=summary["sections"][0]["sectionId"])

    assert {operation for operation, _ in calls} == {"Query"}
    first, last = 1, summary["sections"][0]["seatsTotal"]
    for _, request in calls:
        values = request["ExpressionAttributeValues"]
        assert (values[":first"], values[":last"]) == ({"N": str(first)}, {"N": str(last)})


def test_the_seats_of_a_large_hall_are_counted_by_one_reader_for_all(calls: list[tuple[str, dict[str, Any]]]) -> None:
    at = clock.now()
    performance = find()
    assert seats.count_available(performance, at) == 3360
    calls.clear()

    memory.forget()
    another = seats.count_available(performance, at)

    assert another == 3360
    assert [operation for operation, _ in calls] == ["GetItem"], "another process takes the shared count"


def test_while_one_reader_counts_the_others_show_the_count_before(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now()
    performance = find()
    seats.count_free(performance, at)
    take(1, 2)
    count = seats.read_count

    def meanwhile(asked: Performance, when: int) -> seats.Count:
        memory.forget()
        monkeypatch.setattr(seats, "read_count", not_twice)
        assert seats.count_available(performance, at + 5) == 3360
        memory.forget()
        return count(asked, when)

    def not_twice(*_: Any) -> seats.Count:
        raise AssertionError("two readers count at the same time")

    monkeypatch.setattr(seats, "read_count", meanwhile)
    assert seats.count_available(performance, at + 5) == 3358


def test_a_reader_that_died_while_counting_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now()
    performance = find()
    seats.count_free(performance, at)
    take(1)
    with monkeypatch.context() as dying:

        def dies(*_: Any) -> seats.Count:
            raise SystemExit

        dying.setattr(seats, "read_count", dies)
        with pytest.raises(SystemExit):
            seats.count_free(performance, at + 5)

    assert seats.count_available(performance, at + 6) == 3360
    memory.forget()
    assert seats.count_available(performance, at + 5 + seats.COUNTING_SECONDS) == 3359


def test_no_section_is_larger_than_what_is_read_as_one(demo: list[Concert]) -> None:
    sections = [section for concert in demo for hall in concert.halls for section in hall.sections]

    assert max(section.seats_total for section in sections) <= MAX_SECTION_SEATS
    assert max(len(section.text().encode()) for section in sections) < 400_000
