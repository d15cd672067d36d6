"""What state a sale is in, at the door, in the waiting room and in the list; a queue that leads to nothing ends."""

from typing import Any, cast

import pytest

from booking import catalog, memory, sale
from booking.catalog import Concert
from booking.dynamodb import delete, put, update, write
from booking.errors import BookingError, NoPerformances, SalesClosed, SalesNotOpen, SoldOut
from booking.queue import driver, items, line, place, tick
from booking.queue.items import QueueItem
from booking.queue.token import Turn
from tests.world import START

CONCERT = "yorushika"
SEATS = 3


@pytest.fixture(autouse=True)
def kicked(cloud: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    publish(START + 1000)
    seen: list[str] = []
    monkeypatch.setattr(driver, "kick", lambda concert, **_: seen.append(concert))
    return seen


def publish(*dates: int, opens: int = START - 100, closes: int = START + 5000) -> None:
    """Publish the concert, with these dates and a few seats for each."""
    days = [{"startsAt": at, "timezone": "Asia/Seoul"} for at in dates]
    write(
        put(
            "CatalogTable",
            {"pk": "CONCERT", "sk": CONCERT, "salesOpenAt": opens, "salesCloseAt": closes, "dates": days},
        )
    )
    for number in range(2):
        key = {"pk": CONCERT, "sk": f"date-{number}"}
        if number < len(dates):
            write(put("CatalogTable", key | days[number] | {"price": 7, "seatsTotal": SEATS}))
        else:
            write(delete("CatalogTable", key))


def take(sold: int, held: int = 0, date: int = 0) -> None:
    """Have seats of a date sold and held."""
    for number in range(1, sold + held + 1):
        seat = {"performanceId": f"{CONCERT}.date-{date}", "seatNumber": number, "reservationId": "r", "userId": "u"}
        state = {"status": "SOLD"} if number <= sold else {"status": "HELD", "expiresAt": START + 300}
        write(put("SeatsTable", seat | state))


def look(at: int = START) -> QueueItem:
    """Have a driver look what is left."""
    memory.forget()
    queue = driver.note_what_is_left(CONCERT, items.read_queue(CONCERT), at)
    assert queue == items.read_queue(CONCERT)
    memory.forget()
    return queue


def status(at: int = START) -> sale.Status:
    memory.forget()
    return sale.status(catalog.find_concert(CONCERT, at), items.recent_queue(CONCERT, at), at)


def close(why: str) -> None:
    write(update("QueueTable", items.queue_key(CONCERT), "SET #closed = :why", None, why=why))


def wait_in_line(user: str = "cem", at: int = START) -> Turn:
    """Have two take the places, and one wait."""
    for name in ("ann", "ben", user):
        memory.forget()
        found, *_ = line.take_place(CONCERT, name, at)
    assert not found.turn.active
    return found.turn


def test_a_sale_opens_runs_and_is_over() -> None:
    publish(START + 1000, opens=START + 10, closes=START + 500)

    assert [status(START + later) for later in (9, 10, 499, 500)] == ["UPCOMING", "ON_SALE", "ON_SALE", "OVER"]


def test_a_sale_of_which_every_date_has_begun_is_over() -> None:
    publish(START + 20, START + 30)

    assert [status(START + later) for later in (29, 30)] == ["ON_SALE", "OVER"]


def test_a_sale_without_dates_and_a_paused_one_say_so() -> None:
    write(update("QueueTable", items.queue_key(CONCERT), "SET #capacity = :zero", zero=0))
    assert status() == "PAUSED"

    publish()
    assert status() == "NO_DATES"


def test_a_sale_is_sold_out_when_every_seat_of_every_date_ahead_is_sold_and_not_while_one_is_held() -> None:
    publish(START + 1000, START + 2000)
    take(sold=SEATS)
    assert "closed" not in look(), "the second date has seats"

    take(sold=2, held=1, date=1)
    assert "closed" not in look(), "one is held, and may come back"
    assert status() == "ON_SALE"

    take(sold=SEATS, date=1)
    assert look()["closed"] == "SOLD_OUT"
    assert status() == "SOLD_OUT"


def test_a_date_that_has_begun_keeps_no_sale_open() -> None:
    publish(START + 10, START + 2000)
    take(sold=SEATS, date=1)

    assert "closed" not in look()
    assert look(START + 10)["closed"] == "SOLD_OUT"


def test_a_date_that_was_taken_off_sale_keeps_no_sale_open() -> None:
    write(update("CatalogTable", {"pk": CONCERT, "sk": "date-0"}, "SET #offSale = :yes", None, yes=True))

    assert look()["closed"] == "OVER"
    publish(START + 1000, opens=START + 1)
    assert "closed" not in look(), "its sale has not begun"


def test_a_sale_that_has_not_opened_is_not_over_because_its_date_is_off_sale_yet() -> None:
    publish(START + 1000, opens=START + 1)
    sold_later = [{"startsAt": START + 1000, "timezone": "Asia/Seoul", "offSale": True}]
    write(update("CatalogTable", {"pk": "CONCERT", "sk": CONCERT}, "SET #dates = :dates", None, dates=sold_later))

    assert [status(START + later) for later in (0, 1)] == ["UPCOMING", "OVER"]


def test_a_seat_that_comes_back_opens_the_queue_again() -> None:
    take(sold=SEATS)
    look()
    write(delete("SeatsTable", {"performanceId": f"{CONCERT}.date-0", "seatNumber": 2}))

    assert "closed" not in look()
    assert status() == "ON_SALE"


def test_what_the_driver_noted_does_not_outlive_a_new_sales_window_or_new_dates() -> None:
    close("OVER")
    assert status() == "ON_SALE"
    assert "closed" not in look()

    close("NO_DATES")
    assert status() == "ON_SALE"


@pytest.mark.parametrize(
    ("why", "refusal"), [("SOLD_OUT", SoldOut), ("NO_DATES", NoPerformances), ("OVER", SalesClosed)]
)
def test_whoever_waits_for_nothing_is_told_why_each_time_they_ask(why: str, refusal: type[BookingError]) -> None:
    waiting = wait_in_line()
    close(why)
    memory.forget()

    for later in (2, 4):
        with pytest.raises(refusal):
            line.look(waiting, START + later)
    token = items.read_token(CONCERT, waiting.number)
    assert token is not None
    assert token["status"] == "FINISHED"
    assert "leftAt" not in token, "who was sent away may come back at once"


def test_who_is_in_when_the_last_seat_is_sold_is_not_sent_away() -> None:
    ann, *_ = line.take_place(CONCERT, "ann", START)
    close("SOLD_OUT")

    assert line.look(ann.turn, START + 2)[0].turn.active


def test_an_older_token_of_a_fan_who_is_in_sends_nobody_away_when_the_last_seat_is_sold() -> None:
    waiting = wait_in_line()
    place.end(CONCERT, 1)
    tick.tick(CONCERT, lambda: START + 2)
    memory.forget()
    entered, _ = line.look(waiting, START + 2)
    assert entered.turn.active, "on the phone"
    close("SOLD_OUT")
    memory.forget()

    on_the_laptop, _ = line.look(waiting, START + 4)

    assert on_the_laptop == entered
    assert line.look(entered.turn, START + 5)[0].turn.active
    ends = entered.turn.expires_at
    for _ in range(2):
        with pytest.raises(SoldOut):
            line.look(waiting, ends)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda: publish(START + 1000, opens=START + 1), SalesNotOpen),
        (lambda: publish(START + 1000, closes=START), SalesClosed),
        (lambda: publish(START), SalesClosed),
        (publish, NoPerformances),
        (lambda: close("SOLD_OUT"), SoldOut),
    ],
)
def test_nobody_joins_a_queue_that_leads_to_nothing(change: Any, refusal: type[BookingError]) -> None:
    publish(START + 1000, opens=START)
    sale.ensure_open(catalog.find_concert(CONCERT, START), START)
    change()
    memory.forget()

    with pytest.raises(refusal):
        sale.ensure_open(catalog.find_concert(CONCERT, START), START)


