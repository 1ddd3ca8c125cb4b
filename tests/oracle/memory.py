"""Signals with a memory, and those that read the subject's other facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

from sevenfold.limits import REMEMBERED_VALUES_MAX
from sevenfold.profiles import expressions as ex
from sevenfold.workspace import models

from .signals import (
    ActiveDaysState,
    BaselineState,
    CountState,
    DistinctState,
    EdgeState,
    Entry,
    NumberState,
    Parts,
    Seen,
    SinceState,
    State,
    TrendState,
    dig,
    matches,
)
from .values import TIMER, Cursor, Date, Place, Span, Value, bare, parse, truth


class SessionsState(State):
    """Entries are the sessions' first events; the open session and the ended ones stand beside them."""

    def __init__(self, model: Any, place: Place, thresholds: list[int]) -> None:
        super().__init__(model, place, thresholds)
        self.gap = ex.parse_duration(model.gap)
        self.open: tuple[int, int, int] | None = None
        self.previous: int | None = None
        self.ended: list[int] = []

    def _settle(self, now: Cursor) -> None:
        if self.open is not None and self.rung(self.open[1] + self.gap, now):
            start, end, _ = self.open
            self.open, self.previous = None, end - start
            self.ended.append(end - start)

    def take(self, event: Seen, now: Cursor) -> None:
        self._settle(now)
        te = event.te
        if self.open is not None:
            start, end, events = self.open
            # Choice: exactly the gap before the start still extends it; a late event between its ends is one
            # of its events. (No event can be beyond end + gap: the timer has closed the session by then.)
            if start - self.gap <= te < end + self.gap:
                self.open = (min(start, te), max(end, te), events + 1)
        else:
            # Choice: without an open session any event, late or not, starts one.
            self.open = (te, te, 1)
            self.enter(Entry(te, event.seq))
        if self.open is not None:
            self.due.append((self.open[1] + self.gap, TIMER))
        # Choice: a late event may open a session that is over by now; it ends within the same operation.
        self._settle(now)

    def read(self, now: Cursor) -> Parts:
        self._settle(now)
        start, end, events = self.open or (0, 0, 0)
        ended = Span(floor(Fraction(sum(self.ended), len(self.ended)))) if self.ended else None
        return {
            "": Fraction(len(self.inside(now))),
            "current": Span(end - start),
            "previous": None if self.previous is None else Span(self.previous),
            "average": ended,
            "events": Fraction(events),
        }

    def absorb(self, other: Any, now: Cursor) -> None:
        self._settle(now)
        other._settle(now)
        super().absorb(other, now)
        # Choice: two open sessions become one (they end within a gap of each other), though both were
        # counted; of two previous ones the longer stands.
        if self.open is not None and other.open is not None:
            (a, b, n), (c, d, m) = self.open, other.open
            self.open = (min(a, c), max(b, d), n + m)
        self.open = self.open or other.open
        ended = [p for p in (self.previous, other.previous) if p is not None]
        self.previous = max(ended) if ended else None
        self.ended += other.ended
        if self.open is not None:
            self.due.append((self.open[1] + self.gap, TIMER))


class MilestonesState(State):
    """Entries are progress: the first event (by the log) of each step, its value the step's number; or -1."""

    def leavings(self, entry: Entry) -> list[int]:
        return []

    def see(self, event: Seen, now: Cursor) -> None:
        if matches(self.model.start, None, event):
            self.enter(Entry(event.te, event.seq, -1))
        for i, step in enumerate(self.model.steps):
            if matches(step.event, step.where, event) and i not in self._reached():
                self.enter(Entry(event.te, event.seq, i))
            elif matches(step.event, step.where, event):
                self.enter(Entry(event.te, event.seq, -1))  # no progress, but it may be the earliest of all

    def _reached(self) -> set[int]:
        return {e.value for e in self.entries if e.value >= 0}

    def read(self, now: Cursor) -> Parts:
        steps = self.model.steps
        if not self.entries:
            return dict.fromkeys(["", "stalled", "next", *(s.name for s in steps)])
        reached = self._reached()
        unreached = [i for i in range(len(steps)) if i not in reached]
        parts: Parts = {"": Fraction(len(reached)), "stalled": False, "next": None}
        parts |= {s.name: i in reached for i, s in enumerate(steps)}
        if unreached:
            parts["next"] = steps[unreached[0]].name
        timed = [steps[i].within for i in unreached if steps[i].within is not None]
        if timed:
            # Choice: the clock is the latest of the start and all progress, also when progress came late.
            clock = max([min(e.te for e in self.entries), *(e.te for e in self.entries if e.value >= 0)])
            due = clock + ex.parse_duration(timed[0])
            self.due.append((due, TIMER))
            parts["stalled"] = self.rung(due, now)
        return parts


