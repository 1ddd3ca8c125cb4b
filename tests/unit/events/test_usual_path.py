"""The short way through the steps gives what the steps give."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sevenfold.events.model import Event, event_decoder
from sevenfold.events.steps import Dropped, Intake

ids = st.one_of(st.none(), st.text(max_size=3), st.integers(0, 20), st.just("x" * 600), st.just("user-1"))
times = st.one_of(
    st.none(),
    st.integers(0, 2_000),
    st.just("2024-01-01T00:00:00.000Z"),
    st.just("later"),
    st.just("2099-01-01"),
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "track", "page", "identify", "group", "alias", "x"])},
    optional={
        "event": ids,
        "name": ids,
        "groupId": ids,
        "previousId": ids,
        "userId": ids,
        "anonymousId": ids,
        "messageId": ids,
        "timestamp": times,
        "sentAt": times,
        "originalTimestamp": times,
        "context": st.one_of(st.none(), st.fixed_dictionaries({}, optional={"groupId": ids})),
        "traits": st.one_of(st.none(), st.just({"a": 1})),
        "properties": st.one_of(st.none(), st.just({"n": 1})),
    },
)


DECODER = event_decoder(["n"])
USUAL = DECODER.decode_usual


def unusual(raw: bytes) -> Event:
    raise ValueError("nothing is usual")


@given(events)
def test_an_event_that_needs_no_step_comes_out_as_the_steps_would_leave_it(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    received = 1_704_067_200_000

    def accepted(short: bool) -> Any:
        DECODER.decode_usual = USUAL if short else unusual
        found = Intake(DECODER).accept(raw, received, "web")
        return structs.asdict(found) if isinstance(found, Dropped) else fields(found)

    def fields(event: Event) -> dict[str, Any]:
        context = event.context and structs.asdict(event.context)
        return {**structs.asdict(event), "context": context}

    assert accepted(True) == accepted(False)
