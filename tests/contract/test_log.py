"""Nobody can edit the log: what is put is put once, and no function may do anything else to it than put and read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from booking import audit_log
from booking.audit_log import Actor
from tests.tables import resources

ROOT = Path(__file__).parents[2]
READS = {"dynamodb:Query"}


def statements() -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, function in resources("AWS::Serverless::Function").items()
        for policy in function.get("Policies", [])
        for statement in policy["Statement"]
    ]


def actions(statement: dict[str, Any]) -> set[str]:
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def test_no_function_may_change_or_delete_what_is_in_the_log() -> None:
    allowed = {
        action for _, each in statements() if "LogTable" in json.dumps(each["Resource"]) for action in actions(each)
    }

    assert allowed <= {"dynamodb:PutItem"} | READS


def test_no_function_may_do_more_to_every_table_than_to_those_that_it_names() -> None:
    for name, statement in statements():
        for action in actions(statement):
            assert "*" not in action, name
            if action.startswith("dynamodb:"):
                assert "*" not in json.dumps(statement["Resource"]), name


def test_nothing_in_the_log_is_purged_by_time() -> None:
    assert "TimeToLiveSpecification" not in resources("AWS::DynamoDB::Table")["LogTable"]


def test_one_module_writes_the_log_and_it_never_writes_over_an_entry(environment: None) -> None:
    layer = ROOT / "layers" / "booking" / "python" / "booking"
    sources = [*layer.rglob("*.py"), *(ROOT / "functions").glob("*/app.py"), *(ROOT / "tools").rglob("*.py")]
    users = {path.name for path in sources if re.search(r"\blog_table\b", path.read_text("utf-8"))}
    entry = audit_log.entry(Actor("u", "n"), "QUEUE_CHANGED", "once", 1, about={}, details={})

    assert users == {"settings.py", "audit_log.py"}
    assert (entry.kind, entry.condition) == ("Put", "attribute_not_exists(#pk)")


@pytest.mark.parametrize("name", ["update", "delete", "check", "write", "transact"])
def test_the_module_of_the_log_has_no_other_verb(name: str) -> None:
    assert not hasattr(audit_log, name)
