"""The running service without processes: log, fold and stream in one object, for tests and notebooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from ..clock import Clock, SystemClock
from ..effects import REFUSED, Effect
from ..engine import ControlError, Fold
from ..engine.definition import UNDEFINED, record_of
from ..events.steps import Dropped
from ..log.base import Log, New, NewControl, NewTick, Receipt
from ..log.memory import MemoryLog
from ..snapshots import Recovered, fold_record, records_from
from ..workspace.models import Workspace
from .live import Told, Watched
from .questions import answer
from .watching import Batch, Stream


class InProcess:
    """Implements `live.Live`. `workspace` is put in force when the log is empty; a log that is not is folded
    first. `take` is given the effects of everything, in order, as the delivery process would be.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        clock: Clock | None = None,
        log: Log | None = None,
        take: Callable[[Watched], None] | None = None,
    ) -> None:
        from .questions import everything as _everything  # noqa: F401

        self.clock = clock or SystemClock()
        self.log: Log = log if log is not None else MemoryLog(self.clock)
        self.stream = Stream()
        self._take = take
        self._found = Recovered(Fold(UNDEFINED))
        self._catch_up()
        if workspace is not None and self.log.next_position == 0:
            self.log.append([NewControl(record_of(workspace))])
            self._catch_up()

    @property
    def fold(self) -> Fold:
        """The fold, for tests that look inside."""
        return self._found.fold

    @property
    def workspace(self) -> Workspace:
        return self.fold.workspace

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        receipts = self.log.append(new)
        self._catch_up()
        return receipts

    async def control(self, record: dict[str, Any]) -> Told:
        receipt = self.log.append([NewControl(record)])[0]
        effects = self._catch_up()
        for effect in effects:
            # Journeys refuse entries by effects of this kind about somebody.
            if effect.kind == REFUSED and effect.of == "workspace":
                raise ControlError(str(effect.data["message"]), fix=str(effect.data.get("fix", "")))
        return Told(receipt.position, receipt.time, effects)

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        return answer(self.fold, question, arguments)

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        self.log.add_dead_letters(dropped)

    def watch(
        self, kinds: frozenset[str] | None = None, *, after: int | None = None
    ) -> AsyncIterator[Watched]:
        return self.stream.watch(kinds, after)

    async def status(self) -> dict[str, Any]:
        fold = self.fold
        return {
            "position": self.log.next_position,
            "time": self.log.last_time,
            "folded": self._found.position,
            "emitted": fold.emitted,
            "people": fold.person.table.rows - 1 - len(fold.forward),
            "accounts": len(fold.account_rows),
        }

    async def pass_time(self) -> list[Effect]:
        """A tick at the clock's time: what is due happens."""
        self.log.append([NewTick()])
        return self._catch_up()

    def _catch_up(self) -> list[Effect]:
        """Folds what the log has beyond the fold."""
        effects: list[Effect] = []
        for record in records_from(self.log, self._found.position):
            first = self.fold.emitted
            found = fold_record(self._found, record)
            if found:
                self.stream.give(Batch(first, len(found), b"", found))
                if self._take is not None:
                    self._take(Watched(first, found))
                effects += found
        return effects
