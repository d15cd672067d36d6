"""What a deploy may never replace: CloudFormation would do it, say that it went well, and leave an empty table behind.

`last_release.json` says what holds data in the release that is deployed. What is new may be added to it; what is in it
may only be changed together with a way to move the data (docs/operations.md, "Restore a table").
"""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.in_process import template

LAST: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("last_release.json").read_text("utf-8"))
REPLACING = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema"),
    "AWS::Cognito::UserPool": ("UsernameConfiguration", "AliasAttributes", "UsernameAttributes", "Schema"),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::Serverless::StateMachine": ("Name", "Type"),
}
"""The properties of each type whose change makes CloudFormation replace the resource."""


def kept() -> dict[str, dict[str, Any]]:
    """Return what would be replaced by which change, by logical id."""
    found = {}
    for name, resource in template()["Resources"].items():
        if resource["Type"] in REPLACING:
            properties = {key: resource["Properties"].get(key) for key in REPLACING[resource["Type"]]}
            if resource["Type"] == "AWS::DynamoDB::Table":
                keys = {key["AttributeName"] for key in properties["KeySchema"]}
                defined = resource["Properties"]["AttributeDefinitions"]
                properties["Keys"] = [each for each in defined if each["AttributeName"] in keys]
            found[name] = {"Type": resource["Type"], **properties}
    return found


@pytest.mark.parametrize("name", LAST)
def test_what_holds_data_is_not_replaced(name: str) -> None:
    assert kept().get(name) == LAST[name]


def test_what_holds_data_is_known_to_the_next_release() -> None:
    """A new table belongs into `last_release.json`, so that the deploy after this one keeps it."""
    assert set(kept()) == set(LAST)
