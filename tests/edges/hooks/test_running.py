"""The running service: what comes back over HTTP reaches the fold in the other process."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from tests.edges.connectors import support as s
from tests.edges.server.serving import Served, served

WORKSPACE: dict[str, Any] = {
    "name": "shop",
    "signals": {"orders": {"kind": "count", "event": "Order Completed"}},
    "segments": {"buyers": {"when": "orders >= 1"}},
    "channels": {"mail": {"type": "email"}},
    "consent": {"categories": {"offers": {"default": "opt_in", "title": "Offers"}}},
    "connectors": {"shop": s.CONNECTORS["woo"] | {"type": "shopify"}},
    "referrals": {"destination": "https://shop.test/"},
}


def buyer(service: Served) -> Any:
    """The profile of who bought, once the fold has it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = service.api("GET", "/api/people/lookup", params={"value": "77", "kind": "user_id"})
        if found.status_code == 200:
            return found.json()
        time.sleep(0.1)
    raise AssertionError(found.text)


def test_the_service_hears_what_comes_back_and_everybody_sees_it(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "workspace.yaml").write_text(json.dumps(WORKSPACE))
    content = s.body(s.ORDER)
    headers = s.shopify("orders/create", content)
    environment = {"IN_SECRET": s.SECRET}
    with served(tmp_path / "data", str(folder), environment=environment) as service:
        service.until_ready()
        first = service.http.post("/in/shop", content=content, headers=headers)
        assert first.status_code == 200 and first.json()["events"] == 2, first.text
        again = service.http.post("/in/shop", content=content, headers=headers)
        assert again.json() == {"success": True, "events": 0, "known": 2, "refused": 0}
        assert service.http.post("/in/shop", content=content).status_code == 401
        assert service.http.get("/u/none").status_code == 404
        assert service.http.get("/o/none.gif").headers["content-type"] == "image/gif"
        assert service.http.get("/r/none", follow_redirects=False).headers["location"] == "https://shop.test/"
        assert buyer(service)["id"]
        told = service.api("GET", "/metrics").text
        assert re.search(r'sevenfold_came_back_total\{what="events"\} [24]', told)
