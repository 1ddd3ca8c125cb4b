"""What is owed: which messages a sender may take now, and which were claimed and nobody told what became of
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from ...limits import OWED_ANSWER_ITEMS_MAX
from ...messages.desk import Messages
from ...messages.outcomes import Owed
from ...messages.waiting import Waiting
from . import QuestionError, question

if TYPE_CHECKING:
    from ...engine import Fold


@question("owed_groups")
def owed_groups(fold: Fold) -> list[dict[str, Any]]:
    """Every channel that messages are owed on, transactional ones apart: `{channel, transactional,
    unclaimed, heads}`, where `heads` has by journey how many could be sent now.
    """
    desk = _desk(fold)
    if desk is None:
        return []
    found = []
    for (channel, transactional), counts in _waiting(desk).groups().items():
        unclaimed = counts.pop("")
        told = {"channel": channel, "transactional": transactional, "unclaimed": unclaimed, "heads": counts}
        found.append(told)
    return found


@question("owed")
def owed(
    fold: Fold, *, channel: str, transactional: bool, held: list[str], each: int, limit: int
) -> dict[str, Any]:
    """Messages of one channel that nobody has claimed, without the `held`, which the sender has.

    With no more than `limit` in all: `all` is true and they are given in the order of decision for each
    subject. Else only those that could be sent now, at most `limit`, of each journey as many as make
    `each` with the held.
    """
    desk = _desk(fold)
    if desk is None:
        return {"all": True, "messages": []}
    limit = min(limit, OWED_ANSWER_ITEMS_MAX)
    waiting, group, known = _waiting(desk), (channel, transactional), frozenset(held)
    if waiting.count(group) <= limit + len(known):
        new = [one for one in waiting.all_of(group) if one.effect not in known]
        if len(new) <= limit:
            return {"all": True, "messages": [_told(fold, desk, one) for one in new]}
    heads = waiting.heads(group, known, each, limit)
    return {"all": False, "messages": [_told(fold, desk, one) for one in heads]}


@question("unresolved")
def unresolved(fold: Fold, *, after: str | None = None, limit: int = 100) -> dict[str, Any]:
    """Messages that were claimed and of which nobody has told what became, each with its `state`:
    `claimed`, or `unknown` once that was told. Those after the effect id `after`; `next` is where to go
    on, None at the end.
    """
    desk = _desk(fold)
    if desk is None:
        return {"items": [], "next": None}
    limit = min(limit, OWED_ANSWER_ITEMS_MAX)
    found = list(_after(_waiting(desk).unresolved, after, limit + 1))
    items = [{**_told(fold, desk, one), "state": state_of(one)} for one in found[:limit]]
    return {"items": items, "next": items[-1]["effect"] if len(found) > limit else None}


@question("leases")
def leases(fold: Fold, *, after: str | None = None, limit: int = OWED_ANSWER_ITEMS_MAX) -> dict[str, Any]:
    """What waits in the product to be shown: `items` of [effect id, until when (ms UTC)], those after the
    effect id `after`; `next` is where to go on, None at the end.
    """
    desk = _desk(fold)
    if desk is None:
        return {"items": [], "next": None}
    limit = min(limit, OWED_ANSWER_ITEMS_MAX)
    found = list(_after(_waiting(desk).shown, after, limit + 1))
    items = []
    for one in found[:limit]:
        data = msgspec.msgpack.decode(one.data)
        items.append([one.effect, data.get("shown_until") or data["expires"]])
    return {"items": items, "next": items[-1][0] if len(found) > limit else None}


@question("owed_states")
def owed_states(fold: Fold, *, effects: list[str]) -> dict[str, str]:
    """By effect id: `waiting`, `claimed`, `unknown`, or `over` (an outcome ended it, or nobody remembers
    it).
    """
    if len(effects) > OWED_ANSWER_ITEMS_MAX:
        raise QuestionError("too many at a time", fix=f"at most {OWED_ANSWER_ITEMS_MAX}")
    desk = _desk(fold)
    book = desk.book if desk is not None else None
    found = {effect: book.get(effect) if book is not None else None for effect in effects}
    return {effect: "over" if one is None else state_of(one) for effect, one in found.items()}


def state_of(one: Owed) -> str:
    """`waiting`, `claimed`, `unknown` or `over`."""
    if one.settled or (one.leased and one.was("sent")):
        return "over"
    if one.was("unknown"):
        return "unknown"
    return "claimed" if one.was("claimed") else "waiting"


def _after(listed: dict[str, Owed], after: str | None, limit: int) -> Iterator[Owed]:
    """From the one behind `after` on; from the start when it is there no more, for nothing may be left
    out.
    """
    skipping = after is not None and after in listed
    for effect, one in listed.items():
        if limit <= 0:
            return
        if not skipping:
            limit -= 1
            yield one
        elif effect == after:
            skipping = False


def _told(fold: Fold, desk: Messages, one: Owed) -> dict[str, Any]:
    """What a sender needs of a message, a call or a notice."""
    kind, unit = desk.kinds.all[one.code], fold.compiled[one.unit]
    row = one.row if one.unit else desk.forwarded(one.row)
    data: dict[str, Any] = msgspec.msgpack.decode(one.data)
    shape = "message" if kind.template else "notice" if "to" in data else "webhook"
    subject = fold.id_of(unit, row) if row else ""
    about = {
        "owed": shape,
        "of": unit.kind,
        "subject": subject,
        "t": one.t,
        "tries": one.tries,
        "run": one.run,
        "via": one.via,
    }
    return {
        **data,
        **about,
        "transactional": kind.transactional,
        "journey": data.get("journey", kind.journey),
    }


def _waiting(desk: Messages) -> Waiting:
    return desk.book.waiting(desk.kinds.all)


def _desk(fold: Fold) -> Messages | None:
    found = fold.journeys.services.get("messages") if fold.journeys is not None else None
    return found if isinstance(found, Messages) else None
