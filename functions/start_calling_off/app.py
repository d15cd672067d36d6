"""POST /organiser/performances/{performanceId}/cancellation: look what calling a date off gives back, or do it."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import calling_off, clock, http, requests
from booking.audit_log import Actor
from booking.errors import Forbidden, PerformanceNotFound, SurveyChanged, ValidationFailed
from booking.observability import bind

app = http.api(missing=PerformanceNotFound)


@app.post(
    "/organiser/performances/<performanceId>/cancellation",
    **http.operation(
        "Call a date off, or look what that gives back",
        tag="organiser",
        success=(200, "DateSurvey"),
        again=(202, "CallingOff"),
        body="CallOff",
        user=True,
        errors=[ValidationFailed, Forbidden, PerformanceNotFound, SurveyChanged],
    ),
)
def start_calling_off(performanceId: str) -> Response[Any]:
    now = clock.now()
    actor = Actor(http.require_role(app, "organiser"), http.user_name(app))
    bind(performanceId=performanceId)
    request = requests.read(requests.CallOff, http.body(app))
    if request["confirm"] is not None:
        begun = calling_off.begin(performanceId, request["confirm"], actor, now)
        return http.answer(calling_off.progress_view(begun, now), 202, retry_after="2")
    if request["offSale"]:
        calling_off.take_off_sale(performanceId, actor, now)
    return http.answer(calling_off.survey_view(calling_off.survey(performanceId, now), now))


handler = http.entry(app)
