"""What a workspace asks to be foretold: predictions, whom they are about, and what they are learned from.

A prediction is a column of the fold like a signal: unknown until a record brings a value. Nothing of it is
computed in the fold; what learns and scores reads this section and appends records of values.
"""

from __future__ import annotations

from typing import Literal

from .base import PERSON, Condition, Model


class PredictionTarget(Model, frozen=True, kw_only=True):
    """What is foretold: an ``event`` (a name, several, a prefix with ``*``, or a derived event such as
    ``$stage account/churned``), narrowed by ``where`` on its properties; or a condition that becomes true.
    """

    event: str | list[str] | None = None
    where: Condition | None = None
    when: Condition | None = None
    property: str | None = None
    """For ``kind: amount``: the numeric property of the event that is added up."""


class PredictionFallback(Model, frozen=True, kw_only=True):
    """The score that stands in where there are too few outcomes to learn from."""

    score: str
    falling: bool = False
    """Whether a low score means that the target is likely."""


class Prediction(Model, frozen=True, kw_only=True):
    """A value of every person or account that a model foretells: a ``probability`` from 0 to 1 that the
    target comes within the ``horizon``, an ``amount`` that it comes to, or the date of the next one
    (``time_to``). Unknown until scored, and for whoever is not in the ``population``.
    """

    of: str = PERSON
    kind: Literal["probability", "amount", "time_to"] = "probability"
    target: PredictionTarget
    horizon: str
    """The outcome counts in ``(t, t + horizon]``, for ``time_to`` it is looked for so far ahead."""
    population: Condition | None = None
    """Whom it is asked about; everybody without it. Whoever leaves it has no value any more."""
    features: list[str] | None = None
    """Signals, traits, scores and stages that the model may use; without it every numeric signal and score of
    the subject, and its stages.
    """
    excluded: tuple[str, ...] = ()
    """Names that are never used, since they tell the outcome (leaks)."""
    retrain: str = "7d"
    """How often a model is trained anew, in engine time."""
    rescore: str = "1d"
    """How often everybody is scored anew, in engine time."""
    minimum_outcomes: int = 50
    """Below so many subjects with the outcome (and as many without) no model is learned from them alone."""
    fallback: PredictionFallback | None = None
    description: str = ""
    source: str = ""
    """Where defaults come from, or ``our judgement``."""


__all__ = ["Prediction", "PredictionFallback", "PredictionTarget"]
