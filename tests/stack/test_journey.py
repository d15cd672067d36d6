"""The documented journey, over HTTP, against the deployed stack."""

import subprocess

from tests.stack.local_stack import ROOT, LocalStack


def test_the_demo_goes_as_documented(stack: LocalStack) -> None:
    """It books a concert of the demo's catalog: those of other tests have queues that let one fan in, or nobody."""
    command = [str(ROOT / "ost"), "demo", "clockwork-garden-tour", "--state", str(stack.state)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout + told.stderr
    assert "The journey went as documented." in told.stdout


def test_many_fans_come_in_and_hold_seats_at_once(stack: LocalStack) -> None:
    concert = stack.publish_concert(seats=20)
    fans = stack.fans(20)
    tokens = stack.at_once(lambda fan: stack.enter(fan, concert.concert_id), fans)

    answers = stack.at_once(
        lambda number: stack.call(
            fans[number],
            "POST",
            "/reservations",
            {"performanceId": concert.performance_id, "seatNumbers": [number + 1]},
            queue_token=tokens[number],
        ),
        list(range(20)),
    )

    assert [answer.status_code for answer in answers] == [201] * 20


def test_an_operator_pauses_a_queue_and_opens_it_again_without_a_deploy(stack: LocalStack) -> None:
    concert, fan = stack.publish_concert(), stack.fan()

    def queue(*arguments: str) -> str:
        command = [str(ROOT / "ost"), "queue", concert.concert_id, "--state", str(stack.state), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    queue("--capacity", "0")
    assert stack.join(fan, concert.concert_id)["status"] == "WAITING"
    shown = queue()
    queue("--capacity", "1")
    stack.enter(fan, concert.concert_id, seconds=20)

    assert [cell.strip() for cell in shown.splitlines()[4].strip("│").split("│")][:3] == ["1", "0", "0"]
