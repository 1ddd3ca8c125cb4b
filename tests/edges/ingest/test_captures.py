"""What real clients were recorded sending is taken whole: status, counts, ids, times and merged traits."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.edges.ingest.serving import Served, basic

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"
CLIENTS = (
    "analytics-next-1.70-chromium", "analytics-next-batching-chromium", "analytics-next-chromium",
    "analytics-next-snippet-chromium", "analytics-node-legacy-6.2", "analytics-python-1.4",
    "jitsu-js-chromium", "jitsu-js-node", "rudder-analytics-js-chromium", "rudder-sdk-node-nogzip",
    "rudder-sdk-node", "rudder-sdk-python-nogzip", "rudder-sdk-python", "segment-analytics-node-2.1",
    "segment-analytics-node",
    "segment-analytics-python-2.3.4", "segment-analytics-python-gzip", "segment-analytics-python",
)  # fmt: skip
POSTHOG = ("posthog-js-chromium", "posthog-node", "posthog-python-gzip", "posthog-python")
KINDS = {"p": "page", "i": "identify", "t": "track", "s": "screen", "g": "group", "a": "alias"}


def capture(name: str) -> list[dict[str, Any]]:
    path = CAPTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the recorded requests are not here")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["requests"]
    return found


def replayed(server: Served, request: dict[str, Any]) -> Any:
    """The recorded request, with its write key replaced by one of ours."""
    headers = {name: value for name, value in request["headers"] if name.lower() != "content-length"}
    recorded = key_of(request, headers)
    body = b"" if request["body"] is None else json.dumps(request["body"]).encode()
    path = request["path"]
    if recorded:
        body = body.replace(json.dumps(recorded).encode(), json.dumps(server.key).encode())
        path = path.replace(recorded, server.key)
    for name, value in headers.items():
        if name.lower() == "authorization" and value.startswith("Basic "):
            headers[name] = basic(server.key)
        elif name.lower() == "x-write-key":
            headers[name] = server.key
    if request["decoded_with"] == "gzip":
        body = gzip.compress(body)
    return server.ask(request["method"], path, body or None, headers)


def key_of(request: dict[str, Any], headers: dict[str, str]) -> str:
    named = {name.lower(): value for name, value in headers.items()}
    if named.get("authorization", "").startswith("Basic "):
        return base64.b64decode(named["authorization"][6:]).decode().rstrip(":")
    body = request["body"] if isinstance(request["body"], dict) else {}
    found = body.get("writeKey") or body.get("api_key") or named.get("x-write-key", "")
    if found:
        return str(found)
    return request["path"].split("/")[-2] if request["method"] == "GET" else ""


def sent_events(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events in the bodies, each with its type."""
    found = []
    for request in requests:
        body = request["body"]
        if request["method"] != "POST" or request["path"] == "/v1/m":
            continue
        for event in body.get("batch", [body]):
            name = request["path"].rsplit("/", 1)[-1]
            found.append({"type": KINDS.get(name, name), **event})
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("name", CLIENTS)
def test_every_recorded_request_is_answered_200_and_every_event_taken_once(name: str, server: Served) -> None:
    requests = capture(name)
    wanted = sent_events(requests)
    for again in (False, True):
        counted = {"accepted": 0, "duplicates": 0}
        for request in requests:
            answer = replayed(server, request)
            if request["method"] == "OPTIONS":
                assert answer.status == 204
                continue
            assert answer.status == 200, (request["path"], answer.raw)
            if request["method"] == "POST" and request["path"] != "/v1/m":
                assert answer.body["refused"] == []
                for field in counted:
                    counted[field] += answer.body[field]
        assert counted == {
            "accepted": 0 if again else len(wanted),
            "duplicates": len(wanted) if again else 0,
        }
    events, stored = server.events(), server.stored()
    assert [event.message_id for event in events] == [event["messageId"] for event in wanted]
    for event, raw, sent in zip(events, stored, wanted, strict=True):
        assert event.type == sent["type"]
        assert event.user_id == (sent.get("userId") or None)
        assert event.anonymous_id == (sent.get("anonymousId") or None)
        if event.type == "identify":
            assert event.traits == {**sent.get("context", {}).get("traits", {}), **sent.get("traits", {})}
        if event.type in ("track", "page", "screen"):
            assert raw.get("properties") == sent.get("properties")
        assert not {"writeKey", "_metadata"} & raw.keys()
        assert "ip" not in raw.get("context", {})


@pytest.mark.real_data
def test_traits_that_a_client_puts_into_the_context_alone_are_traits(server: Served) -> None:
    for request in capture("rudder-sdk-python"):
        replayed(server, request)
    (identify,) = [event for event in server.events() if event.type == "identify"]
    assert identify.traits == {"email": "ada@example.com", "name": "Ada Lovelace", "plan": "pro"}


@pytest.mark.real_data
def test_a_time_that_the_caller_gave_beats_when_the_call_was_made(server: Served) -> None:
    for request in capture("rudder-sdk-node"):
        replayed(server, request)
    (order,) = [event for event in server.events() if event.event == "Order Completed"]
    assert order.timestamp == "2026-01-02T03:04:05.678Z"
    assert order.original_timestamp is None


@pytest.mark.real_data
@pytest.mark.parametrize("name", POSTHOG)
def test_posthog_clients_are_understood(name: str, server: Served) -> None:
    requests = capture(name)
    for request in requests:
        answer = replayed(server, request)
        assert answer.status in (200, 204), (request["path"], answer.raw)
        if request["method"] == "POST" and request["path"].rstrip("/") in ("/batch", "/e"):
            assert answer.body["refused"] == []
    events = server.events()
    assert all(event.user_id == "user-1" for event in events if event.type not in ("group", "page"))
    assert not any(property_.startswith("$") for event in events for property_ in event.properties)
    if name == "posthog-python-gzip":
        return
    (told,) = [event for event in events if event.type == "identify" and event.traits]
    assert told.traits["email"] == "ada@example.com"
    (order,) = [event for event in events if event.event == "Order Completed"]
    assert order.properties["order_id"] == "o-1"
    if name in ("posthog-node", "posthog-python"):
        (group,) = [event for event in events if event.type == "group"]
        assert (group.group_id, group.traits) == ("acct-1", {"name": "Initech"})
        (alias,) = [event for event in events if event.type == "alias"]
        assert (alias.user_id, alias.previous_id) == ("user-1", "anon-1")


@pytest.mark.real_data
def test_the_key_of_an_event_is_its_source_and_its_message_id(server: Served) -> None:
    (request,) = capture("segment-analytics-python")
    first = replayed(server, request)
    other = server.keys.make_write_key("shop").secret
    again = server.post("/v1/batch", request["body"] | {"writeKey": other}, key=other)
    assert again.body["accepted"] == first.body["accepted"], "another source has messages of its own"
    assert {entry.source for entry in server.entries()} == {"web", "shop"}
