"""What is said of a mail server that takes our mails."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from ..clock import Clock
from .base import Secret
from .calling import is_loopback
from .mail_events import checked_sender
from .oauth import AccessTokens


class SmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server that takes our mails."""

    host: str
    port: int = 0
    """0: 587 with STARTTLS, 465 with TLS, 25 without."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` is required, not tried; `none` is for a server on this machine."""
    allow_plain: bool = False
    """Whether `security: none` may leave this machine, as in a network of your own."""
    ca_file: str = ""
    """Further certificates to trust, a PEM file."""
    username: str = ""
    password: Secret = ""
    oauth_url: str = ""
    """Instead of a password: where access tokens come from, such as `https://oauth2.googleapis.com/token` or
    `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`. The server is then logged in to by XOAUTH2.
    """
    oauth_client_id: str = ""
    oauth_client_secret: Secret = ""
    oauth_refresh_token: Secret = ""
    """Of the account that sends; without one the client asks for itself (client credentials)."""
    oauth_scope: str = ""
    """Such as `https://outlook.office365.com/.default`."""
    from_: str = msgspec.field(name="from", default="")
    """Who mails are from where the template does not say: `Name <address>`."""
    hello: str = ""
    """Our own name, for EHLO; not given, the domain mails come from."""
    connections: int = 5
    """Connections at the same time, 1 to 100."""
    messages_per_connection: int = 100
    idle_s: float = 20.0
    """How long an unused connection is kept."""
    timeout_s: float = 30.0
    """How long each answer may take."""
    accept_timeout_s: float = 300.0
    """How long the server may take to accept a mail once it has it (RFC 5321, 4.5.3.2.6, has ten minutes)."""
    bounce_address: str = ""
    """Where undeliverable mails come back to: `bounces@bounce.example.com`. Every mail gets an address of its
    own, `bounces+TOKEN@...`."""
    bounce_secret: Secret = ""
    """Signs those tokens."""
    inbound_password: Secret = ""
    """What the mail server shows to hand a returned mail over (user `bounces`)."""
    dkim_domain: str = ""
    dkim_selector: str = ""
    dkim_key: Secret = ""
    """PEM, RSA of 2,048 bits or Ed25519."""
    dkim_second_selector: str = ""
    dkim_second_key: Secret = ""
    """A second key of another kind: not every receiver knows Ed25519 yet."""

    def __post_init__(self) -> None:
        checked_sender(self.from_)
        named_elsewhere = self.host.startswith(("env:", "file:"))
        if self.security == "none" and not (self.allow_plain or named_elsewhere or is_loopback(self.host)):
            raise ValueError(
                "`security: none` shows everything on the way; say `allow_plain: true` if it must be"
            )
        if not 0 <= self.port <= 65_535 or not 1 <= self.connections <= 100:
            raise ValueError("`port` is 0 to 65535, `connections` 1 to 100")
        if self.messages_per_connection < 1 or min(self.timeout_s, self.accept_timeout_s) <= 0:
            raise ValueError("`messages_per_connection` and the time-outs are above 0")
        if bool(self.username) != bool(self.password or self.oauth_url):
            raise ValueError("`username` and `password` (or `oauth_url`) belong together")
        if bool(self.oauth_url) != bool(self.oauth_client_id) or (self.oauth_url and self.password):
            raise ValueError("`oauth_url` and `oauth_client_id` belong together, without a `password`")
        if bool(self.bounce_address) != bool(self.bounce_secret):
            raise ValueError("`bounce_address` and `bounce_secret` belong together")
        if len({bool(self.dkim_domain), bool(self.dkim_selector), bool(self.dkim_key)}) > 1:
            raise ValueError("`dkim_domain`, `dkim_selector` and `dkim_key` belong together")
        if bool(self.dkim_second_selector) != bool(self.dkim_second_key):
            raise ValueError("`dkim_second_selector` and `dkim_second_key` belong together")

    def tokens(self, clock: Clock) -> AccessTokens | None:
        """Where access tokens come from; None where a password is enough. Raises ChannelError."""
        if not self.oauth_url:
            return None
        form = {"client_id": self.oauth_client_id, "client_secret": self.oauth_client_secret}
        form |= {"scope": self.oauth_scope} if self.oauth_scope else {}
        if self.oauth_refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self.oauth_refresh_token}
        else:
            form |= {"grant_type": "client_credentials"}
        private = (self.oauth_client_id, self.oauth_client_secret, self.oauth_refresh_token)
        return AccessTokens(
            self.oauth_url,
            lambda _: form,
            timeout_s=self.timeout_s,
            ca_file=self.ca_file,
            private=tuple(one for one in private if one),
            clock=clock,
        )
