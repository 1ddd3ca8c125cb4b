"""Backups under load, restored; upgrades that say what they can go on with."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold import snapshots, state
from sevenfold.clock import SetClock
from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED, record_of
from sevenfold.errors import LogUnwritableError
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.log.reader import LogReader
from sevenfold.log.sqlite import SqliteLog
from sevenfold.measures import Saved
from sevenfold.server.backup import MANIFEST, BackupError, Manifest, backup, check_backup, restore
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.keys import Keys
from sevenfold.server.live import Watched
from sevenfold.server.measures.digest_store import Digest, DigestStore
from sevenfold.server.measures.saved import saved_questions
from sevenfold.server.secrets import SECRET_FILE, SecretBox
from sevenfold.server.upgrade import FormatError, check_formats, upgrade
from sevenfold.snapshots import Recovered, fold_record, records_from
from sevenfold.workspace import models as m

START = 1_704_067_200_000
WORKSPACE = m.Workspace(
    name="small",
    signals={"visits": m.Count(event="Visited"), "visits_7d": m.Count(event="Visited", window="7d")},
    segments={"regulars": m.Segment(when="visits_7d >= 3")},
)

DIGEST: dict[str, Any] = {
    "name": "monday", "questions": ("weekly",), "schedule": "weekly monday 09:00", "channel": "mail",
}  # fmt: skip


def visits(first: int, count: int) -> NewEvents:
    entries, keys = [], []
    for number in range(first, first + count):
        time = START + number * 60_000
        event = {"type": "track", "event": "Visited", "userId": f"u{number % 7}", "messageId": str(number)}
        entries.append(Entry("site", time, json.dumps({**event, "timestamp": time}).encode(), time))
        keys.append(message_key("site", str(number)))
    return NewEvents(entries, keys)


class Stopped:
    """A data folder with a log, and what the service wrote beside it until it stopped."""

    def __init__(self, folder: Path, events: int = 200) -> None:
        self.folder, self.clock = folder, SetClock(START)
        self.log = SqliteLog(folder / "log", self.clock, segment_bytes=40_000)
        self.log.append([NewControl(record_of(WORKSPACE))])
        for first in range(0, events, 20):
            self.log.append([visits(first, 20)])
        self.found = Recovered(Fold(UNDEFINED))
        self.project()
        (folder / "snapshots").mkdir()
        snapshots.write(self.found.fold, snapshots.path_of(folder / "snapshots", self.found.position)).wait()
        SecretBox.of_folder(folder)
        keys = Keys(folder, self.clock)
        self.key = keys.make_api_key("ops", "admin").secret
        keys.close()

    def project(self) -> None:
        writer = HistoryWriter(self.folder)
        for record in records_from(self.log, self.found.position):
            first = self.found.fold.emitted
            writer.take_effects(Watched(first, fold_record(self.found, record)))
            writer.take_records([record])
        writer.close()


def same_state(folder: Path) -> tuple[Fold, int]:
    reader = LogReader(folder / "log")
    found = snapshots.recover(folder / "snapshots", reader, None)
    reader.close()
    assert not found.refused
    return found.fold, found.position


def test_a_backup_restored_is_the_service_that_was_backed_up(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data")
    saved_questions(tmp_path / "data", keep=Saved(name="weekly", question={"analysis": "rfm"}))
    DigestStore(tmp_path / "data").keep(Digest(**DIGEST), 5)
    made = backup(tmp_path / "data", tmp_path / "copy", SetClock(77))
    assert (made.made, made.position) == (77, service.log.next_position)
    assert made.time == service.log.last_time
    assert check_backup(tmp_path / "copy") == made
    assert restore(tmp_path / "copy", tmp_path / "again") == made
    fold, position = same_state(tmp_path / "again")
    assert position == service.log.next_position
    assert fold.subjects("person") == service.found.fold.subjects("person")
    keys = Keys(tmp_path / "again", SetClock(START))
    assert keys.find(service.key, "api") is not None
    keys.close()
    assert (tmp_path / "again" / SECRET_FILE).read_bytes() == (tmp_path / "data" / SECRET_FILE).read_bytes()
    assert (tmp_path / "again" / SECRET_FILE).stat().st_mode & 0o077 == 0
    assert list(saved_questions(tmp_path / "again")) == ["weekly"]
    assert DigestStore(tmp_path / "again").digests() == {"monday": (Digest(**DIGEST), 5)}
    old, new = (History(tmp_path / name) for name in ("data", "again"))
    assert old.effects(limit=1_000) == new.effects(limit=1_000)
    old.close()
    new.close()
    log = SqliteLog(tmp_path / "again" / "log", SetClock(START))
    assert log.append([visits(0, 5)])[0].duplicates == (0, 1, 2, 3, 4)
    log.close()
    service.log.close()


def test_a_backup_under_load_holds_a_whole_beginning_of_the_log(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data", events=40)
    over = threading.Event()
    appended = [40]

    def append() -> None:
        while not over.is_set() and appended[0] < 20_000:
            service.log.append([visits(appended[0], 20)])
            appended[0] += 20

    thread = threading.Thread(target=append)
    thread.start()
    try:
        for turn in range(4):
            before = service.log.next_position
            made = backup(tmp_path / "data", tmp_path / f"copy{turn}", SetClock(1))
            assert before <= made.position <= service.log.next_position
            restore(tmp_path / f"copy{turn}", tmp_path / f"again{turn}")
            fold, position = same_state(tmp_path / f"again{turn}")
            assert position == made.position
            events = made.position - 1
            counted = sum(one["signals"]["visits"] for one in fold.subjects("person").values())
            assert counted == events
            history = History(tmp_path / f"again{turn}")
            assert fold.emitted >= history.status()["through"]
            history.close()
    finally:
        over.set()
        thread.join()
    assert len(list((tmp_path / "data" / "log").glob("segment-*.sqlite"))) > 1
    service.log.close()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data", events=20)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("x")
    with pytest.raises(BackupError, match="not empty"):
        backup(tmp_path / "data", tmp_path / "copy", SetClock(1))
    backup(tmp_path / "data", tmp_path / "new", SetClock(1))
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "new", tmp_path / "data")
    assert [one.name for one in (tmp_path / "copy").iterdir()] == ["mine"]
    service.log.close()


def test_what_is_no_data_folder_or_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no log"):
        backup(tmp_path, tmp_path / "copy", SetClock(1))
    with pytest.raises(BackupError, match="no backup"):
        restore(tmp_path, tmp_path / "again")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_was_changed_is_not_restored(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data", events=20)
    backup(tmp_path / "data", tmp_path / "copy", SetClock(1))
    service.log.close()
    path = next((tmp_path / "copy" / "log").glob("segment-*.sqlite"))
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)
    with pytest.raises(BackupError, match="was changed") as refused:
        restore(tmp_path / "copy", tmp_path / "again")
    assert str(path) == refused.value.where
    assert not (tmp_path / "again").exists()
    manifest = msgspec.json.decode((tmp_path / "copy" / MANIFEST).read_bytes(), type=Manifest)
    manifest.files["../outside"] = next(iter(manifest.files.values()))
    (tmp_path / "copy" / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    path.write_bytes(bytes(held))
    with pytest.raises(BackupError):
        restore(tmp_path / "copy", tmp_path / "again")
    manifest.format = 9
    (tmp_path / "copy" / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BackupError, match="format 9"):
        check_backup(tmp_path / "copy")


_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from sevenfold.clock import SystemClock
from sevenfold.server.backup import BackupError, backup

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    backup(Path(sys.argv[1]), Path(sys.argv[2]), SystemClock())
except BackupError as error:
    print(error.code, error.fix)
"""


