"""Tickets and the door: who may scan, what a code is worth, and what scans mean, whatever is repeated or lost."""

import base64
import json
from collections import Counter
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from booking import aws, check_ins, clock, keys, payments, seats, signatures, tickets
from booking.dynamodb import put, query_all, write
from booking.keys import Keys
from booking.settings import settings
from tests.functional import world
from tests.functional.world import OTHER, PERFORMANCE, USER
from tests.handlers import call, event_text

ANOTHER_DATE = "winter-prelude.2036-05-10"
AT = "2036-05-10T09:30:00Z"


@pytest.fixture(autouse=True)
def _world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    monkeypatch.setattr(payments, "run_workflow", lambda payment: None)


def ask(
    function: str,
    *,
    groups: Any = "[staff]",
    user: str = USER,
    body: Any = None,
    **path: str,
) -> tuple[int, Any]:
    event = json.loads(event_text(function, "forbidden" if function != "list_tickets" else "reservation_not_found"))
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    claims["sub"] = user
    if groups is not None:
        claims["cognito:groups"] = groups
    event["pathParameters"] |= path
    raw = event["requestContext"]["routeKey"].split(" ")[1]
    for name, value in event["pathParameters"].items():
        raw = raw.replace(f"{{{name}}}", value)
    event["rawPath"] = event["requestContext"]["http"]["path"] = raw
    event["body"] = json.dumps(body) if body is not None else None
    answer = call(function, event)
    return answer["statusCode"], json.loads(answer["body"])


def bought(user: str = USER, seat: int = 9) -> dict[str, Any]:
    """Buy a seat and return its ticket."""
    reservation = world.bought(user, seat)
    status, answer = ask("list_tickets", user=user, groups=None, reservationId=reservation)
    assert status == 200
    (ticket,) = answer["items"]
    return cast(dict[str, Any], ticket)


def scan(code: str, scan_id: str = "1", device: str = "door-1", at: str = AT, **more: Any) -> dict[str, Any]:
    body = {"deviceId": device, "scans": [{"scanId": scan_id, "code": code, "at": at}]}
    status, answer = ask("record_check_ins", body=body, **{"performanceId": PERFORMANCE} | more)
    assert status == 200, answer
    (result,) = answer["results"]
    return cast(dict[str, Any], result)


def recorded() -> list[Any]:
    return query_all(settings().check_ins_table, "#performanceId = :performance", performance=PERFORMANCE)


@pytest.mark.parametrize("function", ["record_check_ins", "get_guest_list"])
@pytest.mark.parametrize(
    "groups",
    [None, "", "[]", "[organiser]", "[staff-of-another-house]", "[STAFF]", "staffstaff", ["organiser"], {"staff": 1}],
    ids=str,
)
def test_door_is_for_staff_only(function: str, groups: Any) -> None:
    body = {"deviceId": "door-1", "scans": [{"scanId": "1", "code": "x", "at": AT}]}

    status, problem = ask(function, groups=groups, body=body, performanceId=PERFORMANCE)

    assert (status, problem["code"]) == (403, "FORBIDDEN")
    assert not recorded()


@pytest.mark.parametrize(
    "groups", ["[staff]", "[organiser staff]", "[organiser, staff]", "staff", ["x", "staff"]], ids=str
)
def test_groups_are_read_as_api_gateway_and_the_local_cloud_write_them(groups: Any) -> None:
    status, _ = ask("get_guest_list", groups=groups, performanceId=PERFORMANCE)

    assert status == 200


def test_each_seat_that_is_paid_for_has_a_ticket_that_the_public_key_proves() -> None:
    reservation = world.bought(USER, 9)

    status, answer = ask("list_tickets", groups=None, reservationId=reservation)

    assert status == 200
    (ticket,) = answer["items"]
    assert (ticket["seatNumber"], len(ticket["code"]) < 200) == (9, True)
    signed, _, signature = ticket["code"].rpartition(":")
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(answer["publicKey"] + "="))
    key.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
    assert PERFORMANCE in signed
    assert ticket["ticketId"] in signed
    assert USER not in ticket["code"]


