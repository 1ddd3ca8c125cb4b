"""A reader beside the process that owns the log."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sevenfold.clock import SetClock
from sevenfold.errors import LogError, LogUnwritableError
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewControl, NewEvents, NewTick
from sevenfold.log.reader import LogReader
from sevenfold.log.sqlite import SqliteLog

_APPENDING = """
import sys
from pathlib import Path
from sevenfold.clock import SystemClock
from sevenfold.log.base import NewControl
from sevenfold.log.sqlite import SqliteLog

log = SqliteLog(Path(sys.argv[1]), SystemClock(), segment_bytes=30_000)
for number in range(300):
    log.append([NewControl({"op": "list", "number": number})])
    print(number, flush=True)
sys.stdin.read()
"""


def events(first: int, count: int) -> NewEvents:
    numbers = range(first, first + count)
    return NewEvents(
        [Entry("web", number, f'{{"n":{number}}}'.encode()) for number in numbers],
        [message_key("web", str(number)) for number in numbers],
    )


def test_a_reader_sees_what_another_process_appends_in_segment_after_segment(tmp_path: Path) -> None:
    SqliteLog(tmp_path, SetClock(1)).close()
    reader = LogReader(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", _APPENDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen: list[int] = []
        for line in process.stdout:
            durable = int(line)
            records = reader.read(len(seen), 7 if durable % 2 else 1_000)
            seen += [record.control["number"] for record in records if record.control]
            if durable == 299:
                break
        while more := reader.read(len(seen)):
            seen += [record.control["number"] for record in more if record.control]
        process.communicate("")
    assert seen == list(range(300))
    assert len(list(tmp_path.glob("segment-*.sqlite"))) > 1
    assert reader.next_position == 300
    reader.close()


def test_a_reader_reads_what_the_owner_reads_from_every_position(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock(5), segment_bytes=20_000)
    reader = LogReader(tmp_path)
    for number in range(0, 120, 4):
        log.append([events(number, 3)])
        log.append([NewTick(number + 10), NewTick(number + 11)])
        log.append([NewControl({"op": "list"})])
    for position in range(log.next_position + 2):
        for limit in (1, 3, 1_000):
            assert reader.read(position, limit) == log.read(position, limit), (position, limit)
    log.close()
    assert reader.read(0, 1_000) == LogReader(tmp_path).read(0, 1_000)
    reader.close()


def test_threads_read_at_once_while_segments_begin(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, SetClock(5), segment_bytes=15_000)
    reader = LogReader(tmp_path)
    done = threading.Event()
    gaps: list[tuple[int, int]] = []

    def follow() -> None:
        position = 0
        while position < 400:
            for record in reader.read(position, 50):
                if record.position > position:
                    gaps.append((position, record.position))
                position = record.end
        done.set()

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(400):
        log.append([events(number, 1), NewTick()])
    for thread in threads:
        thread.join(30)
    assert done.is_set()
    assert gaps == []
    reader.close()
    log.close()


def test_a_folder_without_a_log_reads_as_empty_until_there_is_one(tmp_path: Path) -> None:
    reader = LogReader(tmp_path)
    assert reader.read() == []
    assert reader.next_position == 0
    log = SqliteLog(tmp_path, SetClock(5))
    log.append([events(0, 2)])
    assert reader.next_position == 2
    assert [record.count for record in reader.read()] == [2]
    reader.close()
    with pytest.raises(LogError):
        LogReader(tmp_path).read(-1)
    log.close()


def test_a_closed_reader_refuses_to_read(tmp_path: Path) -> None:
    SqliteLog(tmp_path, SetClock(5)).close()
    reader = LogReader(tmp_path)
    reader.close()
    with pytest.raises(LogError, match="closed"):
        reader.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_explained(tmp_path: Path) -> None:
    SqliteLog(tmp_path, SetClock(5)).close()
    for path in tmp_path.glob("segment-*"):
        path.chmod(0)
    with pytest.raises(LogUnwritableError):
        LogReader(tmp_path).read()
