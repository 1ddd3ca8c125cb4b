"""Scoring: values of everybody a prediction is asked about, from the parameters of a record alone.

Subjects are scored in chunks, each value by the same steps however they are cut, and rounded to the integers
that a record carries: 1e-6 for probabilities and amounts, ms for instants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import Fold
from ..errors import InputError
from ..limits import LEARNING_SCORED_ROWS, NUMBER_MAGNITUDE_MAX
from ..profiles.slots import SCALE
from .asked import Asked
from .buying import values as purchase_values
from .calibrating import Calibrator, Floats, calibrator_from
from .drift import Drift, Reference, drift, reference_from
from .explaining import Contribution, largest
from .features import Feature, Frame, Texts, feature_from, matrix, read
from .models import Model, model_from
from .outcomes import Ints, born, population, purchases, unit_of
from .prior import Prior, bands_of, prior_from
from .training import stage_texts

UNKNOWN = np.iinfo(np.int64).min
"""No value, among integers."""
_MICRO = SCALE["number"]


@dataclass(frozen=True)
class Scores:
    """Values of subjects at one moment: rows, numbers and integers, UNKNOWN for none, (n,) each."""

    time: int
    rows: Ints
    numbers: Ints
    values: Ints

    def known(self) -> int:
        return int((self.values != UNKNOWN).sum())


@dataclass(frozen=True)
class Predictor:
    """What a record's parameters do. Made by `predictor_from`."""

    method: str
    sources: tuple[str, ...]
    features: tuple[Feature, ...] = ()
    model: Model | None = None
    calibrator: Calibrator | None = None
    prior: Prior | None = None
    score: str | None = None
    falling: bool = False
    stage: str | None = None
    purchases: dict[str, Any] | None = None
    references: tuple[Reference, ...] = ()
    score_reference: Reference | None = None

    def floats(self, frame: Frame, kind: str, bought: Floats | None) -> Floats:
        """(n,) values in natural units (probability, money, ms), NaN for unknown."""
        n = len(frame.rows)
        if self.model is not None and self.calibrator is not None:
            return self.calibrator(self.model.margin(matrix(frame, self.features)))
        if self.purchases is not None and bought is not None:
            return purchase_values(self.purchases, kind, bought)
        score = frame.columns.get(self.score) if self.score is not None else None
        held = score if isinstance(score, np.ndarray) else np.full(n, np.nan)
        if self.prior is not None:
            bands = bands_of(held, falling=self.falling).tolist()
            stage = frame.columns.get(self.stage) if self.stage is not None else None
            stages = stage_texts(stage, np.arange(n)) if isinstance(stage, Texts) else [""] * n
            return np.array([self.prior.rate(*one) for one in zip(bands, stages, strict=True)], np.float64)
        if self.method == "score":
            return (100.0 - held if self.falling else held) / 100.0
        return np.full(n, np.nan)


def predictor_from(parameters: Any) -> Predictor:
    """The predictor of a record's parameters. Raises InputError."""
    try:
        method = parameters["method"]
        if method == "model":
            features = tuple(feature_from(one) for one in parameters["features"])
            reference = parameters["reference"]
            return Predictor(
                method, tuple(dict.fromkeys(one.source for one in features)), features,
                model_from(parameters["model"]), calibrator_from(parameters["calibration"]),
                references=tuple(reference_from(one) for one in reference["features"]),
                score_reference=reference_from(reference["scores"]),
            )  # fmt: skip
        if method == "purchases":
            return Predictor(method, (), purchases=dict(parameters))
        if method in ("prior", "score"):
            score, stage = parameters["score"], parameters["stage"]
            sources = tuple(one for one in (score, stage) if one is not None)
            prior = prior_from(parameters["prior"]) if method == "prior" else None
            return Predictor(
                method, sources, prior=prior, score=score, falling=bool(parameters["falling"]), stage=stage
            )
        if method == "none":
            return Predictor(method, ())
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"These are no parameters of a prediction: {error}", fix="train it again") from error
    raise InputError("These are no parameters of a prediction", fix="train it again")


