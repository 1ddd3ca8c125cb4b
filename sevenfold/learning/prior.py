"""What can be said with few outcomes: rates by group, shrunk to the whole, or the rule-based score by itself.

Groups are bands of the fallback score, and within them stages. Each group's rate is drawn from a beta
distribution around its parent's rate; how strongly groups follow it (`weight`, in cases) is not known, so
every weight from 2 to 1,000 counts by how likely it makes the counts (hierarchical beta-binomial: Gelman et
al., Bayesian Data Analysis, 5.3). To take the likeliest weight alone would leave intervals too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln  # type: ignore[import-untyped]

from ..errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
BANDS: Final = (20.0, 40.0, 60.0, 80.0)
"""Where bands of a fallback score begin."""
_FACTORS: Final = tuple(float(one) for one in np.geomspace(0.4, 2.5, 9))
_WEIGHTS: Final = tuple(float(one) for one in np.geomspace(2.0, 1_000.0, 24))


@dataclass(frozen=True)
class Rate:
    """How often a group had the outcome: the shrunk rate with its interval, and what was counted."""

    rate: float
    low: float
    high: float
    n: int
    hits: int

    def to_json(self) -> list[float]:
        return [self.rate, self.low, self.high, self.n, self.hits]


@dataclass(frozen=True)
class Prior:
    """Rates by band of the fallback score (-1: unknown, or no score is named) and by stage within it."""

    whole: Rate
    bands: dict[int, Rate]
    stages: dict[tuple[int, str], Rate]

    def rate(self, band: int, stage: str) -> float:
        """The most particular rate there is."""
        found = self.stages.get((band, stage)) or self.bands.get(band)
        return (found or self.whole).rate

    def to_json(self) -> dict[str, Any]:
        return {
            "whole": self.whole.to_json(),
            "bands": [[band, *rate.to_json()] for band, rate in sorted(self.bands.items())],
            "stages": [[*key, *rate.to_json()] for key, rate in sorted(self.stages.items())],
        }


def bands_of(score: Floats, *, falling: bool) -> Ints:
    """Band of each score (0-100), the higher the likelier; -1 where it is unknown."""
    risk = 100.0 - score if falling else score
    found: Ints = np.where(np.isnan(score), -1, np.searchsorted(BANDS, risk, side="right"))
    return found


def rates(outcome: Bools, band: Ints, stage: list[str], level: float = 0.95) -> Prior:
    """The rates of (n,) cases. With no case at all the whole is an even guess between 0 and 1."""
    n, hits = len(outcome), int(outcome.sum())
    whole = _rate(0.5, 0.5, n, hits, level)
    groups = _counts(band.tolist(), outcome)
    bands = _shrunk(groups, dict.fromkeys(groups, whole.rate), level)
    within = _counts(list(zip(band.tolist(), stage, strict=True)), outcome)
    parents = {key: bands[key[0]].rate for key in within}
    return Prior(whole, bands, _shrunk(within, parents, level))


def _counts(keys: list[Any], outcome: Bools) -> dict[Any, tuple[int, int]]:
    found: dict[Any, tuple[int, int]] = {}
    for key, hit in zip(keys, outcome.tolist(), strict=True):
        n, hits = found.get(key, (0, 0))
        found[key] = (n + 1, hits + hit)
    return found


def _shrunk(groups: dict[Any, tuple[int, int]], parents: dict[Any, float], level: float) -> dict[Any, Rate]:
    """Each group's rate around its parent's, over all weights the parent may have."""
    if not groups:
        return {}
    keys = list(groups)
    n = np.array([groups[key][0] for key in keys], dtype=np.float64)
    hits = np.array([groups[key][1] for key in keys], dtype=np.float64)
    odds = np.array([parents[key] / (1 - parents[key]) for key in keys])
    # Every parent's odds may be off by the same factor, for what they were told from is groups as well.
    moved, weights = (one.ravel() for one in np.meshgrid(_FACTORS, _WEIGHTS))
    mean = np.outer(moved, odds) / (1 + np.outer(moved, odds))
    a, b = weights[:, None] * mean, weights[:, None] * (1 - mean)
    likely = (betaln(hits + a, n - hits + b) - betaln(a, b)).sum(axis=1)
    chances = np.exp(likely - likely.max())
    chances /= chances.sum()
    kept = chances > 1e-5
    chances = chances[kept] / chances[kept].sum()
    return {
        key: _mixed(chances, a[kept, i] + hits[i], b[kept, i] + n[i] - hits[i], *groups[key], level)
        for i, key in enumerate(keys)
    }


def _mixed(chances: Floats, above: Floats, below: Floats, n: int, hits: int, level: float) -> Rate:
    """A rate that is beta-distributed with (above, below) of either weight, by the chances of the weights."""
    bounds = []
    for wanted in ((1 - level) / 2, (1 + level) / 2):
        low, high = 0.0, 1.0
        for _ in range(24):
            middle = (low + high) / 2
            if float(np.sum(chances * betainc(above, below, middle))) < wanted:
                low = middle
            else:
                high = middle
        bounds.append((low + high) / 2)
    return Rate(float(np.sum(chances * above / (above + below))), bounds[0], bounds[1], n, hits)


def _rate(a: float, b: float, n: int, hits: int, level: float) -> Rate:
    above, below = a + hits, b + n - hits
    low, high = (float(betaincinv(above, below, q)) for q in ((1 - level) / 2, (1 + level) / 2))
    return Rate(above / (above + below), low, high, n, hits)


def prior_from(held: Any) -> Prior:
    """The prior of its JSON. Raises InputError."""
    try:
        return Prior(
            _read(held["whole"]),
            {int(one[0]): _read(one[1:]) for one in held["bands"]},
            {(int(one[0]), str(one[1])): _read(one[2:]) for one in held["stages"]},
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"These are no rates: {error}", fix="train the prediction again") from error


def _read(one: list[Any]) -> Rate:
    rate, low, high, n, hits = one
    return Rate(float(rate), float(low), float(high), int(n), int(hits))
