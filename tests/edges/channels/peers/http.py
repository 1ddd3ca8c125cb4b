"""A loopback HTTP server that plays a provider: it checks what it is asked as the provider would, and can be
told to answer with a fault.

It runs in threads of its own, so that official SDKs (which block) and adapters (which do not) can both speak
to it. Subclass `HttpPeer` and write `accept`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import msgspec


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Answered:
    """What to answer. A `str` or `bytes` body goes out as it is, anything else as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else msgspec.json.encode(self.body)


class Hang:
    """Reads the request and never answers, until the peer is closed."""


class HangUp:
    """Reads the request and ends the connection without an answer."""


Fault = Answered | Hang | HangUp
Refusal = Callable[[Asked], Answered | None]


class HttpPeer:
    """Starts with `with`. `url` is its base; `asked` everything it was asked; `complaints` what was wrong
    with requests that `accept` refused: a conformance test asserts that there are none.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.complaints: list[str] = []
        self._faults: deque[Fault] = deque()
        self._always: Fault | None = None
        self._released = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def handle_one_request(self) -> None:
                # What a client does to the connection is no fault of the test.
                with contextlib.suppress(ConnectionError, TimeoutError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def _serve(self) -> None:
                peer._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                peer.complaints.append(f"the peer itself failed on a request: {_fault()}")

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # ----------------------------------------------------------------------------------- what a test tells it

    def next(self, *faults: Fault) -> None:
        """The next requests get these, one each; further ones are accepted or refused as the provider
        would.
        """
        self._faults.extend(faults)

    def always(self, fault: Fault | None) -> None:
        """Every request gets this; None: again as the provider would."""
        self._always = fault

    # ------------------------------------------------------------------------------- what a subclass answers

    def accept(self, asked: Asked) -> Answered:
        """What the provider answers. Call `refuse` for what it would not take."""
        raise AssertionError("a peer says what it accepts")

    def refuse(self, why: str, answer: Answered) -> Answered:
        """The answer to a request that the provider's documentation does not allow."""
        self.complaints.append(why)
        return answer

    # ----------------------------------------------------------------------------------------------- inside

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        body = handler.rfile.read(length)
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, parts.path, parts.query, headers, body)
        self.asked.append(asked)
        fault = self._faults.popleft() if self._faults else self._always
        if isinstance(fault, Hang):
            self._released.wait(30)
        if isinstance(fault, Hang | HangUp):
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            return
        answer = fault or self.accept(asked)
        out = answer.bytes()
        named = {name.lower() for name in answer.headers}
        # The standard library adds a Date of its own.
        (handler.send_response_only if "date" in named else handler.send_response)(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if "content-type" not in named:
            handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(out)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(out)


def _fault() -> str:
    import sys
    import traceback

    return "".join(traceback.format_exception(*sys.exc_info()))[-800:]


@contextlib.contextmanager
def closed_port() -> Any:
    """A port of loopback where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def full_port() -> Any:
    """A port of loopback whose queue is full: connecting takes for ever, and nothing is handed over."""
    held = socket.socket()
    waiting: list[socket.socket] = []
    try:
        held.bind(("127.0.0.1", 0))
        held.listen(0)
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(held.getsockname())
            waiting.append(one)
        yield held.getsockname()[1]
    finally:
        for one in (*waiting, held):
            one.close()
