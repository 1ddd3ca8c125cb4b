"""One small service for each test that changes something, one simulated company for all that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edges.admin.api_world import Api, company, small, temporary


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(small(), tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def saas() -> Iterator[Api]:
    for folder in temporary():
        with company(6, 60, folder) as made:
            yield made
