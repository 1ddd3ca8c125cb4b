"""Events that tell what people did: ``$task OUTCOME KIND``, ``$saved SAVE`` and ``$save_lost SAVE``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .problems import likely

if TYPE_CHECKING:
    from .models import Workspace

TASK = "$task"
SAVES = ("$saved", "$save_lost")


class Fault(NamedTuple):
    """What is wrong with such a name, and the likely fix."""

    code: str
    message: str
    fix: str


def is_work_event(event: str) -> bool:
    """Whether a name is one of these."""
    return event.partition(" ")[0] in (TASK, *SAVES)


def fault_of(event: str, workspace: Workspace, of: str) -> Fault | None:
    """What is wrong with such a name for signals of a kind of subject; None when nothing is."""
    word, _, rest = event.partition(" ")
    if word in SAVES:
        save = workspace.saves.get(rest)
        if save is None:
            return Fault("unknown_name", f"unknown save `{rest}`", likely(rest, workspace.saves))
        return _other_subject(save.of, of)
    outcome, _, name = rest.partition(" ")
    kind = workspace.tasks.get(name)
    if kind is None:
        return Fault("unknown_name", f"unknown kind of task `{name}`", likely(name, workspace.tasks))
    if outcome not in kind.outcomes:
        fix = f"one of {', '.join(kind.outcomes)}"
        return Fault("unknown_name", f"a task `{name}` has no outcome `{outcome}`", fix)
    return _other_subject(kind.of, of)


def _other_subject(told: str, of: str) -> Fault | None:
    return None if told == of else Fault("wrong_subject", f"it is told of {told}", f"say `of: {told}`")


__all__ = ["Fault", "fault_of", "is_work_event"]
