"""Thompson sampling in integers: with which probability each arm is the best, and who is drawn for which.

An arm's rewards are yes or no, its rate has a Beta posterior. Thompson sampling (Thompson, Biometrika 1933)
draws a rate from each posterior and takes the highest; an arm is so chosen with the probability that it is
the best. That probability is worked out here once, when posteriors change, and choosing is one draw by it
(probability matching: Scott, Applied Stochastic Models in Business and Industry 2010). So the probability
that is logged is exactly the one that was drawn by, and a decision costs a digest.

Everything is an integer: counts in thousandths (a discount leaves fractions), shares in millionths. What the
integral over a grid misses of the true probability is a few thousandths at most; what is drawn by is exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from math import isqrt
from typing import Final, NamedTuple

import numpy as np

from .fixed import ONE, exp2_down, log2_shares

MILLION: Final = 1_000_000
"""All shares together."""
THOUSAND: Final = 1_000
"""One outcome in a posterior."""
DAY: Final = 86_400_000
_POINTS: Final = 96
"""Points of the grid for each arm, and as many for all rates together."""
_REACH: Final = 6
"""Standard deviations to both sides of an arm's mean that its points lie in."""
_SCALE: Final = 32


class Arm(NamedTuple):
    """What is known of an arm, in thousandths: outcomes that were due, and those of them with the reward."""

    tried: int = 0
    rewarded: int = 0

    def plus(self, tried: int, rewarded: int) -> Arm:
        """With so many whole outcomes more."""
        return Arm(self.tried + tried * THOUSAND, self.rewarded + rewarded * THOUSAND)

    def discounted(self, keep: int, days: int) -> Arm:
        """After some engine days of each of which `keep` millionths stay, rounded down."""
        tried, rewarded = self
        for _ in range(days):
            if not tried:
                break
            tried, rewarded = tried * keep // MILLION, rewarded * keep // MILLION
        return Arm(tried, rewarded)


def best_shares(arms: Sequence[Arm]) -> list[int]:
    """The probability of each arm to be the best one, in millionths that add up to a million, under uniform
    priors. `arms` are 1 to some dozens.
    """
    if len(arms) == 1:
        return [MILLION]
    points = _grid(arms)
    logs = log2_shares(np.array([*points, *(ONE - one for one in points)], np.uint64))
    width = [
        (points[min(place + 1, len(points) - 1)] - points[max(place - 1, 0)]) >> 1
        for place in range(len(points))
    ]
    masses = [_masses(arm, logs, width) for arm in arms]
    below = [_below(one) for one in masses]
    wins = [0] * len(arms)
    for place in range(len(points)):
        # Of every arm the chance to lie below this rate; of each the product over the others.
        before = list(accumulate((one[place] for one in below), lambda a, b: a * b >> _SCALE, initial=ONE))
        after = ONE
        for arm in range(len(arms) - 1, -1, -1):
            wins[arm] += masses[arm][place] * (before[arm] * after >> _SCALE)
            after = after * below[arm][place] >> _SCALE
    return rounded(wins)


def _grid(arms: Sequence[Arm]) -> list[int]:
    """Rates in fixed point, ascending, dense where a posterior is."""
    points = {ONE * (2 * place + 1) // (2 * _POINTS) for place in range(_POINTS)}
    for tried, rewarded in arms:
        # A Beta(a, b) in thousandths: mean a / n, variance a b / (n n (n + 1)).
        a, b = rewarded + THOUSAND, tried - rewarded + THOUSAND
        n = a + b
        middle = ONE * a // n
        spread = isqrt((ONE * ONE * a * b // (n * n)) * THOUSAND // (n + THOUSAND))
        reach = max(_REACH * spread, 1)
        points |= {middle + reach * (2 * place - _POINTS) // _POINTS for place in range(_POINTS + 1)}
    return sorted(point for point in points if 0 < point < ONE)


def _masses(arm: Arm, logs: Sequence[int], width: Sequence[int]) -> list[int]:
    """The posterior's mass around each point, in parts of 2^32 that add up to about as much."""
    tried, rewarded = arm
    count = len(width)
    missed = tried - rewarded
    exponents = [
        (rewarded * one + missed * other) // THOUSAND
        for one, other in zip(logs[:count], logs[count:], strict=True)
    ]
    top = max(exponents)
    raw = [exp2_down(top - one) * each for one, each in zip(exponents, width, strict=True)]
    total = sum(raw)
    return [(one << _SCALE) // total for one in raw]


def _below(masses: Sequence[int]) -> list[int]:
    """The mass below each point, its own counted half."""
    return [done - (own >> 1) for done, own in zip(accumulate(masses), masses, strict=True)]


def rounded(weights: Sequence[int], total: int = MILLION) -> list[int]:
    """Integers in the proportion of the weights that add up to `total`: the largest remainders are rounded
    up, the first written of equal ones.
    """
    whole = sum(weights)
    if whole <= 0:
        weights, whole = [1] * len(weights), len(weights)
    found = [weight * total // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda at: (-(weights[at] * total % whole), at))
    for place in rest[: total - sum(found)]:
        found[place] += 1
    return found


def floored(shares: Sequence[int], least: int) -> list[int]:
    """Shares of which none is below `least` millionths: what is above the floors keeps its proportions."""
    count = len(shares)
    least = min(least, MILLION // count)
    above = rounded(shares, MILLION - least * count)
    return [least + one for one in above]


def toward(now: Sequence[int], wanted: Sequence[int], most: int) -> list[int]:
    """Shares moved from `now` toward `wanted`, of which at most `most` millionths change hands."""
    moved = changed(now, wanted)
    if moved <= most:
        return list(wanted)
    if most <= 0:
        return list(now)
    return rounded([old * (moved - most) + new * most for old, new in zip(now, wanted, strict=True)], MILLION)


def changed(now: Sequence[int], wanted: Sequence[int]) -> int:
    """How many millionths change hands between two shares (their total variation)."""
    return sum(abs(new - old) for old, new in zip(now, wanted, strict=True)) >> 1


def place_of(*parts: str | int) -> int:
    """A draw from 0 to 999,999 that depends on nothing but the parts."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % MILLION


def drawn(ends: Sequence[int], place: int) -> int:
    """Which option a place belongs to; `ends` are where their shares end, the last a million."""
    return bisect_right(ends, place)


def ends_of(shares: Sequence[int]) -> list[int]:
    """Where each share ends."""
    return list(accumulate(shares))


def told(shares: Mapping[str, int]) -> str:
    """Shares for people: `a 60%, b 40%`."""
    return ", ".join(f"{name} {percent(share)}" for name, share in shares.items())


def percent(share: int) -> str:
    """Millionths for people, to a tenth of a per cent."""
    tenths = (share + 500) // 1_000
    return f"{tenths // 10}%" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}%"


__all__ = [
    "DAY",
    "MILLION",
    "THOUSAND",
    "Arm",
    "best_shares",
    "changed",
    "drawn",
    "ends_of",
    "floored",
    "percent",
    "place_of",
    "rounded",
    "told",
    "toward",
]
