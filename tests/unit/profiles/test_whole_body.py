"""`last` and `first` of type json: whole bodies with `property: $`, and whether there is one."""

from __future__ import annotations

import json

from sevenfold.engine import Fold
from sevenfold.workspace import models as m

T = 1_700_000_000_000


def test_first_and_last_keep_the_whole_properties_object() -> None:
    workspace = m.Workspace(
        name="bodies",
        signals={
            "newest": m.Last(event="Ordered", property="$", type="json"),
            "oldest": m.First(event="Ordered", property="$", type="json"),
        },
    )
    fold = Fold(workspace)
    bodies = [{"total": 1}, {"items": [{"sku": "a"}], "note": None}]
    for second, body in enumerate(bodies):
        event = {"type": "track", "event": "Ordered", "userId": "u", "properties": body}
        fold.events([(T + 1_000 * second, json.dumps(event).encode())])
    signals = fold.read(m.PERSON, 1)["signals"]
    assert signals == {"newest": bodies[1], "oldest": bodies[0]}


def test_a_condition_may_ask_whether_there_is_one() -> None:
    workspace = m.Workspace(
        name="bodies",
        signals={"newest": m.Last(event="Ordered", property="$", type="json")},
        segments={"ordered": m.Segment(when="exists newest")},
    )
    fold = Fold(workspace)
    for name, segments in (("Viewed", []), ("Ordered", ["ordered"]), ("Viewed", ["ordered"])):
        event = {"type": "track", "event": name, "userId": "u", "properties": {"total": 1}}
        fold.events([(T, json.dumps(event).encode())])
        assert fold.read(m.PERSON, 1)["segments"] == segments
