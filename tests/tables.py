"""The tables as template.yaml has them, made in whatever cloud the environment points at."""

from typing import Any

import boto3

from lab.in_process import template


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Give the properties of the template's resources of one type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


def variable_of(table: str) -> str:
    """Give the environment variable that names a table to the functions: `SeatsTable` is in `SEATS_TABLE`."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    return next(str(name) for name, value in variables.items() if value == {"Ref": table})


def create_tables() -> None:
    """Make every table of the template, named by its logical id, with its keys, indexes and TTL attribute."""
    client = boto3.client("dynamodb")
    for name, properties in resources("AWS::DynamoDB::Table").items():
        wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        client.create_table(TableName=name, **{key: properties[key] for key in wanted if key in properties})
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
