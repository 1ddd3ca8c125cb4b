"""What a sample of events looks like: which there are, how often, from how many people, with which
properties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..limits import SETUP_NAME_ITEMS_MAX, SETUP_PROPERTY_ITEMS_MAX, SETUP_SAMPLE_EVENTS_MAX


class _Call(msgspec.Struct, rename="camel"):
    """The fields of a Segment call that matter here; all may be absent or of any type."""

    type: Any = "track"
    event: Any = None
    name: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    properties: Any = None
    traits: Any = None


_DECODE = msgspec.json.Decoder(_Call).decode


@dataclass(slots=True)
class Seen:
    """One event: how often it came, from how many people, of which type, with which properties how often."""

    count: int = 0
    type: str = "track"
    people: set[str] = field(default_factory=set)
    properties: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Sample:
    """``events`` by name (pages and screens by theirs), ``traits`` and ``account_traits`` with how often they
    came, ``total`` calls read, ``people`` and whether there were ``more`` events than were looked at.
    """

    events: dict[str, Seen] = field(default_factory=dict)
    traits: Counter[str] = field(default_factory=Counter)
    account_traits: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    total: int = 0
    unreadable: int = 0
    other_names: int = 0
    """Calls whose event came after the bound on names."""
    more: bool = False


def sample_of(raws: Iterable[bytes]) -> Sample:
    """A sample from Segment calls as JSON bytes; at most ``SETUP_SAMPLE_EVENTS_MAX`` are looked at."""
    sample = Sample()
    for raw in raws:
        if sample.total >= SETUP_SAMPLE_EVENTS_MAX:
            sample.more = True
            break
        try:
            _add(sample, _DECODE(raw))
        except msgspec.DecodeError:
            sample.unreadable += 1
    return sample


def _add(sample: Sample, call: _Call) -> None:
    sample.total += 1
    who = call.user_id if isinstance(call.user_id, str | int) else call.anonymous_id
    person = str(who) if isinstance(who, str | int) else None
    if person is not None:
        sample.people.add(person)
    if call.type in ("identify", "group") and isinstance(call.traits, dict):
        found = sample.traits if call.type == "identify" else sample.account_traits
        for name in list(call.traits)[:SETUP_PROPERTY_ITEMS_MAX]:
            if name in found or len(found) < SETUP_PROPERTY_ITEMS_MAX:
                found[name] += 1
    name = call.event if call.type == "track" else call.name if call.type in ("page", "screen") else None
    if not isinstance(name, str) or not name:
        return
    seen = sample.events.get(name)
    if seen is None:
        if len(sample.events) >= SETUP_NAME_ITEMS_MAX:
            sample.other_names += 1
            return
        seen = sample.events[name] = Seen(type=str(call.type))
    seen.count += 1
    if person is not None:
        seen.people.add(person)
    if isinstance(call.properties, dict):
        for key in list(call.properties)[:SETUP_PROPERTY_ITEMS_MAX]:
            if key in seen.properties or len(seen.properties) < SETUP_PROPERTY_ITEMS_MAX:
                seen.properties[key] += 1
