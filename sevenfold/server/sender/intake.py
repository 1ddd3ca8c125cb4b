"""What comes into the queues: effects as they happen, and what the fold says is owed when there was no
room for them.

A channel that has more to send than the sender holds is *asked for*: its effects pass by, and the fold is
asked for the next ones whenever there is room. Once the fold has given all, effects are taken as they
come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import Struct

from ...limits import SENDER_ASKED_ITEMS_MAX, SENDER_LANE_ITEMS_MIN, SENDER_WAITING_ITEMS_MAX
from .items import Group, Item, of_owed
from .pacing import Time
from .queues import Queues

Ask = Callable[..., Awaitable[Any]]
Settle = Callable[[Item, str], Awaitable[bool]]
"""What becomes of something unresolved, found at the start in this state; whether it was put into the
queues.
"""
_PAUSE_MS: Final = 20
"""Least time between two questions."""
_AGAIN_MS: Final = 5_000
"""Longest time between two questions about a group that is asked for."""


class _Asked(Struct):
    """A group that is asked for. `missed`: an effect passed by since the last question; `wanted`: it is
    time.
    """

    missed: bool = False
    wanted: bool = True


class Intake:
    """Fills the queues."""

    def __init__(self, queues: Queues, ask: Ask, time: Time, wake: asyncio.Event, room: int) -> None:
        self._queues, self._ask, self._time, self._wake = queues, ask, time, wake
        self._room = room
        self._asked: dict[Group, _Asked] = {}
        self._work, self._never = asyncio.Event(), asyncio.Event()
        self._recovered = False
        self._regroup = False

    def offer(self, item: Item) -> None:
        """Something that was just decided."""
        group = item.group
        if not self._recovered:
            # What was decided before comes first, and the fold says all of it in order.
            self._asked.setdefault(group, _Asked()).missed = True
            return
        asked = self._asked.get(group)
        if asked is None and self._queues.count(group) >= self._room:
            asked = self._asked[group] = _Asked(wanted=False)
        if asked is None:
            self._queues.add(item)
            return
        asked.missed = True
        if self._queues.count(group, item.journey) < self._each(group):
            self._want(asked)

    def finished(self, item: Item) -> None:
        """One less: there is room for another."""
        asked = self._asked.get(item.group)
        if asked is not None and self._queues.count(item.group, item.journey) <= self._each(item.group) // 2:
            self._want(asked)

    def look_again(self) -> None:
        """Something is owed that no effect says all of (notices to people who act)."""
        self._regroup = True
        self._work.set()

    def _want(self, asked: _Asked) -> None:
        asked.wanted = True
        self._work.set()

    def _each(self, group: Group) -> int:
        """How many of one journey are held while a group is asked for."""
        return max(SENDER_LANE_ITEMS_MIN, self._room // max(1, self._queues.journeys(group)))

    @property
    def asking(self) -> list[Group]:
        """What is asked for now."""
        return list(self._asked)

    async def recover(self, settle: Settle) -> None:
        """What a sender before this one left: first what it claimed, then what it did not come to."""
        after: str | None = None
        while True:
            page = await self._ask("unresolved", after=after, limit=SENDER_ASKED_ITEMS_MAX)
            for told in page["items"]:
                await settle(of_owed(told), told["state"])
            after = page["next"]
            if after is None:
                break
        await self._groups()
        self._recovered = True

    async def _groups(self) -> None:
        for told in await self._ask("owed_groups"):
            group = (str(told["channel"]), bool(told["transactional"]))
            self._want(self._asked.setdefault(group, _Asked()))

    async def run(self) -> None:
        """Asks for ever."""
        while True:
            if self._regroup:
                self._regroup = False
                await self._groups()
            wanted = [group for group, asked in self._asked.items() if asked.wanted]
            for group in wanted:
                await self._fill(group, self._asked[group])
            if wanted:
                # Questions hold up the fold; a few of them must not take all its time.
                await self._time.wait(self._never, self._time.now() + _PAUSE_MS)
            elif not self._regroup:
                self._work.clear()
                # What waits in the fold behind a message of another journey gets free without a word.
                until = self._time.now() + _AGAIN_MS if self._asked else None
                await self._time.wait(self._work, until)
                if until is not None and self._time.now() >= until:
                    for asked in self._asked.values():
                        asked.wanted = True

    async def _fill(self, group: Group, asked: _Asked) -> None:
        asked.missed = asked.wanted = False
        answer = await self._ask(
            "owed",
            channel=group[0],
            transactional=group[1],
            held=self._queues.of(group),
            each=self._each(group),
            limit=SENDER_ASKED_ITEMS_MAX,
        )
        for told in answer["messages"]:
            self._queues.add(of_owed(told))
        if answer["messages"]:
            self._wake.set()
        if answer["all"] and not asked.missed:
            del self._asked[group]
        elif len(answer["messages"]) == SENDER_ASKED_ITEMS_MAX:
            self._want(asked)


def room_of(given: int | None) -> int:
    """How many messages of one channel are held."""
    return SENDER_WAITING_ITEMS_MAX if given is None else given


__all__ = ["Intake", "room_of"]
