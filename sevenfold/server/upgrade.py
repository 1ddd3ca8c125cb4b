"""What an upgrade of the program does to a data folder: looks at every format, folds to the end, writes a
snapshot, and says in the log which version goes on. The service must be stopped.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

import sevenfold

from .. import snapshots, state
from ..clock import Clock
from ..engine import Fold
from ..errors import SevenfoldError
from ..journeys.zones import tz_version
from ..log import segments
from ..log.base import NewControl
from ..log.sqlite import SqliteLog
from . import store
from .backup import LOG_FOLDER, SNAPSHOTS_FOLDER
from .history import History, HistoryError, rebuild, remove
from .history import schema as history

FOLD_VERSION: Final = "fold_version"
Verdict = Literal["ok", "made again", "unsupported", "absent"]


class FormatError(SevenfoldError):
    """Data of another version, which this one cannot go on with."""

    code = "format_unsupported"


class Part(Struct, frozen=True):
    """One kind of data: the format found, the one this version writes, and what becomes of it."""

    name: str
    found: int | None
    wanted: int
    verdict: Verdict


class Upgraded(Struct):
    """What was done: the version now, the log position and effect at which it goes on, the parts, and whether
    the state was folded from the log's start.
    """

    version: str
    position: int
    emitted: int
    parts: list[Part]
    refolded: bool


def check_formats(data: Path) -> list[Part]:
    """Every part of a data folder and whether this version can go on with it."""
    log = segments.list_of(data / LOG_FOLDER)
    kept = snapshots.all_in(data / SNAPSHOTS_FOLDER)
    return [
        _part("log", _meta(log[-1][1]) if log else None, segments.FORMAT, "unsupported"),
        _part("snapshots", _snapshot_format(kept[0]) if kept else None, state.FORMAT, "made again"),
        _part("history", _meta(data / history.FILE), history.FORMAT, "made again"),
        _server(data),
    ]


def upgrade(data: Path, clock: Clock) -> Upgraded:
    """Brings a data folder to this version. Raises FormatError for what cannot be read (nothing was changed
    then), LogUnwritableError while the service runs.
    """
    parts = check_formats(data)
    for part in parts:
        if part.verdict == "unsupported":
            raise FormatError(
                f"the {part.name} has format {part.found}, this version reads {part.wanted}",
                where=str(data),
                fix="go on with the version that wrote it, or restore a backup that it made",
            )
    log = SqliteLog(data / LOG_FOLDER, clock)
    try:
        folder = data / SNAPSHOTS_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        history_stale = any(part.name == "history" and part.verdict == "made again" for part in parts)
        found = snapshots.recover(folder, log, None, emitted_max=None if history_stale else _through(data))
        refolded = found.snapshot is None and found.events > 0
        # Another version may have decided otherwise: then the history is what this version decides.
        if history_stale or (refolded and (data / history.FILE).exists()):
            remove(data)
            rebuild(data, log)
        _say_version(log, found.fold)
        for record in snapshots.records_from(log, found.position):
            snapshots.fold_record(found, record)
        path = snapshots.path_of(folder, found.position)
        if not path.exists():
            snapshots.write(found.fold, path).wait()
        return Upgraded(sevenfold.__version__, found.position, found.fold.emitted, parts, refolded)
    finally:
        log.close()


def _say_version(log: SqliteLog, fold: Fold) -> None:
    version = {"op": FOLD_VERSION, "version": sevenfold.__version__, "format": state.FORMAT}
    log.append([NewControl({**version, "tz": tz_version(), "emitted": fold.emitted})])


def _through(data: Path) -> int | None:
    """The number of the effect that the history wants next; None without a history."""
    reader = History(data)
    try:
        return int(reader.status()["through"])
    except HistoryError:
        return None
    finally:
        reader.close()


def _server(data: Path) -> Part:
    """Older stores are brought to this version when they are opened."""
    found, wanted = _user_version(data / store.FILE), store._VERSION
    verdict: Verdict = "absent" if found is None else "ok" if found <= wanted else "unsupported"
    return Part("server", found, wanted, verdict)


def _part(name: str, found: int | None, wanted: int, otherwise: Verdict) -> Part:
    verdict: Verdict = "absent" if found is None else "ok" if found == wanted else otherwise
    return Part(name, found, wanted, verdict)


def _meta(path: Path) -> int | None:
    return _one_number(path, "SELECT value FROM meta WHERE name = 'format'")


def _user_version(path: Path) -> int | None:
    return _one_number(path, "PRAGMA user_version")


def _one_number(path: Path, statement: str) -> int | None:
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            row = connection.execute(statement).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        fix = "restore the file from a backup"
        raise FormatError(f"the file cannot be read: {error}", where=str(path), fix=fix) from error
    return int(row[0]) if row else -1


def _snapshot_format(path: Path) -> int:
    """The format of a snapshot by its first bytes; -1 for something else."""
    with path.open("rb") as file:
        start = file.read(len(state.MAGIC))
    return start[-1] if start[:-1] == state.MAGIC[:-1] else -1
