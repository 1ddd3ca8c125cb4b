"""What fires without being an event: segments, stages, conditions, scores, traits, dates and
schedules.

Value triggers are told by the nodes of the subject, in the middle of its evaluation; they are only
noted here, and acted upon when the subject has come to rest.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

from ..events.times import parse_ms
from ..lifecycle.measures import MILLI, exact
from ..lifecycle.stages import LifecycleNode
from ..profiles.columns import UNKNOWN
from ..profiles.segments import SegmentNode
from ..profiles.wheel import NEVER, OP_BITS
from ..profiles.wheel import low as packed_low
from ..workspace.base import Condition
from . import plan as p
from .dates import date_due, next_anniversary
from .entry import Trigger
from .inference import resolve_zone
from .recurrence import Recurrence
from .times import parse_duration, parse_time_of_day
from .zones import zone as zone_named

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from .compiled import CompiledJourney
    from .runtime import Journeys

SILENT = ("workspace", "restated")
"""Causes by which values change without anything having happened."""
FIRST_MONDAY = 4 * 86_400_000
"""Where schedules without a start begin: Monday 1970-01-05 00:00 on the wall."""
Told = Callable[[int, int, bool], None]


class Triggers:
    """Registers value triggers with the nodes that know, and gathers what they say as `news`."""

    def __init__(self, journeys: Journeys) -> None:
        self.journeys = journeys
        self.news: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
        """By subject (kind's place, row): (version, the trigger's place, what happened)."""
        self.asked: list[tuple[CompiledUnit, Condition]] = []
        self._hidden: list[tuple[SegmentNode, Told]] = []
        self._dates: list[_DateTrigger] = []
        self.schedules: list[_Schedule] = []
        self._known: dict[Any, tuple[str, str, str]] = {}

    def declare(self) -> None:
        """Hidden segments for conditions and predictions, operations for dates, the zone's traits."""
        for plan in self.journeys.entered():
            for place, trigger in enumerate(plan.model.triggers):
                name = self._name(trigger)
                if isinstance(trigger, p.OnCondition):
                    self.hidden(plan.unit, trigger.when, self._teller(plan, place, name, True))
                elif isinstance(trigger, p.OnPrediction):
                    self.hidden(plan.unit, _foretold(trigger), self._teller(plan, place, name, True))
                elif isinstance(trigger, p.OnScore):
                    bound, below = _bound(trigger)
                    told = self._teller(plan, place, name, True)
                    plan.unit.scores[trigger.score].crossings.append((bound, below, told))
                elif isinstance(trigger, p.OnDate):
                    self._dates.append(_DateTrigger(self, plan, place, trigger))
                elif isinstance(trigger, p.OnSchedule):
                    self.schedules.append(_Schedule(self, plan, place, trigger))
        fold = self.journeys.fold
        traits = fold.workspace.messaging.zone_traits
        slots = fold.person.slots, fold.account.slots
        self._zone_slots = [
            slots[0].get(("trait", traits.get("person", "timezone"))),
            slots[1].get(("trait", traits.get("account", "timezone"))),
            slots[0].get(("trait", traits.get("country", "country"))),
        ]

    def arm_all(self, t: int, journey: str | None = None) -> None:
        """Sets the timers of schedules, and with `journey` (just published) those of dates for everybody."""
        for schedule in self.schedules:
            if journey is None or schedule.plan.name == journey:
                schedule.arm(t)
        for date in self._dates if journey is not None else ():
            if date.plan.name == journey:
                for row in range(1, date.plan.unit.table.rows):
                    date.follow(row, t)

    @staticmethod
    def _name(trigger: p.Trigger) -> str:
        match trigger:
            case p.OnSegment():
                return f"segment {trigger.segment} {trigger.change}"
            case p.OnStage():
                return f"stage {trigger.lifecycle}/{trigger.stage} {trigger.change}"
            case p.OnScore():
                return f"score {trigger.score} {_side(trigger)}"
            case p.OnPrediction():
                return f"prediction {trigger.prediction} {_side(trigger)}"
            case p.OnTrait():
                return f"trait {trigger.trait}"
            case p.OnDate():
                return f"date {trigger.date}"
        return str(trigger.__struct_config__.tag)

    def hidden(self, unit: CompiledUnit, condition: Condition, told: Told) -> None:
        """Keeps a condition for every subject of a kind and tells when it changes."""
        unit.hidden_segment(condition)
        self._hidden.append((unit.hidden[-1], told))

    def _teller(self, plan: CompiledJourney, place: int, name: str, wanted: bool) -> Told:
        at, news = plan.unit.index, self.news
        found = (plan.index, place, name)

        fold = self.journeys.fold

        def told(row: int, t: int, member: bool) -> None:
            # Nobody enters because a condition is new, or because the past was told anew.
            cause = fold._cause
            if member is wanted and (cause.__class__ is int or cause[0] not in SILENT):  # type: ignore[index]
                news.setdefault((at, row), []).append(found)

        return told

    def watch(self) -> None:
        """Clocks' offsets of what services ask for."""
        for unit, condition in self.asked:
            from .asking import Asking

            Asking(self.journeys, unit).register(condition, 0)

    def finish(self) -> None:
        """Hangs the tellers on the nodes."""
        for node, told in self._hidden:
            node.told.append(told)
        for plan in self.journeys.entered():
            for place, trigger in enumerate(plan.model.triggers):
                self._hang(plan, place, trigger)
        for date in self._dates:
            date.finish()

    def _hang(self, plan: CompiledJourney, place: int, trigger: p.Trigger) -> None:
        name, unit = self._name(trigger), plan.unit
        if isinstance(trigger, p.OnSegment):
            wanted = trigger.change == "entered"
            unit.segments[trigger.segment].told.append(self._teller(plan, place, name, wanted))
        elif isinstance(trigger, p.OnStage):
            unit.lifecycles[trigger.lifecycle].told.append(self._stage(plan, place, name, trigger))
        elif isinstance(trigger, p.OnTrait):
            unit.trait_moves.setdefault(trigger.trait, []).append(self._trait(plan, place, name, trigger))

    def _stage(self, plan: CompiledJourney, place: int, name: str, trigger: p.OnStage) -> Any:
        node: LifecycleNode = plan.unit.lifecycles[trigger.lifecycle]
        stage = node.names.index(trigger.stage) + 1
        entered = trigger.change == "entered"
        sources = None
        if trigger.from_ is not None:
            sources = frozenset(node.names.index(one) + 1 for one in trigger.from_)
        at, news, found = plan.unit.index, self.news, (plan.index, place, name)

        def told(row: int, old: int, new: int) -> None:
            if (new if entered else old) == stage and (sources is None or old in sources):
                news.setdefault((at, row), []).append(found)

        return told

    def _trait(self, plan: CompiledJourney, place: int, name: str, trigger: p.OnTrait) -> Any:
        unit = plan.unit
        at, news, found = unit.index, self.news, (plan.index, place, name)
        slot = unit.slots["trait", trigger.trait]

        def moved(row: int, te: int, t: int) -> int:
            if trigger.to is None or unit.show(slot, row) == trigger.to:
                news.setdefault((at, row), []).append(found)
            return 0

        return moved

    # --------------------------------------------------------------------------------------------- zones

    def zone_names(self, unit: CompiledUnit) -> list[str]:
        """The traits that say where a subject of a kind is, as its conditions name them."""
        fold = self.journeys.fold
        traits = fold.workspace.messaging.zone_traits
        of_account = "trait." + traits.get("account", "timezone")
        if unit is fold.account:
            return [of_account] if self._zone_slots[1] is not None else []
        told = [("trait." + traits.get("person", "timezone"), self._zone_slots[0])]
        told.append(("account." + of_account, self._zone_slots[1]))
        told.append(("trait." + traits.get("country", "country"), self._zone_slots[2]))
        head = "" if unit is fold.person else "person."
        return [head + name for name, slot in told if slot is not None]

    def zones_of(self, person: int, account: int) -> tuple[str, str, str]:
        """Zone name, source and country of a person or account."""
        fold = self.journeys.fold
        of_person, of_account, of_country = self._zone_slots
        account = fold._accounts[person] if person else account
        given = fold.person.show(of_person, person) if of_person is not None and person else None
        told = fold.account.show(of_account, account) if of_account is not None and account else None
        country = fold.person.show(of_country, person) if of_country is not None and person else None
        key = (given, told, country)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= 50_000:
                self._known.clear()
            chosen = resolve_zone(given, told, country, fold.workspace.timezone)
            known = self._known[key] = (chosen.zone.name, chosen.source, country or "")
        return known

    # --------------------------------------------------------------------------------------------- state

    def dump(self) -> Any:
        return [[one.plan.name, one.place, one.due] for one in self.schedules]

    def load(self, held: Any) -> None:
        due = {(name, place): at for name, place, at in held}
        for one in self.schedules:
            one.due = due.get((one.plan.name, one.place), NEVER)


