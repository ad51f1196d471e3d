"""A real browser on a real Maestro.

``app`` is a running Maestro (one a test module, demo assistant); ``window`` opens a signed-in browser window in a size and
colour scheme; ``page`` is a desktop one. At the end of a test every window must have had no script error, no message on the
browser's error console and no request to anywhere but Maestro. Screenshots go to ``test-output/``.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.app_process import ROOT, AppProcess
from tests.browser import gallery as gallery_rows

OUTPUT = ROOT / "test-output"
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--js-flags=--no-opt",  # a page lives for seconds: optimizing its scripts costs more than it brings
]
#: How long a window, or an expectation, waits in vain: long, because the machine may be slow; nobody waits when all is well.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)

Size = Literal["desktop", "phone"]
Scheme = Literal["light", "dark"]


@dataclass
class Window:
    """One browser window on Maestro: where it may go, what it looked like, what went wrong in it."""

    app: AppProcess
    context: BrowserContext
    tab: Page
    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """The page; a window that has gone nowhere yet is on the dashboard."""
        return self.visit() if self.tab.url == "about:blank" else self.tab

    def sign_in(self) -> None:
        """Get the cookie, as the address that Maestro prints does; no page is drawn for it."""
        answer = self.context.request.get(self.app.url, max_redirects=0)
        assert answer.status in range(300, 400), answer.text()

    def visit(self, path: str = "/") -> Page:
        """Go to a page of Maestro and wait until it is alive: NiceGUI has shaken hands and the fonts are there."""
        self.tab.goto(self.app.origin + path)
        return self.alive()

    def alive(self) -> Page:
        """Wait until the page shown is connected (after a link was followed, or a reload)."""
        self.tab.wait_for_function("window.did_handshake === true")
        self.tab.evaluate("document.fonts.ready.then(() => true)")
        return self.tab

    def expect_problem(self, pattern: str) -> None:
        """A console message or failed request that this test means to happen (a regular expression)."""
        self.expected.append(pattern)

    def resize(self, size: Size) -> None:
        """Become as large as a desktop window or a phone."""
        self.tab.set_viewport_size(SIZES[size])  # type: ignore[arg-type]

    def hold_notices(self) -> None:
        """Let notices of the pages opened from now on stay: a slow machine may look for one after its time."""
        self.context.add_init_script(
            "const later = setTimeout; window.setTimeout = (act, ms, ...more) => later(act, ms > 3000 ? 1e8 : ms, ...more)"
        )

    def scheme(self, scheme: Scheme) -> None:
        """What the operating system says it prefers."""
        self.tab.emulate_media(color_scheme=scheme)

    def screenshot(self, name: str, *, full_page: bool = False) -> Path:
        """Keep a picture as ``test-output/NAME.png``."""
        path = OUTPUT / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=path, full_page=full_page, animations="disabled")
        return path

    def close(self) -> None:
        """Be gone, before an app of the test's own ends: a page that loses its server says so on the console."""
        self.context.close()

    def watch(self, page: Page) -> None:
        """Note what goes wrong on a page."""
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error.stack or error}"))
        page.on("console", self._console)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme in {"http", "https", "ws", "wss"} and target.netloc != urlsplit(self.app.origin).netloc:
            self.problems.append(f"request that leaves the machine: {request.url}")

    def check(self) -> None:
        """Raise AssertionError when something went wrong that the test did not expect."""
        unexpected = [p for p in self.problems if not any(re.search(e, p) for e in self.expected)]
        assert not unexpected, "the browser reported:\n" + "\n".join(unexpected)


OpenWindow = Callable[..., Window]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of the whole run; none to be had is a failure, never a skip."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts/find_browser.py")], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.fail(found.stderr or "no browser", pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found.stdout.strip(), headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """A Maestro with an empty data folder and the scripted assistant."""
    with AppProcess(tmp_path_factory.mktemp("app") / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


@dataclass(frozen=True)
class Gallery:
    """A Maestro in which every page has something to show; ``ids`` are its sessions' by name."""

    app: AppProcess
    ids: dict[str, str]
    folder: Path


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """One for all tests that only look; a test that changes something takes a session of its own in it."""
    folder = tmp_path_factory.mktemp("gallery")
    ids = gallery_rows.fill(folder / "data", folder)
    with AppProcess(folder / "data", MAESTRO_ASSISTANT="demo") as process:
        yield Gallery(process, ids, folder)


@pytest.fixture
def window(browser: Browser, app: AppProcess, request: pytest.FixtureRequest) -> Iterator[OpenWindow]:
    """Opens windows: ``window()``, ``window("phone", scheme="dark")``, ``window(signed_in=False)``, ``window(app=other)``."""
    default_app, opened = app, list[Window]()

    def open_window(
        size: Size = "desktop", scheme: Scheme = "light", *, signed_in: bool = True, app: AppProcess | None = None
    ) -> Window:
        target = app or default_app
        context = browser.new_context(
            viewport=SIZES[size],  # type: ignore[arg-type]
            color_scheme=scheme,
            locale="en-US",
            timezone_id="UTC",
            has_touch=size == "phone",
        )
        context.set_default_timeout(PATIENCE_MS)
        new = Window(target, context, context.new_page())
        context.on("page", new.watch)
        new.watch(new.tab)
        opened.append(new)
        if signed_in:
            new.sign_in()
        return new

    yield open_window
    for number, each in enumerate(opened):
        if getattr(request.node, "call_failed", False):
            with contextlib.suppress(PlaywrightError):
                name = re.sub(r"[^\w.-]+", "_", request.node.nodeid)
                each.screenshot(f"failed/{name}-{number}")
        each.close()
    for each in opened:
        each.check()


@pytest.fixture
def page(window: OpenWindow) -> Page:
    """The page of a signed-in desktop window, on the dashboard."""
    return window().page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let the window fixture know that its test failed, for a picture of it."""
    report = yield
    if call.when == "call":
        item.call_failed = report.failed  # type: ignore[attr-defined]
    return report
