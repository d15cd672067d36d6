"""GET /swagger: the specification as a page on which calls can be tried.

Swagger UI comes with Powertools; it is sent as part of the page, so that nothing is asked of another host.
"""

import secrets
from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import http

app = http.api()
ASSETS = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OST Concert Booking: the API</title>
<link rel="icon" href="data:,">
<style nonce="{nonce}">{css}</style>
</head>
<body>
<div id="swagger"></div>
<script nonce="{nonce}">{script}</script>
<script nonce="{nonce}">
SwaggerUIBundle({{url: "openapi.json", dom_id: "#swagger", deepLinking: true, tryItOutEnabled: true}});
</script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'"
)
"""Swagger UI sets styles on elements, which needs `unsafe-inline` for styles; scripts run by nonce only."""


@app.get(
    "/swagger",
    compress=True,
    **http.operation("Try the API", tag="documentation", success=(200, None), media="text/html"),
)
def show_swagger() -> Response[Any]:
    nonce = secrets.token_urlsafe(16)
    page = PAGE.format(
        nonce=nonce,
        css=ASSETS.joinpath("swagger-ui.min.css").read_text("utf-8"),
        script=ASSETS.joinpath("swagger-ui-bundle.min.js").read_text("utf-8"),
    )
    headers: dict[str, str | list[str]] = {"Content-Security-Policy": POLICY.format(nonce=nonce)}
    return Response(200, "text/html; charset=utf-8", page, headers)


handler = http.entry(app)
