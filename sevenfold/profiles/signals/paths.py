"""Paths: milestones with expected windows and stalls, sequences of two events, acquisition channels."""

from __future__ import annotations

import ast
from functools import partial
from typing import Any

from ...workspace import models as m
from .. import expressions as x
from ..build import code, disjunction, expression, name
from ..columns import COUNT, UNKNOWN
from ..expressions import parse_duration
from ..where import Where
from .base import SignalKind, Stream, leaves, stamp, stamp_ms, window_ms


class MilestonesKind(SignalKind):
    """Progress along a path: a bit a milestone, the clock's last move, and a stall that a timer declares."""

    model: m.Milestones

    def declare(self) -> None:
        steps = self.model.steps
        # Unknown (-1) until the path has started.
        self.counts = self.column(dtype=COUNT, empty=-1)
        self.slot = self.make_slot(self.counts, "count", unknown=-1)
        self.mask = self.column(".reached", COUNT)
        self.since = self.column(".since", empty=UNKNOWN)
        self.stalled = self.column(".stalled", "int8")
        self.next = self.column(".next", COUNT)
        self.steps = [self.column(f".{step.name}", "int8") for step in steps]
        self.step_slots = [
            self.make_slot(column, "boolean", step.name, 0)
            for step, column in zip(steps, self.steps, strict=True)
        ]
        self.stalled_slot = self.make_slot(self.stalled, "boolean", "stalled", 0)
        self.next_slot = self.make_slot(self.next, "text", "next", 0)
        self.next_slot.codes = {step.name: place + 1 for place, step in enumerate(steps)}
        self.within = [None if step.within is None else parse_duration(step.within) for step in steps]
        self.op = self.unit.op(self._fire, timer=True)

    def finish(self) -> None:
        self.unit.env.scope[f"start_{self.mask.name}"] = self._start
        for place in range(len(self.model.steps)):
            self.unit.env.scope[f"reach_{place}_{self.mask.name}"] = partial(self._reach, place)

    def streams(self) -> list[Stream]:
        found = [Stream(self.events(self.model.start), None, self._emit_start)]
        for place, step in enumerate(self.model.steps):
            found.append(Stream(self.events(step.event), step.where, partial(self._emit_step, place)))
        return found

    def _emit_start(self) -> list[ast.stmt]:
        return code("d |= START(row, te, t)", START=name(f"start_{self.mask.name}"))

    def _emit_step(self, place: int) -> list[ast.stmt]:
        return code(
            "if not MASK[row] & BIT:\n    d |= REACH(row, te, t)",
            MASK=name(self.mask.name),
            BIT=1 << place,
            REACH=name(f"reach_{place}_{self.mask.name}"),
        )

    def _start(self, row: int, te: int, t: int) -> int:
        since = self.data(self.since)
        # Before any progress the earliest start counts; afterwards the last progress does.
        if self.data(self.mask)[row] or (since[row] != UNKNOWN and since[row] <= te):
            return 0
        mask = self._begin(row) if since[row] == UNKNOWN else 0
        since[row] = te
        return mask | self._settle(row, t)

    def _begin(self, row: int) -> int:
        """The path starts: nothing is reached, and that is known."""
        mask = self._set(self.slot, self.counts, row, 0)
        for slot, column in zip(self.step_slots, self.steps, strict=True):
            mask |= self._set(slot, column, row, 1)
        return mask

    def _reach(self, place: int, row: int, te: int, t: int) -> int:
        masks, since = self.data(self.mask), self.data(self.since)
        # The start is the earliest of its events and the milestones, so once there is progress only
        # progress counts.
        mask = self._begin(row) if since[row] == UNKNOWN else 0
        since[row] = max(since[row], te) if masks[row] else te
        reached = masks[row] | 1 << place
        self.put(self.mask, row, reached)
        mask |= self._set(self.step_slots[place], self.steps[place], row, 2)
        mask |= self._set(self.slot, self.counts, row, reached.bit_count())
        return mask | self._settle(row, t)

    def _due(self, row: int) -> int | None:
        reached, since = self.data(self.mask)[row], self.data(self.since)[row]
        if since == UNKNOWN:
            return None
        for place, within in enumerate(self.within):
            if within is not None and not reached >> place & 1:
                return int(since + within)
        return None

    def _settle(self, row: int, t: int) -> int:
        reached = self.data(self.mask)[row]
        following = next((p + 1 for p in range(len(self.steps)) if not reached >> p & 1), 0)
        # Nothing follows a path that has not started or is complete.
        mask = self._set(self.next_slot, self.next, row, following)
        due = self._due(row)
        stalled = due is not None and due <= t
        if due is not None and due > t:
            self.unit.push(due, self.unit.low(self.op), row)
        known = self.data(self.since)[row] != UNKNOWN
        return mask | self._set(self.stalled_slot, self.stalled, row, (2 if stalled else 1) if known else 0)

    def _set(self, slot: Any, column: Any, row: int, new: int) -> int:
        data = self.data(column)
        old = data[row]
        if old == new:
            return 0
        self.put(column, row, new)
        return self.changed(slot, row, old, new)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        if self._due(row) != due:
            return 0
        return self._set(self.stalled_slot, self.stalled, row, 2)

    def merge(self, winner: int, loser: int, t: int) -> None:
        masks, since = self.data(self.mask), self.data(self.since)
        mine, other = masks[winner], masks[loser]
        a, b = since[winner], since[loser]
        reached = mine | other
        self.put(self.mask, winner, reached)
        if mine and other:
            since[winner] = max(a, b)
        elif mine or other:
            since[winner] = a if mine else b
        else:
            since[winner] = max(a, b) if UNKNOWN in (a, b) else min(a, b)
        if since[winner] != UNKNOWN:
            self._begin(winner)
            for place, column in enumerate(self.steps):
                self.data(column)[winner] = 2 if reached >> place & 1 else 1
            self.put(self.counts, winner, reached.bit_count())
            self._settle(winner, t)

    def parts(self, row: int) -> dict[str, Any]:
        shown = {
            step.name: self.unit.show(slot, row)
            for step, slot in zip(self.model.steps, self.step_slots, strict=True)
        }
        return shown | {
            "stalled": self.unit.show(self.stalled_slot, row),
            "next": self.unit.show(self.next_slot, row),
        }


