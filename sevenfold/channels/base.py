"""What every channel is: a way to hand over one message, and a way to hear what became of it.

An adapter knows its provider and nothing else: no log, no fold, no consent. It is given a message that was
decided and rendered, and says in one word what the provider made of it. What a provider tells later comes to
`Inbound`, which verifies it before anything is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from msgspec import Meta, Struct

from ..errors import SevenfoldError
from ..messages.rendered import Rendered

Verdict = Literal["accepted", "permanent", "transient", "throttled", "config_error", "unknown"]
"""What a provider made of a message.

`accepted`: it has it. `permanent`: never for this recipient or content. `transient`: perhaps later.
`throttled`: later, after `retry_after_s`. `config_error`: our account or settings; the channel pauses and no
recipient is to blame. `unknown`: it may have it (the connection ended after the message was handed over).
"""
Scope = Literal["message", "recipient", "account"]
"""What a verdict other than `accepted` is about."""


class ChannelError(SevenfoldError):
    """A channel is set up in a way that cannot work."""

    code = "channel_invalid"


class UnverifiedError(SevenfoldError):
    """Something came in that its sender did not sign, or too long ago."""

    code = "unverified"


class Outgoing(Struct, frozen=True, kw_only=True):
    """One message to one address. `effect` is its id for ever, and the idempotency key where a provider has
    one; `expires` ms UTC; `data` what else the effect said (journey, step, template, category, topic,
    intent).
    """

    effect: str
    channel: str
    address: str | None
    person: str
    content: Rendered
    expires: int | None = None
    transactional: bool = False
    data: Mapping[str, Any] = {}


class Result(Struct, frozen=True, kw_only=True):
    """What the provider made of it. `reason` is a stable word (`bad_address`, `mailbox_full`, `opted_out`,
    `rate`, `auth`, ...), `detail` the provider's own words for people, without personal data.
    `suppress`: the address is to be left alone from now on.
    """

    verdict: Verdict
    provider_id: str = ""
    reason: str = ""
    detail: str = ""
    scope: Scope = "message"
    retry_after_s: float | None = None
    suppress: bool = False


class Adapter(Protocol):
    """One provider with its settings. Calls may run at the same time; `close` comes last."""

    deduplicates: bool
    """Whether the provider takes one key once, so that an unknown outcome can be sent again."""
    concurrency: int
    """How many messages it takes at the same time."""
    rate_per_s: float | None
    """How many a second the provider allows by default; None: as fast as it answers."""

    async def send(self, message: Outgoing) -> Result:
        """Hands the message over. Raises nothing that a provider or a network can cause."""
        ...

    async def check(self) -> Result:
        """Whether settings and credentials work, without reaching anybody. `accepted`, or why not."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class Request(Struct, frozen=True, kw_only=True):
    """What a provider called us with. Header names are lower case; `url` is the public address it called;
    `received` ms UTC.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received: int


class Heard(Struct, frozen=True, kw_only=True):
    """One thing that a provider told: what became of a message, or an event of a person.

    `outcome` is one of `messages.outcomes.OUTCOMES` (or `unsubscribed`, which is an opt-out). The message is
    named by `effect` where the provider gives our id back, else by `provider_id`. `event` is a Segment event
    (`type`, `event`, `userId` or an identifier in `context.traits`, `properties`, `timestamp`) that goes into
    the log as it is. `key` makes a repetition harmless: the provider's own id of this news. `at` ms UTC, 0:
    when received.
    """

    key: str
    outcome: str = ""
    effect: str = ""
    provider_id: str = ""
    address: str = ""
    reason: str = ""
    permanent: bool = False
    machine: bool = False
    at: int = 0
    detail: Mapping[str, Any] = {}
    event: Mapping[str, Any] | None = None
    control: Mapping[str, Any] | None = None
    """A control record that what was pressed stands for (`{op: task, action: close, ...}`)."""


class Reply(Struct, frozen=True, kw_only=True):
    """What to answer a provider with at once (handshakes, TwiML); 200 and nothing by default."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Inbound(Protocol):
    """What a provider tells us, verified."""

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        """What it says. Raises UnverifiedError before looking at anything that was not signed."""
        ...


Settings = Mapping[str, Any]
"""A channel's `settings`, its secrets looked up already."""
Secret = Annotated[str, Meta(extra={"secret": True})]
"""A setting that is a secret. A workspace holds a reference to it (`env:NAME`, `file:PATH`), and `check`
refuses anything else; the adapter is given what the reference leads to.
"""
MakeAdapter = Callable[[Settings], Adapter]
MakeInbound = Callable[[Settings], Inbound]


class Provider(Struct, frozen=True, kw_only=True):
    """What the registry knows of a provider. `types` are the channel types it serves; `settings` a msgspec
    Struct type whose fields (with docstrings) are the settings; `adapter` and `inbound` make the two sides
    from settings that were checked against it. What `__post_init__` of the settings looks at may be a
    reference still (`env:NAME`), which it lets pass.
    """

    name: str
    types: tuple[str, ...]
    settings: type[Struct]
    adapter: Callable[[Any], Adapter] | None = None
    inbound: Callable[[Any], Inbound] | None = None
    summary: str = ""


PROVIDERS: Final[dict[str, Provider]] = {}
"""Providers by name; `registry` imports the files that fill it."""


def provider(found: Provider) -> Provider:
    """Registers a provider."""
    assert found.name not in PROVIDERS, found.name
    PROVIDERS[found.name] = found
    return found
