"""What organisers are told about their file, and what their times mean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from booking.catalog import DEFAULT_FEES
from booking.publishing.catalog_file import epoch
from tools.ost.console import Failure
from tools.ost.publish import Mistakes, read_catalog

ROOT = Path(__file__).parents[2]
GOOD = """\
concerts:
  - concertId: night-sky
    title: Night Sky
    artist: The Ensemble
    venue: Hall, Seoul
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2027-05-01 18:00
    performances:
      - label: first
        startsAt: 2027-05-01 19:00
        price: 12000
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "catalog.yaml"
    file.write_text(text)
    with pytest.raises(Mistakes) as caught:
        read_catalog(file)
    return caught.value.problems


def test_a_good_file_becomes_items_with_times_in_epoch_seconds(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(GOOD)

    [concert] = read_catalog(file)

    assert concert.item == {
        "pk": "CONCERT",
        "sk": "night-sky",
        "title": "Night Sky",
        "artist": "The Ensemble",
        "venue": "Hall, Seoul",
        "description": "",
        "salesOpenAt": int(datetime(2026, 1, 5, 1, tzinfo=UTC).timestamp()),
        "salesCloseAt": int(datetime(2027, 5, 1, 9, tzinfo=UTC).timestamp()),
        "dates": [{"startsAt": int(datetime(2027, 5, 1, 10, tzinfo=UTC).timestamp()), "timezone": "Asia/Seoul"}],
        "priceFrom": 12000,
        "fees": DEFAULT_FEES,
    }
    assert concert.performances == {
        "first": {
            "pk": "night-sky",
            "sk": "first",
            "startsAt": int(datetime(2027, 5, 1, 10, tzinfo=UTC).timestamp()),
            "timezone": "Asia/Seoul",
            "price": 12000,
            "seatsTotal": 50,
            "fees": DEFAULT_FEES,
        }
    }
    assert concert.queue_capacity is None


STEPS = """\
    cancellation:
      steps:
        - { daysBefore: 14, keepPercent: 0 }
        - { daysBefore: 2, keepPercent: 50 }
      freeHours: 2
"""


def with_fees(text: str) -> str:
    return GOOD.replace("    performances:", f"{text}    performances:")


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (STEPS, {"steps": [[14, 0], [2, 50]], "freeHours": 2, "freeDays": 0}),
        ("    cancellation: none\n", {"steps": []}),
        ("", DEFAULT_FEES),
    ],
)
def test_a_concert_may_have_its_own_terms_of_cancelling_or_none(tmp_path: Path, text: str, policy: object) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(with_fees(text))

    [concert] = read_catalog(file)

    assert concert.item["fees"] == policy
    assert concert.performances["first"]["fees"] == policy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("daysBefore: 2", "daysBefore: 14"),
        ("daysBefore: 2", "daysBefore: 15"),
        ("keepPercent: 50", "keepPercent: 101"),
        ("keepPercent: 50", "keepPercent: -1"),
        ("keepPercent: 50", 'keepPercent: "50"'),
        ("freeHours: 2", "freeHours: 2.5"),
        ("freeHours: 2", "hours: 2"),
    ],
)
def test_terms_of_cancelling_that_cannot_be_meant_are_refused_with_their_place(
    tmp_path: Path, before: str, after: str
) -> None:
    assert all(
        "concerts[0].cancellation" in problem for problem in problems(tmp_path, with_fees(STEPS.replace(before, after)))
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("keepPercent: 50", "keepPercent: 101", ["12: {}.steps[1].keepPercent must be less than or equal to 100"]),
        (
            "daysBefore: 2",
            "daysBefore: 14",
            ["10: {}.steps are not in order, the most days before the show first and each once"],
        ),
        (
            "keepPercent: 50",
            "keepPercnt: 50",
            ["12: {}.steps[1].keepPercent is missing", "12: {}.steps[1].keepPercnt is not a field that exists here"],
        ),
        (STEPS, "    cancellation: never\n", ["9: {} must be a mapping of fields, or must be 'none'"]),
        (STEPS, "    cancellation: 7\n", ["9: {} must be a mapping of fields, or must be 'none'"]),
    ],
)
def test_what_is_wrong_is_told_of_the_shape_that_is_meant_and_of_no_other(
    tmp_path: Path, before: str, after: str, told: list[str]
) -> None:
    text = with_fees(STEPS.replace(before, after))

    assert problems(tmp_path, text) == [f"catalog.yaml:{each.format('concerts[0].cancellation')}" for each in told]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("price: 12000", 'price: "12000"', "catalog.yaml:12: concerts[0].performances[0].price must be a whole number"),
        ("price: 12000", "price: 12000.5", "catalog.yaml:12: concerts[0].performances[0].price must be a whole number"),
        ("price: 12000", "price: true", "catalog.yaml:12: concerts[0].performances[0].price must be a whole number"),
        ("price: 12000", "price: 0", "catalog.yaml:12: concerts[0].performances[0].price must be greater than"),
        ("price: 12000", "price: 12000\n        cost: 1", "catalog.yaml:13: concerts[0].performances[0].cost is not"),
        ("    artist: The Ensemble\n", "", "catalog.yaml:2: concerts[0].artist is missing"),
        ("label: first", "label: First Night", "catalog.yaml:10: concerts[0].performances[0].label must be 1 to 40"),
        ("concertId: night-sky", "concertId: -night", "catalog.yaml:2: concerts[0].concertId must be 1 to 40"),
        ("Asia/Seoul", "Korea/Seoul", "catalog.yaml:6: concerts[0].timezone is not an IANA time zone"),
        (
            "2027-05-01 19:00",
            "next spring",
            "catalog.yaml:11: concerts[0].performances[0].startsAt is not a local time",
        ),
        ("2027-05-01 19:00", "19:00", "catalog.yaml:11: concerts[0].performances[0].startsAt is not a local time"),
        ("2027-05-01 19:00", "2027-02-30 19:00", "catalog.yaml:11: concerts[0].performances[0].startsAt day"),
        ("2027-05-01 18:00", "2026-01-05 10:00", "catalog.yaml:8: concerts[0].salesCloseAt is not after salesOpenAt"),
        (
            "    salesOpenAt: 2026-01-05 10:00\n",
            "    salesOpenAt: 2026-01-05 10:00\n    lobbyOpensAt: 2026-01-05 10:00\n",
            "catalog.yaml:8: concerts[0].lobbyOpensAt is not before salesOpenAt",
        ),
        ("    title: Night Sky\n", "    title: Night Sky\n    title: Day\n", "catalog.yaml:4: title appears twice"),
        ("title: Night Sky", "title: [", "catalog.yaml:"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD

    [problem] = problems(tmp_path, GOOD.replace(before, after, 1))

    assert problem.startswith(expected)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("price: 12000", "price: free").replace("title: Night Sky", "title: ''")

    assert len(problems(tmp_path, text)) == 2


def test_ids_that_appear_twice_are_told(tmp_path: Path) -> None:
    entries = GOOD.removeprefix("concerts:\n")
    performance = "      - { label: first, startsAt: 2027-05-02 19:00, price: 1 }\n"

    told = problems(tmp_path, GOOD + entries + performance)

    assert told == [
        "catalog.yaml:13: concerts[1].concertId 'night-sky' appears twice",
        "catalog.yaml:24: concerts[1].performances[1].label 'first' appears twice in 'night-sky'",
    ]


def test_an_empty_file_and_a_missing_file_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path, "") == ["catalog.yaml:1: the file is empty"]
    with pytest.raises(Failure, match="cannot be read"):
        read_catalog(tmp_path / "nowhere.yaml")


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/Berlin"):
        epoch("2027-03-28 02:30", "Europe/Berlin")


