"""PUT /organiser/concerts/{concertId}/queue: pause, open, let in more or fewer, tell those who wait."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, requests
from booking.audit_log import Actor
from booking.errors import ConcertNotFound, Forbidden, ValidationFailed
from booking.observability import bind
from booking.queue import control, items

app = http.api(missing=ConcertNotFound)


@app.put(
    "/organiser/concerts/<concertId>/queue",
    **http.operation(
        "Set a queue",
        tag="organiser",
        success=(200, "QueueSet"),
        body="SetQueue",
        user=True,
        errors=[ValidationFailed, Forbidden, ConcertNotFound],
    ),
)
def set_queue(concertId: str) -> Response[Any]:
    now = clock.now()
    actor = Actor(http.require_role(app, "organiser"), http.user_name(app))
    bind(concertId=concertId)
    request = requests.read(requests.SetQueue, http.body(app))
    catalog.find_concert(concertId, now)
    queue = control.change(concertId, request, actor, now)
    line = items.line_of(queue, items.read_counter(concertId, consistent=False))
    return http.answer({"concertId": concertId, **control.view(queue, line, now)})


handler = http.entry(app)
