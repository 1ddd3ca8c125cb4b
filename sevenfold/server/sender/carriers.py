"""Channels as the sender sees them: whether one can be used now, how many at a time, how fast, and who
stands in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from ...channels.base import Adapter, Result
from ...channels.registry import make_adapter
from ...errors import SevenfoldError
from ...journeys.limits_text import limit_of
from ...limits import SENDER_BACK_OFF_MS_MAX, SENDER_BACK_OFF_MS_MIN, SENDER_FAULTS_ITEMS_MAX
from ...messages.channels import LEASED
from ...messages.policy import DeliveryChannel
from ...messages.templates import CHANNELS
from ...workspace.models import Workspace
from ..secrets import look_up
from .items import AD_HOC
from .pacing import Rate

MakeAdapter = Callable[[str, DeliveryChannel], Adapter]
"""The adapter of a channel, by name and definition. Raises SevenfoldError when it is not set up to send."""
State = Literal["running", "throttled", "down", "paused"]
_SLOW_MS_MIN: Final = 1_000
AHEAD: Final = 2
"""How many messages are claimed for each that a provider takes at a time: while one is being sent the
next one's claim is stored. Those claimed and not sent are what a crash leaves unknown, so they are few.
"""


class Alert(Struct, frozen=True):
    """Something that people should know of: a channel was paused, or goes on."""

    channel: str
    what: Literal["paused", "resumed"]
    reason: str = ""
    detail: str = ""


class Carrier:
    """One channel with its adapter. `leased` ones have none: their messages wait in the product to be
    shown.
    """

    def __init__(self, name: str, model: DeliveryChannel, make: MakeAdapter) -> None:
        self.name, self.model = name, model
        self.leased = model.type in LEASED
        self.adapter: Adapter | None = None
        self.rate: Rate | None = None
        self.busy = 0
        self.counts: dict[str, int] = {}
        self.reason = self.detail = ""
        """Why it is paused; empty: it is not."""
        self.announced = False
        """Whether people were told that it is."""
        self.probe_at = 0
        self.probing = False
        self._probes = self._faults = self._slowed = 0
        self._make = make
        self._down_until = self._slow_until = 0
        self.calls: asyncio.Semaphore | None = None

    def open(self) -> None:
        """Makes the adapter, and pauses the channel when that cannot be."""
        if self.leased or self.adapter is not None:
            return
        try:
            self.adapter = self._make(self.name, self.model)
            self.rate = self._rate(self.adapter)
        except SevenfoldError as error:
            self.adapter = None
            self.reason, self.detail = error.code, str(error)
            return
        self.calls = asyncio.Semaphore(max(1, self.adapter.concurrency))

    def _rate(self, adapter: Adapter) -> Rate | None:
        """What the author says goes before what the provider allows by default: quotas can be raised."""
        if self.model.rate is not None:
            return Rate(*limit_of(self.model.rate))
        return Rate.per_second(adapter.rate_per_s) if adapter.rate_per_s else None

    @property
    def slots(self) -> int:
        """How many may be claimed or on their way at a time."""
        return 1_000 if self.adapter is None else max(1, self.adapter.concurrency) * AHEAD

    def state(self, now: int) -> State:
        if self.reason:
            return "paused"
        if now < self._down_until:
            return "down"
        return "throttled" if now < self._slow_until else "running"

    def usable(self, now: int) -> bool:
        """Whether it is worth trying. One that was down is tried with a single message first."""
        if self.leased:
            return True
        if self.adapter is None or self.reason or now < self._down_until:
            return False
        return self._faults < SENDER_FAULTS_ITEMS_MAX or self.busy == 0

    def room(self, now: int) -> bool:
        """Whether one more may go now."""
        if self._faults >= SENDER_FAULTS_ITEMS_MAX and self.busy:
            return False
        if now < self._slow_until or self.busy >= self.slots:
            return False
        return self.rate is None or self.rate.room(now) > 0

    def next_time(self, now: int) -> int | None:
        """When it may have room that it has not now, but for what is on its way; None: time alone changes
        nothing.
        """
        if self.reason:
            return None
        at = max(self._down_until, self._slow_until, now)
        if self.rate is not None:
            at = max(at, self.rate.next(max(at, now)))
        return at if at > now else None

    # ------------------------------------------------------------------------------------- what it answered

    def took(self, now: int) -> None:
        """One is on its way."""
        self.busy += 1
        if self.rate is not None:
            self.rate.take(now)

    def release(self) -> None:
        """One is no longer on its way."""
        self.busy -= 1

    def answered(self, result: Result, now: int) -> None:
        """What an answer says of the channel as a whole."""
        self.counts[result.verdict] = self.counts.get(result.verdict, 0) + 1
        if result.verdict in ("accepted", "permanent"):
            self._faults = self._slowed = 0
        elif result.verdict == "config_error":
            self.pause(result.reason or "config_error", result.detail, now)
        elif result.verdict == "throttled" and result.scope != "recipient":
            self._slowed += 1
            wait = min(_SLOW_MS_MIN << min(self._slowed, 20), SENDER_BACK_OFF_MS_MAX)
            if result.retry_after_s is not None:
                wait = int(result.retry_after_s * 1_000)
            self._slow_until = max(self._slow_until, now + wait)
        elif result.verdict in ("transient", "unknown") and result.scope != "recipient":
            self._faults += 1
            if self._faults >= SENDER_FAULTS_ITEMS_MAX:
                over = self._faults - SENDER_FAULTS_ITEMS_MAX
                wait = min(SENDER_BACK_OFF_MS_MIN << min(over, 20), SENDER_BACK_OFF_MS_MAX)
                if result.retry_after_s is not None:
                    wait = max(wait, int(result.retry_after_s * 1_000))
                self._down_until = now + wait

    @property
    def slow_until(self) -> int:
        return self._slow_until

    def pause(self, reason: str, detail: str, now: int) -> None:
        """Nothing goes out until a probe succeeds or somebody says so."""
        if not self.reason:
            self._probes = 0
        self.reason, self.detail = reason, detail
        self.probe_at = now + min(SENDER_BACK_OFF_MS_MIN << min(self._probes, 20), SENDER_BACK_OFF_MS_MAX)

    def resume(self) -> None:
        """It is worth trying again."""
        self.reason = self.detail = ""
        self.announced = False
        self._faults = self._slowed = self._down_until = self._slow_until = 0

    async def probe(self, now: int) -> bool:
        """Whether a paused channel works again."""
        self.open()
        result = await self.adapter.check() if self.adapter is not None else None
        if result is not None and result.verdict == "accepted":
            self.resume()
            return True
        self._probes += 1
        why = (self.reason, self.detail) if result is None else (result.reason or self.reason, result.detail)
        self.pause(*why, now)
        return False

    def status(self, now: int) -> dict[str, Any]:
        """For people: what it is doing, and why."""
        told: dict[str, Any] = {"state": self.state(now), "in_flight": self.busy}
        told["answers"] = dict(self.counts)
        if self.reason:
            told |= {"reason": self.reason, "detail": self.detail, "probe_at": self.probe_at}
        elif self.state(now) != "running":
            told["until"] = max(self._down_until, self._slow_until)
        return told


class Carriers:
    """The channels of the workspace in force."""

    def __init__(self, make: MakeAdapter) -> None:
        self._make = make
        self._carriers: dict[str, Carrier] = {}
        self._models: Mapping[str, DeliveryChannel] = {}
        self._sent: dict[str, Mapping[int, int]] = {}
        """What went before, by time, of channels that have not been needed since."""

    def recall(self, sent: Mapping[str, Mapping[int, int]]) -> None:
        """What was sent before this process: a channel's rate goes on from there."""
        self._sent = dict(sent)

    def take_over(self, workspace: Workspace) -> list[Carrier]:
        """Takes what a workspace says; gives the carriers that are used no more, to be closed once idle."""
        self._models = workspace.channels
        gone = [one for name, one in self._carriers.items() if self._model(name) != one.model]
        for one in gone:
            del self._carriers[one.name]
        return gone

    def _model(self, name: str) -> DeliveryChannel | None:
        found = self._models.get(name)
        if found is None and name == AD_HOC:
            return DeliveryChannel(type="webhook")
        # Templates may name a kind of channel that no channel of the workspace is of.
        return DeliveryChannel(type=name) if found is None and name in CHANNELS else found

    def get(self, name: str) -> Carrier | None:
        """The channel of a name, made when it is first needed; None when the workspace has none."""
        found = self._carriers.get(name)
        if found is None and (model := self._model(name)) is not None:
            found = self._carriers[name] = Carrier(name, model, self._make)
            found.open()
            sent = self._sent.pop(name, None)
            if sent is not None and found.rate is not None:
                found.rate.recall(sent)
        return found

    def route(self, name: str, now: int, only: str | None = None) -> Carrier | None:
        """Who carries a channel's messages now: itself, or while it cannot be used its `fallback` of the
        same type. With `only` nobody but that one.
        """
        first = self.get(only if only is not None else name)
        if first is None or first.usable(now) or only is not None:
            return first if first is not None and first.usable(now) else None
        second = self.get(first.model.fallback) if first.model.fallback else None
        if second is None or second.model.type != first.model.type or not second.usable(now):
            return None
        return second

    def all(self) -> list[Carrier]:
        return list(self._carriers.values())


def registered(name: str, model: DeliveryChannel) -> Adapter:
    """What the registry of channels makes of a definition, its secrets looked up now."""
    return make_adapter(model, look_up)


__all__ = ["AHEAD", "Alert", "Carrier", "Carriers", "MakeAdapter", "registered"]
