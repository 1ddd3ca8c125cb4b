"""One version of a journey, compiled: its steps, what it listens for, who may enter and what ends a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from ..profiles import expressions as x
from ..profiles.build import code
from ..profiles.unit import listens
from ..profiles.where import Where
from ..workspace.base import Condition
from .asking import Ask, Asking
from .plan import EXIT, ExitRule, GoalRule, Journey, OnBusinessEvent, OnEvent, ReEntry
from .steps import STEP_KINDS, Logic
from .steps.base import END, Move, StepBase
from .steps.start_journey import StartJourney

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from .choice_plan import Action
    from .runtime import Journeys

Heard = Callable[[Any, Any], bool]
"""Whether an event (properties, event) is meant, by its `where`."""


class Listener:
    """Some event names with a `where`: of a trigger, an exit, a goal, or something a step waits for."""

    __slots__ = ("_matches", "names", "place", "where")

    def __init__(self, names: str | list[str], where: Condition | None, place: int) -> None:
        self.names = [names] if isinstance(names, str) else list(names)
        self.where = where
        self.place = place
        self._matches: Heard | None = None

    def hears(self, type_: str, event: str) -> bool:
        """Whether this name of event concerns it at all."""
        return any(listens(pattern, type_, event) for pattern in self.names)

    def name(self, unit: CompiledUnit) -> None:
        """Says which properties the `where` reads."""
        if self.where is not None:
            Where(unit.env, unit.where_value).truth(unit.tree(self.where))

    def finish(self, unit: CompiledUnit) -> None:
        if self.where is not None:
            true = Where(unit.env, unit.where_value).truth(unit.tree(self.where))[0]
            self._matches = unit.env.function("heard", ["p", "ev"], code("return TEST", TEST=true))

    def matches(self, p: Any, event: Any) -> bool:
        """Whether this very event is meant (its name is)."""
        return self._matches is None or bool(self._matches(p, event))


class Rule:
    """An exit or a goal: by event, or by condition."""

    __slots__ = ("ask", "exit", "label", "listener", "model", "value", "within")

    def __init__(self, label: str, model: ExitRule | GoalRule, place: int) -> None:
        self.label, self.model = label, model
        self.listener = Listener(model.event, model.where, place) if model.event is not None else None
        self.ask: Ask | None = None
        self.exit = getattr(model, "exit", True)
        self.value = getattr(model, "value", None)
        within = getattr(model, "within", None)
        self.within = x.parse_duration(within) if within is not None else None


class StepSite:
    """What a step's logic asks while it is compiled; see `steps.base.Site`."""

    def __init__(self, plan: CompiledJourney, step: str) -> None:
        self.plan = plan
        self.journey = plan.name
        self.step = step
        self.index = plan.ids.index(step)

    def target(self, step: str | None) -> Move:
        """The index of a step; None: the one after this."""
        if step is None:
            return self.index + 1 if self.index + 1 < len(self.plan.ids) else END
        return END if step == EXIT else self.plan.ids.index(step)

    def asks(self, condition: Condition) -> Ask:
        return self.plan.asking.true(condition)

    def asks_unknown(self, condition: Condition) -> Ask:
        return self.plan.asking.unknown(condition)

    def workspace(self) -> Any:
        return self.plan.journeys.fold.workspace

    def service(self, name: str) -> Any:
        """`messages`, `tasks`, ... of the runtime, `journeys` the runtime itself."""
        return self.plan.journeys if name == "journeys" else self.plan.journeys.services.get(name)


