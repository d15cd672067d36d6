"""A queue with virtual fans and a virtual clock, moved by the real policy: `booking.queue.admission`.

Everything that the policy decides is asked of it: who occupies a place, how far the cursor moves, the estimated wait,
when to poll next, when a poll has to write. Here are only the fans, the clock, and the bill. Fans are many, so what
they do is worked on as arrays, second by second; the tokens near the cursor are items as in the table, for the policy
to judge.

Fans join as fast as one counter can number them, and no faster than the API's route for joins takes. Polls past the
API's throttle are refused, and come back as the page does. A place is lost only when the line has ended it; one whose
fan is there and polls as told would be lost by refusals, or by too long a pause. Of those who wait, a part
(`abandonment`) goes away without a word, at a moment spread evenly over the wait that the line had for them when they
joined; the others poll as they are told. Who is in stays for a time drawn from a log-normal distribution, never longer
than the active window.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from booking.queue import admission
from booking.queue.admission import Line, State, Token
from booking.queue.items import BLOCK
from booking.queue.opening import SPREAD_SECONDS
from booking.queue.tick import ENDS, ROUNDS, THREADS
from lab.measure.prices import Bill
from lab.measure.units import read_units

type Array = np.ndarray[Any, np.dtype[Any]]

WAITING, ACTIVE, OVER, GONE = 0, 1, 2, 3
"""What a fan is; GONE is a fan who was told that the place had ended."""

TOKEN_BYTES = 260
"""Size of a token item, from the recorded writes (a test holds this number to them)."""
QUEUE_BYTES = 330
TOMBSTONE_BYTES = 100
ENDS_A_SECOND = round(THREADS / 0.006)
"""How many numbers a tick ends a second: as many threads, six milliseconds for each write."""
EARLY_SECONDS = 5
"""How long before the time that was told a draw is done; fans ask from that time on."""
BLOCK_SECONDS = 0.01
"""How long a tick reads a block of tokens."""
POLLS_A_PROCESS = 50
"""Polls a second that one process of the function answers; each process reads the queue item at most once a second."""

_life: Any = admission.life
_must_renew: Any = admission.must_renew
"""Both are arithmetic only, so they take arrays as well."""


def _pauses(position: int, shortest: int, polls_per_second: int, spread: float) -> tuple[int, int]:
    """Ask the policy for the longest pause of a position, and for the one with jitter that is told."""
    longest = admission.poll_after(position, shortest, polls_per_second, 0)
    return longest, admission.poll_after(position, shortest, polls_per_second, spread)


def _pauses_in(line: Line, at: int, number: int, spread: float) -> tuple[int, int]:
    """Ask for the same while some may still call for the first time."""
    return admission.pause(line, number, at), admission.pause(line, number, at, spread)


_all_pauses = np.frompyfunc(_pauses, 4, 2)


@dataclass(frozen=True)
class Crowd:
    """Who comes to an on-sale, and how the queue is set up. Times are in seconds."""

    fans: int
    capacity: int
    abandonment: float = 0.0
    session_mean: float = 180.0
    active_seconds: int = 600
    tick_seconds: int = 2
    joins_a_second: int = 1000
    polls_a_second: int = 3000
    """What the API takes; past it, and past the burst, it answers 429. The policy goes by the same, or by `told`."""
    polls_burst: int = 1500
    told: int = 0
    horizon: int = 20_000
    capacities: tuple[tuple[int, int], ...] = ()
    """Changes of the capacity by an operator: when, and to what."""
    drawn: bool = False
    """Whether all of them were in a lobby whose order is drawn at 0. Then those who go away never call."""
    static: bool = True
    """Whether they know their numbers from the static result. Otherwise they all ask at once, and hear them so."""
    seed: int = 7


@dataclass
class Outcome:
    """What happened. Series have one value for each second."""

    crowd: Crowd
    bills: dict[str, Bill]
    """What was asked of AWS, by who asked."""
    active: Array
    capacity: Array
    present: Array
    polls: Array
    refusals: Array
    """The polls that the API's throttle refused."""
    told_at: Array
    waited: Array
    estimated: Array
    entered: int
    lost: int
    in_order: bool
    seconds: int

    @property
    def refused(self) -> int:
        """How many polls the API's throttle refused."""
        return int(self.refusals.sum())

    @property
    def utilisation(self) -> float:
        """The part of the places that was in use, in the seconds in which present fans waited for one."""
        return self.used(2, self.seconds)

    def used(self, since: int, until: int) -> float:
        """Return the same for a part of the time."""
        wanted = (self.present > 0) & (self.capacity > 0)
        wanted[:since] = wanted[until:] = False
        return float(np.minimum(self.active, self.capacity)[wanted].sum() / max(1, self.capacity[wanted].sum()))

    @property
    def most_over(self) -> int:
        """By how many the active ever passed the capacity while it was not being lowered."""
        lowered = np.zeros(len(self.active), dtype=bool)
        for at, _ in self.crowd.capacities:
            lowered[at : at + self.crowd.active_seconds] = True
        return int(np.maximum(0, self.active - self.capacity)[~lowered].max(initial=0))

    def error_of_estimate(self, since: int = 120) -> tuple[float, float]:
        """Median and 90th percentile of |estimate - wait| / wait, over estimates of those who then waited a minute or
        more, given from `since` seconds after the opening on."""
        counted = (self.waited >= 60) & (self.told_at >= since)
        if not counted.any():
            return 0.0, 0.0
        error = np.abs(self.estimated[counted] - self.waited[counted]) / self.waited[counted]
        return float(np.median(error)), float(np.percentile(error, 90))


