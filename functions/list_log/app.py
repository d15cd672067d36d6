"""GET /organiser/log: what organisers and operators have changed."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import audit_log, http
from booking.cursors import cursor_of, key_of
from booking.errors import Forbidden, ValidationFailed

app = http.api()


@app.get(
    "/organiser/log",
    **http.operation(
        "Read who has changed what, newest first",
        tag="organiser",
        success=(200, "LogList"),
        user=True,
        paged=True,
        query=["concertId"],
        errors=[ValidationFailed, Forbidden],
    ),
)
def list_log() -> Response[Any]:
    http.require_role(app, "organiser")
    limit, cursor = http.paging(app)
    concert_id = http.parameter(app, "concertId")
    found, last = audit_log.entries(limit, key_of(cursor))
    shown = [audit_log.view(item) for item in found if concert_id in {None, item.get("concertId")}]
    return http.answer(http.page(shown, cursor_of(last, "sk")))


handler = http.entry(app)
