"""Short ways to write workspaces and events in tests."""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.workspace.models import Workspace

from .fold import ReferenceFold

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 20_000 * DAY
"""A midnight UTC (2024-10-04) at which the small examples begin."""


def workspace(**objects: Any) -> Workspace:
    return msgspec.convert({"name": "example", **objects}, Workspace)


def track(event: str, user: str | None = "u1", **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": user, "properties": properties}


def identify(user: str | None = "u1", **traits: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": user, "traits": traits}


def group(account: str, user: str | None = "u1", **traits: Any) -> dict[str, Any]:
    return {"type": "group", "groupId": account, "userId": user, "traits": traits}


class Story:
    """A reference fold told in times relative to START."""

    def __init__(self, **objects: Any) -> None:
        self.fold = ReferenceFold(workspace(**objects))

    def at(self, t: int, event: dict[str, Any], te: int | None = None) -> Story:
        self.fold.event(START + t, {**event, "time": START + (t if te is None else te)})
        return self

    def until(self, t: int) -> Story:
        self.fold.tick(START + t)
        return self

    def person(self, index: int = 0) -> dict[str, Any]:
        return list(self.fold.profiles().values())[index]

    def account(self, index: int = 0) -> dict[str, Any]:
        return list(self.fold.accounts().values())[index]

    def signal(self, name: str) -> Any:
        return self.person()["signals"][name]

    def told(self, *kinds: str) -> list[tuple[Any, ...]]:
        """The effects of some kinds: (time from START, kind, name, then from, to or the like)."""
        return [
            (e.time - START, e.kind, e.name, *e.data.values()) for e in self.fold.effects if e.kind in kinds
        ]
