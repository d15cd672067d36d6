"""What is deployed: a template as SAM hands it to CloudFormation, and as CloudFormation reads it with parameters."""

from copy import deepcopy
from functools import cache
from typing import Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from lab.in_process import template

ACCOUNT, REGION = "123456789012", "eu-west-1"
PACKAGED = ("CodeUri", "ContentUri", "DefinitionUri")
"""What `sam package` replaces with an address in a bucket."""


@cache
def processed(path: str = "template.yaml", **parameters: str) -> dict[str, Any]:
    """Return the template after SAM's transform; the caller changes nothing in it."""
    packaged = deepcopy(template(path))
    for resource in packaged["Resources"].values():
        for key in PACKAGED:
            if isinstance(resource.get("Properties", {}).get(key), str):
                resource["Properties"][key] = "s3://bucket/key"
    if "Transform" not in packaged:
        return packaged
    sam = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return dict(sam.translate(packaged, values(path, **parameters)))


def values(path: str = "template.yaml", **parameters: str) -> dict[str, str]:
    """Return the value of each parameter: what is given, or the default."""
    declared = template(path)["Parameters"]
    assert set(parameters) <= set(declared)
    return {name: str(each.get("Default", f"<{name}>")) for name, each in declared.items()} | parameters


def deployed(path: str = "template.yaml", **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the resources that a stack with these parameters has, conditions judged and parameters filled in."""
    whole = processed(path, **parameters)
    reading = Reading(values(path, **parameters), whole.get("Conditions", {}))
    return {
        name: reading.read({key: value for key, value in resource.items() if key != "Condition"})
        for name, resource in whole["Resources"].items()
        if "Condition" not in resource or reading.holds({"Condition": resource["Condition"]})
    }


class Reading:
    """CloudFormation's reading of a template. What refers to a resource stays as it is."""

    def __init__(self, values: dict[str, str], conditions: dict[str, Any]) -> None:
        self._values = values
        self._conditions = conditions

    def read(self, node: Any) -> Any:
        """Return a piece of the template with its parameters filled in and its conditions judged."""
        if isinstance(node, list):
            return [item for each in node if (item := self.read(each)) != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Ref"}:
            return self._values.get(node["Ref"], node)
        if set(node) == {"Fn::If"}:
            condition, then, otherwise = node["Fn::If"]
            return self.read(then if self.holds({"Condition": condition}) else otherwise)
        if set(node) == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
            text = node["Fn::Sub"]
            for name, value in self._values.items():
                text = text.replace(f"${{{name}}}", value)
            return text if "${" not in text else {"Fn::Sub": text}
        return {key: value for key, each in node.items() if (value := self.read(each)) != {"Ref": "AWS::NoValue"}}

    def holds(self, condition: dict[str, Any]) -> bool:
        """Judge a condition."""
        [(kind, argument)] = condition.items()
        match kind:
            case "Condition":
                return self.holds(self._conditions[argument])
            case "Fn::Equals":
                left, right = argument
                return str(self.read(left)) == str(self.read(right))
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(each) for each in argument)
            case "Fn::Or":
                return any(self.holds(each) for each in argument)
        raise AssertionError(f"a condition uses {kind}")


def watched(alarm: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the metrics that an alarm looks at: namespace, name and dimensions."""
    metrics = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return [
        (str(each["Namespace"]), each["MetricName"], {d["Name"]: d["Value"] for d in each.get("Dimensions", [])})
        for each in metrics or ([alarm] if "MetricName" in alarm else [])
    ]
