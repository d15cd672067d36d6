"""What a fan is shown, to the last seat, date and second."""

import pytest

from booking import memory
from tests.world import CONCERT, PERFORMANCES, SEATS, START, World


def test_seat_map_has_every_seat_of_the_hall_once_and_in_order(world: World) -> None:
    shown = world.call("list_seats", performanceId=PERFORMANCES[0]).body

    assert [seat["seatNumber"] for seat in shown["seats"]] == list(range(1, SEATS + 1))
    assert shown["available"] == SEATS


def test_dates_are_all_listed_without_a_filter_and_parted_by_it(world: World) -> None:
    world.publish("tour", {"begun": {"startsAt": START - 1}, "ahead": {}})

    def dates(**query: str) -> list[str]:
        items = world.call("list_performances", concertId="tour", query=query).body["items"]
        return [item["performanceId"] for item in items]

    assert dates() == ["tour.begun", "tour.ahead"]
    assert dates(bookable="true") == ["tour.ahead"]
    assert dates(bookable="false") == ["tour.begun"]


@pytest.mark.parametrize(
    ("opens", "closes", "code"),
    [(1, 100, "SALES_NOT_OPEN"), (0, 100, None), (-100, 1, None), (-100, 0, "SALES_CLOSED")],
)
def test_sales_open_and_close_at_their_very_second(world: World, opens: int, closes: int, code: str | None) -> None:
    world.publish("tour", {"one": {}})
    token = world.enter("ann", "tour")
    world.publish("tour", {"one": {}}, opens=opens, closes=closes)
    memory.forget()

    body = {"performanceId": "tour.one", "seatNumbers": [1]}
    shown = world.call("list_performances", concertId="tour").body["items"][0]
    answer = world.call("reserve_seats", "ann", body, queue_token=token)

    assert answer.code == code
    assert shown["bookable"] is (code is None)


def test_reservations_are_listed_newest_first(world: World) -> None:
    names = []
    for seat in (1, 2, 3):
        names.append(world.hold("ann", seat)["reservationId"])
        world.time.sleep(1)

    shown = world.call("list_reservations", "ann").body["items"]

    assert [item["reservationId"] for item in shown] == names[::-1]


def test_a_fan_who_waits_is_told_how_many_are_before_and_who_is_in_that_nobody_is(world: World) -> None:
    for user in ("ann", "bob"):
        world.enter(user)
    places = [world.join(user) for user in ("cem", "dan", "eve")]

    assert [(place["position"], place["ahead"]) for place in places] == [(1, 0), (2, 1), (3, 2)]
    assert all(place["estimatedWaitSeconds"] > 0 for place in places)
    inside = world.join("ann")
    assert (inside["position"], inside["ahead"], inside["estimatedWaitSeconds"]) == (0, 0, 0)


def test_memory_is_emptied_before_made_up_keys_fill_a_process(world: World) -> None:
    for number in range(3 * memory.ENTRIES):
        world_wide = memory.cached(("made up", number), lambda: "something", START, 10)
        assert world_wide == "something"

    assert len(memory.known) <= memory.ENTRIES


def test_a_place_that_is_active_is_not_prolonged_by_a_waiting_poll(world: World) -> None:
    for user in ("ann", "bob"):
        world.enter(user)
    waiting = world.join("cem")
    world.leave("ann", world.join("ann")["token"])
    world.time.sleep(2)
    world.tick()
    world.time.sleep(2)
    entered = world.poll("cem", waiting["token"])
    ends = entered["activeUntil"]
    world.time.sleep(30)

    again = world.poll("cem", waiting["token"])

    assert (again["status"], again["activeUntil"], again["expiresAt"]) == ("ACTIVE", ends, ends)
    assert world.call("get_concert", concertId=CONCERT).body["queue"]["active"] == 2
