"""Which events a workspace listens to, and what they are called where they come from.

A pack says ``Signed Up``; the company that uses it sends ``user_signup``. The section ``events`` says so
once::

    Signed Up: user_signup
    Order Completed: [Order Completed, pos_sale]

Wherever the workspace listens to the name on the left, it then listens to those on the right instead. This is
done when the workspace is loaded, so that nothing is looked up when events come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from . import models
from .problems import Path, dotted, likely
from .report import Report

_FIELDS: Final = {
    "Sequence": ("first", "then"),
    "Milestones": ("start",),
    "Phase": ("events",),
    "Referrals": ("sign_up",),
    "OfferPool": ("redeemed",),
}
"""Fields that hold names of events; one called ``event`` always does."""
_PARTS: Final = tuple(
    name for name in models.Workspace.__struct_fields__ if name not in ("events", "connectors", "catalogues")
)
"""Connectors make events rather than listen to them, and a catalogue has only rows."""


def is_own(event: str) -> bool:
    """Whether a name is no event of the customer's: derived (``$stage main/active``) or a pattern."""
    return event.startswith("$") or event.endswith("*")


def event_names(value: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """Every name of an event in a workspace, or in a part of one, with the path of the field that holds
    it.
    """
    if isinstance(value, msgspec.Struct):
        taken = (*_FIELDS.get(type(value).__name__, ()), "event")
        fields = _PARTS if isinstance(value, models.Workspace) else value.__struct_fields__
        for field in fields:
            inner = getattr(value, field)
            if field not in taken:
                yield from event_names(inner, (*path, field))
            elif isinstance(inner, str):
                yield inner, (*path, field)
            elif isinstance(inner, list):
                yield from ((one, (*path, field, index)) for index, one in enumerate(inner))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from event_names(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from event_names(inner, (*path, index))


def renamed(workspace: models.Workspace, report: Report) -> models.Workspace:
    """The workspace listening to the names that its ``events`` give. What is wrong with them is reported, and
    left as it is.
    """
    if not workspace.events:
        return workspace
    _check(workspace, report)
    names = {wanted: _listed(given) for wanted, given in workspace.events.items()}
    return msgspec.structs.replace(
        workspace, **{part: _renamed(getattr(workspace, part), names, (part,), report) for part in _PARTS}
    )


def _check(workspace: models.Workspace, report: Report) -> None:
    heard = {name for name, _ in event_names(workspace)}
    for wanted, given in workspace.events.items():
        path: Path = ("events", wanted)
        if is_own(wanted):
            fix = "give the names of events that are sent"
            report.error(path, "wrong_value", f"`{wanted}` is no event that arrives", fix)
        elif wanted not in heard and not heard.intersection(_listed(given)):
            # A workspace that was written back listens to the names on the right already.
            fix = likely(wanted, sorted(heard)) or "take the line out"
            report.warning(path, "unknown_name", f"nothing here listens to `{wanted}`", fix)
        for one in _listed(given):
            if one != wanted and one in workspace.events:
                message = f"`{one}` is a name on the left too, so which is meant would depend on the order"
                report.error(path, "wrong_value", message, "call one of them otherwise where it is sent")


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _renamed(value: Any, names: Mapping[str, list[str]], path: Path, report: Report) -> Any:
    if isinstance(value, msgspec.Struct):
        taken = (*_FIELDS.get(type(value).__name__, ()), "event")
        changed: dict[str, Any] = {}
        for field in value.__struct_fields__:
            before = getattr(value, field)
            if field in taken and isinstance(before, str | list):
                after = _names(value, field, before, names, path, report)
            else:
                after = _renamed(before, names, (*path, field), report)
            if after is not before:
                changed[field] = after
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, dict):
        new = {key: _renamed(inner, names, (*path, key), report) for key, inner in value.items()}
        return new if any(new[key] is not value[key] for key in value) else value
    if isinstance(value, list):
        listed = [_renamed(inner, names, (*path, index), report) for index, inner in enumerate(value)]
        return listed if any(a is not b for a, b in zip(listed, value, strict=True)) else value
    return value


def _names(
    holder: msgspec.Struct,
    field: str,
    before: str | list[str],
    names: Mapping[str, list[str]],
    path: Path,
    report: Report,
) -> str | list[str]:
    written = _listed(before)
    if not any(one in names for one in written):
        return before
    after = list(dict.fromkeys(new for one in written for new in names.get(one, [one])))
    if len(after) == 1 and isinstance(before, str):
        return after[0]
    if not _takes_several(type(holder), field):
        message = f"`{dotted((*path, field))}` takes one event, and `{written[0]}` has {len(after)} names"
        fix = "give it one name, or copy the object for the other"
        report.error(("events", written[0]), "wrong_value", message, fix)
        return before
    return after


def _takes_several(type_: type[msgspec.Struct], field: str) -> bool:
    found = next(one for one in msgspec.structs.fields(type_) if one.name == field)
    return "list" in str(found.type)
