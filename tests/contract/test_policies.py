"""Least privilege: each function may do what it was seen doing, on what it was seen doing it to, and nothing else.

Every event and the scenarios below go through the handlers over a recorded cloud. That each policy also suffices is
proved on the deployed stack, where policies are enforced.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from booking import aws, bookings, calling_off, cancellations, catalog, clock, keys, limits, memory, payments, points
from booking.cursors import cursor_of
from booking.dynamodb import update, write
from booking.publishing.publish import CHANGING_SECONDS, MEMORY_SECONDS
from booking.queue import drawing, driver, items, line, lobby, place, tick, token
from booking.settings import settings
from lab.in_process import template
from tests.functional import world as given
from tests.functional.world import CONCERT, OTHER, USER
from tests.handlers import call, events, functions
from tests.tables import environment as told_to_functions
from tests.tables import resources
from tests.world import MACHINE, SERVICES, World

type Permission = tuple[str, str]

NAMES_OF_SERVICES = {"secretsmanager": "secretsmanager", "lambda": "lambda", "stepfunctions": "states"}
NAMES = {"Invoke": "InvokeFunction"}
BY = {"userId": "arn:aws:iam::123456789012:user/minji", "name": "minji"}
CALLING_OFF = told_to_functions()["CALLING_OFF_WORKFLOW_ARN"]
THINGS = {
    "SecretId": {name: name for name in resources("AWS::SecretsManager::Secret")},
    "FunctionName": {f"test-{name}:live": f"{name}:live" for name in ("advance-queue", "draw-lobby")},
    "stateMachineArn": {
        f"arn:aws:states:us-east-1:123456789012:stateMachine:{MACHINE}": "payment",
        CALLING_OFF: "calling-off",
    },
}


def permissions_of(operation: str, service: str, parameters: dict[str, Any]) -> set[Permission]:
    """Name what IAM asks for before a call: the action, and the thing that it is done to."""
    if operation == "TransactWriteItems":
        return {
            (f"dynamodb:{kind}Item", write["TableName"])
            for item in parameters["TransactItems"]
            for kind, write in item.items()
        }
    if operation == "BatchGetItem":
        return {(f"dynamodb:{operation}", table) for table in parameters["RequestItems"]}
    if service == "dynamodb":
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        return {(f"dynamodb:{operation}", parameters["TableName"] + index)}
    thing = next(names[parameters[name]] for name, names in THINGS.items() if name in parameters)
    return {(f"{NAMES_OF_SERVICES[service]}:{NAMES.get(operation, operation)}", thing)}


def permissions_in_the_template(function: str) -> set[Permission]:
    """Read a function's policies: each action with the logical id, or the fixed name, of its resource."""
    granted = set()
    known = [*template()["Resources"], "advance-queue:live", "draw-lobby:live", "payment", "calling-off"]
    properties = next(
        p for p in resources("AWS::Serverless::Function").values() if p["CodeUri"].strip("/").endswith(f"/{function}")
    )
    for policy in properties.get("Policies", []):
        for statement in policy["Statement"]:
            named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            for resource in named:
                text = json.dumps(resource)
                thing = next(name for name in known if re.search(rf"\b{name}\b", text))
                thing += "/index/open" if "/index/open" in text else ""
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                granted |= {(action, thing) for action in actions}
    return granted


class Recorder:
    """Puts the world back before each event, and notes what IAM would be asked for while a handler works."""

    def __init__(self, world: World) -> None:
        self.world, self.beginning = world, world.snapshot()
        self.used: set[Permission] = set()
        self._working = False

    def begin(self) -> None:
        """Make the world as it was when the event was written for it."""
        self.world.begin(self.beginning)
        self.world.hold_executions()
        for service in SERVICES:
            aws.client(service).meta.events.register("before-parameter-build", self._note)
        given.publish()

    def work(self, function: str, event: dict[str, Any]) -> None:
        """Invoke a handler and note what it does."""
        keys.forget()
        self._working = True
        call(function, event)
        self._working = False

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self._working:
            self.used |= permissions_of(model.name, model.service_model.service_name, params)


def event(function: str, case: str = "ok") -> dict[str, Any]:
    return given.read_event(function, case)


def _a_place_that_was_left() -> dict[str, Any]:
    """A join when there may be room, but not for certain: the line is read."""
    places = [given.enter(str(number)) for number in range(2)]
    place.end(CONCERT, places[1].turn.number)
    tick.tick(CONCERT)
    memory.forget()
    return event("issue_queue_token")


def _full_house() -> dict[str, Any]:
    for number in range(2):
        given.enter(str(number))
    return event("issue_queue_token")


