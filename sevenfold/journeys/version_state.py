"""The versions of journeys that still have runs: what another workspace and a snapshot have to know of
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .plan import Journey

if TYPE_CHECKING:
    from ..workspace.models import Workspace
    from .moving import Moving

Versions = dict[str, tuple[int, list[tuple[int, Journey]]]]
"""By journey: the number of its newest version, and older versions that still have runs."""


def versions_under(journeys: Moving, workspace: Workspace) -> Versions:
    """The versions that a fold of another workspace has to know: the numbers go on, and those with runs
    stay.
    """
    found: Versions = {}
    for name, (number, _) in journeys.fold.versions.items():
        found[name] = (number, [])
    for plan in journeys.plans:
        number, older = found.setdefault(plan.name, (plan.version, []))
        number = max(number, plan.version)
        model = workspace.journeys.get(plan.name)
        is_current = journeys.current.get(plan.name) == plan.index
        if is_current and model is not None and model != plan.model:
            number = plan.version + 1
        if not (is_current and model == plan.model) and journeys.runs.of_plan(plan.index):
            older.append((plan.version, plan.model))
        found[plan.name] = (number, older)
    return found


def packed_versions(journeys: Moving) -> list[Any]:
    """What `unpacked_versions` reads."""
    found = []
    for plan in journeys.entered():
        older = [
            [other.version, msgspec.to_builtins(other.model)]
            for other in journeys.plans
            if other.name == plan.name and other is not plan
        ]
        found.append([plan.name, plan.version, older])
    known = {name for name, *_ in found}
    for name, (number, older_models) in journeys.fold.versions.items():
        if name not in known:
            found.append([name, number, [[n, msgspec.to_builtins(one)] for n, one in older_models]])
    return found


def unpacked_versions(held: list[Any]) -> Versions:
    """What `Journeys.packed_versions` wrote."""
    return {
        name: (number, [(n, msgspec.convert(model, Journey)) for n, model in older])
        for name, number, older in held
    }
