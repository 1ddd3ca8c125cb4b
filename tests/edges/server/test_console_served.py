"""The console's server as its users meet it: the first admin sets it up at a real service, invites somebody,
works, and a back-test runs beside. Three processes start for it, so it is part of the soak; what they do
together is tested in the browser, and each part of it beside this file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.edges.server.serving import Served, served

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
pytestmark = pytest.mark.skipif(not SOAK, reason="starts a whole service: in the soak")
WORKSPACE = {
    "workspace.yaml": "name: shop\n",
    "signals.yaml": "orders: {kind: count, event: Order Completed}\n",
    "segments.yaml": "buyers: {when: orders >= 2}\n",
    "journeys.yaml": """
thanks:
  triggers: [{kind: event, event: Order Completed}]
  re_entry: {unlimited: 100}
  steps:
    pause: {kind: wait, for: 1d}
""",
}
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("console")
    workspace = folder / "workspace"
    workspace.mkdir()
    for name, text in WORKSPACE.items():
        (workspace / name).write_text(text)
    with served(folder / "data", str(workspace)) as one:
        one.until_ready()
        yield one


class Browser:
    """Cookies and the header, as the console's pages send them."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.csrf = ""

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        found = self.http.request(method, path, headers={"X-Sevenfold-CSRF": self.csrf}, **more)
        assert found.status_code == status, (path, found.status_code, found.text[:400])
        shown = found.json() if found.content else None
        if isinstance(shown, dict) and shown.get("csrf"):
            self.csrf = shown["csrf"]
        return shown


@pytest.fixture(scope="module")
def mona(service: Served) -> Iterator[Browser]:
    """The first admin."""
    browser = Browser(service.url)
    token = service.setup_token
    assert browser.ask("GET", "/api/session")["set_up"]
    body = {"token": token, "email": "mona@example.com", "name": "Mona", "password": PASSWORD}
    assert browser.ask("POST", "/api/setup", 201, json=body)["member"]["role"] == "admin"
    yield browser
    browser.http.close()


def test_the_first_admin_invites_an_editor_who_may_not_publish(service: Served, mona: Browser) -> None:
    made = mona.ask("POST", "/api/members", 201, json={"email": "otto@example.com", "role": "editor"})
    otto = Browser(service.url)
    otto.ask("POST", "/api/setup", 201, json={"token": made["token"], "password": PASSWORD, "name": "Otto"})
    otto.ask("DELETE", "/api/session")
    otto.ask("GET", "/api/segments", 401)
    otto.ask("POST", "/api/session", 201, json={"email": "otto@example.com", "password": PASSWORD})
    path = "/api/workspace/objects/segments/buyers"
    kept = otto.ask("PUT", path, json={"object": {"when": "orders >= 3"}, "revision": None})
    assert [one for one in kept["problems"] if one["severity"] == "error"] == []
    otto.ask("POST", "/api/workspace/drafts/publish", 403, json={})
    mona.ask("POST", "/api/workspace/drafts/publish", json={})
    assert mona.ask("GET", "/api/workspace")["workspace"]["segments"]["buyers"]["when"] == "orders >= 3"
    otto.http.close()


def test_home_search_and_a_backtest_answer_beside_the_living_service(service: Served, mona: Browser) -> None:
    for number in range(30):
        event = {"userId": f"buyer-{number}", "event": "Order Completed", "messageId": f"o{number}"}
        assert service.post("/v1/track", event).status_code == 200
    found = mona.ask("GET", "/api/search", params={"q": "buyer-17"})["people"]
    assert [one["identifiers"]["user_id"] for one in found] == [["buyer-17"]]
    home = mona.ask("GET", "/api/home")
    assert home["people"] == 30 and home["problems"]["service"] == []
    plan = {"triggers": [{"kind": "event", "event": "Order Completed"}], "steps": {"now": {"kind": "exit"}}}
    job = mona.ask("POST", "/api/journeys/thanks/backtest", 202, json={"plan": plan})
    end = time.monotonic() + 120
    while job["ended"] is None and time.monotonic() < end:
        time.sleep(0.1)
        job = mona.ask("GET", f"/api/jobs/{job['id']}")
    assert job["state"] == "done", job["error"]
    assert [one["summary"]["entries"] for one in job["result"]["versions"]] == [30, 30]
