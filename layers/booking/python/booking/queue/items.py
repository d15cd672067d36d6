"""What is stored of a queue: the items of the queue table, their keys, and how they are read.

For each concert:

- the queue: what an operator set, the cursor and its measurements (`admission.Line`), counts for operators, and who
  drives;
- the counter of joins;
- the tokens, in blocks of `BLOCK` numbers. The status goes WAITING → ACTIVE → FINISHED, or to EXPIRED, and a token that
  is FINISHED or EXPIRED never changes again;
- one membership a user: the number of the user's place. A token is written before the membership that points to it, so
  a membership never points to nothing.

Times are epoch seconds.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict, cast

from booking.dynamodb import get, get_many, query, query_all
from booking.memory import cached
from booking.queue.admission import Line
from booking.settings import settings

BLOCK = 500
CACHE_SECONDS = 1
LIST_CACHE_SECONDS = 10


class Key(TypedDict):
    """A key of the queue table."""

    pk: str
    sk: str


class QueueItem(TypedDict, total=False):
    """`pk = concertId, sk = QUEUE`; a concert may have none yet.

    `capacity` is there if an operator set one, `message` if waiting fans are told something; `paused` lets nobody in
    whatever the capacity is, and `revision` counts such changes. `closed` says why, while nothing is left to sell (see
    `sale`); `driver` works until `drivenUntil` at most. `drawn` is how many came to the lobby, once it has been drawn.
    The rest is in `admission.Line`.
    """

    pk: str
    sk: str
    capacity: int
    paused: bool
    message: str
    revision: int
    closed: Literal["SOLD_OUT", "NO_DATES", "OVER"]
    admitted: int
    low: int
    pace: int
    sampleAt: int
    sampleFrom: int
    active: int
    entered: int
    lapsed: int
    advancedAt: int
    driver: str
    drivenUntil: int
    drawn: int
    drawnAt: int
    coming: int


class CounterItem(TypedDict, total=False):
    """`pk = concertId#COUNTER, sk = COUNTER`: how many numbers have been given out, when the last was, and until when
    what is over is kept. `lobby` is there while the first numbers are to be drawn, and until then nobody is given one.

    Beside these, `by0`, `got0` and so on: who has just joined, and with which number (see `membership`).
    """

    pk: str
    sk: str
    issued: int
    issuedAt: int
    keepUntil: int
    lobby: bool


class TokenItem(TypedDict):
    """`pk = concertId#TOKENS#block, sk = number`. One that only closes a number has neither user nor deadline.

    `activeUntil` is there once it is ACTIVE, `leftAt` if its fan has left.
    """

    pk: str
    sk: str
    userId: NotRequired[str]
    number: int
    status: Literal["WAITING", "ACTIVE", "FINISHED", "EXPIRED"]
    expiresAt: NotRequired[int]
    joinedAt: NotRequired[int]
    activeUntil: NotRequired[int]
    leftAt: NotRequired[int]
    lastSeenAt: NotRequired[int]
    purgeAt: int


class MembershipItem(TypedDict):
    """`pk = concertId#USER#userId, sk = MEMBER`: the number of the user's place.

    `leaves` counts how often in a row the user has left and come back.
    """

    pk: str
    sk: str
    number: int
    leaves: NotRequired[int]
    purgeAt: int


def queue_key(concert_id: str) -> Key:
    """Return the key of a concert's queue."""
    return {"pk": concert_id, "sk": "QUEUE"}


def counter_key(concert_id: str) -> Key:
    """Return the key of a concert's counter of joins."""
    return {"pk": f"{concert_id}#COUNTER", "sk": "COUNTER"}


def token_key(concert_id: str, number: int) -> Key:
    """Return the key of a token."""
    return {"pk": f"{concert_id}#TOKENS#{number // BLOCK}", "sk": f"{number:010d}"}


def membership_key(concert_id: str, user_id: str) -> Key:
    """Return the key of a user's membership."""
    return {"pk": f"{concert_id}#USER#{user_id}", "sk": "MEMBER"}


