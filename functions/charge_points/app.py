"""POST /points/charges: add points, to one's own or, by a payment provider's machine, to a fan's."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, points, requests
from booking.errors import (
    BalanceLimitExceeded,
    Forbidden,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ValidationFailed,
)
from booking.settings import settings

app = http.api()
SCOPE = "points/charge"
"""What a machine's token carries that may charge a fan's points; template.yaml has it as PointsScope."""


@app.post(
    "/points/charges",
    **http.operation(
        "Charge points",
        tag="points",
        success=(201, "PointsChange"),
        body="ChargePoints",
        user=True,
        key=True,
        errors=[ValidationFailed, IdempotencyKeyRequired, Forbidden, BalanceLimitExceeded, IdempotencyKeyReused],
    ),
)
def charge_points() -> Response[Any]:
    caller = http.user(app)
    key = http.idempotency_key(app)
    request = requests.read(requests.ChargePoints, http.body(app))
    entry = points.charge(_whose(request, caller), request["amount"], key, clock.now())
    return http.answer(points.change_view(entry), 201, **http.replayed(entry.replayed))


def _whose(request: requests.ChargePoints, caller: str) -> str:
    if http.has_scope(app, SCOPE):
        if request["userId"] is None:
            raise ValidationFailed(errors=[{"field": "userId", "message": "Field required"}])
        return request["userId"]
    if request["userId"] is not None or settings().fans_charge == "off":
        raise Forbidden("Points are bought from the payment provider; only it can add them.")
    return caller


handler = http.entry(app)
