"""Where checks of journeys and messages put what they find: at a field of the object at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...workspace.conditions import Conditions
from ...workspace.models import Workspace
from ...workspace.names import Names
from ...workspace.problems import Path
from ...workspace.report import Report

Place = str | Path
"""A field of the object at hand: ``ttl``, ``("paths", 0, "when")`` or, as steps say it, ``paths.0.when``."""


class Desk:
    """What all checks of one workspace share."""

    def __init__(self, names: Names, conditions: Conditions, report: Report) -> None:
        self.names = names
        self.conditions = conditions
        self.report = report
        self.workspace: Workspace = names.workspace
        self.told: set[tuple[Path, str]] = set()
        """What was said about blocks: their inner steps often have the same fault."""


class Reporting:
    """The fields of one object of the workspace, which stands at ``root``."""

    def __init__(self, desk: Desk, root: Path, model: Any = None) -> None:
        self.desk = desk
        self.workspace = desk.workspace
        self.root = root
        self.model = model
        self.errors = 0
        """How many errors these fields have."""

    # ----------------------------------------------------------------------------------------- reporting

    def path(self, place: Place) -> Path:
        """The path of a field in the workspace."""
        return (*self.root, *(place if isinstance(place, tuple) else _steps(self.model, place)))

    def error(self, place: Place, code: str, message: str, fix: str = "") -> None:
        """Something that keeps the workspace from being used."""
        self.errors += 1
        self.desk.report.error(self.path(place), code, message, fix)

    def warning(self, place: Place, code: str, message: str, fix: str = "") -> None:
        """Something doubtful."""
        self.desk.report.warning(self.path(place), code, message, fix)

    def exactly_one(self, place: Place, given: Mapping[str, bool], what: str) -> bool:
        """Whether one of several fields is there and the others are not."""
        there = [f"`{name}`" for name, present in given.items() if present]
        if len(there) == 1:
            return True
        choice = ", ".join(f"`{name}`" for name in given)
        if there:
            self.error(place, "wrong_value", f"{what} has {' and '.join(there)}", "keep one of them")
        else:
            self.error(place, "missing_field", f"{what} has none of {choice}", "give it one of them")
        return False

    def without(self, present: bool, place: Place, message: str, fix: str = "") -> None:
        """Reports a field that means nothing where it stands."""
        if present:
            self.error(place, "wrong_value", message, fix)


def _steps(model: Any, text: str) -> Path:
    """``paths.0.go`` as a path, by what the model has: keys of mappings may hold dots and digits."""
    steps: list[str | int] = []
    rest = text
    while rest:
        if isinstance(model, Mapping):
            fitting = [str(key) for key in model if rest == key or rest.startswith(f"{key}.")]
            head = max(fitting, key=len, default=rest.partition(".")[0])
            model = model.get(head)
        else:
            head = rest.partition(".")[0]
            if isinstance(model, list | tuple) and head.isdigit():
                steps.append(int(head))
                model = model[int(head)] if int(head) < len(model) else None
                rest = rest[len(head) + 1 :]
                continue
            model = _member(model, head)
        steps.append(head)
        rest = rest[len(head) + 1 :]
    return tuple(steps)


def _member(model: Any, name: str) -> Any:
    if not isinstance(model, msgspec.Struct) or name not in model.__struct_encode_fields__:
        return None
    return getattr(model, model.__struct_fields__[model.__struct_encode_fields__.index(name)])


__all__ = ["Desk", "Place", "Reporting"]
