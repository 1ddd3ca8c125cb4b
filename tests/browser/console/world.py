"""A simulated company that a real service has lived with for some weeks, and a console that looks at it."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sevenfold.library import load
from sevenfold.server.demo import Demo, run_demo
from tests.edges.server.serving import Served, served

DAYS, SECONDS, ACCOUNTS = 30.0, 15.0, 40
NAME, EMAIL, PASSWORD = "Mona Reyes", "mona@example.com", "four quiet green rivers"
WIDE, NARROW = (1280, 800), (390, 844)
AXE = Path(__file__).parents[3] / "web/console/node_modules/axe-core/axe.min.js"
WAIT_MS = 20_000


def lived(root: Path) -> Path:
    """The data folder of a service that the company lived with; made once, whoever asks first."""
    folder = root / "company"
    with (root / "company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "lived").exists():
            demo = Demo(folder, load("seven-stage"), ACCOUNTS, speed=DAYS * 86_400 / SECONDS, days=DAYS)
            asyncio.run(run_demo(demo, lambda _told: None, lambda _seen: None))
            (folder / "lived").touch()
    return folder / "data"


class Console:
    """A served company with one admin, and pages of its console in a browser."""

    def __init__(self, served: Served, setup_token: str, browser: Browser) -> None:
        self.served, self.setup_token, self._browser = served, setup_token, browser
        self.url = served.url
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self._contexts: list[BrowserContext] = []
        self.csrf = ""

    def set_up(self) -> Console:
        """Makes the first admin, and logs them in here."""
        body = {"token": self.setup_token, "name": NAME, "email": EMAIL, "password": PASSWORD}
        made = self.http.post("/api/setup", json=body)
        assert made.status_code == 201, made.text
        self.csrf = made.json()["csrf"]
        return self

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The admin API, as the admin; fails when it refuses."""
        reply = self.http.request(method, path, json=body, headers={"x-sevenfold-csrf": self.csrf})
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def context(self, size: tuple[int, int] = WIDE, scheme: str = "light") -> BrowserContext:
        """A fresh browser, nobody logged in."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        self._contexts.append(context)
        return context

    def page(self, path: str = "/", size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
        """A page as the admin sees it."""
        context = self.context(size, scheme)
        context.add_cookies(
            [{"name": one.name, "value": one.value or "", "url": self.url} for one in self.http.cookies.jar]
        )
        page = context.new_page()
        page.goto(self.url + path)
        settled(page)
        return page

    def close(self) -> None:
        """Closes every page."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()


@contextmanager
def console(folder: Path, browser: Browser, *arguments: str, data: Path | None = None) -> Iterator[Console]:
    """A service on a copy of `data` (or with a new folder and `arguments`) and its console."""
    if data is not None:
        shutil.copytree(data, folder)
    with served(folder, *arguments) as running:
        running.until_ready()
        made = Console(running, running.setup_token, browser)
        try:
            yield made
        finally:
            made.close()
            made.http.close()


def settled(page: Page) -> None:
    """Waits until a page shows what it asked for: a title, and nothing that still loads."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[role=status][aria-label=Loading], [aria-busy=true]")).to_have_count(
        0, timeout=WAIT_MS
    )


def violations(page: Page, level: str = "AA") -> list[str]:
    """What axe finds wrong with a page by WCAG 2.2, each with the first element it is about."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag21a", "wcag22a"] + (["wcag2aa", "wcag21aa", "wcag22aa"] if level == "AA" else [])
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", tags
    )
    return [_said(one) for one in found["violations"]]


def _said(found: dict[str, Any]) -> str:
    node = found["nodes"][0]
    why = (node.get("any") or [{}])[0].get("message", "")
    return f"{found['id']} ({len(found['nodes'])}): {found['help']}: {node['html'][:300]} {why}"
