"""Every log passes the conformance suite; the SQLite log survives what happens to disks and processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.clock import SetClock
from sevenfold.errors import LogDamagedError, LogError, LogUnwritableError
from sevenfold.log import repair, segments
from sevenfold.log.base import Entry, Log, NewControl, NewTick, Record
from sevenfold.log.memory import MemoryLog
from sevenfold.log.sqlite import SqliteLog
from tests.edges.log.conformance import LogConformance, events, ids


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


class TestMemoryLog(LogConformance):
    @pytest.fixture
    def log(self, clock: SetClock) -> MemoryLog:
        return MemoryLog(clock)


class TestSqliteLog(LogConformance):
    @pytest.fixture
    def log(self, clock: SetClock, tmp_path: Path) -> Iterator[SqliteLog]:
        log = SqliteLog(tmp_path / "log", clock)
        yield log
        log.close()


class TestSqliteLogOfTinySegments(LogConformance):
    """The same with a new segment after every commit."""

    @pytest.fixture
    def log(self, clock: SetClock, tmp_path: Path) -> Iterator[SqliteLog]:
        log = SqliteLog(tmp_path / "log", clock, segment_bytes=1)
        yield log
        log.close()


STEP = st.sampled_from(["events", "control", "tick", "reopen"])


@given(
    steps=st.lists(st.tuples(STEP, st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(0, 99)))
)
@settings(max_examples=25)
def test_memory_and_sqlite_agree_after_any_appends_and_reopenings(
    steps: list[tuple[str, list[int], int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = SetClock()
    folder = tmp_path_factory.mktemp("agree")
    memory, sqlite = MemoryLog(clock), SqliteLog(folder, clock, segment_bytes=20_000)
    for kind, numbers, time in steps:
        clock.set(time)
        if kind == "reopen":
            sqlite.close()
            sqlite = SqliteLog(folder, clock, segment_bytes=1)
            continue
        receipts = []
        for log in (memory, sqlite):
            if kind == "events":
                receipts.append(log.append([events(*map(str, numbers))]))
            elif kind == "control":
                receipts.append(log.append([NewControl({"op": "x"})]))
            else:
                receipts.append(log.append([NewTick(time)]))
        assert receipts[0] == receipts[1]
    sqlite.close()
    sqlite = SqliteLog(folder, clock)
    for start in range(memory.next_position + 1):
        assert memory.read(start) == sqlite.read(start)
    sqlite.close()


def test_it_goes_on_where_it_was_when_opened_again(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock(50), segment_bytes=1)
    log.append([events("a", "b"), NewTick(90)])
    log.close()
    log = SqliteLog(tmp_path, SetClock(10))
    assert (log.next_position, log.last_time) == (2, 90)
    assert log.append([events("b", "c")])[0].duplicates == (0,)
    assert ids(log.read()) == ["a", "b", "c"]
    log.close()


def test_only_one_process_owns_a_log(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock())
    with pytest.raises(LogUnwritableError, match="Another process owns"):
        SqliteLog(tmp_path, SetClock())
    log.close()
    SqliteLog(tmp_path, SetClock()).close()


WRITER = """
import sys
from pathlib import Path
from sevenfold.clock import SystemClock
from sevenfold.log.sqlite import SqliteLog
from tests.edges.log.conformance import events
log = SqliteLog(Path(sys.argv[1]), SystemClock(), segment_bytes=200_000)
number = 0
while True:
    log.append([events(*(str(number + i) for i in range(3)))])
    number += 3
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledgements", [1, 40, 160])
def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path, acknowledgements: int) -> None:
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(acknowledgements)][-1]
    child.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
    child.stdout.close()
    child.wait()
    log = SqliteLog(tmp_path, SetClock())
    found = ids(log.read(limit=10_000))
    assert found[:acknowledged] == [str(number) for number in range(acknowledged)]
    assert found == [str(number) for number in range(log.next_position)], "no gap and nothing doubled"
    assert log.append([events("0", str(log.next_position))])[0].duplicates == (0,)
    log.close()