class CompiledJourney:
    """A version. `index` is its place among all versions that still matter."""

    steps: list[Logic]

    def __init__(self, journeys: Journeys, name: str, version: int, model: Journey, index: int) -> None:
        self.journeys, self.name, self.version, self.model, self.index = journeys, name, version, model, index
        self.unit: CompiledUnit = journeys.fold._unit(model.of)
        self.of_account = model.of == "account"
        self.of_person = model.of == "person"
        self.shadow = model.state == "shadow"
        self.asking = Asking(journeys, self.unit)
        self.written: dict[str, StepBase] = expand(model.steps, journeys.fold.workspace.actions)
        self.ids = list(self.written)
        self.models = list(self.written.values())
        self.goal_places = {label: place for place, label in enumerate(_goals(model, self.models))}
        self.exits = [Rule(rule.reason or "exit", rule, i) for i, rule in enumerate(model.exits)]
        self.goals = [Rule(label, rule, i) for i, (label, rule) in enumerate(model.goals.items())]
        self.heard: list[list[Listener]] = [
            [Listener(names, where, i) for i, (_, names, where) in enumerate(step.heard())]
            for step in self.models
        ]
        self.triggers: list[Listener | None] = [
            Listener(t.event, t.where, i) if isinstance(t, OnEvent) else None
            for i, t in enumerate(model.triggers)
        ]
        self.business = [
            Listener(t.event, t.where, i)
            for i, t in enumerate(model.triggers)
            if isinstance(t, OnBusinessEvent)
        ]
        self.late_after = x.parse_duration(model.late_after)
        again = model.re_entry
        self.many = isinstance(again, ReEntry) and again.unlimited is not None
        """Whether somebody may have several runs with the same key."""
        self.cyclic = _cyclic(self.models, self.ids)
        self.kept: set[str] = set()
        """Properties of the trigger event that are needed after entry."""
        self._key_field = ""

    # ---------------------------------------------------------------------------------------- compiling

    def conditions(self) -> list[tuple[Condition, bool]]:
        """Every condition, and whether a run waits for it to change."""
        model = self.model
        found: list[tuple[Condition, bool]] = [
            (rule.model.when, True) for rule in (*self.exits, *self.goals) if rule.model.when is not None
        ]
        found += [(one, False) for one in (model.audience, model.suppressed_by) if one is not None]
        for step in self.models:
            found += [(condition, True) for _, condition in step.watched()]
            found += [(condition, False) for _, condition in step.asked()]
        return found

    def watch(self, bit: int) -> None:
        """Registers what conditions read; `bit` is the node that looks at the subject's runs."""
        for condition, watched in self.conditions():
            self.asking.register(condition, bit if watched else 0)
            self.kept |= self.asking.properties(condition)
        for step in self.models:
            for each in step.follows():
                self._follow(each, bit)
            if step.follows_zone():
                for each in self.journeys.triggers.zone_names(self.unit):
                    self._follow(each, bit)

    def _follow(self, name: str, bit: int) -> None:
        """The subject's runs look at every change of a name, also of one of an entity's person."""
        parts = tuple(name.split("."))
        if parts[0] == "person" and not (self.of_person or self.of_account):
            self.journeys.fold.person.conditions.watch_name(x.Name(parts[1:]), self.journeys.person_bit)
            self.asking.of_person = True
        else:
            self.unit.conditions.watch_name(x.Name(parts), bit)

    def gather(self) -> None:
        """Which properties of its trigger event a run has to keep, for itself."""
        for step in self.models:
            self.kept |= set(step.reads())
        self.kept |= {rule.value for rule in self.goals if isinstance(rule.value, str)}

    def hands_on(self) -> set[str]:
        """The journeys that its runs start."""
        return {step.journey for step in self.models if isinstance(step, StartJourney)}

    def name_properties(self) -> None:
        """Says which properties of events are read: by `where`s, as the key, and kept of the trigger."""
        for listener in self.listeners():
            listener.name(self.unit)
        if self.model.key is not None:
            self.unit.properties.setdefault(self.model.key, "")
        for trigger in self.model.triggers:
            if isinstance(trigger, OnBusinessEvent) and trigger.match is not None:
                self.unit.properties.setdefault(trigger.match["property"], "")
        for head in self.kept:
            self.unit.properties.setdefault(head, "")

    def listeners(self) -> list[Listener]:
        """Everything that listens for events."""
        rules = [rule.listener for rule in (*self.exits, *self.goals) if rule.listener is not None]
        waits = [listener for step in self.heard for listener in step]
        triggers = [one for one in self.triggers if one is not None]
        return [*rules, *waits, *triggers, *self.business]

    def finish(self) -> None:
        """Makes the functions."""
        for listener in self.listeners():
            listener.finish(self.unit)
        for rule in (*self.exits, *self.goals):
            if rule.model.when is not None:
                rule.ask = self.asking.true(rule.model.when)
        model = self.model
        self.audience = self.asking.true(model.audience) if model.audience is not None else None
        self.suppressed_by = (
            self.asking.true(model.suppressed_by) if model.suppressed_by is not None else None
        )
        if model.key is not None:
            self._key_field = self.unit.properties[model.key]
        self._kept_fields = [(head, self.unit.properties[head]) for head in sorted(self.kept)]
        self.steps = [
            STEP_KINDS[str(step.__struct_config__.tag)].logic(step, StepSite(self, step_id))
            for step_id, step in self.written.items()
        ]

    # ------------------------------------------------------------------------------------------- running

    def overlooks(self) -> frozenset[str]:
        """Journeys whose runs and messages are not there for this one: drafts in shadow for all others, and
        for a draft the journey in whose place it walks.
        """
        drafts = {plan.name for plan in self.journeys.plans if plan.shadow}
        if self.shadow and self.model.shadow_of is not None:
            drafts.add(self.model.shadow_of)
        return frozenset(drafts - {self.name})

    def person_of(self, row: int) -> int:
        """The person of a run's subject: itself, an entity's person; nobody for an account."""
        if self.of_person:
            return row
        if self.of_account:
            return 0
        return self.journeys.fold.entity_ids[self.model.of][row][1]

    def key_of(self, p: Any) -> str:
        """The value of the key property of an event, as a text; "" when it carries none."""
        if not self._key_field:
            return ""
        return as_key(getattr(p, self._key_field, UNSET))

    def kept_of(self, p: Any) -> dict[str, Any]:
        """The properties of a trigger event that a run keeps."""
        found = {head: getattr(p, field, UNSET) for head, field in self._kept_fields}
        return {head: value for head, value in found.items() if value is not UNSET and value is not None}

    def digest_source(self) -> bytes:
        """What makes this version what it is."""
        return msgspec.json.encode(self.model)


