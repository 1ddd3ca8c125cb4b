"""The short way through the steps gives what the steps give."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sevenfold.events import steps
from sevenfold.events.model import event_decoder
from sevenfold.events.steps import Intake

ids = st.one_of(st.none(), st.text(max_size=3), st.integers(0, 20), st.just("x" * 600), st.just("user-1"))
times = st.one_of(
    st.none(),
    st.integers(0, 2_000),
    st.just("2024-01-01T00:00:00.000Z"),
    st.just("later"),
    st.just("2099-01-01"),
)
events = st.fixed_dictionaries(
    {"type": st.just("track")},
    optional={
        "event": ids,
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


@given(events)
def test_an_event_that_needs_no_step_comes_out_as_the_steps_would_leave_it(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    received = 1_704_067_200_000

    def accepted(short: bool) -> Any:
        intake = Intake(event_decoder(["n"]))
        known = steps._as_it_should_be
        try:
            if not short:
                steps._as_it_should_be = lambda event: False
            found = intake.accept(raw, received, "web")
        finally:
            steps._as_it_should_be = known
        return repr(found)

    assert accepted(True) == accepted(False)
