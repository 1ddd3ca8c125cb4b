"""Access tokens by OAuth 2.0 (RFC 6749): fetched when one is needed, kept until shortly before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from ..clock import Clock, SystemClock
from .base import Result
from .calling import Caller, by_status, said

_EARLY_S: Final = 300
"""A token is fetched anew when it has less than this left."""
Form = Callable[[int], Mapping[str, str]]
"""What is posted for a token, at a time in seconds."""


class AccessTokens:
    """Gives tokens of one account. One that is asked for by many at the same time is fetched once. `private`
    is in no detail of a failure.
    """

    def __init__(
        self,
        url: str,
        form: Form,
        *,
        timeout_s: float,
        ca_file: str = "",
        private: tuple[str, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        """Raises ChannelError for a URL that would show secrets on the way."""
        self._form, self._private = form, private
        self._clock = clock or SystemClock()
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._caller = Caller(
            f"{parts.scheme}://{parts.netloc}", timeout_s=timeout_s, concurrency=2, ca_file=ca_file
        )
        self._lock = asyncio.Lock()
        self._token, self._until = "", 0

    async def token(self) -> str | Result:
        """A token, or why there is none: never that a message may have gone out."""
        async with self._lock:
            if self._clock.now() // 1000 >= self._until - _EARLY_S:
                found = await self._fetch()
                if found is not None:
                    return found
            return self._token

    async def authorization(self) -> dict[str, str] | Result:
        """The same as a header `Authorization`."""
        found = await self.token()
        return found if isinstance(found, Result) else {"Authorization": f"Bearer {found}"}

    def forget(self) -> None:
        """The token was refused: the next call fetches another."""
        self._until = 0

    async def _fetch(self) -> Result | None:
        seconds = self._clock.now() // 1000
        form = urlencode(self._form(seconds)).encode()
        answer = await self._caller.call(
            "POST", self._path, form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        if isinstance(answer, Result):
            # Without a token nothing was sent, whatever became of this call.
            return msgspec.structs.replace(answer, verdict="transient", reason="unreachable", scope="account")
        told: dict[str, Any] = answer.object()
        if not answer.ok:
            words = said(f"{answer.status} {told.get('error') or ''}", *self._private)
            if answer.status == 400:
                return Result(verdict="config_error", reason="auth", detail=words, scope="account")
            found = by_status(answer, words)
            return (
                msgspec.structs.replace(found, verdict="transient") if found.verdict == "unknown" else found
            )
        token, lives = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not isinstance(lives, int | float):
            return Result(
                verdict="transient", reason="unreadable_answer", detail="no access token", scope="account"
            )
        self._token, self._until = token, seconds + int(lives)
        return None

    async def close(self) -> None:
        await self._caller.close()
