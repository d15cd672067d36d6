"""In what state the sale of a concert is, for the list, the door and the waiting room.

What the clock and the catalog say is judged on the spot. Whether anything is left to sell would need every seat, so it
is looked at by the driver of the queue, which notes on the queue item when nothing is left (`closed`): after each
payment, every few seconds while somebody waits, and each minute as long as it may change.
"""

from typing import Literal

from booking import catalog, seats
from booking.catalog import Concert
from booking.errors import BookingError, ConcertNotFound, NoPerformances, SalesClosed, SoldOut
from booking.queue.items import QueueItem, line_of, recent_queue

type Status = Literal["UPCOMING", "ON_SALE", "PAUSED", "SOLD_OUT", "NO_DATES", "OVER"]
type Closed = Literal["SOLD_OUT", "NO_DATES", "OVER"]

REFUSALS: dict[Closed, type[BookingError]] = {"SOLD_OUT": SoldOut, "NO_DATES": NoPerformances, "OVER": SalesClosed}
"""How a fan is told that a queue leads to nothing."""


def status(concert: Concert, queue: QueueItem, at: int) -> Status:
    """Tell in what state a concert's sale is. `queue` may be some seconds old."""
    if at >= concert["salesCloseAt"] or _none_to_come(concert, at):
        return "OVER"
    if at < concert["salesOpenAt"]:
        return "UPCOMING"
    if "dates" in concert and not concert["dates"]:
        return "NO_DATES"
    closed = queue.get("closed")
    if closed == "SOLD_OUT" or (closed is not None and "dates" not in concert):
        return closed
    return "PAUSED" if line_of(queue).paused else "ON_SALE"


def _none_to_come(concert: Concert, at: int) -> bool:
    """Tell whether every date has begun, was called off or, in a sale that has opened, is off it; not where none were
    announced."""
    dates, has_opened = concert.get("dates", []), at >= concert["salesOpenAt"]
    return bool(dates) and all(
        date["startsAt"] <= at or date.get("cancelled") or (has_opened and date.get("offSale")) for date in dates
    )


def ensure_open(concert: Concert, at: int) -> None:
    """Check that whoever joins the queue of a concert can get something.

    Raises:
        SalesNotOpen, SalesClosed, NoPerformances, SoldOut: they cannot; the last three end a queue, too.

    """
    catalog.ensure_on_sale(concert, at)
    now_is = status(concert, recent_queue(concert["sk"], at), at)
    if now_is in {"OVER", "NO_DATES", "SOLD_OUT"}:
        raise REFUSALS[now_is]


def nothing_left(concert_id: str, at: int) -> Closed | None:
    """Tell why nothing of a concert can be had any more, or None where something can, or may come free.

    A seat that is held may come back, so a concert is sold out only when every seat is sold.
    """
    try:
        concert = catalog.find_concert(concert_id, at)
        dates = catalog.list_performances(concert_id, at)
        performances = [each for each in dates if catalog.on_sale(concert, each, at)]
    except ConcertNotFound:
        return None
    except NoPerformances:
        return "NO_DATES"
    if at < concert["salesOpenAt"] or any(catalog.is_changing(each, at) for each in dates):
        return None
    if not performances:
        return "OVER"
    return "SOLD_OUT" if all(seats.is_sold_out(performance, at) for performance in performances) else None
