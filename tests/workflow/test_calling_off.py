"""A date that is called off: every seat closed for good, every booking back in full, whatever dies on the way."""

import contextlib
import json
import random
from typing import Any

import pytest

from booking import calling_off, cancellations, catalog, clock, payments, reservations, seats
from booking.audit_log import Actor
from booking.dynamodb import TransactionRefused, put, transact, update, write
from booking.errors import PerformanceNotFound, SurveyChanged
from lab import calling_off as lab_calling_off
from tests.faults import Fault, Kind, ProcessEnded, kinds_for
from tests.handlers import call, event_text
from tests.tables import resources
from tests.world import CONCERT, PERFORMANCES, PRICE, SEATS, TABLES, World
from tools.ost.paths import ROOT

DATE = PERFORMANCES[0]
ALL: calling_off.Range = {"first": 1, "last": SEATS}


def bought(world: World, user: str, *numbers: int, performance: str = DATE) -> dict[str, Any]:
    held = world.hold(user, *numbers, performance=performance)
    world.charge(user, PRICE * len(numbers))
    assert world.pay(user, held, key=f"pay {held['reservationId']}").status == 201
    world.time.sleep(1)
    return held


BY = {"userId": "arn:aws:iam::123456789012:user/minji", "name": "minji"}
ACTOR = Actor(BY["userId"], BY["name"])


def called_off(world: World) -> None:
    catalog.mark(DATE, "cancelled", clock.now())
    world.new_process()


def cleared(world: World) -> dict[str, int]:
    with world.wire.invocation():
        done: dict[str, int] = call("clear_seats", {"performanceId": DATE, "range": ALL})
    return done


def spread(world: World) -> None:
    """Give the date a little of everything: a whole booking, half a one, a hold, a hold that is over, a free seat."""
    world.hold("old", 6)
    world.time.sleep(301)
    world.new_process()
    bought(world, "ann", 1, 2)
    half = bought(world, "bob", 3, 4)
    body = {"seatNumbers": [4], "expectedRefund": 100}
    assert world.call("cancel_reservation", "bob", body, key="c", reservationId=half["reservationId"]).status == 201
    world.hold("eve", 5)


def status_of(world: World, user: str) -> list[str]:
    return [item["status"] for item in world.items("reservations") if item["userId"] == user]


def closed(world: World) -> None:
    """Everything that must be true at the end."""
    assert [seat["status"] for seat in world.items("seats") if seat["performanceId"] == DATE] == ["CANCELLED"] * SEATS
    assert world.violations() == []
    found = calling_off.survey(DATE, clock.now())
    assert (found["bookings"], found["points"], found["owed"], found["sealed"]) == (0, 0, 0, SEATS)


# ---- what fans are shown of it


def published_with_dates(world: World) -> None:
    """Let the concert's item say when its dates are and what they cost at least, as publishing does."""
    concert = {"pk": "CONCERT", "sk": CONCERT} | catalog.find_concert(CONCERT, clock.now())
    world.put("catalog", concert | catalog.summed_up(catalog.list_performances(CONCERT, clock.now())))
    world.new_process()


def announced(world: World, date: str) -> None:
    """Begin to call a date off; nothing walks over its seats yet."""
    world.wire.stand_ins["stepfunctions"] = lambda _: (200, json.dumps({"executionArn": "x", "startDate": 0}))
    calling_off.begin(date, calling_off.survey(date, clock.now())["code"], ACTOR, clock.now())


def concert(world: World) -> dict[str, Any]:
    world.new_process()
    return dict(world.call("get_concert", concertId=CONCERT).body)


def test_a_concert_counts_no_date_that_was_called_off(world: World) -> None:
    write(update(TABLES["catalog"], {"pk": "night", "sk": "first"}, "SET #price = :less", None, less=PRICE - 1))
    world.new_process()
    published_with_dates(world)
    assert (concert(world)["dates"]["count"], concert(world)["dates"]["priceFrom"]) == (2, PRICE - 1)

    for _ in range(2):
        announced(world, DATE)
        assert (concert(world)["dates"]["count"], concert(world)["dates"]["priceFrom"]) == (1, PRICE)
        assert concert(world)["saleStatus"] == "ON_SALE"

    announced(world, PERFORMANCES[1])
    assert (concert(world)["dates"], concert(world)["saleStatus"]) == (None, "OVER")


