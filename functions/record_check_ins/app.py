"""POST /performances/{performanceId}/check-ins: a door tells what it scanned, and learns what that means."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, check_ins, clock, http, requests
from booking.errors import Forbidden, PerformanceNotFound, ValidationFailed
from booking.observability import bind, count

app = http.api(missing=PerformanceNotFound)


@app.post(
    "/performances/<performanceId>/check-ins",
    **http.operation(
        "Record scans of tickets",
        tag="door",
        success=(200, "CheckIns"),
        body="RecordCheckIns",
        user=True,
        errors=[ValidationFailed, Forbidden, PerformanceNotFound],
    ),
)
def record_check_ins(performanceId: str) -> Response[Any]:
    now = clock.now()
    http.require_role(app, "staff")
    bind(performanceId=performanceId)
    request = requests.read(requests.RecordCheckIns, http.body(app))
    catalog.find_performance(performanceId, now)
    scans = check_ins.scans_of(request)
    results = check_ins.record(performanceId, request["deviceId"], scans, now)
    for outcome in {result.outcome for result in results}:
        count(f"Scan{outcome}", sum(result.outcome == outcome for result in results))
    return http.answer({"results": [check_ins.result_view(result) for result in results]})


handler = http.entry(app)
