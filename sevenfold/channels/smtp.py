"""E-mail by SMTP (RFC 5321), through a mail server that takes our mails.

Connections are kept and used again, a few at a time. The bytes are made and signed here and go out as they
are. From the moment the text was handed over until the server said yes, a mail that fails is `unknown`: the
server may have it.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from typing import Final

import aiosmtplib

from ..clock import Clock, SystemClock
from ..limits import CHANNEL_MESSAGE_BYTES_MAX
from . import mime
from .base import ChannelError, Inbound, Outgoing, Provider, Result, provider
from .bounces import ReturnAddress, ReturnedMail
from .calling import said, trusting, unanswered, unreachable, unreadable
from .correlation import token
from .dkim import Signer
from .smtp_codes import Stage, verdict
from .smtp_settings import SmtpSettings

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_DOT: Final = re.compile(rb"^\.", re.MULTILINE)
_QUEUED: Final = re.compile(r"queued as ([A-Za-z0-9._-]{1,80})", re.IGNORECASE)
_PLAIN_XTEXT: Final = re.compile(r"[!-*,-<>-~]")


class _Line:
    """One connection; `sent` mails have gone over it, the last at `used_s` of the loop's time."""

    __slots__ = ("client", "sent", "used_s")

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client, self.sent, self.used_s = client, 0, 0.0


