"""An organiser gives back: one booking in its fan's stead, or a whole date; the log knows who, when and why."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from booking import calling_off, clock
from booking.dynamodb import update, write
from tests.faults import Fault, Kind, kinds_for
from tests.handlers import call
from tests.world import PERFORMANCES, PRICE, SEATS, TABLES, Answer, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}
DATE = PERFORMANCES[0]
ALL = {"first": 1, "last": SEATS}


def bought(world: World, user: str, *seats: int) -> dict[str, Any]:
    held = world.hold(user, *seats)
    world.charge(user, PRICE * len(seats))
    assert world.pay(user, held).status == 201
    return held


def log(world: World) -> list[dict[str, Any]]:
    answer = world.call("list_log", "olga", claims=ORGANISER)
    assert answer.status == 200, answer
    return list(answer.body["items"])


def give_back(world: World, held: dict[str, Any], key: str = "k", user: str = "ann", **change: Any) -> Answer:
    body = {"userId": user, "expectedRefund": 200, "reason": "The fan is ill."} | change
    options: dict[str, Any] = {"key": key, "claims": ORGANISER, "reservationId": held["reservationId"]}
    return world.ask("cancel_booking", "olga", body, **options)


def starts_in(world: World, days: int) -> None:
    key = dict(zip(("pk", "sk"), DATE.split("."), strict=True))
    write(update(TABLES["catalog"], key, "SET #startsAt = :at", None, at=clock.now() + days * clock.DAY))
    world.new_process()


# ---- one booking


def test_a_booking_is_given_back_as_the_fan_would_and_the_log_says_why(world: World) -> None:
    starts_in(world, 4)
    held = bought(world, "ann", 1, 2)
    world.time.sleep(clock.DAY + 1)
    quote = world.call(
        "quote_booking",
        "olga",
        claims=ORGANISER,
        query={"userId": "ann", "seatNumbers": "2"},
        reservationId=held["reservationId"],
    ).body

    answer = give_back(world, held, seatNumbers=[2], expectedRefund=quote["refund"])

    assert (quote["refund"], quote["fee"]) == (80, 20)
    assert (answer.status, answer.body["refund"], answer.body["balance"]) == (201, 80, 80)
    [entry] = log(world)
    assert (entry["action"], entry["userId"], entry["name"], entry["reason"]) == (
        "RESERVATION_CANCELLED",
        "olga",
        "minji",
        "The fan is ill.",
    )
    assert (entry["reservationId"], entry["performanceId"]) == (held["reservationId"], DATE)
    assert entry["details"] == {
        "before": {"seatNumbers": [1, 2]},
        "after": {"cancelledSeatNumbers": [2], "fee": 20, "refund": 80},
    }
    assert world.violations() == []


def test_sent_again_it_is_the_same_cancellation_and_one_entry(world: World) -> None:
    held = bought(world, "ann", 1, 2)

    answers = [give_back(world, held) for _ in range(3)]

    assert {answer.body["cancellationId"] for answer in answers} == {answers[0].body["cancellationId"]}
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", "true"]
    assert len(log(world)) == 1
    assert world.balance("ann") == 200


def test_a_fans_key_and_an_organisers_of_the_same_text_are_two(world: World) -> None:
    held = bought(world, "ann", 1, 2)
    body = {"seatNumbers": [1], "expectedRefund": 100}
    assert world.call("cancel_reservation", "ann", body, key="k", reservationId=held["reservationId"]).status == 201

    assert give_back(world, held, "k", seatNumbers=[2], expectedRefund=100).status == 201

    assert world.balance("ann") == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": ""}, "VALIDATION_FAILED"),
        ({"reason": "x" * 201}, "VALIDATION_FAILED"),
        ({"reason": None}, "VALIDATION_FAILED"),
        ({"userId": ""}, "VALIDATION_FAILED"),
        ({"userId": "bob"}, "RESERVATION_NOT_FOUND"),
        ({"expectedRefund": 199}, "QUOTE_CHANGED"),
        ({"seatNumbers": [3]}, "VALIDATION_FAILED"),
    ],
    ids=str,
)
def test_what_is_refused_changes_nothing_and_is_not_logged(world: World, change: dict[str, Any], code: str) -> None:
    held = bought(world, "ann", 1, 2)

    assert give_back(world, held, **change).code == code

    assert log(world) == []
    assert world.balance("ann") == 0


def test_beside_the_fans_own_cancellation_each_seat_comes_back_once(world: World) -> None:
    held = bought(world, "ann", 1, 2)

    def meanwhile(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            body = {"expectedRefund": 200}
            world.call("cancel_reservation", "ann", body, key="own", reservationId=held["reservationId"])

    world.wire.observe = meanwhile

    assert give_back(world, held).code == "NOT_CANCELLABLE"
    assert (world.balance("ann"), log(world)) == (200, [])


def test_a_guest_who_comes_in_meanwhile_keeps_the_seat(world: World) -> None:
    held = bought(world, "ann", 1)
    [ticket] = world.call("list_tickets", "ann", reservationId=held["reservationId"]).body["items"]
    scans = [{"scanId": "1", "code": ticket["code"], "at": "2036-05-10T09:30:00Z"}]

    def meanwhile(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            body = {"deviceId": "door", "scans": scans}
            world.call("record_check_ins", "sam", body, claims={"cognito:groups": "[staff]"}, performanceId=DATE)

    world.wire.observe = meanwhile

    answer = give_back(world, held, expectedRefund=100)

    assert (answer.code, answer.body["reason"]) == ("NOT_CANCELLABLE", "CHECKED_IN")
    assert (world.balance("ann"), log(world)) == (0, [])


def test_whatever_happens_to_a_call_the_seats_come_back_once_with_one_entry(world: World) -> None:
    held = bought(world, "ann", 1, 2)
    beginning = world.snapshot()
    world.wire.set(None)
    give_back(world, held)
    operations = [*world.wire.calls]

    for number, operation in enumerate(operations):
        for kind in kinds_for(operation):
            world.begin(beginning)
            world.wire.set(Fault(kind, number))
            answer = give_back(world, held)
            world.wire.set(None)
            world.wire.deliver_late()
            assert answer.status in {201, 202}, (kind, operation, answer)
            world.new_process()
            world.settle_until_quiet()
            assert (world.balance("ann"), len(log(world))) == (200, 1), (kind, operation)
            assert world.violations() == [], (kind, operation)


@pytest.mark.parametrize("user", [None, "", "x" * 129, "x" * 3000])
def test_a_quote_is_of_somebodys_booking(world: World, user: str | None) -> None:
    held = bought(world, "ann", 1)
    query = {} if user is None else {"userId": user}

    answer = world.call("quote_booking", "olga", claims=ORGANISER, query=query, reservationId=held["reservationId"])

    assert (answer.code, answer.body["errors"][0]["field"]) == ("VALIDATION_FAILED", "userId")


# ---- a date


def look(world: World, **change: Any) -> Answer:
    body = {"dryRun": True} | change
    return world.ask("start_calling_off", "olga", body, claims=ORGANISER, performanceId=DATE)


def confirm(world: World, code: str) -> Answer:
    return world.ask("start_calling_off", "olga", {"confirm": code}, claims=ORGANISER, performanceId=DATE)


def progress(world: World) -> dict[str, Any]:
    return dict(world.call("get_calling_off", "olga", claims=ORGANISER, performanceId=DATE).body)


@pytest.fixture
def started(world: World) -> list[Any]:
    """Take executions of the workflow, which a test walks through itself."""
    taken: list[Any] = []

    def start(body: bytes) -> tuple[int, str]:
        taken.append(json.loads(json.loads(body)["input"]))
        return 200, json.dumps({"executionArn": "x", "startDate": 0})

    bought(world, "ann", 1, 2)
    world.run_held()
    world.wire.stand_ins["stepfunctions"] = start
    return taken


def test_a_date_is_looked_at_taken_off_sale_called_off_and_followed_to_its_end(
    world: World, started: list[Any]
) -> None:
    assert progress(world)["status"] == "NONE"
    first = look(world).body
    assert (first["reservations"], first["seats"], first["amount"], first["offSale"]) == (1, 2, 200, False)
    second = look(world, offSale=True).body
    world.time.sleep(30)
    assert (second["offSale"], second["code"]) == (True, first["code"])

    answer = confirm(world, second["code"])

    assert (answer.status, answer.body["status"], answer.body["left"]) == (202, "RUNNING", 200)
    assert started == [{"performanceId": DATE, "ranges": [ALL]}]
    assert progress(world)["status"] == "RUNNING"
    call("clear_seats", {"performanceId": DATE, "range": ALL})
    over = progress(world)
    assert (over["status"], over["refunded"], over["left"], over["reservations"]) == ("DONE", 200, 0, 0)
    assert (over["seats"], over["startedAt"]) == (SEATS, answer.body["startedAt"])
    assert world.balance("ann") == 200
    assert [(entry["action"], entry["name"]) for entry in log(world)] == [
        ("PERFORMANCE_CALLED_OFF", "minji"),
        ("PERFORMANCE_OFF_SALE", "minji"),
    ]


def test_a_code_of_other_bookings_is_refused_with_what_there_is_now(world: World, started: list[Any]) -> None:
    code = look(world).body["code"]
    stand_in = world.wire.stand_ins.pop("stepfunctions")
    bought(world, "bob", 3)
    world.wire.stand_ins["stepfunctions"] = stand_in

    answer = confirm(world, code)

    assert (answer.status, answer.code) == (409, "SURVEY_CHANGED")
    assert (answer.body["amount"], answer.body["reservations"]) == (300, 2)
    assert answer.body["surveyCode"] == look(world).body["code"] != code
    assert (started, log(world)) == ([], [])


def test_confirmed_again_only_the_walk_begins_again(world: World, started: list[Any]) -> None:
    code = look(world).body["code"]
    confirm(world, code)
    call("clear_seats", {"performanceId": DATE, "range": ALL})

    again = confirm(world, code)

    assert (again.status, again.body["status"]) == (202, "DONE")
    assert len(started) == 2
    assert len(log(world)) == 1


def test_points_that_are_still_owed_keep_it_running(world: World, started: list[Any]) -> None:
    confirm(world, look(world).body["code"])
    call("clear_seats", {"performanceId": DATE, "range": ALL})
    [payment] = world.items("payments")
    [name] = payment["cancellations"]
    change = f"SET #cancellations.#{name}.#status = :owed, #refunding = :one, #openShard = :shard, #openSince = :now"
    key, shard = {"paymentId": payment["paymentId"]}, "OPEN#0"
    write(update(TABLES["payments"], key, change, None, owed="REFUNDING", one=1, shard=shard, now=clock.now()))

    found = progress(world)

    assert (found["status"], found["left"], found["refunded"]) == ("RUNNING", 200, 0)
    both = calling_off.survey(DATE, clock.now()) | {"points": 300}
    assert calling_off.progress_view(both, clock.now())["left"] == 500, "what is booked and what is owed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dryRun": False},
        {"dryRun": True, "confirm": "x"},
        {"offSale": True, "confirm": "x"},
        {"offSale": True},
        {"confirm": ""},
        {"confirm": 7},
        {"dryRun": "true"},
        [],
    ],
    ids=str,
)
def test_what_is_neither_a_look_nor_a_confirmation_is_refused(world: World, body: Any) -> None:
    answer = world.call("start_calling_off", "olga", body, claims=ORGANISER, performanceId=DATE)

    assert answer.code == "VALIDATION_FAILED"
    assert log(world) == []


def after_each_fault(
    world: World, started: list[Any], ask: Callable[[str], Answer]
) -> Iterator[tuple[tuple[Kind, str], Answer]]:
    """Confirm with the code that was looked up, once for each thing that can happen to each call; give what it was, and
    the answer, when what was late has come."""
    code = look(world).body["code"]
    stand_in = world.wire.stand_ins["stepfunctions"]
    beginning = world.snapshot()
    world.wire.set(None)
    confirm(world, code)
    operations = [*world.wire.calls]

    for number, operation in enumerate(operations):
        for kind in kinds_for(operation):
            world.begin(beginning)
            world.wire.stand_ins["stepfunctions"] = stand_in
            started.clear()
            world.wire.set(Fault(kind, number))
            answer = ask(code)
            world.wire.set(None)
            world.wire.deliver_late()
            world.new_process()
            yield (kind, operation), answer


def test_whatever_happens_to_a_confirmation_the_date_is_called_off_with_one_entry(
    world: World, started: list[Any]
) -> None:
    def ask(code: str) -> Answer:
        return confirm(world, code)

    for struck, answer in after_each_fault(world, started, ask):
        assert answer.status == 202, struck
        assert progress(world)["status"] == "RUNNING", struck
        assert (len(log(world)), bool(started)) == (1, True), struck


def test_a_date_that_is_called_off_has_its_walk_though_nobody_asks_again(world: World, started: list[Any]) -> None:
    def ask(code: str) -> Answer:
        return world.call("start_calling_off", "olga", {"confirm": code}, claims=ORGANISER, performanceId=DATE)

    for struck, answer in after_each_fault(world, started, ask):
        assert answer.status in {0, 202, 503}, (struck, answer)
        assert progress(world)["status"] == "NONE" or started, struck


def test_a_survey_reads_seats_and_not_each_booking(world: World, started: list[Any]) -> None:
    world.wire.set(None)
    calling_off.survey(DATE, clock.now())

    assert world.wire.calls.count("dynamodb.GetItem") == 1
    assert world.wire.calls.count("dynamodb.BatchGetItem") == 0
