"""GET /performances/{performanceId}: one date, with what is left and what it costs by grade and by section."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, halls, http, seats
from booking.errors import PerformanceNotFound

app = http.api(missing=PerformanceNotFound)


@app.get(
    "/performances/<performanceId>",
    **http.operation(
        "Read a performance",
        tag="catalog",
        success=(200, "PerformanceDetail"),
        cached=True,
        errors=[PerformanceNotFound],
    ),
)
def get_performance(performanceId: str) -> Response[Any]:
    now = clock.now()
    performance = catalog.find_performance(performanceId, now)
    concert = catalog.find_concert(performance["pk"], now)
    free = seats.count_free(performance, now)
    return http.public(app, halls.performance_view(performance, concert, free, now), "public, max-age=1")


handler = http.entry(app)
