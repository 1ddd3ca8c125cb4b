"""A request's body, bounded in bytes and time, and unpacked.

Content types are not looked at: browsers send `text/plain`, and one SDK sends gzip as a form. What begins as
gzip is gzip, whatever the headers say.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ...limits import (
    REQUEST_BODY_S_MAX,
    REQUEST_BYTES_MAX,
    REQUEST_LEFT_BYTES_MAX,
    REQUESTS_READING_BYTES_MAX,
)
from .errors import EncodingError, RateError, TooLargeError, TooSlowError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW_BITS: Final = 31
"""zlib's way to say: with a gzip header, and a window of 32 KB."""
_GZIP_PARTS_MAX: Final = 16
_TOO_LARGE: Final = f"the request is larger than {REQUEST_BYTES_MAX // 1_048_576} MB"


class ClientGoneError(Exception):
    """Whoever sent the request has gone; there is nobody to answer."""


class Bodies:
    """Reads bodies, and knows how many bytes are held while they are."""

    def __init__(self) -> None:
        self.held = 0

    async def read(self, receive: Receive, declared: int | None) -> bytes:
        """The whole body. `declared` is its Content-Length, if it has one.

        Raises TooLargeError, TooSlowError, RateError (no room) and ClientGoneError.
        """
        try:
            async with asyncio.timeout(REQUEST_BODY_S_MAX):
                return await self._read(receive, declared)
        except TimeoutError:
            raise TooSlowError(
                f"the body took longer than {REQUEST_BODY_S_MAX} s", fix="send smaller batches"
            ) from None

    async def _read(self, receive: Receive, declared: int | None) -> bytes:
        if declared is not None and declared > REQUEST_BYTES_MAX:
            await _leave(receive, 0)
            raise _too_large()
        message = await receive()
        first = _chunk(message)
        if not message.get("more_body", False):
            if len(first) > REQUEST_BYTES_MAX:
                raise _too_large()
            return first
        chunks, size = [first], len(first)
        held = 0
        try:
            while True:
                self.held += size - held
                held = size
                if size > REQUEST_BYTES_MAX:
                    chunks.clear()
                    await _leave(receive, size)
                    raise _too_large()
                if self.held > REQUESTS_READING_BYTES_MAX:
                    raise RateError("too many requests are being read at once", retry_after_s=1)
                message = await receive()
                chunk = _chunk(message)
                chunks.append(chunk)
                size += len(chunk)
                if not message.get("more_body", False):
                    break
        finally:
            self.held -= held
        if size > REQUEST_BYTES_MAX:
            raise _too_large()
        return b"".join(chunks)


def _chunk(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] != "http.request":
        raise ClientGoneError
    found: bytes = message.get("body", b"")
    return found


async def _leave(receive: Receive, read: int) -> None:
    """Reads on without keeping anything: a client that is still sending does not hear an answer."""
    while read <= REQUEST_LEFT_BYTES_MAX:
        message = await receive()
        read += len(_chunk(message))
        if not message.get("more_body", False):
            return


def _too_large() -> TooLargeError:
    return TooLargeError(_TOO_LARGE, fix="send smaller batches")


def unpacked(body: bytes, encoding: bytes) -> bytes:
    """The body without its packing; `encoding` is the Content-Encoding, empty without one.

    Raises TooLargeError as soon as more than REQUEST_BYTES_MAX come out, and EncodingError.
    """
    if body[:2] == _GZIP:
        return _gunzipped(body)
    # A proxy may have unpacked the body and left the header.
    if encoding in (b"", b"identity", b"gzip", b"x-gzip"):
        return body
    raise EncodingError("the Content-Encoding is not known", where="Content-Encoding", fix="use gzip or none")


def _gunzipped(body: bytes) -> bytes:
    parts: list[bytes] = []
    room = REQUEST_BYTES_MAX + 1
    while body:
        if len(parts) == _GZIP_PARTS_MAX:
            raise EncodingError(f"more than {_GZIP_PARTS_MAX} gzip files follow one another", fix="send one")
        packed = zlib.decompressobj(_GZIP_WINDOW_BITS)
        try:
            part = packed.decompress(body, room)
        except zlib.error:
            raise _damaged() from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise _too_large()
        if not packed.eof:
            raise _damaged()
        # One gzip file may follow another; what is none may be padding.
        body = packed.unused_data if packed.unused_data[:2] == _GZIP else b""
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _damaged() -> EncodingError:
    return EncodingError("the gzip data are damaged or incomplete", fix="send the body again")