def test_a_concert_that_was_published_after_all_its_dates_were_called_off_can_have_them_called_off_again(
    world: World,
) -> None:
    published_with_dates(world)
    for date in PERFORMANCES:
        announced(world, date)
    published_with_dates(world)
    [without] = [item for item in world.tables()["catalog"] if item["sk"] == CONCERT]
    without.pop("priceFrom", None)
    world.put("catalog", without)

    announced(world, DATE)

    assert (concert(world)["dates"], concert(world)["saleStatus"]) == (None, "OVER")


def test_a_sale_whose_last_date_was_called_off_is_over_when_the_others_have_begun(world: World) -> None:
    later = {"pk": "night", "sk": "first"}
    write(update(TABLES["catalog"], later, "SET #startsAt = :soon", None, soon=clock.now() + 60))
    world.new_process()
    published_with_dates(world)
    announced(world, PERFORMANCES[1])
    assert concert(world)["saleStatus"] == "ON_SALE"
    world.time.sleep(60)
    assert concert(world)["saleStatus"] == "OVER"


def test_dates_that_are_called_off_at_once_are_both_counted_out(world: World) -> None:
    published_with_dates(world)

    def beside(_: int, operation: str) -> None:
        if operation == "dynamodb.UpdateItem":
            world.wire.observe = None
            announced(world, PERFORMANCES[1])

    world.wire.observe = beside
    announced(world, DATE)

    assert concert(world)["dates"] is None


def test_a_hold_of_a_date_that_was_called_off_says_so(world: World) -> None:
    held, other = world.hold("eve", 5), world.hold("eve", 1, performance=PERFORMANCES[1])
    called_off(world)
    cleared(world)

    [shown, first] = [
        world.call("get_reservation", "eve", reservationId=each["reservationId"]).body for each in (held, other)
    ]
    listed = world.call("list_reservations", "eve").body["items"]

    assert (shown["status"], shown["cancelledBy"], shown["cancelledSeatNumbers"]) == ("CANCELLED", "ORGANISER", [5])
    assert (shown["refunded"], first["status"], first["cancelledSeatNumbers"]) == (0, "HELD", [])
    assert {each["reservationId"]: each["status"] for each in listed} == {
        held["reservationId"]: "CANCELLED",
        other["reservationId"]: "HELD",
    }
    assert world.release("eve", held).code == "PERFORMANCE_CANCELLED"
    assert world.release("eve", other).status == 204
    world.time.sleep(300)
    assert world.call("get_reservation", "eve", reservationId=held["reservationId"]).body["status"] == "EXPIRED"


def test_a_hold_can_be_released_before_its_seat_is_closed(world: World) -> None:
    held = world.hold("eve", 5)
    called_off(world)
    assert world.release("eve", held).status == 204
    cleared(world)
    closed(world)


# ---- before


def test_a_survey_says_what_there_is_and_changes_nothing(world: World) -> None:
    spread(world)
    before = world.books()

    found = calling_off.survey(DATE, clock.now())

    assert (found["bookings"], found["seats"], found["points"]) == (2, 3, 300)
    assert (found["holds"], found["paymentsInFlight"], found["sealed"], found["givenBack"]) == (1, 0, 0, 0)
    assert (found["cancelled"], found["offSale"], found["seatsTotal"]) == (False, False, SEATS)
    assert found == calling_off.survey(DATE, clock.now())
    assert world.books() == before


def test_a_survey_counts_payments_on_their_way(world: World) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    assert calling_off.survey(DATE, clock.now())["paymentsInFlight"] == 1


