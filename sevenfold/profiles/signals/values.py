"""Values: first, last, smallest, largest, different, active days, and memory keyed by a property's value."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import msgspec

from ...events.times import parse_ms
from ...limits import DISTINCT_VALUES_MAX, REMEMBERED_VALUES_MAX
from ...workspace import models as m
from ..arenas import CHUNK_BITS, CHUNK_MASK, Arena
from ..build import code, name
from ..columns import COUNT, UNKNOWN, Column, Dictionary
from ..expressions import parse_duration
from ..slots import Slot
from ..wheel import NEVER
from ..where import micro, present
from .base import DAY, SignalKind, Stream, leaves, stamp, stays, window_ms

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
        dtype = {"string": COUNT, "boolean": "int8"}.get(kind, "int64")
        unknown = 0 if kind in ("string", "boolean") else UNKNOWN
        self.values = self.column(dtype=dtype, empty=unknown)
        type_ = {"string": "text", "number": "number", "boolean": "boolean", "date": "date"}[kind]
        self.slot = self.make_slot(self.values, type_, unknown=unknown)
        if kind == "string":
            self.slot.dictionary = self.unit.dictionary(f"{self.label}")
            self.coded = ("",)

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
        self.put(self.values, row, new)
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


CODE_BITS = 21
CODE_MASK = (1 << CODE_BITS) - 1
"""A word holds a value's code and, above it, a time in ms or a number of uses."""
_GLOBALS = {"BITS": CHUNK_BITS, "MASK": CHUNK_MASK, "CODES": CODE_MASK, "UP": CODE_BITS}


