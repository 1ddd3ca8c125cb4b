"""Learned choices over HTTP: how far they may move, suggestions, and somebody's next best action."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.workspace.models import Workspace

from .api_world import Api

ACTIONS: dict[str, Any] = {
    "mail": {"template": "note", "limits": {"person": "1 per 30d"}},
    "tip": {"template": "tip", "expires": "1d"},
}
WORLD: dict[str, Any] = {
    "name": "world",
    "signals": {"logins": {"kind": "count", "event": "Signed In"}},
    "channels": {"email": {"type": "email", "address": "email"}, "in_app": {"type": "in_app"}},
    "templates": {
        "note": {"channel": "email", "subject": "A note", "text": "For you", "transactional": True},
        "tip": {"channel": "in_app", "body": "Try it"},
    },
    "actions": ACTIONS,
    "journeys": {
        "try": {
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "goals": {"bought": {"event": "Bought", "exit": False}},
            "steps": {
                "pick": {
                    "kind": "split",
                    "by": "bandit",
                    "paths": {"a": {"share": 50}, "b": {"share": 50}},
                    "learn": {"reward": {"within": "1d"}, "minimum": 10},
                },
                "next": {"kind": "choose", "actions": ["tip"], "context": ["logins"]},
                "rest": {"kind": "wait", "for": "9d"},
            },
        }
    },
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(msgspec.convert(WORLD, Workspace), tmp_path) as found:
        for i in range(20):
            found.event("track", f"u{i}", event="Signed Up")
        yield found


def test_the_choices_of_journeys_are_listed_with_what_is_known(api: Api) -> None:
    (found,) = api.get("/api/autonomy")
    assert found["journey"] == "try" and found["level"] == found["written"] == "suggest"
    choose, split = found["choices"]
    assert [one["share"] for one in split["options"]] == [0.5, 0.5] and choose["kind"] == "choose"
    assert api.get("/api/autonomy/try") == found
    missing = api.ask("GET", "/api/autonomy/nope", status=404)
    assert missing["code"] == "not_found" and missing["fix"] == "try"


def test_a_level_is_set_and_the_change_log_says_by_whom(api: Api) -> None:
    done = api.post("/api/autonomy/try", {"level": "act", "moved_per_day": 20})
    assert done["effects"][0]["kind"] == "autonomy"
    found = api.get("/api/autonomy/try")
    assert found["level"] == "act" and found["moved_per_day"] == 20 and found["written"] == "suggest"
    (change,) = api.get("/api/autonomy/changes")["items"]
    assert change["data"] == {"level": "act", "moved_per_day": 20, "by": "key admin"}
    api.ask("POST", "/api/autonomy/try", status=400, json={"level": "always"})


def test_a_way_is_stopped_and_let_go_on(api: Api) -> None:
    api.post("/api/autonomy/try/options", {"step": "pick", "option": "b", "halt": True})
    split = api.get("/api/autonomy/try")["choices"][1]
    assert [one["share"] for one in split["options"]] == [1, 0] and split["options"][1]["halted"]
    api.post("/api/autonomy/try/options", {"step": "pick", "option": "b", "halt": False})
    assert api.get("/api/autonomy/try")["choices"][1]["options"][1]["halted"] is None


def test_a_policy_is_handed_in_suggested_and_accepted(api: Api) -> None:
    model = {"version": "aa", "features": ["logins"], "actions": {"tip": [1, 0]}, "missing": [0]}
    api.post("/api/policies", {"policy": "try/next", "model": model | {"low": [0], "high": [9]}}, status=201)
    suggestion = api.get("/api/autonomy/try")["choices"][0]["suggestion"]
    assert suggestion["policy"] == "aa"
    api.post(f"/api/autonomy/suggestions/{suggestion['id']}", {"answer": "accept"})
    assert api.get("/api/autonomy/try")["choices"][0]["policy"] == "aa"
    api.ask("POST", "/api/policies", status=400, json={"policy": "try/next", "model": {"op": "x"}})


def test_somebodys_next_best_action_is_shown_answered_and_kept(api: Api) -> None:
    person = api.get("/api/people/lookup", value="u1")["id"]
    found = api.get(f"/api/people/{person}/next-best-action")
    assert found["action"] == "tip" and found["confidence"] == "none"
    assert [one["reason"] for one in found["actions"]] == ["unreachable", None]
    done = api.post(f"/api/people/{person}/next-best-action", {"answer": "refuse", "reason": "on leave"})
    assert done["effects"][0]["data"]["reason"] == "on leave"
    answered = api.get(f"/api/people/{person}/next-best-action")["answered"]
    assert answered["answer"] == "refuse" and answered["by"] == "key admin"
    done = api.post(f"/api/people/{person}/next-best-action", {"answer": "change", "action": "tip"})
    assert {one["kind"] for one in done["effects"]} >= {"message", "action_answered"}
    api.ask("POST", f"/api/people/{person}/next-best-action", status=400, json={"answer": "change"})
    kinds = {one["kind"] for one in api.get(f"/api/people/{person}/timeline")["items"]}
    assert {"choice", "action_answered"} <= kinds
