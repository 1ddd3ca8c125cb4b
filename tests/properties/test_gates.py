"""Every decision about a message, by the desk and by the page once more in lists and loops (tests/oracle)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import sevenfold.messages.controls  # noqa: F401
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.messages.transactional import SEND
from sevenfold.workspace.models import Workspace
from tests.oracle.messages import DAY, HOUR, Law, Person, Sent

START = 1_774_526_400_000
"""2026-03-26 12:00 UTC, days before clocks change in Europe."""
USERS = ("ada", "bob", "cid")
ZONES = ("Europe/Berlin", "America/New_York", "")
CHANNELS = ("email", "sms", "in_app")
CATEGORIES = ("news", "tips", "orders")
OUTCOMES = ("claimed", "sent", "opened", "failed", "bounced", "clicked")
STATUSES = ("in", "out", "pending", "confirmed")


def journey(event: str, template: Any, **step: Any) -> dict[str, Any]:
    fields = {"kind": "message", "template": template, "ttl": "2d", **step}
    return {
        "triggers": [{"kind": "event", "event": event}],
        "re_entry": {"per_entity": True},
        "key": "key",
        "steps": {"say": fields},
    }


WORLD: dict[str, Any] = {
    "name": "gates",
    "timezone": "Europe/Berlin",
    "traits": {"timezone": {}},
    "channels": {"email": {"type": "email"}, "sms": {"type": "sms"}, "in_app": {"type": "in_app"}},
    "consent": {
        "categories": {
            "news": {"default": "opt_in", "double": True},
            "tips": {"default": "opt_out"},
            "orders": {"required": True},
        }
    },
    "signals": {
        "opens": {"kind": "count", "event": "$message opened", "window": "2d"},
        "asked": {"kind": "count", "event": "Ticket Opened"},
        "helped": {"kind": "count", "event": "Ticket Resolved"},
    },
    "segments": {"reader": {"when": "opens >= 1"}},
    "templates": {
        "letter": {"channel": "email", "category": "news", "subject": "x", "text": "x", "topic": "t"},
        "mail": {"channel": "email", "category": "tips", "subject": "x", "text": "x", "topic": "t"},
        "text": {"channel": "sms", "category": "tips", "body": "x"},
        "tip": {"channel": "in_app", "category": "tips", "body": "x"},
        "ask": {"channel": "email", "category": "tips", "subject": "x", "text": "x", "intent": "ask"},
        "sorry": {"channel": "sms", "category": "orders", "body": "x", "intent": "apology"},
        "receipt": {
            "channel": "email",
            "category": "orders",
            "subject": "x",
            "text": "x",
            "transactional": True,
            "topic": "t",
        },
    },
    "messaging": {
        "minimum_gap": "20m",
        "caps": {
            "three": {"limit": 3, "per": "24h", "over": "defer"},
            "mail": {"limit": 1, "per": "5h", "channel": "email", "over": "next"},
            "texts": {"limit": 1, "per": "7h", "channel": "sms", "over": "defer"},
            "day": {"limit": 2, "calendar": "day", "limits": {"reader": 4}},
        },
        "topics": {"t": {"once_per": "30h"}},
        "conflicts": [{"between": ["ask", "apology"], "within": "10h"}],
        "guards": {"helping": {"when": "asked > helped", "intents": ["ask"]}},
        "quiet_hours": [{"windows": [{"from": "23:00", "to": "07:00"}], "jitter": "20m"}],
    },
    "journeys": {
        "letters": journey("Letter", ["letter", "text"]),
        "mails": journey("Mail", ["mail", "text", "tip"], choose="responses"),
        "asks": {**journey("Ask", ["ask", "tip"]), "holdout": 40.0},
        "regrets": journey("Regret", "sorry"),
        "orders": journey("Order", "receipt"),
    },
}
WORKSPACE = msgspec.convert(WORLD, Workspace)
EVENTS = ("Letter", "Mail", "Ask", "Regret", "Order", "Ticket Opened", "Ticket Resolved")

user, moment = st.integers(0, 2), st.sampled_from([0, 1_000, HOUR, 5 * HOUR, 7 * HOUR - 1, 31 * HOUR])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("event"), user, st.sampled_from(EVENTS)),
        st.tuples(st.just("event"), user, st.sampled_from(EVENTS[:5])),
        st.tuples(st.just("outcome"), st.integers(0, 40), st.sampled_from(OUTCOMES)),
        st.tuples(st.just("merge"), user, user),
        st.tuples(st.just("later"), moment, st.just("")),
        st.tuples(st.just("later"), moment, st.just("")),
        st.tuples(
            st.just("say"),
            user,
            st.tuples(
                st.sampled_from(STATUSES),
                st.sampled_from([None, *CHANNELS]),
                st.sampled_from([None, *CATEGORIES]),
                st.sampled_from([0, 0, HOUR, DAY]),
            ),
        ),
        st.tuples(st.just("suppress"), user, st.tuples(st.sampled_from(["email", "sms"]), st.booleans())),
        st.tuples(st.just("send"), user, st.sampled_from(["letter", "text", "tip", "ask", "receipt"])),
        st.tuples(st.just("switch"), st.just(0), st.tuples(st.sampled_from(CHANNELS), st.booleans())),
    ),
    min_size=5,
    max_size=60,
)


class Both:
    """A fold, and the law beside it: each decision of the fold is made once more by the law."""

    def __init__(self) -> None:
        self.fold, self.law = Fold(WORKSPACE), Law(WORLD)
        self.t, self.count = START, 0
        self.ids: list[str] = []
        self.runs: dict[str, tuple[str, bool, int]] = {}
        self.messages: list[Effect] = []
        self.kinds: dict[str, int] = {}
        for place, name in enumerate(USERS):
            traits = {"email": f"{name}@shop.example", "phone": f"+49309018{ord(name[0])}"}
            if ZONES[place]:
                traits["timezone"] = ZONES[place]
            (made,) = [one for one in self.event(place, "identify", traits=traits) if one.kind == "created"]
            self.ids.append(made.subject)
            self.law.people[made.subject] = Person((place, ZONES[place]) if ZONES[place] else (-1, ""), place)

    def person(self, place: int) -> str:
        """Who a user is now."""
        return self.fold.id_of(self.fold.person, self.fold.identity.find("user_id", USERS[place]))

    def event(self, place: int, type_: str, **fields: Any) -> list[Effect]:
        self.count += 1
        at = datetime.fromtimestamp(self.t / 1000, UTC).isoformat(timespec="milliseconds")
        event = {"type": type_, "userId": USERS[place], "messageId": f"m{self.count}", "timestamp": at}
        return self.take(self.fold.events([(self.t, json.dumps(event | fields).encode())]))

    def control(self, op: str, **fields: Any) -> None:
        self.take(self.fold.control(self.t, {"op": op, **fields}))

    def take(self, effects: list[Effect]) -> list[Effect]:
        for one in effects:
            self.look(one)
        return effects

    def look(self, one: Effect) -> None:
        """Follows what happened, and makes each decision once more."""
        found: tuple[Any, ...]
        self.kinds[one.kind] = self.kinds.get(one.kind, 0) + 1
        if one.kind == "merged":
            self.law.merge(one.subject, one.data["loser"])
        elif one.kind == "run":
            self.runs[one.data["run"]] = one.name, "ghost" in one.data, one.time
        elif one.name == SEND and one.kind in ("message", "held"):
            # It takes no place: nothing that is decided afterwards may depend on it.
            found = one.kind, one.data["template"], *([one.data["reason"]] if one.kind == "held" else [])
            assert found == self.law.send(one.subject, one.data["template"]), one
            self.messages += [one] if one.kind == "message" else []
        elif one.kind in ("message", "would_send", "held", "deferred"):
            journey, ghost, since = self.runs[one.data["run"]]
            expected = self.law.decide(one.subject, journey, ghost, one.time, since)
            found = one.kind, one.data["template"]
            if "reason" in one.data:
                found += (one.data["reason"],)
            if one.kind == "deferred":
                assert expected[0] == "deferred", (one, expected)
                assert expected[3] <= one.data["until"] <= expected[4], (one, expected)
            assert found == expected[:3], (one, expected)
            if one.kind in ("message", "would_send"):
                sent = Sent(one.time, one.data["template"], one.kind != "message", one.data.get("effect", ""))
                self.law.people[one.subject].sent.append(sent)
            if one.kind == "message":
                self.messages.append(one)
        elif one.kind == "outcome":
            self.outcome(one)
        elif one.kind == "released":
            sent_of = self.law.people[one.subject].sent
            sent_of[:] = [sent for sent in sent_of if sent.effect != one.data["effect"]]

    def outcome(self, one: Effect) -> None:
        person, outcome = self.law.people[one.subject], one.data["outcome"]
        counts = person.delivered.setdefault(one.data["channel"], [0, 0])
        answered = [e for e in self.answers if e == one.data["effect"]]
        if outcome == "sent":
            counts[0] += 1
        if outcome in ("opened", "clicked"):
            counts[1] += not answered
            self.answers.append(one.data["effect"])
        if outcome == "opened":
            person.opens.append(one.time)

    answers: list[str]

    def run(self, script: list[tuple[str, Any, Any]]) -> None:
        self.answers = []
        for what, first, second in script:
            self.take(self.fold.advance(self.t))
            if what == "event":
                person = self.law.people[self.person(first)]
                person.opened += second == "Ticket Opened"
                person.closed += second == "Ticket Resolved"
                self.event(first, "track", event=second, properties={"key": f"k{self.count}"})
            elif what == "outcome" and self.messages:
                effect = self.messages[first % len(self.messages)].data["effect"]
                self.control("outcome", effect=effect, outcome=second)
            elif what == "merge" and first != second:
                self.control("merge", members=[{"user_id": USERS[first]}, {"user_id": USERS[second]}])
            elif what == "later":
                self.t += first
            elif what == "say":
                status, channel, category, ago = second
                self.law.say(self.person(first), self.t - ago, status, channel, category)
                fields = {"status": status, "channel": channel, "category": category, "at": self.t - ago}
                self.control("consent", person={"user_id": USERS[first]}, **fields)
            elif what == "suppress":
                self.suppress(first, *second)
            elif what == "send":
                self.count += 1
                asked = {"key": f"s{self.count}", "template": second, "person": {"user_id": USERS[first]}}
                self.control("send", **asked)
            elif what == "switch":
                channel, on = second
                (self.law.off.discard if on else self.law.off.add)(channel)
                self.control("channel", name=channel, on=on)
        self.take(self.fold.advance(self.t + 4 * DAY))

    def suppress(self, place: int, channel: str, on: bool) -> None:
        held = self.law.suppressed
        (held.add if on else held.discard)((channel, place))
        address = f"{USERS[place]}@shop.example" if channel == "email" else f"+49309018{ord(USERS[place][0])}"
        self.control("suppress" if on else "unsuppress", channel=channel, address=address)


@settings(max_examples=80)
@given(actions)
def test_the_desk_decides_what_the_page_says(script: list[tuple[str, Any, Any]]) -> None:
    Both().run(script)
