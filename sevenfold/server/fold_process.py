"""The fold's process: reads what is durable, folds it, tells its effects, and answers questions in between.

It has one thread and no network, so that a snapshot can be forked off at any moment. It ends when the hub
does.
"""

from __future__ import annotations

import logging
import select
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from .. import snapshots
from ..clock import SystemClock
from ..effects import Effect
from ..errors import SevenfoldError
from ..journeys.controls import REPLANNING
from ..log.base import Record
from ..log.reader import LogReader
from ..warehouse.closes import ClosesWriter
from ..warehouse.events import Owners
from ..warehouse.owners import OwnersWriter
from .logs import to_stderr
from .options import FoldOptions
from .process import settle
from .questions import answer
from .questions import everything as _everything  # noqa: F401
from .wire import Line, packed_effects

log = logging.getLogger("sevenfold.fold")
SLICE_EVENTS: Final = 256
"""Events folded before effects are told and questions answered."""
READ_RECORDS: Final = 64
SNAPSHOT_EVENTS_MIN: Final = 1_000
"""Fewer new events than this are not worth a snapshot, unless the process stops."""


class FoldProcess:
    """The fold, its place in the log, and the line to the hub."""

    def __init__(self, options: FoldOptions) -> None:
        self._options = options
        self._clock = SystemClock()
        self._folder = Path(options.snapshots_folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._line = Line(options.socket)
        self._log = LogReader(Path(options.log_folder))
        self._durable = 0
        self._tick = 0
        self._wanted: set[int] = set()
        """Control records whose effects somebody waits for."""
        self._questions: list[list[Any]] = []
        self._stopping = self._gone = False
        self._acknowledged = options.emitted_max
        self._written: snapshots.Pending | None = None
        self._snapshot_at = self._clock.now()
        self._snapshot_position = 0
        self._owners: OwnersWriter | None = None
        self._owner_ids = Owners()
        self._closes: ClosesWriter | None = None

    def run(self) -> None:
        """Recovers, then folds until the hub says stop or is gone."""
        self._found = found = snapshots.restored(self._folder, self._log, None, self._options.emitted_max)
        for error in found.refused:
            log.warning("a snapshot is not used: %s", error.message)
        self._snapshot_position = found.position
        settle()
        fold = self._found.fold
        if self._options.owners_folder:
            self._owners = OwnersWriter(Path(self._options.owners_folder), found.position)
            self._closes = ClosesWriter(Path(self._options.owners_folder))
            self._closes.attach(fold)
        self._line.say("ready", found.position, fold.emitted, str(found.snapshot or ""))
        self._say_workspace()
        # What is due next, even when the snapshot is of the log's very end and nothing is left to fold.
        self._say_folded(fold.emitted, [])
        while not self._gone:
            self._listen(wait=not self._behind())
            if self._behind():
                self._fold_some()
            if not self._behind():
                self._at_rest()
        if self._stopping:
            self._last_snapshot()
            self._line.say("stopped", self._found.position)

    # --------------------------------------------------------------------------------------- listening

    def _listen(self, *, wait: bool) -> None:
        """Takes what the hub has said; waits for something when there is nothing to do."""
        timeout = None if wait and not self._written else (1.0 if wait else 0.0)
        ready, _, _ = select.select([self._line], [], [], timeout)
        self._look_after_snapshot()
        if not ready:
            return
        messages = self._line.hear()
        if messages is None:
            self._gone = True
            return
        for kind, *rest in messages:
            if kind == "durable":
                self._durable = max(self._durable, rest[0])
                self._wanted.update(rest[1])
            elif kind == "tick":
                self._tick = max(self._tick, rest[0])
            elif kind == "ask":
                self._questions.append(rest)
            elif kind == "seen":
                self._acknowledged = rest[0]
            elif kind == "snapshot":
                self._begin_snapshot()
            elif kind == "stop":
                self._stopping = self._gone = True
        if self._questions:
            self._answer()

    def _behind(self) -> bool:
        return self._found.position < self._durable

    def _answer(self) -> None:
        """Answers the questions that may be answered now: those about what is folded already."""
        later = []
        for question in self._questions:
            number, at_least, name, arguments = question
            if at_least > self._found.position:
                later.append(question)
                continue
            try:
                self._line.say("answer", number, True, answer(self._found.fold, name, arguments))
            except SevenfoldError as error:
                self._line.say("answer", number, False, error.to_json())
            except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                log.error("question %s failed: %s", name, type(error).__name__)
                why = {"code": "question_failed", "message": f"`{name}` failed ({type(error).__name__})"}
                self._line.say("answer", number, False, why)
        self._questions = later

    # ----------------------------------------------------------------------------------------- folding

    def _fold_some(self) -> None:
        """Folds some of what is durable, a slice at a time."""
        for record in self._log.read(self._found.position, READ_RECORDS):
            if not record.count or record.end <= self._found.position:
                continue
            if record.position >= self._durable:
                # It is there already, but the hub has not yet said whether somebody waits for it.
                return
            for part in self._sliced(record):
                first = self._found.fold.emitted
                effects = self._folded(part)
                if part.kind == "control" and str((part.control or {}).get("op")) in REPLANNING:
                    # Before its effects, which readers understand by it.
                    self._say_workspace()
                self._say_folded(first, effects)
                if part.kind == "control" and part.position in self._wanted:
                    self._wanted.discard(part.position)
                    self._line.say("told", part.position, part.time, packed_effects(effects))
                self._listen(wait=False)
                if self._gone:
                    return

    def _folded(self, part: Record) -> list[Effect]:
        """The effects of a part of a record; whose its events are is written down beside the log."""
        if self._owners is None:
            return snapshots.fold_record(self._found, part)
        fold, position = self._found.fold, self._found.position
        noted: list[int] = []
        fold.noted = noted
        effects = snapshots.fold_record(self._found, part)
        people, accounts = self._owner_ids.of(fold, noted or [0])
        self._owners.write(max(position, part.position), people, accounts)
        self._keep_closes()
        return effects

    def _keep_closes(self) -> None:
        """Days that closed are written down for the warehouse. A full disk holds up nobody who decides."""
        if self._closes is None:
            return
        self._closes.attach(self._found.fold)
        try:
            self._closes.store()
        except OSError as error:
            log.error("scores of a day cannot be written: %s", error.strerror)

    def _sliced(self, record: Record) -> list[Record]:
        if record.kind != "events" or record.count <= SLICE_EVENTS:
            return [record]
        return [
            Record(record.position + at, record.time, "events", record.entries[at : at + SLICE_EVENTS])
            for at in range(0, record.count, SLICE_EVENTS)
        ]

    def _at_rest(self) -> None:
        """Everything durable is folded: time may pass, questions are answered, snapshots begin."""
        fold = self._found.fold
        if self._tick > fold.t:
            first = fold.emitted
            effects = fold.advance(self._tick)
            self._keep_closes()
            self._say_folded(first, effects)
        if self._questions:
            self._answer()
        new = self._found.position - self._snapshot_position
        if (
            new >= SNAPSHOT_EVENTS_MIN
            and self._clock.now() - self._snapshot_at >= self._options.snapshot_ms
            and self._written is None
        ):
            self._begin_snapshot()

    def _say_folded(self, first: int, effects: list[Any]) -> None:
        fold = self._found.fold
        due = min(fold.wheel.next_due, fold.valued.next_due, fold._next_close, fold._tick_due)
        packed = packed_effects(effects) if effects else b""
        self._line.say("folded", self._found.position, fold.t, due, first, len(effects), packed)

    def _say_workspace(self) -> None:
        self._line.say("workspace", msgspec.json.encode(self._found.fold.workspace))

    # --------------------------------------------------------------------------------------- snapshots

    def _begin_snapshot(self) -> None:
        if self._written is not None:
            return
        position = self._found.position
        self._snapshot_at, self._snapshot_position = self._clock.now(), position
        if self._owners is not None:
            self._owners.keep()
        path = snapshots.path_of(self._folder, position)
        if not path.exists():
            self._written = snapshots.write(self._found.fold, path)

    def _look_after_snapshot(self) -> None:
        if self._written is None or not self._written.done():
            return
        pending, self._written = self._written, None
        try:
            pending.wait()
        except snapshots.SnapshotUnwritableError as error:
            log.error("%s", error.message)
            self._line.say("snapshot", self._snapshot_position, error.message)
            return
        self._line.say("snapshot", self._snapshot_position, "")
        self._clean_up()

    def _clean_up(self) -> None:
        """Deletes old snapshots, but never the last one whose further effects everybody has still to see."""
        kept = 0
        useful = False
        for path in snapshots.all_in(self._folder):
            if kept >= self._options.snapshots_kept and useful:
                path.unlink(missing_ok=True)
                continue
            kept += 1
            useful = useful or snapshots.head_of(path)["emitted"] <= self._acknowledged

    def _last_snapshot(self) -> None:
        """Where a stop leaves off, so that the next start has nothing to fold."""
        if self._written is not None:
            self._written.wait()
            self._written = None
        path = snapshots.path_of(self._folder, self._found.position)
        if self._found.position and not path.exists():
            try:
                snapshots.write(self._found.fold, path).wait()
            except snapshots.SnapshotUnwritableError as error:
                log.error("%s", error.message)
                return
            self._clean_up()


def main() -> None:
    """`python -m sevenfold.server.fold_process OPTIONS` (JSON); started by the hub."""
    to_stderr()
    options = msgspec.json.decode(sys.argv[1], type=FoldOptions)
    try:
        FoldProcess(options).run()
    except ConnectionError:
        # The hub is gone, perhaps before this process had begun.
        sys.exit(0)


if __name__ == "__main__":
    main()