class RememberingKind(SignalKind):
    """A signal with a small list of words for each subject."""

    counts: Column
    arena: Arena

    def words(self, row: int) -> list[int]:
        """What a subject has, oldest first."""
        size = self.data(self.counts)[row] * self.arena.width
        return self.arena.words(self.data(self.arena.at)[row], size) if size else []

    def keep(self, row: int, words: list[int]) -> None:
        """Puts a subject's words in the place of those it has, and their count in its column."""
        at, size = self.data(self.arena.at), self.data(self.counts)[row] * self.arena.width
        at[row] = self.arena.keep(at[row], size, words)
        self.put(self.counts, row, len(words) // self.arena.width)


class DistinctKind(RememberingKind):
    """Different values (or active days) by last time a value; one timer at most is out for a row.

    A row's memory is one word a value: its last time above its code in the signal's own dictionary. A day
    needs no code, for it is the day of its last time.
    """

    model: m.Distinct | m.ActiveDays

    def declare(self) -> None:
        self.counts = self.column(dtype=COUNT)
        self.slot = self.make_slot(self.counts, "count")
        self.window = window_ms(self.model.window)
        self.arena = self.unit.table.add_arena(self.label, self.counts, 1)
        self.days = isinstance(self.model, m.ActiveDays)
        self.codes: Dictionary | None = None if self.days else self.unit.dictionary(self.label)
        self.coded_words = 0 if self.days else 1
        self.op = self.unit.op(self._fire)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        scope = self.unit.env.scope
        scope[f"note_{self.counts.name}"] = self._note
        if not self.days:
            scope[f"distinct_{self.counts.name}"] = self._taker()

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        if not self.days:
            assert isinstance(self.model, m.Distinct)
            value = self.unit.read_property(self.model.property)
            return code("d |= TAKE(row, V, te, t)", TAKE=name(f"distinct_{self.counts.name}"), V=value)
        # The common case, another event of the day that was added last, moves that day's last time.
        return code(
            "a = AT[row]\nb = te // DAY\n"
            "if a and te + WINDOW > t:\n"
            "    w = CHUNKS[a >> BITS]\n    a = (a & MASK) + N[row] - 1\n    u = w[a]\n"
            "    if u // DAY == b:\n        b = -1\n"
            "        if te > u:\n            w[a] = te\n"
            "if b >= 0:\n    d |= NOTE(row, b, te, t)",
            AT=name(self.arena.at.name),
            DAY=DAY,
            WINDOW=self.window or NEVER,
            CHUNKS=self.unit.env.bind(self.arena.chunks, "words"),
            N=name(self.counts.name),
            NOTE=name(f"note_{self.counts.name}"),
            **_GLOBALS,
        )

    def _taker(self) -> Callable[[int, Any, int, int], int]:
        assert self.codes is not None
        body = code(
            "c = KNOWN.get(f'\"{value}\"') if value.__class__ is str else 0\n"
            "if not c:\n    c = CODE(value)\n    if not c:\n        return 0\n"
            "a = AT[row]\n"
            "if a and te + WINDOW > t:\n"
            "    w = CHUNKS[a >> BITS]\n    a &= MASK\n"
            "    for i in range(a, a + N[row]):\n"
            "        u = w[i]\n"
            "        if u & CODES == c:\n"
            "            if te > u >> UP:\n                w[i] = te << UP | c\n"
            "            return 0\n"
            "return NOTE(row, c, te, t)",
            KNOWN=self.unit.env.bind(self.codes.codes, "codes"),
            CODE=self.unit.env.bind(self._code, "code"),
            AT=name(self.arena.at.name),
            WINDOW=self.window or NEVER,
            CHUNKS=self.unit.env.bind(self.arena.chunks, "words"),
            N=name(self.counts.name),
            NOTE=name(f"note_{self.counts.name}"),
            **_GLOBALS,
        )
        return self.unit.env.function(f"distinct_{self.label}", ["row", "value", "te", "t"], body)

    def _code(self, value: Any) -> int:
        """The code of a value, 0 for what is none. The JSON text tells 1 from "1"."""
        assert self.codes is not None
        if value.__class__ is str:
            # A text without quotes inside is its own JSON text but for them.
            return self.codes.code(f'"{value}"') if value else 0
        if value.__class__ in (int, float, bool):
            return self.codes.code(_JSON.encode(value).decode())
        return 0

    def _word(self, value: int, te: int) -> int:
        return te if self.days else te << CODE_BITS | value

    def _value_of(self, word: int) -> int:
        return word // DAY if self.days else word & CODE_MASK

    def _time_of(self, word: int) -> int:
        return word if self.days else word >> CODE_BITS

    def _note(self, row: int, value: int, te: int, t: int) -> int:
        """A value at a time, in all cases."""
        if self.window is not None and leaves(te, self.window) <= t:
            return 0
        words, arena, at = self.words(row), self.arena, self.data(self.arena.at)
        values = [word // DAY for word in words] if self.days else [word & CODE_MASK for word in words]
        size = len(words)
        if value in values:
            place = values.index(value)
            if te > self._time_of(words[place]):
                words[place] = self._word(value, te)
                at[row] = arena.keep(at[row], size, words)
            return 0
        if size >= DISTINCT_VALUES_MAX and not self.days:
            return 0
        if self.window is not None and (not words or te < self._time_of(min(words))):
            # It leaves before all others: it needs a timer of its own.
            self.unit.push(leaves(te, self.window), self.unit.low(self.op), row)
        at[row] = arena.append(at[row], size, self._word(value, te))
        self.put(self.counts, row, size + 1)
        return self._changed(row, size, size + 1)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        words = self.words(row)
        if not words or self.window is None:
            return 0
        least = stays(due, self.window) if self.days else stays(due, self.window) << CODE_BITS
        kept = [word for word in words if word >= least]
        if kept:
            self.unit.push(leaves(self._time_of(min(kept)), self.window), self.unit.low(self.op), row)
        if len(kept) == len(words):
            return 0
        self.keep(row, kept)
        return self._changed(row, len(words), len(kept))

    def merge(self, winner: int, loser: int, t: int) -> None:
        other = self.words(loser)
        if not other:
            return
        last: dict[int, int] = {}
        for word in (*self.words(winner), *other):
            value, te = self._value_of(word), self._time_of(word)
            last[value] = max(last.get(value, te), te)
        if not self.days and len(last) > DISTINCT_VALUES_MAX:
            newest = sorted(last.items(), key=lambda pair: (-pair[1], pair[0]))[:DISTINCT_VALUES_MAX]
            last = dict(newest)
        self.keep(winner, [self._word(value, te) for value, te in last.items()])
        if self.window is not None:
            self.unit.push(leaves(min(last.values()), self.window), self.unit.low(self.op), winner)


class ValuesKind(RememberingKind):
    """Memory keyed by a property's value, at most 64 a subject, in order of first sight.

    A value is two words: its uses above its code, and its last time.
    """

    model: m.Values
    coded = (".top", ".recent")
    coded_words = 2

    def declare(self) -> None:
        self.counts = self.column(dtype="int8")
        self.slot = self.make_slot(self.counts, "count")
        self.abandoned = self.column(".abandoned", "int8")
        self.top = self.column(".top", COUNT)
        self.recent = self.column(".recent", COUNT)
        self.arena = self.unit.table.add_arena(self.label, self.counts, 2)
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
            self.make_slot(self.unused, "json", "untried")
        self.make_slot(self.abandoned, "json", "untouched")
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
        # The common case: a value in steady use is used now. It is the most recent one then (of two last used
        # at one instant the one remembered later is) and may have become the most used.
        body = code(
            "c = KNOWN.get(value) if te == t and value.__class__ is str else None\n"
            "a = AT[row]\n"
            "if c is not None and a:\n"
            "    w = CHUNKS[a >> BITS]\n    a &= MASK\n    e = a + N[row] * 2\n"
            "    for i in range(a, e, 2):\n"
            "        u = w[i]\n"
            "        if u & CODES == c:\n"
            "            if u < LEAST or w[i + 1] + QUIET <= t:\n                break\n"
            "            w[i] = u = u + ONE\n            w[i + 1] = te\n            d = 0\n"
            "            o = RECENT[row]\n"
            "            if o != c:\n"
            "                for k in range(i + 2, e, 2):\n"
            "                    if w[k + 1] == te and w[k] & CODES == o:\n                        break\n"
            "                else:\n                    NEWEST\n"
            "            o = TOP[row]\n"
            "            if o != c:\n"
            "                for k in range(a, e, 2):\n"
            "                    if w[k] & CODES == o:\n                        break\n"
            "                k = (w[k] >> UP) + (k < i)\n"
            "                if u >> UP >= k:\n                    MOST\n"
            "            return d\n"
            "return SETTLE(row, value, te, t)",
            KNOWN=self.unit.env.bind(self.codes.codes, "codes"),
            AT=name(self.arena.at.name),
            CHUNKS=self.unit.env.bind(self.arena.chunks, "words"),
            N=name(self.counts.name),
            LEAST=self.model.minimum << CODE_BITS,
            QUIET=self.quiet,
            ONE=1 << CODE_BITS,
            RECENT=name(self.recent.name),
            TOP=name(self.top.name),
            NEWEST=self._becomes("recent", self.recent),
            MOST=self._becomes("top", self.top),
            SETTLE=self.unit.env.bind(self._take, "settle"),
            **_GLOBALS,
        )
        return self.unit.env.function(f"values_{self.label}", ["row", "value", "te", "t"], body)

    def _becomes(self, part: str, column: Column) -> list[ast.stmt]:
        """A part that was the local `o` becomes the local `c`."""
        return [*self.store(column, "c"), *self.change(self.part_slots[part], "o", "c")]

    def memory(self, row: int) -> list[tuple[int, int, int]]:
        """(code, uses, last time) of each value, in order of first sight."""
        words = self.words(row)
        pairs = zip(words[::2], words[1::2], strict=True)
        return [(word & CODE_MASK, word >> CODE_BITS, last) for word, last in pairs]

    def _remember(self, row: int, memory: list[tuple[int, int, int]]) -> None:
        self.keep(row, [word for what, uses, last in memory for word in (uses << CODE_BITS | what, last)])

    def _take(self, row: int, value: Any, te: int, t: int) -> int:
        if value.__class__ is not str:
            if value.__class__ not in (int, float, bool):
                return 0
            value = _JSON.encode(value).decode()
        elif value == "":
            return 0
        what = self.codes.code(value)
        memory, count = self.memory(row), self.data(self.counts)[row]
        for place, (code_, uses, last) in enumerate(memory):
            if code_ == what:
                active = uses >= self.model.minimum and last + self.quiet > t
                memory[place] = (what, uses + 1, max(te, last))
                self._remember(row, memory)
                return self._settle(row, memory, count, t, -1 if active else place)
        if len(memory) >= REMEMBERED_VALUES_MAX:
            del memory[min(range(len(memory)), key=lambda i: (memory[i][2], i))]
        memory.append((what, 1, te))
        self._remember(row, memory)
        return self._settle(row, memory, count, t, len(memory) - 1)

    def _settle(self, row: int, memory: list[tuple[int, int, int]], count: int, t: int, touched: int) -> int:
        """Every part anew from a subject's memory, which had `count` values before."""
        minimum, quiet, known = self.model.minimum, self.quiet, self.catalogue
        abandoned = used = top = recent = most = 0
        latest = UNKNOWN
        for what, uses, last in memory:
            if uses > most:
                most, top = uses, what
            if last >= latest:
                latest, recent = last, what
            if uses >= minimum and last + quiet <= t:
                abandoned += 1
            if what in known:
                used += 1
        if touched >= 0 and memory[touched][1] >= minimum and memory[touched][2] + quiet > t:
            self._arm(row, memory, touched)
        mask = 0
        if count != len(memory) and self.slot.watched:
            mask = self.changed(self.slot, row, count, len(memory))
        mask |= self._set(self.part_slots["abandoned"], self.abandoned, row, abandoned)
        mask |= self._set(self.part_slots["top"], self.top, row, top)
        mask |= self._set(self.part_slots["recent"], self.recent, row, recent)
        if self.model.catalogue is not None:
            mask |= self._set(self.part_slots["unused"], self.unused, row, len(known) - used)
        return mask

    def recount(self, row: int) -> int:
        """How much of the catalogue is unused, when it is another catalogue; returns who must look again."""
        used = sum(what in self.catalogue for what, _, _ in self.memory(row))
        return self._set(self.part_slots["unused"], self.unused, row, len(self.catalogue) - used)

    def _arm(self, row: int, memory: list[tuple[int, int, int]], touched: int) -> None:
        """A timer for a value that just came to count, unless an earlier one of this row is out."""
        now, mine = self.unit.now(), memory[touched][2] + self.quiet
        others = [
            last + self.quiet
            for at, (_, uses, last) in enumerate(memory)
            if at != touched and uses >= self.model.minimum and last + self.quiet > now
        ]
        if not others or mine < min(others):
            self.unit.push(mine, self.unit.low(self.op), row)

    def _set(self, slot: Slot, column: Any, row: int, new: int) -> int:
        data = self.data(column)
        old = data[row]
        if old == new:
            return 0
        self.put(column, row, new)
        return self.changed(slot, row, old, new) if slot.watched else 0

    def _wait(self, row: int, memory: list[tuple[int, int, int]], t: int) -> None:
        """A timer for the first value that will be quiet for long enough."""
        ahead = [
            last + self.quiet
            for _, uses, last in memory
            if uses >= self.model.minimum and last + self.quiet > t
        ]
        if ahead:
            self.unit.push(min(ahead), self.unit.low(self.op), row)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        memory = self.memory(row)
        if not memory:
            return 0
        self._wait(row, memory, due)
        return self._settle(row, memory, len(memory), due, -1)

    def merge(self, winner: int, loser: int, t: int) -> None:
        self._combine(winner, self.memory(winner), self.memory(loser), t)

    def resume(self, row: int, before: int, t: int) -> None:
        """What was seen before was seen first."""
        self._combine(row, self.memory(before), self.memory(row), t)

    def _combine(
        self, row: int, first: list[tuple[int, int, int]], second: list[tuple[int, int, int]], t: int
    ) -> None:
        count = self.data(self.counts)[row]
        if not first and not second:
            return
        found: dict[int, tuple[int, int, int]] = {}
        for what, uses, last in (*first, *second):
            _, so_far, before = found.get(what, (what, 0, last))
            found[what] = (what, so_far + uses, max(before, last))
        kept = sorted(found.values(), key=lambda one: -one[2])[:REMEMBERED_VALUES_MAX]
        names = {what for what, _, _ in kept}
        memory = [one for one in found.values() if one[0] in names]
        self._remember(row, memory)
        self._wait(row, memory, t)
        self._settle(row, memory, count, t, -1)

    def parts(self, row: int) -> dict[str, Any]:
        told = {part: self.unit.show(slot, row) for part, slot in self.part_slots.items()}
        # Names are worked out when somebody reads them, and take no room until then.
        now, memory, texts = self.unit.now(), self.memory(row), self.codes.texts
        left = [one for one in memory if one[1] >= self.model.minimum and one[2] + self.quiet <= now]
        told["untouched"] = [texts[what] for what, _, _ in sorted(left, key=lambda one: -one[1])]
        if self.model.catalogue is not None:
            used = {texts[what] for what, _, _ in memory}
            keys = self.unit.catalogue_keys(self.model.catalogue)
            told["untried"] = [text for text in keys if text not in used]
        return told


KINDS: dict[type, Any] = {
    m.First: EdgeKind,
    m.Last: EdgeKind,
    m.Min: ExtremeKind,
    m.Max: ExtremeKind,
    m.Distinct: DistinctKind,
    m.ActiveDays: DistinctKind,
    m.Values: ValuesKind,
}