def test_a_full_disk_is_said_and_nothing_half_done_remains(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock())
    log.append([events("a")])
    pages = log._writer.execute("PRAGMA page_count").fetchone()[0]
    log._writer.execute(f"PRAGMA max_page_count={pages}")
    big = events("big")
    big.entries[0].raw = os.urandom(100_000)
    with pytest.raises(LogUnwritableError, match="full"):
        log.append([big])
    assert (log.next_position, ids(log.read())) == (1, ["a"])
    log._writer.execute("PRAGMA max_page_count=1000000")
    assert log.append([events("big")])[0].duplicates == ()
    log.close()


AS_NOBODY = """
import os, sys
from pathlib import Path
from sevenfold.clock import SetClock
from sevenfold.errors import SevenfoldError
from sevenfold.log.sqlite import SqliteLog
os.setuid(65534)
try:
    SqliteLog(Path(sys.argv[1]), SetClock())
except SevenfoldError as error:
    print(error.code, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody who may not write")
def test_a_folder_without_the_right_to_write_is_said() -> None:
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    output = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, "/usr/forbidden"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    ).stdout
    assert output.startswith("log_unwritable") and "writable" in output


def test_a_path_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnwritableError, match="check that the folder exists"):
        SqliteLog(tmp_path / "file" / "log", SetClock())


def damage(folder: Path, position: int) -> None:
    path = [path for first, path in segments.list_of(folder) if first <= position][-1]
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "UPDATE records SET payload = zeroblob(length(payload)) WHERE id = ?", (2 * position + 1,)
        )
    connection.close()


def test_a_damaged_last_record_is_found_at_opening_and_can_be_cut(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock())
    log.append([events("a", "b")])
    log.append([events("c")])
    log.close()
    damage(tmp_path, 2)
    with pytest.raises(LogDamagedError, match=r"position 2.*python -m sevenfold.log.repair"):
        SqliteLog(tmp_path, SetClock())
    found = repair.find_damage(tmp_path)
    assert found is not None and found.position == 2
    aside = repair.cut(tmp_path, found)
    assert list(aside.glob("segment-*"))
    log = SqliteLog(tmp_path, SetClock())
    assert ids(log.read()) == ["a", "b"]
    assert log.append([events("c")])[0].duplicates == (), "what was cut may come in again"
    log.close()


def test_a_damaged_record_in_the_middle_is_found_when_read(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock(), segment_bytes=1)
    for name in "abc":
        log.append([events(name)])
    damage(tmp_path, 1)
    assert ids(log.read(limit=1)) == ["a"]
    with pytest.raises(LogDamagedError, match="position 1"):
        log.read()
    log.close()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "segment-000000000000000.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LogDamagedError, match="restore the file"):
        SqliteLog(tmp_path, SetClock())


def test_a_log_of_another_format_is_refused(tmp_path: Path) -> None:
    SqliteLog(tmp_path, SetClock()).close()
    connection = sqlite3.connect(next(tmp_path.glob("segment-*.sqlite")))
    with connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    connection.close()
    with pytest.raises(LogError, match="format 99"):
        SqliteLog(tmp_path, SetClock())


def test_erased_bytes_are_gone_from_the_disk(tmp_path: Path) -> None:
    log: Log = SqliteLog(tmp_path, SetClock())
    batch = events("a")
    batch.entries[0].raw = b'{"email":"' + os.urandom(40).hex().encode() + b'"}'
    control = json.dumps({"op": "note"}).encode()
    log.append([batch, NewControl(json.loads(control))])
    stored = sqlite3.connect(next(tmp_path.glob("segment-*.sqlite")))
    payload = stored.execute("SELECT payload FROM records WHERE id = 1").fetchone()[0]
    stored.close()
    old = log.read()[0]
    log.rewrite(Record(0, old.time, "events", [Entry("web", 0, b"{}", old.entries[0].time)]))
    for path in tmp_path.glob("segment-*"):
        assert payload not in path.read_bytes()
    log.close()
