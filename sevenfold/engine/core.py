"""The fold's state, and what compiled units ask of it: operations, pushes, effects, ids."""

from __future__ import annotations

from typing import Any

from ..effects import Effect, subject_id
from ..events.model import EventDecoder
from ..events.reasons import Reason
from ..events.steps import Intake
from ..journeys.runtime import Journeys, Versions
from ..lifecycle.accounts import Exports
from ..lifecycle.closing import DayCloser
from ..lifecycle.compile import CompiledUnit
from ..profiles.build import Environment
from ..profiles.identity import Identity
from ..profiles.unit import Emit, Fire, Unit
from ..profiles.wheel import NEVER, OP_BITS, OP_MASK, ValuedWheel, Wheel
from ..workspace import models as m
from .model_book import Book
from .retiring import Retirement

Membership = tuple[int, str, int]
"""(account row, role, number of the record by which the person joined)."""
IDS_KEPT_MAX = 100_000
"""Subject ids kept ready for effects, of each kind."""


class Core:
    """State that every layer of the fold shares."""

    person: CompiledUnit
    account: CompiledUnit
    entities: list[CompiledUnit]
    compiled: list[CompiledUnit]
    """People, accounts, then entities in written order: the order of subject kinds at one instant."""
    exports: Exports
    identity: Identity
    closer: DayCloser
    retirement: Retirement
    decoder: EventDecoder
    intake: Intake

    def __init__(self, workspace: m.Workspace) -> None:
        self.workspace = workspace
        self.env = Environment()
        self.t = 0
        self.seq = 0
        self.tz = ""
        """The release of the time zone data that decides, as the log says; "" as long as it says nothing."""
        self.effects: list[Effect] = []
        self.emitted = 0
        """How many effects were handed over: the number of the next one."""
        self.dropped: dict[Reason, int] = {}
        self.noted: list[int] | None = None
        """Whose each event was, for whoever asks: a number for each entry that is folded, the person's row
        in the upper bits and the account's in the lower 32; 0 when the event was not taken.
        """
        self._cause: tuple[str, str, int] | int = ("start", "", 0)
        """(kind, name, seq), or the number of the operation of an entry of the wheel."""
        self.units: dict[str, Unit] = {}
        self.versions: Versions = {}
        self.journeys: Journeys | None = None
        """None when the workspace has nothing that runs: then none of it costs anything."""
        self.wheel, self.valued = Wheel(), ValuedWheel()
        self._fires: list[Fire] = []
        self._owners: list[str] = []
        self._kinds: list[int] = []
        self._timers: list[bool] = []
        self._separate: dict[tuple[int, ...], bool] = {}
        """Whether operations are of as many signals, of those that met at one subject and instant."""
        self._tick_due = NEVER
        self._next_close = NEVER
        self.forward: dict[int, int] = {}
        """Losers of merges to their winners."""
        self._absorbed: dict[int, list[int]] = {}
        """The losers by winner, as far as `_forwarded` counts."""
        self._forwarded = 0
        self.account_rows: dict[str, int] = {}
        self.account_ids: list[str] = [""]
        self.members: list[Any] = [None]
        self.children: dict[int, list[int]] = {}
        self.further: dict[int, list[Membership]] = {}
        """People of several accounts: those after the first, which is the column `.account` with `.role`."""
        self.entity_rows: dict[str, dict[str, int]] = {name: {} for name in workspace.entities}
        self.entity_ids: dict[str, list[tuple[str, int]]] = {name: [("", 0)] for name in workspace.entities}
        self.predictions: dict[str, Book] = {}
        """Of predictions that had a model: which one is in force, and what became of the values."""
        self._dirty_accounts: dict[int, int] = {}
        self._moved_rollups: dict[int, int] = {}
        self._closing = 0
        """The account whose tick it is."""
        self._joined: list[int] = []
        """People whose first account changed in the operation at hand."""

    def _unit(self, kind: str) -> CompiledUnit:
        unit = self.units[kind]
        assert isinstance(unit, CompiledUnit)
        return unit

    def add_op(self, kind: int, fire: Fire | None, timer: bool, owner: str) -> int:
        self._fires.append(fire or _never)
        self._owners.append(owner)
        self._kinds.append(kind)
        self._timers.append(timer)
        assert len(self._fires) <= OP_MASK, "a workspace may have 4,095 windows and timers"
        return len(self._fires) - 1

    def set_fire(self, op: int, fire: Fire) -> None:
        self._fires[op] = fire

    def push(self, due: int, low: int, row: int) -> None:
        self.wheel.push(due, low + (row << OP_BITS))

    def now(self) -> int:
        return self.t

    def cause(self) -> dict[str, Any]:
        if self._cause.__class__ is int:
            op: int = self._cause
            return {"kind": "timer" if self._timers[op] else "expiry", "name": self._owners[op]}
        kind, name, seq = self._cause  # type: ignore[misc]
        return {"kind": kind, "name": name, "seq": seq} if seq else {"kind": kind, "name": name}

    def emit(self, unit: Unit, row: int, kind: str, name: str, data: dict[str, Any]) -> None:
        self.effects.append(Effect(self.t, kind, unit.kind, self.id_of(unit, row), name, data))

    def emitter(self, unit: Unit, kind: str, name: str) -> Emit:
        """`emit` for one kind of effect under one name."""
        of, ids, id_of = unit.kind, unit.ids, self.id_of

        def emit(row: int, data: dict[str, Any]) -> None:
            subject = ids.get(row) or id_of(unit, row)
            self.effects.append(Effect(self.t, kind, of, subject, name, data))

        return emit

    def emit_about(self, kind: str, name: str, data: dict[str, Any]) -> None:
        """An effect about no subject, such as a journey that was published."""
        self.effects.append(Effect(self.t, kind, "workspace", "", name, data))

    def id_of(self, unit: Unit, row: int) -> str:
        """The subject id of a row."""
        known = unit.ids.get(row)
        if known is None:
            if len(unit.ids) >= IDS_KEPT_MAX:
                unit.ids.clear()
            known = unit.ids[row] = subject_id(unit.kind, self.env.scope[unit.born.name][row])
        return known

    def _new_row(self, unit: CompiledUnit) -> int:
        row = (unit is self.person and self.retirement.new_row()) or unit.table.new_row()
        unit.table.put(unit.born, row, self.seq)
        if unit.subjects is not None:
            unit.subjects.add(row, self.seq)
        return row


def _never(row: int, due: int, entries: int, value: int) -> int:
    raise AssertionError("an operation without a function")
