"""GET /organiser/performances/{performanceId}/bookings: who has booked a date."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import bookings, catalog, clock, http
from booking.cursors import cursor_of, key_of
from booking.errors import Forbidden, PerformanceNotFound, ValidationFailed
from booking.observability import bind

app = http.api(missing=PerformanceNotFound)
LONGEST = 100


@app.get(
    "/organiser/performances/<performanceId>/bookings",
    **http.operation(
        "List or search the bookings of a date",
        tag="organiser",
        success=(200, "BookingList"),
        user=True,
        paged=True,
        query=["q"],
        errors=[ValidationFailed, Forbidden, PerformanceNotFound],
    ),
)
def list_bookings(performanceId: str) -> Response[Any]:
    http.require_role(app, "organiser")
    bind(performanceId=performanceId)
    limit, cursor = http.paging(app)
    wanted = http.parameter(app, "q") or ""
    if len(wanted) > LONGEST:
        raise ValidationFailed(errors=[{"field": "q", "message": f"must have at most {LONGEST} characters"}])
    performance = catalog.find_performance(performanceId, clock.now())
    shown, last = bookings.page(performance, wanted, limit, key_of(cursor))
    return http.answer(http.page(shown, cursor_of({"place": last}, "place") if last else None))


handler = http.entry(app)
