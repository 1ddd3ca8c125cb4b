"""Clocks: time since an event, a change, a date or a stage entry. Comparisons flip by timers, at exactly
their instant.

A clock keeps a base and a level: how many of the durations anybody compares it with have passed. One timer
at most is out for a row of a `since` clock: an event that moves the base leaves the timer alone, and when it
fires it looks at the base again and re-arms. Bases that move seldom (dates, stages) push a timer at each
change and old ones fire in vain.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from ...workspace import models as m
from ..build import code, expression, name
from ..columns import UNKNOWN, Column
from ..slots import Clock, Slot
from .base import SignalKind, Stream, pushing


class ClockKind(SignalKind):
    """What every clock shares. Subclasses say where the base comes from."""

    backward = False
    timers_lazy = False
    move: Callable[[int, int, int], int]
    """(row, base ms, t) sets the base (UNKNOWN clears it), arms the next timer and returns who must look.
    Made by `finish`.
    """

    def declare(self) -> None:
        self.base = self.column(empty=UNKNOWN)
        self.level = self.column(".level", "int8")
        self.clock = Clock(self.base.name, UNKNOWN, self.level.name, self.backward)
        self.slot = Slot(self.unit.kind, self.label, "clock", clock=self.clock)
        self.unit.add_slot((self.label,), self.slot)
        self.op = self.unit.op(None, timer=True)
        self.offsets: list[int] = []
        self.out: Column | None = None
        self.every = self.every_members = 0

    def finish(self) -> None:
        clock, env = self.clock, self.unit.env
        self.offsets = list(clock.offsets)
        self.every, self.every_members = clock.known, clock.member_known
        for mask in clock.masks.values():
            self.every |= mask
        for mask in clock.member_masks.values():
            self.every_members |= mask
        self.out = self._make_out()
        self.move = env.function(f"move_{self.label}", ["row", "base", "t"], self._moving())
        env.scope[f"move_{self.base.name}"] = self.move
        self.unit.fires(
            self.op, f"passes_{self.label}", self._passing() if self.offsets else code("return 0")
        )

    def _make_out(self) -> Column | None:
        """Where the timer that counts is kept, if an older one may be out."""
        return None

    # --- generated: locals are b (base), k (level before), n (level now), u (due)

    def _level(self, passed: ast.expr) -> ast.expr:
        """How many durations lie within the time passed."""
        if len(self.offsets) == 1:
            return expression("1 if PASSED >= OFFSET else 0", PASSED=passed, OFFSET=self.offsets[0])
        env = self.unit.env
        return expression(
            "BISECT(OFFSETS, PASSED)",
            BISECT=env.bind(bisect_right, "bisect"),
            OFFSETS=env.bind(tuple(self.offsets), "offsets"),
            PASSED=passed,
        )

    def _offset(self, level: str) -> ast.expr:
        if len(self.offsets) == 1:
            return ast.Constant(self.offsets[0])
        return expression(
            "OFFSETS[AT]", OFFSETS=self.unit.env.bind(tuple(self.offsets), "offsets"), AT=name(level)
        )

    def _arming(self) -> list[ast.stmt]:
        """A timer at `u`."""
        push = pushing(self.unit.low(self.op))
        return push if self.out is None else push + code("OUT[row] = u", OUT=name(self.out.name))

    def _touching(self) -> list[ast.stmt]:
        """Members see it when the account next closes."""
        return code("TOUCH(row)", TOUCH=name(self.unit.changes.touch)) if self.every_members else []

    def _told(self) -> list[ast.stmt]:
        return [*self._touching(), *code("return EVERY", EVERY=self.every)]

    def _flipped(self) -> list[ast.stmt]:
        """Returns who must look after the level went from `k` to `n`."""
        masks = [self.clock.masks.get(offset, 0) for offset in self.offsets]
        table = tuple(
            tuple(_union(masks[min(old, new) : max(old, new)]) for new in range(len(masks) + 1))
            for old in range(len(masks) + 1)
        )
        touch = code("if k != n:\n    TOUCH", TOUCH=self._touching()) if self.every_members else []
        return [*touch, *code("return TABLE[k][n]", TABLE=self.unit.env.bind(table, "flips"))]

    def _moving(self) -> list[ast.stmt]:
        start = code(
            "b = BASE[row]\nif b == base:\n    return 0\nBASE[row] = base", BASE=name(self.base.name)
        )
        if not self.offsets:
            told = code("if b == UNSET:\n    TOLD\nreturn 0", UNSET=UNKNOWN, TOLD=self._told())
            return [*start, *told]
        return [
            *start,
            *code(
                "k = LEVEL[row]\nif base == UNSET:\n    LEVEL[row] = 0\n    TOLD\nn = NOW\nLEVEL[row] = n\n"
                "if n < COUNT:\n    u = base + OFFSET\n    ARM\nif b == UNSET:\n    TOLD",
                LEVEL=name(self.level.name),
                UNSET=UNKNOWN,
                TOLD=self._told(),
                NOW=self._level(expression("t - base")),
                COUNT=len(self.offsets),
                OFFSET=self._offset("n"),
                ARM=self._arming(),
            ),
            *self._flipped(),
        ]

    def _passing(self) -> list[ast.stmt]:
        """A timer: it may be an old one, or have to wait longer, or the time has come."""
        body = code(
            "b = BASE[row]\nk = LEVEL[row]\nif b == UNSET or k >= COUNT:\n    return 0",
            BASE=name(self.base.name),
            LEVEL=name(self.level.name),
            UNSET=UNKNOWN,
            COUNT=len(self.offsets),
        )
        if self.out is not None:
            body += code("if OUT[row] != due:\n    return 0", OUT=name(self.out.name))
        later = code("if u > due:\n    ARM", ARM=self._arming()) if self.timers_lazy else []
        body += code(
            "u = b + OFFSET\nif u != due:\n    LATER\n    return 0\nn = NOW\nLEVEL[row] = n\n"
            "if n < COUNT:\n    u = b + NEXT\n    ARM",
            OFFSET=self._offset("k"),
            LATER=later,
            NOW=self._level(expression("due - b")),
            LEVEL=name(self.level.name),
            COUNT=len(self.offsets),
            NEXT=self._offset("n"),
            ARM=self._arming(),
        )
        return [*body, *self._flipped()]

    # --- merges and reading

    def merge(self, winner: int, loser: int, t: int) -> None:
        bases = self.data(self.base)
        if bases[loser] != UNKNOWN:
            self.move(winner, self.merged(bases[winner], bases[loser]), t)

    def merged(self, a: int, b: int) -> int:
        return max(a, b)

    def read(self, row: int) -> Any:
        base = self.data(self.base)[row]
        if base == UNKNOWN:
            return None
        return base - self.unit.now() if self.backward else self.unit.now() - base

    def arm(self, row: int, due: int) -> None:
        """A timer at `due`, which replaces what is out."""
        self.unit.push(due, self.unit.low(self.op), row)
        if self.out is not None:
            self.data(self.out)[row] = due


class SinceKind(ClockKind):
    """Time since the last or first event of a stream."""

    model: m.Since

    def declare(self) -> None:
        super().declare()
        self.timers_lazy = self.model.edge == "last"

    def finish(self) -> None:
        super().finish()
        if self.timers_lazy and self.offsets:
            env = self.unit.env
            later = env.function(f"later_{self.label}", ["row", "base", "t"], self._moving_on())
            env.scope[f"later_{self.base.name}"] = later

    def _make_out(self) -> Column | None:
        # With several offsets a timer for a later one may be out when an event brings the first one back.
        return self.column(".due", empty=UNKNOWN) if len(self.offsets) > 1 and self.timers_lazy else None

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        move = name(f"move_{self.base.name}")
        base = name(self.base.name)
        if self.model.edge == "first":
            return code(
                "b = BASE[row]\nif b == UNSET or te < b:\n    d |= MOVE(row, te, t)",
                BASE=base,
                UNSET=UNKNOWN,
                MOVE=move,
            )
        if not self.offsets:
            if not (self.every or self.every_members):
                return code("if te > BASE[row]:\n    BASE[row] = te", BASE=base)
            return code("if te > BASE[row]:\n    d |= MOVE(row, te, t)", BASE=base, MOVE=move)
        # The common case: a later event while nothing has passed yet moves the base and leaves the timer out.
        return code(
            "b = BASE[row]\nif te > b:\n"
            "    if b != UNSET and LEVEL[row] == 0:\n        BASE[row] = te\n"
            "    else:\n        d |= LATER(row, te, t)",
            BASE=base,
            LEVEL=name(self.level.name),
            UNSET=UNKNOWN,
            LATER=name(f"later_{self.base.name}"),
        )

    def _moving_on(self) -> list[ast.stmt]:
        """`move` for a base that only grows: pushes a timer only when none is out.

        While nothing has passed the timer that is out comes early enough, and looks at the base when it
        fires.
        """
        return [
            *code(
                "b = BASE[row]\nk = LEVEL[row]\nBASE[row] = base\nn = NOW\nLEVEL[row] = n\n"
                "if n < COUNT and (b == UNSET or k > n or k == COUNT):\n    u = base + OFFSET\n    ARM\n"
                "if b == UNSET:\n    TOLD",
                BASE=name(self.base.name),
                LEVEL=name(self.level.name),
                NOW=self._level(expression("t - base")),
                COUNT=len(self.offsets),
                UNSET=UNKNOWN,
                OFFSET=self._offset("n"),
                ARM=self._arming(),
                TOLD=self._told(),
            ),
            *self._flipped(),
        ]

    def merged(self, a: int, b: int) -> int:
        if self.model.edge == "last":
            return max(a, b)
        return b if a == UNKNOWN else min(a, b)


class SinceChangeKind(ClockKind):
    """Time since a trait took another value; the unit moves it when it sets the trait."""

    model: m.SinceChange

    def link(self) -> None:
        self.unit.trait_moves.setdefault(self.model.trait, []).append(self._trait_changed)

    def _trait_changed(self, row: int, te: int, t: int) -> int:
        known = self.unit.trait_known(self.model.trait, row)
        return self.move(row, te if known else UNKNOWN, t)


class DateKind(ClockKind):
    """Time since or until the date in a trait or a signal of type date."""

    model: m.SinceDate | m.UntilDate

    def declare(self) -> None:
        super().declare()
        # Before anybody registers an offset: people look at their account's clocks before it links its own.
        self.backward = self.clock.backward = isinstance(self.model, m.UntilDate)

    def link(self) -> None:
        source = self.model.date
        parts = tuple(source.split(".")) if source.startswith(("trait.", "prediction.")) else (source,)
        slot = self.unit.slots.get(parts) or self.unit.slots.get(("trait", source))
        assert slot is not None, source
        self.unit.followers.setdefault(slot.column, []).append(self)
        self.source = slot

    def follow(self, row: int, t: int) -> int:
        """The source took another value."""
        return self.move(row, self.unit.env.scope[self.source.column][row], t)

    def merge(self, winner: int, loser: int, t: int) -> None:
        self.follow(winner, t)


class StageTimeKind(ClockKind):
    """Time since the subject entered its stage; the unit moves it at each transition."""

    model: m.StageTime

    def link(self) -> None:
        self.unit.stage_clocks.setdefault(self.model.lifecycle, []).append(self)

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The winner's stage stays, and so does its clock."""


def _union(masks: list[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


KINDS: dict[type, Any] = {
    m.Since: SinceKind,
    m.SinceChange: SinceChangeKind,
    m.SinceDate: DateKind,
    m.UntilDate: DateKind,
    m.StageTime: StageTimeKind,
}

__all__ = ["KINDS", "ClockKind", "DateKind", "SinceKind", "StageTimeKind"]
