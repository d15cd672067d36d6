"""A real browser for the tests of this folder, and the stack that it talks to.

They run in Debian's Chromium, headless, and are skipped where there is none. What the stack cannot be made to do on
demand (be busy, lose an answer, fail a payment) is done on the line: `refuse` puts a refusal in an answer's place, and
`alter` changes what a real answer says.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from booking.errors import CATALOGUE
from tests.browser.fake import FakeApi
from tests.stack.local_stack import PublishedConcert
from tools.ost.fans import Fan

SCREENSHOTS = Path(__file__).parents[2] / ".local" / "screenshots"
BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
"""The first of these that there is: the one without a window has less to do than the others."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
SMALL_PHONE = {"width": 360, "height": 740}
COLD = 60_000
"""Milliseconds to wait at most: the local cloud starts a process for each function when it is first called."""
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
NETWORK_GONE = re.compile("ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_FAILED|CORS policy")
PAGE_IS_KEPT = """async () => {
  while (!(await (await caches.open("ost-page")).match("./"))) await new Promise((go) => setTimeout(go, 50));
}"""
NO_WORKER = "Service Worker registration blocked by Playwright"
HALL = re.compile("좌석표|Seat map")

expect.set_options(timeout=COLD)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, and say what would install one."""
    if CHROMIUM is None:
        skip = pytest.mark.skip(reason="no Chromium here: apt-get install chromium-headless-shell")
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
    api: str
    expected: set[int]
    has_workers: bool = False
    was_cut_off: bool = False
    complaints: list[str] = field(default_factory=list)
    requests: list[tuple[float, Request]] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Listen to a page of this context: its console, its errors, its requests."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._on_request)
        return page

    def _on_request(self, request: Request) -> None:
        self.requests.append((time.monotonic(), request))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.text == NO_WORKER or (self.was_cut_off and NETWORK_GONE.search(message.text)):
            return
        if message.type in {"error", "warning"}:
            refused = REFUSED.match(message.text)
            # Chromium itself logs each refusal of the API as an error; a test names those that it provokes.
            if refused is None or int(refused[1]) not in self.expected:
                self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def calls(self, method: str, pattern: str) -> list[float]:
        """When the API was asked this: the pattern is of the path's end."""
        found = re.compile(re.escape(self.api) + f".*{pattern}(\\?.*)?")
        return [at for at, request in self.requests if request.method == method and found.fullmatch(request.url)]

    # -- what happens on the line

    def intercept(self, method: str, pattern: str, handle: Callable[[Route], None]) -> None:
        """Have requests of that method, whose path ends so, handled by the test.

        Not where workers are allowed: what a page asks that one has just taken over passes by; script the test API.
        """
        assert not self.has_workers

        def choose(route: Route) -> None:
            if route.request.method == method:
                handle(route)
            else:
                route.fallback()

        self.context.route(re.compile(re.escape(self.api) + f".*{pattern}(\\?.*)?$"), choose)

    def refuse(self, method: str, pattern: str, code: str, *, times: int = 1, **more: Any) -> None:
        """Put a refusal in the place of the next answers. `more` are members of the problem."""
        left = [times]
        status = CATALOGUE[code].status if code in CATALOGUE else 418
        self.expected.add(status)

        def handle(route: Route) -> None:
            if left[0] <= 0:
                route.fallback()
                return
            left[0] -= 1
            problem = {"type": "about:blank", "title": code, "detail": code, "status": status, "code": code}
            fulfil(route, status, problem | more, {"Content-Type": "application/problem+json"})

        self.intercept(method, pattern, handle)

    def alter(self, method: str, pattern: str, change: Callable[[Any], Any]) -> None:
        """Change what the real answers say, before the page reads them."""

        def handle(route: Route) -> None:
            answer = route.fetch()
            if answer.ok:
                body = answer.json()
                route.fulfill(response=answer, json=change(body))
            else:
                route.fulfill(response=answer)

        self.intercept(method, pattern, handle)

    def cut_off(self) -> None:
        """Take the network away, once the page keeps what it needs without. The browser may complain of its absence."""
        self.page.evaluate(PAGE_IS_KEPT)
        self.was_cut_off = True
        self.context.set_offline(True)

    def reconnect(self) -> None:
        """Give the network back."""
        self.context.set_offline(False)

    # -- what a fan does

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
        self.page.locator(".who-name").wait_for(timeout=COLD)

    def join(self, concert: PublishedConcert) -> None:
        """From the concert's page into its queue."""
        self.go(f"/concerts/{concert.concert_id}")
        self.page.locator(".door-act button").click(timeout=COLD)

    def arrive(self, concert: PublishedConcert) -> None:
        """From the concert's page through its queue to its seats."""
        self.join(concert)
        self.page.locator(".right .countdown").wait_for(timeout=COLD)
        self.page.locator(".seat.free").first.wait_for(timeout=COLD)

    def seat(self, number: int) -> Locator:
        """Find a seat by the number that is written on it."""
        return self.page.get_by_role("group", name=HALL).get_by_text(str(number), exact=True)

    def hold(self, *numbers: int) -> None:
        """Pick seats and have them held."""
        for number in numbers:
            self.seat(number).click()
        self.page.click(".pick button.wide")
        self.page.locator(".till .account").wait_for(timeout=COLD)

    def charge_what_is_missing(self) -> None:
        """Charge at the counter, and come back to pay."""
        self.page.locator(".shortfall button[type=submit]").click(timeout=COLD)
        self.page.locator(".pay").wait_for(timeout=COLD)

    def shot(self, name: str, settle: int = 450) -> None:
        """Write a picture of the page to .local/screenshots/, once what moves has had time to arrive."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(settle)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    # -- what its storage says

    def kept(self, start: str) -> Any:
        """Read what the page keeps under a key that begins so."""
        found = self.page.evaluate(
            "(start) => localStorage.getItem(Object.keys(localStorage).find((key) => key.startsWith(start)))",
            f"ost.{start}",
        )
        return json.loads(found)

    @property
    def fan(self) -> Fan:
        """The fan who is signed in here, to call the API beside the page."""
        session = self.kept("session")
        return Fan(session["username"], session["idToken"])


def fulfil(route: Route, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """Answer in the API's place; the page is of another origin here."""
    shared = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
    route.fulfill(status=status, json=body, headers=shared | (headers or {}))


