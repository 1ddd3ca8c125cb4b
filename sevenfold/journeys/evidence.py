"""What a human is told about a subject: values behind names, and texts with names in braces.

Values are those of the moment, also of an account, which conditions of its members see as of its last
tick: evidence decides nothing. Units are natural ones, clocks and lengths of time milliseconds, dates ISO
8601 texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..profiles import expressions as x
from ..profiles.slots import Slot
from ..workspace.base import ACCOUNT, PERSON
from .zones import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit

EVENT = "event"
UNKNOWN_TEXT = "unknown"
_PLACES = re.compile(r"\{([^{}]+)\}")
Names = Iterable[str]


def name_of(text: str) -> tuple[str, ...]:
    """The parts of a written name. Raises `ExpressionError`."""
    node = x.parse(f"exists {text}")
    if not isinstance(node, x.Exists):
        raise x.ExpressionError("a name is needed here", text, 1)
    return node.name.parts


def names_in(text: str) -> list[str]:
    """The names that a text has in braces, in order."""
    return [found.strip() for found in _PLACES.findall(text)]


def event_properties(names: Names) -> set[str]:
    """Properties of a run's trigger event among these names: `event.amount` reads `amount`."""
    found = [name_of(each) for each in names]
    return {parts[1] for parts in found if parts[0] == EVENT and len(parts) > 1}


class Evidence:
    """Reads names for people. A name that the subject's kind does not have reads as unknown (None)."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._parts: dict[str, tuple[str, ...]] = {}

    def values(self, unit: CompiledUnit, row: int, names: Names, event: Mapping[str, Any]) -> dict[str, Any]:
        """`{name: value}`; `event` are the properties of what started the run, read as `event.NAME`."""
        return {each: self.value(unit, row, each, event) for each in names}

    def value(self, unit: CompiledUnit, row: int, text: str, event: Mapping[str, Any]) -> Any:
        """The value behind one name; None when it is unknown."""
        return self._find(unit, row, text, event)[0]

    def render(
        self, unit: CompiledUnit, row: int, text: str, event: Mapping[str, Any], more: Mapping[str, str]
    ) -> str:
        """The text with `{NAME}` replaced by what a human reads there; `more` has further names."""

        def shown(found: re.Match[str]) -> str:
            name = found[1].strip()
            return more[name] if name in more else spoken(*self._find(unit, row, name, event))

        return _PLACES.sub(shown, text)

    def _find(self, unit: CompiledUnit, row: int, text: str, event: Mapping[str, Any]) -> tuple[Any, bool]:
        parts = self._parts.get(text)
        if parts is None:
            parts = self._parts[text] = name_of(text)
        if parts[0] == EVENT and len(parts) > 1:
            value: Any = event
            for part in parts[1:]:
                value = value.get(part) if isinstance(value, Mapping) else None
            return value, False
        fold = self._fold
        if parts[0] == ACCOUNT and unit is fold.person and len(parts) > 1:
            unit, row, parts = fold.account, fold._accounts[row], parts[1:]
        elif parts[0] == PERSON and unit.kind in fold.workspace.entities and len(parts) > 1:
            unit, row, parts = fold.person, fold.entity_ids[unit.kind][row][1], parts[1:]
        return _read(unit, row, parts) if row else (None, False)


def _read(unit: CompiledUnit, row: int, parts: tuple[str, ...]) -> tuple[Any, bool]:
    """(value, whether it is a length of time in ms)."""
    slot: Slot | None = unit.slots.get(parts)
    signal = unit.signals.get(parts[0])
    if signal is not None:
        if parts[0] in unit.pending:
            return None, False
        value = signal.read(row) if len(parts) == 1 else signal.parts(row).get(".".join(parts[1:]))
        if slot is None:
            return value, False
        return _dated(slot, value), slot.clock is not None or slot.type == "duration"
    if parts[0] == "trait" and len(parts) == 2:
        told = unit.traits.values(row).get(parts[1])
        if told is not None or slot is None:
            return told, False
    if slot is None:
        return None, False
    return _dated(slot, unit.show(slot, row)), slot.type == "duration"


def _dated(slot: Slot, value: Any) -> Any:
    return iso(int(value)) if slot.type == "date" and value is not None else value


def iso(ms: int) -> str:
    """An instant as ISO 8601 text in UTC: the date alone when it is a midnight."""
    at = datetime.fromtimestamp(ms // 1_000, UTC)
    return at.date().isoformat() if ms % DAY == 0 else at.isoformat().replace("+00:00", "Z")


def spoken(value: Any, length: bool = False) -> str:
    """A value as a human reads it in a sentence."""
    if value is None:
        return UNKNOWN_TEXT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if length and isinstance(value, int | float):
        return spoken_length(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(spoken(one) for one in value) or "none"
    return str(value)


def spoken_length(ms: int) -> str:
    """A length of time in its largest whole unit: `12 days`, `1 hour`, `0 minutes`."""
    for unit, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if abs(ms) >= unit or unit == MINUTE:
            count = abs(ms) // unit
            return f"{'-' if ms < 0 and count else ''}{count} {word}{'' if count == 1 else 's'}"
    raise AssertionError("minutes are the last unit")


__all__ = ["Evidence", "event_properties", "iso", "name_of", "names_in", "spoken", "spoken_length"]