def test_a_closed_queue_lets_nobody_in_and_empties_by_itself() -> None:
    ann, *_ = line.take_place(CONCERT, "ann", START)
    close("SOLD_OUT")
    ben, *_ = line.take_place(CONCERT, "ben", START)
    assert not ben.turn.active, "there is room, but nothing to buy"
    line.take_place(CONCERT, "cem", START)

    assert tick.tick(CONCERT, lambda: START + 10).admitted == ann.turn.number
    emptied = tick.tick(CONCERT, lambda: START + 601)

    assert (emptied.low, emptied.waiting, emptied.active) == (3, 0, 0)
    assert emptied.entered == 1


def test_a_driver_looks_when_it_begins_and_every_few_seconds() -> None:
    stays = items.token_key(CONCERT, wait_in_line().number)
    write(update("QueueTable", stays, "SET #expiresAt = :late", late=START + 9_999))
    take(sold=2, held=1)
    now = [START]
    noticed: list[int] = []

    def sleep(_: float) -> None:
        now[0] += driver.TICK_SECONDS
        if now[0] == START + 20:
            take(sold=SEATS)
        if "closed" in items.read_queue(CONCERT):
            noticed.append(now[0])

    driver.drive(CONCERT, "one", take_over=True, now=lambda: now[0], sleep=sleep)

    assert START + 20 < noticed[0] <= START + 20 + driver.LOOK_SECONDS + 2 * driver.TICK_SECONDS


def test_the_schedule_keeps_an_eye_on_a_closed_queue_while_its_sale_lasts() -> None:
    concert = cast(Concert, {"sk": CONCERT, "salesCloseAt": START + 5000})
    assert not driver.in_use(concert, START)

    close("SOLD_OUT")

    assert driver.in_use(concert, START)
    assert not driver.in_use(concert, START + 5000)
