"""A real mail server on loopback (aiosmtpd) that keeps what it takes and can be told to refuse."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import re
import ssl
import threading
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Where = Literal["greeting", "auth", "sender", "recipient", "data_command", "data"]
USER, PASSWORD = "sevenfold", "correct horse battery"


@dataclass(frozen=True)
class Taken:
    """A mail the server took."""

    sender: str
    recipients: list[str]
    options: list[str]
    content: bytes
    session: int
    """Which connection it came over, from 1."""
    tls: bool


@dataclass(frozen=True)
class Fault:
    """How to answer once. `how` None: with `reply`; else `hang` or `hang_up`."""

    where: Where
    reply: str = ""
    how: Literal["hang", "hang_up"] | None = None


class _Server(SMTP):
    """aiosmtpd with the parameters of RFC 3461, which it does not know, and with faults."""

    peer: SmtpPeer
    number = 0
    refusing = False

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        self.dsn: list[str] = re.findall(r"(?:RET|ENVID)=\S+", arg or "")
        await super().smtp_MAIL(re.sub(r" (?:RET|ENVID)=\S+", "", arg or "") or None)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        self.dsn += re.findall(r"(?:NOTIFY|ORCPT)=\S+", arg or "")
        await super().smtp_RCPT(re.sub(r" (?:NOTIFY|ORCPT)=\S+", "", arg or "") or None)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        fault = self.peer.fault("data_command")
        if fault is None:
            await super().smtp_DATA(arg)
        elif fault.how == "hang_up":
            self.transport.abort()
        else:
            await self.push(fault.reply)


class SmtpPeer:
    """Starts with `with`. `tls`: the context of `authority.server`, with `implicit` from the first byte, else
    after STARTTLS, which `require_tls` demands.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: bool = False,
        token: str = "",
        dsn: bool = True,
        utf8: bool = True,
    ) -> None:
        """`token`: with `login` the access token that is right, and no password is."""
        self.token = token
        self.taken: list[Taken] = []
        self.sessions = 0
        self.tls, self.implicit, self.login, self.dsn, self.utf8 = tls, implicit, login, dsn, utf8
        self._faults: deque[Fault] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._released: asyncio.Event
        self.port = 0

    def __enter__(self) -> SmtpPeer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def next(self, *faults: Fault) -> None:
        """The next time the server comes to the place of the first of these, it answers so; then the
        second.
        """
        self._faults.extend(faults)

    def fault(self, where: Where) -> Fault | None:
        """The fault that is due here, once."""
        if self._faults and self._faults[0].where == where:
            return self._faults.popleft()
        return None

    # -------------------------------------------------------------------------------------------- inside

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped, self._released = asyncio.Event(), asyncio.Event()
        self._open: list[_Server] = []
        server = await self._loop.create_server(
            self._factory, "127.0.0.1", 0, ssl=self.tls if self.implicit else None
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        self._released.set()
        server.close()
        for one in self._open:
            if one.transport is not None:
                one.transport.abort()
        await asyncio.sleep(0.01)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _factory(self) -> _Server:
        self.sessions += 1
        starttls = self.tls is not None and not self.implicit
        with warnings.catch_warnings():
            # A log-in without TLS is what some of these tests are about.
            warnings.simplefilter("ignore")
            server = _Server(
                self,
                hostname="mail.test",
                tls_context=self.tls if starttls else None,
                require_starttls=starttls,
                authenticator=self._authenticate if self.login else None,
                auth_required=self.login,
                auth_exclude_mechanism=("LOGIN", "PLAIN") if self.token else ("XOAUTH2",),
                auth_require_tls=starttls,
                enable_SMTPUTF8=self.utf8,
                loop=self._loop,
            )
        server.peer, server.number = self, self.sessions
        self._open.append(server)
        return server

    def _authenticate(
        self, _server: _Server, _session: Any, _envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        # A client tries one method after the other: the fault is the whole conversation's.
        _server.refusing = _server.refusing or self.fault("auth") is not None
        if _server.refusing or not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def auth_XOAUTH2(self, server: _Server, args: list[str]) -> AuthResult:  # noqa: N802
        """As Google and Microsoft describe it: what is wrong is told in JSON, and refused after an empty
        line.
        """
        said = base64.b64decode(args[1]).decode()
        if said == f"user={USER}\x01auth=Bearer {self.token}\x01\x01":
            return AuthResult(success=True, auth_data=USER)
        told = base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode()
        await server.push(f"334 {told}")
        await server._reader.readline()
        return AuthResult(success=False, handled=False, message="535 5.7.8 Username and token not accepted")

    async def handle_EHLO(  # noqa: N802
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-DSN"] if self.dsn else []), responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if (fault := await self._met("sender", _server)) is not None:
            return fault.reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if (fault := await self._met("recipient", _server)) is not None:
            return fault.reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: _Server, session: Any, envelope: Any) -> str:  # noqa: N802
        if (fault := await self._met("data", server)) is not None:
            return fault.reply
        number = len(self.taken) + 1
        self.taken.append(
            Taken(
                envelope.mail_from,
                envelope.rcpt_tos,
                [*envelope.mail_options, *server.dsn],
                bytes(envelope.original_content or envelope.content),
                server.number,
                session.ssl is not None or self.implicit,
            )
        )
        return f"250 2.0.0 Ok: queued as Q{number:05}"

    async def _met(self, where: Where, server: _Server) -> Fault | None:
        fault = self.fault(where)
        if fault is not None and fault.how == "hang":
            await self._released.wait()
        if fault is not None and fault.how == "hang_up":
            assert server.transport is not None
            server.transport.abort()
        return fault


class Authority:
    """A certificate authority of the test, and a certificate of `localhost` that it signed, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._certificate(name, name, self._key, authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        leaf = self._certificate(subject, name, key, authority=False)
        pair = folder / "server.pem"
        pair.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + leaf.public_bytes(Encoding.PEM)
        )
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(pair)

    def _certificate(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())
