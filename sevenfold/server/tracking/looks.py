"""Openings and clicks on their way into the log."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

from ...errors import SevenfoldError
from ...limits import (
    CLICKS_AT_ONCE_MS,
    CLICKS_REMEMBERED_ENTRIES_MAX,
    LOOKS_PER_MESSAGE_ITEMS_MAX,
    TRACKING_WAIT_S_MAX,
)
from ...log.base import NewControl
from ..returning import Returning
from .machines import Look, machine

_HOUR_MS = 3_600_000
_log = logging.getLogger("sevenfold.tracking")


class _Lately:
    """What was done with one message lately."""

    __slots__ = ("began", "count", "links")

    def __init__(self, now: int) -> None:
        self.began, self.count = now, 0
        self.links: dict[str, int] = {}


class Looks:
    """Takes openings and clicks. At most LOOKS_PER_MESSAGE_ITEMS_MAX an hour of one message are recorded."""

    def __init__(self, back: Returning) -> None:
        self._live, self._history = back.services.live, back.services.history
        self._clock = back.services.clock
        self._lately: OrderedDict[str, _Lately] = OrderedDict()
        self.counts = back.inbox.counts
        self._tasks: set[asyncio.Task[Any]] = set()

    async def take(
        self,
        what: Literal["opened", "clicked"],
        effect: str,
        *,
        method: str,
        headers: Mapping[str, str],
        address: str,
        link: str = "",
    ) -> str:
        """Appends the outcome; durable when it returns, unless that takes longer than TRACKING_WAIT_S_MAX:
        people are not kept waiting for our log. Gives why it was a machine, "" for a person. Raises nothing.
        """
        now = self._clock.now()
        lately = self._note(effect, link, now)
        if lately.count > LOOKS_PER_MESSAGE_ITEMS_MAX:
            self.counts["too_many"] += 1
            return "too_many"
        kind, sent = self._about(effect)
        why = machine(
            Look(
                what=what,
                method=method,
                headers=headers,
                address=address,
                kind=kind,
                since_sent=None if sent is None else max(0, now - sent),
                links=sum(1 for at in lately.links.values() if at > now - CLICKS_AT_ONCE_MS),
            )
        )
        record: dict[str, Any] = {"op": "outcome", "effect": effect, "outcome": what, "at": now}
        if link:
            record["link"] = link
        if why:
            record |= {"machine": True, "why": why}
        task = asyncio.ensure_future(self._append(record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=TRACKING_WAIT_S_MAX)
        self.counts[f"{what} by machine" if why else what] += 1
        return why

    async def _append(self, record: dict[str, Any]) -> None:
        try:
            await self._live.append([NewControl(record)])
        except SevenfoldError as error:
            self.counts["lost"] += 1
            _log.warning("look_lost", extra={"outcome": record["outcome"], "code": error.code})

    def _note(self, effect: str, link: str, now: int) -> _Lately:
        found = self._lately.pop(effect, None)
        if found is None or now - found.began > _HOUR_MS:
            found = _Lately(now)
        found.count += 1
        if link:
            found.links[link] = now
        self._lately[effect] = found
        if len(self._lately) > CLICKS_REMEMBERED_ENTRIES_MAX:
            self._lately.popitem(last=False)
        return found

    def _about(self, effect: str) -> tuple[str, int | None]:
        """The kind of channel of a message, and when it was sent."""
        try:
            message = self._history.message(effect)
        except SevenfoldError:
            return "email", None
        if message is None:
            return "email", None
        model = self._live.workspace.channels.get(message.channel or "")
        sent = next((one.time for one in message.outcomes or () if one.outcome == "sent"), None)
        return (model.type if model is not None else message.channel or "email"), sent
