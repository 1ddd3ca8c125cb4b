"""A mean with its interval, where cases may go together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # type: ignore[import-untyped]

from .encoding import Floats
from .qini import Span


def mean_span(values: Floats, units: NDArray[np.int64] | None = None, level: float = 0.95) -> Span:
    """The mean of ``values`` (n,) with Student's t; of ``units`` that go together, their sums vary (as in
    Liang and Zeger, Biometrika 1986). Infinite bounds below two units, NaN of nothing.
    """
    n = len(values)
    if n == 0:
        return Span(math.nan, -math.inf, math.inf)
    mean = float(values.mean())
    apart = values - mean
    if units is not None:
        _, place = np.unique(units, return_inverse=True)
        apart = np.bincount(place, weights=apart).astype(np.float64)
    count = len(apart)
    if count < 2:
        return Span(mean, -math.inf, math.inf)
    error = math.sqrt(float(np.sum(apart**2)) * count / (count - 1)) / n
    reach = error * float(stdtrit(count - 1, 0.5 + level / 2))
    return Span(mean, mean - reach, mean + reach)
