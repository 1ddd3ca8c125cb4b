"""The set-up as a plan, and what came of it."""

from __future__ import annotations

from pathlib import Path

from sevenfold.workspace.loading import load
from tests.edges.admin.api_world import PACKS, Api, small
from tests.edges.server.console_world import Console

DAY = 86_400_000


def test_a_first_run_goes_from_nothing_to_events_that_are_understood(tmp_path: Path) -> None:
    with Console(tmp_path, load(PACKS / "seven-stage")) as console:
        assert isinstance(console, Console)
        before = console.get("/api/setup/progress")
        todo = {one["step"]: one["done"] for one in before["todo"]}
        assert before["first_event"] is None and before["names"] == []
        assert not todo["first_event"] and not todo["mapping"] and not todo["members"]
        assert len(before["phases"]) == 4 and before["phases"][0]["when"] == "weeks 1-4"
        assert all(one["missing"] for one in before["phases"])
        began = console.clock.now()
        console.event("track", "ada", event="Signed Up")
        console.event("track", "ada", event="project_created")
        console.keys.make_write_key("site")
        console.clock.advance(60_000)
        after = console.get("/api/setup/progress")
        assert after["first_event"] == {"time": began, "name": "Signed Up", "source": "site"}
        names = {one["name"]: one for one in after["names"]}
        assert names["Signed Up"]["used"]
        assert names["project_created"]["could_be"] == "Project Created"
        assert "Signed Up" not in {one["name"] for one in after["missing"]}
        todo = {one["step"]: one["done"] for one in after["todo"]}
        assert todo["first_event"] and todo["write_key"] and not todo["mapping"]


def test_a_company_that_lives_has_its_stages_live(saas: Api) -> None:
    shown = saas.get("/api/setup/progress")
    todo = {one["step"]: one["done"] for one in shown["todo"]}
    assert todo["stages"] and todo["pack"] and todo["journey"]
    counts = {(one["lifecycle"], one["stage"]): one["count"] for one in shown["stages"]}
    for lifecycle in saas.get("/api/lifecycles"):
        for stage in lifecycle["stages"]:
            assert counts[lifecycle["name"], stage["name"]] == stage["count"]


def test_results_are_what_went_live_what_moved_and_what_was_said(tmp_path: Path) -> None:
    with Console(tmp_path, small()) as console:
        assert isinstance(console, Console)
        console.event("identify", "ada", traits={"email": "ada@shop.example"})
        console.clock.advance(100 * DAY)
        plan = {
            "triggers": [{"kind": "event", "event": "Hi"}],
            "steps": {"hello": {"kind": "message", "template": "hello"}},
        }
        console.post("/api/journeys/greet/publish", {"plan": plan})
        console.event("track", "ada", event="Hi")
        shown = console.get("/api/results", days=30)
        assert [(one["journey"], one["version"]) for one in shown["went_live"]] == [("greet", 2)]
        assert shown["messages"]["message"] == sum(one.kind == "message" for one in console.effects) == 1
        shown = console.get("/api/results", days=365)
        assert {one["version"] for one in shown["went_live"]} >= {2}
        for _ in range(5):
            if not shown["pending"]:
                break
            shown = console.get("/api/results", days=365)
        assert shown["missing"] == "the warehouse is starting" and shown["changed"] == []
