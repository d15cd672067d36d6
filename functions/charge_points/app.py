"""POST /points/charges: add points."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, points, requests
from booking.errors import BalanceLimitExceeded, IdempotencyKeyRequired, IdempotencyKeyReused, ValidationFailed

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
    request = requests.read(requests.ChargePoints, http.body(app))
    entry = points.charge(user_id, request["amount"], key, clock.now())
    return http.answer(points.change_view(entry), 201, **http.replayed(entry.replayed))


handler = http.entry(app)
