"""A small company for tests of people's work: who acts, when it is open, and a fold to try things on."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.workspace import models as m

HOUR = 3_600_000
DAY = 24 * HOUR
MONDAY = 1_767_571_200_000
"""2026-01-05 00:00 UTC, a Monday; in Berlin it is 01:00."""
NINE = MONDAY + 8 * HOUR
"""Monday 09:00 in Berlin."""

PEOPLE = [
    {"email": "ann", "role": "csm", "capacity": 2, "manager": "max", "fallback": "ben"},
    {"email": "ben", "role": "csm", "capacity": 2, "manager": "max"},
    {"email": "cleo", "role": "csm", "manager": "max"},
    {"email": "max", "role": "manager", "fallback": "nora"},
    {"email": "nora", "role": "manager"},
]
OFFICE = {"windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]}


def workspace(**parts: Any) -> m.Workspace:
    """A workspace in Berlin with the people of the office; `parts` come on top."""
    base: dict[str, Any] = {
        "name": "office",
        "timezone": "Europe/Berlin",
        "traits": {"owner": {"type": "string"}, "plan": {"type": "string"}},
        "signals": {
            "stalls": {"kind": "count", "event": "Stalled"},
            "bad": {"kind": "count", "event": "Stalled", "window": "10d"},
            "good": {"kind": "count", "event": "Back", "window": "20d"},
        },
        "catalogues": {"people": {"key": "email", "rows": PEOPLE}},
        "people": {"catalogue": "people"},
        "calendars": {"office": OFFICE},
        "channels": {"email": {"type": "email", "address": "email"}},
        "templates": {
            name: {"channel": "email", "subject": "Hello", "text": "Hello", "transactional": name == "must"}
            for name in ("hello", "again", "other", "must")
        },
    }
    return msgspec.convert(base | parts, m.Workspace)


class World:
    """A fold and its log. Everything it says gathers in `told`."""

    def __init__(self, model: m.Workspace) -> None:
        self.fold = Fold(model)
        self.told: list[Effect] = []
        self.count = 0

    def track(self, t: int, user: str, event: str, **properties: Any) -> list[Effect]:
        """Somebody does something."""
        return self._send(t, {"type": "track", "event": event, "userId": user, "properties": properties})

    def identify(self, t: int, user: str, **traits: Any) -> list[Effect]:
        """Somebody says something of themselves."""
        return self._send(t, {"type": "identify", "userId": user, "traits": traits})

    def _send(self, t: int, event: dict[str, Any]) -> list[Effect]:
        self.count += 1
        raw = json.dumps(event | {"messageId": f"m{self.count}"}).encode()
        return self._heard(self.fold.events([(t, raw)]))

    def control(self, t: int, op: str, **record: Any) -> list[Effect]:
        """Somebody decides something."""
        return self._heard(self.fold.control(t, {"op": op, **record}))

    def until(self, t: int) -> list[Effect]:
        """Time passes."""
        return self._heard(self.fold.advance(t))

    def _heard(self, effects: list[Effect]) -> list[Effect]:
        self.told += effects
        return effects

    def again(self) -> None:
        """The fold stops and goes on from its snapshot."""
        self.fold = Fold.restore(self.fold.workspace, self.fold.snapshot())

    def of(self, *kinds: str) -> list[Effect]:
        """What it said of these kinds."""
        return [effect for effect in self.told if effect.kind in kinds]

    def data(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of what it said of these kinds."""
        return [effect.data for effect in self.of(*kinds)]
