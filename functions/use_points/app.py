"""POST /points/uses: take points."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, points, requests
from booking.errors import IdempotencyKeyRequired, IdempotencyKeyReused, InsufficientPoints, ValidationFailed

app = http.api()


@app.post(
    "/points/uses",
    **http.operation(
        "Use points",
        tag="points",
        success=(201, "PointsChange"),
        body="UsePoints",
        user=True,
        key=True,
        errors=[ValidationFailed, IdempotencyKeyRequired, InsufficientPoints, IdempotencyKeyReused],
    ),
)
def use_points() -> Response[Any]:
    user_id = http.user(app)
    key = http.idempotency_key(app)
    request = requests.read(requests.UsePoints, http.body(app))
    entry = points.use(user_id, request["amount"], request["reason"], key, clock.now())
    return http.answer(points.change_view(entry), 201, **http.replayed(entry.replayed))


handler = http.entry(app)
