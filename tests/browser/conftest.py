"""A real Chromium for the tests of this folder; they are skipped where there is none."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from .site import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_S = 8.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(one_site: Site) -> Iterator[Site]:
    yield one_site
    one_site.as_before()


class Visit:
    """A visitor's tab, and what the log knows of them."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site = page, site
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))

    def open(self, path: str = "/") -> Visit:
        """Goes to a page, until the snippet is there."""
        self.page.goto(self.site.home + path)
        self.until(lambda: self.page.evaluate("!!(window.sevenfold && sevenfold.flush)"))
        return self

    def call(self, script: str) -> Any:
        """Runs something on the page."""
        return self.page.evaluate(script)

    def show(self, name: str) -> Visit:
        """Sets off the journey that shows a template."""
        self.call(f"sevenfold.track('Show {name}')")
        return self

    def box(self, look: str = ".box") -> Locator:
        """A message on the screen."""
        return self.page.locator("sevenfold-messages").locator(look)

    def until(self, holds: Callable[[], Any], seconds: float = WAIT_S) -> Any:
        """Waits until something holds, and gives it."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert not self.errors, self.errors
            assert time.monotonic() < end, "it does not come"
            self.page.wait_for_timeout(30)
        return found

    @property
    def id(self) -> str:
        found: str = self.call("sevenfold.anonymousId()")
        return found

    def events(self, *names: str) -> list[dict[str, Any]]:
        """The visitor's events in the log, of these names."""
        mine = self.id
        return [one for one in self.site.named(*names) if one.get("anonymousId") == mine]

    def come(self, name: str, count: int = 1) -> dict[str, Any]:
        """Waits for so many events of a name, and gives the last."""
        return self.until(lambda: len(found := self.events(name)) >= count and found[-1])  # type: ignore[no-any-return]

    def outcomes(self, effect: str) -> list[str]:
        """What was told of a message; `closed` for the end of it."""
        return [reason or what for ident, what, reason in self.site.outcomes() if ident == effect]

    def ident(self, shown: int = 1) -> str:
        """The id of the message that was shown last."""
        return str(self.come("In-App Shown", shown)["properties"]["message_id"])


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Makes visitors: browsers with nothing in them. In the end no page broke its security policy."""
    contexts: list[BrowserContext] = []

    def visit(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 720}, **options})
        context.set_default_timeout(WAIT_S * 1000)
        contexts.append(context)
        return context

    yield visit
    for context in contexts:
        for page in context.pages:
            if page.url.startswith(site.home):
                assert page.evaluate("window.violations") == []
        context.close()


@pytest.fixture
def visit(visitor: Callable[..., BrowserContext], site: Site) -> Iterator[Visit]:
    found = Visit(visitor().new_page(), site)
    yield found
    assert found.errors == []


@pytest.fixture
def shot(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Visit], Path]:
    """Takes a picture, to look at what a test saw: in pytest's folder for temporary files."""

    def take(visit: Visit, name: str = "") -> Path:
        visit.page.wait_for_timeout(200)
        path = tmp_path / f"{request.node.name}{name}.png"
        visit.page.screenshot(path=path)
        assert path.stat().st_size > 5_000
        return path

    return take
