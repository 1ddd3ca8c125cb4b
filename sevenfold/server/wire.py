"""What the processes of the service say to each other: msgpack lists over a Unix socket, four bytes of length
first.

The first member of a list names the message. Effects travel as packed bytes, so that whoever only passes them
on never decodes them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from ..effects import Effect
from ..errors import SevenfoldError
from ..limits import WIRE_BYTES_MAX
from ..log.base import Entry, New, NewControl, NewEvents, NewTick, Receipt

_LENGTH: Final = 4
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder()
_EFFECTS: Final = msgspec.msgpack.Decoder(list[Effect])
_READ_BYTES: Final = 1 << 20


class WireError(SevenfoldError):
    """What came over a socket is no message of ours."""

    code = "wire_damaged"


def framed(message: Sequence[Any]) -> bytes:
    """A message as it is sent."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(_LENGTH, "little") + body


def packed_effects(effects: list[Effect]) -> bytes:
    """Effects as they travel."""
    return _ENCODER.encode(effects)


def effects_of(packed: bytes) -> list[Effect]:
    """Effects that travelled."""
    return _EFFECTS.decode(packed)


class Frames:
    """Bytes that came in, cut into messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, data: bytes) -> list[list[Any]]:
        """The messages that are whole now. Raises WireError."""
        held = self._held
        held += data
        found: list[list[Any]] = []
        at = 0
        while len(held) - at >= _LENGTH:
            end = at + _LENGTH + int.from_bytes(held[at : at + _LENGTH], "little")
            if end - at > WIRE_BYTES_MAX:
                raise WireError("a message of another process is too large")
            if len(held) < end:
                break
            with memoryview(held) as view:
                found.append(_DECODER.decode(view[at + _LENGTH : end]))
            at = end
        if at:
            del held[:at]
        return found


class Channel:
    """One side of a connection, for asyncio. `say` never waits; what is not taken is buffered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = Frames()

    def say(self, *message: Any) -> None:
        """Sends a message; nothing happens when the other side is gone."""
        if not self._writer.is_closing():
            self._writer.write(framed(message))

    async def drain(self) -> None:
        """Waits until the other side has taken most of it."""
        with suppress(OSError):
            await self._writer.drain()

    async def hear(self) -> list[list[Any]]:
        """The next messages, at least one; none when the other side is gone."""
        while True:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError:
                return []
            if not data:
                return []
            found = self._frames.take(data)
            if found:
                return found

    def close(self) -> None:
        self._writer.close()


class Line:
    """The same for a process that does one thing at a time."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._frames = Frames()

    def fileno(self) -> int:
        return self._socket.fileno()

    def say(self, *message: Any) -> None:
        """Sends a message, waiting for room. Raises OSError when the other side is gone."""
        self._socket.sendall(framed(message))

    def hear(self) -> list[list[Any]] | None:
        """What has come (perhaps nothing whole yet); None when the other side is gone."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except ConnectionError:
            return None
        return self._frames.take(data) if data else None


def new_to_wire(new: Sequence[New]) -> list[Any]:
    """Things to append, as they travel."""
    found: list[Any] = []
    for item in new:
        if isinstance(item, NewEvents):
            found.append(["events", item.entries, item.keys])
        elif isinstance(item, NewControl):
            found.append(["control", item.control, item.time])
        else:
            found.append(["tick", item.time])
    return found


def new_of_wire(found: list[Any]) -> list[New]:
    """Things to append that travelled."""
    new: list[New] = []
    for kind, *rest in found:
        if kind == "events":
            new.append(NewEvents(msgspec.convert(rest[0], list[Entry]), rest[1]))
        elif kind == "control":
            new.append(NewControl(rest[0], rest[1]))
        else:
            new.append(NewTick(rest[0]))
    return new


def receipt_of_wire(found: dict[str, Any]) -> Receipt:
    """A receipt that travelled."""
    return msgspec.convert(found, Receipt)