class _RefusedError(Exception):
    """The server said no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code)
        self.code, self.text = code, text


class SmtpAdapter:
    """Sends through one server."""

    deduplicates = False
    rate_per_s: float | None = None

    def __init__(self, settings: SmtpSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._tls = trusting(settings.ca_file) if settings.security != "none" else None
        self._back = (
            ReturnAddress(settings.bounce_address, settings.bounce_secret)
            if settings.bounce_address
            else None
        )
        self._signers = signers(settings)
        self._tokens = settings.tokens(self._clock)
        self.concurrency = settings.connections
        self._turns = asyncio.Semaphore(settings.connections)
        self._idle: list[_Line] = []

    async def send(self, message: Outgoing) -> Result:
        made = self._made(message)
        if isinstance(made, Result):
            return made
        parts, raw = made
        async with self._turns:
            while True:
                line = self._kept()
                fresh = line is None
                if line is None:
                    opened = await self._open(parts.sender.domain)
                    if isinstance(opened, Result):
                        return opened
                    line = opened
                result = await self._transact(line, message, parts, raw)
                if result is not None or fresh:
                    return result or unreachable("the server ended the connection")

    async def check(self) -> Result:
        domain = mime.address(self._settings.from_).domain if self._settings.from_ else ""
        opened = await self._open(domain)
        if isinstance(opened, Result):
            return opened
        await self._quit(opened)
        return Result(verdict="accepted")

    async def close(self) -> None:
        while self._idle:
            await self._quit(self._idle.pop())
        if self._tokens is not None:
            await self._tokens.close()

    # ------------------------------------------------------------------------------------------ the mail

    def _made(self, message: Outgoing) -> tuple[mime.Mail, bytes] | Result:
        extra: dict[str, str] = {}
        leave = message.content.headers.get("List-Unsubscribe", "")
        if self._back is not None and leave and "mailto:" not in leave:
            by_mail = self._back.unsubscribe(message.effect)
            extra["List-Unsubscribe"] = (
                f"{leave}, <mailto:{by_mail}?subject=unsubscribe>" if by_mail else leave
            )
        parts = parts_of(message, self._settings.from_, extra)
        if isinstance(parts, Result):
            return parts
        now = self._clock.now()
        local = (self._back.token(message.effect) if self._back else token(message.effect)) or "message"
        raw = mime.raw(parts, message_id=f"{local}@{parts.sender.domain}", date=now, seed=message.effect)
        raw = b"".join(signer.header(raw, now) for signer in self._signers) + raw
        if len(raw) > CHANNEL_MESSAGE_BYTES_MAX:
            return Result(verdict="permanent", reason="too_large", detail=f"{len(raw):,} bytes")
        return parts, raw

    # ------------------------------------------------------------------------------------ the conversation

    async def _transact(self, line: _Line, message: Outgoing, parts: mime.Mail, raw: bytes) -> Result | None:
        """One mail over a connection. None: the connection was gone before anything was handed over."""
        client, settings = line.client, self._settings
        stage: Stage = "sender"
        handed_over = False
        private = (message.address, parts.recipient.email, settings.password, settings.username)
        try:
            utf8 = parts.recipient.needs_utf8 or parts.sender.needs_utf8
            if utf8 and not client.supports_extension("smtputf8"):
                await self._release(line)
                detail = "the server does not take addresses beyond ASCII"
                return Result(
                    verdict="permanent", reason="unsupported_address", detail=detail, scope="recipient"
                )
            mail_options, rcpt_options = self._options(client, message, parts, len(raw), utf8)
            sender = self._back.bounce(message.effect) if self._back else parts.sender.email
            encoding = "utf-8" if utf8 else "ascii"
            await client.mail(sender, options=mail_options, encoding=encoding)
            stage = "recipient"
            await client.rcpt(parts.recipient.email, options=rcpt_options, encoding=encoding)
            stage = "data"
            answer = await client.execute_command(b"DATA")
            if answer.code != 354 or client.protocol is None:
                raise _RefusedError(answer.code, answer.message)
            handed_over = True
            client.protocol.write(_DOT.sub(b"..", raw) + b".\r\n")
            answer = await client.protocol.read_response(timeout=settings.accept_timeout_s)
            if answer.code != 250:
                raise _RefusedError(answer.code, answer.message)
        except (aiosmtplib.SMTPResponseException, _RefusedError) as error:
            code, text = _said(error)
            if not 400 <= code < 600:
                # What the server says is no refusal: it may even mean yes.
                client.close()
                return unreadable(f"{code}") if handed_over else unreachable("unreadable answer")
            if code == 421 and line.sent and not handed_over:
                line.client.close()
                return None
            await self._release(line, after_refusal=True, closing=code == 421)
            return verdict(code, text, stage, *private)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            if handed_over:
                return unanswered(type(error).__name__)
            return None if line.sent else unreachable(type(error).__name__)
        except ValueError:
            client.close()
            detail = "the address cannot be written"
            return Result(
                verdict="permanent", reason="bad_address", detail=detail, scope="recipient", suppress=True
            )
        except BaseException:
            client.close()
            raise
        line.sent += 1
        await self._release(line)
        queued = _QUEUED.search(answer.message)
        return Result(verdict="accepted", provider_id=queued[1] if queued else token(message.effect))

    def _options(
        self, client: aiosmtplib.SMTP, message: Outgoing, parts: mime.Mail, size: int, utf8: bool
    ) -> tuple[list[str], list[str]]:
        mail_options = ["SMTPUTF8"] if utf8 else []
        if client.supports_extension("size"):
            mail_options.append(f"SIZE={size}")
        if not client.supports_extension("dsn") or self._back is None:
            return mail_options, []
        # RFC 3461: only the headers come back, named by our token.
        mail_options += ["RET=HDRS", f"ENVID={xtext(self._back.token(message.effect) or message.channel)}"]
        rcpt_options = ["NOTIFY=FAILURE,DELAY"]
        if not utf8:
            rcpt_options.append(f"ORCPT=rfc822;{xtext(parts.recipient.email)}")
        return mail_options, rcpt_options

    # ------------------------------------------------------------------------------------- the connections

    def _kept(self) -> _Line | None:
        """A connection from before that is still good: the one used last, so that others may end."""
        now_s = asyncio.get_running_loop().time()
        while self._idle:
            line = self._idle.pop()
            if line.client.is_connected and now_s - line.used_s <= self._settings.idle_s:
                return line
            line.client.close()
        return None

    async def _open(self, domain: str) -> _Line | Result:
        settings = self._settings
        token = await self._tokens.token() if self._tokens is not None else ""
        if isinstance(token, Result):
            return token
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port or _PORTS[settings.security],
            local_hostname=settings.hello or domain or "localhost",
            timeout=settings.timeout_s,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls,
        )
        stage: Stage = "connect"
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            if settings.username:
                stage = "auth"
                await self._log_in(client, token)
            return _Line(client)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            if not 400 <= error.code < 600:
                return unreachable("unreadable answer")
            return verdict(error.code, error.message, stage, settings.username, settings.password)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            return self._not_opened(error, stage)
        except BaseException:
            client.close()
            raise

    async def _log_in(self, client: aiosmtplib.SMTP, token: str) -> None:
        settings = self._settings
        if self._tokens is None:
            await client.login(settings.username, settings.password)
            return
        bearer = f"user={settings.username}\x01auth=Bearer {token}\x01\x01"
        answer = await client.execute_command(b"AUTH", b"XOAUTH2", b64encode(bearer.encode()))
        if answer.code == 334:
            # It says in JSON what is wrong, and refuses once that was taken note of.
            answer = await client.execute_command(b"")
        if answer.code != 235:
            self._tokens.forget()
            raise aiosmtplib.SMTPAuthenticationError(answer.code, answer.message)

    def _not_opened(self, error: Exception, stage: Stage) -> Result:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return _misconfigured("tls", "the server's certificate is not trusted")
            cause = cause.__cause__ or cause.__context__
        passing = aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError
        if isinstance(error, (*passing, OSError, TimeoutError)):
            return unreachable(type(error).__name__)
        if stage == "auth":
            return _misconfigured("auth", "the server knows no way to log in that we know")
        return _misconfigured("tls", said(str(error), self._settings.host))

    async def _release(self, line: _Line, *, after_refusal: bool = False, closing: bool = False) -> None:
        """Keeps a connection for the next mail, unless it is at its end."""
        client = line.client
        line.used_s = asyncio.get_running_loop().time()
        if closing or not client.is_connected:
            client.close()
            return
        if line.sent >= self._settings.messages_per_connection:
            await self._quit(line)
            return
        if after_refusal:
            try:
                await client.rset()
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                client.close()
                return
        self._idle.append(line)

    async def _quit(self, line: _Line) -> None:
        try:
            async with asyncio.timeout(min(self._settings.timeout_s, 5.0)):
                await line.client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            # Whether the server says goodbye changes nothing for us.
            line.client.close()


def parts_of(message: Outgoing, sender: str, extra: dict[str, str] | None = None) -> mime.Mail | Result:
    """A message's parts, or why it is no e-mail: what every e-mail provider's adapter begins with."""
    try:
        return mime.mail(message, sender=sender, extra=extra)
    except mime.BadAddressError as error:
        return Result(
            verdict="permanent", reason="bad_address", detail=str(error), scope="recipient", suppress=True
        )
    except mime.NoSenderError as error:
        return _misconfigured("no_sender", str(error))
    except mime.NoContentError as error:
        return Result(verdict="permanent", reason="no_content", detail=str(error))


def signers(settings: SmtpSettings) -> list[Signer]:
    """Those that sign; the second stands first, so that the header that everybody knows is nearest to the
    mail.
    """
    if not settings.dkim_domain:
        return []
    found = [Signer(settings.dkim_domain, settings.dkim_selector, settings.dkim_key)]
    if settings.dkim_second_selector:
        found.insert(0, Signer(settings.dkim_domain, settings.dkim_second_selector, settings.dkim_second_key))
    return found


def xtext(text: str) -> str:
    """RFC 3461, 4: what is not plain ASCII, `+` and `=` as +HH."""
    return "".join(char if _PLAIN_XTEXT.fullmatch(char) else f"+{ord(char):02X}" for char in text)


def _said(error: Exception) -> tuple[int, str]:
    if isinstance(error, _RefusedError):
        return error.code, error.text
    assert isinstance(error, aiosmtplib.SMTPResponseException)
    return error.code, error.message


def _misconfigured(reason: str, detail: str) -> Result:
    return Result(verdict="config_error", reason=reason, detail=detail, scope="account")


def _inbound(settings: SmtpSettings) -> Inbound:
    if not settings.bounce_address or not settings.inbound_password:
        message = "returned mails need an address to come back to, and a password for whoever hands them over"
        raise ChannelError(message, where="settings", fix="set `bounce_address` and `inbound_password`")
    back = ReturnAddress(settings.bounce_address, settings.bounce_secret)
    return ReturnedMail(back, settings.inbound_password)


provider(
    Provider(
        name="smtp",
        types=("email",),
        settings=SmtpSettings,
        adapter=SmtpAdapter,
        inbound=_inbound,
        summary="Any mail server: your own, or a provider's SMTP.",
    )
)