class _DateTrigger:
    """A timer for each subject at its date: set anew whenever the date moves, compared when it fires."""

    def __init__(self, triggers: Triggers, plan: CompiledJourney, place: int, trigger: p.OnDate) -> None:
        self.triggers, self.plan, self.place, self.trigger = triggers, plan, place, trigger
        unit = plan.unit
        unit.declaring = f"journey {plan.name}"
        self.op = unit.op(self._fire, timer=True)
        self.slot = unit.slots[tuple(trigger.date.split("."))]
        self.offset = parse_duration(trigger.offset, signed=True)
        self.at = parse_time_of_day(trigger.at) if trigger.at is not None else None
        unit.followers.setdefault(self.slot.column, []).append(self)

    def finish(self) -> None:
        self._low = self.plan.unit.low(self.op)
        self._told = self.triggers._teller(self.plan, self.place, f"date {self.trigger.date}", True)

    def due(self, row: int, after: int) -> int:
        """When it is next due, not before `after` + 1; NEVER without a date or when it is past."""
        journeys = self.triggers.journeys
        date = journeys.fold.env.scope[self.slot.column][row]
        if date == UNKNOWN:
            return NEVER
        person = self.plan.person_of(row)
        zone = journeys.zone(person, 0 if person else row)
        if self.trigger.yearly:
            return next_anniversary(date, after + 1, zone, offset=self.offset, at=self.at).at
        due = date_due(date, self.offset, self.at, zone)
        return due if due > after else NEVER

    def follow(self, row: int, t: int) -> int:
        due = self.due(row, t)
        if due != NEVER:
            self.plan.unit.push(due, self._low, row)
        return 0

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        if self.due(row, due - 1) != due:
            return 0
        self._told(row, due, True)
        if self.trigger.yearly:
            self.follow(row, due)
        return self.triggers.journeys.bit_of(self.plan.unit)


