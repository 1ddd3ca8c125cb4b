"""Neighbours by Gower's distance, strategies by what they saved, and the cost of a loss."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.measures.similar import advise, cost_of_loss, distances

NAN = float("nan")


def test_the_distance_is_the_mean_of_shares_of_the_spread() -> None:
    past = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
    found = distances(np.array([2.0, 10.0]), past)
    assert found == pytest.approx([(0.5 + 0) / 2, (0.5 + 1) / 2, (0 + 0.5) / 2])


def test_a_unit_changes_no_distance() -> None:
    past = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
    scaled = past * np.array([1_000.0, 0.01])
    assert distances(np.array([2_000.0, 0.1]), scaled) == pytest.approx(
        distances(np.array([2.0, 10.0]), past)
    )


def test_gaps_are_left_out_and_too_many_make_a_case_incomparable() -> None:
    past = np.array([[0.0, NAN, 1.0], [NAN, NAN, 0.0], [4.0, 5.0, NAN], [2.0, 6.0, 1.0]])
    found = distances(np.array([0.0, 5.0, 1.0]), past)
    assert found[0] == 0.0
    assert found[1] == np.inf
    assert found[2] == pytest.approx((1 + 0) / 2)


def test_a_figure_that_never_varied_says_nothing() -> None:
    assert (distances(np.array([9.0]), np.array([[5.0], [5.0]])) == np.inf).all()
    assert len(distances(np.array([9.0]), np.zeros((0, 1)))) == 0


def cases(rng: np.random.Generator, n: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Two kinds of risk: silence, which calls save, and tickets, which engineers save. 80 % against 20 %."""
    silent = rng.random(n) < 0.5
    profile = np.column_stack([
        np.where(silent, rng.normal(30, 4, n), rng.normal(2, 1, n)),
        np.where(silent, rng.normal(1, 0.5, n), rng.normal(9, 2, n)),
    ])  # fmt: skip
    call = rng.random(n) < 0.5
    chance = np.where(silent == call, 0.8, 0.2)
    return profile, ["call" if one else "engineer" for one in call], rng.random(n) < chance


def test_what_saved_the_nearest_accounts_comes_first() -> None:
    past, strategies, saved = cases(np.random.default_rng(7), 200)
    silence = advise(np.array([31.0, 1.0]), past, strategies, saved, neighbours=60)
    tickets = advise(np.array([2.0, 8.0]), past, strategies, saved, neighbours=60)
    assert [one.strategy for one in silence.ranked] == ["call", "engineer"]
    assert [one.strategy for one in tickets.ranked] == ["engineer", "call"]
    assert silence.ranked[0].rate.low < 0.8 < silence.ranked[0].rate.high
    assert silence.sentence.startswith("60 similar cases")


def test_one_lucky_try_does_not_lead_and_too_few_say_nothing() -> None:
    past = np.arange(12, dtype=float).reshape(12, 1)
    strategies = ["lucky", *["usual"] * 6, *["rare"] * 5]
    saved = np.array([True, *[True, True, True, True, False, False], *[False] * 5])
    advice = advise(np.array([0.0]), past, strategies, saved)
    assert [(one.strategy, one.saved, one.tried) for one in advice.ranked] == [
        ("usual", 4, 6),
        ("rare", 0, 5),
    ]
    few = advise(np.array([0.0]), past[:3], strategies[:3], saved[:3])
    assert few.ranked == () and few.sentence.startswith("not enough data: 3 similar cases")


def test_the_cost_of_a_loss_is_what_is_left_and_what_they_could_have_grown_to() -> None:
    assert cost_of_loss(36_500, 90) == pytest.approx(9_000)
    assert cost_of_loss(36_500, 90, 399, 1_499) == pytest.approx(9_000 + 1_100 * 12)
    assert cost_of_loss(36_500, -3, 1_499, 399) == 0
    assert cost_of_loss(36_500, 0, 4_900, 0) == 0
