"""The specification, tried by Schemathesis on the deployed stack: each operation, and where its answers lead.

Every answer must be one that the specification names; what it allows is accepted, what it forbids is refused, and
nothing is a fault of ours. Deterministic, and bounded in examples: a minute and a half on two idle processors.
"""

import os
import re
import subprocess
import sys

from tests import answers
from tests.stack.local_stack import ROOT, LocalStack
from tools.ost import specification


def test_the_deployed_stack_is_what_the_specification_says(stack: LocalStack) -> None:
    concert = stack.publish_concert(seats=50, capacity=500)
    fans = stack.fans(30)
    for fan in fans[:2]:
        stack.call(fan, "POST", "/points/charges", {"amount": 1_000_000}, key="before")
    alive = {
        "FANS": " ".join(fan.token for fan in fans),
        "concertId": concert.concert_id,
        "performanceId": concert.performance_id,
    }
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/stack/schemathesis.toml"]
    run = ["run", str(specification.FILE), "--url", stack.url.rstrip("/")]

    told = subprocess.run(program + run, cwd=ROOT, env=os.environ | alive, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout[-6000:] + told.stderr[-2000:]
    tested = re.search(r"Tested: +(\d+)", told.stdout)
    assert tested
    assert int(tested[1]) == len(answers.operations())
