"""A small shop with two journeys, its history, and a sender that works as a live one would."""

from __future__ import annotations

from functools import cache
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from sevenfold.clock import SystemClock
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewControl, NewEvents, NewTick
from sevenfold.log.sqlite import SqliteLog
from sevenfold.workspace import models as m
from sevenfold.workspace.exporting import to_yaml
from sevenfold.workspace.loading import load
from tests.edges.replay.worlds import DAY, START, event

HOUR = 3_600_000
WORKSPACE: dict[str, Any] = {
    "name": "shop",
    "title": "A shop that speaks",
    "channels": {"email": {"type": "email"}, "app": {"type": "in_app"}},
    "signals": {
        "visits_7d": {"kind": "count", "event": "Visited", "window": "7d"},
        "delivered": {"kind": "count", "event": "$message delivered"},
    },
    "segments": {"regulars": {"when": "visits_7d >= 3"}, "reached": {"when": "delivered >= 1"}},
    "lifecycles": {
        "visitor": {"stages": [{"name": "new"}, {"name": "active", "enter": "segment.regulars"}]},
    },
    "messaging": {"caps": {"one_a_day": {"limit": 1, "per": "1d"}}},
    "templates": {
        **{
            name: {"channel": "email", "subject": "Hello", "text": "Hello {{ links.unsubscribe }}"}
            for name in ("hello", "nudge", "thanks")
        },
        "tip": {"channel": "app", "title": "Hello", "body": "Hello"},
    },
    "journeys": {
        "welcome": {
            "title": "Welcome",
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "exits": [{"event": "Left", "reason": "left"}],
            "goals": {"bought": {"event": "Bought", "value": "total", "within": "30d"}},
            "steps": {
                "hello": {
                    "kind": "message", "template": "hello", "on": {"failed": "exit", "delivered": "wait"},
                },
                "wait": {"kind": "wait", "for": "2d"},
                "again": {"kind": "message", "template": "nudge"},
                "tip": {"kind": "message", "template": "tip", "expires": "7d"},
                "rest": {"kind": "wait", "paths": [{"event": "Visited", "name": "visit"}], "timeout": "5d"},
            },
        },
        "thanks": {
            "title": "Thanks for being reached",
            "triggers": [{"kind": "segment", "segment": "reached"}],
            "steps": {
                "pause": {"kind": "wait", "for": "1h"},
                "thanks": {"kind": "message", "template": "thanks"},
            },
        },
    },
}  # fmt: skip


def folder(path: Path, **more: Any) -> Path:
    """The workspace as a folder; `more` replaces whole fields."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "workspace.yaml").write_text(to_yaml({**WORKSPACE, **more}))
    return path


@cache
def _loaded(text: str) -> m.Workspace:
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "workspace.yaml").write_text(text)
        return load(Path(scratch))


def workspace(**more: Any) -> m.Workspace:
    """The same, loaded."""
    return _loaded(to_yaml({**WORKSPACE, **more}))


def history() -> list[dict[str, Any]]:
    """Eight people sign up; some buy, one leaves, one cannot be reached, two turn out to be one."""
    found: list[dict[str, Any]] = []
    for place, who in enumerate(("ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal")):
        traits = {} if who == "dan" else {"email": f"{who}@example.com"}
        hello = {**event(place * 0.3, who, ""), "type": "identify", "traits": traits}
        found += [hello, event(place * 0.3 + 0.01, who, "Signed Up")]
    found.append(event(3.5, "ada", "Bought", properties={"total": 40}))
    found.append(event(2.1, "bob", "Left"))
    found += [event(1.1 + place, "cleo", "Visited", n=place) for place in range(6)]
    found.append({**event(4.05, "fay", ""), "type": "alias", "previousId": "gus"})
    found.append(event(30.0, "eve", "Visited"))
    return sorted(found, key=lambda one: one["timestamp"])


def entries(events: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    """Events as a fold takes them."""
    import json

    return [(one["timestamp"], json.dumps(one).encode()) for one in events]


class LiveSender:
    """Folds events as they come, looks every few hours, and appends to a log what it hears of messages."""

    def __init__(self, model: m.Workspace, path: Path, delay_ms: int = 7_300) -> None:
        self.log = SqliteLog(path, SystemClock())
        self.fold = Fold(model)
        self.effects: list[Effect] = []
        self._coming: list[tuple[int, int, dict[str, Any]]] = []
        self._delay = delay_ms

    def _hear(self, effects: list[Effect], now: int) -> None:
        self.effects += effects
        for effect in effects:
            if effect.kind == "message":
                outcomes = (
                    ("failed",) if effect.data["template"] == "nudge" else ("claimed", "sent", "delivered")
                )
                for place, outcome in enumerate(outcomes, 1):
                    record = {"op": "outcome", "effect": effect.data["effect"], "outcome": outcome}
                    heappush(self._coming, (now + place * self._delay, len(self.effects) + place, record))

    def _until(self, t: int) -> None:
        while self._coming and self._coming[0][0] <= t:
            due, _, record = heappop(self._coming)
            self.log.append([NewControl(record, due)])
            self._hear(self.fold.control(due, record), due)

    def live(self, events: list[dict[str, Any]], end: int) -> None:
        """Everything up to `end`, with a tick every six hours."""
        waiting, t = entries(events), START
        while t < end:
            t = min(t + 6 * HOUR, end)
            while waiting and waiting[0][0] <= t:
                at, raw = waiting.pop(0)
                self._until(at)
                self.log.append([NewEvents([Entry("", at, raw, at)], [message_key("", raw[:200].hex())])])
                self._hear(self.fold.events([(at, raw)]), at)
            self._until(t)
            self.log.append([NewTick(t)])
            self._hear(self.fold.advance(t), t)
        self.log.close()


__all__ = ["DAY", "HOUR", "START", "LiveSender", "entries", "folder", "history", "workspace"]
