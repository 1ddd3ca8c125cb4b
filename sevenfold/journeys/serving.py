"""What every service of the journeys' runtime answers; each overrides what concerns it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..profiles.segments import NO_PROPERTIES
from ..workspace.base import ACCOUNT, PERSON

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

QUEUED = "queued"
"""What starting a run of a paused journey answers: it enters at resume."""
_RUN = re.compile(r"[0-9a-f]{16}")


def is_run(answer: str) -> bool:
    """Whether the runtime answered with the id of a run, not with a reason why there is none."""
    return _RUN.fullmatch(answer) is not None


class MessageNews(NamedTuple):
    """A message was decided, or something became of it."""

    unit: CompiledUnit
    row: int
    """Of `unit`: who gets it."""
    journey: str
    step: str
    template: str
    outcome: str
    """`decided`, `would_send` (of a ghost), or an outcome such as `sent`, `opened`, `bounced`."""
    effect: str
    """The id of the message."""
    first: bool
    """Whether this outcome of this message was not told before."""


def announce(runtime: Journeys, news: MessageNews) -> None:
    """Tells every service what became of a message."""
    for service in runtime.services.values():
        service.on_message(news)


class Service:
    """Something that runs share, with state of its own. Made with the fold, before it is compiled."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        self.fold, self.runtime = fold, runtime

    def about(self, wanted: str, unit: CompiledUnit, row: int) -> tuple[CompiledUnit, int]:
        """The subject of kind `wanted` that belongs to one of `unit`: a person's first account, an entity's
        person or that person's account; the given one where there is none.
        """
        fold = self.fold
        person = row if unit is fold.person else 0
        if unit.kind in fold.workspace.entities:
            person = fold.entity_ids[unit.kind][row][1]
        if wanted == PERSON and person:
            return fold.person, person
        account = fold._accounts[person] if person and wanted == ACCOUNT else 0
        return (fold.account, account) if account else (unit, row)

    def derive(self, unit: CompiledUnit, row: int, name: str) -> None:
        """An event of the engine's own happens to a subject: signals that count it see it at once."""
        t = self.fold.t
        handler = unit.handler("derived", name)
        mask = handler(row, t, t, 0, NO_PROPERTIES, None) if handler is not None else 0
        if mask and unit is self.fold.account:
            self.fold._touch(row, mask)
        elif mask:
            unit.evaluate(row, t, mask)

    def declare(self) -> None:
        """Timers, hidden conditions and conditions to ask; units have declared theirs."""

    def finish(self) -> None:
        """Functions, once everything has its place."""

    def listens(self, type_: str, event: str) -> bool:
        """Whether `on_event` wants events of this name."""
        return False

    def on_event(self, row: int, event: Event, key: tuple[str, str], te: int, t: int) -> None:
        """An event of a person, once its subjects have come to rest."""

    def on_message(self, news: MessageNews) -> None:
        """The message desk tells what becomes of messages."""

    def arm(self, t: int) -> None:
        """The first record of all is about to be handled: what the workspace has planned may be timed."""

    def merge(self, winner: int, loser: int, t: int) -> None:
        """Two people turned out to be one."""

    def keeps(self, unit: CompiledUnit, row: int) -> bool:
        """Whether a visitor to whom nothing has happened for long must not be forgotten yet."""
        return False

    def retire(self, unit: CompiledUnit, row: int) -> int:
        """A visitor is forgotten who has been gone for long; gives how much was remembered."""
        return self.erase(unit, row)

    def erase(self, unit: CompiledUnit, row: int) -> int:
        """A subject is erased: what is kept of it goes. Gives how many things that were."""
        return 0

    def run_ended(self, run: RunView) -> None:
        """A run is about to end."""

    def goal_reached(self, run: RunView, goal: str) -> None:
        """A run has reached a goal, for the first time."""

    def dump(self) -> Any:
        """The state, for msgpack."""
        return None

    def load(self, held: Any) -> None:
        """What `dump` gave."""

    def take_over(self, old: Service) -> None:
        """After `load`, under a changed workspace: what the old fold's columns hold of this service."""


__all__ = ["Service"]
