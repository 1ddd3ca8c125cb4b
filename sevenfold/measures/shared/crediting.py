"""Credit for conversions, computed when it is asked for: touches before each, and how models share it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa

from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.shared.columns import codes, numbers
from sevenfold.measures.shared.exposures import ids
from sevenfold.measures.statistics.special import Floats, Ints

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

Touch = Literal["sent", "delivered", "clicked"]
MODELS: Final = ("first", "last", "linear", "time_decay", "u_shaped", "j_shaped", "participation")
HALF_LIFE_MS: Final = 7 * 86_400_000
"""Time decay: a touch a week earlier counts half; the usual figure of analytics suites."""
_CONVERSIONS = """
SELECT e.person, e.time, {value} AS value FROM {table} AS e
WHERE e.time >= $start AND e.time < $end AND {condition}
"""
_TOUCHES = """
SELECT person, {touch} AS time, {label} AS label FROM messages
WHERE {touch} IS NOT NULL AND {touch} >= $start - $lookback AND {touch} < $end
    AND ($journey = '' OR journey = $journey) AND ($template = '' OR COALESCE(template, '') = $template)
"""
LABELS: Final = {
    "journey": "journey", "template": "COALESCE(template, '')", "channel": "COALESCE(channel, '')",
    "step": "journey || '/' || COALESCE(step, '')",
}  # fmt: skip


class Touches(msgspec.Struct, frozen=True):
    """A row a touch before a conversion, in order of conversion and time: the conversion's number from 0, its
    value, how long before it the touch was (ms), and what is credited (a code of `labels`).
    """

    conversion: Ints
    value: Floats
    ago: Ints
    label: Ints
    labels: list[str]


def touches(
    warehouse: Warehouse, conversion: str, *, by: str = "journey", touch: Touch = "sent", lookback: int,
    start: int, end: int, journey: str = "", template: str = "", currency: str = "",
) -> Touches:  # fmt: skip
    """Touches of the conversions in [start, end): `conversion` is `orders` or `revenue` (each order with its
    value), or an event, which counts 1.
    """
    parameters: dict[str, Any] = {"start": start, "end": end}
    table, value, condition = "events", "1", "TRUE"
    if conversion in ("orders", "revenue"):
        table = "orders"
        value = "COALESCE(e.value, 0) / 1000000.0" if conversion == "revenue" else "1"
        if currency and conversion == "revenue":
            condition, parameters["currency"] = "e.currency = $currency", currency
    else:
        condition = sql_of(conversion, "e")
    made = warehouse.query(_CONVERSIONS.format(value=value, table=table, condition=condition), parameters)
    had = warehouse.query(
        _TOUCHES.format(touch=touch, label=LABELS.get(by, "journey")),
        {"start": start, "end": end, "lookback": lookback, "journey": journey, "template": template},
    )
    return _joined(made, had, lookback)


def _joined(made: pa.Table, had: pa.Table, lookback: int) -> Touches:
    """Each conversion with the touches of its person within (time - lookback, time]."""
    which, labels = codes(had, "label")
    _, rank = np.unique(np.concatenate([ids(made, "person"), ids(had, "person")]), return_inverse=True)
    rank = rank.reshape(-1).astype(np.int64)
    at, touched = (numbers(table, "time").astype(np.int64) for table in (made, had))
    base = min(at.min(initial=0), touched.min(initial=0)) - lookback - 1
    span = int(max(at.max(initial=0), touched.max(initial=0)) - base) + 1
    key = rank * span - base
    before, after = key[: len(at)] + at, key[len(at) :] + touched
    order = np.lexsort([which, after])
    low = np.searchsorted(after[order], before - lookback, side="right")
    high = np.searchsorted(after[order], before, side="right")
    count = high - low
    conversion = np.repeat(np.arange(len(at)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    row = order[np.repeat(low, count) + np.arange(len(conversion)) - first]
    number = np.unique(conversion, return_inverse=True)[1].reshape(-1).astype(np.int64)
    value = numbers(made, "value")[conversion]
    return Touches(number, value, at[conversion] - touched[row], which[row], labels)


def weights(found: Touches, model: str) -> Floats:
    """Each touch's part of its conversion, (touches,); parts of one conversion sum to 1, of participation
    each is 1. `u_shaped`: 40% first, 40% last, 20% between; `j_shaped`: 20% first, 60% last; of two touches
    one half each (J: a quarter and three quarters), of one everything.
    """
    n = len(found.conversion)
    if n == 0:
        return np.zeros(0)
    starts = np.flatnonzero(np.diff(found.conversion, prepend=-1))
    sizes = np.diff(np.append(starts, n))
    size, place = np.repeat(sizes, sizes), np.arange(n) - np.repeat(starts, sizes)
    first, last = place == 0, place == size - 1
    if model == "first":
        return np.asarray(first, dtype=np.float64)
    if model == "last":
        return np.asarray(last, dtype=np.float64)
    if model == "linear":
        return np.asarray(1.0 / size)
    if model == "participation":
        return np.ones(n)
    if model == "time_decay":
        nearest = np.minimum.reduceat(found.ago, starts)
        raw = np.exp2(-(found.ago - np.repeat(nearest, sizes)) / HALF_LIFE_MS)
        return np.asarray(raw / np.repeat(np.add.reduceat(raw, starts), sizes))
    ends = (0.4, 0.4) if model == "u_shaped" else (0.2, 0.6)
    between = (1 - sum(ends)) / np.maximum(size - 2, 1)
    several = np.where(first, ends[0], np.where(last, ends[1], between))
    # Without any between, its part goes to both ends as theirs stand to one another.
    two = np.where(first, ends[0], ends[1]) / sum(ends)
    return np.asarray(np.where(size == 1, 1.0, np.where(size == 2, two, several)))


def credit(found: Touches, model: str) -> Floats:
    """What each label is credited with, (labels,)."""
    parts = weights(found, model) * found.value
    return np.bincount(found.label, weights=parts, minlength=len(found.labels)).astype(np.float64)


def last_touch(
    warehouse: Warehouse, conversion: str, *, journey: str, template: str, lookback: int, start: int,
    end: int, currency: str,
) -> float:  # fmt: skip
    """What a journey (or its message) is credited with when the last message of all takes everything."""
    found = touches(
        warehouse, conversion, by="template" if template else "journey", lookback=lookback, start=start,
        end=end, currency=currency,
    )  # fmt: skip
    wanted = template or journey
    return float(credit(found, "last")[found.labels.index(wanted)]) if wanted in found.labels else 0.0
