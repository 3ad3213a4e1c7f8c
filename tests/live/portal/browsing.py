"""Chromium, driven: a browser, and visits to a portal that notice whatever goes wrong in it."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

PROGRAMS: Final = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
"""Chromium as Debian has it. The one that cannot have a window comes first: it needs two thirds of the other's time."""
LAPTOP: Final = {"width": 1440, "height": 900}
API: Final = re.compile(r"/api/v1/")
_FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
)  # fmt: skip
_WATCH: Final = """
window.__broken = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.__broken.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`), true);
"""
_NO_ANSWER: Final = re.compile(r"^Failed to load resource: (the server responded with a status of|net::ERR_)")
"""What Chromium says of each request that comes to nothing; the page tells of it itself."""


def program() -> Path | None:
    """The Chromium of this machine; None where there is none."""
    return next((each for each in PROGRAMS if each.exists()), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser, without a window.

    Raises:
        FileNotFoundError: this machine has none.
    """
    found = program()
    if found is None:
        raise FileNotFoundError("no Chromium here: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(found), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """Somebody at the portal.

    Attributes:
        page: what he sees.
        address: of the server, without a path.
        said: what the page has said on its console, and what it threw.
        asked: every request, as verb and address.
    """

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_WATCH)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(f"thrown: {error}"))
        self.page.on("request", self._request)
        self.page.set_default_timeout(20_000)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _NO_ANSWER.match(message.text):
            self.said.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(f"{request.method} {request.url}")

    @property
    def context(self) -> BrowserContext:
        """All that his browser keeps."""
        return self.page.context

    def open(self, path: str) -> Page:
        """Load a screen anew."""
        self.page.goto(f"{self.address}{path}", wait_until="domcontentloaded")
        return self.page

    def shown(self, path: str) -> Page:
        """Load a screen, and wait until every panel has its data."""
        self.open(path)
        self.settle()
        return self.page

    def turned(self, path: str) -> Page:
        """Go to another kind of screen as a link does, loading nothing anew, until every panel has its data."""
        self.page.evaluate(
            """(path) => {
              for (const each of document.querySelectorAll('main h1, main .panel')) each.dataset.left = 'behind'
              history.pushState({}, '', path)
            }""",
            path,
        )
        self.page.wait_for_function("() => !document.querySelector('main [data-left]')")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until nothing loads any more."""
        self.page.wait_for_function(
            "() => document.querySelector('main h1, main .panel')"
            " && !document.querySelector('[data-state=loading], main [aria-busy=true]')"
        )

    def held(self, pattern: str | re.Pattern[str]) -> Held:
        """Let requests wait that match, until they are let go."""
        return Held(self.page, pattern)

    def text(self, selector: str = "main") -> str:
        """What is to be read there."""
        return str(self.page.locator(selector).first.inner_text())

    def told(self, selector: str = "main") -> str:
        """The same, but for what a field lets somebody choose, which is no claim."""
        said = """(each) => [...each.querySelectorAll('select')].reduce((text, one) => text.replace(one.innerText, ''),
          each.innerText)"""
        return str(self.page.locator(selector).first.evaluate(said))

    def wrong(self) -> list[str]:
        """Whatever went wrong in the page so far: words on its console, and what its policy forbade."""
        broken: list[str] = [] if self.page.is_closed() else self.page.evaluate("window.__broken || []")
        return [*self.said, *(f"policy: {each}" for each in broken)]

    def axe(self) -> list[str]:
        """What axe finds against the page."""
        self.page.evaluate(_AXE)
        found: list[dict[str, Any]] = self.page.evaluate("() => axe.run(document).then((told) => told.violations)")
        return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


@dataclass
class Held:
    """Requests that wait for their answers."""

    page: Page
    pattern: str | re.Pattern[str]
    _routes: list[Route] = field(default_factory=list)
    _open: bool = False

    def __enter__(self) -> Self:
        self.page.route(self.pattern, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take(self, route: Route) -> None:
        if self._open:
            route.fallback()
        else:
            self._routes.append(route)

    def release(self) -> None:
        """They go their way, and so do all that come later."""
        self._open = True
        for each in self._routes:
            each.fallback()
        self._routes.clear()


_AXE: Final = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
