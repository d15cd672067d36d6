"""Who may enter next, how long the others wait, and when they should ask again. Pure: time and reads are arguments.

**At most N places are taken, whatever happens.** Fans are numbered in the order of joining, and only numbers up to the
cursor (`admitted`) may turn ACTIVE. A number counts as taken until its token is *over*, which is written in the token
itself (FINISHED or EXPIRED) and is never undone. The cursor is a number, not a count: an advance reads it with the
capacity, then every number above `low`, and moves it to the last number up to which at most `capacity` are not over.
Nothing that happens between that reading and the write can add to those (numbers only come to be over), so the write
is right whenever it arrives. It asks for two things all the same: that the capacity has not changed, or a late advance
would fill places that an operator has just taken away; and that the cursor has not, or it would go back and send away
fans who have been let in. No counter can drift, no clock is trusted, and two advances at once, or one that dies
between any two of its calls, change nothing about it.

Silence ends nothing by itself. `expiresAt` says until when a place is safe even if the line gets there; after it, the
place is the fan's still, until the advance needs it and has *ended* the token, on condition that it has not been
renewed in between. So a clock that runs ahead, or a renewal that is late on its way, can make a place's end earlier or
later by a moment, but can never give it to two.

A number whose token is missing belongs to a join that is on its way, or died on it. It counts as taken until some join
after it is `JOIN_GRACE_SECONDS` old; then its place in line is ended as well, so that a join that wakes up late finds
it closed and takes a new number.

In a line that began with a draw, the numbers that were drawn are there before their tokens, which are written when
their fans first call. So such a number without a token counts as taken until its fan's time to call is a minute ago,
whatever has been issued since; then it is ended like a dead join's. What is ended stays in the table until the sale is
over: if it went before, a late call could open a place below the cursor that nobody counts.

A capacity that is lowered throws nobody out: fans who have been let in and are about to come in keep their places, and
nobody else enters until fewer than the new capacity are left.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NotRequired, TypedDict

LOOKAHEAD = 50
"""How many numbers beyond the cursor a tick reads, so as to pass over those who have gone away."""

JOIN_GRACE_SECONDS = 5
"""How long a number may be without its token before the line goes on without it."""

FIRST_CALL_SECONDS = 60
"""How long after their time to call those whose number was drawn may first call."""

CALLED_SECONDS = 20
"""How long after the draw those at the front have called who do. They ask for the result over ten seconds, from the
time that was told on, and the draw may be done some seconds before it."""

PRIOR_CALLS = 10
"""How many calls the prior weighs that all of them come."""

FRONT = 10
"""How near to the cursor a fan may be let in at any moment, and sees to it that the line moves."""

POLL_FASTEST_SECONDS = 2
POLL_SLOWEST_SECONDS = 60
"""How seldom a fan asks where the API has room."""
POLL_ACTIVE_SECONDS = 30
POLLS_IN_A_WAIT = 10
"""A fan polls about every tenth of what is left of the shortest wait that is plausible."""
PLAUSIBLE_BEFORE, PLAUSIBLE = 8, 2
"""How much shorter than the estimate a wait may turn out: while nothing has been measured, and later."""
SHARES = 18
"""Fans ask the less often the further back they are: one at position p at most once in p * SHARES / polls a second.
With jitter that adds up to the polls a second, for a line of ten million: the sum of 1/p is ln(p)."""
JITTER = 0.5
"""Up to this part of the pause is left out, so that fans who were told the same thing do not come back together."""

SAMPLE_SECONDS = 60
"""The rate of entry is measured over at least this long, then carried on as the next measurement's prior."""

PRIOR_ENTRIES = 10
"""How many entries the prior weighs. Before any measurement the prior is what is certain, see `estimated_wait`."""

SAFE_SECONDS = 60
"""For how long beyond the pause that was told a place is safe at least."""
RENEWED_PAUSES, RENEWED_SECONDS = 1, 6
"""A renewal lasts for that much longer, so that about two of three polls write nothing."""


OVER = frozenset({"FINISHED", "EXPIRED"})
"""The statuses of a token that is over, for good."""


class Token(TypedDict):
    """What the policy has to know of a token item. One that only closes a number has no times."""

    status: Literal["WAITING", "ACTIVE", "FINISHED", "EXPIRED"]
    expiresAt: NotRequired[int]
    joinedAt: NotRequired[int]


