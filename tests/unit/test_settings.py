"""Flags go before the environment, which goes before defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.errors import SettingsError
from sevenfold.settings import SETTINGS, load_settings


def test_flag_then_environment_then_default() -> None:
    environment = {
        "SEVENFOLD_PROGRESS": "no",
        "SEVENFOLD_LOG_SEGMENT_BYTES": "5",
        "SEVENFOLD_DATA_FOLDER": "there",
    }
    settings = load_settings(environment, log_segment_bytes=7, import_batch_events=None)
    assert (settings.progress, settings.log_segment_bytes, settings.data_folder) == (False, 7, Path("there"))
    assert settings.import_batch_events == next(
        s.default for s in SETTINGS if s.name == "import_batch_events"
    )


@pytest.mark.parametrize(
    ("name", "text"), [("PROGRESS", "maybe"), ("IMPORT_BATCH_EVENTS", "0"), ("LOG_SEGMENT_BYTES", "x")]
)
def test_a_value_that_cannot_be_used_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"SEVENFOLD_{name}"):
        load_settings({f"SEVENFOLD_{name}": text})


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(SettingsError, match="data_folder"):
        load_settings({}, data_foldre="x")
