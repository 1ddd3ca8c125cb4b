"""What a replay counts as it goes: who stands where on each day, who moved and why, how long they stayed,
how scores spread. Bounded by subjects, stages and days, whatever the number of events.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sevenfold import effects as e
from sevenfold.playback.runs import JourneyStatistics
from sevenfold.playback.summary import LifecycleSummary, Move, Reason, ScoreDay, ScoreSummary, StageSummary
from sevenfold.workspace import models as m

DAY_MS = 86_400_000
_OF_SUBJECTS = frozenset({e.CREATED, e.UNMERGED, e.BAND, e.JUMP, e.VELOCITY, e.OVERFLOW})
Values = npt.NDArray[Any]


class StageCounts:
    """One lifecycle: positions of subjects, and totals over stages. Times are ms UTC."""

    def __init__(self, label: str, model: m.Lifecycle) -> None:
        self.label = label
        self.model = model
        self.stages = [stage.name for stage in model.stages]
        self._at: dict[str, tuple[int, int]] = {}
        self._reached: dict[str, int] = {}
        self.now = [0] * len(self.stages)
        self.moves: Counter[tuple[int, int]] = Counter()
        self._reasons: dict[tuple[int, int], Counter[tuple[str, str]]] = {}
        self._left = [array("q") for _ in self.stages]
        self._censored = [array("q") for _ in self.stages]
        self.days: list[int] = []
        self.daily: list[list[int]] = []

    def move(self, effect: e.Effect) -> None:
        """A stage effect."""
        data, subject = effect.data, effect.subject
        self._leave(subject, effect.time, self._left)
        new = self._place(data["to"])
        old = self._place(data["from"])
        if new >= 0:
            self._at[subject] = (new, effect.time)
            self.now[new] += 1
            self._reached[subject] = self._reached.get(subject, 0) | 1 << new
        if old >= 0:
            self.moves[old, new] += 1
            why = data.get("why") or {}
            cause = why.get("cause") or {}
            reason = (str(why.get("rule", "")), cause_text(cause))
            self._reasons.setdefault((old, new), Counter())[reason] += 1

    def merge(self, winner: str, loser: str, time: int) -> None:
        """Two people were one: the one who goes is counted no longer, what both reached counts once."""
        self._leave(loser, time, self._censored)
        mask = self._reached.pop(loser, 0)
        if mask:
            self._reached[winner] = self._reached.get(winner, 0) | mask

    def _leave(self, subject: str, time: int, into: list[array[int]]) -> None:
        at = self._at.pop(subject, None)
        if at is not None:
            stage, since = at
            self.now[stage] -= 1
            into[stage].append(time - since)

    def _place(self, stage: str | None) -> int:
        return -1 if stage is None else self.stages.index(stage)

    def close_day(self, day: int) -> None:
        """Keeps where everybody stands at the end of a day (its number from 1970-01-01)."""
        self.days.append(day)
        self.daily.append(list(self.now))

    def summary(self, end: int) -> LifecycleSummary:
        """The totals as of `end`."""
        still = [array("q", one) for one in self._censored]
        for stage, since in self._at.values():
            still[stage].append(end - since)
        reached = [0] * len(self.stages)
        for mask in self._reached.values():
            for place in range(len(self.stages)):
                reached[place] += mask >> place & 1
        subjects = len(self._at)
        stages = []
        for place, name in enumerate(self.stages):
            left = np.frombuffer(self._left[place], dtype=np.int64)
            open_ = np.frombuffer(still[place], dtype=np.int64)
            low, median, high = stay_quantiles(left, open_, (0.25, 0.5, 0.75))
            longest = max(int(left.max()) if len(left) else 0, int(open_.max()) if len(open_) else 0)
            stages.append(
                StageSummary(
                    name, self.now[place], self.now[place] / subjects if subjects else 0.0, reached[place],
                    len(left), len(open_), low, median, high, longest / DAY_MS,
                )
            )  # fmt: skip
        moves = [
            Move(self.stages[a], self.stages[b] if b >= 0 else None, count, self._reason_list(a, b))
            for (a, b), count in sorted(self.moves.items(), key=lambda pair: -pair[1])
        ]
        return LifecycleSummary(
            self.label, self.model.of, subjects, len(self._reached), stages, moves, self.days, self.daily
        )

    def _reason_list(self, a: int, b: int) -> list[Reason]:
        return [Reason(rule, cause, count) for (rule, cause), count in self._reasons[a, b].most_common(5)]


def cause_text(cause: dict[str, Any]) -> str:
    """What set a change off, in words: `Signed In`, `time passing (logins_7d)`, `the account`."""
    kind, name = str(cause.get("kind", "")), str(cause.get("name", ""))
    if kind in ("expiry", "timer"):
        # The owner of a window or timer is the subject's kind and the signal.
        return f"time passing ({name.partition('.')[2] or name})"
    if kind == "page" or kind == "screen":
        return f"{kind} {name}".strip()
    if kind == "track":
        return name
    if kind == "prediction":
        return f"the prediction {name}"
    return {"tick": "account figures", "account": "the account", "day close": "the day's close"}.get(
        kind, kind
    )


def stay_quantiles(left: Values, still: Values, quantiles: tuple[float, ...]) -> list[float | None]:
    """Days after which the given parts of all stays have ended, by Kaplan and Meier (1958).

    `left` are stays in ms that ended, `still` those that had not ended when last seen. None where so few
    ended that the part was never reached. Without those still there, stages that hold people would look
    quick.
    """
    times = np.concatenate([left, still])
    if not len(times):
        return [None for _ in quantiles]
    ended = np.concatenate([np.ones(len(left)), np.zeros(len(still))])
    order = np.lexsort((-ended, times))
    times, ended = times[order], ended[order]
    at_risk = np.arange(len(times), 0, -1)
    staying = np.cumprod(1 - ended / at_risk)
    found: list[float | None] = []
    for part in quantiles:
        places = np.flatnonzero(staying <= 1 - part + 1e-12)
        found.append(float(times[places[0]]) / DAY_MS if len(places) else None)
    return found


class Statistics:
    """Everything counted of one replay."""

    def __init__(self, workspace: m.Workspace) -> None:
        self.workspace = workspace
        self.lifecycles = {k: StageCounts(k, v) for k, v in workspace.lifecycles.items()}
        self.scores: dict[str, list[ScoreDay]] = {k: [] for k in workspace.scores}
        self.journeys = JourneyStatistics(workspace)
        self.changes: Counter[str] = Counter()
        self.events_by_day: Counter[int] = Counter()
        self._day: int | None = None

    def take(self, effect: e.Effect) -> None:
        """One effect other than a segment's."""
        self.changes[effect.kind] += 1
        if effect.kind == e.STAGE:
            self.reach(effect.time)
            self.lifecycles[effect.name].move(effect)
        elif effect.kind == e.MERGED:
            self.reach(effect.time)
            for lifecycle in self.lifecycles.values():
                lifecycle.merge(effect.subject, str(effect.data["loser"]), effect.time)
        elif effect.kind not in _OF_SUBJECTS:
            self.journeys.take(effect)

    def reach(self, time: int) -> None:
        """Closes the UTC days before `time`."""
        day = time // DAY_MS
        if self._day is None:
            self._day = day
        while self._day < day:
            for lifecycle in self.lifecycles.values():
                lifecycle.close_day(self._day)
            self._day += 1

    def closed(self, label: str, t: int, values: Values, bands: Values) -> None:
        """A day's closing values of one score in points, and how many stand in each band (the first:
        unknown).
        """
        if not len(values):
            return
        low, median, high = np.percentile(values, (25, 50, 75)).tolist()
        self.scores[label].append(ScoreDay((t - 1) // DAY_MS, len(values), low, median, high, bands.tolist()))

    def lifecycle_summaries(self, end: int) -> list[LifecycleSummary]:
        """Each lifecycle as of `end`, those of people first."""
        self.reach(end)
        for lifecycle in self.lifecycles.values():
            lifecycle.close_day(end // DAY_MS)
        order = sorted(self.lifecycles.values(), key=lambda one: one.model.of != m.PERSON)
        return [one.summary(end) for one in order]

    def score_summaries(self, final: dict[str, tuple[Values, Values]]) -> list[ScoreSummary]:
        """Each score: its days, and how it stands at the end: values in points, subjects by band (first:
        unknown).
        """
        found = []
        for label, model in sorted(self.workspace.scores.items(), key=lambda pair: pair[1].of != m.PERSON):
            values, bands = final[label]
            counts, _ = np.histogram(values, bins=20, range=(0, 100))
            median = float(np.median(values)) if len(values) else None
            names = [band.name for band in model.bands]
            bounds = [float(band.from_) for band in model.bands]
            found.append(
                ScoreSummary(
                    label, model.of, names, bounds, bands.tolist(), counts.tolist(), median,
                    self.scores[label],
                )
            )  # fmt: skip
        return found
