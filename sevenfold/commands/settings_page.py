"""The reference page of settings, from the one table that has them all: `python -m
sevenfold.commands.settings_page`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sevenfold.settings import SETTINGS, Setting

_HEAD = """# Settings

Made from `sevenfold/settings.py` by `python -m sevenfold.commands.settings_page`. A flag on the command line
goes before the variable in the environment, and that before the default. What holds a secret may be a
reference to it: `env:NAME` or `file:PATH`.

| variable | | default | |
|---|---|---|---|
"""
_KINDS = {str: "text", int: "whole number", bool: "yes or no", Path: "folder", float: "number"}


def reference() -> str:
    """The page as Markdown."""
    return _HEAD + "\n".join(_row(one) for one in SETTINGS) + "\n"


def _row(one: Setting) -> str:
    default = ("yes" if one.default else "no") if one.kind is bool else str(one.default)
    shown = f"`{default}`" if default else ""
    return f"| `{one.variable}` | {_KINDS[one.kind]} | {shown} | {one.help} |"


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.write_text(reference(), encoding="utf-8")
