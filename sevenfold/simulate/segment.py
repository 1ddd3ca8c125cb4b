"""Segment-spec events as dictionaries: the one place that knows their shape."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from sevenfold.simulate.draws import Ints, Stream, key_of

Event = dict[str, Any]
DAY_MS = 86_400_000
_MINUTES = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1_440)]
_SECONDS = [f"{second:02d}." for second in range(60)]
_MILLISECONDS = [f"{ms:03d}Z" for ms in range(1_000)]
SITE = "https://www.example.com"


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%dT")


def iso_time(time_ms: int) -> str:
    """ms UTC as Segment's clients write it: `2024-01-01T08:15:30.250Z`."""
    day, ms = divmod(time_ms, DAY_MS)
    return _date(day) + _MINUTES[ms // 60_000] + _SECONDS[ms // 1000 % 60] + _MILLISECONDS[ms % 1000]


def iso_times(times_ms: Ints) -> list[str]:
    """`iso_time` of many at once."""
    return [f"{text}Z" for text in np.datetime_as_string(times_ms.astype("M8[ms]"), unit="ms").tolist()]


def anonymous_id(key: int) -> str:
    """A UUID-shaped browser id made of a subject's key."""
    text = f"{key:016x}{key * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF:016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class Writer:
    """Writes one subject's events: keeps who it is and counts its message ids."""

    __slots__ = ("account", "anonymous", "count", "key", "prefix", "timezone", "user")

    def __init__(self, key: int, timezone: str, user: str | None = None, account: str | None = None) -> None:
        self.key = key
        self.user = user
        self.account = account
        self.anonymous = anonymous_id(key)
        self.timezone = timezone
        self.count = 0
        self.prefix = f"{key:016x}-"

    def base(self, kind: str, time_ms: int, context: dict[str, Any] | None = None) -> Event:
        """What every event has: type, messageId, timestamp, ids and context."""
        self.count += 1
        event: Event = {
            "type": kind, "messageId": f"{self.prefix}{self.count:x}", "timestamp": iso_time(time_ms),
            "anonymousId": self.anonymous,
        }  # fmt: skip
        if self.user is not None:
            event["userId"] = self.user
        event["context"] = {"timezone": self.timezone, **(context or {})}
        if self.account is not None and self.user is not None:
            event["context"]["groupId"] = self.account
        return event

    def track(
        self, time_ms: int, name: str, properties: dict[str, Any] | None = None, **context: Any
    ) -> Event:
        """A `track` call."""
        event = self.base("track", time_ms, context)
        event["event"] = name
        event["properties"] = properties or {}
        return event

    def page(self, time_ms: int, name: str, path: str, referrer: str = "", **more: Any) -> Event:
        """A `page` call; keyword `campaign` goes to the context, all others to the properties."""
        campaign = more.pop("campaign", None)
        address = {"path": path, "url": SITE + path, "referrer": referrer, "title": name}
        context: dict[str, Any] = {"page": dict(address)}
        if campaign:
            context["campaign"] = campaign
        event = self.base("page", time_ms, context)
        event["name"] = name
        event["properties"] = {**address, **more}
        return event

    def identify(self, time_ms: int, traits: dict[str, Any]) -> Event:
        """An `identify` call."""
        event = self.base("identify", time_ms)
        event["traits"] = traits
        return event

    def group(self, time_ms: int, traits: dict[str, Any]) -> Event:
        """A `group` call of this person for their account."""
        event = self.base("group", time_ms)
        event["groupId"] = self.account
        event["traits"] = traits
        return event


@dataclass(frozen=True, slots=True)
class Disorder:
    """What networks do to a stream: the share of events sent twice and delivered late.

    A late event keeps its timestamp and arrives up to `late_ms_max` later, among younger ones; a duplicate
    is the same event, same messageId, up to `late_ms_max` later.
    """

    duplicate_share: float = 0.0
    late_share: float = 0.0
    late_ms_max: int = 6 * 3_600_000

    def applied(self, events: Iterator[tuple[int, Event]], seed: int) -> Iterator[tuple[int, Event]]:
        """The same events in order of delivery, as (delivery ms, event). Holds those delayed, no others."""
        if not (self.duplicate_share or self.late_share):
            yield from events
            return
        waiting: list[tuple[int, str, int, Event]] = []
        for time_ms, event in events:
            while waiting and waiting[0][0] <= time_ms:
                due = heapq.heappop(waiting)
                yield due[0], due[3]
            stream = Stream(key_of(seed, "delivery", event["messageId"]))
            late, twice = stream.happens(self.late_share), stream.happens(self.duplicate_share)
            delays = (1 + stream.below(self.late_ms_max), 1 + stream.below(self.late_ms_max))
            if twice:
                heapq.heappush(waiting, (time_ms + delays[1], event["messageId"], 1, dict(event)))
            if late:
                heapq.heappush(waiting, (time_ms + delays[0], event["messageId"], 0, event))
            else:
                yield time_ms, event
        while waiting:
            due = heapq.heappop(waiting)
            yield due[0], due[3]
