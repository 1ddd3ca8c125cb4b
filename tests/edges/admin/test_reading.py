"""What the API shows of a simulated company under the seven-stage pack; and that looking changes nothing."""

from __future__ import annotations

import io
import zipfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from sevenfold.workspace.loading import load
from tests.edges.admin.api_world import Api

PAGED = (
    "/api/people",
    "/api/accounts",
    "/api/messages",
    "/api/suppressions",
    "/api/tasks",
    "/api/tasks/history",
)


ELSEWHERE = {"/api/erasures", "/api/warehouse"}
"""Answered by a service that writes snapshots, or has its warehouse beside it."""


def digest(api: Api) -> str:
    """Of the fold's state and of everything the server keeps, and where the log ends."""
    found = blake2b(api.live.fold.snapshot())
    found.update(str(api.live.log.next_position).encode())
    # That somebody's data was exported is noted: it leaves the service.
    kept = "SELECT * FROM audit WHERE action <> 'person.export'"
    for rows in (kept, "SELECT * FROM drafts", "SELECT * FROM answers"):
        found.update(repr(api.keys.store.execute(rows).fetchall()).encode())
    return found.hexdigest()


def pages(api: Api, path: str, cursor: str = "after", **params: Any) -> list[Any]:
    """All items of a list, three at a time."""
    found, following = [], None
    while True:
        given = {**params, "limit": 3, **({cursor: following} if following is not None else {})}
        page = api.get(path, **given)
        found += page["items"]
        following = page["next"]
        if following is None:
            return found


def test_every_person_is_listed_once_in_pages(saas: Api) -> None:
    fold = saas.live.fold
    ids = [one["id"] for one in pages(saas, "/api/people")]
    assert len(ids) == len(set(ids)) == fold.person.table.rows - 1 - len(fold.forward)


