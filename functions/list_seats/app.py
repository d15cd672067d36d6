"""GET /performances/{performanceId}/seats: every seat of a performance, and whose it can still be."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, seats
from booking.errors import PerformanceNotFound

app = http.api()


@app.get(
    "/performances/<performanceId>/seats",
    **http.operation(
        "List a performance's seats", tag="catalog", success=(200, "SeatMap"), cached=True, errors=[PerformanceNotFound]
    ),
)
def list_seats(performanceId: str) -> Response[Any]:
    now = clock.now()
    performance = catalog.find_performance(performanceId, now)
    taken = seats.read_taken(performanceId, now)
    shown = {
        "performanceId": performanceId,
        "concertId": performance["pk"],
        "seats": seats.seat_map(performance, taken),
        "available": performance["seatsTotal"] - len(taken),
    }
    # A fan's own browser asks each time, so as to see a hold at once; a CDN may serve a crowd for a second.
    return http.public(app, shown, "public, max-age=0, s-maxage=1", serverTime=clock.rfc3339(now))


handler = http.entry(app)
