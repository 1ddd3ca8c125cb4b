"""The services of the journeys' runtime for people and many at once, and the journeys that they bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import broadcast_plan, playbooks, standing
from .broadcasts import Broadcasts
from .choices import Choices
from .offers import Offers
from .plan import Journey
from .playbooks import Playbooks
from .saves import Saves
from .serving import Service
from .tasks import Tasks

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..workspace.models import Workspace
    from .runtime import Journeys


def needed(workspace: Workspace) -> bool:
    """Whether a workspace has something to do for these services even without journeys."""
    return bool(workspace.saves or workspace.tasks or workspace.playbooks or workspace.broadcasts)


def journeys_made(workspace: Workspace) -> dict[str, Journey]:
    """Journeys that broadcasts, playbooks' messages and accepted actions are, by name; published beside the
    written ones.
    """
    found = broadcast_plan.journeys_of(workspace.broadcasts) | playbooks.journeys_of(workspace.playbooks)
    return found | standing.journeys_of(workspace.actions)


def services_of(fold: Fold, runtime: Journeys) -> dict[str, Service]:
    """One of each, in the order in which they are told things."""
    tasks = Tasks(fold, runtime)
    return {
        "saves": Saves(fold, runtime),
        "tasks": tasks,
        "playbooks": Playbooks(fold, runtime, tasks),
        "offers": Offers(fold, runtime),
        "broadcasts": Broadcasts(fold, runtime),
        "choices": Choices(fold, runtime),
    }


__all__ = ["journeys_made", "needed", "services_of"]
