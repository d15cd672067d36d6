"""Publishing changes the catalog to what the file says, and breaks nobody's seat."""

import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from booking import audit_log, catalog, clock, halls
from booking.audit_log import Actor
from booking.catalog import Performance, mark, sum_up, summed_up
from booking.dynamodb import get, put, query_all, write
from booking.layout import Hall, Row, Section
from booking.publishing.catalog_file import Concert, Item
from booking.publishing.publish import CHANGING_SECONDS, MEMORY_SECONDS, Plan
from tests.tables import timeout_of_the_functions
from tests.world import START, World
from tools.ost.console import Failure
from tools.ost.publish import bring_about, detail_of

NOW = START
WHO = Actor("arn:aws:iam::123456789012:user/minji", "minji")


def concert(*labels: str, capacity: int | None = None, **changes: Any) -> Concert:
    item: Item = {
        "pk": "CONCERT",
        "sk": "night-sky",
        "title": "Night Sky",
        "venue": "A Hall",
        "salesOpenAt": NOW,
        "salesCloseAt": NOW + 86400,
    }
    return Concert(item, {label: performance(label, **changes) for label in labels}, capacity)


def in_another_hall() -> Concert:
    there = concert("first")
    there.item["venue"] = "Elsewhere"
    return there


class Tables:
    """What is published, and a way to wait."""

    def __init__(self, world: World) -> None:
        self.world = world

    def concert(self, concert_id: str) -> Item | None:
        return get("CatalogTable", {"pk": "CONCERT", "sk": concert_id})

    def performances(self, concert_id: str) -> dict[str, Item]:
        return {str(item["sk"]): item for item in query_all("CatalogTable", "#pk = :pk", pk=concert_id)}


def publish(
    tables: Tables,
    concerts: list[Concert],
    *,
    dry_run: bool = False,
    meanwhile: Callable[[float], None] = lambda _: None,
) -> Plan:
    def sleep(seconds: float) -> None:
        meanwhile(seconds)
        tables.world.time.sleep(seconds)

    return bring_about(concerts, WHO, dry_run=dry_run, sleep=sleep)


def performance(label: str, **changes: Any) -> Item:
    item: Item = {
        "pk": "night-sky",
        "sk": label,
        "startsAt": NOW + 86400,
        "timezone": "Asia/Seoul",
        "price": 100,
        "seatsTotal": 50,
    }
    return item | changes


def outcomes(plan: Plan) -> list[tuple[str, str, str]]:
    return [(change.what, change.name, change.outcome) for change in plan.changes]


@pytest.fixture
def tables(world: World) -> Tables:
    return Tables(world)


def take_seat(
    tables: Tables,
    number: int,
    status: str,
    expires_at: int | None = None,
    partition: str = "night-sky.first",
) -> None:
    item = {
        "performanceId": partition,
        "seatNumber": number,
        "reservationId": "r1",
        "userId": "u1",
        "status": status,
    }
    write(put("SeatsTable", item if expires_at is None else item | {"expiresAt": expires_at}))


def test_a_date_that_was_called_off_stays_counted_out_of_its_concert(tables: Tables) -> None:
    wanted = concert("first", "second")
    wanted.item.update(summed_up(wanted.performances.values()))
    publish(tables, [wanted])
    mark("night-sky.first", "cancelled", NOW)
    sum_up("night-sky")

    plan = publish(tables, [wanted])

    assert {change.outcome for change in plan.changes} == {"unchanged"}
    published = tables.concert("night-sky") or {}
    assert [date.get("cancelled", False) for date in published["dates"]] == [True, False]


def test_publishing_again_changes_nothing(tables: Tables) -> None:
    first = publish(tables, [concert("first", "second")])
    again = publish(tables, [concert("first", "second")])

    assert outcomes(first) == [
        ("concert", "night-sky", "created"),
        ("performance", "night-sky.first", "created"),
        ("performance", "night-sky.second", "created"),
    ]
    assert {change.outcome for change in again.changes} == {"unchanged"}
    assert tables.performances("night-sky") == concert("first", "second").performances


