"""Members: the people who work with the console, what each may do, and how they prove who they are.

`roles` says what a role may do, `passwords` keeps none in the clear, `register` holds the members,
`sessions` who is logged in, `attempts` slows down who guesses, `oidc` lets an identity provider vouch.
"""

from __future__ import annotations

from .register import Invitation, Member, MemberError, Members
from .roles import ROLES, Role, includes, scope_of
from .sessions import COOKIE, Opened, Session, Sessions

__all__ = [
    "COOKIE",
    "ROLES",
    "Invitation",
    "Member",
    "MemberError",
    "Members",
    "Opened",
    "Role",
    "Session",
    "Sessions",
    "includes",
    "scope_of",
]