class _Schedule:
    """A recurrence at which everybody in the audience enters, in order of row."""

    def __init__(self, triggers: Triggers, plan: CompiledJourney, place: int, trigger: p.OnSchedule) -> None:
        self.triggers, self.plan, self.place = triggers, plan, place
        fold = triggers.journeys.fold
        zone = zone_named(trigger.zone or fold.workspace.timezone)
        start = parse_ms(trigger.start) if trigger.start is not None else None
        self.rule = Recurrence(trigger.rrule, FIRST_MONDAY if start is None else start, zone)
        self.due = NEVER
        self.index = len(triggers.schedules)
        self._low = packed_low(7, fold.add_op(7, self._fire, True, f"journey {plan.name}"), True)

    def arm(self, t: int) -> None:
        """Sets the timer of the next occurrence after `t`."""
        following = self.rule.after(t)
        self.due = NEVER if following is None else following
        if self.due != NEVER:
            self.triggers.journeys.fold.wheel.push(self.due, self._low + (self.index << OP_BITS))

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        if due != self.due:
            return 0
        journeys, unit = self.triggers.journeys, self.plan.unit
        journeys.fold._cause = ("timer", f"journey {self.plan.name}", 0)
        if journeys.current.get(self.plan.name) == self.plan.index:
            gone = journeys.fold.forward if unit is journeys.fold.person else {}
            for one in range(1, unit.table.rows):
                if one not in gone:
                    fired = Trigger("schedule", None, due)
                    slot, _ = journeys.entries.admit(self.plan, one, due, fired)
                    if slot:
                        journeys.phase(unit, one, due, None, ready=[(slot, 0)])
        self.arm(due)
        return 0


def _side(trigger: p.OnScore | p.OnPrediction) -> str:
    return f"below {trigger.below:g}" if trigger.below is not None else f"above {trigger.above:g}"


def _bound(trigger: p.OnScore) -> tuple[int, bool]:
    """The least value (in 1/1000 point) at or above the bound, and whether the trigger is about what is
    below it.
    """
    below = trigger.below is not None
    bound = trigger.below if below else trigger.above
    assert bound is not None
    return ceil(exact(bound) * MILLI), below


def _foretold(trigger: p.OnPrediction) -> Condition:
    name = f"prediction[{trigger.prediction!r}]"
    bound = trigger.below if trigger.below is not None else trigger.above
    assert bound is not None
    return f"{name} {'<' if trigger.below is not None else '>='} {Decimal(str(bound)):f}"


__all__ = ["Triggers"]
