"""Imports every file of questions, so that they register themselves."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from . import __path__ as _folder

for _module in iter_modules(_folder):
    if _module.name != "everything":
        import_module(f"{__package__}.{_module.name}")
