"""The warehouse of a running service: it follows, answers, and outlives a kill."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil

from tests.edges.server.serving import Served
from tests.edges.server.serving import served as serving

WAIT_S = 60


def told(served: Served, user: str, *names: str) -> None:
    batch = [
        {"type": "track", "userId": user, "event": name, "messageId": f"{user} {name}"} for name in names
    ]
    assert served.post("/v1/batch", {"batch": batch}).status_code == 200


def asked(served: Served, name: str, **fields: Any) -> dict[str, Any]:
    """The answer, once the warehouse is there."""
    end = time.monotonic() + WAIT_S
    while True:
        answer = served.api("POST", f"/api/ask/{name}", json=fields)
        if answer.status_code != 503 or time.monotonic() > end:
            assert answer.status_code == 200, answer.text
            return answer.json()  # type: ignore[no-any-return]
        time.sleep(0.2)


def until_events(served: Served, n: int) -> dict[str, Any]:
    """The trend, once so many events are in it."""
    end = time.monotonic() + WAIT_S
    while True:
        answer = asked(served, "trends", unit="month", measure="uniques")
        if answer["estimates"][0]["value"] >= n or time.monotonic() > end:
            assert answer["estimates"][0]["value"] == n
            return answer
        time.sleep(0.2)


def warehouse_of(served: Served) -> psutil.Process:
    for child in psutil.Process(served.process.pid).children():
        if "measures.process" in " ".join(child.cmdline()):
            return child
    raise AssertionError("there is no warehouse")


def test_a_running_service_answers_analyses_of_what_it_was_told(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "workspace.yaml").write_text("name: shop\n")
    with serving(tmp_path / "data", str(workspace)) as served:
        key = served.api_key
        told(served, "ada", "Signed Up", "Project Created")
        told(served, "bob", "Signed Up")
        until_events(served, 3)
        answer = asked(served, "funnel", steps=["Signed Up", "Project Created"])
        assert [row["count"] for row in answer["tables"]["steps"]] == [2, 1]
        # Killed, it goes on where it was; what came meanwhile is taken too.
        warehouse_of(served).kill()
        told(served, "bob", "Project Created")
        until_events(served, 4)
        answer = asked(served, "funnel", steps=["Signed Up", "Project Created"])
        assert [row["count"] for row in answer["tables"]["steps"]] == [2, 2]
        rows = served.api("POST", "/api/warehouse/sql", json={"sql": "SELECT COUNT(*) AS n FROM subjects"})
        assert rows.json() == {"rows": [{"n": 2}]}
        refused = served.api("POST", "/api/warehouse/sql", json={"sql": "DROP TABLE events"})
        assert (refused.status_code, refused.json()["code"]) == (400, "warehouse_refused")
        wrong = served.api("POST", "/api/ask/funnel", json={"steps": []})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "question_invalid")
        # A question is kept, and forgotten.
        kept = served.api("PUT", "/api/questions/weekly", json={"analysis": "retention", "unit": "week"})
        assert kept.json()["question"]["unit"] == "week"
        assert [one["name"] for one in served.api("GET", "/api/questions").json()] == ["weekly"]
        assert served.api("DELETE", "/api/questions/weekly").json() == []
    # Started again without its file, the warehouse is made from the log while the service runs.
    (tmp_path / "data" / "warehouse.duckdb").unlink()
    with serving(tmp_path / "data") as served:
        served.api_key = key
        until_events(served, 4)