def line_of(queue: QueueItem, counter: CounterItem | None = None) -> Line:
    """Read a queue item and its counter; a concert without them has the stack's capacity and nobody in it."""
    counter = counter or {}
    return Line(
        capacity=0 if queue.get("paused") else capacity_of(queue),
        active_seconds=settings().active_seconds,
        polls_per_second=settings().polls_per_second,
        drawn=queue.get("drawn", 0),
        drawn_at=queue.get("drawnAt", 0),
        calls_front=settings().queue_capacity,
        coming=queue.get("coming", 1000),
        closed="closed" in queue,
        admitted=queue.get("admitted", 0),
        low=queue.get("low", 0),
        issued=counter.get("issued", 0),
        issued_at=counter.get("issuedAt", 0),
        pace=queue.get("pace", 0),
        sample_at=queue.get("sampleAt", 0),
        sample_from=queue.get("sampleFrom", 0),
        active=queue.get("active", 0),
        entered=queue.get("entered", 0),
        lapsed=queue.get("lapsed", 0),
        advanced_at=queue.get("advancedAt", 0),
        message=queue.get("message"),
    )


def capacity_of(queue: QueueItem) -> int:
    """Return how many may be in at once, also while the queue is paused: an operator's number, or the stack's."""
    return queue.get("capacity", settings().queue_capacity)


def read_queue(concert_id: str, *, consistent: bool = True) -> QueueItem:
    """Read a queue, as it is now."""
    return cast(QueueItem, get(settings().queue_table, queue_key(concert_id), consistent=consistent) or {})


def recent_queue(concert_id: str, at: int) -> QueueItem:
    """Return the queue item, at most a second old. An older cursor only makes somebody wait for the next poll."""
    return cached("queue", concert_id, lambda: read_queue(concert_id, consistent=False), at, CACHE_SECONDS)


def read_queues(concert_ids: Sequence[str]) -> dict[str, QueueItem]:
    """Read the queue items of concerts at once."""
    found = get_many(settings().queue_table, [queue_key(concert_id) for concert_id in concert_ids])
    return {item["pk"]: cast(QueueItem, item) for item in found}


def recent_queues(concert_ids: Sequence[str], at: int) -> dict[str, QueueItem]:
    """Return the queue items of concerts, at most some seconds old. Each list of concerts is remembered on its own."""
    return cached("queues", tuple(concert_ids), lambda: read_queues(concert_ids), at, LIST_CACHE_SECONDS)


def read_counter(concert_id: str, *, consistent: bool = True) -> CounterItem:
    """Read a counter of joins, as it is now."""
    return cast(CounterItem, get(settings().queue_table, counter_key(concert_id), consistent=consistent) or {})


def recent_counter(concert_id: str, at: int) -> CounterItem:
    """Return the counter of joins, at most a second old."""
    return cached("counter", concert_id, lambda: read_counter(concert_id, consistent=False), at, CACHE_SECONDS)


def read_membership(concert_id: str, user_id: str, *, consistent: bool) -> MembershipItem | None:
    """Read a user's membership."""
    key = membership_key(concert_id, user_id)
    return cast(MembershipItem | None, get(settings().queue_table, key, consistent=consistent))


def read_token(concert_id: str, number: int, *, consistent: bool = True) -> TokenItem | None:
    """Read one token."""
    return cast(TokenItem | None, get(settings().queue_table, token_key(concert_id, number), consistent=consistent))


def read_tokens(concert_id: str, first: int, last: int, issued: int, drawn: int) -> dict[int, TokenItem]:
    """Read the tokens from `first` to `last`, of `issued`; when the last one is missing, also the next that there is.

    Numbers up to `drawn` tell nothing about those before them, so behind them nothing is looked for.

    That one tells how long the missing ones before it have been on their way: without it, a row of dead joins as long
    as the reading would hold the line up for as long as others keep joining.
    """
    tokens: dict[int, TokenItem] = {}
    for block in range(first // BLOCK, last // BLOCK + 1):
        items = query_all(
            settings().queue_table,
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            pk=token_key(concert_id, block * BLOCK)["pk"],
            first=token_key(concert_id, max(first, block * BLOCK))["sk"],
            last=token_key(concert_id, last)["sk"],
        )
        tokens |= {int(item["sk"]): cast(TokenItem, item) for item in items}
    beyond, block = last in tokens or last <= drawn, (last + 1) // BLOCK
    while not beyond and block * BLOCK <= issued:
        page = query(
            settings().queue_table,
            "#pk = :pk AND #sk > :last",
            limit=1,
            pk=token_key(concert_id, block * BLOCK)["pk"],
            last=token_key(concert_id, last)["sk"],
        )
        tokens |= {int(item["sk"]): cast(TokenItem, item) for item in page.items}
        beyond, block = bool(page.items), block + 1
    return tokens
