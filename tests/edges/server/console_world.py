"""The admin API over a small service in one process, with members who are logged in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from sevenfold.server.members import COOKIE, Member, Members, Role, Sessions
from sevenfold.server.members.sessions import CSRF_HEADER, csrf_of
from sevenfold.workspace.models import Workspace
from tests.edges.admin.api_world import Api, small

PASSWORD = "correct horse battery staple"


class Console(Api):
    """`by` asks as a member of a role, with cookie and header as a browser sends them."""

    def __init__(self, folder: Path, workspace: Workspace | None = None, **settings: Any) -> None:
        super().__init__(workspace or small(), folder, **settings)
        self.members = Members(self.keys.store, self.clock)
        self.sessions = Sessions(self.keys.store, self.clock)
        self.tokens: dict[str, str] = {}

    def member(self, role: Role, name: str = "") -> Member:
        """Somebody who is logged in."""
        name = name or role
        member = self.members.add(f"{name}@example.com", name, role, by="test")
        self.tokens[name] = self.sessions.open(member, "password").token
        return member

    def raw(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request with neither key nor session of this world's own."""
        self.client.cookies.clear()
        return self.request(method, path, scope=None, **more)

    def as_member(self, name: str, method: str, path: str, **more: Any) -> httpx.Response:
        token = self.tokens[name]
        headers = {"cookie": f"{COOKIE}={token}", CSRF_HEADER: csrf_of(token), **more.pop("headers", {})}
        return self.raw(method, path, headers=headers, **more)

    def by(self, name: str, method: str, path: str, status: int = 200, **more: Any) -> Any:
        found = self.as_member(name, method, path, **more)
        assert found.status_code == status, (method, path, found.status_code, found.text[:800])
        return found.json() if found.content else None
