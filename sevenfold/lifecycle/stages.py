"""Lifecycles: each subject in exactly one stage, moved by signals, with the reason for every move."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..profiles import expressions as x
from ..profiles.build import code, conjunction, disjunction, expression, name
from ..profiles.segments import NO_PROPERTIES
from ..profiles.slots import Slot
from ..profiles.unit import Unit
from ..profiles.why import Reasons
from ..workspace import models as m


class LifecycleNode:
    """One lifecycle over one kind of subject. Stages are numbered from 1 in written order; 0 is none (does
    not apply).
    """

    def __init__(self, unit: Unit, label: str, model: m.Lifecycle) -> None:
        self.unit, self.label, self.model = unit, label, model
        self.names = [stage.name for stage in model.stages]
        self.column = unit.table.add(f".stage.{label}", "int8")
        self.slot = Slot(unit.kind, f"stage.{label}", "text", self.column.name, 0)
        self.slot.codes = {stage: place + 1 for place, stage in enumerate(self.names)}
        unit.add_slot(("stage", label), self.slot)
        self.initial = self.names.index(model.initial or self.names[0]) + 1
        self.bit = 0
        self.told: list[Callable[[int, int, int], None]] = []
        """Called with (row, stage before, stage after) on each move; by journeys."""
        self._serial = -1
        self._left = 0

    def trees(self) -> dict[str, x.Node]:
        """Each condition under a name: `applies`, `enter STAGE`, `exit STAGE`."""
        found: dict[str, x.Node] = {}
        if self.model.applies is not None:
            found["applies"] = self.unit.tree(self.model.applies)
        for stage in self.model.stages:
            if stage.enter is not None:
                found[f"enter {stage.name}"] = self.unit.tree(stage.enter)
            if stage.exit is not None:
                found[f"exit {stage.name}"] = self.unit.tree(stage.exit)
        return found

    def watch(self) -> None:
        self._trees = self.trees()
        for tree in self._trees.values():
            self.unit.conditions.watch(tree, self.bit)

    def finish(self) -> None:
        """Compiles the choice of the next stage from the present one."""
        env, stages = self.unit.env, self.model.stages
        self._changed = self.unit.changer(self.slot)
        true = {what: self.unit.conditions.truth(tree)[0] for what, tree in self._trees.items()}
        ranks = [stage.rank if stage.rank is not None else place for place, stage in enumerate(stages)]
        exits = disjunction(
            conjunction([expression("s == N", N=i + 1), true[f"exit {stage.name}"]])
            for i, stage in enumerate(stages)
            if stage.exit is not None
        )
        body: list[ast.stmt] = code("e = EXITS", EXITS=exits)
        # Higher rank first; of equal ranks the one written later.
        for place in sorted(range(len(stages)), key=lambda i: (ranks[i], i), reverse=True):
            stage = stages[place]
            if stage.enter is None:
                continue
            outranked = frozenset(i + 1 for i in range(len(stages)) if ranks[i] < ranks[place])
            tests = [
                expression("s != N", N=place + 1),
                expression("not left & BIT", BIT=1 << (place + 1)),
                expression("e or s in OUTRANKED", OUTRANKED=env.bind(outranked, "outranked")),
            ]
            if stage.from_ is not None:
                allowed = frozenset(self.names.index(f) + 1 for f in stage.from_)
                tests.append(expression("s in FROM", FROM=env.bind(allowed, "from")))
            tests.append(true[f"enter {stage.name}"])
            body += code("if TEST:\n    return N", TEST=conjunction(tests), N=place + 1)
        for place, stage in enumerate(stages):
            if stage.exit is None:
                continue
            to = self.names.index(stage.exit_to) + 1 if stage.exit_to is not None else self.initial
            if to != place + 1:
                body += code(
                    "if e and s == N and not left & BIT:\n    return TO", N=place + 1, TO=to, BIT=1 << to
                )
        body += code("return s")
        self._next = env.function(f"next_{self.label}", ["row", "s", "left"], body)
        applies = true.get("applies", ast.Constant(True))
        self._applies = env.function(f"applies_{self.label}", ["row"], code("return TEST", TEST=applies))
        self._reasons = {what: Reasons(self.unit, tree) for what, tree in self._trees.items()}
        self._entered = [self.unit.handler("derived", f"$stage {self.label}/{stage}") for stage in self.names]
        self._clocks = self.unit.stage_clocks.get(self.label, [])

    def node(self, row: int, t: int) -> int:
        """At most one move; the first application enters the initial stage."""
        if self._serial != self.unit.serial:
            self._serial, self._left = self.unit.serial, 0
        now: int = self.unit.env.scope[self.column.name][row]
        if not self._applies(row):
            return self._move(row, t, now, 0, "applies") if now else 0
        if now == 0:
            # A stage left in this operation is not entered again in it, the initial one neither.
            if self._left >> self.initial & 1:
                return 0
            return self._move(row, t, 0, self.initial, "applies") | self.bit
        following = self._next(row, now, self._left)
        if following == now:
            return 0
        stage = self.names[following - 1]
        what = f"enter {stage}" if self._enters(following, row) else f"exit {self.names[now - 1]}"
        return self._move(row, t, now, following, what) | self.bit

    def _enters(self, stage: int, row: int) -> bool:
        reasons = self._reasons.get(f"enter {self.names[stage - 1]}")
        return reasons is not None and reasons.holds(row)

    def _move(self, row: int, t: int, old: int, new: int, what: str) -> int:
        self._left |= 1 << old
        self.unit.env.scope[self.column.name][row] = new
        reasons = self._reasons.get(what)
        why = {
            "rule": what,
            "atoms": reasons.atoms(row) if reasons is not None else [],
            "cause": self.unit.host.cause(),
        }
        data = {
            "from": self.names[old - 1] if old else None,
            "to": self.names[new - 1] if new else None,
            "why": why,
        }
        self.unit.host.emit(self.unit, row, "stage", self.label, data)
        mask = self._changed(row, old, new)
        for told in self.told:
            told(row, old, new)
        for clock in self._clocks:
            mask |= clock.move(row, t if new else -(2**63), t)
        derived = self._entered[new - 1] if new else None
        if derived is not None:
            mask |= derived(row, t, t, 0, NO_PROPERTIES, None)
        return mask


__all__ = ["LifecycleNode", "name"]
