"""The seven stages on a synthetic company of subscriptions: stage counts, and that health promises nothing
there.

Synthetic data prove that everything goes through, never that a score is any good. A replay of two years with
all scores takes half a minute, so this runs in a soak.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.measuring import silent
from sevenfold.importers.mapping import load_mapping
from sevenfold.playback import Outcome, replay
from sevenfold.workspace.loading import load

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".." / "shared" / "data" / "ravenstack_saas"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(os.environ.get("HYPOTHESIS_PROFILE") != "soak", reason="runs in a soak"),
]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    if not DATA.is_dir():
        pytest.skip("../shared/data/ravenstack_saas is not here")
    mapping = load_mapping(ROOT / "examples" / "mappings" / "ravenstack_saas.yaml")
    paths = [path for path in DATA.iterdir() if any(path.match(source.match) for source in mapping.files)]
    workspace = silent(load(ROOT / "examples" / "workspaces" / "ravenstack"))
    return replay(workspace, paths, tmp_path_factory.mktemp("ravenstack") / "out", mapping=mapping)


def test_accounts_reach_the_stages_that_the_data_can_show(outcome: Outcome) -> None:
    assert outcome.summary.events == 36_347
    (accounts,) = (one for one in outcome.summary.lifecycles if one.name == "account")
    reached = {stage.name: stage.reached for stage in accounts.stages}
    assert reached["engagement"] == reached["retention"] == 500
    assert 100 <= reached["churned"] <= 150
    assert reached["expansion"] == reached["advocacy"] == reached["renewal"] == 0


def test_health_before_a_cancellation_is_no_lower_than_that_of_others(outcome: Outcome) -> None:
    """No leak: a score that saw what was written down afterwards would separate."""
    scores = outcome.table("scores").to_pandas()
    names = outcome.table("accounts").to_pandas().set_index("subject").account_id
    scores = scores[scores.score == "account_health"].assign(account=lambda one: one.subject.map(names))
    daily = scores.pivot(index="day", columns="account", values="value").sort_index().ffill()
    daily.index = pd.to_datetime(daily.index, utc=True)
    churned = pd.read_csv(DATA / "ravenstack_churn_events.csv.gz").groupby("account_id").churn_date.min()
    first = pd.to_datetime(churned, utc=True).reindex(daily.columns)
    lower = []
    for account, when in first.dropna().items():
        day = when.normalize() - pd.Timedelta(days=30)
        if day not in daily.index or np.isnan(mine := daily.at[day, account]):
            continue
        others = daily.loc[day, ~(first <= when)].dropna()
        if len(others) >= 20:
            lower.append(((mine < others) + 0.5 * (mine == others)).mean())
    error = np.std(lower) / len(lower) ** 0.5
    assert len(lower) > 200
    assert abs(np.mean(lower) - 0.5) < 3 * error


def test_the_flag_says_nothing_about_who_cancelled(outcome: Outcome) -> None:
    """The trap of this set: 110 accounts are flagged, 352 cancelled, and the two have nothing to do with each
    other.
    """
    accounts = pd.read_csv(DATA / "ravenstack_accounts.csv.gz").set_index("account_id")
    cancelled = set(pd.read_csv(DATA / "ravenstack_churn_events.csv.gz").account_id)
    flagged = accounts.churn_flag
    assert (int(flagged.sum()), len(cancelled)) == (110, 352)
    assert flagged[flagged.index.isin(cancelled)].mean() < flagged[~flagged.index.isin(cancelled)].mean()
