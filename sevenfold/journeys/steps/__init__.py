"""The step kinds of journeys: one module each, found by its name. A new kind is a new file here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .base import Logic, StepBase, StepKind

STEP_KINDS: dict[str, StepKind] = {}
"""Every kind by its tag, in alphabetical order of the modules."""

for _module in sorted(found.name for found in iter_modules(__path__) if found.name != "base"):
    _kind: StepKind = import_module(f"{__name__}.{_module}").KIND
    STEP_KINDS[_kind.tag] = _kind

__all__ = ["STEP_KINDS", "Logic", "StepBase", "StepKind"]
