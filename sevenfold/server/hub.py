"""The hub: appends for everybody, keeps the fold and the delivery going, and passes on what they say.

Implements `live.Live` for the request handlers of its own process. The fold and the delivery process are
connected over one Unix socket that nobody else can open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..clock import Clock, stopwatch_ns
from ..effects import REFUSED
from ..errors import ControlError, SevenfoldError
from ..events.steps import Dropped
from ..limits import TICK_MS_MIN, UNSEEN_EFFECTS_BYTES_MAX
from ..log.base import Log, New, NewControl, NewTick, Receipt
from ..profiles.wheel import NEVER
from ..workspace.models import UNDEFINED, Workspace
from .appending import Appender
from .live import Told, UnavailableError, Watched, error_of
from .metrics import APPEND_SECONDS
from .questions import QuestionError
from .watching import Batch, Stream
from .wire import Channel, effects_of, new_of_wire, packed_effects

log = logging.getLogger("sevenfold.hub")
_SECOND = 1_000


class Hub:
    """One for each service. `seen` is the number of the next effect that the history wants."""

    def __init__(self, store: Log, clock: Clock, *, waiting_bytes: int, seen: int) -> None:
        self.log, self.clock = store, clock
        self.appender = Appender(store, waiting_bytes, self._durable)
        self.stream = Stream()
        self.durable = store.next_position
        self.folded = 0
        self.fold_time = 0
        self.due = NEVER
        self.seen = self.acknowledged = seen
        self.stopping = False
        self.ready = asyncio.Event()
        """Set once the fold has caught up with what was there at the start."""
        self.refold = asyncio.Event()
        """Set when the fold has to begin again from an older snapshot, for somebody lacks effects."""
        self._goal = self.durable
        self._workspace = UNDEFINED
        self._defined = asyncio.Event()
        self._fold: Channel | None = None
        self._delivery: Channel | None = None
        self._unseen: deque[Batch] = deque()
        self._unseen_bytes = 0
        self._room = asyncio.Event()
        self._numbers = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._wanted: dict[int, asyncio.Future[Told]] = {}
        """By the identity of a control record that is being appended."""
        self._told: dict[int, asyncio.Future[Told]] = {}
        """By its position, once it is durable."""
        self._due_moved = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.delivery_stopped = asyncio.Event()
        self.fold_stopped = asyncio.Event()
        self.delivery_status: dict[str, Any] = {}
        self.snapshot_error = ""
        self.alarm = asyncio.Event()
        """Set when the delivery has met something that people should know of at once."""

    # ------------------------------------------------------------------------------------------ start and
    # stop

    async def start(self, socket: Path) -> None:
        """Listens for the other processes, appends and lets time pass."""
        self.appender.start()
        self._server = await asyncio.start_unix_server(self._connected, socket)
        self._ticking = asyncio.create_task(self._tick(), name="ticks")

    async def stop(self, seconds: float) -> None:
        """Ends in order: the delivery finishes what is under way, what waits is appended, the fold folds it
        and writes a snapshot.
        """
        self.stopping = True
        self.stream.end()
        if self._ticking is not None:
            self._ticking.cancel()
        if self._delivery is not None:
            self._delivery.say("stop", seconds / 2)
            await _within(self.delivery_stopped, seconds / 2)
            if self._delivery is not None:
                self._delivery.close()
        await self.appender.stop()
        if self._fold is not None:
            self._fold.say("stop")
            await _within(self.fold_stopped, seconds)
        if self._server is not None:
            self._server.close()

    # ------------------------------------------------------------------------------------------ Live

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    async def defined(self) -> Workspace:
        """The definition in force, once the fold has said it."""
        await self._defined.wait()
        return self._workspace

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        began = stopwatch_ns()
        receipts = await self.appender.append(new)
        APPEND_SECONDS.observe((stopwatch_ns() - began) / 1e9)
        return receipts

    async def control(self, record: dict[str, Any]) -> Told:
        item = NewControl(record)
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._wanted[id(item)] = answer
        try:
            await self.appender.append([item])
        except BaseException:
            self._wanted.pop(id(item), None)
            raise
        return refused_or(await answer)

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        if self._fold is None:
            raise UnavailableError("the fold is starting", fix="try again in a moment")
        number = self._numbers = self._numbers + 1
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._fold.say("ask", number, self.durable, question, arguments)
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        if dropped:
            await asyncio.to_thread(self.log.add_dead_letters, dropped)

    def ask_snapshot(self) -> None:
        """Has the fold write a snapshot of now, soon."""
        if self._fold is not None:
            self._fold.say("snapshot")

    def watch(
        self, kinds: frozenset[str] | None = None, *, after: int | None = None
    ) -> AsyncIterator[Watched]:
        return self.stream.watch(kinds, after)

    async def status(self) -> dict[str, Any]:
        return {
            "position": self.durable,
            "time": self.log.last_time,
            "folded": self.folded,
            "fold_lag": self.durable - self.folded,
            "fold_time": self.fold_time,
            "emitted": self.seen,
            "history_lag": self.seen - self.acknowledged,
            "waiting_bytes": self.appender.waiting_bytes,
            "commits": self.appender.commits,
            "ready": self.ready.is_set(),
            "fold_connected": self._fold is not None,
            "delivery_connected": self._delivery is not None,
            "delivery": self.delivery_status,
            "snapshot_error": self.snapshot_error,
            "dead_letters": self.log.dead_letter_counts(),
        }

    # ------------------------------------------------------------------------------------------ the log

    def _durable(self, new: Sequence[New], receipts: Sequence[Receipt]) -> None:
        """Something has become durable; the others are told before whoever appended it."""
        wanted: list[int] = []
        ticked = 0
        for item, receipt in zip(new, receipts, strict=True):
            if isinstance(item, NewControl):
                answer = self._wanted.pop(id(item), None)
                if answer is not None:
                    self._told[receipt.position] = answer
                    wanted.append(receipt.position)
            elif isinstance(item, NewTick):
                ticked = receipt.time
        position = self.log.next_position
        if position > self.durable or wanted:
            self.durable = position
            if self._fold is not None:
                self._fold.say("durable", position, wanted)
            if self._delivery is not None:
                self._delivery.say("durable", position)
        if ticked and self._fold is not None:
            self._fold.say("tick", ticked)

    async def _tick(self) -> None:
        """Appends a tick when something is due and nothing else has come since."""
        ticked = 0
        while True:
            now = self.clock.now()
            due = max(self.due, ticked + TICK_MS_MIN)
            caught_up = self._fold is not None and self.folded >= self.durable and self.fold_time < due
            if due <= now and caught_up and self.ready.is_set():
                ticked = now
                try:
                    await self.appender.append([NewTick()])
                except SevenfoldError as error:
                    log.error("time cannot be written down: %s", error.message)
                    await asyncio.sleep(1)
                continue
            self._due_moved.clear()
            wait = min(max(due - now, TICK_MS_MIN), _SECOND) / _SECOND
            await _within(self._due_moved, wait)

    # ------------------------------------------------------------------------------------------ the others

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = Channel(reader, writer)
        try:
            first, *rest = await channel.hear() or [["gone"]]
            if first[0] == "ready":
                await self._serve_fold(channel, first, rest)
            elif first[0] == "hello":
                await self._serve_delivery(channel, first, rest)
            elif first[0] == "help":
                await self._serve_helper(channel, rest)
        except Exception as error:
            log.error("a connection of another process failed: %s", type(error).__name__, exc_info=True)
        finally:
            channel.close()

    async def _serve_fold(self, channel: Channel, ready: list[Any], messages: list[list[Any]]) -> None:
        """The fold's whole connection."""
        _, self.folded, emitted, snapshot = ready
        log.info(
            "the fold goes on at position %d, effect %d (%s)", self.folded, emitted, snapshot or "no snapshot"
        )
        self._fold = channel
        self.due = NEVER
        if not self.ready.is_set():
            # What was appended since, such as the first definition, belongs to the start.
            self._goal = self.durable
        wanted = [position for position in self._told if position >= self.folded]
        channel.say("durable", self.durable, wanted)
        channel.say("tick", self.log.last_time)
        channel.say("seen", self.acknowledged)
        try:
            while messages or (messages := await channel.hear()):
                for message in messages:
                    self._hear_fold(message)
                messages = []
                while self._unseen_bytes > UNSEEN_EFFECTS_BYTES_MAX:
                    # Nobody takes effects; the fold waits until somebody does.
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._fold = None
            gone = UnavailableError("the fold has ended and is started again", fix="try again in a moment")
            for waiting in (*self._asked.values(), *self._told.values()):
                if not waiting.done():
                    waiting.set_exception(gone)
            self._asked.clear()
            self._told.clear()

    def _hear_fold(self, message: list[Any]) -> None:
        kind, *rest = message
        if kind == "folded":
            self._folded(*rest)
        elif kind == "answer":
            number, well, found = rest
            waiting = self._asked.pop(number, None)
            if waiting is not None and not waiting.done():
                if well:
                    waiting.set_result(found)
                else:
                    waiting.set_exception(error_of(QuestionError, found))
        elif kind == "told":
            position, time, packed = rest
            told = self._told.pop(position, None)
            if told is not None and not told.done():
                told.set_result(Told(position, time, effects_of(packed)))
        elif kind == "workspace":
            self._workspace = msgspec.json.decode(rest[0], type=Workspace)
            self._defined.set()
            if self._delivery is not None:
                self._delivery.say("workspace", rest[0])
        elif kind == "snapshot":
            self.snapshot_error = rest[1]
        elif kind == "stopped":
            self.folded = rest[0]
            self.fold_stopped.set()

    def _folded(self, position: int, t: int, due: int, first: int, count: int, packed: bytes) -> None:
        self.folded, self.fold_time, self.due = position, t, due
        self._due_moved.set()
        if position >= self._goal and not self.ready.is_set():
            self.ready.set()
        end = first + count
        if not count or end <= self.seen:
            return
        if first > self.seen:
            log.error("effects %d to %d are missing; the fold begins again", self.seen, first)
            self.refold.set()
            return
        if first < self.seen:
            effects = effects_of(packed)[self.seen - first :]
            first, count, packed = self.seen, len(effects), packed_effects(effects)
        batch = Batch(first, count, packed)
        self.seen = end
        self._unseen.append(batch)
        self._unseen_bytes += len(packed)
        self.stream.give(batch)
        if self._delivery is not None:
            self._delivery.say("effects", first, count, packed)

    async def _serve_delivery(self, channel: Channel, hello: list[Any], messages: list[list[Any]]) -> None:
        """The delivery's whole connection."""
        through = hello[1]
        await self._defined.wait()
        if (self._unseen and through < self._unseen[0].first) or (not self._unseen and through < self.seen):
            log.warning("the history lacks effects from %d on; the fold begins again", through)
            self._unseen.clear()
            self._unseen_bytes = 0
            self.seen = self.acknowledged = through
            self.refold.set()
        self._delivery = channel
        channel.say("workspace", msgspec.json.encode(self._workspace))
        channel.say("durable", self.durable)
        for batch in self._unseen:
            channel.say("effects", batch.first, batch.count, batch.packed)
        try:
            while messages or (messages := await channel.hear()):
                for message in messages:
                    self._hear_delivery(channel, message)
                messages = []
                await channel.drain()
        finally:
            self._delivery = None

    async def _serve_helper(self, channel: Channel, messages: list[list[Any]]) -> None:
        """The whole connection of a process that appends and asks, such as the one that learns."""
        while messages or (messages := await channel.hear()):
            for message in messages:
                self._begin(channel, message)
            messages = []
            await channel.drain()

    def _hear_delivery(self, channel: Channel, message: list[Any]) -> None:
        kind, *rest = message
        if kind == "ack":
            self._acknowledge(rest[0])
        elif kind == "report":
            self.delivery_status = rest[0]
        elif kind == "alert":
            self.alarm.set()
        elif kind == "stopped":
            self.delivery_stopped.set()
        else:
            self._begin(channel, message)

    def _begin(self, channel: Channel, message: list[Any]) -> None:
        """Does what another process asks for, beside what goes on."""
        task = asyncio.create_task(self._do(channel, *message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, channel: Channel, kind: str, number: int, *rest: Any) -> None:
        """What another process asks for; the answer bears its number."""
        try:
            if kind == "append":
                found: Any = msgspec.to_builtins(await self.append(new_of_wire(rest[0])))
            elif kind == "control":
                found = msgspec.to_builtins(await self.control(rest[0]))
            elif kind == "ask":
                found = await self.ask(rest[0], **rest[1])
            elif kind == "drop":
                await self.drop(msgspec.convert(rest[0], list[Dropped]))
                found = None
            elif kind == "status":
                found = await self.status()
            else:
                raise QuestionError(f"nobody knows `{kind}`")
            channel.say("answer", number, True, found)
        except SevenfoldError as error:
            channel.say("answer", number, False, error.to_json())

    def _acknowledge(self, number: int) -> None:
        self.acknowledged = max(self.acknowledged, number)
        while self._unseen and self._unseen[0].first + self._unseen[0].count <= number:
            self._unseen_bytes -= len(self._unseen.popleft().packed)
        self._room.set()
        if self._fold is not None:
            self._fold.say("seen", self.acknowledged)


def refused_or(told: Told) -> Told:
    """What was told, unless the fold refused it. Raises ControlError."""
    for effect in told.effects:
        # Journeys refuse entries by effects of this kind about somebody.
        if effect.kind == REFUSED and effect.of == "workspace":
            raise error_of(ControlError, effect.data)
    return told


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happened within that time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
