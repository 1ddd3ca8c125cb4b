"""The warehouse follows a running service: events from the log, their owners and the effects from beside it.

Nothing waits for it. It reads what others have stored, at its own pace, and stores what it has in one
transaction, so that it can be stopped anywhere.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any, Final

import msgspec

from ...effects import Effect
from ...engine import Fold
from ...engine.definition import UNDEFINED
from ...log.base import Readable, Record
from ...snapshots import Recovered, fold_record, records_from
from ...warehouse.base import Warehouse
from ...warehouse.closes import take_closes
from ...warehouse.owners import OwnersReader, unknown
from ...warehouse.projector import Following, Projector
from ...warehouse.rows import key
from ...workspace.models import Workspace
from ..history.schema import FILE as HISTORY_FILE

log = logging.getLogger("sevenfold.warehouse")
_EFFECTS: Final = 5_000
_RECORDS: Final = 64
_DECODE: Final = msgspec.json.Decoder().decode


class Follower:
    """Brings a warehouse up to date with a data folder, again and again. Runs beside the service."""

    def __init__(self, warehouse: Warehouse, folder: Path, reader: Readable) -> None:
        self._warehouse, self._folder, self._log = warehouse, folder, reader
        self._owners = OwnersReader(folder)
        self._history: sqlite3.Connection | None = None
        if self._has_to_begin():
            self._from_the_log()
        self.projector = Projector(warehouse, None)
        rows = self._stored("SELECT position FROM controls WHERE op = ?", ("erase",))
        self._erasures = {position for (position,) in rows}
        """Records that ask to erase somebody: their effect may be gone before it was read, and they hold the
        subject's id once they were written over.
        """

    def _has_to_begin(self) -> bool:
        """Whether what is wanted next cannot be followed: at the start, and where owners are not known."""
        at = self._warehouse.through().position
        return at == 0 or any(first <= at < after or at < first for first, after in unknown(self._folder))

    def _from_the_log(self) -> None:
        """Makes the warehouse from the log, by folding it once more. The service goes on meanwhile."""
        self._warehouse.clear()
        rebuild(self._warehouse, self._log)

    def catch_up(self) -> int:
        """Takes what is there; gives how much that was."""
        # Before any record: who is erased by one has no scores left behind.
        days = take_closes(self._warehouse, self._folder)
        taken = days + self._effects() + self._records()
        if taken:
            self.projector.flush()
        self._erase()
        return taken

    def _erase(self) -> None:
        """Removes whoever was erased, and whoever was part of them."""
        for position in sorted(self._erasures):
            record = next((one for one in self._log.read(position, 2) if one.position == position), None)
            subject = (record.control or {}).get("subject") if record is not None else None
            if isinstance(subject, str) and subject:
                gone = key(subject)
                part = [one for one, person in self._warehouse.forwards().items() if person == gone]
                self._warehouse.erase([gone, *part])
                self._erasures.discard(position)

    def _effects(self) -> int:
        """The next effects of the history, which has stored them in order."""
        rows = self._stored(
            "SELECT number, time, kind, of, subject, name, data FROM effects WHERE number >= ?"
            " ORDER BY number LIMIT ?",
            (self.projector.number, _EFFECTS),
        )
        for number, time, kind, of, subject, name, data in rows:
            self.projector.take_effects(number, [Effect(time, kind, of, subject, name, _DECODE(data))])
        return len(rows)

    def _stored(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        path = self._folder / HISTORY_FILE
        if self._history is None:
            if not path.exists():
                return []
            self._history = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5
            )
        try:
            return self._history.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            # It is being made, or made again; the next look finds it.
            log.info("the history cannot be read now: %s", error)
            self._history.close()
            self._history = None
            return []

    def _records(self) -> int:
        """The next records of the log, as far as their owners are known."""
        before = self.projector.position
        through = min(self._owners.through, self._log.next_position)
        if before >= through:
            return 0
        for record in self._log.read(before, _RECORDS):
            if record.end > through:
                break
            self._record(record)
        return self.projector.position - before

    def _record(self, record: Record) -> None:
        if record.kind == "events":
            people, accounts = self._owners.read(record.position, record.count)
            self.projector.take_events(record.position, record.entries, people, accounts)
        elif record.kind == "control":
            self.projector.take_control(record.position, record.time)
            if (record.control or {}).get("op") == "erase":
                self._erasures.add(record.position)
            held = (record.control or {}).get("workspace")
            if isinstance(held, dict):
                self._define(held)
        else:
            self.projector.reached(record.time)

    def _define(self, held: dict[str, Any]) -> None:
        try:
            self.projector.define(msgspec.convert(held, Workspace))
        except msgspec.ValidationError:
            # The fold has refused it too.
            log.info("a definition in the log is of another version")

    def close(self) -> None:
        """Lets go of the history."""
        if self._history is not None:
            self._history.close()


def rebuild(warehouse: Warehouse, reader: Readable) -> None:
    """Fills an empty warehouse from a whole log, by folding it. Scores of days come with it."""
    found = Recovered(Fold(UNDEFINED))
    following: Following | None = None
    for record in records_from(reader, 0):
        following = following or Following(Projector(warehouse, None), found.fold)
        first = found.fold.emitted
        effects = fold_record(found, record)
        if record.kind == "events":
            following.took_events(record.entries)
        elif record.kind == "control":
            following.took_control(record.time)
        following.reached(record.time)
        following.took_effects(first, effects)
    if following is not None:
        following.projector.flush()
