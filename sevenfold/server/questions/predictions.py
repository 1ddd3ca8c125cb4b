"""Predictions: which model is in force and how good it says it is, for whom there are values, who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from ...engine.controls import find
from ...engine.model_book import Book
from ...workspace.base import ACCOUNT, PERSON
from ...workspace.problems import likely
from . import QuestionError, question
from .segments import count

if TYPE_CHECKING:
    from ...engine import Fold

BINS: Final = 20
"""Of the picture of probabilities: how many subjects have each twentieth."""


@question("predictions")
def predictions(fold: Fold, name: str | None = None) -> list[dict[str, Any]]:
    """Every prediction, or the one of a `name`, with its model and how many have a value."""
    declared = fold.workspace.predictions
    if name is not None and name not in declared:
        fix = likely(name, declared) or f"there are {', '.join(declared) or 'none'}"
        raise QuestionError(f"there is no prediction `{name[:100]}`", where="name", fix=fix)
    wanted = declared if name is None else [name]
    return [_shown(fold, label) for label in wanted]


def _shown(fold: Fold, label: str) -> dict[str, Any]:
    model = fold.workspace.predictions[label]
    unit = fold._unit(model.of)
    node, book = unit.predictions[label], fold.predictions.get(label, Book())
    values = count(fold, unit, node.values.name).astype(np.int64)
    known = values[values != node.unknown]
    asked = None if node.asked is None else int(np.count_nonzero(count(fold, unit, node.asked.name)))
    told = msgspec.to_builtins(model)
    in_force = {
        "version": book.in_force,
        "trained_at": book.trained_at,
        "as_of": book.as_of,
        "features": book.features,
        "quality": book.quality,
    }
    return {
        "name": label,
        "of": model.of,
        "kind": model.kind,
        "description": model.description,
        "target": told["target"],
        "horizon": model.horizon,
        "fallback": told.get("fallback"),
        "model": in_force if book.in_force else None,
        "versions": book.published,
        "population": asked,
        "known": len(known),
        "histogram": _histogram(known) if model.kind == "probability" else None,
        "scored_at": book.scored_at or None,
        "scored_as_of": book.scored_as_of or None,
        "values": {
            "taken": book.taken, "unknown": book.unknown, "outside": book.outside, "late": book.late
        },
    }  # fmt: skip


def _histogram(known: Any) -> list[int]:
    places = np.minimum(known * BINS // 1_000_000, BINS - 1)
    found: list[int] = np.bincount(places, minlength=BINS).tolist()
    return found


@question("ids")
def ids(fold: Fold, of: str, kind: str, values: list[str]) -> list[str | None]:
    """The ids of people by one kind of identifier, or of accounts by their keys; None for nobody."""
    unit = fold._unit(of)
    if of == PERSON and kind not in fold.identity.prefix:
        fix = likely(kind, fold.identity.prefix) or f"one of {', '.join(fold.identity.order)}"
        raise QuestionError(f"there is no kind of identifier `{kind}`", where="by", fix=fix)
    if of == ACCOUNT and kind != "key":
        raise QuestionError("accounts are named by their `key`, or by id", where="by", fix="by=key")
    rows = [find(fold, {kind: one}) if of == PERSON else fold.account_rows.get(one, 0) for one in values]
    return [fold.id_of(unit, row) if row else None for row in rows]


__all__ = ["ids", "predictions"]
