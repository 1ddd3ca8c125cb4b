"""Puts the built console into the wheel; an editable installation serves what is built where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Console(BuildHookInterface[Any]):
    """Refuses to build a wheel without the console, for whoever installs it could not build it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the console's files, unless what is built is an editable installation."""
        if version == "editable":
            return
        built = Path(self.root) / "web" / "console" / "dist"
        if not (built / "index.html").is_file():
            raise RuntimeError(f"the console is not built ({built} is missing); run `make console` first")
        build_data["force_include"][str(built)] = "sevenfold/_console"
