"""Back-fill and unmerge: signals are as if it had always been so, decisions stay."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.restate import RestatementError, back_fill, unmerge
from sevenfold.simulate import SaasCompany
from sevenfold.workspace import models as m

HOUR = 3_600_000
START = 1_704_067_200_000

OLD: dict[str, Any] = {
    "name": "old",
    "signals": {"logins_7d": {"kind": "count", "event": "Signed In", "window": "7d"}},
    "segments": {"active": {"when": "logins_7d >= 2"}},
    "lifecycles": {"life": {"stages": [{"name": "new"}, {"name": "active", "enter": "segment.active"}]}},
}
NEW_SIGNALS: dict[str, Any] = {
    "logins_28d": {"kind": "count", "event": "Signed In", "window": "28d"},
    "features": {"kind": "distinct", "event": "Feature Used", "property": "feature", "window": "28d"},
    "used": {"kind": "values", "event": "Feature Used", "property": "feature"},
    "sessions": {"kind": "sessions", "event": "*", "window": "28d"},
    "days": {"kind": "active_days", "event": "Signed In", "window": "28d"},
    "rhythm": {"kind": "baseline", "event": "Feature Used"},
    "trend": {"kind": "trend", "event": "Feature Used"},
    "quiet": {"kind": "since", "event": "Signed In"},
    "calls": {"kind": "sum", "event": "API Called", "property": "calls", "window": "60d"},
    "last_feature": {"kind": "last", "event": "Feature Used", "property": "feature"},
}


def workspace(**extra: Any) -> m.Workspace:
    merged = {**OLD, "signals": {**OLD["signals"], **extra.get("signals", {})}}
    merged["segments"] = {**OLD["segments"], **extra.get("segments", {})}
    return msgspec.convert(merged, m.Workspace)


def records() -> list[tuple[str, int, Any]]:
    found = []
    for event in SaasCompany(seed=3, accounts=12, days=60).events():
        at = parse_ms(event["timestamp"])
        assert at is not None
        found.append(("event", at, msgspec.json.encode(event)))
    return found


def folded(under: m.Workspace, history: list[tuple[str, int, Any]], until: int) -> Fold:
    fold = Fold(under)
    fold.events([(t, raw) for _, t, raw in history])
    fold.advance(until)
    return fold


def test_a_new_signal_equals_having_had_it_from_the_start() -> None:
    history = records()
    until = history[-1][1] + 20 * 24 * HOUR
    live = folded(workspace(), history, until)
    extended = workspace(signals=NEW_SIGNALS, segments={"gone_quiet": {"when": "quiet > 14d"}})
    filled, effects = back_fill(live, extended, history)
    always = folded(extended, history, until)
    for subject, state in always.subjects("person").items():
        assert filled.subjects("person")[subject]["signals"] == state["signals"]
    assert {e.kind for e in effects} == {"entered"} and {e.name for e in effects} == {"gone_quiet"}
    # And from here on both live the same life.
    later = [(until + HOUR, raw) for _, _, raw in history[:50]]
    filled.events(later)
    always.events(later)
    end = until + 90 * 24 * HOUR
    filled.advance(end)
    always.advance(end)
    assert {k: v["signals"] for k, v in filled.subjects("person").items()} == {
        k: v["signals"] for k, v in always.subjects("person").items()
    }


def test_past_transitions_are_not_rewritten_when_a_rule_changes() -> None:
    history = records()
    until = history[-1][1] + HOUR
    live = folded(workspace(), history, until)
    stages = {k: v["stages"] for k, v in live.subjects("person").items()}
    assert "active" in {s["life"] for s in stages.values()}
    changed, effects = back_fill(live, workspace(segments={"active": {"when": "logins_7d >= 1000"}}), history)
    assert {k: v["stages"] for k, v in changed.subjects("person").items()} == stages
    assert {e.kind for e in effects} == {"left"}


def test_a_history_that_is_not_the_folds_own_is_refused() -> None:
    history = records()
    live = folded(workspace(), history, history[-1][1])
    with pytest.raises(RestatementError, match="the fold has seen"):
        back_fill(live, workspace(signals=NEW_SIGNALS), history[:-5])


def _event(t: int, **fields: Any) -> tuple[str, int, Any]:
    body = {"type": "track", "event": "Signed In", "messageId": str(t), "timestamp": t, **fields}
    return ("event", t, json.dumps(body).encode())


def test_a_merge_can_be_taken_back_and_both_keep_what_was_theirs() -> None:
    history = [
        _event(START, userId="ann"),
        _event(START + HOUR, anonymousId="device"),
        _event(START + 2 * HOUR, anonymousId="device"),
        _event(START + 3 * HOUR, userId="ann", anonymousId="device"),
        _event(START + 4 * HOUR, anonymousId="device"),
    ]
    live = Fold(workspace())
    effects = live.events([(t, raw) for _, t, raw in history])
    (merged,) = [e for e in effects if e.kind == "merged"]
    (one,) = live.subjects("person").values()
    assert one["signals"]["logins_7d"] == 5
    split, said = unmerge(live, merged.subject, merged.data["loser"], history)
    people = {tuple(p["identifiers"]): p["signals"]["logins_7d"] for p in split.subjects("person").values()}
    assert people == {("user_id",): 2, ("anonymous_id",): 3}
    assert said[0].kind == "unmerged"
    # The two stay apart, also across a snapshot.
    restored = Fold.restore(workspace(), split.snapshot())
    restored.events(
        [(t, raw) for _, t, raw in [_event(START + 5 * HOUR, userId="ann", anonymousId="device")]]
    )
    assert len(restored.subjects("person")) == 2


def test_taking_back_what_never_merged_is_refused() -> None:
    live = Fold(workspace())
    live.events([(START, _event(START, userId="ann")[2])])
    (ann,) = live.subjects("person")
    with pytest.raises(RestatementError, match="was not merged"):
        unmerge(live, ann, "0" * 16, [])
