"""Lifecycles and journeys as pictures, drawn from their definitions in Mermaid's text form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sevenfold.journeys import plan
from sevenfold.journeys.steps.base import StepBase
from sevenfold.profiles.expressions import show
from sevenfold.workspace import models
from sevenfold.workspace.models import Condition
from sevenfold.workspace.names import condition

_LABEL_CHARS = 60
_SHAPES = {
    "wait": ("{{", "}}"), "branch": ("{", "}"), "split": ("{", "}"), "message": ("[/", "/]"),
    "task": ("[[", "]]"), "playbook": ("[[", "]]"), "intervention": ("[[", "]]"), "goal": ("([", "])"),
}  # fmt: skip
_EXIT = "done"
_HOLDS = "holds"


def said(given: Condition | None) -> str:
    """A condition in one line, as it would be written."""
    return "" if given is None else given if isinstance(given, str) else show(condition(given))


def lifecycle_picture(lifecycle: models.Lifecycle) -> str:
    """The stages of a lifecycle: solid by what lets in, dotted by what makes leave, for the highest stage
    that then holds.
    """
    lines = ["flowchart TD"]
    places = {stage.name: f"s{index}" for index, stage in enumerate(lifecycle.stages)}
    initial = lifecycle.initial or lifecycle.stages[0].name
    for stage in lifecycle.stages:
        first, last = ("([", "])") if stage.name == initial else ("[", "]")
        lines.append(f"  {places[stage.name]}{first}{_quoted(_words(stage.name))}{last}")
    ranked = sorted(
        enumerate(lifecycle.stages), key=lambda one: (one[0] if one[1].rank is None else one[1].rank, one[0])
    )
    order = [stage for _, stage in ranked]
    for index, stage in enumerate(order):
        sources = stage.from_ or ([order[index - 1].name] if index else [])
        for source in sources:
            if stage.enter is not None and source in places:
                lines.append(_edge(places[source], places[stage.name], said(stage.enter)))
        if stage.exit is not None:
            lines.append(_edge(places[stage.name], _HOLDS, said(stage.exit), dotted=True))
    if any(stage.exit is not None for stage in order):
        lines.append(f'  {_HOLDS}(["the highest that holds"])')
    return "\n".join(lines)


def journey_picture(journey: plan.Journey) -> str:
    """A journey: what starts it, its steps, and every way from one to the next."""
    lines = ["flowchart TD"]
    places = {step: f"n{index}" for index, step in enumerate(journey.steps)}
    places["exit"] = _EXIT
    first = next(iter(places.values()))
    for index, trigger in enumerate(journey.triggers):
        lines.append(f"  t{index}([{_quoted(trigger_words(trigger))}]) --> {first}")
    for name, step in journey.steps.items():
        opening, closing = _SHAPES.get(_kind(step), ("[", "]"))
        lines.append(f"  {places[name]}{opening}{_quoted(step_words(name, step))}{closing}")
    written = [*journey.steps, "exit"]
    for index, (name, step) in enumerate(journey.steps.items()):
        for target, label in _ways(step, written[index + 1]):
            lines.append(_edge(places[name], places.get(target, _EXIT), label))
    if any(line.endswith(f" {_EXIT}") for line in lines):
        lines.append(f"  {_EXIT}((end))")
    return "\n".join(lines)


def trigger_words(trigger: plan.Trigger) -> str:
    """What starts a run, in a few words."""
    match trigger:
        case plan.OnEvent():
            return f"{_several(trigger.event)}{_where(trigger.where)}"
        case plan.OnSegment():
            return f"{trigger.change} segment {_words(trigger.segment)}"
        case plan.OnStage():
            return f"{trigger.change} stage {_words(trigger.stage)}"
        case plan.OnCondition():
            return f"when {said(trigger.when)}"
        case plan.OnScore():
            bounds = [f"below {trigger.below:g}"] if trigger.below is not None else []
            bounds += [f"to {trigger.above:g}"] if trigger.above is not None else []
            return f"{_words(trigger.score)} goes {' or '.join(bounds)}"
        case plan.OnPrediction():
            bounds = [f"below {trigger.below:g}"] if trigger.below is not None else []
            bounds += [f"to {trigger.above:g}"] if trigger.above is not None else []
            return f"predicted {_words(trigger.prediction)} goes {' or '.join(bounds)}"
        case plan.OnTrait():
            return f"{_words(trigger.trait)} changes" + (
                f" to {trigger.to}" if trigger.to is not None else ""
            )
        case plan.OnDate():
            return f"{trigger.date} {trigger.offset}" + (", each year" if trigger.yearly else "")
        case plan.OnSchedule():
            return trigger.rrule
        case plan.OnBusinessEvent():
            return f"{trigger.event}{_where(trigger.where)}, for everybody it concerns"
    return "asked for by the API or another journey"


def step_words(name: str, step: StepBase) -> str:
    """What a step does, in a few words."""
    fields: dict[str, Any] = msgspec.structs.asdict(step)
    kind = _kind(step)
    title = step.title or _words(name)
    detail = ""
    if kind == "wait":
        detail = _wait_words(fields)
        title = step.title or "wait"
    elif kind == "message":
        detail = _several(fields["template"])
    elif kind == "task":
        detail = f"task for people: {_words(fields['task'])}"
    elif kind == "intervention":
        layers = {"message": "message", "in_app": "in the product", "human": "a human"}
        detail = "three layers: " + ", ".join(words for key, words in layers.items() if fields.get(key))
    elif kind not in ("branch", "split"):
        detail = _words(kind)
    return f"{title}\n{detail}" if detail and detail != title else title


def _wait_words(fields: dict[str, Any]) -> str:
    parts = [f"for {fields['for_']}"] if fields.get("for_") else []
    if fields.get("date") is not None:
        parts.append(f"until {fields['date'].date} {fields['date'].offset}")
    parts += ["for the next session"] if fields.get("session") else []
    parts += ["until something happens"] if fields.get("paths") else []
    parts += [f"until {fields['at']}"] if fields.get("at") else []
    parts += ["until the run ends"] if fields.get("forever") else []
    return ", ".join(parts)


def _ways(step: StepBase, following: str) -> Iterator[tuple[str, str]]:
    """(step it leads to, why), each once."""
    seen: set[tuple[str, str]] = set()
    onward = step.next or following
    pathed = getattr(step, "paths", None)
    for field, target in step.targets():
        way = (target, _way_words(step, field))
        if way not in seen:
            seen.add(way)
            yield way
    if pathed and _kind(step) in ("wait", "split"):
        items = pathed.items() if isinstance(pathed, dict) else enumerate(pathed)
        for key, path in items:
            if path.go is None:
                yield onward, _path_words(str(key), path)
    decided = bool(getattr(step, "saved", None) and getattr(step, "lost", None))
    if step.falls_through() and not decided and not (pathed and _kind(step) == "split"):
        otherwise = "otherwise" if _kind(step) == "branch" else ""
        timeout = getattr(step, "timeout", None)
        if pathed and timeout and getattr(step, "on_timeout", None) is None:
            otherwise = f"after {timeout}"
        if not (pathed and _kind(step) == "wait" and not otherwise):
            yield onward, otherwise


def _way_words(step: StepBase, field: str) -> str:
    head, *rest = field.split(".")
    if head == "paths":
        paths: Any = getattr(step, "paths")  # noqa: B009 - not every kind of step has it
        key: Any = rest[0] if isinstance(paths, dict) else int(rest[0])
        return _path_words(rest[0], paths[key])
    if head == "on" and rest:
        return _words(rest[0])
    if head == "on_timeout":
        return f"after {getattr(step, 'timeout', None) or 'a while'}"
    return {"else": "otherwise"}.get(head, _words(head))


def _path_words(key: str, path: Any) -> str:
    if (share := getattr(path, "share", None)) is not None:
        return f"{key}, {share:g} %"
    event = getattr(path, "event", None)
    return str(path.name) or (f"{_several(event)}{_where(path.where)}" if event else said(path.when))


def _edge(source: str, target: str, label: str, *, dotted: bool = False) -> str:
    arrow = "-.->" if dotted else "-->"
    return f"  {source} {arrow}|{_quoted(label)}| {target}" if label else f"  {source} {arrow} {target}"


def _quoted(text: str) -> str:
    """A text as Mermaid takes any: in quotes, with what would end them or be HTML written as entities."""
    short = text if len(text) <= _LABEL_CHARS * 2 else f"{text[: _LABEL_CHARS * 2 - 1]}…"
    for raw, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", "<br/>")):
        short = short.replace(raw, entity)
    return f'"{short}"'


def _kind(step: StepBase) -> str:
    return str(step.__struct_config__.tag)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _several(given: str | list[str]) -> str:
    return given if isinstance(given, str) else " or ".join(given)


def _where(given: Condition | None) -> str:
    return f" where {said(given)}" if given is not None else ""
