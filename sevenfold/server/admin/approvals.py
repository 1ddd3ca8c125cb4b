"""Approval before publishing: requests, comments, decisions by another member than the author."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post, put
from litestar.params import JSONBody, Parameter, QueryParameter
from msgspec import Meta, Struct

from ...limits import JUDGEMENT_CHARS_MAX
from ..console.approvals import Approval, Approvals
from ..console.preferences import Preferences
from ..errors import InvalidError
from ..history import Page
from .base import PAGE, Asked, Caller, Limit, Older

Number = Annotated[int, Parameter(ge=1, le=2**53, description="The request's id.")]
Said = Annotated[str, Meta(max_length=JUDGEMENT_CHARS_MAX)]


class ApprovalAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be published: a `journey` by name with its `plan` (its draft when not given), or files of
    the workspace (all drafts, when `journey` is not given).
    """

    journey: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    plan: dict[str, Any] | None = None
    comment: Said = ""


class CommentSaid(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one has to say."""

    text: Annotated[str, Meta(min_length=1, max_length=JUDGEMENT_CHARS_MAX)]


class Decision(Struct, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a request."""

    decision: Literal["approve", "refuse", "withdraw"]
    comment: Said = ""


class FourEyes(Struct, kw_only=True):
    """Whether publishing needs somebody else's approval. `fixed`: the setting `approval` says so."""

    needed: bool
    fixed: bool = False


class FourEyesSet(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether publishing is to need somebody else's approval."""

    needed: bool


def approvals_of(caller: Caller) -> Approvals:
    """The requests of the service."""
    return Approvals(caller.services.keys.store, caller.services.clock)


def four_eyes(caller: Caller) -> FourEyes:
    """Whether publishing needs an approval."""
    fixed = caller.services.settings.approval
    return FourEyes(
        needed=fixed or Preferences(caller.services.keys.store).get("approval", bool, False), fixed=fixed
    )


def approved(caller: Caller, kind: str, name: str, content: Any) -> Approval | None:
    """The approval that lets something be published, where one is needed. Raises ApprovalNeededError."""
    if not four_eyes(caller).needed:
        return None
    return approvals_of(caller).check(kind, name, msgspec.to_builtins(content))


def _named(caller: Caller, found: list[Approval]) -> list[Approval]:
    names = caller.members.names() | {one.id: one.name for one in caller.services.keys.list("api")}
    for one in found:
        one.author, one.decider = names.get(one.by), names.get(one.decided_by or "")
        for said in one.comments:
            said.author = names.get(said.by)
    return found


@get("/approvals", scope="read", tags=["approvals"], operation_id="list_approvals")
async def list_approvals(
    caller: Asked,
    standing: Annotated[
        Literal["open", "approved", "refused", "withdrawn", "published"] | None,
        QueryParameter(name="state", description="Only those that are so."),
    ] = None,
    before: Older = None,
    limit: Limit = PAGE,
) -> Page[Approval]:
    """Requests for approval, the newest first."""
    found = approvals_of(caller).list(standing, before=before, limit=limit + 1)
    more = len(found) > limit
    return Page(_named(caller, found[:limit]), found[limit - 1].id if more else None)


@get("/approvals/needed", scope="read", tags=["approvals"], operation_id="get_four_eyes")
async def get_four_eyes(caller: Asked) -> FourEyes:
    """Whether publishing needs somebody else's approval."""
    return four_eyes(caller)


@put("/approvals/needed", scope="admin", status_code=200, tags=["approvals"], operation_id="set_four_eyes")
async def set_four_eyes(caller: Asked, data: JSONBody[FourEyesSet]) -> FourEyes:
    """Whether publishing is to need somebody else's approval, from now on."""
    if caller.services.settings.approval and not data.needed:
        raise InvalidError(
            "the setting `approval` says that it is needed", where="needed", fix="change it there"
        )
    Preferences(caller.services.keys.store).put("approval", data.needed)
    caller.note("approval.needed", "", needed=data.needed)
    return four_eyes(caller)


@post(
    "/approvals", scope="write", once=True, status_code=201, tags=["approvals"], operation_id="ask_approval"
)
async def ask_approval(caller: Asked, data: JSONBody[ApprovalAsked]) -> Approval:
    """Asks for the approval of exactly this plan, or of all files that are drafts; an open request for the
    same is withdrawn.
    """
    from .files import to_approve
    from .publishing import model_of, plan_or_draft

    shown: dict[str, Any]
    if data.journey is not None:
        plan = msgspec.to_builtins(model_of(plan_or_draft(caller, data.journey, data.plan)))
        kind, name, content, shown = "journey", data.journey, plan, plan
    else:
        content, shown = await to_approve(caller)
        kind, name = "workspace", caller.live.workspace.name
    found = approvals_of(caller).request(kind, name, content, shown, caller.key.id, data.comment)
    caller.note("approval.ask", name, kind=kind, request=found.id, digest=found.digest)
    return _named(caller, [found])[0]


@get("/approvals/{number:int}", scope="read", tags=["approvals"], operation_id="get_approval")
async def get_approval(caller: Asked, number: Number) -> Approval:
    """One request, with what would be published and what was said."""
    return _named(caller, [approvals_of(caller).get(number)])[0]


@post(
    "/approvals/{number:int}/comments",
    scope="write",
    status_code=201,
    tags=["approvals"],
    operation_id="comment_approval",
)
async def comment_approval(caller: Asked, number: Number, data: JSONBody[CommentSaid]) -> Approval:
    """Says something about a request."""
    found = approvals_of(caller).comment(number, data.text, caller.key.id)
    caller.note("approval.comment", found.name, request=number)
    return _named(caller, [found])[0]


@post(
    "/approvals/{number:int}/decision",
    scope="write",
    role="publisher",
    status_code=200,
    tags=["approvals"],
    operation_id="decide_approval",
)
async def decide_approval(caller: Asked, number: Number, data: JSONBody[Decision]) -> Approval:
    """Approves or refuses what somebody else asked for, or withdraws what one asked for oneself."""
    words: dict[str, Any] = {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn"}
    approvals = approvals_of(caller)
    found = approvals.decide(number, words[data.decision], caller.key.id)
    if data.comment:
        found = approvals.comment(number, data.comment, caller.key.id)
    caller.note(
        f"approval.{data.decision}", found.name, request=number, digest=found.digest, asked_by=found.by
    )
    return _named(caller, [found])[0]


HANDLERS = [
    list_approvals,
    get_four_eyes,
    set_four_eyes,
    ask_approval,
    get_approval,
    comment_approval,
    decide_approval,
]
