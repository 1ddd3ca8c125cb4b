"""The two records by which predictions enter the log, typed: a model, and the values that it gives subjects.

The fold computes nothing that a model computes; both records carry integers, so that folding the log again
gives the same states whatever library made them::

    {"op": "prediction_model", "prediction": "churn_risk", "version": "0f3a...", "trained_at": ms, "as_of":
    ms, "kind": "probability", "features": [...], "parameters": {...}, "quality": {...}} {"op":
    "prediction_scores", "prediction": "churn_risk", "version": "0f3a...", "as_of": ms, "subjects":
    ["9c41...", ...], "values": [712000, null, ...]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from ..limits import PREDICTION_SCORES_ITEMS_MAX

MODEL: Final = "prediction_model"
SCORES: Final = "prediction_scores"
Kind = Literal["probability", "amount", "time_to"]
"""A probability and an amount are in units of 1e-6, a `time_to` is the instant in ms UTC at which the next
one is expected.
"""


class PredictionModel(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag=MODEL):
    """A model that is in force from here on. `version` is a digest of its content, 16 hexadecimal digits;
    `trained_at` and `as_of` (what it was learned from) are engine ms; `parameters` is for whoever scores, and
    is no part of the fold's state.
    """

    prediction: str
    version: str
    trained_at: int
    as_of: int
    kind: Kind
    features: list[str]
    parameters: Any = None
    quality: dict[str, Any] = {}


class PredictionScores(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag=SCORES):
    """Values of subjects (ids of 16 hexadecimal digits) as of engine ms `as_of`; None: not known any more."""

    prediction: str
    version: str
    as_of: int
    subjects: list[str]
    values: list[int | None]


def version_of(content: Any) -> str:
    """The digest that names a model with this content (anything that JSON can say): 16 hexadecimal digits."""
    return blake2b(msgspec.json.encode(content, order="deterministic"), digest_size=8).hexdigest()


def record_of(given: PredictionModel | PredictionScores) -> dict[str, Any]:
    """The control record, to be appended to a log or given to `Fold.control`."""
    made: dict[str, Any] = msgspec.to_builtins(given)
    return made


def score_records(
    prediction: str, version: str, as_of: int, subjects: Sequence[str], values: Iterable[int | None]
) -> Iterator[dict[str, Any]]:
    """Control records for any number of subjects, in chunks that a record may hold."""
    told = list(values)
    assert len(told) == len(subjects), "a value each"
    for at in range(0, len(subjects), PREDICTION_SCORES_ITEMS_MAX):
        to = at + PREDICTION_SCORES_ITEMS_MAX
        chunk = PredictionScores(
            prediction=prediction,
            version=version,
            as_of=as_of,
            subjects=list(subjects[at:to]),
            values=told[at:to],
        )
        yield record_of(chunk)


__all__ = [
    "MODEL",
    "SCORES",
    "Kind",
    "PredictionModel",
    "PredictionScores",
    "record_of",
    "score_records",
    "version_of",
]
