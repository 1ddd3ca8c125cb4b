"""Chance without a state: every draw is a function of (seed, who, day, purpose).

A draw is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) at the
counter `day << 20 | slot << 8 | repeat`, started at the BLAKE2b digest of the seed and the subject's id. Why
not one sequential generator a person: an extra draw (a message was sent) would shift all later ones, so
worlds with and without the message could not be compared person by person; here they share all noise (common
random numbers), and one call draws for everybody at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Keys = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = 0xFFFFFFFFFFFFFFFF
_UNIT = 2.0**-53
_BIRTH_DAY = 1 << 20
"""A day no simulation reaches; its draws are the traits somebody is born with."""


def key_of(seed: int, *names: str) -> int:
    """The 64-bit key of one subject's stream: the same in every process, on every machine."""
    return int.from_bytes(blake2b("/".join((str(seed), *names)).encode(), digest_size=8).digest(), "little")


def _mixed(state: NDArray[np.uint64]) -> Floats:
    state ^= state >> np.uint64(30)
    state *= np.uint64(_FIRST)
    state ^= state >> np.uint64(27)
    state *= np.uint64(_SECOND)
    state ^= state >> np.uint64(31)
    state >>= np.uint64(11)
    units: Floats = state.astype(np.float64)
    units *= _UNIT
    return units


def uniforms(keys: Keys, day: int, slot: int) -> Floats:
    """One uniform in [0, 1) for each key, for the same day and purpose."""
    counter = ((day << 20) | (slot << 8)) + 1
    return _mixed(keys + np.uint64(counter * _GOLDEN & _MASK))


def repeated(keys: Keys, day: int, slot: int, repeat: Ints) -> Floats:
    """One uniform in [0, 1) for each key at its own repeat number (0-255)."""
    counters = repeat.astype(np.uint64) + np.uint64(((day << 20) | (slot << 8)) + 1)
    counters *= np.uint64(_GOLDEN)
    counters += keys
    return _mixed(counters)


def normals(keys: Keys, day: int, slot: int, repeat: Ints | None = None) -> Floats:
    """One standard normal for each key (Box-Muller over slots `slot` and `slot + 1`)."""
    if repeat is None:
        first, second = uniforms(keys, day, slot), uniforms(keys, day, slot + 1)
    else:
        first, second = repeated(keys, day, slot, repeat), repeated(keys, day, slot + 1, repeat)
    result: Floats = np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * math.pi * second)
    return result


class Stream:
    """The same draws one by one, for what happens to few people on a day. Holds at most 256 draws."""

    __slots__ = ("_counter", "_key")

    def __init__(self, key: int, day: int = _BIRTH_DAY, slot: int = 0) -> None:
        self._key = key
        self._counter = (day << 20) | (slot << 8)

    def unit(self) -> float:
        """A uniform in [0, 1)."""
        self._counter += 1
        z = (self._key + self._counter * _GOLDEN) & _MASK
        z = ((z ^ (z >> 30)) * _FIRST) & _MASK
        z = ((z ^ (z >> 27)) * _SECOND) & _MASK
        return ((z ^ (z >> 31)) >> 11) * _UNIT

    def between(self, low: float, high: float) -> float:
        """A uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def below(self, count: int) -> int:
        """A whole number in [0, count)."""
        return int(self.unit() * count)

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def normal(self) -> float:
        """A standard normal."""
        return math.sqrt(-2.0 * math.log(1.0 - self.unit())) * math.cos(2.0 * math.pi * self.unit())

    def lognormal(self, median: float, sigma: float) -> float:
        """A log-normal with this median and this standard deviation of its logarithm."""
        return median * math.exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """An exponential with this mean."""
        return -mean * math.log(1.0 - self.unit())

    def pick(self, weights: Sequence[float]) -> int:
        """A position, with chances in proportion to the weights."""
        left = self.unit() * math.fsum(weights)
        for position, weight in enumerate(weights):
            left -= weight
            if left < 0.0:
                return position
        return len(weights) - 1


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)); the chance whose log-odds are x."""
    return 1.0 / (1.0 + math.exp(-x))


def clip(value: float, low: float, high: float) -> float:
    """`value`, held within [low, high]."""
    return low if value < low else high if value > high else value
