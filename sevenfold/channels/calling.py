"""Calling a provider over HTTP: one client a channel, and what each way to fail says of the message.

A call that failed before its request was written reached nobody: `transient`. A call that failed afterwards
may have been obeyed: `unknown`. Redirects are not followed, answers are read up to a bound, and nothing here
repeats a call: when to try again is the sender's business.
"""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from ..limits import CHANNEL_ANSWER_BYTES_MAX, CHANNEL_DETAIL_CHARS_MAX, CHANNEL_RETRY_AFTER_S_MAX
from .base import ChannelError, Result

_ADDRESS: Final = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+")
_NUMBER: Final = re.compile(r"\+\d[\d ().-]{5,}\d|\b\d{9,}\b")
_SHORTEST_MASKED: Final = 3
_POOL_S: Final = 60.0
"""How long a call waits for a free connection."""
_WHOLE_CALL: Final = 4
"""A whole call may take so many times its time-out, however slowly bytes come."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a provider answered. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        found = self.json()
        return found if isinstance(found, dict) else {}

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def retry_after_s(self) -> float | None:
        """What `Retry-After` asks for (RFC 9110, 10.2.3: seconds or a date), bounded; None when it says
        nothing. A date is compared with the answer's own `Date`, so that no clock is needed.
        """
        return seconds_of(self.headers.get("retry-after"), self.headers.get("date"))


def seconds_of(text: str | None, date: str | None = None) -> float | None:
    """Seconds to wait, of a header that gives them as a number or as a date; 0 to
    CHANNEL_RETRY_AFTER_S_MAX.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(text)
            seconds = (until - email.utils.parsedate_to_datetime(date or "")).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), CHANNEL_RETRY_AFTER_S_MAX) if seconds == seconds else None


class Caller:
    """An HTTP client of one provider.

    `timeout_s` bounds connecting and each wait for bytes; `ca_file` names certificates to trust beside the
    usual ones. Raises ChannelError for a `base_url` that would show secrets on the way.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        concurrency: int,
        headers: Mapping[str, str] | None = None,
        http2: bool = False,
        ca_file: str = "",
    ) -> None:
        checked_url(base_url)
        self.base_url = base_url.rstrip("/")
        self._total_s = _WHOLE_CALL * timeout_s + _POOL_S
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "Sevenfold", **(headers or {})},
            timeout=httpx.Timeout(timeout_s, pool=_POOL_S),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            verify=trusting(ca_file),
            http2=http2,
            follow_redirects=False,
            # Proxies and certificates named by the environment are not ours to obey: only settings speak.
            trust_env=False,
        )

    async def call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Result:
        """The provider's answer, or the verdict when there is none. `path` begins with /, or is a whole
        URL.
        """
        url = self.base_url + path if path.startswith("/") else path
        begun: list[str] = []

        async def trace(step: str, _info: object) -> None:
            if step.endswith("send_request_headers.started"):
                begun.append(step)

        try:
            async with (
                asyncio.timeout(self._total_s),
                self._client.stream(
                    method, url, content=content, headers=dict(headers or {}), extensions={"trace": trace}
                ) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) >= CHANNEL_ANSWER_BYTES_MAX:
                        break
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(status=answer.status_code, headers=found, body=body)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, TimeoutError) as error:
            detail = type(error).__name__
            return unanswered(detail) if begun else unreachable(detail)

    async def close(self) -> None:
        await self._client.aclose()


def unreachable(detail: str) -> Result:
    """Nobody was reached, so nobody has the message."""
    return Result(verdict="transient", reason="unreachable", detail=detail, scope="account")


def unanswered(detail: str) -> Result:
    """The message was handed over, and no answer came: the provider may have it."""
    return Result(verdict="unknown", reason="no_answer", detail=detail)


def unreadable(detail: str) -> Result:
    """The provider says yes in words that make no sense: it may have the message."""
    return Result(verdict="unknown", reason="unreadable_answer", detail=detail)


def by_status(answer: Answer, detail: str = "") -> Result:
    """The verdict of a status alone, for what a provider does not explain better.

    408, 429 and 5xx pass; 401, 403 and redirects are about our settings; 504 says that somebody behind it did
    not answer in time, so that the message may have arrived; other 4xx will not change.
    """
    status = answer.status
    wait = answer.retry_after_s()
    detail = detail or f"HTTP {status}"
    if status == 429:
        return Result(verdict="throttled", reason="rate", detail=detail, retry_after_s=wait, scope="account")
    if status in (401, 403):
        return Result(verdict="config_error", reason="auth", detail=detail, scope="account")
    if status < 400:
        return Result(verdict="config_error", reason="endpoint", detail=detail, scope="account")
    if status == 504:
        return unanswered(detail)
    if status >= 500 or status in (408, 425):
        return Result(
            verdict="transient", reason="provider", detail=detail, retry_after_s=wait, scope="account"
        )
    return Result(verdict="permanent", reason="rejected", detail=detail)


def said(text: str, *private: str | None) -> str:
    """A provider's words for people: one line, bounded, without e-mail addresses, telephone numbers, and the
    texts that are private (addresses, with their part before @; secrets).
    """
    text = " ".join(text[: 4 * CHANNEL_DETAIL_CHARS_MAX].split())
    for one in private:
        for part in (one, (one or "").partition("@")[0]):
            if part and len(part) >= _SHORTEST_MASKED:
                text = re.sub(re.escape(part), "…", text, flags=re.IGNORECASE)
    text = _NUMBER.sub("…", _ADDRESS.sub("…", text))
    return text[:CHANNEL_DETAIL_CHARS_MAX]


def checked_url(url: str) -> str:
    """A base URL that secrets may be sent to: https, or plain HTTP to this machine. Raises ChannelError."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return url
    raise ChannelError(f"`{url[:100]}` is no address to send secrets to", fix="an https:// address")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=16)
def trusting(ca_file: str = "") -> ssl.SSLContext:
    """TLS 1.2 or later with the system's certificates, and those of a file; made once, for reading them takes
    a while. Raises ChannelError.
    """
    known = ssl.get_default_verify_paths()
    # A system without certificates of its own, such as a bare container, has those that httpx brings.
    own = bool(known.cafile or known.capath)
    context = ssl.create_default_context() if own else httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            message = "the file of certificates cannot be read"
            raise ChannelError(message, where="ca_file", fix="a file of PEM certificates") from error
    return context
