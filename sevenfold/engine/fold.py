"""The fold itself: what the three kinds of records do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import state
from ..effects import REFUSED, Effect
from ..errors import SevenfoldError
from ..journeys.runtime import Versions
from ..journeys.zones import info
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
        self.identity.older = self._age_of
        self.identity.began = self.retirement.began
        self.closer = DayCloser(self, info(workspace.timezone))

    def snapshot(self) -> bytes:
        """The whole state; `restore` gives a fold that goes on exactly as this one would."""
        return state.dump(self)

    @classmethod
    def restore(cls, workspace: m.Workspace | None, data: bytes) -> Fold:
        """The fold of a snapshot; of the workspace it was taken under if None is given. Raises SnapshotError
        when it is damaged or of other making.
        """
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

    def tell(self, t: int, record: dict[str, Any]) -> list[Effect]:
        """`control` for records of a log: one that cannot be done changes nothing, and its effect `refused`
        says why. So a log can always be folded to its end, and says the same whenever it is.
        """
        try:
            return self.control(t, record)
        except SevenfoldError as error:
            self.emit_about(REFUSED, str(record.get("op")), dict(error.to_json()))
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            # Of a shape that nobody thought of. What it says may be personal, so only its kind is told.
            why = {"code": "bad_control", "message": f"the record cannot be read ({type(error).__name__})"}
            self.emit_about(REFUSED, str(record.get("op")), why)
        return self._taken()

    def _taken(self) -> list[Effect]:
        taken, self.effects = self.effects, []
        self.emitted += len(taken)
        return taken
