"""Which seats parties get in many halls, word for word: whoever changes the choosing sees here which choices change.

With `WRITE_OUTCOMES=1` in the environment the choices are written down as they are now.
"""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

from booking.best_available import Alone, Choice, Party, Shortfall, Snapshot, choose, leaves_single
from booking.layout import Section
from booking.publishing.document import Mistaken
from booking.publishing.hall_file import read_hall
from tests.kept import assert_kept
from tests.tools.test_halls_by_chance import built, hall
from tests.unit.test_best_available import accessible_hall, section_of

HERE = Path(__file__)
CHOICES = HERE.with_name("best_available_choices.txt")
HALLS = 60
"""How many halls dice describe, beside those that are here for a reason; not all of them are right."""
DEMO = HERE.parents[2] / "catalog" / "halls" / "namsan-philharmonic.yaml"


def sections() -> Iterator[tuple[Section, ...]]:
    """Give halls: arcs of the demo, straight rows with aisles, bends, grades and accessible places."""
    demo = read_hall(DEMO.name, DEMO.read_text("utf-8")).sections
    yield demo[0], demo[1]
    yield demo[2], demo[4]
    yield demo[-1], demo[1]
    yield (section_of([4, 6, 4], [5, 5, 5], [6, 6], [12], [3, 3, 3], bend=40),)
    yield (section_of([9], [9], [9], grades=("r",) * 9 + ("r", "r", "s") * 3 + ("s",) * 9),)
    yield section_of([7, 2], [8]), section_of([5], [5], [2, 2], first=18, section_id="balcony", bend=80)
    yield (accessible_hall().section,)
    yield (
        section_of(
            [9, 4], [3, 7], [12], accessible=[2, 5, 12, 17, 20, 30], companions=[(3, 2), (6, 5), (18, 17), (31, 30)]
        ),
    )
    dice = random.Random(8)
    for _ in range(HALLS):
        with contextlib.suppress(Mistaken):
            yield built(hall(dice)).sections[:2]


def taken_of(section: Section, share: float, chance: random.Random) -> set[int]:
    """Take a share of a section, in blocks of one to four seats."""
    taken: set[int] = set()
    while len(taken) < share * len(section.numbers):
        start = chance.choice(section.numbers)
        taken |= set(range(start, start + chance.randint(1, 4))) & set(section.numbers)
    return taken


def choices() -> Iterator[str]:
    """Tell what each of many parties gets, a line each."""
    chance = random.Random(7)
    for number, parts in enumerate(sections()):
        grades = [None, None, *parts[0].grade_counts]
        for share in (0, 0.5, 0.85, 0.95):
            snapshots = [Snapshot(section, taken_of(section, share, chance)) for section in parts]
            for turn in range(12):
                party = Party(
                    chance.choice([1, 2, 2, 3, 4, 7, 11]),
                    chance.choice(grades),
                    accessible=turn % 2 == 1 if parts[0].accessible else turn % 4 == 3,
                    released=turn % 6 == 5,
                )
                rush, conflicts = chance.choice([0, 1, 20]), chance.choice([0, 0, 2])
                chosen = choose(snapshots, party, f"{number} {turn}", rush=rush, conflicts=conflicts)
                yield f"{number} {share} {told(chosen)}"
            free = sorted(set(parts[0].numbers) - set(snapshots[0].taken))
            for _ in range(12 if free else 0):
                start = chance.randrange(len(free))
                picked = free[start : start + chance.randint(1, 4)]
                yield f"{number} {share} picked {told(leaves_single(snapshots[0], picked))}"


def told(what: Choice | Shortfall | Alone | None) -> str:
    """Write down what a party is told."""
    match what:
        case Choice(seats, together):
            return f"{'together' if together else 'apart'} {' '.join(map(str, seats))}"
        case Shortfall(available, together):
            return f"short {available} {together}"
        case Alone(seats, instead):
            return f"leaves {' '.join(map(str, seats))} instead {' '.join(map(str, instead))}"
        case None:
            return "fine"


def test_every_party_gets_the_seats_that_it_got_before() -> None:
    assert_kept(CHOICES, list(choices()))
