"""Models as numbers: what was fitted is what is written out, scored, calibrated and explained."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sevenfold.errors import InputError
from sevenfold.learning.calibrating import (
    Isotonic,
    Platt,
    calibrated,
    calibrator_from,
    isotonic,
    platt,
    reliability_of,
    sigmoid,
)  # fmt: skip
from sevenfold.learning.drift import Reference, calibration, psi, reference_from, verdict
from sevenfold.learning.explaining import largest
from sevenfold.learning.fitting import fit
from sevenfold.learning.models import Floats, Tree, Trees, model_from
from sevenfold.learning.prior import bands_of, prior_from, rates

FAMILIES = ("linear", "trees", "blend")


def cases(n: int = 600, d: int = 4, seed: int = 3) -> tuple[Floats, NDArray[np.bool_]]:
    """Features with holes, of which the first three matter and the fourth does not."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(n, d))
    x[:, 1] = np.exp(x[:, 1])
    x[chance.random(x.shape) < 0.1] = np.nan
    held = np.nan_to_num(x)
    odds = 1.5 * held[:, 0] + np.log1p(held[:, 1]) * held[:, 2] - 0.5
    return x, chance.random(n) < sigmoid(odds)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_read_back_scores_bit_for_bit_the_same(family: Any) -> None:
    x, y = cases()
    model = fit(family, x, y)
    again = model_from(json.loads(json.dumps(model.to_json())))
    assert np.array_equal(again.margin(x), model.margin(x))
    one_by_one = np.concatenate([model.margin(x[i : i + 1]) for i in range(50)])
    assert np.array_equal(one_by_one, model.margin(x)[:50])


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_and_base_are_the_margin(family: Any) -> None:
    x, y = cases()
    model = fit(family, x, y)
    added, base = model.contributions(x)
    assert np.allclose(added.sum(axis=1) + base, model.margin(x), atol=1e-9)
    moved = np.abs(added).mean(axis=0)
    assert moved[3] < moved[0] / 3, "what does not matter moves little"


def test_our_trees_are_those_of_the_library() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y = cases()
    theirs = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0, min_samples_leaf=20,
        early_stopping=False, random_state=0, max_depth=4, max_features=0.5,
    ).fit(x, y)  # fmt: skip
    probe = cases(seed=8)[0]
    assert np.allclose(fit("trees", x, y).margin(probe), theirs.decision_function(probe), atol=1e-9)


def test_tree_contributions_are_shapley_values() -> None:
    x, y = cases(300)
    model = fit("trees", x, y)
    assert isinstance(model, Trees)
    few = Trees(model.base, model.trees[:6])
    added, _ = few.contributions(x[:4])
    for i in range(4):
        assert np.allclose(added[i], by_definition(few, x[i]), atol=1e-12)


def by_definition(model: Trees, row: Floats) -> Floats:
    """Shapley values by going through every subset of features."""
    d = len(row)
    found = np.zeros(d)
    for i in range(d):
        others = [j for j in range(d) if j != i]
        for size in range(d):
            weight = math.factorial(size) * math.factorial(d - size - 1) / math.factorial(d)
            for subset in itertools.combinations(others, size):
                known = set(subset)
                found[i] += weight * sum(
                    expected(tree, row, known | {i}) - expected(tree, row, known) for tree in model.trees
                )
    return found


def expected(tree: Tree, row: Floats, known: set[int], node: int = 0) -> float:
    feature = tree.feature[node]
    if feature < 0:
        return tree.value[node]
    left, right = tree.left[node], tree.right[node]
    if feature in known:
        unknown = bool(np.isnan(row[feature]))
        goes_left = tree.unknown_left[node] if unknown else bool(row[feature] <= tree.threshold[node])
        return expected(tree, row, known, left if goes_left else right)
    cover = tree.cover
    parts = cover[left] * expected(tree, row, known, left) + cover[right] * expected(tree, row, known, right)
    return parts / cover[node]


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"kind": "oracle"}, {"kind": "trees", "base": 0.0, "trees": [{"feature": [0]}]},
        {"kind": "trees", "base": 0, "trees": [{"feature": [0, -1], "threshold": [0, 0], "value": [0, 0],
         "unknown_left": [0, 0], "left": [1, 0], "right": [0, 0], "cover": [1, 1]}]},
    ],
)  # fmt: skip
def test_parameters_that_are_none_are_refused(broken: Any) -> None:
    with pytest.raises(InputError):
        model_from(broken)


