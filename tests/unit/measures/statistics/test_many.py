"""Many comparisons at once."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.measures.statistics.multiple import adjusted_e, adjusted_p


def test_the_example_of_benjamini_and_hochberg() -> None:
    """Their paper's fifteen p values: at 5%, the four smallest are found."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
         0.6528, 0.7590, 1.0]  # fmt: skip
    assert sum(q <= 0.05 for q in adjusted_p(p)) == 4
    assert adjusted_p(list(reversed(p))) == list(reversed(adjusted_p(p)))


def test_nothing_to_adjust() -> None:
    assert adjusted_p([]) == [] and adjusted_p([0.2]) == [0.2]


def test_a_twentieth_of_what_is_found_is_false() -> None:
    rng = np.random.default_rng(1)
    false = []
    for _ in range(300):
        z = np.concatenate([rng.normal(0, 1, 80), rng.normal(3.5, 1, 20)])
        evidence = np.exp(3.0 * z - 4.5)
        found = np.array(adjusted_e(list(evidence))) <= 0.05
        false.append(found[:80].sum() / max(found.sum(), 1))
    assert np.mean(false) <= 0.05


def test_evidence_of_twenty_is_as_rare_as_one_in_twenty() -> None:
    assert adjusted_e([20.0]) == pytest.approx([0.05])
    assert adjusted_e([0.0, 5.0]) == pytest.approx([1.0, 0.4])
