"""An organiser publishes a catalog from the page: what it would change, its mistakes by line, and nothing by half."""

import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from booking import catalog, clock, halls
from booking.catalog import Performance
from booking.dynamodb import get, put, query_all, write
from booking.publishing import publish
from booking.publishing.document import MAX_BYTES
from booking.publishing.publish import MEMORY_SECONDS
from booking.queue import drawing, driver, items
from tests.faults import Fault, kinds_for
from tests.world import TABLES, Answer, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}
GOOD = """\
concerts:
  - concertId: night-sky
    title: Night Sky
    artist: The Ensemble
    venue: Hall, Seoul
    timezone: Asia/Seoul
    salesOpenAt: 2026-01-05 10:00
    salesCloseAt: 2037-05-01 18:00
    queueCapacity: 200
    performances:
      - label: first
        startsAt: 2037-05-01 19:00
        price: 12000
"""
SECOND = "      - { label: second, startsAt: 2037-05-02 19:00, price: 9000 }\n"
SMALLER = "        seatsTotal: 10\n"
HALL = """\
halls:
  - hallId: small
    name: A Small Hall
    grades: [{ gradeId: r, name: R }]
    sections:
      - { sectionId: stalls, name: Stalls, grade: r, at: [0, 300], rows: [{ rows: A-B, seats: 1-10 }] }
"""
SHORT_FOR_MUCH = [
    "{ rows: 1-600, seats: 1, missing: [" + "0-99999, " * 3 + "] }",
    "{ rows: 1-600, seats: 600, missing: [2-600] }, " * 20,
    "{ rows: 1-600, seats: [] }, " * 9_000,
    "{ rows: 1-600, seats: 1, aisles: [" + "1, " * 80_000 + "] }",
    "{ rows: 1-600, seats: 1, grades: {" + ", ".join(f"g{number}: []" for number in range(20_000)) + "} }",
]
"""Rows of a hall that stand for far more than they are long."""
LARGEST_ANSWER = 6_000_000
"""Bytes that Lambda gives back."""
IN_HALL = "      - { label: hall, startsAt: 2037-05-03 19:00, hall: small, prices: { r: 900 } }\n"


def send(world: World, text: str, **query: str) -> Answer:
    return world.ask("publish_catalog", "olga", text, claims=ORGANISER, query=query)


def log(world: World) -> list[dict[str, Any]]:
    return list(world.call("list_log", "olga", claims=ORGANISER).body["items"])


def dates(concert: str = "night-sky") -> list[str]:
    return [str(item["sk"]) for item in query_all(TABLES["catalog"], "#pk = :pk", pk=concert)]


def test_a_dry_run_shows_what_would_change_and_changes_nothing(world: World) -> None:
    answer = send(world, GOOD, dryRun="true")

    assert (answer.status, answer.body["applied"], answer.body["mistakes"]) == (200, False, [])
    assert answer.body["changes"] == [
        {"kind": "CREATED", "concertId": "night-sky"},
        {"kind": "CREATED", "concertId": "night-sky", "performanceId": "night-sky.first"},
        {"kind": "CHANGED", "concertId": "night-sky", "field": "queueCapacity", "after": "200"},
    ]
    assert (dates(), log(world)) == ([], [])


def test_what_was_published_is_there_and_in_the_log_and_again_nothing_changes(world: World) -> None:
    first = send(world, GOOD)
    world.time.sleep(1)
    again = send(world, GOOD)
    world.time.sleep(1)
    changed = send(world, GOOD.replace("price: 12000", "price: 13000"))

    assert (first.body["applied"], again.body["applied"], again.body["changes"]) == (True, True, [])
    price = {"field": "price", "before": "12000", "after": "13000"}
    assert changed.body["changes"] == [
        {"kind": "CHANGED", "concertId": "night-sky", "performanceId": "night-sky.first"} | price
    ]
    assert catalog.find_performance("night-sky.first", clock.now())["price"] == 13000
    newest, oldest = log(world)
    assert (oldest["action"], oldest["name"], oldest["concertId"]) == ("CATALOG_PUBLISHED", "minji", "night-sky")
    assert newest["details"]["changes"] == changed.body["changes"]


