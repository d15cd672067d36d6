"""What a sale of a size asks of an account: the arithmetic behind `docs/quotas.md` and `./ost ready`."""

import math
from dataclasses import dataclass

JOINING_SECONDS = 60
"""Fans who come for the opening join within this."""
SIGNING_IN_SECONDS = 600
"""They sign in within this, before."""
POLLS_PER_SECOND, READS_PER_SECOND, ROUTES_THAT_READ = 3000, 100, 23
"""The limits of template.yaml."""
SLOWEST_PAUSE_SECONDS = 300
"""No fan should be told to ask more seldom than this."""
CALL_SECONDS, PAYMENT_SECONDS = 0.1, 3.0
"""What an execution lasts, to be on the safe side: any call, and a POST /payments that waits for its end."""
PLACES, SESSION_SECONDS = 500, 180
"""Fans who are in at once, and for how long: what booking and paying a second comes from."""
RESERVED = 160
"""Executions kept for the payment's steps, the sweep and the drivers, as samconfig.toml's prod has it."""
JOIN_UNITS, POLL_UNITS, POLL_READS = 3.0, 0.5, 0.5
"""Units of the queue's table (docs/performance.md)."""
ROOM = 1.25
"""A quota that is only just enough is too small."""


@dataclass(frozen=True)
class Need:
    """A quota by the service's code and a part of its name there, what a new account has, and what the sale needs."""

    what: str
    service: str
    quota: str
    usual: int
    needed: int
    how: str


def needs(fans: int) -> list[Need]:
    """Return what a sale for so many fans, one concert, needs; the arithmetic is in `how`."""
    joins = math.ceil(fans / JOINING_SECONDS)
    polls = max(POLLS_PER_SECOND, math.ceil(fans / SLOWEST_PAUSE_SECONDS))
    reads = READS_PER_SECOND * ROUTES_THAT_READ
    payments = math.ceil(PLACES / SESSION_SECONDS)
    booking = payments * 10
    requests = joins + polls + reads + booking
    sign_ins = math.ceil(fans / SIGNING_IN_SECONDS)
    executions = math.ceil(requests * CALL_SECONDS + payments * PAYMENT_SECONDS)
    writes = math.ceil(joins * JOIN_UNITS + polls * POLL_UNITS)
    return [
        Need(
            *("API Gateway: requests a second", "apigateway", "Throttle rate", 10_000, _round(requests * ROOM)),
            f"({joins:,} joins + {polls:,} polls + {reads:,} reads + {booking:,} others) × {ROOM}",
        ),
        Need(
            *("Lambda: executions at once", "lambda", "Concurrent executions", 1_000),
            _round(executions * ROOM + RESERVED),
            f"({requests:,} × {CALL_SECONDS} s + {payments:,} payments × {PAYMENT_SECONDS:.0f} s) × {ROOM}"
            f" + {RESERVED} reserved",
        ),
        Need(
            *("Cognito: sign-ins a second", "cognito-idp", "Rate of UserAuthentication requests", 120),
            _round(sign_ins * ROOM),
            f"{fans:,} in {SIGNING_IN_SECONDS} s × {ROOM}",
        ),
        Need(
            *("Cognito: sign-ups a second", "cognito-idp", "Rate of UserCreation requests", 50),
            _round(sign_ins * ROOM / 4),
            "one fan in four is new",
        ),
        Need(
            *("DynamoDB: write units a second of one table", "dynamodb", "Table-level write throughput limit", 40_000),
            _round(writes * ROOM),
            f"({joins:,} joins × {JOIN_UNITS:.0f} + {polls:,} polls × {POLL_UNITS}) × {ROOM}; warm throughput too",
        ),
        Need(
            *(
                "Step Functions: executions started a second",
                "states",
                "StartExecution throttle token refill rate",
                150,
            ),
            _round(payments * ROOM * 10),
            f"{payments:,} payments × {ROOM} × 10 concerts on sale at once",
        ),
    ]


SIZES = (2_000, 20_000, 200_000, 1_000_000)


def table() -> str:
    """Return the table of `docs/quotas.md`."""
    rows = [["quota", "a new account has", *(f"{fans:,} fans" for fans in SIZES)], ["---"] * (2 + len(SIZES))]
    for number, need in enumerate(needs(SIZES[0])):
        sizes = [needs(fans)[number].needed for fans in SIZES]
        shown = [f"**{needed:,}**" if needed > need.usual else f"{needed:,}" for needed in sizes]
        rows.append([need.what, f"{need.usual:,}", *shown])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _round(number: float) -> int:
    """Round up to two figures, as one asks for a quota."""
    step: int = 10 ** max(0, len(str(math.ceil(number))) - 2)
    return math.ceil(number / step) * step
