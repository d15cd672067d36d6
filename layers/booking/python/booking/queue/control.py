"""What an organiser sets of a queue: how many may be in, whether it is paused, and what waiting fans are told.

A pause keeps the capacity: opening again is as before. Every change has its entry in the log, in one transaction.
"""

from typing import TYPE_CHECKING, TypedDict, cast

from booking import audit_log
from booking.audit_log import Actor
from booking.dynamodb import Item, TransactionRefused, Write, attempts, transact, update
from booking.errors import TemporarilyUnavailable, ValidationFailed
from booking.queue import admission
from booking.queue.admission import Line
from booking.queue.items import QueueItem, capacity_of, queue_key, read_queue
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views


class Setting(TypedDict, total=False):
    """What is set of a queue; what is not named stays. A message of None is none."""

    capacity: int
    paused: bool
    message: str | None


def change(concert_id: str, wanted: Setting, actor: Actor, at: int) -> QueueItem:
    """Set something of a queue, which may not have begun yet, and return it as it is then. Safe to repeat: what is so
    already changes nothing and is not logged.

    A tick that has read the queue before is refused by its own condition and looks again, so the change counts at once.

    Raises:
        ValidationFailed: it is to be opened while nobody may be in.

    """
    for _ in attempts():
        queue = read_queue(concert_id)
        changed = changes(queue, wanted)
        if wanted.get("paused") is False and (changed.get("capacity", (0, capacity_of(queue)))[1]) == 0:
            message = "nobody may be in while the capacity is 0; set a capacity as well"
            raise ValidationFailed(errors=[{"field": "paused", "message": message}])
        if not changed:
            return queue
        details = {"before": _told(changed, 0), "after": _told(changed, 1)}
        once = [concert_id, queue.get("revision", 0)]
        about: audit_log.About = {"concertId": concert_id}
        try:
            transact(
                setting(concert_id, queue, changed),
                audit_log.entry(actor, "QUEUE_CHANGED", once, at, about=about, details=details),
            )
        except TransactionRefused:
            continue
        return cast(QueueItem, queue | _told(changed, 1))
    raise TemporarilyUnavailable


type Value = int | str | bool | None
type Changed = dict[str, tuple[Value, Value]]
"""What changes, by name: what it was, and what it is then."""


def changes(queue: QueueItem, wanted: Setting) -> Changed:
    """Return what of a queue is not as it is wanted."""
    known = {"capacity": queue.get("capacity"), "paused": queue.get("paused", False), "message": queue.get("message")}
    return {name: (known[name], value) for name, value in wanted.items() if value != known[name]}  # type: ignore[misc]


def _told(changed: Changed, which: int) -> Item:
    return {name: values[which] for name, values in changed.items()}


def setting(concert_id: str, queue: QueueItem, changed: Changed) -> Write:
    """Set this and nothing else of a queue, if nobody has set anything since it was read."""
    kept = {name: after for name, (_, after) in changed.items() if after is not None and after is not False}
    gone = sorted(changed.keys() - kept)
    revision = queue.get("revision", 0)
    return update(
        settings().queue_table,
        {**queue_key(concert_id)},
        "SET "
        + ", ".join(f"#{name} = :{name}" for name in [*kept, "revision"])
        + (f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else ""),
        "#revision = :before" if revision else "attribute_not_exists(#revision)",
        **kept,
        revision=revision + 1,
        **({"before": revision} if revision else {}),
    )


def view(queue: QueueItem, line: Line, at: int) -> "views.SaleQueue":
    """Show a queue to an organiser: what was set, and how fast fans are let in while any wait."""
    measured = line.waiting and not line.paused and (line.pace or line.sample_at)
    return {
        "waiting": line.waiting,
        "active": line.active,
        "entered": line.entered,
        "lapsed": line.lapsed,
        "enteredPerMinute": 60_000 // max(1, admission.pace_of(line, at)) if measured else 0,
        "capacity": capacity_of(queue),
        "paused": line.paused,
        "message": queue.get("message"),
    }
