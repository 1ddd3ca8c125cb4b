"""Ghost controls are unbiased; a control that only the treated side can drop out of is not."""

from __future__ import annotations

import numpy as np

from sevenfold.measures.statistics.influence import mean_of
from sevenfold.measures.statistics.sequential import multiplier

PEOPLE, WORLDS = 2_000, 300


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People wait three days before the message; who buys meanwhile leaves the journey, who is reached is 10%
    likelier to buy afterwards. Returns (held out, would have been sent to, bought after the entry).
    """
    held = rng.random(PEOPLE) < 0.3
    eager = rng.beta(1, 4, PEOPLE)
    bought_waiting = rng.random(PEOPLE) < eager
    reachable = rng.random(PEOPLE) < 0.5 + 0.4 * eager
    would_send = ~bought_waiting & reachable
    later = rng.random(PEOPLE) < np.where(would_send & ~held, eager * 0.5 + 0.10, eager * 0.5)
    return held, would_send, np.where(bought_waiting, True, later)


def test_ghosts_are_unbiased_where_a_control_without_drop_outs_is_not() -> None:
    rng = np.random.default_rng(7)
    ghost, usual, covered = [], [], []
    for _ in range(WORLDS):
        held, would_send, bought = world(rng)
        outcome = bought.astype(float)
        # Ghosts walk the same waits and gates: those who would have been sent to, against those who were.
        found = mean_of(outcome, would_send & ~held) - mean_of(outcome, would_send & held)
        ghost.append(found.value)
        covered.append(abs(found.value - 0.10) <= multiplier(int(would_send.sum())) * found.error())
        # Elsewhere the control is everybody held out at entry, and the treated are those who were sent to.
        usual.append(bought[would_send & ~held].mean() - bought[held].mean())
    assert abs(np.mean(ghost) - 0.10) < 0.006
    assert np.mean(covered) >= 0.95
    assert np.mean(usual) < 0.0, "the usual control turns a gain of ten points into a loss"
