"""The best seats that are free, chosen and held in one request: once for each key, whatever others do meanwhile."""

from typing import Any

import pytest

from booking import best_available, catalog, clock, reservations, seats
from booking.dynamodb import put, write
from booking.settings import settings
from tests.faults import Fault, Kind
from tests.functional.world import put_hall
from tests.race.test_seat_limit import before_the_transaction, sound
from tests.world import CONCERT, PERFORMANCES, START, Answer, World

HALL = f"{CONCERT}.hall"


@pytest.fixture
def hall(world: World) -> World:
    """Put a date into a hall of one row of twelve."""
    publish_hall(12)
    return world


def publish_hall(seats_total: int, **facts: Any) -> None:
    date = {
        "pk": CONCERT,
        "sk": "hall",
        "startsAt": START + 10_000_000,
        "timezone": "Asia/Seoul",
        "price": 100,
        "prices": {"standard": 100},
        "seatsTotal": seats_total,
        "hallVersion": f"v{seats_total}",
    }
    write(put(settings().catalog_table, date | facts))
    put_hall(f"v{seats_total}", seats_total)


def ask(world: World, user: str, quantity: int, key: str = "k", token: str | None = None, **wish: Any) -> Answer:
    body = {"performanceId": HALL, "quantity": quantity} | wish
    return world.ask("reserve_seats", user, body, key=key, queue_token=token or world.enter(user))


def pick(world: World, user: str, *numbers: int, **more: Any) -> Answer:
    body = {"performanceId": HALL, "seatNumbers": list(numbers)} | more
    return world.ask("reserve_seats", user, body, queue_token=world.enter(user))


def take(*numbers: int, performance: str = HALL) -> None:
    at = clock.now()
    for number in numbers:
        write(seats.hold(performance, number, reservation_id="rx", user_id="eve", at=at, until=at + 300))


def test_a_party_sits_together_and_pays_what_its_seats_cost(hall: World) -> None:
    answer = ask(hall, "ann", 3)

    held = answer.body
    assert answer.status == 201
    assert held["together"] is True
    assert len(held["seatNumbers"]) == 3
    assert held["seatNumbers"][2] - held["seatNumbers"][0] == 2
    assert [seat["seatNumber"] for seat in held["seats"]] == held["seatNumbers"]
    assert held["seats"][0] == {
        "seatNumber": held["seatNumbers"][0],
        "row": "A",
        "label": str(held["seatNumbers"][0]),
        "gradeId": "standard",
        "price": 100,
    }
    assert held["amount"] == 300
    shown = hall.call("get_reservation", "ann", reservationId=held["reservationId"]).body
    assert (shown["seats"], shown["together"]) == (held["seats"], True)
    sound(hall)


def test_a_date_without_a_hall_can_be_asked_for_seats_together_too(world: World) -> None:
    body = {"performanceId": PERFORMANCES[0], "quantity": 2}

    held = world.ask("reserve_seats", "ann", body, key="k", queue_token=world.enter("ann")).body

    assert (held["together"], held["amount"], len(held["seatNumbers"])) == (True, 200, 2)
    sound(world)


