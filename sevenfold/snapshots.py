"""Snapshots on the disk: written by a forked copy of the process while the fold goes on, and recovery.

A snapshot file is named after the log position at which folding goes on. It gets its name when it is whole
and on the disk; whatever happens before that leaves the older snapshots as they were.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from msgspec import Struct

from sevenfold.clock import stopwatch_ns
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED
from sevenfold.errors import InputError, SevenfoldError
from sevenfold.journeys.zones import tz_version
from sevenfold.limits import REPLAY_READ_RECORDS_MAX
from sevenfold.log.base import Readable, Record
from sevenfold.state import PREFIX_BYTES, SnapshotError, head, head_bytes, sections
from sevenfold.workspace.models import Workspace

_LOG = logging.getLogger("sevenfold.snapshots")
SUFFIX = ".snapshot"
_DRAFT = ".draft"
_FAILURE_BYTES = 4_096


class SnapshotUnwritableError(SevenfoldError):
    """A snapshot could not be written; the fold and its older snapshots are as they were."""

    code = "snapshot_unwritable"


def path_of(folder: Path, position: int) -> Path:
    """Where the snapshot of a fold lies that has folded every log position before `position`."""
    return folder / f"fold-{position:015}{SUFFIX}"


def position_of(path: Path) -> int:
    """The log position at which folding goes on after a snapshot. Raises SnapshotError."""
    number = path.name.removesuffix(SUFFIX).removeprefix("fold-")
    if not (number.isascii() and number.isdigit()):
        fix = f"snapshots have names such as {path_of(Path(), 0)}"
        raise SnapshotError("this is no snapshot's name", where=str(path), fix=fix)
    return int(number)


def all_in(folder: Path) -> list[Path]:
    """The snapshots of a folder, the latest first. Drafts that a crash left are none."""
    return sorted(folder.glob(f"fold-{'[0-9]' * 15}{SUFFIX}"), reverse=True)


def latest(folder: Path) -> Path | None:
    """The snapshot that has come farthest, None when there is none."""
    return next(iter(all_in(folder)), None)


# --- writing ------------------------------------------------------------------------------------------------


class Pending:
    """A snapshot under way. `pause_ns` is how long the fold had to stand still for it."""

    def __init__(self, path: Path, pause_ns: int, child: int = 0, failures: int = -1) -> None:
        self.path = path
        self.pause_ns = pause_ns
        self._child = child
        self._failures = failures
        self._error = ""

    def done(self) -> bool:
        """Whether it has come to an end, well or not. Never waits."""
        return (
            not self._child
            or os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        )

    def wait(self) -> Path:
        """Waits for the end; the finished file. Raises SnapshotUnwritableError."""
        if self._child:
            with os.fdopen(self._failures, "rb") as pipe:
                why = pipe.read(_FAILURE_BYTES).decode("utf-8", "replace")
            _, status = os.waitpid(self._child, 0)
            self._child = 0
            if status:
                self._error = why or f"the process that wrote it ended with status {status}"
        if self._error:
            raise _unwritable(self.path, self._error)
        return self.path


def write(fold: Fold, path: Path) -> Pending:
    """Begins to write a snapshot of `fold` as it is now to `path`; the fold may go on at once.

    A forked child writes it, which takes the time that copying the page tables takes (some 30 ms a gigabyte).
    Where the system cannot fork, or other threads run (which a fork would leave holding their locks for
    ever), it is written before this returns. Raises SnapshotUnwritableError only in that case.
    """
    started = stopwatch_ns()
    if not hasattr(os, "fork") or threading.active_count() > 1:
        try:
            _save(fold, path)
        except OSError as error:
            raise _unwritable(path, error.strerror or str(error)) from error
        return Pending(path, stopwatch_ns() - started)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Idle threads of numerical libraries are no danger; those of Python were looked at above.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        _write_and_exit(fold, path, writing)
    os.close(writing)
    return Pending(path, stopwatch_ns() - started, child, reading)


def _write_and_exit(fold: Fold, path: Path, failures: int) -> NoReturn:
    """The child's whole life. It must not run anything of the parent's on its way out."""
    status = 1
    try:
        # Collecting garbage would touch, and so copy, every object's page.
        gc.disable()
        # The log's lock and files are the parent's; held open here they would outlive a crash of it.
        os.closerange(3, failures)
        os.closerange(failures + 1, os.sysconf("SC_OPEN_MAX"))
        _save(fold, path)
        status = 0
    except BaseException as error:
        with suppress(OSError):
            os.write(failures, str(getattr(error, "strerror", None) or error).encode()[:_FAILURE_BYTES])
    finally:
        os._exit(status)


def _save(fold: Fold, path: Path) -> None:
    """Writes a draft, puts it on the disk and gives it its name."""
    draft = path.with_name(path.name + _DRAFT)
    try:
        with draft.open("wb") as file:
            for piece in sections(fold):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unwritable(path: Path, why: str) -> SnapshotUnwritableError:
    fix = "check that the folder exists, is writable and has room; the older snapshots still hold"
    return SnapshotUnwritableError(f"The snapshot could not be written: {why}", where=str(path), fix=fix)


# --- reading ------------------------------------------------------------------------------------------------


def read(path: Path, workspace: Workspace | None = None) -> Fold:
    """The fold of a snapshot, under its own workspace if none is given. Raises SnapshotError when it is
    damaged or of another workspace or version, and InputError when it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        fix = "check its name and that you may read it"
        raise InputError(error.strerror or str(error), where=str(path), fix=fix) from error
    with _no_collection():
        try:
            return Fold.restore(workspace, data)
        except SnapshotError as error:
            raise SnapshotError(error.message, where=str(path), fix=error.fix) from error


