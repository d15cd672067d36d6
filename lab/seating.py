"""`python -m lab seating`: crowds that ask for the best seats of one section, and what a choice among 20,000 costs."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import dist
from statistics import mean

from booking.best_available import RUSH, Choice, Party, Shortfall, Snapshot, choose
from booking.layout import Row, Section
from lab.measure.warm import Recorded, bare_calls, replaying
from lab.measure.world import World
from lab.tables import Figures

BUDGET = 10
"""In bare reads of one item: where such a read takes half a millisecond of CPU, five milliseconds."""
REPEATS = 10
ROUNDS = 20


def section_of(rows: int, seats: int, first: int = 1) -> Section:
    """Make a section of straight rows whose best seats are in the middle of the first."""
    half = 55 * (seats - 1) // 2
    xs = tuple(range(-half, half + 1, 55))
    labels = tuple(str(number + 1) for number in range(seats))
    made = [
        Row(str(behind + 1), labels, xs, (300 + 95 * behind,) * seats, ("r",) * seats, (seats,))
        for behind in range(rows)
    ]
    return Section(f"from-{first}", "Section", first, (0, 300), (), tuple(made))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a crowd fared: `farther` is how many metres each seat was from the best that was free, on the average."""

    seated: int
    together: int
    refused: int
    conflicts: float
    farther: float


@dataclass(slots=True)
class _Asking:
    seed: str
    chosen: Choice | Shortfall
    conflicts: int = 0


def crowd(section: Section, pairs: int, in_flight: int, rush: int, seed: int) -> Outcome:
    """Let pairs ask, so many at once; each chooses from the seats as they were when it asked or met a conflict.

    They are answered in a random order. Who meets a conflict reads again, and its place in flight is not another's.
    """
    order = random.Random(seed)  # noqa: S311 - a model needs no secrecy
    taken: set[int] = set()
    conflicts = refused = together = 0
    farther: list[float] = []

    def ask(name: str, met: int = 0) -> _Asking:
        return _Asking(name, choose([Snapshot(section, set(taken))], Party(2), name, rush=rush, conflicts=met), met)

    names = iter([f"{seed}-{number}" for number in range(pairs)])
    asking = [ask(name) for name in islice(names, in_flight)]
    while asking:
        position = order.randrange(len(asking))
        one = asking[position]
        if isinstance(one.chosen, Choice) and taken.intersection(one.chosen.seats):
            conflicts += 1
            asking[position] = ask(one.seed, one.conflicts + 1)
            continue
        if isinstance(one.chosen, Choice):
            best = choose([Snapshot(section, taken)], Party(2), "", rush=0)
            farther.append(_metres(section, one.chosen) - _metres(section, best))
            together += one.chosen.together
            taken.update(one.chosen.seats)
        else:
            refused += 1
        following = next(names, None)
        asking[position : position + 1] = [] if following is None else [ask(following)]
    return Outcome(len(farther), together, refused, conflicts / len(farther), mean(farther))


def _metres(section: Section, chosen: Choice | Shortfall) -> float:
    seats = chosen.seats if isinstance(chosen, Choice) else ()
    return mean(dist((section.seat(each)["x"], section.seat(each)["y"]), section.focus) for each in seats) / 100


def average(section: Section, pairs: int, in_flight: int, rush: int) -> Outcome:
    """Average over crowds that differ by their seeds only."""
    outcomes = [crowd(section, pairs, in_flight, rush, seed) for seed in range(REPEATS)]
    return Outcome(
        sum(each.seated for each in outcomes),
        sum(each.together for each in outcomes),
        sum(each.refused for each in outcomes),
        mean(each.conflicts for each in outcomes),
        mean(each.farther for each in outcomes),
    )


def states() -> dict[str, list[Snapshot]]:
    """Name halls of 20,000 seats in the states that cost most, or least."""
    chance = random.Random(1)  # noqa: S311 - a model needs no secrecy
    sections = [section_of(20, 25, first) for first in range(1, 20_000, 500)]

    def sold(is_sold: Callable[[int], bool]) -> list[Snapshot]:
        return [Snapshot(each, [number for number in each.numbers if is_sold(number)]) for each in sections]

    return {
        "empty": sold(lambda _: False),
        "half sold, at random": sold(lambda _: chance.random() < 0.5),
        "only the last section free": sold(lambda number: number <= 19_500),
        "every other seat sold": sold(lambda number: number % 2 == 0),
        "sold out": sold(lambda _: True),
    }


def cpu() -> dict[str, tuple[float, float]]:
    """Measure the CPU of one choice for a pair and for four, by state, against one bare read of an item.

    They take turns in one run. The best of several rounds counts, as noise only adds.
    """
    body = b'{"Item": {"pk": {"S": "CONCERT"}, "sk": {"S": "a"}, "salesOpenAt": {"N": "1767574800"}}}'
    parameters = {"TableName": "catalog", "Key": {"pk": {"S": "CONCERT"}, "sk": {"S": "a"}}}
    recorded = [Recorded("dynamodb", "GetItem", parameters, body)]
    halls = states()
    with World(), replaying(recorded):
        bare = bare_calls(recorded)
        best: dict[tuple[str, int], float] = {}
        reference = float("inf")
        for _ in range(ROUNDS):
            reference = min(reference, _seconds(bare))
            for name, snapshots in halls.items():
                for quantity in (2, 4):
                    spent = _seconds(partial(choose, snapshots, Party(quantity), ""))
                    best[name, quantity] = min(best.get((name, quantity), spent), spent)
    return {name: (best[name, 2] / reference, best[name, 4] / reference) for name in halls}


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def seating() -> None:
    """Show what choosing the best seats costs in conflicts, in metres and in CPU."""
    section = section_of(20, 25)
    columns = ("in flight", "taken to be", "conflicts a success", "m farther than the best", "together", "refused")
    rows: list[tuple[str, ...]] = []
    for in_flight, rush in ((1, 0), (1, RUSH), (20, 0), (20, RUSH), (200, RUSH), (200, 200)):
        each = average(section, 200, in_flight, rush)
        together = f"{each.together} of {each.seated}"
        rows.append(
            (str(in_flight), str(rush), f"{each.conflicts:.2f}", f"{each.farther:.1f}", together, str(each.refused))
        )
    title = f"200 pairs in a section of {section.seats_total}, average of {REPEATS} crowds"
    Figures(title, columns, rows).show()
    rows = [(name, *(f"{ratio:.1f}" for ratio in ratios)) for name, ratios in cpu().items()]
    Figures("CPU, in reads of one item by the bare client", ("20,000 seats", "for 2", "for 4"), rows).show()