@pytest.mark.parametrize("name", ["night.never", "night", "", "../x", "x" * 500])
def test_a_performance_that_is_not_there_is_told_so(world: World, name: str) -> None:
    for action in ("survey", "takeOffSale"):
        answer = call("call_off_performance", {"performanceId": name, "action": action, "by": BY})
        assert answer["problem"]["code"] == "PERFORMANCE_NOT_FOUND"
    with pytest.raises(PerformanceNotFound):
        calling_off.begin(name, "x", ACTOR, clock.now())


def test_the_code_of_a_survey_holds_only_while_the_bookings_do(world: World) -> None:
    bought(world, "ann", 1)
    code = calling_off.survey(DATE, clock.now())["code"]
    world.hold("eve", 5)
    assert calling_off.survey(DATE, clock.now())["code"] == code, "a hold changes nothing of what is given back"
    bought(world, "bob", 2)

    with pytest.raises(SurveyChanged) as told:
        calling_off.begin(DATE, code, ACTOR, clock.now())

    assert (told.value.members["amount"], told.value.members["reservations"]) == (200, 2)
    assert not catalog.read_performance(DATE).get("cancelled")


def test_beginning_says_so_in_the_catalog_and_starts_the_walk_over_every_seat(world: World) -> None:
    bought(world, "ann", 1)
    started: list[Any] = []

    def start(body: bytes) -> tuple[int, str]:
        started.append(json.loads(body))
        return 200, json.dumps({"executionArn": "x", "startDate": 0})

    world.wire.stand_ins["stepfunctions"] = start
    code = calling_off.survey(DATE, clock.now())["code"]
    answer = call("call_off_performance", {"performanceId": DATE, "action": "begin", "code": code, "by": BY})

    assert answer["survey"]["cancelled"] is True
    assert json.loads(started[0]["input"]) == {"performanceId": DATE, "ranges": [ALL]}
    assert len(started[0]["name"]) <= 80


def test_the_ranges_are_every_seat_once() -> None:
    for total in (1, 49, 50, 51, 599, 600, 601, 20_000):
        parts = calling_off.ranges(total)
        assert [n for part in parts for n in range(part["first"], part["last"] + 1)] == list(range(1, total + 1))
    assert len(calling_off.ranges(20_000)) == 400


# ---- the walk


def test_every_booking_comes_back_in_full_and_every_seat_is_closed(world: World) -> None:
    spread(world)
    dry = calling_off.survey(DATE, clock.now())
    called_off(world)

    done = cleared(world)

    assert done == {"seats": SEATS, "bookings": 2, "points": dry["points"]}
    assert (world.balance("ann"), world.balance("bob")) == (200, 200), "bob's fee of none, and seat 3 in full"
    assert status_of(world, "ann") == status_of(world, "bob") == ["CANCELLED"]
    assert calling_off.survey(DATE, clock.now())["givenBack"] == dry["points"]
    closed(world)


def test_a_fee_that_was_kept_for_other_seats_stays_and_the_rest_comes_back_in_full(world: World) -> None:
    key = dict(zip(("pk", "sk"), DATE.split("."), strict=True))
    write(update(TABLES["catalog"], key, "SET #startsAt = :at", None, at=clock.now() + 2 * clock.DAY))
    world.new_process()
    held = bought(world, "ann", 1, 2)
    body = {"seatNumbers": [1], "expectedRefund": 70}
    assert world.call("cancel_reservation", "ann", body, key="c", reservationId=held["reservationId"]).status == 201
    called_off(world)

    cleared(world)

    shown = world.call("get_reservation", "ann", reservationId=held["reservationId"]).body
    assert (shown["refunded"], shown["cancelledBy"], shown["status"]) == (170, "ORGANISER", "CANCELLED")
    assert world.balance("ann") == 170
    closed(world)


def test_a_second_run_changes_nothing(world: World) -> None:
    spread(world)
    called_off(world)
    cleared(world)
    before = world.books()

    done = cleared(world)

    assert world.books() == before
    assert done["points"] == 300, "it says again what came back for these bookings, and gives nothing"


def test_a_booking_in_several_ranges_comes_back_once(world: World) -> None:
    bought(world, "ann", 1, 6)
    called_off(world)
    for number in (6, 1, 2, 3, 4, 5):
        calling_off.clear(DATE, {"first": number, "last": number}, clock.now())
    assert world.balance("ann") == 200
    closed(world)


