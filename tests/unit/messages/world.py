"""A workspace of journeys that send messages, and a fold of it that tests speak to in a few words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

import sevenfold.messages.controls  # noqa: F401
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.messages.desk import Messages
from sevenfold.workspace.models import Workspace

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
"""A Tuesday in November, 12:00 UTC."""

TEMPLATES: dict[str, Any] = {
    "hello": {"channel": "email", "subject": "Hello", "text": "Hello"},
    "ping": {"channel": "sms", "body": "Ping"},
    "push": {"channel": "app_push", "title": "Push", "body": "Push"},
    "tip": {"channel": "in_app", "body": "Tip"},
    "receipt": {"channel": "email", "subject": "Receipt", "text": "Receipt", "transactional": True},
}


def sends(
    template: Any = "hello", *, event: str = "Go", journey: dict[str, Any] | None = None, **step: Any
) -> Any:
    """A journey that writes once to whoever does `event`, as often as they do."""
    fields: dict[str, Any] = {
        "triggers": [{"kind": "event", "event": event}],
        "re_entry": {"unlimited": 50},
        "steps": {"message": {"kind": "message", "template": template, **step}},
    }
    return {**fields, **(journey or {})}


def workspace(*, templates: dict[str, Any] | None = None, **objects: Any) -> Workspace:
    fields = {"name": "test", "templates": {**TEMPLATES, **(templates or {})}, **objects}
    fields.setdefault("journeys", {"greet": sends()})
    return msgspec.convert(fields, Workspace)


def iso(t: int) -> str:
    return datetime.fromtimestamp(t / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """A fold with a clock that tests turn. Everybody has an e-mail address, a phone and a device."""

    def __init__(self, *, templates: dict[str, Any] | None = None, **objects: Any) -> None:
        self.workspace = workspace(templates=templates, **objects)
        self.fold = Fold(self.workspace)
        self.t = NOON
        self.effects: list[Effect] = []
        self._count = 0
        self._known: set[str] = set()

    @property
    def desk(self) -> Messages:
        assert self.fold.journeys is not None
        found = self.fold.journeys.services["messages"]
        assert isinstance(found, Messages)
        return found

    def send(self, type_: str, user: str = "ada", te: int | None = None, **fields: Any) -> list[Effect]:
        """An event, now; `te` is its own time."""
        self._count += 1
        event = {"type": type_, "userId": user, "messageId": f"m{self._count}", **fields}
        event["timestamp"] = iso(self.t if te is None else te)
        return self._take(self.fold.events([(self.t, json.dumps(event).encode())]))

    def know(self, user: str = "ada", **traits: Any) -> list[Effect]:
        """An identify call with addresses on all channels, unless `traits` say otherwise."""
        digits = sum(ord(letter) for letter in user) % 900 + 100
        usual = {"email": f"{user}@shop.example", "phone": f"+4930901{digits}"}
        given = {name: value for name, value in {**usual, **traits}.items() if value is not None}
        self._known.add(user)
        return self.send("identify", user, traits=given)

    def do(self, event: str = "Go", user: str = "ada", **properties: Any) -> list[Effect]:
        """A track call of somebody we know."""
        if user not in self._known:
            self.know(user)
        return self.send("track", user, event=event, properties=properties)

    def control(self, op: str, **fields: Any) -> list[Effect]:
        return self._take(self.fold.control(self.t, {"op": op, **fields}))

    def tell(self, effect: Effect, *outcomes: str, **fields: Any) -> list[Effect]:
        """Outcomes of a message."""
        found: list[Effect] = []
        for outcome in outcomes:
            found += self.control("outcome", effect=effect.data["effect"], outcome=outcome, **fields)
        return found

    def wait(self, ms: int) -> list[Effect]:
        """Time passes; what falls due happens."""
        self.t += ms
        return self._take(self.fold.advance(self.t))

    def again(self) -> World:
        """The same world from a snapshot."""
        self.fold = Fold.restore(self.workspace, self.fold.snapshot())
        return self

    def _take(self, effects: list[Effect]) -> list[Effect]:
        self.effects += effects
        return effects


def of(effects: list[Effect], *kinds: str) -> list[Effect]:
    return [one for one in effects if one.kind in kinds]


def decisions(effects: list[Effect]) -> list[str]:
    """What was decided, in order: `message hello`, `held hello quiet`, `deferred hello capped`, `would_send
    hello`.
    """
    found = []
    for one in of(effects, "message", "would_send", "held", "deferred"):
        reason = f" {one.data['reason']}" if "reason" in one.data else ""
        found.append(f"{one.kind} {one.data['template']}{reason}")
    return found


def steps(effects: list[Effect]) -> list[str]:
    """The outcomes with which steps were left."""
    return [one.data["outcome"] for one in of(effects, "step")]


def the(effects: list[Effect], kind: str) -> Effect:
    (found,) = of(effects, kind)
    return found
