"""The control record that puts a whole definition in force; a log begins with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..effects import WORKSPACE
from ..journeys.controls import check_publishing, published
from ..journeys.zones import tz_version
from ..workspace import models as m
from .controls import ControlError, control, pin_zones

if TYPE_CHECKING:
    from .fold import Fold

UNDEFINED: Final = m.UNDEFINED


def record_of(
    workspace: m.Workspace, choices: dict[str, Any] | None = None, enter: dict[str, str] | None = None
) -> dict[str, Any]:
    """The control record that puts `workspace` in force. `choices`: journey -> step -> what becomes of people
    in flight (`journeys.migration.CHOICES`); `enter`: journey -> `future`, `now` or `both`.
    """
    found: dict[str, Any] = {
        "op": "workspace",
        "tz": tz_version(),
        "workspace": msgspec.json.decode(msgspec.json.encode(workspace)),
    }
    return found | ({"choices": choices} if choices else {}) | ({"enter": enter} if enter else {})


@control("workspace")
def _workspace(fold: Fold, record: dict[str, Any]) -> None:
    """`{workspace, choices?, enter?, unchanged?, tz?}`: the definition in force from here on. What keeps its
    name and meaning keeps its state; changed journeys are published as `publish` does.
    """
    from ..carry import switch

    try:
        workspace = msgspec.convert(record.get("workspace"), m.Workspace, str_keys=True)
    except msgspec.ValidationError as error:
        raise ControlError(f"the definition is none: {error}", fix="see `sevenfold check`") from error
    choices, enter = dict(record.get("choices") or {}), dict(record.get("enter") or {})
    each = {
        name: {**record, "choices": choices.get(name), "enter": enter.get(name, "future")}
        for name in workspace.journeys
    }
    for name, model in workspace.journeys.items():
        check_publishing(name, model, each[name])
    pin_zones(fold, record)
    before = _versions(fold)
    cause = fold._cause
    switch(fold, workspace)
    fold._cause = cause
    fold.emit_about(WORKSPACE, workspace.name, {"journeys": sorted(workspace.journeys)})
    now = _versions(fold)
    for name in workspace.journeys:
        if now.get(name) != before.get(name):
            published(fold, name, each[name])


def _versions(fold: Fold) -> dict[str, int]:
    """The version of each journey that takes people in."""
    journeys = fold.journeys
    if journeys is None:
        return {}
    return {name: journeys.plans[index].version for name, index in journeys.current.items()}