def test_the_other_dates_stay_as_they_are(world: World) -> None:
    bought(world, "ann", 1)
    other = bought(world, "bob", 1, performance=PERFORMANCES[1])
    called_off(world)
    cleared(world)
    assert status_of(world, "bob") == ["CONFIRMED"]
    assert world.balance("bob") == 0
    assert world.hold("eve", 2, performance=PERFORMANCES[1])["status"] == "HELD"
    assert other
    closed(world)


# ---- what fans see


def test_fans_are_told_that_the_date_was_called_off(world: World) -> None:
    held = bought(world, "ann", 1)
    waiting = world.hold("eve", 5)
    world.charge("eve", 100)
    called_off(world)
    token = world.enter("bob")

    body = {"performanceId": DATE, "seatNumbers": [2]}
    answer = world.call("reserve_seats", "bob", body, queue_token=token)
    assert (answer.status, answer.code) == (409, "PERFORMANCE_CANCELLED")
    answer = world.call(
        "cancel_reservation", "ann", {"expectedRefund": 100}, key="c", reservationId=held["reservationId"]
    )
    assert (answer.status, answer.code) == (409, "PERFORMANCE_CANCELLED")
    listed = world.call("list_performances", concertId="night").body["items"]
    assert [(each["performanceId"], each["cancelled"], each["bookable"]) for each in listed] == [
        (DATE, True, False),
        (PERFORMANCES[1], False, True),
    ]

    cleared(world)
    answer = world.call("start_payment", "eve", {"reservationId": waiting["reservationId"]}, key="k")
    assert (answer.status, answer.code) == (409, "PERFORMANCE_CANCELLED")
    statuses = {seat["status"] for seat in world.call("list_seats", performanceId=DATE).body["seats"]}
    assert statuses == {"CANCELLED"}
    closed(world)


def test_a_process_that_remembers_the_catalog_cannot_sell_a_sealed_seat(world: World) -> None:
    token = world.enter("bob")
    world.call("list_performances", concertId="night")
    catalog.find_performance(DATE, clock.now())
    catalog.mark(DATE, "cancelled", clock.now())  # this process has not learnt of it
    calling_off.clear(DATE, ALL, clock.now())

    body = {"performanceId": DATE, "seatNumbers": [2]}
    assert world.call("reserve_seats", "bob", body, queue_token=token).code == "PERFORMANCE_CANCELLED"
    closed(world)


def test_whose_seat_was_sealed_is_told_so_when_asking_for_it_again(world: World) -> None:
    bought(world, "ann", 2)
    token = world.enter("ann")
    catalog.find_performance(DATE, clock.now())
    catalog.mark(DATE, "cancelled", clock.now())  # this process has not learnt of it
    calling_off.clear(DATE, ALL, clock.now())

    body = {"performanceId": DATE, "seatNumbers": [2]}
    assert world.call("reserve_seats", "ann", body, queue_token=token).code == "PERFORMANCE_CANCELLED"


def test_a_seal_never_opens_again_also_when_ttl_runs(world: World) -> None:
    held = world.hold("eve", 5)
    called_off(world)
    cleared(world)

    assert all("expiresAt" not in seat for seat in world.items("seats"))
    stored = next(item for item in world.items("reservations") if item["reservationId"] == held["reservationId"])
    for late in (
        seats.release(DATE, 5, held["reservationId"]),
        seats.move_deadline(DATE, 5, held["reservationId"], until=clock.now() + 300),
        seats.sell(DATE, 5, held["reservationId"]),
        seats.hold(DATE, 5, reservation_id="r", user_id="bob", at=clock.now() + 10**6, until=clock.now() + 10**7),
        seats.cancel(DATE, 5, held["reservationId"]),
    ):
        with pytest.raises(TransactionRefused):
            transact(late, put(TABLES["catalog"], {"pk": "x", "sk": "x"}))
    assert reservations.status(stored, clock.now() + 300) == "EXPIRED"  # type: ignore[arg-type]
    closed(world)


