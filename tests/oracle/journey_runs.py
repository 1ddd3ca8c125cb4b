"""What the reference of journeys keeps: runs, entries that fired, pauses and ledgers; and their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from typing import Any

from sevenfold.journeys import plan as p

from .subject import Subject


@dataclass(eq=False)
class Run:
    """One subject's way through a journey."""

    number: int
    slot: int
    id: str
    journey: str
    plan: p.Journey
    subject: Subject
    key: str
    properties: dict[str, Any]
    started: int
    ghost: str = ""
    active: bool = True
    step: str = ""
    visit: int = 0
    since: int = 0
    due: int | None = None
    visits: dict[str, int] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    true_before: set[int] = field(default_factory=set)
    """The paths of the present wait that have to become untrue first."""
    resets: int = 0
    noted: int | None = None
    """The first written of ranked paths that has happened."""
    opening: tuple[str, str] | None = None
    """The outcome and target of a wait that is over but for a window."""
    reason: str = "completed"
    owed: list[tuple[str, str, str, bool]] = field(default_factory=list)
    """In-app messages that nobody has seen yet: (effect, template, step, whether they may be revoked)."""

    def told(self) -> dict[str, Any]:
        return {"run": self.id, "step": self.step, "visit": self.visit}


@dataclass
class Fired:
    """A trigger that fired: its name, the record's number (or where the clock stood), the event if any."""

    name: str
    position: str
    te: int
    key: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    by_event: bool = False


@dataclass
class Pause:
    at: int
    clock: str
    entries: str
    finish: bool
    queue: list[tuple[Subject, Fired]] = field(default_factory=list)
    woken: dict[int, str] = field(default_factory=dict)
    """Run number -> where it goes at resume."""
    timed: dict[int, int] = field(default_factory=dict)
    """Run number -> when its timer was set, of timers that were set during the pause."""


@dataclass
class Sent:
    """A message in a person's ledger."""

    t: int
    ghost: bool
    effect: str


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def key_of(plan: p.Journey, properties: dict[str, Any]) -> str:
    """The run's key in an event, "" when it carries none."""
    value = properties.get(plan.key) if plan.key is not None else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def crosses(trigger: p.OnScore, before: int | None, after: int | None) -> bool:
    """Whether a move of a score, in 1/1000 point, goes over the bound; from unknown it does."""

    def beyond(value: int | None) -> bool:
        if value is None:
            return False
        bound = Fraction(str(trigger.above if trigger.below is None else trigger.below)) * 1_000
        return value < bound if trigger.below is not None else value >= bound

    return beyond(after) and not beyond(before)


def foretold(trigger: p.OnPrediction) -> str:
    """The condition that becomes true when a prediction crosses the bound."""
    side = f"< {trigger.below}" if trigger.below is not None else f">= {trigger.above}"
    return f"prediction.{trigger.prediction} {side}"


def trigger_name(trigger: Any) -> str:
    """What the effect `run` says fired."""
    if isinstance(trigger, p.OnSegment):
        return f"segment {trigger.segment} {trigger.change}"
    if isinstance(trigger, p.OnStage):
        return f"stage {trigger.lifecycle}/{trigger.stage} {trigger.change}"
    if isinstance(trigger, p.OnScore):
        below = trigger.below is not None
        return f"score {trigger.score} " + (
            f"below {trigger.below:g}" if below else f"above {trigger.above:g}"
        )
    if isinstance(trigger, p.OnPrediction):
        below = trigger.below is not None
        return f"prediction {trigger.prediction} " + (
            f"below {trigger.below:g}" if below else f"above {trigger.above:g}"
        )
    return f"trait {trigger.trait}" if isinstance(trigger, p.OnTrait) else str(trigger.__struct_config__.tag)
