"""The keys of a secret of the stack, by version: the current one signs, and the one before it is still believed.

A process reads both versions when it first needs them and again every few minutes; while the secret's store is down it
goes on with what it has. What is signed names the version, so that a rotation breaks nothing that is in circulation.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws
from booking.errors import TemporarilyUnavailable
from booking.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

LIFE_SECONDS = 300
"""How long a process keeps the keys before it looks for a rotated one; it keeps them for longer while it cannot."""
OUTAGE_PAUSE_SECONDS = 30
"""How long a process works with the keys that it has after it could not read them again."""
MISS_PAUSE_SECONDS = 5
"""How long after a look in vain no other unknown key is looked for, so that forged tokens cost next to no calls."""
OUTAGE = "the keys of a secret cannot be read again; the ones at hand stay in use"
VERSION = r"[A-Za-z0-9-]{32,64}"
"""What the version of a secret looks like."""


_every: "list[Keys]" = []


class Keys:
    """The current key of a secret and the one before it, by version; `secret` names the secret when it is needed."""

    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret
        self.forget()
        _every.append(self)

    def forget(self) -> None:
        """Be as in a process that has not read the keys."""
        self.by_version: dict[str, str] = {}
        self.current = ""
        self.read_at = self.failed_at = self.missed_at = float("-inf")
        self.missed: set[str] = set()

    def read(self) -> None:
        """Read both versions of the secret; the one before may not exist."""
        by_version = {}
        secrets: SecretsManagerClient = aws.client("secretsmanager")
        try:
            answer = secrets.get_secret_value(SecretId=self._secret())
            current = answer["VersionId"]
            by_version[current] = answer["SecretString"]
            try:
                before = secrets.get_secret_value(SecretId=self._secret(), VersionStage="AWSPREVIOUS")
                by_version[before["VersionId"]] = before["SecretString"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
        except (BotoCoreError, ClientError) as error:
            self.failed_at = time.monotonic()
            raise TemporarilyUnavailable from error
        self.by_version, self.current = by_version, current
        self.read_at = time.monotonic()
        self.missed.clear()

    def refresh(self) -> None:
        """Read the keys again once they are old; while that fails, the ones at hand stay good."""
        now = time.monotonic()
        if now - self.read_at <= LIFE_SECONDS or (self.current and now - self.failed_at <= OUTAGE_PAUSE_SECONDS):
            return
        try:
            self.read()
        except TemporarilyUnavailable:
            if not self.current:
                raise
            logger.warning(OUTAGE)

    def look_again(self) -> bool:
        """Read the keys, though they are not old, unless that was done a moment ago; tell whether they were read."""
        if time.monotonic() - self.missed_at <= MISS_PAUSE_SECONDS:
            return False
        self.missed_at = time.monotonic()
        try:
            self.read()
        except TemporarilyUnavailable:
            logger.warning(OUTAGE)
            return False
        return True

    def find(self, version: str) -> str | None:
        """Return the key of a version, or None when there is none.

        An unknown one may have been rotated in since the keys were read, so it is looked for; but after a look in vain
        there is a pause, in which nobody knows and the caller comes back.

        Raises:
            TemporarilyUnavailable: the keys could not be read, or may not be yet.

        """
        self.refresh()
        if version in self.by_version or version in self.missed:
            return self.by_version.get(version)
        if time.monotonic() - self.missed_at <= MISS_PAUSE_SECONDS:
            raise TemporarilyUnavailable(retry_after=MISS_PAUSE_SECONDS)
        self.read()
        if version not in self.by_version:
            self.missed.add(version)
            self.missed_at = time.monotonic()
        return self.by_version.get(version)

    def to_sign(self) -> tuple[str, str]:
        """Return the current version and its key."""
        self.refresh()
        return self.current, self.by_version[self.current]


def forget() -> None:
    """Be a process again that has read no keys."""
    for each in _every:
        each.forget()
