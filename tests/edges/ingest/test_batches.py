"""The rules of a batch: what its events share, what is taken from them, and that each is judged alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.events.model import Event, event_decoder
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Intake
from sevenfold.limits import (
    BATCH_EVENTS_MAX,
    BATCH_REFUSED_EVENTS_MAX,
    DEAD_LETTER_BYTES_MAX,
    EVENT_BYTES_MAX,
)
from sevenfold.server.ingest.envelope import read_batch
from sevenfold.server.ingest.errors import NotJsonError, TooManyError
from sevenfold.server.ingest.splitting import split
from tests.edges.ingest.taken import NOW, stored, take, track

EARLIER = "2026-11-22T04:40:57.000Z"
"""Six minutes before the request."""


def test_the_context_of_a_batch_lies_under_that_of_each_event() -> None:
    shared = {"app": {"name": "Shop"}, "locale": "en-GB", "page": {"url": "/a", "title": "A"}}
    body = {
        "context": shared,
        "batch": [track(context={"locale": "pt-PT", "page": {"url": "/b"}}), track(messageId="m2")],
    }
    first, second = stored(body)
    assert first["context"] == {"app": {"name": "Shop"}, "locale": "pt-PT", "page": {"url": "/b"}}
    assert second["context"] == shared


def test_integrations_of_a_batch_lie_under_those_of_each_event() -> None:
    body = {
        "integrations": {"All": False, "Mail": True},
        "batch": [track(integrations={"All": True}), track()],
    }
    first, second = stored(body)
    assert first["integrations"] == {"All": True, "Mail": True}
    assert second["integrations"] == {"All": False, "Mail": True}


def test_when_a_batch_was_sent_counts_for_events_that_do_not_say_so_themselves() -> None:
    body = {"sentAt": EARLIER, "batch": [track(), track(sentAt="2026-11-22T04:46:00Z"), track(sentAt=None)]}
    assert [event["sentAt"] for event in stored(body)] == [EARLIER, "2026-11-22T04:46:00Z", EARLIER]


def test_a_clock_that_is_wrong_is_corrected_by_when_the_batch_was_sent() -> None:
    body = {"sentAt": EARLIER, "batch": [track(timestamp="2026-11-22T04:40:00.000Z")]}
    (entry,) = take(body).entries
    event = Intake(event_decoder(None)).accept(entry.raw, entry.received, "web")
    assert isinstance(event, Event)
    assert event.time == NOW - 57_000, "57 s before it was sent, by whatever clock"


def test_a_clock_that_is_right_leaves_the_bytes_alone() -> None:
    raw = json.dumps(track(), indent=1).encode()
    body = b'{"sentAt":"2026-11-22T04:46:55.000Z","batch":[' + raw + b"]}"
    assert [entry.raw for entry in take(body).entries] == [raw]


@pytest.mark.parametrize("sent_at", [None, -5, "yesterday", [], {"a": 1}, True, ""])
def test_when_a_batch_was_sent_may_be_nonsense(sent_at: Any) -> None:
    assert "sentAt" not in stored({"sentAt": sent_at, "batch": [track()]})[0]


@pytest.mark.parametrize("shared", [None, 5, "x", [], True, {}])
def test_what_a_batch_shares_may_be_nonsense(shared: Any) -> None:
    assert stored({"context": shared, "integrations": shared, "batch": [track()]}) == [track()]


def test_when_an_event_was_received_is_ours_to_say() -> None:
    body = {"batch": [track(receivedAt="2020-01-01T00:00:00Z")]}
    (entry,) = take(body).entries
    assert entry.received == NOW and b"receivedAt" not in entry.raw


def test_keys_and_what_clients_note_for_themselves_are_not_stored() -> None:
    body = {
        "writeKey": "wk",
        "batch": [track(writeKey="wk", _metadata={"retryCount": 2}), track(messageId="m2")],
    }
    assert stored(body, key="wk") == [track(), track(messageId="m2")]
    assert stored(track(writeKey="wk", _metadata={}), key="wk", type_="track") == [track()]


def test_a_caller_s_time_beats_the_time_of_the_call() -> None:
    (event,) = stored({"batch": [track(timestamp="2026-01-02T00:00:00Z", originalTimestamp=EARLIER)]})
    assert event["timestamp"] == "2026-01-02T00:00:00Z" and "originalTimestamp" not in event
    (event,) = stored({"batch": [track(originalTimestamp=EARLIER)]})
    assert event["originalTimestamp"] == EARLIER


def test_ids_that_are_null_are_absent_and_numbers_are_texts() -> None:
    taken = take({"batch": [track(userId=12, anonymousId=None), track(userId=None, anonymousId=None)]})
    assert [one.code for one in taken.refused] == ["no_user_anon_id"]
    assert taken.refused[0].index == 1 and len(taken.entries) == 1


def test_one_bad_event_does_not_cost_the_others() -> None:
    bad: list[Any] = [
        None,
        5,
        "x",
        [],
        {},
        track(type="trakc"),
        track(event=""),
        track(properties={"a": 1e14}),
    ]
    body = {"batch": [thing for one in bad for thing in (one, track())]}
    taken = take(body)
    assert len(taken.entries) == len(bad)
    assert [one.index for one in taken.refused] == list(range(0, 2 * len(bad), 2))
    assert all(one.code in set(Reason) and one.message for one in taken.refused)
    assert [dropped.reason for dropped in taken.dropped] == [one.code for one in taken.refused]


def test_an_event_with_nan_in_it_costs_itself_alone() -> None:
    body = b'{"batch":[%b,{"type":"track","event":"A","userId":"u","properties":{"price":NaN}},%b]}'
    good = json.dumps(track()).encode()
    taken = take(body % (good, good))
    assert [(one.index, one.code) for one in taken.refused] == [(1, "not_finite")]
    assert [entry.raw for entry in taken.entries] == [good, good]


def test_an_event_nested_without_end_costs_itself_alone() -> None:
    good = json.dumps(track()).encode()
    deep = (
        b'{"type":"track","event":"A","userId":"u","properties":{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}"
    )
    taken = take(b'{"batch":[' + deep + b"," + good + b"]}")
    assert [(one.index, one.code) for one in taken.refused] == [(0, "too_deep")]
    assert len(taken.entries) == 1


def test_an_event_that_is_no_utf8_costs_itself_alone() -> None:
    good = json.dumps(track()).encode()
    taken = take(b'{"batch":[{"type":"track","event":"\xff\xfe","userId":"u"},' + good + b"]}")
    assert [(one.index, one.code) for one in taken.refused] == [(0, "not_json")]


def test_too_large_an_event_costs_itself_alone_and_its_dead_letter_is_bounded() -> None:
    huge = track(properties={"text": "x" * (DEAD_LETTER_BYTES_MAX + 1)})
    taken = take({"batch": [huge, track()]})
    assert [(one.index, one.code) for one in taken.refused] == [(0, "too_large")]
    (letter,) = taken.dropped
    assert len(letter.raw) == DEAD_LETTER_BYTES_MAX and "bytes are kept" in letter.detail
    assert len(taken.entries) == 1


def test_what_comes_after_2500_events_is_refused_one_by_one() -> None:
    taken = take({"batch": [track(messageId=f"m{at}") for at in range(BATCH_EVENTS_MAX + 3)]})
    assert len(taken.entries) == BATCH_EVENTS_MAX
    assert [(one.index, one.code) for one in taken.refused] == [
        (BATCH_EVENTS_MAX + at, "too_many_events") for at in range(3)
    ]
    assert [json.loads(letter.raw)["messageId"] for letter in taken.dropped] == ["m2500", "m2501", "m2502"]


@pytest.mark.parametrize("one", [b"1", b'{"a":[1,2,3,4,5,6,7,8,9]}'])
def test_a_batch_without_end_is_refused_whole(one: bytes) -> None:
    with pytest.raises(TooManyError):
        read_batch(b'{"batch":[' + b",".join([one] * (BATCH_REFUSED_EVENTS_MAX + 1)) + b"]}")
    with pytest.raises(TooManyError):
        read_batch(b'{"batch":[' + b",".join([one] * (10_000_000 // (len(one) + 1))) + b"]}")


def test_events_of_very_many_small_values_are_no_batch_without_end() -> None:
    event = track(properties={"list": [1] * 10_000})
    assert len(take({"batch": [event | {"messageId": str(at)} for at in range(60)]}).entries) == 60


def test_events_without_an_id_are_events_of_their_own_however_alike() -> None:
    event = {"type": "track", "event": "Clicked", "userId": "u"}
    keys = take({"batch": [event, event, event]}).keys
    assert len(set(keys)) == 3


def test_no_stored_or_kept_byte_shows_the_write_key() -> None:
    broken = b'{"type":"track","event":"\xff","userId":"u","writeKey":"wk_secret"}'
    body = (
        b'{"writeKey":"wk_secret","batch":['
        + broken
        + b","
        + json.dumps(track(writeKey="wk_secret")).encode()
        + b"]}"
    )
    taken = take(body, key="wk_secret")
    assert len(taken.dropped) == len(taken.entries) == 1
    assert not any(b"wk_secret" in one.raw for one in (*taken.dropped, *taken.entries))


# --- whatever is sent
# ----------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats() | st.text(max_size=8)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.text(max_size=4), SCALARS | st.lists(SCALARS, max_size=2), max_size=2)
)
IDS = st.none() | st.text(max_size=5) | st.integers() | st.floats() | VALUES
TIMES = st.none() | st.sampled_from([EARLIER, "2026-11-22T04:46:56.000Z", "2030-01-01", "x", 5]) | VALUES
CONTEXTS = st.dictionaries(
    st.sampled_from(["ip", "userAgent", "locale", "timezone", "groupId", "direct", "traits", "x"]),
    VALUES,
    max_size=4,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "identify", "page", "group", "alias", "x"]) | VALUES,
        "event": st.sampled_from(["A", ""]) | VALUES,
        "userId": IDS,
        "anonymousId": IDS,
        "groupId": IDS,
        "previousId": IDS,
        "messageId": IDS,
        "timestamp": TIMES,
        "originalTimestamp": TIMES,
        "sentAt": TIMES,
        "properties": VALUES,
        "traits": VALUES,
        "context": CONTEXTS | VALUES,
        "integrations": VALUES,
        "writeKey": st.just("wk") | VALUES,
        "_metadata": VALUES,
    },
)
BATCHES = st.fixed_dictionaries(
    {"batch": st.lists(EVENTS | VALUES, max_size=6)},
    optional={
        "sentAt": TIMES,
        "context": CONTEXTS | VALUES,
        "integrations": VALUES,
        "writeKey": st.just("wk"),
    },
)


@given(BATCHES)
def test_every_event_of_any_batch_is_taken_or_refused_and_what_is_taken_the_fold_takes(
    batch: dict[str, Any],
) -> None:
    taken = take(batch)
    assert len(taken.entries) + len(taken.refused) == len(batch["batch"])
    assert len(taken.keys) == len(taken.entries) and len(taken.dropped) == len(taken.refused)
    intake = Intake(event_decoder(None))
    for entry in taken.entries:
        event = intake.accept(entry.raw, entry.received, entry.source)
        assert isinstance(event, Event), event
        stored_ = json.loads(entry.raw)
        assert not {"writeKey", "_metadata", "receivedAt"} & stored_.keys()
        context = stored_.get("context")
        if isinstance(context, dict):
            assert "ip" not in context or not isinstance(context["ip"], str)
        assert len(entry.raw) <= EVENT_BYTES_MAX


@given(BATCHES)
def test_what_an_event_itself_says_is_never_changed(batch: dict[str, Any]) -> None:
    taken = take(batch)
    refused = {one.index for one in taken.refused}
    sent = [event for at, event in enumerate(batch["batch"]) if at not in refused]
    for event, entry in zip(sent, taken.entries, strict=True):
        found = json.loads(entry.raw)
        for name in (
            "type",
            "event",
            "userId",
            "anonymousId",
            "messageId",
            "properties",
            "traits",
            "timestamp",
        ):
            assert repr(found.get(name)) == repr(json.loads(json.dumps(event)).get(name))
        if isinstance(event.get("context"), dict):
            for name in event["context"].keys() - {"ip", "timezone"}:
                own = event["context"][name]
                if own not in (None, "", {}) and not (isinstance(own, dict) and not any(own.values())):
                    assert repr(found["context"][name]) == repr(json.loads(json.dumps(own)))


@given(BATCHES)
def test_taking_what_was_stored_again_changes_nothing(batch: dict[str, Any]) -> None:
    """So that dead letters and logs can be sent through ingest again."""
    first = take({"batch": batch["batch"]})
    again = take(b'{"batch":[' + b",".join(entry.raw for entry in first.entries) + b"]}")
    assert [json.loads(entry.raw) for entry in again.entries] == [
        json.loads(entry.raw) for entry in first.entries
    ]
    assert not again.refused


@given(
    st.lists(VALUES, max_size=6),
    st.dictionaries(st.sampled_from(["a", "sentAt"]), VALUES, max_size=2),
    st.data(),
)
def test_a_batch_is_split_where_json_says(
    events: list[Any], rest: dict[str, Any], data: st.DataObject
) -> None:
    indent = data.draw(st.sampled_from([None, 2]))
    body = json.dumps({**rest, "batch": events}, indent=indent).encode()
    pieces = split(body)
    assert pieces is not None
    assert [repr(json.loads(one)) for one in pieces.events] == [
        repr(one) for one in json.loads(body)["batch"]
    ]
    assert json.loads(pieces.rest)["batch"] == []


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_batch_or_refused_with_a_reason(body: bytes) -> None:
    for wrapped in (body, b'{"batch":[' + body + b"]}"):
        try:
            envelope = read_batch(wrapped)
        except NotJsonError as error:
            assert error.message
        except Exception as error:
            assert getattr(error, "status", None) == 400
        else:
            assert len(take(wrapped).refused) <= len(envelope.events)
