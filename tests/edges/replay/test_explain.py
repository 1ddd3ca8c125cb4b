"""Explanations: folding what concerns a subject alone gives what folding everything gives, with the
reasons.
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from sevenfold.clock import SetClock
from sevenfold.effects import subject_id
from sevenfold.errors import InputError
from sevenfold.events.dedup import message_key
from sevenfold.learning.records import PredictionModel, record_of, score_records, version_of
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.log.memory import MemoryLog
from sevenfold.playback import Explanation, Outcome, explain, open_log, replay
from sevenfold.report.terminal import print_explanation
from sevenfold.workspace import models as m
from tests.edges.replay import worlds
from tests.edges.replay.worlds import DAY, START, event, small_history, workspace, write


def told(outcome: Outcome, model: Any, identifier: str, **more: Any) -> Explanation:
    log = open_log(outcome.log)
    try:
        return explain(model, log, identifier, until=outcome.summary.until, **more)
    finally:
        log.close()


def effects_of(outcome: Outcome, subject: str) -> list[tuple[int, str, str]]:
    rows = [row for row in outcome.effects().to_pylist() if row["subject"] == subject]
    return [(round(row["time"].timestamp() * 1000), row["kind"], row["name"]) for row in rows]


def changes(found: Explanation) -> list[tuple[int, str, str]]:
    kinds = [(e.time, e.data["change"] if e.kind == "segment" else e.kind, e.name) for e in found.timeline]
    return [one for one in kinds if one[1] not in ("event", "identity")]


def fact(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value


def test_the_story_of_anybody_has_exactly_the_effects_of_the_whole_replay(company: Outcome) -> None:
    people = [row for row in company.table("people").to_pylist() if row["user_id"]]
    for row in people[:: max(1, len(people) // 3)]:
        found = told(company, worlds.seven_stage(), row["user_id"])
        assert found.subject == row["subject"]
        assert changes(found) == effects_of(company, row["subject"])
        # All of it, where tasks go round: who owns one depends on everybody's.
        assert found.folded <= company.summary.events
        for name, score in found.profile["scores"].items():
            assert score["value"] == row[f"score.{name}"]
        assert found.profile["stages"]["customer"] == row["stage.customer"]
        assert found.profile["segments"] == row["segments"]


def test_transitions_name_the_same_cause_in_the_story_and_in_the_table(company: Outcome) -> None:
    moves = [row for row in company.table("transitions").to_pylist() if row["of"] == "person"]
    subject = moves[-1]["subject"]
    found = told(company, worlds.seven_stage(), subject)
    own = [row for row in moves if row["subject"] == subject]
    stages = [entry for entry in found.timeline if entry.kind == "stage"]
    assert [entry.data["why"]["cause"].get("seq") for entry in stages] == [row["cause_seq"] for row in own]
    assert [entry.data["why"]["atoms"] for entry in stages] == [json.loads(row["atoms"]) for row in own]


def test_accounts_have_stories_too(company: Outcome) -> None:
    account = company.table("accounts").to_pylist()[2]
    found = told(company, worlds.seven_stage(), account["account_id"], of="account")
    assert changes(found) == effects_of(company, account["subject"])
    assert found.profile["stages"]["account"] == account["stage.account"]


@pytest.mark.parametrize("day", [10, 33.5])
def test_the_past_is_what_a_replay_until_then_shows(company: Outcome, tmp_path: Path, day: float) -> None:
    moment = START + round(day * DAY)
    source = write(tmp_path / "a.ndjson", list(worlds.company_events()))
    then = replay(worlds.seven_stage(), [source], tmp_path / "out", until=moment)
    rows = [row for row in then.table("people").to_pylist() if row["user_id"]]
    row = rows[len(rows) // 2]
    found = told(company, worlds.seven_stage(), row["user_id"], at=moment)
    assert found.time == moment
    assert found.profile["stages"]["customer"] == row["stage.customer"]
    assert found.profile["segments"] == row["segments"]
    assert {k: v["value"] for k, v in found.profile["scores"].items()} == {
        k: row[f"score.{k}"] for k in found.profile["scores"]
    }
    for name, value in found.profile["signals"].items():
        if name in row and isinstance(value, int | float) and not isinstance(value, bool):
            assert row[name] == value


def test_a_merge_brings_the_nameless_past_into_the_story(small: Outcome) -> None:
    found = told(small, workspace(), "cleo")
    assert found.profile["identifiers"]["anonymous_id"] == ["device-1"]
    assert [entry.name for entry in found.timeline if entry.kind == "event"] == [
        "Visited",
        "Visited",
        "Signed In",
    ]
    assert "merged" in [entry.kind for entry in found.timeline]


@pytest.mark.parametrize("identifier", ["cleo", "device-1"])
def test_any_identifier_leads_to_the_person(small: Outcome, identifier: str) -> None:
    assert told(small, workspace(), identifier).profile["identifiers"]["user_id"] == ["cleo"]


def test_a_subject_id_leads_to_the_person_even_after_a_merge(small: Outcome) -> None:
    merged = next(row for row in small.table("identity").to_pylist() if row["change"] == "merged")
    loser = json.loads(merged["data"])["loser"]
    assert told(small, workspace(), loser).subject == merged["subject"]
    assert told(small, workspace(), merged["subject"]).subject == merged["subject"]


def test_segments_and_bands_say_why(small: Outcome) -> None:
    found = told(small, workspace(), "ada")
    entered = next(e for e in found.timeline if e.kind == "segment" and e.data["change"] == "entered")
    assert entered.data["why"]["atoms"] == [{"atom": "visits_7d >= 3", "value": 3, "holds": True}]
    assert entered.data["why"]["cause"]["name"] == "Visited"
    left = next(e for e in found.timeline if e.kind == "segment" and e.data["change"] == "left")
    assert left.data["why"]["cause"]["kind"] == "expiry"
    band = next(e for e in found.timeline if e.kind == "band" and e.data["to"] == "high")
    assert band.data["measures"][0] == {"measure": "visits", "from": 20.0, "to": 60.0, "weight": 1.0}


def test_nobody_is_an_error_with_a_hint(small: Outcome) -> None:
    with pytest.raises(InputError, match="Nobody is known as `dora`"):
        told(small, workspace(), "dora")
    with pytest.raises(InputError, match="Nobody is known as `cleo`"):
        told(small, workspace(), "cleo", at=START + DAY)
    with pytest.raises(InputError, match="no kind of subject"):
        told(small, workspace(), "ada", of="planet")


def test_lists_in_the_log_are_part_of_the_story(tmp_path: Path) -> None:
    from sevenfold.log.base import NewControl

    outcome = replay(workspace(), [write(tmp_path / "a.ndjson", small_history())], tmp_path / "out")
    log = open_log(outcome.log)
    log.append(
        [NewControl({"op": "list", "list": "vips", "action": "append", "members": ["ada"]}, START + 30 * DAY)]
    )
    log.close()
    again = replay(workspace(), [outcome.folder], tmp_path / "again")
    found = told(again, workspace(), "ada")
    assert "vips" in found.profile["segments"]
    assert changes(found) == effects_of(again, found.subject)


def test_a_person_without_any_usable_identifier_is_found_by_subject_id(tmp_path: Path) -> None:
    events = [event(0, "null", "Visited"), event(1, "ada", "Visited")]
    outcome = replay(workspace(), [write(tmp_path / "a.ndjson", events)], tmp_path / "out")
    nameless = next(row for row in outcome.table("people").to_pylist() if row["user_id"] is None)
    assert told(outcome, workspace(), nameless["subject"]).profile["signals"]["visits"] == 1


def test_what_was_foretold_of_somebody_stands_in_their_story_before_what_it_moved() -> None:
    target = m.PredictionTarget(event="Bought")
    shop = msgspec.structs.replace(
        workspace(),
        predictions={"buys": m.Prediction(target=target, horizon="7d")},
        segments={"likely": m.Segment(when="prediction.buys >= 0.5")},
        lifecycles={},
    )
    clock = SetClock(START)
    log = MemoryLog(clock)
    for number, user in enumerate(("u1", "u2")):
        raw = json.dumps(event(0, user, "Visited")).encode()
        log.append([NewEvents([Entry("shop", START, raw)], [message_key("shop", str(number))])])
    ids = [subject_id("person", number) for number in (1, 2)]
    model = PredictionModel(
        prediction="buys",
        version=version_of(1),
        trained_at=START,
        as_of=START,
        kind="probability",
        features=["visits"],
    )
    at = START + DAY
    clock.set(at)
    (scores,) = score_records("buys", version_of(1), at, ids, [700_000, 200_000])
    log.append([NewControl(record_of(model)), NewControl(scores)])
    found = explain(shop, log, "u1", until=at)
    told = [(one.kind, one.name) for one in found.timeline if one.kind in ("prediction", "segment")]
    assert told == [("prediction", "buys"), ("segment", "likely")]
    assert found.timeline[-1].data["why"]["cause"]["kind"] == "prediction"
    assert found.profile["predictions"]["buys"]["value"] == 0.7
    console = Console(file=StringIO(), width=160)
    print_explanation(console, found)
    shown = console.file.getvalue()
    assert "buys foretold: 0.70" in shown
    assert "set off by the prediction buys" in shown
    # As of the moment before nothing was foretold.
    assert explain(shop, log, "u1", at=at - 1).profile["predictions"]["buys"]["value"] is None
