"""Slots: the values that conditions, scores and roll-ups read, and who must look again when one changes.

A slot is a typed column with a meaning. Readers register as watchers with the exact change that concerns
them: an atom `x >= 3` cuts the number line at 3, and a step from 2 to 3 crosses that cut while a step from 7
to 8 concerns nobody. That gating is what makes an event's cost independent of how many rules there are.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .build import Environment, code, expression, name
from .columns import UNKNOWN, Dictionary, constant

INLINE_CUTS_MAX = 4
SlotType = Literal["count", "number", "score", "duration", "clock", "text", "boolean", "date", "json"]
SCALE: dict[str, int] = {"count": 1, "number": 1_000_000, "score": 1_000, "duration": 1, "date": 1}


@dataclass(slots=True)
class Watch:
    """Masks of nodes to look at again: `always` on any change, `cuts` when the value crosses a cut."""

    always: int = 0
    cuts: dict[int, int] = field(default_factory=dict)

    def cut(self, at: int, mask: int) -> None:
        self.cuts[at] = self.cuts.get(at, 0) | mask

    @property
    def every(self) -> int:
        """All masks together: what must look when a value becomes known or unknown."""
        mask = self.always
        for one in self.cuts.values():
            mask |= one
        return mask

    def __bool__(self) -> bool:
        return bool(self.always or self.cuts)


@dataclass(slots=True)
class Clock:
    """A time base with the offsets at which comparisons turn true. `level[row]` counts the offsets that have
    passed.

    `backward` clocks (time until a date) turn `x <= d` true at base - d, so their offsets are negative.
    """

    base: str
    base_unknown: int
    level: str
    backward: bool = False
    offsets: list[int] = field(default_factory=list)
    masks: dict[int, int] = field(default_factory=dict)
    member_masks: dict[int, int] = field(default_factory=dict)
    known: int = 0
    member_known: int = 0
    """Who asks only whether the base is known (`exists`)."""
    shadow_base: str = ""
    shadow_level: str = ""
    """Of an account's clock: what members see, as of its last tick."""

    def passed(self, duration_ms: int) -> int:
        """How many offsets must have passed for the comparison with `duration_ms` to have turned."""
        return self.offsets.index(-duration_ms if self.backward else duration_ms) + 1

    def watch(self, duration_ms: int, mask: int, members: bool) -> None:
        offset = -duration_ms if self.backward else duration_ms
        if offset not in self.offsets:
            self.offsets.append(offset)
            self.offsets.sort()
        masks = self.member_masks if members else self.masks
        masks[offset] = masks.get(offset, 0) | mask


@dataclass(eq=False)
class Slot:
    """One readable value of a subject kind. `unknown` is its sentinel; None means never unknown."""

    of: str
    label: str
    type: SlotType
    column: str = ""
    unknown: int | None = None
    own: Watch = field(default_factory=Watch)
    members: Watch = field(default_factory=Watch)
    dictionary: Dictionary | None = None
    codes: dict[str, int] | None = None
    clock: Clock | None = None
    bit: int = 0
    """For segment slots: the bit in the column."""
    shadow: str = ""
    """Of an account's slot: the column members see, as of its last tick."""
    direct: list[Callable[[ast.expr, ast.expr], list[ast.stmt]]] = field(default_factory=list)
    """Emitters, from (old, new), of what is done on the spot: measures of scores, and roll-ups."""
    direct_nodes: int = 0
    """The nodes that what is done on the spot makes dirty."""

    @property
    def watched(self) -> bool:
        return bool(self.own or self.members or self.direct)

    @property
    def reach(self) -> int:
        """Every node that a change of this value may make dirty."""
        return self.own.every | self.direct_nodes

    def code_of(self, text: str) -> int:
        """The integer that stands for a text in this slot's column."""
        if self.codes is not None:
            return self.codes.get(text, -1)
        assert self.dictionary is not None, self.label
        return self.dictionary.code(text)


