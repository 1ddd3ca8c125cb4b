"""What a score should have weighed, where it is known; no advice where today's weights are right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from sevenfold.learning.missed_signals import missed_signals
from sevenfold.learning.weight_advice import Change, WeightAdvice, WeightSet, advice, changes_of
from sevenfold.learning.weight_fit import ScoreCases, areas, fit, rounded, scores
from sevenfold.measures.answer import Caveat, QuestionError
from sevenfold.measures.statistics.prediction import auc

TRUE = np.array([40.0, 25, 15, 10, 7, 3])
EVEN = np.full(6, 10.0)
BANDS = [("critical", 0.0), ("at_risk", 40.0), ("watch", 60.0), ("green", 80.0)]


def cases(seed: int, n: int, weights: np.ndarray = TRUE, looks: int = 2) -> ScoreCases:
    """Measures that go together, a tenth of them absent; who leaves follows the score under ``weights``."""
    chance = np.random.Generator(np.random.PCG64(seed))
    together = chance.normal(size=(n, 1)) * 0.6 + chance.normal(size=(n, len(weights)))
    measures = np.clip(50 + 22 * together, 0, 100)
    score = measures @ weights / weights.sum()
    left = chance.random(n) < 1 / (1 + np.exp((score - 38) / 7))
    gone = chance.random(measures.shape) < 0.1
    return ScoreCases(np.where(gone, np.nan, measures), left, np.arange(n) // looks)


def test_planted_weights_are_recovered_in_rank() -> None:
    for seed in range(3):
        found = fit(cases(seed, 3_000), EVEN)
        assert spearmanr(found.weights, TRUE)[0] >= 0.8
        assert found.gain.low > 0 and found.after > found.before
        assert found.weights.sum() == pytest.approx(60) and (found.weights >= 0).all()


def test_at_fifty_accounts_hardly_any_change_is_advised_though_one_would_be_right() -> None:
    assert sum(fit(cases(seed, 100), EVEN).gain.above for seed in range(6)) <= 3


def test_no_change_is_advised_where_the_weights_are_right() -> None:
    changed = sum(fit(cases(seed, 500, EVEN), EVEN).gain.above for seed in range(8))
    assert changed <= 1


def test_no_change_is_advised_where_leaving_has_nothing_to_do_with_the_score() -> None:
    chance = np.random.Generator(np.random.PCG64(1))
    changed = 0
    for seed in range(8):
        one = cases(seed, 400)
        changed += fit(ScoreCases(one.measures, chance.permutation(one.left), one.unit), EVEN).gain.above
    assert changed <= 1


def test_a_measure_without_weight_stays_without_and_a_fixed_one_as_it_is() -> None:
    weights = np.array([10.0, 10, 10, 10, 0, 20])
    fixed = np.arange(6) == 5
    found = fit(cases(2, 1_500), weights, fixed=fixed).weights
    assert found[4] == 0 and found[5] == 20 and found.sum() == pytest.approx(60)
    assert found[0] > found[3]


def test_weights_are_rounded_to_hundredths_of_an_unchanged_sum() -> None:
    found = rounded(np.array([33.333, 33.333, 33.334]), np.array([50.0, 30, 20]))
    assert found.tolist() == [33.0, 33.0, 34.0]


def test_the_gain_in_area_is_the_difference_of_delongs_areas() -> None:
    one = cases(5, 400, looks=1)
    old, new = -scores(one.measures, EVEN), -scores(one.measures, TRUE)
    told = areas(old, new, one.left, one.unit)
    assert told is not None and told.before == pytest.approx(auc(old, one.left).value)
    assert told.gain(0.95).value == pytest.approx(auc(new, one.left).value - told.before)
    alone = areas(np.zeros(400), new, one.left, one.unit)
    assert alone is not None
    delong, span = auc(new, one.left), alone.gain(0.95)
    assert span.high - span.low == pytest.approx(delong.high - delong.low, rel=0.1)
    assert areas(old, new, one.left | True, one.unit) is None


def test_advice_says_which_sets_change_and_what_would_be_written() -> None:
    few = cases(7, 60).take(np.arange(30))
    found = advice(
        WeightAdvice(score="health"), list("abcdef"),
        [WeightSet("renewal × enterprise", EVEN, cases(1, 2_000)), WeightSet("always", EVEN, few)], BANDS,
    )  # fmt: skip
    assert "`renewal × enterprise` would have told" in found.sentence
    rows = {row["set"]: row for row in found.frame("sets").to_pylist()}
    assert rows["renewal × enterprise"]["advised"] and not rows["always"]["advised"]
    assert Caveat.SAMPLE_TOO_SMALL in {doubt.caveat for doubt in found.caveats}
    changes = changes_of(found, "health")
    first = next(one for one in changes if one.path.endswith("weights.a"))
    assert first.path == "scores.health.weights[renewal × enterprise].weights.a"
    assert first.after > first.before == 10
    assert not any("[always]" in one.path for one in changes)


def test_a_band_moves_to_where_it_tells_who_left() -> None:
    """Everybody below 52 leaves, nobody above: the bound at 60 should lie near it."""
    chance = np.random.Generator(np.random.PCG64(3))
    measures = np.repeat(chance.uniform(20, 90, (600, 1)), 6, axis=1)
    one = ScoreCases(measures, measures[:, 0] < 52, np.arange(600))
    found = advice(WeightAdvice(score="health"), list("abcdef"), [WeightSet("always", EVEN, one)], BANDS)
    (row,) = found.frame("bands").to_pylist()
    assert row["advised"] and row["band"] == "watch" and row["advised_from"] == pytest.approx(52, abs=2)
    assert Change("scores.health.bands[watch].from", 60.0, row["advised_from"]) in changes_of(found, "health")


def test_combinations_that_drive_leaving_are_found_and_luck_is_not() -> None:
    chance = np.random.Generator(np.random.PCG64(4))
    measures = chance.uniform(0, 100, (3_000, 6))
    both = (measures[:, 0] < 40) & (measures[:, 1] < 40)
    left = chance.random(3_000) < np.where(both, 0.6, 0.1)
    one = ScoreCases(measures, left, np.arange(3_000))
    table = advice(WeightAdvice(score="health"), list("abcdef"), [WeightSet("always", EVEN, one)])
    rows = table.frame("combinations").to_pylist()
    assert (
        rows[0]["low"] == "a and b" and rows[0]["found"] and rows[0]["rate"] == pytest.approx(0.6, abs=0.05)
    )
    assert not any(row["found"] for row in rows if not {"a", "b"} & set(row["low"].split()))


# -------------------------------------------------------------------------------------------- missed signals


def surprised(seed: int, *, hidden: float) -> pd.DataFrame:
    """Twenty signals outside the score; ``s3`` makes people leave however green they are."""
    chance = np.random.Generator(np.random.PCG64(seed))
    frame = pd.DataFrame(chance.normal(size=(900, 20)), columns=[f"s{i}" for i in range(20)])
    frame["score"] = chance.random(900) * 100
    leaving = 1 / (1 + np.exp((frame["score"] - 55) / 15 - hidden * frame["s3"]))
    frame["left"] = chance.random(900) < leaving
    frame["who"] = [f"user-{i}" for i in range(900)]
    return frame


SIGNALS = tuple(f"s{i}" for i in range(20))


def test_the_signal_that_would_have_told_is_found_on_both_sides() -> None:
    found = missed_signals(surprised(1, hidden=1.5), score="score", left="left", signals=SIGNALS)
    rows = [row for row in found.frame().to_pylist() if row["found"]]
    assert {(row["surprise"], row["signal"], row["direction"]) for row in rows} == {
        ("left although green", "s3", "higher"), ("stayed although red", "s3", "lower"),
    }  # fmt: skip
    assert "s3" in found.sentence


def test_of_forty_signals_that_say_nothing_hardly_one_is_found_in_many_histories() -> None:
    found = 0
    for seed in range(100, 116):
        told = missed_signals(surprised(seed, hidden=0), score="score", left="left", signals=SIGNALS)
        found += any(row["found"] for row in told.frame().to_pylist())
    assert found <= 3


def test_looks_at_one_subject_go_together_and_too_few_surprises_are_said() -> None:
    frame = surprised(2, hidden=0.6)
    asked = {"score": "score", "left": "left", "signals": SIGNALS}
    once = {row["signal"]: row for row in missed_signals(frame, **asked).frame().to_pylist()}
    thrice = pd.concat([frame] * 3)
    together = {row["signal"]: row for row in missed_signals(thrice, **asked, unit="who").frame().to_pylist()}
    assert together["s3"]["p"] == pytest.approx(once["s3"]["p"], rel=0.2)
    assert missed_signals(thrice, **asked).frame().to_pylist()[0]["p"] < once["s3"]["p"]
    few = missed_signals(frame.head(20), **asked)
    assert Caveat.SAMPLE_TOO_SMALL in {doubt.caveat for doubt in few.caveats} and not few.frame().num_rows
    with pytest.raises(QuestionError, match="no signal to ask"):
        missed_signals(frame, score="score", left="left", signals=())
