"""How good is a way of foretelling? Judged on a time that it had not seen, or where outcomes are too few for
that, on subjects that it had not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final

import numpy as np

from ..measures.statistics.intervals import Interval
from ..measures.statistics.prediction import Bin, auc
from ..measures.statistics.special import normal_quantile
from .calibrating import Bools, Floats, calibrated, reliability_of
from .fitting import Family, fit
from .models import Blend, Model
from .outcomes import Ints

FOLDS: Final = 5
_FOLDS_OF_MANY: Final = 2
_MANY_ROWS: Final = 20_000
TEST_OUTCOMES_MIN: Final = 15
"""Outcomes in the test period below which it says too little; our judgement."""
_HOLDS: Final = (3.0, 30.0, 300.0)
"""Ridges of the linear model: with few outcomes a strong one tells more."""


@dataclass(frozen=True)
class Examples:
    """Cases: features (n, d) with NaN where unknown, outcomes (n,), whose they are and when they were looked
    at.
    """

    x: Floats
    y: Bools
    subject: Ints
    time: Ints

    def take(self, where: Bools) -> Examples:
        return Examples(self.x[where], self.y[where], self.subject[where], self.time[where])

    @property
    def outcomes(self) -> int:
        """Different subjects with the outcome: looks overlap, so one outcome may be several cases."""
        return len(np.unique(self.subject[self.y]))

    @property
    def others(self) -> int:
        """Different subjects of whom a case did not come true."""
        return len(np.unique(self.subject[~self.y]))


@dataclass(frozen=True)
class Candidate:
    """A family of models with the ridge of its linear part."""

    name: str
    family: Family
    hold: float


@dataclass(frozen=True)
class Judged:
    """A candidate's figures on cases it had not seen. `gain` is how much its log-loss is below that of
    telling everybody the overall rate, as a share.
    """

    candidate: Candidate
    auc: Interval
    log_loss: Interval
    gain: float
    brier: float
    calibration_error: float
    bins: tuple[Bin, ...]
    chosen_by: float
    """Log-loss out of fold on what it was learned from: the choice looks at no case that judges it."""


@dataclass(frozen=True)
class Evaluation:
    """All candidates, the best first. `by_time`: judged on the latest look, by what was known a horizon
    before it.
    """

    judged: tuple[Judged, ...]
    by_time: bool
    n: int
    outcomes: int

    @property
    def best(self) -> Judged:
        return self.judged[0]


def candidates(examples: Examples, minimum: int) -> list[Candidate]:
    """What is worth trying: trees and their blend only where there is enough to grow them from."""
    few = examples.outcomes < 10 * minimum
    linear = [Candidate(f"linear {hold:g}", "linear", hold) for hold in (_HOLDS if few else _HOLDS[:1])]
    if examples.outcomes < minimum:
        return linear
    with_trees = Candidate("blend", "blend", _HOLDS[1] if few else _HOLDS[0])
    return [*linear, Candidate("trees", "trees", 0.0), with_trees]


def folds_of(subject: Ints, folds: int) -> Ints:
    """The fold of each case, by a digest of its subject, so that no subject is in two."""
    mixed = subject.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    return ((mixed * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(40)).astype(np.int64) % folds


Fitted = dict[str, Model]


def fit_all(x: Floats, y: Bools, wanted: Sequence[Candidate]) -> Fitted:
    """A model of each candidate; a blend is made of the others where they are there."""
    found: Fitted = {}
    for one in wanted:
        linear = found.get(f"linear {one.hold:g}")
        if one.family == "blend" and linear is not None and "trees" in found:
            found[one.name] = Blend(((0.5, linear), (0.5, found["trees"])))
        else:
            found[one.name] = fit(one.family, x, y, hold=one.hold)
    return found


def out_of_fold(examples: Examples, wanted: Sequence[Candidate]) -> dict[str, tuple[Floats, Bools]]:
    """(margins, outcomes) of each candidate by models that had not seen the subject."""
    count = FOLDS if len(examples.y) <= _MANY_ROWS else _FOLDS_OF_MANY
    fold = folds_of(examples.subject, count)
    margins = {one.name: np.zeros(len(examples.y)) for one in wanted}
    seen = np.zeros(len(examples.y), dtype=bool)
    for number in range(count):
        rest = fold != number
        # A part without one kind of outcome teaches nothing.
        if rest.all() or examples.y[rest].all() or not examples.y[rest].any():
            continue
        for name, model in fit_all(examples.x[rest], examples.y[rest], wanted).items():
            margins[name][~rest] = model.margin(examples.x[~rest])
        seen |= ~rest
    return {name: (values[seen], examples.y[seen]) for name, values in margins.items()}


def evaluate(
    examples: Examples, horizon_ms: int, minimum: int, say: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Judges all candidates: by time where the test period has outcomes enough, else by subjects."""
    wanted = candidates(examples, minimum)
    last = int(examples.time.max())
    test = examples.time == last
    # What was known a horizon before the test period begins: no outcome of it overlaps.
    before = examples.time <= last - horizon_ms
    known, unseen = examples.take(before), examples.take(test)
    enough = min(known.outcomes, known.others) >= max(minimum // 2, TEST_OUTCOMES_MIN)
    if enough and min(unseen.outcomes, unseen.others) >= TEST_OUTCOMES_MIN:
        say(f"judging {len(wanted)} candidates by time")
        judged = _by_time(known, unseen, wanted)
        return Evaluation(_ranked(judged), True, len(unseen.y), unseen.outcomes)
    say(f"judging {len(wanted)} candidates by subjects")
    return Evaluation(_ranked(_by_subjects(examples, wanted)), False, len(examples.y), examples.outcomes)


def _by_time(known: Examples, unseen: Examples, wanted: Sequence[Candidate]) -> list[Judged]:
    held = out_of_fold(known, wanted)
    models, rate = fit_all(known.x, known.y, wanted), float(known.y.mean())
    found = []
    for one in wanted:
        margin, outcome = held[one.name]
        calibrator = calibrated(margin, outcome)
        before = float(log_loss(calibrator(margin), outcome).mean())
        ahead = models[one.name].margin(unseen.x)
        found.append(_figures(one, ahead, calibrator(ahead), unseen.y, rate, before))
    return found


def _by_subjects(examples: Examples, wanted: Sequence[Candidate]) -> list[Judged]:
    """Margins out of fold, calibrated on the other folds' margins."""
    found = []
    for name, (margin, outcome) in out_of_fold(examples, wanted).items():
        fold = np.arange(len(margin)) % FOLDS
        probability = np.zeros(len(margin))
        for number in range(FOLDS):
            rest = fold != number
            probability[~rest] = calibrated(margin[rest], outcome[rest])(margin[~rest])
        one = next(each for each in wanted if each.name == name)
        found.append(_figures(one, margin, probability, outcome, float(outcome.mean())))
    return found


def _figures(
    one: Candidate, margin: Floats, probability: Floats, outcome: Bools, rate: float,
    chosen_by: float | None = None,
) -> Judged:  # fmt: skip
    """A candidate's figures; `rate` is what was known of the share of outcomes before."""
    loss = log_loss(probability, outcome)
    plain = float(log_loss(np.full(len(outcome), rate), outcome).mean())
    told = reliability_of(probability, outcome)
    error = float(loss.std(ddof=1)) / sqrt(len(loss)) if len(loss) > 1 else float("inf")
    mean, reach = float(loss.mean()), normal_quantile(0.975) * error
    gain = 1 - mean / plain if plain > 0 else 0.0
    interval = Interval(mean, mean - reach, mean + reach)
    return Judged(
        one, auc(margin, outcome), interval, gain, told.brier, told.calibration_error, told.bins,
        mean if chosen_by is None else chosen_by,
    )  # fmt: skip


def log_loss(probability: Floats, outcome: Bools) -> Floats:
    """Minus the logarithm of the probability of what happened, (n,)."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    found: Floats = -np.where(outcome, np.log(p), np.log1p(-p))
    return found


def _ranked(judged: Sequence[Judged]) -> tuple[Judged, ...]:
    """By log-loss out of fold; in written order, simplest first, where they are the same to a thousandth."""
    return tuple(sorted(judged, key=lambda one: round(one.chosen_by / log(2), 3)))


def judged_json(one: Judged) -> dict[str, Any]:
    """For the record and for programs."""
    return {
        "model": one.candidate.name, "auc": list(one.auc), "log_loss": list(one.log_loss), "gain": one.gain,
        "brier": one.brier, "calibration_error": one.calibration_error,
    }  # fmt: skip


def bins_json(bins: Sequence[Bin]) -> list[dict[str, Any]]:
    """The reliability curve."""
    return [
        {
            "low": one.low, "high": one.high, "predicted": one.predicted, "n": one.n, "hits": one.hits,
            "observed": one.observed.value, "observed_low": one.observed.low,
            "observed_high": one.observed.high,
        }
        for one in bins
    ]  # fmt: skip