class SequenceState(State):
    """Entries are what was counted; ``armed`` is the te of the latest ``first`` not yet answered."""

    def __init__(self, model: Any, place: Place, thresholds: list[int]) -> None:
        super().__init__(model, place, thresholds)
        self.within = ex.parse_duration(model.within)
        self.unfollowed = model.outcome == "not_followed"
        self.armed: int | None = None

    def _settle(self, now: Cursor) -> None:
        # Choice: only an unfollowed sequence has a timer; a late `then` can still follow otherwise.
        if self.unfollowed and self.armed is not None and self.rung(self.armed + self.within, now):
            self.enter(Entry(self.armed + self.within, 0))
            self.armed = None

    def see(self, event: Seen, now: Cursor) -> None:
        self._settle(now)
        # Choice: an event that is both answers the one before it, then arms.
        answers = matches(self.model.then, self.model.then_where, event)
        if answers and self.armed is not None and self.armed <= event.te < self.armed + self.within:
            self.armed = None
            if not self.unfollowed:
                self.enter(Entry(event.te, event.seq))
        # Choice: a late `first` whose time to be followed is over by now does not arm.
        arms = matches(self.model.first, self.model.first_where, event)
        if arms and not self.rung(event.te + self.within, now):
            self.armed = event.te if self.armed is None else max(self.armed, event.te)
            self.due.append((self.armed + self.within, TIMER))
        self._settle(now)

    def read(self, now: Cursor) -> Parts:
        self._settle(now)
        return {"": Fraction(len(self.inside(now)))}

    def absorb(self, other: Any, now: Cursor) -> None:
        self._settle(now)
        other._settle(now)
        super().absorb(other, now)
        armed = [a for a in (self.armed, other.armed) if a is not None]
        self.armed = max(armed) if armed else None
        if self.armed is not None:
            self.due.append((self.armed + self.within, TIMER))


class ValuesState(State):
    """Entries are uses of the values remembered; forgetting a value forgets its entries."""

    def __init__(self, model: Any, place: Place, thresholds: list[int], catalogue: list[str]) -> None:
        super().__init__(model, place, thresholds)
        self.quiet = ex.parse_duration(model.quiet)
        self.catalogue = catalogue

    def leavings(self, entry: Entry) -> list[int]:
        return []

    def take(self, event: Seen, now: Cursor) -> None:
        value = event.property(self.model.property)
        if not isinstance(value, str | int | float) or value == "":
            return
        self.enter(Entry(event.te, event.seq, value if isinstance(value, str) else json.dumps(value)))
        self._forget(keep=self.entries[-1].value)
        self.due.append((max(e.te for e in self._uses()[self.entries[-1].value]) + self.quiet, TIMER))

    def _uses(self) -> dict[str, list[Entry]]:
        uses: dict[str, list[Entry]] = {}
        for entry in self.entries:
            uses.setdefault(entry.value, []).append(entry)
        return uses

    def _forget(self, keep: str | None) -> None:
        uses = self._uses()
        while len(uses) > REMEMBERED_VALUES_MAX:
            # Choice: the value that needs the room is never the one forgotten.
            oldest = min(
                (v for v in uses if v != keep), key=lambda v: (max(e.te for e in uses[v]), uses[v][0].seq)
            )
            del uses[oldest]
        self.entries = [e for e in self.entries if e.value in uses]

    def read(self, now: Cursor) -> Parts:
        uses = self._uses()
        last = {v: max(e.te for e in found) for v, found in uses.items()}
        quiet = [v for v in uses if self.rung(last[v] + self.quiet, now)]
        parts: Parts = {
            "": Fraction(len(uses)),
            "abandoned": Fraction(sum(len(uses[v]) >= self.model.minimum for v in quiet)),
            "top": min(uses, key=lambda v: (-len(uses[v]), uses[v][0].seq), default=None),
            # Choice: of two last used at one instant, the one remembered later.
            "recent": max(uses, key=lambda v: (last[v], uses[v][0].seq), default=None),
            "untouched": sorted(
                (v for v in quiet if len(uses[v]) >= self.model.minimum),
                key=lambda v: (-len(uses[v]), uses[v][0].seq),
            ),
        }
        if self.model.catalogue is not None:
            parts["untried"] = [v for v in self.catalogue if v not in uses]
            parts["unused"] = Fraction(sum(v not in uses for v in self.catalogue))
        return parts

    def absorb(self, other: Any, now: Cursor) -> None:
        super().absorb(other, now)
        self._forget(keep=None)
        self.due += [(max(e.te for e in found) + self.quiet, TIMER) for found in self._uses().values()]


