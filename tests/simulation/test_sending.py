"""Whatever crashes, whenever: each message once or not at all, in order, and none forgotten."""

from __future__ import annotations

import os

import pytest

from tests.simulation.sending import simulate

SOAKING = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SEEDS = 2_000 if SOAKING else 8
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_sender_that_dies_anywhere_keeps_the_promises(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        try:
            simulate(seed)
        except Exception as error:
            raise AssertionError(f"python -m tests.simulation.sending {seed}: {error}") from error
