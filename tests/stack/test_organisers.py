"""What organisers do on the deployed stack, where policies are enforced, and whom it is refused to."""

import secrets
import time
from typing import Any

import pytest

from tests import answers
from tests.stack.local_stack import LocalStack
from tools.ost.fans import Fan, create_user, sign_in
from tools.ost.roles import Role, give_role

OF_ORGANISERS = sorted(
    (method, path) for method, path, _ in answers.operations().values() if path.startswith("/organiser/")
)
FILE = """\
concerts:
  - concertId: {name}
    title: Night Sky
    artist: The Ensemble
    venue: Hall, Seoul
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2037-05-01 18:00
    performances:
      - {{ label: first, startsAt: 2037-05-01 19:00, price: 1000, seatsTotal: 10 }}
      - {{ label: second, startsAt: 2037-05-02 19:00, price: 1000, seatsTotal: 10 }}
"""


def with_role(stack: LocalStack, role: Role) -> Fan:
    name, password = f"{role.value}-{secrets.token_hex(4)}", f"Aa1-{secrets.token_urlsafe(18)}"
    create_user(stack.cloud, name, password)
    give_role(stack.cloud, name, role)
    return sign_in(stack.cloud, name, password)


@pytest.fixture(scope="module")
def organiser(stack: LocalStack) -> Fan:
    return with_role(stack, Role.ORGANISER)


@pytest.mark.parametrize(("method", "path"), OF_ORGANISERS, ids=[" ".join(each) for each in OF_ORGANISERS])
def test_nobody_a_fan_staff_and_a_forged_token_are_refused(stack: LocalStack, method: str, path: str) -> None:
    fan = stack.fan()
    forged = Fan("forged", f"{fan.token.split('.')[0]}.{with_role(stack, Role.ORGANISER).token.split('.', 1)[1]}x")
    address = path.format(concertId="x", performanceId="x.y", reservationId="x")

    for caller, status in ((None, 401), (forged, 401), (fan, 403), (with_role(stack, Role.STAFF), 403)):
        answer = stack.call(caller, method, address, {} if method != "GET" else None)
        assert answer.status_code == status, caller


def publish(stack: LocalStack, organiser: Fan, text: str, dry_run: str = "false") -> Any:
    headers = {"Content-Type": "application/yaml"}
    path = f"/organiser/catalog?dryRun={dry_run}"
    return stack.call(organiser, "POST", path, headers=headers, content=text.encode())


def test_a_sale_is_run_from_publishing_to_calling_a_date_off(stack: LocalStack, organiser: Fan) -> None:
    name = f"sale-{secrets.token_hex(4)}"
    text, date = FILE.format(name=name), f"{name}.first"

    # publish
    wrong = publish(stack, organiser, text.replace("1000, seatsTotal: 10 }", "free }", 1))
    assert (wrong.status_code, wrong.json()["mistakes"][0]["line"]) == (409, 10)
    assert len(publish(stack, organiser, text, "true").json()["changes"]) == 3
    assert publish(stack, organiser, text).json()["applied"]

    # the line
    queue = f"/organiser/concerts/{name}/queue"
    paused = stack.call(organiser, "PUT", queue, {"paused": True, "message": "We are back at 20:15."})
    assert (paused.status_code, paused.json()["paused"]) == (200, True)
    fan = stack.fan()
    assert stack.join(fan, name)["message"] == "We are back at 20:15."
    assert stack.call(organiser, "PUT", queue, {"paused": False, "message": None}).status_code == 200

    # a booking
    token = stack.enter(fan, name)
    held = stack.call(
        fan, "POST", "/reservations", {"performanceId": date, "seatNumbers": [1, 2]}, queue_token=token
    ).json()
    stack.call(fan, "POST", "/points/charges", {"amount": 2000}, key="enough")
    paid = stack.call(fan, "POST", "/payments", {"reservationId": held["reservationId"]}, key="pay")
    assert paid.status_code in {201, 202}
    [booking] = _bookings(stack, organiser, date)
    assert (booking["name"], booking["seatNumbers"], booking["status"]) == (fan.name, [1, 2], "CONFIRMED")

    # all sales
    concert = _sale(stack, organiser, name)
    [first, _] = concert["performances"]
    assert (first["sold"], first["available"], first["points"]) == (2, 8, 2000)

    # one booking back
    path = f"/organiser/reservations/{held['reservationId']}/cancellation"
    quote = stack.call(organiser, "GET", f"{path}?userId={booking['userId']}&seatNumbers=2").json()
    body = {"userId": booking["userId"], "seatNumbers": [2], "expectedRefund": quote["refund"], "reason": "Ill."}
    assert stack.call(organiser, "POST", path, body, key="back").status_code in {201, 202}

    # the date called off
    path = f"/organiser/performances/{date}/cancellation"
    survey = stack.call(organiser, "POST", path, {"dryRun": True, "offSale": True}).json()
    assert (survey["seats"], survey["amount"]) == (1, 1000)
    assert stack.call(organiser, "POST", path, {"confirm": survey["code"]}).status_code == 202
    for _ in range(60):
        if (progress := stack.call(organiser, "GET", path).json())["status"] == "DONE":
            break
        time.sleep(0.5)
    assert (progress["status"], progress["refunded"], progress["left"]) == ("DONE", 1000, 0)

    # the log
    log = stack.call(organiser, "GET", f"/organiser/log?concertId={name}&limit=100").json()["items"]
    assert {entry["name"] for entry in log} == {organiser.name}
    assert sorted(entry["action"] for entry in log) == [
        "CATALOG_PUBLISHED",
        "PERFORMANCE_CALLED_OFF",
        "PERFORMANCE_OFF_SALE",
        "QUEUE_CHANGED",
        "QUEUE_CHANGED",
        "RESERVATION_CANCELLED",
    ]


def _bookings(stack: LocalStack, organiser: Fan, date: str) -> list[dict[str, Any]]:
    for _ in range(60):  # a payment may take longer than its request waits
        found = stack.call(organiser, "GET", f"/organiser/performances/{date}/bookings").json()["items"]
        if found:
            return list(found)
        time.sleep(0.5)
    return []


def _sale(stack: LocalStack, organiser: Fan, name: str) -> dict[str, Any]:
    cursor = ""
    while True:
        page = stack.call(organiser, "GET", f"/organiser/concerts?limit=100{cursor}").json()
        found = [each for each in page["items"] if each["concertId"] == name]
        if found or page["nextCursor"] is None:
            return dict(found[0])
        cursor = f"&cursor={page['nextCursor']}"
