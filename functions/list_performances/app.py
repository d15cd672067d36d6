"""GET /concerts/{concertId}/performances: the dates of a concert, with the seats that are left."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, seats
from booking.cursors import key_of
from booking.errors import ConcertNotFound, NoPerformances, ValidationFailed

app = http.api(missing=ConcertNotFound)


@app.get(
    "/concerts/<concertId>/performances",
    **http.operation(
        "List a concert's performances by date",
        tag="catalog",
        success=(200, "PerformanceList"),
        paged=True,
        cached=True,
        query=["bookable"],
        errors=[ValidationFailed, ConcertNotFound, NoPerformances],
    ),
)
def list_performances(concertId: str) -> Response[Any]:
    now = clock.now()
    limit, cursor = http.paging(app)
    bookable = http.flag(app, "bookable")
    concert = catalog.find_concert(concertId, now)
    performances = [
        catalog.performance_view(performance, concert, seats.count_available(performance, now), now)
        for performance in catalog.list_performances(concertId, now)
    ]
    if bookable is not None:
        performances = [performance for performance in performances if performance["bookable"] is bookable]
    return http.public(app, http.page_of(performances, limit, key_of(cursor), "performanceId"), "public, max-age=2")


handler = http.entry(app)
