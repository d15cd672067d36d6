"""What organisers are told about a hall file, and which seats it describes."""

import math
import re
from pathlib import Path

import pytest

from booking.layout import Hall, Section, section_of
from booking.publishing.document import read_document
from booking.publishing.hall_file import HallEntry, build_hall
from tools.ost.publish import Mistakes, read_hall

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "catalog" / "halls" / "namsan-philharmonic.yaml"
GOOD = """\
hallId: small-hall
name: Small Hall
grades:
  - { gradeId: r, name: R }
  - { gradeId: s, name: S }
sections:
  - sectionId: stalls
    name: Stalls
    grade: r
    at: [0, 300]
    rows:
      - rows: A-C
        seats: 6
        aisles: [2]
        missing: [5]
        accessible: [1]
        companions: { 2: 1 }
"""
THEATRE = """\
hallId: theatre
name: A theatre of 1,200
grades:
  - { gradeId: r, name: R }
  - { gradeId: s, name: S }
  - { gradeId: a, name: A }
sections:
  - sectionId: stalls
    name: Stalls
    grade: r
    radius: 1400
    width: 50
    rows:
      - { rows: A-F, aisles: [7, -7] }
      - { rows: G-T, skip: [I, O], aisles: [10, -10], grade: s }
  - sectionId: stalls-left
    name: Stalls, left
    grade: s
    radius: 1400
    width: 12
    bearing: -33
    rows: [{ rows: A-T, skip: [I, O], numbered: from right }]
    mirror: { sectionId: stalls-right, name: "Stalls, right" }
  - sectionId: balcony
    name: Balcony
    grade: a
    radius: 3500
    width: 50
    rows: [{ rows: A-G, aisles: [16, -16] }]
"""
EVERYTHING = """\
hallId: everything
name: A hall with all that a file can say
grades:
  - { gradeId: r, name: R }
  - { gradeId: s, name: S }
sections:
  - sectionId: floor
    name: Floor
    grade: r
    at: [40, 300]
    bearing: 10
    align: left
    seatWidth: 60
    rowDepth: 100
    aisleWidth: 130
    focus: [20, 250]
    rows:
      - { rows: F-D, seats: 7, grow: 2, shift: 15, aisles: [3, -2], missing: [2] }
      - { rows: [C, 12], seats: [9-5, "4A", 3], accessible: [9], companions: { 8: 9 }, gap: 120 }
  - sectionId: circle
    name: Circle
    centre: [0, -500]
    radius: 1600
    width: 25
    bearing: -20
    align: right
    focus: [-100, 900]
    rows:
      - { rows: 1-3, numbered: from right, first: 101, step: 2, grade: s, grades: { r: [103, 105] }, aisles: [4] }
      - { rows: A-D, skip: [B], seats: 9, grade: r, shift: -30, gap: 50, missing: [1, 9] }
    mirror: { sectionId: circle-right, name: "Circle, right" }
  - sectionId: "box-{n}"
    name: "Box {n}"
    grade: s
    radius: 3000
    bearing: 60
    rows: [{ rows: A, seats: 4, accessible: [2], companions: { 3: 2 } }]
    around: { times: 4, turn: 8, first: 3 }
"""


def read(tmp_path: Path, text: str) -> Hall:
    file = tmp_path / "hall.yaml"
    file.write_text(text)
    return read_hall(file)


def example() -> str:
    """Read the file that the document shows."""
    [text] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "halls.md").read_text("utf-8"), re.DOTALL)
    return str(text)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_a_row_has_the_seats_that_the_file_says(tmp_path: Path) -> None:
    [section] = read(tmp_path, GOOD).sections

    assert [(seat["seatNumber"], seat["row"], seat["label"]) for seat in section.seats[:6]] == [
        (1, "A", "1"),
        (2, "A", "2"),
        (3, "A", "3"),
        (4, "A", "4"),
        (5, "A", "6"),
        (6, "B", "1"),
    ]
    assert [(seat["x"], seat["y"]) for seat in section.seats[:5]] == [(x, 300) for x in (-192, -138, 28, 82, 192)]
    assert section.seats[0] == {
        "seatNumber": 1,
        "sectionId": "stalls",
        "row": "A",
        "label": "1",
        "x": -192,
        "y": 300,
        "gradeId": "r",
        "accessible": True,
    }
    assert section.seats[1]["companionOf"] == 1
    assert section.seats_total == 15