def frames_of(
    fold: Fold, asked: Asked, sources: Sequence[str], chunk: int = LEARNING_SCORED_ROWS
) -> Iterator[tuple[Frame, Floats | None]]:
    """Everybody it is asked about now, in chunks, with their purchases where those are needed."""
    rows = population(fold, asked)
    numbers = born(fold, asked.of, rows)
    for at in range(0, len(rows), chunk):
        part = rows[at : at + chunk]
        bought = purchases(fold, asked, part) if asked.kind != "probability" else None
        yield read(fold, asked.of, sources, part, numbers[at : at + chunk]), bought


def score(fold: Fold, asked: Asked, predictor: Predictor, chunk: int = LEARNING_SCORED_ROWS) -> Scores:
    """Everybody's value now, from the fold of `Looking` (which knows who is asked about)."""
    rows: list[Ints] = [np.zeros(0, np.int64)]
    numbers, values = list(rows), list(rows)
    for frame, bought in frames_of(fold, asked, predictor.sources, chunk):
        rows.append(frame.rows)
        numbers.append(frame.numbers)
        values.append(integers(predictor.floats(frame, asked.kind, bought), asked.kind))
    return Scores(fold.t, np.concatenate(rows), np.concatenate(numbers), np.concatenate(values))


def integers(values: Floats, kind: str) -> Ints:
    """What a record carries."""
    scaled = np.rint(values if kind == "time_to" else values * _MICRO)
    known = np.isfinite(scaled)
    most = float(NUMBER_MAGNITUDE_MAX)
    bounded = np.clip(np.where(known, scaled, 0.0), -most, most)
    return np.where(known, bounded.astype(np.int64), UNKNOWN)


def subjects(fold: Fold, of: str, rows: Ints) -> list[str]:
    """The ids of rows."""
    unit = unit_of(fold, of)
    return [fold.id_of(unit, row) for row in rows.tolist()]


@dataclass(frozen=True)
class Explained:
    """A subject's value, and what moved it from the average: contributions add up to `log_odds` - `base`."""

    value: float
    log_odds: float
    base: float
    base_value: float
    contributions: list[Contribution]


def explain(predictor: Predictor, frame: Frame, count: int = 8) -> list[Explained]:
    """Why each subject of a frame has its probability. Raises InputError where no model was learned."""
    model, calibrator = predictor.model, predictor.calibrator
    if model is None or calibrator is None:
        raise InputError("Nothing was learned that could be explained", fix="its `quality` says why")
    x = matrix(frame, predictor.features)
    added, base = model.contributions(x)
    margin = model.margin(x)
    values = calibrator(margin)
    plain = float(calibrator(np.array([base]))[0])
    names = [one.name for one in predictor.features]
    return [
        Explained(float(values[i]), float(margin[i]), base, plain, largest(names, x[i], added[i], count))
        for i in range(len(values))
    ]


def drift_of(fold: Fold, asked: Asked, predictor: Predictor) -> Drift | None:
    """How those who are asked about now lie against those the model was fitted on; None without a model."""
    if predictor.model is None or predictor.calibrator is None or predictor.score_reference is None:
        return None
    parts, values = [], []
    for frame, _ in frames_of(fold, asked, predictor.sources):
        parts.append(matrix(frame, predictor.features))
        values.append(predictor.calibrator(predictor.model.margin(parts[-1])))
    if not parts:
        return None
    names = [one.name for one in predictor.features]
    pairs = list(zip(names, predictor.references, strict=True))
    return drift(pairs, np.concatenate(parts), predictor.score_reference, np.concatenate(values))


__all__ = [
    "UNKNOWN", "Explained", "Predictor", "Scores", "drift_of", "explain", "integers", "predictor_from",
    "score", "subjects",
]  # fmt: skip
