"""Snapshots on the disk: written beside the running fold, refused when damaged, and recovery from them."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from sevenfold import snapshots
from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.errors import InputError
from sevenfold.events.dedup import message_key
from sevenfold.events.times import parse_ms
from sevenfold.log.base import Entry, Log, NewControl, NewEvents, NewTick
from sevenfold.log.memory import MemoryLog
from sevenfold.log.sqlite import SqliteLog
from sevenfold.simulate import SaasCompany
from sevenfold.snapshots import SnapshotUnwritableError
from sevenfold.state import SnapshotError
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.packs import pack_path

DAY = 86_400_000
HEAVIER = [{"weights": {"frequency": 70, "depth": 20, "breadth": 10}}]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load(pack_path("seven-stage"))


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return list(SaasCompany(seed=3, accounts=4, days=45).events())


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without other threads, whatever runs the tests."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


def time_of(event: dict[str, Any]) -> int:
    found = parse_ms(event["timestamp"])
    assert found is not None
    return found


def fill(log: Log, events: list[dict[str, Any]], *, size: int = 50) -> None:
    """Appends events in records of `size`; in the middle a change of weights, at the end a tick."""
    for at in range(0, len(events), size):
        some = events[at : at + size]
        entries = [Entry("web", 0, json.dumps(e).encode(), time_of(e)) for e in some]
        log.append([NewEvents(entries, [message_key("web", e["messageId"]) for e in some])])
        if at <= len(events) // 2 < at + size:
            weights = {"op": "weights", "score": "engagement", "weights": HEAVIER}
            log.append([NewControl(weights, entries[-1].time)])
    log.append([NewTick(time_of(events[-1]) + 9 * DAY)])


def folded_until(log: Log, workspace: Workspace, position: int) -> Fold:
    """A fold of everything before `position`, which may lie in the middle of a record."""
    fold = Fold(workspace)
    for record in snapshots.records_from(log, 0):
        if record.position >= position:
            break
        if record.kind == "control":
            fold.control(record.time, record.control or {})
        elif record.kind == "events":
            fold.events([(e.time, e.raw) for e in record.entries[: position - record.position]])
    return fold


def shown(fold: Fold) -> dict[str, Any]:
    return {of: fold.subjects(of) for of in fold.units}


def recovered(folder: Path, log: Log, workspace: Workspace) -> tuple[snapshots.Recovered, list[Effect]]:
    effects: list[Effect] = []
    return snapshots.recover(folder, log, workspace, take=effects.extend), effects


@pytest.mark.usefixtures("alone")
def test_a_snapshot_is_written_while_the_fold_goes_on(
    workspace: Workspace, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    log = MemoryLog(SetClock())
    fill(log, events)
    half = len(events) // 2
    fold = folded_until(log, workspace, half)
    as_it_was = shown(fold)

    pending = snapshots.write(fold, snapshots.path_of(tmp_path, half))
    fold.advance(fold.t + 60 * DAY)
    path = pending.wait()

    assert pending.done() and pending.pause_ns > 0
    assert path == snapshots.latest(tmp_path) and snapshots.position_of(path) == half
    assert shown(snapshots.read(path, workspace)) == as_it_was != shown(fold)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("alone")
def test_where_the_system_cannot_fork_it_is_written_at_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fork")
    pending = snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 0))
    assert pending.done()
    assert shown(snapshots.read(pending.wait(), workspace)) == shown(Fold(workspace))


def test_a_process_with_other_threads_is_not_forked(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 0)).wait().exists()
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.77, 1.0])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_recovery_equals_a_fold_that_never_stopped(
    workspace: Workspace, events: list[dict[str, Any]], tmp_path: Path, cut: float, kind: str
) -> None:
    clock = SetClock()
    log = MemoryLog(clock) if kind == "memory" else SqliteLog(tmp_path / "log", clock)
    fill(log, events)
    whole, effects = recovered(tmp_path / "empty", log, workspace)
    assert whole.snapshot is None and whole.events == len(events)

    position = round(cut * log.next_position)
    before = folded_until(log, workspace, position)
    snapshots.write(before, snapshots.path_of(tmp_path, position)).wait()
    again, tail = recovered(tmp_path, log, workspace)

    assert again.snapshot == snapshots.latest(tmp_path) and not again.refused
    assert again.position == whole.position == log.next_position
    assert tail == effects[len(effects) - len(tail) :]
    assert (again.events, bool(tail)) == (len(events) - sum(_events_before(log, position)), True)
    assert shown(again.fold) == shown(whole.fold)
    log.close()


def _events_before(log: Log, position: int) -> list[int]:
    return [
        min(record.end, position) - record.position
        for record in snapshots.records_from(log, 0)
        if record.kind == "events" and record.position < position
    ]


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "its length", "another file", "no end"])
def test_a_damaged_file_is_refused_and_says_so(workspace: Workspace, tmp_path: Path, damage: str) -> None:
    path = snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 7)).wait()
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    ruined = {
        "cut": whole[:middle],
        "emptied": b"",
        "flipped": flipped,
        "its length": whole[:8] + b"\xff" * 8 + whole[16:],
        "another file": b"PK\x03\x04" + whole,
        "no end": whole[:-1],
    }
    path.write_bytes(ruined[damage])
    with pytest.raises(SnapshotError, match=r"the snapshot is damaged: .*folded from the log") as raised:
        snapshots.read(path, workspace)
    assert raised.value.where == str(path) and raised.value.code == "snapshot_unusable"


def test_one_wrong_bit_anywhere_is_noticed(tmp_path: Path) -> None:
    small = Workspace(name="small")
    path = snapshots.write(Fold(small), snapshots.path_of(tmp_path, 0)).wait()
    whole = path.read_bytes()
    for at in [*range(40), *range(40, len(whole), 7)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        with pytest.raises(SnapshotError):
            snapshots.read(path, small)


def test_a_snapshot_of_another_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 0)).wait()
    with pytest.raises(SnapshotError, match="another workspace"):
        snapshots.read(path, Workspace(name="other"))


def test_a_snapshot_of_a_version_that_kept_other_things_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = Fold(workspace)
    assert fold.journeys is not None
    monkeypatch.setattr(fold.journeys, "dump", lambda: {"other": 1})
    with pytest.raises(SnapshotError, match="of another making"):
        Fold.restore(workspace, fold.snapshot())


def test_a_file_that_cannot_be_read_says_why(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        snapshots.read(snapshots.path_of(tmp_path, 1), workspace)


def test_recovery_passes_over_what_it_cannot_use(
    workspace: Workspace, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Damaged, of another workspace, ahead of the log: the older one is taken, and all are named."""
    log = MemoryLog(SetClock())
    fill(log, events)
    good = folded_until(log, workspace, 100)
    snapshots.write(good, snapshots.path_of(tmp_path, 100)).wait()
    snapshots.write(Fold(Workspace(name="other")), snapshots.path_of(tmp_path, 110)).wait()
    snapshots.path_of(tmp_path, 120).write_bytes(b"nothing")
    snapshots.write(good, snapshots.path_of(tmp_path, log.next_position + 1)).wait()

    found, _ = recovered(tmp_path, log, workspace)

    assert found.snapshot == snapshots.path_of(tmp_path, 100)
    expected = ["ahead of the log", "damaged", "another workspace"]
    for error, reason in zip(found.refused, expected, strict=True):
        assert reason in error.message
    assert shown(found.fold) == shown(recovered(tmp_path / "none", log, workspace)[0].fold)


