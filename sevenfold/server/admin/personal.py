"""Personal data: everything about a person in one file, and erasure with a certificate."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any, Final
from weakref import WeakKeyDictionary

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from msgspec import UNSET, Struct

from ...errors import SevenfoldError
from ..console.notes import Notes
from ..personal import Certificate, Eraser
from ..personal_export import export_person
from ..services import Services
from .base import Asked, Id

_MEMORY_BYTES: Final = 8 * 1024 * 1024
_one_at_a_time: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()


class Erased(Struct, kw_only=True):
    """A certificate: what was removed where. `named` are keyed digests of the person's identifiers,
    `signature` is made with the service's own secret; times are ms UTC.
    """

    id: str
    subject: str
    asked: int
    done: int
    by: str
    position: int
    removed: dict[str, dict[str, int]]
    named: list[str]
    kept: list[str]
    signature: str


def eraser_of(services: Services) -> Eraser:
    """Erases people from a service, one after the other."""
    folder = services.settings.data_folder
    return Eraser(
        live=services.live,
        log=services.log,
        history=services.history,
        folder=folder,
        snapshots_folder=folder / "snapshots",
        secrets=services.secrets,
        clock=services.clock,
        ask_snapshot=getattr(services.live, "ask_snapshot", None),
        lock=_one_at_a_time.setdefault(services.live, asyncio.Lock()),
        forget_warehouse=services.forget_warehouse,
    )


@get(
    "/people/{id:str}/export",
    scope="admin",
    tags=["people"],
    operation_id="export_person",
    media_type="application/zip",
    responses={200: ResponseSpec(bytes, media_type="application/zip", generate_examples=False)},
)
async def export(caller: Asked, id: Id) -> Response[bytes]:  # noqa: A002 - as in the path
    """Everything that is known about a person, as a zip of JSON files."""
    services = caller.services
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as file:
        notes = Notes(services.keys.store, services.clock)
        counts = await export_person(services.live, services.history, services.clock, id, file, notes)
        file.seek(0)
        packed = file.read()
    caller.note("person.export", id, events=counts["events"])
    headers = {"content-disposition": f'attachment; filename="{id}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


@post(
    "/people/{id:str}/erase",
    scope="admin",
    once=True,
    status_code=200,
    tags=["people"],
    operation_id="erase_person",
)
async def erase(caller: Asked, id: Id) -> Erased:  # noqa: A002
    """Erases a person for ever: log, state, snapshots, dead letters, history. Gives the certificate."""
    try:
        found = await eraser_of(caller.services).erase(id, caller.by)
    except SevenfoldError as error:
        caller.note("person.erase", id, result=error.code)
        raise
    caller.note("person.erase", id, position=found.position)
    return _shown(found)


@get("/erasures", scope="admin", tags=["people"], operation_id="list_erasures")
async def erasures(caller: Asked) -> list[Erased]:
    """Every certificate, the latest last."""
    return [_shown(one) for one in eraser_of(caller.services).certificates()]


def _shown(found: Certificate) -> Erased:
    return Erased(
        id=found.id, subject=found.subject, asked=found.asked, done=found.done, by=found.by,
        position=found.position, removed=found.removed, named=found.named, kept=list(found.kept),
        signature="" if found.signature is UNSET else str(found.signature),
    )  # fmt: skip


HANDLERS = [export, erase, erasures]
