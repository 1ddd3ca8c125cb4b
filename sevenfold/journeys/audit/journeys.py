"""A journey as a whole: its rules, its steps, and whether everybody in it comes to an end."""

from __future__ import annotations

import re

from ...limits import (
    JOURNEY_PRIORITY_VALUES_MAX,
    JOURNEY_RULES_ITEMS_MAX,
    JOURNEY_VISITS_MAX,
    NUMBER_MAGNITUDE_MAX,
)
from ..plan import ExitRule, GoalRule, Journey
from .fields import Desk, Fields
from .flow import audit_flow
from .graph import EXIT, StepGraph
from .step import StepFields, scope_of
from .triggers import audit_entry, audit_triggers

_NAME = re.compile(r"[^\W_][\w \-]*|_[\w \-]+")


def audit_journey(desk: Desk, name: str, journey: Journey) -> None:
    """Reports everything wrong with one journey but what it says (see `attention`)."""
    at = Fields(desk, ("journeys", name), journey)
    if not _NAME.fullmatch(name):
        at.error((), "bad_name", f"`{name}` cannot name a journey", "use letters, digits, spaces, - and _")
    if not at.kind_of_subject("of", journey.of):
        return
    audit_triggers(at, journey)
    audit_entry(at, journey)
    _rules(at, journey)
    at.condition("suppressed_by", journey.suppressed_by, journey.of, run=scope_of(journey))
    at.doubt("suppressed_by", journey.suppressed_by, journey.of, if_always="every message is held")
    at.number("priority", journey.priority, 0, JOURNEY_PRIORITY_VALUES_MAX)
    at.number("visits_max", journey.visits_max, 1, JOURNEY_VISITS_MAX)
    at.duration("ttl", journey.ttl)
    if journey.programme is not None:
        known = desk.workspace.messaging.programmes
        at.known("programme", "programme", journey.programme, known, "declare it under messaging.programmes")
    if journey.shadow_of is not None:
        _shadow(at, journey, name)
    if not journey.steps:
        at.error("steps", "wrong_value", "the journey has no steps")
        return
    graph = _steps(desk, name, journey)
    named = {*journey.goals, *(getattr(step, "goal", name) for step in graph.steps.values())} - {name}
    if len(named) > JOURNEY_RULES_ITEMS_MAX >= len(journey.goals):
        at.error(
            "steps",
            "too_large",
            f"{len(named)} goals with those of steps",
            f"at most {JOURNEY_RULES_ITEMS_MAX}",
        )
    audit_flow(desk, name, journey, graph)


def _shadow(at: Fields, journey: Journey, name: str) -> None:
    """A draft that walks beside a published journey."""
    others = {other: one for other, one in at.workspace.journeys.items() if other != name}
    message = "only a journey with `state: shadow` walks beside another"
    at.without(journey.state != "shadow", "shadow_of", message, "set its state, or leave `shadow_of` out")
    if at.known("shadow_of", "journey", str(journey.shadow_of), others):
        of = others[str(journey.shadow_of)].of
        if of != journey.of:
            at.error("shadow_of", "wrong_subject", f"that journey is of {of}, and this one of {journey.of}")


# ------------------------------------------------------------------------------------------- exits and goals


def _rules(at: Fields, journey: Journey) -> None:
    for place in ("exits", "goals"):
        count = len(getattr(journey, place))
        if count > JOURNEY_RULES_ITEMS_MAX:
            at.error(place, "too_large", f"{count} {place}", f"at most {JOURNEY_RULES_ITEMS_MAX}")
    for index, rule in enumerate(journey.exits):
        _rule(at, ("exits", index), "an exit", rule, journey)
    for name, goal in journey.goals.items():
        _rule(at, ("goals", name), "a goal", goal, journey)
        at.duration(("goals", name, "within"), goal.within)
        if isinstance(goal.value, str):
            message = f"`{goal.value}` is a property of an event, and this goal is reached by a condition"
            inside = ("goals", name, "value")
            at.without(goal.event is None, inside, message, "write a number")
            if "." in goal.value:
                fix = f"write `{goal.value.rpartition('.')[2]}`"
                at.error(inside, "bad_name", "this is the name of a property of the event", fix)
        else:
            at.number(("goals", name, "value"), goal.value, -NUMBER_MAGNITUDE_MAX, NUMBER_MAGNITUDE_MAX)


def _rule(
    at: Fields, place: tuple[str, int | str], what: str, rule: ExitRule | GoalRule, journey: Journey
) -> None:
    at.exactly_one(place, {"event": rule.event is not None, "when": rule.when is not None}, what)
    if rule.event is not None:
        at.events((*place, "event"), rule.event)
    at.without(rule.where is not None and rule.event is None, place, "`where` is about an `event`")
    at.condition((*place, "where"), rule.where, journey.of, where=True)
    at.doubt((*place, "where"), rule.where, None, if_never="no event is meant")
    at.condition((*place, "when"), rule.when, journey.of, run=scope_of(journey))
    full = "nobody may enter" if isinstance(rule, ExitRule) else "everybody reaches it at once"
    at.doubt((*place, "when"), rule.when, journey.of, if_never="nobody meets it", if_always=full)


# ------------------------------------------------------------------------------------------------------ steps


def _steps(desk: Desk, name: str, journey: Journey) -> StepGraph:
    """Reports what is wrong with each step by itself; the graph of all, blocks written out."""
    wrong = set()
    for step_id, step in journey.steps.items():
        at = StepFields(desk, name, journey, step_id, step)
        if step_id == EXIT or not _NAME.fullmatch(step_id):
            fix = "use letters, digits, spaces, - and _; `exit` is the end of a run"
            at.error((), "bad_name", f"`{step_id}` cannot name a step", fix)
        step.audit(at)
        _conditions(at)
        if at.errors:
            wrong.add(step_id)
    # A block that is wrong by itself cannot be written out.
    graph = StepGraph(journey, wrong, desk.workspace.actions)
    for inner, made in graph.steps.items():
        if made is not journey.steps[graph.origin[inner]]:
            within = StepFields(desk, name, journey, graph.origin[inner], made, whole=True)
            made.audit(within)
            _conditions(within)
    return graph


def _conditions(at: StepFields) -> None:
    for field, asked in at.step.asked():
        at.condition(field, asked, at.of, run=at.scope)
    for field, watched in at.step.watched():
        at.condition(field, watched, at.of, run=at.scope)
    for field, events, where in at.step.heard():
        at.events(field, events)
        path = at.path(field)
        at.condition((*path[len(at.root) : -1], "where"), where, at.of, where=True)
