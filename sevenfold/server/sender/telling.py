"""What the sender tells the log: claims, which count once the fold has taken them, and outcomes, which
are done once they are durable. Many are told in one record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from ...errors import SevenfoldError
from ...limits import OUTCOMES_TOLD_ITEMS_MAX
from ...log.base import NewControl
from ..live import BusyError, Live
from .pacing import Time

Outcome = dict[str, Any]
"""`{effect, outcome, ...}`, as the control record `outcome` has it."""
_WAIT_MS_MIN: Final = 100
_WAIT_MS_MAX: Final = 5_000


class Teller:
    """One for each sender. `run` does the telling."""

    def __init__(self, live: Live, time: Time) -> None:
        self._live, self._time = live, time
        self._waiting: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._never = asyncio.Event()
        self._closing = False
        self.trouble = ""
        """The code of what keeps the log from being written; empty: nothing does."""
        self.told: dict[str, int] = {}

    def put(self, outcome: Outcome) -> asyncio.Future[None]:
        """Tells an outcome; the future is done once it is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, done))
        self._wake.set()
        return done

    async def tell(self, outcome: Outcome) -> None:
        """Returns once the outcome is durable, however long the log cannot be written."""
        await self.put(outcome)

    @property
    def idle(self) -> bool:
        """Whether everything was told."""
        return not self._waiting

    def close(self) -> None:
        """Ends `run` once everything was told."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._time.wait(self._wake, None)
                continue
            batch = self._waiting[:OUTCOMES_TOLD_ITEMS_MAX]
            await self._append([outcome for outcome, _ in batch])
            del self._waiting[: len(batch)]
            for outcome, done in batch:
                self.told[outcome["outcome"]] = self.told.get(outcome["outcome"], 0) + 1
                if not done.done():
                    done.set_result(None)

    async def _append(self, outcomes: Sequence[Outcome]) -> None:
        wait = _WAIT_MS_MIN
        while True:
            try:
                await self._live.append([NewControl(_record(outcomes))])
                self.trouble = ""
                return
            except SevenfoldError as error:
                wait = await self.pause(error, wait)

    async def claim(self, claims: Sequence[Outcome]) -> set[str]:
        """Claims messages; gives the effects of those that are ours to send now. The others were taken
        back, or ended otherwise.
        """
        wait, wanted = _WAIT_MS_MIN, {claim["effect"]: claim for claim in claims}
        granted: set[str] = set()
        while wanted:
            try:
                told = await self._live.control(_record(list(wanted.values())))
                self.trouble = ""
                granted |= {
                    effect.data["effect"]
                    for effect in told.effects
                    if effect.kind == "outcome" and effect.data.get("outcome") == "claimed"
                } & wanted.keys()
                missing = wanted.keys() - granted
            except SevenfoldError as error:
                # It may be durable all the same: what the fold says counts.
                wait = await self.pause(error, wait)
                missing = set(wanted)
            states = await self._states(sorted(missing)) if missing else {}
            # Nobody else claims. A claim of ours that we were not told of is ours.
            granted |= {effect for effect, state in states.items() if state == "claimed"}
            wanted = {
                effect: wanted[effect]
                for effect, state in states.items()
                if state == "waiting" or (state == "unknown" and wanted[effect].get("again"))
            }
            if wanted and not self.trouble:
                wait = await self.pause(None, wait)
        return granted

    async def _states(self, effects: list[str]) -> dict[str, str]:
        found: dict[str, str] = await self.ask("owed_states", effects=effects)
        return found

    async def ask(self, question: str, **arguments: Any) -> Any:
        """The fold's answer, however long it takes to be there."""
        wait = _WAIT_MS_MIN
        while True:
            try:
                return await self._live.ask(question, **arguments)
            except SevenfoldError as error:
                wait = await self.pause(error, wait)

    async def pause(self, error: SevenfoldError | None, wait: int) -> int:
        """Waits before something is tried again; gives how long to wait the next time."""
        if error is not None:
            self.trouble = error.code
        if isinstance(error, BusyError):
            wait = max(wait, 1_000 * error.retry_after_s)
        await self._time.wait(self._never, self._time.now() + wait)
        return min(wait * 2, _WAIT_MS_MAX)


def _record(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if len(outcomes) == 1:
        return {"op": "outcome", **outcomes[0]}
    return {"op": "outcomes", "outcomes": list(outcomes)}


async def beside(work: Coroutine[Any, Any, None], telling: asyncio.Task[None]) -> bool:
    """Does work that needs somebody who tells; False when that one ended first."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.wait({doing, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
    if telling.done():
        telling.result()
        return False
    doing.result()
    return True


__all__ = ["Outcome", "Teller", "beside"]
