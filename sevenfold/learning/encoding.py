"""What is known of each case as numbers that models can read: the columns of a frame as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..measures.shared.columns import codes, column, numbers

Floats = NDArray[np.float64]
CATEGORIES_MAX: Final = 20
"""Values of a text that get a column of their own, the most frequent ones: our judgement."""


def encoded(table: pa.Table, names: Sequence[str]) -> tuple[Floats, list[str]]:
    """(matrix (n, d), what each of its columns is): numbers as they are, NaN where unknown; texts as a column
    of 0 and 1 for each of the values most often met. Raises QuestionError for a column that is not there.
    """
    parts: list[Floats] = []
    labels: list[str] = []
    for name in names:
        kind = column(table, name).type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            values, texts = codes(table, name)
            common = np.argsort(-np.bincount(values[values >= 0]), kind="stable")[:CATEGORIES_MAX]
            parts += [(values == one).astype(np.float64) for one in common]
            labels += [f"{name}={texts[one]}" for one in common]
        else:
            parts.append(numbers(table, name))
            labels.append(name)
    return (np.column_stack(parts) if parts else np.zeros((table.num_rows, 0))), labels


def standardised(matrix: Floats, like: Floats | None = None) -> Floats:
    """Columns of mean 0 and spread 1 (as those of ``like``, where given); what is unknown is average."""
    base = matrix if like is None else like
    known = np.isfinite(base)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, base, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (base - mean) ** 2, 0.0).sum(axis=0) / count)
    found = (matrix - mean) / np.where(spread > 0, spread, 1.0)
    return np.where(np.isfinite(found), found, 0.0)


def folds_of(units: NDArray[np.int64] | None, n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each case, (n,), 0 to ``folds`` - 1; cases of one unit are in one fold."""
    chance = np.random.Generator(np.random.PCG64(seed))
    if units is None:
        return np.asarray(chance.permutation(n) % folds, dtype=np.int64)
    _, place = np.unique(units, return_inverse=True)
    count = int(place.max()) + 1 if n else 0
    return np.asarray((chance.permutation(count) % folds)[place], dtype=np.int64)
