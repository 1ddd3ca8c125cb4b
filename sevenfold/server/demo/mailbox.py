"""A mail catcher: a real SMTP server on loopback that keeps what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

Arrived = Callable[[str, EmailMessage], None]
"""Told of each mail: (to whom, the mail)."""


class Mailbox:
    """Takes every mail on `port`."""

    def __init__(self, arrived: Arrived) -> None:
        self._arrived = arrived
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listens on a free port of loopback."""
        loop = asyncio.get_running_loop()
        # Its own name is given, for it would ask the network for one.
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mailbox.invalid", loop=loop), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        if isinstance(mail, EmailMessage):
            for address in envelope.rcpt_tos:
                self._arrived(str(address), mail)
        return "250 kept"

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
