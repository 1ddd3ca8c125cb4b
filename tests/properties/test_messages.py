"""The desk inside the fold, by chance: bursts, merges, failures, snapshots and batches of any size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import sevenfold.messages.controls  # noqa: F401
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace

HOUR, DAY = 3_600_000, 86_400_000
START = 1_774_526_400_000
"""2026-03-26 12:00 UTC, days before clocks change in Europe."""
USERS = ("ada", "bob", "cid")
EVENTS = ("Go", "Hurry", "Ask", "Order")
CAPS = {"any": 24 * HOUR, "mail": 5 * HOUR}
MAILS = ("mail", "plain")
ZONES = {"ada": "Europe/Berlin", "bob": "America/New_York"}


def journey(event: str, template: Any, **fields: Any) -> dict[str, Any]:
    step = {"kind": "message", "template": template, "ttl": "3d", **fields.pop("step", {})}
    return {
        "triggers": [{"kind": "event", "event": event}],
        "re_entry": {"unlimited": 20},
        "steps": {"say": step, "rest": {"kind": "wait", "for": "6h"}},
        **fields,
    }


WORKSPACE = msgspec.convert(
    {
        "name": "chance",
        "timezone": "Europe/Berlin",
        "traits": {"timezone": {}},
        "signals": {"opens": {"kind": "count", "event": "$message opened", "window": "2d"}},
        "segments": {"reader": {"when": "opens >= 1"}},
        "templates": {
            "mail": {"channel": "email", "subject": "x", "text": "x", "topic": "t"},
            "plain": {"channel": "email", "subject": "x", "text": "x", "intent": "ask"},
            "text": {"channel": "sms", "body": "x"},
            "receipt": {"channel": "email", "subject": "x", "text": "x", "transactional": True},
            "tip": {"channel": "in_app", "body": "x"},
        },
        "messaging": {
            "caps": {
                "any": {"limit": 3, "per": "24h", "over": "defer"},
                "mail": {"limit": 1, "per": "5h", "channel": "email", "over": "next"},
                "day": {"limit": 2, "calendar": "day", "limits": {"reader": 4}},
            },
            "topics": {"t": {"once_per": "30h"}},
            "quiet_hours": [{"windows": [{"from": "23:00", "to": "07:00"}], "jitter": "20m"}],
        },
        "journeys": {
            "go": journey("Go", ["mail", "text"], priority=60),
            "hurry": journey("Hurry", ["plain", "text", "tip"], step={"choose": "responses"}),
            "ask": journey("Ask", "plain", holdout=40.0, step={"on": {"opened": "rest"}}),
            "order": journey("Order", "receipt"),
        },
    },
    Workspace,
)

Action = tuple[str, int, int]
actions = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("burst"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("outcome"), st.integers(0, 40), st.integers(0, 5)),
        st.tuples(st.just("merge"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(
            st.just("later"), st.sampled_from([0, 1_000, HOUR, 5 * HOUR, 5 * HOUR - 1, 30 * HOUR]), st.just(0)
        ),
    ),
    min_size=5,
    max_size=50,
)
OUTCOMES = ("claimed", "sent", "opened", "failed", "bounced", "unknown")


class Play:
    """Runs a script through a fold; events between other records come in batches of `size`."""

    def __init__(self, size: int = 1, snapshot_at: int = -1) -> None:
        self.fold = Fold(WORKSPACE)
        self.size, self.snapshot_at = size, snapshot_at
        self.t, self.count = START, 0
        self.effects: list[Effect] = []
        self.messages: list[Effect] = []
        self._record: list[tuple[int, bytes]] = []

    def run(self, script: list[Action]) -> list[Effect]:
        for user in USERS:
            zone = {"ada": {"timezone": "Europe/Berlin"}, "bob": {"timezone": "America/New_York"}}.get(
                user, {}
            )
            traits = {"email": f"{user}@shop.example", "phone": f"+4930901{len(user)}{ord(user[0])}", **zone}
            self._event(user, "identify", traits=traits)
        for place, (what, first, second) in enumerate(script):
            if place == self.snapshot_at:
                self._flush()
                self.fold = Fold.restore(WORKSPACE, self.fold.snapshot())
            if what in ("event", "burst"):
                for _ in range(5 if what == "burst" else 1):
                    self._event(USERS[first], "track", event=EVENTS[second])
            elif what == "later":
                self.t += first
            elif what == "merge" and first != second:
                self._control("merge", members=[{"user_id": USERS[first]}, {"user_id": USERS[second]}])
            elif what == "outcome":
                self._flush()
                if self.messages:
                    effect = self.messages[first % len(self.messages)].data["effect"]
                    self._control("outcome", effect=effect, outcome=OUTCOMES[second])
        self._flush()
        self._take(self.fold.advance(self.t + 6 * DAY))
        return self.effects

    def _event(self, user: str, type_: str, **fields: Any) -> None:
        self.count += 1
        at = datetime.fromtimestamp(self.t / 1000, UTC).isoformat(timespec="milliseconds")
        event = {"type": type_, "userId": user, "messageId": f"m{self.count}", "timestamp": at, **fields}
        self._record.append((self.t, json.dumps(event).encode()))
        if len(self._record) >= self.size:
            self._flush()

    def _flush(self) -> None:
        record, self._record = self._record, []
        if record:
            self._take(self.fold.events(record))

    def _control(self, op: str, **fields: Any) -> None:
        self._flush()
        self._take(self.fold.control(self.t, {"op": op, **fields}))

    def _take(self, effects: list[Effect]) -> None:
        self.effects += effects
        self.messages += [one for one in effects if one.kind == "message"]


def told(effects: list[Effect]) -> list[tuple[Any, ...]]:
    return [(e.time, e.kind, e.of, e.subject, e.name, msgspec.json.encode(e.data)) for e in effects]


def persons(effects: list[Effect]) -> dict[str, str]:
    """Losers of merges -> who they are now."""
    return {one.data["loser"]: one.subject for one in effects if one.kind == "merged"}


@dataclass
class Place:
    """A message that took a place: whose and when, and where among the effects it was taken and left."""

    t: int
    person: str
    template: str
    ghost: bool
    taken: int
    released: int


def places(effects: list[Effect]) -> list[Place]:
    """Every message that caps look at, in order."""
    released = {one.data["effect"]: place for place, one in enumerate(effects) if one.kind == "released"}
    return [
        Place(
            one.time,
            one.subject,
            one.data["template"],
            one.kind == "would_send",
            place,
            released.get(one.data.get("effect"), len(effects)),
        )
        for place, one in enumerate(effects)
        if one.kind in ("message", "would_send") and one.data["template"] != "receipt"
    ]


@settings(max_examples=60)
@given(actions)
def test_nobody_gets_more_than_the_caps_allow(script: list[Action]) -> None:
    effects = Play().run(script)
    merged_at = {one.data["loser"]: place for place, one in enumerate(effects) if one.kind == "merged"}
    winners = persons(effects)

    def now(person: str, place: int) -> str:
        while person in winners and merged_at[person] < place:
            person = winners[person]
        return person

    taken = places(effects)
    for this in taken:
        # What they (and whoever became one with them) had of the window when this was decided.
        before = [
            one
            for one in taken
            if one.taken < this.taken < one.released
            and now(one.person, this.taken) == now(this.person, this.taken)
            and (this.ghost or not one.ghost)
        ]
        assert sum(this.t - CAPS["any"] < one.t for one in before) < 3
        if this.template in MAILS:
            assert not any(this.t - CAPS["mail"] < one.t for one in before if one.template in MAILS)


@settings(max_examples=30)
@given(actions, st.sampled_from([2, 7, 512]))
def test_batches_of_any_size_decide_the_same(script: list[Action], size: int) -> None:
    assert told(Play(size).run(script)) == told(Play().run(script))


@settings(max_examples=40)
@given(actions, st.integers(0, 49))
def test_a_snapshot_anywhere_decides_the_same(script: list[Action], place: int) -> None:
    assert told(Play(snapshot_at=place).run(script)) == told(Play().run(script))


@settings(max_examples=40)
@given(actions)
def test_every_message_is_decided_once_and_every_run_goes_on(script: list[Action]) -> None:
    play = Play()
    effects = play.run(script)
    ids = [one.data["effect"] for one in play.messages]
    assert len(set(ids)) == len(ids)
    started = sum(one.kind == "run" for one in effects)
    ended = [one.data["reason"] for one in effects if one.kind == "ended"]
    # Six days after the last event everybody has been through everything: nobody is stranded.
    assert len(ended) == started and "stranded" not in ended and "overflow" not in ended
    assert not play.fold.journeys or not play.fold.journeys.runs.active()
    for one in effects:
        if one.kind == "deferred":
            assert one.data["until"] > one.time