@pytest.mark.parametrize("debited", [False, True])
def test_a_payment_on_its_way_undoes_itself(world: World, debited: bool) -> None:
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    payment: Any = world.items("payments")[0]
    if debited:
        payments.use_points(payment, clock.now())
    called_off(world)
    cleared(world)
    world.run_held()

    ended = world.items("payments")[0]
    assert (ended["status"], ended["failure"]["code"]) == ("FAILED", "PERFORMANCE_CANCELLED")
    assert world.metrics["PaymentUndone"] == 0
    assert world.balance("ann") == 100
    closed(world)


def test_a_payment_that_confirms_beside_the_seal_is_given_back(world: World) -> None:
    """Just before the seal of its seat, a payment makes it SOLD: the seal is refused, and the booking comes back."""
    held = world.hold("ann", 1)
    world.charge("ann", 100)
    world.hold_executions()
    world.call("start_payment", "ann", {"reservationId": held["reservationId"]}, key="k")
    called_off(world)

    def pay(_: int, operation: str) -> None:
        if operation == "dynamodb.PutItem":
            world.wire.observe = None
            payment: Any = world.items("payments")[0]
            used = payments.use_points(payment, clock.now())
            assert payments.confirm_booking(payment, used, clock.now())["outcome"] == "CONFIRMED"

    world.wire.observe = pay
    cleared(world)
    world.run_held()

    assert world.items("payments")[0]["refunded"] == 100
    assert world.balance("ann") == 100
    closed(world)


