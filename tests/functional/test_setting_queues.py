"""An organiser sets a queue; waiting fans are told, and the log knows who did it."""

from typing import Any

import pytest

from booking import audit_log, clock
from booking.queue import control, items
from tests.faults import Fault, kinds_for
from tests.world import CONCERT, Answer, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}


def put_queue(world: World, body: Any, concert: str = CONCERT) -> Answer:
    return world.ask("set_queue", "olga", body, claims=ORGANISER, concertId=concert)


def log(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.call("list_log", "olga", claims=ORGANISER, query=query)
    assert answer.status == 200, answer
    return list(answer.body["items"])


def test_a_message_is_told_to_those_who_wait_until_it_is_taken_back(world: World) -> None:
    world.enter("ann"), world.enter("bob")
    waiting = world.join("eve")
    assert (waiting["status"], waiting["message"]) == ("WAITING", None)

    assert put_queue(world, {"paused": True, "message": "We are back at 20:15."}).status == 200
    world.time.sleep(2)
    told = world.poll("eve", waiting["token"])
    put_queue(world, {"message": None})
    world.time.sleep(2)

    assert (told["message"], told["paused"], told["saleStatus"]) == ("We are back at 20:15.", True, "PAUSED")
    assert world.poll("eve", told["token"])["message"] is None


def test_a_pause_lets_nobody_in_and_opening_again_is_as_before(world: World) -> None:
    put_queue(world, {"capacity": 1})
    assert put_queue(world, {"paused": True}).body["capacity"] == 1
    world.time.sleep(1)
    view = world.join("ann")
    world.tick()
    world.time.sleep(2)
    assert world.poll("ann", view["token"])["status"] == "WAITING"

    answer = put_queue(world, {"paused": False})
    world.tick()
    world.time.sleep(2)

    assert (answer.body["concertId"], answer.body["capacity"], answer.body["paused"]) == (CONCERT, 1, False)
    assert world.poll("ann", view["token"])["status"] == "ACTIVE"


def test_a_tick_that_has_read_the_queue_before_a_pause_lets_nobody_in_after_it(world: World) -> None:
    put_queue(world, {"paused": True})
    view = world.join("ann")
    put_queue(world, {"paused": False})

    def pause(number: int, operation: str) -> None:
        if operation == "dynamodb.Query":
            world.wire.observe = None
            put_queue(world, {"paused": True})

    world.wire.observe = pause
    world.tick()
    world.time.sleep(2)

    assert world.poll("ann", view["token"])["status"] == "WAITING"


def test_every_change_is_in_the_log_with_who_when_and_what_it_was(world: World) -> None:
    put_queue(world, {"capacity": 5})
    world.time.sleep(60)
    put_queue(world, {"capacity": 7, "paused": True, "message": "Soon."})

    newest, first = log(world)

    assert (first["action"], first["concertId"], first["userId"], first["name"]) == (
        "QUEUE_CHANGED",
        CONCERT,
        "olga",
        "minji",
    )
    assert first["details"] == {"before": {"capacity": None}, "after": {"capacity": 5}}
    assert newest["at"] == clock.rfc3339(clock.now())
    assert newest["details"] == {
        "before": {"capacity": 5, "paused": False, "message": None},
        "after": {"capacity": 7, "paused": True, "message": "Soon."},
    }


def test_changes_within_a_second_are_in_the_log_in_their_order(world: World) -> None:
    for capacity in range(1, 8):
        world.time.sleep(0.01)
        put_queue(world, {"capacity": capacity})

    assert [each["details"]["after"]["capacity"] for each in log(world)] == [7, 6, 5, 4, 3, 2, 1]


def test_what_is_so_already_changes_nothing_and_is_not_logged(world: World) -> None:
    for _ in range(3):
        assert put_queue(world, {"capacity": 5, "message": None, "paused": False}).status == 200

    assert len(log(world)) == 1


def test_nothing_else_of_a_queue_is_touched(world: World) -> None:
    queue = {"admitted": 12, "low": 3, "closed": "SOLD_OUT"}
    world.put("queue", {**items.queue_key(CONCERT), **queue})

    put_queue(world, {"capacity": 0, "message": "x"})
    put_queue(world, {"message": None})

    [item] = [each for each in world.items("queue") if each["sk"] == "QUEUE"]
    assert item == {**items.queue_key(CONCERT), **queue, "capacity": 0, "revision": 2}


def test_opening_while_nobody_may_be_in_is_refused(world: World) -> None:
    put_queue(world, {"capacity": 0})

    answer = put_queue(world, {"paused": False})

    assert (answer.code, answer.body["errors"][0]["field"]) == ("VALIDATION_FAILED", "paused")
    assert put_queue(world, {"paused": False, "capacity": 3}).body["paused"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"capacity": -1},
        {"capacity": 100_001},
        {"capacity": "5"},
        {"capacity": True},
        {"capacity": None},
        {"paused": "yes"},
        {"paused": None},
        {"message": ""},
        {"message": "x" * 201},
        {"message": "two\nlines"},
        {"message": 7},
        [],
        "",
        "{",
    ],
    ids=str,
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(world: World, body: Any) -> None:
    answer = world.call("set_queue", "olga", body, claims=ORGANISER, concertId=CONCERT)

    assert (answer.status, answer.code) == (400, "VALIDATION_FAILED")
    assert log(world) == []
    assert [each for each in world.items("queue") if each["sk"] == "QUEUE"] == []