@pytest.mark.parametrize("way", [platt, isotonic])
def test_calibrated_probabilities_come_true_as_often_as_they_say(
    way: Callable[..., Platt | Isotonic],
) -> None:
    chance = np.random.default_rng(1)
    margin = chance.normal(0, 3, 20_000)
    # The margins claim three times the log-odds there are.
    outcome = chance.random(20_000) < sigmoid(margin / 3 - 1)
    half = 10_000
    calibrator = calibrator_from(json.loads(json.dumps(way(margin[:half], outcome[:half]).to_json())))
    told = reliability_of(calibrator(margin[half:]), outcome[half:])
    assert told.calibration_error < 0.02
    assert reliability_of(sigmoid(margin[half:]), outcome[half:]).calibration_error > 0.1
    assert (np.diff(calibrator(np.linspace(-9, 9, 500))) >= 0).all()


def test_few_outcomes_are_calibrated_by_a_line_and_many_by_a_curve() -> None:
    x, y = cases(400)
    assert isinstance(calibrated(x[:, 3].copy(), y), Platt) or np.isnan(x).any()
    chance = np.random.default_rng(2)
    margin = chance.normal(size=5_000)
    assert isinstance(calibrated(margin, chance.random(5_000) < sigmoid(margin)), Isotonic)


def test_a_margin_that_ranks_the_wrong_way_round_tells_everybody_the_rate() -> None:
    margin = np.linspace(-2, 2, 400)
    found = platt(margin, margin < 0)
    assert found.slope == 0 and found(margin)[0] == pytest.approx(0.5, abs=0.01)


def test_groups_with_few_cases_are_drawn_to_the_whole_more_than_those_with_many() -> None:
    outcome = np.array([True] * 40 + [False] * 60 + [False] * 97 + [True] * 3 + [True] * 2)
    band = np.array([3] * 100 + [0] * 100 + [1] * 2)
    prior = rates(outcome, band, ["a"] * 202)
    whole = prior.whole.rate
    assert 0.3 < prior.bands[3].rate < 0.42 and prior.bands[0].rate < 0.08
    assert prior.bands[1].rate < 0.8, "two of two are no certainty"
    assert whole == pytest.approx((45 + 0.5) / 203)
    assert prior.rate(4, "never met") == whole
    assert prior_from(json.loads(json.dumps(prior.to_json()))) == prior


def test_intervals_of_rates_cover_what_is_true() -> None:
    chance = np.random.default_rng(5)
    covered = []
    group = np.arange(400) % 8
    for _ in range(12):
        true = chance.beta(0.1 * 15, 0.9 * 15, 8)
        prior = rates(chance.random(400) < true[group], group, [""] * 400)
        covered += [prior.bands[k].low <= true[k] <= prior.bands[k].high for k in range(8)]
    assert 0.87 < np.mean(covered) < 1.0


def test_a_falling_score_is_the_likelier_the_lower_it_is() -> None:
    assert bands_of(np.array([95.0, 5.0, np.nan]), falling=True).tolist() == [0, 4, -1]
    assert bands_of(np.array([95.0, 5.0]), falling=False).tolist() == [4, 0]


def test_the_stability_index_is_near_zero_for_the_same_and_large_for_others() -> None:
    chance = np.random.default_rng(4)
    then, now = chance.normal(size=5_000), chance.normal(size=5_000)
    reference = reference_from(json.loads(json.dumps(Reference.of(then).to_json())))
    assert verdict(psi(reference, now)) == "steady"
    assert verdict(psi(reference, now + 1.0)) == "drifted"
    now[:2_000] = np.nan
    assert verdict(psi(reference, now)) == "drifted", "suddenly unknown is drift, too"


def test_calibration_is_off_when_what_was_said_did_not_come() -> None:
    assert not calibration(2_000, 0.2, 410).off
    assert calibration(2_000, 0.2, 600).off
    assert calibration(20, 0.2, 6).to_json()["off"] is False, "twenty cases cannot say"


def test_the_largest_contributions_come_first_whichever_way_they_go() -> None:
    found = largest(["a", "b", "c"], np.array([1.0, np.nan, 3.0]), np.array([0.1, -0.9, 0.0]), 3)
    assert [(one.feature, one.value) for one in found] == [("b", None), ("a", 1.0)]