class State(enum.Enum):
    """What a number in the line stands for, at a time."""

    TAKEN = "taken"
    """Somebody is there, active or waiting."""
    LAPSED = "lapsed"
    """The time of its token has passed, but the token does not say yet that it is over."""
    OVER = "over"
    """Its token says so, for good."""
    MISSING = "missing"
    """A join is on its way."""
    ABANDONED = "abandoned"
    """A join has died on its way."""


@dataclass(frozen=True, slots=True)
class Line:
    """A queue as it was read. Times are epoch seconds.

    Numbers up to `low` are all over; numbers up to `admitted` may be ACTIVE; numbers up to `issued` have been given
    out, the last of them at `issued_at`. `pace` is the measured time between entries in milliseconds a number, or 0
    before any measurement; `sample_at` and `sample_from` are when and at which cursor the present measurement began, 0
    where none is running.

    `active` are the places that were in use when the line last moved. The rest is for operators: how many have been let
    in and how many had lapsed so far, and when the line last moved. How long a turn lasts (`active_seconds`) and how
    many polls the API takes are the stack's own. `message` is what an organiser tells those who wait.

    The first `drawn` numbers were drawn, at `drawn_at`; of those, `calls_front` are to call at once, and the others
    after them at `calls_per_second`; `coming` of a thousand do, as the first minute has shown. While the line is
    `closed`, since nothing is left to sell, nobody else is let in, and whoever goes away is ended at once.
    """

    capacity: int
    active_seconds: int = 600
    polls_per_second: int = 3000
    drawn: int = 0
    drawn_at: int = 0
    calls_front: int = 0
    coming: int = 1000
    closed: bool = False
    admitted: int = 0
    low: int = 0
    issued: int = 0
    issued_at: int = 0
    pace: int = 0
    sample_at: int = 0
    sample_from: int = 0
    active: int = 0
    entered: int = 0
    lapsed: int = 0
    advanced_at: int = 0
    message: str | None = None

    @property
    def waiting(self) -> int:
        """How many numbers are behind the cursor. Some of these fans may have gone away."""
        return max(0, self.issued - self.admitted)

    @property
    def calls_per_second(self) -> int:
        """How many of those whose number was drawn are to call a second: half of the polls that the API takes."""
        return max(1, self.polls_per_second // 2)

    @property
    def polls_of_drawn(self) -> int:
        """How many polls a second there were if all came whose number was drawn and asked as often as those who do."""
        return self.polls_per_second * 1000 // self.coming

    def calls_until(self, number: int) -> int:
        """Return until when a drawn number that has not called is waited for."""
        return self.drawn_at + max(0, number - self.calls_front) // self.calls_per_second + FIRST_CALL_SECONDS

    @property
    def paused(self) -> bool:
        """Whether an operator lets nobody else in."""
        return self.capacity == 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a tick does next.

    `to_end` are numbers whose tokens must be ended first; while there are any, nothing else is decided. Then the cursor
    goes to `admitted` and `low`, letting `entered` present fans in; `taken` places are in use afterwards, `missing` of
    them for numbers without a token. `more` says that the numbers that were read ended before the free places did.
    """

    to_end: tuple[int, ...]
    admitted: int
    low: int
    taken: int
    missing: int
    entered: int
    more: bool


def state_of(token: Token | None, *, at: int, younger_joined_at: int | None = None) -> State:
    """Judge one number by its token item. `younger_joined_at` is when some later number joined, if any is known."""
    if token is None:
        settled = younger_joined_at is not None and younger_joined_at + JOIN_GRACE_SECONDS <= at
        return State.ABANDONED if settled else State.MISSING
    if token["status"] in OVER:
        return State.OVER
    return State.TAKEN if token["expiresAt"] > at else State.LAPSED


def states(tokens: Mapping[int, Token], first: int, last: int, at: int, issued_at: int = 0) -> dict[int, State]:
    """Judge the numbers from `first` to `last`.

    `tokens` holds every token that exists among them, and perhaps one beyond, which tells how long those before it have
    been on their way. So does `issued_at`, when the last of all numbers was given out.
    """
    beyond = [token["joinedAt"] for number, token in tokens.items() if number > last and "joinedAt" in token]
    younger = min([*beyond, issued_at] if issued_at else beyond, default=None)
    judged: dict[int, State] = {}
    for number in range(last, first - 1, -1):
        token = tokens.get(number)
        judged[number] = state_of(token, at=at, younger_joined_at=younger)
        if token is not None and (joined_at := token.get("joinedAt")) is not None:
            younger = joined_at if younger is None or joined_at < younger else younger
    return judged


def decide(line: Line, judged: Mapping[int, State]) -> Decision:
    """Decide what happens to the line, from the states of the numbers from `low + 1` on, without a gap.

    The states must have been read after `line`, with strongly consistent reads.
    """
    ends, holds = (State.LAPSED, State.ABANDONED), (State.TAKEN, State.MISSING)
    last_read = max(judged, default=line.low)
    to_end = [number for number, state in judged.items() if number <= line.admitted and state in ends]
    up_to = range(line.low + 1, line.admitted + 1)
    taken = sum([judged.get(number, State.TAKEN) in holds for number in up_to])
    admitted, entered = line.admitted, 0
    while admitted < min(last_read, line.issued):
        state = judged[admitted + 1]
        full = taken >= line.capacity or line.closed
        if state is not State.OVER and full and not (line.closed and state in ends):
            break
        if state in ends:
            to_end.append(admitted + 1)
        elif state is not State.OVER:
            taken += 1
            entered += 1
        admitted += 1
    if to_end:
        return Decision(tuple(sorted(to_end)), line.admitted, line.low, taken, 0, 0, more=False)
    low = line.low
    while low < admitted and judged.get(low + 1) is State.OVER:
        low += 1
    ran_out = admitted == last_read < line.issued
    more = ran_out and (taken < line.capacity or judged[admitted] is State.OVER)
    missing = sum([number <= admitted and state is State.MISSING for number, state in judged.items()])
    return Decision((), admitted, low, taken, missing, entered, more=more)


def horizon(line: Line) -> int:
    """Return the last number worth reading: as far as the free places can reach, and some who may have gone away.

    Places that were free when the line last moved still are.
    """
    free = max(0, line.capacity - line.active)
    return min(line.issued, line.admitted + LOOKAHEAD + free)


def settle(
    line: Line, tokens: Mapping[int, Token], at: int, end: Callable[[Sequence[int]], Mapping[int, State]]
) -> Decision:
    """Decide what happens to the line, with everything ended that has to be ended before.

    `tokens` are those from `low + 1` to the horizon, as `states` wants them; `end` ends numbers, in any order, and
    tells what each stands for then.
    """
    judged = states(tokens, line.low + 1, horizon(line), at, line.issued_at)
    for number in range(line.low + 1, min(line.drawn, horizon(line)) + 1):
        if number not in tokens:
            judged[number] = State.MISSING if at < line.calls_until(number) else State.ABANDONED
    while (decision := decide(line, judged)).to_end:
        judged |= end(decision.to_end)
    return decision


def coming(line: Line, decision: Decision, at: int) -> int:
    """Return how many of a thousand whose number was drawn call: those at the front show it, from when they have called
    until they are ended, beside a prior that all do."""
    if not CALLED_SECONDS <= at - line.drawn_at < FIRST_CALL_SECONDS:
        return line.coming
    return 1000 - 1000 * decision.missing // (decision.taken + PRIOR_CALLS)


def moves(line: Line, decision: Decision, at: int) -> bool:
    """Tell whether a decision changes anything that is stored of the line."""
    before = (line.admitted, line.low, line.active, line.coming)
    starts_waiting = line.issued > decision.admitted and not line.sample_at
    return (decision.admitted, decision.low, decision.taken, coming(line, decision, at)) != before or starts_waiting


def measured(line: Line, decision: Decision, at: int) -> Line:
    """Carry the measurement of the rate of entry over a move of the cursor; return the line as it is after the move.

    Entry is measured in numbers, so those who joined and went away count only by making it faster. It is measured only
    while fans wait: what enters an empty queue, or fills it for the first time, says nothing about how fast places come
    free.
    """
    moved = replace(
        line,
        admitted=decision.admitted,
        low=decision.low,
        active=decision.taken,
        coming=coming(line, decision, at),
        advanced_at=at,
    )
    if not moved.waiting:
        return replace(moved, pace=pace_of(line, at) if line.sample_at else line.pace, sample_at=0, sample_from=0)
    if not line.sample_at:
        return replace(moved, sample_at=at, sample_from=moved.admitted)
    if at - line.sample_at >= SAMPLE_SECONDS:
        return replace(moved, pace=pace_of(moved, at), sample_at=at, sample_from=moved.admitted)
    return moved


def pace_of(line: Line, at: int) -> int:
    """Return the time between entries in milliseconds a number: what was known before, or what is certain where nothing
    was, corrected by what has been measured since.

    While nobody enters it grows with the time that nobody has.
    """
    known = line.pace or certain_pace(line)
    if not line.sample_at:
        return known
    entries, elapsed = line.admitted - line.sample_from, max(0, at - line.sample_at) * 1000
    return (PRIOR_ENTRIES * known + elapsed) // (PRIOR_ENTRIES + entries)


def certain_pace(line: Line) -> int:
    """Return the pace that is certain: with every place used to its end, one comes free each so many milliseconds."""
    return line.active_seconds * 1000 // max(1, line.capacity)


def estimated_wait(line: Line, number: int, at: int) -> int:
    """Estimate the seconds until a number may enter, from the measured rate of entry.

    Before anything has been measured, the estimate is what is certain: places come free at the latest after
    `active_seconds`.
    """
    ahead = number - line.admitted
    if ahead <= 0:
        return 0
    return max(1, ahead * pace_of(line, at) // 1000)


def shortest_pace(line: Line, at: int) -> int:
    """Return the shortest time between entries that is plausible, in milliseconds a number."""
    return pace_of(line, at) // (PLAUSIBLE if line.pace else PLAUSIBLE_BEFORE)


def pause(line: Line, number: int, at: int, spread: float = 0.0) -> int:
    """Tell a number in how many seconds to ask again; `spread` as in `poll_after`.

    Where few of those whose number was drawn come, the others have their share of the polls; who calls before that is
    known asks again when it is. Those whom the line reaches as soon as nobody is waited for any more ask just after
    that: they are as many as places come free, spread as their first calls were.
    """
    if number > line.drawn:
        return poll_after(number - line.admitted, shortest_pace(line, at), line.polls_per_second, spread)
    told = poll_after(number - line.admitted, shortest_pace(line, at), line.polls_of_drawn, spread)
    if at < line.drawn_at + CALLED_SECONDS:
        again = FIRST_CALL_SECONDS - (FIRST_CALL_SECONDS - CALLED_SECONDS) * spread
        told = min(told, max(POLL_FASTEST_SECONDS, line.drawn_at + int(again) - at))
    comes = line.calls_until(number) - at
    if comes <= 0 or number > line.capacity * 1000 // line.coming:
        return told
    return min(told, comes + int(POLL_FASTEST_SECONDS * (2 - spread)))


def poll_after(position: int, shortest: int, polls_per_second: int, spread: float) -> int:
    """Tell in how many seconds to ask again, from the position and the shortest pace that is plausible; `spread` in
    [0, 1) says how much of the jitter.

    Those whose turn may be next ask often whatever the estimate, so that a place that comes free is taken at once. The
    others ask as often as a tenth of the wait and a minute say, but no more often than their share of what the API
    takes. Jitter only ever shortens the pause, so the time for which a place is safe, which follows the longest one,
    covers it.
    """
    if position <= FRONT:
        return POLL_FASTEST_SECONDS
    wanted = min(position * shortest / 1000 / POLLS_IN_A_WAIT, POLL_SLOWEST_SECONDS)
    longest = max(wanted, position * SHARES / max(1, polls_per_second))
    return max(int(longest * (1 - JITTER * spread)), POLL_FASTEST_SECONDS)


def life(poll_after_seconds: int) -> int:
    """Return for how many seconds a renewal keeps a waiting place safe, by when it is to poll next at the latest."""
    return poll_after_seconds + SAFE_SECONDS + RENEWED_PAUSES * poll_after_seconds + RENEWED_SECONDS


def must_renew(expires_at: int, poll_after_seconds: int, at: int) -> bool:
    """Tell whether a poll has to write: when the place would not be safe until some time after the next one."""
    return expires_at - at < poll_after_seconds + SAFE_SECONDS
