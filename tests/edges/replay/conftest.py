"""What the tests of replay share: one replay of the small history, one of a simulated company."""

from __future__ import annotations

import pytest

from sevenfold.playback import Outcome, replay
from tests.edges.replay import worlds


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The small history replayed."""
    folder = tmp_path_factory.mktemp("small")
    source = worlds.write(folder / "events.ndjson", worlds.small_history())
    return replay(worlds.workspace(), [source], folder / "out")


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A simulated company replayed through the seven stages."""
    folder = tmp_path_factory.mktemp("company")
    source = worlds.write(folder / "events.ndjson", list(worlds.company_events()))
    return replay(worlds.seven_stage(), [source], folder / "out")