def test_a_change_says_what_changed(tables: Tables) -> None:
    publish(tables, [concert("first")])

    plan = publish(tables, [concert("first", price=150)])

    assert [detail_of(change) for change in plan.changes if change.outcome == "changed"] == ["price 100 → 150"]
    assert tables.performances("night-sky")["first"]["price"] == 150


def test_a_dry_run_writes_nothing(tables: Tables) -> None:
    plan = publish(tables, [concert("first")], dry_run=True)

    assert {change.outcome for change in plan.changes} == {"created"}
    assert tables.concert("night-sky") is None


def test_a_performance_that_the_file_no_longer_names_is_removed(tables: Tables) -> None:
    publish(tables, [concert("first", "second")])

    plan = publish(tables, [concert("first")])

    assert ("performance", "night-sky.second", "removed") in outcomes(plan)
    assert tables.performances("night-sky").keys() == {"first"}


@pytest.mark.parametrize(("status", "expires_at"), [("SOLD", None), ("HELD", NOW + 86400)])
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (concert("second"), r"night-sky.first cannot be removed: 1 seat\(s\) are held or sold \(40\)"),
        (concert("first", seatsTotal=39), r"night-sky.first cannot shrink to 39 seats: 1 seat\(s\) .* \(40\)"),
        (concert("first", startsAt=NOW + 99), r"night-sky.first cannot change startsAt from .* \(40\)"),
        (
            concert("first", timezone="Asia/Tokyo"),
            r"night-sky.first cannot change timezone from Asia/Seoul to Asia/Tokyo",
        ),
        (concert("first", venue="Elsewhere"), r"night-sky.first cannot change venue from A Hall to Elsewhere"),
        (in_another_hall(), r"night-sky.first cannot change venue from A Hall to Elsewhere"),
        (
            concert("first", startsAt=NOW + 3600),
            r"startsAt from 2027-01-16 17:29 \(Asia/Seoul\) to 2027-01-15 18:29 \(Asia/Seoul\)",
        ),
    ],
)
def test_what_would_break_a_seat_is_refused_and_nothing_is_written(
    tables: Tables, status: str, expires_at: int | None, wanted: Concert, told: str
) -> None:
    publish(tables, [concert("first")])
    take_seat(tables, 40, status, expires_at)

    with pytest.raises(Failure, match=told):
        publish(tables, [wanted])

    assert tables.performances("night-sky") == concert("first").performances


@pytest.mark.parametrize(
    ("seats", "told"),
    [
        (range(31, 41), "10 seat(s) are held or sold (31, 32, 33, 34, 35, 36, 37, 38, 39, 40)"),
        (range(31, 42), "11 seat(s) are held or sold (31, 32, 33, 34, 35, 36, 37, 38, 39, 40 …)"),
    ],
)
def test_the_first_ten_seats_in_the_way_are_named(tables: Tables, seats: range, told: str) -> None:
    publish(tables, [concert("first")])
    for number in seats:
        take_seat(tables, number, "SOLD")

    with pytest.raises(Failure, match=re.escape(told)):
        publish(tables, [concert("second")])


def test_a_venue_of_its_own_outlives_the_concerts(tables: Tables) -> None:
    publish(tables, [concert("first", venue="Its Own Hall")])
    take_seat(tables, 40, "SOLD")
    there = concert("first", venue="Its Own Hall")
    there.item["venue"] = "Elsewhere"

    publish(tables, [there])

    published = tables.concert("night-sky")
    assert published is not None
    assert published["venue"] == "Elsewhere"


BREAKING = {
    "removed": concert("second"),
    "smaller": concert("first", seatsTotal=39),
    "at another time": concert("first", startsAt=NOW + 99),
    "elsewhere": in_another_hall(),
}


