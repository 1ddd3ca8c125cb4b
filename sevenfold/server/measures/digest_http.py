"""Digests over HTTP: keep, forget, look, try, send now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...limits import (
    DIGEST_ADDRESSES_ITEMS_MAX,
    DIGEST_QUESTIONS_ITEMS_MAX,
    DIGEST_RUNS_ITEMS_MAX,
    DIGESTS_ITEMS_MAX,
    IDENTIFIER_CHARS_MAX,
)
from ..admin.base import Asked, Caller
from ..errors import ConflictError
from .assembling import digests_of
from .digest_store import Digest, DigestRun
from .digests import Digests
from .saved import UnknownNameError

DigestName = Annotated[str, Parameter(min_length=1, max_length=100, description="The digest's name.")]
_Text = Annotated[str, Meta(max_length=IDENTIFIER_CHARS_MAX)]
_Named = Annotated[str, Meta(min_length=1, max_length=100)]


class DigestAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """Saved `questions`, sent over a `channel` of the workspace on a `schedule`: `weekly monday 09:00`,
    `daily 08:00`, `weekdays 08:00`, `monthly 1 09:00`, `monthly last 09:00` or an RRULE, in `timezone` (the
    workspace's, when empty). Questions without a period of their own are asked about the `period` before it
    was due. `to`: addresses; a webhook needs none.
    """

    questions: Annotated[list[_Named], Meta(min_length=1, max_length=DIGEST_QUESTIONS_ITEMS_MAX)]
    schedule: Annotated[str, Meta(min_length=1, max_length=500)]
    channel: _Named
    to: Annotated[list[_Text], Meta(max_length=DIGEST_ADDRESSES_ITEMS_MAX)] = []
    timezone: Annotated[str, Meta(max_length=100)] = ""
    period: Annotated[str, Meta(max_length=20)] = "7d"
    title: Annotated[str, Meta(max_length=200)] = ""
    paused: bool = False


class DigestShown(Struct, kw_only=True):
    """A digest, when it is due next (ms UTC; null: never), and the last time it was."""

    digest: Digest
    due: int | None
    last: DigestRun | None = None


class DigestPreview(Struct, kw_only=True):
    """What a digest would say now, and what keeps a question from being answered."""

    subject: str
    text: str
    html: str
    trouble: str


class DigestBegun(Struct, kw_only=True):
    """A digest is on its way; `due` (ms UTC) names the run."""

    due: int


@contextmanager
def _digests(caller: Caller) -> Iterator[Digests]:
    made = digests_of(caller.services, recover=False)
    try:
        yield made
    finally:
        made.store.close()


def _of(digests: Digests, name: str) -> tuple[Digest, int]:
    held = digests.store.digests()
    if name not in held:
        message = f"there is no digest `{name}`"
        raise UnknownNameError(message, where="name", fix="GET /api/digests says which there are")
    return held[name]


def _shown(digests: Digests, digest: Digest, since: int) -> DigestShown:
    last = next(iter(digests.store.runs(name=digest.name, limit=1)), None)
    return DigestShown(digest=digest, due=digests.next_due(digest, since), last=last)


@get("/digests", scope="read", tags=["measures"], operation_id="list_digests")
async def list_digests(caller: Asked) -> list[DigestShown]:
    """Digests: saved questions that are sent on a schedule."""
    with _digests(caller) as digests:
        return [_shown(digests, one, since) for one, since in digests.store.digests().values()]


@put("/digests/{name:str}", scope="write", tags=["measures"], operation_id="keep_digest")
async def keep_digest(caller: Asked, name: DigestName, data: JSONBody[DigestAsked]) -> DigestShown:
    """Keeps a digest, from now on: what was due before it was kept is not sent."""
    with _digests(caller) as digests:
        held = digests.store.digests()
        if name not in held and len(held) >= DIGESTS_ITEMS_MAX:
            raise ConflictError(f"at most {DIGESTS_ITEMS_MAX} digests are kept", fix="forget one")
        digest = Digest(
            name=name, questions=tuple(data.questions), schedule=data.schedule, channel=data.channel,
            to=tuple(data.to), timezone=data.timezone, period=data.period, title=data.title,
            paused=data.paused,
        )  # fmt: skip
        digests.keep(digest)
        caller.note("digest.keep", name)
        return _shown(digests, *_of(digests, name))


@delete(
    "/digests/{name:str}", scope="write", tags=["measures"], operation_id="forget_digest", status_code=200
)
async def forget_digest(caller: Asked, name: DigestName) -> list[DigestShown]:
    """Forgets a digest and what became of it; gives those that are left."""
    with _digests(caller) as digests:
        digests.store.forget(name)
        caller.note("digest.forget", name)
        return [_shown(digests, one, since) for one, since in digests.store.digests().values()]


@get("/digests/{name:str}/runs", scope="read", tags=["measures"], operation_id="list_digest_runs")
async def list_digest_runs(caller: Asked, name: DigestName) -> list[DigestRun]:
    """The times a digest was due, the newest first, and what became of each delivery."""
    with _digests(caller) as digests:
        _of(digests, name)
        return digests.store.runs(name=name, limit=DIGEST_RUNS_ITEMS_MAX)


@post(
    "/digests/{name:str}/preview", scope="read", tags=["measures"], operation_id="preview_digest",
    status_code=200,
)  # fmt: skip
async def preview_digest(caller: Asked, name: DigestName) -> DigestPreview:
    """What a digest would say now. Nobody gets it."""
    with _digests(caller) as digests:
        digest, _ = _of(digests, name)
        content, trouble = await digests.content(digest, caller.services.clock.now())
        return DigestPreview(
            subject=content.subject or "", text=content.text or "", html=content.html or "", trouble=trouble
        )


@post(
    "/digests/{name:str}/send", scope="write", tags=["measures"], operation_id="send_digest", status_code=200
)
async def send_digest(caller: Asked, name: DigestName) -> DigestBegun:
    """Sends a digest now, besides its schedule."""
    with _digests(caller) as digests:
        _of(digests, name)
        due = await digests.send_now(name)
        caller.note("digest.send", name)
        return DigestBegun(due=due)


HANDLERS = (list_digests, keep_digest, forget_digest, list_digest_runs, preview_digest, send_digest)
