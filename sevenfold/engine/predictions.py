"""Predictions enter the fold by records: which model is in force, and the values it gives subjects.

The values of a record are taken in their written order, each subject an operation of its own. For most of
them nothing depends on how the value moved: those are found and written at once, in NumPy, and come to the
same as one by one. docs/explain/predictions.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from ..errors import ControlError
from ..learning.records import MODEL, SCORES, PredictionModel, PredictionScores
from ..lifecycle.compile import CompiledUnit
from ..lifecycle.rescoring import concerned
from ..limits import (
    NUMBER_MAGNITUDE_MAX,
    PREDICTION_FEATURES_ITEMS_MAX,
    PREDICTION_QUALITY_BYTES_MAX,
    PREDICTION_SCORES_ITEMS_MAX,
)
from ..profiles.columns import Array
from ..profiles.predictions import VERSION_BITS, PredictionNode
from ..workspace import models as m
from ..workspace.problems import likely
from .controls import control
from .model_book import Book

if TYPE_CHECKING:
    from .fold import Fold

SINGLY = False
"""Whether values are taken one by one even where nothing depends on them: for tests, it comes to the same."""
_BOUNDS: Final = {
    "probability": (0, 1_000_000),
    "amount": (-NUMBER_MAGNITUDE_MAX * 1_000_000, NUMBER_MAGNITUDE_MAX * 1_000_000),
    "time_to": (0, 1 << 50),
}
"""What a value may be: 1e-6, 1e-6, ms UTC."""


def declared(fold: Fold, name: Any) -> tuple[CompiledUnit, PredictionNode]:
    """The prediction of a name. Raises ControlError."""
    for unit in fold.compiled:
        node = unit.predictions.get(name)
        if node is not None:
            return unit, node
    known = fold.workspace.predictions
    fix = likely(str(name), known) or "declare it under `predictions` in the workspace"
    raise ControlError(f"there is no prediction `{name}`", fix=fix)


@control(MODEL)
def _model(fold: Fold, record: dict[str, Any]) -> None:
    """A model is in force from here on; one that was before may come again."""
    given = _converted(record, PredictionModel)
    _, node = declared(fold, given.prediction)
    if given.kind != node.model.kind:
        raise ControlError(f"`{given.prediction}` is of kind {node.model.kind}, the model of {given.kind}")
    _is_version(given.version)
    if not 0 <= given.as_of <= given.trained_at <= fold.t:
        raise ControlError("a model was learned from what was before it was trained, and that before now")
    if len(given.features) > PREDICTION_FEATURES_ITEMS_MAX:
        raise ControlError(f"a model has at most {PREDICTION_FEATURES_ITEMS_MAX} features")
    if len(msgspec.json.encode(given.quality)) > PREDICTION_QUALITY_BYTES_MAX:
        raise ControlError(
            f"what a model says of its quality has {PREDICTION_QUALITY_BYTES_MAX} bytes at most"
        )
    book = fold.predictions.setdefault(given.prediction, Book())
    before = book.in_force
    book.publish(given.version)
    book.trained_at, book.as_of, book.seq = given.trained_at, given.as_of, fold.seq
    book.features, book.quality = given.features, given.quality
    told = {
        "version": given.version,
        "before": before or None,
        "trained_at": given.trained_at,
        "as_of": given.as_of,
        "features": len(given.features),
        "quality": given.quality,
    }
    fold.emit_about("model", given.prediction, told)


@control(SCORES)
def _scores(fold: Fold, record: dict[str, Any]) -> None:
    """Values of subjects: what a value moves is evaluated at once, subject by subject."""
    given = _converted(record, PredictionScores)
    unit, node = declared(fold, given.prediction)
    book = fold.predictions.get(given.prediction)
    number = book.number_of(given.version) if book is not None else 0
    if book is None or not number:
        fix = "append the model first"
        raise ControlError(f"no model `{given.version}` of `{given.prediction}` was ever in force", fix=fix)
    if not 0 < given.as_of <= fold.t:
        raise ControlError("values are as of a time that has come")
    values = _values(node, given)
    fold._cause = ("prediction", given.prediction, fold.seq)
    rows = _rows(fold, unit, given.subjects)
    _take(fold, unit, node, book, rows, values, given.as_of << VERSION_BITS | number)
    book.scored_at, book.scored_as_of = fold.t, max(book.scored_as_of, given.as_of)


def _converted(record: dict[str, Any], type_: Any) -> Any:
    try:
        return msgspec.convert(record, type_)
    except msgspec.ValidationError as error:
        raise ControlError(f"the record is none: {error}", fix="see docs/explain/predictions.md") from error


def _is_version(version: str) -> None:
    if len(version) != 16 or not set(version) <= set("0123456789abcdef"):
        raise ControlError(f"`{version[:32]}` is no version", fix="16 hexadecimal digits of a digest")


def _values(node: PredictionNode, given: PredictionScores) -> Array:
    """The values in the column's units. Raises ControlError for any that cannot be one."""
    if len(given.subjects) != len(given.values) or len(given.subjects) > PREDICTION_SCORES_ITEMS_MAX:
        raise ControlError(f"a value for each subject, and at most {PREDICTION_SCORES_ITEMS_MAX} of them")
    low, high = _BOUNDS[node.model.kind]
    for value in given.values:
        if value is not None and not low <= value <= high:
            raise ControlError(f"{value} is no {node.model.kind.replace('_', ' ')}", fix=f"{low} to {high}")
    unknown = node.unknown
    return np.fromiter(
        (unknown if value is None else value for value in given.values), np.int64, len(given.values)
    )


