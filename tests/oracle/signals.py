"""Every signal by its definition: all entries ever are kept, and a value is computed from all when asked.

A state's ``see`` takes an event, ``read`` gives its parts at a cursor ("" is the bare name), ``absorb``
unites it with the same signal of a merged subject. ``due`` collects the instants at which time alone may
change a value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

from sevenfold.limits import DISTINCT_VALUES_MAX, WINDOW_EXACT_MS_MAX
from sevenfold.profiles import expressions as ex
from sevenfold.workspace import models

from .values import (
    DAY,
    EXPIRY,
    TIMER,
    Clock,
    Cursor,
    Place,
    Value,
    bare,
    number,
    parse,
    shown,
    truth,
    typed,
)

Parts = dict[str, Value]


@dataclass
class Seen:
    """An event as signals see it; derived events (``$...``) have no properties."""

    name: str
    te: int
    seq: int
    properties: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    kind: str = "track"

    def property(self, name: str) -> Any:
        """A property by its name, or by the path through nested objects."""
        if name == "$":
            return self.properties
        if name.startswith("context."):
            return dig(self.context, name.split(".")[1:])
        return self._own(name)

    def _own(self, name: str) -> Any:
        if name in self.properties:
            return self.properties[name]
        return dig(self.properties, name.split("."))

    def lookup(self, name: ex.Name) -> Value:
        """What ``where`` sees: ``property.X`` and ``context.X``."""
        if name.parts[0] == "context":
            return bare(dig(self.context, list(name.parts[1:])))
        if name.parts[0] != "property":
            return None
        return bare(self._own(".".join(name.parts[1:])))


def dig(value: Any, path: list[str]) -> Any:
    """The value at a path of keys, None where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def matches(patterns: str | list[str], where: models.Condition | None, event: Seen) -> bool:
    """Whether a stream sees the event: one of the names fits and ``where`` is true (unknown is no match)."""
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        prefix = pattern.endswith("*") and event.name.startswith(pattern[:-1])
        # `*` and `Ord*` are about what clients send; derived events need a pattern that begins with `$`.
        if (prefix and event.name.startswith("$") == pattern.startswith("$")) or pattern == event.name:
            return where is None or truth(parse(where), event.lookup) is True
    return False


def leaving(te: int, window: int | None) -> int | None:
    """When an entry leaves a window: exactly, or at the end of a whole UTC day above 35 days. None: never."""
    if window is None:
        return None
    if window <= WINDOW_EXACT_MS_MAX:
        return te + window
    return leaving_day(te, window)


