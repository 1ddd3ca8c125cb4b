"""Keys, scopes, other sites, sizes and errors, on every route of the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sevenfold.limits import API_BODY_BYTES_MAX
from sevenfold.server.admin.describing import document
from sevenfold.server.errors import SECURITY_HEADERS
from sevenfold.server.keys import SCOPES
from tests.edges.admin.api_world import Api, small

DOCUMENT = document()
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


OPERATIONS = list(operations())
GUARDED = [(method, path, one["x-scope"]) for method, path, one in OPERATIONS if one["x-scope"] != "open"]


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Api(small(), tmp_path_factory.mktemp("shut")) as made:
        yield made


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "0123456789abcdef", path.replace("{number}", "1"))


def is_error(found: Any, code: str | None = None) -> None:
    shape = found.json()
    assert shape["success"] is False
    assert (
        {"success", "code", "message"}
        <= shape.keys()
        <= {"success", "code", "message", "where", "fix", "problems"}
    )
    assert re.fullmatch(r"[a-z_]+", shape["code"])
    if code is not None:
        assert shape["code"] == code, shape
    for name, value in SECURITY_HEADERS.items():
        assert found.headers[name] == value


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=lambda one: one)
def test_a_route_refuses_no_key_a_wrong_key_and_a_smaller_scope(
    shut: Api, method: str, path: str, scope: str
) -> None:
    before = shut.live.log.next_position
    address = filled(path)
    found = shut.request(method, address, scope=None)
    assert found.status_code == 401
    assert found.headers["www-authenticate"].startswith("Bearer")
    is_error(found, "unauthorized")
    write_key = shut.keys.make_write_key("site").secret
    for wrong in ("sk_" + "A" * 43, write_key, "", "sk_", "\x00"):
        found = shut.request(method, address, headers={"authorization": f"Bearer {wrong}"}, scope=None)
        assert found.status_code == 401, wrong
    for smaller in SCOPES[: SCOPES.index(scope)]:  # type: ignore[arg-type]
        found = shut.request(method, address, scope=smaller)
        assert found.status_code == 403
        is_error(found, "forbidden")
    if path != "/api/stream":
        assert shut.request(method, address, scope=scope).status_code not in (401, 403)
    assert shut.live.log.next_position - before <= 1


def test_only_what_is_meant_to_be_open_is_open() -> None:
    opened = {path for _, path, one in OPERATIONS if one["x-scope"] == "open"}
    log_in = {"/api/session", "/api/session/oidc", "/api/session/oidc/callback"}
    assert opened == {"/health", "/ready", "/api/setup", "/api/setup/invitation", *log_in}
    assert {one["x-scope"] for _, _, one in OPERATIONS} == {"open", *SCOPES}


def test_metrics_are_open_only_when_the_settings_say_so(tmp_path: Path) -> None:
    with Api(small(), tmp_path / "one") as shut:
        assert shut.request("GET", "/metrics", scope=None).status_code == 401
    with Api(small(), tmp_path / "two", metrics_open=True) as opened:
        assert opened.request("GET", "/metrics", scope=None).status_code == 200


def test_a_revoked_or_expired_key_is_shut_out_at_once(api: Api) -> None:
    made = api.keys.make_api_key("short", "read", expires=api.clock.now() + 1_000)
    assert api.request("GET", "/api/people", scope=made.secret).status_code == 200
    api.clock.advance(1_000)
    assert api.request("GET", "/api/people", scope=made.secret).status_code == 401
    other = api.keys.make_api_key("other", "read")
    api.keys.revoke(other.key.id)
    assert api.request("GET", "/api/people", scope=other.secret).status_code == 401


def test_a_key_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with Api(small(), tmp_path) as api:
        api.keys._rates["api"] = 2
        statuses = [api.request("GET", "/api/segments", scope="read") for _ in range(5)]
        assert [one.status_code for one in statuses] == [200, 200, 200, 200, 429]
        assert statuses[-1].headers["retry-after"] == "1"
        is_error(statuses[-1], "rate_limited")
        api.clock.advance(1_000)
        assert api.request("GET", "/api/segments", scope="read").status_code == 200


# ------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/api/people/x/y/z", "/v2/send", "/../etc", "/%00"])
def test_an_unknown_address_has_the_one_shape(shut: Api, path: str) -> None:
    found = shut.request("GET", path)
    assert found.status_code == 404
    is_error(found, "not_found")


def test_a_wrong_method_says_which_are_right(shut: Api) -> None:
    found = shut.request("PUT", "/api/people")
    assert (found.status_code, found.headers["allow"]) == (405, "GET")
    is_error(found, "method_not_allowed")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"status": "maybe"}, "status"),
        ({}, ""),
        ({"status": "in", "colour": "red"}, ""),
        ({"status": "in", "channel": 5}, "channel"),
        ([], ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_a_body_of_the_wrong_shape_names_the_field(api: Api, body: Any, where: str) -> None:
    api.event("identify", "ada", traits={"email": "ada@shop.example"})
    found = api.request("PUT", f"/api/people/{api.person('ada')}/consent", json=body)
    assert found.status_code == 400
    is_error(found, "invalid")
    if where:
        assert where in found.json()["where"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"status": "in"', b"[" * 100_000, b'{"a":1}{'])
def test_a_body_that_is_no_json_is_said_to_be_none(shut: Api, body: bytes) -> None:
    found = shut.request(
        "POST", "/api/suppressions", content=body, headers={"content-type": "application/json"}
    )
    assert found.status_code == 400
    is_error(found, "invalid")


def test_a_body_that_is_too_large_is_refused(shut: Api) -> None:
    body = b'{"address": "' + b"a" * API_BODY_BYTES_MAX + b'"}'
    found = shut.request(
        "POST", "/api/suppressions", content=body, headers={"content-type": "application/json"}
    )
    assert found.status_code == 413
    is_error(found, "too_large")


def test_what_the_fold_refuses_is_told_as_it_says_it(api: Api) -> None:
    found = api.request("POST", "/api/journeys/greet/resume", json={})
    assert found.status_code == 409
    is_error(found, "bad_control")
    assert "not paused" in found.json()["message"]
    found = api.request("POST", "/api/journeys/gret/pause", json={})
    assert "did you mean `greet`?" in found.json()["fix"]


def test_a_defect_says_nothing_of_what_was_in_the_request(
    shut: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(question: str, /, **arguments: Any) -> Any:
        raise KeyError(arguments["value"])

    monkeypatch.setattr(shut.live, "ask", broken)
    found = shut.request("GET", "/api/people/lookup?value=bob@secret.example")
    assert found.status_code == 500
    is_error(found, "internal")
    assert "bob@secret" not in found.text + caplog.text
    assert "KeyError" in caplog.text


# -------------------------------------------------------------------------------------------- other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "http://api.test.evil.example"},
    ],
)
def test_requests_from_other_sites_are_refused(shut: Api, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/api/people"), ("POST", "/v1/send"), ("OPTIONS", "/api/people")):
        found = shut.request(method, path, headers=headers)
        assert found.status_code == 403
        is_error(found, "cross_site")
        assert "access-control-allow-origin" not in found.headers


def test_our_own_pages_may_ask(shut: Api) -> None:
    for headers in (
        {"origin": "http://api.test", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {},
    ):
        found = shut.request("GET", "/api/people", headers=headers)
        assert found.status_code == 200
        assert "access-control-allow-origin" not in found.headers


def test_an_allowed_site_may_ask_and_no_other(tmp_path: Path) -> None:
    with Api(small(), tmp_path, api_allowed_origins="https://console.example, https://other.example/") as api:
        preflight = {"origin": "https://console.example", "access-control-request-method": "POST"}
        found = api.request("OPTIONS", "/api/suppressions", headers=preflight, scope=None)
        assert found.status_code == 204
        assert found.headers["access-control-allow-origin"] == "https://console.example"
        assert "Authorization" in found.headers["access-control-allow-headers"]
        asked = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
        found = api.request("GET", "/api/people", headers=asked)
        assert found.status_code == 200
        assert found.headers["access-control-allow-origin"] == "https://other.example"
        assert "access-control-allow-credentials" not in found.headers
        assert (
            api.request("GET", "/api/people", headers={"origin": "https://evil.example"}).status_code == 403
        )
        assert api.request("GET", "/api/people", headers=asked, scope=None).status_code == 401


# ----------------------------------------------------------------------------------------- idempotency keys


def test_a_repeated_request_gets_the_first_answer_and_does_nothing(api: Api) -> None:
    body = {"address": "ada@shop.example"}
    once = {"idempotency-key": "import-7"}
    first = api.request("POST", "/api/suppressions", json=body, headers=once)
    position = api.live.log.next_position
    again = api.request("POST", "/api/suppressions", json=body, headers=once)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert api.live.log.next_position == position
    other = api.request("POST", "/api/suppressions", json={"address": "bob@shop.example"}, headers=once)
    assert other.status_code == 422
    is_error(other, "once_mismatch")
    assert api.request("POST", "/api/suppressions/remove", json=body, headers=once).status_code == 200


def test_an_answer_is_only_repeated_to_the_key_that_got_it(api: Api) -> None:
    body, once = {"address": "ada@shop.example"}, {"idempotency-key": "import-7"}
    assert api.request("POST", "/api/suppressions", json=body, headers=once).status_code == 201
    assert api.request("POST", "/api/suppressions", json=body, headers=once, scope=None).status_code == 401
    assert api.request("POST", "/api/suppressions", json=body, headers=once, scope="read").status_code == 403
    position = api.live.log.next_position
    found = api.request("POST", "/api/suppressions", json=body, headers=once, scope="write")
    assert (found.status_code, "idempotency-replayed" in found.headers) == (201, False)
    assert api.live.log.next_position == position + 1


def test_an_answer_is_kept_for_a_day(api: Api) -> None:
    body, once = {"address": "ada@shop.example"}, {"idempotency-key": "import-7"}
    api.request("POST", "/api/suppressions", json=body, headers=once)
    api.clock.advance(86_400_000 + 1)
    found = api.request("POST", "/api/suppressions", json=body, headers=once)
    assert "idempotency-replayed" not in found.headers


def test_no_key_is_ever_kept_as_an_answer(api: Api) -> None:
    made = api.request(
        "POST", "/api/keys/api", json={"name": "n", "scope": "read"}, headers={"idempotency-key": "k"}
    ).json()
    assert api.keys.store.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    assert made["secret"] not in repr(api.keys.store.execute("SELECT * FROM audit").fetchall())


def test_answers_carry_strict_headers(shut: Api) -> None:
    for path in (
        "/api/people",
        "/health",
        "/ready",
        "/api/openapi.json",
        "/api/workspace/export",
        "/metrics",
    ):
        found = shut.request("GET", path)
        assert found.status_code == 200, path
        for name, value in SECURITY_HEADERS.items():
            assert found.headers[name] == value, (path, name)
        assert "set-cookie" not in found.headers
