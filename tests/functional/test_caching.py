"""Public reads say how long they may be kept, and whether what one has is still what there is."""

import json
from typing import Any

import pytest

from tests.functional import world
from tests.handlers import call

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
