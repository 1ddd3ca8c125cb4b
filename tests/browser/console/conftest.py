"""The console of a company that has lived for a month: built files, a real service, a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sevenfold.server import console_files

from .world import Console, console, lived


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The data folder of a service with a month behind it; never written to, copies are served."""
    if console_files.folder() is None:
        pytest.skip("the console is not built; run: make console")
    base = tmp_path_factory.getbasetemp()
    return lived(base if worker_id == "master" else base.parent)


@pytest.fixture(scope="module")
def desk(company: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A service with that company, one admin logged in, and a browser."""
    with console(tmp_path_factory.mktemp("console") / "data", browser, data=company) as made:
        yield made.set_up()
