"""What template.yaml has, made in whatever cloud the environment points at, and told to the functions."""

import re
from typing import TYPE_CHECKING, Any

import boto3

from lab.in_process import template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION, ACCOUNT = "us-east-1", "123456789012"


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


def environment(**parameters: str) -> dict[str, str]:
    """Return what the template tells every function in a stack called `test`, and no way to a real account.

    The stack's parameters are these, or as they are by default.
    """
    known = {name: str(parameter.get("Default", "")) for name, parameter in template()["Parameters"].items()}
    known |= {"AWS::StackName": "test", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
    known |= parameters
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {name: _resolved(value, known) for name, value in variables.items()} | {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def _resolved(value: Any, known: dict[str, str]) -> str:
    """Read a value of the template; a resource is known by its logical id."""
    match value:
        case {"Ref": name}:
            return known.get(str(name), str(name))
        case {"Fn::GetAtt": [name, *_]}:
            return str(name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(.+?)\}", lambda match: known.get(match[1], match[1]), text)
    return str(value)


def timeout_of_the_functions() -> int:
    """Return the Timeout of a function that names none of its own, in seconds."""
    return int(template()["Globals"]["Function"]["Timeout"])


def deploy() -> None:
    """Make every table and secret of the template, named by its logical id."""
    for name in resources("AWS::SecretsManager::Secret"):
        version = name.ljust(32, "-")  # after which keys are named: the same ones in every run
        boto3.client("secretsmanager").create_secret(Name=name, SecretString="k" * 64, ClientRequestToken=version)
    create(boto3.client("dynamodb"))


def create(client: "DynamoDBClient") -> list[str]:
    """Make every table of the template; return their names."""
    found = resources("AWS::DynamoDB::Table")
    for name, properties in found.items():
        wanted: Any = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        client.create_table(TableName=name, **{key: properties[key] for key in wanted if key in properties})
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    return list(found)
