"""GET /swagger: the specification as a page on which calls can be tried.

Swagger UI comes with Powertools; it is sent as part of the page, so that nothing is asked of another host. The page is
the same for everybody, so that the edge and browsers keep it.
"""

import base64
import functools
import hashlib
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
<style>{css}</style>
</head>
<body>
<div id="swagger"></div>
<script>{script}</script>
<script>{start}</script>
</body>
</html>
"""
START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger", deepLinking: true, tryItOutEnabled: true});'
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; style-src 'unsafe-inline'; script-src {hashes}"
)
"""Swagger UI sets styles on elements, which needs `unsafe-inline` for styles; only these two scripts run."""


@functools.cache
def page() -> tuple[str, str]:
    """Return the page, and its policy."""
    css = ASSETS.joinpath("swagger-ui.min.css").read_text("utf-8")
    script = ASSETS.joinpath("swagger-ui-bundle.min.js").read_text("utf-8")
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (script, START)]
    policy = POLICY.format(hashes=" ".join(f"'sha256-{each}'" for each in hashes))
    return PAGE.format(css=css, script=script, start=START), policy


@app.get(
    "/swagger",
    compress=True,
    **http.operation("Try the API", tag="documentation", success=(200, None), media="text/html"),
)
def show_swagger() -> Response[Any]:
    html, policy = page()
    headers: dict[str, str | list[str]] = {"Content-Security-Policy": policy, "Cache-Control": "public, max-age=300"}
    return Response(200, "text/html; charset=utf-8", html, headers)


handler = http.entry(app)
