"""The fold itself: what the three kinds of records do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from .. import state
from ..effects import Effect
from ..journeys.runtime import Versions
from ..lifecycle.closing import DayCloser
from ..profiles.identity import Identity
from ..workspace import models as m
from .compiling import Pending, Seeds
from .controls import perform
from .usual import Entry, Usual


class Fold(Usual):
    """The engine for one workspace. `capacity_rows` is the room for people before the columns have to grow.

    `seeds` are dictionaries to start from, `pending` signals whose past is not known, `versions` of journeys
    those that still have runs: snapshots and changes of the workspace need them.
    """

    def __init__(
        self,
        workspace: m.Workspace,
        *,
        capacity_rows: int = 1_024,
        seeds: Seeds | None = None,
        pending: Pending | None = None,
        versions: Versions | None = None,
    ) -> None:
        super().__init__(workspace)
        self.versions = versions or {}
        self._compile(capacity_rows, seeds or {}, pending or {})
        self.identity = Identity(workspace.identity, self._create_person, self._merge)
        self.closer = DayCloser(self, ZoneInfo(workspace.timezone))

    def snapshot(self) -> bytes:
        """The whole state; `restore` gives a fold that goes on exactly as this one would."""
        return state.dump(self)

    @classmethod
    def restore(cls, workspace: m.Workspace, data: bytes) -> Fold:
        """The fold of a snapshot. Raises SnapshotError when it is damaged or of other making."""
        return state.load(workspace, data, cls)

    def events(self, entries: Iterable[Entry]) -> list[Effect]:
        """Folds a batch of events in order: (engine time ms, raw JSON), engine times never decreasing.

        Returns the effects in order. An event that the steps drop changes nothing and is counted in
        `dropped`.
        """
        self._fold(entries)
        return self._taken()

    def advance(self, t: int) -> list[Effect]:
        """A tick: everything due at or before `t` happens. Bounds latency, changes nothing else."""
        self._drain(t)
        self.t = max(self.t, t)
        return self._taken()

    def control(self, t: int, record: dict[str, Any]) -> list[Effect]:
        """Folds a control record: what its `op` names in `controls`."""
        self._drain(t)
        self.t = t
        self.seq += 1
        self._cause = ("control", str(record.get("op")), self.seq)
        if self.journeys is not None:
            self.journeys.begin()
        try:
            perform(self, record)
        finally:
            # Another one by now, when the record published a journey.
            if self.journeys is not None:
                self.journeys.release()
        return self._taken()

    def _taken(self) -> list[Effect]:
        taken, self.effects = self.effects, []
        return taken