def test_a_time_that_happens_twice_must_say_which() -> None:
    with pytest.raises(ValueError, match=r"happens twice in Europe/Berlin.*\+02:00 or \+01:00"):
        epoch("2027-10-31 02:30", "Europe/Berlin")

    assert epoch("2027-10-31 02:30 +01:00", "Europe/Berlin") - epoch("2027-10-31 02:30 +02:00", "Europe/Berlin") == 3600


def test_an_offset_that_the_zone_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="has an offset that Asia/Seoul does not have"):
        epoch("2027-05-01 19:00 +01:00", "Asia/Seoul")


@pytest.mark.parametrize("year", [2027, 2031])
def test_the_demo_catalog_has_what_the_contract_promises_for_years_to_come(year: int) -> None:
    now = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    concerts = {concert.concert_id: concert for concert in read_catalog(ROOT / "catalog" / "demo.yaml")}
    on_sale = {
        name: concert
        for name, concert in concerts.items()
        if int(concert.item["salesOpenAt"]) <= now < int(concert.item["salesCloseAt"])
    }

    assert len(concerts) >= 3
    assert any(
        sum(item["seatsTotal"] == 50 and int(item["startsAt"]) > now for item in concert.performances.values()) >= 2
        for concert in on_sale.values()
    )
    assert any(int(concert.item["salesOpenAt"]) > now for concert in concerts.values())
    assert any(not concert.performances for concert in concerts.values())
    assert all(concert.queue_capacity is None for concert in concerts.values())