def test_seats_that_are_only_held_and_anothers_reservation_have_no_tickets() -> None:
    held = world.hold(USER, [9])

    assert ask("list_tickets", groups=None, reservationId=held)[1]["items"] == []
    assert ask("list_tickets", groups=None, user=OTHER, reservationId=held)[0] == 404


def test_first_scan_admits_and_every_other_is_told_of_it() -> None:
    ticket = bought()

    first = scan(ticket["code"], "1", "door-1", "2036-05-10T09:30:00Z")
    second = scan(ticket["code"], "2", "door-1", "2036-05-10T09:31:00Z")
    elsewhere = scan(ticket["code"], "1", "door-2", "2036-05-10T09:32:00+00:00")

    told = {"at": "2036-05-10T09:30:00Z", "deviceId": "door-1"}
    assert (first["outcome"], first["first"], first["seatNumber"]) == ("ADMITTED", told, 9)
    assert (second["outcome"], second["first"]) == ("ALREADY", told)
    assert (elsewhere["outcome"], elsewhere["first"]) == ("ALREADY", told)
    assert len(recorded()) == 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first door first", "second door first"])
def test_two_doors_that_were_offline_are_one_admission_and_one_told_whose_it_was(order: tuple[int, int]) -> None:
    ticket = bought()
    doors = ["door-1", "door-2"]

    outcomes = [scan(ticket["code"], "1", doors[which]) for which in order]

    assert [result["outcome"] for result in outcomes] == ["ADMITTED", "ALREADY"]
    assert {result["first"]["deviceId"] for result in outcomes} == {doors[order[0]]}


def test_scan_that_is_sent_again_means_what_it_meant_and_is_recorded_once() -> None:
    ticket = bought()

    results = [scan(ticket["code"]) for _ in range(3)]

    assert results == [results[0]] * 3
    assert results[0]["outcome"] == "ADMITTED"
    assert len(recorded()) == 1


def test_scan_sent_again_with_another_code_stays_the_scan_that_it_was() -> None:
    ours, theirs = bought(USER, 9), bought(OTHER, 10)

    scan(ours["code"])
    again = scan(theirs["code"])

    assert (again["outcome"], again["ticketId"]) == ("ADMITTED", ours["ticketId"])
    assert scan(theirs["code"], "2")["outcome"] == "ADMITTED"


def test_ticket_of_another_date_is_told_apart_and_admits_nobody() -> None:
    code = tickets.code_of(tickets.ticket_of(ANOTHER_DATE, 9, "r-of-another-date"))

    assert scan(code)["outcome"] == "WRONG_DATE"


def test_ticket_of_a_seat_that_was_cancelled_or_sold_again_is_revoked() -> None:
    old = bought(USER, 9)
    seat = seats.read(PERFORMANCE, 9)
    assert seat is not None

    aws.client("dynamodb").delete_item(
        TableName=settings().seats_table, Key={"performanceId": {"S": PERFORMANCE}, "seatNumber": {"N": "9"}}
    )
    free = scan(old["code"], "1")
    new = bought(OTHER, 9)

    assert free["outcome"] == "REVOKED"
    assert scan(old["code"], "2")["outcome"] == "REVOKED"
    assert new["ticketId"] != old["ticketId"]
    assert scan(new["code"], "3")["outcome"] == "ADMITTED"
    assert scan(old["code"], "4")["outcome"] == "REVOKED"


