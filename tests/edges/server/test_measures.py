"""The warehouse of a running service: it follows, answers, and outlives a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil
from click.testing import CliRunner

from sevenfold.cli import main
from tests.edges.channels.peers.smtp import SmtpPeer
from tests.edges.server.serving import Served
from tests.edges.server.serving import served as serving

WAIT_S = 60
CHANNELS = """
mail:
  type: email
  provider: smtp
  settings: {{host: 127.0.0.1, port: {port}, security: none, from: hello@shop.test}}
"""
DIGEST = {
    "questions": ["weekly"],
    "schedule": "weekly monday 09:00",
    "channel": "mail",
    "to": ["growth@shop.test"],
    "title": "What came back",
}


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


def cli(served: Served, *arguments: str) -> Any:
    """What the command line says of the service, as JSON."""
    done = CliRunner().invoke(main, [*arguments, "--url", served.url, "--key", served.api_key])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def until_sent(served: Served) -> dict[str, Any]:
    """The last run of the digest, once nothing of it is owed."""
    end = time.monotonic() + WAIT_S
    while True:
        runs = served.api("GET", "/api/digests/monday/runs").json()
        if (runs and runs[0]["state"] == "done") or time.monotonic() > end:
            assert [one["state"] for one in runs[0]["deliveries"]] == ["sent"], runs
            return runs[0]  # type: ignore[no-any-return]
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
    with SmtpPeer() as mail:
        (workspace / "channels.yaml").write_text(CHANNELS.format(port=mail.port))
        _answers(tmp_path, workspace, mail)


def _answers(tmp_path: Path, workspace: Path, mail: SmtpPeer) -> None:
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
        answer = served.api("GET", "/api/questions/weekly/answer").json()
        assert answer["question"]["analysis"] == "retention"
        assert answer["sentence"].startswith("2 people began")
        told_by = cli(served, "ask", "--saved", "weekly", "--json")
        assert told_by["sentence"] == answer["sentence"]
        missing = served.api("GET", "/api/questions/monthly/answer")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        # And sent to people, by the service's own channel.
        kept = served.api("PUT", "/api/digests/monday", json=DIGEST)
        assert kept.status_code == 200 and kept.json()["due"] > 0, kept.text
        assert answer["sentence"] in cli(served, "digests", "preview", "monday", "--json")["text"]
        assert mail.taken == []
        due = cli(served, "digests", "send", "monday", "--json")["due"]
        run = until_sent(served)
        assert (run["due"], len(mail.taken)) == (due, 1)
        assert b"Subject: What came back" in mail.taken[0].content
        entries = served.api("GET", "/api/audit", params={"target": "monday"}).json()["items"]
        assert [one["action"] for one in entries] == ["digest.sent", "digest.send", "digest.keep"]
        assert served.api("DELETE", "/api/digests/monday").json() == []
        assert served.api("DELETE", "/api/questions/weekly").json() == []
    # Started again without its file, the warehouse is made from the log while the service runs.
    (tmp_path / "data" / "warehouse.duckdb").unlink()
    with serving(tmp_path / "data") as served:
        served.api_key = key
        until_events(served, 4)
