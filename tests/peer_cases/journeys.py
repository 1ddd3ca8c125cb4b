"""Their journeys -> ours: nodes become steps, keyed entries become journeys over the thing that the key
names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sevenfold.effects import subject_id
from sevenfold.messages.holdouts import PLACES, draw
from sevenfold.workspace import models as m
from tests.peer_cases.outcome import SkipError
from tests.peer_cases.paths import keys_of, parts_of, text_of

Node = dict[str, Any]
MANY = 1_000
"""As many runs at a time as a case may start."""


def channels() -> dict[str, Any]:
    """Every channel of theirs, reachable without an address: their tests send to nobody in particular."""
    return {name: {"type": "in_app"} for name in ("email", "sms", "mobile_push", "webhook")}


def templates(journeys: dict[str, Any]) -> dict[str, Any]:
    """A template for each that a message names."""
    nodes = [node for journey in journeys.values() for node in journey.get("nodes", [])]
    said = [node for node in nodes if node["type"] == "message"]
    return {_template(node): {"channel": node["channel"], "body": "said"} for node in said}


def entities(journeys: dict[str, Any]) -> dict[str, m.Entity]:
    """The things that keyed journeys are about, one kind for each key."""
    keys = [key_of(journey) for journey in journeys.values()]
    return {kind_of(key): m.Entity(key=key) for key in keys if key}


def key_of(journey: dict[str, Any]) -> str:
    """The property that keys the entry of a journey; "" without one."""
    path = journey["entry"].get("key")
    if not path:
        return ""
    keys = keys_of(parts_of(path))
    if keys is None:
        raise SkipError("a key at a place in a list names nothing for certain")
    return text_of(keys)


def kind_of(key: str) -> str:
    """The kind of entity that a key names."""
    return "keyed_" + "".join(c if c.isalnum() else "_" for c in key)


class Journeys:
    """Translates journeys. `randoms`: the number that a case injects into splits, if it does."""

    def __init__(self, translation: Any, randoms: float | None) -> None:
        self.translation, self.random = translation, randoms

    def journey(self, label: str, journey: dict[str, Any]) -> dict[str, Any]:
        """A journey as our YAML has it."""
        key = key_of(journey)
        steps = dict(self._steps(label, journey, key))
        again = {"unlimited": MANY} if journey.get("allow_multiple_runs") else "once"
        made: dict[str, Any] = {"triggers": [self._trigger(journey)], "re_entry": again, "steps": steps}
        made["ttl"] = "365d"
        made["late_after"] = "1800d"
        if key:
            made["of"] = kind_of(key)
        entry = journey["entry"]
        if entry["type"] == "segment":
            made["audience"] = self._condition(entry["segment"], "")
            # A test may start a run by hand as well.
            made["triggers"].append({"kind": "api"})
        return made

    def _trigger(self, journey: dict[str, Any]) -> dict[str, Any]:
        entry = journey["entry"]
        if entry["type"] == "segment":
            if entry["segment"] in self.translation.unanswered:
                raise SkipError(self.translation.unanswered[entry["segment"]])
            return {"kind": "segment", "segment": self.translation.labels[entry["segment"]]}
        if entry["type"] == "event":
            return {"kind": "event", "event": self.translation.event_name(entry["event"])}
        raise SkipError(f"an entry of type `{entry['type']}` has no counterpart")

    def _steps(self, label: str, journey: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The steps, the first one first; each says itself what follows."""
        nodes = {node["id"]: node for node in journey.get("nodes", [])}
        start = journey.get("start", "exit")
        if start == "exit" or not nodes:
            yield "only", {"kind": "exit"}
            return
        for node in (nodes[start], *(node for name, node in nodes.items() if name != start)):
            yield from self._step(label, node, key)

    def _step(self, label: str, node: Node, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        name, kind = node["id"], node["type"]
        if kind == "message":
            yield (
                name,
                {"kind": "message", "template": _template(node), "next": node["next"], "expires": "30d"},
            )
        elif kind == "split":
            path = {"when": self._condition(node["segment"], key), "go": node["if_true"]}
            yield name, {"kind": "branch", "paths": [path], "else": node["if_false"]}
        elif kind == "wait_for":
            paths = [
                {"when": self._condition(branch["segment"], key), "go": branch["next"]}
                for branch in node["branches"]
            ]
            timeout = {"timeout": f"{node['timeout_seconds']}s", "on_timeout": node["timeout_next"]}
            yield name, {"kind": "wait", "paths": paths, **timeout}
        elif kind == "random_split":
            yield name, self._split(label, node)
        elif kind == "delay" and "for_seconds" in node:
            yield name, {"kind": "wait", "for": f"{node['for_seconds']}s", "next": node["next"]}
        elif kind == "delay" and "until_property" in node:
            yield from self._until(node, key)
        else:
            raise SkipError(f"a node of type `{kind}` has no counterpart")

    def _until(self, node: Node, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """A wait for the date in a property: of several sources the first that has one."""
        sign = "-" if node.get("offset_direction", "before") == "before" else ""
        offset = f"{sign}{node.get('offset_seconds', 0)}s"
        dates = self.translation.dates(node["until_property"], key)
        ways = [{"when": f"exists {date}", "go": f"{node['id']}.{i}"} for i, date in enumerate(dates[:-1])]
        last = f"{node['id']}.{len(dates) - 1}"
        yield node["id"], {"kind": "branch", "paths": ways, "else": last}
        for place, date in enumerate(dates):
            wait = {"date": date, "offset": offset}
            yield f"{node['id']}.{place}", {"kind": "wait", "date": wait, "next": node["next"]}

    def _split(self, label: str, node: Node) -> dict[str, Any]:
        shares = [round(branch["percent"], 2) for branch in node["branches"]]
        shares[-1] = round(100 - sum(shares[:-1]), 2)
        paths = {
            branch["name"]: {"share": share, "go": branch["next"]}
            for branch, share in zip(node["branches"], shares, strict=True)
        }
        salt = f"{label}/{node['id']}"
        if self.random is not None:
            salt = self._drawing(self.random, salt)
        return {"kind": "split", "paths": paths, "salt": salt}

    @staticmethod
    def _drawing(value: float, salt: str) -> str:
        """A salt under which the case's first person draws the number that the case injects."""
        person = subject_id(m.PERSON, 1)
        return next(
            found for i in range(100 * PLACES) if draw(found := f"{salt} {i}", person) == int(value * PLACES)
        )

    def _condition(self, segment: str, key: str) -> str:
        return self.translation.in_journey(segment, key)


def _template(node: Node) -> str:
    return f"{node['channel']}_{node.get('template', 'none')}".replace("-", "_")
