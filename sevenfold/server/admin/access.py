"""Sources and keys, and the audit log of what was done with them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import KEY_NAME_CHARS_MAX, KEY_OVERLAP_DEFAULT_MS, SOURCE_NAME_CHARS_MAX
from ..audit import AuditEntry
from ..keys import Key, Made
from .base import PAGE, Asked, Limit

KeyId = Annotated[str, Parameter(min_length=1, max_length=64, description="The key's id (`key_...`).")]
KeyName = Annotated[str, Meta(min_length=1, max_length=KEY_NAME_CHARS_MAX)]


class Source(Struct, kw_only=True):
    """Where events come from, with its write keys."""

    name: str
    keys: list[Key]


class NewWriteKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """A write key for a source, which is new if nobody has heard of it. `expires` ms UTC."""

    source: Annotated[str, Meta(min_length=1, max_length=SOURCE_NAME_CHARS_MAX)]
    name: KeyName | UnsetType = UNSET
    expires: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class NewApiKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """A key for the API. `expires` ms UTC."""

    name: KeyName
    scope: Literal["read", "write", "admin"]
    expires: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Rotate(Struct, kw_only=True, forbid_unknown_fields=True):
    """For how long the old key stays valid beside the new one."""

    overlap_ms: Annotated[int, Meta(ge=0, le=90 * 86_400_000)] = KEY_OVERLAP_DEFAULT_MS


class AuditShown(AuditEntry, kw_only=True):
    """One thing that somebody did; `who` is the name of the member or key, null where nobody knows it."""

    who: str | None


class AuditPage(Struct, kw_only=True):
    """Entries, the newest first; `next` goes into `before`."""

    items: list[AuditShown]
    next: int | None = None


@get("/sources", scope="read", tags=["access"], operation_id="list_sources")
async def list_sources(caller: Asked) -> list[Source]:
    """Every source with its write keys; the keys themselves are shown by nobody."""
    found: dict[str, list[Key]] = {}
    for key in caller.services.keys.list("write"):
        found.setdefault(key.source or "", []).append(key)
    return [Source(name=name, keys=keys) for name, keys in sorted(found.items())]


@get("/keys", scope="admin", tags=["access"], operation_id="list_keys")
async def list_keys(
    caller: Asked,
    kind: Annotated[
        Literal["write", "api"] | None, Parameter(description="Only write keys, or API keys.")
    ] = None,
) -> list[Key]:
    """Every key, revoked and expired ones included, the newest first."""
    return caller.services.keys.list(kind)


@post("/keys/write", scope="admin", status_code=201, tags=["access"], operation_id="make_write_key")
async def make_write_key(caller: Asked, data: JSONBody[NewWriteKey]) -> Made:
    """A new write key. `secret` is shown this once."""
    name = "" if isinstance(data.name, UnsetType) else data.name
    made = caller.services.keys.make_write_key(data.source, name, expires=data.expires)
    caller.note("key.make", made.key.id, kind="write", source=data.source)
    return made


@post("/keys/api", scope="admin", status_code=201, tags=["access"], operation_id="make_api_key")
async def make_api_key(caller: Asked, data: JSONBody[NewApiKey]) -> Made:
    """A new API key. `secret` is shown this once."""
    made = caller.services.keys.make_api_key(data.name, data.scope, expires=data.expires)
    caller.note("key.make", made.key.id, kind="api", scope=data.scope)
    return made


@post("/keys/{id:str}/rotate", scope="admin", status_code=201, tags=["access"], operation_id="rotate_key")
async def rotate_key(caller: Asked, id: KeyId, data: JSONBody[Rotate]) -> Made:  # noqa: A002 - as in the path
    """A new key in place of an old one; both are valid for the overlap. `secret` is shown this once."""
    made = caller.services.keys.rotate(id, data.overlap_ms)
    caller.note("key.rotate", id, by_key=made.key.id, overlap_ms=data.overlap_ms)
    return made


@delete("/keys/{id:str}", scope="admin", status_code=200, tags=["access"], operation_id="revoke_key")
async def revoke_key(caller: Asked, id: KeyId) -> Key:  # noqa: A002
    """A key opens nothing any more, at once and for ever."""
    found = caller.services.keys.revoke(id)
    caller.note("key.revoke", id)
    return found


@get("/audit", scope="admin", tags=["access"], operation_id="list_audit")
async def list_audit(
    caller: Asked,
    key: Annotated[str | None, Parameter(max_length=64, description="Of this key or member (id).")] = None,
    action: Annotated[
        str | None, Parameter(max_length=100, description="Such as `journey.publish`, or `journey.*`.")
    ] = None,
    target: Annotated[str | None, Parameter(max_length=500, description="About this.")] = None,
    before: Annotated[int | None, Parameter(ge=0, le=2**53, description="`next` of the page before.")] = None,
    limit: Limit = PAGE,
) -> AuditPage:
    """Who changed what, when, at which position of the log, and what came of it."""
    found = caller.audit.entries(key=key, action=action, target=target, before=before, limit=limit + 1)
    more = len(found) > limit
    names = caller.members.names() | {one.id: one.name for one in caller.services.keys.list()}
    items = [AuditShown(**msgspec.structs.asdict(one), who=names.get(one.key)) for one in found[:limit]]
    return AuditPage(items=items, next=found[limit - 1].number if more else None)


HANDLERS = [
    list_sources,
    list_keys,
    make_write_key,
    make_api_key,
    rotate_key,
    revoke_key,
    list_audit,
]
