"""The browser client's files are served as they are, with the configuration that names the API."""

import socket
import struct
import threading
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
    if path == "/":
        assert POLICY.removesuffix("; frame-ancestors 'none'") in answer.text


def test_browser_that_goes_away_in_the_middle_leaves_the_terminal_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "poster.bin").write_bytes(bytes(32 * 1024 * 1024))

    with Website(tmp_path, HOST, free_port(), CONFIG) as website:
        with socket.create_connection((HOST, int(website.url.rpartition(":")[2]))) as browser:
            browser.sendall(b"GET /poster.bin HTTP/1.1\r\nHost: page\r\n\r\n")
            browser.recv(1024)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for thread in threading.enumerate():
            if "process_request_thread" in thread.name:
                thread.join()
        answer = httpx.get(website.url)

    assert answer.status_code == 200
    assert capsys.readouterr().err == ""
