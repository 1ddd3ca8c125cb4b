"""A fold with journeys, driven by hand: events at moments after a start, and what became of runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.profiles.expressions import parse_duration
from sevenfold.workspace.models import Workspace

START = 1_772_442_000_000
"""Monday 2026-03-02 09:00 UTC."""


def workspace(journeys: dict[str, Any], **sections: Any) -> Workspace:
    """A small workspace with these journeys."""
    base: dict[str, Any] = {
        "name": "world",
        "entities": {"order": {"key": "order_id"}},
        "traits": {
            "timezone": {"type": "string"},
            "plan": {"type": "string"},
            "renewal": {"type": "date"},
            "points": {"type": "number"},
        },
        "signals": {"logins": {"kind": "count", "event": "Signed In"}},
        "segments": {"active": {"when": "logins >= 2"}},
        "channels": {"email": {"type": "email", "address": "email"}, "in_app": {"type": "in_app"}},
        "templates": {
            "note": {"channel": "email", "subject": "A note", "body": "For you"},
            "tip": {"channel": "in_app", "body": "Try it"},
        },
    }
    return msgspec.convert({**base, **sections, "journeys": journeys}, Workspace)


class Running:
    """One fold. Moments are texts such as `1d 2h` after START; they never go back."""

    def __init__(self, journeys: dict[str, Any], **sections: Any) -> None:
        self.workspace = workspace(journeys, **sections)
        self.fold = Fold(self.workspace)
        self.told: list[Effect] = []
        self.records: list[tuple[str, int, Any]] = []
        self.numbers = 0

    def event(self, at: str, type_: str, user: str | None, body: dict[str, Any]) -> list[Effect]:
        self.numbers += 1
        t = moment(at)
        text = datetime.fromtimestamp(body.pop("happened", t) / 1000, UTC).isoformat()
        event = {"type": type_, "messageId": f"m{self.numbers}", "timestamp": text, **body}
        if user is not None:
            event["userId"] = user
        raw = json.dumps(event).encode()
        self.records.append(("event", t, raw))
        return self._keep(self.fold.events([(t, raw)]))

    def track(self, at: str, user: str | None, name: str, **properties: Any) -> list[Effect]:
        """Somebody does something."""
        anonymous = properties.pop("anonymous", None)
        happened = properties.pop("happened", None)
        body: dict[str, Any] = {"event": name, "properties": properties}
        if anonymous is not None:
            body["anonymousId"] = anonymous
        if happened is not None:
            body["happened"] = moment(happened)
        return self.event(at, "track", user, body)

    def identify(self, at: str, user: str, anonymous: str | None = None, **traits: Any) -> list[Effect]:
        """Somebody says who they are."""
        body: dict[str, Any] = {"traits": traits}
        if anonymous is not None:
            body["anonymousId"] = anonymous
        return self.event(at, "identify", user, body)

    def control(self, at: str, op: str, **record: Any) -> list[Effect]:
        """A control record."""
        self.records.append(("control", moment(at), {"op": op, **record}))
        return self._keep(self.fold.control(moment(at), {"op": op, **record}))

    def until(self, at: str) -> list[Effect]:
        """Time passes."""
        self.records.append(("tick", moment(at), None))
        return self._keep(self.fold.advance(moment(at)))

    def _keep(self, effects: list[Effect]) -> list[Effect]:
        self.told += effects
        self.nobody_is_stranded()
        return effects

    def nobody_is_stranded(self) -> None:
        """Every active run has a timer to come, or something that can wake it."""
        journeys = self.fold.journeys
        if journeys is None:
            return
        for slot in journeys.runs.active():
            run = journeys.view.at(slot)
            due = journeys.runs.due[slot]
            held = run.plan.name in journeys.entries.paused
            assert due < 1 << 62 or journeys._alive(run) or held or slot in journeys.pending
            assert due > self.fold.t or held

    def of(self, *kinds: str) -> list[Effect]:
        """Effects of these kinds so far."""
        return [effect for effect in self.told if effect.kind in kinds]

    def ends(self) -> list[str]:
        """Why runs ended, in order."""
        return [effect.data["reason"] for effect in self.of("ended")]

    def outcomes(self, step: str) -> list[str]:
        """What became of a step, in order."""
        return [effect.data["outcome"] for effect in self.of("step") if effect.data["step"] == step]

    def waiting(self) -> list[tuple[str, str]]:
        """(journey, step) of the active runs, by number."""
        journeys = self.fold.journeys
        assert journeys is not None
        slots = sorted(journeys.runs.active(), key=lambda slot: int(journeys.runs.number[slot]))
        return [(journeys.view.at(slot).plan.name, journeys.view.at(slot).step) for slot in slots]

    def again(self, size: int = 1, snapshots: bool = False) -> list[Effect]:
        """The same records through another fold, events in records of `size`, snapshots in between."""
        fold, told, batch = Fold(self.workspace), [], []
        for kind, t, what in [*self.records, ("end", 0, None)]:
            if kind == "event":
                batch.append((t, what))
                if len(batch) < size:
                    continue
            told += fold.events(batch)
            batch = []
            if kind == "control":
                told += fold.control(t, what)
            elif kind == "tick":
                told += fold.advance(t)
            if snapshots:
                fold = Fold.restore(fold.workspace, fold.snapshot())
        return told


def moment(text: str) -> int:
    """`1d 2h` after START in ms; `+5` is five milliseconds."""
    total = START
    for part in text.split():
        total += int(part[1:]) if part.startswith("+") else parse_duration(part)
    return total


def step(kind: str, **fields: Any) -> dict[str, Any]:
    """A step as YAML has it; `for_` and `else_` without their underscore."""
    return {"kind": kind, **{name.rstrip("_"): value for name, value in fields.items()}}


def on(event: str, **fields: Any) -> dict[str, Any]:
    """An event trigger."""
    return {"kind": "event", "event": event, **fields}