def test_aisles_missing_chairs_and_ends_of_rows_part_neighbours(tmp_path: Path) -> None:
    [section] = read(tmp_path, GOOD).sections

    assert {number: section.neighbours()[number] for number in range(1, 7)} == {
        1: (None, 2),
        2: (1, None),
        3: (None, 4),
        4: (3, None),
        5: (None, None),
        6: (None, 7),
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("seats: 6", "seats: six seats", "hall.yaml:13: sections[0].rows[0].seats has 'six seats', which is neither"),
        ("seats: 6", "seats: [1-6, 3]", "hall.yaml:13: sections[0].rows[0].seats has seat '3' twice in row 'A'"),
        ("rows: A-C", "rows: [A-C, B]", "hall.yaml:12: sections[0].rows[0].rows has row 'B', which the section has"),
        ("seats: 6", "seats: 0-99999", "hall.yaml:7: sections[0].sectionId has more than 600 seats"),
        ("seats: 6", "seats: 202", "hall.yaml:7: sections[0].sectionId has more than 600 seats"),
        ("grade: r", "grade: t", "hall.yaml:12: sections[0].rows[0].grade 't' is not one of the hall's grades"),
        ("    grade: r\n", "", "hall.yaml:11: sections[0].rows[0].grade is missing here and in the section"),
        ("{ 2: 1 }", "{ 2: 3 }", "hall.yaml:17: sections[0].rows[0].companions has '2' for '3', which is not an acc"),
        ("{ 2: 1 }", "{ 9: 1 }", "hall.yaml:17: sections[0].rows[0].companions names seat '9', which row 'A' does"),
        ("{ 2: 1 }", "{ 1: 1 }", "hall.yaml:17: sections[0].rows[0].companions has '1', which is an accessible place"),
        ("accessible: [1]", "accessible: [1, 5]", "hall.yaml:15: sections[0].rows[0].missing has '5', which is an acc"),
        ("accessible: [1]", "accessible: [1, 7]", "hall.yaml:16: sections[0].rows[0].accessible names seat '7'"),
        ("missing: [5]", "missing: [A]", "hall.yaml:15: sections[0].rows[0].missing names seat 'A'"),
        ("aisles: [2]", "aisles: [6]", "hall.yaml:14: sections[0].rows[0].aisles has 6, which is not between two"),
        ("aisles: [2]", "aisles: [-6]", "hall.yaml:14: sections[0].rows[0].aisles has -6, which is not between two"),
        ("aisles: [2]", "aisles: [0]", "hall.yaml:14: sections[0].rows[0].aisles has 0, which is not between two"),
        ("seats: 6", "grow: 1", "hall.yaml:12: sections[0].rows[0].seats is missing; only a curved section"),
        ("seats: 6", "seats: 6\n        grow: -6", "hall.yaml:13: sections[0].rows[0].seats leave no seat in row 'B'"),
        ("seats: 6", "seats: [1-6]\n        step: 2", "hall.yaml:13: sections[0].rows[0].seats are numbered already"),
        ("at: [0, 300]", "at: [0, 300]\n    radius: 5", "hall.yaml:7: sections[0] needs either at"),
        ("at: [0, 300]", "bearing: 5", "hall.yaml:7: sections[0] needs either at"),
        ("at: [0, 300]", "at: [0, 300]\n    width: 5", "hall.yaml:7: sections[0] can have width and around only"),
        (
            "    at:",
            "    rowDepth: 20\n    at:",
            "hall.yaml:7: sections[0].sectionId puts seat stalls B 1 where stalls A",
        ),
        ("sectionId: stalls", "sectionId: Stalls", "hall.yaml:7: sections[0].sectionId must be"),
        ("gradeId: s", "gradeId: r", "hall.yaml:5: grades[1].gradeId 'r' appears twice"),
        ("seats: 6", "chairs: 6", "hall.yaml:13: sections[0].rows[0].chairs is not a field that exists here"),
        ("at: [0, 300]", "at: [0, middle]", "hall.yaml:10: sections[0].at[1] must be a whole number"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD

    told = problems(tmp_path, GOOD.replace(before, after, 1))

    assert any(problem.startswith(expected) for problem in told), told


def test_a_mistake_in_many_rows_is_told_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, GOOD.replace("grade: r", "grade: t"))) == 1


