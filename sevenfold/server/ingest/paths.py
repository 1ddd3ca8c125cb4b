"""Which paths are ingest's, and what each takes.

Clients of many kinds and ages disagree about paths; all are served in place, with and without a slash at the
end, for several of them take a redirect for success.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec import Struct

Reads = Literal["event", "batch", "posthog", "nothing"]
Page = Literal["settings", "loader", "rudder", "posthog_config", "posthog_flags"]


class Post(Struct, frozen=True):
    """A path that takes events: how its body is read, the event's type where the path says it, and whether
    only browsers and phones use it.
    """

    reads: Reads
    type: str | None = None
    device: bool = False


class Get(Struct, frozen=True):
    """A path that a client asks before it sends anything. `key` is the write key, where the path holds it."""

    page: Page
    key: str | None = None


Route = Post | Get
_TYPES: Final = ("identify", "track", "page", "screen", "group", "alias")
_POSTS: Final[dict[str, Post]] = {
    **{f"/v1/{name}": Post("event", name) for name in _TYPES},
    **{f"/v1/{name[0]}": Post("event", name, device=True) for name in _TYPES},
    **{f"/api/s/{name}": Post("event", name) for name in _TYPES},
    "/v1/batch": Post("batch"),
    "/v1/import": Post("batch"),
    "/v1/b": Post("batch", device=True),
    "/b": Post("batch", device=True),
    "/v1/m": Post("nothing"),
    "/m": Post("nothing"),
    "/batch": Post("posthog"),
    "/capture": Post("posthog"),
    "/e": Post("posthog", device=True),
    "/i/v0/e": Post("posthog", device=True),
    "/flags": Post("nothing"),
    "/decide": Post("nothing"),
}
_GETS: Final[tuple[tuple[re.Pattern[str], Page], ...]] = (
    (re.compile(r"/v1/projects/([^/]{1,200})/settings"), "settings"),
    (re.compile(r"/analytics\.js/v1/([^/]{1,200})/analytics(?:\.min)?\.js"), "loader"),
    (re.compile(r"/sourceConfig()"), "rudder"),
    (re.compile(r"/array/([^/]{1,200})/config"), "posthog_config"),
)


def route(path: str) -> Route | None:
    """What is at `path`; None where it is not ingest's."""
    name = "/" + path.strip("/")
    found = _POSTS.get(name)
    if found is not None:
        return found
    for pattern, page in _GETS:
        match = pattern.fullmatch(name)
        if match is not None:
            return Get(page, match[1] or None)
    return None


def is_ingest_path(path: str) -> bool:
    """Whether `ingest_app` serves `path`. All others are somebody else's, also those beside it under /v1 and
    /api.
    """
    return route(path) is not None
