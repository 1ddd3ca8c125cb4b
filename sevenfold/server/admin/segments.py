"""Segments, lifecycles and scores with how many are where; lists that are kept by hand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...limits import API_BODY_LARGE_BYTES_MAX
from ...workspace.base import PERSON
from ...workspace.lists import import_list
from ..errors import ConflictError
from .base import PAGE, After, Asked, Done, Items, Limit, Person, done
from .subjects import Subject

Name = Annotated[str, Parameter(min_length=1, max_length=200, description="The name in the workspace.")]


class Segment(Struct, kw_only=True):
    """A segment with its size now; `share` of all subjects of its kind. `manual`: a list kept by hand."""

    name: str
    description: str
    of: str
    manual: bool
    size: int
    share: float | None


class StageCount(Struct):
    """How many stand in a stage."""

    name: str
    count: int


class LifecycleCounts(Struct, kw_only=True):
    """How many stand in each stage; `outside`: to whom it does not apply."""

    name: str
    of: str
    stages: list[StageCount]
    outside: int


class ScoreCounts(Struct, kw_only=True):
    """How many have each band; `unknown`: too little is known of them."""

    name: str
    of: str
    bands: dict[str, int]
    unknown: int


@get("/segments", scope="read", tags=["segments"], operation_id="list_segments")
async def list_segments(caller: Asked) -> list[Segment]:
    """Every segment with its size, in written order."""
    return msgspec.convert(await caller.ask("segments"), list[Segment])


@get("/segments/{name:str}", scope="read", tags=["segments"], operation_id="get_segment")
async def get_segment(caller: Asked, name: Name) -> Segment:
    """One segment with its size."""
    return msgspec.convert((await caller.ask("segments", name=name))[0], Segment)


@get("/segments/{name:str}/members", scope="read", tags=["segments"], operation_id="list_segment_members")
async def segment_members(caller: Asked, name: Name, limit: Limit = PAGE, after: After = 0) -> Items[Subject]:
    """Who is in a segment, in the order in which they came to be."""
    (segment,) = await caller.ask("segments", name=name)
    found = await caller.pages("listing", of=segment["of"], segment=name, limit=limit, after=after)
    return msgspec.convert(found, Items[Subject])


@get("/lifecycles", scope="read", tags=["segments"], operation_id="list_lifecycles")
async def list_lifecycles(caller: Asked) -> list[LifecycleCounts]:
    """Every lifecycle with how many stand in each stage."""
    return msgspec.convert(await caller.ask("lifecycles"), list[LifecycleCounts])


@get("/scores", scope="read", tags=["segments"], operation_id="list_scores")
async def list_scores(caller: Asked) -> list[ScoreCounts]:
    """Every score with how many have each band."""
    return msgspec.convert(await caller.ask("scores"), list[ScoreCounts])


# ------------------------------------------------------------------------------------------------------ lists


class ListChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of a list of people. `clear` needs no members."""

    action: Literal["append", "remove", "replace", "clear"] = "append"
    members: Annotated[list[Person], Meta(max_length=10_000)] = []


class ListFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """A CSV file whose columns `user_id` and `email` say who. `dry_run` shows what would happen and changes
    nothing.
    """

    csv: Annotated[str, Meta(min_length=1)]
    action: Literal["append", "remove", "replace"] = "append"
    dry_run: bool = False


class RefusedLine(Struct, kw_only=True):
    """A row that was left out, and why; `line` counts from 1, the heading."""

    line: int
    reason: str


class ListImported(Struct, kw_only=True):
    """What became of the rows; `changed` is null for a dry run."""

    rows: int
    matched: int
    created: int
    repeated: int
    refused: int
    refused_rows: list[RefusedLine]
    changed: Done | None


@get("/lists", scope="read", tags=["lists"], operation_id="list_lists")
async def list_lists(caller: Asked) -> list[Segment]:
    """The segments that are kept by hand."""
    found = await caller.ask("segments")
    return msgspec.convert([one for one in found if one["manual"]], list[Segment])


@post(
    "/lists/{name:str}", scope="write", once=True, status_code=200, tags=["lists"], operation_id="change_list"
)
async def change_list(caller: Asked, name: Name, data: JSONBody[ListChange]) -> Done:
    """Puts people on a list or takes them off; those nobody has heard of are created."""
    members = [one.named() for one in data.members]
    record: dict[str, Any] = {"op": "list", "list": name, "action": data.action, "members": members}
    told = await caller.tell("list.change", name, record, change=data.action, members=len(members))
    return done(told)


@post(
    "/lists/{name:str}/import",
    scope="write",
    once=True,
    status_code=200,
    tags=["lists"],
    operation_id="import_list",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def import_to_list(caller: Asked, name: Name, data: JSONBody[ListFile]) -> ListImported:
    """Puts the people in a CSV file on a list, with every row accounted for."""
    (segment,) = await caller.ask("segments", name=name)
    if not segment["manual"] or segment["of"] != PERSON:
        raise ConflictError(f"`{name}` is no list of people kept by hand", where="name")
    known = await _known(caller, name, data.csv, data.action)
    found = import_list(data.csv, name, data.action, lambda kind, value: known.get((kind, value)))
    told = None
    if not data.dry_run and found.record["members"]:
        told = await caller.tell("list.import", name, found.record, change=data.action, rows=found.rows)
    return ListImported(
        rows=found.rows,
        matched=found.matched,
        created=found.created,
        repeated=found.repeated,
        refused=found.refused,
        refused_rows=[RefusedLine(line=row.line, reason=row.reason) for row in found.refused_rows],
        changed=None if told is None else done(told),
    )


async def _known(caller: Asked, name: str, csv: str, action: Any) -> dict[tuple[str, str], str]:
    """The identifiers of a file that somebody has, by way of a first look that notes them."""
    asked: dict[tuple[str, str], None] = {}

    def note(kind: str, value: str) -> str | None:
        asked[kind, value] = None
        return None

    import_list(csv, name, action, note)
    found: dict[tuple[str, str], str] = {}
    pairs = list(asked)
    for start in range(0, len(pairs), 5_000):
        part = pairs[start : start + 5_000]
        ids = await caller.ask("ids_of", pairs=[list(pair) for pair in part])
        found.update({pair: ident for pair, ident in zip(part, ids, strict=True) if ident is not None})
    return found


HANDLERS = [
    list_segments,
    get_segment,
    segment_members,
    list_lifecycles,
    list_scores,
    list_lists,
    change_list,
    import_to_list,
]
