"""A date of three hundred tickets is called off on the deployed stack, with deaths on the way; a fan changes plans."""

import re
import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest

from booking import catalog, clock, points
from lab.calling_off import book
from tests.conftest import forget_everything
from tests.stack.local_stack import ROOT, LocalStack
from tests.stack.test_payments import ended, hold
from tools.ost.environment import function_environments
from tools.ost.fans import Fan

TICKETS = 300
PRICE = 10


@pytest.fixture
def inside(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be the stack's own code in this process, as its functions are."""
    for name, value in function_environments(stack.cloud)["ClearSeatsFunction"].items():
        monkeypatch.setenv(name, value)
    forget_everything()
    yield
    forget_everything()


def paid(stack: LocalStack, fan: Fan, performance: str, *seats: int) -> str:
    concert = performance.split(".", maxsplit=1)[0]
    stack.call(fan, "POST", "/points/charges", {"amount": PRICE * len(seats)}, key=f"charge {seats}")
    token = stack.enter(fan, concert)
    body = {"performanceId": performance, "seatNumbers": list(seats)}
    held = stack.call(fan, "POST", "/reservations", body, queue_token=token).json()
    name = str(held["reservationId"])
    answer = stack.call(fan, "POST", "/payments", {"reservationId": name}, key=f"pay {seats}")
    assert ended(stack, fan, answer.json()["paymentId"])["status"] == "COMPLETED"
    return name


def ost(stack: LocalStack, *words: str, status: int = 0) -> str:
    command = [str(ROOT / "ost"), "cancel-performance", *words, "--state", str(stack.state)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == status, told.stdout + told.stderr
    return told.stdout + told.stderr


def test_a_fan_cancels_half_then_the_rest_and_the_points_come_back(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(price=PRICE), stack.fan()
    name = paid(stack, fan, concert.performance_id, 1, 2)
    path = f"/reservations/{name}/cancellation"

    quote = stack.call(fan, "GET", path, params={"seatNumbers": "2"}).json()
    assert (quote["paid"], quote["fee"], quote["refund"]) == (PRICE, 0, PRICE)
    half = stack.call(fan, "POST", path, {"seatNumbers": [2], "expectedRefund": PRICE}, key="half")
    assert (half.status_code, half.json()["status"], half.json()["balance"]) == (201, "COMPLETED", PRICE)
    rest = stack.call(fan, "POST", path, {"expectedRefund": PRICE}, key="rest")
    assert (rest.status_code, rest.json()["seatNumbers"], rest.json()["balance"]) == (201, [1], 2 * PRICE)
    shown = stack.call(fan, "GET", f"/reservations/{name}").json()
    assert (shown["status"], shown["refunded"], shown["cancelledBy"]) == ("CANCELLED", 2 * PRICE, "FAN")
    assert hold(stack, stack.fan(), concert, 1)["status"] == "HELD"


@pytest.mark.usefixtures("inside")
def test_three_hundred_tickets_come_back_whatever_dies(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(price=PRICE, seats=TICKETS), stack.fan()
    date = concert.performance_id
    name = paid(stack, fan, date, 1, 2)
    performance, at = catalog.read_performance(date), clock.now()
    fans = [str(uuid.uuid4()) for _ in range(3, TICKETS + 1, 2)]
    for number, user in enumerate(fans):
        book(performance, user, [3 + 2 * number, 4 + 2 * number], at)

    shown = ost(stack, date, "--dry-run", "--off-sale")
    assert f"{TICKETS * PRICE:,}" in shown
    code = re.search(r"--confirm ([a-z2-7]{6})", shown)
    assert code
    ost(stack, date, "--confirm", "zzzzzz", status=1)
    ost(stack, date, "--status", status=1)

    functions, steps = stack.cloud.client("lambda"), stack.cloud.client("stepfunctions")
    clear = stack.cloud.outputs["ClearSeatsFunctionName"]
    functions.update_function_configuration(FunctionName=clear, Timeout=1)  # every range dies in the middle
    ost(stack, date, "--confirm", code[1])
    time.sleep(3)
    for running in steps.list_executions(
        stateMachineArn=stack.cloud.outputs["CallingOffWorkflowArn"], statusFilter="RUNNING"
    )["executions"]:
        steps.stop_execution(executionArn=running["executionArn"])
    functions.update_function_configuration(FunctionName=clear, Timeout=60)
    ost(stack, date, "--status", status=1)

    again = re.search(r"--confirm ([a-z2-7]{6})", ost(stack, date, "--dry-run"))
    assert again
    ost(stack, date, "--confirm", again[1])
    for _ in range(120):
        told = subprocess.run(
            [str(ROOT / "ost"), "cancel-performance", date, "--status", "--state", str(stack.state)],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0:
            break
        time.sleep(1)

    assert "nothing left" in told.stdout
    assert f"{TICKETS * PRICE:,}" in told.stdout + told.stderr
    assert {points.balance(user) for user in fans} == {2 * PRICE}
    back = stack.call(fan, "GET", f"/reservations/{name}").json()
    assert (back["status"], back["refunded"], back["cancelledBy"]) == ("CANCELLED", 2 * PRICE, "ORGANISER")
    assert stack.call(fan, "GET", "/points").json() == {"balance": 2 * PRICE}
    body = {"performanceId": date, "seatNumbers": [1]}
    token = stack.enter(fan, concert.concert_id)
    refused = stack.call(fan, "POST", "/reservations", body, queue_token=token)
    assert (refused.status_code, refused.json()["code"]) == (409, "PERFORMANCE_CANCELLED")
