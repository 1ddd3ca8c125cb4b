"""A shop for every test, with its secrets in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.hooks.support import STANDARD, TWILIO, World


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_TOKEN", TWILIO)
    monkeypatch.setenv("HOOK_SECRET", STANDARD)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
