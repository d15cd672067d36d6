"""An organiser finds the bookings of a date: all of them, each once, by name, by id or by seat."""

import base64
from typing import Any

import pytest

from booking import bookings, calling_off, catalog, clock
from booking.dynamodb import update, write
from tests.functional.world import put_hall
from tests.world import PERFORMANCES, PRICE, SEATS, TABLES, Answer, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}
DATE = PERFORMANCES[0]


def look(world: World, performance: str = DATE, **query: str) -> Answer:
    return world.call("list_bookings", "olga", claims=ORGANISER, query=query, performanceId=performance)


def everything(world: World, performance: str = DATE, **query: str) -> list[dict[str, Any]]:
    found, cursor = [], None
    for _ in range(50):
        answer = look(world, performance, **query, **({"cursor": cursor} if cursor else {}))
        assert answer.status == 200, answer
        found += answer.body["items"]
        if (cursor := answer.body["nextCursor"]) is None:
            return found
    raise AssertionError("the list does not end")


def bought(world: World, user: str, *seats: int, name: str | None = None) -> dict[str, Any]:
    body = {"performanceId": DATE, "seatNumbers": list(seats)}
    claims = {"cognito:username": name} if name else {}
    answer = world.ask("reserve_seats", user, body, queue_token=world.enter(user), claims=claims)
    assert answer.status == 201, answer
    world.charge(user, PRICE * len(seats))
    assert world.pay(user, answer.body).status == 201
    return dict(answer.body)


def cancel(world: World, user: str, held: dict[str, Any], *seats: int) -> None:
    body = {"seatNumbers": list(seats), "expectedRefund": PRICE * len(seats)}
    answer = world.call("cancel_reservation", user, body, key=f"c{seats}", reservationId=held["reservationId"])
    assert answer.status == 201, answer


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


def test_a_booking_shows_who_has_what_since_when_and_who_has_come(world: World) -> None:
    held = bought(world, "ann", 4, 2, name="Ann Lee")

    [found] = everything(world)

    assert (found["reservationId"], found["userId"], found["name"]) == (held["reservationId"], "ann", "Ann Lee")
    assert (found["seatNumbers"], found["amount"], found["status"]) == ([2, 4], 200, "CONFIRMED")
    assert [(seat["seatNumber"], seat["label"], seat["price"]) for seat in found["seats"]] == [
        (2, "2", 100),
        (4, "4", 100),
    ]
    assert found["confirmedAt"] == clock.rfc3339(clock.now())
    assert (found["checkedIn"], found["refunded"], found["cancelledSeatNumbers"]) == (0, 0, [])

    tickets = world.call("list_tickets", "ann", reservationId=held["reservationId"]).body["items"]
    scans = [{"scanId": "1", "code": tickets[1]["code"], "at": "2036-05-10T09:30:00Z"}]
    body = {"deviceId": "door", "scans": scans}
    world.call("record_check_ins", "sam", body, claims={"cognito:groups": "[staff]"}, performanceId=DATE)
    assert everything(world)[0]["checkedIn"] == 1


def test_who_only_holds_or_has_booked_another_date_is_not_in_the_list(world: World) -> None:
    world.hold("eve", 1)
    world.hold("bob", 2, performance=PERFORMANCES[1])

    assert everything(world) == []


def test_a_booking_made_before_names_were_kept_has_none(world: World) -> None:
    bought(world, "ann", 1)

    assert names(everything(world)) == [None]
    assert everything(world, q="ann") == []


def test_the_name_is_read_from_access_tokens_too(world: World) -> None:
    body = {"performanceId": DATE, "seatNumbers": [1]}
    claims = {"username": "ann"}
    held = world.ask("reserve_seats", "ann", body, queue_token=world.enter("ann"), claims=claims).body
    world.charge("ann", PRICE)
    world.pay("ann", held)

    assert names(everything(world)) == ["ann"]


@pytest.mark.parametrize("limit", range(1, 5))
@pytest.mark.parametrize("at_once", [1, 2, 3, 600])
def test_every_booking_is_there_once_whatever_the_pages_are(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int, at_once: int
) -> None:
    monkeypatch.setattr(bookings, "SEATS_ON_A_PAGE", at_once)
    bought(world, "ann", 1, 5, name="ann")
    bought(world, "bob", 2, 3, name="bob")
    gone = bought(world, "cat", 4, name="cat")
    cancel(world, "cat", gone, 4)
    half = bought(world, "dan", 4, 6, name="dan")
    cancel(world, "dan", half, 4)

    found = everything(world, limit=str(limit))

    assert names(found) == ["ann", "bob", "dan", "cat"]
    assert [each["status"] for each in found] == ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [each["refunded"] for each in found] == [0, 0, 100, 100]


