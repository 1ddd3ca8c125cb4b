"""Training: from examples to a model with its quality, or to what is said when there is too little to learn
from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import numpy as np

from ..limits import LEARNING_ROWS_MAX
from ..measures.statistics.prediction import auc
from .asked import Asked
from .buying import train_purchases
from .calibrating import calibrated
from .drift import Calibrated, Reference, calibration
from .evaluating import Examples, Judged, bins_json, evaluate, fit_all, judged_json, out_of_fold
from .features import Feature, Texts, chosen_features, feature_json, matrix
from .looking import Look
from .outcomes import Bools, Floats, Ints
from .prior import bands_of, rates
from .records import PredictionModel, version_of

LEAK_AUC_MIN: Final = 0.97
"""A single value that tells the outcome this well is likely made of it; our judgement."""
_LEAK_OUTCOMES_MIN: Final = 10
_LEAK_EXPECTED_MIN: Final = 20.0
"""Outcomes that chance would bring with a value that never has one: less than one in a hundred million."""
_IMPORTANCE_ROWS: Final = 2_000
_SHOWN: Final = 20


@dataclass
class Trained:
    """What was learned: the record to publish."""

    model: PredictionModel
    caveats: list[dict[str, str]] = field(default_factory=list)

    @property
    def method(self) -> str:
        """model, prior, score, purchases or rate."""
        return str(self.model.parameters["method"])


def train(
    asked: Asked, looks: Sequence[Look], trained_at: int, say: Callable[[str], None] = lambda _: None
) -> Trained:
    """Learns a prediction from the looks at hand (perhaps none), as of engine time `trained_at` (ms).

    With outcomes of fewer subjects than `minimum_outcomes`, or as few without, rates by group stand in for a
    model; with none at all, the fallback score. The quality says which, and why.
    """
    if asked.kind != "probability":
        parameters, quality, caveats = train_purchases(asked, looks)
        return _published(asked, looks, trained_at, [], parameters, quality, caveats)
    features = chosen_features([look.frame for look in looks])
    examples = _examples(looks, features) if looks else None
    if examples is None or min(examples.outcomes, examples.others) < asked.minimum_outcomes or not features:
        say("too few outcomes for a model")
        parameters, quality, caveats = _without_model(asked, looks, examples)
        return _published(asked, looks, trained_at, [], parameters, quality, caveats)
    say(f"{len(examples.y):,} cases of {examples.outcomes:,} outcomes, {len(features)} features")
    parameters, quality, caveats = _with_model(asked, examples, features, say)
    return _published(asked, looks, trained_at, features, parameters, quality, caveats)


def _examples(looks: Sequence[Look], features: Sequence[Feature]) -> Examples:
    parts = []
    # The latest looks first, as many rows as one training uses.
    room = LEARNING_ROWS_MAX
    for look in reversed(looks):
        known = np.flatnonzero(look.known)[: max(room, 0)]
        room -= len(known)
        if len(known):
            x = matrix(look.frame, features)[known]
            times = np.full(len(known), look.frame.time)
            parts.append((x, look.outcome[known], look.frame.numbers[known], times))
    parts.reverse()
    x, y, subject, time = (np.concatenate([part[at] for part in parts]) for at in range(4))
    return Examples(np.asfortranarray(x), y, subject, time)


def _with_model(
    asked: Asked, examples: Examples, features: Sequence[Feature], say: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, str]]]:
    judged = evaluate(examples, asked.horizon_ms, asked.minimum_outcomes, say)
    best = judged.best
    wanted = [one.candidate for one in judged.judged if one.candidate.name == best.candidate.name]
    say(f"fitting {best.candidate.name}")
    calibrator = calibrated(*out_of_fold(examples, wanted)[best.candidate.name])
    model = fit_all(examples.x, examples.y, wanted)[best.candidate.name]
    some = examples.x[:: -(-len(examples.x) // _IMPORTANCE_ROWS)]
    added, base = model.contributions(some)
    latest = examples.take(examples.time == examples.time.max())
    scores = calibrator(model.margin(latest.x))
    parameters = {
        "method": "model", "family": best.candidate.name, "features": [feature_json(one) for one in features],
        "model": model.to_json(), "calibration": calibrator.to_json(), "base": base,
        "reference": {
            "features": [Reference.of(latest.x[:, j]).to_json() for j in range(len(features))],
            "scores": Reference.of(scores).to_json(),
        },
    }  # fmt: skip
    quality = {
        "method": "model", "n": judged.n, "outcomes": examples.outcomes, "cases": len(examples.y),
        "split": "time" if judged.by_time else "subjects", **_best_json(best),
        "candidates": [judged_json(one) for one in judged.judged],
        "importance": _importance(added, features), "suspects": _suspects(examples, features),
        "calibration": _calibration(best).to_json(),
    }  # fmt: skip
    return parameters, quality, _caveats(judged.by_time, best, quality["suspects"])


def _calibration(best: Judged) -> Calibrated:
    """Whether what was said of the cases that judged it came true, all in all; off is drift of the
    calibration.
    """
    n, hits = sum(one.n for one in best.bins), sum(one.hits for one in best.bins)
    return calibration(n, sum(one.n * one.predicted for one in best.bins) / max(n, 1), hits)


def _best_json(best: Judged) -> dict[str, Any]:
    return {**judged_json(best), "reliability": bins_json(best.bins)}


def _importance(added: Floats, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Mean distance that each feature moves the log-odds, as a share of all."""
    moved = np.abs(added).mean(axis=0)
    total = float(moved.sum()) or 1.0
    order = np.argsort(-moved, kind="stable")[:_SHOWN]
    return [
        {"feature": features[j].name, "share": float(moved[j]) / total} for j in order.tolist() if moved[j]
    ]


