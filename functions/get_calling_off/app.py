"""GET /organiser/performances/{performanceId}/cancellation: how far calling a date off is."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import calling_off, clock, http
from booking.errors import Forbidden, PerformanceNotFound
from booking.observability import bind

app = http.api(missing=PerformanceNotFound)


@app.get(
    "/organiser/performances/<performanceId>/cancellation",
    **http.operation(
        "See how far calling a date off is",
        tag="organiser",
        success=(200, "CallingOff"),
        user=True,
        errors=[Forbidden, PerformanceNotFound],
    ),
)
def get_calling_off(performanceId: str) -> Response[Any]:
    now = clock.now()
    http.require_role(app, "organiser")
    bind(performanceId=performanceId)
    return http.answer(calling_off.progress_view(calling_off.survey(performanceId, now), now))


handler = http.entry(app)
