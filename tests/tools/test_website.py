"""The browser client's files are served as they are, with the configuration that names the API."""

from pathlib import Path

import httpx
import pytest

from tools.ost.cloud import HOST, free_port
from tools.ost.website import Website


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/", 200, "text/html"),
        ("/seats.js?v=1", 200, "text/javascript"),
        ("/config.json", 200, "application/json"),
        ("/parts/", 404, "text/html;charset=utf-8"),
        ("/nowhere", 404, "text/html;charset=utf-8"),
        ("/../secret", 404, "text/html;charset=utf-8"),
    ],
)
def test_files_and_configuration_are_served_and_nothing_else(tmp_path: Path, path: str, status: int, kind: str) -> None:
    web = tmp_path / "web"
    (web / "parts").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>")
    (web / "seats.js").write_text("export {};")
    (tmp_path / "secret").write_text("secret")

    with Website(web, HOST, free_port(), {"apiUrl": "http://api"}) as website:
        answer = httpx.get(f"{website.url}{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert answer.headers["cache-control"] == "no-store"
    if path == "/config.json":
        assert answer.json() == {"apiUrl": "http://api"}
