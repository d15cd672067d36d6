"""What a fan is shown, to the last seat, date and second."""

import base64
import gzip
import hashlib
import re

import pytest

from booking import halls, memory
from booking.cursors import cursor_of
from booking.layout import Hall, Row, Section
from tests.handlers import call, request
from tests.world import CONCERT, PERFORMANCES, SEATS, START, Answer, World

ROW = Row("A", ("1", "2"), (0, 50), (0, 0), ("standard", "standard"), (2,))


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


def test_a_concert_of_which_nothing_can_be_cancelled_says_so(world: World) -> None:
    world.publish("tour", {"one": {}})
    [tour] = [item for item in world.tables()["catalog"] if item["sk"] == "tour"]
    world.put("catalog", tour | {"fees": {"steps": []}})

    shown = world.call("get_concert", concertId="tour").body["cancellation"]

    assert shown == {"steps": [], "freeHours": 0, "freeDaysBefore": 0}


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
        world_wide = memory.cached("made up", number, lambda: "something", START, 10)
        assert world_wide == "something"

    assert len(memory.known) <= memory.ENTRIES


@pytest.mark.parametrize(("function", "key"), [("list_concerts", "sk"), ("list_sales", "concertId")])
def test_pages_that_begin_wherever_somebody_says_are_not_kept(world: World, function: str, key: str) -> None:
    for number in range(5):
        world.publish(f"concert-{number}", {"first": {}})

    def read(cursor: str | None, limit: int) -> list[str]:
        query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        answer = world.call(function, "olga", claims={"cognito:groups": "[organiser]"}, query=query)
        return [item["concertId"] for item in answer.body["items"]]

    whole = read(None, 100)
    known = set(memory.known)

    for number in range(5):
        cursor = cursor_of({key: f"concert-{number}-and-a-half"}, key)
        assert read(cursor, 100) == whole[number + 1 :]
    assert set(memory.known) == known


def test_a_name_that_is_used_of_another_kind_of_thing_too_is_not_taken_for_it(world: World) -> None:
    """A process remembers the queue of `night`; nobody has a date `queue.night`."""
    world.enter("ann")
    world.enter("bob")
    token = world.join("eve")["token"]

    def reserve(performance_id: str) -> Answer:
        body = {"performanceId": performance_id, "seatNumbers": [1]}
        return world.call("reserve_seats", "eve", body, queue_token=token)

    assert reserve("night.first").code == "QUEUE_TOKEN_NOT_ACTIVE"
    assert [reserve(f"{kind}.night").code for kind in ("queue", "counter", "lobby", "count", "numbers")] == [
        "PERFORMANCE_NOT_FOUND"
    ] * 5


def test_a_concert_is_seen_by_organisers_whatever_it_is_called(world: World) -> None:
    names = ["concert", "concerts", "hall", "unfinished"]
    for concert_id in names:
        world.publish(concert_id, {"first": {}})

    shown = world.call("list_sales", "olga", claims={"cognito:groups": "[organiser]"}).body["items"]

    assert {sale["concertId"]: len(sale["performances"]) for sale in shown} == dict.fromkeys(names, 1) | {"night": 2}


def test_a_section_is_shown_whatever_it_is_called(world: World) -> None:
    sections = [Section(name, name, first, (0, 0), (), (ROW,)) for name, first in (("summary", 1), ("sections", 3))]
    hall = Hall("hall", "A Hall", ({"gradeId": "standard", "name": "Standard"},), tuple(sections))
    world.put("catalog", {"pk": halls.partition("v"), "sk": "SUMMARY", "summary": dict(hall.summary())})
    for each in sections:
        item = {"pk": halls.partition("v"), "sk": f"SECTION#{each.section_id}", "layout": each.text()}
        world.put("catalog", item)
    world.publish("hall", {"first": {"hallVersion": "v", "seatsTotal": 4, "prices": {"standard": 7}}})
    world.call("get_layout", performanceId="hall.first")

    shown = [
        world.call("list_seats", performanceId="hall.first", query={"section": each.section_id}) for each in sections
    ]

    assert [[seat["seatNumber"] for seat in answer.body["seats"]] for answer in shown] == [[1, 2], [3, 4]]


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


def test_the_page_that_tries_the_api_runs_its_own_scripts_only_and_is_compressed_when_asked(
    cloud: None,
) -> None:
    shown = call("show_swagger", request("show_swagger"))
    packed = call("show_swagger", request("show_swagger", headers={"accept-encoding": "gzip, br"}))

    scripts = re.findall(r"<script>(.*?)</script>", shown["body"], re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    [allowed] = [part for part in shown["headers"]["Content-Security-Policy"].split("; ") if "script-src" in part]
    assert allowed == "script-src " + " ".join(f"'sha256-{each}'" for each in hashes)
    assert len(scripts) == 2
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(packed["body"])).decode() == shown["body"]
