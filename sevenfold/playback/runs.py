"""What a replay counts of journeys as it goes: who came how far, how long it took, what was said and what was
held.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from statistics import median_low
from typing import Any, Final

from msgspec import Struct, field

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.playback.summary import GoalSummary, JourneySummary, MessageSummary, StepSummary
from sevenfold.workspace import models as m

DAY_MS: Final = 86_400_000
_CALL: Final = "(call)"


class _At(Struct, gc=False):
    """Where an active run stands: since when, and the step (with its visit) that it has left last."""

    since: int
    left: str = ""
    visit: int = 0
    ghost: bool = False


class _Step(Struct):
    reached: int = 0
    visits: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    stays: array[int] = field(default_factory=lambda: array("q"))


class _Messages(Struct):
    decided: int = 0
    would_send: int = 0
    held: Counter[str] = field(default_factory=Counter)
    deferred: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


class _Goal(Struct):
    reached: int = 0
    ghosts: int = 0
    value: float = 0.0
    after: array[int] = field(default_factory=lambda: array("q"))


class JourneyCounts:
    """One journey. Times are ms UTC."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries = self.ghosts = 0
        self.subjects: set[int] = set()
        self.triggers: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.lasted = array("q")
        self.daily: Counter[int] = Counter()
        self.steps: dict[str, _Step] = {}
        self.messages: dict[tuple[str, str], _Messages] = {}
        self.goals: dict[str, _Goal] = {}
        self.tasks: dict[str, Counter[str]] = {}
        self._at: dict[str, _At] = {}
        self._takes: dict[str, Callable[[Effect], None]] = {
            "run": self._run, "refused": self._refused, "step": self._step, "ended": self._ended,
            "goal": self._goal, "message": self._message, "would_send": self._message, "held": self._message,
            "deferred": self._message, "outcome": self._message, "webhook": self._message,
            "would_call": self._message,
        }  # fmt: skip

    def take(self, effect: Effect) -> None:
        """One effect of this journey."""
        take = self._takes.get(effect.kind)
        if take is not None:
            take(effect)

    def _run(self, effect: Effect) -> None:
        data = effect.data
        self.entries += 1
        self.subjects.add(int(effect.subject, 16))
        self.ghosts += "ghost" in data
        self.triggers[str(data.get("trigger", ""))] += 1
        self.daily[effect.time // DAY_MS] += 1
        self._at[data["run"]] = _At(effect.time, ghost="ghost" in data)

    def _refused(self, effect: Effect) -> None:
        self.refused[str(effect.data["reason"])] += 1

    def _of_step(self, step: str) -> _Step:
        found = self.steps.get(step)
        if found is None:
            found = self.steps[step] = _Step()
        return found

    def _step(self, effect: Effect) -> None:
        data = effect.data
        counts = self._of_step(data["step"])
        counts.visits += 1
        counts.reached += data["visit"] == 1
        counts.outcomes[str(data.get("outcome", ""))] += 1
        at = self._at.get(data["run"])
        if at is not None:
            counts.stays.append(effect.time - at.since)
            at.since, at.left, at.visit = effect.time, data["step"], data["visit"]

    def _ended(self, effect: Effect) -> None:
        data = effect.data
        reason = str(data["reason"])
        self.ended[reason] += 1
        self.lasted.append(int(data["after"]))
        at = self._at.pop(data["run"], None)
        if at is not None and (at.left, at.visit) != (data["step"], data["visit"]):
            # It ended while it was here: the step said nothing of its own.
            counts = self._of_step(data["step"])
            counts.visits += 1
            counts.reached += data["visit"] == 1
            counts.exits[reason] += 1

    def _goal(self, effect: Effect) -> None:
        data = effect.data
        counts = self.goals.setdefault(str(data["goal"]), _Goal())
        counts.reached += 1
        counts.after.append(int(data["after"]))
        if data.get("ghost"):
            counts.ghosts += 1
        elif isinstance(data.get("value"), int | float):
            counts.value += data["value"]

    def _message(self, effect: Effect) -> None:
        data, kind = effect.data, effect.kind
        key = (str(data.get("template") or _CALL), str(data.get("channel") or ""))
        counts = self.messages.get(key)
        if counts is None:
            counts = self.messages[key] = _Messages()
        if kind in ("message", "webhook"):
            counts.decided += 1
        elif kind in ("would_send", "would_call"):
            counts.would_send += 1
        elif kind == "held":
            counts.held[str(data["reason"])] += 1
        elif kind == "deferred":
            counts.deferred[str(data["reason"])] += 1
        else:
            counts.outcomes[str(data["outcome"])] += 1

    def task(self, kind: str, change: str) -> None:
        """Something about a task of this journey."""
        self.tasks.setdefault(kind, Counter())[change] += 1

    def summary(
        self,
        model: m.Journey,
        steps: dict[str, tuple[str, str]],
        still: Counter[tuple[str, bool]],
        passed: dict[str, int],
    ) -> JourneySummary:
        """The totals. `steps` are the written ones (kind, title) in order, `still` active runs by (step,
        whether at its first visit), `passed` entries that were only counted.
        """
        found = []
        for step in [*steps, *(one for one in self.steps if one not in steps)]:
            counts = self.steps.get(step) or _Step()
            here, first = still[step, True] + still[step, False], still[step, True]
            kind, title = steps.get(step, ("", ""))
            found.append(
                StepSummary(
                    id=step, kind=kind, title=title, reached=counts.reached + first,
                    visits=counts.visits + here, outcomes=_sorted(counts.outcomes),
                    exits=_sorted(counts.exits), still=here, median_ms=_median(counts.stays),
                )
            )  # fmt: skip
        messages = [
            MessageSummary(
                template=template, channel=channel, decided=one.decided, would_send=one.would_send,
                held=_sorted(one.held), deferred=_sorted(one.deferred), outcomes=_sorted(one.outcomes),
            )
            for (template, channel), one in self.messages.items()
        ]  # fmt: skip
        goals = [
            GoalSummary(
                name=name, reached=one.reached, ghosts=one.ghosts, value=one.value,
                median_ms=_median(one.after),
            )
            for name, one in self.goals.items()
        ]  # fmt: skip
        return JourneySummary(
            name=self.name, of=model.of, title=model.title, entries=self.entries, people=len(self.subjects),
            ghosts=self.ghosts, triggers=_sorted(self.triggers),
            refused=_sorted(self.refused | Counter(passed)), active=sum(still.values()),
            ended=_sorted(self.ended), median_ms=_median(self.lasted), steps=found, messages=messages,
            goals=goals, tasks={kind: _sorted(one) for kind, one in self.tasks.items()},
            daily=dict(sorted(self.daily.items())),
        )  # fmt: skip


class JourneyStatistics:
    """Every journey of a replay, by name."""

    def __init__(self, workspace: m.Workspace) -> None:
        self.workspace = workspace
        self.counts: dict[str, JourneyCounts] = {name: JourneyCounts(name) for name in workspace.journeys}

    def take(self, effect: Effect) -> None:
        """An effect that is no lifecycle's, score's or segment's."""
        counts = self.counts.get(effect.name)
        if counts is None and effect.kind == "run":
            # A broadcast or a playbook writes its messages as a journey of its own.
            counts = self.counts[effect.name] = JourneyCounts(effect.name)
        if counts is not None:
            counts.take(effect)
        elif effect.kind == "would_task" or effect.kind.startswith("task"):
            self._task(effect)
        if effect.kind == "would_task" and counts is not None:
            counts.task(str(effect.data.get("task", "")), "would_task")

    def _task(self, effect: Effect) -> None:
        of_journey = self.counts.get(str(effect.data.get("journey", "")))
        if of_journey is not None:
            change = {"task": "opened", "task_joined": "joined"}.get(effect.kind, effect.kind)
            of_journey.task(effect.name, change)

    def summaries(self, fold: Fold) -> list[JourneySummary]:
        """Each published journey as the fold stands now, those with most entries first."""
        journeys = fold.journeys
        if journeys is None:
            return []
        still: dict[str, Counter[tuple[str, bool]]] = {}
        for slot in journeys.runs.active():
            plan = journeys.plans[journeys.runs.plan[slot]]
            step = plan.ids[journeys.runs.step[slot]]
            still.setdefault(plan.name, Counter())[step, journeys.runs.visit[slot] == 1] += 1
        found = []
        for name, counts in self.counts.items():
            place = journeys.current.get(name)
            if place is None:
                continue
            plan = journeys.plans[place]
            steps = {
                step: (str(model.__struct_config__.tag), model.title)
                for step, model in zip(plan.ids, plan.models, strict=True)
            }
            passed = {
                reason: count
                for reason, count in journeys.entries.counted.get(name, {}).items()
                if reason in ("audience", "again")
            }
            found.append(counts.summary(plan.model, steps, still.get(name, Counter()), passed))
        return sorted(found, key=lambda one: -one.entries)


def _median(values: array[int]) -> int | None:
    return median_low(values) if values else None


def _sorted(counts: Counter[Any]) -> dict[Any, int]:
    return dict(counts.most_common())


__all__ = ["JourneyCounts", "JourneyStatistics"]
