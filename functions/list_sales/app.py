"""GET /organiser/concerts: every sale at a glance."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, overview
from booking.cursors import cursor_of, key_of
from booking.errors import Forbidden, ValidationFailed

app = http.api()


@app.get(
    "/organiser/concerts",
    **http.operation(
        "See every sale",
        tag="organiser",
        success=(200, "SaleList"),
        user=True,
        paged=True,
        errors=[ValidationFailed, Forbidden],
    ),
)
def list_sales() -> Response[Any]:
    http.require_role(app, "organiser")
    limit, cursor = http.paging(app)
    shown, last = overview.sales(limit, key_of(cursor), clock.now())
    return http.answer(http.page(shown, cursor_of({"concertId": last}, "concertId") if last else None))


handler = http.entry(app)