def as_key(value: Any) -> str:
    """A property's value as an entity key: a text, or an integer's digits; anything else is none."""
    if value.__class__ is int:
        return str(value)
    return value if value.__class__ is str else ""


def expand(steps: dict[str, Any], bank: Mapping[str, Action] | None = None) -> dict[str, StepBase]:
    """The steps with blocks (an intervention, a choice among actions of the `bank`) written out; the written
    order is kept.
    """
    made: dict[str, StepBase] = {}
    ids = list(steps)
    for place, (step_id, step) in enumerate(steps.items()):
        after = ids[place + 1] if place + 1 < len(ids) else EXIT
        made.update(step.expand(step_id, step.next or after, bank))
    return made


def _goals(model: Journey, steps: list[StepBase]) -> list[str]:
    named = [step.goal for step in steps if hasattr(step, "goal") and isinstance(step.goal, str)]
    return list(dict.fromkeys([*model.goals, *named]))


def _cyclic(models: list[StepBase], ids: list[str]) -> set[int]:
    """Steps that a run can come back to: their visits are counted."""
    following: list[set[int]] = []
    for place, step in enumerate(models):
        targets = {target for _, target in step.targets()} | ({step.next} if step.next else set())
        found = {ids.index(target) for target in targets if target in ids}
        if step.next is None and step.falls_through() and place + 1 < len(ids):
            found.add(place + 1)
        following.append(found)
    reach = [set(found) for found in following]
    changed = True
    while changed:
        changed = False
        for found in reach:
            more = set().union(*(reach[other] for other in found)) - found if found else set()
            if more:
                found |= more
                changed = True
    return {place for place, found in enumerate(reach) if place in found}
