"""What the waiting room's policy and the fees come to for thousands of cases that dice make, word for word.

With `WRITE_OUTCOMES=1` in the environment they are written down as they are now: whoever changes a rule sees here which
cases it changes.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from booking import clock, fees
from booking.queue import admission
from booking.queue.admission import Line, State, Token
from tests.kept import assert_kept, digest, plain
from tests.world import START

ZONES = ("Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns")


def line_of(dice: random.Random, at: int) -> Line:
    """Make a line as it may be stored: at its beginning or far on, drawn or not, measured or not."""
    low = dice.choice([0, 0, 3, 70_000])
    capacity = dice.choice([0, 1, 2, 5, 30, 4000])
    admitted = low + dice.randint(0, min(capacity, 40) + 2)
    issued = admitted + dice.choice([0, 1, 2, 9, 55, 300])
    begun = dice.choice([0, at - dice.randint(0, 130)])
    return Line(
        capacity,
        active_seconds=dice.choice([600, 97]),
        polls_per_second=dice.choice([0, 1, 7, 3000]),
        drawn=dice.choice([0, 0, admitted + dice.randint(0, 9), issued]),
        drawn_at=at - dice.randint(0, 90),
        calls_front=dice.choice([0, low + 4, admitted]),
        coming=dice.choice([1000, 1000, 412, 77]),
        closed=dice.random() < 0.2,
        admitted=admitted,
        low=low,
        issued=issued,
        issued_at=dice.choice([0, at - dice.randint(0, 9)]),
        pace=dice.choice([0, 1, 37, 5210]),
        sample_at=begun,
        sample_from=max(0, admitted - dice.randint(0, 30)) if begun else 0,
        active=dice.randint(0, min(capacity, 40) + 1),
        advanced_at=at - dice.randint(0, 9),
    )


def tokens_of(dice: random.Random, line: Line, at: int) -> dict[int, Token]:
    """Make the tokens that are read of a line, and now and then the one behind them."""
    tokens: dict[int, Token] = {}
    there = dice.choice([0.5, 0.9, 1])
    for number in range(line.low + 1, admission.horizon(line) + dice.randint(1, 2)):
        if dice.random() < there:
            status = dice.choice(["WAITING", "ACTIVE", "FINISHED", "EXPIRED"])
            token: Token = {"status": status}  # type: ignore[typeddict-item]
            if status not in admission.OVER or dice.random() < 0.5:
                token |= {"expiresAt": at + dice.randint(-3, 20), "joinedAt": at - dice.randint(0, 12)}
            tokens[number] = token
    return tokens


def moved_on(dice: random.Random, line: Line, tokens: dict[int, Token], at: int) -> Any:
    """Settle a line, where what is to be ended is over by then, or somebody's after all."""
    asked: list[Any] = []

    def end(numbers: Sequence[int]) -> dict[int, State]:
        asked.append(list(numbers))
        return {number: State.TAKEN if dice.random() < 0.2 else State.OVER for number in numbers}

    decision = admission.settle(line, tokens, at, end)
    after = admission.measured(line, decision, at)
    return [asked, astuple(decision), admission.moves(line, decision, at), astuple(after)]


def told(dice: random.Random, line: Line, at: int) -> Any:
    """Tell what fans of a line are told."""
    spread = dice.choice([0, 0.25, 0.97])
    numbers = [line.admitted + ahead for ahead in (-1, 0, 1, 2, 10, 11, 12, 60, 2500)]
    pauses = [admission.pause(line, number, at, spread) for number in numbers]
    safe = [[admission.life(each), admission.must_renew(at + 70 + each, each + 5, at)] for each in pauses]
    edge = [admission.must_renew(at + each + admission.SAFE_SECONDS, each, at) for each in pauses]
    waits = [admission.estimated_wait(line, number, at) for number in numbers]
    calls = [line.calls_until(number) - at for number in numbers]
    return [pauses, safe, edge, waits, calls, line.waiting, line.polls_of_drawn, admission.shortest_pace(line, at)]


def lines() -> Iterator[str]:
    """Tell what becomes of many lines, a line each."""
    dice = random.Random(11)
    for _ in range(2500):
        at = START + dice.randint(0, 5000)
        line = line_of(dice, at)
        moved = moved_on(dice, line, tokens_of(dice, line, at), at)
        shown = told(dice, line, at)
        yield f"{plain(moved[1][1:])} {plain(shown[0])} {digest(plain([line.paused, moved, shown]))}"


def quotes() -> Iterator[str]:
    """Tell what is kept of many bookings, a line each."""
    dice = random.Random(12)
    for _ in range(600):
        days = sorted(dice.sample(range(15), dice.randint(0, 5)), reverse=True)
        policy: Any = {"steps": [[each, dice.choice([0, 3, 10, 33, 90, 100])] for each in days]}
        policy |= {"freeHours": dice.choice([0, 1, 24, 50]), "freeDays": dice.choice([0, 1, 3])} if days else {}
        starts = START + dice.randint(0, 300 * clock.DAY)
        paid = starts - dice.randint(1, 20 * clock.DAY)
        terms = fees.Terms(policy, starts, dice.choice(ZONES), paid, moved=dice.random() < 0.1)
        at = dice.choice([paid + dice.randint(0, starts - paid + 5), paid + policy.get("freeHours", 0) * clock.HOUR])
        prices = [dice.choice([0, 99, 101, 12_345, 77_000]) for _ in range(dice.randint(1, 5))]
        try:
            yield plain([*fees.quote(terms, prices, at)])
        except fees.NotAllowed as refused:
            yield refused.reason


def test_every_line_becomes_what_it_became_before() -> None:
    assert_kept(Path(__file__).with_name("policies_of_lines.txt"), list(lines()))


def test_every_booking_is_quoted_what_it_was_quoted_before() -> None:
    assert_kept(Path(__file__).with_name("policies_of_fees.txt"), list(quotes()))
