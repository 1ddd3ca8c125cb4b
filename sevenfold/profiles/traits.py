"""Traits: all of them packed for each subject, the named ones as typed columns. The newest non-empty value
wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..events.times import parse_ms
from ..workspace import models as m
from ..workspace.paths import split_path
from .columns import COUNT, UNKNOWN, Column, Dictionary
from .slots import Slot
from .unit import Unit
from .where import dig, micro, present

_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(list[tuple[int, int, list[Any]]]).decode
NAMES_MAX, TEXTS_MAX = 65_536, 4_096
"""Names and texts of traits that have a code; further ones are spelled out in each profile."""
_DTYPES = {
    "string": (COUNT, 0, "text"),
    "number": ("int64", UNKNOWN, "number"),
    "boolean": ("int8", 0, "boolean"),
    "date": ("int64", UNKNOWN, "date"),
}


class TraitColumn:
    """One named trait."""

    def __init__(self, unit: Unit, label: str, model: m.Trait) -> None:
        self.unit, self.label, self.model = unit, label, model
        head, *rest = split_path(model.path) if model.path is not None else (label,)
        self.head, self.rest = head, tuple(rest)
        if model.type == "json":
            # Nothing compares JSON, but conditions may ask whether it is there.
            self.column: Column = unit.table.add(f"trait.{label}", "int8")
            self.slot = Slot(unit.kind, f"trait.{label}", "json", self.column.name, 0)
        else:
            dtype, unknown, type_ = _DTYPES[model.type]
            self.column = unit.table.add(f"trait.{label}", dtype, unknown)
            self.slot = Slot(unit.kind, f"trait.{label}", type_, self.column.name, unknown)  # type: ignore[arg-type]
            if type_ == "text":
                self.slot.dictionary = unit.dictionary(f"trait.{label}")
        unit.add_slot(("trait", label), self.slot)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def convert(self, value: Any) -> int:
        """The stored integer of a JSON value; the unknown one when the type is another."""
        unknown = self.slot.unknown or 0
        if self.model.type == "json":
            return 1 if present(value) else 0
        if self.model.type == "string":
            if value.__class__ is not str or value == "":
                return unknown
            assert self.slot.dictionary is not None
            return self.slot.dictionary.code(value)
        if self.model.type == "number":
            found = micro(value)
        elif self.model.type == "boolean":
            found = (2 if value else 1) if value.__class__ is bool else None
        else:
            found = parse_ms(value) if value.__class__ in (str, int, float) else None
        return unknown if found is None else found

    def set(self, row: int, whole: Any, te: int, t: int) -> int:
        """Takes the trait out of the value at its head; returns who must look again."""
        value = dig(whole, self.rest) if self.rest else whole
        return self.put(row, self.convert(value), te, t)

    def fill(self, row: int, whole: Any) -> None:
        """Takes the trait out of the value at its head, into a column that nobody has looked at yet."""
        new = self.convert(dig(whole, self.rest) if self.rest else whole)
        self.unit.table.put(self.column, row, new)

    def put(self, row: int, new: int, te: int, t: int) -> int:
        """Stores the integer; a change moves the clocks that follow it."""
        values: Any = self.unit.env.scope[self.column.name]
        old = values[row]
        if old == new:
            return 0
        self.unit.table.put(self.column, row, new)
        mask = self._changed(row, old, new) | self.unit.moved(self.column.name, row, t)
        for moved in self.unit.trait_moves.get(self.label, ()):
            mask |= moved(row, te, t)
        return mask


class Traits:
    """The traits of one kind of subject: what each event told, packed, and the named
    columns.
    """

    def __init__(self, unit: Unit, named: dict[str, m.Trait]) -> None:
        self.unit = unit
        self.columns = [TraitColumn(unit, label, model) for label, model in named.items()]
        self.by_head: dict[str, list[TraitColumn]] = {}
        for column in self.columns:
            self.by_head.setdefault(column.head, []).append(column)
        self.bag = unit.table.add_bag(".traits")
        self.names = unit.dictionary(".names of traits")
        self.texts = unit.dictionary(".texts of traits")
        self.repeated = {
            column.head for column in self.columns if column.model.type == "string" and not column.rest
        }
        """Traits whose values are likely to be the same for many: those that conditions compare."""

    def finish(self) -> None:
        for column in self.columns:
            column.finish()

    def held(self, row: int) -> dict[str, list[Any]]:
        """`{name: [value, te, seq]}` of a row."""
        packed = self.unit.env.scope[self.bag][row]
        if packed is None:
            return {}
        names, texts = self.names.texts, self.texts.texts
        found: dict[str, list[Any]] = {}
        for te, seq, told in _UNPACK(packed):
            for at in range(0, len(told), 2):
                name, value = told[at], told[at + 1]
                if name.__class__ is int:
                    if name < 0:
                        name, value = -name, texts[value]
                    name = names[name]
                found[name] = [value, te, seq]
        return found

    def _keep(self, row: int, held: dict[str, list[Any]]) -> None:
        # Most traits are told together: a time and a number are kept once for all that one event told. A
        # name is its code, and a code below 0 says that the value is a text's.
        told: dict[tuple[int, int], list[Any]] = {}
        for name, (value, te, seq) in held.items():
            what: Any = _code(self.names, name, NAMES_MAX) or name
            if value.__class__ is str and what.__class__ is int and name in self.repeated:
                text = _code(self.texts, value, TEXTS_MAX)
                if text:
                    what, value = -what, text
            told.setdefault((te, seq), []).extend((what, value))
        self.unit.env.scope[self.bag][row] = _PACK([(te, seq, pairs) for (te, seq), pairs in told.items()])

    def values(self, row: int) -> dict[str, Any]:
        """`{name: value}` of a row."""
        return {name: entry[0] for name, entry in self.held(row).items()}

    def set(self, row: int, traits: dict[str, Any], te: int, seq: int, t: int) -> int:
        """Takes traits of an event; a value that is null or "" is none and changes nothing."""
        if not traits:
            return 0
        held = self.held(row)
        mask, touched = 0, False
        for trait, value in traits.items():
            if not present(value):
                continue
            before = held.get(trait)
            if before is not None and (before[1], before[2]) > (te, seq):
                continue
            held[trait] = [value, te, seq]
            touched = True
            for column in self.by_head.get(trait, ()):
                mask |= column.set(row, value, te, t)
        if touched:
            self._keep(row, held)
        return mask

    def forget(self, row: int, names: Iterable[str], t: int) -> int:
        """Leaves out what a catalogue had said and says no more; what an event told stays."""
        held, mask = self.held(row), 0
        gone = [name for name in names if name in held and held[name][1:] == [0, 0]]
        for name in gone:
            del held[name]
            for column in self.by_head.get(name, ()):
                mask |= column.put(row, column.slot.unknown or 0, t, t)
        if gone:
            self._keep(row, held)
        return mask

    def strike(self, row: int, says: Callable[[Any], bool], t: int) -> int:
        """Leaves out every trait whose value says what is not to be known any more."""
        held, mask = self.held(row), 0
        gone = [name for name, entry in held.items() if says(entry[0])]
        for name in gone:
            del held[name]
            for column in self.by_head.get(name, ()):
                mask |= column.put(row, column.slot.unknown or 0, t, t)
        if gone:
            self._keep(row, held)
        return mask

    def merge(self, winner: int, loser: int, t: int) -> int:
        """The newest value of each trait wins, whoever it was told about."""
        mask = 0
        for trait, (value, te, seq) in self.held(loser).items():
            mask |= self.set(winner, {trait: value}, te, seq, t)
        return mask


def _code(dictionary: Dictionary, text: str, most: int) -> int:
    """A text's code, 0 where it has none and is given none any more."""
    return dictionary.codes.get(text, 0) if len(dictionary.texts) > most else dictionary.code(text)
