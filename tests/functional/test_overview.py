"""An organiser sees every sale, in numbers that are true as of the time that they name."""

from typing import Any

import pytest

from booking import clock, payments
from booking.dynamodb import put, update, write
from booking.queue import items
from tests.functional.world import put_hall
from tests.world import CONCERT, PERFORMANCES, PRICE, SEATS, TABLES, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}


def sales(world: World, **query: str) -> list[dict[str, Any]]:
    """Look as an organiser does whose page was opened some seconds after everything before."""
    world.time.sleep(3)
    world.new_process()
    answer = world.call("list_sales", "olga", claims=ORGANISER, query=query)
    assert answer.status == 200, answer
    return list(answer.body["items"])


def date(world: World) -> dict[str, Any]:
    [concert] = sales(world)
    return dict(concert["performances"][0])


def figures(of: dict[str, Any]) -> dict[str, int]:
    names = ("sold", "held", "available", "points", "refunded", "checkedIn")
    return {name: of[name] for name in names if of[name]}


def bought(world: World, user: str, *seats: int) -> dict[str, Any]:
    held = world.hold(user, *seats)
    world.charge(user, PRICE * len(seats))
    assert world.pay(user, held).status == 201
    return held


def cancel(world: World, user: str, held: dict[str, Any], seats: list[int], refund: int) -> None:
    body = {"seatNumbers": seats, "expectedRefund": refund}
    answer = world.call("cancel_reservation", user, body, key=f"c{seats}", reservationId=held["reservationId"])
    assert answer.status == 201, answer


def test_a_concert_shows_its_queue_its_dates_and_since_when_that_is_true(world: World) -> None:
    [concert] = sales(world)

    assert (concert["concertId"], concert["title"], concert["saleStatus"]) == (CONCERT, "Night", "ON_SALE")
    assert concert["queue"] == {
        "waiting": 0,
        "active": 0,
        "entered": 0,
        "lapsed": 0,
        "enteredPerMinute": 0,
        "capacity": 2,
        "paused": False,
        "message": None,
    }
    assert [each["performanceId"] for each in concert["performances"]] == list(PERFORMANCES)
    assert concert["attention"] == []
    assert concert["asOf"] == clock.rfc3339(clock.now())
    assert figures(concert["performances"][0]) == {"available": SEATS}


def test_seats_are_counted_by_what_they_are_and_points_by_what_was_paid(world: World) -> None:
    bought(world, "ann", 1, 2)
    write(update(TABLES["catalog"], {"pk": CONCERT, "sk": "first"}, "SET #price = :more", None, more=999))
    world.hold("eve", 3)

    assert figures(date(world)) == {"sold": 2, "held": 1, "available": 3, "points": 200}


def test_a_hold_that_is_over_by_the_clock_holds_nothing(world: World) -> None:
    world.hold("eve", 3)
    world.time.sleep(301)

    assert figures(date(world)) == {"available": SEATS}


def test_what_was_cancelled_is_given_back_and_its_fee_kept_also_when_the_seat_is_sold_again(world: World) -> None:
    key = dict(zip(("pk", "sk"), PERFORMANCES[0].split("."), strict=True))
    write(update(TABLES["catalog"], key, "SET #startsAt = :at", None, at=clock.now() + 4 * clock.DAY))
    held = bought(world, "ann", 1, 2)
    world.time.sleep(clock.DAY + 1)
    cancel(world, "ann", held, [2], 80)
    assert figures(date(world)) == {"sold": 1, "available": 5, "points": 200, "refunded": 80}

    bought(world, "bob", 2)

    assert figures(date(world)) == {"sold": 2, "available": 4, "points": 300, "refunded": 80}


def test_a_cancellation_that_is_seen_half_way_counts_once(world: World) -> None:
    """Seats are read before what was revoked, so a seat may be in both."""
    held = bought(world, "ann", 1)
    seat = next(each for each in world.items("seats") if each["seatNumber"] == 1)
    cancel(world, "ann", held, [1], 100)
    write(put(TABLES["seats"], seat))

    assert figures(date(world)) == {"available": SEATS, "points": 100, "refunded": 100}


def test_a_date_that_was_called_off_has_nothing_left_and_everything_given_back(world: World) -> None:
    from booking import calling_off, catalog

    bought(world, "ann", 1, 2)
    catalog.mark(PERFORMANCES[0], "cancelled", clock.now())
    calling_off.clear(PERFORMANCES[0], {"first": 1, "last": SEATS}, clock.now())

    found = date(world)

    assert found["calledOff"]
    assert figures(found) == {"points": 200, "refunded": 200}


def test_a_seat_sold_before_seats_said_their_price_counts_by_its_reservation(world: World) -> None:
    bought(world, "ann", 1, 2)
    for number in (1, 2):
        key = {"performanceId": PERFORMANCES[0], "seatNumber": number}
        write(update(TABLES["seats"], key, "REMOVE #price"))

    assert figures(date(world)) == {"sold": 2, "available": 4, "points": 200}


def test_a_hall_is_counted_by_grade(world: World) -> None:
    facts = {"hallVersion": "v", "seatsTotal": 700, "prices": {"premium": 80, "standard": 50}, "price": 50}
    put_hall("v", 700, premium=2)
    world.publish("opera", {"one": facts})
    of = [(1, "SOLD"), (2, "SOLD"), (3, "CANCELLED"), (4, "CANCELLED"), (601, "SOLD"), (650, "HELD")]
    for number, status in of:
        partition = "opera.one" if number < 600 else "opera.one#1"
        seat = {"performanceId": partition, "seatNumber": number, "reservationId": "r", "userId": "u", "price": 50}
        write(put(TABLES["seats"], seat | {"status": status, "expiresAt": clock.now() + 300}))

    [_, opera] = sales(world)

    [found] = opera["performances"]
    assert figures(found) == {"sold": 3, "held": 1, "available": 694, "points": 150}
    assert [(grade["gradeId"], grade["sold"], grade["held"], grade["available"]) for grade in found["grades"]] == [
        ("premium", 2, 0, 0),
        ("standard", 1, 1, 694),
    ]


