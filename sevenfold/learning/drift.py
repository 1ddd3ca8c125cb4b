"""Drift: whether those who are scored now are still those the model was fitted on, and still do as it says.

The population stability index compares shares over the same intervals, sum (now - then) * ln(now / then).
Credit scoring reads below 0.1 as the same and above 0.25 as another population (Siddiqi, Credit Risk
Scorecards, 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..measures.statistics.intervals import share

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Verdict = Literal["steady", "moving", "drifted"]
PSI_MOVING: Final = 0.1
PSI_DRIFTED: Final = 0.25
CASES_MIN: Final = 100
"""Cases below which shares move by chance alone."""
_PARTS: Final = 10
_FLOOR: Final = 1e-4
"""A share of nobody, so that the logarithm is finite."""


@dataclass(frozen=True)
class Reference:
    """How one value lay when the model was fitted: cuts between intervals, and the share of each; the last
    share is that of unknown.
    """

    cuts: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats) -> Reference:
        """Of (n,) values, NaN where unknown: tenths of those that are known."""
        known = values[~np.isnan(values)]
        cuts = (
            np.unique(np.quantile(known, np.linspace(0, 1, _PARTS + 1)[1:-1])) if len(known) else np.zeros(0)
        )
        held = cls(tuple(float(one) for one in cuts), ())
        return cls(held.cuts, tuple(float(one) for one in held.counted(values)))

    def counted(self, values: Floats) -> Floats:
        """The share of each interval, and of unknown."""
        unknown = np.isnan(values)
        places = np.searchsorted(np.array(self.cuts), values[~unknown], side="left")
        counts = np.append(np.bincount(places, minlength=len(self.cuts) + 1), unknown.sum())
        return counts / max(len(values), 1)

    def to_json(self) -> list[list[float]]:
        return [list(self.cuts), list(self.shares)]


def reference_from(held: Any) -> Reference:
    """The reverse of `to_json`."""
    cuts, shares = held
    return Reference(tuple(float(one) for one in cuts), tuple(float(one) for one in shares))


def psi(reference: Reference, values: Floats) -> float:
    """The population stability index of (n,) values against how they lay."""
    then = np.maximum(np.array(reference.shares), _FLOOR)
    now = np.maximum(reference.counted(values), _FLOOR)
    return float(np.sum((now - then) * np.log(now / then)))


def verdict(index: float) -> Verdict:
    """What an index means."""
    return "drifted" if index > PSI_DRIFTED else "moving" if index > PSI_MOVING else "steady"


@dataclass(frozen=True)
class Calibrated:
    """Predicted against observed share of cases whose horizon is over. `off` when the interval of what was
    observed does not hold what was predicted.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float

    @property
    def off(self) -> bool:
        return not self.low <= self.predicted <= self.high

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "off": self.off}


def calibration(n: int, predicted: float, hits: int, level: float = 0.99) -> Calibrated:
    """The mean probability of `n` cases against the `hits` that came true, with Wilson's interval."""
    observed = share(hits, n, level)
    return Calibrated(n, predicted, observed.value, observed.low, observed.high)


@dataclass(frozen=True)
class Drift:
    """The indexes of scores and features, the largest first, of `n` subjects."""

    n: int
    scores: float
    features: tuple[tuple[str, float], ...]

    @property
    def verdict(self) -> Verdict | Literal["too_few"]:
        return "too_few" if self.n < CASES_MIN else verdict(self.scores)

    def to_json(self) -> dict[str, Any]:
        features = [
            {"feature": name, "psi": index, "verdict": verdict(index)} for name, index in self.features
        ]
        return {"verdict": self.verdict, "n": self.n, "scores_psi": self.scores, "features": features}


def drift(
    references: Sequence[tuple[str, Reference]], x: Floats, score_reference: Reference, scores: Floats
) -> Drift:
    """How (n, d) features and (n,) scores lie now against when the model was fitted."""
    found = [(name, psi(reference, x[:, j])) for j, (name, reference) in enumerate(references)]
    found.sort(key=lambda one: (-one[1], one[0]))
    return Drift(len(scores), psi(score_reference, scores), tuple(found))
