"""Delivery channels, compiled: what kind each is, which address it needs, and who can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .policy import DeliveryChannel

Holds = Callable[[int], bool]
"""Whether a condition is true for the person of a row."""
ADDRESSES: Final[Mapping[str, str | None]] = {
    "email": "email",
    "sms": "phone",
    "whatsapp": "phone",
    "web_push": "device",
    "app_push": "device",
}
"""The identifier that each kind of channel needs, where its author does not say. Others need none."""
LEASED: Final = frozenset({"in_app", "popup"})
"""Kinds whose messages wait in the product to be shown, and can be taken back until they are."""
PURPOSES: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"transactional", "information", "newsletter", "billing", "nurture"}),
    "sms": frozenset({"reengagement", "re-engagement", "winback", "win-back", "urgent", "time-sensitive"}),
    "whatsapp": frozenset(),
    "app_push": frozenset({"loyalty", "milestone", "update", "updates"}),
    "web_push": frozenset({"loyalty", "milestone", "update", "updates"}),
    "in_app": frozenset({"onboarding", "adoption", "activation", "feature"}),
}
"""Categories and intents that each kind of channel is for, where its author does not say."""


class Channel:
    """One channel. `index` is its place among all; `kind` says which adapter sends."""

    __slots__ = ("address", "index", "kind", "leased", "model", "name", "purposes", "reachable", "trait")

    def __init__(self, name: str, model: DeliveryChannel, index: int) -> None:
        self.name, self.model, self.index = name, model, index
        self.kind = model.type
        self.address = model.address if model.address is not None else ADDRESSES.get(model.type)
        self.leased = model.type in LEASED
        self.purposes = frozenset(model.purposes) or PURPOSES.get(model.type, frozenset())
        self.trait: tuple[str, ...] = ()
        """Where the address is among the traits, if it is there."""
        self.reachable: Holds | None = None
        """Set once conditions have functions."""

    def __repr__(self) -> str:
        return f"Channel({self.name!r})"


class Channels:
    """The workspace's channels in written order, then the kinds that templates name without one."""

    def __init__(self, declared: Mapping[str, DeliveryChannel], kinds: Iterable[str]) -> None:
        models = dict(declared)
        types = {model.type for model in declared.values()}
        for kind in kinds:
            if kind not in models and kind not in types:
                models[kind] = DeliveryChannel(type=kind)
        self.all = [Channel(name, model, index) for index, (name, model) in enumerate(models.items())]
        self.named = {channel.name: channel for channel in self.all}
        self.off: set[str] = set()
        """Names of the channels that are switched off."""

    def of_template(self, channel: str) -> Channel:
        """The channel that a template's `channel` names: by its name, else the first of that kind."""
        found = self.named.get(channel)
        return found or next(one for one in self.all if one.kind == channel)

    def meant(self, name: str | None) -> list[Channel]:
        """The channels that a name (of a channel or a kind) means; all for None, none for a stranger."""
        return [one for one in self.all if name is None or name in (one.name, one.kind)]