def _a_join_that_died() -> dict[str, Any]:
    write(update(settings().queue_table, items.counter_key(CONCERT), "ADD #issued :one", None, one=1))
    line.take_place(CONCERT, OTHER, clock.now() - 8)
    return {"concertId": CONCERT, "scheduled": False}


def _two_queues_in_use() -> dict[str, Any]:
    for concert in (CONCERT, "winter-prelude"):
        line.take_place(concert, USER, clock.now())
    return {}


def _late_waiting_token() -> dict[str, Any]:
    sent = event("poll_queue_token")
    turn = token.verify(sent["headers"]["x-queue-token"], user_id=USER, at=clock.now())
    late = token.Turn(turn.concert_id, turn.user_id, turn.number, active=False, expires_at=clock.now() + 1)
    sent["headers"]["x-queue-token"] = token.sign(late)
    return sent


def _active_token() -> dict[str, Any]:
    sent = event("poll_queue_token")
    sent["headers"]["x-queue-token"] = token.sign(given.enter(USER, "winter-prelude").turn)
    sent["pathParameters"]["concertId"] = "winter-prelude"
    sent["rawPath"] = sent["rawPath"].replace(CONCERT, "winter-prelude")
    sent["requestContext"]["http"]["path"] = sent["rawPath"]
    return sent


def _at_the_lobby(function: str, *, drawn: bool = False) -> Callable[[], dict[str, Any]]:
    """Turn an event to a concert whose lobby is open, or drawn with this fan second of two."""

    def scenario() -> dict[str, Any]:
        concert_id = given.concert_with_a_lobby(closed=drawn)
        fan = USER
        if drawn:
            concert, opened = catalog.find_concert(concert_id, clock.now()), clock.now() - clock.DAY + 1
            lobby.enter(concert, OTHER, opened, now=lambda: opened)
            drawing.draw_lobby(concert_id)
            memory.forget()
            fan = next(each for each in (USER, OTHER) if lobby.number_of(concert_id, each, clock.now()) == 2)
            queue = items.queue_key(concert_id)
            write(update(settings().queue_table, queue, "SET #capacity = :one", None, one=1))
        memory.forget()
        sent = event(function)
        sent["pathParameters"]["concertId"] = concert_id
        sent["rawPath"] = sent["rawPath"].replace(CONCERT, concert_id)
        sent["requestContext"]["http"]["path"] = sent["rawPath"]
        sent["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = fan
        place = token.Turn(concert_id, fan, token.LOBBY, active=False, expires_at=clock.now() + 60)
        sent["headers"]["x-queue-token"] = token.sign(place)
        return sent

    return scenario


def _paying() -> dict[str, Any]:
    points.charge(USER, 50_000, "enough", clock.now())
    return event("start_payment")


def _asked_again() -> dict[str, Any]:
    sent = event("reserve_seats")
    call("reserve_seats", sent)
    return sent


def _making_room() -> dict[str, Any]:
    sent = event("reserve_seats", "seat_limit_exceeded")
    table, then = settings().reservations_table, clock.now() - 1
    limit = limits.read(USER, given.PERFORMANCE)
    [name] = limit["holds"]
    for key, expression in [
        ({"userId": USER, "reservationId": name}, "SET #expiresAt = :then"),
        ({"userId": USER, "reservationId": limit["reservationId"]}, f"SET #holds.#{name}.#until = :then"),
    ]:
        write(update(table, key, expression, None, then=then))
    return sent


def _in_a_hall(function: str, seats: int = 601) -> Callable[[], dict[str, Any]]:
    """Put the date of an event in a hall, a large one by default."""

    def scenario() -> dict[str, Any]:
        date = {"pk": CONCERT, "sk": given.PERFORMANCE.split(".")[1]}
        write(update(settings().catalog_table, date, "SET #hallVersion = :v, #seatsTotal = :n", None, v="v", n=seats))
        given.put_hall("v", seats)
        return event(function)

    return scenario


def _a_party_in_a_large_hall() -> dict[str, Any]:
    sent = _in_a_hall("reserve_seats")()
    sent["headers"]["idempotency-key"] = "a party"
    return sent | {"body": json.dumps({"performanceId": given.PERFORMANCE, "quantity": 2})}


def _a_line_for_a_large_hall() -> dict[str, Any]:
    _in_a_hall("list_seats")()
    line.take_place(CONCERT, USER, clock.now())
    return {"concertId": CONCERT, "scheduled": False}


def _a_section() -> dict[str, Any]:
    sent = _in_a_hall("list_seats")()
    return sent | {"queryStringParameters": {"section": "from-1"}}


def _using() -> dict[str, Any]:
    points.charge(USER, 50_000, "enough", clock.now())
    return event("use_points")


def _left_behind() -> dict[str, Any]:
    points.charge(USER, 50_000, "enough", clock.now())
    payment = payments.start(USER, given.hold(USER, [9]), "left", clock.now()).payment
    payments.use_points(payment, clock.now())
    key = {"paymentId": payment["paymentId"]}
    write(update(settings().payments_table, key, "SET #openSince = :then", None, then=1))
    return {}


def _never_started() -> dict[str, Any]:
    points.charge(USER, 50_000, "enough", clock.now())
    payment = payments.start(USER, given.hold(USER, [9]), "not started", clock.now()).payment
    key = {"paymentId": payment["paymentId"]}
    write(update(settings().payments_table, key, "SET #openSince = :then", None, then=clock.now() - 60))
    return {}


def _a_payment_left_behind() -> dict[str, Any]:
    _left_behind()
    return event("list_sales")


def _a_seat_sold_before_seats_said_their_price() -> dict[str, Any]:
    _booked(9)
    seat = {"performanceId": given.PERFORMANCE, "seatNumber": 9}
    write(update(settings().seats_table, seat, "REMOVE #price"))
    return event("list_sales")


def _owing(seat: int = 9) -> dict[str, Any]:
    """A cancellation whose points were given back, but whose function died before it could say so."""
    payment = _booked(seat)
    name = cancellations.cancel(USER, payment["reservationId"], None, 12_000, "c", clock.now()).cancellation_id
    change = f"SET #cancellations.#{name}.#status = :owed, #refunding = :one, #openShard = :shard, #openSince = :one"
    key = {"paymentId": payment["paymentId"]}
    shard = payments.open_shard(payment["paymentId"])
    write(update(settings().payments_table, key, change, None, owed="REFUNDING", one=1, shard=shard))
    return {}


def _undoing_what_was_taken() -> dict[str, Any]:
    points.charge(USER, 50_000, "enough", clock.now())
    payment = payments.start(USER, given.hold(USER, [9]), "taken", clock.now()).payment
    payments.use_points(payment, clock.now())
    payments.unlock_hold(payment, [], {"code": "TEMPORARILY_UNAVAILABLE"}, clock.now())
    return {"step": "RefundPoints", "state": {"payment": payment}}


def _called_off_with_everything() -> dict[str, Any]:
    """A date with a booking, a hold and a booking that was given back; its workflow is there to be started."""
    name = CALLING_OFF.rpartition(":")[2]
    machine = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    boto3.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(machine), roleArn="arn:aws:iam::123456789012:role/test"
    )
    for seat in (8, 9):
        payment = _booked(seat)
    given.hold(USER, [7])
    cancellations.call_off(USER, payment["reservationId"], clock.now())
    code = calling_off.survey(given.PERFORMANCE, clock.now())["code"]
    return {"performanceId": given.PERFORMANCE, "action": "begin", "code": code, "by": BY}


