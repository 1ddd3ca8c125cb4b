"""Calls to addresses that somebody else chose: a webhook's, a browser's push service.

As `calling.Caller`, with which they share what each way to fail says of a message, but through `outside`:
only public addresses (or those that the operator allowed), http as well as https, answers as they come. What
an address leads to is no fault of the account: the verdict for a refused one is about the message alone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx

from ..limits import CHANNEL_ANSWER_BYTES_MAX
from .base import ChannelError, Result
from .calling import Answer, unanswered, unreachable
from .outside import Outside, RefusedAddressError, guarded_client

URL_REFUSED: Final = "address_refused"
"""The reason of a verdict: the URL leads where nothing may be sent."""
_WHOLE_CALL: Final = 2
"""A whole call may take so many times its time-out, however slowly bytes come."""


class OutsideCaller:
    """An HTTP client for addresses that are not ours to trust. `timeout_s` bounds connecting and each wait
    for bytes, twice that the whole call.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        concurrency: int,
        ca_file: str = "",
        outside: Outside | None = None,
    ) -> None:
        self._total_s = _WHOLE_CALL * timeout_s
        self._client = guarded_client(
            outside, ca_file=ca_file or None, connections=concurrency, timeout_s=timeout_s
        )

    async def call(
        self, method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer | Result:
        """The answer, or the verdict when there is none. Every status is an answer, redirects too."""
        reached: list[str] = []

        async def trace(name: str, info: object) -> None:
            if name.endswith("send_request_headers.started"):
                reached.append(name)

        try:
            web_url(url)
            async with (
                asyncio.timeout(self._total_s),
                self._client.stream(
                    method, url, content=content, headers=dict(headers or {}), extensions={"trace": trace}
                ) as answer,
            ):
                body = b""
                # As it came: what was compressed against our asking may be a bomb.
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) >= CHANNEL_ANSWER_BYTES_MAX:
                        break
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(status=answer.status_code, headers=found, body=body)
        except RefusedAddressError:
            return refused()
        except (ChannelError, httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            return refused("the URL cannot be used")
        except (httpx.HTTPError, ssl.SSLError, TimeoutError) as error:
            detail = type(error).__name__
            return unanswered(detail) if reached else unreachable(detail)

    async def close(self) -> None:
        await self._client.aclose()


def refused(detail: str = "the address is not a public one") -> Result:
    """The verdict for a URL that nothing may be sent to."""
    return Result(verdict="permanent", reason=URL_REFUSED, detail=detail)


def web_url(url: str, field: str = "url") -> str:
    """A URL of the web that names a host and no user. Raises ChannelError, without showing the URL: it may
    hold a secret.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
        fine = fine and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ChannelError("this is no web address", where=field, fix="it begins with https://")
    return url
