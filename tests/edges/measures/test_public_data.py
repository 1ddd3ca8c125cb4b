"""Agreement with published figures, on public data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from sevenfold.measures import clv, experiments, nps
from sevenfold.measures.answer import Answer, Caveat
from sevenfold.measures.shared import scoring
from sevenfold.measures.statistics import purchases
from sevenfold.measures.statistics.sequential import multiplier

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
pytestmark = pytest.mark.real_data


def path_of(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not there")
    return path


def frame_of(name: str) -> Any:
    path = path_of(name)
    if name.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, low_memory=False, encoding="utf-8-sig")


@pytest.fixture(scope="module")
def cdnow() -> Answer:
    return clv.from_transactions(
        frame_of("cdnow/cdnowElog.csv.gz"), customer="masterid", time="date", amount="sales",
        calibration_end="1997-09-30", horizon=52,
    )  # fmt: skip


def test_cdnow_has_the_published_parameters(cdnow: Answer) -> None:
    """Fader, Hardie and Lee (2005), table 2; the gamma-gamma of Fader and Hardie (2013)."""
    published = {
        "bgnbd:r": (0.243, 3), "bgnbd:alpha": (4.414, 3), "bgnbd:a": (0.793, 3), "bgnbd:b": (2.426, 3),
        "gamma_gamma:p": (6.25, 2), "gamma_gamma:q": (3.74, 2), "gamma_gamma:v": (15.44, 2),
    }  # fmt: skip
    for name, (value, digits) in published.items():
        found = cdnow[name]
        assert found.value is not None and found.low is not None and found.high is not None
        assert round(found.value, digits) == value
        assert found.low < value < found.high
    assert round(cdnow["bgnbd:log_likelihood"].value or 0, 3) == -9582.429
    assert cdnow["gamma_gamma:p"].n == 946
    assert round(cdnow["frequency_spend_correlation"].value or 0, 3) == 0.114


def test_cdnow_has_the_published_holdout_table(cdnow: Answer) -> None:
    table = cdnow.frame("holdout").to_pydict()
    assert table["customers"] == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert [round(v, 3) for v in table["actual"]] == [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    assert [round(v, 3) for v in table["expected"]] == [
        0.225,
        0.523,
        1.044,
        1.520,
        2.164,
        2.654,
        3.504,
        6.157,
    ]
    assert Caveat.ASSUMPTION_FAILED not in {doubt.caveat for doubt in cdnow.caveats}


def test_one_customer_of_cdnow_has_the_published_future(cdnow: Answer) -> None:
    """x = 26, t_x = 30.857, T = 31: 25.75659 purchases in 52 weeks, alive with probability 0.9688523."""
    rows = cdnow.frame("customers").to_pylist()
    one = next(row for row in rows if row["x"] == 26)
    assert (round(one["t_x"], 3), one["age"]) == (30.857, 31.0)
    assert one["expected_purchases"] == pytest.approx(25.75659, abs=2e-3)
    assert one["alive"] == pytest.approx(0.9688523, abs=5e-6)


def test_cdnow_by_pareto_nbd_has_the_published_parameters() -> None:
    table = frame_of("cdnow/cdnow_customers_summary.csv.gz")
    x, t_x, age = (table[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    found = purchases.fit_pareto_nbd(x, t_x, age)
    assert [round(v, 2) for v in found.values] == [0.55, 10.58, 0.61, 11.67]
    assert found.log_likelihood == pytest.approx(-9594.976, abs=5e-3)
    ahead = purchases.pareto_nbd_expected(found, 52, np.array([26.0]), np.array([30.857]), np.array([31.0]))
    assert ahead[0] == pytest.approx(25.45647, abs=5e-3)


def test_cdnow_from_a_summary_is_cdnow_from_transactions(cdnow: Answer) -> None:
    table = frame_of("cdnow/cdnow_customers_summary_with_transactions.csv.gz")
    found = clv.from_summary(table, x="x", t_x="t.x" if "t.x" in table else "t_x", mean="zbar", customer="ID")
    assert found["bgnbd:r"].value == pytest.approx(cdnow["bgnbd:r"].value, abs=1e-4)
    assert found["gamma_gamma:p"].value == pytest.approx(6.25, abs=5e-3)


def test_donations_have_the_published_parameters() -> None:
    """Fader, Hardie and Shang (2010), table 3; 12,884.2 donations expected in five years."""
    found = clv.from_chances(frame_of("bgbb_donations/donations.csv.gz"), weights="weights", more=5)
    values = [round(found[f"bgbb:{name}"].value or 0, 3) for name in ("alpha", "beta", "gamma", "delta")]
    assert values == [1.204, 0.750, 0.657, 2.783]
    assert round(found["bgbb:log_likelihood"].value or 0, 2) == -33225.58
    assert found["expected_purchases"].value == pytest.approx(12_884.2, abs=0.5)


HILLSTROM = {
    ("Mens E-Mail", "visit"): 0.0766, ("Mens E-Mail", "conversion"): 0.00681, ("Mens E-Mail", "spend"): 0.770,
    ("Womens E-Mail", "visit"): 0.0452, ("Womens E-Mail", "conversion"): 0.00311,
    ("Womens E-Mail", "spend"): 0.424,
}  # fmt: skip


def test_hillstrom_has_the_published_effects_within_its_intervals() -> None:
    found = experiments.compare(
        frame_of("hillstrom/hillstrom.csv.gz"), arm="segment", metric=["visit", "conversion", "spend"]
    )
    rows = {(row["arm"], row["metric"]): row for row in found.frame("effects").to_pylist()}
    assert len(rows) == 6 and {row["control"] for row in rows.values()} == {"No E-Mail"}
    for key, effect in HILLSTROM.items():
        row = rows[key]
        assert row["effect"] == pytest.approx(effect, abs=5e-4 if key[1] == "spend" else 5e-5)
        assert row["low"] < row["once_low"] < effect < row["once_high"] < row["high"]
    assert rows["Womens E-Mail", "conversion"]["once_p"] == pytest.approx(0.00016, abs=5e-6)
    assert Caveat.SAMPLE_RATIO not in {doubt.caveat for doubt in found.caveats}
    assert "18.3% against 10.6%" in found.sentence


def test_cookie_cats_has_the_published_rates_and_a_warning() -> None:
    found = experiments.compare(
        frame_of("cookie_cats/cookie_cats.csv.gz"), arm="version", metric=["retention_1", "retention_7"],
        control="gate_30", once=True,
    )  # fmt: skip
    first, seventh = found.frame("effects").to_pylist()
    assert (round(first["control_mean"], 4), round(first["mean"], 4)) == (0.4482, 0.4423)
    assert (round(seventh["control_mean"], 4), round(seventh["mean"], 4)) == (0.1902, 0.1820)
    assert (round(first["once_p"], 4), round(seventh["once_p"], 4)) == (0.0744, 0.0016)
    wrong = next(doubt for doubt in found.caveats if doubt.caveat is Caveat.SAMPLE_RATIO)
    assert "p = 0.0086" in wrong.text


def test_one_player_with_fifty_thousand_rounds_does_not_decide() -> None:
    frame = frame_of("cookie_cats/cookie_cats.csv.gz")
    wild = experiments.compare(frame, arm="version", metric="sum_gamerounds", control="gate_30")
    tame = experiments.compare(
        frame, arm="version", metric="sum_gamerounds", control="gate_30", winsorise=0.001
    )
    width = [each["sum_gamerounds:gate_40"] for each in (wild, tame)]
    assert (width[1].high or 0) - (width[1].low or 0) < 0.8 * ((width[0].high or 0) - (width[0].low or 0))


def test_questions_in_headlines_lose() -> None:
    """Upworthy: 5,295 tests; with a question 2,019 win."""
    found = experiments.compare_counts(
        frame_of("upworthy/upworthy_question.csv.gz"), arm="question", units="impressions", hits="clicks",
        stratum="id",
    )  # fmt: skip
    row = found.frame("effects").to_pylist()[0]
    assert (row["tests"], row["won"]) == (5_295, 2_019)
    assert row["high"] < 0 and row["pooled"] == pytest.approx(0.010969 - 0.011773, abs=1e-6)


@pytest.fixture(scope="module")
def asos() -> Any:
    return frame_of("asos_experiments/asos_digital_experiments_dataset.parquet")


def test_asos_decisions_are_taken_back_far_less_often_than_by_naive_looks(asos: Any) -> None:
    found = experiments.watch(asos, by=["experiment_id", "variant_id", "metric_id"], time="time_since_start")
    any_time, naive = found["taken_back_any_time"].value or 0, found["taken_back_once"].value or 0
    assert any_time < 0.1 < 0.3 < naive


def test_asos_looks_under_no_effect_keep_their_error_rate(asos: Any) -> None:
    """A/A tests at the looks, sizes and variances of the real ones: means drawn without any effect."""
    rng, wrong, naive, tests = np.random.default_rng(1), 0, 0, 0
    first = asos[(asos.metric_id == 1) & (asos.count_c > 0) & (asos.count_t > 0)].dropna()
    for _, path in first.groupby(["experiment_id", "variant_id"]):
        path = path.sort_values("time_since_start")
        arms = []
        for arm in "ct":
            n = np.maximum.accumulate(path[f"count_{arm}"].to_numpy())
            new = np.diff(n, prepend=0.0)
            noise = np.cumsum(rng.normal(0, np.sqrt(new), (40, len(n))), axis=1)
            arms.append((n, noise * np.sqrt(path[f"variance_{arm}"].to_numpy()[-1])))
        (n, noise), (m, other) = arms
        spread = [path[f"variance_{arm}"].to_numpy()[-1] for arm in "ct"]
        error = np.sqrt(spread[0] / n + spread[1] / m)
        far = np.abs(noise / n - other / m) / error
        reach = np.array([multiplier(float(each)) for each in n + m])
        wrong += int((far > reach).any(axis=1).sum())
        naive += int((far > 1.96).any(axis=1).sum())
        tests += 40
    assert wrong / tests <= 0.05 < 0.15 < naive / tests


@pytest.mark.parametrize(
    ("year", "column", "kinds", "score"),
    [(2017, "NETPRO", (1436, 968, 342), 39.84), (2018, "NETPRO  ", (1268, 935, 447), 30.98)],
)
def test_the_airport_has_its_score(year: int, column: str, kinds: tuple[int, ...], score: float) -> None:
    frame = frame_of(f"sfo_nps/{year}_SFO_Customer_Survey.csv.gz")
    found = nps.from_frame(frame, answer=column)
    row = found.frame("groups").to_pylist()[0]
    assert (row["promoters"], row["passives"], row["detractors"]) == kinds
    assert round(row["nps"], 2) == score and row["low"] < score < row["high"]
    weighted = nps.from_frame(frame, answer=column, weight="WEIGHT")["nps"].value or 0
    assert round(weighted, 2) == {2017: 40.40, 2018: 35.11}[year]


def test_a_score_against_churn_has_its_area_and_lift() -> None:
    """Few transactions foretell that a card holder leaves."""
    found = scoring.from_frame(
        frame_of("bank_churners/bank_churners.csv.gz"),
        score="transaction_count_12",
        outcome="churn",
        falling=True,
    )
    frame = frame_of("bank_churners/bank_churners.csv.gz")
    left = frame.churn == "yes"
    transactions = -frame.transaction_count_12
    wins = mannwhitneyu(transactions[left], transactions[~left]).statistic
    expected = wins / (left.sum() * (~left).sum())
    area = found["auc"]
    assert area.value == pytest.approx(expected) and (area.low or 0) < expected < (area.high or 1)
    assert sum(found.frame("deciles")["hits"].to_pylist()) == 1_627


def test_contracts_keep_customers_by_their_length() -> None:
    found = clv.from_subscriptions(
        frame_of("telco_churn/Telco-Customer-Churn.csv.gz"), duration="tenure", left="Churn", by="Contract",
        horizon=24,
    )  # fmt: skip
    rows = {row["group"]: row for row in found.frame("groups").to_pylist()}
    assert sum(row["left"] for row in rows.values()) == 1_869
    assert rows["Month-to-month"]["high"] < rows["One year"]["low"] < rows["Two year"]["staying"]
