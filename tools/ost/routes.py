"""The routes that the local cloud does not make by itself.

SAM hands an HTTP API to CloudFormation as an OpenAPI body. API Gateway imports it; the local cloud keeps the API and
its stage and drops the body. So the body is read back from the processed template and made through API Gateway's own
calls: authorizers, integrations, routes, CORS. On AWS nothing of this runs.
"""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.ost.console import Failure

if TYPE_CHECKING:
    from tools.ost.stack import Stack

NO_VALUE = object()
"""What `AWS::NoValue` stands for: something that is not there."""
METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})


def create_routes(stack: "Stack") -> int:
    """Make what the body of the stack's HTTP API describes; return the number of routes. For a fresh API only."""
    api_id = stack.outputs["ApiId"]
    template = _processed_template(stack)
    body = template.resolve(template.resources["Api"]["Properties"]["Body"])
    gateway = stack.apigateway

    authorizers: dict[str, str] = {}
    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        authorizer = scheme.get("x-amazon-apigateway-authorizer")
        if authorizer:
            created = gateway.create_authorizer(
                ApiId=api_id,
                Name=name,
                AuthorizerType="JWT",
                IdentitySource=[authorizer["identitySource"]],
                JwtConfiguration={
                    "Issuer": authorizer["jwtConfiguration"]["issuer"],
                    "Audience": authorizer["jwtConfiguration"]["audience"],
                },
            )
            authorizers[name] = created["AuthorizerId"]

    routes = 0
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            described = operation["x-amazon-apigateway-integration"]
            integration = gateway.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationMethod=described["httpMethod"],
                IntegrationUri=described["uri"],
                PayloadFormatVersion=described["payloadFormatVersion"],
            )
            route_key, target = f"{method.upper()} {path}", f"integrations/{integration['IntegrationId']}"
            guard = next(
                (authorizers[n] for need in operation.get("security", []) for n in need if n in authorizers), None
            )
            if guard:
                gateway.create_route(
                    ApiId=api_id, RouteKey=route_key, Target=target, AuthorizationType="JWT", AuthorizerId=guard
                )
            else:
                gateway.create_route(ApiId=api_id, RouteKey=route_key, Target=target)
            routes += 1

    if cors := body.get("x-amazon-apigateway-cors"):
        gateway.update_api(
            ApiId=api_id,
            CorsConfiguration={
                "AllowOrigins": cors["allowOrigins"],
                "AllowMethods": cors["allowMethods"],
                "AllowHeaders": cors["allowHeaders"],
                "ExposeHeaders": cors["exposeHeaders"],
                "MaxAge": int(cors["maxAge"]),
            },
        )
    return routes


@dataclass(frozen=True)
class Template:
    """A processed template with what its intrinsic functions stand for in one deployed stack."""

    resources: dict[str, Any]
    conditions: dict[str, Any]
    values: dict[str, str] = field(default_factory=dict)
    """What Ref stands for: parameters, pseudo parameters, physical ids."""
    arns: dict[str, str] = field(default_factory=dict)
    """Logical id of a function to its ARN: all that the body asks GetAtt for."""

    def resolve(self, node: Any) -> Any:  # noqa: PLR0911 - one return per function of CloudFormation
        """Replace the intrinsic functions of a piece of the template; raise Failure at one that is not known here."""
        if isinstance(node, list):
            return [item for each in node if (item := self.resolve(each)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(key, argument)] = node.items()
            if key == "Ref":
                return NO_VALUE if argument == "AWS::NoValue" else self.values[argument]
            if key == "Fn::GetAtt":
                return self._attribute(".".join(argument) if isinstance(argument, list) else argument)
            if key == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda m: self._substitute(m.group(1)), argument)
            if key == "Fn::If":
                return self.resolve(argument[1] if self._holds(self.conditions[argument[0]]) else argument[2])
            if key.startswith("Fn::"):
                raise Failure(f"the API uses {key}, which tools/ost/routes.py cannot resolve for the local cloud.")
        return {key: item for key, value in node.items() if (item := self.resolve(value)) is not NO_VALUE}

    def _substitute(self, name: str) -> str:
        return str(self._attribute(name) if "." in name else self.values[name])

    def _attribute(self, path: str) -> str:
        logical_id, _, attribute = path.partition(".")
        if attribute != "Arn" or logical_id not in self.arns:
            raise Failure(f"the API uses {path}, which tools/ost/routes.py cannot resolve for the local cloud.")
        return self.arns[logical_id]

    def _holds(self, condition: Any) -> bool:
        [(key, argument)] = condition.items()
        match key:
            case "Fn::Equals":
                left, right = self.resolve(argument)
                return bool(left == right)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(self._holds(part) for part in argument)
            case "Fn::Or":
                return any(self._holds(part) for part in argument)
            case "Condition":
                return self._holds(self.conditions[argument])
        raise Failure(f"a condition uses {key}, which tools/ost/routes.py cannot resolve for the local cloud.")


def _processed_template(stack: "Stack") -> Template:
    cloudformation = stack.cloudformation
    fetched: Any = cloudformation.get_template(StackName=stack.name, TemplateStage="Processed")["TemplateBody"]
    body: dict[str, Any] = json.loads(fetched) if isinstance(fetched, str) else fetched
    described = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    account = described["StackId"].split(":")[4]
    region = stack.session.region_name
    values = {
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    for name, parameter in body.get("Parameters", {}).items():
        values[name] = str(parameter.get("Default", ""))
    for given in described.get("Parameters", []):
        values[given["ParameterKey"]] = given["ParameterValue"]
    arns: dict[str, str] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name):
        for resource in page["StackResourceSummaries"]:
            logical_id, physical_id = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
            values[logical_id] = physical_id
            if resource["ResourceType"] == "AWS::Lambda::Function":
                arns[logical_id] = f"arn:aws:lambda:{region}:{account}:function:{physical_id}"
    return Template(body["Resources"], body.get("Conditions", {}), values, arns)