def test_texts_can_be_given_in_other_languages_and_a_date_can_have_a_venue_of_its_own(tmp_path: Path) -> None:
    words = "    translations: {ko: {title: 밤하늘, venue: 서울홀}}\n"
    there = "        venue: Hall, Tokyo\n        translations: {ko: {venue: 도쿄홀}}\n"
    file = tmp_path / "catalog.yaml"
    file.write_text(GOOD.replace("    performances:\n", words + "    performances:\n") + there)

    [concert] = read_catalog(file)

    assert concert.item["translations"] == {"ko": {"title": "밤하늘", "venue": "서울홀"}}
    assert concert.performances["first"]["venue"] == "Hall, Tokyo"
    assert concert.performances["first"]["translations"] == {"ko": {"venue": "도쿄홀"}}


def test_dates_are_summed_up_on_the_concert_by_time(tmp_path: Path) -> None:
    earlier = "      - {label: earlier, startsAt: 2027-04-01 19:00, timezone: Asia/Tokyo, price: 9000}\n"
    file = tmp_path / "catalog.yaml"
    file.write_text(GOOD + earlier)

    [concert] = read_catalog(file)

    assert [date["timezone"] for date in concert.item["dates"]] == ["Asia/Tokyo", "Asia/Seoul"]
    assert concert.item["priceFrom"] == 9000


HALL = """
hallId: small
name: A Small Hall
grades:
  - { gradeId: r, name: R }
  - { gradeId: s, name: S }
sections:
  - sectionId: stalls
    name: Stalls
    grade: r
    at: [0, 300]
    rows: [{ rows: A-B, seats: 1-10 }, { rows: C, seats: 1-10, grade: s }]
"""


def in_hall(tmp_path: Path, facts: str) -> Path:
    (tmp_path / "halls").mkdir()
    (tmp_path / "halls" / "small.yaml").write_text(HALL)
    file = tmp_path / "catalog.yaml"
    file.write_text(GOOD + f"      - {{label: hall, startsAt: 2027-05-02 19:00, {facts}}}\n")
    return file


def test_a_date_in_a_hall_has_the_halls_seats_and_a_price_for_each_grade(tmp_path: Path) -> None:
    file = in_hall(tmp_path, "hall: small, prices: {r: 900, s: 700}, noSingleSeats: true, accessibleReleaseHours: 48")

    [concert] = read_catalog(file)

    item = concert.performances["hall"]
    assert (item["seatsTotal"], item["price"], item["prices"]) == (30, 700, {"r": 900, "s": 700})
    assert item["hallVersion"] == concert.halls[0].version
    assert (item["noSingleSeats"], item["accessibleReleaseHours"]) == (True, 48)
    assert concert.item["priceFrom"] == 700


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("hall: small, prices: {r: 900}", "must have a price for each grade and no other: r, s"),
        ("hall: small, prices: {r: 900, s: 1, x: 1}", "must have a price for each grade and no other: r, s"),
        ("hall: other, prices: {r: 900}", "there is no halls/other.yaml"),
        ("hall: small, price: 900, prices: {r: 9, s: 9}", "is not for a date in a hall"),
        ("price: 900, noSingleSeats: true", "is only for a date in a hall"),
        ("seatsTotal: 10", "price is missing"),
    ],
)
def test_a_mistake_about_a_hall_is_told_with_its_line(tmp_path: Path, facts: str, told: str) -> None:
    file = in_hall(tmp_path, facts)

    with pytest.raises(Failure, match=told) as failure:
        read_catalog(file)
    assert f"catalog.yaml:{len(file.read_text().splitlines())}" in str(failure.value)
