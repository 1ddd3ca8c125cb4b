"""Notes, judgements, approvals and drafts of files: what people write beside what is computed, and how it
comes into force.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sevenfold.server.console.notes import Notes
from sevenfold.server.personal import Eraser
from tests.edges.admin.api_world import small
from tests.edges.server.console_world import Console

PLAN = {
    "title": "Greeting",
    "triggers": [{"kind": "event", "event": "Hi"}],
    "steps": {"hello": {"kind": "message", "template": "hello"}},
}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    traits = {"plan": {"type": "string"}, "owner": {"of": "account", "type": "string"}}
    with Console(tmp_path, small(traits=traits)) as made:
        assert isinstance(made, Console)
        made.event("identify", "ada", traits={"email": "ada@shop.example"})
        made.event("group", "ada", groupId="acme", traits={"owner": "mona@example.com"})
        made.event("group", "bob", groupId="brix", traits={"owner": "otto@example.com"})
        for role in ("viewer", "editor", "publisher", "admin"):
            made.member(role)  # type: ignore[arg-type]
        yield made


def account(console: Console, key: str) -> str:
    found: str = console.by("viewer", "GET", "/api/accounts/lookup", params={"value": key})["id"]
    return found


# ------------------------------------------------------------------------------------------ notes, judgements


def test_notes_and_calls_are_kept_with_their_authors_newest_first(console: Console) -> None:
    ada = f"/api/people/{console.person('ada')}/notes"
    console.by("editor", "POST", ada, 201, json={"text": "Asked for reports"})
    call = {"text": "Called back", "call": {"minutes": 12, "outcome": "reached"}}
    console.by("publisher", "POST", ada, 201, json=call)
    shown = console.by("viewer", "GET", ada)["items"]
    assert [(one["kind"], one["author"]) for one in shown] == [("call", "publisher"), ("note", "editor")]
    assert shown[0]["detail"]["minutes"] == 12
    page = console.by("viewer", "GET", ada, params={"limit": 1})
    rest = console.by("viewer", "GET", ada, params={"before": page["next"]})
    assert [one["text"] for one in rest["items"]] == ["Asked for reports"] and rest["next"] is None
    assert console.as_member("viewer", "POST", ada, json={"text": "no"}).status_code == 403


def test_a_note_is_changed_by_its_author_or_an_admin(console: Console) -> None:
    ada = f"/api/people/{console.person('ada')}/notes"
    note = console.by("editor", "POST", ada, 201, json={"text": "first"})["id"]
    assert console.as_member("publisher", "DELETE", f"/api/notes/{note}").status_code == 403
    changed = console.by("editor", "PATCH", f"/api/notes/{note}", json={"text": "second"})
    assert changed["text"] == "second" and changed["changed"] == console.clock.now()
    console.by("admin", "DELETE", f"/api/notes/{note}")
    assert console.by("viewer", "GET", ada)["items"] == []


def test_notes_follow_somebody_who_was_merged(console: Console) -> None:
    console.event("identify", "ida", traits={"email": "ida@shop.example"})
    ida = console.person("ida")
    console.by("editor", "POST", f"/api/people/{ida}/notes", 201, json={"text": "of ida"})
    console.post("/api/people/merge", {"members": [{"user_id": "ada"}, {"user_id": "ida"}]})
    shown = console.by("viewer", "GET", f"/api/people/{console.person('ada')}/notes")["items"]
    assert [one["text"] for one in shown] == ["of ida"]


def test_whoever_is_erased_leaves_no_notes_and_whoever_is_exported_gets_them(console: Console) -> None:
    ada = console.person("ada")
    console.by("editor", "POST", f"/api/people/{ada}/notes", 201, json={"text": "private matter"})
    exported = console.as_member("admin", "GET", f"/api/people/{ada}/export")
    with zipfile.ZipFile(BytesIO(exported.content)) as archive:
        assert b"private matter" in archive.read("notes.json")
    services = console.services
    eraser = Eraser(
        live=services.live, log=services.log, history=services.history, folder=services.settings.data_folder,
        snapshots_folder=services.settings.data_folder / "snapshots", secrets=services.secrets,
        clock=services.clock, ask_snapshot=None,
    )  # fmt: skip
    assert eraser._forget_notes([ada]) == {"notes": 1}
    assert Notes(console.keys.store, console.clock).of([ada], before=None, limit=10) == []


def test_pulse_and_forecast_stand_beside_what_is_computed_with_their_history(console: Console) -> None:
    acme = account(console, "acme")
    before = console.by("viewer", "GET", f"/api/accounts/{acme}")
    position = console.live.log.next_position
    console.by("editor", "PUT", f"/api/accounts/{acme}/pulse", json={"value": "red", "reason": "silent"})
    console.by("publisher", "PUT", f"/api/accounts/{acme}/pulse", json={"value": "yellow"})
    shown = console.by("editor", "PUT", f"/api/accounts/{acme}/forecast", json={"value": "at_risk"})
    assert (shown["pulse"]["value"], shown["pulse"]["author"]) == ("yellow", "publisher")
    assert shown["forecast"]["value"] == "at_risk"
    assert [one["value"] for one in shown["history"]] == ["at_risk", "yellow", "red"]
    shown = console.by("editor", "PUT", f"/api/accounts/{acme}/pulse", json={"value": None})
    assert shown["pulse"] is None
    after = console.by("viewer", "GET", f"/api/accounts/{acme}")
    assert {**after, "time": 0} == {**before, "time": 0}
    assert console.live.log.next_position == position


def test_my_accounts_are_those_i_look_after(console: Console) -> None:
    shown = console.by("viewer", "GET", "/api/accounts", params={"owner": "mona@example.com"})["items"]
    assert [one["identifiers"]["account_id"] for one in shown] == [["acme"]]
    assert console.by("viewer", "GET", "/api/accounts", params={"owner": "nobody"})["items"] == []


# ------------------------------------------------------------------------------------------------- approvals


def test_publishing_waits_for_somebody_else_where_four_eyes_are_wanted(console: Console) -> None:
    console.by("admin", "PUT", "/api/approvals/needed", json={"needed": True})
    publish = ("POST", "/api/journeys/greet/publish")
    found = console.as_member("publisher", *publish, json={"plan": PLAN})
    assert (found.status_code, found.json()["code"]) == (409, "approval_needed")
    asked = console.by("publisher", "POST", "/api/approvals", 201, json={"journey": "greet", "plan": PLAN})
    decide = f"/api/approvals/{asked['id']}/decision"
    own = console.as_member("publisher", "POST", decide, json={"decision": "approve"})
    assert own.status_code == 409 and "four eyes" in own.json()["message"]
    assert console.as_member("editor", "POST", decide, json={"decision": "approve"}).status_code == 403
    console.by("editor", "POST", f"/api/approvals/{asked['id']}/comments", 201, json={"text": "no pause?"})
    shown = console.by("admin", "POST", decide, json={"decision": "approve", "comment": "right"})
    assert (shown["state"], shown["decider"]) == ("approved", "admin")
    assert [(one["author"], one["text"]) for one in shown["comments"]] == [
        ("editor", "no pause?"),
        ("admin", "right"),
    ]
    other = {**PLAN, "title": "Another word"}
    assert console.as_member("publisher", *publish, json={"plan": other}).json()["code"] == "approval_needed"
    console.by("publisher", *publish, json={"plan": PLAN})
    assert console.by("viewer", "GET", f"/api/approvals/{asked['id']}")["state"] == "published"
    # An approval is good once.
    assert console.as_member("publisher", *publish, json={"plan": PLAN}).json()["code"] == "approval_needed"
    audit = console.by("admin", "GET", "/api/audit", params={"action": "approval.*"})["items"]
    assert [one["action"] for one in audit][:3] == ["approval.approve", "approval.comment", "approval.ask"]
    (entry, *_) = console.by("admin", "GET", "/api/audit", params={"action": "journey.publish"})["items"]
    assert entry["detail"]["approval"] == asked["id"]


def test_a_request_is_refused_or_withdrawn_once(console: Console) -> None:
    asked = console.by("editor", "POST", "/api/approvals", 201, json={"journey": "greet", "plan": PLAN})
    decide = f"/api/approvals/{asked['id']}/decision"
    console.by("publisher", "POST", decide, json={"decision": "refuse"})
    assert console.as_member("publisher", "POST", decide, json={"decision": "approve"}).status_code == 409
    first = console.by("publisher", "POST", "/api/approvals", 201, json={"journey": "greet", "plan": PLAN})
    second = console.by("editor", "POST", "/api/approvals", 201, json={"journey": "greet", "plan": PLAN})
    states = {one["id"]: one["state"] for one in console.by("viewer", "GET", "/api/approvals")["items"]}
    assert states == {asked["id"]: "refused", first["id"]: "withdrawn", second["id"]: "open"}


# -------------------------------------------------------------------------------------------- drafts of files


def put(console: Console, path: str, text: str | None, revision: int | None, status: int = 200) -> Any:
    body = {"text": text, "revision": revision}
    return console.by("editor", "PUT", f"/api/workspace/files/{path}", status, json=body)


def test_a_draft_of_a_file_is_checked_with_the_whole_workspace(console: Console) -> None:
    files = {one["path"] for one in console.by("viewer", "GET", "/api/workspace/files")}
    assert {"workspace.yaml", "segments.yaml", "journeys.yaml"} <= files
    text = console.by("viewer", "GET", "/api/workspace/files/segments.yaml")["text"]
    kept = put(console, "segments.yaml", text.replace("logins >= 2", "login >= 2"), None)
    (problem,) = [one for one in kept["problems"] if one["severity"] == "error"]
    assert problem["file"] == "segments.yaml" and problem["line"] > 0
    assert "logins" in problem["suggestion"]
    assert console.as_member("publisher", "POST", "/api/workspace/drafts/publish", json={}).status_code == 422
    stale = console.as_member(
        "editor", "PUT", "/api/workspace/files/segments.yaml", json={"text": text, "revision": None}
    )
    assert stale.status_code == 409
    outside = put(console, "..%2Fsecrets.yaml", "x: 1", None, 400)
    assert outside["code"] == "invalid"


def test_one_object_is_changed_alone_and_all_drafts_are_published_together(console: Console) -> None:
    path = "/api/workspace/objects/segments/active"
    shown = console.by("viewer", "GET", path)
    assert shown["current"]["when"] == "logins >= 2" and shown["revision"] is None
    changed = {"object": {"when": "logins >= 3"}, "revision": None}
    kept = console.by("editor", "PUT", path, json=changed)
    assert not [one for one in kept["problems"] if one["severity"] == "error"]
    new = {"object": {"when": "logins == 0"}, "revision": kept["draft"]["revision"]}
    console.by("editor", "PUT", "/api/workspace/objects/segments/asleep", json=new)
    compared = console.by("viewer", "GET", "/api/workspace/drafts/comparison")
    assert {(one["action"], one["name"]) for one in compared["changes"]} == {
        ("changed", "active"),
        ("added", "asleep"),
    }
    assert console.as_member("editor", "POST", "/api/workspace/drafts/publish", json={}).status_code == 403
    console.by("publisher", "POST", "/api/workspace/drafts/publish", json={"expected": compared["version"]})
    assert console.live.workspace.segments["active"].when == "logins >= 3"
    assert "asleep" in console.live.workspace.segments and "vips" in console.live.workspace.segments
    assert console.by("viewer", "GET", "/api/workspace/drafts") == []


def test_drafts_of_files_need_the_approval_of_exactly_what_they_come_to(console: Console) -> None:
    console.by("admin", "PUT", "/api/approvals/needed", json={"needed": True})
    path = "/api/workspace/objects/segments/active"
    kept = console.by("editor", "PUT", path, json={"object": {"when": "logins >= 3"}})
    asked = console.by("editor", "POST", "/api/approvals", 201, json={"comment": "stricter"})
    assert asked["content"]["changes"] == [
        {"action": "changed", "section": "segments", "name": "active", "prose": False}
    ]
    console.by("publisher", "POST", f"/api/approvals/{asked['id']}/decision", json={"decision": "approve"})
    more = {"object": {"when": "logins >= 9"}, "revision": kept["draft"]["revision"]}
    again = console.by("editor", "PUT", path, json=more)
    refused = console.as_member("publisher", "POST", "/api/workspace/drafts/publish", json={})
    assert refused.json()["code"] == "approval_needed"
    back = {"object": {"when": "logins >= 3"}, "revision": again["draft"]["revision"]}
    console.by("editor", "PUT", path, json=back)
    console.by("publisher", "POST", "/api/workspace/drafts/publish", json={})
    assert console.live.workspace.segments["active"].when == "logins >= 3"
