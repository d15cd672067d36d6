"""GET /performances/{performanceId}/guest-list: what a door needs to know before it goes offline."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, check_ins, clock, http, signatures
from booking.errors import Forbidden, PerformanceNotFound
from booking.observability import bind

app = http.api(missing=PerformanceNotFound)


@app.get(
    "/performances/<performanceId>/guest-list",
    **http.operation(
        "Read the tickets of a performance",
        tag="door",
        success=(200, "GuestList"),
        user=True,
        errors=[Forbidden, PerformanceNotFound],
    ),
)
def get_guest_list(performanceId: str) -> Response[Any]:
    now = clock.now()
    http.require_role(app, "staff")
    bind(performanceId=performanceId)
    performance = catalog.find_performance(performanceId, now)
    shown = {"tickets": check_ins.guest_list(performance), "publicKeys": signatures.public_keys_view()}
    return http.answer(shown | {"asOf": clock.rfc3339(now)})


handler = http.entry(app)