def test_a_disk_that_fills_up_leaves_no_half_backup(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data", events=20)
    arguments = [sys.executable, "-c", _WITHOUT_ROOM, str(tmp_path / "data"), str(tmp_path / "copy")]
    told = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("backup_refused check")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data"]
    service.log.close()


def test_an_upgrade_folds_to_the_end_snapshots_and_says_which_version_goes_on(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data")
    service.log.append([visits(200, 20)])
    service.project()
    with pytest.raises(LogUnwritableError):
        upgrade(tmp_path / "data", SetClock(START))
    service.log.close()
    done = upgrade(tmp_path / "data", SetClock(START))
    assert not done.refolded
    assert {one.name: one.verdict for one in done.parts} == dict.fromkeys(
        ("log", "snapshots", "history", "server"), "ok"
    )
    fold, position = same_state(tmp_path / "data")
    assert position == done.position == 222
    assert fold.emitted == done.emitted == service.found.fold.emitted
    reader = LogReader(tmp_path / "data" / "log")
    control = reader.read(221)[-1].control
    reader.close()
    assert control is not None
    assert (control["op"], control["format"]) == ("fold_version", state.FORMAT)


def test_an_upgrade_without_a_usable_snapshot_folds_from_the_start(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data")
    service.log.close()
    for path in snapshots.all_in(tmp_path / "data" / "snapshots"):
        path.write_bytes(state.MAGIC[:-1] + b"\x01" + b"of an older version")
    parts = {one.name: one for one in check_formats(tmp_path / "data")}
    assert parts["snapshots"].verdict == "made again"
    done = upgrade(tmp_path / "data", SetClock(START))
    assert done.refolded
    history = History(tmp_path / "data")
    assert history.status()["through"] == service.found.fold.emitted
    history.close()
    fold, _ = same_state_refusing_old(tmp_path / "data")
    assert fold.subjects("person") == service.found.fold.subjects("person")


def same_state_refusing_old(folder: Path) -> tuple[Fold, int]:
    reader = LogReader(folder / "log")
    found = snapshots.recover(folder / "snapshots", reader, None)
    reader.close()
    assert found.snapshot is not None
    return found.fold, found.position


def test_a_log_or_store_of_another_version_stops_an_upgrade_before_anything_changes(tmp_path: Path) -> None:
    service = Stopped(tmp_path / "data", events=20)
    service.log.close()
    with sqlite3.connect(tmp_path / "data" / "server.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(FormatError, match="server has format 99"):
        upgrade(tmp_path / "data", SetClock(START))
    path = max((tmp_path / "data" / "log").glob("segment-*.sqlite"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = 7 WHERE name = 'format'")
    connection.close()
    with pytest.raises(FormatError, match="log has format 7"):
        upgrade(tmp_path / "data", SetClock(START))


def test_an_empty_folder_has_nothing_to_upgrade(tmp_path: Path) -> None:
    assert {one.verdict for one in check_formats(tmp_path)} == {"absent"}
