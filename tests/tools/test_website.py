"""The browser client's files are served as they are, with the configuration that names the API."""

from pathlib import Path

import httpx
import pytest

from tools.ost.cloud import HOST, free_port
from tools.ost.website import Website

PAGE = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; connect-src 'self' https:">
"""
CONFIG = {"apiUrl": "http://api/stage", "cognitoUrl": "https://users:4566"}
POLICY = "default-src 'self'; connect-src 'self' http://api https://users:4566; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/", 200, "text/html; charset=utf-8"),
        ("/seats.js?v=1", 200, "text/javascript; charset=utf-8"),
        ("/config.json", 200, "application/json"),
        ("/parts/", 404, "text/html;charset=utf-8"),
        ("/nowhere", 404, "text/html;charset=utf-8"),
        ("/../secret", 404, "text/html;charset=utf-8"),
    ],
)
def test_files_and_configuration_are_served_and_nothing_else(tmp_path: Path, path: str, status: int, kind: str) -> None:
    web = tmp_path / "web"
    (web / "parts").mkdir(parents=True)
    (web / "index.html").write_text(PAGE)
    (web / "seats.js").write_text("export {};")
    (tmp_path / "secret").write_text("secret")

    with Website(web, HOST, free_port(), CONFIG) as website:
        answer = httpx.get(f"{website.url}{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert answer.headers["cache-control"] == "no-store"
    if path == "/config.json":
        assert answer.json() == CONFIG
    elif status == 200:
        assert answer.headers["content-security-policy"] == POLICY
