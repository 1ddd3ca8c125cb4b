"""Members: who may work with the console, and what."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from litestar import delete, get, patch, post, put
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import MEMBER_NAME_CHARS_MAX
from ..errors import InvalidError
from ..members import Invitation, Member, Session, passwords
from ..members.attempts import Attempts
from .base import Asked
from .sessions import LoginFailedError, Secret, Text

Id = Annotated[str, Parameter(min_length=1, max_length=64, description="The member's id (`member_...`).")]
Name = Annotated[str, Meta(max_length=MEMBER_NAME_CHARS_MAX)]
RoleName = Literal["viewer", "editor", "publisher", "admin"]


class NewMember(Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody to be invited. `acts_as`: their name in the catalogue of people who act, where it is not
    their address.
    """

    email: Text
    name: Name = ""
    role: RoleName = "viewer"
    acts_as: Name | None = None


class MemberChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be another: role, name, or the name among the people who act (empty: the address)."""

    role: RoleName | UnsetType = UNSET
    name: Annotated[str, Meta(min_length=1, max_length=MEMBER_NAME_CHARS_MAX)] | UnsetType = UNSET
    acts_as: Name | UnsetType = UNSET


class PasswordChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """One's own password: the one until now, and the one from now on."""

    password: Secret
    new: Secret


@get("/members", scope="read", tags=["members"], operation_id="list_members")
async def list_members(
    caller: Asked,
    removed: Annotated[bool, Parameter(required=False, description="Also those who were removed.")] = False,
) -> list[Member]:
    """Every member by name."""
    return caller.members.list(removed=removed)


@post("/members", scope="admin", status_code=201, tags=["members"], operation_id="add_member")
async def add_member(caller: Asked, data: JSONBody[NewMember]) -> Invitation:
    """A new member, and an invitation with which they choose a password (at `/welcome#token=...`)."""
    member = caller.members.add(
        data.email, data.name, data.role, by=caller.key.id, acts_as=data.acts_as or None
    )
    caller.note("member.add", member.id, role=data.role)
    return caller.members.invite(member)


@patch("/members/{id:str}", scope="admin", tags=["members"], operation_id="change_member")
async def change_member(caller: Asked, id: Id, data: JSONBody[MemberChange]) -> Member:  # noqa: A002
    """Another role or name. With another role they have to log in again."""
    before = caller.members.get(id)
    member = caller.members.change(
        id,
        role=None if isinstance(data.role, UnsetType) else data.role,
        name=None if isinstance(data.name, UnsetType) else data.name,
        acts_as=None if isinstance(data.acts_as, UnsetType) else data.acts_as,
    )
    if member.role != before.role:
        own = caller.session.id if caller.session is not None else ""
        caller.sessions.end_all(id, but=own)
    caller.note("member.change", id, role=member.role, before=before.role)
    return member


@delete("/members/{id:str}", scope="admin", status_code=200, tags=["members"], operation_id="remove_member")
async def remove_member(caller: Asked, id: Id) -> Member:  # noqa: A002
    """A member is removed, and logged out at once. The audit log still knows their name."""
    member = caller.members.remove(id)
    caller.note("member.remove", id)
    return caller.members.get(member.id)


@post(
    "/members/{id:str}/invitation",
    scope="admin",
    status_code=201,
    tags=["members"],
    operation_id="invite_member",
)
async def invite_member(caller: Asked, id: Id) -> Invitation:  # noqa: A002
    """Another invitation, with which a member chooses a (new) password. Earlier ones are worthless."""
    member = caller.members.get(id)
    if member.removed is not None:
        raise InvalidError("this member was removed", where="id", fix="add them again")
    caller.note("member.invite", id)
    return caller.members.invite(member)


@put("/members/me/password", scope="read", status_code=200, tags=["members"], operation_id="change_password")
async def change_password(caller: Asked, data: JSONBody[PasswordChange]) -> Member:
    """One's own password; all other sessions of one's own end."""
    if caller.member is None or caller.session is None:
        raise InvalidError("a key has no password", fix="log in")
    attempts = Attempts(caller.services.keys.store, caller.services.clock)
    attempts.check(caller.member.email, caller.member.id)
    kept = caller.members.kept_password(caller.member.id)
    if not await asyncio.to_thread(passwords.verify, kept, data.password):
        attempts.failed(caller.member.email, caller.member.id)
        raise LoginFailedError("this is not your password", where="password")
    fresh = await asyncio.to_thread(passwords.digest, data.new, caller.member.email, caller.member.name)
    caller.members.keep_password(caller.member.id, fresh)
    caller.sessions.end_all(caller.member.id, but=caller.session.id)
    caller.note("member.password", caller.member.id)
    return caller.members.get(caller.member.id)


@get("/members/{id:str}/sessions", scope="admin", tags=["members"], operation_id="list_member_sessions")
async def list_member_sessions(caller: Asked, id: Id) -> list[Session]:  # noqa: A002
    """Where a member is logged in, the latest first."""
    return caller.sessions.of(caller.members.get(id).id)


@delete(
    "/members/{id:str}/sessions",
    scope="admin",
    status_code=200,
    tags=["members"],
    operation_id="end_member_sessions",
)
async def end_member_sessions(caller: Asked, id: Id) -> list[Session]:  # noqa: A002
    """Logs a member out everywhere; gives the sessions that are left."""
    ended = caller.sessions.end_all(caller.members.get(id).id)
    caller.note("member.log_out", id, sessions=ended)
    return caller.sessions.of(id)


HANDLERS = [
    list_members,
    add_member,
    change_member,
    remove_member,
    invite_member,
    change_password,
    list_member_sessions,
    end_member_sessions,
]
