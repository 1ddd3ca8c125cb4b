"""What the webhooks of e-mail providers have in common: our id, times, and who it was that opened or
clicked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..events.times import parse_ms
from .base import ChannelError, UnverifiedError
from .calling import checked_url
from .correlation import effect_of
from .mime import BadAddressError
from .mime import address as mailbox

_PROXIES: Final = ("googleimageproxy", "ggpht.com", "yahoomailproxy", "cloudmark", "barracuda", "proofpoint")
_APPLE_PROXY: Final = "mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself."""


class HttpMailSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every e-mail provider with an HTTP API is told."""

    from_: str = msgspec.field(name="from", default="")
    """Who mails are from where the template does not say: `Name <address>`."""
    timeout_s: float = 15.0
    """How long connecting, and each wait for bytes, may take."""
    concurrency: int = 20
    """Calls at the same time, 1 to 200."""
    ca_file: str = ""
    """Further certificates to trust, a PEM file: for a proxy of your own."""

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= 200 or self.timeout_s <= 0:
            raise ValueError("`concurrency` is 1 to 200, `timeout_s` above 0")
        checked_sender(self.from_)


def checked_sender(text: str) -> None:
    """Raises ValueError for a sender that is not one address: for `__post_init__` of settings. A reference is
    looked at once it was looked up.
    """
    if text and not text.startswith(("env:", "file:")):
        try:
            mailbox(text)
        except BadAddressError:
            raise ValueError("`from` is not one e-mail address; write Name <name@example.com>") from None


def checked(url: str) -> None:
    """Raises ValueError for a base URL that secrets may not be sent to: for `__post_init__` of settings."""
    if url.startswith(("env:", "file:")):
        return
    try:
        checked_url(url)
    except ChannelError as error:
        raise ValueError(error.message) from None


def effect_in(tags: object, name: str) -> str:
    """Our id among a provider's tags: a mapping to a text or a list of them, or a list of name and value."""
    found: object = ""
    if isinstance(tags, Mapping):
        found = tags.get(name)
    elif isinstance(tags, list):
        pairs = (one for one in tags if isinstance(one, Mapping) and one.get("name") == name)
        found = next(pairs, {}).get("value")
    if isinstance(found, list):
        found = found[0] if found else ""
    return effect_of(found) if isinstance(found, str) else ""


def time_ms(value: Any) -> int:
    """A provider's time in ms UTC (ISO 8601, or seconds); 0 when it is none."""
    return parse_ms(value) or 0


def is_proxy(agent: object) -> bool:
    """Whether an opening is a mail system's own: Apple's privacy proxy, image proxies that fetch ahead,
    scanners.
    """
    text = agent.strip().lower() if isinstance(agent, str) else ""
    return text == _APPLE_PROXY or any(one in text for one in _PROXIES)


def decoded(body: bytes, type_: type) -> Any:
    """A verified body as JSON of a type. Raises UnverifiedError: whoever sends what is none is not the
    provider.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnverifiedError("the body is not what this provider sends") from None


def text(value: object) -> str:
    """A text, or an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}
