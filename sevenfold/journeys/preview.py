"""What publishing would do: who stands where, who matches now, and what each step would send them.

Nothing is guessed: a copy of the fold publishes the plan, takes in those who match, and lives on in virtual
time without events, messages being answered for as delivered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .migration import standing

if TYPE_CHECKING:
    from ..engine.fold import Fold

DAY = 86_400_000


@dataclass
class Preview:
    """Counts, before anything is published. `standing`: runs at each step, by version."""

    journey: str
    standing: dict[int, dict[str, int]] = field(default_factory=dict)
    matching: int = 0
    """Subjects who would enter if those who match now were taken in."""
    refused: dict[str, int] = field(default_factory=dict)
    ghosts: int = 0
    messages: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of those who would enter, without anything else happening: by step, how many messages would be decided,
    would be sent but for a holdout, or are held, by reason.
    """
    tasks: dict[str, int] = field(default_factory=dict)
    days: int = 0


def preview(fold: Fold, journey: str, plan: dict[str, Any], *, days: int = 30) -> Preview:
    """What publishing `plan` (as YAML has it) as `journey` would do now. The fold itself stays as it is.

    Takes the time and memory of a snapshot of the fold. Raises what publishing raises.
    """
    found = Preview(journey, days=days)
    if fold.journeys is not None:
        found.standing = standing(fold.journeys, journey)
    copy = type(fold).restore(fold.workspace, fold.snapshot())
    effects = copy.control(copy.t, {"op": "publish", "journey": journey, "plan": plan, "enter": "now"})
    mine = {e.data["run"] for e in effects if e.kind == "run" and e.name == journey}
    found.matching = len(mine)
    found.ghosts = sum(e.kind == "run" and e.name == journey and "ghost" in e.data for e in effects)
    found.refused = Counter(e.data["reason"] for e in effects if e.kind == "refused" and e.name == journey)
    end = copy.t + days * DAY
    messages: dict[str, Counter[str]] = {}
    tasks: Counter[str] = Counter()
    while effects or copy.t < end:
        owed = []
        for effect in effects:
            if effect.data.get("run") not in mine or effect.kind not in _TOLD:
                if effect.kind in ("message", "webhook"):
                    owed.append(effect.data["effect"])
                continue
            if effect.kind in ("message", "webhook"):
                owed.append(effect.data["effect"])
            if effect.kind == "task":
                tasks[effect.name] += 1
            elif effect.kind != "deferred":
                what = effect.data["reason"] if effect.kind == "held" else effect.kind
                messages.setdefault(effect.data["step"], Counter())[what] += 1
        effects = []
        for one in owed:
            for outcome in ("sent", "delivered"):
                effects += copy.control(copy.t, {"op": "outcome", "effect": one, "outcome": outcome})
        if not effects:
            if copy.t >= end:
                break
            effects = copy.advance(min(end, copy.t + DAY))
    found.messages = {step: dict(counts) for step, counts in messages.items()}
    found.tasks = dict(tasks)
    return found


_TOLD = frozenset({"message", "would_send", "held", "deferred", "webhook", "task"})
