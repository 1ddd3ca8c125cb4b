"""Predictions over HTTP: a model of one's own, values for people, and what everybody may see of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edges.admin.api_world import Api, small

PREDICTIONS = {
    "leaves": {"target": {"event": "Left"}, "horizon": "30d", "population": "logins >= 1"},
    "next": {"kind": "time_to", "target": {"event": "Login"}, "horizon": "30d"},
    "team": {"of": "account", "target": {"event": "Left"}, "horizon": "30d"},
}
MODEL = {"features": ["logins"], "parameters": {"logins": -0.4}, "quality": {"auc": 0.81}}


@pytest.fixture
def foretold(tmp_path: Path) -> Iterator[Api]:
    segments = {"leaving": {"when": "prediction.leaves > 0.5"}, "vips": {"manual": True}}
    with Api(small(predictions=PREDICTIONS, segments=segments), tmp_path) as api:
        for user in ("ada", "bob"):
            api.event("track", user, event="Login", context={"groupId": "acme"})
        yield api


def test_a_model_and_values_of_ones_own_move_people_at_once(foretold: Api) -> None:
    before = foretold.get("/api/predictions/leaves")
    assert (before["model"], before["known"], before["population"]) == (None, 0, 2)
    done = foretold.post("/api/predictions/leaves/model", MODEL)
    assert [(one["kind"], one["name"]) for one in done["effects"]] == [("model", "leaves")]
    version = done["effects"][0]["data"]["version"]
    given = {"by": "user_id", "subjects": ["ada", "bob", "eve"], "values": [0.71, 0.08, 0.5]}
    told = foretold.post("/api/predictions/leaves/scores", given)
    assert (told["version"], told["nobody"]) == (version, 1)
    assert [(one["kind"], one["name"]) for one in told["change"]["effects"]] == [("entered", "leaving")]
    shown = foretold.get("/api/predictions/leaves")
    assert shown["model"]["quality"] == {"auc": 0.81}
    assert (shown["known"], shown["values"]["taken"]) == (2, 2)
    assert [place for place, count in enumerate(shown["histogram"]) if count] == [1, 14]
    person = foretold.get(f"/api/people/{foretold.person('ada')}")
    assert person["predictions"]["leaves"] == {
        "value": 0.71, "as_of": shown["scored_as_of"], "version": version
    }  # fmt: skip
    why = foretold.get(f"/api/people/{foretold.person('ada')}/why", prediction="leaves")
    assert why["now"]["asked"] is True
    assert why["now"]["atoms"][0]["value"] == 1
    actions = [one["action"] for one in foretold.get("/api/audit", limit=10)["items"]]
    assert actions[:2] == ["prediction.scores", "prediction.model"]


def test_accounts_are_named_by_key_and_dates_are_milliseconds(foretold: Api) -> None:
    for name in ("team", "next"):
        foretold.post(f"/api/predictions/{name}/model", MODEL)
    foretold.post("/api/predictions/team/scores", {"by": "key", "subjects": ["acme"], "values": [0.25]})
    due = foretold.clock.now() + 86_400_000
    foretold.post("/api/predictions/next/scores", {"by": "user_id", "subjects": ["ada"], "values": [due]})
    assert foretold.get(f"/api/people/{foretold.person('ada')}")["predictions"]["next"]["value"] == due
    listed = foretold.get("/api/accounts", limit=5)["items"]
    account = foretold.get(f"/api/accounts/{listed[0]['id']}")
    assert account["predictions"]["team"]["value"] == 0.25
    assert [one["name"] for one in foretold.get("/api/predictions")] == ["leaves", "next", "team"]


def test_what_cannot_be_is_refused_and_said(foretold: Api) -> None:
    def refused(name: str, body: object, status: int) -> str:
        path = f"/api/predictions/{name}/scores"
        return str(foretold.ask("POST", path, json=body, status=status)["code"])

    good = {"by": "user_id", "subjects": ["ada"], "values": [0.5]}
    assert refused("leaves", good, 400) == "invalid", "no model yet"
    foretold.post("/api/predictions/leaves/model", MODEL)
    assert refused("leaves", good | {"values": [1.5]}, 409) == "bad_control"
    assert refused("leaves", good | {"values": [0.5, 0.5]}, 400) == "invalid"
    assert refused("leaves", good | {"by": "shoe_size"}, 404) == "not_found"
    assert refused("leaves", good | {"subjects": ["eve"]}, 400) == "invalid"
    assert refused("leaves", good | {"version": "f" * 16}, 409) == "bad_control"
    assert refused("levaes", good, 404) == "not_found"
    foretold.ask("POST", "/api/predictions/leaves/scores", json=good, scope="write", status=403)
