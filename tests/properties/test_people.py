"""People's work in a fold: ticks and restarts change nothing, and nothing is lost or given twice."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.carry import switch
from sevenfold.effects import Effect
from sevenfold.engine import ControlError, Fold
from sevenfold.workspace import models as m

HOUR = 3_600_000
START = 1_767_571_200_000
PEOPLE = [
    {"email": "ann", "role": "csm", "capacity": 1, "manager": "max", "fallback": "ben"},
    {"email": "ben", "role": "csm", "capacity": 2, "away_from": "2026-01-06", "away_to": "2026-01-07"},
    {"email": "max", "role": "manager"},
]
TASK = {
    "title": "Call",
    "due": "6h",
    "calendar": "office",
    "owners": [
        {"trait": "owner"},
        {"role": "csm", "when": "stalls < 3"},
        {"role": "csm", "choose": "least_loaded"},
    ],
    "escalate": [
        {"after": "2h", "owner_manager": True},
        {"after": "4h", "role": "manager", "reassign": True},
    ],
    "evidence": ["stalls", "account.names", "trait.owner"],
    "channel": "email",
}
STEPS: dict[str, Any] = {
    "say": {"kind": "message", "template": "hello", "offer": "gift", "on": {"no_code": "ask"}},
    "ask": {
        "kind": "task",
        "task": "call",
        "reason": "step {event.step}",
        "within": "2d",
        "on": {"saved": "exit", "timeout": "book"},
    },
    "book": {"kind": "playbook", "playbook": "rescue"},
}
WORKSPACE = msgspec.convert(
    {
        "name": "work",
        "timezone": "Europe/Berlin",
        "traits": {"owner": {"type": "string"}, "plan": {"type": "string"}},
        "signals": {
            "stalls": {"kind": "count", "event": "Stalled"},
            "bad": {"kind": "count", "event": "Stalled", "window": "30h"},
            "good": {"kind": "count", "event": "Back", "window": "40h"},
            "missed": {"kind": "count", "event": "$task unreachable call"},
            "names": {"kind": "count", "event": "Back", "of": "account"},
        },
        "catalogues": {"people": {"key": "email", "rows": PEOPLE}},
        "people": {"catalogue": "people"},
        "calendars": {"office": {"windows": [{"from": "09:00", "to": "17:00"}]}},
        "channels": {"email": {"type": "email", "address": "email"}},
        "templates": {
            name: {"channel": "email", "subject": "x", "text": "x"} for name in ("hello", "news", "other")
        },
        "tasks": {"call": TASK},
        "playbooks": {
            "rescue": {
                "of": "person",
                "items": {
                    "call": {"title": "Call", "task": "call"},
                    "decide": {"title": "?", "decide": ["yes", "no"], "after": ["call:saved"]},
                    "write": {"title": "Write", "template": "other", "after": []},
                },
            }
        },
        "saves": {"churn": {"at_risk": "bad >= 1", "recovered": "good >= 1", "within": "2d", "held": "10h"}},
        "offers": {"gift": {"codes": ["A", "B", "C", "D"], "expires": "1d", "redeemed": "Back"}},
        "broadcasts": {
            "news": {
                "audience": "exists trait.plan",
                "variants": {"hello": 1, "news": 2},
                "test_share": 50,
                "test_for": "3h",
                "pace": "1 per 7m",
                "resend": "other",
                "resend_after": "5h",
            }
        },
        "journeys": {
            "help": {
                "triggers": [{"kind": "event", "event": "Stalled"}],
                "re_entry": {"unlimited": 4},
                "holdout": 30,
                "steps": STEPS,
            }
        },
    },
    m.Workspace,
)

users = st.sampled_from(["u0", "u1", "u2", "u3"])
events = st.tuples(st.sampled_from(["Stalled", "Back", "Task Completed"]), users, st.integers(0, 3))
controls = st.tuples(
    st.sampled_from(["close", "snooze", "sent", "opened", "merge", "pause", "resume", "done"]),
    st.integers(0, 9),
)
moves = st.lists(st.tuples(st.integers(0, 9 * HOUR), st.one_of(events, controls)), max_size=25)


class Told:
    """A fold driven by records, which looks at its own effects to know what can be said next."""

    def __init__(self, restart: int, tick: int) -> None:
        self.fold, self.effects = Fold(WORKSPACE), list[Effect]()
        self.restart, self.tick, self.count, self.said = restart, tick, 0, 0
        for user in range(4):
            traits = {
                "email": f"u{user}@example.com",
                "plan": "pro",
                "owner": ("ann", "ben", "", "zoe")[user],
            }
            self.event(START, {"type": "identify", "userId": f"u{user}", "traits": traits})
            self.event(
                START, {"type": "group", "userId": f"u{user}", "groupId": f"g{user % 2}", "traits": {}}
            )
        self.control(START + HOUR, {"op": "broadcast", "name": "news", "acknowledged": 4})

    def event(self, t: int, event: dict[str, Any]) -> None:
        self.count += 1
        raw = json.dumps(event | {"messageId": f"{self.count}"}).encode()
        self.after(t, lambda: self.fold.events([(t, raw)]))

    def control(self, t: int, record: dict[str, Any]) -> None:
        self.after(t, lambda: self.fold.control(t, record))

    def after(self, t: int, act: Any) -> None:
        if self.tick:
            for at in range(self.fold.t + 1, t, self.tick):
                self.effects += self.fold.advance(at)
        try:
            self.effects += act()
        except ControlError:
            self.effects += self.fold._taken()
        self.said += 1
        if self.said == self.restart:
            self.fold = Fold.restore(WORKSPACE, self.fold.snapshot())
        elif self.said == 2 * self.restart:
            # Another title, the same rules: everything goes on under the changed workspace.
            switch(self.fold, msgspec.structs.replace(WORKSPACE, title="Another"))
            self.effects += self.fold._taken()

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [effect.data for effect in self.effects if effect.kind == kind]

    def move(self, t: int, move: Any) -> None:
        if len(move) == 3:
            name, user, number = move
            properties = {"step": number, "code": "ABCD"[number], "kind": "call", "outcome": "saved"}
            self.event(t, {"type": "track", "event": name, "userId": user, "properties": properties})
            return
        what, number = move
        tasks, messages = self.data("task"), self.data("message")
        if what in ("close", "snooze") and tasks:
            outcome = ("saved", "unreachable")[number % 2]
            told = {"outcome": outcome, "for": f"{number}h", "action": what}
            self.control(t, {"op": "task", "task": tasks[number % len(tasks)]["task"], **told})
        elif what in ("sent", "opened") and messages:
            effect = messages[number % len(messages)]["effect"]
            self.control(t, {"op": "outcome", "effect": effect, "outcome": what})
        elif what == "merge":
            self.control(t, {"op": "merge", "members": [f"u{number % 4}", f"u{(number + 1) % 4}"]})
        elif what in ("pause", "resume"):
            self.control(t, {"op": "broadcast", "name": "news", "action": what})
        elif what == "done":
            record = {"op": "playbook", "playbook": "rescue", "person": f"u{number % 4}", "action": what}
            self.control(t, record | {"item": "decide", "outcome": "yes"})


def story(given_: list[tuple[int, Any]], restart: int = 0, tick: int = 0) -> Told:
    told, t = Told(restart, tick), START + 8 * HOUR
    for gap, move in given_:
        t += gap
        told.move(t, move)
    told.after(t + 9 * 24 * HOUR, lambda: told.fold.advance(t + 9 * 24 * HOUR))
    return told


@given(moves, st.integers(5, 20), st.integers(3, 60))
def test_ticks_restarts_and_another_workspace_with_the_same_rules_change_nothing(
    given_: list[tuple[int, Any]], restart: int, hours: int
) -> None:
    assert story(given_, restart, hours * HOUR).effects == story(given_).effects


@given(moves)
def test_nothing_is_lost_or_given_twice(given_: list[tuple[int, Any]]) -> None:
    told = story(given_)
    opened = [one["task"] for one in told.data("task")]
    closed = [one["task"] for one in told.data("task_closed")]
    services: Any = told.fold.journeys.services  # type: ignore[union-attr]
    still = [task.id for task in services["tasks"].open_tasks]
    assert len(set(opened)) == len(opened) and sorted(closed + still) == sorted(opened)
    load: dict[str, int] = {}
    for task in services["tasks"].open_tasks:
        if task.owner is not None:
            load[task.owner] = load.get(task.owner, 0) + 1
    assert services["tasks"].roster.load == load
    codes = [one["code"] for one in told.data("offer_given")]
    assert len(set(codes)) == len(codes)
    ids = [effect.data["id"] for effect in told.effects if "id" in effect.data and effect.kind != "at_risk"]
    assert len(set(ids)) == len(ids)
    risks = [one["episode"] for one in told.data("at_risk")]
    assert len(set(risks)) == len(risks)
    assert not told.data("overflow")
    assert all(one["reason"] != "stranded" for one in told.data("ended"))
