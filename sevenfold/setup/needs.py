"""What a workspace listens to, and what for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..profiles import expressions
from ..profiles.expressions import ExpressionError
from ..workspace import models
from ..workspace.event_names import event_names, is_own
from ..workspace.names import condition


@dataclass(slots=True)
class Need:
    """An event that a workspace listens to: the ``users`` (``signals.orders_30d``, ``journeys.welcome``) and
    the properties they read.
    """

    name: str
    users: list[str] = field(default_factory=list)
    properties: set[str] = field(default_factory=set)


def needs(workspace: models.Workspace) -> dict[str, Need]:
    """Every event that is listened to by name, in written order; derived events and patterns are left out."""
    found: dict[str, Need] = {}
    for name, path in event_names(workspace):
        if is_own(name) or path[0] == "phases":
            continue
        need = found.setdefault(name, Need(name))
        user = f"{path[0]}.{path[1]}" if len(path) > 1 else str(path[0])
        if user not in need.users:
            need.users.append(user)
    for signal in workspace.signals.values():
        read = set(_read(signal))
        for name, _ in event_names(signal):
            if name in found:
                found[name].properties |= read
    return found


def _read(signal: models.Signal) -> Iterator[str]:
    """The properties that a signal reads, at the top of ``properties``."""
    for field_name in ("property", "where", "first_where", "then_where"):
        given = getattr(signal, field_name, None)
        if given is None:
            continue
        if field_name == "property":
            if isinstance(given, str) and given != "$":
                yield given.partition(".")[0]
            continue
        try:
            for name in expressions.names(condition(given)):
                if name.parts[0] == "property" and len(name.parts) > 1:
                    yield name.parts[1]
        except ExpressionError:
            continue
