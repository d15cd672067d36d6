"""What every test may stand on: the functions' environment, and a cloud in this process."""

import functools
import gc
import os
from collections.abc import Iterator

os.environ |= {"POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "test"}  # read when imported

import boto3
import pytest
from moto import mock_aws

from booking import aws, catalog, dynamodb, payments
from booking import settings as settings_module
from booking.queue import advance, token
from tests.tables import create_tables, resources, variable_of

REGION = "us-east-1"
LIMITS = {"QUEUE_CAPACITY": "2", "ACTIVE_SECONDS": "600", "HOLD_SECONDS": "300", "MAX_SEATS_PER_USER": "4"}


def forget_everything() -> None:
    """Make this process a new one: no clients, no settings, no caches."""
    cached: list[functools._lru_cache_wrapper[object]] = [
        settings_module.settings,
        aws.session,
        dynamodb.client,
        payments._workflow,
        advance._lambda,
        token._secrets,
    ]
    for function in cached:
        function.cache_clear()
    catalog.forget()
    token.forget_keys()
    gc.collect()


def variables() -> dict[str, str]:
    """Give the environment that the template gives the functions, and no way to a real account."""
    tables = {variable_of(table): table for table in resources("AWS::DynamoDB::Table")}
    return {
        **tables,
        **LIMITS,
        "QUEUE_KEY_SECRET_ARN": "queue-key",
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
        yield
