"""One simulated company for all tests of what the console shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edges.admin.api_world import Api, company, temporary


@pytest.fixture(scope="session")
def saas() -> Iterator[Api]:
    for folder in temporary():
        with company(4, 60, folder) as made:
            yield made
