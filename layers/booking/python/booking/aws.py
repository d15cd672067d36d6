"""The AWS SDK: one session in a process, and clients with the same timeouts and retries.

botocore's own session, not boto3: the clients are the same, and boto3 would add its resources and S3's transfer
manager to every cold start, a tenth of its CPU, for functions that use neither.
"""

import functools
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    parameter_validation=False,
)
"""Three attempts of at most three seconds stay within a function's ten."""


@functools.cache
def session() -> Session:
    """Give this process's one session, so that clients share what it has read."""
    return get_session()


def client(service: str) -> Any:
    """Make a client of a service. Its caller keeps it for the life of the process."""
    return session().create_client(service, config=CONFIG)
