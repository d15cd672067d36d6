"""Halls that a seed's dice describe: where every seat of them is and what it is called and graded, or what is told.

With `WRITE_OUTCOMES=1` in the environment what they come to now is written down.
"""

import json
import random
from pathlib import Path
from typing import Any

import yaml

from booking.layout import Hall
from booking.publishing.document import Mistaken
from booking.publishing.hall_file import read_hall
from tests.kept import assert_kept, digest

COME_TO = Path(__file__).with_name("halls_by_chance.txt")
HALLS = 600


def some(dice: random.Random, likely: float, **fields: Any) -> dict[str, Any]:
    """Give each field or leave it out."""
    return {name: value for name, value in fields.items() if dice.random() < likely}


def rows(dice: random.Random, letter: str) -> dict[str, Any]:
    """Describe a row, or some alike."""
    count = dice.randint(3, 14)
    last = chr(ord(letter) + dice.randint(0, 2))
    seats: Any = dice.choice([count, count, f"1-{count}", [*range(2, count + 2)], f"{count}-1"])
    fields: dict[str, Any] = {
        "rows": dice.choice([letter, f"{letter}-{last}", [letter, last] if last != letter else letter])
    }
    fields["seats"] = seats
    if isinstance(seats, int):
        fields |= some(dice, 0.3, grow=dice.randint(-2, 3), first=dice.choice([0, 7, 101]), step=dice.choice([2, 3]))
    fields |= some(
        dice,
        0.3,
        numbered="from right",
        aisles=dice.sample([1, 2, 4, -1, -2, -3], 2),
        grade=dice.choice(["vip", "r", "s"]),
        gap=dice.choice([35, 120]),
        shift=dice.choice([-45, 70]),
    )
    if "first" not in fields and "step" not in fields and dice.random() < 0.5:
        fields |= some(dice, 0.5, missing=[2], grades={"s": [f"2-{count - 1}"]}, skip=[last] if last != letter else [])
        fields |= {"accessible": [3], "companions": {1: 3}} if dice.random() < 0.3 else {}
    return fields


def section(dice: random.Random, number: int) -> dict[str, Any]:
    """Describe a section, straight or curved, of one to three kinds of rows; far from the others, mostly."""
    fields: dict[str, Any] = {
        "sectionId": f"s{number}",
        "name": f"Section {number}",
        "grade": dice.choice(["vip", "r"]),
    }
    fields |= some(
        dice,
        0.3,
        bearing=dice.choice([-35.5, 20, 90, 180]),
        seatWidth=dice.choice([50, 63]),
        rowDepth=dice.choice([80, 101]),
        aisleWidth=dice.choice([90, 125]),
        align=dice.choice(["left", "right"]),
        translations={"ko": {"name": f"{number}구역"}},
        focus=[dice.randint(-300, 300), dice.randint(-50, 50)],
    )
    if dice.random() < 0.5:
        fields["at"] = [dice.randint(-200, 200) + 4000 * number, dice.randint(300, 900)]
    else:
        fields["radius"] = dice.randint(900, 1500) + 2500 * number
        fields |= some(dice, 0.5, width=dice.choice([20, 45.5]), centre=[dice.randint(-90, 90), dice.randint(-90, 90)])
        if dice.random() < 0.3:
            fields["sectionId"] += "-{n}"
            fields["around"] = {"times": dice.randint(2, 4), "turn": dice.choice([40, -75])} | some(dice, 0.4, first=5)
    fields["rows"] = [rows(dice, letter) for letter in "AFK"[: dice.randint(1, 3)]]
    if "width" in fields and dice.random() < 0.6:
        for each in fields["rows"]:
            each.pop("seats")
            each.pop("missing", None)
    if "at" in fields and number and dice.random() < 0.3:
        fields["mirror"] = {"sectionId": f"m{number}", "name": f"Mirror {number}"}
    return fields


def hall(dice: random.Random) -> dict[str, Any]:
    """Describe a hall of one to three sections and three grades."""
    grades = [{"gradeId": name, "name": name.upper()} for name in ("vip", "r", "s")]
    sections = [section(dice, number) for number in range(dice.randint(1, 3))]
    return {"hallId": "hall", "name": "A Hall", "grades": grades, "sections": sections}


def built(described: dict[str, Any]) -> Hall:
    """Build a hall from its file.

    Raises:
        Mistaken: it cannot be.

    """
    return read_hall("hall.yaml", yaml.safe_dump(described, sort_keys=False, allow_unicode=True))


def what_comes_of(described: dict[str, Any]) -> str:
    """Tell the mistakes of a hall, or a sum of everything that it comes to."""
    try:
        hall = built(described)
    except Mistaken as mistaken:
        told = [str(each).removeprefix("hall.yaml:") for each in mistaken.mistakes]
        return " | ".join(told[:2]) + f" and {len(told) - 2} more" * (len(told) > 2)
    whole = [hall.summary(), *(each.text() for each in hall.sections)]
    seats = sum(len(each.seats) for each in hall.sections)
    return f"{len(hall.sections)} sections, {seats} seats, {digest(json.dumps(whole, sort_keys=True))}"


def test_halls_that_dice_describe_come_to_what_they_came_to_before() -> None:
    dice = random.Random(4)
    told = [what_comes_of(hall(dice)) for _ in range(HALLS)]

    assert sum("seats, " in each for each in told) > HALLS / 2
    assert_kept(COME_TO, told)
