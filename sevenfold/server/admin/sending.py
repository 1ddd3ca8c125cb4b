"""`POST /v1/send`: a transactional message, now."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from litestar import post
from litestar.params import HeaderParameter, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import API_ONCE_KEY_CHARS_MAX
from ...messages.transactional import effect_of
from ..errors import InvalidError
from .base import Asked, Person
from .journeys import Duration

_KINDS = {"message": "message", "held": "held", "send_repeated": "repeated"}


class Send(Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to one person, who is created when nobody has heard of them. `key` (or the header
    `Idempotency-Key`) names it: repeating the request sends nothing, for as long as the history is kept
    (`history_days`), and while the history is made again for 30 days. One that was held may be asked for
    again. `data` are the template's `event.` values; `ttl` is how long it is worth sending (`24h` when not
    given, at most `7d`).
    """

    template: Annotated[str, Meta(min_length=1, max_length=200)]
    person: Person
    key: Annotated[str, Meta(min_length=1, max_length=API_ONCE_KEY_CHARS_MAX)] | UnsetType = UNSET
    data: dict[str, Any] = {}
    locale: Annotated[str, Meta(min_length=2, max_length=35)] | UnsetType = UNSET
    ttl: Duration | UnsetType = UNSET


class Sent(Struct, kw_only=True):
    """What was decided: it is on its way (`message`), held with a `reason`, or was asked for before
    (`repeated`). `effect` is the message's id, under which its outcomes are found.
    """

    effect: str
    decision: Literal["message", "held", "repeated"]
    reason: str | None
    channel: str | None
    position: int


@post("/v1/send", scope="write", status_code=200, tags=["messages"], operation_id="send_message")
async def send_message(
    caller: Asked,
    data: JSONBody[Send],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            min_length=1,
            max_length=API_ONCE_KEY_CHARS_MAX,
            description="Instead of `key`.",
        ),
    ] = None,
) -> Sent:
    """Sends a transactional message: free of marketing consent, caps, quiet hours and holdouts, not of
    suppression.
    """
    key = idempotency_key if isinstance(data.key, UnsetType) else data.key
    if key is None:
        raise InvalidError(
            "a message has a key", where="key", fix="give `key`, or the header Idempotency-Key"
        )
    record: dict[str, Any] = {
        "op": "send",
        "key": key,
        "template": data.template,
        "person": data.person.named(),
        "data": data.data,
    }
    if (await asyncio.to_thread(caller.history.message, effect_of(key))) is not None:
        # The fold forgets what was over long ago.
        record["known"] = True
    given = {"locale": data.locale, "ttl": data.ttl}
    record |= {name: value for name, value in given.items() if value is not UNSET}
    told = await caller.tell("message.send", data.template, record)
    for one in told.effects:
        if one.name == "$send" and one.kind in _KINDS:
            return Sent(
                effect=one.data["effect"],
                decision=_KINDS[one.kind],  # type: ignore[arg-type]
                reason=one.data.get("reason"),
                channel=one.data.get("channel"),
                position=told.position,
            )
    raise AssertionError("a `send` that is not refused is decided")


HANDLERS = [send_message]
