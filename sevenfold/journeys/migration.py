"""People in flight when a journey's next version comes: who stays, who moves, who leaves, and who is taken
in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import TYPE_CHECKING, Any

from ..errors import SevenfoldError
from ..profiles.wheel import NEVER
from .entry import Trigger
from .steps.base import END, STAY
from .versions import same_among

if TYPE_CHECKING:
    from .compiled import CompiledJourney
    from .runtime import Journeys

CHOICES = ("finish", "migrate", "migrate_keep", "exit")
"""Stay on the old version; come to the step as if now; come to it as of when the run came; leave."""


class MigrationError(SevenfoldError):
    """A choice for people in flight cannot be followed."""

    code = "bad_migration"


def standing(journeys: Journeys, name: str) -> dict[int, dict[str, int]]:
    """How many runs stand at each step, by version: `{version: {step: runs}}`."""
    found: dict[int, Counter[str]] = {}
    for plan in journeys.plans:
        if plan.name == name:
            for slot in journeys.runs.of_plan(plan.index):
                at = journeys.runs.step[slot]
                found.setdefault(plan.version, Counter())[plan.ids[at]] += 1
    return {version: dict(counts) for version, counts in found.items()}


def check_choices(steps: Container[str], choices: dict[str, Any], unchanged: str = "migrate_keep") -> None:
    """Refuses choices that cannot be followed to a version with these steps, before anything has changed.
    Raises MigrationError.
    """
    for step, choice in (*choices.items(), ("(unchanged)", unchanged)):
        target = choice.get("to") if isinstance(choice, dict) else None
        if (target is not None and target not in steps) or (target is None and choice not in CHOICES):
            raise MigrationError(
                f"`{choice}` is no choice for step `{step}`",
                fix=f"one of {', '.join(CHOICES)}, or `to: STEP`",
            )


def migrate(
    journeys: Journeys, new: CompiledJourney, choices: dict[str, Any], unchanged: str = "migrate_keep"
) -> None:
    """Follows the choice for the step of every run of an older version.

    `choices` (checked already): step -> one of CHOICES or `{"to": step}`; steps without a choice that have
    changed stay on their version (`finish`). `unchanged` holds for steps that are the same.
    """
    for old in journeys.plans:
        if old.name != new.name or old is new:
            continue
        same = {step for step in old.written if same_among(old.written, new.written, step)}
        for slot in journeys.runs.of_plan(old.index):
            step = old.ids[journeys.runs.step[slot]]
            if step in same:
                choice = choices.get(step, unchanged)
            else:
                choice = choices.get(step, "finish")
            _follow(journeys, new, slot, step, choice, same=step in same)


def _follow(
    journeys: Journeys, new: CompiledJourney, slot: int, step: str, choice: Any, *, same: bool
) -> None:
    runs = journeys.runs
    run = journeys.view.at(slot)
    run.t = journeys.fold.t
    target = choice["to"] if isinstance(choice, dict) else step
    if choice == "finish":
        return
    if choice == "exit" or target not in new.ids:
        journeys.end_run(slot, "migrated_out")
        return
    old = run.plan
    # Of a journey that stands still: where the run goes when it may.
    woken = journeys.pending.pop(slot, STAY)
    since, visit = run.since, run.visit
    reached = [goal for goal, place in old.goal_places.items() if runs.reached[slot] >> place & 1]
    runs.plan[slot] = new.index
    runs.step[slot] = new.ids.index(target)
    runs.reached[slot] = sum(1 << new.goal_places[goal] for goal in reached if goal in new.goal_places)
    counts = runs.visits[slot]
    if counts is not None:
        named = {old.ids[place]: count for place, count in counts.items()}
        runs.visits[slot] = {new.ids.index(name): n for name, n in named.items() if name in new.ids}
    run = journeys.view.at(slot)
    run.tell("migrated", new.name, to=new.version, was=old.version, choice="to" if target != step else choice)
    keep = choice == "migrate_keep"
    if keep and (woken == END or (woken != STAY and old.ids[woken] in new.ids)):
        journeys.pending[slot] = END if woken == END else new.ids.index(old.ids[woken])
        return
    if keep and woken == STAY and same:
        return
    journeys.reasons.pop(slot, None)
    if not keep:
        # A new visit, so that what the step decides is not what it decided before. Nobody has counted visits
        # of steps that are on no loop: it may have been at this one.
        place, counted = new.ids.index(target), runs.visits[slot] or {}
        runs.visits[slot] = {**counted, place: max(counted.get(place, 1), visit if target == step else 1)}
        runs.due[slot], runs.mark[slot] = NEVER, 0
        journeys.ready(slot, place)
        return
    # As if the run had come to the changed step when it came to the old one.
    now, run.t, run.end_reason = run.t, since, "completed"
    runs.due[slot], runs.mark[slot] = NEVER, 0
    move = new.steps[runs.step[slot]].enter(run)
    run = journeys.view.at(slot)
    run.t = now
    if move == STAY and runs.due[slot] <= now:
        # Its time is over under the new version.
        runs.due[slot] = NEVER
        move = new.steps[runs.step[slot]].wake(run, "timer")
    if move != STAY:
        journeys.ready(slot, move)


def take_in(journeys: Journeys, plan: CompiledJourney) -> None:
    """Everybody who matches the audience now enters, in order of row; trigger `publish`."""
    fold = journeys.fold
    gone = fold.forward if plan.of_person else {}
    for row in range(1, plan.unit.table.rows):
        if row not in gone:
            slot, _ = journeys.entries.admit(plan, row, fold.t, Trigger("publish", fold.seq, fold.t))
            if slot:
                journeys.ready(slot, 0)