def unknown(env: Environment, slot: Slot) -> Slot:
    """What stands for a slot whose value nobody may see yet: unknown in every row, and it never changes."""
    none = env.bind(constant(0), "none").id
    if slot.clock is not None:
        clock = Clock(env.bind(constant(UNKNOWN), "unknown").id, UNKNOWN, none)
        return Slot(slot.of, slot.label, "clock", clock=clock)
    if slot.type in ("text", "boolean", "json"):
        return Slot(slot.of, slot.label, slot.type, none, 0, codes={})
    return Slot(slot.of, slot.label, slot.type, env.bind(constant(UNKNOWN), "unknown").id, UNKNOWN)


def crossing(watch: Watch, unknown: int | None) -> Callable[[int, int], int]:
    """A function from (old, new) to the mask of nodes that must look again."""
    cuts = sorted(watch.cuts)
    masks = [watch.cuts[cut] for cut in cuts]
    always, every = watch.always, watch.every
    sentinel = UNKNOWN if unknown is None else unknown

    def crossed(old: int, new: int) -> int:
        if old == new:
            return 0
        if old == sentinel or new == sentinel:
            return every
        low, high = (old, new) if old < new else (new, old)
        mask = always
        for index in range(bisect_right(cuts, low), bisect_right(cuts, high)):
            mask |= masks[index]
        return mask

    return crossed


class Changes:
    """Writes the statements that follow a change of a slot: into the local mask `d`, and on the spot."""

    def __init__(self, env: Environment, touch: str) -> None:
        self.env = env
        self.touch = touch
        self._made: dict[tuple[int, str], ast.Name] = {}

    def after(self, slot: Slot, old: ast.expr, new: ast.expr, *, unit: bool = False) -> list[ast.stmt]:
        """Statements for a change from `old` to `new`, both cheap to read twice.

        `unit`: both are known and differ by one.
        """
        made: list[ast.stmt] = []
        if slot.own:
            if not unit and 0 < len(slot.own.cuts) <= INLINE_CUTS_MAX:
                made += self._inline(slot, slot.own, old, new)
            else:
                made += code("d |= MASK", MASK=self._mask(slot, slot.own, old, new, unit))
        if slot.members:
            # Members see it when the account next closes.
            made += code("TOUCH(row)", TOUCH=name(self.touch))
        for emitter in slot.direct:
            made += emitter(old, new)
        return made

    def _inline(self, slot: Slot, watch: Watch, old: ast.expr, new: ast.expr) -> list[ast.stmt]:
        """The crossing of a few cuts written out; turning known or unknown concerns all."""
        made = code("d |= ALWAYS", ALWAYS=watch.always) if watch.always else []
        for cut, mask in sorted(watch.cuts.items()):
            made += code("if (A < CUT) is not (B < CUT):\n    d |= MASK", A=old, B=new, CUT=cut, MASK=mask)
        if slot.unknown is not None:
            made += code(
                "if A == UNSET or B == UNSET:\n    d |= EVERY",
                A=old,
                B=new,
                UNSET=slot.unknown,
                EVERY=watch.every,
            )
        return made

    def _mask(self, slot: Slot, watch: Watch, old: ast.expr, new: ast.expr, unit: bool) -> ast.expr:
        if not watch.cuts:
            return ast.Constant(watch.always)
        if unit:
            table = self._bound(slot, "flip", lambda: watch.cuts)
            higher = expression("A if A > B else B", A=old, B=new)
            crossed = expression("TABLE.get(AT, 0)", TABLE=table, AT=higher)
            return crossed if not watch.always else expression("A | B", A=crossed, B=watch.always)
        function = self._bound(slot, "crossing", lambda: crossing(watch, slot.unknown))
        return expression("F(OLD, NEW)", F=function, OLD=old, NEW=new)

    def _bound(self, slot: Slot, what: str, make: Callable[[], Any]) -> ast.Name:
        key = (id(slot), what)
        if key not in self._made:
            self._made[key] = self.env.bind(make(), f"{what}_{slot.label}")
        return self._made[key]