def test_a_key_is_needed_and_gives_one_block_however_often_it_is_sent(hall: World) -> None:
    token = hall.enter("ann")
    keyless = hall.call("reserve_seats", "ann", {"performanceId": HALL, "quantity": 2}, queue_token=token)
    first = ask(hall, "ann", 2, token=token)
    hall.time.sleep(7)
    again = ask(hall, "ann", 2, token=token)
    other = ask(hall, "ann", 3, token=token)

    assert keyless.code == "IDEMPOTENCY_KEY_REQUIRED"
    assert again.body["reservationId"] == first.body["reservationId"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert len(hall.items("reservations")) == 1
    sound(hall)


def test_a_key_replays_what_it_made_after_the_hold_is_over_and_without_a_turn(hall: World) -> None:
    first = ask(hall, "ann", 2)
    hall.call("release_reservation", "ann", reservationId=first.body["reservationId"])

    again = hall.call("reserve_seats", "ann", {"performanceId": HALL, "quantity": 2}, key="k")

    assert (again.status, again.body["reservationId"]) == (201, first.body["reservationId"])
    assert again.body["status"] == "RELEASED"
    assert hall.items("seats") == []


def test_a_key_is_remembered_for_a_day(hall: World) -> None:
    first = ask(hall, "ann", 2)
    hall.call("release_reservation", "ann", reservationId=first.body["reservationId"])

    hall.time.sleep(clock.DAY)
    still = hall.call("reserve_seats", "ann", {"performanceId": HALL, "quantity": 2}, key="k")
    hall.time.sleep(1)
    later = ask(hall, "ann", 3)

    assert still.body["reservationId"] == first.body["reservationId"]
    assert (later.status, len(later.body["seatNumbers"])) == (201, 3)
    assert "idempotency-replayed" not in later.headers
    sound(hall)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("call", range(6))
def test_whatever_happens_to_a_call_one_block_is_held(hall: World, kind: Kind, call: int) -> None:
    token = hall.enter("ann")
    hall.wire.set(Fault(kind, call))

    answer = ask(hall, "ann", 2, token=token)

    hall.wire.fault = None
    hall.wire.deliver_late()
    assert answer.status == 201, answer
    assert len(hall.items("seats")) == 2
    assert [item["reservationId"] for item in hall.items("reservations")] == [answer.body["reservationId"]]
    sound(hall)


def test_the_same_request_twice_at_once_holds_one_block(hall: World) -> None:
    token = hall.enter("ann")
    twin: list[Answer] = []
    before_the_transaction(hall, lambda: twin.append(ask(hall, "ann", 2, token=token)))

    answer = ask(hall, "ann", 2, token=token)

    assert answer.body["reservationId"] == twin[0].body["reservationId"]
    assert len(hall.items("seats")) == 2
    sound(hall)


@pytest.mark.parametrize(("one", "other"), [("ann", "bob"), ("bob", "ann")])
def test_a_lost_race_is_run_again_and_told_to_nobody(
    hall: World, monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    first, second = hall.enter(one), hall.enter(other)
    chosen: list[Any] = []
    original = best_available.choose

    def choose(*asked: Any, **more: Any) -> Any:
        chosen.append(original(*asked, **more))
        return chosen[-1]

    monkeypatch.setattr(best_available, "choose", choose)
    body = {"performanceId": HALL}
    before_the_transaction(
        hall,
        lambda: hall.call("reserve_seats", other, body | {"seatNumbers": [chosen[0].seats[0]]}, queue_token=second),
    )

    hall.wire.set(None)
    answer = ask(hall, one, 4, token=first)

    assert (answer.status, answer.body["together"]) == (201, True)
    assert len(chosen) == 2
    assert hall.wire.calls.count("dynamodb.Query") == 2, "what others took is known without reading again"
    assert not set(answer.body["seatNumbers"]) & {chosen[0].seats[0]}
    sound(hall)


def test_who_picked_a_seat_of_the_block_meanwhile_keeps_it(hall: World) -> None:
    ann = hall.enter("ann")
    hall.enter("bob")
    before_the_transaction(hall, lambda: [pick(hall, "bob", number) for number in (5, 6, 7, 8)])

    answer = ask(hall, "ann", 2, token=ann)

    assert (answer.status, answer.body["together"]) == (201, True)
    assert not set(answer.body["seatNumbers"]) & {5, 6, 7, 8}
    sound(hall)


def test_a_hall_of_which_every_section_is_full_has_no_seat(world: World) -> None:
    publish_hall(601)
    token = world.enter("ann")
    take(*range(1, 602))

    answer = ask(world, "ann", 1, token=token)

    assert (answer.status, answer.code) == (409, "NOT_ENOUGH_SEATS")
    assert (answer.body["available"], answer.body["together"]) == (0, 0)


def test_too_few_are_refused_with_how_many_there_are(hall: World) -> None:
    take(1, 2, 3, 5, 6, 7, 8, 10, 11)

    answer = ask(hall, "ann", 4)

    assert (answer.status, answer.code) == (409, "NOT_ENOUGH_SEATS")
    assert (answer.body["available"], answer.body["together"]) == (3, 1)


def test_a_party_that_cannot_sit_together_is_not_turned_away(hall: World) -> None:
    take(1, 2, 3, 5, 6, 7, 8, 10, 11)

    answer = ask(hall, "ann", 3)

    assert (answer.status, answer.body["together"], answer.body["seatNumbers"]) == (201, False, [4, 9, 12])


def test_nobody_is_refused_on_an_old_picture(hall: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read, old = seats.read_taken, list(range(1, 13))

    def stale(performance_id: str, numbers: range, at: int, *, consistent: bool = False) -> Any:
        if consistent:
            return read(performance_id, numbers, at, consistent=True)
        return [{"seatNumber": number, "reservationId": "rx", "userId": "eve", "status": "SOLD"} for number in old]

    monkeypatch.setattr(seats, "read_taken", stale)

    answer = ask(hall, "ann", 2)

    assert (answer.status, answer.body["together"]) == (201, True)


def test_the_limit_and_the_turn_count_for_the_best_seats_as_for_picked_ones(hall: World) -> None:
    token = hall.enter("ann")
    assert ask(hall, "ann", 3, token=token).status == 201

    assert ask(hall, "ann", 2, key="more", token=token).code == "SEAT_LIMIT_EXCEEDED"
    assert ask(hall, "ann", 5, key="many", token=token).code == "SEAT_LIMIT_EXCEEDED"
    hall.ask("leave_queue", "ann", concertId=CONCERT, queue_token=token)
    assert ask(hall, "ann", 1, key="late", token=token).code == "QUEUE_TOKEN_EXPIRED"


WRONG = {
    "no seats": {"quantity": 0},
    "too many": {"quantity": 51},
    "a float": {"quantity": 2.0},
    "a boolean": {"quantity": True},
    "a text": {"quantity": "2"},
    "both": {"quantity": 2, "seatNumbers": [1]},
    "neither": {},
    "an unknown grade": {"quantity": 2, "gradeId": "royal"},
    "an unknown section": {"quantity": 2, "sectionId": "moon"},
    "no boolean": {"quantity": 2, "accessible": 1},
}


@pytest.mark.parametrize("wish", WRONG.values(), ids=WRONG)
def test_a_malformed_wish_is_refused_and_holds_nothing(hall: World, wish: dict[str, Any]) -> None:
    token = hall.enter("ann")

    answer = hall.call("reserve_seats", "ann", {"performanceId": HALL} | wish, key="k", queue_token=token)

    assert (answer.status, answer.code) == (400, "VALIDATION_FAILED"), answer
    assert answer.body["errors"]
    assert hall.items("seats") == []


def test_a_seat_left_alone_is_named_with_a_choice_that_leaves_none_only_where_the_organiser_asks(world: World) -> None:
    publish_hall(12, noSingleSeats=True)

    refused = pick(world, "ann", 2, 3)
    moved = pick(world, "ann", *refused.body["instead"])

    assert (refused.status, refused.code, refused.body["seatNumbers"]) == (409, "LEAVES_SINGLE_SEAT", [1])
    assert refused.body["instead"] == [1, 2]
    assert moved.status == 201
    publish_hall(13)
    catalog_again(world)
    assert pick(world, "bob", 5, 6, 8).status == 201


def catalog_again(world: World) -> None:
    """Let what processes remember of the catalog go."""
    world.time.sleep(catalog.CACHE_SECONDS)


def test_who_is_always_beaten_is_told_to_come_back(hall: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = hall.enter("ann")
    monkeypatch.setattr(reservations, "write_hold", lambda *_: [])
    body = {"performanceId": HALL, "quantity": 2}

    answer = hall.call("reserve_seats", "ann", body, key="k", queue_token=token)

    assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")
