"""`python -m lab opening`: a million fans at the opening. They join within a minute, in the lobby and by one counter,
where DynamoDB's partitions take what they take; and their order is drawn.

A partition takes 1,000 write units a second, whatever the table does. How many there are is not told: one for each
1,000 units that the table is warm for is reckoned with, and keys are spread over them by a hash. A new table on
demand begins with four. It splits a partition that stays hot, but takes minutes for it: nothing of that is counted on.
Who is throttled is told to come back in one to five seconds, and does.
"""

import hashlib
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import typer

from booking.queue import draw, lobby
from lab.simulate import DOCUMENT
from lab.simulation import Crowd, Outcome, run
from lab.tables import Figures, write_into

PARTITION_UNITS = 1_000
"""Writes of at most a kilobyte that a partition takes in a second."""
SECONDS = 60
LOBBIES = 100
WARM_FOR = (4_000, 17_000, 40_000, 65_000)
"""A new table, the average of a million joins in a minute, an account's quota, what docs/quotas.md asks for."""
RETRIES = 5
DRAWN = (
    *((100_000, 0.0, True), (100_000, 0.6, True), (1_000_000, 0.95, True)),
    *((1_000_000, 0.6, True), (1_000_000, 0.6, False)),
)
"""How many were in the lobby, the part of them that does not come, and whether they know the static result. The last
two are set beside each other."""
CONCERT = "night-sky"

type Array = np.ndarray[Any, np.dtype[Any]]


def opening(write: Annotated[bool, typer.Option(help="Write this part of docs/scaling.md.")] = True) -> None:
    """A million fans at the opening: throttled writes of joins, places in use after the draw, and what is asked."""
    joins = _joins(1_000_000)
    joins.show()
    draws = [run(Crowd(fans, 2_000, absent, horizon=360, drawn=True, static=static)) for fans, absent, static in DRAWN]
    after = [
        _after_a_draw("After a draw (2,000 places)", draws),
        _asked("What a draw of a million is asked for, 60 % away", draws[-2:]),
    ]
    for table in after:
        table.show()
    if write:
        write_into(DOCUMENT, "make opening, joins", joins.markdown())
        write_into(DOCUMENT, "make opening, draws", "\n".join(table.markdown() for table in after))


def _joins(fans: int) -> Figures:
    """Let fans join within a minute, spread evenly."""
    random = np.random.default_rng(7)
    come = random.integers(0, SECONDS, fans)
    lobby_joins = _by_second(come, np.array([_key_of(fan) for fan in range(fans)]), draw.PARTITIONS)
    rows = []
    for units in WARM_FOR:
        partitions = units // PARTITION_UNITS
        lobbies = [_spread(lobby_joins, number, partitions) for number in range(LOBBIES)]
        outcomes = [_let_in(joins, random) for joins in lobbies]
        busiest = max(int(joins.max()) for joins in lobbies)
        calm = sum(throttled == 0 for throttled, *_ in outcomes)
        worst = max(outcomes)
        rows.append(["lobby", f"{units:,}", f"{partitions}", f"{busiest:,}", f"{calm} of {LOBBIES}", *_shown(worst)])
    by_counter = _let_in(_by_second(come, np.zeros(fans, dtype=int), 1), random)
    busiest = int(np.bincount(come).max())
    rows.append(["one counter", "any", "1", f"{busiest:,}", "0", *_shown(by_counter)])
    columns = ["", "table warm for", "partitions", "most asked of one, a second", "lobbies without a throttled write"]
    columns += ["throttled writes (the worst)", "in within the minute", "the last is in after"]
    return Figures(f"{fans:,} joins in a minute", columns, rows)


def _key_of(fan: int) -> int:
    """Return in which of a lobby's partition keys a fan's entry is."""
    return draw.partition_of(draw.entry_id(b"key of this lobby", CONCERT, f"fan-{fan}"))


def _by_second(come: Array, keys: Array, count: int) -> Array:
    """Count the joins of each second (rows) and each key (columns)."""
    counted: Array = np.bincount(come * count + keys, minlength=SECONDS * count).reshape(SECONDS, count)
    return counted


def _spread(joins: Array, number: int, partitions: int) -> Array:
    """Put the keys of a lobby where their hashes lie; every lobby's lie elsewhere."""
    names = [lobby.entry_key(f"{CONCERT}.{number}", f"{key:02x}")["pk"] for key in range(joins.shape[1])]
    where = [int.from_bytes(hashlib.md5(name.encode()).digest()) * partitions >> 128 for name in names]  # noqa: S324
    spread = np.zeros((len(joins), partitions), dtype=int)
    np.add.at(spread.T, where, joins.T)
    return spread


def _let_in(joins: Array, random: np.random.Generator) -> tuple[int, int, int]:
    """Let partitions take what they can; return the throttled writes, how many were in within the minute, and when the
    last one was."""
    coming = {at: asked.copy() for at, asked in enumerate(joins)}
    throttled = within = at = 0
    while coming:
        asked = coming.pop(at, np.zeros(joins.shape[1], dtype=int))
        taken = np.minimum(asked, PARTITION_UNITS)
        throttled += int((asked - taken).sum())
        within += int(taken.sum()) if at < SECONDS else 0
        back = random.multinomial(asked - taken, [1 / RETRIES] * RETRIES)
        for later in range(RETRIES):
            if back[:, later].any():
                coming[at + 1 + later] = coming.get(at + 1 + later, 0) + back[:, later]
        at += 1
    return throttled, within, at


def _shown(outcome: tuple[int, int, int]) -> list[str]:
    throttled, within, last = outcome
    return [f"{throttled:,}", f"{within:,}", f"{last:,} s"]


def _after_a_draw(title: str, outcomes: list[Outcome]) -> Figures:
    columns = ["in the lobby", "do not come", "numbers known", "in use, minute 1", "2", "3", "4 to 6", "most polls/s"]
    columns += ["refused", "numbers lost", "numbers ended", "tick reads/s", "ticks"]
    rows = []
    for outcome in outcomes:
        ticks = outcome.bills["ticks"]
        row = [f"{outcome.crowd.fans:,}", f"{outcome.crowd.abandonment:.0%}"]
        row += ["from the result" if outcome.crowd.static else "by asking"]
        row += [f"{outcome.used(*between):.1%}" for between in pairwise((0, 60, 120, 180, 360))]
        row += [f"{outcome.polls.max():,}", f"{outcome.refused:,}", f"{outcome.lost:,}", f"{ticks.write_units:,.0f}"]
        rows.append([*row, f"{ticks.read_units / outcome.seconds:,.0f}", f"${ticks.dynamodb_usd:.2f}"])
    return Figures(title, columns, rows)


def _asked(title: str, outcomes: list[Outcome]) -> Figures:
    """Show what the CDN and the API get in each minute; whoever is there asks for the draw and for a piece."""
    columns = ["numbers known", "minute", "at the CDN", "of these from its caches", "polls at the API", "refused"]
    rows = []
    for outcome in outcomes:
        crowd = outcome.crowd
        files = round(2 * crowd.fans * (1 - crowd.abandonment)) if crowd.static else 0
        for minute in range(3):
            seconds = slice(60 * minute, 60 * minute + 60)
            refused, polls = int(outcome.refusals[seconds].sum()), int(outcome.polls[seconds].sum())
            row = ["from the result" if crowd.static else "by asking", f"{minute + 1}"]
            row += [f"{files + polls + refused:,}", f"{files:,}", f"{polls + refused:,}", f"{refused:,}"]
            rows.append(row)
            files = 0
    return Figures(title, columns, rows)
