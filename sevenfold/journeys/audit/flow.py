"""Where the steps of a journey lead: to what exists, to an end, and never in circles that take no time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...limits import JOURNEY_STEPS_MAX
from ...workspace.problems import likely
from ..plan import Journey
from ..proof import never
from .fields import Desk
from .graph import EXIT, StepGraph, circles
from .step import StepFields

_SAID_MAX = 8
"""Steps of a circle that a message names."""


def audit_flow(desk: Desk, name: str, journey: Journey, graph: StepGraph) -> None:
    """Reports ways that lead nowhere, steps nobody reaches, and runs that would never end or never wait."""
    report = desk.report
    if len(graph.ids) > JOURNEY_STEPS_MAX:
        path = ("journeys", name, "steps")
        report.error(path, "too_large", f"{len(graph.ids)} steps", f"at most {JOURNEY_STEPS_MAX}")

    def at(step_id: str) -> StepFields:
        origin = graph.origin[step_id]
        whole = graph.steps[step_id] is not journey.steps[origin]
        return StepFields(desk, name, journey, origin, graph.steps[step_id], whole=whole)

    _targets(desk, name, journey, graph, at)
    for step_id, step in journey.steps.items():
        if step_id in graph.steps and step.next is not None and not step.falls_through():
            message = "nothing goes on from here, so `next` is never followed"
            at(step_id).warning("next", "unreachable", message, "leave it out")
    for circle in graph.instant_loops():
        steps = list(dict.fromkeys(graph.origin[one] for one in circle))
        said = " → ".join(f"`{one}`" for one in [*steps[:_SAID_MAX], steps[0]])
        message = f"a loop that could run without waiting: {said}"
        at(circle[0]).error((), "endless", message, "put a wait `for` some time, or a `session`, into it")
    ended = bool(journey.exits) or any(goal.exit for goal in journey.goals.values())
    for step_id in graph.ids:
        _waiting(at(step_id), ended)
    if graph.unknown:
        return  # who comes where is known once every way leads somewhere
    reached = graph.reached()
    lived = {graph.origin[one] for one in reached}
    for step_id in journey.steps:
        if step_id not in lived:
            fields = StepFields(desk, name, journey, step_id, journey.steps[step_id])
            fix = _towards(journey, step_id)
            fields.warning((), "unreachable", f"no way leads to step `{step_id}`", fix)
    if not ended:
        _ends(graph, reached, at)


def _targets(
    desk: Desk, name: str, journey: Journey, graph: StepGraph, at: Callable[[str], StepFields]
) -> None:
    """Reports targets that do not exist: as they are written, and what only a block's inner steps name."""
    told = set()
    for step_id, step in journey.steps.items():
        fields = StepFields(desk, name, journey, step_id, step)
        given = [*step.targets(), *([("next", step.next)] if step.next is not None else [])]
        for field, target in given:
            if target != EXIT and target not in graph.steps:
                told.add((step_id, target))
                fix = likely(target, [*journey.steps, EXIT]) or "name a step, or `exit`"
                fields.error(field, "unknown_name", f"there is no step `{target}`", fix)
    for step_id, way in graph.unknown:
        if (graph.origin[step_id], way.target) not in told:
            at(step_id).error(way.field, "unknown_name", f"there is no step `{way.target}`")


def _towards(journey: Journey, step_id: str) -> str:
    """What keeps a step from being reached: mostly the one written before it."""
    ids = list(journey.steps)
    before = ids[ids.index(step_id) - 1]
    if getattr(journey.steps[before], "forever", False):
        return f"`{before}` holds people for ever; put the step before it, or remove it"
    return "lead a `next` or `go` to it, or remove it"


def _ends(graph: StepGraph, reached: set[str], at: Callable[[str], StepFields]) -> None:
    """Reports steps from which nobody comes to an end, in a journey without exits and goals that end runs."""
    ending = graph.ending(lambda one: not graph.ways[one])
    stuck = [one for one in graph.ids if one in reached and one not in ending]
    if stuck:
        rest = f" (nor from {len(stuck) - 1} more)" if len(stuck) > 1 else ""
        message = f"no end can be reached from step `{graph.origin[stuck[0]]}`{rest}"
        fix = "lead a path to `exit`, or give the journey an exit or a goal"
        at(stuck[0]).error((), "dead_end", message, fix)
    for step_id in graph.ids:
        if getattr(graph.steps[step_id], "forever", False) and step_id in reached:
            message = "people wait here for ever, and the journey has neither exits nor goals that end it"
            at(step_id).warning((), "never_ends", message, "add `exits`, or end with `kind: exit`")


def _waiting(at: StepFields, ended: bool) -> None:
    """Reports a wait that hangs on what cannot happen, or may never happen."""
    step = at.step
    watched, heard = list(step.watched()), list(step.heard())
    if not watched and not heard:
        return
    hopeless = 0
    for field, given in watched:
        tree = at.tree(given)
        if tree is not None and never(tree, at.counts):
            hopeless += 1
            at.warning(field, "unreachable", "this can never become true", "remove the path, or correct it")
    for field, _, where in heard:
        tree = at.tree(where) if where is not None else None
        if tree is not None and never(tree, lambda name: False):
            hopeless += not field.startswith("reset")
            fix = "remove the path, or correct it"
            at.warning(field, "unreachable", "no event can fulfil this `where`", fix)
    ways = len(watched) + sum(not field.startswith("reset") for field, _, _ in heard)
    if getattr(step, "timeout", None) is not None or not ways:
        return
    if hopeless == ways:
        message = "nothing that this waits for can happen, and it has no timeout"
        at.error((), "never_ends", message, "give it a `timeout`")
    elif not ended:
        message = "without a timeout this may wait for ever, and the journey has neither exits nor goals"
        at.warning((), "never_ends", message, "give it a `timeout`, or the journey `exits`")


# ------------------------------------------------------------------------------------ from journey to journey


def audit_circles(desk: Desk, journeys: Mapping[str, Journey], only: str | None = None) -> None:
    """Reports journeys that start each other in a circle without a wait; with `only` those with that one."""
    starts: dict[str, list[str]] = {}
    places: dict[tuple[str, str], str] = {}
    for name, journey in journeys.items():
        starts[name] = []
        graph = StepGraph(journey, bank=desk.workspace.actions)
        at_once = graph.at_once() if journey.steps else set()
        for step_id in graph.ids:
            target = getattr(graph.steps[step_id], "journey", None)
            if step_id in at_once and isinstance(target, str) and target in journeys:
                starts[name].append(target)
                places.setdefault((name, target), graph.origin[step_id])
    for circle in circles(starts):
        if only is not None and only not in circle:
            continue
        shown = " → ".join(f"`{name}`" for name in [*circle[:_SAID_MAX], circle[0]])
        message = f"journeys start each other without a wait: {shown}"
        path = ("journeys", circle[0], "steps", places[circle[0], circle[1 % len(circle)]], "journey")
        rules = [journeys[name].re_entry for name in circle]
        if all(rule == "after_exit" or getattr(rule, "unlimited", None) is not None for rule in rules):
            desk.report.error(path, "endless", message, "put a wait before one of the steps that start")
        else:
            fix = "only re-entry rules end this; put a wait before one of the steps that start"
            desk.report.warning(path, "endless", message, fix)
