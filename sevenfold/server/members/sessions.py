"""Who is logged in: random tokens in a cookie, their digests in the store.

A session ends when it was not used for a while (sliding), when it is old (absolute), when its member logs out
everywhere, gets another password or role, or is removed. Whatever changes something has to bring the token of
`csrf_of` in a header of its own: a page of another site can make a browser send the cookie, but not this.
"""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Final

from msgspec import Struct

from ...clock import Clock
from ...limits import SESSION_AGENT_CHARS_MAX, SESSION_IDLE_MS, SESSION_MS_MAX, SESSION_SEEN_WRITE_MS
from .register import Member, Members

COOKIE: Final = "sevenfold_session"
CSRF_HEADER: Final = "x-sevenfold-csrf"


class Session(Struct, kw_only=True):
    """One log-in of a member, by `password`, `oidc` or `invitation`. Times ms UTC, `seen` to about a minute;
    `agent` is what the browser calls itself.
    """

    id: str
    member: str
    via: str
    agent: str
    created: int
    seen: int
    expires: int


class Opened(Struct, kw_only=True):
    """A session that was just opened; `token` goes into the cookie and nowhere else."""

    token: str
    session: Session


class Sessions:
    """The sessions in a store; nothing is held outside of it."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._members = Members(store, clock)

    def open(self, member: Member, via: str, agent: str = "") -> Opened:
        """Logs a member in."""
        now, token = self._clock.now(), secrets.token_urlsafe(32)
        self._store.execute("DELETE FROM sessions WHERE expires <= ?", (now,))
        session = Session(
            id=f"session_{secrets.token_hex(6)}",
            member=member.id,
            via=via,
            agent="".join(one for one in agent if one.isprintable())[:SESSION_AGENT_CHARS_MAX],
            created=now,
            seen=now,
            expires=now + SESSION_IDLE_MS,
        )
        self._store.execute(
            "INSERT INTO sessions (id, digest, member, via, agent, created, seen, expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (session.id, _digest(token), member.id, via, session.agent, now, now, session.expires),
        )
        self._store.execute("UPDATE members SET seen = ? WHERE id = ?", (now, member.id))
        return Opened(token=token, session=session)

    def find(self, token: str) -> tuple[Session, Member] | None:
        """The session of a token with its member, used just now; None when it is none (any more)."""
        if not token:
            return None
        row = self._store.execute(
            "SELECT id, member, via, agent, created, seen, expires FROM sessions WHERE digest = ?",
            (_digest(token),),
        ).fetchone()
        if row is None:
            return None
        session, now = Session(**dict(zip(Session.__struct_fields__, row, strict=True))), self._clock.now()
        member = self._members.get(session.member)
        if now >= session.expires or member.removed is not None:
            self.end(session.id)
            return None
        if now - session.seen >= SESSION_SEEN_WRITE_MS:
            session.seen = now
            session.expires = min(session.created + SESSION_MS_MAX, now + SESSION_IDLE_MS)
            self._store.execute(
                "UPDATE sessions SET seen = ?, expires = ? WHERE id = ?", (now, session.expires, session.id)
            )
            self._store.execute("UPDATE members SET seen = ? WHERE id = ?", (now, member.id))
        return session, member

    def of(self, member: str) -> list[Session]:
        """The sessions of a member, the latest first."""
        rows = self._store.execute(
            "SELECT id, member, via, agent, created, seen, expires FROM sessions"
            " WHERE member = ? AND expires > ? ORDER BY created DESC, id",
            (member, self._clock.now()),
        )
        return [Session(**dict(zip(Session.__struct_fields__, row, strict=True))) for row in rows]

    def end(self, id: str) -> None:  # noqa: A002
        """One session ends."""
        self._store.execute("DELETE FROM sessions WHERE id = ?", (id,))

    def end_all(self, member: str, *, but: str = "") -> int:
        """Every session of a member ends, except one; how many did."""
        return self._store.execute(
            "DELETE FROM sessions WHERE member = ? AND id != ?", (member, but)
        ).rowcount


def csrf_of(token: str) -> str:
    """What has to be in the header `X-Sevenfold-CSRF` beside the cookie; tells nothing of the cookie."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"csrf", sha256).hexdigest()


def token_of(cookie: str | None) -> str:
    """The session's token in a `Cookie` header; empty without one."""
    if not cookie or COOKIE not in cookie:
        return ""
    try:
        found = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
