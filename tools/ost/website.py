"""The browser client, served from `web/` beside the local API as the cloud serves it: compressed, under a policy."""

import gzip
import json
import re
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

WORTH_COMPRESSING = 500


class Website:
    """A context manager: one directory's static files on one port, and `/config.json` that names the API."""

    def __init__(self, directory: Path, host: str, port: int, config: dict[str, Any]) -> None:
        handler = partial(
            _Files,
            directory=str(directory),
            config=config,
            policy=f"{_policy(_page(directory, config))}; frame-ancestors 'none'",
        )
        self._server = _Server((host, port), handler)
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="website", daemon=True)

    def __enter__(self) -> Self:
        """Serve in the background."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


STATED = re.compile(r'(http-equiv="Content-Security-Policy" content=")([^"]+)"')


def with_own_origins(page: str, config: dict[str, Any]) -> str:
    """Return the page with its policy narrowed to the origins of the stack that the configuration names."""
    urls = [urlsplit(str(config[name])) for name in ("apiUrl", "cognitoUrl")]
    origins = sorted({f"{url.scheme}://{url.netloc}" for url in urls if url.netloc})
    narrowed = re.sub(r"connect-src [^;]+", " ".join(["connect-src 'self'", *origins]), _policy(page))
    return STATED.sub(lambda found: f'{found[1]}{narrowed}"', page)


def _page(directory: Path, config: dict[str, Any]) -> str:
    return with_own_origins((directory / "index.html").read_text("utf-8"), config)


def _policy(page: str) -> str:
    stated = STATED.search(page)
    if stated is None:
        raise ValueError("the page states no Content-Security-Policy")
    return stated[2]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take no notice of a browser that goes away before it has read everything, as on any reload."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Files(SimpleHTTPRequestHandler):
    """Files only: no listing of directories, nothing cached, module scripts with their type."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".mjs": "text/javascript"}
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, config: dict[str, Any], policy: str, **kwargs: Any) -> None:
        self._config = config
        self._policy = policy
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] == "/config.json":
            self._answer(json.dumps(self._config).encode(), "application/json")
            return
        file = Path(self.translate_path(self.path))
        if file in (Path(self.directory), Path(self.directory, "index.html")):
            self._answer(_page(Path(self.directory), self._config).encode(), "text/html")
        elif file.is_file():
            self._answer(file.read_bytes(), self.guess_type(str(file)))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815 - the name is the base class's

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Vary", "Accept-Encoding")
        if len(body) > WORTH_COMPRESSING and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", self._policy)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal belongs to `make run`."""
