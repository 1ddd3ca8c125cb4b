"""Journeys: their versions and state, who stands where, and what publishing another version would do."""

from __future__ import annotations

import gc
import os
import resource
import threading
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ...errors import SevenfoldError
from ...journeys.migration import standing
from ...journeys.plan import Journey
from ...journeys.preview import preview
from ...journeys.versions import changes, choices_needed
from ...limits import PREVIEW_PROFILES_MAX, PREVIEW_S_MAX
from ...profiles.wheel import NEVER
from . import QuestionError, question
from .counts import living
from .profiles import _named, row_with_id, unit_of

if TYPE_CHECKING:
    from ...engine import Fold
    from ...journeys.broadcasts import Broadcasts
    from ...journeys.runtime import Journeys


class UnderWayError(QuestionError):
    """The same is being done for somebody else just now."""

    code = "busy"


_trying: list[int] = []
"""The process that tries out a journey."""


@question("journeys")
def journeys(fold: Fold) -> list[dict[str, Any]]:
    """Every journey in written order, those of broadcasts left out: state, version, how many are inside."""
    return [_journey(fold, name, model) for name, model in fold.workspace.journeys.items()]


@question("journey")
def journey(fold: Fold, name: str, version: int | None = None) -> dict[str, Any]:
    """One journey: what `journeys` says, the plan of a version (the newest, if none is named), the
    versions that are known with how many runs stand at each step, and why entries were refused.
    """
    models = fold.workspace.journeys
    _named(models, name, "journey")
    shown = _journey(fold, name, models[name])
    runtime = fold.journeys
    found = standing(runtime, name) if runtime is not None else {}
    known = _versions(fold, name)
    chosen = shown["version"] if version is None else version
    if chosen not in known:
        fix = f"known are {', '.join(map(str, known))}; older ones are in the log"
        raise QuestionError(f"journey `{name}` has no version {chosen}", where="version", fix=fix)
    return {
        **shown,
        "plan": msgspec.to_builtins(known[chosen]),
        "plan_version": chosen,
        "versions": [
            {
                "version": number,
                "runs": sum(found.get(number, {}).values()),
                "standing": found.get(number, {}),
            }
            for number in sorted(known)
        ],
        "refused": dict(runtime.entries.counted.get(name, {})) if runtime is not None else {},
    }


def _journey(fold: Fold, name: str, model: Journey) -> dict[str, Any]:
    runtime = fold.journeys
    version, running, state, pause = 0, 0, "archived", None
    if runtime is not None and name in runtime.current:
        version = runtime.plans[runtime.current[name]].version
        paused = runtime.entries.paused.get(name)
        state = "paused" if paused is not None else "shadow" if model.state == "shadow" else "published"
        if paused is not None:
            pause = {
                "since": paused.at,
                "clock": paused.clock,
                "entries": "queue" if paused.queue else "drop",
                "finish": paused.finish,
                "waiting": len(paused.waiting),
            }
    if runtime is not None:
        running = runtime.entries.running.get(name, 0)
    if not version:
        version = max(_versions(fold, name), default=0)
    return {
        "name": name,
        "title": model.title or name,
        "description": model.description,
        "of": model.of,
        "state": state,
        "version": version,
        "running": running,
        "pause": pause,
        "steps": len(model.steps),
    }


def _versions(fold: Fold, name: str) -> dict[int, Journey]:
    """The versions of a journey that the fold knows: the newest, and those with runs."""
    number, older = fold.versions.get(name, (0, []))
    found = dict(older)
    runtime = fold.journeys
    for plan in runtime.plans if runtime is not None else ():
        if plan.name == name:
            found[plan.version] = plan.model
    if not found and number:
        found[number] = fold.workspace.journeys[name]
    return found


# ------------------------------------------------------------------------------------------------------- runs


@question("runs")
def runs(
    fold: Fold,
    journey: str | None = None,
    of: str | None = None,
    id: str | None = None,  # noqa: A002
    step: str | None = None,
    limit: int = 50,
    after: int = 0,
) -> dict[str, Any] | None:
    """Active runs in order of number: of a journey, of a subject, at a step. None: ask again."""
    runtime = fold.journeys
    if runtime is None:
        return {"items": [], "next": None}
    if id is not None:
        unit = unit_of(fold, of or "person")
        row = row_with_id(fold, unit.kind, id)
        if row < 0:
            return None
        slots = runtime.of_subject(unit, row)
    else:
        slots = _standing(fold, runtime, journey, step, limit, after)
    items: list[dict[str, Any]] = []
    for slot in slots:
        shown = _run(runtime, slot)
        if shown["number"] <= after or (step is not None and shown["step"] != step):
            continue
        if journey is not None and shown["journey"] != journey:
            continue
        if len(items) == limit:
            return {"items": items, "next": items[-1]["number"]}
        items.append(shown)
    return {"items": items, "next": None}


