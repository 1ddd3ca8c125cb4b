"""The short way of an event and the long one decide the same, whatever the event carries."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace

START = 1_704_067_200_000
WORKSPACE = msgspec.convert(
    {
        "name": "usual",
        "signals": {
            "clicks": {"kind": "count", "event": "Clicked", "window": "1d"},
            "visits": {"kind": "count", "event": "$page"},
            "homes": {"kind": "count", "event": "Home"},
            "spent": {"kind": "sum", "event": "Clicked", "property": "price"},
            "last": {"kind": "since", "event": ["Clicked", "Home"]},
            "seats": {"of": "account", "kind": "count", "event": "Clicked"},
            "lines": {"of": "order", "kind": "count", "event": "Clicked"},
        },
        "entities": {"order": {"key": "order_id"}},
        "segments": {
            "keen": {"when": "clicks >= 2 or homes >= 2 or account.seats >= 3"},
            "gone": {"when": "last > 1h"},
            "big": {"of": "account", "when": "seats >= 2"},
        },
    },
    Workspace,
)

few = st.sampled_from
context = st.fixed_dictionaries(
    {},
    optional={
        "groupId": few(["g1", "g2", "", 3, None]),
        "traits": few([None, {"email": "ann@example.org"}, {}]),
        "device": few([None, {"token": "t1"}, {"token": "t2"}, {"id": "d"}, {}]),
        "consent": few([None, {}]),
        "page": few([{"path": "/"}, None, 1]),
    },
)
bodies = st.fixed_dictionaries(
    {"type": few(["track", "track", "track", "page", "screen", "identify", "group", "alias", "x"])},
    optional={
        "messageId": few(["m", None, 7]),
        "event": few(["Clicked", "Clicked", "Account Removed User", "Else", "", 5]),
        "name": few(["Home", "", None]),
        "userId": few(["ann", "bob", " ann", "anonymous", 12]),
        "anonymousId": few(["a1", "a2", "a3", None]),
        "previousId": few(["a1", "bob"]),
        "groupId": few(["g1", "g2"]),
        "traits": few([{"email": "ann@example.org"}, {"role": "admin"}]),
        "timestamp": st.integers(-7_200_000, 5_000),
        "sentAt": st.integers(-90_000, 90_000),
        "properties": few([{"price": 1.5}, {"name": "Home"}, {"order_id": "o1"}, {"price": True}, None]),
        "context": context,
    },
)
streams = st.lists(st.tuples(few([0, 1, 1_000, 60_000, 4_000_000]), bodies), min_size=1, max_size=25)


def records(stream: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, bytes]]:
    t, made = START, []
    for gap, body in stream:
        t += gap
        times = {key: t + body[key] for key in ("timestamp", "sentAt") if key in body}
        made.append((t, json.dumps({**body, **times}).encode()))
    return made


@given(streams)
def test_the_short_way_and_the_long_way_decide_the_same(stream: list[tuple[int, dict[str, Any]]]) -> None:
    short, long = Fold(WORKSPACE), Fold(WORKSPACE)
    entries = records(stream)
    effects = short.events(entries) + short.advance(entries[-1][0] + 100_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fold, "_fold", lambda fold, record: [fold._long_way(t, raw) for t, raw in record])
        same = long.events(entries) + long.advance(entries[-1][0] + 100_000_000)
    assert msgspec.to_builtins(same) == msgspec.to_builtins(effects)
    assert long.dropped == short.dropped
    for of in ("person", "account", "order"):
        assert long.subjects(of) == short.subjects(of)
