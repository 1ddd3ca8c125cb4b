"""What a step kind is: a model (what authors write), and logic (what a run does there). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...workspace.base import Condition, Model

if TYPE_CHECKING:
    from ..audit.step import StepFields
    from ..choice_plan import Action
    from ..compiled import StepSite
    from ..runs import RunView

    Run = RunView
    Site = StepSite
else:
    Run = Site = Any

STAY = -1
"""The run stays at its step: it waits for a time, an event, a condition, an outcome or a person."""
END = -2
"""The run ends (the target `exit`)."""
NOTHING_HEARD = 1 << 30
"""The place of no event: after all places."""
Move = int
"""What a step answers: the index of the step to go to, STAY or END."""
Why = Literal["timer", "event", "condition", "session", "outcome", "task", "proposal"]
"""What woke a waiting run."""


class StepBase(Model, tag_field="kind", frozen=True, kw_only=True):
    """What every step has. ``next`` is the step that follows (default: the next written one, after the last
    ``exit``).
    """

    title: str = ""
    description: str = ""
    next: str | None = None

    def targets(self) -> Iterable[tuple[str, str]]:
        """Every (field, step id) this step may lead to besides the one after it."""
        return ()

    def asked(self) -> Iterable[tuple[str, Condition]]:
        """Conditions looked at when the run is here: (field, condition)."""
        return ()

    def watched(self) -> Iterable[tuple[str, Condition]]:
        """Conditions that end a wait here by becoming true: (field, condition)."""
        return ()

    def heard(self) -> Iterable[tuple[str, str | list[str], Condition | None]]:
        """Events that a run here waits for: (field, event names, where)."""
        return ()

    def follows(self) -> Iterable[str]:
        """Names of the subject whose every change a run that waits here looks at."""
        return ()

    def follows_zone(self) -> bool:
        """Whether a run that waits here looks at every change of its time zone."""
        return False

    def reads(self) -> Iterable[str]:
        """Properties of the event that started the run which are needed here, besides those in
        conditions.
        """
        return ()

    def expand(
        self, step_id: str, following: str, bank: Mapping[str, Action] | None = None
    ) -> dict[str, StepBase]:
        """The steps that this one stands for (a block writes itself out); `following` comes after it, `bank`
        are the workspace's actions.
        """
        return {step_id: self}

    def falls_through(self) -> bool:
        """Whether the run can go on to the step after this one."""
        return True

    def waits(self) -> bool:
        """Whether a run always takes time here, so that a loop through this step is no endless one."""
        return False

    def audit(self, at: StepFields) -> None:
        """Reports what is wrong with this kind's own fields. Targets, conditions (`asked`, `watched`)
        and events (`heard`) are looked at for every kind alike.
        """


class Logic:
    """A compiled step. Subclasses override `enter`, and `wake` when they may stay."""

    def __init__(self, model: Any, site: Site) -> None:
        self.model = model
        self.site = site
        self.following = site.target(model.next)

    def enter(self, run: Run) -> Move:
        """The run comes to the step."""
        return self.following

    def wake(self, run: Run, why: Why) -> Move:
        """The run's timer fired, or what it waited for happened."""
        return self.following

    def decide(self, run: Run) -> Move:
        """Decides what the run proposed; called once for each proposal, in the order of the law."""
        raise AssertionError("a step that proposes decides")

    def changed(self, run: Run, passed: int) -> Move:
        """Something that conditions here read has changed: STAY, or where to go. An event of the same
        operation is the one at place `passed` among those `heard`; what is written after it comes too late.
        """
        return STAY

    def holds(self, run: Run, place: int) -> bool:
        """Whether the condition of a wait path is true now: place counts the step's `watched`
        conditions.
        """
        return False

    def heard(self, run: Run, place: int) -> Move:
        """An event the run waits for came: place counts the step's `heard` events. STAY goes on waiting."""
        run.heard = place
        return self.wake(run, "event")

    def thawed(self, run: Run, due: int, still: int) -> int:
        """When a timer falls due whose clock has stood still for so many ms: what was left of it is left."""
        return due + still

    def alive(self, run: Run) -> bool:
        """Whether a run that stays here without a timer can still be woken."""
        return False


@dataclass(frozen=True, slots=True)
class StepKind:
    """A kind of step: its tag in YAML, its model, its logic and the name people see."""

    model: type[StepBase]
    logic: type[Logic]
    title: str

    @property
    def tag(self) -> str:
        """The word in ``kind:``."""
        return str(self.model.__struct_config__.tag)
