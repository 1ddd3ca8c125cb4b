"""`sevenfold dead-letters`: what was dropped is listed, and taken again, in a stopped log and a running
service.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.clock import SystemClock
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from sevenfold.log.sqlite import SqliteLog
from tests.edges.ingest.taken import NOW, take, track
from tests.edges.server.serving import served


def asked(*arguments: str, key: str = "") -> Any:
    """What a command prints as JSON."""
    result = CliRunner().invoke(main, ["dead-letters", *arguments, "--json"], env={"SEVENFOLD_API_KEY": key})
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with three dead letters: one that is good by itself, one that is a duplicate by now, one
    hopeless.
    """
    log = SqliteLog(tmp_path / "log", SystemClock())
    letters = take({"batch": [track(messageId=f"m{at}") for at in range(2_501)]}).dropped
    twin = Dropped(
        Reason.TOO_MANY_EVENTS, "", json.dumps({**track(), "messageId": "m2500"}).encode(), NOW, "web"
    )
    hopeless = take({"batch": [{"type": "track", "event": "A"}]}).dropped
    log.add_dead_letters([*letters, twin, *hopeless])
    log.close()
    return tmp_path / "log"


def test_a_stopped_log_takes_again_what_is_good_by_itself(folder: Path) -> None:
    listed = asked("list", str(folder), "--reason", "too_many_events")
    assert listed["counts"] == {"no_user_anon_id": 1, "too_many_events": 2}
    assert [json.loads(one["raw"])["messageId"] for one in listed["letters"]] == ["m2500", "m2500"]
    assert asked("replay", str(folder)) == {"taken": 1, "duplicates": 1, "refused": {"no_user_anon_id": 1}}
    assert asked("list", str(folder))["counts"] == {"no_user_anon_id": 1}
    log = SqliteLog(folder, SystemClock())
    (record,) = log.read()
    log.close()
    assert [(entry.source, entry.received) for entry in record.entries] == [("web", NOW)]
    assert asked("replay", str(folder)) == {"taken": 0, "duplicates": 0, "refused": {"no_user_anon_id": 1}}


def test_single_letters_are_chosen_by_id(folder: Path) -> None:
    ids = [one["id"] for one in asked("list", str(folder))["letters"]]
    assert asked("replay", str(folder), "--id", str(ids[0]))["taken"] == 1
    assert len(asked("list", str(folder))["letters"]) == 2
    assert len(asked("list", str(folder), "--limit", "1")["letters"]) == 1


def test_a_running_service_takes_again_what_is_good_by_itself(tmp_path: Path) -> None:
    with served(tmp_path / "data", "seven-stage") as service:
        hopeless = {"type": "track", "event": "A"}
        batch = [hopeless, *(track(messageId=f"m{at}") for at in range(2_500))]
        answer = service.post("/v1/batch", {"batch": batch})
        assert answer.status_code == 200
        assert [one["index"] for one in answer.json()["refused"]] == [0, 2_500]
        where = ("--url", service.url)
        listed = asked("list", *where, key=service.api_key)
        assert listed["counts"] == {"no_user_anon_id": 1, "too_many_events": 1}
        found = asked("replay", *where, key=service.api_key)
        assert found == {"taken": 1, "duplicates": 0, "refused": {"no_user_anon_id": 1}}
        assert [one["reason"] for one in asked("list", *where, key=service.api_key)["letters"]] == [
            "no_user_anon_id"
        ]


def test_a_folder_and_a_service_are_not_both_named_and_what_is_wrong_is_explained(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["dead-letters", "list", *arguments])
        assert result.exit_code == 2, result.output
        return result.output

    assert "either FOLDER or --url" in said(str(tmp_path), "--url", "http://127.0.0.1:1")
    assert "no service answers" in said("--url", "http://127.0.0.1:1", "--key", "sk_x")
    assert "needs an API key" in said("--url", "http://127.0.0.1:1", "--key", "")