class SequenceKind(SignalKind):
    """A followed, or not followed, by B within a time; armed by the latest A."""

    model: m.Sequence

    def declare(self) -> None:
        self.counts = self.column(dtype=COUNT)
        self.slot = self.make_slot(self.counts, "count")
        self.armed = self.column(".armed", empty=UNKNOWN)
        self.within = parse_duration(self.model.within)
        self.window = window_ms(self.model.window)
        self.followed = self.model.outcome == "followed"
        self.op = self.unit.op(self._leaves) if self.window is not None else 0
        self.op_late = 0 if self.followed else self.unit.op(self._not_followed, timer=True)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.env.scope[f"arm_{self.armed.name}"] = self._arm
        self.unit.env.scope[f"then_{self.armed.name}"] = self._then

    def streams(self) -> list[Stream]:
        # `then` first: an event that is both closes what was open before it opens anew.
        return [
            Stream(self.events(self.model.then), self.model.then_where, self._emit_then),
            Stream(self.events(self.model.first), self.model.first_where, self._emit_first),
        ]

    def _emit_then(self) -> list[ast.stmt]:
        return code(
            "a = ARMED[row]\nif a != UNSET:\n    d |= THEN(row, te, t)",
            ARMED=name(self.armed.name),
            UNSET=UNKNOWN,
            THEN=name(f"then_{self.armed.name}"),
        )

    def _emit_first(self) -> list[ast.stmt]:
        return code("ARM(row, te, t)", ARM=name(f"arm_{self.armed.name}"))

    def _arm(self, row: int, te: int, t: int) -> None:
        armed = self.data(self.armed)
        if te + self.within <= t or te <= armed[row]:
            return
        armed[row] = te
        if not self.followed:
            self.unit.push(te + self.within, self.unit.low(self.op_late), row)

    def _then(self, row: int, te: int, t: int) -> int:
        armed = self.data(self.armed)
        at = armed[row]
        if not at <= te < at + self.within:
            return 0
        armed[row] = UNKNOWN
        return self._count(row, te, t) if self.followed else 0

    def _count(self, row: int, te: int, t: int) -> int:
        if self.window is not None:
            due = leaves(te, self.window)
            if due <= t:
                return 0
            self.unit.push(due, self.unit.low(self.op), row)
        new = self.data(self.counts)[row] + 1
        self.put(self.counts, row, new)
        return self._changed(row, new - 1, new)

    def _leaves(self, row: int, due: int, entries: int, value: int) -> int:
        counts = self.data(self.counts)
        old = counts[row]
        counts[row] = old - entries
        return self._changed(row, old, old - entries)

    def _not_followed(self, row: int, due: int, entries: int, value: int) -> int:
        armed = self.data(self.armed)
        if armed[row] == UNKNOWN or armed[row] + self.within != due:
            return 0
        armed[row] = UNKNOWN
        return self._count(row, due, due)

    def merge(self, winner: int, loser: int, t: int) -> None:
        armed, counts = self.data(self.armed), self.data(self.counts)
        armed[winner] = max(armed[winner], armed[loser])
        self.put(self.counts, winner, counts[winner] + counts[loser])


