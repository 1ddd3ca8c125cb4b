"""Connected services for every test, with their secrets in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.connectors import support
from tests.edges.hooks.support import STANDARD, TWILIO, World


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_TOKEN", TWILIO)
    monkeypatch.setenv("HOOK_SECRET", STANDARD)
    monkeypatch.setenv("IN_SECRET", support.SECRET)
    monkeypatch.setenv("IN_OLD", "the-secret-before")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return support.world(tmp_path)
