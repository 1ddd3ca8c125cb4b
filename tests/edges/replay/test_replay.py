"""Replay: what goes in once comes out once, in virtual time, in both formats, with true figures."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sevenfold.errors import InputError
from sevenfold.importers.load import load as import_events
from sevenfold.importers.read import Inputs
from sevenfold.playback import Outcome, open_log, replay
from sevenfold.playback.delivery import Delivering, folding
from sevenfold.playback.statistics import DAY_MS
from sevenfold.playback.tables import EFFECT_TABLES, iso
from tests.edges.replay import worlds
from tests.edges.replay.worlds import DAY, START, event, small_history, workspace, write

TABLES = [*EFFECT_TABLES, "scores", "people", "accounts"]


def rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    """A table's rows from Parquet."""
    found: list[dict[str, Any]] = outcome.table(name).to_pylist()
    return found


def all_tables(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    return {name: rows(outcome, name) for name in TABLES}


def person(outcome: Outcome, user: str) -> dict[str, Any]:
    return next(row for row in rows(outcome, "people") if row["user_id"] == user)


@pytest.mark.parametrize("name", TABLES)
def test_parquet_and_ndjson_hold_the_same_rows(company: Outcome, name: str) -> None:
    lines = [json.loads(line) for line in (company.folder / f"{name}.ndjson").read_bytes().splitlines()]
    table = rows(company, name)
    assert len(lines) == len(table) == company.summary.tables[name] > 0
    for line, row in zip(lines, table, strict=True):
        assert list(line) == list(row)
        for key, value in row.items():
            other = line[key]
            if isinstance(value, str) and not isinstance(other, str):
                assert json.loads(value) == other
            elif hasattr(value, "isoformat") and hasattr(value, "hour"):
                assert iso(round(value.timestamp() * 1000)) == other
            elif hasattr(value, "isoformat"):
                assert value.isoformat() == other
            else:
                assert value == other


def test_the_tables_hold_every_effect_of_the_bare_fold_in_order(company: Outcome) -> None:
    fold = folding(worlds.seven_stage(), Delivering())
    effects = []
    for one in worlds.company_events():
        raw = json.dumps(one).encode()
        effects += fold.events([(_received(one), raw)])
    assert company.summary.until is not None
    effects += fold.advance(company.summary.until)
    found = company.effects().to_pylist()
    got = [(row["kind"], row["of"], row["subject"], row["name"]) for row in found]
    assert got == [(one.kind, one.of, one.subject, one.name) for one in effects]
    assert [round(row["time"].timestamp() * 1000) for row in found] == [one.time for one in effects]


def _received(one: dict[str, Any]) -> int:
    from sevenfold.events.times import parse_ms

    names = ("receivedAt", "sentAt", "originalTimestamp", "timestamp")
    return next(ms for ms in (parse_ms(one.get(name)) for name in names) if ms is not None)


def test_importing_twice_changes_nothing(small: Outcome, tmp_path: Path) -> None:
    once = write(tmp_path / "a.ndjson", small_history())
    again = tmp_path / "b.ndjson.gz"
    again.write_bytes(gzip.compress(once.read_bytes()))
    twice = replay(workspace(), [once, again], tmp_path / "out")
    assert all_tables(twice) == all_tables(small)
    assert twice.summary.duplicates == twice.summary.events == len(small_history())


def test_a_replay_of_a_file_is_a_replay_of_the_log_it_was_imported_into(
    small: Outcome, tmp_path: Path
) -> None:
    log = open_log(tmp_path / "log")
    import_events(Inputs([write(tmp_path / "a.ndjson", small_history())], None), log)
    log.close()
    replayed = replay(workspace(), [tmp_path / "log"], tmp_path / "out")
    assert all_tables(replayed) == all_tables(small)
    assert replayed.log == (tmp_path / "log").resolve()


def test_a_replay_can_be_replayed_from_the_log_it_left(small: Outcome, tmp_path: Path) -> None:
    assert all_tables(replay(workspace(), [small.folder], tmp_path / "out")) == all_tables(small)


def test_people_end_in_their_stages_for_the_right_reasons(small: Outcome) -> None:
    moves = [(row["from"], row["to"], row["rule"], row["cause_name"]) for row in rows(small, "transitions")]
    assert ("new", "active", "enter active", "Visited") in moves
    assert ("active", "buyer", "enter buyer", "Bought") in moves
    assert person(small, "ada")["stage.visitor"] == "buyer"
    entered = next(row for row in rows(small, "transitions") if row["to"] == "active")
    assert json.loads(entered["atoms"]) == [{"atom": "segment.regulars", "value": True, "holds": True}]


def test_a_visitor_who_logs_in_is_one_person(small: Outcome) -> None:
    cleo = person(small, "cleo")
    assert cleo["anonymous_id"] == "device-1"
    assert cleo["visits"] == 2
    assert small.summary.subjects["person"] == 3
    assert small.summary.changes["merged"] == 1


def test_accounts_close_after_the_last_event(small: Outcome) -> None:
    (acme,) = rows(small, "accounts")
    assert acme["account_id"] == "acme"
    assert acme["buyers"] == 2
    assert acme["segments"] == ["buyers_club"]


def test_time_stops_where_it_is_told_to(tmp_path: Path) -> None:
    source = write(tmp_path / "a.ndjson", small_history())
    early = replay(workspace(), [source], tmp_path / "early", until=START + 2 * DAY)
    assert early.summary.events == 4
    assert person(early, "ada")["stage.visitor"] == "new"
    late = replay(workspace(), [source], tmp_path / "late", until=START + 40 * DAY)
    assert late.summary.events == len(small_history())
    assert person(late, "ada")["visits_7d"] == 0
    assert late.summary.until == START + 40 * DAY


def test_dropped_events_are_counted_by_reason_and_kept(tmp_path: Path) -> None:
    source = tmp_path / "a.ndjson"
    good = write(source, small_history()).read_bytes()
    source.write_bytes(good + b'{"type":"track","event":"X","timestamp":1704067200000}\nnonsense\n')
    outcome = replay(workspace(), [source], tmp_path / "out")
    assert outcome.summary.dropped == {"bad_row": 1, "no_user_anon_id": 1}
    log = open_log(outcome.log)
    assert log.dead_letter_counts() == {"bad_row": 1, "no_user_anon_id": 1}
    log.close()


def test_a_second_replay_takes_the_place_of_the_first(tmp_path: Path) -> None:
    source = write(tmp_path / "a.ndjson", small_history())
    replay(workspace(), [source], tmp_path / "out")
    again = replay(workspace(), [write(source, small_history()[:3])], tmp_path / "out")
    assert again.summary.events == 3
    assert len(rows(again, "people")) == 3


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "a.ndjson", small_history())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        replay(workspace(), [source], tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_an_interrupted_replay_can_be_written_over(tmp_path: Path) -> None:
    source = write(tmp_path / "a.ndjson", small_history())

    class StopError(Exception):
        pass

    class Impatient:
        def read(self, count: int) -> None: ...

        def wrote(self, count: int) -> None: ...

        def folded(self, count: int, time: int) -> None:
            raise StopError

    with pytest.raises(StopError):
        replay(workspace(), [source], tmp_path / "out", progress=Impatient())
    assert replay(workspace(), [source], tmp_path / "out").summary.events == len(small_history())


def test_a_log_is_replayed_alone_and_never_over_itself(small: Outcome, tmp_path: Path) -> None:
    source = write(tmp_path / "a.ndjson", small_history())
    with pytest.raises(InputError, match="replayed alone"):
        replay(workspace(), [small.folder, source], tmp_path / "out")
    with pytest.raises(InputError, match="over its own input"):
        replay(workspace(), [small.folder], small.folder)


def test_an_empty_input_makes_empty_tables(tmp_path: Path) -> None:
    outcome = replay(workspace(), [write(tmp_path / "a.ndjson", [])], tmp_path / "out")
    assert outcome.summary.events == 0
    assert outcome.summary.first is None
    assert all(rows(outcome, name) == [] for name in TABLES)


def test_stage_figures_agree_with_the_transitions_table(company: Outcome) -> None:
    """An independent count: pandas over the written table."""
    moves = company.table("transitions").to_pandas()
    merged = set()
    for row in rows(company, "identity"):
        if row["change"] == "merged":
            merged.add(json.loads(row["data"])["loser"])
    for lifecycle in company.summary.lifecycles:
        mine = moves[moves["lifecycle"] == lifecycle.name]
        alive = mine[~mine["subject"].isin(merged)]
        now = alive.sort_values("n").groupby("subject")["to"].last().value_counts().to_dict()
        assert {stage.name: stage.now for stage in lifecycle.stages if stage.now} == now
        reached = alive.groupby("to")["subject"].nunique().to_dict()
        if not merged:
            assert {stage.name: stage.reached for stage in lifecycle.stages if stage.reached} == reached
        pairs = mine[mine["from"].notna()].groupby(["from", "to"]).size().to_dict()
        assert {(move.from_, move.to): move.count for move in lifecycle.moves} == pairs


def test_days_hold_who_stood_where_at_their_end(company: Outcome) -> None:
    (lifecycle,) = [one for one in company.summary.lifecycles if one.name == "customer"]
    moves = company.table("transitions").to_pandas()
    moves = moves[moves["lifecycle"] == "customer"].sort_values("n")
    place = len(lifecycle.days) // 2
    end = (lifecycle.days[place] + 1) * DAY_MS
    before = moves[moves["time"].astype("int64") < end]
    counts = Counter(before.groupby("subject")["to"].last())
    assert lifecycle.daily[place] == [counts.get(stage.name, 0) for stage in lifecycle.stages]


def test_the_last_score_row_of_each_person_is_their_last_close(company: Outcome) -> None:
    scores = company.table("scores").to_pandas()
    last = scores[scores["score"] == "health"].groupby("subject").last()
    final = company.table("people").to_pandas().set_index("subject")
    assert len(last)
    day = scores["day"].max()
    same = [
        abs(last.loc[subject, "value"] - final.loc[subject, "score.health"]) < 30
        for subject in last.index
        if subject in final.index and last.loc[subject, "day"] == day
    ]
    # Between the last close and the end of the events a score may move; most have not moved far.
    assert sum(same) >= 0.8 * len(same)


def test_a_row_of_scores_is_written_only_when_the_value_moved(company: Outcome) -> None:
    scores = company.table("scores").to_pandas()
    for _, one in scores.groupby(["subject", "score"]):
        values = one["value"].tolist()
        assert all(a != b for a, b in pairwise(values) if a == a or b == b)


def test_tables_need_little_memory_for_many_rows(tmp_path: Path) -> None:
    many = [event(day / 500, f"u{day % 40}", "Visited", day) for day in range(20_000)]
    outcome = replay(workspace(), [write(tmp_path / "a.ndjson", many)], tmp_path / "out")
    assert pq.ParquetFile(outcome.folder / "bands.parquet").num_row_groups >= 1
    assert outcome.summary.events == 20_000
