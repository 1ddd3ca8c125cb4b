"""An event is accepted whole, mended with a note, or dropped with a reason; nothing else happens."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.events.model import Event, event_decoder
from sevenfold.events.reasons import Note, Reason
from sevenfold.events.steps import Dropped, Intake

RECEIVED = 1_714_566_900_000  # 2024-05-01T12:35:00Z
DAY = 86_400_000
PLAIN = event_decoder(None)
TYPED = event_decoder(["price", "products", "odd name"], ["age"])
BOTH = pytest.mark.parametrize("decoder", [PLAIN, TYPED], ids=["plain", "typed"])


def take(event: Any, decoder: Any = PLAIN, received: int = RECEIVED) -> Event | Dropped:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Intake(decoder).accept(raw, received, "web")


def accepted(event: Any, decoder: Any = PLAIN, received: int = RECEIVED) -> Event:
    result = take(event, decoder, received)
    assert isinstance(result, Event), result
    return result


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Signed In", "userId": "u1", "messageId": "m1", **fields}


DROPS: list[tuple[Reason, Any]] = [
    (Reason.TOO_LARGE, track(properties={"text": "x" * 33_000})),
    (Reason.TOO_DEEP, track(properties={"price": json.loads("[" * 40 + "]" * 40)})),
    (Reason.TOO_DEEP, b'{"type":' + b"[" * 20_000),
    (Reason.TOO_DEEP, {"type": "identify", "userId": "u", "traits": {"a": json.loads("[" * 40 + "]" * 40)}}),
    (Reason.NOT_JSON, b'{"type":"track","event":"Sig'),
    (Reason.NOT_JSON, b'{"type":"track","event":"\xff\xfe","userId":"u"}'),
    (Reason.NOT_JSON, b""),
    (Reason.NOT_AN_OBJECT, b"[1,2]"),
    (Reason.NOT_AN_OBJECT, b"null"),
    (Reason.NOT_FINITE, b'{"type":"track","event":"A","userId":"u","properties":{"price":NaN}}'),
    (Reason.NOT_FINITE, b'{"type":"track","event":"A","userId":"u","properties":{"price":-Infinity}}'),
    (Reason.NUMBER_OUT_OF_RANGE, track(properties={"price": 9_000_000_000_001})),
    (Reason.NUMBER_OUT_OF_RANGE, track(properties={"price": -1e13})),
    (Reason.NUMBER_OUT_OF_RANGE, track(properties={"products": [{"price": 1e13}]})),
    (Reason.NUMBER_OUT_OF_RANGE, b'{"type":"track","event":"A","userId":"u","properties":{"price":1e999}}'),
    (
        Reason.NUMBER_OUT_OF_RANGE,
        b'{"type":"track","userId":true,"properties":{"price":' + b"9" * 400 + b"}}",
    ),
    (Reason.NUMBER_OUT_OF_RANGE, {"type": "identify", "userId": "u", "traits": {"age": 1e14}}),
    (Reason.UNKNOWN_TYPE, track(type="trakc")),
    (Reason.UNKNOWN_TYPE, track(type=None)),
    (Reason.UNKNOWN_TYPE, track(type=["track"])),
    (Reason.NO_USER_ANON_ID, track(userId=None)),
    (Reason.NO_USER_ANON_ID, track(userId="")),
    (Reason.NO_USER_ANON_ID, track(userId={"id": 1})),
    (Reason.NO_PREVIOUS_ID, {"type": "alias", "userId": "u"}),
    (Reason.NO_PREVIOUS_ID, {"type": "alias", "previousId": "a", "anonymousId": "b"}),
    (Reason.NO_GROUP_ID, {"type": "group", "userId": "u"}),
    (Reason.ID_TOO_LONG, track(userId="u" * 513)),
    (Reason.NUMBER_OUT_OF_RANGE, b'{"type":"track","event":"A","userId":' + b"9" * 5_000 + b"}"),
    (Reason.ID_TOO_LONG, track(context={"groupId": "g" * 600})),
    (Reason.NO_EVENT_NAME, track(event="")),
    (Reason.NO_EVENT_NAME, track(event=None)),
    (Reason.NO_EVENT_NAME, track(event={"a": 1})),
    (Reason.EVENT_NAME_TOO_LONG, track(event="x" * 300)),
    (Reason.EVENT_NAME_TOO_LONG, {"type": "page", "userId": "u", "name": "x" * 300}),
]


@BOTH
@pytest.mark.parametrize(("reason", "event"), DROPS, ids=lambda value: str(value)[:40])
def test_it_drops_an_event_with_the_reason_and_keeps_its_bytes(
    reason: Reason, event: Any, decoder: Any
) -> None:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    intake = Intake(decoder)
    dropped = intake.accept(raw, RECEIVED, "web")
    assert isinstance(dropped, Dropped)
    assert (dropped.reason, dropped.raw, dropped.source) == (reason, raw, "web")
    assert dropped.detail
    assert intake.dropped == {reason: 1}


def test_every_reason_has_a_test_and_a_sentence() -> None:
    # These belong to the importers, the fold and ingest, which test them.
    elsewhere = {Reason.BAD_ROW, Reason.PROFILE_FLOOD, Reason.TOO_MANY_EVENTS}
    assert {reason for reason, _ in DROPS} == set(Reason) - elsewhere
    assert all(str(reason.__doc__).endswith(".") for reason in Reason)


@BOTH
def test_it_takes_numbers_as_ids_and_nulls_as_absent(decoder: Any) -> None:
    event = accepted(track(userId=12, anonymousId=None, messageId=7.0, context={"groupId": 3}), decoder)
    assert (event.user_id, event.anonymous_id, event.message_id) == ("12", None, "7")
    assert event.context is not None and event.context.group_id == "3"


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"properties": "none"},
        {"properties": None},
        {"context": [1]},
        {"context": {"page": "home", "device": 3, "traits": [], "direct": "yes"}},
        {"context": {"page": {"path": 5}, "device": {"id": True, "token": 4}}},
        {"anonymousId": {"a": 1}},
        {"timestamp": {"a": 1}},
        {"integrations": ["All"]},
        {"traits": 5},
        {"(time)": "later"},
    ],
    ids=str,
)
def test_a_field_of_a_wrong_type_does_not_cost_the_event(wrong: dict[str, Any], decoder: Any) -> None:
    event = accepted(track(**wrong), decoder)
    assert (event.user_id, event.event, event.traits) == ("u1", "Signed In", {})
    assert event.position == -1 and event.received == RECEIVED


def test_a_mended_field_is_noted_and_counted() -> None:
    intake = Intake(PLAIN)
    event = intake.accept(json.dumps(track(context="?")).encode(), RECEIVED, "web")
    assert isinstance(event, Event) and event.notes & Note.FIELD_MENDED
    assert intake.noted == {Note.FIELD_MENDED: 1}


def test_named_properties_are_fields_whatever_their_names() -> None:
    event = accepted(track(properties={"odd name": [1, {"a": None}], "price": 2.5, "unnamed": "?"}), TYPED)
    assert TYPED.get(event, "odd name") == [1, {"a": None}]
    assert getattr(event.properties, TYPED.property_fields["price"]) == 2.5
    assert "unnamed" not in TYPED.property_fields


def test_identify_traits_are_traits_over_context_traits() -> None:
    context = {"traits": {"email": "old@x.org", "plan": "pro"}}
    event = accepted(
        {"type": "identify", "userId": "u", "traits": {"email": "new@x.org"}, "context": context}
    )
    assert event.traits == {"email": "new@x.org", "plan": "pro"}


def test_group_traits_are_its_own_traits_only() -> None:
    context = {"traits": {"email": "a@x.org"}}
    event = accepted(
        {"type": "group", "userId": "u", "groupId": 5, "traits": {"tier": 1}, "context": context}
    )
    assert (event.group_id, event.traits) == ("5", {"tier": 1})


@BOTH
def test_a_page_name_may_stand_at_the_top_or_in_the_properties(decoder: Any) -> None:
    page = {"type": "page", "anonymousId": "a"}
    assert accepted({**page, "name": "Pricing"}, decoder).event == "Pricing"
    assert accepted({**page, "properties": {"name": "Pricing"}}, decoder).event == "Pricing"
    assert accepted(page, decoder).event == ""


def test_a_track_call_on_a_typed_number_that_is_not_named_is_kept() -> None:
    assert accepted(track(properties={"unnamed": 10**18}), TYPED).event == "Signed In"


def test_long_message_ids_become_digests_and_missing_ones_are_made() -> None:
    long = accepted(track(messageId="m" * 101))
    assert long.message_id == accepted(track(messageId="m" * 101), received=RECEIVED + 1).message_id
    assert str(long.message_id).startswith("hash-") and long.notes & Note.MESSAGE_ID_HASHED
    made = accepted(track(messageId=None))
    assert str(made.message_id).startswith("made-") and made.notes & Note.MESSAGE_ID_MADE
    assert made.message_id != accepted(track(messageId=None), received=RECEIVED + 1).message_id


CLOCKS: list[tuple[str, dict[str, Any], int, int]] = [
    ("no time at all is the time of receipt", {}, RECEIVED, 0),
    (
        "without sentAt nothing is corrected",
        {"timestamp": "2024-05-01T12:00:00.000Z"},
        RECEIVED - 2_100_000,
        0,
    ),
    (
        "a clock an hour behind is corrected",
        {"timestamp": "2024-05-01T11:30:00.000Z", "sentAt": "2024-05-01T11:35:00.000Z"},
        RECEIVED - 300_000,
        0,
    ),
    (
        "a clock an hour ahead is corrected",
        {"timestamp": "2024-05-01T13:30:00.000Z", "sentAt": "2024-05-01T13:35:00.000Z"},
        RECEIVED - 300_000,
        0,
    ),
    (
        "a clock within five seconds is right",
        {"timestamp": "2024-05-01T12:34:50.000Z", "sentAt": "2024-05-01T12:34:55.001Z"},
        RECEIVED - 10_000,
        0,
    ),
    (
        "originalTimestamp goes before timestamp",
        {"originalTimestamp": "2024-05-01T12:34:00.000Z", "timestamp": "2020-01-01"},
        RECEIVED - 60_000,
        0,
    ),
    (
        "history sent today keeps its time",
        {"timestamp": "2019-05-01T12:35:00Z", "sentAt": "2024-05-01T12:35:00Z"},
        RECEIVED - 1827 * DAY,
        0,
    ),
    (
        "a clock years behind still knows how long ago",
        {"timestamp": "1970-01-01T00:00:00Z", "sentAt": "1970-01-01T00:05:00Z"},
        RECEIVED - 300_000,
        Note.CLOCK_UNUSABLE,
    ),
    (
        "a clock years ahead still knows how long ago",
        {"timestamp": "2039-01-01T00:00:00Z", "sentAt": "2039-01-01T00:05:00Z"},
        RECEIVED - 300_000,
        Note.CLOCK_UNUSABLE,
    ),
    (
        "what an unusable clock claims is bounded",
        {"timestamp": "1971-01-01T00:00:00Z", "sentAt": "1999-01-01T00:00:00Z"},
        RECEIVED - 30 * DAY,
        Note.CLOCK_UNUSABLE,
    ),
    ("never later than receipt", {"timestamp": "2030-01-01T00:00:00Z"}, RECEIVED, Note.FROM_THE_FUTURE),
    ("a second early is receipt, without a word", {"timestamp": "2024-05-01T12:35:01.000Z"}, RECEIVED, 0),
    ("an unreadable time is the time of receipt", {"timestamp": "yesterday"}, RECEIVED, Note.TIME_INVALID),
    ("a time before 1970 is unreadable", {"timestamp": "1969-12-31T23:59:59Z"}, RECEIVED, Note.TIME_INVALID),
    (
        "an unreadable sentAt corrects nothing",
        {"timestamp": "2024-05-01T12:00:00Z", "sentAt": "now"},
        RECEIVED - 2_100_000,
        Note.SENT_AT_INVALID,
    ),
]


@BOTH
@pytest.mark.parametrize(("fields", "time", "notes"), [c[1:] for c in CLOCKS], ids=[c[0] for c in CLOCKS])
def test_clock(fields: dict[str, Any], time: int, notes: int, decoder: Any) -> None:
    event = accepted(track(**fields), decoder)
    assert (event.time, event.notes) == (time, notes)


def test_ten_thousand_event_names_leave_nothing_behind() -> None:
    intake = Intake(PLAIN)
    intake.accept(json.dumps(track()).encode(), RECEIVED, "web")
    tracemalloc.start()
    for number in range(10_000):
        intake.accept(
            json.dumps(track(event=f"name {number}", messageId=str(number))).encode(), RECEIVED, "web"
        )
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["type", "event", "name", "messageId", "userId", "anonymousId", "previousId", "groupId"]
FIELDS += ["timestamp", "originalTimestamp", "sentAt"]
OBJECTS = ("properties", "traits", "context", "integrations")
HOSTILE = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "group", "alias"]) | JSON},
    optional={
        **dict.fromkeys(FIELDS[1:] + list(OBJECTS), JSON),
        "context": st.dictionaries(
            st.sampled_from(["groupId", "traits", "device", "page", "campaign", "consent", "direct", "ip"]),
            JSON,
        ),
    },
)


@BOTH
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_accepted_or_dropped(raw: bytes, decoder: Any) -> None:
    take(raw, decoder)


@BOTH
@given(
    event=HOSTILE,
    cut=st.integers(0, 400),
    flip=st.none() | st.tuples(st.integers(0, 400), st.integers(0, 255)),
)
def test_any_damage_to_an_event_is_accepted_or_dropped(
    event: dict[str, Any], cut: int, flip: tuple[int, int] | None, decoder: Any
) -> None:
    raw = bytearray(json.dumps(event, ensure_ascii=bool(cut % 2)).encode("utf-8", "surrogatepass"))
    if flip is not None and flip[0] < len(raw):
        raw[flip[0]] = flip[1]
    for data in (bytes(raw), bytes(raw[:cut])):
        result = take(data, decoder)
        if isinstance(result, Event):
            assert result.user_id or result.anonymous_id
            assert 0 <= result.time <= RECEIVED
            assert isinstance(result.event, str) and isinstance(result.traits, dict)
            assert isinstance(result.message_id, str) and 0 < len(result.message_id) <= 100


@given(event=HOSTILE)
def test_what_the_plain_decoder_lets_into_the_log_the_typed_one_takes_the_same_way(
    event: dict[str, Any],
) -> None:
    raw = json.dumps(event).encode()
    plain, typed = take(raw, PLAIN), take(raw, TYPED)
    if isinstance(plain, Event):
        assert isinstance(typed, Event)
        for field in ("type", "event", "user_id", "anonymous_id", "time", "message_id", "traits", "notes"):
            assert getattr(plain, field) == getattr(typed, field)
