"""Kinds of risk: a column of names, or a number cut in parts, as profiles of episodes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..measures.shared.columns import codes, column, numbers
from .encoding import Floats

EVERYBODY: Final = "everybody"
PARTS: Final = 3
"""Parts into which a profile that is a number is cut, at its quantiles."""


def profiles_of(table: Any, name: str) -> tuple[NDArray[np.int64], list[str], Floats | None]:
    """(number of each row's profile, profiles, cuts where it is a number)."""
    if not name:
        return np.zeros(table.num_rows, dtype=np.int64), [EVERYBODY], None
    if _texts(table, name):
        found, names = codes(table, name)
        return found, names, None
    values = numbers(table, name)
    cuts = np.unique(np.nanquantile(values, np.linspace(0, 1, PARTS + 1)[1:-1]))
    return _cut(values, cuts), _labels(name, cuts), cuts


def placed(table: Any, name: str, profiles: list[str], cuts: Floats | None) -> list[str]:
    if not name:
        return [EVERYBODY] * table.num_rows
    if cuts is None:
        return [str(one) for one in column(table, name).to_pylist()]
    return [profiles[one] for one in _cut(numbers(table, name), cuts)]


def _texts(table: Any, name: str) -> bool:
    return "string" in str(column(table, name).type)


def _cut(values: Floats, cuts: Floats) -> NDArray[np.int64]:
    return np.asarray(np.searchsorted(cuts, np.nan_to_num(values), side="right"), dtype=np.int64)


def _labels(name: str, cuts: Floats) -> list[str]:
    edges = [f"{cut:g}" for cut in cuts]
    if not edges:
        return [name]
    inner = [f"{name} {a} to {b}" for a, b in pairwise(edges)]
    return [f"{name} below {edges[0]}", *inner, f"{name} from {edges[-1]}"]


def names_of(table: Any, unit: str) -> list[str]:
    if not unit:
        return [f"case {number + 1}" for number in range(table.num_rows)]
    return [str(one) for one in column(table, unit).to_pylist()]
