"""The sender: takes what the fold decided, claims it, hands it over, and tells what became of it.

A message goes through these in order, and a crash between any two loses nothing and sends nothing twice:

    queued -> rendered -> claimed (durable, and taken by the fold) -> handed over -> told (durable) ->
    forgotten
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from ...channels.base import Adapter, Outgoing
from ...clock import Clock
from ...limits import SENDER_CLAIMED_ITEMS_MAX, SENDER_CLAIMS_RECORDS_MAX
from ..live import Live, Watched
from ..secrets import SecretBox
from ..tokens import Tokens
from .carriers import Alert, Carrier, MakeAdapter, registered
from .dispatch import Dispatch
from .handing import Handed, Handing
from .intake import Intake, room_of
from .items import Item, of_effect
from .leases import Leases
from .notices import Notices
from .pacing import Allowance, RealTime, Time
from .queues import Queues
from .rendering import Renderer, Unready
from .shelf import Shelf, Shelved
from .telling import Outcome, Teller, beside
from .versions import MemoryVersions, Versions

log = logging.getLogger("sevenfold.sender")
NOTICES: Final = frozenset({"task", "task_assigned", "task_escalated"})
_OVER: Final = frozenset(
    {"sent", "delivered", "opened", "clicked", "bounced", "failed", "complained", "render_error", "expired"}
)
"""Outcomes by others after which nothing is to be sent any more."""
_RENDERED_TOGETHER: Final = 8


class Sender:
    """One for each data folder. Give it every effect in order (`take`), and `run` it."""

    def __init__(
        self,
        live: Live,
        *,
        clock: Clock,
        store: Shelf,
        secrets: SecretBox,
        public_url: str = "",
        versions: Versions | None = None,
        make: MakeAdapter | None = None,
        time: Time | None = None,
        allowance: Allowance | None = None,
        alert: Callable[[Alert], None] | None = None,
        room: int | None = None,
        threads: bool = True,
    ) -> None:
        """`store` is the history's writer; `versions` where versions of templates are kept; `make` makes
        adapters (by default those of the registry). `room` is how many messages of a channel are held at
        a time, and without `threads` the store is written in this one.
        """
        self._live, self._time = live, time or RealTime(clock)
        self._alert = alert
        self._tokens = Tokens(secrets.key("tokens"))
        self._renderer = Renderer(self._tokens, versions or MemoryVersions(), public_url)
        self._shelf = Shelved(store, threads)
        self._queues = Queues()
        self._teller = Teller(live, self._time)
        self._wake = asyncio.Event()
        self._intake = Intake(self._queues, self._teller.ask, self._time, self._wake, room_of(room))
        self._dispatch = Dispatch(self._queues, make or registered, allowance, self._pace)
        self._handing = Handing(
            self._queues,
            self._dispatch.carriers,
            self._teller,
            self._shelf,
            self._time,
            self._end,
            self._tell_people,
        )
        self._leases = Leases()
        self._tasks: set[asyncio.Task[None]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._claiming = 0
        self._taken_back: set[str] = set()
        self._stopping = self._running = False
        self._defined: Any = None
        self._redefine()

    # ------------------------------------------------------------------------------------- what comes in

    def take(self, watched: Watched) -> None:
        """Effects, in order. The definition in force is the one they were decided under, or a later one."""
        self._redefine()
        for effect in watched.effects:
            kind, data = effect.kind, effect.data
            if kind in ("message", "webhook"):
                item = of_effect(effect)
                if item is not None:
                    self._intake.offer(item)
            elif kind in ("cancelled", "revoked"):
                self._take_back(str(data["effect"]), str(data.get("channel")))
            elif kind == "outcome" and data.get("outcome") in _OVER:
                self._end_unless_busy(str(data.get("effect")))
            elif kind in NOTICES:
                self._intake.look_again()
            elif kind == "channel" and data.get("on") is True:
                self.resume(effect.name)
        self._wake.set()

    def _take_back(self, effect: str, channel: str) -> None:
        item = self._queues.items.get(effect)
        if item is not None and item.state == "busy":
            self._taken_back.add(effect)
        self._end_unless_busy(effect)
        carrier = self._dispatch.carriers.get(channel)
        if carrier is not None and carrier.leased:
            self._leases.end(effect)
            self._shelf.revoke_lease(effect)

    def _end_unless_busy(self, effect: str) -> None:
        """What is on its way ends when it is back."""
        item = self._queues.items.get(effect)
        if item is not None and item.state != "busy":
            self._end(item)

    def _redefine(self) -> None:
        """The definition in force may be another."""
        workspace = self._live.workspace
        if workspace is self._defined:
            return
        self._defined = workspace
        self._renderer.take_over(workspace)
        self._notices = Notices(self._renderer, workspace)
        for carrier in self._dispatch.take_over(workspace):
            if carrier.adapter is not None:
                self._spawn(self._close(carrier, carrier.adapter), aside=True)
        self._wake.set()

    async def _close(self, carrier: Carrier, adapter: Adapter) -> None:
        try:
            while carrier.busy:
                await self._time.wait(asyncio.Event(), self._time.now() + 1_000)
        finally:
            await adapter.close()

    def resume(self, channel: str) -> None:
        """Somebody says that a paused channel works again."""
        carrier = self._dispatch.carriers.get(channel)
        if carrier is not None and carrier.reason:
            carrier.open()
            if carrier.adapter is not None or carrier.leased:
                carrier.resume()
                self._tell_people(Alert(channel, "resumed"))
        self._wake.set()

    def recall(
        self, channels: Mapping[str, Mapping[int, int]], journeys: Mapping[str, Mapping[int, int]]
    ) -> None:
        """How many were sent lately, by channel and by journey, by time (ms UTC): rates remember them."""
        self._dispatch.recall(channels, journeys)

    # ------------------------------------------------------------------------------------------- running

    async def run(self) -> None:
        """Sends until `stop`; then returns."""
        self._running = True
        telling = asyncio.create_task(self._teller.run(), name="telling")
        parts = [telling]
        try:
            # The definition may have come after this object.
            self._redefine()
            if not await beside(self._recover(), telling):
                return
            parts.append(asyncio.create_task(self._intake.run(), name="intake"))
            parts.append(asyncio.create_task(self._work(), name="work"))
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done() and not part.cancelled():
                    part.result()
        finally:
            self._running = False
            for part in parts:
                part.cancel()

    async def stop(self, grace_s: float) -> None:
        """Claims nothing more, finishes what is on its way, and tells what became of it; what does not end in
        `grace_s` is left as the log has it: claimed, so unknown.
        """
        self._stopping = self._handing.stopping = True
        self._wake.set()
        if self._running:
            deadline = asyncio.get_running_loop().time() + grace_s
            while self._tasks or not self._teller.idle:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=min(left, 0.05))
                else:
                    await asyncio.sleep(0.001)
            self._teller.close()
        left_over = [*self._tasks, *self._aside]
        for task in left_over:
            task.cancel()
        await asyncio.gather(*left_over, return_exceptions=True)
        for carrier in self._dispatch.carriers.all():
            if carrier.adapter is not None:
                await carrier.adapter.close()

    async def _work(self) -> None:
        while not self._stopping:
            self._wake.clear()
            now = self._time.now()
            for item in self._queues.pass_time(now):
                self._spawn(self._expire(item))
            for effect in self._leases.due(now):
                self._shelf.revoke_lease(effect)
                self._teller.put({"effect": effect, "outcome": "expired"})
            self._probe(now)
            batch = self._dispatch.pick(now, SENDER_CLAIMED_ITEMS_MAX) if self._may_claim else []
            if batch:
                self._claiming += 1
                self._spawn(self._send(batch))
                # Others have their turn; what they free is picked next.
                await asyncio.sleep(0)
                continue
            await self._time.wait(self._wake, self._next_time(now))
        # Parked until `stop` has seen everything home.
        await asyncio.Event().wait()

    @property
    def _may_claim(self) -> bool:
        return self._claiming < SENDER_CLAIMS_RECORDS_MAX and not self._stopping

    def _next_time(self, now: int) -> int | None:
        times = [self._queues.next_time(), self._leases.next_time(), self._dispatch.next_time(now)]
        known = [one for one in times if one is not None]
        return max(min(known), now + 1) if known else None

    def _spawn(self, work: Coroutine[Any, Any, None], *, aside: bool = False) -> None:
        """Does work beside the rest; what is `aside` is not waited for when the sender stops."""
        task = asyncio.create_task(work)
        (self._aside if aside else self._tasks).add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._aside.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # What was claimed stays so, and is found as unknown at the next start.
            log.error("a part of the sender failed: %s", type(error).__name__, exc_info=error)

    # ------------------------------------------------------------------------------------------- sending

    async def _send(self, batch: list[tuple[Item, Carrier]]) -> None:
        """Renders and claims together, then hands over one by one."""
        ready: list[tuple[Item, Carrier, Handed]] = []
        claims: list[Outcome] = []
        try:
            for place, (item, carrier) in enumerate(batch):
                if place % _RENDERED_TOGETHER == _RENDERED_TOGETHER - 1:
                    # Rendering takes its time; answers of providers are not to wait for it.
                    await asyncio.sleep(0)
                handed = self._made(item, carrier)
                if isinstance(handed, Unready):
                    carrier.release()
                    self._spawn(self._refused(item, handed))
                elif carrier.leased:
                    carrier.release()
                    self._spawn(self._lease(item, handed[0][1]))
                else:
                    ready.append((item, carrier, handed))
                    claim: Outcome = {"effect": item.effect, "outcome": "claimed"}
                    claim |= {"again": True} if item.again else {}
                    claim |= {"channel": carrier.name} if carrier.name != item.channel else {}
                    claims.append(claim)
            granted = await self._teller.claim(claims) if claims else set()
        finally:
            self._claiming -= 1
            self._wake.set()
        for item, carrier, handed in ready:
            if item.effect in granted:
                self._spawn(self._handing.hand_over(item, carrier, handed))
            else:
                # It was taken back, or somebody told what became of it.
                carrier.release()
                self._end(item)

    def _made(self, item: Item, carrier: Carrier) -> Handed | Unready:
        if item.shape == "notice":
            return self._notices.outgoing(item, carrier)
        try:
            made = self._renderer.outgoing(item, carrier.model.type)
        except Exception as error:
            # One message that nobody foresaw must not hold up all others.
            log.error("a message cannot be rendered: %s", type(error).__name__)
            return Unready("render_error", "unforeseen", type(error).__name__)
        if isinstance(made, Unready):
            return made
        links = made.content.links
        if links:
            self._shelf.add_links(item.effect, [(link.id, link.index, link.url) for link in links])
        return [(0, made)]

    async def _refused(self, item: Item, why: Unready) -> None:
        told = {"effect": item.effect, "outcome": why.outcome, "reason": why.reason}
        await self._teller.tell(told | ({"detail": why.detail} if why.detail else {}))
        self._end(item)

    async def _lease(self, item: Item, made: Outgoing) -> None:
        """What is shown in the product is not handed over: it waits there, and showing it is an outcome."""
        until = item.data.get("shown_until")
        content = {**made.content.to_json(), "journey": item.journey, "step": item.data.get("step")}
        until = int(until) if until is not None else item.expires
        self._shelf.add_lease(item.effect, item.person, item.channel, content, item.t, until)
        if item.effect in self._taken_back:
            self._shelf.revoke_lease(item.effect)
        await self._shelf.stored(self._teller.pause)
        await self._teller.tell({"effect": item.effect, "outcome": "sent"})
        self._leases.add(until, item.effect)
        self._end(item)

    # --------------------------------------------------------------------------------------------- ending

    async def _expire(self, item: Item) -> None:
        # Of what may have arrived nobody says that it came too late: it stays unknown.
        if item.again:
            self._handing.held += 1
        else:
            await self._teller.tell({"effect": item.effect, "outcome": "expired"})
        self._end(item)

    def _end(self, item: Item) -> None:
        self._queues.end(item.effect)
        self._taken_back.discard(item.effect)
        self._intake.finished(item)
        self._wake.set()

    def _pace(self, item: Item) -> None:
        """The journey's own rate holds a message up."""
        self._teller.put({"effect": item.effect, "outcome": "rate_limited", "reason": "journey_rate"})

    # --------------------------------------------------------------------------------------- recovering

    async def _recover(self) -> None:
        await self._intake.recover(self._settle)
        await self._leases.recall(self._teller.ask)

    async def _settle(self, item: Item, state: str) -> bool:
        """Something that a sender before this one claimed, and nobody knows what became of it."""
        carrier = self._dispatch.carriers.get(str(item.data.get("via") or item.channel))
        if carrier is not None and not carrier.leased:
            # What its links lead to may have been lost with the sender; it may have arrived all the same.
            self._made(item, carrier)
        if state == "claimed":
            await self._teller.tell({"effect": item.effect, "outcome": "unknown", "reason": "crash"})
        if carrier is None or not self._handing.repeats(item, carrier):
            self._handing.held += 1
            return False
        item.again, item.only = True, carrier.name
        return self._queues.add(item)

    def _probe(self, now: int) -> None:
        for carrier in self._dispatch.carriers.all():
            if carrier.reason and carrier.probe_at <= now and not carrier.probing:
                carrier.probing = True
                self._spawn(self._try(carrier), aside=True)

    async def _try(self, carrier: Carrier) -> None:
        try:
            if await carrier.probe(self._time.now()):
                self._tell_people(Alert(carrier.name, "resumed"))
            self._handing.announce(carrier)
        finally:
            carrier.probing = False
            self._wake.set()

    def _tell_people(self, alert: Alert) -> None:
        if self._alert is not None:
            self._alert(alert)

    # ------------------------------------------------------------------------------------------- showing

    def status(self) -> dict[str, Any]:
        """As JSON: how many wait, what each channel is doing, what was told, and what keeps it from
        working.
        """
        now = self._time.now()
        return {
            "running": self._running and not self._stopping,
            "waiting": len(self._queues),
            "asking": [list(group) for group in self._intake.asking],
            "unknown": self._handing.held,
            "leases": len(self._leases),
            "told": dict(self._teller.told),
            "trouble": self._teller.trouble or self._shelf.trouble,
            "channels": {one.name: one.status(now) for one in self._dispatch.carriers.all()},
        }


__all__ = ["Sender"]
