"""Messages with everything that became of them, broadcasts, channels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ..history import STATUSES, Message, Page
from ..questions import QuestionError
from .base import PAGE, Asked, Done, Limit, Newer, Older, done
from .segments import Name

Effect = Annotated[str, Parameter(min_length=1, max_length=64, description="The message's id.")]


class Unresolved(Struct, kw_only=True):
    """A message that was claimed, and of which nobody knows what became. `state`: `claimed` (perhaps it
    is being sent just now) or `unknown`.
    """

    effect: str
    state: str
    journey: str | None
    step: str | None
    template: str | None
    channel: str | None
    recipient: str | None
    run: str | None


class UnresolvedPage(Struct, kw_only=True):
    """A page of them, in the order of decision. `next` goes into `after`."""

    items: list[Unresolved]
    next: str | None = None


class Resolve(Struct, kw_only=True, forbid_unknown_fields=True):
    """What became of the message after all: it went out (`sent`), arrived (`delivered`), or did not
    (`failed`).
    """

    outcome: Literal["sent", "delivered", "bounced", "failed"]
    note: Annotated[str, Meta(max_length=500)] = ""


class Variant(Struct, kw_only=True):
    """A variant of a broadcast."""

    template: str
    sent: int
    won: int


class Audience(Struct, kw_only=True):
    """Whom a broadcast concerns now: all, those of the test, and how many draw each variant."""

    size: int
    test: int
    variants: dict[str, int]


class BroadcastShown(Struct, kw_only=True, omit_defaults=True):
    """A broadcast: `planned` and `at` are ms UTC; `acknowledged` is the size its author agreed to."""

    name: str
    state: str
    planned: int | None
    at: int | None
    acknowledged: int | None
    size: int | None
    variants: list[Variant]
    audience: Audience | None = None


class BroadcastChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """`acknowledge` says that its size was seen (`size`); `winner` ends the test by hand (`variant`)."""

    action: Literal["acknowledge", "pause", "resume", "cancel", "winner"]
    size: Annotated[int, Meta(ge=0, le=2**40)] | UnsetType = UNSET
    variant: str | UnsetType = UNSET


class ChannelShown(Struct, kw_only=True):
    """A channel; `suppressed` addresses are left alone on it."""

    name: str
    kind: str
    provider: str | None
    fallback: str | None
    on: bool
    suppressed: int


class Switch(Struct, kw_only=True, forbid_unknown_fields=True):
    """On or off. Messages on their way go on; new ones are held while it is off. `resume`: a channel that is
    on and was paused, or halted because too much came back, goes on.
    """

    on: bool
    resume: bool = False


Status = Annotated[str | None, Parameter(description=f"One of {', '.join(STATUSES)}.")]


@get("/messages", scope="read", tags=["messages"], operation_id="list_messages")
async def list_messages(
    caller: Asked,
    person: Annotated[str | None, Parameter(description="For this person (id).")] = None,
    journey: Annotated[str | None, Parameter(description="Of this journey.")] = None,
    template: Annotated[str | None, Parameter(description="With this template.")] = None,
    channel: Annotated[str | None, Parameter(description="On this channel.")] = None,
    run: Annotated[str | None, Parameter(description="Of this run (id).")] = None,
    status: Status = None,
    reason: Annotated[str | None, Parameter(description="Held for this reason.")] = None,
    before: Older = None,
    after: Newer = None,
    limit: Limit = PAGE,
) -> Page[Message]:
    """Decisions about messages that fit all that is given, held ones included; newest first unless
    `after` is given.
    """
    found: Page[Message] = caller.history.messages(
        person=person,
        journey=journey,
        template=template,
        channel=channel,
        run=run,
        status=status,
        reason=reason,
        before=before,
        after=after,
        limit=limit,
    )
    return found


@get("/messages/unresolved", scope="read", tags=["messages"], operation_id="list_unresolved_messages")
async def list_unresolved(
    caller: Asked,
    limit: Limit = PAGE,
    after: Annotated[str | None, Parameter(max_length=64, description="`next` of the page before.")] = None,
) -> UnresolvedPage:
    """Messages whose sending was begun, and nobody knows whether it succeeded."""
    found = await caller.ask("unresolved", limit=limit, after=after)
    names = Unresolved.__struct_fields__
    items = [Unresolved(**{name: one.get(name) for name in names}) for one in found["items"]]
    return UnresolvedPage(items=items, next=found["next"])


@get("/messages/{effect:str}", scope="read", tags=["messages"], operation_id="get_message")
async def get_message(caller: Asked, effect: Effect) -> Message:
    """One message with every outcome, in the order of the log."""
    found: Message | None = caller.history.message(effect)
    if found is None:
        raise QuestionError("there is no message with this id", where="effect")
    return found


@post(
    "/messages/{effect:str}/resolve",
    scope="write",
    once=True,
    status_code=200,
    tags=["messages"],
    operation_id="resolve_message",
)
async def resolve_message(caller: Asked, effect: Effect, data: JSONBody[Resolve]) -> Done:
    """Says what became of a message whose outcome is unknown."""
    await caller.ask("unknown_outcome", effect=effect)
    record: dict[str, Any] = {"op": "outcome", "effect": effect, "outcome": data.outcome, "by": caller.by}
    if data.outcome in ("bounced", "failed"):
        record["reason"] = "resolved"
    return done(await caller.tell("message.resolve", effect, record, outcome=data.outcome, note=data.note))


@get("/broadcasts", scope="read", tags=["broadcasts"], operation_id="list_broadcasts")
async def list_broadcasts(caller: Asked) -> list[BroadcastShown]:
    """Every broadcast with its state, in written order."""
    return msgspec.convert(await caller.ask("broadcasts"), list[BroadcastShown])


@get("/broadcasts/{name:str}", scope="read", tags=["broadcasts"], operation_id="get_broadcast")
async def get_broadcast(caller: Asked, name: Name) -> BroadcastShown:
    """One broadcast, and whom it concerns now: what its author acknowledges."""
    (found,) = await caller.ask("broadcasts", name=name)
    return msgspec.convert(found, BroadcastShown)


@post(
    "/broadcasts/{name:str}",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["broadcasts"],
    operation_id="change_broadcast",
)
async def change_broadcast(caller: Asked, name: Name, data: JSONBody[BroadcastChange]) -> Done:
    """Acknowledges, pauses, resumes or cancels a broadcast, or says which variant won. What comes too
    late changes nothing and has the effect `broadcast_refused`.
    """
    record: dict[str, Any] = {"op": "broadcast", "name": name}
    if data.action == "acknowledge":
        record["acknowledged"] = None if data.size is UNSET else data.size
        record["action"] = "acknowledge"
    else:
        record["action"] = data.action
    if data.variant is not UNSET:
        record["variant"] = data.variant
    return done(await caller.tell(f"broadcast.{data.action}", name, record))


@get("/channels", scope="read", tags=["channels"], operation_id="list_channels")
async def list_channels(caller: Asked) -> list[ChannelShown]:
    """Every channel of the workspace."""
    return msgspec.convert(await caller.ask("channels"), list[ChannelShown])


@post(
    "/channels/{name:str}",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["channels"],
    operation_id="switch_channel",
)
async def switch_channel(caller: Asked, name: Name, data: JSONBody[Switch]) -> Done:
    """Switches a channel on or off."""
    known = {one["name"] for one in await caller.ask("channels")}
    if name not in known:
        raise QuestionError(
            f"there is no channel `{name}`", where="name", fix=f"one of {', '.join(sorted(known))}"
        )
    record = {"op": "channel", "name": name, "on": data.on, **({"resume": True} if data.resume else {})}
    return done(await caller.tell("channel.switch", name, record, on=data.on))


HANDLERS = [
    list_messages,
    list_unresolved,
    get_message,
    resolve_message,
    list_broadcasts,
    get_broadcast,
    change_broadcast,
    list_channels,
    switch_channel,
]
