"""POST /points/charges: add points."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, points
from booking.errors import BalanceLimitExceeded, IdempotencyKeyRequired, IdempotencyKeyReused, ValidationFailed
from booking.requests import ChargePoints

app = http.api()


@app.post(
    "/points/charges",
    **http.operation(
        "Charge points",
        tag="points",
        success=(201, "PointsChange"),
        body="ChargePoints",
        user=True,
        key=True,
        errors=[ValidationFailed, IdempotencyKeyRequired, BalanceLimitExceeded, IdempotencyKeyReused],
    ),
)
def charge_points() -> Response[Any]:
    user_id = http.user(app)
    key = http.idempotency_key(app)
    request = http.body(app, ChargePoints)
    entry = points.charge(user_id, request.amount, key, clock.now())
    return http.answer(points.change_view(entry), 201, **http.replayed(entry.replayed))


handler = http.entry(app)
