"""Messages are sent in virtual time: in order, at the journeys' pace, and not at all where history tells
more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.clock import SystemClock
from sevenfold.effects import Effect
from sevenfold.log.sqlite import SqliteLog
from sevenfold.playback import explain, replay
from sevenfold.playback.delivery import Delivering, DeliveringFold
from sevenfold.scenarios import export
from sevenfold.workspace import models as m
from tests.edges.replay import journeys as shop
from tests.edges.replay.journeys import DAY, HOUR, START
from tests.edges.replay.worlds import event

END = START + 40 * DAY


SENT = Delivering()


def play(model: m.Workspace, events: list[dict[str, Any]], options: Delivering = SENT) -> list[Effect]:
    fold = DeliveringFold(model, delivering=options)
    return fold.events(shop.entries(events)) + fold.advance(END)


def outcomes(effects: list[Effect], template: str | None = None) -> list[tuple[int, str]]:
    """(ms after the start, outcome)."""
    return [
        (e.time - START, e.data["outcome"])
        for e in effects
        if e.kind == "outcome" and template in (None, e.data.get("template"))
    ]


def signups(count: int, gap_ms: int = 0) -> list[dict[str, Any]]:
    found = []
    for place in range(count):
        at = place * gap_ms / DAY
        who = f"u{place}"
        found.append({**event(at, who, ""), "type": "identify", "traits": {"email": f"{who}@example.com"}})
        found.append(event(at, who, "Signed Up"))
    return found


def test_a_message_is_sent_a_second_after_the_decision_and_delivered_a_second_later() -> None:
    assert outcomes(play(shop.workspace(), signups(1)), "hello") == [(1_000, "sent"), (2_000, "delivered")]


def test_what_waits_for_an_outcome_goes_on_when_it_comes_and_not_when_time_is_looked_at() -> None:
    effects = play(shop.workspace(), signups(1))
    (left,) = (e for e in effects if e.kind == "step" and e.data["step"] == "hello")
    assert (left.time - START, left.data["outcome"]) == (2_000, "delivered")
    (thanks,) = (e for e in effects if e.kind == "run" and e.name == "thanks")
    assert thanks.time == START + 2_000
    times = [effect.time for effect in effects]
    assert times == sorted(times)


def test_the_latency_is_a_setting() -> None:
    found = outcomes(play(shop.workspace(), signups(1), Delivering(latency_ms=60_000)), "hello")
    assert found == [(60_000, "sent"), (120_000, "delivered")]


def test_messages_of_a_failing_template_fail_and_the_run_takes_the_way_for_failures() -> None:
    effects = play(shop.workspace(), signups(1), Delivering(failing=frozenset({"hello"})))
    assert outcomes(effects) == [(1_000, "failed")]
    (ended,) = (e for e in effects if e.kind == "ended")
    assert ended.data["step"] == "hello"
    assert "released" in [e.kind for e in effects]


def test_a_share_of_messages_fails_and_always_the_same_ones() -> None:
    options = Delivering(failed_percent=30)
    first = play(shop.workspace(), signups(100, 60_000), options)
    failed = sum(outcome == "failed" for _, outcome in outcomes(first, "hello"))
    assert 15 <= failed <= 45
    assert play(shop.workspace(), signups(100, 60_000), options) == first


def test_a_rate_spreads_the_messages_of_a_journey_and_says_that_they_wait() -> None:
    rated = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}
    rated["welcome"]["limits"] = {"rate": "2 per 1h"}
    found = outcomes(play(shop.workspace(journeys=rated), signups(5)), "hello")
    assert [at for at, what in found if what == "sent"] == [
        1_000, 1_000, 1_000 + HOUR, 1_000 + HOUR, 1_000 + 2 * HOUR,
    ]  # fmt: skip
    assert [at for at, what in found if what == "rate_limited"] == [1_000] * 3


def test_a_message_that_would_have_to_wait_beyond_its_time_to_live_expires() -> None:
    rated = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}
    rated["welcome"] |= {"limits": {"rate": "1 per 2d"}, "ttl": "24h"}
    found = outcomes(play(shop.workspace(journeys=rated), signups(2)), "hello")
    assert (DAY, "expired") in found


def test_what_is_shown_in_the_product_is_sent_and_nobody_says_that_it_was_seen() -> None:
    found = outcomes(play(shop.workspace(), shop.history()), "tip")
    assert found and {what for _, what in found} == {"sent"}


def test_it_does_not_depend_on_how_events_are_batched_or_on_ticks() -> None:
    model, given = shop.workspace(), shop.entries(shop.history())
    whole = DeliveringFold(model, delivering=Delivering())
    expected = whole.events(given) + whole.advance(END)
    single = DeliveringFold(model, delivering=Delivering())
    found: list[Effect] = []
    for at, raw in given:
        found += single.advance(at - 700)
        found += single.events([(at, raw)])
    for at in range(given[-1][0], END, 5 * HOUR):
        found += single.advance(at)
    found += single.advance(END)
    assert found == expected


def test_it_goes_as_with_records_of_outcomes_in_their_places() -> None:
    """Folding the outcomes as records gives the same, but for the numbers that records take."""
    model, given = shop.workspace(), shop.entries(shop.history())
    expected = play(model, shop.history())
    plain = DeliveringFold(model)
    told = [(e.time, e.data) for e in expected if e.kind == "outcome"]
    assert len(told) > 20
    waiting: list[tuple[int, int, Any]] = [(at, 0, raw) for at, raw in given]
    waiting += [(at, 1, data) for at, data in told]
    found: list[Effect] = []
    for at, kind, what in sorted(waiting, key=lambda one: one[:2]):
        if kind == 0:
            found += plain.events([(at, what)])
            continue
        seq = plain.seq
        record = {"op": "outcome", "effect": what["effect"], "outcome": what["outcome"]}
        plain.seq -= 1
        found += plain.control(at, record)
        assert plain.seq == seq
    found += plain.advance(END)
    assert found == expected


def test_a_replay_of_recorded_live_history_takes_the_very_same_decisions(tmp_path: Path) -> None:
    model = shop.workspace()
    live = shop.LiveSender(model, tmp_path / "log")
    live.live(shop.history(), END)
    outcome = replay(model, [tmp_path / "log"], tmp_path / "out", until=END)
    assert outcome.summary.delivery == "recorded"
    rows = []
    for row in outcome.effects().to_pylist():
        data = json.loads(row["data"])
        more = data.pop("data", None)
        rows.append((round(row["time"].timestamp() * 1000), row["kind"], row["subject"], row["name"],
                     whole({**data, **(json.loads(more) if more else {})})))  # fmt: skip
    expected = [(e.time, e.kind, e.subject, e.name, whole(e.data)) for e in live.effects if e.kind in KEPT]
    assert [row for row in rows if row[1] in KEPT] == expected
    assert {"failed", "delivered", "claimed"} <= {row[4].get("outcome") for row in rows}


def test_stories_and_scenarios_of_recorded_history_keep_its_outcomes(tmp_path: Path) -> None:
    model = shop.workspace()
    live = shop.LiveSender(model, tmp_path / "log")
    live.live(shop.history(), END)
    log = SqliteLog(tmp_path / "log", SystemClock())
    try:
        told = explain(model, log, "cleo", until=END)
        text = export(model, log, "cleo", until=END)
    finally:
        log.close()
    kinds = ("message", "held", "outcome", "ended")
    expected = [
        (e.time, e.kind, e.data.get("outcome"))
        for e in live.effects
        if e.subject == told.subject and e.kind in kinds
    ]
    assert [(e.time, e.kind, e.data.get("outcome")) for e in told.timeline if e.kind in kinds] == expected
    assert "failed" in [outcome for _, _, outcome in expected]
    assert "delivery: 'off'" in text and "op: outcome" in text


KEPT = (
    "run",
    "step",
    "wait",
    "message",
    "held",
    "deferred",
    "outcome",
    "released",
    "goal",
    "ended",
    "refused",
)


def whole(data: dict[str, Any]) -> dict[str, Any]:
    """Data without what is empty; times as ms, whichever way they are written."""
    from sevenfold.events.times import parse_ms

    shown = {
        key: value
        for key, value in msgspec.json.decode(msgspec.json.encode(data)).items()
        if value is not None
    }
    return {key: parse_ms(value) if key == "until" else value for key, value in shown.items()}


@pytest.mark.parametrize("what", ["plain", "none"])
def test_without_journeys_or_without_a_sender_nothing_is_sent(what: str) -> None:
    model = shop.workspace(journeys={}, templates={}) if what == "none" else shop.workspace()
    fold = DeliveringFold(model, delivering=Delivering() if what == "none" else None)
    effects = fold.events(shop.entries(shop.history())) + fold.advance(END)
    assert not [e for e in effects if e.kind == "outcome"]
