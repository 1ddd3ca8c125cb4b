"""The live stream: effects as they happen, over server-sent events (the HTML standard's
`text/event-stream`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, Parameter
from litestar.response import Stream
from msgspec import json

from ...effects import Effect
from ...errors import SevenfoldError
from ...limits import STREAM_HEARTBEAT_S, STREAMS_AT_ONCE_ITEMS_MAX
from ..errors import InvalidError
from ..live import UnavailableError, Watched
from .base import Asked, Caller

_RETRY_MS = 2_000
_PAGE = 500
_open: set[object] = set()


class Wanted:
    """Which effects a reader wants."""

    def __init__(self, kinds: frozenset[str] | None, subject: str | None) -> None:
        self.kinds, self.subject = kinds, subject

    def __call__(self, effect: Any) -> bool:
        if self.kinds is not None and effect.kind not in self.kinds:
            return False
        return (
            self.subject is None
            or effect.subject == self.subject
            or effect.data.get("recipient") == self.subject
        )


@get(
    "/stream",
    scope="read",
    tags=["stream"],
    operation_id="stream_effects",
    media_type="text/event-stream",
    responses={200: ResponseSpec(str, media_type="text/event-stream", generate_examples=False)},
)
async def stream_effects(
    caller: Asked,
    kind: Annotated[list[str] | None, Parameter(description="Kinds of effects, such as `stage`.")] = None,
    subject: Annotated[str | None, Parameter(max_length=64, description="About this subject (id).")] = None,
    last_event_id: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID",
            max_length=20,
            description="The number of the last effect seen; it goes on after it.",
        ),
    ] = None,
) -> Stream:
    """Effects as they happen: `event` is the kind, `id` the effect's number, `data` the effect as JSON. A
    comment every 15 s says that the stream is alive. A reader that does not keep up is ended, and goes on
    where it was by `Last-Event-ID`.
    """
    if last_event_id is not None and not (last_event_id.isascii() and last_event_id.isdigit()):
        raise InvalidError("the last event's id is a number", where="Last-Event-ID")
    if len(_open) >= STREAMS_AT_ONCE_ITEMS_MAX:
        raise UnavailableError("too many read the stream already", fix="close other readers")
    after = None if last_event_id is None else int(last_event_id)
    wanted = Wanted(frozenset(kind) if kind else None, subject)
    watching = caller.live.watch(wanted.kinds, after=None if after is None else after + 1)
    # Begins to watch at once, so that nothing falls between the past and the present.
    first = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0)
    if first.done() and first.exception() is not None:
        raise first.exception() or UnavailableError("the stream has ended")
    return Stream(
        _events(caller, wanted, after, watching, first),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _events(
    caller: Caller,
    wanted: Wanted,
    after: int | None,
    watching: AsyncIterator[Watched],
    first: asyncio.Future[Watched],
) -> AsyncIterator[bytes]:
    token = object()
    _open.add(token)
    last = -1 if after is None else after
    following = first
    try:
        yield f"retry: {_RETRY_MS}\n: watching\n\n".encode()
        if after is not None:
            async for number, effect in _past(caller, wanted, after):
                yield _event(number, effect)
                last = number
        while True:
            finished, _ = await asyncio.wait({following}, timeout=STREAM_HEARTBEAT_S)
            if not finished:
                yield b": alive\n\n"
                continue
            try:
                watched = following.result()
            except StopAsyncIteration:
                return
            for number, effect in enumerate(watched.effects, watched.first):
                if number > last and wanted(effect):
                    yield _event(number, effect)
            last = max(last, watched.first + len(watched.effects) - 1)
            following = asyncio.ensure_future(anext(watching))
    finally:
        _open.discard(token)
        following.cancel()
        await asyncio.wait({following})
        close = getattr(watching, "aclose", None)
        if close is not None:
            await close()


async def _past(caller: Caller, wanted: Wanted, after: int) -> AsyncIterator[tuple[int, Any]]:
    """What the history holds after a number; nothing when it cannot be read."""
    cursor: int | None = after
    while cursor is not None:
        try:
            page = caller.history.effects(
                subject=wanted.subject, kind=wanted.kinds, after=cursor, limit=_PAGE
            )
        except SevenfoldError:
            return
        for one in page.items:
            if wanted(one):
                yield one.number, one
        cursor = page.next
        # Lets others have their turn between pages.
        await asyncio.sleep(0)


def _event(number: int, effect: Effect) -> bytes:
    shown = {
        "number": number,
        "time": effect.time,
        "kind": effect.kind,
        "of": effect.of,
        "subject": effect.subject,
        "name": effect.name,
        "data": effect.data,
    }
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, effect.kind.encode(), json.encode(shown))


HANDLERS = [stream_effects]