class ChannelKind(SignalKind):
    """The first touch's channel by the workspace's acquisition table; a survey answer later wins once."""

    model: m.Channel
    EVENTS = ("$page", "$screen", "Signed Up")

    def declare(self) -> None:
        self.values = self.column(dtype="int16")
        self.intent = self.column(".intent", empty=UNKNOWN)
        self.stamps = self.column(".stamp", empty=UNKNOWN)
        self.surveyed = self.column(".surveyed", "int8")
        names = list(dict.fromkeys(rule.channel for rule in self.unit.workspace.acquisition))
        self.names = {channel: place + 1 for place, channel in enumerate(names)}
        self.slot = self.make_slot(self.values, "text", unknown=0)
        self.slot.codes = self.names
        self.intent_slot = self.make_slot(self.intent, "number", "intent", UNKNOWN)

    def finish(self) -> None:
        env = self.unit.env
        where = Where(env, self.unit.touch_value)
        chains: dict[bool, list[ast.stmt]] = {False: [], True: []}
        for place, rule in enumerate(self.unit.workspace.acquisition):
            true = ast.Constant(True) if rule.when is None else where.truth(self.unit.tree(rule.when))[0]
            chains[rule.survey] += code("if TEST:\n    return PLACE", TEST=true, PLACE=place)
        arguments = ["row", "p", "ev"]
        self.classify = env.function("classify", arguments, [*chains[False], *code("return -1")])
        self.survey = env.function("survey", arguments, [*chains[True], *code("return -1")])
        env.scope[f"touch_{self.values.name}"] = self._touch
        env.scope[f"answer_{self.values.name}"] = self._answer

    def streams(self) -> list[Stream]:
        found = [Stream(self.EVENTS, None, self._emit)]
        if any(rule.survey for rule in self.unit.workspace.acquisition):
            found.append(Stream(("$any",), None, self._emit_answer))
        return found

    def _emit(self) -> list[ast.stmt]:
        return code(
            "if STAMP[row] == UNSET or te < HELD(STAMP[row]):\n    d |= TOUCH(row, p, ev, te, t, seq)",
            STAMP=name(self.stamps.name),
            UNSET=UNKNOWN,
            HELD=name("stamp_ms"),
            TOUCH=name(f"touch_{self.values.name}"),
        )

    def _emit_answer(self) -> list[ast.stmt]:
        # Few events carry an answer: look for its properties before asking the rules.
        asked = {
            at.parts[1:]
            for rule in self.unit.workspace.acquisition
            if rule.survey and rule.when is not None
            for at in x.names(self.unit.tree(rule.when))
            if at.parts[0] == "property"
        }
        answered = disjunction(
            expression("V is not UNSET", V=self.unit.touch_value(x.Name(("property", *parts))))
            for parts in sorted(asked)
        )
        return code(
            "if SEEN and not DONE[row]:\n    d |= ANSWER(row, p, ev)",
            SEEN=answered if asked else ast.Constant(True),
            DONE=name(self.surveyed.name),
            ANSWER=name(f"answer_{self.values.name}"),
        )

    def _touch(self, row: int, p: Any, ev: Any, te: int, t: int, seq: int) -> int:
        self.data(self.stamps)[row] = stamp(te, seq)
        if self.data(self.surveyed)[row]:
            return 0
        return self._set(row, self.classify(row, p, ev))

    def _answer(self, row: int, p: Any, ev: Any) -> int:
        place = self.survey(row, p, ev)
        if place < 0:
            return 0
        self.data(self.surveyed)[row] = 1
        return self._set(row, place)

    def _set(self, row: int, place: int) -> int:
        values, intents = self.data(self.values), self.data(self.intent)
        rule = None if place < 0 else self.unit.workspace.acquisition[place]
        new = 0 if rule is None else self.names[rule.channel]
        intent = UNKNOWN if rule is None else round(rule.intent * 1_000_000)
        old, old_intent = values[row], intents[row]
        values[row], intents[row] = new, intent
        mask = self.changed(self.slot, row, old, new) if old != new else 0
        return mask | (self.changed(self.intent_slot, row, old_intent, intent) if old_intent != intent else 0)

    def merge(self, winner: int, loser: int, t: int) -> None:
        stamps, surveyed = self.data(self.stamps), self.data(self.surveyed)
        earlier = stamps[loser] != UNKNOWN and (stamps[winner] == UNKNOWN or stamps[loser] < stamps[winner])
        if (earlier and not surveyed[winner]) or (surveyed[loser] and not surveyed[winner]):
            for column in (self.values, self.intent):
                data = self.data(column)
                data[winner] = data[loser]
        if earlier:
            stamps[winner] = stamps[loser]
        surveyed[winner] |= surveyed[loser]

    def parts(self, row: int) -> dict[str, Any]:
        return {"intent": self.unit.show(self.intent_slot, row)}


KINDS: dict[type, Any] = {m.Milestones: MilestonesKind, m.Sequence: SequenceKind, m.Channel: ChannelKind}

__all__ = ["KINDS", "ChannelKind", "MilestonesKind", "SequenceKind", "stamp_ms"]