def _standing(
    fold: Fold, runtime: Journeys, journey: str | None, step: str | None, limit: int, after: int
) -> list[int]:
    """The slots of the first runs (and one more) after a number that are meant, without sorting them all."""
    held, count = runtime.runs._data, runtime.runs.count
    numbers = held["number"][:count]
    if journey is not None:
        _named(fold.workspace.journeys, journey, "journey")
    chosen = np.zeros(count, bool)
    for plan in runtime.plans:
        if journey is not None and plan.name != journey:
            continue
        mine = held["plan"][:count] == plan.index
        if step is not None:
            mine &= held["step"][:count] == (plan.ids.index(step) if step in plan.ids else -1)
        chosen |= mine
    found = np.flatnonzero(chosen & (numbers > after))
    if len(found) > limit + 1:
        found = found[np.argpartition(numbers[found], limit)[: limit + 1]]
    return [int(slot) for slot in found[np.argsort(numbers[found])]]


def _run(runtime: Journeys, slot: int) -> dict[str, Any]:
    held = runtime.runs
    plan = runtime.plans[held.plan[slot]]
    row, at, due = held.subject[slot], held.step[slot], held.due[slot]
    # The view that steps use is left where it is.
    return {
        "id": f"{held.ident[slot] & 0xFFFF_FFFF_FFFF_FFFF:016x}",
        "number": held.number[slot],
        "journey": plan.name,
        "version": plan.version,
        "of": plan.unit.kind,
        "subject": runtime.fold.id_of(plan.unit, row),
        "key": held.key[slot] or None,
        "ghost": bool(held.flags[slot] & 1),
        "started": held.started[slot],
        "step": plan.ids[at],
        "visit": held.visit[slot],
        "since": held.since[slot],
        "due": None if due == NEVER else due,
    }


# ------------------------------------------------------------------------------------------------- publishing


@question("comparison")
def comparison(fold: Fold, name: str, plan: dict[str, Any]) -> dict[str, Any]:
    """How a plan differs from the version in force, which steps ask for a choice, and who stands at them."""
    new = msgspec.convert(plan, Journey)
    old = fold.workspace.journeys.get(name)
    found = standing(fold.journeys, name) if fold.journeys is not None else {}
    here: dict[str, int] = {}
    for counts in found.values():
        for step, number in counts.items():
            here[step] = here.get(step, 0) + number
    needed = choices_needed(old, new) if old is not None else []
    return {
        "new": old is None,
        "changes": [one.to_json() for one in changes(old, new)] if old is not None else [],
        "choices": {step: here.get(step, 0) for step in needed},
        "standing": [{"version": number, "steps": counts} for number, counts in sorted(found.items())],
    }


@question("preview")
def trial(fold: Fold, name: str, plan: dict[str, Any], days: int, path: str) -> bool:
    """Tries out what publishing would do on a forked copy, which writes what it finds to the file `path`
    as JSON when it is done: a `Preview`, or `{"error": ...}`. False where there are too many people for
    that. Raises UnderWayError while another one is.
    """
    if living(fold, fold.person) > PREVIEW_PROFILES_MAX:
        return False
    if _trying and not os.waitpid(_trying[0], os.WNOHANG)[0]:
        raise UnderWayError("somebody else tries out a journey just now", fix="try again in a moment")
    _trying.clear()
    if threading.active_count() > 1:
        # A fork would leave what other threads hold locked for ever.
        _try(fold, name, plan, days, Path(path))
        return True
    with warnings.catch_warnings():
        # Idle threads of numerical libraries are no danger; those of Python were looked at above.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        _trying.append(child)
        return True
    try:
        gc.disable()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        resource.setrlimit(resource.RLIMIT_CPU, (PREVIEW_S_MAX, PREVIEW_S_MAX))
        _try(fold, name, plan, days, Path(path))
    finally:
        os._exit(0)


def _try(fold: Fold, name: str, plan: dict[str, Any], days: int, path: Path) -> None:
    try:
        found = asdict(preview(fold, name, plan, days=days))
        found.pop("standing")
    except SevenfoldError as error:
        found = {"error": error.to_json()}
    draft = path.with_suffix(".part")
    draft.write_bytes(msgspec.json.encode(found))
    draft.rename(path)


# ------------------------------------------------------------------------------------------------- broadcasts


@question("broadcasts")
def broadcasts(fold: Fold, name: str | None = None) -> list[dict[str, Any]]:
    """Broadcasts: state, size, what each variant was sent and won; of one `name` also whom it would reach
    now.
    """
    service: Broadcasts | None = None
    if fold.journeys is not None:
        service = fold.journeys.services.get("broadcasts")  # type: ignore[assignment]
    if service is None:
        if name is not None:
            raise QuestionError(f"there is no broadcast `{name[:100]}`", where="name")
        return []
    if name is not None:
        _named(service.all, name, "broadcast")
    shown = []
    for label, one in service.all.items():
        if name is not None and label != name:
            continue
        sending = one.sending
        described: dict[str, Any] = {
            "name": label,
            "state": sending.state,
            "planned": None if one.planned is None or one.planned == NEVER else one.planned,
            "at": None if sending.at in (0, NEVER) else sending.at,
            "acknowledged": sending.acknowledged,
            "size": sending.size,
            "variants": [
                {"template": template, "sent": sending.sent[place], "won": sending.won[place]}
                for place, template in enumerate(one.templates)
            ],
        }
        if name is not None:
            described["audience"] = one.shown()
        shown.append(described)
    return shown
