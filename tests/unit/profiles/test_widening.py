"""Columns of counts are as narrow as their values allow, and nobody can tell."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sevenfold.carry import carry
from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace

DAY = 86_400_000
START = 20_000 * DAY
WORKSPACE: dict[str, Any] = {
    "name": "counts",
    "traits": {"team": {}},
    "signals": {
        "ever": {"kind": "count", "event": "A"},
        "week": {"kind": "count", "event": "A", "window": "7d"},
        "rhythm": {"kind": "baseline", "event": "A", "window": "1d", "baseline": "7d"},
        "last": {"kind": "last", "event": "A", "property": "name"},
        "different": {"kind": "distinct", "event": "A", "property": "name"},
    },
    "segments": {"many": {"when": "ever >= 40000"}, "some": {"when": "week >= 200"}},
}


def folded(events: int, hours: int) -> tuple[Workspace, Fold]:
    workspace = msgspec.convert(WORKSPACE, Workspace)
    fold = Fold(workspace)
    step = hours * 3_600_000 // events
    for number in range(events):
        body = {"type": "track", "event": "A", "userId": "u1", "messageId": str(number)}
        at = START + number * step
        body |= {"timestamp": at, "properties": {"name": f"n{number}"}}
        fold.events([(at, json.dumps(body).encode())])
    return workspace, fold


def widths(fold: Fold) -> dict[str, str]:
    return {label: column.dtype for label, column in fold.person.table.columns.items() if column.widens}


def test_a_count_takes_a_byte_until_it_needs_more() -> None:
    _, few = folded(100, 1)
    # Numbers of records begin with four.
    assert {width for label, width in widths(few).items() if label not in (".born", ".joined")} == {"int8"}
    _, many = folded(1_000, 1)
    found = widths(many)
    assert found["ever"] == found["week"] == found["rhythm.recent"] == found["different"] == "int16"
    assert found["trait.team"] == "int8"
    (person,) = many.subjects("person").values()
    assert person["signals"]["ever"] == person["signals"]["week"] == 1_000
    assert person["signals"]["last"] == "n999" and person["signals"]["different"] == 256
    many.advance(START + 30 * DAY)
    (person,) = many.subjects("person").values()
    assert (person["signals"]["ever"], person["signals"]["week"]) == (1_000, 0)


def test_widths_survive_snapshots_and_changes_of_the_workspace() -> None:
    workspace, fold = folded(40_000, 24)
    (person,) = fold.subjects("person").values()
    assert person["signals"]["ever"] == 40_000 and person["segments"] == ["many", "some"]
    assert widths(fold)["ever"] == "int32"
    restored = Fold.restore(workspace, fold.snapshot())
    assert widths(restored) == widths(fold) and restored.subjects("person") == fold.subjects("person")
    more = msgspec.convert(WORKSPACE | {"traits": {}}, Workspace)
    shown = carry(restored, more).subjects("person")
    assert shown == fold.subjects("person")
