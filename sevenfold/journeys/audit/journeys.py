"""A journey as a whole: its rules, its steps, and whether everybody in it comes to an end."""

from __future__ import annotations

import re

from ...limits import (
    JOURNEY_PRIORITY_VALUES_MAX,
    JOURNEY_RULES_ITEMS_MAX,
    JOURNEY_STEPS_MAX,
    JOURNEY_VISITS_MAX,
    NUMBER_MAGNITUDE_MAX,
)
from ...workspace.problems import likely
from ..plan import ExitRule, GoalRule, Journey, OnBusinessEvent, OnEvent
from ..proof import never
from .fields import Desk, Fields
from .graph import EXIT, StepGraph, circles
from .step import StepFields, scope_of
from .triggers import audit_entry, audit_triggers

_NAME = re.compile(r"[^\W_][\w \-]*|_[\w \-]+")
_SAID_MAX = 8
"""Steps of a circle that a message names."""


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
    at.number("priority", journey.priority, 0, JOURNEY_PRIORITY_VALUES_MAX)
    at.number("visits_max", journey.visits_max, 1, JOURNEY_VISITS_MAX)
    at.duration("ttl", journey.ttl)
    if journey.programme is not None:
        known = desk.workspace.messaging.programmes
        at.known("programme", "programme", journey.programme, known, "declare it under messaging.programmes")
    if not journey.steps:
        at.error("steps", "wrong_value", "the journey has no steps")
        return
    fine = [_step(desk, name, journey, step_id) for step_id in journey.steps]
    graph = StepGraph(journey) if all(fine) else None
    if graph is not None:
        _graph(desk, name, journey, graph)


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
            at.without(goal.event is None, ("goals", name, "value"), message, "write a number")
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
    scope = scope_of(journey)
    at.condition((*place, "when"), rule.when, journey.of, run=type(scope)(scope.event, watched=True))


# ------------------------------------------------------------------------------------------------------ steps


def _step(desk: Desk, name: str, journey: Journey, step_id: str) -> bool:
    """Reports what is wrong with one step; whether it can be written out."""
    step = journey.steps[step_id]
    at = StepFields(desk, name, journey, step_id, step)
    if step_id == EXIT or not _NAME.fullmatch(step_id):
        fix = "use letters, digits, spaces, - and _; `exit` is the end of a run"
        at.error((), "bad_name", f"`{step_id}` cannot name a step", fix)
    step.audit(at)
    if at.errors:
        return not hasattr(type(step), "__block__") and _is_plain(step_id, journey)
    for inner, made in step.expand(step_id, EXIT).items():
        block = made is not step
        inside = StepFields(desk, name, journey, inner if not block else step_id, made, whole=block)
        if block:
            made.audit(inside)
        _heard_and_asked(inside, made)
    return True


def _is_plain(step_id: str, journey: Journey) -> bool:
    """Whether a step stands for itself alone, so that it can be looked at in the graph although it is wrong."""
    return type(journey.steps[step_id]).expand is type(journey.steps[step_id]).__mro__[1].expand


def _heard_and_asked(at: StepFields, step: object) -> None:
    ...