def _rows(fold: Fold, unit: CompiledUnit, subjects: list[str]) -> Array:
    """The rows of subjects by id, whoever they are now; 0 for nobody."""
    index = unit.subjects
    assert index is not None
    rows = index.rows(subjects)
    if unit.kind == m.PERSON and fold.forward:
        forward = fold.forward
        rows = np.fromiter((forward.get(row, row) for row in rows.tolist()), np.int64, len(rows))
    return rows


def _take(
    fold: Fold, unit: CompiledUnit, node: PredictionNode, book: Book, rows: Array, values: Array, mark: int
) -> None:
    """Counts what cannot be taken, writes what nobody looks at, and evaluates the rest one by one."""
    known = rows != 0
    asked = known if node.asked is None else known & (node.asked.data[rows] != 0)
    timely = asked & (node.marks.data[rows] >> VERSION_BITS <= mark >> VERSION_BITS)
    book.unknown += int((~known).sum())
    book.outside += int((known & ~asked).sum())
    book.late += int((asked & ~timely).sum())
    book.taken += int(timely.sum())
    rows, values = rows[timely], values[timely]
    t = fold.t
    once = len(np.unique(rows)) == len(rows)
    if once and not SINGLY and not unit.followers.get(node.values.name):
        before = node.values.data[rows].astype(np.int64)
        looks = concerned(node.slot, before, values)
        node.marks.data[rows] = np.where(values == node.unknown, 0, mark)
        calm = ~looks
        node.values.data[rows[calm]] = values[calm]
        rows, values = rows[looks], values[looks]
    for row, value in zip(rows.tolist(), values.tolist(), strict=True):
        # Who was asked about may be no more, by what the value before did.
        if node.is_asked(row):
            node.mark(row, 0 if value == node.unknown else mark)
            mask = node.set(row, value, t)
            if mask and unit is fold.account:
                # Like what events do to accounts: looked at when it closes.
                fold._touch(row, mask)
            elif mask:
                unit.evaluate(row, t, mask)


def dump(fold: Fold) -> dict[str, Any]:
    """What `load` reads, for snapshots."""
    return {name: msgspec.to_builtins(book) for name, book in fold.predictions.items()}


def load(fold: Fold, held: dict[str, Any]) -> None:
    """Takes what `dump` gave."""
    fold.predictions = {name: msgspec.convert(book, Book) for name, book in held.items()}


__all__ = ["declared", "dump", "load"]
