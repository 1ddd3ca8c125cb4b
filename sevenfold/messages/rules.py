"""The workspace's messaging policy, compiled: what of it concerns a message, and conditions as functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..journeys.zones import Zone, zone
from ..profiles import expressions as x
from ..profiles.expressions import parse_duration
from ..workspace.base import Condition
from .caps import CompiledCap
from .cases import CompiledGuard
from .channels import Channels, Holds
from .ledger import Kind
from .policy import Guard, Topic
from .quiet import CompiledQuiet, Whereabouts

if TYPE_CHECKING:
    from ..journeys.runtime import Journeys
    from ..lifecycle.compile import CompiledUnit
    from ..workspace.models import Workspace


class Rules:
    """Caps, quiet hours, topics, conflicts, guards and the least gap of a workspace."""

    def __init__(self, workspace: Workspace, channels: Channels) -> None:
        self.model = model = workspace.messaging
        self.channels = channels
        self.home: Zone = zone(workspace.timezone)
        self.workspace = Whereabouts(self.home, "workspace")
        self.caps = [
            CompiledCap(name, cap, place, zone(cap.zone) if cap.zone else self.home, self._kind_of)
            for place, (name, cap) in enumerate(model.caps.items())
        ]
        self.quiet = [CompiledQuiet(one, self._kind_of) for one in model.quiet_hours]
        self.gap = parse_duration(model.minimum_gap) if model.minimum_gap is not None else 0
        self.conflicts: dict[str, dict[str, int]] = {}
        for one in model.conflicts:
            within = parse_duration(one.within)
            for mine, other in (one.between, one.between[::-1]):
                known = self.conflicts.setdefault(mine, {})
                known[other] = max(within, known.get(other, 0))
        self._topics = {name: parse_duration(topic.once_per) for name, topic in model.topics.items()}
        self._usual_topic = parse_duration(Topic().once_per)
        self._guards: dict[str, Holds] = {}
        longest = [cap.longest for cap in self.caps] + [*self._topics.values(), self._usual_topic, self.gap]
        longest += [within for known in self.conflicts.values() for within in known.values()]
        self.horizon_ms = max(longest)
        """No rule asks about messages older than this."""

    def conditions(self) -> Iterator[Condition]:
        """Conditions about people that are asked when a message is decided."""
        yield from (guard.when for guard in self.model.guards.values())
        yield from (one.model.reachable for one in self.channels.all if one.model.reachable is not None)

    def finish(self, person: CompiledUnit, runtime: Journeys) -> None:
        """Makes functions of conditions, once columns have their place."""
        self._guards = {name: runtime.asks(person, guard.when) for name, guard in self.model.guards.items()}
        for channel in self.channels.all:
            if channel.model.reachable is not None:
                channel.reachable = runtime.asks(person, channel.model.reachable)
        for cap in self.caps:
            cap.limits = [(_in_segment(person, name), limit) for name, limit in cap.model.limits.items()]
            if cap.model.stage:
                cap.in_stage = _in_stages(person, cap.model.stage)

    def guards(self, kind: Kind) -> list[CompiledGuard]:
        """The guards that name a message of this kind."""
        return [
            CompiledGuard(name, self._guards[name], guard.reason)
            for name, guard in self.model.guards.items()
            if _names(guard, kind)
        ]

    def caps_over(self, kind: Kind) -> list[CompiledCap]:
        """The caps that may hold a message of this kind, those for people in certain stages included."""
        anywhere = kind._replace(stages=tuple(cap.name for cap in self.caps))
        return [cap for cap in self.caps if cap.covers(anywhere)]

    def mask(self, kind: Kind) -> int:
        """The caps in which a message of this kind, decided in these stages, takes a place."""
        return sum(cap.bit for cap in self.caps if cap.covers(kind))

    def once_per(self, topic: str | None) -> int:
        """How long a topic holds itself back."""
        return 0 if topic is None else self._topics.get(topic, self._usual_topic)

    def _kind_of(self, channel: str) -> str | None:
        found = self.channels.named.get(channel)
        return None if found is None else found.kind


def _names(guard: Guard, kind: Kind) -> bool:
    if not (guard.intents or guard.categories or guard.tags or guard.journeys):
        return True
    return (
        kind.intent in guard.intents
        or kind.category in guard.categories
        or kind.journey in guard.journeys
        or any(tag in guard.tags for tag in kind.tags)
    )


def _in_segment(person: CompiledUnit, name: str) -> Holds:
    slot = person.slot_of(("segment", name), x.Name(("segment", name)))
    scope, column, bit = person.env.scope, slot.column, slot.bit
    return lambda row: bool(scope[column][row] & bit)


def _in_stages(person: CompiledUnit, stages: dict[str, str]) -> Holds:
    scope = person.env.scope
    wanted: list[tuple[str, int]] = []
    for lifecycle, stage in stages.items():
        slot = person.slot_of(("stage", lifecycle), x.Name(("stage", lifecycle)))
        wanted.append((slot.column, slot.code_of(stage)))
    return lambda row: all(scope[column][row] == code for column, code in wanted)


__all__ = ["Rules"]
