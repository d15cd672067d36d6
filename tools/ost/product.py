"""The booking package itself, working on a stack: what a command and an organiser's page both do has one
implementation, and this lets the command use it."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager

from booking import aws, memory, settings
from booking.audit_log import Actor
from tools.ost.environment import local_variables
from tools.ost.stack import Stack


@contextmanager
def inside(stack: Stack) -> Iterator[None]:
    """Let the booking package work on this stack inside the block, in the environment that its functions have."""
    told = stack.functions.get_function_configuration(FunctionName=stack.outputs["AdvanceQueueFunctionName"])
    variables = told.get("Environment", {}).get("Variables", {})
    here = {"AWS_DEFAULT_REGION": str(stack.session.region_name)} | local_variables(stack)
    before = dict(os.environ)
    os.environ.update(variables | here)
    _forget()
    try:
        yield
    finally:
        aws.client("dynamodb").close()
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    settings.settings.cache_clear()
    aws.client.cache_clear()
    aws.session.cache_clear()
    memory.forget()


def operator(stack: Stack) -> Actor:
    """Say who works at this stack: the identity that AWS knows, and the name on this machine."""
    return Actor(stack.client("sts").get_caller_identity()["Arn"], getpass.getuser())
