"""Why somebody has the probability they have: what each feature adds to the log-odds, adding up to them.

A linear model says it by itself. For trees these are Shapley values of what the trees expect when only some
features are known, exactly (Lundberg et al., Nature Machine Intelligence 2020, "path dependent"), by tables
of the few features on the way to each leaf: which of them agree with the leaf is a pattern of bits, and the
values of every pattern are worked out once for each leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .models import Floats, Tree, Trees


@dataclass(frozen=True)
class Contribution:
    """What one feature added for one subject, in log-odds, and the value it had (None: unknown)."""

    feature: str
    value: float | None
    added: float

    def to_json(self) -> dict[str, Any]:
        return {"feature": self.feature, "value": self.value, "added": self.added}


def largest(names: Sequence[str], x: Floats, added: Floats, count: int) -> list[Contribution]:
    """The `count` largest contributions of one row, (d,) each, whichever way they go."""
    order = np.argsort(-np.abs(added), kind="stable")[:count]
    return [
        Contribution(names[j], None if np.isnan(x[j]) else float(x[j]), float(added[j]))
        for j in order.tolist()
        if added[j] != 0
    ]


def tree_contributions(trees: Trees, x: Floats) -> tuple[Floats, float]:
    """((n, d), base): Shapley values of the margin, and what the trees expect of nobody in particular."""
    added, base = np.zeros(x.shape), trees.base
    for tree in trees.trees:
        went = _went(tree, x)
        for leaf, way in _ways(tree).items():
            if not way:
                base += tree.value[leaf]
                continue
            table, features, expected = _table(tree, leaf, way)
            base += expected
            pattern = np.zeros(len(x), dtype=np.int64)
            for place, feature in enumerate(features):
                agrees = np.ones(len(x), dtype=bool)
                for node, left in way:
                    if tree.feature[node] == feature:
                        agrees &= went[node] if left else ~went[node]
                pattern |= agrees.astype(np.int64) << place
            for place, feature in enumerate(features):
                added[:, feature] += table[pattern, place]
    return added, base


def _went(tree: Tree, x: Floats) -> dict[int, NDArray[np.bool_]]:
    """At each inner node, which rows would go left."""
    found = {}
    for node, feature in enumerate(tree.feature):
        if feature >= 0:
            column, threshold = x[:, feature], tree.threshold[node]
            found[node] = ~(column > threshold) if tree.unknown_left[node] else column <= threshold
    return found


def _ways(tree: Tree) -> dict[int, list[tuple[int, bool]]]:
    """The (node, went left) pairs on the way to each leaf."""
    found: dict[int, list[tuple[int, bool]]] = {}
    stack: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    while stack:
        node, way = stack.pop()
        if tree.feature[node] < 0:
            found[node] = way
        else:
            stack.append((tree.left[node], [*way, (node, True)]))
            stack.append((tree.right[node], [*way, (node, False)]))
    return found


def _table(tree: Tree, leaf: int, way: list[tuple[int, bool]]) -> tuple[Floats, list[int], float]:
    """((patterns, k) Shapley values of the k features on the way, those features, the leaf's expected share).

    The leaf's game: with the features in S known it is worth value x product over S of (agrees?) x product
    over the others of the share of rows that went the leaf's way.
    """
    features = list(dict.fromkeys(tree.feature[node] for node, _ in way))
    shares = [1.0] * len(features)
    for node, left in way:
        child = tree.left[node] if left else tree.right[node]
        shares[features.index(tree.feature[node])] *= tree.cover[child] / max(tree.cover[node], 1)
    k, value, z = len(features), tree.value[leaf], np.array(shares)
    weights, subset_bits = _games(k)
    # Of feature i and subset S: the product of the shares of all that are neither in S nor i.
    products = np.where(subset_bits[None, :, :] | np.eye(k, dtype=bool)[:, None, :], 1.0, z).prod(axis=2)
    agree = subset_bits.astype(np.float64)
    table = value * (weights * products[None, :, :]).sum(axis=2) * (agree - z)
    return table, features, value * float(z.prod())


@cache
def _games(k: int) -> tuple[Floats, NDArray[np.bool_]]:
    """((patterns, k, subsets) Shapley's weight of a subset for a feature where all of the subset agree and it
    is none of them, else 0; (subsets, k) which features are in a subset). Patterns and subsets are numbered
    alike, by bits.
    """
    bits = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1 == 1
    sizes = bits.sum(axis=1)
    by_size = np.array(
        [factorial(size) * factorial(k - size - 1) / factorial(k) for size in range(k)] + [0.0]
    )
    inside = (np.arange(1 << k)[None, :] & ~np.arange(1 << k)[:, None]) == 0
    weights = inside[:, None, :] & ~bits.T[None, :, :]
    return weights * by_size[sizes][None, None, :], bits
