"""What e-mail providers with an HTTP API have in common when they send: a client, and a first look at each
mail.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from . import mime
from .base import Outgoing, Result
from .calling import Caller
from .mail_events import HttpMailSettings
from .smtp import parts_of

S = TypeVar("S", bound=HttpMailSettings)


class HttpMailAdapter(ABC, Generic[S]):
    """Implements `base.Adapter` but for `check`; a provider writes `_hand_over`."""

    deduplicates = False
    rate_per_s: float | None = None

    def __init__(self, settings: S, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self.concurrency = settings.concurrency
        self._caller = Caller(
            base_url,
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            headers=headers,
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        parts = parts_of(message, self._settings.from_)
        return parts if isinstance(parts, Result) else await self._hand_over(message, parts)

    @abstractmethod
    async def _hand_over(self, message: Outgoing, parts: mime.Mail) -> Result:
        """One mail that can be sent."""

    async def close(self) -> None:
        await self._caller.close()
