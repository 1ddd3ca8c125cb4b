"""Settings are one table: it gives the environment variables, the defaults, the types and the documentation.

The only file that reads the environment. A flag on the command line goes before the variable, and that before
the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sevenfold.errors import SettingsError
from sevenfold.limits import RECORD_EVENTS_MAX, SEGMENT_BYTES_MAX


class Setting(Struct, frozen=True):
    """One row: its name in Python, its type, its default, and what it does."""

    name: str
    kind: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"SEVENFOLD_{self.name.upper()}"


SETTINGS: Final = (
    Setting("data_folder", Path, Path("sevenfold-data"), "Where the log and the snapshots lie."),
    Setting("log_segment_bytes", int, SEGMENT_BYTES_MAX, "Size at which the log begins a new file."),
    Setting("import_batch_events", int, RECORD_EVENTS_MAX, "Events that an import appends at a time."),
    Setting("progress", bool, True, "Whether long commands show a progress bar."),
)


class Settings(Struct, frozen=True):
    """The values in force."""

    data_folder: Path
    log_segment_bytes: int
    import_batch_events: int
    progress: bool


def load_settings(environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Settings from flags, then the environment, then defaults. A flag of None was not given.

    Raises SettingsError for a value of a wrong type or an unknown flag.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        given = flags.pop(setting.name, None)
        if given is None:
            text = environment.get(setting.variable)
            given = setting.default if text is None else _read(setting, text)
        values[setting.name] = given
    if flags:
        known = ", ".join(setting.name for setting in SETTINGS)
        raise SettingsError(f"There is no setting {next(iter(flags))!r}", fix=f"the settings are {known}")
    return Settings(**values)


def _read(setting: Setting, text: str) -> Any:
    try:
        if setting.kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        value = setting.kind(text)
        if setting.kind is int and value < 1:
            raise ValueError(text)
    except (KeyError, ValueError) as error:
        wanted = {bool: "yes or no", int: "a whole number from 1"}[setting.kind]
        raise SettingsError(f"{text!r} is not {wanted}", where=setting.variable, fix=setting.help) from error
    return value