@pytest.mark.parametrize("dry_run", ["true", "false"])
@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        (GOOD.replace("12000", "free"), 13, "concerts[0].performances[0].price", "must be a whole number"),
        (GOOD.replace("    artist: The Ensemble\n", ""), 2, "concerts[0].artist", "is missing"),
        (GOOD.replace("12000", "12000\n        cost: 1"), 14, "concerts[0].performances[0].cost", "is not a field"),
        (GOOD.replace("2037-05-01 18:00", "9999-12-31 23:59").replace("Asia/Seoul", "America/New_York"), 8, "", "9999"),
        (
            GOOD.replace("2037-05-01 18:00", "2037-11-01 01:30").replace("Asia/Seoul", "America/New_York"),
            *(8, "concerts[0].salesCloseAt", "add the offset that is meant, -04:00 or -05:00"),
        ),
        (GOOD.replace("2026-01-05 10:00", "0001-01-01 00:00"), 7, "concerts[0].salesOpenAt", "years 1970 to 9999"),
        (GOOD.replace("Asia/Seoul", "Korea/Seoul"), 6, "concerts[0].timezone", "is not an IANA time zone"),
        (GOOD.replace("Night Sky", "["), 5, "", "expected"),
        (GOOD.replace("Night Sky", "*title"), 3, "", "aliases"),
        (GOOD.replace("Night Sky", "&title Night"), None, "", ""),
        (GOOD + IN_HALL, 14, "concerts[0].performances[1].hall", "there is no hall 'small'"),
        (HALL.replace("seats: 1-10", "seats: 0") + GOOD + IN_HALL, 6, "halls[0].sections[0].rows[0]", ""),
        *(
            (
                HALL.replace(field, f"{field.split(':')[0]}: {{ a: 1 }}") + GOOD + IN_HALL,
                *(6, f"halls[0].sections[0].rows[0].{field.split(':')[0]}", "must be"),
            )
            for field in ("seats: 1-10", "rows: A-B")
        ),
        ("[" * 1000, 1, "", "deeper"),
        ("concerts: " + "{a: " * 30 + "1" + "}" * 30, 1, "", "deeper"),
        ("concerts: 7", 1, "concerts", "must be a list"),
        ("7", 1, "", ""),
        ("", 1, "", "the file is empty"),
        ("a: 1\na: 2", 2, "", "appears twice"),
        ("concerts: [" + "9" * 5000 + "]", 1, "concerts[0]", "must be a mapping"),
        ("concerts: !!python/object/apply:os.system ['true']", 1, "concerts[0]", "must be a mapping"),
        ("---\n---\n", 2, "", "another document"),
        ("concerts: \x00", 1, "", "character"),
        ("x" * (MAX_BYTES + 1), 1, "", "longer than 256 KiB"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else None,
)
def test_mistakes_are_told_by_line_and_nothing_is_written(
    world: World, text: str, line: int | None, path: str, message: str, dry_run: str
) -> None:
    answer = send(world, text, dryRun=dry_run)

    if line is None:
        assert answer.status == 200  # a name that nothing refers to does no harm
        return
    assert (answer.status, answer.code, answer.body["changes"]) == (409, "CATALOG_REFUSED", [])
    mistake = answer.body["mistakes"][0]
    assert mistake["line"] == line
    assert mistake["path"].startswith(path)
    assert message in mistake["message"]
    assert (dates(), log(world)) == ([], [])


def test_every_mistake_is_told_at_once(world: World) -> None:
    answer = send(world, GOOD.replace("12000", "free").replace("title: Night Sky", "title: ''"))

    assert [mistake["line"] for mistake in answer.body["mistakes"]] == [3, 13]


