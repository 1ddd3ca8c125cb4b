"""The lending pack's reminder on 13,087 real applications, against plain SQL over the same events."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sevenfold.workspace.loading import load
from tests.edges.replay.test_real_data import DATA, ROOT, replayed

pytestmark = pytest.mark.real_data

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


def test_who_is_reminded_and_who_waits_a_week_is_what_sql_counts(tmp_path: Path) -> None:
    outcome = replayed(load(ROOT / "packs" / "lending"), "bpic2012", tmp_path / "out")
    events = DATA / "bpic2012" / "bpic2012_events.parquet"
    reminded, a_week = (count for _, count in duckdb.sql(SQL.format(events=events)).fetchall())
    runs = outcome.table("runs").to_pandas()
    messages = outcome.table("messages").to_pandas()
    steps = outcome.table("steps").to_pandas()
    assert int((runs.change == "run").sum()) == 5_015, "every application that was sent an offer, once"
    assert int((messages.change == "message").sum()) == reminded == 4_859
    decided = steps[(steps.step == "worth_a_call") & (steps.change == "step")]
    assert len(decided) == a_week == 3_790
    ended = runs[runs.change == "ended"]
    assert set(ended.reason) == {"goal offer_back", "declined", "cancelled", "completed"}
    # Nothing is said after an application has come back or was decided: the run is over by then.
    last = ended.set_index("run").n
    said = messages[messages.change == "message"].set_index("run").n
    both = said.to_frame("said").join(last.to_frame("over"), how="inner")
    assert (both.said < both.over).all()