class Site(Protocol):
    """Where the page and the API are: a stack's, or the fake's."""

    outputs: dict[str, Any]

    @property
    def url(self) -> str:
        """Base URL of the API."""


type Visits = Callable[..., Visit]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Give an API that says what the test wants, and the page before it."""
    with FakeApi().running() as fake:
        yield fake
        assert fake.complaints == []


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    """Give browsers to fans. At the end none of their pages may have complained, or put a token into an address.

    What a page asks past a service worker may escape `Visit.intercept`: `workers` allows one where it is what is tried.
    """
    opened: list[Visit] = []

    def visit(
        site: Site,
        *,
        language: str = "ko-KR",
        phone: bool = False,
        light: bool = False,
        expected: set[int] | None = None,
        script: str | None = None,
        size: dict[str, int] | None = None,
        chromium: Browser = browser,
        workers: bool = False,
    ) -> Visit:
        context = chromium.new_context(
            viewport=size or (PHONE if phone else DESKTOP),  # type: ignore[arg-type]
            is_mobile=phone,
            has_touch=phone,
            locale=language,
            timezone_id="Asia/Seoul",
            color_scheme="light" if light else "dark",
            service_workers="allow" if workers else "block",
        )
        context.set_default_timeout(30_000)
        if script:
            context.add_init_script(script)
        one = Visit(context, context.new_page(), f"{site.outputs['webUrl']}/", site.url, expected or set(), workers)
        one.watch(one.page)
        opened.append(one)
        return one

    yield visit
    complaints = [complaint for one in opened for complaint in one.complaints]
    leaks = [
        request.url for one in opened for _, request in one.requests for token in tokens(one) if token in request.url
    ]
    for one in opened:
        one.context.unroute_all(behavior="ignoreErrors")  # a poll that is being answered now is nobody's any more
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


def assert_accessible(page: Page) -> None:
    """Check a page as it stands: nothing that axe calls serious or critical, and no wider than the screen."""
    page.wait_for_timeout(450)  # colours are judged when what fades in has arrived
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