@pytest.mark.parametrize("wanted", BREAKING.values(), ids=BREAKING)
def test_a_date_is_off_sale_before_it_changes_and_a_seat_sold_from_memory_meanwhile_undoes_that(
    tables: Tables, wanted: Concert
) -> None:
    publish(tables, [concert("first")])

    def meanwhile(seconds: float) -> None:
        assert seconds >= MEMORY_SECONDS
        published = cast(Performance, tables.performances("night-sky")["first"])
        assert not catalog.on_sale(cast(catalog.Concert, tables.concert("night-sky")), published, clock.now())
        take_seat(tables, 40, "HELD", NOW + 300)

    with pytest.raises(Failure, match=r"nothing was published.*\n.*1 seat\(s\) are held or sold \(40\)"):
        publish(tables, [wanted], meanwhile=meanwhile)

    assert tables.performances("night-sky") == concert("first").performances
    assert tables.concert("night-sky") == concert("first").item


@pytest.mark.parametrize("wanted", BREAKING.values(), ids=BREAKING)
def test_a_date_that_nobody_is_buying_changes_after_the_wait(tables: Tables, wanted: Concert) -> None:
    publish(tables, [concert("first")])
    waits: list[float] = []

    publish(tables, [wanted], meanwhile=waits.append)

    assert waits == [MEMORY_SECONDS]
    assert tables.performances("night-sky") == wanted.performances


def test_the_wait_outlasts_what_processes_remember_and_what_a_request_may_take() -> None:
    assert catalog.CACHE_SECONDS + timeout_of_the_functions() < MEMORY_SECONDS


def test_one_date_is_taken_off_sale_and_put_on_sale_again(tables: Tables) -> None:
    publish(tables, [concert("first", "second")])
    take_seat(tables, 40, "SOLD")
    wanted = concert("first", "second")
    wanted.performances["first"]["offSale"] = True

    plan = publish(tables, [wanted])

    assert [detail_of(change) for change in plan.changes if change.outcome == "changed"] == ["offSale – → True"]
    assert [item.get("offSale") for item in tables.performances("night-sky").values()] == [True, None]
    publish(tables, [concert("first", "second")])
    assert tables.performances("night-sky") == concert("first", "second").performances


def test_a_change_of_time_is_shown_by_the_clocks_of_the_place(tables: Tables) -> None:
    publish(tables, [concert("first")])

    plan = publish(tables, [concert("first", startsAt=NOW + 3600)])

    [detail] = [detail_of(change) for change in plan.changes if change.outcome == "changed"]
    assert detail == "startsAt 2027-01-16 17:29 (Asia/Seoul) → 2027-01-15 18:29 (Asia/Seoul)"


def test_a_hold_that_has_ended_by_the_clock_is_no_obstacle(tables: Tables) -> None:
    publish(tables, [concert("first")])
    take_seat(tables, 40, "HELD", NOW - 1)

    publish(tables, [concert()])

    assert tables.performances("night-sky") == {}


def test_a_performance_may_shrink_to_its_last_taken_seat_and_change_its_price(tables: Tables) -> None:
    publish(tables, [concert("first")])
    take_seat(tables, 40, "SOLD")

    publish(tables, [concert("first", seatsTotal=40, price=7)])

    assert tables.performances("night-sky") == concert("first", seatsTotal=40, price=7).performances


def test_a_capacity_is_set_without_touching_the_rest_of_the_queue(tables: Tables) -> None:
    key = {"pk": "night-sky", "sk": "QUEUE"}
    write(put("QueueTable", {**key, "admitted": 12}))

    plan = publish(tables, [concert(capacity=0)])
    again = publish(tables, [concert(capacity=0)])

    assert ("queue", "night-sky", "changed") in outcomes(plan)
    assert ("queue", "night-sky", "unchanged") in outcomes(again)
    assert get("QueueTable", key) == {**key, "admitted": 12, "capacity": 0, "revision": 1}


def test_concerts_that_the_file_does_not_name_stay(tables: Tables) -> None:
    publish(tables, [concert("first")])
    other = Concert({"pk": "CONCERT", "sk": "other", "title": "Other", "salesOpenAt": NOW}, {}, None)

    publish(tables, [other])

    assert tables.concert("night-sky") is not None


