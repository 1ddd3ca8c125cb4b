"""What saved accounts like this one: nearest neighbours over risk profiles and what became of them.

Pure: arrays in, a ranking with its doubts out. The distance is Gower's (1971, "A general coefficient of
similarity and some of its properties", Biometrics 27): the mean, over the figures that both know, of how far
they lie apart in shares of that figure's spread. It needs no units, and lives with gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sevenfold.measures.statistics.intervals import Interval, share

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 15
"""Past cases that are looked at; our judgement."""
LEAST = 5
"""Tries of a strategy among them below which nothing is said of it; our judgement."""
SHARED_LEAST = 0.5
"""Share of a profile's known figures that a past case must know too, to be comparable; our judgement."""


class Tried(NamedTuple):
    """A strategy among the nearest cases: how often it was tried, how often it saved, and the share of that
    with its interval (95 %, Wilson).
    """

    strategy: str
    saved: int
    tried: int
    rate: Interval


class Advice(NamedTuple):
    """The strategies worth naming, best first, and the places of the cases they were found in, nearest first.
    Empty when too little is known.
    """

    ranked: tuple[Tried, ...]
    cases: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """What somebody reads before a call."""
        if not self.ranked:
            return f"not enough data: {len(self.cases)} similar cases, none tried {LEAST} times"
        best = self.ranked[0]
        low, high = round(best.rate.low * 100), round(best.rate.high * 100)
        return f"{len(self.cases)} similar cases, {best.saved} of {best.tried} saved so, {low}-{high} %"


def distances(profile: Floats, past: Floats) -> Floats:
    """How far each past case lies from a profile, 0 to 1; shapes (d,) and (n, d) to (n,).

    NaN is an unknown figure. The spread of a figure is that of the past cases; one that never varied says
    nothing. Infinite for cases that share too few figures with the profile.
    """
    if not len(past):
        return np.zeros(0)
    known = ~np.isnan(past)
    spread = np.where(known, past, -np.inf).max(axis=0) - np.where(known, past, np.inf).min(axis=0)
    useful = ~np.isnan(profile) & (spread > 0)
    if not useful.any():
        return np.full(len(past), np.inf)
    apart = np.abs(past[:, useful] - profile[useful]) / spread[useful]
    both = ~np.isnan(apart)
    shared = both.sum(axis=1)
    enough = shared >= SHARED_LEAST * useful.sum()
    # A figure beyond all that was seen is as far as can be, and no farther.
    near = np.where(both, np.minimum(apart, 1.0), 0.0).sum(axis=1) / np.maximum(shared, 1)
    return np.where(enough, near, np.inf)


def advise(
    profile: Floats,
    past: Floats,
    strategies: Sequence[str],
    saved: npt.NDArray[np.bool_],
    neighbours: int = NEIGHBOURS,
    least: int = LEAST,
) -> Advice:
    """What was tried in the cases nearest to a profile, best first.

    `past` (n, d) are profiles at the time of risk, `strategies` (n) what was done last, `saved` (n) whether
    it was a save. Strategies are ranked by the lower bound of their share of saves, so that one lucky try
    does not lead; those tried fewer than `least` times are left out. It says what went along with saves, not
    what causes them: whoever chose the strategy then saw more than these figures.
    """
    apart = distances(profile, past)
    order = np.argsort(apart, kind="stable")[:neighbours]
    cases = tuple(int(place) for place in order if np.isfinite(apart[place]))
    found: dict[str, list[bool]] = {}
    for place in cases:
        found.setdefault(strategies[place], []).append(bool(saved[place]))
    tried = [
        Tried(name, sum(ends), len(ends), share(sum(ends), len(ends)))
        for name, ends in found.items()
        if len(ends) >= least
    ]
    return Advice(tuple(sorted(tried, key=lambda one: (-one.rate.low, -one.tried, one.strategy))), cases)


def cost_of_loss(
    value_year: float, days_left: float, price_month: float = 0.0, next_price_month: float = 0.0
) -> float:
    """What is left of a contract, and a year of what the customer could have grown to.

    `value_year` in money a year, `days_left` until its end (never below 0), prices of their plan and of the
    next one in money a month; without a next plan there is nothing to grow to.
    """
    growth = max(next_price_month - price_month, 0.0) * 12 if next_price_month else 0.0
    return value_year * max(days_left, 0.0) / 365 + growth


__all__ = ["Advice", "Tried", "advise", "cost_of_loss", "distances"]
