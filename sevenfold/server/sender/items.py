"""What the sender has to do: one message, one call of a webhook, or one notice to people who act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from ...effects import Effect
from ...limits import SENDER_TTL_MS

Shape = Literal["message", "webhook", "notice"]
Group = tuple[str, bool]
"""A channel, and whether the messages are transactional."""
AD_HOC: Final = ""
"""The channel of a call whose step names a URL and no channel."""


class Item(Struct, kw_only=True):
    """One thing to hand over. `t` is when it was decided and `expires` when it is too late, ms UTC;
    `data` what the fold said.
    """

    effect: str
    shape: Shape
    channel: str
    transactional: bool
    journey: str
    of: str
    subject: str
    t: int
    expires: int
    data: Mapping[str, Any]
    tries: int = 0
    again: bool = False
    """It may have been sent already, and is sent again all the same."""
    only: str | None = None
    """The channel that must carry it: who may have it already takes it once, nobody else knows of it."""
    paced: bool = False
    """It was told that the journey's rate holds it up."""
    state: Literal["line", "ready", "later", "busy"] = "line"
    done_to: set[int] = set()
    """Of a notice the people who have it."""

    @property
    def group(self) -> Group:
        return self.channel, self.transactional

    @property
    def person(self) -> str:
        """The profile it goes to; empty for calls and notices about others."""
        return str(self.data.get("recipient") or (self.subject if self.of == "person" else ""))

    @property
    def line(self) -> tuple[str, bool, str, str]:
        """Things of one line go one after the other."""
        recipient = self.data.get("recipient")
        who = ("person", str(recipient)) if recipient else (self.of, self.subject)
        return self.channel, self.transactional, *who


def of_effect(effect: Effect) -> Item | None:
    """What a `message` or `webhook` effect asks for; None for any other."""
    if effect.kind not in ("message", "webhook"):
        return None
    data = effect.data
    expires = data.get("expires")
    return Item(
        effect=str(data["effect"]),
        shape="message" if effect.kind == "message" else "webhook",
        channel=str(data.get("channel") or AD_HOC),
        transactional=effect.kind == "webhook" or data.get("transactional") is True,
        journey=effect.name,
        of=effect.of,
        subject=effect.subject,
        t=effect.time,
        expires=int(expires) if expires is not None else effect.time + SENDER_TTL_MS,
        data={**data, "journey": effect.name},
    )


def of_owed(told: Mapping[str, Any]) -> Item:
    """What an answer of the question `owed` or `unresolved` asks for."""
    expires, t = told.get("expires"), int(told["t"])
    return Item(
        effect=str(told["effect"]),
        shape=told["owed"],
        channel=str(told.get("channel") or AD_HOC),
        transactional=told["transactional"],
        journey=str(told["journey"]),
        of=str(told["of"]),
        subject=str(told["subject"]),
        t=t,
        expires=int(expires) if expires is not None else t + SENDER_TTL_MS,
        data=told,
        tries=int(told["tries"]),
    )


__all__ = ["AD_HOC", "Group", "Item", "Shape", "of_effect", "of_owed"]
