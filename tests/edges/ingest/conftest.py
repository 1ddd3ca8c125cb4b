"""One server for the tests of a file, each of which finds its log empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edges.ingest.serving import Served, served


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served() as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.renew()
    return running