def test_forged_or_damaged_codes_are_invalid_and_kept_as_seen() -> None:
    ticket = bought()
    parts = ticket["code"].split(":")
    forged = {
        "another seat": ":".join([*parts[:3], "10", *parts[4:]]),
        "another key": ":".join([parts[0], "00000000", *parts[2:]]),
        "another ticket": ":".join([*parts[:4], "t" + "a" * 20, parts[5]]),
        "no signature": ":".join(parts[:5]),
        "another signature": ":".join([*parts[:5], "A" * 86]),
        "a web address": "https://example.com/" + "x" * 4000,
        "nothing": "",
        "another script": "표" * 300,
    }

    results = {name: scan(code, name.replace(" ", "-")) for name, code in forged.items()}

    assert {result["outcome"] for result in results.values()} == {"INVALID"}
    assert {item["code"] for item in recorded()} == set(forged.values())
    assert scan(ticket["code"], "good")["outcome"] == "ADMITTED"


def test_two_hundred_scans_in_one_call_sent_twice_admit_each_guest_once() -> None:
    code = bought()["code"]
    rest = [tickets.code_of(tickets.ticket_of(PERFORMANCE, n, "nobody")) for n in range(20, 219)]
    body = {
        "deviceId": "door-1",
        "scans": [{"scanId": f"s{n}", "code": each, "at": AT} for n, each in enumerate([code, *rest])],
    }

    status, first = ask("record_check_ins", body=body, performanceId=PERFORMANCE)
    again = ask("record_check_ins", body=body, performanceId=PERFORMANCE)

    assert (status, first) == again
    assert [result["scanId"] for result in first["results"]] == [f"s{n}" for n in range(200)]
    assert Counter(result["outcome"] for result in first["results"]) == {"ADMITTED": 1, "REVOKED": 199}
    assert len(recorded()) == 200


@pytest.mark.parametrize("after", range(4))
def test_call_that_dies_after_any_of_its_writes_is_finished_by_the_same_call(after: int) -> None:
    codes = [bought(USER, 9)["code"], bought(OTHER, 10)["code"]]
    body = {
        "deviceId": "door-1",
        "scans": [{"scanId": f"s{n}", "code": code, "at": AT} for n, code in enumerate(codes)],
    }
    written = 0

    def die(model: Any, **_: Any) -> None:
        nonlocal written
        if model.name in {"PutItem", "UpdateItem"}:
            written += 1
            if written > after:
                raise EndpointConnectionError(endpoint_url="lost")

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb", die)
    assert ask("record_check_ins", body=body, performanceId=PERFORMANCE)[0] == 503
    events.unregister("before-call.dynamodb", die)

    status, answer = ask("record_check_ins", body=body, performanceId=PERFORMANCE)

    assert status == 200
    assert [result["outcome"] for result in answer["results"]] == ["ADMITTED", "ADMITTED"]
    assert len(recorded()) == 2


def test_the_last_second_that_can_be_written_is_a_time_and_one_after_it_breaks_no_guest_list() -> None:
    ticket = bought()
    assert scan(ticket["code"], at="9999-12-31T23:59:59Z")["first"]["at"] == "9999-12-31T23:59:59Z"
    seat = seats.read(PERFORMANCE, 9)
    assert seat is not None
    seat["admission"]["at"] += 60  # as it was taken once
    write(put(settings().seats_table, seat))

    status, listed = ask("get_guest_list", performanceId=PERFORMANCE)

    assert (status, listed["tickets"][0]["checkedInAt"]) == (200, "9999-12-31T23:59:59Z")