def hall_of(seats: int) -> Hall:
    numbers = range(1, seats + 1)
    labels, xs, ys = tuple(map(str, numbers)), tuple(50 * number for number in numbers), (0,) * seats
    section = Section("all", "All", 1, (0, 0), (), (Row("A", labels, xs, ys, ("r",) * seats, (seats,)),))
    return Hall("hall", "A Hall", ({"gradeId": "r", "name": "R"},), (section,))


def in_hall(hall: Hall, **changes: Any) -> Concert:
    facts: dict[str, Any] = {"hallVersion": hall.version, "seatsTotal": hall.seats_total, "prices": {"r": 100}}
    made = concert("first", **(facts | changes))
    return Concert(made.item, made.performances, None, (hall,))


def test_a_hall_is_written_before_the_date_that_is_in_it_and_only_once(tables: Tables) -> None:
    hall = hall_of(700)

    first = publish(tables, [in_hall(hall)])
    again = publish(tables, [in_hall(hall)])

    assert ("hall", f"hall {hall.version}", "created") in outcomes(first)
    assert {change.what for change in again.changes} == {"concert", "performance"}
    at = NOW + 60
    published = catalog.find_performance("night-sky.first", at)
    assert halls.summary(published, at) == hall.summary()
    assert [section.text() for section in halls.sections(published, at)] == [hall.sections[0].text()]


def test_the_hall_of_a_date_stays_once_its_sales_have_opened_even_while_nobody_has_a_seat(
    tables: Tables,
) -> None:
    publish(tables, [in_hall(hall_of(40))])

    for wanted in (in_hall(hall_of(41)), concert("first", seatsTotal=41)):
        with pytest.raises(Failure, match=r"night-sky.first cannot change its hall: its sales have opened"):
            publish(tables, [wanted])


def test_a_hall_may_change_until_its_sales_open(tables: Tables) -> None:
    before, after = in_hall(hall_of(40)), in_hall(hall_of(41))
    for each in (before, after):
        each.item["salesOpenAt"] = NOW + 3600
    publish(tables, [before])

    publish(tables, [after])

    assert tables.performances("night-sky")["first"]["seatsTotal"] == 41


def test_a_hall_that_changes_under_a_seat_far_back_is_refused(tables: Tables) -> None:
    publish(tables, [in_hall(hall_of(1300))])
    take_seat(tables, 1250, "SOLD", partition="night-sky.first#2")

    with pytest.raises(Failure, match=r"cannot shrink to 1200 seats: 1 seat\(s\) are held or sold \(1250\)"):
        publish(tables, [in_hall(hall_of(1200))])


def with_lobby(lobby: int | None, opens: int) -> Concert:
    wanted = concert("first", startsAt=NOW + 200_000)
    wanted.item["salesOpenAt"] = opens
    wanted.item["salesCloseAt"] = NOW + 100_000
    if lobby is not None:
        wanted.item["lobbyOpensAt"] = lobby
    return wanted


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ((100, 200), (150, 300), None),
        ((100, 200), (50, 80), None),
        ((100, 200), (None, 80), None),
        ((-100, 200), (-100, 300), None),
        ((-100, 200), (-100, 199), "can only be postponed"),
        ((-100, 200), (-99, 200), "lobbyOpensAt cannot change"),
        ((-100, 200), (None, 200), "lobbyOpensAt cannot change"),
        ((-200, -100), (-200, 300), "its order is drawn"),
        ((-200, -100), (-200, -100), None),
        ((None, 200), (100, 200), None),
        ((None, -100), (-200, -100), "cannot be added"),
    ],
)
def test_an_open_lobby_can_only_be_postponed(
    tables: Tables, before: tuple[int | None, int], after: tuple[int | None, int], refused: str | None
) -> None:
    def at(times: tuple[int | None, int]) -> Concert:
        lobby, opens = times
        return with_lobby(None if lobby is None else NOW + lobby, NOW + opens)

    publish(tables, [at(before)])

    if refused is None:
        publish(tables, [at(after)])
        assert (tables.concert("night-sky") or {})["salesOpenAt"] == NOW + after[1]
    else:
        with pytest.raises(Failure, match=refused):
            publish(tables, [at(after)])
        assert (tables.concert("night-sky") or {})["salesOpenAt"] == NOW + before[1]


# ---- the log, and others who publish at the same time


def log() -> list[audit_log.Entry]:
    return audit_log.entries(100, None)[0]


def test_what_is_published_is_in_the_log_with_who_did_it_and_nothing_else_is(tables: Tables) -> None:
    publish(tables, [concert("first")])
    tables.world.time.sleep(1)
    publish(tables, [concert("first")])
    publish(tables, [concert("first", price=150)], dry_run=True)
    publish(tables, [concert("first", price=150)])

    changed, created = log()
    assert (created["action"], created["userId"], created["name"], created["concertId"]) == (
        "CATALOG_PUBLISHED",
        WHO.user_id,
        "minji",
        "night-sky",
    )
    assert [each["kind"] for each in created["details"]["changes"]] == ["CREATED", "CREATED"]
    change = {"kind": "CHANGED", "concertId": "night-sky", "performanceId": "night-sky.first"}
    assert changed["details"] == {"changes": [change | {"field": "price", "before": "100", "after": "150"}]}


def test_a_concert_of_many_dates_is_published_in_parts_each_with_its_entry(tables: Tables) -> None:
    labels = [f"night-{number}" for number in range(200)]

    publish(tables, [concert(*labels)])

    assert tables.performances("night-sky").keys() == set(labels)
    assert sum(len(entry["details"]["changes"]) for entry in log()) == 201


def test_who_does_not_come_back_leaves_the_date_on_sale_after_a_while(tables: Tables) -> None:
    publish(tables, [concert("first")])

    class Stopped(Exception):
        pass

    def stop(_: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        publish(tables, [concert()], meanwhile=stop)

    published = cast(Performance, tables.performances("night-sky")["first"])
    of = cast(catalog.Concert, tables.concert("night-sky"))
    assert not catalog.on_sale(of, published, clock.now() + CHANGING_SECONDS - 1)
    assert catalog.on_sale(of, published, clock.now() + CHANGING_SECONDS)


def test_the_old_file_published_again_puts_the_date_on_sale_at_once(tables: Tables) -> None:
    publish(tables, [concert("first")])
    with pytest.raises(KeyboardInterrupt):
        publish(tables, [concert()], meanwhile=_interrupted)

    publish(tables, [concert("first")])

    assert tables.performances("night-sky") == concert("first").performances


def _interrupted(_: float) -> None:
    raise KeyboardInterrupt


def test_what_comes_back_too_late_waits_again(tables: Tables) -> None:
    publish(tables, [concert("first")])
    waits: list[float] = []

    def late(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            tables.world.time.sleep(CHANGING_SECONDS)

    publish(tables, [concert()], meanwhile=late)

    assert waits == [MEMORY_SECONDS, MEMORY_SECONDS]
    assert tables.performances("night-sky") == {}


def test_a_process_that_has_read_a_date_just_before_it_goes_sells_nothing_of_it(tables: Tables) -> None:
    """It remembers the date for ten seconds more, and a request that has looked there takes ten."""
    publish(tables, [concert("first")])
    seen: list[Performance] = []

    def look(_: float) -> None:
        seen.append(cast(Performance, tables.performances("night-sky")["first"]))

    publish(tables, [concert()], meanwhile=look)

    of = cast(catalog.Concert, tables.concert("night-sky"))
    assert not catalog.on_sale(of, seen[0], clock.now() + MEMORY_SECONDS)


def test_two_who_publish_at_once_do_not_undo_each_other(tables: Tables) -> None:
    publish(tables, [concert("first")])

    def meanwhile(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            tables.world.wire.observe = None
            catalog.mark("night-sky.first", "cancelled", clock.now())

    tables.world.wire.observe = meanwhile
    publish(tables, [concert("first", price=150)])

    published = tables.performances("night-sky")["first"]
    assert (published["cancelled"], published["price"]) == (True, 100)
