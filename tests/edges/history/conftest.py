"""A company whose life was folded once: its log, its effects as they were told, and a history of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sevenfold.server.history import History, HistoryWriter
from tests.edges.history.worlds import World, company


@pytest.fixture(scope="session")
def world() -> World:
    return company(accounts=8, days=60)


@pytest.fixture(scope="session")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of the whole world."""
    made = tmp_path_factory.mktemp("history")
    writer = HistoryWriter(made)
    for watched in world.told:
        writer.take_effects(watched)
    writer.take_records(world.records)
    writer.close()
    return made


@pytest.fixture(scope="session")
def history(world: World, folder: Path) -> Iterator[History]:
    found = History(folder, world.log)
    yield found
    found.close()