def test_two_organisers_at_once_are_both_heard_one_after_the_other(world: World) -> None:
    def interfere(number: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            control.change(CONCERT, {"capacity": 9}, audit_log.Actor("oskar", "oskar"), clock.now())

    world.wire.observe = interfere
    put_queue(world, {"capacity": 5, "message": "Hello."})

    mine, theirs = sorted(log(world), key=lambda each: each["name"])
    assert theirs["details"] == {"before": {"capacity": None}, "after": {"capacity": 9}}
    assert mine["details"] == {
        "before": {"capacity": 9, "message": None},
        "after": {"capacity": 5, "message": "Hello."},
    }


def test_whatever_happens_to_a_call_there_is_one_change_and_one_entry(world: World) -> None:
    beginning = world.snapshot()
    put_queue(world, {"paused": True, "message": "Soon."})
    operations = [*world.wire.calls]

    for number, operation in enumerate(operations):
        for kind in kinds_for(operation):
            world.begin(beginning)
            world.wire.set(Fault(kind, number))
            answer = put_queue(world, {"paused": True, "message": "Soon."})
            world.wire.set(None)
            world.wire.deliver_late()
            assert answer.status == 200, (kind, operation, answer)
            world.new_process()
            [item] = [each for each in world.items("queue") if each["sk"] == "QUEUE"]
            assert (item["paused"], item["message"], item["revision"]) == (True, "Soon.", 1), (kind, operation)
            assert len(log(world)) == 1, (kind, operation)


def test_the_log_is_read_page_by_page_and_for_one_concert(world: World) -> None:
    world.publish("opera", {"one": {}})
    for capacity in range(1, 4):
        world.time.sleep(1)
        put_queue(world, {"capacity": capacity})
        put_queue(world, {"capacity": capacity}, "opera")

    seen, cursor = [], None
    while True:
        query = {"limit": "4", "concertId": "opera"} | ({"cursor": cursor} if cursor else {})
        answer = world.call("list_log", "olga", claims=ORGANISER, query=query).body
        seen += [each["details"]["after"]["capacity"] for each in answer["items"]]
        if (cursor := answer["nextCursor"]) is None:
            break

    assert seen == [3, 2, 1]
    assert len(log(world)) == 6


@pytest.mark.parametrize("cursor", ["QQ", "LOG", "x" * 300, "ZQ", "%"])
def test_a_cursor_that_the_log_did_not_give_is_refused(world: World, cursor: str) -> None:
    answer = world.call("list_log", "olga", claims=ORGANISER, query={"cursor": cursor})

    assert (answer.status, answer.code) == (400, "VALIDATION_FAILED")