class Fans:
    """The crowd as arrays; index = number - 1."""

    def __init__(self, crowd: Crowd) -> None:
        random = np.random.default_rng(crowd.seed)
        n = crowd.fans
        self.random = random
        self.joins_at = (np.arange(n) // crowd.joins_a_second).astype(np.int32)
        sigma = 0.8
        mean = np.log(crowd.session_mean) - sigma**2 / 2
        self.session = np.clip(random.lognormal(mean, sigma, n), 5, crowd.active_seconds).astype(np.int32)
        self.session = _with_mean(self.session, crowd.session_mean, crowd.active_seconds)
        pace = self.session.mean() / crowd.capacity
        wait = np.maximum(0, np.arange(1, n + 1) - crowd.capacity) * pace * (1 - crowd.abandonment)
        leaves = random.random(n) < crowd.abandonment
        never = np.iinfo(np.int32).max
        self.leaves_at = np.where(leaves & (wait > 0), self.joins_at + random.random(n) * wait, never).astype(np.int32)
        self.status = np.zeros(n, dtype=np.int8)
        self.expires_at = np.zeros(n, dtype=np.int32)
        self.polls_at = np.full(n, never, dtype=np.int32)
        self.told = np.zeros(n, dtype=np.int32)
        self.ends_at = np.full(n, never, dtype=np.int32)
        self.entered_at = np.full(n, -1, dtype=np.int32)
        self.joined = 0
        self.called = np.ones(n, dtype=bool)

    def draw(self, line: Line, absent: float, *, static: bool) -> None:
        """Have everybody's number drawn already, to call first when they know it and it is their time, or as soon as
        they ask where they hear it only so; a part of them never does."""
        self.joined = len(self.called)
        self.leaves_at = np.where(self.random.random(self.joined) < absent, 0, np.iinfo(np.int32).max).astype(np.int32)
        self.called[:] = False
        self.told[:] = SPREAD_SECONDS
        later = np.maximum(0, np.arange(1, self.joined + 1) - line.calls_front) // line.calls_per_second
        asked = EARLY_SECONDS + self.random.integers(0, SPREAD_SECONDS, self.joined)
        jitter = self.random.integers(0, 3, self.joined)
        self.polls_at = (np.maximum(later, asked) + jitter if static else asked).astype(np.int32)
        self.joins_at = self.polls_at.copy()


def _with_mean(session: Array, mean: float, longest: int) -> Array:
    """Scale sessions so that their mean is as asked for although the longest were cut."""
    for _ in range(20):
        session = np.clip(session * (mean / session.mean()), 5, longest)
    return np.rint(session).astype(np.int32)


class Room:
    """The waiting room: joins, polls and ticks, with the policy of the deployed code."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, self.fans = crowd, Fans(crowd)
        self.bills: dict[str, Bill] = defaultdict(Bill)
        self.line = Line(
            capacity=crowd.capacity,
            active_seconds=crowd.active_seconds,
            polls_per_second=crowd.told or crowd.polls_a_second,
        )
        if crowd.drawn:
            self.line = replace(self.line, drawn=crowd.fans, calls_front=crowd.capacity)
            self.fans.draw(self.line, crowd.abandonment, static=crowd.static)
        self.seen = self.line
        self.tokens: dict[int, Token] = {}
        self.items_to = 0
        self.lost = self.refused = 0
        self.may_poll = float(crowd.polls_burst)
        """What is left in the throttle's bucket."""
        self.one_in = max(1, crowd.fans // 500)
        """Of how many fans one's estimates are noted."""
        self.told: list[tuple[int, int, int]] = []

    def join(self, at: int) -> None:
        """Hand numbers and tokens to those who come now."""
        fans, first = self.fans, self.fans.joined
        last = int(np.searchsorted(fans.joins_at, at, side="right"))
        if last <= first:
            return
        new = np.arange(first, last)
        longest = self.tell(new, at)
        fans.expires_at[new] = at + _life(longest)
        fans.joined = last
        self.bills["joins"] += Bill(0.5, 3, http_calls=1, lambda_calls=1) * len(new)

    def tell(self, indices: Array, at: int) -> Array:
        """Tell fans when to poll next, as the policy has it; return the longest pauses that they could have been
        told."""
        fans, line = self.fans, self.seen
        spread = fans.random.random(len(indices))
        if at < line.calls_until(line.drawn):
            longest, told = np.frompyfunc(partial(_pauses_in, line, at), 2, 2)(indices + 1, spread)
        else:
            shortest = admission.shortest_pace(line, at)
            longest, told = _all_pauses(indices + 1 - line.admitted, shortest, line.polls_of_drawn, spread)
        fans.told[indices] = told.astype(np.int32)
        fans.polls_at[indices] = at + fans.told[indices]
        return np.asarray(longest.astype(np.int32))

    def throttle(self, due: Array, at: int) -> Array:
        """Let as many polls through as the API takes. The others' fans wait for what they were told last, and some
        more, as the page does."""
        fans, crowd = self.fans, self.crowd
        self.may_poll = min(crowd.polls_burst, self.may_poll) + crowd.polls_a_second
        through = min(len(due), int(self.may_poll))
        self.may_poll -= through
        if through == len(due):
            return due
        mixed = fans.random.permutation(due)
        refused = mixed[through:]
        self.refused += len(refused)
        again = fans.told[refused] * (1 + 0.3 * fans.random.random(len(refused)))
        fans.polls_at[refused] = at + np.ceil(again).astype(np.int32)
        return np.sort(mixed[:through])

    def poll(self, at: int) -> int:
        """Let everybody poll who is to poll now; return how many."""
        fans = self.fans
        due = np.nonzero(fans.polls_at[: fans.joined] <= at)[0]
        due = due[(fans.status[due] == WAITING) & (fans.leaves_at[due] > at)]
        due = self.throttle(due, at)
        if not len(due):
            return 0
        self.open(due[~fans.called[due]], at)
        may_enter = due < self.seen.admitted
        for index in due[may_enter]:
            self.enter(int(index), at)
        waiting = due[~may_enter]
        if len(waiting):
            longest = self.tell(waiting, at)
            must = _must_renew(fans.expires_at[waiting], longest, at)
            renew = waiting[must]
            fans.expires_at[renew] = at + _life(longest[must])
            for index in renew[renew < self.items_to]:
                if (token := self.tokens.get(int(index) + 1)) is not None:
                    token["expiresAt"] = int(fans.expires_at[index])
            self.bills["polls"] += Bill(write_units=len(renew))
            self.note(waiting[waiting % self.one_in == 0], at)
        self.bills["polls"] += Bill(read_units=0.5 * min(len(due), np.ceil(len(due) / POLLS_A_PROCESS)))
        self.bills["polls"] += Bill(http_calls=1, lambda_calls=1) * len(due)
        return len(due)

    def open(self, indices: Array, at: int) -> None:
        """Write the tokens of those whose number was drawn and who call for the first time."""
        fans = self.fans
        fans.called[indices] = True
        fans.expires_at[indices] = at + _life(self.tell(indices, at)) if len(indices) else at
        for index in indices[indices < self.items_to]:
            self.tokens[int(index) + 1] = self.item(int(index))
        self.bills["joins"] += Bill(2.5, 2) * len(indices)

    def note(self, indices: Array, at: int) -> None:
        """Note the estimates that a sample of the fans is given, to hold them against what comes."""
        for index in indices:
            wait = admission.estimated_wait(self.seen, int(index) + 1, at)
            self.told.append((int(index), at, wait))

    def enter(self, index: int, at: int) -> None:
        """Turn a token ACTIVE."""
        fans, until = self.fans, at + self.crowd.active_seconds
        fans.status[index], fans.entered_at[index], fans.expires_at[index] = ACTIVE, at, until
        fans.ends_at[index] = at + fans.session[index]
        self.tokens[index + 1] |= {"status": "ACTIVE", "expiresAt": until}
        self.bills["polls"] += Bill(write_units=1)

    def finish(self, at: int) -> int:
        """End the sessions that are over, by paying or leaving; return how many."""
        fans = self.fans
        ended = np.nonzero(fans.ends_at[: self.line.admitted] <= at)[0]
        ended = ended[fans.status[ended] == ACTIVE]
        for index in ended:
            fans.status[index] = OVER
            if (token := self.tokens.get(int(index) + 1)) is not None:
                token["status"] = "FINISHED"
        self.bills["turns that end"] += Bill(write_units=len(ended))
        return len(ended)

    def tick(self, at: int) -> float:
        """Move the line on, by the tick's own decisions; return how many seconds that takes."""
        ended = 0

        def end(numbers: Sequence[int]) -> dict[int, State]:
            nonlocal ended
            ending = numbers[: ENDS - ended]
            ended += len(ending)
            return dict.fromkeys(numbers, State.TAKEN) | {number: self.end(number, at) for number in ending}

        read_to, took = self.line.low, 0.0
        for _ in range(ROUNDS):
            line = self.line
            self.bills["ticks"] += Bill(read_units=2)
            line = replace(line, issued=self.fans.joined, issued_at=at)
            last = admission.horizon(line)
            self.items(last)
            new = [self.tokens[number] for number in range(read_to + 1, last + 1) if number in self.tokens]
            size = sum(TOKEN_BYTES if "joinedAt" in token else TOMBSTONE_BYTES for token in new)
            self.bills["ticks"] += Bill(read_units=read_units(size, consistent=True))
            took += max(0, (last - read_to) // BLOCK + 1) * BLOCK_SECONDS
            read_to = max(read_to, last)
            decision = admission.settle(line, self.tokens, at, end)
            if admission.moves(line, decision, at):
                self.bills["ticks"] += Bill(write_units=1)
                line = admission.measured(line, decision, at)
            for number in range(self.line.low + 1, line.low + 1):
                self.tokens.pop(number, None)
            self.line = line
            if not decision.more:
                break
        return took + ended / ENDS_A_SECOND

    def end(self, number: int, at: int) -> State:
        """End a token whose time is over, or close a drawn number whose fan has not called."""
        fans, index = self.fans, number - 1
        self.tokens.setdefault(number, {"status": "EXPIRED"})["status"] = "EXPIRED"
        self.bills["ticks"] += Bill(write_units=1)
        self.lost += bool(fans.status[index] == WAITING and fans.leaves_at[index] > at)
        fans.status[index] = GONE if fans.status[index] == WAITING else OVER
        return State.OVER

    def items(self, last: int) -> None:
        """Make items of the tokens up to a number."""
        for index in range(self.items_to, last):
            if self.fans.called[index]:
                self.tokens[index + 1] = self.item(index)
        self.items_to = max(self.items_to, last)

    def item(self, index: int) -> Token:
        """Make an item of a waiting token."""
        fans = self.fans
        return {"status": "WAITING", "expiresAt": int(fans.expires_at[index]), "joinedAt": int(fans.joins_at[index])}

    def present_waiting(self, at: int) -> int:
        """Count those who wait and are still there."""
        fans = self.fans
        joined = slice(0, fans.joined)
        return int(((fans.status[joined] == WAITING) & (fans.leaves_at[joined] > at)).sum())


def run(crowd: Crowd, on_progress: Callable[[float], None] | None = None) -> Outcome:
    """Let a crowd through the waiting room, until nobody is left or the horizon has come."""
    room = Room(crowd)
    fans = room.fans
    active, capacity, present, polls, refusals = [], [], [], [], []
    changes = dict(crowd.capacities)
    at = tick_at = seen_at = 0
    for at in range(crowd.horizon):
        if at in changes:
            room.line = replace(room.line, capacity=changes[at])
        if at >= seen_at:
            room.seen = room.line
        room.join(at)
        room.finish(at)
        refused = room.refused
        polls.append(room.poll(at))
        refusals.append(room.refused - refused)
        if at == tick_at:
            seen_at = at + int(room.tick(at))
            tick_at = max(seen_at, at + crowd.tick_seconds)
        active.append(int((fans.status[: room.line.admitted] == ACTIVE).sum()))
        capacity.append(room.line.capacity)
        present.append(room.present_waiting(at))
        if on_progress and at % 50 == 0:
            on_progress(max(at / crowd.horizon, room.line.admitted / crowd.fans))
        if fans.joined == crowd.fans and not present[-1]:
            break
    entered = np.nonzero(fans.entered_at >= 0)[0]
    told = np.array(room.told or [(0, 0, 0)])
    told = told[fans.entered_at[told[:, 0]] >= 0]
    order = fans.entered_at[entered] - np.maximum.accumulate(fans.entered_at[entered])
    if on_progress:
        on_progress(1)
    return Outcome(
        crowd,
        room.bills,
        np.array(active),
        np.array(capacity),
        np.array(present),
        np.array(polls),
        np.array(refusals),
        told[:, 1],
        fans.entered_at[told[:, 0]] - told[:, 1],
        told[:, 2],
        len(entered),
        room.lost,
        bool((order >= -admission.POLL_SLOWEST_SECONDS).all()),
        at + 1,
    )


def counter_of_unreleased(crowd: Crowd, *, leaking: bool = False) -> tuple[int, float]:
    """Let the same crowd through a queue that counts tokens issued and not released, as the max-size strategy of AWS
    Virtual Waiting Room does: when sessions report that they have ended, the serving number moves on by as many, if
    the count of living tokens leaves that much room. Who was let in and has not claimed a token yet is not counted,
    and who never will reports no end. `leaking` is the strategy as it is published, in which the number of ends is
    never set back to 0 while its process lives.

    Gives the most active at once, and the part of the places in use while present fans waited.
    """
    fans = Fans(crowd)
    never = np.iinfo(np.int32).max
    serving, most, used, offered, reported = crowd.capacity, 0, 0, 0, 0
    claims_after = fans.random.integers(1, admission.POLL_SLOWEST_SECONDS + 1, crowd.fans)
    let_in_at = fans.joins_at.copy()
    for at in range(crowd.horizon):
        joined = int(np.searchsorted(fans.joins_at, at, side="right"))
        ended = np.nonzero((fans.ends_at[:serving] <= at) & (fans.status[:serving] == ACTIVE))[0]
        fans.status[ended], fans.ends_at[ended] = OVER, never
        came = min(serving, joined)
        ready = (fans.status[:came] == WAITING) & (let_in_at[:came] + claims_after[:came] <= at)
        claims = np.nonzero(ready & (fans.leaves_at[:came] > at))[0]
        fans.status[claims], fans.ends_at[claims] = ACTIVE, at + fans.session[claims]
        active = int((fans.status[:came] == ACTIVE).sum())
        if len(ended):
            reported = len(ended) + (reported if leaking else 0)
            more = min(reported, max(0, crowd.capacity - active))
            let_in_at[serving : serving + more] = at
            serving = min(crowd.fans, serving + more)
        most = max(most, active)
        if ((fans.status[serving:joined] == WAITING) & (fans.leaves_at[serving:joined] > at)).any():
            used, offered = used + min(active, crowd.capacity), offered + crowd.capacity
        elif joined == crowd.fans:
            break
    return most, used / max(1, offered)


def fixed_rate(crowd: Crowd) -> tuple[int, float]:
    """Let the same crowd through a queue that lets in a fixed number a minute, set to what the sessions' mean says.

    Gives the most active at once, and the part of the places in use while present fans waited.
    """
    fans = Fans(crowd)
    rate = crowd.capacity / float(fans.session.mean())
    most = used = offered = 0
    for at in range(crowd.horizon):
        joined = int(np.searchsorted(fans.joins_at, at, side="right"))
        serving = min(joined, crowd.capacity + int(rate * 60) * (at // 60))
        fans.status[:serving][fans.ends_at[:serving] <= at] = OVER
        come = np.nonzero((fans.status[:serving] == WAITING) & (fans.leaves_at[:serving] > at))[0]
        fans.status[come], fans.ends_at[come] = ACTIVE, at + fans.session[come]
        active = int((fans.status[:serving] == ACTIVE).sum())
        most = max(most, active)
        if ((fans.status[serving:joined] == WAITING) & (fans.leaves_at[serving:joined] > at)).any():
            used, offered = used + min(active, crowd.capacity), offered + crowd.capacity
        elif joined == crowd.fans:
            break
    return most, used / max(1, offered)


def crowds(sizes: Iterable[tuple[int, int, int]], abandonments: Iterable[float]) -> list[Crowd]:
    """Return a crowd for each size (fans, capacity, horizon) and each part that goes away."""
    return [Crowd(fans, capacity, part, horizon=horizon) for fans, capacity, horizon in sizes for part in abandonments]