def test_a_body_that_is_no_text_is_refused(world: World) -> None:
    from tests.handlers import call, request

    event = request("publish_catalog", "olga", GOOD, claims=ORGANISER) | {"body": "/w==", "isBase64Encoded": True}

    assert call("publish_catalog", event)["statusCode"] == 400


def take(number: int, date: str = "night-sky.first") -> None:
    seat = {"performanceId": date, "seatNumber": number, "reservationId": "r", "userId": "u", "status": "SOLD"}
    write(put(TABLES["seats"], seat))


def test_what_would_break_a_seat_is_refused_with_its_line_and_the_changes(world: World) -> None:
    send(world, GOOD + SECOND)
    take(7, "night-sky.second")

    answer = send(world, GOOD)

    assert (answer.status, answer.code) == (409, "CATALOG_REFUSED")
    assert answer.body["mistakes"][0]["message"].startswith("night-sky.second cannot be removed: 1 seat(s)")
    assert answer.body["mistakes"][0]["line"] == 2
    assert answer.body["changes"] == [
        {"kind": "REMOVED", "concertId": "night-sky", "performanceId": "night-sky.second"}
    ]
    assert dates() == ["first", "second"]


def test_a_date_that_is_moved_waits_out_what_processes_remember_and_the_same_request_finishes_it(world: World) -> None:
    send(world, GOOD)
    moved = GOOD.replace("2037-05-01 19:00", "2037-05-02 19:00")
    before = get(TABLES["catalog"], {"pk": "night-sky", "sk": "first"})

    waiting = world.call("publish_catalog", "olga", moved, claims=ORGANISER)
    early = world.call("publish_catalog", "olga", moved, claims=ORGANISER)

    assert (waiting.status, waiting.body["applied"]) == (202, False)
    assert (waiting.headers["retry-after"], early.status) == (str(MEMORY_SECONDS), 202)
    assert early.body["repeatAt"] == waiting.body["repeatAt"] == clock.rfc3339(clock.now() + MEMORY_SECONDS)
    published = catalog.read_performance("night-sky.first")
    assert not catalog.on_sale(catalog.find_concert("night-sky", clock.now()), published, clock.now())
    world.time.sleep(MEMORY_SECONDS)
    done = world.call("publish_catalog", "olga", moved, claims=ORGANISER)
    assert (done.status, done.body["applied"], done.body["changes"]) == (200, True, waiting.body["changes"])
    after = get(TABLES["catalog"], {"pk": "night-sky", "sk": "first"})
    assert before is not None
    assert after == before | {"startsAt": before["startsAt"] + clock.DAY}
    assert len(log(world)) == 3


def test_a_seat_that_is_sold_from_memory_meanwhile_stops_it_and_the_date_is_on_sale_again(world: World) -> None:
    send(world, GOOD)
    before = get(TABLES["catalog"], {"pk": "night-sky", "sk": "first"})
    moved = GOOD.replace("2037-05-01 19:00", "2037-05-02 19:00")
    world.call("publish_catalog", "olga", moved, claims=ORGANISER)
    take(7)
    world.time.sleep(MEMORY_SECONDS)

    looked = world.call("publish_catalog", "olga", moved, claims=ORGANISER, query={"dryRun": "true"})
    assert "changing" in (get(TABLES["catalog"], {"pk": "night-sky", "sk": "first"}) or {})
    answer = world.call("publish_catalog", "olga", moved, claims=ORGANISER)

    assert looked.code == answer.code == "CATALOG_REFUSED"
    assert answer.body["mistakes"][0]["line"] == 11
    assert get(TABLES["catalog"], {"pk": "night-sky", "sk": "first"}) == before


def hold_from_memory(world: World, token: str) -> Answer:
    body = {"performanceId": "night-sky.first", "seatNumbers": [40]}
    return world.call("reserve_seats", "ann", body, queue_token=token)


