"""A signal that a running service is given later knows what happened before: at once unknown, then exact,
also when the log is folded from its beginning.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from sevenfold.engine import Fold
from sevenfold.log.reader import LogReader
from sevenfold.snapshots import recover
from tests.edges.server.serving import START_S, Served, served

FILES = {
    "workspace.yaml": "name: shop\n",
    "signals/signals.yaml": "orders: {kind: count, of: person, event: Order Completed}\n",
}
MORE = """
orders: {kind: count, of: person, event: Order Completed}
orders_30d: {kind: count, event: Order Completed, window: 30d}
spent: {kind: sum, event: Order Completed, property: total}
last_item: {kind: last, event: Order Completed, property: item}
items: {kind: values, event: Order Completed, property: item}
"""
PEOPLE = 40


def ordered(person: int, number: int, days_ago: int) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - days_ago * 86_400))
    return {
        "type": "track", "event": "Order Completed", "userId": f"u{person}", "timestamp": at, "sentAt": None,
        "messageId": f"m-{person}-{number}", "properties": {"total": 10 + number, "item": f"item {number}"},
    }  # fmt: skip


def person(service: Served, number: int) -> dict[str, Any]:
    found = service.api("GET", "/api/people/lookup", params={"value": f"u{number}"}).json()["id"]
    told: dict[str, Any] = service.api("GET", f"/api/people/{found}").json()
    return told


def until_known(service: Served) -> None:
    end = time.monotonic() + START_S
    while person(service, 1)["pending"]:
        assert time.monotonic() < end, "the signals stay without their past"
        time.sleep(0.2)


def test_new_signals_get_their_past_while_the_service_runs(tmp_path: Path) -> None:
    workspace = tmp_path / "shop"
    for name, text in FILES.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text)
    data = tmp_path / "data"
    with served(data, str(workspace)) as service:
        batch = [ordered(one, number, days) for one in range(PEOPLE) for number, days in ((1, 60), (2, 20))]
        assert service.post("/v1/batch", {"batch": batch}).status_code == 200
        service.until_ready()
        files = {
            **FILES,
            "signals/signals.yaml": MORE,
            "segments/segments.yaml": "loyal: {when: orders_30d >= 2}\n",
        }
        applied = service.api("POST", "/api/workspace/apply", json={"files": files})
        assert applied.status_code == 200, applied.text
        service.post("/v1/batch", {"batch": [ordered(one, 3, 0) for one in range(0, PEOPLE, 2)]})
        assert person(service, 1)["signals"]["orders_30d"] is None
        until_known(service)
        service.post("/v1/batch", {"batch": [ordered(0, 4, 0)]})
        service.until_ready()
        odd, even = person(service, 1), person(service, 2)
        assert (odd["signals"]["orders_30d"], odd["signals"]["spent"], odd["signals"]["last_item"]) == (
            1,
            23,
            "item 2",
        )
        assert (even["signals"]["orders_30d"], even["signals"]["spent"]) == (2, 36)
        assert (
            even["signals"]["items"] == 3 and "loyal" in even["segments"] and "loyal" not in odd["segments"]
        )
        told = person(service, 0)
        assert told["signals"]["orders_30d"] == 3 and told["signals"]["last_item"] == "item 4"
        assert service.stop() == 0
    # Whoever folds the log alone comes to the same, without working anything out again.
    shutil.rmtree(data / "snapshots")
    log = LogReader(data / "log")
    found = recover(data / "snapshots", log, None).fold
    log.close()
    assert isinstance(found, Fold)
    again = found.subjects("person")
    assert again[told["id"]]["signals"]["spent"] == told["signals"]["spent"] == 50
    assert sum("loyal" in one["segments"] for one in again.values()) == PEOPLE // 2
