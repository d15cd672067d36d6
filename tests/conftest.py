"""What every test may stand on: the functions' environment, and a cloud in this process."""

import gc
import os
from collections.abc import Iterator

os.environ |= {"POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "test"}  # read when imported

import boto3
import pytest
from moto import mock_aws

from booking import aws
from lab.in_process import forget_process
from tests.tables import create_tables, resources, variable_of

REGION = "us-east-1"
LIMITS = {
    "QUEUE_CAPACITY": "2",
    "ACTIVE_SECONDS": "600",
    "HOLD_SECONDS": "300",
    "MAX_HOLDING_SECONDS": "900",
    "HOLD_AGAIN_SECONDS": "300",
    "MAX_SEATS_PER_USER": "4",
}


def forget_everything() -> None:
    """Make this process a new one, and close what the one before has left open."""
    aws.session.cache_clear()
    forget_process()
    gc.collect()


def variables() -> dict[str, str]:
    """Give the environment that the template gives the functions, and no way to a real account."""
    tables = {variable_of(table): table for table in resources("AWS::DynamoDB::Table")}
    return {
        **tables,
        **LIMITS,
        "QUEUE_KEY_SECRET_ARN": "queue-key",
        "SIGNING_KEY_SECRET_ARN": "signing-key",
        "PAYMENT_WORKFLOW_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:test-payment",
        "ADVANCE_QUEUE_FUNCTION": "test-advance-queue",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the functions the environment that the template gives them, and no way to a real account."""
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    forget_everything()
    yield
    forget_everything()


@pytest.fixture
def cloud(environment: None) -> Iterator[None]:
    """Give a cloud in this process (moto) with the template's tables and the key of the queue tokens."""
    with mock_aws():
        create_tables()
        boto3.client("secretsmanager").create_secret(Name="queue-key", SecretString="k" * 64)
        boto3.client("secretsmanager").create_secret(Name="signing-key", SecretString="s" * 64)
        yield
