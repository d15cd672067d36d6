"""The AWS SDK: one client of each service, with the same timeouts and retries."""

import functools
import json
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from booking.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    parameter_validation=False,
)
"""Three attempts of at most three seconds stay within a function's ten."""


@functools.cache
def session() -> boto3.Session:
    """Return this process's one session, so that its clients share what it has read."""
    return boto3.Session()


@functools.cache
def client(service: Any) -> Any:
    """Return this process's one client of a service, made when it is first needed."""
    return new_client(service)


def new_client(service: Any) -> Any:
    """Make a client of a service. Its caller keeps it."""
    return session().client(service, config=CONFIG)


def start_execution(workflow_arn: str, name: str, given: Any) -> None:
    """Start a workflow. Safe to repeat: there is one execution of a name, and one that is over is left as it is.

    Raises:
        TemporarilyUnavailable: it may have been started or not.

    """
    workflow: SFNClient = client("stepfunctions")
    try:
        workflow.start_execution(stateMachineArn=workflow_arn, name=name, input=json.dumps(given))
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            return
        raise TemporarilyUnavailable from error