def test_a_date_is_not_changed_under_who_remembers_a_sale_that_was_closed_just_now(world: World) -> None:
    send(world, GOOD)
    token = world.enter("ann", "night-sky")
    catalog.find_concert("night-sky", clock.now())
    catalog.find_performance("night-sky.first", clock.now())
    closed = GOOD.replace("salesCloseAt: 2037", "salesCloseAt: 2026")
    assert send(world, closed).body["applied"]
    world.time.sleep(2)

    waiting = world.call("publish_catalog", "olga", closed + SMALLER, claims=ORGANISER)
    world.time.sleep(1)
    held = hold_from_memory(world, token)
    world.time.sleep(MEMORY_SECONDS)
    answer = world.call("publish_catalog", "olga", closed + SMALLER, claims=ORGANISER)

    assert (waiting.status, held.status, answer.code) == (202, 201, "CATALOG_REFUSED")
    assert catalog.read_performance("night-sky.first")["seatsTotal"] == 50


def test_a_sale_that_opens_with_a_smaller_date_sells_nothing_of_the_larger_one_from_memory(world: World) -> None:
    send(world, GOOD.replace("salesOpenAt: 2026", "salesOpenAt: 2036"))
    catalog.find_concert("night-sky", clock.now())
    world.time.sleep(catalog.CACHE_SECONDS - 1)
    catalog.find_performance("night-sky.first", clock.now())
    world.time.sleep(1)

    waiting = world.call("publish_catalog", "olga", GOOD + SMALLER, claims=ORGANISER)
    assert world.call("issue_queue_token", "ann", concertId="night-sky").code == "SALES_NOT_OPEN"
    world.time.sleep(MEMORY_SECONDS)
    done = send(world, GOOD + SMALLER)

    assert (waiting.status, done.body["applied"]) == (202, True)
    held = hold_from_memory(world, world.enter("ann", "night-sky"))
    assert (held.status, held.body["errors"][0]["field"]) == (400, "seatNumbers")


def test_the_wait_is_counted_from_the_writing_however_long_the_seats_were_read(world: World) -> None:
    """Reading 20,000 seats of the dates that change takes seconds."""
    send(world, GOOD)
    written: list[int] = []

    def slowly(_: int, operation: str) -> None:
        if operation == "dynamodb.Query":
            world.time.sleep(6)
        if operation == "dynamodb.TransactWriteItems":
            written.append(clock.now())

    world.wire.observe = slowly
    waiting = world.call("publish_catalog", "olga", GOOD + SMALLER, claims=ORGANISER)
    world.wire.observe = None

    assert waiting.body["repeatAt"] == clock.rfc3339(written[0] + MEMORY_SECONDS)
    assert waiting.headers["retry-after"] == str(MEMORY_SECONDS)
    world.time.sleep(MEMORY_SECONDS - 1)
    early = world.call("publish_catalog", "olga", GOOD + SMALLER, claims=ORGANISER)
    world.time.sleep(1)
    assert (early.status, send(world, GOOD + SMALLER).body["applied"]) == (202, True)


def test_a_queue_is_not_closed_while_its_only_date_changes(world: World) -> None:
    from booking import sale

    send(world, GOOD)
    world.call("publish_catalog", "olga", GOOD.replace("01 19:00", "02 19:00"), claims=ORGANISER)
    world.new_process()

    assert sale.nothing_left("night-sky", clock.now()) is None


