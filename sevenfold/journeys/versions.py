"""What is different between two versions of a journey, in words, and which of its steps ask for a choice.

Spelling is no difference: ``7d`` equals ``1w``, and two conditions are equal when they read the same. Titles,
descriptions and the console's ``meta`` are prose: a change of them alone changes nothing for anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from .differing import ABSENT, PROSE, FieldChange, aligned, differences
from .plan import EXIT, Journey
from .steps.base import StepBase

Action = Literal["added", "removed", "renamed", "moved", "changed"]
_PARTS = ("triggers", "exits", "goals")


@dataclass(frozen=True, slots=True)
class JourneyChange:
    """One thing that differs between two versions.

    ``part`` is step, trigger, exit, goal or setting; ``name`` its id (place, from 1, of triggers and exits).
    ``choice`` says that people may stand at this step of the old version and its author has to say what
    becomes of them. ``prose``: nothing that is decided changes. ``detail`` is the new name of what was
    renamed, and what a moved step comes after now.
    """

    action: Action
    part: Literal["step", "trigger", "exit", "goal", "setting"]
    name: str
    fields: tuple[FieldChange, ...] = ()
    choice: bool = False
    prose: bool = False
    detail: str = ""

    def __str__(self) -> str:
        title = f"{self.action} {self.part} `{self.name}`"
        if self.action == "renamed":
            title += f" to `{self.detail}`"
        elif self.action == "moved":
            title += f" after `{self.detail}`" if self.detail else " to the beginning"
        notes = [
            note for told, note in ((self.prose, "words only"), (self.choice, "asks for a choice")) if told
        ]
        title += f" ({', '.join(notes)})" if notes else ""
        return "\n".join([title, *(f"    {field}" for field in self.fields)])

    def to_json(self) -> dict[str, Any]:
        """The change as JSON, without what is empty."""
        shape: dict[str, Any] = {"action": self.action, "part": self.part, "name": self.name}
        if self.fields:
            shape["fields"] = [
                {"field": one.field, "before": one.before, "after": one.after} for one in self.fields
            ]
        shape |= {key: getattr(self, key) for key in ("choice", "prose", "detail") if getattr(self, key)}
        return shape


def changes(old: Journey, new: Journey) -> list[JourneyChange]:
    """What leads from ``old`` to ``new``: settings, triggers, exits and goals, then steps in written order.

    Empty when the two decide the same in the same words.
    """
    a, b = msgspec.to_builtins(old), msgspec.to_builtins(new)
    plain = [key for key in dict.fromkeys((*a, *b)) if key not in (*_PARTS, "steps")]
    found = []
    for key in plain:
        fields = tuple(differences(a.get(key, ABSENT), b.get(key, ABSENT), (key,)))
        if fields:
            found.append(JourneyChange("changed", "setting", key, fields, prose=key in PROSE))
    found += _listed("trigger", a.get("triggers", []), b.get("triggers", []))
    found += _listed("exit", a.get("exits", []), b.get("exits", []))
    found += _goals(a.get("goals", {}), b.get("goals", {}))
    return [*found, *_steps(old, new)]


def choices_needed(old: Journey, new: Journey) -> list[str]:
    """The steps of ``old`` whose people need a choice when ``new`` is published, in written order."""
    asked = {change.name for change in changes(old, new) if change.choice}
    return [step_id for step_id in old.steps if step_id in asked]


def same_step(old: Journey, new: Journey, step_id: str) -> bool:
    """Whether a step means the same in both: content without prose, and the way on."""
    return same_among(old.steps, new.steps, step_id)


def same_among(old: Mapping[str, StepBase], new: Mapping[str, StepBase], step_id: str) -> bool:
    """`same_step` for steps by themselves, such as those of a plan whose blocks are written out."""
    if step_id not in old or step_id not in new:
        return False
    return _way_on(old, step_id) == _way_on(new, step_id) and not any(_differs(old[step_id], new[step_id]))


# --------------------------------------------------------------------------------------- lists and goals


def _listed(part: Literal["trigger", "exit"], a: list[Any], b: list[Any]) -> Iterator[JourneyChange]:
    """Members of a list have no names: equal ones are matched, those between them in order."""
    for place, before, after in aligned(a, b):
        name = str(place + 1)
        if before is ABSENT:
            yield JourneyChange("added", part, name, (FieldChange("", None, after),))
        elif after is ABSENT:
            yield JourneyChange("removed", part, name, (FieldChange("", before, None),))
        elif fields := tuple(differences(before, after, ())):
            yield JourneyChange("changed", part, name, fields, prose=_only_prose(fields))


def _goals(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[JourneyChange]:
    for name in dict.fromkeys((*a, *b)):
        if name not in b:
            yield JourneyChange("removed", "goal", name)
        elif name not in a:
            yield JourneyChange("added", "goal", name)
        elif fields := tuple(differences(a[name], b[name], ())):
            yield JourneyChange("changed", "goal", name, fields)


# ------------------------------------------------------------------------------------------------- steps


def _steps(old: Journey, new: Journey) -> Iterator[JourneyChange]:
    gone = [step_id for step_id in old.steps if step_id not in new.steps]
    come = [step_id for step_id in new.steps if step_id not in old.steps]
    renamed: dict[str, str] = {}
    for step_id in gone:
        twin = next((one for one in come if not any(_differs(old.steps[step_id], new.steps[one]))), None)
        if twin is not None:
            renamed[step_id] = twin
            come.remove(twin)
    for step_id in gone:
        if step_id in renamed:
            yield JourneyChange("renamed", "step", step_id, choice=True, detail=renamed[step_id])
        else:
            yield JourneyChange("removed", "step", step_id, choice=True)
    both = [step_id for step_id in old.steps if step_id in new.steps]
    moved = _moved(both, [step_id for step_id in new.steps if step_id in old.steps])
    ids = list(new.steps)
    for step_id in new.steps:
        if step_id in come:
            kind = str(new.steps[step_id].__struct_config__.tag)
            yield JourneyChange("added", "step", step_id, (FieldChange("kind", None, kind),))
        elif step_id in old.steps:
            before = ids[ids.index(step_id) - 1] if ids.index(step_id) else ""
            yield from _step(old, new, step_id, before if step_id in moved else None)


def _step(old: Journey, new: Journey, step_id: str, after: str | None) -> Iterator[JourneyChange]:
    """A step of both versions; ``after`` names the step it was moved behind."""
    fields = list(_differs(old.steps[step_id], new.steps[step_id], prose=True))
    ways = _way_on(old.steps, step_id), _way_on(new.steps, step_id)
    if ways[0] != ways[1]:
        fields = [one for one in fields if one.field != "next"]
        fields.append(FieldChange("goes on to", *ways))
    changed = bool(fields) and not _only_prose(tuple(fields))
    if after is not None:
        yield JourneyChange("moved", "step", step_id, tuple(fields), choice=changed, detail=after)
    elif fields:
        yield JourneyChange("changed", "step", step_id, tuple(fields), choice=changed, prose=not changed)


def _moved(before: list[str], after: list[str]) -> set[str]:
    """Those that left their place among the steps both versions have."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    kept = {name for block in matcher.get_matching_blocks() for name in after[block.b : block.b + block.size]}
    return set(after) - kept


def _way_on(steps: Mapping[str, StepBase], step_id: str) -> str | None:
    """The step that follows, `exit`, or None where nothing goes on."""
    step, ids = steps[step_id], list(steps)
    if not step.falls_through():
        return None
    place = ids.index(step_id) + 1
    return step.next or (ids[place] if place < len(ids) else EXIT)


def _differs(a: StepBase, b: StepBase, *, prose: bool = False) -> Iterator[FieldChange]:
    for one in differences(msgspec.to_builtins(a), msgspec.to_builtins(b), ()):
        # A `next` that only says what comes anyway is no difference; `_way_on` compares.
        if one.field != "next" and (prose or one.field not in PROSE):
            yield one


def _only_prose(fields: tuple[FieldChange, ...]) -> bool:
    return all(one.field in PROSE for one in fields)


__all__ = ["FieldChange", "JourneyChange", "changes", "choices_needed", "same_among", "same_step"]
