"""Backups of a data folder while the service runs, their restoration, and what an upgrade does to the data.

A backup is a folder: copies of every SQLite file, each a moment of its own, the latest snapshots, the secret,
and `backup.json`, which says what there is. The log is copied last, so that it covers whatever the others
know; what the log has beyond them is folded again when the service starts.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

import sevenfold

from .. import snapshots
from ..clock import Clock
from ..errors import SevenfoldError
from ..log import segments
from ..log.reader import LogReader
from .audiences import FOLDER as AUDIENCES_FOLDER
from .history.schema import FILE as HISTORY_FILE
from .measures.saved import FILE as QUESTIONS_FILE
from .options import VERSIONS_FOLDER
from .personal import FOLDER as ERASURES_FOLDER
from .secrets import SECRET_FILE

MANIFEST: Final = "backup.json"
FORMAT: Final = 1
LOG_FOLDER: Final = "log"
SNAPSHOTS_FOLDER: Final = "snapshots"
_SNAPSHOTS_COPIED: Final = 2
_PIECE_BYTES: Final = 1 << 20


class BackupError(SevenfoldError):
    """A backup cannot be made, or is not one, or was changed since."""

    code = "backup_refused"


class File(Struct, frozen=True):
    """One file of a backup: its size and SHA-256."""

    bytes: int
    sha256: str


class Manifest(Struct):
    """What a backup holds. `position` is the log's: everything before it is there; `time` its engine time,
    `made` when the backup was finished, both ms UTC. `version` is that of the program.
    """

    format: int
    version: str
    made: int
    position: int
    time: int
    files: dict[str, File]


def backup(data: Path, target: Path, clock: Clock) -> Manifest:
    """Copies the data folder `data`, in use or not, to the new folder `target`. Raises BackupError."""
    if not segments.list_of(data / LOG_FOLDER):
        raise BackupError("there is no log", where=str(data), fix="name the service's data folder")
    with _made_whole(target) as draft:
        for path in _plain_files(data):
            _copy_file(path, draft / path.relative_to(data))
        for path in snapshots.all_in(data / SNAPSHOTS_FOLDER)[:_SNAPSHOTS_COPIED]:
            _copy_file(path, draft / SNAPSHOTS_FOLDER / path.name)
        # The history before the log, which then has everything that the history knows.
        for path in sorted(data.glob("*.sqlite"), key=lambda one: one.name != HISTORY_FILE):
            _copy_database(path, draft / path.name)
        log = draft / LOG_FOLDER
        for path in _log_files(data / LOG_FOLDER):
            _copy_database(path, log / path.name)
        manifest = _manifest(draft, clock.now())
        _write_durably(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    return manifest


def restore(source: Path, data: Path) -> Manifest:
    """Makes the data folder `data`, which must not exist or be empty, from a backup. Raises BackupError."""
    manifest = check_backup(source)
    with _made_whole(data) as draft:
        for name in manifest.files:
            _copy_file(source / name, draft / name)
    return manifest


def check_backup(source: Path) -> Manifest:
    """What a backup says it holds, once every file was found unchanged. Raises BackupError."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        fix = "name a folder that `sevenfold backup` made"
        raise BackupError("this is no backup", where=str(source / MANIFEST), fix=fix) from error
    if manifest.format != FORMAT:
        raise BackupError(
            f"the backup has format {manifest.format}, this version reads {FORMAT}",
            where=str(source),
            fix=f"restore it with version {manifest.version}",
        )
    for name, file in manifest.files.items():
        path = source / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BackupError("a file of the backup lies outside it", where=name, fix="take another backup")
        if not path.is_file() or path.stat().st_size != file.bytes or _digest(path) != file.sha256:
            fix = "take another backup, or copy this one again from where it was made"
            raise BackupError("a file of the backup is missing or was changed", where=str(path), fix=fix)
    return manifest


# --------------------------------------------------------------------------------------------------- pieces


def _plain_files(data: Path) -> list[Path]:
    found = [data / SECRET_FILE, data / QUESTIONS_FILE]
    for folder in (ERASURES_FOLDER, AUDIENCES_FOLDER, VERSIONS_FOLDER):
        found += sorted((data / folder).glob("*.*"))
    return [path for path in found if path.is_file()]


def _log_files(log: Path) -> Iterator[Path]:
    """Dead letters, then segments in order, listed anew after each, for another may begin meanwhile: what was
    the last one may then have grown since it was copied, and comes once more.
    """
    dead = log / "dead_letters.sqlite"
    if dead.exists():
        yield dead
    done: set[Path] = set()
    listed = [path for _, path in segments.list_of(log)]
    while True:
        path = next(one for one in listed if one not in done)
        was_last = path == listed[-1]
        yield path
        listed = [path for _, path in segments.list_of(log)]
        if path == listed[-1]:
            return
        if not was_last:
            done.add(path)


def _manifest(draft: Path, now: int) -> Manifest:
    reader = LogReader(draft / LOG_FOLDER)
    try:
        position = reader.next_position
        records = reader.read(max(position - 1, 0), 2)
    finally:
        reader.close()
    for path in draft.rglob("*"):
        # Reading left these behind; they hold nothing.
        if path.name.endswith(("-wal", "-shm")):
            path.unlink()
    files = {
        path.relative_to(draft).as_posix(): File(path.stat().st_size, _digest(path))
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    time = (
        records[-1].entries[-1].time
        if records and records[-1].entries
        else records[-1].time
        if records
        else 0
    )
    return Manifest(FORMAT, sevenfold.__version__, now, position, time, files)


class _made_whole:  # noqa: N801 - used as a function
    """A new folder under a draft's name, which gets its own when all went well; else it is gone again."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._draft = target.with_name(target.name + ".draft")

    def __enter__(self) -> Path:
        if self._target.exists() and (not self._target.is_dir() or any(self._target.iterdir())):
            raise BackupError("the folder is not empty", where=str(self._target), fix="name a new folder")
        try:
            shutil.rmtree(self._draft, ignore_errors=True)
            self._draft.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise _unwritable(error, self._draft) from error
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            if self._target.exists():
                self._target.rmdir()
            self._draft.rename(self._target)
            _sync_folder(self._target.parent)
            return
        shutil.rmtree(self._draft, ignore_errors=True)
        if isinstance(error, OSError):
            raise _unwritable(error, self._target) from error


def _unwritable(error: OSError, where: Path) -> BackupError:
    fix = "check that there is room and that the folder may be written; what was there is as it was"
    return BackupError(f"the files cannot be copied: {error.strerror or error}", where=str(where), fix=fix)


def _copy_database(source: Path, target: Path) -> None:
    """A moment of an SQLite file that others may be writing; they are not kept waiting."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)
        writing = sqlite3.connect(target)
        try:
            reading.backup(writing)
        finally:
            reading.close()
            writing.close()
    except sqlite3.Error as error:
        fix = "check the disk; a damaged log is cut with `python -m sevenfold.log.repair`"
        raise BackupError(f"the file cannot be copied: {error}", where=str(source), fix=fix) from error
    target.chmod(0o600)
    _sync(target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o600)
    _sync(target)


def _write_durably(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            found.update(piece)
    return found.hexdigest()
