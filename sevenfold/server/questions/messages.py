"""Messages: what people said, which addresses are left alone, whose outcome nobody knows, which channels
are on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...messages.consent import STATUSES, allowed
from ...messages.desk import Messages
from ...messages.suppression import normal_address
from ...workspace.base import PERSON
from . import QuestionError, question
from .profiles import row_with_id

if TYPE_CHECKING:
    from ...engine import Fold


def desk_of(fold: Fold) -> Messages | None:
    """The message desk, if the workspace has anything to do with messages."""
    found = fold.journeys.services.get("messages") if fold.journeys is not None else None
    return found if isinstance(found, Messages) else None


@question("consent")
def consent(fold: Fold, id: str) -> dict[str, Any] | None:  # noqa: A002
    """What somebody said for each channel and category, and whether that is a yes; for each channel the
    address that counts, and whether it is left alone. None: ask again.
    """
    row = row_with_id(fold, PERSON, id)
    if row < 0:
        return None
    desk = desk_of(fold)
    if desk is None:
        return {"statuses": [], "channels": []}
    statuses = []
    for channel in desk.channels.all:
        for category in desk.consents.categories:
            purpose = desk.consents.purpose(category or None, channel)
            status = desk.consents.status(row, purpose.pair)
            statuses.append(
                {
                    "channel": channel.name,
                    "category": category or None,
                    "status": STATUSES[status] or None,
                    "allowed": allowed(status, purpose),
                    "required": purpose.required,
                }
            )
    channels = [
        {
            "channel": channel.name,
            "kind": channel.kind,
            "address": next(iter(addresses), None),
            "needs": channel.address,
            "suppressed": next(
                (reason for one in addresses if (reason := desk.suppressions.reason(channel, one))), None
            ),
            "on": channel.name not in desk.channels.off,
        }
        for channel in desk.channels.all
        for addresses in [desk.addresses(row, channel)]
    ]
    return {"statuses": statuses, "channels": channels}


@question("suppressed")
def suppressed(fold: Fold, address: str, channel: str | None = None) -> list[dict[str, Any]]:
    """Why an address is left alone, by channel: `[{channel, reason}]`; empty when it is not."""
    desk = desk_of(fold)
    if desk is None:
        return []
    found = []
    for one in desk.channels.meant(channel):
        if one.address is None:
            continue
        normal = normal_address(one, address, fold.identity.model.default_region)
        reason = desk.suppressions.reason(one, normal)
        if reason is not None:
            found.append({"channel": one.name, "reason": reason})
    return found


@question("channels")
def channels(fold: Fold) -> list[dict[str, Any]]:
    """Every channel: kind, provider, whether it is on, and how many addresses are left alone on it."""
    desk = desk_of(fold)
    if desk is None:
        return []
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "provider": one.model.provider,
            "fallback": one.model.fallback,
            "on": one.name not in desk.channels.off,
            "suppressed": len(desk.suppressions._lists.get(one.name, ())),
        }
        for one in desk.channels.all
    ]


@question("unknown_outcome")
def unknown_outcome(fold: Fold, effect: str) -> dict[str, Any]:
    """Whether a message is on its way, and what was told of it so far. Raises QuestionError."""
    desk = desk_of(fold)
    owed = desk.book.get(effect) if desk is not None else None
    if owed is None:
        raise QuestionError(f"there is no message `{effect[:64]}` on its way", where="effect")
    return {
        "effect": effect,
        "settled": owed.settled,
        "claimed": owed.was("claimed"),
        "unknown": owed.was("unknown"),
    }