def head_of(path: Path) -> dict[str, Any]:
    """What a snapshot file says of itself, without reading the rest. Raises SnapshotError and OSError."""
    with path.open("rb") as file:
        beginning = file.read(PREFIX_BYTES)
        size = min(head_bytes(beginning), path.stat().st_size)
        return head(beginning + file.read(max(size - len(beginning), 0)))


class Recovered(Struct):
    """A fold that has caught up with its log: `position` is the next one, `events` were folded after
    `snapshot`.

    `refused` are the snapshots that could not be used, and why. Without any the log is folded from its start.
    """

    fold: Fold
    position: int = 0
    events: int = 0
    snapshot: Path | None = None
    refused: list[SevenfoldError] = []


def recover(
    folder: Path,
    log: Readable,
    workspace: Workspace | None,
    *,
    take: Callable[[list[Effect]], None] | None = None,
    emitted_max: int | None = None,
) -> Recovered:
    """The fold of the latest snapshot in `folder` that can be used, brought to the end of `log`. Without a
    `workspace` the definition in force is what the log says; with `emitted_max` snapshots that have counted
    more effects are left out, for somebody still wants those.

    `take` is given the effects of what is folded, in order. A snapshot that is damaged, of another workspace,
    or ahead of the log is left out, for the log is the truth. Raises LogError.
    """
    found = restored(folder, log, workspace, emitted_max)
    for record in records_from(log, found.position):
        effects = fold_record(found, record)
        if take is not None and effects:
            take(effects)
    if found.fold.tz not in ("", tz_version()):
        told = (
            "local times were decided by release %s of the time zone data, and %s is installed;"
            " `sevenfold upgrade` says in the log from where on it decides"
        )
        _LOG.warning(told, found.fold.tz, tz_version())
    return found


def restored(
    folder: Path, log: Readable, workspace: Workspace | None, emitted_max: int | None = None
) -> Recovered:
    """The fold of that snapshot, or a new one, before anything of the log is folded."""
    refused: list[SevenfoldError] = []
    for draft in folder.glob(f"*{SUFFIX}{_DRAFT}"):
        draft.unlink(missing_ok=True)
    for path in all_in(folder):
        position = position_of(path)
        if position > log.next_position:
            fix = "the log was cut; the snapshot may be deleted"
            refused.append(SnapshotError("the snapshot is ahead of the log", where=str(path), fix=fix))
            continue
        try:
            fold = read(path, workspace)
        except (SnapshotError, InputError) as error:
            refused.append(error)
            continue
        if emitted_max is None or fold.emitted <= emitted_max:
            return Recovered(fold, position, 0, path, refused)
    return Recovered(Fold(UNDEFINED if workspace is None else workspace), refused=refused)


def records_from(log: Readable, position: int) -> Iterator[Record]:
    """Every record from the one that holds `position` on, the end's tick among them."""
    while True:
        found = log.read(position, REPLAY_READ_RECORDS_MAX)
        # Ticks bound latency and change nothing, so only one that ends the log is of interest.
        yield from (record for record in found if record.count or record is found[-1])
        end = max((record.end for record in found), default=position)
        if end <= position:
            return
        position = end


def fold_record(found: Recovered, record: Record) -> list[Effect]:
    """Folds a record, or what is new of it, into a recovered fold; its effects."""
    fold = found.fold
    if record.kind == "tick":
        return fold.advance(record.time)
    if record.end <= found.position:
        return []
    known, found.position = found.position - record.position, record.end
    if record.kind == "control":
        return fold.tell(record.time, record.control or {})
    # A snapshot may have been taken in the middle of what the log has as one record.
    entries = record.entries[max(known, 0) :]
    found.events += len(entries)
    return fold.events([(entry.time, entry.raw) for entry in entries])


@contextmanager
def _no_collection() -> Iterator[None]:
    """No passes of the garbage collector while millions of long-lived objects are made and no circles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


__all__ = [
    "Pending",
    "Recovered",
    "SnapshotUnwritableError",
    "all_in",
    "head_of",
    "latest",
    "path_of",
    "position_of",
    "read",
    "records_from",
    "recover",
    "write",
]
