"""Apple's push service on loopback: HTTP/2 over TLS, provider tokens verified, headers checked as
documented.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TEAM: Final = "TEAMID1234"
KEY_ID: Final = "KEYID12345"
TOPIC: Final = "test.shop.app"
UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@lru_cache(maxsize=1)
def certificate() -> Path:
    """A file with a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = Path(tempfile.mkdtemp()) / "loopback.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    return file


def new_key() -> tuple[str, ec.EllipticCurvePublicKey]:
    """A key file's text, and what verifies its signatures."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode(), key.public_key()


@dataclass
class Pushed:
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Said:
    status: int
    told: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


HANG: Final = Said(0)
HANG_UP: Final = Said(-1)


class ApnsPeer:
    """Starts with `with`. Device tokens are whatever a test says; a fault is for the next message."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        self.pushed: list[Pushed] = []
        self.asked: list[Pushed] = []
        self.complaints: list[str] = []
        self.connections = 0
        self.now_s: int | None = None
        self.faults: list[Said] = []

    def __enter__(self) -> ApnsPeer:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate())
        context.set_alpn_protocols(["h2"])
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._speak(reader, writer)
        except (ConnectionError, h2.exceptions.ProtocolError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        wire.initiate_connection()
        streams: dict[int, Pushed] = {}
        while True:
            writer.write(wire.data_to_send())
            data = await reader.read(65_536)
            if not data:
                return
            for event in wire.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    streams[event.stream_id] = Pushed({str(k): str(v) for k, v in event.headers}, b"")
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id].body += event.data
                    wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    pushed = streams.pop(event.stream_id)
                    answer = self._answer(pushed)
                    if answer is HANG_UP:
                        return
                    if answer is not HANG:
                        self._reply(wire, event.stream_id, pushed, answer)

    def _reply(self, wire: Any, stream: int, pushed: Pushed, answer: Said) -> None:
        headers = [(":status", str(answer.status)), ("apns-id", pushed.headers.get("apns-id", "made"))]
        headers += list(answer.headers.items())
        body = json.dumps(answer.told).encode() if answer.told is not None else b""
        wire.send_headers(stream, headers, end_stream=not body)
        if body:
            wire.send_data(stream, body)
            # As Apple's servers do: the end of the stream comes alone.
            wire.send_data(stream, b"", end_stream=True)

    def _answer(self, pushed: Pushed) -> Said:
        self.asked.append(pushed)
        if self.faults:
            return self.faults.pop(0)
        headers = pushed.headers
        token = headers.get("authorization", "").removeprefix("bearer ")
        try:
            claims = jwt.decode(token, self._key, algorithms=["ES256"], options={"verify_iat": False})
            known = jwt.get_unverified_header(token).get("kid") == KEY_ID and claims["iss"] == TEAM
        except (jwt.InvalidTokenError, KeyError):
            known, claims = False, {}
        if not known:
            return Said(403, {"reason": "InvalidProviderToken"})
        if self.now_s is not None and self.now_s - claims["iat"] > 3_600:
            return Said(403, {"reason": "ExpiredProviderToken"})
        device = headers[":path"].removeprefix("/3/device/")
        wrong = self._wrong(headers, pushed)
        if wrong:
            self.complaints.append(wrong)
            return Said(400, {"reason": wrong})
        if device == "0" * 64:
            return Said(400, {"reason": "BadDeviceToken"})
        self.pushed.append(pushed)
        return Said(200)

    def _wrong(self, headers: dict[str, str], pushed: Pushed) -> str:
        kind, priority = headers.get("apns-push-type", ""), headers.get("apns-priority", "")
        if headers[":method"] != "POST" or not headers[":path"].startswith("/3/device/"):
            return "BadPath"
        if headers.get("apns-topic") != TOPIC:
            return "MissingTopic"
        if kind not in ("alert", "background", "voip", "liveactivity"):
            return "InvalidPushType"
        if priority not in ("10", "5", "1") or (kind == "background" and priority == "10"):
            return "BadPriority"
        if not UUID.fullmatch(headers.get("apns-id", "")):
            return "BadMessageId"
        if not headers.get("apns-expiration", "0").isdigit():
            return "BadExpirationDate"
        if len(headers.get("apns-collapse-id", "").encode()) > 64:
            return "BadCollapseId"
        if len(pushed.body) > 4_096:
            return "PayloadTooLarge"
        return "" if "aps" in pushed.json() else "PayloadEmpty"
