"""`./ost env`: what `sam local invoke` needs to run one function by hand against a running stack."""

import json
from typing import Any

import yaml

from tools.ost.build import ensure_built, host_architecture
from tools.ost.console import out
from tools.ost.paths import BUILT, STATE
from tools.ost.stack import LOCAL_KEYS, Stack, StackOption, StateOption


def env(stack: StackOption = None, state: StateOption = STATE) -> None:
    """Write env.json (each function's variables) and template.yaml for `sam local invoke`, beside outputs.json."""
    found = Stack.find(stack, state)
    ensure_built(host_architecture())
    state = state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    environments = function_environments(found)
    (state / "env.json").write_text(json.dumps(environments, indent=2, sort_keys=True) + "\n")
    (state / "template.yaml").write_text(yaml.safe_dump(invokable_template(found), sort_keys=False))
    out.print(
        "sam local invoke ListConcertsFunction -e events/list_concerts/ok.json"
        f" -t {state / 'template.yaml'} -n {state / 'env.json'}",
        highlight=False,
    )


def function_environments(stack: Stack) -> dict[str, dict[str, str]]:
    """Return each function's variables by its logical id, with the local cloud's address and keys when it is local."""
    functions = stack.functions
    environments: dict[str, dict[str, str]] = {}
    for page in stack.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                name = resource["PhysicalResourceId"]
                configuration = functions.get_function_configuration(FunctionName=name)
                variables = configuration.get("Environment", {}).get("Variables", {})
                environments[resource["LogicalResourceId"]] = variables | local_variables(stack)
    return environments


def invokable_template(stack: Stack) -> dict[str, Any]:
    """Return the built template with the local cloud's variables declared and this machine's architecture.

    SAM passes a variable to a function only if the template declares it, and template.yaml rightly knows no local
    cloud.
    """
    template: dict[str, Any] = yaml.safe_load((BUILT / "template.yaml").read_text())
    template["Parameters"]["Architecture"]["Default"] = str(host_architecture())
    template["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys(local_variables(stack), "")
    for resource in template["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if isinstance(resource.get("Properties", {}).get(key), str):
                resource["Properties"][key] = str(BUILT / resource["Properties"][key])
    return template


def local_variables(stack: Stack) -> dict[str, str]:
    """Return what makes an SDK talk to the stack's local cloud; nothing for a stack on AWS."""
    if not stack.endpoint:
        return {}
    return {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_REGION": stack.session.region_name,
        "AWS_DEFAULT_REGION": stack.session.region_name,
        "AWS_ACCESS_KEY_ID": LOCAL_KEYS[0],
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEYS[1],
    }
