"""The past of signals as records: brought into a living fold, they are as if they had always been there."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sevenfold.carry import past_of, switch, waiting
from sevenfold.engine import Fold
from sevenfold.errors import ControlError
from sevenfold.workspace import models as m

from .test_restate import NEW_SIGNALS, OLD, records, workspace

MORE: dict[str, Any] = {
    **NEW_SIGNALS,
    "steps": {
        "kind": "milestones",
        "start": "Signed Up",
        "steps": [{"name": "in", "event": "Signed In"}, {"name": "used", "event": "Feature Used"}],
    },
    "first_feature": {"kind": "first", "event": "Feature Used", "property": "feature"},
    "most_calls": {"kind": "max", "event": "API Called", "property": "calls", "window": "40d"},
    "mean_calls": {"kind": "average", "event": "API Called", "property": "calls"},
    "once": {"kind": "since", "event": "Signed In", "edge": "first"},
    "of_account": {"kind": "count", "of": "account", "event": "Feature Used", "window": "28d"},
    "share": {"kind": "ratio", "numerator": "logins_28d", "denominator": "days"},
}
DAY = 86_400_000
SEGMENTS: dict[str, Any] = {
    "busy": {"when": "logins_28d >= 8"},
    "broad": {"when": "features >= 3"},
    "quiet_now": {"when": "quiet > 7d"},
}


def run(fold: Fold, steps: list[tuple[str, int, Any]]) -> list[Any]:
    found = []
    for kind, t, payload in steps:
        found += fold.events([(t, payload)]) if kind == "event" else fold.control(t, payload)
    return found


def shown(fold: Fold) -> dict[str, Any]:
    return {
        name: {part: told[part] for part in ("signals", "segments")}
        for kind in ("person", "account")
        for name, told in fold.subjects(kind).items()
    }


def apart(one: Fold, other: Fold) -> list[Any]:
    """What two folds show differently: (subject, signal or segments, the one, the other)."""
    mine, others = shown(one), shown(other)
    assert mine.keys() == others.keys()
    found = []
    for subject, told in mine.items():
        for label, value in (*told["signals"].items(), ("segments", told["segments"])):
            same = {**others[subject]["signals"], "segments": others[subject]["segments"]}[label]
            if value != same:
                found.append((subject, label, value, same))
    return found


def tell(live: Fold, always: Fold, record: dict[str, Any]) -> list[Any]:
    """A record for one; the other gets one that changes nothing, so that both number alike."""
    always.control(live.t, {"op": "fold_version"})
    return live.control(live.t, record)


def restate_into(live: Fold, side: Fold) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    signals = waiting(live)
    said: list[dict[str, Any]] = [{"op": "gather", "signals": signals}]
    chunks = [
        chunk for kind, labels in signals.items() for label in labels for chunk in past_of(side, kind, label)
    ]
    return signals, said + chunks + [{"op": "restated", "signals": signals}]


@pytest.fixture(scope="module")
def history() -> list[tuple[str, int, Any]]:
    return records()


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.95])
def test_signals_whose_past_was_brought_equal_having_had_them_from_the_start(
    history: list[tuple[str, int, Any]], cut: float
) -> None:
    new = workspace(signals=MORE, segments=SEGMENTS)
    at, gathered, brought = (int(len(history) * share) for share in (cut / 2, cut, min(1.0, cut + 0.03)))
    always = Fold(new)
    live = Fold(workspace())
    run(live, history[:at])
    switch(live, new)
    live._taken()
    run(always, history[:at])
    for fold in (live, always):
        run(fold, history[at:gathered])
    side = Fold.restore(new, always.snapshot())
    _, said = restate_into(live, side)
    tell(live, always, said[0])
    for fold in (live, always):
        run(fold, history[gathered:brought])
    assert all(unit.pending for unit in (live.person, live.account))
    for record in said[1:-1]:
        tell(live, always, json.loads(json.dumps(record)))
    effects = tell(live, always, said[-1])
    assert {effect.kind for effect in effects} <= {"entered", "left"}
    # A slope is taken when a day ends. A session under way when they began anew is two.
    inside = {name for name, told in side.subjects("person").items() if told["signals"]["sessions.events"]}
    found = apart(live, always)
    assert {label for _, label, *_ in found if not label.startswith("sessions")} <= {"trend"}
    assert {subject for subject, label, *_ in found if label.startswith("sessions")} <= inside
    for fold in (live, always):
        run(fold, history[brought:])
        fold.advance(history[-1][1] + 40 * DAY)
    found = apart(live, always)
    assert {label.partition(".")[0] for _, label, *_ in found} <= {"sessions"}
    assert {subject for subject, *_ in found} <= inside


def test_a_fold_in_the_middle_of_a_restatement_is_its_snapshot(history: list[tuple[str, int, Any]]) -> None:
    new = workspace(signals=MORE, segments=SEGMENTS)
    live, side = Fold(workspace()), Fold(new)
    run(live, history[:300]), run(side, history[:300])
    switch(live, new)
    live._taken()
    _, said = restate_into(live, side)
    half = len(said) // 2
    run(live, [("control", live.t, one) for one in said[:half]])
    again = Fold.restore(new, live.snapshot())
    for fold in (live, again):
        run(
            fold,
            history[300:320] + [("control", history[320][1], one) for one in said[half:]] + history[320:400],
        )
    assert shown(live) == shown(again)
    assert live.snapshot() == again.snapshot()


def test_a_past_that_nobody_waits_for_is_refused(history: list[tuple[str, int, Any]]) -> None:
    fold = Fold(msgspec.convert(OLD, m.Workspace))
    run(fold, history[:50])
    with pytest.raises(ControlError, match="is known"):
        fold.control(fold.t, {"op": "gather", "signals": {"person": ["logins_7d"]}})
    with pytest.raises(ControlError, match="is known"):
        record = {
            "op": "restate",
            "of": "person",
            "signal": "logins_7d",
            "born": [],
            "columns": {},
            "entries": [],
        }
        fold.control(fold.t, record)
