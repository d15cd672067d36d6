"""GET /concerts: the concerts that have been published."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, sale
from booking.cursors import cursor_of, key_of
from booking.errors import ValidationFailed
from booking.queue import items

app = http.api()


@app.get(
    "/concerts",
    **http.operation(
        "List concerts", tag="catalog", success=(200, "ConcertList"), paged=True, cached=True, errors=[ValidationFailed]
    ),
)
def list_concerts() -> Response[Any]:
    limit, cursor = http.paging(app)
    now = clock.now()
    concerts, last = catalog.list_concerts(limit, key_of(cursor), now)
    ids = [concert["sk"] for concert in concerts]
    queues = items.read_queues(ids) if cursor else items.recent_queues(ids, now)
    shown = [
        catalog.concert_view(concert, now) | {"saleStatus": sale.status(concert, queues.get(concert["sk"], {}), now)}
        for concert in concerts
    ]
    return http.public(app, http.page(shown, cursor_of(last, "sk")), "public, max-age=10")


handler = http.entry(app)
