"""The tables as template.yaml has them, made in whatever cloud the environment points at."""

from typing import Any

import boto3

from lab.in_process import template


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of one type, by logical id, those of the nested stacks included."""
    found = template()["Resources"]
    for nested in [each["Properties"] for each in found.values() if each["Type"] == "AWS::CloudFormation::Stack"]:
        found = found | _with_arguments(template(nested["TemplateURL"])["Resources"], nested["Parameters"])
    return {name: each.get("Properties", {}) for name, each in found.items() if each["Type"] == kind}


def _with_arguments(node: Any, arguments: dict[str, Any]) -> Any:
    """Put what a nested stack is told in the place of its parameters."""
    if isinstance(node, list):
        return [_with_arguments(item, arguments) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Ref"} and node["Ref"] in arguments:
        return arguments[node["Ref"]]
    return {key: _with_arguments(value, arguments) for key, value in node.items()}


def variable_of(table: str) -> str:
    """Give the environment variable that names a table to the functions: `SeatsTable` is in `SEATS_TABLE`."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    return next(str(name) for name, value in variables.items() if value == {"Ref": table})


def timeout_of_the_functions() -> int:
    """Return the Timeout of a function that names none of its own, in seconds."""
    return int(template()["Globals"]["Function"]["Timeout"])


def create_tables() -> None:
    """Make every table of the template, named by its logical id, with its keys, indexes and TTL attribute."""
    client = boto3.client("dynamodb")
    for name, properties in resources("AWS::DynamoDB::Table").items():
        wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        client.create_table(TableName=name, **{key: properties[key] for key in wanted if key in properties})
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
