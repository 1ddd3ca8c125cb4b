"""The whole service as it is started by hand: a visitor's event, the journey, the sender, the page."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.edges.server.serving import served

from .conftest import Visit
from .site import WORKSPACE

JOURNEYS = """
upgrade:
  triggers: [{kind: event, event: Cap Reached}]
  exits: [{event: Plan Changed, reason: changed}]
  steps:
    ask: {kind: message, template: modal, expires: 1h, on: {clicked: thanks}, outcome_within: 1h}
    wait: {kind: wait, for: 1d}
    thanks: {kind: message, template: inbox_one, expires: 1h}
    stay: {kind: wait, for: 30d}
"""


@contextmanager
def home(body: str) -> Iterator[str]:
    """A site of one page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_visitors_click_goes_round_through_the_whole_service(
    visitor: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(WORKSPACE, workspace)
    (workspace / "journeys").mkdir()
    (workspace / "journeys" / "upgrade.yaml").write_text(JOURNEYS)
    with served(tmp_path / "data", str(workspace)) as service:
        body = "<!doctype html><title>Home</title><button data-sevenfold-inbox>Messages</button>"
        body += f'<script async src="{service.url}/sevenfold.js" data-key="{service.write_key}"></script>'
        with home(body) as address:
            visit = Visit(visitor().new_page(), None)  # type: ignore[arg-type]
            visit.page.goto(address)
            visit.until(lambda: visit.call("!!window.sevenfold"))
            visit.call("sevenfold.track('Cap Reached'), sevenfold.flush()")
            visit.box(".modal").wait_for()
            visit.box("text=Guide me").click()
            # The click is an outcome, the journey goes on with it, and the inbox has its next word.
            inbox = visit.page.locator("[data-sevenfold-inbox]")
            visit.until(lambda: inbox.get_attribute("data-sevenfold-inbox") == "1")
            visit.call("sevenfold.track('Plan Changed'), sevenfold.flush()")
            visit.until(lambda: inbox.get_attribute("data-sevenfold-inbox") == "")
            visit.page.close()
