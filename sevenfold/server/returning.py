"""What everything that comes back shares: made once for a service, by whichever part asks first."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from .inbound import Inbox
from .inbound_store import InboundStore
from .live import Live
from .services import Services
from .tokens import Tokens

_made: WeakKeyDictionary[Live, Returning] = WeakKeyDictionary()


class Returning:
    """The inbox, what it remembers, and the tokens of addresses that lead back."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.tokens = Tokens(services.secrets.key("tokens"))
        self.store = InboundStore(services.settings.data_folder)
        self.inbox = Inbox(services.live, services.history, self.store, services.clock)

    @property
    def base(self) -> str:
        """The public address of the service, without a slash at its end; "" when it has none."""
        return self.services.settings.public_url.rstrip("/")

    @staticmethod
    def counts(live: Live) -> Mapping[str, int]:
        """What came back to a running service so far, by kind; nothing before the first."""
        found = _made.get(live)
        return {} if found is None else found.inbox.counts

    @classmethod
    def of(cls, services: Services) -> Returning:
        """That of a running service."""
        found = _made.get(services.live)
        if found is None:
            found = _made[services.live] = cls(services)
        return found
