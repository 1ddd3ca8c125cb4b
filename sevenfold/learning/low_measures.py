"""Which low measures, alone and together, go with leaving: what drives it, as far as a score can see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from scipy.stats import fisher_exact  # type: ignore[import-untyped]

from ..measures.statistics.intervals import share
from ..measures.statistics.multiple import adjusted_p
from .weight_fit import ScoreCases

LOW: Final = 40.0
"""A measure below this is low; the framework's bound of what is critical."""
CELL_MIN: Final = 10
"""Cases with a combination of low measures below which it is not shown: our judgement."""
FOUND: Final = 0.05
"""False-discovery rate at which a combination is called found."""


def combined_lows(measures: Sequence[str], sets: Sequence[ScoreCases]) -> list[dict[str, Any]]:
    """Which low measures, alone and in pairs, go with leaving more often than all cases do: Fisher's exact
    test, with the false-discovery rate over all combinations (Benjamini and Hochberg). One look a subject,
    the first, so that cases stand for themselves. Most often left first.
    """
    low = np.concatenate([one.measures < LOW for one in sets])
    left = np.concatenate([one.left for one in sets])
    _, first = np.unique(np.concatenate([one.unit for one in sets]), return_index=True)
    low, left = low[first], left[first]
    rows, chances = [], []
    singles = [(at,) for at in range(len(measures))]
    for which in [*singles, *combinations(range(len(measures)), 2)]:
        mine = low[:, which].all(axis=1)
        n, hits = int(mine.sum()), int(left[mine].sum())
        rest, others = len(left) - n, int(left.sum()) - hits
        if n < CELL_MIN or rest < CELL_MIN:
            continue
        rate = share(hits, n)
        chances.append(float(fisher_exact([[hits, n - hits], [others, rest - others]], "greater")[1]))
        rows.append({
            "low": " and ".join(measures[at] for at in which), "cases": n, "left": hits, "rate": rate.value,
            "rate_low": rate.low, "rate_high": rate.high, "usual": float(left.mean()),
        })  # fmt: skip
    for row, false in zip(rows, adjusted_p(chances), strict=True):
        row |= {"false_discovery_rate": false, "found": false <= FOUND}
    return sorted(rows, key=lambda row: (not row["found"], -float(row["rate"])))
