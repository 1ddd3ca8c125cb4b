"""Arms compared with a control on several metrics: effects, evidence over all of them, and a verdict on each.

The part that experiments on a plain frame and lift in the warehouse have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec
import pyarrow as pa

from sevenfold.measures.answer import Caveat, Doubt, Estimate, QuestionError
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.statistics import ratio_check
from sevenfold.measures.statistics.effect import Effect
from sevenfold.measures.statistics.intervals import Interval
from sevenfold.measures.statistics.multiple import adjusted_e, adjusted_p
from sevenfold.measures.statistics.power import days_until
from sevenfold.measures.statistics.sequential import AMOUNT_CASES_MIN, SHARE_CASES_MIN, units_until

WORTH = 0.1
"""An effect of a tenth of the control's level is the smallest worth knowing, unless one says otherwise: our
judgement. Days to go count until the interval can tell it from nothing."""

COLUMNS = {
    "metric": "text", "arm": "text", "control": "text", "n": "integer", "control_n": "integer",
    "mean": "number", "control_mean": "number",
    "effect": "number", "low": "number", "high": "number",
    "relative": "number", "relative_low": "number", "relative_high": "number",
    "p": "number", "false_discovery_rate": "number",
    "once_low": "number", "once_high": "number",
    "once_relative_low": "number", "once_relative_high": "number",
    "once_p": "number", "variance_reduction": "number", "verdict": "text", "sentence": "text",
}  # fmt: skip
"""Columns of the table `effects`. `low`, `high`, `p` hold at every look; `once_*` hold if one looked once."""


class Compared(msgspec.Struct, frozen=True):
    """One arm against the control on one metric."""

    metric: str
    arm: str
    control: str
    effect: Effect


class Pace(msgspec.Struct, frozen=True):
    """How fast units have come in: `days` it took; 0 where time is not known."""

    days: float = 0.0


def verdict(each: Compared, *, once: bool, worth: float, pace: Pace) -> tuple[str, str]:
    """(a word, a sentence): `more`, `less`, `same`, `unclear` or `too_few`, and what it means.

    `once` reads the interval for one look. `same` is an interval that leaves no room for an effect of
    `worth`, a share of the control's level.
    """
    effect, metric, arm, control = each.effect, each.metric, each.arm, each.control
    interval = effect.absolute_once if once else effect.absolute
    if (not once and not effect.begun) or not (isfinite(interval.low) and isfinite(interval.high)):
        fewest = SHARE_CASES_MIN if effect.share else AMOUNT_CASES_MIN
        return "too_few", (
            f"Not enough data on {metric}: {arm} has {effect.n:,} and {control} {effect.control_n:,}, and "
            f"each needs {fewest} {'with and without it' if effect.share else 'that are not 0'}."
        )
    figures = (
        f"{_level(effect.mean, effect)} against {_level(effect.control_mean, effect)}, "
        f"{words.signed(interval.value, effect.share)} {words.between(interval, effect.share)}"
        f"{_relative(effect, once)}"
    )
    if interval.low > 0 or interval.high < 0:
        word, how = ("more", "higher") if interval.low > 0 else ("less", "lower")
        return word, f"{metric} is {how} with {arm} than with {control}: {figures}."
    bound = abs(worth * effect.control_mean)
    if bound > 0 and -bound < interval.low and interval.high < bound:
        least = words.percent(worth)
        return "same", f"{arm} and {control} do not differ in {metric} by as much as {least}: {figures}."
    to_go = _to_go(effect, bound, pace)
    return "unclear", f"Not enough data to tell {arm} and {control} apart in {metric}{to_go}: {figures}."


def _level(value: float, effect: Effect) -> str:
    return words.percent(value) if effect.share else words.number(value)


def _relative(effect: Effect, once: bool) -> str:
    found = effect.relative_once if once else effect.relative
    if not all(isfinite(each) for each in found):
        return ""
    return (
        f", relative {words.signed(100 * found.value)}% {words.between(Interval(*(100 * v for v in found)))}"
    )


def _to_go(effect: Effect, bound: float, pace: Pace) -> str:
    target = max(bound, abs(effect.absolute.value))
    if pace.days > 0:
        more = days_until(effect.error, effect.units, pace.days, target)
        return f" ({words.days(max(more, 1))})" if more is not None else " (no end in sight at this pace)"
    units = units_until(effect.error, effect.units, target)
    if units is None or units <= effect.units:
        return ""
    return f" (about {words.number(units - effect.units)} more units)"


def effects_table(
    compared: Sequence[Compared], *, once: bool = False, worth: float = WORTH, pace: Pace | None = None
) -> pa.Table:
    """One row a comparison, with the false-discovery rate over all of them. Columns as `COLUMNS`."""
    if once:
        rates = adjusted_p([each.effect.p_once for each in compared])
    else:
        rates = adjusted_e([each.effect.evidence for each in compared])
    rows = []
    for each, rate in zip(compared, rates, strict=True):
        e = each.effect
        word, sentence = verdict(each, once=once, worth=worth, pace=pace or Pace())
        rows.append({
            "metric": each.metric, "arm": each.arm, "control": each.control,
            "n": e.n, "control_n": e.control_n,
            "mean": e.mean, "control_mean": e.control_mean,
            **_bounds(e.absolute, "effect", "low", "high"),
            **_bounds(e.relative, "relative", "relative_low", "relative_high"),
            "p": e.p, "false_discovery_rate": rate,
            **_bounds(e.absolute_once, "effect", "once_low", "once_high"),
            **_bounds(e.relative_once, "relative", "once_relative_low", "once_relative_high"),
            "once_p": e.p_once, "variance_reduction": e.reduction, "verdict": word, "sentence": sentence,
        })  # fmt: skip
    return as_table(rows, COLUMNS)


def _bounds(interval: Interval, value: str, low: str, high: str) -> dict[str, Any]:
    """The interval by column; None where there is no bound."""
    known = (each if isfinite(each) else None for each in interval)
    return dict(zip((value, low, high), known, strict=True))


def estimates(compared: Sequence[Compared], *, once: bool, level: float) -> tuple[Estimate, ...]:
    """Effects of each comparison, named `metric:arm` and `metric:arm:relative`."""
    found = []
    for each in compared:
        e = each.effect
        name = f"{each.metric}:{each.arm}"
        for suffix, interval in (
            ("", e.absolute_once if once else e.absolute),
            (":relative", e.relative_once if once else e.relative),
        ):
            bounds = _bounds(interval, "value", "low", "high")
            found.append(Estimate(name + suffix, n=e.n + e.control_n, level=level, **bounds))
    return tuple(found)


def ratio_doubt(counts: Mapping[str, int], planned: Mapping[str, float], *, once: bool) -> Doubt | None:
    """A doubt where the arms are not of the sizes that were planned."""
    arms = [arm for arm in counts if planned.get(arm, 0) > 0]
    if len(arms) < 2:
        return None
    sizes, weights = [counts[arm] for arm in arms], [planned[arm] for arm in arms]
    check = ratio_check.p_value if once else ratio_check.sequential_p_value
    p = check(sizes, weights)
    if p >= ratio_check.SUSPICIOUS_P:
        return None
    total, weight = sum(sizes), sum(weights)
    meant = [f"{arm} {total * w / weight:,.0f}" for arm, w in zip(arms, weights, strict=True)]
    found = [f"{arm} {n:,}" for arm, n in zip(arms, sizes, strict=True)]
    text = f"{words.listed(found)}, where {words.listed(meant)} were planned (p = {p:.2g})."
    return Doubt(Caveat.SAMPLE_RATIO, text)


def doubts(compared: Sequence[Compared], *, once: bool) -> list[Doubt]:
    """What follows from the comparisons themselves: too few, many at once, looked at once only, clustered."""
    found = []
    few = [f"{each.metric} of {each.arm}" for each in compared if not each.effect.begun]
    if few:
        found.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"Concerns {words.listed(few)}."))
    if len(compared) > 1:
        text = f"{len(compared)} of them; `false_discovery_rate` allows for it."
        found.append(Doubt(Caveat.MULTIPLE_TESTS, text))
    if once:
        found.append(Doubt(Caveat.PEEKING))
    effects = [each.effect for each in compared]
    clustered = [effect for effect in effects if effect.units != effect.n + effect.control_n]
    if clustered:
        most = max(clustered, key=lambda e: e.n + e.control_n)
        text = f"{most.n + most.control_n:,} cases in {most.units:,} accounts."
        found.append(Doubt(Caveat.CLUSTERED, text))
    return found


def control_of(names: Sequence[str], control: str = "") -> str:
    """Which arm is the control: the one named, else one whose name says so, else the first by name. Raises
    QuestionError when there is none, or nothing to compare it with.
    """
    if len(names) < 2:
        raise QuestionError(f"There is one arm only: {words.listed(list(names))}", where="arm")
    if control:
        if control not in names:
            raise QuestionError(f"No arm is {control!r}", where="control", fix=f"one of {', '.join(names)}")
        return control
    for name in sorted(names):
        word = name.strip().lower()
        if word in ("control", "none", "no", "0", "false", "holdout", "baseline", "a") or word.startswith(
            ("control", "no ", "no-", "no_")
        ):
            return name
    return min(names)
