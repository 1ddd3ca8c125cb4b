"""What hangs out for each person, and who is told when it changes.

The history knows the leases; the stream of effects says when to look. One watcher serves all pages: it wakes
those whose person something was decided for, and they look again. The history is written beside us, a moment
after the effect, so a page that was woken looks a few times.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct

from ...errors import SevenfoldError
from ...limits import INAPP_LEASES_ITEMS_MAX, INAPP_STREAMS_ENTRIES_MAX, INAPP_STREAMS_PER_PERSON_MAX
from ..errors import RateLimitedError
from ..history import HistoryError
from ..live import UnavailableError
from .content import shown

if TYPE_CHECKING:
    from ..history import Lease, Message
    from ..services import Services

Found = TypeVar("Found")
WAKING: Final = frozenset({"message", "outcome", "revoked", "cancelled", "ended", "merged", "unmerged"})
"""Effects after which a person's leases may be others."""
OVER: Final = frozenset({"revoked", "cancelled", "expired", "failed", "render_error"})
CLOSED: Final = "closed"
"""The reason of the outcome that a page tells when a message is over for the person."""
_LOOKS_S: Final = (0.03, 0.1, 0.3, 0.8, 2.0)
"""After how long a page that was woken looks, and looks again."""


class State(Struct):
    """What a page is told: the ids of everything that hangs out, and those of it that are new since
    `after`.
    """

    active: list[str]
    fresh: list[dict[str, Any]]
    last: int


class Board:
    """The leases of people, for pages that ask or wait."""

    def __init__(self, services: Services) -> None:
        self._live, self._history, self._clock = services.live, services.history, services.clock
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self._watching: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------ asking

    async def state(self, person: str | None, after: int = 0) -> State:
        """What hangs out for a person. `after` is the `last` of an earlier state; what is as old may come
        again.
        """
        if person is None:
            return State([], [], after)
        return await self._asked(self._state, person, after)

    async def lease(self, person: str, effect: str) -> tuple[Lease, Message] | None:
        """One lease of a person that hangs out, with its message."""
        return await self._asked(self._lease, person, effect)

    async def _asked(self, ask: Callable[..., Found], *given: Any) -> Found:
        try:
            return await asyncio.to_thread(ask, *given)
        except HistoryError:
            # It is made when the service starts for the first time, and made again when it was deleted.
            raise UnavailableError("the history is not there yet", fix="try again in a moment") from None

    def _state(self, person: str, after: int) -> State:
        now = self._clock.now()
        active, fresh, last = [], [], after
        for lease, message in self._hanging(person, now):
            made = shown(lease, {**message.data, "journey": message.journey}, now)
            if made is None:
                continue
            active.append(lease.effect)
            last = max(last, lease.shown_from)
            if lease.shown_from >= after:
                fresh.append(made)
        return State(active, fresh, last)

    def _lease(self, person: str, effect: str) -> tuple[Lease, Message] | None:
        for lease, message in self._hanging(person, self._clock.now()):
            if lease.effect == effect:
                return lease, message
        return None

    def _hanging(self, person: str, now: int) -> Iterator[tuple[Lease, Message]]:
        """Leases that are in force, oldest first, with their messages."""
        held = [
            lease
            for lease in self._history.leases_of(person)
            if lease.shown_from <= now and (lease.shown_until is None or now < lease.shown_until)
        ]
        for lease in held[-INAPP_LEASES_ITEMS_MAX:]:
            message = self._history.message(lease.effect)
            if message is None or message.status in OVER:
                continue
            if any(told.reason == CLOSED for told in message.outcomes or ()):
                continue
            if not self._cut_short(message):
                yield lease, message

    def _cut_short(self, message: Message) -> bool:
        """Whether its run ended before its time, so that what it said is taken back."""
        run = self._history.run(message.run) if message.run else None
        if run is None or run.ended is None or run.reason == "completed":
            return False
        journey = self._live.workspace.journeys.get(run.journey)
        steps = journey.steps if journey is not None else {}
        step = steps.get(str(message.data.get("step")))
        if getattr(step, "revoke", True) is False:
            return False
        # A run that came to a step `exit` has come to its end; exits, goals and merges cut it short.
        return getattr(steps.get(run.step or ""), "reason", None) != run.reason

    # ----------------------------------------------------------------------------------------- waiting

    @contextlib.asynccontextmanager
    async def waiting(self, person: str | None) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever something may have changed for a person. Raises UnavailableError when
        too many wait, RateLimitedError when too many wait for this one.
        """
        name = person or ""
        if self._count >= INAPP_STREAMS_ENTRIES_MAX:
            raise UnavailableError("too many pages are listening", fix="ask /v1/inapp/poll instead")
        known = self._waiting.setdefault(name, set())
        if name and len(known) >= INAPP_STREAMS_PER_PERSON_MAX:
            raise RateLimitedError(30)
        event = asyncio.Event()
        known.add(event)
        self._count += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="in-app messages")
        try:
            yield event
        finally:
            known.discard(event)
            self._count -= 1
            if not known and self._waiting.get(name) is known:
                del self._waiting[name]
            if not self._count:
                self._watching.cancel()

    async def changes(self, event: asyncio.Event, heartbeat_s: float) -> AsyncIterator[bool]:
        """True whenever it is time to look, False when nothing was for `heartbeat_s`; for ever."""
        while True:
            try:
                await asyncio.wait_for(event.wait(), heartbeat_s)
            except TimeoutError:
                yield False
                continue
            event.clear()
            for pause in _LOOKS_S:
                await asyncio.sleep(pause)
                yield True

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(SevenfoldError):
                async for watched in self._live.watch(WAKING):
                    for effect in watched.effects:
                        for name in (effect.subject, effect.data.get("recipient"), effect.data.get("loser")):
                            for event in self._waiting.get(str(name), ()):
                                event.set()
            # The stream was ended, for we did not keep up or the service starts again: everybody looks once.
            for events in self._waiting.values():
                for event in events:
                    event.set()
            await asyncio.sleep(1)
