"""The set-up's calendar: which phase comes when, and which is live."""

from __future__ import annotations

from typing import NamedTuple

from . import models
from .problems import Path, likely
from .report import Report


class Standing(NamedTuple):
    """How far a phase is: ``live`` are its journeys that are published, ``waiting`` those that are not."""

    name: str
    phase: models.Phase
    live: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def is_live(self) -> bool:
        """Whether all that belongs to it is at work."""
        return not self.waiting

    @property
    def when(self) -> str:
        """``weeks 1-4``, ``from week 13``."""
        first, *last = self.phase.weeks
        return f"weeks {first}-{last[0]}" if last else f"from week {first}"


def standings(workspace: models.Workspace) -> list[Standing]:
    """The phases in the order of their weeks, then as written."""
    found = []
    for name, phase in sorted(workspace.phases.items(), key=lambda item: item[1].weeks):
        states = {journey: workspace.journeys[journey].state for journey in phase.journeys}
        live = tuple(journey for journey, state in states.items() if state == "published")
        waiting = tuple(journey for journey, state in states.items() if state != "published")
        found.append(Standing(name, phase, live, waiting))
    return found


def in_week(workspace: models.Workspace, week: int) -> Standing | None:
    """The phase that the calendar has in a week, counted from 1; of several the one that began last."""
    begun = [one for one in standings(workspace) if one.phase.weeks[0] <= week]
    return next((one for one in reversed(begun) if _holds(one.phase.weeks, week)), None)


def _holds(weeks: list[int], week: int) -> bool:
    return len(weeks) == 1 or week <= weeks[1]


def check_phases(workspace: models.Workspace, report: Report) -> None:
    """Reports weeks that are no span, stages and journeys that do not exist, and journeys in two phases."""
    stages = {
        f"{name}/{stage.name}"
        for name, lifecycle in workspace.lifecycles.items()
        for stage in lifecycle.stages
    }
    first_in: dict[str, str] = {}
    for name, phase in workspace.phases.items():
        path: Path = ("phases", name)
        if not 1 <= len(phase.weeks) <= 2 or phase.weeks[0] < 1 or phase.weeks != sorted(phase.weeks):
            message = f"{phase.weeks} is no span of weeks"
            report.error(
                (*path, "weeks"), "wrong_value", message, "write `[1, 4]`, or `[13]` for from then on"
            )
        for index, stage in enumerate(phase.stages):
            if stage not in stages:
                message = f"there is no stage `{stage}`"
                report.error((*path, "stages", index), "unknown_name", message, likely(stage, sorted(stages)))
        for index, journey in enumerate(phase.journeys):
            where: Path = (*path, "journeys", index)
            if journey not in workspace.journeys:
                fix = likely(journey, sorted(workspace.journeys))
                report.error(where, "unknown_name", f"there is no journey `{journey}`", fix)
            elif first_in.setdefault(journey, name) != name:
                message = f"journey `{journey}` goes live in phase `{first_in[journey]}` already"
                report.error(where, "wrong_value", message, "leave it in one of them")
