"""Roles are a ladder, as scopes of keys are: each may do what those before it may."""

from __future__ import annotations

from typing import Final, Literal

from ..keys import Scope

Role = Literal["viewer", "editor", "publisher", "admin"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "editor", "publisher", "admin")
"""From the smallest. A viewer looks; an editor works (tasks, notes, drafts, lists); a publisher puts in
force what reaches customers, and approves it; an admin decides who may do what, and sees personal data
leave.
"""
_NEEDED: Final[dict[Scope, Role]] = {"read": "viewer", "write": "editor", "admin": "admin"}
_SCOPES: Final[dict[Role, Scope]] = {
    "viewer": "read",
    "editor": "write",
    "publisher": "write",
    "admin": "admin",
}


def scope_of(role: Role) -> Scope:
    """The scope of API keys that is nearest to a role from below."""
    return _SCOPES[role]


def needed(scope: Scope) -> Role:
    """The least role for what keys need a scope for, where a route says nothing else."""
    return _NEEDED[scope]


def includes(role: Role, other: Role) -> bool:
    """Whether a role may do everything that another may."""
    return ROLES.index(role) >= ROLES.index(other)
