"""What a person may choose, what they chose, and the consent records that follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from ...messages.channels import ADDRESSES
from ...workspace.models import Workspace
from ..live import Live, UnavailableError
from ..questions import QuestionError
from ..tokens import About
from .wording import Words

SHOWN: Final = ("email", "sms", "whatsapp", "web_push", "app_push", "in_app", "popup")
"""Kinds of channel that people choose about; others reach the company's own people, or advertising."""
PAUSED_UNTIL: Final = "paused_until"
"""The trait that a pause sets, where the workspace declares it as a date."""
PAUSE_MS: Final = 30 * 86_400_000
_LOOKS_MAX: Final = 500


class Choice(Struct, frozen=True):
    """One box: a category on a channel. `value` is what the form sends."""

    value: str
    label: str
    on: bool


class Group(Struct, frozen=True):
    """The boxes of one category."""

    title: str
    description: str
    required: bool
    choices: list[Choice]


class Known(Struct, frozen=True, kw_only=True):
    """Whom a page is about: identifiers, traits, and what the fold says of their consent."""

    person: dict[str, str]
    identifiers: Mapping[str, Sequence[str]]
    traits: Mapping[str, Any]
    consent: Mapping[str, Any]


async def asked(live: Live, question: str, **arguments: Any) -> Any:
    """An answer of a question that may have to be asked again. Raises QuestionError, UnavailableError."""
    for _ in range(_LOOKS_MAX):
        found = await live.ask(question, **arguments)
        if found is not None:
            return found
    raise UnavailableError("the answer takes too long", fix="try again in a moment")


async def known(live: Live, about: About) -> Known | None:
    """Whom a token is about; None for somebody who is not there any more."""
    try:
        profile = await asked(live, "profile", of="person", id=about.person)
        consent = await asked(live, "consent", id=about.person)
    except QuestionError:
        return None
    identifiers = profile["identifiers"]
    person = identified(live.workspace, identifiers)
    if person is None:
        return None
    return Known(person=person, identifiers=identifiers, traits=profile["traits"], consent=consent)


def identified(workspace: Workspace, identifiers: Mapping[str, Sequence[str]]) -> dict[str, str] | None:
    """The strongest identifier of a person, as control records name people."""
    order = [*workspace.identity.order, *identifiers]
    return next(({kind: identifiers[kind][0]} for kind in order if identifiers.get(kind)), None)


def groups(workspace: Workspace, who: Known, words: Words) -> list[Group]:
    """The boxes of a page: categories in written order, each on the channels by which the person can be
    reached.
    """
    reachable = [
        one
        for one in who.consent["channels"]
        if one["kind"] in SHOWN and (one["needs"] is None or one["address"])
    ]
    said = {(one["channel"], one["category"] or ""): one for one in who.consent["statuses"]}
    found = []
    for category in list(workspace.consent.categories) or [""]:
        boxes = []
        for channel in reachable:
            status = said.get((channel["channel"], category))
            if status is not None:
                label = words.channel(channel["channel"], channel["kind"])
                value = f"{channel['channel']}\n{category}"
                boxes.append(Choice(_value(value), label, bool(status["allowed"])))
        title, description = words.category(category)
        model = workspace.consent.categories.get(category)
        if boxes:
            required = model is not None and model.required
            found.append(Group(title or words("preferences"), description, required, boxes))
    return found


def _value(pair: str) -> str:
    return pair.encode().hex()


def changes(
    workspace: Workspace,
    who: Known,
    words: Words,
    shown: Collection[str],
    wanted: Collection[str],
    about: About,
) -> list[dict[str, Any]]:
    """The consent records that lead from what is to what was chosen. Only boxes that were on the page count,
    so that a category that came into being since is not refused by mistake. Who opts in through a message
    that reached them has confirmed the address of that channel; for a channel that wants confirmation and is
    another one, it is pending.
    """
    records = []
    kinds = {one["channel"]: one["kind"] for one in who.consent["channels"]}
    for group in groups(workspace, who, words):
        for choice in group.choices:
            on = choice.value in wanted
            if group.required or choice.value not in shown or on == choice.on:
                continue
            channel, _, category = bytes.fromhex(choice.value).decode().partition("\n")
            model = workspace.consent.categories.get(category)
            status = "in" if on else "out"
            if on and model is not None and model.double:
                status = "confirmed" if kinds.get(channel) == kinds.get(about.channel) else "pending"
            records.append(consent(who.person, status, channel, category))
    return records


def consent(
    person: Mapping[str, str],
    status: str,
    channel: str | None,
    category: str | None,
    source: str = "preference page",
) -> dict[str, Any]:
    """A consent record."""
    record: dict[str, Any] = {"op": "consent", "person": dict(person), "status": status, "source": source}
    if channel is not None:
        record["channel"] = channel
    if category is not None:
        record["category"] = category
    return record


def unsubscribed(workspace: Workspace, person: Mapping[str, str], about: About) -> dict[str, Any]:
    """What one click on a message's unsubscribe link means: out of its category on its channel. A message
    without a category, or of one that cannot be refused, means all that can be on that channel.
    """
    channel = about.channel if about.channel in workspace.channels else None
    model = workspace.consent.categories.get(about.category)
    category = about.category if model is not None and not model.required else None
    return consent(person, "out", channel, category, "one click")


def address_of(workspace: Workspace, channel: str, who: Known) -> str:
    """The address to show: of the channel that the link came by."""
    model = workspace.channels.get(channel)
    kind = (model.address or ADDRESSES.get(model.type)) if model is not None else "email"
    values = who.identifiers.get(kind or "") or ()
    return masked(values[-1]) if values and kind in ("email", "phone") else ""


def masked(address: str) -> str:
    """An address as it may be shown to whoever holds the link: `a…e@example.org`, `…6789`."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{domain}"
    return f"…{address[-4:]}"
