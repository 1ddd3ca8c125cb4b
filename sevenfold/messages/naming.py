"""The names a text can read: what the sender knows, and what the template declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import SevenfoldError
from ..events.times import parse_ms
from ..journeys.zones import UTC_ZONE, Zone
from ..journeys.zones import zone as zone_named
from .bounds import SETTINGS, TextSettings
from .faults import Fault, TemplateFaultError
from .lookups import Flat
from .templates import TemplateVersion


def names_for(
    version: TemplateVersion, context: Mapping[str, Any], locale: str, zone: str | None
) -> dict[str, Any]:
    """The context with declared variables and the settings of the text. Raises TemplateFaultError for a
    variable that is required and missing.
    """
    names = dict(context)
    signals = names.get("signal")
    if isinstance(signals, Mapping) and not isinstance(signals, Flat):
        names["signal"] = Flat(signals)
    workspace = context.get("workspace")
    workspace = workspace if isinstance(workspace, Mapping) else {}
    now = parse_ms(context.get("now"))
    names[SETTINGS] = TextSettings(
        locale=locale,
        zone=_zone(zone) or _zone(workspace.get("timezone")) or UTC_ZONE,
        currency=str(workspace.get("currency") or "USD"),
        now=0 if now is None else now,
    )
    for name, declared in version.template.variables.items():
        _declare(version, names, name, declared.default, declared.required)
    return names


def _declare(
    version: TemplateVersion, names: dict[str, Any], name: str, default: Any, required: bool
) -> None:
    """Gives a variable its default. A bare name that is none of the context's is a value of the step."""
    root, *rest = name.split(".")
    path = [root, *rest] if rest or root in names else ["step", root]
    value: Any = names
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        if default is None and required:
            message = f"`{name}` is missing, and the template needs it"
            at = ("templates", version.name, "variables", name)
            raise TemplateFaultError(Fault("missing_value", message, at, 1, "give a default"))
        value = default
    if value is None:
        return
    if not rest and root not in names:
        names[root] = value
    else:
        _put(names, path, value)


def _zone(name: Any) -> Zone | None:
    if not isinstance(name, str) or not name:
        return None
    try:
        return zone_named(name)
    except SevenfoldError:
        return None


def _put(names: dict[str, Any], path: list[str], value: Any) -> None:
    """Sets a value deep in the names, copying what is on the way."""
    above: dict[str, Any] = names
    for part in path[:-1]:
        inner = above.get(part)
        copy = Flat(inner) if isinstance(inner, Flat) else dict(inner) if isinstance(inner, Mapping) else {}
        above[part] = copy
        above = copy
    above[path[-1]] = value