def _suspects(examples: Examples, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Features that tell the outcome by themselves nearly for certain."""
    if examples.outcomes < _LEAK_OUTCOMES_MIN:
        return []
    found = []
    for j, feature in enumerate(features):
        column = examples.x[:, j]
        # Unknown is told apart from every value, on the side where it tells more.
        low = float(np.nanmin(column)) - 1 if np.isfinite(column).any() else 0.0
        values = [np.nan_to_num(column, nan=low)]
        if np.isnan(column).any():
            values.append(np.nan_to_num(column, nan=float(np.nanmax(column)) + 1 if low else 1.0))
        area = max(abs(auc(one, examples.y).value - 0.5) + 0.5 for one in values)
        if area >= LEAK_AUC_MIN or _one_sided(values[0], examples.y):
            found.append({"feature": feature.name, "auc": area})
    return found


def _one_sided(column: Floats, outcome: Bools) -> bool:
    """Whether a value of two kinds never comes with the outcome where chance would have had it often."""
    kinds, which = np.unique(column, return_inverse=True)
    if len(kinds) != 2:
        return False
    hits, n = np.bincount(which, outcome, minlength=2), np.bincount(which, minlength=2)
    return bool(np.any((hits == 0) & (n * outcome.mean() >= _LEAK_EXPECTED_MIN)))


def _caveats(by_time: bool, best: Judged, suspects: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    found = []
    held = _calibration(best)
    if held.off:
        text = f"{held.predicted:.1%} were foretold of the cases that judge it, and {held.observed:.1%} came."
        found.append(caveat("calibration_off", f"{text} It was fitted again on all."))
    if not by_time:
        text = "Judged on other subjects, not on a later time: outcomes are too few for both."
        found.append(caveat("not_by_time", text))
    for one in suspects:
        text = f"`{one['feature']}` alone tells who has the outcome, or who never (AUC {one['auc']:.2f})."
        found.append(
            caveat("leak_suspected", f"{text} If it is made of the outcome, name it under `excluded`.")
        )
    if best.auc.low <= 0.5:
        text = "It does not tell the cases apart better than chance would."
        found.append(caveat("no_better_than_chance", text))
    return found


def caveat(code: str, text: str) -> dict[str, str]:
    """A doubt about an answer, with a stable code."""
    return {"code": code, "text": text}


def _without_model(
    asked: Asked, looks: Sequence[Look], examples: Examples | None
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, str]]]:
    """Rates by group where anything came true, else the score by itself."""
    outcome, score, stage = _few(asked, looks)
    hits = examples.outcomes if examples is not None else 0
    others = examples.others if examples is not None else 0
    few = f"{hits:,} subjects had the outcome and {others:,} not; a model needs {asked.minimum_outcomes:,}"
    quality: dict[str, Any] = {"n": len(outcome), "cases": len(outcome), "outcomes": hits}
    parameters: dict[str, Any] = {
        "score": f"score.{asked.fallback.score}" if asked.fallback else None,
        "falling": bool(asked.fallback and asked.fallback.falling), "stage": _stage_source(looks),
    }  # fmt: skip
    if hits or (len(outcome) and asked.fallback is None):
        prior = rates(outcome, bands_of(score, falling=parameters["falling"]), stage)
        parameters |= {"method": "prior", "prior": prior.to_json()}
        quality |= {"method": "prior", "rate": list(prior.whole.to_json())}
        if asked.fallback is not None and 0 < outcome.sum() < len(outcome):
            known = np.isfinite(score)
            sign = -1.0 if asked.fallback.falling else 1.0
            area = auc(sign * score[known], outcome[known])
            quality["auc"] = [one if isfinite(one) else None for one in area]
        told = caveat("prior", f"{few}. Until then: the rate of subjects like them, shrunk to that of all.")
    elif asked.fallback is not None:
        parameters["method"] = quality["method"] = "score"
        name = asked.fallback.score
        told = caveat("score", f"{few}. Until then: the score `{name}`, which is no probability.")
    else:
        parameters["method"] = quality["method"] = "none"
        told = caveat("none", f"{few}, and no score is named that could stand in.")
    return parameters, quality, [told]


def _stage_source(looks: Sequence[Look]) -> str | None:
    names = looks[-1].frame.columns if looks else {}
    return next((name for name in names if name.startswith("stage.")), None)


def _few(asked: Asked, looks: Sequence[Look]) -> tuple[Bools, Floats, list[str]]:
    """(outcomes, fallback scores, stages) of all cases."""
    source = _stage_source(looks)
    outcomes, scores = [np.zeros(0, dtype=bool)], [np.zeros(0)]
    stages: list[str] = []
    for look in looks:
        known = np.flatnonzero(look.known)
        outcomes.append(look.outcome[known])
        held = look.frame.columns.get(f"score.{asked.fallback.score}") if asked.fallback else None
        scores.append(held[known] if isinstance(held, np.ndarray) else np.full(len(known), np.nan))
        stage = look.frame.columns.get(source) if source else None
        stages += stage_texts(stage, known) if isinstance(stage, Texts) else [""] * len(known)
    return np.concatenate(outcomes), np.concatenate(scores), stages


def stage_texts(stage: Texts, rows: Ints) -> list[str]:
    """The names of some rows' stages, "" for none."""
    meaning = {code: stage.meaning(code) or "" for code in np.unique(stage.codes).tolist()}
    return [meaning[code] for code in stage.codes[rows].tolist()]


def _read_by(asked: Asked, parameters: dict[str, Any]) -> list[str]:
    """What is read where no model was learned."""
    if parameters["method"] == "purchases":
        return list(asked.events)
    return [one for name in ("score", "stage") if (one := parameters.get(name)) is not None]


def _published(
    asked: Asked, looks: Sequence[Look], trained_at: int, features: Sequence[Feature],
    parameters: dict[str, Any], quality: dict[str, Any], caveats: list[dict[str, str]],
) -> Trained:  # fmt: skip
    """The record: its version is a digest of what scores are made with."""
    as_of = looks[-1].frame.time + asked.horizon_ms if looks else trained_at
    version = version_of({"prediction": asked.name, "kind": asked.kind, "parameters": parameters})
    model = PredictionModel(
        prediction=asked.name, version=version, trained_at=trained_at, as_of=as_of, kind=asked.kind,
        features=[one.name for one in features] or _read_by(asked, parameters), parameters=parameters,
        quality={**quality, "caveats": caveats},
    )  # fmt: skip
    return Trained(model, caveats)
