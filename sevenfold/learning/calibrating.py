"""Calibration: from margins to probabilities that come true as often as they say.

Fitted on margins of models that had not seen those outcomes. Platt's way is a line on the log-odds (Platt
1999, with his targets away from 0 and 1); the isotonic way a rising curve through the pooled blocks (Zadrozny
and Elkan 2002), joined by straight lines so that it still tells subjects apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..measures.statistics.prediction import Bin, brier, expected_calibration_error, reliability

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Way = Literal["platt", "isotonic"]
_ISOTONIC_OUTCOMES_MIN: Final = 300
"""Outcomes of either kind below which a free curve follows chance (Niculescu-Mizil and Caruana, ICML 2005,
found a thousand cases; our judgement by outcomes).
"""
_STEPS_MAX: Final = 60


@dataclass(frozen=True)
class Platt:
    """p = 1 / (1 + exp(-(slope * margin + offset)))."""

    slope: float
    offset: float

    def __call__(self, margin: Floats) -> Floats:
        return sigmoid(self.slope * margin + self.offset)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "platt", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True)
class Isotonic:
    """Straight lines between (margin, probability) points, both rising; flat beyond the first and last."""

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, margin: Floats) -> Floats:
        return np.interp(margin, self.margins, self.probabilities)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "isotonic", "margins": list(self.margins), "probabilities": list(self.probabilities),
        }  # fmt: skip


Calibrator = Platt | Isotonic


def sigmoid(log_odds: Floats) -> Floats:
    """The probability of log-odds."""
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
    return found


def logit(probability: Floats) -> Floats:
    """The log-odds of a probability, which is kept off 0 and 1 by 1e-6."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    found: Floats = np.log(p / (1.0 - p))
    return found


def calibrated(margin: Floats, outcome: Bools) -> Calibrator:
    """The calibrator for margins (n,) that were made without their outcomes (n,): isotonic where there are
    enough of either kind, else Platt's.
    """
    least = min(int(outcome.sum()), int((~outcome).sum()))
    return isotonic(margin, outcome) if least >= _ISOTONIC_OUTCOMES_MIN else platt(margin, outcome)


def platt(margin: Floats, outcome: Bools) -> Platt:
    """By Newton's method on the log-likelihood. A slope that would turn the ranking round is 0: then
    everybody has the overall rate.
    """
    positive, negative = int(outcome.sum()), int((~outcome).sum())
    target = np.where(outcome, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, offset = 0.0, float(np.log((positive + 1) / (negative + 1)))
    for _ in range(50):
        p = sigmoid(slope * margin + offset)
        weight = np.maximum(p * (1 - p), 1e-12)
        error = p - target
        g0, g1 = float((error * margin).sum()), float(error.sum())
        h00 = float((weight * margin * margin).sum()) + 1e-9
        h01, h11 = float((weight * margin).sum()), float(weight.sum()) + 1e-9
        determinant = h00 * h11 - h01 * h01
        if determinant <= 1e-12:
            break
        step0, step1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        largest = max(abs(step0), abs(step1), 1.0)
        slope, offset = slope - step0 / largest, offset - step1 / largest
        if abs(step0) + abs(step1) < 1e-9:
            break
    if slope <= 0:
        return Platt(0.0, float(np.log((positive + 1) / (negative + 1))))
    return Platt(slope, offset)


def isotonic(margin: Floats, outcome: Bools) -> Isotonic:
    """By pooling adjacent violators; blocks stand at their mean margin, with half an outcome of each kind
    added.
    """
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]

    order = np.argsort(margin, kind="stable")
    x, y = margin[order], outcome[order].astype(np.float64)
    level = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(x)
    starts = np.flatnonzero(np.append(True, level[1:] > level[:-1]))
    counts = np.diff(np.append(starts, len(x)))
    overall = float(y.mean())
    centres = np.add.reduceat(x, starts) / counts
    rates = (np.add.reduceat(y, starts) + overall) / (counts + 1.0)
    if len(centres) > _STEPS_MAX:
        pieces = np.array_split(np.arange(len(centres)), _STEPS_MAX)
        centres, rates = (
            np.array([np.average(values[one], weights=counts[one]) for one in pieces])
            for values in (centres, rates)
        )
    rates = np.maximum.accumulate(rates)
    kept = np.append(True, np.diff(centres) > 0)
    return Isotonic(tuple(centres[kept].tolist()), tuple(rates[kept].tolist()))


def calibrator_from(held: Any) -> Calibrator:
    """The calibrator of its JSON. Raises InputError."""
    try:
        if held["kind"] == "platt":
            return Platt(float(held["slope"]), float(held["offset"]))
        if held["kind"] == "isotonic":
            margins, rates = (
                tuple(float(one) for one in held[name]) for name in ("margins", "probabilities")
            )
            if margins and len(margins) == len(rates):
                return Isotonic(margins, rates)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"This is no calibration: {error}", fix="train the model again") from error
    raise InputError("This is no calibration", fix="train the model again")


@dataclass(frozen=True)
class Reliability:
    """How far probabilities came true: tenths of the cases, Brier score, expected calibration error."""

    bins: tuple[Bin, ...]
    brier: float
    calibration_error: float


def reliability_of(probability: Floats, outcome: Bools, bins: int = 10) -> Reliability:
    """The reliability curve of probabilities (n,) against outcomes (n,)."""
    found = reliability(probability, outcome, bins)
    return Reliability(tuple(found), brier(probability, outcome), expected_calibration_error(found))
