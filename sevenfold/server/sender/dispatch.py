"""Who goes next: which messages may be claimed now, and who carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...journeys.limits_text import limit_of
from ...workspace.models import Workspace
from .carriers import Carrier, Carriers, MakeAdapter
from .items import Group, Item
from .pacing import Allowance, Rate
from .queues import Queues


class Dispatch:
    """Looks at channels, their rates, those of journeys, and the allowance."""

    def __init__(
        self,
        queues: Queues,
        make: MakeAdapter,
        allowance: Allowance | None,
        paced: Callable[[Item], None],
    ) -> None:
        self.carriers = Carriers(make)
        self._queues, self._allowance, self._paced = queues, allowance, paced
        self._limits: dict[str, tuple[int, int]] = {}
        self._rates: dict[str, Rate] = {}

    def take_over(self, workspace: Workspace) -> list[Carrier]:
        """Takes what a workspace says; gives the carriers that are used no more."""
        limits = {name: one.limits.rate for name, one in workspace.journeys.items()}
        new = {name: limit_of(rate) for name, rate in limits.items() if rate is not None}
        # A rate that stays remembers what was sent.
        self._rates = {
            name: self._rates[name] if self._limits.get(name) == limit else Rate(*limit)
            for name, limit in new.items()
        }
        self._limits = new
        return self.carriers.take_over(workspace)

    def recall(
        self, channels: Mapping[str, Mapping[int, int]], journeys: Mapping[str, Mapping[int, int]]
    ) -> None:
        """What was sent before, by time: rates go on from there."""
        self.carriers.recall(channels)
        for name, rate in self._rates.items():
            rate.recall(journeys.get(name, {}))

    def pick(self, now: int, limit: int) -> list[tuple[Item, Carrier]]:
        """What goes now, at most so many; each has its place on its channel from here on."""
        found: list[tuple[Item, Carrier]] = []
        for group in self._queues.groups():
            while len(found) < limit and self._room(group, now):
                item = self._queues.take(group, lambda item: self._free(item, now) is not None)
                if item is None:
                    break
                carrier = self._free(item, now)
                assert carrier is not None
                carrier.took(now)
                rate = self._rate(item)
                if rate is not None:
                    rate.take(now)
                if self._allowance is not None:
                    self._allowance.took(item.channel, now)
                found.append((item, carrier))
        return found

    def _room(self, group: Group, now: int) -> bool:
        """Whether anybody who carries a channel's messages takes one more: asked before each journey is."""
        first = self.carriers.get(group[0])
        if first is None:
            return False
        second = self.carriers.get(first.model.fallback) if first.model.fallback else None
        return first.room(now) or (second is not None and second.room(now))

    def _rate(self, item: Item) -> Rate | None:
        return self._rates.get(item.journey) if item.shape == "message" else None

    def _free(self, item: Item, now: int) -> Carrier | None:
        """Who carries an item now; None when it has to wait."""
        carrier = self.carriers.route(item.channel, now, item.only)
        if carrier is None or not carrier.room(now):
            return None
        allowance = None if item.transactional else self._allowance
        if allowance is not None and allowance.room(item.channel, now) <= 0:
            return None
        rate = self._rate(item)
        if rate is not None and rate.room(now) <= 0:
            if not item.paced:
                item.paced = True
                self._paced(item)
            return None
        return carrier

    def next_time(self, now: int) -> int | None:
        """When something that is ready may go, or a paused channel is looked at again."""
        times = [one.probe_at for one in self.carriers.all() if one.reason and not one.probing]
        for group in self._queues.groups():
            times += self._times_of(group, now)
        return min(times, default=None)

    def _times_of(self, group: Group, now: int) -> list[int]:
        times: list[int] = []
        first = self.carriers.get(group[0])
        names = [group[0], first.model.fallback if first is not None else None]
        for name in names:
            carrier = self.carriers.get(name) if name is not None else None
            at = carrier.next_time(now) if carrier is not None else None
            if at is not None:
                times.append(at)
        if self._allowance is not None and not group[1] and self._allowance.room(group[0], now) <= 0:
            times.append(self._allowance.next(group[0], now))
        for item in self._queues.first(group):
            rate = self._rate(item)
            if rate is not None and rate.room(now) <= 0:
                times.append(rate.next(now))
        return times


__all__ = ["Dispatch"]
