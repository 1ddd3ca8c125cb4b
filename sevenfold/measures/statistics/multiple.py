"""Many comparisons at once: how many of the found are false. Benjamini and Hochberg (1995), JRSS B 57; for
evidence that may be looked at any time, Wang and Ramdas (2022), JRSS B 84, which needs no independence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def adjusted_p(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg: the false-discovery rate at which each would just be found, in written order."""
    p = np.asarray(p_values, dtype=np.float64)
    k = len(p)
    if k == 0:
        return []
    order = np.argsort(p, kind="stable")
    steps = p[order] * k / np.arange(1, k + 1)
    lowest = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    adjusted = np.empty(k)
    adjusted[order] = lowest
    return [float(value) for value in adjusted]


def adjusted_e(e_values: Sequence[float]) -> list[float]:
    """e-BH: the false-discovery rate at which each would just be found, in written order; at most 1."""
    return adjusted_p([min(1.0, 1.0 / e) if e > 0 else 1.0 for e in e_values])
