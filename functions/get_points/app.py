"""GET /points: the user's balance."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import http, points

app = http.api()


@app.get("/points", **http.operation("Read the balance", tag="points", success=(200, "Balance"), user=True))
def get_points() -> Response[Any]:
    return http.answer({"balance": points.balance(http.user(app))})


handler = http.entry(app)
