"""Members, roles, sessions: who comes in, what they may, and when they are out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.limits import (
    INVITATION_KEPT_MS,
    LOGIN_PAIR_FAILURES_ITEMS_MAX,
    LOGIN_WINDOW_MS,
    SESSION_IDLE_MS,
    SESSION_MS_MAX,
)
from sevenfold.server.members import COOKIE
from sevenfold.server.members.passwords import PasswordError, check, digest, verify
from sevenfold.server.members.sessions import CSRF_HEADER, csrf_of
from tests.edges.server.console_world import PASSWORD, Console


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with Console(tmp_path) as made:
        assert isinstance(made, Console)
        yield made


def first_admin(console: Console) -> dict[str, object]:
    token = console.members.invite().token
    body = {"token": token, "email": "Mona@Example.com", "name": "Mona", "password": PASSWORD}
    found = console.raw("POST", "/api/setup", json=body)
    assert found.status_code == 201, found.text
    console.tokens["mona"] = found.cookies[COOKIE]
    made: dict[str, object] = found.json()
    return made


def test_the_first_admin_is_made_once_with_the_token_of_the_first_start(console: Console) -> None:
    assert console.raw("GET", "/api/session").json()["set_up"] is True
    stale = console.members.invite().token
    me = first_admin(console)
    assert me["member"]["email"] == "mona@example.com" and me["member"]["role"] == "admin"  # type: ignore[index]
    assert me["may"] == ["viewer", "editor", "publisher", "admin"]
    assert console.raw("GET", "/api/session").json()["set_up"] is False
    again = {"token": stale, "email": "eve@example.com", "password": PASSWORD}
    assert console.raw("POST", "/api/setup", json=again).status_code == 400
    # A token of the set-up that was never used opens nothing once there is a member.
    left = console.members.invite().token
    found = console.raw("POST", "/api/setup", json={**again, "token": left})
    assert found.json()["code"] == "invitation_invalid"


def test_log_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(console: Console) -> None:
    first_admin(console)
    found = console.raw("POST", "/api/session", json={"email": "mona@example.com", "password": PASSWORD})
    assert found.status_code == 201
    cookie = found.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    token = found.cookies[COOKIE]
    held = console.keys.store.execute("SELECT digest, id FROM sessions").fetchall()
    assert all(token.encode() not in one[0] for one in held)
    me = console.raw("GET", "/api/session", headers={"cookie": f"{COOKIE}={token}"}).json()
    assert me["member"]["name"] == "Mona" and me["csrf"] == csrf_of(token)


def test_whatever_changes_something_needs_the_header_of_the_session(console: Console) -> None:
    console.member("editor")
    cookie = {"cookie": f"{COOKIE}={console.tokens['editor']}"}
    body = {"action": "append", "members": [{"user_id": "u1"}]}
    for headers in (cookie, {**cookie, CSRF_HEADER: "x" * 64}, {**cookie, CSRF_HEADER: csrf_of("other")}):
        found = console.raw("POST", "/api/lists/vips", json=body, headers=headers)
        assert found.status_code == 403 and found.json()["code"] == "csrf_missing"
    console.by("editor", "POST", "/api/lists/vips", json=body)
    assert console.raw("GET", "/api/people", headers=cookie).status_code == 200
    other = {**cookie, CSRF_HEADER: csrf_of(console.tokens["editor"]), "origin": "https://evil.example"}
    found = console.raw("POST", "/api/lists/vips", json=body, headers=other)
    assert found.json()["code"] == "cross_site"


def test_each_role_may_what_those_before_it_may(console: Console) -> None:
    for role in ("viewer", "editor", "publisher", "admin"):
        console.member(role)  # type: ignore[arg-type]
    asked = [
        ("GET", "/api/journeys", None, "viewer"),
        ("POST", "/api/lists/vips", {"members": [{"user_id": "u1"}]}, "editor"),
        ("POST", "/api/journeys/greet/pause", {}, "publisher"),
        ("GET", "/api/keys", None, "admin"),
    ]
    roles = ["viewer", "editor", "publisher", "admin"]
    for method, path, body, least in asked:
        for role in roles:
            found = console.as_member(role, method, path, json=body)
            if roles.index(role) < roles.index(least):
                assert found.json()["code"] == "role_too_small", (role, path)
            else:
                assert found.status_code in (200, 409), (role, path, found.text)


def test_the_audit_log_names_the_member(console: Console) -> None:
    member = console.member("publisher", "otto")
    console.member("admin")
    console.by("otto", "POST", "/api/journeys/greet/pause", json={})
    (entry,) = console.by("admin", "GET", "/api/audit", params={"action": "journey.pause"})["items"]
    assert (entry["key"], entry["who"]) == (member.id, "otto")
    console.by("admin", "DELETE", f"/api/members/{member.id}")
    (entry,) = console.by("admin", "GET", "/api/audit", params={"action": "journey.pause"})["items"]
    assert entry["who"] == "otto"


def test_a_session_slides_while_it_is_used_and_ends_at_last(console: Console) -> None:
    console.member("viewer")
    began = console.clock.now()
    while console.clock.now() - began < SESSION_MS_MAX - SESSION_IDLE_MS:
        console.by("viewer", "GET", "/api/segments")
        console.clock.advance(SESSION_IDLE_MS // 2)
    while console.as_member("viewer", "GET", "/api/segments").status_code == 200:
        console.clock.advance(SESSION_IDLE_MS // 2)
    assert console.clock.now() - began >= SESSION_MS_MAX
    console.member("viewer", "otto")
    console.clock.advance(SESSION_IDLE_MS)
    found = console.as_member("otto", "GET", "/api/segments")
    assert found.status_code == 401


def test_logging_out_ends_this_session_or_all_of_ones_own(console: Console) -> None:
    member = console.member("viewer", "otto")
    console.member("viewer", "other")
    for name in ("second", "third"):
        console.tokens[name] = console.sessions.open(member, "password").token
    assert len(console.by("otto", "GET", "/api/sessions")) == 3
    assert console.by("otto", "DELETE", "/api/session")["ended"] == 1
    assert console.as_member("otto", "GET", "/api/segments").status_code == 401
    assert console.by("second", "DELETE", "/api/session", params={"everywhere": True})["ended"] == 2
    assert console.as_member("third", "GET", "/api/segments").status_code == 401
    assert console.as_member("other", "GET", "/api/segments").status_code == 200


def test_another_role_and_removal_count_at_once_and_the_last_admin_stays(console: Console) -> None:
    admin = console.member("admin")
    otto = console.member("editor", "otto")
    console.by("admin", "PATCH", f"/api/members/{otto.id}", json={"role": "viewer"})
    assert console.as_member("otto", "GET", "/api/segments").status_code == 401
    console.tokens["otto"] = console.sessions.open(otto, "password").token
    assert console.by("otto", "GET", "/api/session")["member"]["role"] == "viewer"
    console.by("admin", "DELETE", f"/api/members/{otto.id}")
    assert console.as_member("otto", "GET", "/api/segments").status_code == 401
    found = console.by("admin", "DELETE", f"/api/members/{admin.id}", 400)
    assert found["message"] == "this is the last admin"
    # The address is free again.
    console.by("admin", "POST", "/api/members", 201, json={"email": "otto@example.com"})


def test_somebody_who_was_invited_chooses_a_password_once_and_in_time(console: Console) -> None:
    console.member("admin")
    made = console.by(
        "admin", "POST", "/api/members", 201, json={"email": "Ida@example.com", "role": "editor"}
    )
    assert made["member"]["email"] == "ida@example.com" and not made["member"]["password"]
    shown = console.raw("GET", "/api/setup/invitation", params={"token": made["token"]}).json()
    assert shown["email"] == "ida@example.com"
    weak = {"token": made["token"], "password": "ida@example.com"}
    assert console.raw("POST", "/api/setup", json=weak).json()["code"] == "password_refused"
    good = {"token": made["token"], "password": PASSWORD, "name": "Ida"}
    assert console.raw("POST", "/api/setup", json=good).status_code == 201
    assert console.raw("POST", "/api/setup", json=good).json()["code"] == "invitation_invalid"
    found = console.raw("POST", "/api/session", json={"email": "ida@example.com", "password": PASSWORD})
    assert found.json()["member"]["role"] == "editor"
    late = console.by("admin", "POST", f"/api/members/{made['member']['id']}/invitation", 201)
    console.clock.advance(INVITATION_KEPT_MS)
    found = console.raw("POST", "/api/setup", json={**good, "token": late["token"]})
    assert found.json()["code"] == "invitation_invalid"


def test_whoever_guesses_waits_and_an_unknown_address_answers_alike(console: Console) -> None:
    first_admin(console)
    wrong = {"email": "mona@example.com", "password": "wrong"}
    nobody = {"email": "nobody@example.com", "password": "wrong"}
    for body in (wrong, nobody):
        answers = [
            console.raw("POST", "/api/session", json=body) for _ in range(LOGIN_PAIR_FAILURES_ITEMS_MAX)
        ]
        assert {one.status_code for one in answers} == {401}
        assert {one.json()["message"] for one in answers} == {"address and password do not belong together"}
        found = console.raw("POST", "/api/session", json=body)
        assert found.status_code == 429 and int(found.headers["retry-after"]) > 60
    right = {**wrong, "password": PASSWORD}
    assert console.raw("POST", "/api/session", json=right).status_code == 429
    console.clock.advance(LOGIN_WINDOW_MS)
    assert console.raw("POST", "/api/session", json=right).status_code == 201


def test_another_password_ends_all_other_sessions(console: Console) -> None:
    first_admin(console)
    body = {"email": "mona@example.com", "password": PASSWORD}
    console.tokens["phone"] = console.raw("POST", "/api/session", json=body).cookies[COOKIE]
    change = {"password": "not mine at all", "new": "four quite other words"}
    assert console.as_member("mona", "PUT", "/api/members/me/password", json=change).status_code == 401
    console.by("mona", "PUT", "/api/members/me/password", json={**change, "password": PASSWORD})
    assert console.as_member("phone", "GET", "/api/segments").status_code == 401
    assert console.as_member("mona", "GET", "/api/segments").status_code == 200
    body["password"] = change["new"]
    assert console.raw("POST", "/api/session", json=body).status_code == 201


def test_passwords_are_kept_as_argon2id_and_poor_ones_not_at_all() -> None:
    kept = digest(PASSWORD, "mona@example.com")
    assert kept.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert verify(kept, PASSWORD) and not verify(kept, PASSWORD + "!") and not verify(None, PASSWORD)
    for poor in ("short", "password1234", "aaaaaaaaaaaaaaaa", "mona@example.com1", "x" * 2_000):
        with pytest.raises(PasswordError):
            check(poor, "mona@example.com")


def test_members_are_managed_at_the_machine(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        found = CliRunner().invoke(main, ["members", *words, "--data", str(tmp_path)])
        assert found.exit_code == 0, found.output
        return found.stdout

    assert "There are no members" in run("list")
    assert "/welcome#token=invite_" in run("add", "mona@example.com", "--role", "admin", "--name", "Mona")
    run("add", "otto@example.com")
    assert "Otto" not in run("role", "otto@example.com", "publisher")
    found = {one["email"]: one["role"] for one in json.loads(run("list", "--json"))}
    assert found == {"mona@example.com": "admin", "otto@example.com": "publisher"}
    assert json.loads(run("password", "otto@example.com", "--json"))["token"].startswith("invite_")
    run("remove", "otto@example.com")
    assert "otto" not in run("list")
    refused = CliRunner().invoke(main, ["members", "remove", "mona@example.com", "--data", str(tmp_path)])
    assert refused.exit_code == 2 and "last admin" in refused.output
