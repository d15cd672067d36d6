"""GET /openapi.json: the specification, merged from all handlers by `./ost openapi`."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import http

app = http.api()
SPECIFICATION = Path(__file__).with_name("openapi.json")


@app.get(
    "/openapi.json",
    **http.operation("Read this specification", tag="documentation", success=(200, None), media=http.JSON),
)
def get_openapi() -> Response[Any]:
    return Response(200, http.JSON, SPECIFICATION.read_text("utf-8"), {"Cache-Control": "public, max-age=300"})


handler = http.entry(app)
