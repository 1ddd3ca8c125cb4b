"""The type of each signal and of its parts; what the types mean stands in :mod:`.names`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, assert_never

from . import models

ValueType = Literal["count", "number", "clock", "duration", "text", "boolean", "score", "date", "json", "any"]

VALUE_TYPES: Mapping[str, ValueType] = {
    "string": "text",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "json": "json",
}
"""The types of traits, columns and properties, as conditions see them."""

_LENGTHS = ("current", "previous", "average")


def parts_of(
    signal: models.Signal, rollup_type: Callable[[models.Rollup], ValueType]
) -> dict[str | None, ValueType]:
    """The sub-values of a signal with their types; ``None`` is the bare name."""
    parts: dict[str | None, ValueType] = {None: _type(signal, rollup_type)}
    match signal:
        case models.Sessions():
            parts |= dict.fromkeys(_LENGTHS, "duration")
            parts["events"] = "count"
        case models.Milestones():
            parts |= {step.name: "boolean" for step in signal.steps}
            parts |= {"stalled": "boolean", "next": "text"}
        case models.Values():
            parts |= {"abandoned": "count", "top": "text", "recent": "text", "untouched": "json"}
            if signal.catalogue is not None:
                parts |= {"unused": "count", "untried": "json"}
        case models.Channel():
            parts["intent"] = "number"
    return parts


def _type(signal: models.Signal, rollup_type: Callable[[models.Rollup], ValueType]) -> ValueType:
    match signal:
        case models.Count() | models.Distinct() | models.ActiveDays() | models.Sequence():
            return "count"
        case models.Sessions() | models.Milestones() | models.Values():
            return "count"
        case models.Sum() | models.Min() | models.Max() | models.Average():
            return "number"
        case models.Ratio() | models.Formula() | models.Trend() | models.Baseline():
            return "number"
        case models.First() | models.Last():
            return VALUE_TYPES[signal.type]
        case models.Since() | models.SinceChange() | models.SinceDate() | models.UntilDate():
            return "clock"
        case models.StageTime():
            return "clock"
        case models.Channel():
            return "text"
        case models.ScoreHistory():
            return "number" if signal.measure == "slope" else "score"
        case models.Rollup():
            return rollup_type(signal)
    assert_never(signal)
