"""What AWS asks for, in dollars (us-east-1, on demand, beyond every free tier)."""

from dataclasses import dataclass

READ_UNIT = 0.125e-6
WRITE_UNIT = 0.625e-6
HTTP_CALL = 1.00e-6
LAMBDA_CALL = 0.20e-6
LAMBDA_GB_SECOND = 0.0000133334
"""On arm64, which is what the template deploys."""
TRANSITION = 25e-6
SECRET_CALL = 5e-6

LAMBDA_GB = 0.5
"""`MemorySize` of every function in template.yaml; a test holds the two together."""
KICK_GB = 1769 / 1024
"""That of `advance_queue`, which kicks call; a test holds the two together."""
CALL_SECONDS = 0.020
"""How long a warm call is taken to run, beside what it sleeps. Only AWS can tell (docs/performance.md); it is the same
for the floor, for us and for the naive baseline."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What some work asked for. Counts may be fractions when they are averages or shares.

    `kicks` are asynchronous invocations, which nobody waits for; `lambda_calls` are all others.
    """

    read_units: float = 0
    write_units: float = 0
    http_calls: float = 0
    lambda_calls: float = 0
    kicks: float = 0
    slept_seconds: float = 0
    transitions: float = 0
    secret_calls: float = 0
    items_read: float = 0

    def __add__(self, other: "Bill") -> "Bill":
        """Sum two bills."""
        return Bill(*(mine + its for mine, its in zip(self._counts(), other._counts(), strict=True)))

    def __mul__(self, times: float) -> "Bill":
        """Repeat the work, or take a share of it."""
        return Bill(*(round(mine * times, 9) for mine in self._counts()))

    def _counts(self) -> tuple[float, ...]:
        return tuple(getattr(self, name) for name in Bill.__slots__)

    @property
    def dynamodb_usd(self) -> float:
        """Dollars for DynamoDB's units alone."""
        return self.read_units * READ_UNIT + self.write_units * WRITE_UNIT

    @property
    def usd(self) -> float:
        """Dollars, without the transitions of Standard workflows: `usd_with_transitions` has them too."""
        invocations = self.lambda_calls + self.kicks
        gb_seconds = (self.lambda_calls * LAMBDA_GB + self.kicks * KICK_GB) * CALL_SECONDS
        return (
            self.dynamodb_usd
            + self.http_calls * HTTP_CALL
            + invocations * LAMBDA_CALL
            + (gb_seconds + self.slept_seconds * LAMBDA_GB) * LAMBDA_GB_SECOND
            + self.secret_calls * SECRET_CALL
        )

    @property
    def usd_with_transitions(self) -> float:
        """Dollars, with the transitions of Standard workflows."""
        return self.usd + self.transitions * TRANSITION
