"""What the public reads say of concerts and dates: where, when, in which words, by which rules."""

import json
from typing import Any

import pytest

from booking import clock
from booking.dynamodb import put, write
from booking.settings import settings
from tests.functional import world
from tests.functional.world import CONCERT, FAR
from tests.handlers import call


@pytest.fixture(autouse=True)
def _world(cloud: None) -> None:
    world.publish()


def read(function: str, **query: str) -> dict[str, Any]:
    event = world.read_event(function, "ok")
    event["queryStringParameters"] = query or event.get("queryStringParameters")
    answer = call(function, event)
    assert answer["statusCode"] == 200
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def publish_tour(**concert: Any) -> None:
    now = clock.now()
    facts = {"title": "Tour", "artist": "A Quartet", "venue": "Seoul and Tokyo", "description": "Music."}
    times = {"salesOpenAt": now - 60, "salesCloseAt": now + FAR}
    write(put(settings().catalog_table, {"pk": "CONCERT", "sk": CONCERT} | facts | times | concert))
    date = {"pk": CONCERT, "price": 9000, "seatsTotal": 50, "timezone": "Asia/Tokyo"}
    tokyo = {"venue": "Tide Theatre, Tokyo", "translations": {"ko": {"venue": "물때 극장, 도쿄"}}}
    write(put(settings().catalog_table, date | {"sk": "tokyo", "startsAt": now + FAR + 60} | tokyo))


def test_date_says_its_own_venue_and_otherwise_the_concerts() -> None:
    publish_tour(translations={"ko": {"title": "투어", "venue": "서울과 도쿄"}})

    by_default, tokyo = read("list_performances")["items"]

    assert by_default["venue"] == "Seoul and Tokyo"
    assert by_default["translations"] == {"ko": {"venue": "서울과 도쿄"}}
    assert tokyo["venue"] == "Tide Theatre, Tokyo"
    assert tokyo["translations"] == {"ko": {"venue": "물때 극장, 도쿄"}}


def test_date_of_which_every_seat_is_taken_cannot_be_booked() -> None:
    publish_tour()
    sold = {"performanceId": f"{CONCERT}.small", "seatNumber": 1, "reservationId": "r", "userId": world.OTHER}
    write(put(settings().seats_table, sold | {"status": "SOLD"}))
    small = {"startsAt": clock.now() + FAR, "timezone": "Asia/Seoul", "price": 9000, "seatsTotal": 1}
    write(put(settings().catalog_table, {"pk": CONCERT, "sk": "small"} | small))

    found = {date["performanceId"]: date for date in read("list_performances", limit="20")["items"]}
    full, free = found[f"{CONCERT}.small"], found[f"{CONCERT}.tokyo"]

    assert (full["seatsAvailable"], full["bookable"]) == (0, False)
    assert (free["seatsAvailable"], free["bookable"]) == (50, True)


def test_page_that_ends_with_the_last_date_is_the_last_one() -> None:
    publish_tour()

    whole = read("list_performances", limit="2")
    first = read("list_performances", limit="1")
    last = read("list_performances", limit="1", cursor=first["nextCursor"])

    assert (len(whole["items"]), whole["nextCursor"]) == (2, None)
    assert first["items"] + last["items"] == whole["items"]
    assert last["nextCursor"] is None


def test_concert_says_its_texts_in_other_languages_and_the_list_leaves_out_the_long_one() -> None:
    publish_tour(translations={"ko": {"title": "투어", "description": "음악."}})

    assert read("get_concert")["translations"] == {"ko": {"title": "투어", "description": "음악."}}
    listed = {item["concertId"]: item for item in read("list_concerts")["items"]}
    assert listed[CONCERT]["translations"] == {"ko": {"title": "투어"}}
    assert listed["winter-prelude"]["translations"] == {}


def test_list_says_what_comes_next_and_leaves_out_what_has_begun() -> None:
    now = clock.now()
    dates = [{"startsAt": at, "timezone": zone} for at, zone in [(now - 60, "Asia/Seoul"), (now + FAR, "Asia/Tokyo")]]
    publish_tour(dates=dates, priceFrom=9000)

    listed = {item["concertId"]: item for item in read("list_concerts")["items"]}

    ahead = clock.rfc3339(now + FAR)
    assert listed[CONCERT]["dates"] == {
        "count": 1, "firstAt": ahead, "lastAt": ahead, "timezone": "Asia/Tokyo", "priceFrom": 9000,
    }  # fmt: skip
    assert listed["silent-overture"]["dates"] is None


def test_concert_says_how_long_seats_are_held_and_how_many_one_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLD_SECONDS", "480")
    monkeypatch.setenv("MAX_SEATS_PER_USER", "6")
    settings.cache_clear()

    concert = read("get_concert")

    assert (concert["holdSeconds"], concert["maxSeatsPerUser"]) == (480, 6)
    settings.cache_clear()