def test_a_batch_costs_at_most_one_read_and_two_writes_a_scan(calls: list[tuple[str, dict[str, Any]]]) -> None:
    code = bought()["code"]
    calls.clear()

    scan(code)

    about_the_scan = [name for name, request in calls if request["TableName"] != settings().catalog_table]
    assert Counter(about_the_scan) == {"PutItem": 1, "GetItem": 1, "UpdateItem": 1}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scans": []}, "scans"),
        ({"scans": [{"scanId": "1", "code": "x", "at": AT}] * 201}, "scans"),
        ({"scans": [{"scanId": "1", "code": "x" * 4297, "at": AT}]}, "scans.0.code"),
        ({"scans": [{"scanId": "1", "code": "x", "at": "yesterday"}]}, "scans.0.at"),
        ({"scans": [{"scanId": "1", "code": "x", "at": "2036-05-10T09:30:00"}]}, "scans.0.at"),
        ({"scans": [{"scanId": "1", "code": "x", "at": "0001-01-01T00:00:00Z"}]}, "scans.0.at"),
        ({"scans": [{"scanId": "1", "code": "x", "at": "9999-12-31T23:59:59-00:01"}]}, "scans.0.at"),
        ({"scans": [{"scanId": "1", "code": "x", "at": "2036-99-10T09:30:00Z"}]}, "scans.0.at"),
        ({"scans": [{"scanId": "a#b", "code": "x", "at": AT}]}, "scans.0.scanId"),
        ({"scans": [{"scanId": 1, "code": "x", "at": AT}]}, "scans.0.scanId"),
        ({"scans": "x"}, "scans"),
        ({"deviceId": ""}, "deviceId"),
        ({"deviceId": "a b"}, "deviceId"),
        ({"deviceId": None}, "deviceId"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else value,
)
def test_what_is_no_scan_is_refused_and_nothing_is_recorded(change: dict[str, Any], field: str) -> None:
    body = {"deviceId": "door-1", "scans": [{"scanId": "1", "code": "x", "at": AT}]} | change

    status, problem = ask("record_check_ins", body=body, performanceId=PERFORMANCE)

    assert (status, problem["errors"][0]["field"]) == (400, field)
    assert not recorded()


def test_guest_list_names_every_ticket_who_has_come_and_what_was_revoked() -> None:
    here, away = bought(USER, 9), bought(OTHER, 10)
    scan(here["code"])
    of = {"performanceId": PERFORMANCE, "userId": USER, "reservationId": "r-cancelled"}
    for _ in range(2):
        write(check_ins.revoke(of, 11, 12_000, 12_000, clock.now()))

    status, answer = ask("get_guest_list", performanceId=PERFORMANCE)

    assert status == 200
    gone = tickets.ticket_of(PERFORMANCE, 11, "r-cancelled").ticket_id
    assert answer["tickets"] == [
        {"ticketId": here["ticketId"], "seatNumber": 9, "revoked": False, "checkedInAt": AT},
        {"ticketId": away["ticketId"], "seatNumber": 10, "revoked": False},
        {"ticketId": gone, "seatNumber": 11, "revoked": True},
    ]
    assert {key["keyId"]: key["publicKey"] for key in answer["publicKeys"]} == signatures.public_keys()


def test_ticket_outlives_one_rotation_of_the_key() -> None:
    ticket = bought()
    aws.client("secretsmanager").put_secret_value(SecretId="SigningKeySecret", SecretString="t" * 64)
    keys.forget()

    assert len(signatures.public_keys()) == 2
    assert scan(ticket["code"])["outcome"] == "ADMITTED"
    assert bought(OTHER, 10)["code"].split(":")[1] != ticket["code"].split(":")[1]


def test_ticket_of_a_key_that_was_rotated_in_a_moment_ago_lets_in_and_forged_ones_cost_a_door_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert scan(bought()["code"])["outcome"] == "ADMITTED"
    aws.client("secretsmanager").put_secret_value(SecretId="SigningKeySecret", SecretString="t" * 64)
    with monkeypatch.context() as another_process:
        another_process.setattr("booking.signatures._keys", Keys(lambda: settings().signing_key_secret_arn))
        code = bought(OTHER, 10)["code"]

    assert scan(code, "2")["outcome"] == "ADMITTED"

    looks: list[object] = []
    aws.client("secretsmanager").meta.events.register("before-call", lambda **_: looks.append(1))
    parts = code.split(":")
    for number in range(5):
        forged = ":".join([parts[0], f"0000000{number}", *parts[2:]])
        assert scan(forged, f"forged-{number}")["outcome"] == "INVALID"
    assert len(looks) <= 2