def test_two_sections_of_one_name_or_in_one_place_are_told(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("  - sectionId") :]

    twice = problems(tmp_path, GOOD + again)
    overlapping = problems(tmp_path, GOOD + again.replace("sectionId: stalls", "sectionId: pit"))

    assert twice == ["hall.yaml:18: sections[1].sectionId 'stalls' appears twice"]
    assert overlapping == ["hall.yaml:18: sections[1].sectionId puts seat pit A 1 where stalls A 1 is"]


@pytest.mark.parametrize("corner", [(0, 0), (13, 39), (-7, 80), (39, -41)])
@pytest.mark.parametrize(
    ("right", "back", "told"),
    [
        (39, 0, 1),
        (0, -39, 1),
        (-39, 0, 1),
        (27, 28, 1),
        (-28, 27, 1),
        (40, 0, 0),
        (0, -40, 0),
        (-29, -28, 0),
        (80, 1, 0),
    ],
)
def test_two_chairs_stand_in_each_other_when_they_are_nearer_than_forty_centimetres(
    tmp_path: Path, corner: tuple[int, int], right: int, back: int, told: int
) -> None:
    head, (x, y) = GOOD[: GOOD.index("sections:")], corner
    section = "  - { sectionId: s%d, name: S%d, grade: r, at: [%d, %d], rows: [{ rows: A, seats: 1 }] }\n"
    text = head + "sections:\n" + section % (1, 1, x, y) + section % (2, 2, x + right, y + back)

    if told:
        assert problems(tmp_path, text) == ["hall.yaml:8: sections[1].sectionId puts seat s2 A 1 where s1 A 1 is"]
    else:
        assert read(tmp_path, text).seats_total == 2


def test_a_hall_has_at_most_20_000_seats(tmp_path: Path) -> None:
    around = "    radius: 20000\n    width: 2\n    around: { times: 40, turn: 9 }\n"
    text = GOOD[: GOOD.index("        aisles")].replace("    at: [0, 300]\n", around).replace("stalls", "block-{n}")

    assert read(tmp_path, text.replace("A-C", "1-50").replace("seats: 6", "seats: 10")).seats_total == 20_000
    assert problems(tmp_path, text.replace("A-C", "1-50").replace("seats: 6", "seats: 11")) == [
        "hall.yaml:6: sections have more than 20000 seats together"
    ]


def test_a_theatre_of_1_200_is_thirty_lines(tmp_path: Path) -> None:
    hall = read(tmp_path, THEATRE)

    assert hall.seats_total >= 1_200
    assert len(THEATRE.splitlines()) <= 32
    assert [section.section_id for section in hall.sections] == ["stalls", "stalls-left", "stalls-right", "balcony"]


def test_a_mirrored_section_is_the_same_on_the_other_side(tmp_path: Path) -> None:
    sections = {section.section_id: section for section in read(tmp_path, THEATRE).sections}
    left, right = sections["stalls-left"], sections["stalls-right"]

    assert {(seat["row"], seat["label"], seat["x"], seat["y"]) for seat in left.seats} == {
        (seat["row"], seat["label"], -seat["x"], seat["y"]) for seat in right.seats
    }
    assert [seat["label"] for seat in right.seats[:3]] == ["1", "2", "3"]
    assert [seat["x"] for seat in right.seats[:3]] == sorted(seat["x"] for seat in right.seats[:3])


def test_rows_that_are_repeated_around_the_centre_face_it(tmp_path: Path) -> None:
    around = "    radius: 2000\n    bearing: 10\n    around: { times: 4, turn: 90, first: 101 }\n"
    text = GOOD.replace("    at: [0, 300]\n", around).replace("sectionId: stalls", "sectionId: block-{n}")
    hall = read(tmp_path, text.replace("name: Stalls", "name: Block {n}"))

    assert [(section.section_id, section.name) for section in hall.sections] == [
        (f"block-{number}", f"Block {number}") for number in range(101, 105)
    ]
    for section in hall.sections:
        for seat in section.seats:
            rows = {"A": 2000, "B": 2095, "C": 2190}
            assert math.isclose(math.hypot(seat["x"], seat["y"]), rows[seat["row"]], abs_tol=1)


def test_sections_number_their_seats_one_after_the_other(tmp_path: Path) -> None:
    hall = read(tmp_path, THEATRE)
    numbers = [seat["seatNumber"] for section in hall.sections for seat in section.seats]
    summary = hall.summary()

    assert numbers == list(range(1, hall.seats_total + 1))
    for section in hall.sections:
        for number in (section.numbers.start, section.numbers.stop - 1):
            found = section_of(summary, number)
            assert found is not None
            assert found["sectionId"] == section.section_id
    assert section_of(summary, 0) is None
    assert section_of(summary, hall.seats_total + 1) is None


