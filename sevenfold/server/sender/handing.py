"""Handing over: from a claim that was granted to an outcome that was told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ...channels.base import Outgoing, Result
from ...limits import SENDER_CALL_MS_MAX
from .carriers import Alert, Carrier, Carriers
from .items import Item
from .pacing import Time, back_off_ms
from .queues import Queues
from .shelf import Shelved
from .telling import Teller
from .verdicts import NOT_TAKEN, outcome_of, together

log = logging.getLogger("sevenfold.sender")
Handed = list[tuple[int, Outgoing]]
"""What is handed over for one item: one message, or a notice for each person, with their places."""
_STOPPING: Final = Result(verdict="transient", reason="stopping", scope="recipient")


class Handing:
    """Calls channels, and knows what follows from each answer."""

    def __init__(
        self,
        queues: Queues,
        carriers: Carriers,
        teller: Teller,
        shelf: Shelved,
        time: Time,
        end: Callable[[Item], None],
        alert: Callable[[Alert], None],
    ) -> None:
        self._queues, self._carriers, self._teller = queues, carriers, teller
        self._shelf, self._time, self._end, self._alert = shelf, time, end, alert
        self.stopping = False
        """Nothing more is handed over; what was claimed is given back."""
        self.held = 0
        """How many were left as unknown."""

    async def hand_over(self, item: Item, carrier: Carrier, handed: Handed) -> None:
        """Hands a claimed item over, and tells what came of it."""
        results = []
        try:
            for place, outgoing in handed:
                if place not in item.done_to and not self.stopping:
                    results.append(await self._call(carrier, outgoing))
                    if results[-1].verdict in ("accepted", "permanent"):
                        item.done_to.add(place)
        finally:
            carrier.release()
        if len(item.done_to) < len(handed) and self.stopping:
            results.append(_STOPPING)
        await self._heard(item, carrier, together(results))

    async def _call(self, carrier: Carrier, outgoing: Outgoing) -> Result:
        adapter, calls = carrier.adapter, carrier.calls
        assert adapter is not None and calls is not None
        async with calls:
            if self.stopping:
                return _STOPPING
            try:
                async with asyncio.timeout(SENDER_CALL_MS_MAX / 1_000):
                    return await adapter.send(outgoing)
            except TimeoutError:
                return Result(verdict="unknown", reason="timeout")
            except Exception as error:
                # An adapter raises nothing; one that does may have handed the message over before.
                log.error("channel %s: the adapter failed: %s", carrier.name, type(error).__name__)
                return Result(verdict="unknown", reason="adapter_error")

    async def _heard(self, item: Item, carrier: Carrier, result: Result) -> None:
        """What the provider answered: it is told first; then the item ends, or waits to be tried again."""
        if result is not _STOPPING:
            carrier.answered(result, self._time.now())
            self.announce(carrier)
        # Once it is told that it was sent nobody makes its links again.
        await self._shelf.stored(self._teller.pause)
        await self._teller.tell(outcome_of(item, result, carrier.name))
        item.tries += 1
        if result.verdict in ("accepted", "permanent"):
            self._end(item)
        elif result.verdict in NOT_TAKEN:
            self._queues.again_at(item, self._retry_at(item, carrier, result))
        elif self.repeats(item, carrier):
            item.again, item.only = True, carrier.name
            self._queues.again_at(item, self._retry_at(item, carrier, result))
        else:
            self.held += 1
            self._end(item)

    def repeats(self, item: Item, carrier: Carrier) -> bool:
        """Whether something unknown is sent again: its provider takes a key once, or its channel says so."""
        adapter, first = carrier.adapter, self._carriers.get(item.channel)
        if adapter is not None and adapter.deduplicates:
            return True
        return first is not None and first.model.unknown == "retry"

    def _retry_at(self, item: Item, carrier: Carrier, result: Result) -> int:
        now = self._time.now()
        asked = now + int((result.retry_after_s or 0) * 1_000)
        if result.verdict == "config_error" or result is _STOPPING:
            # The channel waits, not the message.
            return now
        if result.verdict == "throttled" and result.scope != "recipient":
            return max(asked, carrier.slow_until)
        other = self._carriers.route(item.channel, now)
        if result.verdict == "transient" and not item.again and other not in (None, carrier):
            return now
        schedule = getattr(carrier.adapter, "retries_s", None)
        return max(asked, now + back_off_ms(item.effect, item.tries, schedule))

    def announce(self, carrier: Carrier) -> None:
        """Tells people that a channel was paused, once."""
        if carrier.reason and not carrier.announced:
            carrier.announced = True
            log.warning("channel %s is paused: %s", carrier.name, carrier.reason)
            self._alert(Alert(carrier.name, "paused", carrier.reason, carrier.detail))


__all__ = ["Handed", "Handing"]
