"""What an event or a change means for the runs that are there: exits, goals, and waits that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compiled import Rule
from .runs import RunView
from .steps.base import END, NOTHING_HEARD, STAY, Move

if TYPE_CHECKING:
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .moving import Moving

Heard = tuple[tuple[str, str], "Event", int]
"""An event: (type, name), itself, and its own time in ms UTC."""


def look(
    moving: Moving,
    unit: CompiledUnit,
    row: int,
    heard: Heard | None,
    session: bool,
    flagged: bool,
    skip: set[int],
) -> list[tuple[int, Move]]:
    """Exits, goals and waits of the runs that are there."""
    woken: list[tuple[int, Move]] = []
    for slot in moving.of_subject(unit, row):
        if slot in skip or not moving.runs.number[slot]:
            continue
        run = moving.view.at(slot)
        mine = heard if heard is not None and _concerns(run, heard) else None
        if ends(moving, run, mine, flagged) or slot in moving.pending or slot in moving.waking:
            # What has been waited for has come to those who are on their way.
            continue
        step = moving.runs.step[slot]
        logic = run.plan.steps[step]
        move, passed = STAY, NOTHING_HEARD
        if mine is not None:
            p = mine[1].properties
            for listener in run.plan.heard[step]:
                if listener.hears(*mine[0]) and listener.matches(p, mine[1]):
                    passed = listener.place
                    break
        run.end_reason = "completed"
        if flagged:
            move = logic.changed(run, passed)
        if move == STAY and passed != NOTHING_HEARD:
            move = logic.heard(run, passed)
        if move == STAY and session and getattr(logic.model, "session", False):
            move = logic.wake(run, "session")
        if move == END:
            # It ends in its turn, for a reason that is its own.
            moving.reasons[slot] = run.end_reason
        if move != STAY:
            woken.append((slot, move))
    return woken


def _concerns(run: RunView, heard: Heard) -> bool:
    """Whether an event is about a run: it carries the run's key, or none."""
    key = run.key
    if not key:
        return True
    carried = run.plan.key_of(heard[1].properties)
    return not carried or carried == key


def ends(moving: Moving, run: RunView, heard: Heard | None, flagged: bool) -> bool:
    """Exits and goals, now. True when the run is over."""
    plan, t = run.plan, run.t
    for rule in plan.exits:
        if _rule(rule, run, heard, flagged):
            moving.end_run(run.slot, rule.label)
            return True
    for rule in plan.goals:
        if moving.runs.reached[run.slot] & (1 << plan.goal_places[rule.label]):
            continue
        if rule.within is not None and t - run.started > rule.within:
            continue
        if _rule(rule, run, heard, flagged):
            value = rule.value
            if isinstance(value, str):
                value = getattr(heard[1].properties, plan.unit.properties[value], None) if heard else None
            run.reach(rule.label, value if isinstance(value, int | float) else None)
            if rule.exit:
                moving.end_run(run.slot, f"goal {rule.label}")
                return True
    return False


def _rule(rule: Rule, run: RunView, heard: Heard | None, flagged: bool) -> bool:
    if rule.listener is not None:
        return (
            heard is not None
            and rule.listener.hears(*heard[0])
            and rule.listener.matches(heard[1].properties, heard[1])
        )
    return rule.ask is not None and (flagged or heard is not None) and rule.ask(run)
