"""Unmodified browser clients in Chromium, on a page of another origin than the server they send to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.edges.ingest.clients import CHROMIUM, installed, run_node
from tests.edges.ingest.serving import Served

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

CALLS = """
analytics.page("Docs", "Home");
analytics.identify("user-1", {email: "ada@example.com", name: "Ada Lovelace"});
analytics.track("Order Completed", {order_id: "o-1", total: 27.5});
analytics.group("acct-1", {name: "Initech"});
analytics.alias("user-1", "anon-1");
analytics.screen("Main");
"""
PACKAGE = "<title>T</title><script src='/umd/index.js'></script><script>{load}{calls}</script>"
LOAD = "const analytics = AnalyticsNext.AnalyticsBrowser.load({writeKey: KEY, cdnURL: BASE});"


class Pages(SimpleHTTPRequestHandler):
    """The package's files, and the pages that a test has written."""

    written: dict[str, str]

    def __init__(self, *args: Any, written: dict[str, str], **named: Any) -> None:
        self.written = written
        super().__init__(*args, **named)

    def do_GET(self) -> None:
        found = self.written.get(self.path.split("?")[0])
        if found is None:
            super().do_GET()
            return
        body = found.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        name = path.split("?")[0].removeprefix("/umd/")
        return str(Path(self.directory) / name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a site, and its pages by path."""
    folder = installed() / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    written: dict[str, str] = {}
    handler = partial(Pages, directory=str(folder), written=written)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        thread = threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://localhost:{pages.server_address[1]}", written
        pages.shutdown()
        thread.join(5)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def visit(
    browser: Any, site: tuple[str, dict[str, str]], server: Served, script: str, events: int
) -> list[str]:
    """Opens a page with `script` and waits until `events` have arrived; gives what the console said."""
    address, written = site
    known = f"const KEY = {json.dumps(server.key)}, BASE = {json.dumps(server.url)};"
    written["/page.html"] = f"<!doctype html><script>{known}</script>{script}"
    said: list[str] = []
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Lisbon")
    try:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}/page.html?utm_source=nl&utm_campaign=spring")
        for _ in range(150):
            counts = server.ingest.counts
            if counts["accepted"] + counts["duplicate"] >= events:
                break
            page.wait_for_timeout(100)
        page.wait_for_timeout(300)
    finally:
        context.close()
    return said


def arrived(server: Served, said: list[str]) -> None:
    events = server.events()
    kinds = sorted(str(event.type) for event in events)
    assert kinds == ["alias", "group", "identify", "page", "screen", "track"], said
    by_kind = {event.type: event for event in events}
    assert by_kind["identify"].traits["email"] == "ada@example.com"
    assert by_kind["group"].group_id == "acct-1"
    assert by_kind["page"].event == "Home"
    assert by_kind["track"].properties["order_id"] == "o-1"
    assert by_kind["alias"].previous_id == "anon-1"
    for stored in server.stored():
        context = stored["context"]
        assert context["campaign"] == {"source": "nl", "name": "spring"}
        assert context["browser"]["name"] == "HeadlessChrome" and context["os"]["name"] == "Linux"
        assert context["bot"] is True and context["device"] == {"category": "desktop"}
        assert (context["locale"], context["timezone"]) == ("en-GB", "Europe/Lisbon")
        assert "ip" not in context and "writeKey" not in stored


def test_analytics_next_starts_with_our_settings_and_every_event_arrives_once(
    browser: Any, site: tuple[str, dict[str, str]], server: Served
) -> None:
    said = visit(browser, site, server, PACKAGE.format(load=LOAD, calls=CALLS), 6)
    arrived(server, said)
    assert set(server.script.seen) == {200}


@pytest.mark.parametrize(
    "reply",
    [(429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (500, {})],
    ids=["429", "503", "500"],
)
def test_analytics_next_sends_again_and_every_event_arrives_once(
    browser: Any, site: tuple[str, dict[str, str]], server: Served, reply: tuple[int, dict[str, str]]
) -> None:
    server.script.replies.append(reply)
    began = time.monotonic()
    said = visit(browser, site, server, PACKAGE.format(load=LOAD, calls=CALLS), 6)
    arrived(server, said)
    assert reply[0] in server.script.seen
    if reply[0] == 429:
        assert time.monotonic() - began >= 1.0, "it can see how long it is asked to wait"


def test_analytics_next_whose_answer_was_lost_sends_again_and_every_event_is_there_once(
    browser: Any, site: tuple[str, dict[str, str]], server: Served
) -> None:
    server.script.lost = 1
    visited = visit(browser, site, server, PACKAGE.format(load=LOAD, calls=CALLS), 7)
    arrived(server, visited)
    assert server.ingest.counts["duplicate"] == 1


@pytest.mark.parametrize("reply", [None, (503, {"Retry-After": "1"})], ids=["at once", "503 first"])
def test_the_published_snippet_loads_our_script_and_every_event_arrives_once(
    browser: Any, site: tuple[str, dict[str, str]], server: Served, reply: tuple[int, dict[str, str]] | None
) -> None:
    if reply is not None:
        server.script.replies.append(reply)
    snippet = run_node("snippet.js", "sevenfold.test", server.key)
    assert "https://sevenfold.test" in snippet
    snippet = snippet.replace("https://sevenfold.test", server.url)
    script = f"<title>T</title><script>{snippet}{CALLS}</script>"
    said = visit(browser, site, server, script, 6)
    arrived(server, said)