@pytest.mark.parametrize("by", ["the file", "the page"])
def test_a_sale_whose_only_date_is_taken_off_it_is_over_at_the_door_in_the_list_and_in_the_line(
    world: World, by: str
) -> None:
    text = GOOD.replace("queueCapacity: 200", "queueCapacity: 1")
    send(world, text)
    world.join("ann", "night-sky")
    waiting = world.join("ben", "night-sky")["token"]
    if by == "the file":
        assert send(world, f"{text}        offSale: true\n").body["applied"]
    else:
        body = {"dryRun": True, "offSale": True}
        looked = world.ask("start_calling_off", "olga", body, claims=ORGANISER, performanceId="night-sky.first")
        assert looked.status == 200
    world.time.sleep(11)
    driver.note_what_is_left("night-sky", items.read_queue("night-sky"), clock.now())

    assert world.call("poll_queue_token", "ben", concertId="night-sky", queue_token=waiting).code == "SALES_CLOSED"
    assert world.call("issue_queue_token", "cem", concertId="night-sky").code == "SALES_CLOSED"
    assert world.call("get_concert", concertId="night-sky").body["saleStatus"] == "OVER"

    assert send(world, text).body["applied"]
    world.time.sleep(11)
    driver.note_what_is_left("night-sky", items.read_queue("night-sky"), clock.now())
    assert world.join("cem", "night-sky")["saleStatus"] == "ON_SALE"


def test_a_sale_may_be_told_to_end_with_the_last_second_that_can_be_written(world: World) -> None:
    never = GOOD.replace("Asia/Seoul", "UTC").replace("2037-05-01 18:00", "9999-12-31 23:59:59")

    assert send(world, never).body["applied"]
    assert world.call("get_concert", concertId="night-sky").body["salesCloseAt"] == "9999-12-31T23:59:59Z"


def opening(opens: int, lobby: int | None = None) -> str:
    """Write the file with these times of the sale and of its lobby, in epoch seconds."""
    at, comes = (f"{datetime.fromtimestamp(time or 0, UTC):%Y-%m-%d %H:%M:%S}" for time in (opens, lobby))
    text = GOOD.replace("Asia/Seoul", "UTC").replace("2026-01-05 10:00", at)
    return text if lobby is None else text.replace("    salesOpenAt", f"    lobbyOpensAt: {comes}\n    salesOpenAt")


def test_where_fans_have_joined_already_no_lobby_can_be_added(world: World) -> None:
    now = clock.now()
    send(world, opening(now - 60))
    world.join("ann", "night-sky")
    world.new_process()
    assert send(world, opening(now + 7200)).body["applied"], "the sale is postponed"

    refused = send(world, opening(now + 7200, now + 3600))

    assert (refused.status, refused.body["mistakes"][0]["line"]) == (409, 2)
    assert "fans have joined" in refused.body["mistakes"][0]["message"]
    assert "lobbyOpensAt" not in catalog.find_concert("night-sky", now)


def test_a_process_that_remembers_the_sale_without_its_lobby_numbers_nobody_and_the_lobby_is_drawn(
    world: World,
) -> None:
    now = clock.now()
    send(world, opening(now + 3))
    assert world.call("issue_queue_token", "ann", concertId="night-sky").code == "SALES_NOT_OPEN"
    assert send(world, opening(now + 7200)).body["applied"]
    assert send(world, opening(now + 7200, now + 3600)).body["applied"]
    world.time.sleep(4)
    assert catalog.find_concert("night-sky", clock.now())["salesOpenAt"] == now + 3, "it remembers"

    assert world.call("issue_queue_token", "ann", concertId="night-sky").code == "SALES_NOT_OPEN"

    world.time.at = now + 3700
    assert world.join("ben", "night-sky")["status"] == "LOBBY"
    world.time.at = now + 7230
    assert drawing.draw_lobby("night-sky", now=clock.now, sleep=world.time.sleep) == "DRAWN"
    world.time.sleep(2)
    assert world.join("ben", "night-sky")["status"] == "ACTIVE"
    assert world.join("cem", "night-sky")["status"] == "ACTIVE", "who comes after the draw is numbered"