def test_cancelled_bookings_of_more_than_one_page_are_there_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookings, "SEATS_ON_A_PAGE", 2)
    for seat, name in enumerate(("ann", "bob", "cat", "dan", "eve"), 1):
        cancel(world, name, bought(world, name, seat, name=name), seat)

    found = everything(world, limit="50")

    assert sorted(names(found)) == ["ann", "bob", "cat", "dan", "eve"]


def test_a_page_may_end_with_the_last_seat_of_the_hall(world: World) -> None:
    bought(world, "ann", SEATS - 1, name="ann")
    bought(world, "bob", SEATS, name="bob")

    assert names(everything(world, limit="1")) == ["ann", "bob"]


def test_bookings_of_a_date_that_was_called_off_are_there_once(world: World) -> None:
    bought(world, "ann", 1, 5, name="ann")
    early = bought(world, "bob", 2, 3, name="bob")
    cancel(world, "bob", early, 2)
    gone = bought(world, "cat", 4, name="cat")
    cancel(world, "cat", gone, 4)
    catalog.mark(DATE, "cancelled", clock.now())
    calling_off.clear(DATE, {"first": 1, "last": SEATS}, clock.now())

    found = everything(world, limit="1")

    assert sorted(names(found)) == ["ann", "bob", "cat"]
    assert {each["status"] for each in found} == {"CANCELLED"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", ["Ann Lee", "Bob 7"]),
        ("  ", ["Ann Lee", "Bob 7"]),
        ("lee", ["Ann Lee"]),
        ("ANN", ["Ann Lee"]),
        ("7", ["Bob 7"]),
        ("2", ["Ann Lee"]),
        ("3", ["Bob 7"]),
        ("nobody", []),
        ("%", []),
        ("*", []),
        ("이름", []),
        ("999999999999", []),
    ],
)
def test_bookings_are_found_by_a_part_of_the_name_or_a_seat(world: World, wanted: str, found: list[str]) -> None:
    bought(world, "ann", 1, 2, name="Ann Lee")
    bought(world, "bob", 3, name="Bob 7")

    assert names(everything(world, q=wanted)) == found


def test_a_booking_is_found_by_its_id_or_its_beginning(world: World) -> None:
    bought(world, "ann", 1, name="ann")
    world.time.sleep(60)
    held = bought(world, "bob", 3, name="bob")

    assert names(everything(world, q=held["reservationId"])) == ["bob"]
    assert names(everything(world, q=held["reservationId"][:10].upper())) == ["bob"]


def test_a_seat_of_a_hall_is_found_as_it_is_printed(world: World) -> None:
    facts = {"hallVersion": "v", "seatsTotal": 20, "prices": {"standard": 100}, "price": 100}
    put_hall("v", 20)
    world.publish("opera", {"one": facts})
    token = world.enter("ann", "opera")
    body = {"performanceId": "opera.one", "seatNumbers": [12]}
    held = world.ask("reserve_seats", "ann", body, queue_token=token, claims={"cognito:username": "ann"}).body
    world.charge("ann", 100)
    world.pay("ann", held)

    for wanted in ("A12", "a 12", "a-12", "12"):
        assert names(everything(world, "opera.one", q=wanted)) == ["ann"], wanted
    assert everything(world, "opera.one", q="a1") == []


def test_a_page_reads_a_bounded_part_and_a_search_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookings, "SEATS_ON_A_PAGE", 2)
    bought(world, "ann", 6, name="ann")

    first = look(world, q="ann").body

    assert (first["items"], first["nextCursor"] is not None) == ([], True)
    assert names(everything(world, q="ann")) == ["ann"]


def test_a_booking_that_is_cancelled_while_the_list_is_read_is_shown_before_or_after(world: World) -> None:
    held = bought(world, "ann", 1, 2, name="ann")
    bought(world, "bob", 3, name="bob")
    first = look(world, limit="1").body
    cancel(world, "ann", held, 1)

    rest = look(world, limit="5", cursor=first["nextCursor"]).body["items"]

    assert names(first["items"]) == ["ann"]
    assert set(names(rest)) <= {"ann", "bob"}
    assert "bob" in names(rest)


@pytest.mark.parametrize(
    "text", ["seat 0", "seat -1", "seat 1 ", "seat 9999999", "ticket x", "ticket", "seat ١", "r1", "seat 1\nx"]
)
def test_a_cursor_that_the_list_did_not_give_is_refused(world: World, text: str) -> None:
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    answer = look(world, cursor=cursor)

    assert (answer.code, answer.body["errors"][0]["field"]) == ("VALIDATION_FAILED", "cursor")


def test_an_older_revoked_ticket_says_nothing_of_a_booking_and_is_passed_over(world: World) -> None:
    held = bought(world, "ann", 1, name="ann")
    cancel(world, "ann", held, 1)
    [item] = [each for each in world.items("check_ins") if each["entry"].startswith("revoked#")]
    key = {"performanceId": item["performanceId"], "entry": item["entry"]}
    write(update(TABLES["check_ins"], key, "REMOVE #userId, #reservationId, #price, #refund"))

    assert everything(world) == []