def test_guests_who_have_come_in_are_counted(world: World) -> None:
    held = bought(world, "ann", 1, 2)
    [ticket, _] = world.call("list_tickets", "ann", reservationId=held["reservationId"]).body["items"]
    scans = [{"scanId": "1", "code": ticket["code"], "at": "2036-05-10T09:30:00Z"}]
    body = {"deviceId": "door", "scans": scans}
    staff = {"cognito:groups": "[staff]"}
    world.call("record_check_ins", "sam", body, claims=staff, performanceId=PERFORMANCES[0])

    assert figures(date(world))["checkedIn"] == 1


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("SET #status = :status", "PAYMENTS_UNDONE"),
        ("SET #status = :status, #refunding = :one", "REFUNDS_UNFINISHED"),
        ("SET #status = :status", "PAYMENTS_LEFT_BEHIND"),
    ],
)
def test_what_does_not_end_by_itself_needs_attention(world: World, change: str, kind: str) -> None:
    status = {"PAYMENTS_UNDONE": "UNDOING", "REFUNDS_UNFINISHED": "COMPLETED", "PAYMENTS_LEFT_BEHIND": "PENDING"}[kind]
    held = bought(world, "ann", 1)
    payment_id = world.call("get_reservation", "ann", reservationId=held["reservationId"]).body["paymentId"]
    then = clock.now() - payments.START_SECONDS - 1
    write(
        update(
            TABLES["payments"],
            {"paymentId": payment_id},
            f"{change}, #openShard = :shard, #openSince = :then",
            None,
            status=status,
            shard=payments.open_shard(payment_id),
            then=then,
            **({"one": 1} if "refunding" in change else {}),
        )
    )

    [concert] = sales(world)

    assert concert["attention"] == [{"kind": kind, "count": 1}]


def test_a_queue_says_how_fast_it_lets_fans_in_only_while_any_wait(world: World) -> None:
    queue = {"pace": 2000, "admitted": 2, "active": 2, "entered": 2, "advancedAt": clock.now()}
    world.put("queue", {**items.queue_key(CONCERT), **queue})
    world.put("queue", {**items.counter_key(CONCERT), "issued": 10})

    [concert] = sales(world)
    assert (concert["queue"]["waiting"], concert["queue"]["enteredPerMinute"]) == (8, 30)

    write(update(TABLES["queue"], {**items.queue_key(CONCERT)}, "SET #paused = :yes", None, yes=True))
    [concert] = sales(world)
    assert (concert["queue"]["paused"], concert["queue"]["capacity"], concert["queue"]["enteredPerMinute"]) == (
        True,
        2,
        0,
    )
    assert concert["saleStatus"] == "PAUSED"


def test_a_queue_that_lets_in_more_than_one_in_a_millisecond_says_so_too(world: World) -> None:
    at = clock.now()
    queue = {"pace": 1, "admitted": 90_000, "sampleAt": at - 10, "sampleFrom": 20_000, "advancedAt": at}
    world.put("queue", {**items.queue_key(CONCERT), **queue})
    world.put("queue", {**items.counter_key(CONCERT), "issued": 100_000})

    [concert] = sales(world)

    assert concert["queue"]["enteredPerMinute"] == 60_000


def test_a_ticket_that_was_revoked_before_prices_were_noted_with_it_is_no_sum(world: World) -> None:
    bought(world, "ann", 1)
    revoked = {"performanceId": PERFORMANCES[0], "entry": "revoked#t", "seatNumber": 2, "revokedAt": clock.now()}
    world.put("check_ins", revoked)

    assert (date(world)["points"], date(world)["refunded"]) == (PRICE, 0)


@pytest.mark.parametrize(
    ("most", "pages"), [(SEATS + 1, [["alba"], [CONCERT], ["zarzuela"]]), (1000, [["alba", CONCERT], ["zarzuela"]])]
)
def test_pages_follow_each_other_and_a_large_concert_ends_its_page(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, pages: list[list[str]]
) -> None:
    from booking import overview

    for name in ("alba", "zarzuela"):
        world.publish(name, {"one": {}})
    monkeypatch.setattr(overview, "SEATS_ON_A_PAGE", most)
    seen: list[list[str]] = []
    query: dict[str, str] = {}
    for _ in pages:
        world.new_process()
        answer = world.call("list_sales", "olga", claims=ORGANISER, query={"limit": "2"} | query).body
        seen.append([each["concertId"] for each in answer["items"]])
        query = {"cursor": answer["nextCursor"]}

    assert seen == pages
    assert answer["nextCursor"] is None


def test_a_process_reads_the_seats_again_after_two_seconds_and_not_before(world: World) -> None:
    first = date(world)
    world.hold("eve", 3)
    again = world.call("list_sales", "olga", claims=ORGANISER).body["items"][0]
    world.time.sleep(2)
    later = world.call("list_sales", "olga", claims=ORGANISER).body["items"][0]

    assert (first["held"], again["performances"][0]["held"], later["performances"][0]["held"]) == (0, 0, 1)
    assert again["asOf"] < later["asOf"]
