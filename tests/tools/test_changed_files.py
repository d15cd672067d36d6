"""An organiser's file with a line changed by chance: what is told of each, word for word, or what it comes to.

With `WRITE_OUTCOMES=1` in the environment what is told now is written down.
"""

import json
import random
import re
from pathlib import Path

from booking.layout import Hall
from booking.publishing.catalog_file import read_catalog
from booking.publishing.document import Mistaken
from tests.kept import assert_kept, digest

TOLD = Path(__file__).with_name("changed_files.txt")
FILES = 400
GOOD = """\
halls:
  - hallId: opera
    name: The Opera
    translations: { ko: { name: 오페라 } }
    grades:
      - { gradeId: vip, name: VIP, translations: { ko: { name: VIP석 } } }
      - { gradeId: r, name: R }
      - { gradeId: s, name: S }
    sections:
      - sectionId: stalls
        name: Stalls
        grade: vip
        at: [0, 300]
        focus: [0, 0]
        rows:
          - { rows: A-C, seats: 1-12, aisles: [4, -4], accessible: [1, 12], companions: { 2: 1, 11: 12 } }
          - { rows: D-F, skip: [E], seats: 14, grow: 2, grade: r, gap: 120, shift: -30 }
          - { rows: [G, H], seats: "1-9", step: 1, numbered: from right, missing: [3, 4], grades: { s: [1, 9] } }
      - sectionId: left
        name: Left
        translations: { ko: { name: 왼쪽 } }
        grade: r
        at: [-900, 400]
        align: right
        seatWidth: 60
        rowDepth: 100
        aisleWidth: 130
        rows:
          - { rows: 1-4, seats: 5, first: 101, grow: 1 }
        mirror: { sectionId: right, name: Right }
      - sectionId: "box-{n}"
        name: "Box {n}"
        grade: s
        radius: 2600
        bearing: -60
        centre: [0, 100]
        around: { times: 3, turn: 60 }
        rows:
          - { rows: A-B, seats: 4 }
      - sectionId: circle
        name: Circle
        grade: s
        radius: 4000
        width: 50
        rows:
          - { rows: A-B }
concerts:
  - concertId: ashes
    title: Ashes
    artist: The Ensemble
    venue: The Opera
    description: Music.
    timezone: Europe/Berlin
    lobbyOpensAt: 2027-01-04 10:00
    salesOpenAt: 2027-01-05 10:00
    salesCloseAt: 2027-03-24 18:00
    queueCapacity: 16
    cancellation:
      steps:
        - { daysBefore: 10, keepPercent: 0 }
        - { daysBefore: 2, keepPercent: 50 }
      freeHours: 12
      freeDaysBefore: 3
    translations: { ko: { title: 재 } }
    performances:
      - label: first
        startsAt: 2027-03-28 03:30
        hall: opera
        prices: { vip: 300, r: 120, s: 80 }
        noSingleSeats: true
        accessibleReleaseHours: 48
      - label: second
        startsAt: 2027-03-27 19:00
        timezone: Asia/Seoul
        venue: Elsewhere
        price: 90
        seatsTotal: 45
        translations: { ko: { venue: 다른 곳 } }
  - concertId: dawn
    title: Dawn
    artist: The Ensemble
    venue: A Hall
    timezone: America/New_York
    salesOpenAt: 2027-10-31 10:00
    salesCloseAt: 2027-11-07 01:30 -04:00
    cancellation: none
    performances: [{ label: only, startsAt: 2027-11-07 19:00, price: 70, offSale: true }]
"""


def changed(text: str, dice: random.Random) -> tuple[str, str]:
    """Change a line in one way; return the file, and what was done."""
    lines = text.splitlines()
    at = dice.randrange(len(lines))
    line = lines[at]
    numbers = list(re.finditer(r"-?\d+", line))
    how = dice.choice(["number"] * 6 * bool(numbers) + ["word", "word", "drop", "twice", "gone", "indent"])
    if how == "number":
        found = dice.choice(numbers)
        other = dice.choice(
            [-1, 0, 1, 2, 3, 5, 11, 13, 40, 99, 600, 601, 9999, 20_000, 100_000, 100_001, int(found[0]) + 1]
        )
        lines[at] = f"{line[: found.start()]}{other}{line[found.end() :]}"
    elif how == "word":
        found = dice.choice(list(re.finditer(r"\w+", line)))
        lines[at] = (
            f"{line[: found.start()]}{dice.choice(['r', 's', 'vip', 'x', 'A-Z', 'true', '[]'])}{line[found.end() :]}"
        )
    elif how == "drop":
        place = dice.randrange(len(line))
        lines[at] = line[:place] + line[place + 1 :]
    elif how == "indent":
        lines[at] = f"  {line}"
    else:
        lines[at : at + 1] = [line, line] if how == "twice" else []
    return "\n".join([*lines, ""]), f"{how}, line {at + 1}: {(lines[at] if how != 'gone' else line).strip()[:70]}"


def no_hall(name: str) -> Hall:
    raise LookupError(f"there is no {name}")


def what_comes_of(text: str) -> str:
    """Tell the mistakes of a file, or a sum of everything that it comes to."""
    try:
        concerts = read_catalog("catalog.yaml", text, no_hall)
    except Mistaken as mistaken:
        told = [str(each).removeprefix("catalog.yaml:") for each in mistaken.mistakes]
        return " | ".join(told[:3]) + f" and {len(told) - 3} more" * (len(told) > 3)
    whole = [
        [
            concert.item,
            concert.performances,
            concert.queue_capacity,
            concert.places,
            [h.summary() for h in concert.halls],
        ]
        for concert in concerts
    ]
    return "good, " + digest(json.dumps(whole, sort_keys=True))


def test_what_is_told_of_changed_files_is_what_was_told_before() -> None:
    dice = random.Random(3)
    told = [f"nothing: {what_comes_of(GOOD)}"]
    for _ in range(FILES):
        text, how = changed(GOOD, dice)
        told.append(f"{how} -> {what_comes_of(text)}")

    assert_kept(TOLD, told)
