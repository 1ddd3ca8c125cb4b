"""The connections below every application: bounded in number, in the bytes of their headers and in patience.

uvicorn waits for headers and bodies as long as a client likes; a server on the open network cannot.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ...limits import (
    CONNECTIONS_ITEMS_MAX,
    REQUEST_BODY_S_MAX,
    REQUEST_HEADERS_BYTES_MAX,
    REQUEST_HEADERS_S_MAX,
)

_BODY_S_MAX: Final = 2 * REQUEST_BODY_S_MAX
"""An application that bounds its bodies itself has answered long before."""


class BoundedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=BoundedProtocol)`."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._impatience: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_ITEMS_MAX:
            self._refuse(503, "unavailable", "too many connections are open", b"retry-after: 5\r\n")
            return
        self._wait(REQUEST_HEADERS_S_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers and self._header_bytes == 0:
            self._wait(REQUEST_HEADERS_S_MAX)
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > REQUEST_HEADERS_BYTES_MAX:
            self._refuse(
                400, "headers_too_large", f"the headers are larger than {REQUEST_HEADERS_BYTES_MAX} bytes"
            )

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._header_bytes = 0
        try:
            super().on_headers_complete()
        except UnicodeDecodeError as error:
            raise httptools.HttpParserError("the path is not ASCII") from error
        self._wait(_BODY_S_MAX)

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._wait(None)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, in the shape that errors have."""
        self._refuse(400, "invalid_request", "this is not a valid HTTP request")

    def _wait(self, seconds: int | None) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
        if seconds is not None:
            self._impatience = self.loop.call_later(seconds, self._end)

    def _end(self) -> None:
        self._impatience = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str, more: bytes = b"") -> None:
        self._wait(None)
        if self.transport.is_closing():
            return
        body = msgspec.json.encode({"success": False, "code": code, "message": message})
        reason = {400: b"Bad Request", 503: b"Service Unavailable"}[status]
        head = b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b"
        head += b"connection: close\r\n\r\n"
        self.transport.write(head % (status, reason, len(body), more) + body)
        self.transport.close()
