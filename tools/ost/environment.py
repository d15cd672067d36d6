"""`./ost env`: the environment of every function of a running stack, for `sam local invoke --env-vars`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tools.ost.console import out
from tools.ost.paths import STATE
from tools.ost.stack import LOCAL_KEYS, Stack, StackOption, StateOption


def env(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; env.json of the local stack by default.")
    ] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Write the functions' environment as `sam local` wants it: {"ListConcertsFunction": {"CATALOG_TABLE": …}, …}."""
    found = Stack.find(stack, state)
    written = output or state / "env.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(json.dumps(function_environments(found), indent=2, sort_keys=True) + "\n")
    out.print(f"sam local invoke <Function> -e events/<function>/<event>.json --env-vars {written}", highlight=False)


def function_environments(stack: Stack) -> dict[str, dict[str, str]]:
    """Give each function's variables by its logical id, with the local cloud's address and keys when it is local."""
    local = {
        "AWS_ENDPOINT_URL": stack.endpoint or "",
        "AWS_REGION": stack.session.region_name,
        "AWS_DEFAULT_REGION": stack.session.region_name,
        "AWS_ACCESS_KEY_ID": LOCAL_KEYS[0],
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEYS[1],
    }
    functions = stack.functions
    environments: dict[str, dict[str, str]] = {}
    for page in stack.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                name = resource["PhysicalResourceId"]
                configuration = functions.get_function_configuration(FunctionName=name)
                variables = configuration.get("Environment", {}).get("Variables", {})
                environments[resource["LogicalResourceId"]] = variables | (local if stack.endpoint else {})
    return environments
