"""Ports on which nothing good happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edges.channels.peers.http import closed_port, full_port


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port where nobody listens."""
    with closed_port() as port:
        yield port


@pytest.fixture
def stuck_port() -> Iterator[int]:
    """A port where no connection ever comes about."""
    with full_port() as port:
        yield port
