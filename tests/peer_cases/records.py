"""Their events -> Segment events, as JSON bytes.

Besides renaming fields, a record names what a condition of ours cannot reach by itself: the number in a text,
the value at a place in a list, and the number of the event. Such additions are keys that begin with `peer `.
"""

from __future__ import annotations

import json
from typing import Any

from tests.peer_cases.outcome import SkipError
from tests.peer_cases.paths import MISSING, Parts, at

SUBSCRIPTION = "Subscription Changed"
POSITION = "peer position"
_PREFIX = "peer "
_FIELDS = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "message_id": "messageId",
    "group_id": "groupId",
    "previous_id": "previousId",
    "event": "event",
    "name": "name",
    "traits": "traits",
    "properties": "properties",
    "timestamp": "timestamp",
    "context": "context",
}
_DROPPED = {"type", "received_at", "group", "action", "assigned"}


class Lifted:
    """The additions that the definitions of a case ask for."""

    def __init__(self) -> None:
        self.position = False
        self._numbers: dict[str, dict[str, Parts]] = {"traits": {}, "properties": {}}
        self._values: dict[str, dict[str, Parts]] = {"traits": {}, "properties": {}}

    def number(self, parts: Parts, inside: str) -> str:
        """The key that holds the number written as text at a path, false when there is none."""
        key = f"{_PREFIX}number {_joined(parts)}"
        self._numbers[inside][key] = parts
        return key

    def value(self, parts: Parts, inside: str) -> str:
        """The key that holds the value at a path with places in lists."""
        key = f"{_PREFIX}value {_joined(parts)}"
        self._values[inside][key] = parts
        return key

    def added(self, held: dict[str, Any], inside: str) -> dict[str, Any]:
        """`held` with the additions."""
        found = dict(held)
        for key, parts in self._values[inside].items():
            if (value := at(held, parts)) is not MISSING:
                found[key] = value
        for key, parts in self._numbers[inside].items():
            if (value := at(held, parts)) is not MISSING:
                found[key] = _number(value)
        return found

    @staticmethod
    def without(body: Any) -> Any:
        """A whole body as it was sent."""
        if not isinstance(body, dict):
            return body
        return {key: value for key, value in body.items() if not key.startswith(_PREFIX)}


def _joined(parts: Parts) -> str:
    return "/".join(map(str, parts))


def _number(value: Any) -> float | bool:
    """The number in a text; false for every other value, which makes the number unknown."""
    if not isinstance(value, str):
        return False
    try:
        number = float(value)
    except ValueError:
        return False
    return number if abs(number) <= 9e12 else False


def record(event: dict[str, Any], lifted: Lifted, position: int) -> bytes:
    """One event as it would have been sent to us. Raises SkipError for a kind or field we do not know."""
    if unknown := event.keys() - _FIELDS.keys() - _DROPPED:
        raise SkipError(f"an event's `{sorted(unknown)[0]}` has no counterpart")
    made = {ours: event[theirs] for theirs, ours in _FIELDS.items() if event.get(theirs) is not None}
    # A user id says who; only without one does the anonymous id.
    if "userId" in made:
        made.pop("anonymousId", None)
    kind = made["type"] = event["type"]
    if kind == "subscription_change":
        made |= {"type": "track", "event": SUBSCRIPTION}
        made["properties"] = {"group": event["group"], "action": event["action"]}
    elif kind == "group" and event.get("assigned", True) is False:
        made |= {
            "type": "track",
            "event": "Account Removed User",
            "context": {"groupId": made.pop("groupId")},
        }
    elif kind not in ("identify", "track", "page", "screen", "group", "alias"):
        raise SkipError(f"an event of type `{kind}` has no counterpart")
    if made["type"] in ("identify", "group"):
        made["traits"] = lifted.added(made.get("traits") or {}, "traits")
    elif made["type"] != "alias":
        made["properties"] = lifted.added(made.get("properties") or {}, "properties")
        if lifted.position:
            made["properties"][POSITION] = position
    return json.dumps(made).encode()
