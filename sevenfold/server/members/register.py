"""The members of a data folder: who they are, their role, how they come in for the first time.

Everything lies in `server.sqlite`; an object of this class holds nothing of its own, so it may be made for
each request, and another process (`sevenfold members`) is seen at once.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from hashlib import sha256
from typing import Final

from msgspec import Struct

from ...clock import Clock
from ...errors import SevenfoldError
from ...limits import INVITATION_KEPT_MS, MEMBER_NAME_CHARS_MAX, MEMBERS_ROWS_MAX
from ..errors import ConflictError
from .roles import ROLES, Role

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
_COLUMNS: Final = "id, email, name, role, acts_as, created, by, removed, password, issuer, subject, seen"


class MemberError(SevenfoldError):
    """A member cannot be made or changed in this way."""

    code = "member_invalid"


class MemberUnknownError(SevenfoldError):
    """There is no such member."""

    code = "not_found"


class InvitationError(SevenfoldError):
    """A set-up token or invitation that is none, was used, or has expired."""

    code = "invitation_invalid"


class Member(Struct, kw_only=True):
    """Somebody who works with the console. `acts_as` is their name in the catalogue of people who act (null:
    their address); `password` and `provider` say how they can log in; times ms UTC, `seen` to about a minute.
    """

    id: str
    email: str
    name: str
    role: Role
    acts_as: str | None
    created: int
    by: str
    password: bool
    provider: bool
    removed: int | None = None
    seen: int | None = None


class Invitation(Struct, kw_only=True):
    """`token` is shown this once. Whoever has it chooses a password, until `expires` (ms UTC)."""

    token: str
    expires: int
    member: Member | None = None


class Members:
    """The members in a store."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self.store, self.clock = store, clock

    # ------------------------------------------------------------------------------------------------ reading

    def list(self, *, removed: bool = False) -> list[Member]:
        """Every member by name, removed ones where asked for."""
        # The columns are a constant of this file, here and below.
        rows = self.store.execute(
            f"SELECT {_COLUMNS} FROM members WHERE ? OR removed IS NULL ORDER BY lower(name), id",  # noqa: S608
            (removed,),
        )
        return [_member(row) for row in rows]

    def get(self, id: str) -> Member:  # noqa: A002 - its name everywhere
        """A member by id, removed or not. Raises MemberUnknownError."""
        row = self.store.execute(f"SELECT {_COLUMNS} FROM members WHERE id = ?", (id,)).fetchone()  # noqa: S608
        if row is None:
            raise MemberUnknownError(
                f"there is no member `{id[:64]}`", where="id", fix="see the list of members"
            )
        return _member(row)

    def with_email(self, email: str) -> Member | None:
        """The member with an address."""
        row = self.store.execute(
            f"SELECT {_COLUMNS} FROM members WHERE email = ? AND removed IS NULL",  # noqa: S608
            (email.strip().lower(),),
        ).fetchone()
        return None if row is None else _member(row)

    def vouched(self, issuer: str, subject: str) -> Member | None:
        """The member whom an identity provider knows as `subject`."""
        row = self.store.execute(
            f"SELECT {_COLUMNS} FROM members WHERE issuer = ? AND subject = ? AND removed IS NULL",  # noqa: S608
            (issuer, subject),
        ).fetchone()
        return None if row is None else _member(row)

    def kept_password(self, id: str) -> str | None:  # noqa: A002
        """What is kept of a member's password; None where they have none."""
        row = self.store.execute("SELECT password FROM members WHERE id = ?", (id,)).fetchone()
        return None if row is None else row[0]

    def any(self) -> bool:
        """Whether there is a member at all."""
        return (
            self.store.execute("SELECT 1 FROM members WHERE removed IS NULL LIMIT 1").fetchone() is not None
        )

    def names(self) -> dict[str, str]:
        """Name by id, removed members included."""
        return dict(self.store.execute("SELECT id, name FROM members").fetchall())

    # ----------------------------------------------------------------------------------------------- changing

    def add(
        self,
        email: str,
        name: str,
        role: Role,
        *,
        by: str,
        kept: str | None = None,
        acts_as: str | None = None,
        provider: tuple[str, str] | None = None,
    ) -> Member:
        """A new member; `kept` is `passwords.digest` of a password, `provider` (issuer, subject). Raises
        MemberError, ConflictError when the address is taken.
        """
        address, name = _address(email), _name(name or email.partition("@")[0])
        _role(role)
        (count,) = self.store.execute("SELECT count(*) FROM members").fetchone()
        if count >= MEMBERS_ROWS_MAX:
            raise MemberError(f"there are {MEMBERS_ROWS_MAX} members already", fix="remove some")
        issuer, subject = provider or (None, None)
        ident = f"member_{secrets.token_hex(6)}"
        try:
            self.store.execute(
                "INSERT INTO members (id, email, name, role, acts_as, created, by, password, issuer, subject)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (ident, address, name, role, acts_as, self.clock.now(), by, kept, issuer, subject),
            )
        except sqlite3.IntegrityError as error:
            raise ConflictError(
                f"there is a member `{address}` already", where="email", fix="change their role instead"
            ) from error
        return self.get(ident)

    def change(
        self,
        id: str,  # noqa: A002
        *,
        role: Role | None = None,
        name: str | None = None,
        acts_as: str | None = None,
    ) -> Member:
        """Another role, name, or name among the people who act ("": their address). Raises MemberError for
        the last admin, MemberUnknownError.
        """
        member = self._there(id)
        if role is not None:
            _role(role)
            if member.role == "admin" and role != "admin":
                self._not_the_last(id)
            self.store.execute("UPDATE members SET role = ? WHERE id = ?", (role, id))
        if name is not None:
            self.store.execute("UPDATE members SET name = ? WHERE id = ?", (_name(name), id))
        if acts_as is not None:
            self.store.execute("UPDATE members SET acts_as = ? WHERE id = ?", (acts_as or None, id))
        return self.get(id)

    def vouch(self, id: str, issuer: str, subject: str) -> Member:  # noqa: A002
        """From now on an identity provider vouches for a member."""
        self.store.execute("UPDATE members SET issuer = ?, subject = ? WHERE id = ?", (issuer, subject, id))
        return self.get(id)

    def keep_password(self, id: str, kept: str) -> None:  # noqa: A002
        """Another password; whoever is logged in is so no more (see `Sessions.end_all`)."""
        self.store.execute("UPDATE members SET password = ? WHERE id = ?", (kept, id))

    def remove(self, id: str) -> Member:  # noqa: A002
        """A member is gone: their name stays for the audit log, the way in and the address do not. Raises
        MemberError for the last admin, MemberUnknownError.
        """
        member = self._there(id)
        if member.role == "admin":
            self._not_the_last(id)
        self.store.execute(
            "UPDATE members SET removed = ?, password = NULL, issuer = NULL, subject = NULL, email = id"
            " WHERE id = ?",
            (self.clock.now(), id),
        )
        self.store.execute("DELETE FROM sessions WHERE member = ?", (id,))
        self.store.execute("DELETE FROM invitations WHERE member = ?", (id,))
        return member

    # -------------------------------------------------------------------------------------------- invitations

    def invite(self, member: Member | None = None) -> Invitation:
        """A token with which a member chooses a password; without one, with which the first admin is made.
        Earlier ones of the same end.
        """
        token = ("setup_" if member is None else "invite_") + secrets.token_urlsafe(24)
        about = "" if member is None else member.id
        expires = self.clock.now() + INVITATION_KEPT_MS
        self.store.execute(
            "DELETE FROM invitations WHERE member = ? OR expires < ?", (about, self.clock.now())
        )
        self.store.execute(
            "INSERT INTO invitations (digest, member, expires) VALUES (?, ?, ?)",
            (_digest(token), about, expires),
        )
        return Invitation(token=token, expires=expires, member=member)

    def invited(self, token: str) -> Member | None:
        """Whom an invitation is for; None for the first admin. Raises InvitationError."""
        row = self.store.execute(
            "SELECT member, expires FROM invitations WHERE digest = ?", (_digest(token),)
        ).fetchone()
        if row is None or row[1] <= self.clock.now() or (not row[0] and self.any()):
            raise InvitationError(
                "this invitation is none, was used, or has expired",
                where="token",
                fix="ask an admin for another, or run `sevenfold members password EMAIL` at the machine",
            )
        return self._there(row[0]) if row[0] else None

    def use(self, token: str) -> bool:
        """An invitation is used up; False when somebody was faster."""
        return self.store.execute("DELETE FROM invitations WHERE digest = ?", (_digest(token),)).rowcount > 0

    def _there(self, id: str) -> Member:  # noqa: A002
        member = self.get(id)
        if member.removed is not None:
            raise MemberUnknownError(f"{member.name} was removed", where="id", fix="add them again")
        return member

    def _not_the_last(self, id: str) -> None:  # noqa: A002
        others = self.store.execute(
            "SELECT 1 FROM members WHERE role = 'admin' AND removed IS NULL AND id != ? LIMIT 1", (id,)
        ).fetchone()
        if others is None:
            raise MemberError("this is the last admin", where="id", fix="make somebody else an admin first")


def _member(row: tuple[object, ...]) -> Member:
    found = dict(zip(_COLUMNS.split(", "), row, strict=True))
    found["password"] = found["password"] is not None
    found["provider"] = found.pop("subject") is not None
    del found["issuer"]
    return Member(**found)  # type: ignore[arg-type]


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _address(email: str) -> str:
    address = email.strip().lower()
    if not _EMAIL.fullmatch(address) or not address.isprintable():
        raise MemberError("this is no e-mail address", where="email", fix="such as mona@example.com")
    return address


def _name(name: str) -> str:
    text = name.strip()
    if not text or len(text) > MEMBER_NAME_CHARS_MAX or not text.isprintable():
        raise MemberError(
            f"a member is named in 1 to {MEMBER_NAME_CHARS_MAX} printable characters", where="name"
        )
    return text


def _role(role: str) -> None:
    if role not in ROLES:
        raise MemberError(f"there is no role `{role[:40]}`", where="role", fix=f"one of {', '.join(ROLES)}")
