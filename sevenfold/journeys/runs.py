"""Runs as columns: a slot for each active run, some seventy bytes wide, and the view through which
steps see one.

A waiting run is its row in these arrays and one entry of the wheel. Nothing looks at it until its
timer fires or something it listens for happens to its subject.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..profiles.wheel import NEVER
from .steps.base import STAY, Move
from .telling import stable_id

if TYPE_CHECKING:
    from .compiled import CompiledJourney
    from .runtime import Journeys

GHOST = 1
PROPOSED = 2
"""Waits in its person's pool of proposals."""
DECIDED = 4
"""A message of the present step was deferred: the next decision waits for no pool."""
_COLUMNS = {
    "subject": "int32",
    "plan": "int16",
    "step": "int16",
    "visit": "int16",
    "flags": "int16",
    "reached": "int32",
    "next": "int32",
    "number": "int64",
    "ident": "int64",
    "seq": "int64",
    "started": "int64",
    "since": "int64",
    "due": "int64",
    "mark": "int64",
}
_BAGS = ("key", "properties", "visits")
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder().decode


def run_ident(journey: str, subject: str, key: str, position: str) -> int:
    """The id of a run as a signed 64-bit integer; `hex_id` shows it."""
    digest = blake2b(f"{journey}\0{subject}\0{key}\0{position}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def hex_id(ident: int) -> str:
    """16 hexadecimal digits."""
    return f"{ident & 0xFFFF_FFFF_FFFF_FFFF:016x}"


class Runs:
    """The slots. `next` chains the runs of one subject, newest first; `heads` of the subjects are with
    them.
    """

    subject: Any
    plan: Any
    step: Any
    visit: Any
    flags: Any
    reached: Any
    next: Any
    number: Any
    ident: Any
    seq: Any
    started: Any
    since: Any
    due: Any
    mark: Any

    def __init__(self, capacity: int = 1_024) -> None:
        self.count = 1
        """Slots ever used; slot 0 is nobody's."""
        self.free: list[int] = []
        self.last_number = 0
        self._data = {name: np.zeros(capacity, dtype) for name, dtype in _COLUMNS.items()}
        self.key: list[str | None] = [None]
        self.properties: list[bytes | None] = [None]
        self.visits: list[dict[int, int] | None] = [None]
        self._view()

    def _view(self) -> None:
        for name, data in self._data.items():
            buffer: Any = data
            setattr(self, name, memoryview(buffer))

    def take(self) -> int:
        """A slot for a new run, with the next number."""
        if self.free:
            slot = self.free.pop()
        else:
            slot = self.count
            self.count += 1
            if slot >= len(self._data["due"]):
                for name, data in self._data.items():
                    self._data[name] = np.concatenate((data, np.zeros(len(data) // 4 + 1, data.dtype)))
                self._view()
            for bag in _BAGS:
                getattr(self, bag).append(None)
        self.last_number += 1
        self.number[slot] = self.last_number
        return slot

    def release(self, slot: int) -> None:
        """The slot is free; its timers find nobody there."""
        for name in _COLUMNS:
            getattr(self, name)[slot] = 0
        self.due[slot] = NEVER
        for bag in _BAGS:
            getattr(self, bag)[slot] = None
        self.free.append(slot)

    def active(self) -> list[int]:
        """Slots in use, ascending."""
        return [int(slot) for slot in np.flatnonzero(self._data["number"][: self.count])]

    def of_plan(self, plan: int) -> list[int]:
        """Slots of the runs of one version, by number."""
        held = self._data["number"][: self.count] > 0
        slots = np.flatnonzero(held & (self._data["plan"][: self.count] == plan))
        return sorted((int(slot) for slot in slots), key=lambda slot: int(self.number[slot]))

    def dump(self) -> Any:
        """Everything, for msgpack."""
        columns = {name: data[: self.count].tobytes() for name, data in self._data.items()}
        return [self.count, self.free, self.last_number, columns, *(getattr(self, bag) for bag in _BAGS)]

    def load(self, held: Any) -> None:
        """What `dump` gave."""
        self.count, self.free, self.last_number, columns, *bags = held
        capacity = max(1_024, self.count + self.count // 8)
        for name, dtype in _COLUMNS.items():
            data = np.zeros(capacity, dtype)
            data[: self.count] = np.frombuffer(columns[name], dtype)
            self._data[name] = data
        for bag, values in zip(_BAGS, bags, strict=True):
            setattr(self, bag, list(values))
        self._view()


class RunView:
    """One run as steps see it. The runtime moves one view from run to run; nothing keeps it."""

    __slots__ = (
        "_id",
        "_of",
        "decided",
        "end_reason",
        "heard",
        "journeys",
        "plan",
        "row",
        "runs",
        "slot",
        "t",
    )

    def __init__(self, journeys: Journeys) -> None:
        self.journeys = journeys
        self.runs = journeys.runs
        self.t = 0
        self.slot = 0
        self.row = 0
        self.heard = 0
        self.end_reason = "completed"
        self._id, self._of = "", 0
        """The id of the run with number `_of`, once it was asked for."""
        self.plan: CompiledJourney = None  # type: ignore[assignment]
        self.decided: list[Any] = []
        """What was decided before in this round for the same subject."""

    def at(self, slot: int) -> RunView:
        """This view, looking at another run."""
        self.slot = slot
        number = self.runs.number[slot]
        if number != self._of:
            self._of = number
            self._id = ""
        self.plan = self.journeys.plans[self.runs.plan[slot]]
        self.row = self.runs.subject[slot]
        return self

    def forget(self) -> None:
        """The numbers of runs may mean others from now on."""
        self._of = 0

    @property
    def person(self) -> int:
        return self.plan.person_of(self.row)

    @property
    def since(self) -> int:
        return self.runs.since[self.slot]  # type: ignore[no-any-return]

    @property
    def due(self) -> int:
        return self.runs.due[self.slot]  # type: ignore[no-any-return]

    @property
    def mark(self) -> int:
        return self.runs.mark[self.slot]  # type: ignore[no-any-return]

    @mark.setter
    def mark(self, value: int) -> None:
        self.runs.mark[self.slot] = value

    @property
    def number(self) -> int:
        return self.runs.number[self.slot]  # type: ignore[no-any-return]

    @property
    def visit(self) -> int:
        return self.runs.visit[self.slot]  # type: ignore[no-any-return]

    @property
    def step(self) -> str:
        at: int = self.runs.step[self.slot]
        return self.plan.ids[at]

    @property
    def ghost(self) -> bool:
        return bool(self.runs.flags[self.slot] & GHOST)

    @property
    def key(self) -> str:
        return self.runs.key[self.slot] or ""

    @property
    def trigger_seq(self) -> int:
        return self.runs.seq[self.slot]  # type: ignore[no-any-return]

    @property
    def started(self) -> int:
        return self.runs.started[self.slot]  # type: ignore[no-any-return]

    @property
    def subject(self) -> str:
        """The subject's id."""
        fold = self.journeys.fold
        return fold.id_of(self.plan.unit, self.row)

    @property
    def id(self) -> str:
        if not self._id:
            self._id = hex_id(self.runs.ident[self.slot])
        return self._id

    def unit_id(self, *, account: bool = False) -> str:
        """The id that draws for this run: its person's, with `account` the first account's."""
        return self.journeys.entries.unit_id(self.plan, self.row, account=account)

    def effect_id(self, recipient: str = "") -> str:
        """The id of what the present step decides for a recipient: 16 hexadecimal digits."""
        return stable_id(self.id, self.step, self.visit, recipient)

    def until(self, due: int) -> Move:
        """Sets the timer; the run stays."""
        if due != self.runs.due[self.slot]:
            self.runs.due[self.slot] = due
            if due != NEVER:
                self.journeys.push(due, self.slot)
                if self.journeys.entries.paused:
                    self.journeys.entries.timed(self.slot, self.plan.name, self.t)
        return STAY

    def propose(self, priority: int | None = None) -> Move:
        """The run has something to say: it is decided with the subject's other proposals."""
        self.journeys.propose(self.slot, self.plan.model.priority if priority is None else priority)
        return STAY

    def tell(self, kind: str, name: str, /, **data: Any) -> None:
        """An effect about this run."""
        told = {"run": self.id, "step": self.step, "visit": self.visit, **data}
        self.journeys.fold.emit(self.plan.unit, self.row, kind, name, told)

    def property(self, name: str) -> Any:
        """A property of the event that started the run, None without it."""
        packed = self.runs.properties[self.slot]
        if packed is None:
            return None
        return _UNPACK(packed).get(name)

    def all_properties(self) -> dict[str, Any]:
        """The properties that are kept of the event that started the run."""
        packed = self.runs.properties[self.slot]
        return {} if packed is None else _UNPACK(packed)

    def reach(self, goal: str, value: float | None) -> None:
        """Counts a goal of the journey, once a run."""
        bit = 1 << self.plan.goal_places[goal]
        if not self.runs.reached[self.slot] & bit:
            self.runs.reached[self.slot] |= bit
            data = {"goal": goal, "after": self.t - self.started}
            if value is not None:
                data["value"] = value
            if self.ghost:
                data["ghost"] = True
            self.tell("goal", self.plan.name, **data)
            for service in self.journeys.told_of_goals:
                service.goal_reached(self, goal)

    def zone(self) -> tuple[str, str]:
        """The name of the time zone for this run, and where it comes from."""
        return self.journeys.zone_of(self.person, self.row if not self.person else 0)


def packed(properties: dict[str, Any]) -> bytes | None:
    """Properties of a trigger as a run keeps them."""
    return _PACK(properties) if properties else None
