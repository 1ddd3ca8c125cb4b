"""Makes the history again from the log: folds it and takes what comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...log.base import Readable
from ...workspace.models import UNDEFINED
from ..live import Watched
from .schema import FILE
from .writer import HistoryWriter

Render = Callable[[HistoryWriter, Watched], None]
_PARTS: Final = ("", "-wal", "-shm")


def remove(folder: Path) -> None:
    """Deletes the history of a folder. Nobody may be using it."""
    for part in _PARTS:
        (folder / f"{FILE}{part}").unlink(missing_ok=True)


def rebuild(folder: Path, log: Readable, *, render: Render | None = None) -> tuple[int, int]:
    """Makes the history in `folder` from the whole log; gives the numbers wanted next, of effects and
    records.

    `render` is given all effects in order, to add what rendering makes known (links, leases). One that was
    interrupted may simply be run again. Raises HistoryUnwritableError, LogError.
    """
    # Whoever only reads or writes the history needs no engine.
    from ...engine import Fold
    from ...snapshots import Recovered, fold_record, records_from

    writer = HistoryWriter(folder)
    try:
        found = Recovered(Fold(UNDEFINED))
        for record in records_from(log, 0):
            first, position = found.fold.emitted, found.position
            watched = Watched(first, fold_record(found, record))
            if found.position > position:
                writer.take_records([record])
            if watched.effects:
                writer.take_effects(watched)
                if render is not None:
                    render(writer, watched)
        writer.commit()
        return writer.through, writer.position
    finally:
        writer.close()
