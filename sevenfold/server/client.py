"""The running service as another process of it sees it: `live.Live` over the hub's socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from ..errors import ControlError, LogError, SevenfoldError
from ..events.steps import Dropped
from ..log.base import New, Receipt
from ..workspace.models import UNDEFINED, Workspace
from .live import BusyError, Told, UnavailableError, Watched, error_of
from .questions import QuestionError
from .watching import Batch, Stream
from .wire import Channel, new_to_wire, receipt_of_wire

_KINDS: dict[str, type[SevenfoldError]] = {"append": LogError, "control": ControlError, "ask": QuestionError}


class Client:
    """Connects, says hello, and hears until the hub is gone. `take` is given effects, `durable` positions."""

    def __init__(
        self, channel: Channel, take: Callable[[Watched], None], durable: Callable[[int], None]
    ) -> None:
        self._channel = channel
        self._take, self._durable = take, durable
        self._numbers = 0
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._workspace = UNDEFINED
        self.stream = Stream()
        self.defined = asyncio.Event()
        self.stop_asked: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        """Done with the seconds left when the hub says stop."""

    @classmethod
    async def connect(
        cls, path: str, through: int, take: Callable[[Watched], None], durable: Callable[[int], None]
    ) -> Client:
        """A client whose reader has had the effects before `through`."""
        client = cls(Channel(*await asyncio.open_unix_connection(path)), take, durable)
        client._channel.say("hello", through)
        return client

    @classmethod
    async def help(cls, path: str) -> Client:
        """A client that appends and asks, and hears nothing of effects."""
        client = cls(Channel(*await asyncio.open_unix_connection(path)), lambda _: None, lambda _: None)
        client._channel.say("help")
        return client

    async def hear(self) -> None:
        """Takes what the hub says until it is gone."""
        while messages := await self._channel.hear():
            for kind, *rest in messages:
                if kind == "effects":
                    batch = Batch(*rest)
                    self.stream.give(batch)
                    self._take(batch.watched())
                elif kind == "durable":
                    self._durable(rest[0])
                elif kind == "answer":
                    self._answered(*rest)
                elif kind == "workspace":
                    self._workspace = msgspec.json.decode(rest[0], type=Workspace)
                    self.defined.set()
                elif kind == "stop" and not self.stop_asked.done():
                    self.stop_asked.set_result(float(rest[0]))
        self.stream.end()
        gone = UnavailableError("the service has ended")
        for _, waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(gone)

    def _answered(self, number: int, well: bool, found: Any) -> None:
        kind, waiting = self._waiting.pop(number, ("", None))
        if waiting is None or waiting.done():
            return
        if well:
            waiting.set_result(found)
        elif found.get("code") == BusyError.code:
            waiting.set_exception(BusyError())
        elif found.get("code") == UnavailableError.code:
            waiting.set_exception(error_of(UnavailableError, found))
        else:
            waiting.set_exception(error_of(_KINDS[kind], found))

    async def _request(self, kind: str, *rest: Any) -> Any:
        self._numbers += 1
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._numbers] = (kind, waiting)
        self._channel.say(kind, self._numbers, *rest)
        return await waiting

    def acknowledge(self, number: int) -> None:
        """The effects before `number` are stored."""
        self._channel.say("ack", number)

    def report(self, status: dict[str, Any]) -> None:
        """How this process is, for those who ask the hub."""
        self._channel.say("report", status)

    def alert(self) -> None:
        """Something has happened that people should know of: they are told of how this process is now."""
        self._channel.say("alert")

    def stopped(self) -> None:
        """What was under way is finished."""
        self._channel.say("stopped")

    # ------------------------------------------------------------------------------------------ Live

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        return [receipt_of_wire(one) for one in await self._request("append", new_to_wire(new))]

    async def control(self, record: dict[str, Any]) -> Told:
        return msgspec.convert(await self._request("control", record), Told)

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        return await self._request("ask", question, arguments)

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        await self._request("drop", msgspec.to_builtins(dropped))

    def watch(
        self, kinds: frozenset[str] | None = None, *, after: int | None = None
    ) -> AsyncIterator[Watched]:
        return self.stream.watch(kinds, after)

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._request("status")
        return found
