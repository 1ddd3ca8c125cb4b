"""What an editor of journeys needs to know: the shape of every part of a journey, for forms made from it."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from litestar import get
from msgspec import Struct

from ...journeys.plan import Trigger
from ...journeys.steps import STEP_KINDS
from ...workspace.schema import schema
from . import trying


class PartKind(Struct, kw_only=True):
    """A kind of step or trigger: the word in `kind:`, its name for people, that of its part in `$defs`."""

    tag: str
    title: str
    schema: str
    description: str


class JourneySchema(Struct, kw_only=True, rename={"defs": "$defs"}):
    """The JSON Schema (draft 2020-12) of every part of a journey by name (`Journey` is the whole), and the
    kinds of its steps and triggers.
    """

    defs: dict[str, Any]
    steps: list[PartKind]
    triggers: list[PartKind]


@cache
def _described() -> JourneySchema:
    steps = [_kind(kind.model, kind.title) for kind in STEP_KINDS.values()]
    triggers = [_kind(one, one.__name__.removeprefix("On")) for one in get_args(Trigger)]
    return JourneySchema(defs=schema("journeys")["$defs"], steps=steps, triggers=triggers)


def _kind(model: Any, title: str) -> PartKind:
    """A kind, with the first sentence of what its model says of itself."""
    text = " ".join((model.__doc__ or "").split()).replace("``", "`")
    said = text.partition(". ")[0].rstrip(".:")
    return PartKind(tag=model.__struct_config__.tag, title=title, schema=model.__name__, description=said)


@get(
    "/journeys/schema",
    scope="read",
    tags=["journeys"],
    operation_id="get_journey_schema",
    sync_to_thread=True,
)
def get_journey_schema() -> JourneySchema:
    """The shape of every part of a journey, for editors that make their forms from it."""
    return _described()


HANDLERS = [get_journey_schema, *trying.HANDLERS]
