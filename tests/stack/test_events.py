"""Every event works on a running stack once `make events` has filled in what is alive."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking.errors import CATALOGUE
from tests import answers
from tests.handlers import events
from tests.stack.local_stack import ROOT, LocalStack, local_stack


@pytest.fixture(scope="module")
def filled() -> Iterator[LocalStack]:
    """Start a stack of its own: what the events speak of is put into its tables, past the promises of the API."""
    with local_stack() as stack:
        command = ["make", "events", f"STATE={stack.state}"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        yield stack


def functions_of(stack: LocalStack) -> dict[str, str]:
    """Return the name of each function's deployed twin, by its folder."""
    deployed = stack.cloud.functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in deployed for each in page["Functions"]]
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    return {
        folder: next(name for name in names if folder.replace("_", "") in name.replace("-", "").lower())
        for folder in folders
    }


def test_every_event_works_as_it_is_on_a_running_stack(filled: LocalStack) -> None:
    names, wrong = functions_of(filled), []
    for function, case in events():
        payload = (Path(filled.state) / "events" / function / f"{case}.json").read_bytes()
        invoked: Any = filled.cloud.functions.invoke(FunctionName=names[function], Payload=payload)
        answer = json.loads(invoked["Payload"].read())
        if "FunctionError" in invoked:
            wrong.append(f"{function}/{case}: {answer}")
        elif function in answers.operations():
            code = json.loads(answer["body"] or "{}").get("code") if answer["statusCode"] >= 400 else "OK"
            if code != ("OK" if case == "ok" else CATALOGUE[case.upper()].code):
                wrong.append(f"{function}/{case}: {answer['statusCode']} {answer['body'][:200]}")

    assert wrong == []
