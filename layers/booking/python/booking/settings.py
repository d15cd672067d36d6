"""The environment as one frozen record, read late and in this file only."""

import functools
import os
from dataclasses import MISSING, dataclass, fields


class MisconfiguredError(RuntimeError):
    """The environment lacks something; the message names every missing or unreadable key."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the template tells every function. Durations are in seconds. What has a default may be left out."""

    catalog_table: str
    seats_table: str
    reservations_table: str
    points_table: str
    queue_table: str
    payments_table: str
    check_ins_table: str
    log_table: str
    queue_key_secret_arn: str
    signing_key_secret_arn: str
    payment_workflow_arn: str
    calling_off_workflow_arn: str
    advance_queue_function: str
    draw_lobby_function: str
    queue_capacity: int
    active_seconds: int
    hold_seconds: int
    max_holding_seconds: int
    hold_again_seconds: int
    max_seats_per_user: int
    polls_per_second: int
    beacon: str = "off"
    """`on` where draws take public randomness; without it who knows the secret could place whom they like."""
    sign_up: str = "name"
    """`email` where a fan who signs up confirms an address."""
    fans_charge: str = "on"
    """`off` where fans buy their points from a payment provider, which charges them with a machine's credentials."""
    origin_secret_digests: str = ""
    """SHA-256 of each secret by which a request is known to come through the edge; empty: it may come from anywhere."""


@functools.cache
def settings() -> Settings:
    """Read the environment, once in a process.

    Raises:
        MisconfiguredError: with one sentence that names every key that is missing or not a whole number.

    """
    values: dict[str, str | int] = {}
    wrong: list[str] = []
    for field in fields(Settings):
        key = field.name.upper()
        text = os.environ.get(key, "")
        if not text and field.default is not MISSING:
            continue
        try:
            values[field.name] = int(text) if field.type is int else text
        except ValueError:
            wrong.append(key)
        if not text and key not in wrong:
            wrong.append(key)
    if wrong:
        raise MisconfiguredError(f"Set these environment variables to usable values: {', '.join(wrong)}.")
    return Settings(**values)  # type: ignore[arg-type]  # each value was made from its own field's type


def tracing() -> tuple[str, str]:
    """Return the trace header of this invocation and the address of X-Ray's daemon; both empty where nothing traces.

    Lambda sets the first anew for each invocation.
    """
    return os.environ.get("_X_AMZN_TRACE_ID", ""), os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")
