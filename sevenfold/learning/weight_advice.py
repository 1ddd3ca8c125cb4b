"""Weight advice: what a score's weights and bands would have had to be to tell who left, where that is shown.

For each set of weights (a stage, a segment, a tier, any mix) with enough cases of both kinds the fit of
`weight_fit` speaks, and a change is advised only where its gain on cases not seen is beyond doubt, allowing
for the number of sets that were looked at (Bonferroni). Where it is not, the advice is no change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question
from ..measures.shared.columns import as_table
from .encoding import Floats, folds_of
from .low_measures import combined_lows
from .qini import Span
from .spans import mean_span
from .weight_fit import Bools, Fit, ScoreCases, fit, scores

LEFT_MIN: Final = 20
"""Cases that left, and cases that stayed, below which nothing is said of a set of weights: our judgement."""


@dataclass(frozen=True)
class WeightSet:
    """One set of weights of a score: where it holds (`label` as an override names it, such as
    ``renewal × enterprise``), today's ``weights`` (k,), its cases, and which weights are ``fixed``.
    """

    label: str
    weights: Floats
    cases: ScoreCases
    fixed: Bools | None = None


@dataclass(frozen=True)
class Advised:
    """What is advised for a set: `fit` is None where there were too few cases."""

    set: WeightSet
    fit: Fit | None

    @property
    def change(self) -> bool:
        """Whether a change is advised."""
        return self.fit is not None and self.fit.gain.above


class WeightAdvice(Question, frozen=True, tag="weight_advice"):
    """What the weights of a `score` should be to tell who has the `outcome` within the time after."""

    score: str
    outcome: str = ""
    within: str = ""
    level: float = 0.95
    seed: int = 0


def advised(sets: Sequence[WeightSet], *, level: float = 0.95, seed: int = 0) -> list[Advised]:
    """Advice for each set; the level allows for all of them together."""
    told = sum(_enough(one.cases.left) for one in sets)
    strict = 1.0 - (1.0 - level) / max(told, 1)
    return [Advised(one, _fit(one, strict, seed) if _enough(one.cases.left) else None) for one in sets]


def _fit(one: WeightSet, level: float, seed: int) -> Fit:
    return fit(one.cases, one.weights, fixed=one.fixed, level=level, seed=seed)


def _enough(left: Bools) -> bool:
    return min(int(left.sum()), int((~left).sum())) >= LEFT_MIN


def advice(
    question: WeightAdvice, measures: Sequence[str], sets: Sequence[WeightSet],
    bands: Sequence[tuple[str, float]] = (),
) -> Answer:  # fmt: skip
    """The answer for the sets of a score; ``measures`` name the columns of their cases, ``bands`` are (name,
    from) of the score, lowest first.

    Tables: `sets` (area under the curve before and after, and whether a change is advised), `weights` (a row
    a measure of a set), `bands` (the line that best tells who left), `combinations` (low measures that go
    with leaving). Estimates: ``gain:SET``.
    """
    found = advised(sets, level=question.level, seed=question.seed)
    estimates, rows, weights = [], [], []
    for one in found:
        rows.append(_set_row(one))
        if one.fit is None:
            continue
        n = len(one.set.cases.left)
        gain = one.fit.gain
        estimates.append(
            Estimate(f"gain:{one.set.label}", gain.value, gain.low, gain.high, n, question.level)
        )
        weights += [
            {"set": one.set.label, "measure": name, "weight": float(old), "advised": float(new)}
            for name, old, new in zip(measures, one.set.weights, one.fit.weights, strict=True)
            if old > 0
        ]
    lines = line_advice(found, bands, question) if bands else []
    few = [one.set.label for one in found if one.fit is None]
    caveats = [Doubt(Caveat.NOT_CAUSAL, "Weights that tell who leaves are not what makes them leave.")]
    if few:
        text = f"Fewer than {LEFT_MIN} who left or stayed in {', '.join(few)}."
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, text))
    combined = combined_lows(measures, [one.cases for one in sets])
    if combined:
        caveats.append(Doubt(Caveat.MULTIPLE_TESTS, f"{len(combined)} combinations."))
    return Answer(
        question=question, sentence=_sentence(question.score, found, lines), estimates=tuple(estimates),
        caveats=tuple(caveats),
        tables={
            "sets": as_table(rows, _SETS), "weights": as_table(weights, _WEIGHTS),
            "bands": as_table(lines, _BANDS), "combinations": as_table(combined, _COMBINATIONS),
        },
    )  # fmt: skip


_SETS: Final = {
    "set": "text", "cases": "integer", "left": "integer", "auc": "number", "auc_advised": "number",
    "gain": "number", "low": "number", "high": "number", "advised": "boolean",
}  # fmt: skip
_WEIGHTS: Final = {"set": "text", "measure": "text", "weight": "number", "advised": "number"}
_BANDS: Final = {
    "band": "text", "from": "number", "advised_from": "number", "told": "number", "told_advised": "number",
    "gain": "number", "low": "number", "high": "number", "advised": "boolean",
}  # fmt: skip
_COMBINATIONS: Final = {
    "low": "text", "cases": "integer", "left": "integer", "rate": "number", "rate_low": "number",
    "rate_high": "number", "usual": "number", "false_discovery_rate": "number", "found": "boolean",
}  # fmt: skip


def _set_row(one: Advised) -> dict[str, Any]:
    left = one.set.cases.left
    row: dict[str, Any] = {"set": one.set.label, "cases": len(left), "left": int(left.sum())}
    if one.fit is None:
        return row | {"advised": False}
    gain = one.fit.gain
    return row | {
        "auc": one.fit.before, "auc_advised": one.fit.after, "gain": gain.value, "low": gain.low,
        "high": gain.high, "advised": one.change,
    }  # fmt: skip


def _sentence(score: str, found: Sequence[Advised], lines: Sequence[dict[str, Any]]) -> str:
    changes = [one for one in found if one.change]
    parts = [
        f"`{one.set.label}` would have told who left rightly {one.fit.after:.1%} of the time instead of "
        f"{one.fit.before:.1%} (gain {one.fit.gain.low:.1%} to {one.fit.gain.high:.1%})"
        for one in changes
        if one.fit is not None
    ]
    parts += [
        f"band {row['band']} from {row['advised_from']:g} instead of {row['from']:g}"
        for row in lines
        if row["advised"]
    ]
    told = sum(one.fit is not None for one in found)
    if not parts:
        return f"No change is advised for {score}: of {told} sets of weights none is shown to tell better."
    return f"For {score} a change is advised: {'; '.join(parts)}."


# ----------------------------------------------------------------------------------------------- thresholds


def line_advice(
    found: Sequence[Advised], bands: Sequence[tuple[str, float]], question: WeightAdvice
) -> list[dict[str, Any]]:
    """The bound of a band that best told who left: share of those who left below it less share of those who
    stayed (Youden, Cancer 1950). Looked for with the weights as advised, on other folds than it is judged on.
    Only the bound that tells best today is moved, at most halfway to its neighbours.
    """
    score = np.concatenate([scores(one.set.cases.measures, _weights(one)) for one in found])
    left = np.concatenate([one.set.cases.left for one in found])
    unit = np.concatenate([one.set.cases.unit for one in found])
    known = np.isfinite(score)
    score, left, unit = score[known], left[known], unit[known]
    bounds = [bound for _, bound in bands]
    if not _enough(left) or len(bounds) < 2:
        return []
    place = max(range(1, len(bounds)), key=lambda at: _told(score, left, bounds[at]))
    above = bounds[place + 1] if place + 1 < len(bounds) else 100.0
    low, high = (bounds[place - 1] + bounds[place]) / 2, (bounds[place] + above) / 2
    tried = np.arange(np.ceil(low), np.floor(high) + 1)
    fold = folds_of(unit, len(left), 5, question.seed)
    own = np.empty(len(left))
    for one in range(5):
        own[fold == one] = _best(score[fold != one], left[fold != one], tried, bounds[place])
    gain = _line_gain(score, left, unit, own, bounds[place], question.level)
    best = _best(score, left, tried, bounds[place])
    return [
        {
            "band": bands[place][0], "from": bounds[place], "advised_from": best,
            "told": _told(score, left, bounds[place]), "told_advised": _told(score, left, best),
            "gain": gain.value, "low": gain.low, "high": gain.high, "advised": gain.above,
        }
    ]  # fmt: skip


def _weights(one: Advised) -> Floats:
    return one.fit.weights if one.fit is not None and one.change else one.set.weights


def _told(score: Floats, left: Bools, bound: float) -> float:
    return float((score[left] < bound).mean() - (score[~left] < bound).mean())


def _best(score: Floats, left: Bools, tried: Floats, present: float) -> float:
    """The bound that tells best; the middle of those that do about as well, as the curve is rugged."""
    if not left.any() or left.all():
        return present
    told = np.array([_told(score, left, bound) for bound in tried])
    good = tried[told >= told.max() - 0.01]
    return float(np.round(np.median(good)))


def _line_gain(
    score: Floats, left: Bools, unit: Any, own: Floats, present: float, level: float
) -> Span:  # fmt: skip
    sign = np.where(left, 1.0, -1.0) / np.where(left, left.mean(), 1 - left.mean())
    return mean_span(sign * ((score < own).astype(float) - (score < present)), unit, level)


class Change(msgspec.Struct, frozen=True):
    """One value of `overrides.yaml`: its path, what it is now and what it should be."""

    path: str
    before: float
    after: float


def changes_of(answer: Answer, score: str) -> list[Change]:
    """What would have to be written to follow the advice, in the order of the tables; none where nothing is
    advised.
    """
    head = f"scores.{score}.weights"
    sets = {row["set"] for row in answer.frame("sets").to_pylist() if row["advised"]}
    found = [
        Change(f"{head}[{row['set']}].weights.{row['measure']}", row["weight"], row["advised"])
        for row in answer.frame("weights").to_pylist()
        if row["set"] in sets and row["weight"] != row["advised"]
    ]
    return found + [
        Change(f"scores.{score}.bands[{row['band']}].from", row["from"], row["advised_from"])
        for row in answer.frame("bands").to_pylist()
        if row["advised"]
    ]
