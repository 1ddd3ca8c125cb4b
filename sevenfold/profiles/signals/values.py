"""Values: first, last, smallest, largest, different, active days, and memory keyed by a property's value."""

from __future__ import annotations

import ast
from array import array
from collections.abc import Callable
from typing import Any

import msgspec

from ...events.times import parse_ms
from ...limits import DISTINCT_VALUES_MAX, REMEMBERED_VALUES_MAX
from ...workspace import models as m
from ..build import code, name
from ..columns import UNKNOWN, Dictionary
from ..expressions import parse_duration
from ..slots import Slot
from ..wheel import NEVER
from ..where import micro, present
from .base import DAY, SignalKind, Stream, leaves, stamp, window_ms

_JSON = msgspec.json.Encoder(order="sorted")


class EdgeKind(SignalKind):
    """The property's value at the first or last event, by (event time, log position)."""

    model: m.First | m.Last

    def declare(self) -> None:
        self.stamps = self.column(".stamp", empty=UNKNOWN)
        kind = self.model.type
        self.first = isinstance(self.model, m.First)
        self.bag = ""
        if kind == "json":
            self.bag = self.unit.table.add_bag(self.label)
            # Nothing compares JSON, but conditions may ask whether it is there: it is once it has a time.
            self.slot = Slot(self.unit.kind, self.label, "json", self.stamps.name, UNKNOWN)
            self.unit.add_slot((self.label,), self.slot)
            return
        dtype = {"string": "int32", "boolean": "int8"}.get(kind, "int64")
        unknown = 0 if kind in ("string", "boolean") else UNKNOWN
        self.values = self.column(dtype=dtype, empty=unknown)
        type_ = {"string": "text", "number": "number", "boolean": "boolean", "date": "date"}[kind]
        self.slot = self.make_slot(self.values, type_, unknown=unknown)
        if kind == "string":
            self.slot.dictionary = self.unit.dictionary(f"{self.label}")

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.env.scope[f"edge_{self.stamps.name}"] = self._take

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        value = self.unit.read_property(self.model.property)
        return code("d |= TAKE(row, V, te, t, seq)", TAKE=name(f"edge_{self.stamps.name}"), V=value)

    def _convert(self, value: Any) -> int | None:
        kind = self.model.type
        if kind == "string":
            if value.__class__ is not str or value == "":
                return None
            assert self.slot.dictionary is not None
            return self.slot.dictionary.code(value)
        if kind == "number":
            return micro(value)
        if kind == "boolean":
            return None if value.__class__ is not bool else 2 if value else 1
        return parse_ms(value) if value.__class__ in (str, int, float) else None

    def _take(self, row: int, value: Any, te: int, t: int, seq: int) -> int:
        stamps = self.data(self.stamps)
        at, held = stamp(te, seq), stamps[row]
        if held != UNKNOWN and (at >= held if self.first else at <= held):
            return 0
        if self.bag:
            if not present(value):
                return 0
            stamps[row] = at
            self.unit.env.scope[self.bag][row] = _JSON.encode(value)
            return self._changed(row, held, at) if held == UNKNOWN else 0
        new = self._convert(value)
        if new is None:
            return 0
        stamps[row] = at
        return self._set(row, new, t)

    def _set(self, row: int, new: int, t: int) -> int:
        values = self.data(self.values)
        old = values[row]
        if old == new:
            return 0
        values[row] = new
        return self._changed(row, old, new) | self.unit.moved(self.values.name, row, t)

    def merge(self, winner: int, loser: int, t: int) -> None:
        stamps = self.data(self.stamps)
        a, b = stamps[winner], stamps[loser]
        if b == UNKNOWN or (a != UNKNOWN and (b >= a if self.first else b <= a)):
            return
        stamps[winner] = b
        if self.bag:
            bag = self.unit.env.scope[self.bag]
            bag[winner] = bag[loser]
        else:
            self._set(winner, self.data(self.values)[loser], t)

    def read(self, row: int) -> Any:
        if self.bag:
            packed = self.unit.env.scope[self.bag][row]
            return None if packed is None else msgspec.json.decode(packed)
        return self.unit.show(self.slot, row)


