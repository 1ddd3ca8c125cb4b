"""What clients rely on: paths, keys, statuses, errors, CORS, and that nothing else ever comes back."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from sevenfold.log.base import New, Receipt
from sevenfold.log.memory import MemoryLog
from sevenfold.server.ingest import is_ingest_path
from sevenfold.server.live import BusyError, UnavailableError
from tests.edges.ingest.serving import LogAlone, Served, basic, served

TYPES = ("identify", "track", "page", "screen", "group", "alias")


def event(type_: str = "track", **fields: Any) -> dict[str, Any]:
    """A good event of each type."""
    own = {
        "track": {"event": "Signed In"},
        "group": {"groupId": "acct-1"},
        "alias": {"previousId": "anon-1"},
    }
    return {"type": type_, "userId": "u1", "messageId": f"m-{type_}", **own.get(type_, {}), **fields}


# --- paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("path", ["/v1/{type}", "/v1/{letter}", "/api/s/{type}"])
def test_a_path_says_what_its_event_is(path: str, type_: str, slash: str, server: Served) -> None:
    sent = event(type_)
    del sent["type"]
    answer = server.post(path.format(type=type_, letter=type_[0]) + slash, sent)
    assert (answer.status, answer.body) == (
        200,
        {"success": True, "accepted": 1, "duplicates": 0, "refused": []},
    )
    assert [one.type for one in server.events()] == [type_]


def test_the_path_is_believed_rather_than_the_event(server: Served) -> None:
    server.post("/v1/track", event("track", type="page"))
    assert [one.type for one in server.events()] == ["track"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/b", "//v1/batch/"])
def test_batches_come_under_many_names(path: str, server: Served) -> None:
    answer = server.post(path, {"batch": [event(type_) for type_ in TYPES]})
    assert (answer.status, answer.body["accepted"]) == (200, 6)


@pytest.mark.parametrize("path", ["/v1/m", "/m"])
def test_what_clients_measure_about_themselves_is_taken_and_forgotten(path: str, server: Served) -> None:
    answer = server.post(path, {"series": [{"metric": "x"}]}, key="")
    assert (answer.status, server.entries()) == (200, [])


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/send", "/v1/inapp/x", "/v1/x", "/api", "/api/s", "/api/segments", "/api/s/tracks",
     "/sevenfold.js", "/v1/projects/settings", "/v1/projects/k/settings/more", "/hooks/batch", "/batches"],
)  # fmt: skip
def test_what_stands_beside_is_left_to_others(path: str) -> None:
    assert not is_ingest_path(path)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_events_are_posted_and_a_wrong_method_is_400(method: str, server: Served) -> None:
    assert server.ask(method, "/v1/track").status == 400


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_write_key_may_stand_in_four_places(server: Served) -> None:
    def sent(number: int, **fields: Any) -> dict[str, Any]:
        return event(messageId=f"m{number}", **fields)

    assert server.post("/v1/track", sent(1)).status == 200
    assert server.post("/v1/track", sent(2), {"X-Write-Key": server.key}, key="").status == 200
    assert server.post("/v1/track", sent(3, writeKey=server.key), key="").status == 200
    assert server.post("/v1/batch", {"batch": [sent(4)], "writeKey": server.key}, key="").status == 200
    assert server.post("/v1/batch", {"batch": [sent(5, writeKey=server.key)]}, key="").status == 200
    bearer = {"Authorization": "Bearer something"}
    assert server.post("/v1/track", sent(6, writeKey=server.key), bearer, key="").status == 200
    assert len(server.entries()) == 6
    assert not any(server.key.encode() in entry.raw for entry in server.entries()), "no key is stored"


def test_of_several_keys_the_first_in_the_stated_order_counts(server: Served) -> None:
    shop = server.keys.make_write_key("shop").secret
    body = {"batch": [event(writeKey="x")], "writeKey": shop}

    def source(headers: dict[str, str], body: dict[str, Any]) -> str:
        server.renew()
        answer = server.post("/v1/batch", body, headers, key="")
        assert answer.status == 200, answer.raw
        return server.entries()[0].source

    assert source({"Authorization": basic(server.key), "X-Write-Key": shop}, body) == "web"
    assert source({"X-Write-Key": server.key}, body) == "web"
    assert source({}, {"batch": [event(writeKey=server.key)], "writeKey": shop}) == "shop"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": basic("nobody")}, {"X-Write-Key": "nobody"}, {"Authorization": "Basic ???"},
     {"Authorization": "Basic"}, {"Authorization": basic("")}],
)  # fmt: skip
def test_no_key_and_a_wrong_key_are_401(headers: dict[str, str], server: Served) -> None:
    answer = server.post("/v1/batch", {"batch": [event()]}, headers, key="")
    assert answer.status == 401
    assert answer.body["success"] is False and answer.body["code"] == "write_key_invalid"
    assert server.entries() == []


def test_an_api_key_opens_nothing_here_and_a_revoked_key_nothing_any_more(server: Served) -> None:
    made = server.keys.make_api_key("ops", "admin")
    assert server.post("/v1/track", event(), key=made.secret).status == 401
    write = server.keys.make_write_key("old")
    assert server.post("/v1/track", event(), key=write.secret).status == 200
    server.keys.revoke(write.key.id)
    assert server.post("/v1/track", event(messageId="m2"), key=write.secret).status == 401


# --- bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", "", "image/png"])
def test_the_content_type_is_not_looked_at(type_: str, server: Served) -> None:
    assert server.post("/v1/track", event(), {"Content-Type": type_}).status == 200


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}, {"Content-Encoding": "GZIP"}])
def test_gzip_is_known_by_its_header_or_by_how_it_begins(headers: dict[str, str], server: Served) -> None:
    body = gzip.compress(json.dumps({"batch": [event()]}).encode())
    assert server.post("/v1/batch", body, headers).body["accepted"] == 1


def test_gzip_files_that_follow_one_another_are_one_body(server: Served) -> None:
    text = json.dumps({"batch": [event()]}).encode()
    body = gzip.compress(text[:20]) + gzip.compress(text[20:])
    assert server.post("/v1/batch", body).body["accepted"] == 1


def test_a_header_that_a_proxy_left_behind_does_no_harm(server: Served) -> None:
    assert server.post("/v1/track", event(), {"Content-Encoding": "gzip"}).status == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"nothing", "not_json"),
        (b"[]", "not_json"),
        (b"null", "not_json"),
        (b'"batch"', "not_json"),
        (b'{"batch":[', "not_json"),
        (b'{"batch":[{"type":"track"}', "not_json"),
        (b"{}", "no_batch"),
        (b'{"batch":{}}', "no_batch"),
        (b'{"batch":null}', "no_batch"),
        (b'{"batch":"x"}', "no_batch"),
        (gzip.compress(b'{"batch":[]}', mtime=0)[:-9], "encoding_invalid"),
        (b"\x1f\x8bnothing", "encoding_invalid"),
    ],
)
def test_a_body_that_is_no_batch_is_400_and_says_why(body: bytes, code: str, server: Served) -> None:
    answer = server.post("/v1/batch", body)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (400, False, code)
    assert isinstance(answer.body["message"], str) and answer.body["message"]


def test_a_packing_that_is_not_known_is_400(server: Served) -> None:
    body = zlib.compress(b'{"batch":[]}')
    assert server.post("/v1/batch", body, {"Content-Encoding": "deflate"}).body["code"] == "encoding_invalid"


def test_a_single_event_that_is_refused_is_200_with_its_reason(server: Served) -> None:
    answer = server.post("/v1/track", {"event": "Signed In"})
    assert answer.status == 200
    (refused,) = answer.body["refused"]
    assert (refused["index"], refused["code"]) == (0, "no_user_anon_id")
    assert [reason for reason, _ in server.dropped()] == ["no_user_anon_id"]


# --- browsers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/t", "/v1/batch", "/api/s/track", "/v1/projects/k/settings", "/sourceConfig/"]
)
def test_a_browser_that_asks_first_is_allowed(path: str, server: Served) -> None:
    asked = "anonymousid,authorization,content-type,sentat,x-retry-count,x-write-key,x-new-one"
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    answer = server.ask("OPTIONS", path, None, headers)
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert set(asked.split(",")) <= allowed
    assert answer.headers["access-control-max-age"] == "86400"
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_headers_that_are_no_names_are_not_allowed_back(server: Served) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Headers": "a; b=<c>"}
    answer = server.ask("OPTIONS", "/v1/t", None, headers)
    assert "<c>" not in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("key", [None, "nobody"])
def test_every_answer_to_a_page_can_be_read_by_it(key: str | None, server: Served) -> None:
    answer = server.post("/v1/t", event(), {"Origin": "https://shop.example"}, key=key)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


def test_settings_send_a_browser_client_back_here(server: Served) -> None:
    answer = server.ask(
        "GET", f"/v1/projects/{server.key}/settings", headers={"Origin": "https://shop.example"}
    )
    segment = answer.body["integrations"]["Segment.io"]
    assert answer.status == 200
    assert (segment["apiKey"], segment["protocol"]) == (server.key, "http")
    assert segment["apiHost"] == f"127.0.0.1:{server.port}/v1"
    assert answer.body["metrics"]["sampleRate"] == 0


def test_behind_a_proxy_settings_name_the_public_address() -> None:
    with served(public_url="https://events.example.com") as server:
        answer = server.ask("GET", f"/v1/projects/{server.key}/settings")
        segment = answer.body["integrations"]["Segment.io"]
        assert (segment["apiHost"], segment["protocol"]) == ("events.example.com/v1", "https")
        assert segment["deliveryStrategy"]["strategy"] == "batching"
        loaded = server.ask("GET", f"/analytics.js/v1/{server.key}/analytics.min.js")
        assert b'"https://events.example.com"' in loaded.raw


def test_a_trusted_proxy_says_that_it_is_https() -> None:
    with served(trusted_proxies="127.0.0.0/8") as server:
        told = {"X-Forwarded-Proto": "https", "Host": "events.example.com"}
        answer = server.ask("GET", f"/v1/projects/{server.key}/settings", headers=told)
        segment = answer.body["integrations"]["Segment.io"]
        assert (segment["apiHost"], segment["protocol"]) == ("events.example.com/v1", "https")


def test_rudderstack_finds_its_source(server: Served) -> None:
    for path, headers in (
        (f"/sourceConfig/?p=npm&writeKey={server.key}", {}),
        ("/sourceConfig", {"Authorization": basic(server.key)}),
    ):
        answer = server.ask("GET", path, headers=headers)
        assert (answer.status, answer.body["source"]["writeKey"]) == (200, server.key)
        assert answer.body["source"]["enabled"] is True


@pytest.mark.parametrize(
    "path", ["/v1/projects/nobody/settings", "/analytics.js/v1/nobody/analytics.min.js", "/sourceConfig"]
)
def test_without_a_key_there_are_no_settings(path: str, server: Served) -> None:
    answer = server.ask("GET", path)
    assert (answer.status, answer.body["code"]) == (401, "write_key_invalid")


def test_the_loader_says_nothing_that_a_host_header_could_break_out_of(server: Served) -> None:
    path = f"/analytics.js/v1/{server.key}/analytics.min.js"
    answer = server.ask("GET", path, headers={"Host": 'x"</script><script>alert(1)'})
    assert answer.status == 200
    assert b"</script>" not in answer.raw and b'x\\"' in answer.raw
    assert answer.headers["content-type"].startswith("text/javascript")


# --- load ---------------------------------------------------------------------------------------------------


class Failing(LogAlone):
    """A log that says `error` to whoever appends."""

    error: Exception | None = None

    async def append(self, new: Any) -> list[Receipt]:
        if self.error is not None:
            raise self.error
        found: list[New] = list(new)
        return self.log.append(found)


def test_what_cannot_be_stored_is_asked_for_again_and_never_500() -> None:
    from sevenfold.clock import SystemClock
    from sevenfold.errors import LogUnwritableError

    live = Failing(MemoryLog(SystemClock()))
    with served(live=live) as server:
        for error, status in (
            (BusyError(3), 429),
            (UnavailableError("starting"), 503),
            (LogUnwritableError("The disk is full"), 503),
            (ZeroDivisionError("a defect, with ada@example.com in it"), 503),
        ):
            live.error = error
            answer = server.post("/v1/track", event(messageId=str(status)))
            assert answer.status == status
            assert int(answer.headers["retry-after"]) >= 1, "whole seconds"
            assert answer.body["code"] and answer.body["message"]
            assert b"ada@example.com" not in answer.raw
        live.error = None
        assert server.post("/v1/track", event()).body["accepted"] == 1


def test_more_than_a_key_may_send_is_429_with_the_seconds_to_wait() -> None:
    with served(write_rate_per_s=10) as server:
        statuses = [
            server.post("/v1/batch", {"batch": [event(messageId=f"{at}-{i}") for i in range(10)]}).status
            for at in range(3)
        ]
        assert statuses[0] == 200 and statuses[-1] == 429
        refused = server.post("/v1/batch", {"batch": [event(messageId="x")] * 10})
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        other = server.keys.make_write_key("other").secret
        assert server.post("/v1/track", event(), key=other).status == 200, "another key has its own rate"


def test_while_stopping_everything_is_asked_to_come_again() -> None:
    with served() as server:
        server.ingest.drain()
        answer = server.post("/v1/track", event())
        assert (answer.status, answer.body["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert server.entries() == []
