"""A receiver of webhooks that keeps to Standard Webhooks: verified by the reference library, each id once."""

from __future__ import annotations

from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.edges.channels.peers.http import Answered, Asked, HttpPeer


class Receiver(HttpPeer):
    """Takes calls signed with its secret."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret
        self.taken: dict[str, Any] = {}

    def accept(self, asked: Asked) -> Answered:
        if len(asked.body) > 20 * 1024:
            return self.refuse("too large", Answered(413))
        try:
            told = Webhook(self._secret).verify(asked.body, asked.headers)
        except WebhookVerificationError as error:
            return Answered(401, f"{error}")
        self.taken.setdefault(asked.headers["webhook-id"], told)
        return Answered(204)