@pytest.mark.usefixtures("alone")
def test_a_crash_between_draft_and_name_leaves_the_older_snapshot(
    workspace: Workspace, events: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryLog(SetClock())
    fill(log, events)
    older = snapshots.write(folded_until(log, workspace, 50), snapshots.path_of(tmp_path, 50)).wait()
    kept = older.read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        pending = snapshots.write(folded_until(log, workspace, 90), snapshots.path_of(tmp_path, 90))
        with pytest.raises(SnapshotUnwritableError, match="ended with status 9"):
            pending.wait()
    with pytest.raises(SnapshotUnwritableError):
        pending.wait()

    assert snapshots.latest(tmp_path) == older and older.read_bytes() == kept
    assert len(list(tmp_path.iterdir())) == 2
    assert recovered(tmp_path, log, workspace)[0].snapshot == older
    assert list(tmp_path.iterdir()) == [older]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("forked", [True, False])
def test_a_full_disk_is_an_error_and_leaves_nothing_behind(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forked: bool
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    if not forked:
        monkeypatch.delattr(os, "fork")
    with pytest.raises(SnapshotUnwritableError, match="No space left on device") as raised:
        snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 5)).wait()
    assert raised.value.code == "snapshot_unwritable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("alone")
def test_the_child_holds_none_of_the_parents_files(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log's lock held open by the child would outlive a crash of the parent."""
    seen = tmp_path / "open"
    mine = (tmp_path / "lock").open("w")

    def look(fold: Fold, path: Path) -> None:
        seen.write_text(" ".join(p.name for p in Path(f"/proc/{os.getpid()}/fd").iterdir()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("only where /proc lists open files")
    monkeypatch.setattr(snapshots, "_save", look)
    snapshots.write(Fold(workspace), snapshots.path_of(tmp_path, 0)).wait()
    held = set(map(int, seen.read_text().split()))
    assert mine.fileno() not in held and len(held - {0, 1, 2}) <= 3
    mine.close()


def test_a_name_that_is_no_snapshots_is_refused() -> None:
    with pytest.raises(SnapshotError, match="no snapshot's name"):
        snapshots.position_of(Path("notes.txt"))
    assert snapshots.position_of(snapshots.path_of(Path("a"), 1_234)) == 1_234