def test_a_fan_who_joins_while_a_lobby_is_being_added_has_it_refused(world: World) -> None:
    now = clock.now()
    send(world, opening(now + 3))
    world.call("issue_queue_token", "ann", concertId="night-sky")
    send(world, opening(now + 7200))
    world.time.sleep(4)

    def join(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            assert world.call("issue_queue_token", "ann", concertId="night-sky").status == 201

    world.wire.observe = join

    assert send(world, opening(now + 7200, now + 3600)).code == "CATALOG_REFUSED"


def test_a_concert_with_a_lobby_has_a_counter_that_knows_of_it_however_the_file_is_cut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with very many dates is more than one transaction."""
    monkeypatch.setattr(publish, "WRITES_AT_ONCE", 1)
    seen: set[tuple[bool, bool]] = set()

    def look(*_: Any) -> None:
        concert = get(TABLES["catalog"], {"pk": "CONCERT", "sk": "night-sky"}) or {}
        seen.add(("lobbyOpensAt" in concert, "lobby" in items.read_counter("night-sky")))

    def watch(_: int, operation: str) -> None:
        if operation == "dynamodb.TransactWriteItems":
            world.wire.observe = None
            look()
            world.wire.observe = watch

    now = clock.now()
    send(world, opening(now + 60))
    for text in (opening(now + 60, now + 30), opening(now + 60)):
        world.wire.observe = watch
        assert send(world, text).body["applied"]
        world.wire.observe = None
        look()

    assert seen == {(False, False), (False, True), (True, True)}


def test_without_its_lobby_again_a_concert_numbers_whoever_joins(world: World) -> None:
    now = clock.now()
    send(world, opening(now + 60, now + 30))
    assert send(world, opening(now + 60)).body["applied"]
    world.time.sleep(60)

    assert world.join("ann", "night-sky")["status"] == "ACTIVE"


def test_a_hall_may_stand_in_the_file_and_is_known_from_then_on(world: World) -> None:
    first = send(world, HALL + GOOD + IN_HALL)
    again = send(world, GOOD + IN_HALL)
    more = send(world, GOOD + IN_HALL + IN_HALL.replace("label: hall", "label: other"))

    assert (first.status, again.status, again.body["changes"]) == (200, 200, [])
    assert [change["kind"] for change in more.body["changes"] if "performanceId" in change] == ["CREATED"]
    published = catalog.find_performance("night-sky.hall", clock.now())
    other: Performance = catalog.find_performance("night-sky.other", clock.now())
    assert published["hallVersion"] == other["hallVersion"]
    assert [seat["label"] for seat in halls.sections(other, clock.now())[0].seats[:3]] == ["1", "2", "3"]


def test_a_hall_that_goes_back_to_an_earlier_layout_is_the_one_that_was_published_last(world: World) -> None:
    upcoming = GOOD.replace("salesOpenAt: 2026", "salesOpenAt: 2036")
    for hall in (HALL, HALL.replace("1-10", "1-12"), HALL):
        send(world, hall + upcoming + IN_HALL)
        world.time.sleep(MEMORY_SECONDS)
        assert send(world, hall + upcoming + IN_HALL).body["applied"]

    without = send(world, upcoming + IN_HALL)

    assert (without.body["changes"], catalog.read_performance("night-sky.hall")["seatsTotal"]) == ([], 20)


def test_the_largest_file_is_read_in_time_however_it_is_written(world: World) -> None:
    import time as real

    texts = [
        "- " * (MAX_BYTES // 2),
        "a: &x [1]\n" * 1000,
        "[" + "1," * (MAX_BYTES // 2 - 2) + "]",
        '"' + "\\n" * 100_000,
        "concerts: [" + "1," * (MAX_BYTES // 2 - 6) + "]",
        *[HALL.replace("{ rows: A-B, seats: 1-10 }", rows) + GOOD + IN_HALL for rows in SHORT_FOR_MUCH],
        HALL.replace("at: [0, 300]", "at: [0, 300], seatWidth: 1, rowDepth: 1").replace(
            "rows: A-B, seats: 1-10", "rows: 1-20, seats: 30"
        ),
    ]
    for text in texts:
        began = real.process_time()
        refused = send(world, text[:MAX_BYTES], dryRun="true")
        assert refused.code == "CATALOG_REFUSED"
        assert len(json.dumps(refused.body)) < LARGEST_ANSWER
        assert real.process_time() - began < 29, "as long as the function may take"


def test_ranges_of_labels_are_written_out_no_further_than_a_section_goes(world: World) -> None:
    text = HALL.replace("seats: 1-10", "seats: [" + "0-99999, " * 300 + "]") + GOOD + IN_HALL
    tracemalloc.start()
    answer = send(world, text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (answer.code, peak < 50_000_000) == ("CATALOG_REFUSED", True)


def test_a_file_may_be_as_long_and_as_deep_as_is_said(world: World) -> None:
    longest = GOOD + "#" * (MAX_BYTES - len(GOOD))
    deepest, too_deep = ("[" * levels + "1" + "]" * levels for levels in (19, 20))

    assert send(world, longest, dryRun="true").status == 200
    assert "deeper" not in send(world, deepest).body["mistakes"][0]["message"]
    assert send(world, too_deep).body["mistakes"][0]["message"] == "lies deeper than 20 levels"


def test_texts_that_change_are_told_up_to_200_characters(world: World) -> None:
    send(world, GOOD.replace("Night Sky", "x" * 200))

    told = send(world, GOOD.replace("    artist", f"    description: {'y' * 201}\n    artist")).body["changes"]

    assert {change["field"]: (change.get("before"), change["after"]) for change in told} == {
        "title": ("x" * 200, "Night Sky"),
        "description": ("", "y" * 199 + "…"),
    }


def test_of_very_many_changes_the_log_has_the_first_and_how_many_more_there_are(world: World) -> None:
    def concerts(words: str) -> str:
        one = "  - { concertId: c%s, title: %s, artist: %s, venue: %s, timezone: Asia/Seoul, "
        times = "salesOpenAt: 2026-01-05 10:00, salesCloseAt: 2037-05-01 18:00 }\n"
        return "concerts:\n" + "".join((one + times) % (number, words, words, words) for number in range(40))

    send(world, concerts("old"))
    world.time.sleep(1)

    answer = send(world, concerts("new"))

    newest = log(world)[0]
    assert (len(answer.body["changes"]), len(newest["details"]["changes"]), newest["details"]["omitted"]) == (
        120,
        100,
        20,
    )


def test_a_thousand_mistakes_are_all_told(world: World) -> None:
    told = send(world, "concerts:\n" + "  - 1\n" * 1000).body["mistakes"]

    assert [mistake["line"] for mistake in told] == [*range(2, 1002)]
    assert "more" not in told[-1]["message"]


def test_of_very_many_mistakes_the_first_are_told_and_how_many_more_there_are(world: World) -> None:
    answer = send(world, "concerts:\n" + "  - 1\n" * 1234)

    told = answer.body["mistakes"]
    assert [mistake["line"] for mistake in told] == [*range(2, 1002), 1002]
    assert told[-1]["message"] == "and 234 more mistakes from here on"


def test_whatever_happens_to_a_call_the_catalog_is_whole_and_in_the_log_once(world: World) -> None:
    beginning = world.snapshot()
    world.wire.set(None)
    send(world, HALL + GOOD + IN_HALL)
    operations = [*world.wire.calls]
    whole = dates()

    for number, operation in enumerate(operations):
        for kind in kinds_for(operation):
            world.begin(beginning)
            world.wire.set(Fault(kind, number))
            answer = send(world, HALL + GOOD + IN_HALL)
            world.wire.set(None)
            world.wire.deliver_late()
            assert (answer.status, answer.body["applied"]) == (200, True), (kind, operation, answer)
            assert (dates(), len(log(world))) == (whole, 1), (kind, operation)
            world.new_process()
            for text in (HALL + GOOD + IN_HALL, GOOD + IN_HALL):
                again = send(world, text, dryRun="true")
                assert (again.status, again.body["changes"]) == (200, []), (kind, operation)