def test_a_section_is_the_same_after_it_was_stored(tmp_path: Path) -> None:
    labelled = GOOD.replace("seats: 6", "seats: [1, 2, 10-8, X, 12, 14, 13]").replace("[5]", "[X]")
    for text in (GOOD, THEATRE, labelled):
        for section in read(tmp_path, text).sections:
            stored = Section.read(section.text())

            assert stored.text() == section.text()
            assert stored.seats == section.seats
            assert stored.neighbours() == section.neighbours()
            assert (stored.outline, stored.focus) == (section.outline, section.focus)
            assert stored.summary() == section.summary()


def test_a_version_changes_with_anything_that_is_drawn_sold_or_judged(tmp_path: Path) -> None:
    changes = ["seats: 7", "at: [0, 301]", "aisles: [3]", "missing: [6]", "grade: s", "name: The Stalls", "name: RR"]
    fields = ["seats: 6", "at: [0, 300]", "aisles: [2]", "missing: [5]", "grade: r", "name: Stalls", "name: R"]
    versions = {
        read(tmp_path, GOOD.replace(before, after, 1)).version for before, after in zip(fields, changes, strict=True)
    }
    again = read(tmp_path, GOOD + "# a remark changes nothing\n").version

    assert again == read(tmp_path, GOOD).version
    assert len(versions | {again}) == len(changes) + 1


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("demo", "d2d91f0d96565e27"),
        ("example", "294a2abdb3ff070b"),
        ("everything", "129fe2b6acc7cf44"),
        ("theatre", "ee4a20d76de96117"),
    ],
)
def test_a_file_describes_the_same_hall_in_every_release(tmp_path: Path, file: str, version: str) -> None:
    """Otherwise a hall that is published again is another version, which sold seats refuse."""
    texts = {"demo": DEMO.read_text("utf-8"), "example": example(), "everything": EVERYTHING, "theatre": THEATRE}

    assert read(tmp_path, texts[file]).version == version


def test_an_outline_is_around_its_seats(tmp_path: Path) -> None:
    for section in read(tmp_path, THEATRE).sections:
        assert all(is_inside((seat["x"], seat["y"]), section.outline) for seat in section.seats), section.section_id


def is_inside(point: tuple[int, int], outline: tuple[tuple[int, int], ...]) -> bool:
    """Count how often a ray to the right crosses the outline."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(outline, outline[1:] + outline[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (x2 - x1) * (y - y1) / (y2 - y1):
            inside = not inside
    return inside


def test_the_example_in_the_document_is_a_hall(tmp_path: Path) -> None:
    hall = read(tmp_path, example())

    assert [section.section_id for section in hall.sections] == ["stalls", "boxes-left", "boxes-right"]
    assert all(is_inside((seat["x"], seat["y"]), each.outline) for each in hall.sections for seat in each.seats)


def test_the_demo_hall_is_a_concert_hall() -> None:
    hall = read_hall(DEMO)

    assert hall.seats_total >= 3_000
    assert [grade["gradeId"] for grade in hall.grades] == ["vip", "r", "s", "a"]
    assert len(hall.sections) >= 8
    assert all(is_inside((seat["x"], seat["y"]), each.outline) for each in hall.sections for seat in each.seats)
    assert any(section.accessible for section in hall.sections)
    assert max(len(section.text().encode()) for section in hall.sections) < 8_192


@pytest.mark.parametrize(
    ("rows", "stands_for"),
    [
        ("{ rows: A, seats: 10 }", 28),
        ("{ rows: A-C, seats: 1-10 }", 114),
        ("{ rows: A, seats: 10, aisles: [3, -3], missing: [4, 6-7] }", 32),
        ("{ rows: A, seats: 10, accessible: [1], companions: { 2: 1 } }", 32),
    ],
)
def test_what_short_notations_stand_for_is_counted(rows: str, stands_for: int) -> None:
    section = f"{{ sectionId: s, name: S, grade: r, at: [0, 0], rows: [{rows}] }}"
    text = f"hallId: h\nname: H\ngrades: [{{ gradeId: r, name: R }}]\nsections:\n  - {section}\n"
    document, content = read_document("hall.yaml", text, HallEntry)

    build_hall(document, content, ())

    assert document.written_out == stands_for
