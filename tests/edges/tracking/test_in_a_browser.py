"""The hosted pages in Chromium without scripts: they show, are operated by keyboard, and save."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from sevenfold.server.tokens import PREFERENCES, UNSUBSCRIBE
from tests.edges.hooks.support import World
from tests.edges.tracking.test_unsubscribing import about, said

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("SEVENFOLD_SCREENSHOTS")


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The routes on loopback."""
    config = uvicorn.Config(world.app, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_somebody_without_scripts_chooses_by_keyboard_and_unsubscribes(world: World, served: str) -> None:
    effect = asyncio.run(world.send())
    preferences = f"{served}/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
    leave = f"{served}/u/{world.back.tokens.sign(UNSUBSCRIBE, about(effect))}"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(
            java_script_enabled=False, viewport={"width": 390, "height": 844}
        ).new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(preferences)
        shot(page, "preferences")
        offers = page.get_by_role("group", name="New things & offers").get_by_label("E-mail")
        assert not offers.is_checked()
        assert page.get_by_role("group", name="My orders").get_by_label("E-mail").is_disabled()
        offers.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text() == "Your choice is saved."
        assert page.get_by_role("group", name="New things & offers").get_by_label("E-mail").is_checked()
        page.goto(f"{preferences}?lang=ar")
        shot(page, "preferences-ar")
        assert page.locator("html").get_attribute("dir") == "rtl"
        page.goto(leave)
        shot(page, "unsubscribe")
        page.get_by_role("button").click()
        assert page.get_by_role("heading").inner_text() == "Done. You will get no more of these."
        page.get_by_role("link").click()
        assert not page.get_by_role("group", name="Getting <the> most").get_by_label("E-mail").is_checked()
        browser.close()
    assert problems == []
    assert asyncio.run(said(world)) == {None: None, "orders": None, "care": "out", "offers": "confirmed"}


def shot(page: sync_api.Page, name: str) -> None:
    """A picture for people who want to look, where they ask for one."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS, f"{name}.png")), full_page=True)