def _called_off_by_an_organiser() -> dict[str, Any]:
    sent = event("start_calling_off")
    return sent | {"body": json.dumps({"confirm": _called_off_with_everything()["code"]})}


def _with_everything(function: str, case: str = "ok") -> Callable[[], dict[str, Any]]:
    """Give the date of an event a booking of the time before seats said their price, and one that is given back."""

    def scenario() -> dict[str, Any]:
        _called_off_with_everything()
        _owing(10)
        seat = {"performanceId": given.PERFORMANCE, "seatNumber": 8}
        write(update(settings().seats_table, seat, "REMOVE #price"))
        sent = event(function, case)
        sent.pop("queryStringParameters", None)
        return sent

    return scenario


def _a_date_that_is_no_longer_in_the_file() -> dict[str, Any]:
    """A concert with a date that has been off sale for long enough to go, and one in a hall of the file."""
    sent = event("publish_catalog")
    later = sent["body"].replace("salesOpenAt: 2026", "salesOpenAt: 2036")
    gone = later + "      - { label: gone, startsAt: 2037-06-01 19:00, price: 1 }\n"
    call("publish_catalog", sent | {"body": gone})
    key = {"pk": "night-sky", "sk": "gone"}
    off_sale = {"since": clock.now() - MEMORY_SECONDS, "until": clock.now() + CHANGING_SECONDS}
    write(update(settings().catalog_table, key, "SET #changing = :changing", None, changing=off_sale))
    hall = (
        "halls: [{ hallId: h, name: H, grades: [{ gradeId: r, name: R }], "
        "sections: [{ sectionId: s, name: S, grade: r, at: [0, 300], rows: [{ rows: A, seats: 9 }] }] }]\n"
    )
    held = "      - { label: held, startsAt: 2037-06-02 19:00, hall: h, prices: { r: 1 } }\n"
    return sent | {"body": hall + later + held}


