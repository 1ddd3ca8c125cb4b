"""Predictions of a running service: learned from its own log, told, seen on profiles, and followed by
segments.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.clock import SystemClock
from sevenfold.engine.definition import record_of
from sevenfold.events.dedup import message_key
from sevenfold.foretelling import predict
from sevenfold.learning.records import MODEL, SCORES
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.log.reader import LogReader
from sevenfold.log.sqlite import SqliteLog
from sevenfold.snapshots import records_from
from tests.edges.server.serving import Served, served
from tests.unit.learning.predicting import DAY, DAYS, history, workspace

WAIT_S = 90
SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"


def filled(folder: Path, workspace_model: Any) -> None:
    """A log with the club's past, up to now."""
    now = int(time.time() * 1_000)
    events = history(people=120 if SOAK else 40, start=(now // DAY - DAYS) * DAY)
    log = SqliteLog(folder / "log", SystemClock())
    log.append([NewControl(record_of(workspace_model), time=int(events[0]["timestamp"]))])
    taken = [event for event in events if int(event["timestamp"]) < now]
    for at in range(0, len(taken), 1_000):
        part = taken[at : at + 1_000]
        entries = [
            Entry("site", int(one["timestamp"]), msgspec.json.encode(one), int(one["timestamp"]))
            for one in part
        ]
        log.append([NewEvents(entries, [message_key("site", one["messageId"]) for one in part])])
    log.close()


def until_told(service: Served) -> list[dict[str, Any]]:
    """The records of predictions in the log, once values are among them."""
    reader, end = LogReader(service.folder / "log"), time.monotonic() + WAIT_S
    try:
        while time.monotonic() < end:
            found = [
                record.control
                for record in records_from(reader, 0)
                if record.control is not None and record.control["op"] in (MODEL, SCORES)
            ]
            if found and found[-1]["op"] == SCORES:
                return found
            time.sleep(0.3)
    finally:
        reader.close()
    raise AssertionError("nothing was told")


def cli(*arguments: str, service: Served) -> Any:
    """What the command line says, as JSON."""
    done = CliRunner().invoke(main, [*arguments, "--url", service.url, "--key", service.api_key, "--json"])
    assert done.exit_code == 0, done.output
    return msgspec.json.decode(done.output)


@pytest.fixture(scope="module")
def model() -> Any:
    from sevenfold.workspace.models import Segment

    # Ordinary runs look at the way of records, which needs no model; the soak at what is learned as well.
    club = workspace() if SOAK else workspace(minimum_outcomes=10_000)
    risky = Segment(when="prediction.leaving >= 0.05")
    return msgspec.structs.replace(club, segments={**club.segments, "risky": risky})


def test_a_service_learns_and_tells_on_its_own(tmp_path: Path, model: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    filled(folder, model)
    with served(folder, environment={"SEVENFOLD_LEARNING_AFTER_S": "1"}) as service:
        service.until_ready()
        learned, *told = until_told(service)
        assert learned["op"] == MODEL and learned["quality"]["method"] == ("model" if SOAK else "prior")
        values = dict(pair for one in told for pair in zip(one["subjects"], one["values"], strict=True))
        subject = max(values, key=lambda one: values[one])
        shown = service.api("GET", f"/api/people/{subject}").json()
        assert shown["predictions"]["leaving"]["value"] == pytest.approx(values[subject] / 1e6)
        assert "risky" in shown["segments"]
        published = cli("train", "--data", str(folder), "--publish", service=service)
        (listed,) = service.api("GET", "/api/predictions").json()
        assert [one["version"] for one in published] == [listed["model"]["version"]]
        assert listed["known"] == len(values) and listed["scored_as_of"] >= told[-1]["as_of"]
        assert service.stop() == 0
    # The record alone gives the same values again, from the same log.
    again = predict(model, folder, [learned], until=told[0]["as_of"])
    assert again.records("leaving") == told


def test_learning_can_be_switched_off(tmp_path: Path) -> None:
    from sevenfold.settings import load_settings

    assert load_settings({"SEVENFOLD_LEARNING": "no"}).learning is False
    assert load_settings({}).learning is True
