"""PostHog's events as Segment's: who, what, and where each property goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.server.ingest.errors import RequestError
from sevenfold.server.ingest.posthog import from_posthog
from sevenfold.server.ingest.rewriting import SERVER
from sevenfold.server.ingest.taking import Request
from tests.edges.ingest.taken import NOW, USUAL


def understood(event: dict[str, Any], **around: Any) -> dict[str, Any]:
    """One event as it is handed on, without what is empty."""
    (raw,) = from_posthog(json.dumps({"api_key": "k", "batch": [event], **around}).encode()).events
    return {name: value for name, value in json.loads(bytes(raw)).items() if value not in (None, {})}


def test_a_visitor_is_nobody_until_they_say_who_they_are() -> None:
    device = {"distinct_id": "d1", "$device_id": "d1"}
    assert understood({"event": "Looked", "properties": device}) == {
        "type": "track",
        "event": "Looked",
        "anonymousId": "d1",
    }
    said = {"distinct_id": "u1", "$device_id": "d1"}
    found = understood({"event": "Looked", "properties": said})
    assert (found["userId"], found["anonymousId"]) == ("u1", "d1")
    told = {"$anon_distinct_id": "d1", "$set_once": {"plan": "free", "a": 1}, "$set": {"plan": "pro"}}
    found = understood({"event": "$identify", "distinct_id": "u1", "properties": told})
    assert found == {
        "type": "identify",
        "userId": "u1",
        "anonymousId": "d1",
        "traits": {"plan": "pro", "a": 1},
    }


def test_a_page_view_is_a_page_and_its_circumstances_are_context() -> None:
    properties = {
        "$current_url": "https://shop.example/a?utm_source=nl",
        "$pathname": "/a",
        "$referrer": "https://x.example",
        "title": "A",
        "utm_source": "nl",
        "utm_campaign": "spring",
        "$raw_user_agent": "UA",
        "$timezone": "Europe/Lisbon",
        "$browser_language": "pt-PT",
        "$session_id": "s1",
        "$groups": {"company": "acct-1"},
        "color": "red",
        "$lib": "web",
        "$lib_version": "1",
        "$ip": "203.0.113.7",
    }
    found = understood({"event": "$pageview", "distinct_id": "u1", "uuid": "m1", "properties": properties})
    page = {
        "url": "https://shop.example/a?utm_source=nl",
        "path": "/a",
        "referrer": "https://x.example",
        "title": "A",
    }
    assert (found["type"], found["name"], found["messageId"]) == ("page", "A", "m1")
    assert found["properties"] == {
        **page,
        "color": "red",
        "utm_source": "nl",
        "utm_campaign": "spring",
    }
    assert found["context"] == {
        "page": page,
        "campaign": {"source": "nl", "name": "spring"},
        "userAgent": "UA",
        "timezone": "Europe/Lisbon",
        "locale": "pt-PT",
        "sessionId": "s1",
        "groupId": "acct-1",
        "library": {"name": "web", "version": "1"},
        "ip": "203.0.113.7",
    }


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (
            {"event": "$set", "distinct_id": "u", "$set": {"a": 1}},
            {"type": "identify", "userId": "u", "traits": {"a": 1}},
        ),
        (
            {"event": "$create_alias", "distinct_id": "u", "properties": {"alias": "d"}},
            {"type": "alias", "userId": "u", "previousId": "d"},
        ),
        (
            {"event": "$screen", "distinct_id": "u", "properties": {"$screen_name": "Main", "a": 1}},
            {"type": "screen", "userId": "u", "name": "Main", "properties": {"a": 1}},
        ),
        (
            {
                "event": "$groupidentify",
                "properties": {"$group_type": "company", "$group_key": "a", "$group_set": {"x": 1}},
            },
            {"type": "group", "anonymousId": "company_a", "groupId": "a", "traits": {"x": 1}},
        ),
    ],
)
def test_each_kind_of_event_is_the_call_it_means(event: dict[str, Any], found: dict[str, Any]) -> None:
    assert understood(event) == found


@pytest.mark.parametrize(
    "body",
    [
        {"api_key": "k", "event": "A", "distinct_id": "u"},
        {"token": "k", "batch": []},
        [{"event": "A", "properties": {"token": "k", "distinct_id": "u"}}],
        {"batch": [{"api_key": "k", "event": "A"}]},
    ],
)
def test_the_key_stands_wherever_its_clients_put_it(body: Any) -> None:
    assert from_posthog(json.dumps(body).encode()).write_key == "k"


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
PROPERTIES = st.dictionaries(
    st.sampled_from(
        [
            "distinct_id",
            "$device_id",
            "$set",
            "$set_once",
            "alias",
            "$group_key",
            "$group_set",
            "$lib",
            "$groups",
            "$ip",
            "$current_url",
            "utm_source",
            "title",
            "$is_identified",
            "x",
        ]
    ),
    VALUES | st.dictionaries(st.text(max_size=3), VALUES, max_size=2),
    max_size=8,
)
EVENTS = st.dictionaries(
    st.sampled_from(["event", "distinct_id", "uuid", "timestamp", "$set", "properties"]),
    st.sampled_from(["$identify", "$set", "$create_alias", "$groupidentify", "$pageview", "$screen", "A"])
    | VALUES
    | PROPERTIES,
    max_size=6,
)


@given(st.lists(EVENTS | VALUES, max_size=4) | EVENTS | VALUES, st.booleans())
def test_any_json_is_taken_or_refused_with_a_reason(content: Any, wrapped: bool) -> None:
    body = json.dumps({"batch": content} if wrapped else content).encode()
    try:
        envelope = from_posthog(body)
    except RequestError as error:
        assert error.status == 400
        return
    taken = USUAL.take(envelope, Request("web", NOW, SERVER, body, "k"))
    assert len(taken.entries) + len(taken.refused) == len(envelope.events)
