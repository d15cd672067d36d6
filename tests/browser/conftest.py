"""A real browser for the tests of this folder, and what it talks to: the stack, or a stand-in that can be made to fail.

They run in Debian's Chromium, headless, and are skipped where there is none.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.fake_stack import FakeStack, scene, serve
from tests.stack.local_stack import LocalStack, local_stack
from tools.ost.stack import Stack

SCREENSHOTS = Path(__file__).parents[2] / ".local" / "screenshots"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=15_000)
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, and say what would install one."""
    if CHROMIUM is None:
        skip = pytest.mark.skip(reason="no Chromium here: apt-get install chromium")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Chromium, kept from calling anybody by itself."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """One fan's browser: a context of its own, with everything that it said and asked on the way."""

    context: BrowserContext
    page: Page
    url: str
    expected: set[int]
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Listen to a page of this context: its console, its errors, its requests."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._on_request)
        return page

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            refused = REFUSED.match(message.text)
            # Chromium itself logs each refusal of the API as an error; a test names those that it provokes.
            if refused is None or int(refused[1]) not in self.expected:
                self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def go(self, path: str = "/") -> None:
        """Open a page of the client by its path in the hash."""
        self.page.goto(f"{self.url}#{path}")

    def tab(self) -> Page:
        """Open another tab of the same browser."""
        return self.watch(self.context.new_page())

    def sign_up(self, username: str, password: str = "Encore-2026!") -> None:
        """Sign up on the page, which signs in too."""
        self.go("/sign-up")
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.click("form button[type=submit]")
        self.page.locator(".who-name").wait_for()

    def shot(self, name: str, settle: int = 450) -> None:
        """Write a picture of the page to .local/screenshots/, once what moves has had time to arrive."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(settle)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


type Visits = Callable[..., Visit]


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    """Give browsers to fans. At the end none of their pages may have complained, or put a token into an address."""
    opened: list[Visit] = []

    def visit(
        url: str,
        *,
        language: str = "ko-KR",
        phone: bool = False,
        light: bool = False,
        expected: set[int] | None = None,
        script: str | None = None,
    ) -> Visit:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            is_mobile=phone,
            has_touch=phone,
            locale=language,
            timezone_id="Asia/Seoul",
            color_scheme="light" if light else "dark",
        )
        context.set_default_timeout(30_000)
        if script:
            context.add_init_script(script)
        one = Visit(context, context.new_page(), url.rstrip("/") + "/", expected or set())
        one.watch(one.page)
        opened.append(one)
        return one

    yield visit
    complaints = [complaint for one in opened for complaint in one.complaints]
    leaks = [request.url for one in opened for request in one.requests for token in tokens(one) if token in request.url]
    for one in opened:
        one.context.close()
    assert complaints == []
    assert leaks == []


def tokens(visit: Visit) -> list[str]:
    """Give every token that a browser keeps: of the sign-in and of places in line."""
    found: list[str] = []
    for origin in visit.context.storage_state()["origins"]:
        for entry in origin["localStorage"]:
            kept = json.loads(entry["value"])
            if isinstance(kept, dict):
                found += [value for name, value in kept.items() if name.endswith("Token") and isinstance(value, str)]
                found += [kept["view"]["token"]] if "view" in kept else []
    return found


@dataclass
class Fake:
    """The stand-in, with where it is."""

    stack: FakeStack
    url: str


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Give a stand-in of one's own with a season of concerts in it."""
    stack = FakeStack()
    scene(stack)
    server, url = serve(stack)
    yield Fake(stack, url)
    server.shutdown()
    server.server_close()


type Stacks = Callable[[str], LocalStack]


@pytest.fixture(scope="session")
def stacks() -> Iterator[Stacks]:
    """Give the stack with these parameters, starting it the first time.

    `OST_BROWSER_STATE=.local` has the tests use the stack that runs from there instead, whatever the parameters.
    """
    with ExitStack() as running:
        started: dict[str, LocalStack] = {}

        def start(params: str) -> LocalStack:
            if params not in started:
                state = os.environ.get("OST_BROWSER_STATE")
                if state and not params:
                    outputs = json.loads((Path(state) / "outputs.json").read_text())
                    cloud = Stack.local(outputs["awsEndpointUrl"], outputs["region"], outputs)
                    started[params] = LocalStack(outputs, Path(state), cloud)
                    running.callback(started[params].close)
                else:
                    started[params] = running.enter_context(local_stack(params))
            return started[params]

        yield start


@pytest.fixture(scope="session")
def stack(stacks: Stacks) -> LocalStack:
    """Give the stack as it is by default."""
    return stacks("")


def assert_accessible(page: Page) -> None:
    """Check a page as it stands with axe: nothing serious or critical."""
    page.wait_for_timeout(450)  # colours are judged when what fades in has arrived
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []
