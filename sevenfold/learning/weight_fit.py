"""Weights that would have told who leaves from who stays: fitted, held to the present ones, judged on cases
that the fit has not seen.

The score is a weighted mean of measures from 0 to 100. A fit is a logistic regression of leaving on the
measures with no coefficient of the wrong sign: a measure that is good by its author's definition may count
for nothing, not against. Coefficients are held to the direction of the present weights (a ridge penalty on
what lies beside it; Hoerl and Kennard 1970), so that few cases move little, and none at all nothing. How
strongly is chosen by cross-validation inside the cases of each fit (nested: Varma and Simon, BMC
Bioinformatics 2006), and what is claimed is the gain on the cases left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit, stdtr, stdtrit  # type: ignore[import-untyped]

from .encoding import Floats, folds_of
from .qini import Span

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
HOLDS: Final = (0.3, 0.03, 0.003)
"""How firmly weights may be held, from firmly to hardly: our judgement."""
OUTER, INNER = 5, 3
_LEVEL_TO_0_1: Final = 100.0


@dataclass(frozen=True)
class ScoreCases:
    """Cases of one weight set: ``measures`` (n, k) from 0 to 100, NaN where absent; whether each ``left``;
    ``unit`` (n,) numbers subjects, of whom there may be several looks.
    """

    measures: Floats
    left: Bools
    unit: Ints

    def take(self, rows: Bools | Ints) -> ScoreCases:
        """Some of the cases."""
        return ScoreCases(self.measures[rows], self.left[rows], self.unit[rows])


@dataclass(frozen=True)
class Fit:
    """New ``weights`` (k,) of the same sum, and on cases not seen the area under the curve ``before`` and
    ``after`` with the ``gain`` between them.
    """

    weights: Floats
    before: float
    after: float
    gain: Span


def scores(measures: Floats, weights: Floats) -> Floats:
    """The weighted mean of the measures present, (n,); NaN where none of any weight is."""
    present = np.isfinite(measures) @ weights
    total = np.where(np.isfinite(measures), measures, 0.0) @ weights
    found: Floats = np.divide(total, present, out=np.full(len(measures), np.nan), where=present > 0)
    return found


def fit(
    cases: ScoreCases, present: Floats, *, fixed: Bools | None = None, level: float = 0.95, seed: int = 0
) -> Fit:
    """The weights that these cases speak for. ``present`` (k,) are today's; those of 0 stay 0, ``fixed`` ones
    stay as they are (the members' share of an account's score holds for all of its sets).
    """
    firm = np.zeros(len(present), dtype=bool) if fixed is None else fixed
    free = (present > 0) & ~firm
    fold = folds_of(cases.unit, len(cases.left), OUTER, seed)
    after = np.zeros(len(cases.left))
    for one in range(OUTER):
        here = fold == one
        if here.any():
            after[here] = scores(cases.measures[here], _held(cases.take(~here), present, free, seed))
    before = scores(cases.measures, present)
    both = np.isfinite(before) & np.isfinite(after)
    told = areas(-before[both], -after[both], cases.left[both], cases.unit[both])
    weights = present.copy()
    if free.any():
        weights[free] = rounded(_held(cases, present, free, seed)[free], present[free])
    if told is None:
        return Fit(weights, float("nan"), float("nan"), Span(0.0, -np.inf, np.inf))
    return Fit(weights, told.before, told.after, told.gain(level))


def _held(cases: ScoreCases, present: Floats, free: Bools, seed: int) -> Floats:
    """Weights held as firmly as does not tell worse on cases left out: of all that are within one standard
    error of the best the firmest, which may be the present ones (Breiman et al. 1984, section 3.4.3).
    """
    fold = folds_of(cases.unit, len(cases.left), INNER, seed + 1)
    losses = np.zeros((len(HOLDS) + 1, len(cases.left)))
    for one in range(INNER):
        rest, here = cases.take(fold != one), cases.take(fold == one)
        if not (free.any() and rest.left.any() and not rest.left.all()):
            return present
        tried = [present, *(_fitted(rest, present, free, hold) for hold in HOLDS)]
        losses[:, fold == one] = [_losses(rest, here, weights) for weights in tried]
    worse = losses - losses[int(np.argmin(losses.mean(axis=1)))]
    errors = worse.std(axis=1) / np.sqrt(len(cases.left))
    firmest = int(np.flatnonzero(worse.mean(axis=1) <= errors)[0])
    return present if firmest == 0 else _fitted(cases, present, free, HOLDS[firmest - 1])


def _filled(measures: Floats, present: Floats) -> Floats:
    """Measures as shares of 1; what is absent counts as the rest of the case does, as the score has it."""
    usual = scores(measures, present)
    filled = np.where(np.isfinite(measures), measures, usual[:, None])
    return np.where(np.isfinite(filled), filled, 50.0) / _LEVEL_TO_0_1


def _fitted(cases: ScoreCases, present: Floats, free: Bools, hold: float) -> Floats:
    """Weights of the same sum: minus the log-likelihood a case, plus ``hold`` times the square of what lies
    beside the direction of the present ones. What is not free goes along in its share of the sum.
    """
    total, start = float(present[free].sum()), present[free] / present[free].sum()
    filled, left = _filled(cases.measures, present), cases.left.astype(np.float64)
    filled = filled[:, free] + (filled[:, ~free] @ present[~free] / total)[:, None]
    along = start / float(start @ start)

    def cost(at: Floats) -> tuple[float, Floats]:
        level, slopes = at[0], at[1:]
        linear = level - filled @ slopes
        chance = expit(linear)
        likelihood = float(np.mean(np.logaddexp(0.0, linear) - left * linear))
        beside = slopes - start * float(along @ slopes)
        error = (chance - left) / len(left)
        slope = -(filled.T @ error) + 2 * hold * (beside - along * float(start @ beside))
        return likelihood + hold * float(beside @ beside), np.concatenate([[error.sum()], slope])

    bounds = [(None, None), *[(0.0, None)] * len(start)]
    found = minimize(cost, np.concatenate([[1.0], 2.0 * start]), jac=True, bounds=bounds, method="L-BFGS-B")
    slopes = np.asarray(found.x[1:], dtype=np.float64)
    weights = present.copy()
    if slopes.sum() > 1e-6:
        weights[free] = slopes / slopes.sum() * total
    return weights


def _losses(rest: ScoreCases, here: ScoreCases, weights: Floats) -> Floats:
    """Log-losses of the cases ``here`` by a line over the score, fitted on ``rest``."""
    level, slope = _line(scores(rest.measures, weights), rest.left)
    linear = level + slope * np.nan_to_num(scores(here.measures, weights), nan=50.0) / _LEVEL_TO_0_1
    return np.asarray(np.logaddexp(0.0, linear) - here.left * linear, dtype=np.float64)


def _line(score: Floats, left: Bools) -> tuple[float, float]:
    """(intercept, slope) of leaving over the score: Newton's steps, lightly held."""
    at = np.column_stack([np.ones(len(score)), np.nan_to_num(score, nan=50.0) / _LEVEL_TO_0_1])
    free = np.zeros(2)
    for _ in range(12):
        chance = expit(at @ free)
        curve = (at * (chance * (1 - chance))[:, None]).T @ at + 1e-3 * np.eye(2)
        free = free + np.linalg.solve(curve, at.T @ (left - chance) - 1e-3 * free)
    return float(free[0]), float(free[1])


def rounded(weights: Floats, present: Floats) -> Floats:
    """In steps of a hundredth of the sum, which stays: the largest remainders get what is over."""
    step = float(present.sum()) / 100
    whole = np.floor(weights / step + 1e-9)
    over = round(float((present.sum() - whole.sum() * step) / step))
    order = np.argsort(-(weights / step - whole), kind="stable")
    whole[order[:over]] += 1
    return np.asarray(np.round(whole * step, 3), dtype=np.float64)


# ----------------------------------------------------------------------------------- areas under the curve


@dataclass(frozen=True)
class Areas:
    """Two areas under the curve on the same cases, and the standard ``error`` of their difference with its
    degrees of ``freedom``.
    """

    before: float
    after: float
    error: float
    freedom: float

    def gain(self, level: float) -> Span:
        """The difference with its interval."""
        value = self.after - self.before
        reach = self.error * float(stdtrit(self.freedom, 0.5 + level / 2))
        return Span(value, value - reach, value + reach)

    @property
    def p(self) -> float:
        """The chance of a difference as large where there is none, two-sided."""
        return float(2 * stdtr(self.freedom, -abs(self.after - self.before) / self.error))


def areas(old: Floats, new: Floats, left: Bools, unit: Ints) -> Areas | None:
    """How often ``old`` and ``new`` rank one who left above one who did not; None where all did or none.

    The error is paired on the same cases (DeLong, DeLong and Clarke-Pearson, Biometrics 1988), and allows for
    several looks at one subject (Obuchowski, Biometrics 1997). Freedom is that of the smaller kind of
    subject. A scores' area against chance is that against equal scores, 0.5.
    """
    m, n = int(left.sum()), int((~left).sum())
    if not m or not n:
        return None
    before, placed_before = _placed(old, left)
    after, placed_after = _placed(new, left)
    apart = np.where(left, 1.0 / m, 1.0 / n) * (placed_after - placed_before - (after - before))
    _, place = np.unique(unit, return_inverse=True)
    sums = np.bincount(place, weights=apart)
    fewer = min(len(np.unique(unit[left])), len(np.unique(unit[~left])))
    error = float(np.sqrt(np.sum(sums**2) * len(sums) / max(len(sums) - 1, 1)))
    # Perfect separation has no spread to estimate: half a case of the smaller kind stays in doubt.
    floor = 0.5 / fewer if after in (0.0, 1.0) else 1e-12
    return Areas(before, after, max(error, floor), max(fewer - 1, 1))


def _placed(score: Floats, left: Bools) -> tuple[float, Floats]:
    """(area, for each case the share of the other kind that it ranks rightly against), ties half."""
    found = np.empty(len(score))
    for kind in (True, False):
        others = np.sort(score[left != kind])
        mine = score[left == kind]
        below = np.searchsorted(others, mine, side="left")
        share = (below + np.searchsorted(others, mine, side="right")) / 2 / len(others)
        found[left == kind] = share if kind else 1.0 - share
    return float(found[left].mean()), found
