"""One experiment, compared on every metric: who counts, how long, and what the arm changed."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from sevenfold.measures.answer import Caveat, Doubt
from sevenfold.measures.events.periods import DAY_MS, duration
from sevenfold.measures.shared import comparing, crediting, exposures
from sevenfold.measures.shared.comparing import Compared
from sevenfold.measures.shared.exposures import Exposed
from sevenfold.measures.statistics.effect import Effect, effect_of
from sevenfold.measures.statistics.influence import winsorised
from sevenfold.measures.statistics.special import Floats

if TYPE_CHECKING:
    from sevenfold.measures.lift import Lift
    from sevenfold.warehouse.base import Warehouse


LATER: Final = "later"
"""The arm of an order that others are compared with."""


class Scope(msgspec.Struct, frozen=True):
    """One experiment: what it is called, its query, its name there, and the journey whose goals count."""

    label: str
    source: str
    name: str
    journey: str


class Lifted:
    """One experiment of the question, compared on every metric."""

    def __init__(self, question: Lift, warehouse: Warehouse, scope: Scope, start: int, end: int) -> None:
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
        usual = LATER if self.scope.source == exposures.ORDER else ""
        base = comparing.control_of(units.arms, self.question.control or usual)
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
        if self.scope.source == exposures.ORDER:
            return f"{self.scope.label} called {arm}", f"called {base}"
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