def test_a_person_is_found_by_any_identifier_and_shown_as_the_fold_reads_them(saas: Api) -> None:
    fold = saas.live.fold
    for row in (1, fold.person.table.rows // 2, fold.person.table.rows - 1):
        row = fold.forward.get(row, row)
        shown = fold.read("person", row)
        for kind, values in shown["identifiers"].items():
            for value in values:
                assert saas.get("/api/people/lookup", value=value, kind=kind)["id"] == fold.id_of(
                    fold.person, row
                )
        profile = saas.get(f"/api/people/{fold.id_of(fold.person, row)}")
        for part in ("identifiers", "traits", "signals", "segments", "stages", "scores", "bands"):
            assert profile[part] == shown[part], part


def test_identifiers_are_searched_by_their_beginning(saas: Api) -> None:
    fold = saas.live.fold
    everybody = {
        fold.id_of(fold.person, row): fold.identity.identifiers(row)
        for row in range(1, fold.person.table.rows)
        if row not in fold.forward
    }
    email = next(held["email"][0] for held in everybody.values() if held.get("email"))
    for prefix in (email[:3], email[:1], email, email.upper()):
        wanted = {
            ident
            for ident, held in everybody.items()
            if any(value.startswith((prefix, prefix.lower())) for values in held.values() for value in values)
        }
        assert {one["id"] for one in pages(saas, "/api/people", prefix=prefix)} == wanted, prefix


def test_people_are_listed_by_stage_segment_and_band(saas: Api) -> None:
    fold = saas.live.fold
    for lifecycle in saas.get("/api/lifecycles"):
        for stage in lifecycle["stages"]:
            plural = {"person": "people", "account": "accounts"}.get(lifecycle["of"])
            if plural is None:
                continue
            found = pages(saas, f"/api/{plural}", lifecycle=lifecycle["name"], stage=stage["name"])
            assert len(found) == stage["count"]
            assert all(one["stages"][lifecycle["name"]] == stage["name"] for one in found)
    sized = [one for one in saas.get("/api/segments") if one["size"]]
    assert sized
    for segment in sized[:5]:
        members = pages(saas, f"/api/segments/{segment['name']}/members")
        assert len(members) == segment["size"]
        for one in members[:3]:
            row = next(
                r
                for r in range(1, fold._unit(one["of"]).table.rows)
                if fold.id_of(fold._unit(one["of"]), r) == one["id"]
            )
            assert segment["name"] in fold.read(one["of"], row)["segments"]
    for score in saas.get("/api/scores"):
        plural = {"person": "people", "account": "accounts"}[score["of"]]
        for band, count in score["bands"].items():
            assert len(pages(saas, f"/api/{plural}", score=score["name"], band=band)) == count


def test_accounts_show_their_members(saas: Api) -> None:
    fold = saas.live.fold
    account = saas.get("/api/accounts")["items"][0]
    assert (
        saas.get("/api/accounts/lookup", value=account["identifiers"]["account_id"][0])["id"] == account["id"]
    )
    row = fold.account_rows[account["identifiers"]["account_id"][0]]
    members = pages(saas, f"/api/accounts/{account['id']}/members")
    assert {one["id"] for one in members} == {fold.id_of(fold.person, one) for one in fold.member_rows(row)}
    assert saas.get(f"/api/accounts/{account['id']}")["members"] == len(members)
    person = saas.get(f"/api/people/{members[0]['id']}")
    assert account["id"] in {one["id"] for one in person["accounts"]}
    key = account["identifiers"]["account_id"][0]
    assert account["id"] in {one["id"] for one in pages(saas, "/api/accounts", prefix=key[:2])}
    assert saas.get(f"/api/accounts/{account['id']}/below")["items"] == []


def test_a_timeline_holds_every_effect_about_somebody(saas: Api) -> None:
    messages = saas.get("/api/messages", limit=1)["items"]
    person = messages[0]["person"]
    timeline = pages(saas, f"/api/people/{person}/timeline", "before")
    numbers = [one["number"] for one in timeline]
    assert numbers == sorted(set(numbers), reverse=True)
    assert {"created", "run", "message"} <= {one["kind"] for one in timeline}
    assert any(one["text"] for one in timeline if one["kind"] == "message")
    forward = saas.get(f"/api/people/{person}/timeline", after=0, limit=200)["items"]
    assert [one["number"] for one in forward] == sorted(numbers)[: len(forward)]
    events = saas.get(f"/api/people/{person}/events", limit=5)["items"]
    assert events and all(one["event"]["type"] for one in events)


def test_why_shows_what_conditions_see_now_and_saw_then(saas: Api) -> None:
    lifecycle = next(one for one in saas.get("/api/lifecycles") if one["of"] == "person")
    stage = next(one for one in reversed(lifecycle["stages"]) if one["count"])
    (somebody, *_) = pages(saas, "/api/people", lifecycle=lifecycle["name"], stage=stage["name"])
    found = saas.get(f"/api/people/{somebody['id']}/why", lifecycle=lifecycle["name"])
    assert found["now"]["stage"] == stage["name"]
    assert any(rule["atoms"] for rule in found["now"]["rules"])
    moves = [one for one in found["last"] if one["kind"] == "stage"]
    assert moves and moves[0]["data"]["to"] == stage["name"] and moves[0]["data"]["why"]
    segment = next(
        one["name"]
        for one in saas.get("/api/segments")
        if one["size"] and one["of"] == "person" and not one["manual"]
    )
    (member, *_) = saas.get(f"/api/segments/{segment}/members")["items"]
    answer = saas.get(f"/api/people/{member['id']}/why", segment=segment)
    assert answer["now"]["member"] and answer["now"]["atoms"]
    score = next(one["name"] for one in saas.get("/api/scores") if one["of"] == "person")
    answer = saas.get(f"/api/people/{member['id']}/why", score=score)
    assert answer["now"]["score"] == score and "contributions" in answer["now"]
    message = saas.get("/api/messages", limit=1)["items"][0]
    answer = saas.get(f"/api/people/{message['person']}/why", journey=message["journey"])
    assert {"run"} <= {one["kind"] for one in answer["last"]} | {"run"}
    assert any(one["name"] == message["journey"] for one in answer["last"])
    saas.ask("GET", f"/api/people/{member['id']}/why", status=400)
    saas.ask("GET", f"/api/people/{member['id']}/why?segment={segment}&score={score}", status=400)


def test_journeys_say_who_is_inside_and_where(saas: Api) -> None:
    fold = saas.live.fold
    assert fold.journeys is not None
    listed = saas.get("/api/journeys")
    assert [one["name"] for one in listed] == list(fold.workspace.journeys)
    assert sum(one["running"] for one in listed) > 0
    busiest = max(listed, key=lambda one: one["running"])
    runs = pages(saas, f"/api/journeys/{busiest['name']}/runs")
    assert len(runs) == busiest["running"]
    shown = saas.get(f"/api/journeys/{busiest['name']}")
    standing: dict[str, int] = {}
    for run in runs:
        standing[run["step"]] = standing.get(run["step"], 0) + 1
    (version,) = shown["versions"]
    assert version == {"version": 1, "runs": len(runs), "standing": standing}
    assert shown["plan"]["steps"].keys() and shown["state"] == "published"
    past = saas.get(f"/api/runs/{runs[0]['id']}")
    assert (past["journey"], past["ended"]) == (busiest["name"], None)
    of = {"person": "people", "account": "accounts"}[runs[0]["of"]]
    theirs = saas.get(f"/api/{of}/{runs[0]['subject']}/runs", limit=200)["items"]
    assert runs[0]["id"] in {one["id"] for one in theirs}
    ended = saas.get(f"/api/journeys/{busiest['name']}/history", active=False, limit=5)["items"]
    assert all(one["ended"] for one in ended)


def test_messages_are_filtered_and_shown_with_every_outcome(saas: Api) -> None:
    delivered = saas.get("/api/messages", status="delivered", limit=5)["items"]
    assert delivered
    shown = saas.get(f"/api/messages/{delivered[0]['effect']}")
    assert [one["outcome"] for one in shown["outcomes"]] == ["claimed", "sent", "delivered"]
    for name in ("journey", "channel", "template"):
        value = delivered[0][name]
        assert all(
            one[name] == value for one in saas.get("/api/messages", **{name: value}, limit=20)["items"]
        )
    unresolved = pages(saas, "/api/messages/unresolved")
    assert unresolved and {one["state"] for one in unresolved} == {"unknown"}
    saas.ask("GET", "/api/messages/0000000000000000", status=404)
    found = saas.ask("GET", "/api/messages?status=nonsense", status=400)
    assert "nonsense" in found["message"]


def test_tasks_are_listed_with_whom_they_are_about(saas: Api) -> None:
    tasks = pages(saas, "/api/tasks")
    assert tasks
    shown = saas.get(f"/api/tasks/{tasks[0]['id']}")
    assert shown["task"]["closed"] is None and shown["open"] == tasks[0]
    assert shown["moments"][-1]["kind"] == "task" and shown["moments"][-1]["data"]["outcomes"]
    owner = tasks[0]["owner"] or ""
    assert tasks[0]["id"] in {one["id"] for one in pages(saas, "/api/tasks", owner=owner)}
    loads = {one["person"]: one["open"] for one in saas.get("/api/tasks/people")}
    assert sum(loads.values()) == sum(1 for one in tasks if one["owner"])
    of = {"person": "people", "account": "accounts"}[tasks[0]["subject"]["of"]]
    assert saas.get(f"/api/{of}/{tasks[0]['subject']['id']}/tasks")["items"]


def test_consent_says_what_was_said_and_where_somebody_is_reached(saas: Api) -> None:
    person = saas.get("/api/messages", channel="email", limit=1)["items"][0]["person"]
    found = saas.get(f"/api/people/{person}/consent")
    email = next(one for one in found["channels"] if one["kind"] == "email")
    assert email["address"] and email["suppressed"] is None and email["on"]
    assert {one["category"] for one in found["statuses"]} >= set(saas.live.workspace.consent.categories)


def test_the_workspace_is_shown_and_exported_as_it_is_in_force(saas: Api, tmp_path: Path) -> None:
    shown = saas.get("/api/workspace")
    assert shown["name"] == saas.live.workspace.name and len(shown["version"]) == 16
    packed = saas.request("GET", "/api/workspace/export")
    assert packed.headers["content-type"] == "application/zip"
    assert saas.request("GET", "/api/workspace/export").content == packed.content
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        archive.extractall(tmp_path / "exported")
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert load(tmp_path / "exported") == saas.live.workspace
    compared = saas.post("/api/workspace/diff", {"files": files})
    assert (compared["changes"], compared["journeys"]) == ([], [])
    assert saas.post("/api/workspace/check", {"files": files})["ok"]


def test_broadcasts_and_channels_are_listed(saas: Api) -> None:
    assert {one["name"] for one in saas.get("/api/channels")} >= set(saas.live.workspace.channels)
    assert [one["name"] for one in saas.get("/api/broadcasts")] == list(saas.live.workspace.broadcasts)


@pytest.mark.parametrize("path", PAGED)
def test_a_page_has_as_many_items_as_asked_for(saas: Api, path: str) -> None:
    for limit in (1, 2):
        assert len(saas.get(path, limit=limit)["items"]) <= limit
    for limit in (0, 201, "x"):
        assert saas.ask("GET", f"{path}?limit={limit}", status=400)["where"] == "limit"


def test_get_changes_nothing(saas: Api) -> None:
    """Every GET route of the document, with ids that exist where it takes some."""
    paths = saas.ask("GET", "/api/openapi.json", scope=None)["paths"]
    message = saas.get("/api/messages", limit=1, status="delivered")["items"][0]
    journey = message["journey"]
    known = {
        "/api/people/{id}": message["person"],
        "/api/accounts/{id}": saas.get("/api/accounts", limit=1)["items"][0]["id"],
        "/api/tasks/{id}": saas.get("/api/tasks", limit=1)["items"][0]["id"],
        "/api/runs/{id}": saas.get(f"/api/journeys/{journey}/history", limit=1)["items"][0]["id"],
        "/api/journeys/{name}": journey,
        "/api/messages/{effect}": message["effect"],
        "/api/segments/{name}": next(iter(saas.live.workspace.segments)),
    }
    # What is worked out when first asked for, and kept beside the state, is there before.
    saas.get(f"/api/people/{message['person']}")
    before = digest(saas)
    asked = 0
    for path, item in paths.items():
        if "get" not in item or path == "/api/stream":
            continue
        filled = path
        for start, value in known.items():
            if path.startswith(start):
                filled = start[: start.index("{")] + value + path[len(start) :]
        params = {"value": "nobody@example.com", "address": "nobody@example.com", "before": 1, "after": 1}
        wanted = {one["name"] for one in item["get"].get("parameters", ()) if one["required"]}
        query = {name: value for name, value in params.items() if name in wanted}
        status = saas.request("GET", filled, params=query).status_code
        assert status in (200, 303, 404, 400) or path in ELSEWHERE, (path, status)
        asked += status == 200
    assert asked > 35
    assert digest(saas) == before
