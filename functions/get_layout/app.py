"""GET /performances/{performanceId}/layout: the seats of a performance as they are drawn."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, halls, http
from booking.errors import PerformanceNotFound

FOR_GOOD = "public, max-age=31536000, immutable"
FOR_A_MINUTE = "public, max-age=60"

app = http.api(missing=PerformanceNotFound)


@app.get(
    "/performances/<performanceId>/layout",
    compress=True,
    **http.operation(
        "Read the layout of a performance's hall",
        tag="catalog",
        success=(200, "Layout"),
        cached=True,
        query=["version"],
        errors=[PerformanceNotFound],
    ),
)
def get_layout(performanceId: str) -> Response[Any]:
    now = clock.now()
    performance = catalog.find_performance(performanceId, now)
    concert = catalog.find_concert(performance["pk"], now)
    # An organiser may change the hall until sales open; who names a version is told for good what that version is.
    settled = now >= concert["salesOpenAt"] or http.parameter(app, "version") == performance.get("hallVersion", "")
    answer = http.public(app, halls.layout_view(performance, now), FOR_GOOD if settled else FOR_A_MINUTE)
    answer.headers["Vary"] = "Accept-Encoding"
    return answer


handler = http.entry(app)
