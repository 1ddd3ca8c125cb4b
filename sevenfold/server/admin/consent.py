"""What people said they want, and addresses that are left alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post, put
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import API_BODY_LARGE_BYTES_MAX, OPT_OUT_IMPORT_ROWS_MAX
from ...workspace.base import PERSON
from ..history import Numbered, Page
from ..questions import QuestionError
from .base import PAGE, Asked, Done, Id, Limit, Newer, Older, Person, done

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Address = Annotated[str, Meta(min_length=3, max_length=512)]
_CHANGES = ("suppressed", "unsuppressed")


class Status(Struct, kw_only=True):
    """What somebody said for a channel and category (`in`, `out`, `pending`, `confirmed`, null: nothing),
    and whether messages may be sent.
    """

    channel: str
    category: str | None
    status: str | None
    allowed: bool
    required: bool


class Reach(Struct, kw_only=True):
    """The address that counts on a channel, the identifier it needs, and why it is left alone, if it is."""

    channel: str
    kind: str
    address: str | None
    needs: str | None
    suppressed: str | None
    on: bool


class Consent(Struct, kw_only=True):
    """Everything about whether and where somebody may be written to."""

    statuses: list[Status]
    channels: list[Reach]


class ConsentSaid(Struct, kw_only=True, forbid_unknown_fields=True):
    """What somebody said: for a channel (its name or kind; all when not given) and category (all when not
    given). `source` says where they said it, `at` when (ISO 8601 or ms; now when not given).
    """

    status: Literal["in", "out", "pending", "confirmed"]
    channel: Word | UnsetType = UNSET
    category: Word | UnsetType = UNSET
    source: Word = "api"
    at: int | str | UnsetType = UNSET


class Left(Struct, kw_only=True):
    """A channel on which an address is left alone, and why."""

    channel: str
    reason: str


class Suppress(Struct, kw_only=True, forbid_unknown_fields=True):
    """An address that nothing is sent to any more: on a channel (name or kind), or all that have such
    addresses.
    """

    address: Address
    channel: Word | UnsetType = UNSET
    reason: Literal["manual", "bounce", "complaint"] = "manual"


class Unsuppress(Struct, kw_only=True, forbid_unknown_fields=True):
    """An address that messages may go to again."""

    address: Address
    channel: Word | UnsetType = UNSET


class SuppressionImport(Struct, kw_only=True, forbid_unknown_fields=True):
    """Addresses that a former provider left alone: `kind` says whether they are suppressed, or people who
    said no.
    """

    addresses: Annotated[list[Address], Meta(min_length=1, max_length=OPT_OUT_IMPORT_ROWS_MAX)]
    kind: Literal["suppression", "opt_out"] = "suppression"
    channel: Word | UnsetType = UNSET
    category: Word | UnsetType = UNSET
    source: Word = "import"


class Imported(Struct, kw_only=True):
    """How many addresses were taken; `unusable` ones name nobody."""

    rows: int
    taken: int
    unusable: int


class Merge(Struct, kw_only=True, forbid_unknown_fields=True):
    """People who are one: whoever was created first stays."""

    members: Annotated[list[Person], Meta(min_length=2, max_length=10)]


@get("/people/{id:str}/consent", scope="read", tags=["consent"], operation_id="get_consent")
async def get_consent(caller: Asked, id: Id) -> Consent:  # noqa: A002 - as in the path
    """What somebody said for each channel and category, and where they can be reached."""
    return msgspec.convert(await caller.ask("consent", id=id), Consent)


@put("/people/{id:str}/consent", scope="write", tags=["consent"], operation_id="set_consent")
async def set_consent(caller: Asked, id: Id, data: JSONBody[ConsentSaid]) -> Done:  # noqa: A002
    """Somebody said something. What was said later already stands."""
    profile = await caller.ask("profile", of=PERSON, id=id)
    record: dict[str, Any] = {
        "op": "consent",
        "person": {kind: values[0] for kind, values in profile["identifiers"].items() if values},
        **msgspec.to_builtins(data),
    }
    if not record["person"]:
        raise QuestionError("this person has no identifier (any more)", where="id")
    told = await caller.tell("consent.set", profile["id"], record, **msgspec.to_builtins(data))
    return done(told)


@get("/suppressions", scope="read", tags=["consent"], operation_id="list_suppressions")
async def list_suppressions(
    caller: Asked, before: Older = None, after: Newer = None, limit: Limit = PAGE
) -> Page[Numbered]:
    """Addresses put on the list and taken off it, as digests, with the reason; newest first unless
    `after` is given.
    """
    found: Page[Numbered] = caller.history.effects(kind=_CHANGES, before=before, after=after, limit=limit)
    return found


@get("/suppressions/lookup", scope="read", tags=["consent"], operation_id="look_up_suppression")
async def look_up_suppression(
    caller: Asked,
    address: Annotated[
        str, Parameter(min_length=3, max_length=512, description="E-mail, phone number, token.")
    ],
    channel: Annotated[str | None, Parameter(description="On this channel, or kind of channel.")] = None,
) -> list[Left]:
    """Where an address is left alone, and why; an empty list when it is not."""
    return msgspec.convert(await caller.ask("suppressed", address=address, channel=channel), list[Left])


@post(
    "/suppressions",
    scope="write",
    once=True,
    status_code=201,
    tags=["consent"],
    operation_id="add_suppression",
)
async def add_suppression(caller: Asked, data: JSONBody[Suppress]) -> Done:
    """Nothing is sent to an address any more."""
    # The audit log names no addresses: it is kept when people are erased.
    record = {"op": "suppress", **msgspec.to_builtins(data)}
    return done(await caller.tell("suppression.add", _channel(data.channel), record, reason=data.reason))


@post(
    "/suppressions/remove",
    scope="write",
    once=True,
    status_code=200,
    tags=["consent"],
    operation_id="remove_suppression",
)
async def remove_suppression(caller: Asked, data: JSONBody[Unsuppress]) -> Done:
    """Messages may go to an address again."""
    record = {"op": "unsuppress", **msgspec.to_builtins(data)}
    return done(await caller.tell("suppression.remove", _channel(data.channel), record))


@post(
    "/suppressions/import",
    scope="write",
    once=True,
    status_code=200,
    tags=["consent"],
    operation_id="import_suppressions",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def import_suppressions(caller: Asked, data: JSONBody[SuppressionImport]) -> Imported:
    """Takes over what a former provider left alone."""
    rows, channel = len(data.addresses), _channel(data.channel)
    narrowed = {"channel": data.channel} if data.channel is not UNSET else {}
    if data.kind == "opt_out":
        record: dict[str, Any] = {"op": "import_opt_outs", "opt_outs": data.addresses, "source": data.source}
        record |= narrowed
        if data.category is not UNSET:
            record["category"] = data.category
        told = await caller.tell("suppression.import", channel, record, kind=data.kind, rows=rows)
        unusable = sum(int(one.data.get("unusable", 0)) for one in told.effects if one.kind == "opt_outs")
        return Imported(rows=rows, taken=rows - unusable, unusable=unusable)
    record = {"op": "suppress", "addresses": data.addresses, "reason": "import", **narrowed}
    await caller.tell("suppression.import", channel, record, kind=data.kind, rows=rows, source=data.source)
    return Imported(rows=rows, taken=rows, unusable=0)


def _channel(given: str | UnsetType) -> str:
    return "all channels" if isinstance(given, UnsetType) else given


@post(
    "/people/merge", scope="admin", once=True, status_code=200, tags=["people"], operation_id="merge_people"
)
async def merge_people(caller: Asked, data: JSONBody[Merge]) -> Done:
    """Several people turn out to be one."""
    record = {"op": "merge", "members": [one.named() for one in data.members]}
    return done(await caller.tell("people.merge", "people", record, members=len(data.members)))


HANDLERS = [
    get_consent,
    set_consent,
    list_suppressions,
    look_up_suppression,
    add_suppression,
    remove_suppression,
    import_suppressions,
    merge_people,
]
