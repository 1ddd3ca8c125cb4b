"""Did it change anything? Journeys, messages, splits and tasks against their ghosts."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.periods import DAY_MS, bounds, duration
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import comparing, crediting, exposures
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.comparing import WORTH, Compared, Pace
from sevenfold.measures.shared.exposures import Exposed
from sevenfold.measures.statistics import sequential
from sevenfold.measures.statistics.effect import Effect, effect_of
from sevenfold.measures.statistics.influence import winsorised
from sevenfold.measures.statistics.special import Floats

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

COMPARISONS_MAX = 400
"""Arms times metrics of one question."""


class Lift(Question, frozen=True, tag="lift"):
    """The effect of a `journey`, of a `message` (template) in it, of a `split` (its salt: journey/step) or of
    a `task` (its kind). When none is named: of `every` journey (message, split, task) that has a control.

    `metrics`: `goal`, `goal:NAME`, `revenue`, `orders`, `saved`, `stage:LIFECYCLE/STAGE` (entered),
    `late:EVENT` (in the second half of the time: still there), an event, or `A / B` for a ratio of two sums;
    counted `within` the first exposure. An event is yes or no, `count:EVENT` how often. The same in the time
    `before` narrows the interval (`adjusted`). `once`: this is the only look.
    """

    every: Literal["journey", "message", "split", "task"] = "journey"
    journey: str = ""
    message: str = ""
    split: str = ""
    task: str = ""
    metrics: tuple[str, ...] = ("goal", "revenue")
    control: str = ""
    within: str = "14d"
    before: str = "28d"
    since: str = ""
    until: str = ""
    currency: str = ""
    cluster: Literal["auto", "person", "account"] = "auto"
    adjusted: bool = True
    winsorise: float = 0.0
    once: bool = False
    level: float = 0.95
    worth: float = WORTH
    tuned: float = sequential.TUNED_UNITS

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.within, "within")
        duration(self.before, "before")
        if self.message and not self.journey:
            raise QuestionError("A message is one of a journey", where="journey", fix="name the journey too")
        if sum(map(bool, (self.split, self.task, self.journey))) > 1:
            raise QuestionError("Name one of journey, split and task", where="split")
        if not self.metrics:
            raise QuestionError("There is no metric", where="metrics", fix="such as goal or revenue")
        if not 0.5 <= self.level < 1 or not 0 <= self.winsorise < 0.5 or self.worth <= 0 or self.tuned <= 0:
            raise QuestionError(
                "level is 0.5 to 1, winsorise 0 to 0.5, worth and tuned above 0", where="level"
            )


class _Scope(msgspec.Struct, frozen=True):
    """One experiment: what it is called, its query, its name there, and the journey whose goals count."""

    label: str
    source: str
    name: str
    journey: str


def _scope(kind: str, journey: str, name: str) -> _Scope:
    """A message, split or kind of task."""
    if kind == "message":
        return _Scope(f"{journey}/{name}", exposures.MESSAGE, name, journey)
    return _Scope(name, exposures.SPLIT if kind == "split" else exposures.TASK, name, journey)


def _scopes(question: Lift, warehouse: Warehouse, start: int, end: int) -> list[_Scope]:
    if question.split:
        return [_scope("split", question.split.partition("/")[0], question.split)]
    if question.task:
        return [_scope("task", "", question.task)]
    if question.message:
        return [_scope("message", question.journey, question.message)]
    if question.every != "journey" and not question.journey:
        return [
            _scope(question.every, journey, name)
            for journey, name in exposures.every(warehouse, question.every, start, end)
        ]
    named = [question.journey] if question.journey else exposures.journeys_with_ghosts(warehouse, start, end)
    return [_Scope(name, exposures.HOLDOUT, name, name) for name in named]


@analysis("lift")
def lift(question: Lift, warehouse: Warehouse) -> Answer:
    """The effect of journeys, messages, splits and tasks, against ghosts who walked the same way.

    Everybody who came in counts from their first exposure, whether they were reached or not; for a message,
    everybody for whom it was decided, or would have been. Intervals hold at every look. They are adjusted by
    what units did before, allow for accounts that were assigned whole, leave out units that were in two arms,
    and units whose time `within` is not over. `false_discovery_rate` allows for all comparisons together.
    Beside the incremental effect stands what would be credited to the last message clicked or received.

    Tables: `effects`, `arms`, `credited`.
    """
    start, end = _period(question, warehouse)
    scopes = _scopes(question, warehouse, start, end)
    if len(scopes) * len(question.metrics) > COMPARISONS_MAX:
        raise QuestionError(f"More than {COMPARISONS_MAX} comparisons", where="metrics", fix="name a journey")
    compared: list[Compared] = []
    arms: list[dict[str, Any]] = []
    doubts: list[Doubt] = []
    credited: list[dict[str, Any]] = []
    pace = Pace((warehouse.through().time - start) / DAY_MS) if question.since else Pace()
    for scope in scopes:
        one = _Lifted(question, warehouse, scope, start, end)
        compared += one.compared
        arms += one.arms
        doubts += one.doubts
        credited += one.credited
        pace = Pace(max(pace.days, one.days))
    effects = comparing.effects_table(compared, once=question.once, worth=question.worth, pace=pace)
    rows = effects.to_pylist()
    sentence = " ".join(row["sentence"] for row in rows[:3])
    if not compared:
        doubts.append(Doubt(Caveat.NO_CONTROL))
        sentence = "Nobody was held out, so what would have happened anyway is not known."
    return Answer(
        question=question, sentence=sentence,
        estimates=comparing.estimates(compared, once=question.once, level=question.level) + tuple(
            Estimate(f"incremental:{row['metric']}:{row['arm']}", row["incremental"], row["incremental_low"],
                     row["incremental_high"], row["n"], question.level)
            for row in credited
        ),
        tables={"effects": effects, "arms": as_table(arms), "credited": as_table(credited)},
        caveats=(*doubts, *comparing.doubts(compared, once=question.once)),
    )  # fmt: skip


def _period(question: Lift, warehouse: Warehouse) -> tuple[int, int]:
    start, end = bounds(question.since, question.until)
    return start or 0, end if end is not None else warehouse.through().time + 1


class _Lifted:
    """One experiment of the question, compared on every metric."""

    def __init__(self, question: Lift, warehouse: Warehouse, scope: _Scope, start: int, end: int) -> None:
        self.question, self.warehouse, self.scope = question, warehouse, scope
        self.compared: list[Compared] = []
        self.arms: list[dict[str, Any]] = []
        self.doubts: list[Doubt] = []
        self.credited: list[dict[str, Any]] = []
        units = exposures.exposed(
            warehouse, scope.source, name=scope.name, start=start, end=end, journey=scope.journey
        )
        now = warehouse.through().time
        self.days = (now - int(units.first.min())) / DAY_MS if len(units.first) else 0.0
        self._sizes(units)
        units = self._complete(self._clean(units), now)
        if len(units.arms) < 2 or len(np.unique(units.arm)) < 2:
            self.doubts.append(Doubt(Caveat.NO_CONTROL, f"In {scope.label}."))
            return
        self._compare(units)

    def _sizes(self, units: Exposed) -> None:
        """Arms as they were assigned, against what was planned."""
        planned = {}
        for code, arm in enumerate(units.arms):
            mine = units.arm == code
            known = units.probability[mine & np.isfinite(units.probability)]
            probability = float(known.mean()) if len(known) else None
            if probability is not None:
                planned[arm] = probability
            self.arms.append(
                {"scope": self.scope.label, "arm": arm, "n": int(mine.sum()), "planned": probability}
            )
        counts = {row["arm"]: row["n"] for row in self.arms}
        if len(planned) == len(counts):
            doubt = comparing.ratio_doubt(counts, planned, once=self.question.once)
            if doubt is not None:
                self.doubts.append(doubt)

    def _clean(self, units: Exposed) -> Exposed:
        dirty = np.isin(units.unit, exposures.contaminated(self.warehouse, self.scope.journey))
        if units.mixed or dirty.any():
            text = f"{units.mixed + int(dirty.sum()):,} in {self.scope.label}."
            self.doubts.append(Doubt(Caveat.CONTAMINATED_LEFT_OUT, text))
        return units.take(~dirty)

    def _complete(self, units: Exposed, now: int) -> Exposed:
        over = units.first + duration(self.question.within, "within") <= now
        if not over.all():
            text = (
                f"{int((~over).sum()):,} in {self.scope.label} came in less than {self.question.within} ago."
            )
            self.doubts.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, text))
        return units.take(over)

    def _compare(self, units: Exposed) -> None:
        base = comparing.control_of(units.arms, self.question.control)
        clusters = exposures.clusters_of(units, self.question.cluster)
        for metric in self.question.metrics:
            values, below, before = self._values(units, metric)
            for code, arm in enumerate(units.arms):
                if arm == base:
                    continue
                rows = (units.arm == code) | (units.arm == units.arms.index(base))
                effect = effect_of(
                    values[rows], units.arm[rows] == code,
                    denominators=below[rows] if below is not None else None,
                    covariates=before[rows] if self.question.adjusted else None,
                    clusters=_numbered(clusters[rows]) if clusters is not None else None,
                    level=self.question.level, tuned=self.question.tuned,
                )  # fmt: skip
                name, control = self._named(arm, base)
                self.compared.append(Compared(metric, name, control, effect))
                self._credit(units, code, metric, name, effect, below is not None)

    def _named(self, arm: str, base: str) -> tuple[str, str]:
        """What the arm and its control are called in the answer."""
        if self.scope.source != exposures.SPLIT:
            return self.scope.label, f"its {'ghosts' if base == 'control' else base}"
        before = "" if self.question.split else f"{self.scope.label} "
        return f"{before}{arm}", f"{before}{base}"

    def _values(self, units: Exposed, metric: str) -> tuple[Floats, Floats | None, Floats]:
        """(values, denominators, covariates) of a metric."""
        top, slash, bottom = metric.partition(" / ")
        after, before = self._around(units, top)
        if not slash:
            return winsorised(after, self.question.winsorise), None, before[:, None]
        below, below_before = self._around(units, bottom)
        return after, below, np.stack([before, below_before], axis=1)

    def _around(self, units: Exposed, metric: str) -> tuple[Floats, Floats]:
        often = metric.startswith("count:")
        after, before = exposures.around(
            self.warehouse, units, metric.removeprefix("count:"),
            within=duration(self.question.within, "within"), before=duration(self.question.before, "before"),
            currency=self.question.currency, goals=self.scope.journey,
        )  # fmt: skip
        amounts = often or metric in ("revenue", "orders")
        return (after, before) if amounts else ((after > 0).astype(np.float64), before)

    def _credit(self, units: Exposed, code: int, metric: str, name: str, effect: Effect, ratio: bool) -> None:
        """What the arm added in all, beside what the last touch would be credited with."""
        if ratio:
            return
        interval = effect.absolute_once if self.question.once else effect.absolute
        n = int((units.arm == code).sum())
        total = [each * n if isfinite(each) else None for each in interval]
        attributed = None
        scope = self.scope
        if scope.journey and metric in ("revenue", "orders") and scope.source != exposures.SPLIT:
            attributed = crediting.last_touch(
                self.warehouse, metric, journey=scope.journey,
                template=scope.name if scope.source == exposures.MESSAGE else "",
                lookback=duration(self.question.within, "within"), start=int(units.first.min()),
                end=self.warehouse.through().time + 1, currency=self.question.currency,
            )  # fmt: skip
        self.credited.append({
            "scope": self.scope.label, "arm": name, "metric": metric, "n": n, "attributed": attributed,
            "incremental": total[0], "incremental_low": total[1], "incremental_high": total[2],
        })  # fmt: skip


def _numbered(clusters: Any) -> Any:
    return np.unique(clusters, return_inverse=True)[1].reshape(-1).astype(np.int64)
