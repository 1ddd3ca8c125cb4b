"""What a step kind is: a model (what authors write), and logic (what a run does there). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from ...workspace.base import Condition, Model

STAY = -1
"""The run stays at its step: it waits for a time, an event, a condition, an outcome or a person."""
END = -2
"""The run ends (the target `exit`)."""
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

    def falls_through(self) -> bool:
        """Whether the run can go on to the step after this one."""
        return True

    def waits(self) -> bool:
        """Whether a run always takes time here, so that a loop through this step is no endless one."""
        return False


class Run(Protocol):
    """What a step's logic may know and do about the run at hand. Times are ms UTC, rows are of the
    subject's table.
    """

    t: int
    """Engine time."""
    row: int
    """The subject's row."""
    person: int
    """The person's row (of an entity its person; 0 for an account)."""
    since: int
    """When the run came to this step."""
    due: int
    """When its timer fires; NEVER without one."""
    mark: int
    """One integer of the step's own, 0 when the run comes to the step."""
    ghost: bool
    key: str
    end_reason: str
    """Why the run ends when a step answers END; `completed` unless a step says otherwise."""
    heard: int
    """Of a wake by an event, condition or outcome: the place of what matched, in the order the
    step gives.
    """

    @property
    def id(self) -> str: ...
    @property
    def visit(self) -> int: ...
    @property
    def trigger_seq(self) -> int: ...
    def until(self, due: int) -> Move:
        """Sets the run's timer and answers STAY."""
        ...

    def tell(self, kind: str, name: str, /, **data: Any) -> None:
        """An effect about this run: `kind`, `name` is the journey, `data` begins with run, step
        and visit.
        """
        ...

    def property(self, name: str) -> Any:
        """A property of the event that started the run; None without it."""
        ...

    def reach(self, goal: str, value: float | None) -> None:
        """Counts a goal of the journey, once a run."""
        ...

    def zone(self) -> tuple[str, str]:
        """The time zone for this run and where it comes from (person, account, inferred, workspace)."""
        ...


class Site(Protocol):
    """What a step's logic may ask while it is compiled."""

    journey: str
    step: str
    index: int

    def target(self, step: str | None) -> Move:
        """The index of a step id; None is the step after this one; `exit` is END."""
        ...

    def asks(self, condition: Condition) -> Callable[[Any], bool]:
        """A function that says whether a condition is true for the run at hand (unknown is not)."""
        ...

    def asks_unknown(self, condition: Condition) -> Callable[[Any], bool]:
        """A function that says whether a condition is unknown for the run at hand."""
        ...

    def workspace(self) -> Any: ...

    def service(self, name: str) -> Any:
        """Something shared by all steps: `messages`, `tasks`, `traits`, `journeys`."""
        ...


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

    def holds_at(self, run: Run) -> bool:
        """Whether the run is here only for a time (a timer): used by reports."""
        return True


@dataclass(frozen=True, slots=True)
class StepKind:
    """A kind of step: its tag in YAML, its model, its logic and the name people see."""

    model: type[StepBase]
    logic: type[Logic]
    title: str
    changes: ClassVar[tuple[str, ...]] = ()

    @property
    def tag(self) -> str:
        """The word in ``kind:``."""
        return str(self.model.__struct_config__.tag)