def _bookings_with_more_seats_than_a_page() -> dict[str, Any]:
    """A booking whose other seat is on another page."""
    points.charge(USER, 50_000, "two", clock.now())
    payment = payments.start(USER, given.hold(USER, [1, 9]), "two seats", clock.now()).payment
    payments.confirm_booking(payment, payments.use_points(payment, clock.now()), clock.now())
    sent = event("list_bookings")
    after = cursor_of({"place": bookings.Place(5).text()}, "place")
    return sent | {"queryStringParameters": {"cursor": after}}


def _bookings_that_were_cancelled() -> dict[str, Any]:
    sent = event("list_bookings")
    after = cursor_of({"place": bookings.Place(0, "").text()}, "place")
    return sent | {"queryStringParameters": {"cursor": after}}


def _a_booking_to_clear() -> dict[str, Any]:
    _booked(9)
    catalog.mark(given.PERFORMANCE, "cancelled", clock.now())
    return {"performanceId": given.PERFORMANCE, "range": {"first": 1, "last": 50}}


def _booked(seat: int) -> payments.Payment:
    points.charge(USER, 50_000, f"for {seat}", clock.now())
    payment = payments.start(USER, given.hold(USER, [seat]), f"seat {seat}", clock.now()).payment
    payments.confirm_booking(payment, payments.use_points(payment, clock.now()), clock.now())
    return payment


def _a_hold_to_show() -> dict[str, Any]:
    sent = event("get_reservation")
    memory.forget()
    return sent


def _holds_to_list() -> dict[str, Any]:
    given.hold(USER, [9])
    memory.forget()
    return event("list_reservations")


def _a_lobby_to_draw() -> dict[str, Any]:
    given.concert_with_a_lobby(closed=True)
    return {}


SCENARIOS: dict[str, list[Callable[[], dict[str, Any]]]] = {
    "get_reservation": [_a_hold_to_show],
    "list_reservations": [_holds_to_list],
    "get_performance": [_in_a_hall("get_performance")],
    "get_layout": [_in_a_hall("get_layout")],
    "list_performances": [_in_a_hall("list_performances")],
    "list_sales": [
        _in_a_hall("list_sales"),
        _a_payment_left_behind,
        _a_seat_sold_before_seats_said_their_price,
    ],
    "list_seats": [_a_section, _in_a_hall("list_seats", 600)],
    "issue_queue_token": [
        _full_house,
        _a_place_that_was_left,
        _at_the_lobby("issue_queue_token"),
    ],
    "advance_queue": [_a_lobby_to_draw, _a_join_that_died, _two_queues_in_use, _a_line_for_a_large_hall],
    "poll_queue_token": [
        _late_waiting_token,
        _active_token,
        _at_the_lobby("poll_queue_token"),
        _at_the_lobby("poll_queue_token", drawn=True),
    ],
    "leave_queue": [_at_the_lobby("leave_queue")],
    "start_payment": [_paying],
    "reserve_seats": [_asked_again, _making_room, _a_party_in_a_large_hall],
    "use_points": [_using],
    "call_off_performance": [_called_off_with_everything, _with_everything("call_off_performance", "survey")],
    "start_calling_off": [_called_off_by_an_organiser, _with_everything("start_calling_off")],
    "get_calling_off": [_with_everything("get_calling_off")],
    "publish_catalog": [_a_date_that_is_no_longer_in_the_file],
    "list_bookings": [
        _with_everything("list_bookings"),
        _bookings_with_more_seats_than_a_page,
        _bookings_that_were_cancelled,
    ],
    "clear_seats": [_a_booking_to_clear],
    "settle_payment": [_left_behind, _never_started, _owing],
    "payment_steps": [_undoing_what_was_taken],
}
"""What the events alone do not make a function do."""


@pytest.mark.parametrize("function", functions())
def test_a_function_may_do_what_it_does_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    monkeypatch.setattr(driver, "DRIVE_SECONDS", 0)
    monkeypatch.setattr(payments, "WATCH_SECONDS", 0.3)
    recorder = Recorder(world)

    for case in (case for name, case in events() if name == function):
        recorder.begin()
        recorder.work(function, event(function, case))
    for prepare in SCENARIOS.get(function, []):
        recorder.begin()
        recorder.work(function, prepare())

    assert recorder.used == permissions_in_the_template(function)