class ExtremeKind(SignalKind):
    """Smallest or largest value, ever or over whole UTC days (one value a day is kept)."""

    model: m.Min | m.Max

    def declare(self) -> None:
        self.values = self.column(empty=UNKNOWN)
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        self.window = window_ms(self.model.window)
        self.largest = isinstance(self.model, m.Max)
        self.bag = self.unit.table.add_bag(self.label) if self.window is not None else ""
        self.op = self.unit.op(self._fire) if self.window is not None else 0
        self.length_days = -(-self.window // DAY) if self.window is not None else 0

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.env.scope[f"extreme_{self.values.name}"] = self._take

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        return code(
            "x = MICRO(V)\nif x is not None:\n    d |= TAKE(row, x, te, t)",
            MICRO=name("micro"),
            V=self.unit.read_property(self.model.property),
            TAKE=name(f"extreme_{self.values.name}"),
        )

    def _better(self, a: int, b: int) -> int:
        if UNKNOWN in (a, b):
            return b if a == UNKNOWN else a
        return max(a, b) if self.largest else min(a, b)

    def _take(self, row: int, value: int, te: int, t: int) -> int:
        if self.window is not None:
            day = te // DAY
            if (day + self.length_days) * DAY <= t:
                return 0
            bag = self.unit.env.scope[self.bag]
            days: dict[int, int] = bag[row] if bag[row] is not None else {}
            if day not in days:
                self.unit.push((day + self.length_days) * DAY, self.unit.low(self.op), row)
            days[day] = self._better(days.get(day, UNKNOWN), value)
            bag[row] = days
        return self._set(row, self._better(self.data(self.values)[row], value))

    def _set(self, row: int, new: int) -> int:
        values = self.data(self.values)
        old = values[row]
        if old == new:
            return 0
        values[row] = new
        return self._changed(row, old, new)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        bag = self.unit.env.scope[self.bag]
        days: dict[int, int] = bag[row] or {}
        days.pop(due // DAY - self.length_days, None)
        return self._set(row, self._best(days))

    def _best(self, days: dict[int, int]) -> int:
        best = UNKNOWN
        for value in days.values():
            best = self._better(best, value)
        return best

    def merge(self, winner: int, loser: int, t: int) -> None:
        values = self.data(self.values)
        if self.window is None:
            self._set(winner, self._better(values[winner], values[loser]))
            return
        bag = self.unit.env.scope[self.bag]
        days: dict[int, int] = bag[winner] or {}
        for day, value in (bag[loser] or {}).items():
            days[day] = self._better(days.get(day, UNKNOWN), value)
        bag[winner] = days
        self._set(winner, self._best(days))


class DistinctKind(SignalKind):
    """Different values (or active days) by last time a value; one timer at most is out for a row.

    A row's memory is an array of (value, last time) pairs. The value is a code of the signal's own
    dictionary, or a day.
    """

    model: m.Distinct | m.ActiveDays

    def declare(self) -> None:
        self.counts = self.column(dtype="int32")
        self.slot = self.make_slot(self.counts, "count")
        self.window = window_ms(self.model.window)
        self.bag = self.unit.table.add_bag(self.label)
        self.days = isinstance(self.model, m.ActiveDays)
        self.codes: Dictionary | None = None if self.days else self.unit.dictionary(self.label)
        self.op = self.unit.op(self._fire)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.env.scope[f"distinct_{self.counts.name}"] = (
            self._days_taker() if self.days else self._taker()
        )

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        take = name(f"distinct_{self.counts.name}")
        if self.days:
            return code("d |= TAKE(row, te, t)", TAKE=take)
        assert isinstance(self.model, m.Distinct)
        return code("d |= TAKE(row, V, te, t)", TAKE=take, V=self.unit.read_property(self.model.property))

    def _days_taker(self) -> Callable[[int, int, int], int]:
        bag, note, window = self.unit.env.scope[self.bag], self._note, self.window or NEVER

        def take(row: int, te: int, t: int) -> int:
            # The common case, another event of the day that was added last, moves that day's last time.
            pairs = bag[row]
            day = te // DAY
            if pairs is not None and pairs[-2] == day and te + window > t:
                if te > pairs[-1]:
                    pairs[-1] = te
                return 0
            return note(row, day, te, t)

        return take

    def _taker(self) -> Callable[[int, Any, int, int], int]:
        assert self.codes is not None
        bag, note, window, code = (
            self.unit.env.scope[self.bag],
            self._note,
            self.window or NEVER,
            self.codes.code,
        )
        known = self.codes.codes

        def take(row: int, value: Any, te: int, t: int) -> int:
            if value.__class__ is str:
                if value == "":
                    return 0
                # The JSON text tells 1 from "1"; a text without quotes inside is its own JSON text but for
                # them.
                text = f'"{value}"'
            elif value.__class__ in (int, float, bool):
                text = _JSON.encode(value).decode()
            else:
                return 0
            what = known.get(text) or code(text)
            pairs = bag[row]
            if pairs is not None and te + window > t:
                for at in range(0, len(pairs), 2):
                    if pairs[at] == what:
                        if te > pairs[at + 1]:
                            pairs[at + 1] = te
                        return 0
            return note(row, what, te, t)

        return take

    def _note(self, row: int, value: int, te: int, t: int) -> int:
        if self.window is not None and leaves(te, self.window) <= t:
            return 0
        bag = self.unit.env.scope[self.bag]
        pairs = bag[row]
        if pairs is None:
            bag[row] = array("q", (value, te))
        else:
            size = len(pairs)
            for at in range(size - 2, -1, -2):
                if pairs[at] == value:
                    if te > pairs[at + 1]:
                        pairs[at + 1] = te
                    return 0
            if size >= 2 * DISTINCT_VALUES_MAX and not self.days:
                return 0
            pairs.append(value)
            pairs.append(te)
        if self.window is not None and (pairs is None or self._earlier(pairs)):
            self.unit.push(leaves(te, self.window), self.unit.low(self.op), row)
        counts = self.data(self.counts)
        counts[row] = new = counts[row] + 1
        return self._changed(row, new - 1, new)

    def _earlier(self, pairs: Any) -> bool:
        """Whether the pair just added leaves before all others (a late event): then it needs a timer of its
        own.
        """
        size = len(pairs)
        return size == 2 or pairs[size - 1] < min(pairs[1 : size - 1 : 2])

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        bag = self.unit.env.scope[self.bag]
        pairs = bag[row]
        if pairs is None or self.window is None:
            return 0
        kept = array("q")
        earliest = 0
        for at in range(0, len(pairs), 2):
            te = pairs[at + 1]
            leave = leaves(te, self.window)
            if leave > due:
                kept.append(pairs[at])
                kept.append(te)
                if earliest == 0 or leave < earliest:
                    earliest = leave
        gone = (len(pairs) - len(kept)) // 2
        bag[row] = kept if kept else None
        if earliest:
            self.unit.push(earliest, self.unit.low(self.op), row)
        if not gone:
            return 0
        counts = self.data(self.counts)
        old = counts[row]
        counts[row] = old - gone
        return self._changed(row, old, old - gone)

    def merge(self, winner: int, loser: int, t: int) -> None:
        bag = self.unit.env.scope[self.bag]
        other = bag[loser]
        if other is None:
            return
        mine = bag[winner]
        last: dict[int, int] = {}
        for pairs in (mine, other):
            for at in range(0, len(pairs) if pairs is not None else 0, 2):
                last[pairs[at]] = max(last.get(pairs[at], pairs[at + 1]), pairs[at + 1])
        if not self.days and len(last) > DISTINCT_VALUES_MAX:
            newest = sorted(last.items(), key=lambda pair: (-pair[1], pair[0]))[:DISTINCT_VALUES_MAX]
            last = dict(newest)
        merged = array("q")
        for value, te in last.items():
            merged.append(value)
            merged.append(te)
        bag[winner] = merged
        self.data(self.counts)[winner] = len(last)
        if self.window is not None:
            self.unit.push(
                min(leaves(te, self.window) for te in last.values()), self.unit.low(self.op), winner
            )


class ValuesKind(SignalKind):
    """Memory keyed by a property's value: triples (code, uses, last time) in order of first sight, at most
    64 a subject.
    """

    model: m.Values

    def declare(self) -> None:
        self.counts = self.column(dtype="int16")
        self.slot = self.make_slot(self.counts, "count")
        self.abandoned = self.column(".abandoned", "int16")
        self.top = self.column(".top", "int32")
        self.recent = self.column(".recent", "int32")
        self.bag = self.unit.table.add_bag(self.label)
        self.codes = self.unit.dictionary(self.label)
        self.part_slots = {
            "abandoned": self.make_slot(self.abandoned, "count", "abandoned"),
            "top": self.make_slot(self.top, "text", "top", 0),
            "recent": self.make_slot(self.recent, "text", "recent", 0),
        }
        self.part_slots["top"].dictionary = self.part_slots["recent"].dictionary = self.codes
        if self.model.catalogue is not None:
            self.unused = self.column(".unused", "int16")
            self.part_slots["unused"] = self.make_slot(self.unused, "count", "unused")
        self.quiet = parse_duration(self.model.quiet)
        self.op = self.unit.op(self._fire, timer=True)

    def finish(self) -> None:
        self.catalogue = frozenset(
            self.codes.code(text) for text in self.unit.catalogue_keys(self.model.catalogue)
        )
        self.unit.env.scope[f"values_{self.counts.name}"] = self._taker()
        if self.model.catalogue is not None:
            column = self.unit.table.columns[f"{self.label}.unused"]
            column.empty = len(self.catalogue)
            column.data[: self.unit.table.rows] = len(self.catalogue)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        take = name(f"values_{self.counts.name}")
        return code("d |= TAKE(row, V, te, t)", TAKE=take, V=self.unit.read_property(self.model.property))

    def _taker(self) -> Callable[[int, Any, int, int], int]:
        scope, minimum, quiet = self.unit.env.scope, self.model.minimum, self.quiet
        bag, known, settle, again = scope[self.bag], self.codes.codes, self._take, self._used_again
        recent, top = self.recent.name, self.top.name

        def take(row: int, value: Any, te: int, t: int) -> int:
            # The common case: a value in steady use is used now.
            memory = bag[row]
            what = known.get(value) if te == t and value.__class__ is str and memory is not None else None
            if what is not None:
                for at in range(0, len(memory), 3):
                    if memory[at] == what:
                        if memory[at + 1] < minimum or memory[at + 2] + quiet <= t:
                            break
                        memory[at + 1] += 1
                        memory[at + 2] = te
                        if scope[recent][row] == what and scope[top][row] == what:
                            return 0
                        return again(row, memory, at, what)
            return settle(row, value, te, t)

        return take

    def _take(self, row: int, value: Any, te: int, t: int) -> int:
        if value.__class__ is not str:
            if value.__class__ not in (int, float, bool):
                return 0
            value = _JSON.encode(value).decode()
        elif value == "":
            return 0
        what = self.codes.code(value)
        bag = self.unit.env.scope[self.bag]
        memory = bag[row]
        if memory is None:
            memory = bag[row] = array("q")
        size = len(memory)
        for at in range(0, size, 3):
            if memory[at] == what:
                active = memory[at + 1] >= self.model.minimum and memory[at + 2] + self.quiet > t
                memory[at + 1] += 1
                if te > memory[at + 2]:
                    memory[at + 2] = te
                return self._settle(row, t, -1 if active else at)
        if size >= 3 * REMEMBERED_VALUES_MAX:
            oldest = min(range(0, size, 3), key=lambda i: (memory[i + 2], i))
            del memory[oldest : oldest + 3]
        memory.extend((what, 1, te))
        return self._settle(row, t, len(memory) - 3)

    def _used_again(self, row: int, memory: Any, at: int, what: int) -> int:
        """A value in steady use was used now: it is the most recent one and may have become the most used."""
        mask = 0
        recent = self.data(self.recent)[row]
        if recent != what:
            # Of two last used at one instant, the one remembered later is the more recent.
            for place in range(at + 3, len(memory), 3):
                if memory[place] == recent and memory[place + 2] == memory[at + 2]:
                    break
            else:
                mask = self._set(self.part_slots["recent"], self.recent, row, what)
        top = self.data(self.top)[row]
        if top == what:
            return mask
        uses = memory[at + 1]
        for place in range(0, len(memory), 3):
            if memory[place] == top:
                if uses > memory[place + 1] or (uses == memory[place + 1] and at < place):
                    mask |= self._set(self.part_slots["top"], self.top, row, what)
                break
        return mask

    def _settle(self, row: int, t: int, touched: int) -> int:
        memory = self.unit.env.scope[self.bag][row]
        minimum, quiet = self.model.minimum, self.quiet
        abandoned = used = 0
        top = recent = 0
        most, latest = 0, UNKNOWN
        known = self.catalogue
        for at in range(0, len(memory), 3):
            what, uses, last = memory[at : at + 3]
            if uses > most:
                most, top = uses, what
            if last >= latest:
                latest, recent = last, what
            if uses >= minimum and last + quiet <= t:
                abandoned += 1
            if what in known:
                used += 1
        if touched >= 0 and memory[touched + 1] >= minimum and memory[touched + 2] + quiet > t:
            self._arm(row, touched)
        mask = self._set(self.slot, self.counts, row, len(memory) // 3)
        mask |= self._set(self.part_slots["abandoned"], self.abandoned, row, abandoned)
        mask |= self._set(self.part_slots["top"], self.top, row, top)
        mask |= self._set(self.part_slots["recent"], self.recent, row, recent)
        if self.model.catalogue is not None:
            mask |= self._set(self.part_slots["unused"], self.unused, row, len(known) - used)
        return mask

    def recount(self, row: int) -> int:
        """How much of the catalogue is unused, when it is another catalogue; returns who must look again."""
        memory = self.unit.env.scope[self.bag][row]
        known = self.catalogue
        used = 0 if memory is None else sum(memory[at] in known for at in range(0, len(memory), 3))
        return self._set(self.part_slots["unused"], self.unused, row, len(known) - used)

    def _arm(self, row: int, touched: int) -> None:
        """A timer for a value that just came to count, unless an earlier one of this row is out."""
        memory = self.unit.env.scope[self.bag][row]
        now, mine = self.unit.now(), memory[touched + 2] + self.quiet
        others = [
            memory[at + 2] + self.quiet
            for at in range(0, len(memory), 3)
            if at != touched and memory[at + 1] >= self.model.minimum and memory[at + 2] + self.quiet > now
        ]
        if not others or mine < min(others):
            self.unit.push(mine, self.unit.low(self.op), row)

    def _set(self, slot: Slot, column: Any, row: int, new: int) -> int:
        data = self.data(column)
        old = data[row]
        if old == new:
            return 0
        data[row] = new
        return self.changed(slot, row, old, new) if slot.watched else 0

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        memory = self.unit.env.scope[self.bag][row]
        if memory is None:
            return 0
        ahead = [
            memory[at + 2] + self.quiet
            for at in range(0, len(memory), 3)
            if memory[at + 1] >= self.model.minimum and memory[at + 2] + self.quiet > due
        ]
        if ahead:
            self.unit.push(min(ahead), self.unit.low(self.op), row)
        return self._settle(row, due, -1)

    def merge(self, winner: int, loser: int, t: int) -> None:
        bag = self.unit.env.scope[self.bag]
        if bag[loser] is None:
            return
        found: dict[int, list[int]] = {}
        for memory in (bag[winner], bag[loser]):
            for at in range(0, len(memory) if memory is not None else 0, 3):
                what, uses, last = memory[at : at + 3]
                if what in found:
                    found[what] = [found[what][0] + uses, max(found[what][1], last)]
                else:
                    found[what] = [uses, last]
        kept = sorted(found.items(), key=lambda item: -item[1][1])[:REMEMBERED_VALUES_MAX]
        names = dict(kept)
        memory = array("q")
        for what, (uses, last) in found.items():
            if what in names:
                memory.extend((what, uses, last))
        bag[winner] = memory
        ahead = [
            last + self.quiet
            for uses, last in names.values()
            if uses >= self.model.minimum and last + self.quiet > t
        ]
        if ahead:
            self.unit.push(min(ahead), self.unit.low(self.op), winner)
        self._settle(winner, t, -1)

    def parts(self, row: int) -> dict[str, Any]:
        return {part: self.unit.show(slot, row) for part, slot in self.part_slots.items()}


KINDS: dict[type, Any] = {
    m.First: EdgeKind,
    m.Last: EdgeKind,
    m.Min: ExtremeKind,
    m.Max: ExtremeKind,
    m.Distinct: DistinctKind,
    m.ActiveDays: DistinctKind,
    m.Values: ValuesKind,
}