def leaving_day(te: int, window: int) -> int:
    """When an entry leaves a window of whole UTC days."""
    return (te // DAY + ceil(Fraction(window, DAY))) * DAY


def milliseconds(window: str | None) -> int | None:
    return None if window is None else ex.parse_duration(window)


@dataclass
class Entry:
    te: int
    seq: int
    value: Any = None


class State:
    """One signal of one subject. ``place`` says where it stands in the order of operations."""

    def __init__(self, model: Any, place: Place, thresholds: list[int]) -> None:
        self.model = model
        self.place = place
        self.thresholds = thresholds
        self.entries: list[Entry] = []
        self.due: list[tuple[int, int]] = []

    def see(self, event: Seen, now: Cursor) -> None:
        """Takes an event that may or may not belong to the stream."""
        if matches(self.model.event, self.model.where, event):
            self.take(event, now)

    def takes(self, event: Seen) -> bool:
        """Whether events of this name are among the signal's, whatever its `where` says."""
        model = self.model
        names = [getattr(model, field, None) for field in ("event", "first", "then", "start")]
        names += [step.event for step in getattr(model, "steps", [])]
        return any(matches(name, None, event) for name in names if name is not None)

    def take(self, event: Seen, now: Cursor) -> None:
        raise AssertionError(self.model)

    def read(self, now: Cursor) -> Parts:
        raise AssertionError(self.model)

    def absorb(self, other: Any, now: Cursor) -> None:
        """Everything that needs no rule of its own: the union of the entries, in order of the log."""
        self.entries = sorted(self.entries + other.entries, key=lambda e: e.seq)
        self.due += [(leaves, EXPIRY) for e in self.entries for leaves in self.leavings(e)]

    def leavings(self, entry: Entry) -> list[int]:
        """The instants at which an entry changes the value by leaving (or by moving on)."""
        leaves = leaving(entry.te, milliseconds(getattr(self.model, "window", None)))
        return [] if leaves is None else [leaves]

    def enter(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.due += [(leaves, EXPIRY) for leaves in self.leavings(entry)]

    def gone(self, leaves: int, now: Cursor) -> bool:
        """Whether what leaves at that instant has left at the cursor."""
        return (leaves, EXPIRY, *self.place) <= now

    def rung(self, due: int, now: Cursor) -> bool:
        """Whether the timer of that instant has been handled at the cursor."""
        return (due, TIMER, *self.place) <= now

    def inside(self, now: Cursor) -> list[Entry]:
        """The entries that have not left."""
        return [e for e in self.entries if not any(self.gone(at, now) for at in self.leavings(e))]

    def clock(self, base: int, until: bool, now: Cursor) -> Clock:
        self.due += [(base - ms if until else base + ms, TIMER) for ms in self.thresholds]
        return Clock(base, until, self.place, now)


# ----------------------------------------------------------------------------- from the entries alone


class CountState(State):
    def take(self, event: Seen, now: Cursor) -> None:
        self.enter(Entry(event.te, event.seq))

    def read(self, now: Cursor) -> Parts:
        return {"": Fraction(len(self.inside(now)))}


class NumberState(State):
    """sum, average, min and max: an event whose property is no number is not seen."""

    def take(self, event: Seen, now: Cursor) -> None:
        value = number(event.property(self.model.property))
        if value is not None:
            self.enter(Entry(event.te, event.seq, value))

    def leavings(self, entry: Entry) -> list[int]:
        window = milliseconds(self.model.window)
        if window is not None and isinstance(self.model, models.Min | models.Max):
            return [leaving_day(entry.te, window)]
        return super().leavings(entry)

    def read(self, now: Cursor) -> Parts:
        values = [e.value for e in self.inside(now)]
        if isinstance(self.model, models.Sum):
            return {"": sum(values, Fraction(0))}
        if not values:
            return {"": None}
        if isinstance(self.model, models.Average):
            return {"": shown(Fraction(sum(values)) / len(values))}
        return {"": min(values) if isinstance(self.model, models.Min) else max(values)}


class EdgeState(State):
    """first and last: by (te, seq); a value of another type than declared is not seen."""

    def take(self, event: Seen, now: Cursor) -> None:
        value = typed(event.property(self.model.property), self.model.type)
        if value is not None:
            self.enter(Entry(event.te, event.seq, value))

    def read(self, now: Cursor) -> Parts:
        if not self.entries:
            return {"": None}
        pick = min if isinstance(self.model, models.First) else max
        return {"": pick(self.entries, key=lambda e: (e.te, e.seq)).value}


class SinceState(State):
    def take(self, event: Seen, now: Cursor) -> None:
        self.enter(Entry(event.te, event.seq))

    def read(self, now: Cursor) -> Parts:
        if not self.entries:
            return {"": None}
        pick = min if self.model.edge == "first" else max
        return {"": self.clock(pick(e.te for e in self.entries), False, now)}


class DistinctState(State):
    """The 257th value is not taken in until one has left."""

    def take(self, event: Seen, now: Cursor) -> None:
        value = event.property(self.model.property)
        if not isinstance(value, str | int | float) or value == "":
            return
        text = json.dumps(value)
        known = {e.value for e in self.inside(now)}
        if text in known or len(known) < DISTINCT_VALUES_MAX:
            self.enter(Entry(event.te, event.seq, text))

    def read(self, now: Cursor) -> Parts:
        return {"": Fraction(len({e.value for e in self.inside(now)}))}


class ActiveDaysState(State):
    """A day counts while its last event is in the window: while any of its entries is."""

    def take(self, event: Seen, now: Cursor) -> None:
        self.enter(Entry(event.te, event.seq))

    def read(self, now: Cursor) -> Parts:
        return {"": Fraction(len({e.te // DAY for e in self.inside(now)}))}


class BaselineState(State):
    """An entry is recent, then in the base, then gone."""

    def take(self, event: Seen, now: Cursor) -> None:
        self.enter(Entry(event.te, event.seq))

    def leavings(self, entry: Entry) -> list[int]:
        window, baseline = self._lengths()
        # Choice: each edge by itself is exact up to 35 days and a whole UTC day beyond.
        edges = leaving(entry.te, window), leaving(entry.te, window + baseline)
        return [edge for edge in edges if edge is not None]

    def _lengths(self) -> tuple[int, int]:
        return ex.parse_duration(self.model.window), ex.parse_duration(self.model.baseline)

    def read(self, now: Cursor) -> Parts:
        window, baseline = self._lengths()
        recent = base = 0
        for entry in self.entries:
            inner, outer = self.leavings(entry)
            if not self.gone(inner, now):
                recent += 1
            elif not self.gone(outer, now):
                base += 1
        if base == 0 or base < self.model.minimum:
            return {"": None}
        return {"": shown(Fraction(recent * baseline, base * window))}


class TrendState(State):
    """Changes at 00:00 UTC only."""

    def __init__(self, model: Any, place: Place, thresholds: list[int]) -> None:
        super().__init__(model, place, thresholds)
        self.value: Fraction | None = None

    def leavings(self, entry: Entry) -> list[int]:
        return []

    def take(self, event: Seen, now: Cursor) -> None:
        self.enter(Entry(event.te, event.seq))

    def close_day(self, midnight: int) -> None:
        if self.entries:
            days = ex.parse_duration(self.model.window) // DAY
            first = midnight // DAY - days
            counts = [sum(e.te // DAY == first + i for e in self.entries) for i in range(days)]
            self.value = shown(slope(list(enumerate(counts))))

    def read(self, now: Cursor) -> Parts:
        return {"": self.value}

    def absorb(self, other: Any, now: Cursor) -> None:
        super().absorb(other, now)
        # Choice: until the next close the older subject's slope stands, if it has one.
        self.value = other.value if self.value is None else self.value


def slope(points: list[tuple[int, Any]]) -> Fraction:
    """Least squares through (x, y)."""
    n = len(points)
    sx = sum(x for x, _ in points)
    sy = sum(y for _, y in points)
    above = n * sum(x * y for x, y in points) - sx * sy
    below = n * sum(x * x for x, _ in points) - sx * sx
    return Fraction(above) / below if below else Fraction(0)
