"""Models as data: what was learnt, in numbers that JSON can hold, and how a row is scored with them.

A model gives a *margin*, the log-odds before calibration. It is a sum of elementwise steps in a stated order,
so that a row has the same margin alone or among a million, and a model that was read back has the margins of
the one that was fitted, bit for bit. Nothing here needs the library that fitted it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Floats = NDArray[np.float64]
_LEAVES_MAX: Final = 16
"""Leaves of a tree: a row's place in one is a pattern of so many bits."""
_FARTHEST: Final = 6.0
"""Standard deviations beyond which a value moves a linear model no further."""


class Model(Protocol):
    """Anything that gives margins. `to_json` and `model_from` are each other's reverse."""

    def margin(self, x: Floats) -> Floats:
        """(n,) log-odds of (n, d) features, NaN where unknown."""
        ...

    def contributions(self, x: Floats) -> tuple[Floats, float]:
        """((n, d), base): what each feature adds to the margin of each row; rows add up to margin - base."""
        ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Linear:
    """A logistic regression over standardised features with hinges, all of width d but `intercept`.

    Of feature j with value v (its logarithm, sign kept, where `logs`): z = (v - mean) / spread, bounded, adds
    weight * z + sum over hinges of weight * max(z - knot, 0) - `centre`; unknown adds `missing` - `centre`.
    The centres are what was added on average while fitting, so that a contribution is against an average
    subject.
    """

    logs: tuple[bool, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    hinges: tuple[tuple[tuple[float, float], ...], ...]
    """(knot, weight) pairs of each feature."""
    missing: tuple[float, ...]
    centre: tuple[float, ...]
    intercept: float

    def part(self, j: int, column: Floats) -> Floats:
        """What feature `j` adds, (n,)."""
        z = standardised(column, self.logs[j], self.mean[j], self.spread[j])
        added = z * self.weight[j]
        for knot, weight in self.hinges[j]:
            added += np.maximum(z - knot, 0.0) * weight
        found: Floats = np.where(np.isnan(column), self.missing[j], added) - self.centre[j]
        return found

    def margin(self, x: Floats) -> Floats:
        total = np.full(len(x), self.intercept)
        for j in range(len(self.weight)):
            total += self.part(j, x[:, j])
        return total

    def contributions(self, x: Floats) -> tuple[Floats, float]:
        parts = [self.part(j, x[:, j]) for j in range(len(self.weight))]
        return np.column_stack(parts) if parts else np.zeros((len(x), 0)), self.intercept

    def to_json(self) -> dict[str, Any]:
        names = ("logs", "mean", "spread", "weight", "hinges", "missing", "centre", "intercept")
        return {"kind": "linear", **{name: _plain(getattr(self, name)) for name in names}}


def standardised(column: Floats, log: bool, mean: float, spread: float) -> Floats:
    """z of a column, 0 where unknown, within six standard deviations."""
    value = np.sign(column) * np.log1p(np.abs(column)) if log else column
    z = np.clip((value - mean) / spread, -_FARTHEST, _FARTHEST)
    return np.nan_to_num(z, nan=0.0)


@dataclass(frozen=True)
class Tree:
    """One tree. Nodes are numbered from the root, 0; `feature` is -1 at leaves. A row goes left where its
    value is at most `threshold`, and where it is unknown and `unknown_left`. `cover` counts the rows that
    passed.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    unknown_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]
    cover: tuple[int, ...]

    def leaves(self) -> list[int]:
        """Nodes that are leaves, from left to right."""
        found, stack = [], [0]
        while stack:
            node = stack.pop()
            if self.feature[node] < 0:
                found.append(node)
            else:
                stack += [self.right[node], self.left[node]]
        return found

    def to_json(self) -> dict[str, Any]:
        names = ("feature", "threshold", "unknown_left", "left", "right", "value", "cover")
        return {name: list(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class Trees:
    """Boosted trees of at most 16 leaves each: the margin is `base` plus a leaf of each."""

    base: float
    trees: tuple[Tree, ...]
    _plans: list[_Plan] = field(default_factory=list, repr=False, compare=False)

    def margin(self, x: Floats) -> Floats:
        if not self._plans:
            self._plans.extend(_Plan.of(tree) for tree in self.trees)
        columns = _Columns(x)
        total = np.full(len(x), self.base)
        for plan in self._plans:
            total += plan.values(columns, len(x))
        return total

    def contributions(self, x: Floats) -> tuple[Floats, float]:
        from .explaining import tree_contributions

        return tree_contributions(self, x)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "trees", "base": self.base, "trees": [tree.to_json() for tree in self.trees]}


class _Columns:
    """Columns of a matrix, each laid out in one piece once."""

    def __init__(self, x: Floats) -> None:
        self._x = x
        self._columns: dict[int, Floats] = {}

    def __getitem__(self, j: int) -> Floats:
        found = self._columns.get(j)
        if found is None:
            found = self._columns[j] = np.ascontiguousarray(self._x[:, j])
        return found


@dataclass(frozen=True)
class _Plan:
    """A tree as bits: each inner node strikes out the leaves on the side a row does not go to, and what is
    left names the leaf. All comparisons are done for all rows, which vector code does faster than following
    paths (Lucchese et al., "QuickScorer", SIGIR 2015, by columns).
    """

    nodes: tuple[tuple[int, float, bool, int, int], ...]
    """(feature, threshold, unknown goes left, bits that stay when going left, when going right)."""
    by_pattern: Floats
    """The value of each pattern of bits."""

    @classmethod
    def of(cls, tree: Tree) -> _Plan:
        leaves = tree.leaves()
        place = {leaf: number for number, leaf in enumerate(leaves)}
        whole = (1 << len(leaves)) - 1
        under: dict[int, int] = {}
        for node in _children_first(tree):
            mine = place.get(node)
            under[node] = under[tree.left[node]] | under[tree.right[node]] if mine is None else 1 << mine
        nodes = tuple(
            (
                tree.feature[node], tree.threshold[node], tree.unknown_left[node],
                whole & ~under[tree.right[node]], whole & ~under[tree.left[node]],
            )
            for node in range(len(tree.feature)) if tree.feature[node] >= 0
        )  # fmt: skip
        by_pattern = np.zeros(whole + 1)
        for number, leaf in enumerate(leaves):
            by_pattern[1 << number] = tree.value[leaf]
        return cls(nodes, by_pattern)

    def values(self, columns: _Columns, n: int) -> Floats:
        """(n,) leaf values."""
        bits = np.full(n, len(self.by_pattern) - 1, np.uint16)
        for feature, threshold, unknown_left, left, right in self.nodes:
            column = columns[feature]
            goes_left = ~(column > threshold) if unknown_left else column <= threshold
            # 0 or 65,535, so that one of the two masks stays.
            side = goes_left.view(np.uint8).astype(np.uint16)
            np.negative(side, out=side)
            bits &= (side & np.uint16(left)) | (~side & np.uint16(right))
        return self.by_pattern.take(bits)


def _children_first(tree: Tree) -> list[int]:
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if tree.feature[node] >= 0:
            stack += [tree.left[node], tree.right[node]]
    return order[::-1]


@dataclass(frozen=True)
class Blend:
    """The weighted mean of the margins of several models."""

    parts: tuple[tuple[float, Model], ...]

    def margin(self, x: Floats) -> Floats:
        total = np.zeros(len(x))
        for weight, model in self.parts:
            total += weight * model.margin(x)
        return total

    def contributions(self, x: Floats) -> tuple[Floats, float]:
        added, base = np.zeros(x.shape), 0.0
        for weight, model in self.parts:
            mine, own = model.contributions(x)
            added += weight * mine
            base += weight * own
        return added, base

    def to_json(self) -> dict[str, Any]:
        parts = [{"weight": weight, "model": model.to_json()} for weight, model in self.parts]
        return {"kind": "blend", "parts": parts}


def model_from(held: Any) -> Model:
    """The model of its JSON. Raises InputError for what is none."""
    try:
        kind = held["kind"]
        if kind == "linear":
            return _linear(held)
        if kind == "trees":
            return Trees(float(held["base"]), tuple(_tree(one) for one in held["trees"]))
        if kind == "blend":
            return Blend(tuple((float(one["weight"]), model_from(one["model"])) for one in held["parts"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"These are no parameters of a model: {error}", fix="train it again") from error
    raise InputError(f"There is no kind of model `{kind}`", fix="linear, trees or blend")


def _linear(held: dict[str, Any]) -> Linear:
    numbers = {
        name: tuple(float(one) for one in held[name])
        for name in ("mean", "spread", "weight", "missing", "centre")
    }
    hinges = tuple(tuple((float(knot), float(weight)) for knot, weight in one) for one in held["hinges"])
    logs = tuple(bool(one) for one in held["logs"])
    if len({len(logs), len(hinges), *map(len, numbers.values())}) != 1:
        raise ValueError("lists of different lengths")
    return Linear(logs=logs, hinges=hinges, intercept=float(held["intercept"]), **numbers)


def _tree(held: dict[str, Any]) -> Tree:
    feature, left, right, cover = (
        tuple(int(one) for one in held[name]) for name in ("feature", "left", "right", "cover")
    )
    threshold, value = (tuple(float(one) for one in held[name]) for name in ("threshold", "value"))
    sides = tuple(bool(one) for one in held["unknown_left"])
    if len({len(one) for one in (feature, left, right, cover, threshold, value, sides)}) != 1:
        raise ValueError("lists of different lengths")
    tree = Tree(feature, threshold, sides, left, right, value, cover)
    inner = [node for node, one in enumerate(tree.feature) if one >= 0]
    if any(not node < child < len(sides) for node in inner for child in (tree.left[node], tree.right[node])):
        raise ValueError("a tree whose branches lead nowhere")
    if len(tree.leaves()) > _LEAVES_MAX:
        raise ValueError(f"a tree of more than {_LEAVES_MAX} leaves")
    return tree


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, Sequence) else value


__all__ = ["Blend", "Floats", "Linear", "Model", "Tree", "Trees", "model_from", "standardised"]
