"""GET /performances/{performanceId}/seats: the seats of a section or a small hall, and whose they can still be."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, seats
from booking.errors import PerformanceNotFound, ValidationFailed

app = http.api(missing=PerformanceNotFound)


@app.get(
    "/performances/<performanceId>/seats",
    **http.operation(
        "List the seats of a performance, or of one section of its hall",
        tag="catalog",
        success=(200, "SeatMap"),
        cached=True,
        query=["section"],
        errors=[ValidationFailed, PerformanceNotFound],
    ),
)
def list_seats(performanceId: str) -> Response[Any]:
    now = clock.now()
    performance = catalog.find_performance(performanceId, now)
    shown = seats.seat_map(performance, http.parameter(app, "section"), now)
    # A fan's own browser asks each time, so as to see a hold at once; a CDN may serve a crowd for a second.
    return http.public(app, shown, "public, max-age=0, s-maxage=1", serverTime=clock.rfc3339(now))


handler = http.entry(app)
