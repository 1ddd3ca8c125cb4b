"""What a user agent says about browser, operating system and device, as fields of `context`.

`browser` {name, version}, `os` {name, version}, `device` {manufacturer, model, category: mobile, tablet, tv,
desktop}, and `bot`: true for crawlers and browsers without a screen. Read by ua-parser's regular expressions,
which take milliseconds for an agent that is new; so what is known is remembered, and of new ones only so many
are looked into in a second.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec
from msgspec import Raw
from ua_parser import Device, Result, UserAgent, parse

from ...clock import Clock
from ...limits import AGENTS_CACHED_ENTRIES_MAX, AGENTS_NEW_PER_S_MAX, USER_AGENT_CHARS_MAX
from .envelope import Fields

_PHONES: Final = frozenset({"iOS", "Android", "Windows Phone", "BlackBerry OS", "KaiOS", "Firefox OS"})
_TVS: Final = frozenset({"tvOS", "ATV OS X", "Tizen", "webOS", "Roku", "Chromecast", "Android TV"})
_DESKTOPS: Final = frozenset(
    {"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"}
)
_HEADLESS: Final = ("Headless", "PhantomJS", "Lighthouse")
_encode = msgspec.json.Encoder().encode
_NOTHING: Final[Fields] = {}


class Agents:
    """Reads user agents and remembers them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Fields] = OrderedDict()
        self._second = 0
        self._new = 0

    def fields(self, user_agent: str) -> Fields:
        """The fields of `context` that `user_agent` tells; none when it says nothing, or when there are too
        many new ones just now.
        """
        name = user_agent[:USER_AGENT_CHARS_MAX]
        found = self._known.get(name)
        if found is not None:
            self._known.move_to_end(name)
            return found
        second = self._clock.now() // 1_000
        if second != self._second:
            self._second, self._new = second, 0
        if self._new >= AGENTS_NEW_PER_S_MAX:
            return _NOTHING
        self._new += 1
        found = self._known[name] = _fields(parse(name))
        if len(self._known) > AGENTS_CACHED_ENTRIES_MAX:
            self._known.popitem(last=False)
        return found


def _fields(result: Result) -> Fields:
    agent, system, device = result.user_agent, result.os, result.device
    found: dict[str, Any] = {}
    if agent is not None:
        found["browser"] = _named(agent.family, agent.major, agent.minor)
    if system is not None:
        found["os"] = _named(system.family, system.major, system.minor)
    told = {
        "manufacturer": device.brand if device is not None else None,
        "model": device.model if device is not None else None,
        "category": _category(system.family if system is not None else "", device, result.string),
    }
    bot = device is not None and device.family == "Spider"
    if bot or _headless(agent):
        found["bot"] = True
    if not bot and any(told.values()):
        found["device"] = {name: value for name, value in told.items() if value}
    return {name: Raw(_encode(value)) for name, value in found.items()}


def _named(name: str, major: str | None, minor: str | None) -> dict[str, str]:
    version = ".".join(part for part in (major, minor) if part)
    return {"name": name, "version": version} if version else {"name": name}


def _category(system: str, device: Device | None, text: str) -> str | None:
    if system in _TVS or "SmartTV" in text or "SMART-TV" in text:
        return "tv"
    tablet = "iPad" in text or "Tablet" in text or (system == "Android" and "Mobile" not in text)
    if tablet:
        return "tablet"
    if system in _PHONES:
        return "mobile"
    return "desktop" if system in _DESKTOPS else None


def _headless(agent: UserAgent | None) -> bool:
    return agent is not None and any(word in agent.family for word in _HEADLESS)
