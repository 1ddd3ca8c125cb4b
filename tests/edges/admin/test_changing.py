"""Whatever changes something is a record of the log and an entry of the audit log, with the effect meant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from tests.edges.admin.api_world import DAY, Api, small


def audited(api: Api) -> list[tuple[str, str, str]]:
    """(action, target, result), the oldest first."""
    entries = api.get("/api/audit", limit=200)["items"]
    return [(one["action"], one["target"], one["result"]) for one in reversed(entries)]


def plan(api: Api, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {**api.get("/api/journeys/greet")["plan"], **changes}
    return found


def inside(api: Api, user: str = "ada") -> str:
    """Somebody has entered the journey, and waits at its first step."""
    api.event("identify", user, traits={"email": f"{user}@shop.example", "name": user})
    api.event("track", user, event="Hi")
    return api.person(user)


# ---------------------------------------------------------------------------------------------- journeys


def test_a_journey_is_paused_and_resumed(api: Api) -> None:
    inside(api)
    api.post("/api/journeys/greet/pause", {"entries": "drop"})
    shown = api.get("/api/journeys/greet")
    assert (shown["state"], shown["pause"]["entries"]) == ("paused", "drop")
    api.wait(3 * DAY)
    assert api.get("/api/journeys/greet/runs")["items"][0]["step"] == "pause"
    done = api.post("/api/journeys/greet/resume", {"spread": "1h"})
    assert [one["kind"] for one in done["effects"]] == ["resumed"]
    record = api.live.log.read(done["position"])[-1].control
    assert record == {"op": "resume", "journey": "greet", "spread": "1h"}
    assert audited(api) == [("journey.pause", "greet", "ok"), ("journey.resume", "greet", "ok")]


def test_an_archived_journey_lets_everybody_go(api: Api) -> None:
    inside(api)
    done = api.post("/api/journeys/greet/archive")
    assert [one["kind"] for one in done["effects"]] == ["archived", "ended"]
    assert api.get("/api/journeys/greet")["state"] == "archived"
    api.ask("POST", "/api/journeys/greet/archive", status=409)
    assert audited(api)[-1] == ("journey.archive", "greet", "bad_control")


def test_a_draft_is_kept_checked_and_published(api: Api) -> None:
    inside(api)
    steps = plan(api)["steps"]
    broken = plan(api, steps={**steps, "hello": {**steps["hello"], "template": "helo"}})
    kept = api.ask("PUT", "/api/drafts/greet", json={"plan": broken})
    assert (kept["draft"]["revision"], kept["draft"]["base"]) == (1, 1)
    assert kept["problems"][0]["severity"] == "error"
    assert "helo" in kept["problems"][0]["message"]
    found = api.ask("POST", "/api/journeys/greet/publish", json={}, status=422)
    assert found["code"] == "workspace_invalid" and found["problems"]
    assert api.get("/api/journeys/greet")["version"] == 1

    better = plan(api, steps={**steps, "pause": {**steps["pause"], "for": "2h"}})
    api.ask("PUT", "/api/drafts/greet", json={"plan": better}, status=409)
    kept = api.ask("PUT", "/api/drafts/greet", json={"plan": better, "revision": 1})
    assert (kept["draft"]["revision"], kept["problems"]) == (2, [])
    assert api.get("/api/drafts")[0]["journey"] == "greet"

    shown = api.post("/api/journeys/greet/preview", {"plan": better})
    assert shown["choices"] == {"pause": 1}
    assert shown["trial"]["messages"] == {"hello": {"message": 1}}
    done = api.post("/api/journeys/greet/publish", {"choices": {"pause": "migrate"}, "expected": 1})
    assert [one["kind"] for one in done["effects"]][:2] == ["published", "migrated"]
    assert api.get("/api/journeys/greet")["version"] == 2
    assert api.get("/api/journeys/greet/runs")["items"][0]["version"] == 2
    api.ask("GET", "/api/drafts/greet", status=404)
    found = api.ask("POST", "/api/journeys/greet/publish", json={"plan": better, "expected": 1}, status=409)
    assert found["where"] == "expected"


def test_versions_are_compared_and_an_older_one_comes_back(api: Api) -> None:
    inside(api)
    steps = plan(api)["steps"]
    first = plan(api)
    api.post(
        "/api/journeys/greet/publish",
        {"plan": plan(api, steps={**steps, "pause": {**steps["pause"], "for": "2h"}})},
    )
    found = api.get("/api/journeys/greet/diff", before=1, after=2)
    assert [(one["action"], one["name"]) for one in found["changes"]] == [("changed", "pause")]
    assert [one["version"] for one in api.get("/api/journeys/greet")["versions"]] == [1, 2]
    api.post("/api/journeys/greet/rollback", {"version": 1})
    shown = api.get("/api/journeys/greet")
    assert (shown["version"], shown["plan"]) == (3, first)
    assert audited(api)[-1] == ("journey.rollback", "greet", "ok")
    api.ask("GET", "/api/journeys/greet?version=9", status=404)


def test_a_version_that_nobody_is_in_any_more_comes_from_the_history(api: Api) -> None:
    first = plan(api)
    for hours in (2, 3):
        api.clock.advance(1_000)
        steps = {**first["steps"], "pause": {**first["steps"]["pause"], "for": f"{hours}h"}}
        api.post("/api/journeys/greet/publish", {"plan": {**first, "steps": steps}})
    assert [one["version"] for one in api.get("/api/journeys/greet")["versions"]] == [3]
    listed = api.get("/api/journeys/greet/versions")
    assert [(one["version"], one["time"] - listed[-1]["time"]) for one in listed] == [
        (3, 2_000),
        (2, 1_000),
        (1, 0),
    ]
    for version, wait in ((1, "1d"), (2, "2h"), (3, "3h")):
        shown = api.get("/api/journeys/greet", version=version)
        assert (shown["plan_version"], shown["plan"]["steps"]["pause"]["for"]) == (version, wait)
    found = api.get("/api/journeys/greet/diff", before=1, after=2)
    assert [one["name"] for one in found["changes"]] == ["pause"]
    api.post("/api/journeys/greet/rollback", {"version": 1})
    shown = api.get("/api/journeys/greet")
    assert (shown["version"], shown["plan"]["steps"]["pause"]["for"]) == (4, "1d")
    api.ask("GET", "/api/journeys/greet?version=9", status=404)


def test_an_answer_shows_the_first_effects_of_many(api: Api) -> None:
    for number in range(150):
        api.event("identify", f"p{number}", traits={"email": f"p{number}@shop.example"})
    done = api.post("/api/journeys/greet/publish", {"plan": plan(api, title="Everybody"), "enter": "now"})
    assert (len(done["effects"]), done["left_out"]) == (200, 101)
    assert api.get("/api/journeys/greet")["running"] == 150


def test_a_new_journey_is_checked_before_it_is_there(api: Api) -> None:
    new = {
        "triggers": [{"kind": "event", "event": "Bye"}],
        "steps": {"bye": {"kind": "message", "template": "hello"}},
    }
    assert not [
        one for one in api.post("/api/journeys/bye/check", {"plan": new}) if one["severity"] == "error"
    ]
    assert api.post("/api/journeys/bye/preview", {"plan": new})["new"]
    assert "bye" not in {one["name"] for one in api.get("/api/journeys")}
    wrong = api.post("/api/journeys/bye/check", {"plan": {"steps": {"a": {"kind": "nothing"}}}})
    assert [one["code"] for one in wrong] == ["wrong_shape"]
    found = api.ask("POST", "/api/journeys/bye/publish", json={"plan": {"steps": 5}}, status=400)
    assert found["where"] == "plan.steps"
    api.post("/api/journeys/bye/publish", {"plan": new})
    assert "bye" in {one["name"] for one in api.get("/api/journeys")}


def test_somebody_is_put_into_a_journey(api: Api) -> None:
    api.event("identify", "ada", traits={"email": "ada@shop.example"})
    done = api.post("/api/journeys/greet/start", {"person": {"email": "ada@shop.example"}})
    assert done["effects"][0]["kind"] == "run"
    (run,) = api.get("/api/journeys/greet/runs")["items"]
    assert run["subject"] == api.person("ada") and run["due"] == api.clock.now() + DAY
    api.post("/api/journeys/greet/pause", {"entries": "drop"})
    done = api.post("/api/journeys/greet/start", {"person": {"email": "ada@shop.example"}})
    assert [(one["kind"], one["data"]["reason"]) for one in done["effects"]] == [("refused", "paused")]
    found = api.ask("POST", "/api/journeys/greet/start", json={"person": {"user_id": "nobody"}}, status=409)
    assert "nobody has that identifier" in found["message"]


# ----------------------------------------------------------------------------------- consent, suppressions


def test_consent_is_set_for_a_channel_and_category(api: Api) -> None:
    inside(api)
    ada = api.person("ada")
    api.ask(
        "PUT", f"/api/people/{ada}/consent", json={"status": "out", "category": "news", "channel": "email"}
    )
    news = next(one for one in api.get(f"/api/people/{ada}/consent")["statuses"] if one["category"] == "news")
    assert (news["status"], news["allowed"]) == ("out", False)
    effects = api.wait(DAY)
    assert [one.data["reason"] for one in effects if one.kind == "held"] == ["no_consent"]
    assert audited(api) == [("consent.set", ada, "ok")]


def test_an_address_is_left_alone_and_written_to_again(api: Api) -> None:
    address = {"address": " Ada@Shop.example "}
    api.ask("POST", "/api/suppressions", json=address, status=201)
    found = api.get("/api/suppressions/lookup", address="ada@shop.example")
    assert found == [{"channel": "email", "reason": "manual"}]
    (listed,) = api.get("/api/suppressions")["items"]
    assert (listed["kind"], listed["name"]) == ("suppressed", "email")
    inside(api)
    assert [one.data["reason"] for one in api.wait(DAY) if one.kind == "held"] == ["suppressed"]
    api.post("/api/suppressions/remove", address)
    assert api.get("/api/suppressions/lookup", address="ada@shop.example") == []
    # People can be erased; the audit log stays.
    assert "shop.example" not in msgspec.json.encode(api.get("/api/audit")).decode().lower()


def test_a_former_providers_list_is_taken_over(api: Api) -> None:
    addresses = [f"p{number}@shop.example" for number in range(20)]
    found = api.post("/api/suppressions/import", {"addresses": addresses})
    assert found == {"rows": 20, "taken": 20, "unusable": 0}
    assert api.get("/api/channels")[0]["suppressed"] == 20
    found = api.post(
        "/api/suppressions/import",
        {"addresses": ["ada@shop.example", "x" * 5], "kind": "opt_out", "category": "news"},
    )
    assert found["rows"] == 2
    ada = api.person("ada@shop.example")
    assert {
        one["status"]
        for one in api.get(f"/api/people/{ada}/consent")["statuses"]
        if one["category"] == "news"
    } == {"out"}


def test_people_are_merged(api: Api) -> None:
    api.event("identify", "ada", traits={"email": "ada@shop.example"})
    api.event("track", "lovelace", event="Hi")
    done = api.post("/api/people/merge", {"members": [{"user_id": "ada"}, {"user_id": "lovelace"}]})
    assert "merged" in {one["kind"] for one in done["effects"]}
    assert api.person("ada") == api.person("lovelace")
    loser = next(one["data"]["loser"] for one in done["effects"] if one["kind"] == "merged")
    assert api.get(f"/api/people/{loser}")["id"] == api.person("ada")


# -------------------------------------------------------------------------------------------------- lists


def test_people_are_put_on_a_list_and_taken_off(api: Api) -> None:
    api.post("/api/lists/vips", {"members": [{"user_id": "ada"}, {"email": "bob@shop.example"}]})
    members = api.get("/api/segments/vips/members")["items"]
    assert {one["id"] for one in members} == {api.person("ada"), api.person("bob@shop.example")}
    api.post("/api/lists/vips", {"action": "remove", "members": [{"user_id": "ada"}]})
    assert api.get("/api/lists")[0]["size"] == 1
    api.ask("POST", "/api/lists/active", json={"members": []}, status=409)


def test_a_file_is_put_on_a_list_after_it_was_shown_what_it_would_do(api: Api) -> None:
    api.event("identify", "ada", traits={"email": "ada@shop.example"})
    csv = "user_id,email\nada,\n,ada@shop.example\nbob,\n,not an address\n"
    shown = api.post("/api/lists/vips/import", {"csv": csv, "dry_run": True})
    assert (shown["matched"], shown["created"], shown["repeated"], shown["refused"]) == (1, 1, 1, 1)
    assert shown["changed"] is None and shown["refused_rows"][0]["line"] == 5
    assert api.get("/api/segments/vips")["size"] == 0
    api.post("/api/lists/vips/import", {"csv": csv})
    assert api.get("/api/segments/vips")["size"] == 2
    found = api.ask("POST", "/api/lists/vips/import", json={"csv": "colour\nred\n"}, status=400)
    assert found["code"] == "list_refused"


# ----------------------------------------------------------------------------------------------- messages


def test_a_message_whose_outcome_is_unknown_is_resolved(api: Api) -> None:
    inside(api)
    (message,) = [one for one in api.wait(DAY) if one.kind == "message"]
    effect = message.data["effect"]
    for outcome in ("claimed", "unknown"):
        api.control(op="outcome", effect=effect, outcome=outcome)
    assert [one["effect"] for one in api.get("/api/messages/unresolved")["items"]] == [effect]
    api.post(
        f"/api/messages/{effect}/resolve", {"outcome": "delivered", "note": "seen in the provider's log"}
    )
    assert api.get("/api/messages/unresolved")["items"] == []
    shown = api.get(f"/api/messages/{effect}")
    assert (shown["status"], [one["outcome"] for one in shown["outcomes"]][-1]) == ("delivered", "delivered")
    api.ask("POST", "/api/messages/0123456789abcdef/resolve", json={"outcome": "sent"}, status=404)


def test_a_channel_is_switched_off_and_on(api: Api) -> None:
    api.post("/api/channels/email", {"on": False})
    assert api.get("/api/channels")[0]["on"] is False
    inside(api)
    assert [one.data["reason"] for one in api.wait(DAY) if one.kind == "held"] == ["undeliverable"]
    api.post("/api/channels/email", {"on": True})
    assert api.get("/api/channels")[0]["on"] is True
    api.ask("POST", "/api/channels/pigeon", json={"on": True}, status=404)


# -------------------------------------------------------------------------------------------------- tasks


@pytest.fixture
def tasked(tmp_path: Any) -> Any:
    kinds = {
        "call": {
            "of": "person",
            "title": "Call them",
            "outcomes": ["saved", "lost"],
            "due": "2d",
        }
    }
    with Api(small(tasks=kinds), tmp_path) as api:
        api.event("identify", "ada", traits={"email": "ada@shop.example"})
        yield api


def test_a_task_is_opened_claimed_put_off_noted_and_closed(tasked: Api) -> None:
    opened = tasked.ask(
        "POST",
        "/api/tasks",
        json={"kind": "call", "person": {"user_id": "ada"}, "reason": "asked"},
        status=201,
    )
    ident = next(one["data"]["task"] for one in opened["effects"] if one["kind"] == "task")
    (task,) = tasked.get("/api/tasks")["items"]
    assert (task["id"], task["subject"]["id"], task["outcomes"]) == (
        ident,
        tasked.person("ada"),
        ["saved", "lost"],
    )
    tasked.post(f"/api/tasks/{ident}", {"action": "claim", "by": "mona"})
    tasked.post(f"/api/tasks/{ident}", {"action": "snooze", "for": "1d", "by": "mona"})
    tasked.post(f"/api/tasks/{ident}", {"action": "note", "note": "on holiday", "by": "mona"})
    assert tasked.get("/api/tasks", owner="mona")["items"][0]["snoozes"] == 1
    found = tasked.ask("POST", f"/api/tasks/{ident}", json={"action": "close", "outcome": "gone"}, status=409)
    assert "saved, lost" in found["fix"]
    tasked.post(f"/api/tasks/{ident}", {"action": "close", "outcome": "saved", "by": "mona"})
    shown = tasked.get(f"/api/tasks/{ident}")
    assert (shown["task"]["outcome"], shown.get("open")) == ("saved", None)
    kinds = [one["kind"] for one in reversed(shown["moments"])]
    assert kinds == ["task", "task_assigned", "task_snoozed", "task_noted", "task_closed"]
    late = tasked.post(f"/api/tasks/{ident}", {"action": "close", "outcome": "lost"})
    assert [one["kind"] for one in late["effects"]] == ["task_refused"]
    assert tasked.get("/api/tasks/history", open=False)["items"][0]["id"] == ident


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"action": "claim"}, "by"),
        ({"action": "assign"}, "to"),
        ({"action": "snooze"}, "until"),
        ({"action": "close"}, "outcome"),
    ],
)
def test_what_a_change_of_a_task_needs_is_asked_for(tasked: Api, change: dict[str, str], where: str) -> None:
    assert tasked.ask("POST", "/api/tasks/0123456789abcdef", json=change, status=400)["where"] == where


# ---------------------------------------------------------------------------------------------- workspace


def test_a_workspace_is_compared_and_put_in_force(api: Api) -> None:
    inside(api)
    before = api.get("/api/workspace")
    changed = msgspec.json.decode(msgspec.json.encode(before["workspace"]))
    changed["segments"]["active"]["when"] = "logins >= 1"
    changed["journeys"]["greet"]["steps"]["pause"]["for"] = "3h"
    compared = api.post("/api/workspace/diff", {"workspace": changed})
    assert {(one["section"], one["name"]) for one in compared["changes"]} == {
        ("segments", "active"),
        ("journeys", "greet"),
    }
    assert compared["journeys"] == [{"journey": "greet", "choices": {"pause": 1}}]
    position = api.live.log.next_position
    api.ask("POST", "/api/workspace/apply", json={"workspace": changed}, scope="write", status=403)
    api.ask("POST", "/api/workspace/apply", json={"workspace": changed, "expected": "0" * 16}, status=409)
    assert api.live.log.next_position == position
    done = api.post(
        "/api/workspace/apply",
        {
            "workspace": changed,
            "expected": compared["version"],
            "choices": {"greet": {"pause": "migrate_keep"}},
        },
    )
    assert {"workspace", "published", "migrated"} <= {one["kind"] for one in done["effects"]}
    assert api.get("/api/workspace")["version"] != before["version"]
    assert api.get("/api/journeys/greet/runs")["items"][0]["due"] == api.clock.now() + 3 * 3_600_000


def test_a_workspace_that_is_wrong_is_not_put_in_force(api: Api) -> None:
    position = api.live.log.next_position
    files = {"workspace.yaml": "name: small\n", "segments.yaml": "active: {when: logins >= 1}\n"}
    found = api.ask("POST", "/api/workspace/apply", json={"files": files}, status=422)
    assert found["problems"][0]["file"] == "segments.yaml" and found["problems"][0]["line"] == 1
    checked = api.post("/api/workspace/check", {"files": files})
    assert not checked["ok"] and checked["problems"] == found["problems"]
    assert api.live.log.next_position == position


@pytest.mark.parametrize(
    "name", ["../out.yaml", "/etc/out.yaml", "a/../../out.yaml", "", "a\\b.yaml", "a\x00b"]
)
def test_a_file_stays_in_the_workspaces_folder(api: Api, name: str) -> None:
    found = api.ask("POST", "/api/workspace/check", json={"files": {name: "name: x\n"}}, status=400)
    assert found["where"] == "files"


def test_a_workspace_is_given_in_one_way(api: Api) -> None:
    assert api.ask("POST", "/api/workspace/check", json={}, status=400)["where"] == "files"
    found = api.ask(
        "POST", "/api/workspace/check", json={"workspace": {"name": "x", "segments": 5}}, status=400
    )
    assert found["where"] == "workspace.segments"


# --------------------------------------------------------------------------------------------------- keys


def test_keys_are_made_shown_once_rotated_and_revoked(api: Api) -> None:
    made = api.ask("POST", "/api/keys/write", json={"source": "website"}, status=201)
    assert api.keys.source_of(made["secret"]) == "website"
    (source,) = api.get("/api/sources")
    assert (source["name"], source["keys"][0]["id"]) == ("website", made["key"]["id"])
    assert made["secret"] not in msgspec.json.encode(api.get("/api/keys")).decode()
    rotated = api.ask("POST", f"/api/keys/{made['key']['id']}/rotate", json={"overlap_ms": 1_000}, status=201)
    assert api.keys.source_of(made["secret"]) == api.keys.source_of(rotated["secret"]) == "website"
    api.clock.advance(1_000)
    assert api.keys.source_of(made["secret"]) is None
    assert api.ask("DELETE", f"/api/keys/{rotated['key']['id']}")["revoked"] == api.clock.now()
    assert api.keys.source_of(rotated["secret"]) is None
    other = api.ask("POST", "/api/keys/api", json={"name": "reports", "scope": "read"}, status=201)
    assert api.request("GET", "/api/people", scope=other["secret"]).status_code == 200
    assert [one[0] for one in audited(api)] == ["key.make", "key.rotate", "key.revoke", "key.make"]
    api.ask("DELETE", "/api/keys/key_none", status=404)
    assert (
        api.ask("POST", "/api/keys/api", json={"name": "x", "scope": "god"}, status=400)["where"] == "scope"
    )


def test_the_audit_log_says_who(api: Api) -> None:
    api.ask("POST", "/api/journeys/greet/pause", json={}, scope="write")
    (entry,) = api.get("/api/audit", action="journey.*")["items"]
    writer = next(one for one in api.get("/api/keys") if one["scope"] == "write")
    assert (entry["key"], entry["target"], entry["position"]) == (
        writer["id"],
        "greet",
        api.live.log.next_position - 1,
    )
    api.ask("GET", "/api/audit", scope="write", status=403)


# ------------------------------------------------------------------------------------------- dead letters


def test_dead_letters_are_listed_and_taken_again(api: Api) -> None:
    now = api.clock.now()
    good = msgspec.json.encode({"type": "track", "event": "Hi", "userId": "eve", "messageId": "e1"})
    dropped = [
        Dropped(Reason.TOO_MANY_EVENTS, "one too many", good, now, "site"),
        Dropped(Reason.NOT_JSON, "no JSON", b"{", now, "site"),
    ]
    api.live.log.add_dead_letters(dropped)
    found = api.get("/api/dead-letters")
    assert sum(found["counts"].values()) == 2 and [one["raw"] for one in found["items"]] == [
        good.decode(),
        "{",
    ]
    assert len(api.get("/api/dead-letters", reason=str(Reason.NOT_JSON))["items"]) == 1
    ids = [one["id"] for one in found["items"]]
    replayed = api.post("/api/dead-letters/replay", {"ids": [*ids, 999]})
    assert (replayed["taken"], replayed["refused"], replayed["missing"]) == (1, {str(Reason.NOT_JSON): 1}, 1)
    assert [one["id"] for one in api.get("/api/dead-letters")["items"]] == [ids[1]]
    api.person("eve")
    api.live.log.add_dead_letters(dropped[:1])
    (again, _) = api.get("/api/dead-letters")["items"][::-1]
    assert api.post("/api/dead-letters/replay", {"ids": [again["id"]]})["duplicates"] == 1
    api.ask("GET", "/api/dead-letters?reason=nonsense", status=400)


# -------------------------------------------------------------------------------------------------- sends


def test_a_key_is_known_for_as_long_as_the_history_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sevenfold.messages.outcomes.MESSAGE_SETTLED_ENTRIES_MAX", 0)
    body = {"template": "receipt", "person": {"email": "ada@shop.example"}, "key": "order-7"}
    sent = api.post("/v1/send", body)
    for outcome in ("claimed", "sent", "delivered"):
        api.control(op="outcome", effect=sent["effect"], outcome=outcome)
    assert api.live.fold.journeys.services["messages"].book.get(sent["effect"]) is None
    again = api.post("/v1/send", body)
    assert (again["decision"], again["effect"]) == ("repeated", sent["effect"])


def test_a_transactional_message_is_sent_once(api: Api) -> None:
    body = {
        "template": "receipt",
        "person": {"email": "ada@shop.example"},
        "key": "order-1",
        "data": {"order_id": "A1"},
    }
    sent = api.post("/v1/send", body)
    assert (sent["decision"], sent["channel"], sent["reason"]) == ("message", "email", None)
    again = api.post("/v1/send", body)
    assert (again["decision"], again["effect"]) == ("repeated", sent["effect"])
    by_header = {name: value for name, value in body.items() if name != "key"}
    third = api.ask("POST", "/v1/send", json=by_header, headers={"idempotency-key": "order-1"})
    assert third["effect"] == sent["effect"]
    (message,) = api.get("/api/messages", template="receipt")["items"]
    assert (message["journey"], message["data"]["event"]) == ("$send", {"order_id": "A1"})
    assert message["person"] == api.person("ada@shop.example")
    assert api.ask("POST", "/v1/send", json=by_header, status=400)["where"] == "key"
    api.ask("POST", "/v1/send", json=body, scope="read", status=403)
    found = api.ask("POST", "/v1/send", json={**body, "key": "k2", "template": "receit"}, status=409)
    assert "did you mean `receipt`?" in found["fix"]
    assert [one[0] for one in audited(api)] == ["message.send"] * 4


def test_a_transactional_message_does_not_go_to_a_suppressed_address(api: Api) -> None:
    api.ask("POST", "/api/suppressions", json={"address": "ada@shop.example"}, status=201)
    sent = api.post(
        "/v1/send", {"template": "receipt", "person": {"email": "ada@shop.example"}, "key": "order-1"}
    )
    assert (sent["decision"], sent["reason"]) == ("held", "suppressed")
