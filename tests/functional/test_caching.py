"""Public reads say how long they may be kept, and whether what one has is still what there is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from booking import catalog, halls, overview, seats
from booking.catalog import Performance
from booking.dynamodb import put, write
from booking.halls import Wish
from booking.queue import items, lobby
from booking.search import Search
from booking.settings import settings
from tests.functional import world
from tests.handlers import call
from tests.world import START

PUBLIC = {
    "list_concerts": "public, max-age=10",
    "get_concert": "public, max-age=1",
    "list_performances": "public, max-age=2",
    "get_performance": "public, max-age=1",
    "get_layout": "public, max-age=31536000, immutable",
    "list_seats": "public, max-age=0, s-maxage=1",
}


@pytest.fixture(autouse=True)
def _world(cloud: None) -> None:
    world.publish()


def read(function: str, **headers: str) -> dict[str, Any]:
    event = world.read_event(function, "ok")
    event["headers"] |= headers
    return call(function, event)


@pytest.mark.parametrize("function", PUBLIC)
def test_public_read_carries_a_validator_and_how_long_it_may_be_kept(function: str) -> None:
    answer = read(function)

    assert answer["headers"]["Cache-Control"] == PUBLIC[function]
    assert answer["headers"]["ETag"].startswith('W/"')


@pytest.mark.parametrize("function", PUBLIC)
@pytest.mark.parametrize("sent", ["{tag}", '"other", {tag}', "*"])
def test_who_has_it_already_is_told_so_without_a_body(function: str, sent: str) -> None:
    tag = read(function)["headers"]["ETag"]

    answer = read(function, **{"if-none-match": sent.format(tag=tag)})

    assert (answer["statusCode"], answer["body"], answer["headers"]["ETag"]) == (304, "", tag)


def test_seat_map_has_another_validator_once_a_seat_is_held_but_not_merely_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = read("list_seats")
    now = json.loads(first["body"])["serverTime"]
    monkeypatch.setattr("booking.clock.rfc3339", lambda at: "later")
    later = read("list_seats")
    monkeypatch.undo()

    world.hold(world.OTHER, [7])
    held = read("list_seats", **{"if-none-match": first["headers"]["ETag"]})

    assert json.loads(later["body"])["serverTime"] != now
    assert later["headers"]["ETag"] == first["headers"]["ETag"]
    assert held["statusCode"] == 200
    assert json.loads(held["body"])["seats"][6]["status"] == "HELD"


def test_what_is_somebodys_own_is_never_kept() -> None:
    assert read("get_points")["headers"]["Cache-Control"] == "no-store"


DATE: Performance = {
    "pk": world.CONCERT,
    "sk": "2036-05-10",
    "startsAt": START,
    "timezone": "Asia/Seoul",
    "price": 100,
    "seatsTotal": 50,
}
IN_A_HALL: Performance = DATE | {"hallVersion": "v12", "seatsTotal": 12}
AGES: dict[str, tuple[int, Callable[[int], Any]]] = {
    "queue": (1, lambda at: items.recent_queue(world.CONCERT, at)),
    "counter": (1, lambda at: items.recent_counter(world.CONCERT, at)),
    "lobby": (1, lambda at: lobby.recent("first-light", at)),
    "queues": (10, lambda at: items.recent_queues([world.CONCERT], at)),
    "item": (10, lambda at: catalog.find_concert(world.CONCERT, at)),
    "page": (10, lambda at: catalog.list_concerts(10, None, at)),
    "list": (10, catalog.all_concerts),
    "count": (2, lambda at: seats.count(DATE, at)),
    "count, of the largest hall without a shared one": (2, lambda at: seats.count(DATE | {"seatsTotal": 600}, at)),
    "count, of a hall that has a shared one": (1, lambda at: seats.count(DATE | {"seatsTotal": 601}, at)),
    "numbers": (2, lambda at: overview.count(DATE, at)),
    "unfinished": (2, overview.attention),
    "hall": (3600, lambda at: halls.summary(IN_A_HALL, at)),
    "sections": (3600, lambda at: halls.sections(IN_A_HALL, at)),
    "section": (3600, lambda at: halls.section(IN_A_HALL, "from-1", at)),
}
"""For how many seconds a process remembers each kind of what it reads."""


def test_a_search_that_others_are_faster_than_reads_the_seats_again_at_each_third_conflict(calls: list[Any]) -> None:
    looking = Search(DATE, catalog.find_concert(world.CONCERT, START), Wish(2, None, None, False), "seed", START)
    looking.choose()
    reads = []
    for _ in range(7):
        calls.clear()
        looking.lose(list(looking.choose().seats))
        looking.choose()
        reads.append(len(calls))

    assert reads == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", AGES)
def test_what_a_process_remembers_is_read_again_when_it_is_that_old(calls: list[Any], kind: str) -> None:
    seconds, read_at = AGES[kind]
    write(put(settings().queue_table, lobby.lobby_key("first-light")))
    world.put_hall("v12", 12)
    read_at(START)
    calls.clear()

    read_at(START + seconds - 1)

    assert calls == []
    read_at(START + seconds)
    assert calls != []
