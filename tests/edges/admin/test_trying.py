"""Editors of journeys: the shape of every part, and a journey tried on somebody with nothing sent."""

from __future__ import annotations

from tests.edges.admin.api_world import Api

PLAN = {
    "title": "Thanks",
    "triggers": [{"kind": "event", "event": "Order Completed"}],
    "steps": {
        "rest": {"kind": "wait", "for": "3d"},
        "worth": {"kind": "branch", "paths": [{"when": 'trait.plan == "pro"', "go": "exit", "name": "pro"}]},
        "hold": {"kind": "wait", "for": "1d"},
    },
}


def test_every_kind_of_step_and_trigger_names_its_part(api: Api) -> None:
    found = api.get("/api/journeys/schema")
    kinds = [*found["steps"], *found["triggers"]]
    assert {"message", "wait", "branch", "split", "event", "segment"} <= {one["tag"] for one in kinds}
    for kind in kinds:
        part = found["$defs"][kind["schema"]]
        assert part["properties"]["kind"]["enum"] == [kind["tag"]]
        assert kind["title"]
        assert kind["description"]


def test_a_journey_is_tried_on_somebody_made_up_and_nothing_changes(api: Api) -> None:
    position = api.live.log.next_position
    found = api.post("/api/journeys/thanks/try", {"plan": PLAN, "consents": ["all"]}, scope="read")
    assert found["refused"] is None
    mine = [one for one in found["effects"] if one["name"] == "thanks"]
    assert [one["kind"] for one in mine] == ["run", "wait", "step", "step", "wait", "step", "ended"]
    assert mine[-1]["time"] - found["began"] == 4 * 86_400_000
    assert api.live.log.next_position == position
    assert "thanks" not in {one["name"] for one in api.get("/api/journeys")}


def test_who_does_not_enter_is_told_why(api: Api) -> None:
    plan = {**PLAN, "audience": 'trait.plan == "pro"'}
    found = api.post("/api/journeys/thanks/try", {"plan": plan})
    assert (found["refused"], found["effects"][:0]) == ("audience", [])


def test_a_plan_with_errors_is_not_tried(api: Api) -> None:
    plan = {**PLAN, "steps": {"say": {"kind": "message", "template": "nowhere"}}}
    found = api.post("/api/journeys/thanks/try", {"plan": plan}, status=422)
    assert found["code"] == "workspace_invalid"
    assert "nowhere" in found["problems"][0]["message"]