class ChannelState(State):
    """Entries are touches with the rule that named the channel when they came; a survey rule stands apart."""

    def __init__(
        self, model: Any, place: Place, rules: list[models.AcquisitionRule], traits: Callable[[str], Value]
    ) -> None:
        super().__init__(model, place, [])
        self.rules = rules
        self.traits = traits
        self.survey: models.AcquisitionRule | None = None

    def leavings(self, entry: Entry) -> list[int]:
        return []

    def see(self, event: Seen, now: Cursor) -> None:
        if event.name.startswith("$"):
            return
        # Choice: a survey answer counts on any event, the first touch included.
        if self.survey is None:
            self.survey = self._first_rule(event, survey=True)
        if event.kind in ("page", "screen") or event.name == "Signed Up":
            self.enter(Entry(event.te, event.seq, self._first_rule(event, survey=False)))

    def _first_rule(self, event: Seen, survey: bool) -> models.AcquisitionRule | None:
        for rule in self.rules:
            if rule.survey == survey and self._holds(rule, event):
                return rule
        return None

    def _holds(self, rule: models.AcquisitionRule, event: Seen) -> bool:
        return rule.when is None or truth(parse(rule.when), lambda name: self._fact(event, name)) is True

    def _fact(self, event: Seen, name: ex.Name) -> Value:
        scope, rest = name.parts[0], ".".join(name.parts[1:])
        if scope == "trait":
            return self.traits(rest)
        if scope in ("page", "campaign"):
            return bare(dig(event.context, [scope, rest]))
        return event.lookup(name)

    def read(self, now: Cursor) -> Parts:
        first = min(self.entries, key=lambda e: (e.te, e.seq), default=None)
        rule = self.survey or (None if first is None else first.value)
        if rule is None:
            return {"": None, "intent": None}
        return {"": rule.channel, "intent": Fraction(str(rule.intent))}

    def absorb(self, other: Any, now: Cursor) -> None:
        super().absorb(other, now)
        self.survey = self.survey or other.survey


class HeldState(State):
    """A value that somebody else sets (a roll-up at the account's tick)."""

    def __init__(self, model: Any, place: Place, thresholds: list[int]) -> None:
        super().__init__(model, place, thresholds)
        self.value: Value = None

    def see(self, event: Seen, now: Cursor) -> None:
        return

    def read(self, now: Cursor) -> Parts:
        return {"": self.value}


class ReadState(State):
    """A signal that is a function of the subject's other facts."""

    def __init__(
        self, model: Any, place: Place, thresholds: list[int], read: Callable[[Cursor], Value]
    ) -> None:
        super().__init__(model, place, thresholds)
        self.function = read

    def see(self, event: Seen, now: Cursor) -> None:
        return

    def read(self, now: Cursor) -> Parts:
        value = self.function(now)
        if isinstance(value, Date):
            return {"": self.clock(value.ms, isinstance(self.model, models.UntilDate), now)}
        return {"": value}


OF_STREAMS: dict[type, type[State]] = {
    models.Count: CountState,
    models.Sum: NumberState,
    models.Average: NumberState,
    models.Min: NumberState,
    models.Max: NumberState,
    models.First: EdgeState,
    models.Last: EdgeState,
    models.Since: SinceState,
    models.Distinct: DistinctState,
    models.ActiveDays: ActiveDaysState,
    models.Baseline: BaselineState,
    models.Trend: TrendState,
    models.Sessions: SessionsState,
    models.Milestones: MilestonesState,
    models.Sequence: SequenceState,
    models.Rollup: HeldState,
}
"""Kinds whose state needs nothing but the model. The others read the subject, and are made there."""
