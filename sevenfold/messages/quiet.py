"""Quiet hours: until when a message waits for the person's morning."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..journeys.inference import country_code, country_zones
from ..journeys.windows import Windows, next_open, parse_window, quiet_unknown, quiet_until
from ..journeys.zones import Zone, zone
from ..limits import ZONE_NAMES_CACHED_ENTRIES_MAX
from ..profiles.expressions import parse_duration
from .ledger import Kind
from .policy import QuietHours


class Whereabouts(NamedTuple):
    """Whose local time counts."""

    zone: Zone
    source: str
    """person, account, inferred, policy; `workspace` says that the person's own is not known."""
    candidates: tuple[Zone, ...] = ()
    """Where it is not known: the zones of their country, none when that is not known either."""


@lru_cache(maxsize=ZONE_NAMES_CACHED_ENTRIES_MAX)
def whereabouts(name: str, source: str, country: str | None) -> Whereabouts:
    """What the chain of zones answered; `country` is a code or an English name."""
    if source != "workspace" or not country:
        return Whereabouts(zone(name), source)
    code = country_code(country)
    return Whereabouts(zone(name), source, country_zones(code) if code else ())


class Quiet(NamedTuple):
    """It is quiet until an instant (`NEVER` for quiet hours that cover the week)."""

    until: int
    zone: str
    basis: str
    """Who said which zone; for people whose zone is not known: candidates, everywhere, workspace."""


class CompiledQuiet:
    """One entry of the quiet hours."""

    __slots__ = ("_free", "_windows", "_zone", "jitter_ms", "kind_of", "model")

    def __init__(self, model: QuietHours, kind_of: Callable[[str], str | None]) -> None:
        self.model, self.kind_of = model, kind_of
        self._windows = Windows(parse_window(one.days, one.from_, one.to) for one in model.windows)
        self._zone = Whereabouts(zone(model.zone), "policy") if model.zone is not None else None
        self._free: dict[str, tuple[int, int]] = {}
        """By zone: a time in which it is not quiet (from, to), found when it was asked about."""
        self.jitter_ms = parse_duration(model.jitter) if model.jitter is not None else 0

    def covers(self, kind: Kind) -> bool:
        """Whether messages of this kind are held by it."""
        channels, categories = self.model.channels, self.model.categories
        if channels and kind.channel not in channels and self.kind_of(kind.channel) not in channels:
            return False
        return not categories or kind.category in categories

    def at(self, t: int, place: Whereabouts, workspace: Zone) -> Quiet | None:
        """None when it is not quiet at `t` in the entry's own zone, else at the person's `place`."""
        place = self._zone or place
        if place.source == "workspace":
            found = quiet_unknown(t, self._windows, place.candidates, workspace)
            return None if found.until is None else Quiet(found.until, place.zone.name, found.basis)
        name = place.zone.name
        free = self._free.get(name)
        if free is not None and free[0] <= t < free[1]:
            return None
        until = quiet_until(t, self._windows, place.zone)
        if until is not None:
            return Quiet(until, name, place.source)
        self._free[name] = t, next_open(t, self._windows, place.zone)
        return None
