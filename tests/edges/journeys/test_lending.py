"""The lending pack on 13,087 real applications, against the counts of the log's own README and plain SQL.

The log ends with the decision, so nothing in it repays, and it has no addresses, so everything is decided for
the portal, which needs none.
"""

from __future__ import annotations

import duckdb
import msgspec
import pandas as pd
import pytest

from sevenfold.importers.mapping import load_mapping
from sevenfold.playback import Outcome, replay
from sevenfold.workspace.loading import load
from tests.edges.replay.test_real_data import DATA, ROOT

pytestmark = pytest.mark.real_data

EVENTS = DATA / "bpic2012" / "bpic2012_events.parquet"
SQL = """
with e as (select case_id, epoch_ms(timestamp) as t, seq_in_case as n, event from '{events}'),
sent as (select case_id, arg_min(t, n) as t, min(n) as n from e where event = 'O_SENT' group by case_id),
stopped as (
    select sent.case_id, min(e.t) as t from sent join e on e.case_id = sent.case_id and e.n > sent.n
    where e.event in ('O_SENT_BACK', 'O_ACCEPTED', 'A_DECLINED', 'A_CANCELLED', 'A_ACTIVATED') group by all
),
days as (select unnest([3, 7]) as days),
due as (
    select days, sent.t + days * 86400000 as due, stopped.t as stopped
    from sent left join stopped using (case_id), days where due <= (select max(t) from e)
)
select days, count(*) from due where stopped is null or stopped >= due group by days order by days
"""


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One replay for all of this page. Left out is what decides nothing here and takes most of the time: the
    score, and the log's 170,107 pieces of work, which the importers' tests count.
    """
    if not EVENTS.is_file():
        pytest.skip("../shared/data/bpic2012 is not here")
    folder = tmp_path_factory.mktemp("lending")
    every = pd.read_parquet(EVENTS)
    moving = every[~every.event.str.startswith("W_")]
    assert len(every) - len(moving) == 170_107
    moving.to_parquet(folder / EVENTS.name)
    workspace = msgspec.structs.replace(load(ROOT / "packs" / "lending"), scores={})
    mapping = load_mapping(ROOT / "examples" / "mappings" / "bpic2012.yaml")
    return replay(workspace, [folder / EVENTS.name], folder / "out", mapping=mapping)


def of(outcome: Outcome, table: str, journey: str, change: str) -> pd.DataFrame:
    rows = outcome.table(table).to_pandas()
    found: pd.DataFrame = rows[(rows.journey == journey) & (rows.change == change)]
    return found


def test_applications_reach_each_stage_as_often_as_the_readme_counts(lent: Outcome) -> None:
    lifecycle = next(one for one in lent.summary.lifecycles if one.name == "application")
    assert {stage.name: stage.reached for stage in lifecycle.stages} == {
        "submitted": 13_087, "preaccepted": 7_367, "accepted": 5_113, "finalized": 5_015, "offer_sent": 5_015,
        "offer_back": 3_254, "cancelled": 2_807, "declined": 7_635, "activated": 2_246,
    }  # fmt: skip
    assert lent.summary.subjects["application"] == 13_087


def test_who_is_reminded_and_who_waits_a_week_is_what_sql_counts(lent: Outcome) -> None:
    counted = duckdb.sql(SQL.format(events=EVENTS))
    assert counted is not None
    reminded, a_week = (count for _, count in counted.fetchall())
    assert len(of(lent, "runs", "offer_reminder", "run")) == 5_015, "every application sent an offer, once"
    said = of(lent, "messages", "offer_reminder", "message")
    assert len(said) == reminded == 4_859
    decided = of(lent, "steps", "offer_reminder", "step")
    assert (decided.step == "worth_a_call").sum() == a_week == 3_790
    ended = of(lent, "runs", "offer_reminder", "ended")
    assert set(ended.reason) == {"goal offer_back", "declined", "cancelled", "completed"}
    # Nothing is said after an application has come back or was decided: the run is over by then.
    both = (
        said.set_index("run").n.to_frame("said").join(ended.set_index("run").n.to_frame("over"), how="inner")
    )
    assert (both.said < both.over).all()


def test_every_declined_application_is_told_once_and_nobody_is_sold_to(lent: Outcome) -> None:
    told = of(lent, "messages", "declined", "message")
    assert len(told) == told.run.nunique() == 7_635
    messages = lent.table("messages").to_pandas()
    assert set(messages.journey) == {"offer_reminder", "declined", "with_us_too_long"}


def test_who_waits_for_us_is_told_once_and_before_the_decision(lent: Outcome) -> None:
    told = of(lent, "messages", "with_us_too_long", "message")
    decided = lent.table("transitions").to_pandas()
    over = decided.to.isin(["declined", "cancelled", "activated"])
    decided = decided[(decided.lifecycle == "application") & over].groupby("subject").time.min()
    assert len(told) > 1_000 and told.subject.is_unique
    known = told[told.subject.isin(decided.index)]
    assert (known.time < known.subject.map(decided)).all()