def test_a_fans_own_cancellation_beside_it_leaves_no_seat_and_no_point_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = bought(world, "ann", 1, 2)
    before = catalog.read_performance(DATE)
    called_off(world)

    def own(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            body = {"seatNumbers": [2], "expectedRefund": 100}
            with monkeypatch.context() as a_moment_ago:  # the fan had asked just before the date was called off
                a_moment_ago.setattr(catalog, "read_performance", lambda _: before)
                answer = world.call("cancel_reservation", "ann", body, key="c", reservationId=held["reservationId"])
            assert answer.status == 201

    world.wire.observe = own
    cleared(world)

    assert world.balance("ann") == 200
    closed(world)


def test_a_walk_that_begins_first_waits_until_the_catalog_says_so(world: World) -> None:
    bought(world, "ann", 1)

    def mark(_: int, operation: str) -> None:
        if world.wire.calls.count("dynamodb.GetItem") > 2:
            world.wire.observe = None
            catalog.mark(DATE, "cancelled", clock.now())

    world.wire.set(None)
    world.wire.observe = mark
    cleared(world)

    assert world.balance("ann") == 100
    closed(world)


def test_a_date_that_was_not_called_off_after_all_is_left_alone(world: World) -> None:
    bought(world, "ann", 1)
    before = world.books()

    with pytest.raises(calling_off.NotCleared, match="not called off"):
        cleared(world)

    assert world.books() == before


# ---- deaths


def test_after_a_death_at_any_call_a_run_from_zero_leaves_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    spread(world)
    called_off(world)
    start = world.snapshot()
    wanted = None
    cases = 0

    def run(fault: Fault | None) -> list[str]:
        world.restore(start)
        world.wire.set(fault)
        with contextlib.suppress(Exception, ProcessEnded):
            cleared(world)
        calls = list(world.wire.calls)
        world.wire.set(None)
        cleared(world)
        if world.wire.deliver_late():
            cleared(world)
        closed(world)
        return calls

    calls = run(None)
    for number, operation in enumerate(calls):
        for kind in kinds_for(operation):
            cases += 1
            run(Fault(kind, number))
            found = {user: world.balance(user) for user in ("ann", "bob")}
            wanted = wanted or found
            assert found == wanted == {"ann": 200, "bob": 200}
    with capsys.disabled():
        print(f"\n{cases} faults at {len(calls)} calls ")  # noqa: T201


def test_what_died_between_the_seals_and_the_points_is_given_back_by_the_sweep(world: World) -> None:
    bought(world, "ann", 1, 2)
    called_off(world)
    world.wire.set(None)
    refused = next(n for n, call in enumerate(_calls(world)) if call == "dynamodb.Query")
    world.wire.set(Fault(Kind.ENDS_BEFORE, refused))
    with pytest.raises(ProcessEnded):
        cleared(world)
    world.wire.set(None)
    assert world.balance("ann") == 0
    assert calling_off.survey(DATE, clock.now())["owed"] == 200

    world.time.sleep(payments.START_SECONDS + 1)
    world.settle()

    assert world.balance("ann") == 200


def _calls(world: World) -> list[str]:
    """Name the calls of a run, and put everything back."""
    start = world.snapshot()
    cleared(world)
    calls = list(world.wire.calls)
    world.begin(start)
    return calls


# ---- the workflow


def test_a_range_that_fails_for_good_does_not_keep_the_others_and_is_named_at_the_end() -> None:
    machine = json.loads((ROOT / "statemachines" / "calling_off.asl.json").read_text("utf-8"))["States"]
    walk = machine["ClearSeats"]
    step = walk["ItemProcessor"]["States"]["ClearRange"]

    assert (walk["Type"], walk["MaxConcurrency"], walk["ItemsPath"]) == ("Map", 20, "$.ranges")
    assert step["Retry"][0]["ErrorEquals"] == step["Catch"][0]["ErrorEquals"] == ["States.ALL"]
    assert walk["ItemProcessor"]["States"]["RangeFailed"]["End"] is True
    assert step["TimeoutSeconds"] == resources("AWS::Serverless::Function")["ClearSeatsFunction"]["Timeout"]
    part: calling_off.Range = {"first": 1, "last": 50}
    good = {"range": part, "cleared": {"seats": 50, "bookings": 2, "points": 7}}
    assert calling_off.add_up(DATE, [good, good]) == {"seats": 100, "bookings": 4, "points": 14}
    with pytest.raises(calling_off.NotCleared, match="seats 1 to 50"):
        calling_off.add_up(DATE, [good, {"range": part, "error": {}}])


def test_a_seat_that_cannot_be_cleared_is_named_and_the_others_are_done(world: World) -> None:
    held = bought(world, "ann", 1)
    bought(world, "bob", 2)
    called_off(world)
    lost = next(item for item in world.items("reservations") if item["reservationId"] == held["reservationId"])
    key = {"userId": "ann", "reservationId": held["reservationId"]}
    write(update(TABLES["reservations"], key, "SET #paymentId = :none", None, none="pnone"))

    with pytest.raises(calling_off.NotCleared, match=r"\[1\]"):
        cleared(world)

    assert world.balance("bob") == 100
    write(put(TABLES["reservations"], lost))
    cleared(world)
    closed(world)


def test_a_large_walk_with_random_deaths_gives_every_booking_back(world: World) -> None:
    """The ordinary path grows by nothing: the same writes as before make a sale; here bookings of many fans at once."""
    chance = random.Random(7)
    for number in range(1, SEATS + 1):
        bought(world, f"fan-{number}", number)
    called_off(world)
    for _ in range(20):
        world.wire.set(Fault(chance.choice([Kind.ENDS_BEFORE, Kind.ENDS_AFTER]), chance.randrange(40)))
        with contextlib.suppress(Exception, ProcessEnded):
            cleared(world)
    world.wire.set(None)
    cleared(world)
    assert {world.balance(f"fan-{number}") for number in range(1, SEATS + 1)} == {PRICE}
    closed(world)


def test_what_an_execution_is_sent_is_what_its_events_show() -> None:
    assert json.loads(event_text("clear_seats", "range"))["range"] == {"first": 1, "last": 50}
    assert cancellations.called_off_id("r1") != cancellations.called_off_id("r2")


def test_the_laboratory_and_the_workflow_agree_on_how_many_ranges_go_at_once() -> None:
    machine = json.loads((ROOT / "statemachines" / "calling_off.asl.json").read_text("utf-8"))

    assert machine["States"]["ClearSeats"]["MaxConcurrency"] == lab_calling_off.CONCURRENCY
