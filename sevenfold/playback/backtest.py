"""One journey over recorded history: who would have entered, what would have been said, how it would have
ended; and what another version of it would have done differently to the same people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from sevenfold.effects import MERGED, Effect
from sevenfold.engine import Fold
from sevenfold.engine.controls import ControlError
from sevenfold.errors import InputError
from sevenfold.limits import ACCOUNT_TICK_MS
from sevenfold.playback.comparing import Run, Said
from sevenfold.playback.delivery import Delivering, folding
from sevenfold.playback.feed import Intaken
from sevenfold.playback.history import History
from sevenfold.playback.run import Progress, Silent, few_collections
from sevenfold.playback.runs import JourneyCounts
from sevenfold.playback.summary import JourneySummary
from sevenfold.playback.tables import iso
from sevenfold.workspace import models as m
from sevenfold.workspace.problems import likely

_OF_VERSIONS: Final = frozenset({"publish", "pause", "resume", "archive"})
_WEEK_MS: Final = 7 * 86_400_000


class Backtest(Struct):
    """What one version of a journey did. `events` were folded; `runs` are in order of entry."""

    workspace: str
    journey: str
    summary: JourneySummary
    runs: list[Run]
    events: int
    first: int
    last: int

    @property
    def messages(self) -> list[Said]:
        """Every message decided, in order of time."""
        return sorted((s for r in self.runs for s in r.said if s.what == "decided"), key=lambda one: one.time)

    def busiest_day(self) -> tuple[int, int]:
        """(day number, messages) of the day with most messages; (0, 0) without any."""
        days = Counter(one.time // 86_400_000 for one in self.messages)
        return max(days.items(), key=lambda pair: (pair[1], -pair[0]), default=(0, 0))

    def most_in_a_week(self) -> int:
        """The most messages of this journey that one subject got in any seven days."""
        most = 0
        times: dict[str, list[int]] = {}
        for run in self.runs:
            times.setdefault(run.subject, []).extend(s.time for s in run.said if s.what == "decided")
        for held in times.values():
            held.sort()
            start = 0
            for place, at in enumerate(held):
                while held[start] <= at - _WEEK_MS:
                    start += 1
                most = max(most, place - start + 1)
        return most

    def to_json(self) -> dict[str, Any]:
        """The back-test for programs, every run included."""
        day, count = self.busiest_day()
        return {
            "workspace": self.workspace, "journey": self.journey, "events": self.events,
            "from": iso(self.first), "to": iso(self.last), "summary": self.summary,
            "busiest_day": {"day": iso(day * 86_400_000)[:10], "messages": count} if count else None,
            "most_in_a_week": self.most_in_a_week(), "runs": [run.to_json() for run in self.runs],
        }  # fmt: skip


def backtest(
    workspace: m.Workspace,
    journey: str,
    past: History,
    *,
    since: int | None = None,
    until: int | None = None,
    delivering: Delivering | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Folds history with all of the workspace's journeys and keeps what one of them did.

    Runs that begin before `since` (ms UTC) are left out, time stops at `until`. Outcomes that the log holds
    count; messages that were not sent live are sent in virtual time. Raises InputError for an unknown
    journey.
    """
    model = known(workspace, journey)
    progress = progress or Silent()
    options = msgspec.structs.replace(delivering or Delivering(), recorded=past.recorded)
    fold = folding(workspace, options)
    gathered = _Gathered(journey, since)
    counts = Intaken()
    first = last = 0
    with few_collections():
        for step in past.steps(until, counts):
            events = step.events if until is None else [one for one in step.events if one[0] <= until]
            if step.control is not None:
                effects = _control(fold, step.time, step.control)
            else:
                effects = fold.events(events) if events else fold.advance(min(step.time, until or step.time))
            if events:
                first, last = first or events[0][0], events[-1][0]
            gathered.take(effects)
            progress.folded(len(events), step.time)
        end = (fold.t // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS if until is None else max(until, fold.t)
        gathered.take(fold.advance(end))
    runs = list(gathered.runs.values())
    summary = gathered.summary(fold, model)
    _name(fold, model.of, runs)
    begin, stop = since or first, until or last
    return Backtest(workspace.name, journey, summary, runs, counts.taken, begin, stop)


def known(workspace: m.Workspace, journey: str) -> m.Journey:
    """A journey of a workspace by name. Raises InputError."""
    found = workspace.journeys.get(journey)
    if found is None:
        names = list(workspace.journeys)
        fix = likely(journey, names) or f"there are {', '.join(names) or 'none'}"
        raise InputError(f"There is no journey `{journey}`", where=workspace.name, fix=fix)
    return found


def _control(fold: Fold, t: int, record: dict[str, Any]) -> list[Effect]:
    """Folds a control record of the history. What was done to the journeys of then is left out, and so is
    what makes no sense to the workspace of now.
    """
    if record.get("op") in _OF_VERSIONS:
        return fold.advance(t)
    try:
        return fold.control(t, record)
    except ControlError:
        return fold.advance(t)


class _Gathered:
    """The runs of one journey, from effects as they come."""

    def __init__(self, journey: str, since: int | None) -> None:
        self.journey, self.since = journey, since or 0
        self.runs: dict[str, Run] = {}
        self.became: dict[str, str] = {}
        self.counts = JourneyCounts(journey)

    def take(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if effect.kind == MERGED:
                self.became[str(effect.data["loser"])] = effect.subject
            if effect.name == self.journey:
                self._take(effect)
            elif effect.data.get("journey") == self.journey and effect.kind.startswith("task"):
                self.counts.task(effect.name, effect.kind)
                self._of(effect)

    def _of(self, effect: Effect) -> Run | None:
        run = self.runs.get(str(effect.data.get("run", "")))
        if run is not None:
            run.effects.append(effect)
        return run

    def _take(self, effect: Effect) -> None:
        kind, data = effect.kind, effect.data
        if kind == "refused":
            if effect.time >= self.since:
                self.counts.take(effect)
            return
        if kind == "run":
            if effect.time < self.since:
                return
            ident = str(data["run"])
            ghost = str(data.get("ghost") or "")
            self.runs[ident] = Run(
                ident,
                effect.subject,
                str(data.get("key") or ""),
                effect.time,
                str(data.get("trigger", "")),
                ghost,
            )
        run = self._of(effect)
        if run is None:
            return
        self.counts.take(effect)
        if kind == "step":
            run.steps.append((data["step"], str(data.get("outcome", ""))))
        elif kind in _SAID:
            template = str(data.get("template") or data.get("channel") or "a call")
            reason = str(data.get("reason") or "")
            run.said.append(Said(effect.time, data["step"], template, _SAID[kind], reason))
        elif kind == "goal":
            run.goals.append(str(data["goal"]))
        elif kind == "ended":
            run.ended, run.reason = effect.time, str(data["reason"])

    def summary(self, fold: Fold, model: m.Journey) -> JourneySummary:
        journeys = fold.journeys
        still: Counter[tuple[str, bool]] = Counter()
        steps: dict[str, tuple[str, str]] = {}
        passed: dict[str, int] = {}
        if journeys is not None:
            for slot in journeys.runs.active():
                here = journeys.view.at(slot)
                if here.id in self.runs:
                    still[here.step, here.visit == 1] += 1
            plan = journeys.plans[journeys.current[self.journey]]
            for step, each in zip(plan.ids, plan.models, strict=True):
                steps[step] = (str(each.__struct_config__.tag), each.title)
            if not self.since:
                counted = journeys.entries.counted.get(self.journey, {})
                passed = {name: n for name, n in counted.items() if name in ("audience", "again")}
        for run in self.runs.values():
            while run.subject in self.became:
                run.subject = self.became[run.subject]
        return self.counts.summary(model, steps, still, passed)


_SAID: Final = {
    "message": "decided", "webhook": "decided", "would_send": "would_send", "would_call": "would_send",
    "held": "held", "deferred": "deferred",
}  # fmt: skip


def _name(fold: Fold, of: str, runs: Sequence[Run]) -> None:
    """Puts to each run what its subject is known by."""
    wanted = {run.subject for run in runs}
    unit = fold._unit(of)
    names: dict[str, str] = {}
    for row in range(1, unit.table.rows):
        subject = fold.id_of(unit, row)
        if subject in wanted:
            held = fold._identifiers(of, row)
            names[subject] = next((str(one) for values in held.values() for one in values), subject)
    for run in runs:
        run.who = names.get(run.subject, run.subject)


__all__ = ["Backtest", "Run", "Said", "backtest", "known"]
