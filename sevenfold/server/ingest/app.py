"""The ingest application: raw ASGI, for this is where the events come in.

A request is read, its key looked up, its events taken one by one, appended, and answered once they are
durable.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from ...errors import LogError
from ...limits import WRITE_KEY_CHARS_MAX
from ...log.base import NewEvents
from ..live import BusyError, UnavailableError
from . import envelope as read
from .agents import Agents
from .body import Bodies, ClientGoneError, Receive, unpacked
from .envelope import Envelope
from .errors import (
    DrainingError,
    LaterError,
    MethodError,
    NotJsonError,
    PathError,
    RateError,
    RequestError,
    TooLargeError,
    TooSlowError,
    WriteKeyError,
)
from .loader import loader
from .pages import posthog_config, rudder_config, segment_settings
from .paths import Get, Post, route
from .places import Places, behind_proxy, networks, peer_address
from .posthog import from_posthog
from .replies import DONE, Reply, Send, failure, page, script, send_preflight, send_reply, summary
from .rewriting import Rewriter, Sender
from .taking import Request, Taken, Taking

if TYPE_CHECKING:
    from ..keys import Key
    from ..services import Services

_log = logging.getLogger("sevenfold.server.ingest")
_ASIDE_BYTES: Final = 64 * 1024
"""Bodies from this size on are unpacked in a thread, so that others do not wait."""
_LANGUAGE: Final = re.compile(rb"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}(?=\s*(?:[,;]|$))")
_STORE_AGAIN_S: Final = 5
_KEPT_S: Final = 300


class Ingest:
    """An ASGI application for the paths of `paths.is_ingest_path`."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._live, self._keys, self._clock = services.live, services.keys, services.clock
        self._public = settings.public_url
        self._trusted = networks(settings.trusted_proxies)
        self._places = Places(Path(settings.geo_database) if settings.geo_database else None, services.clock)
        rewriter = Rewriter(Agents(services.clock), self._places, keep_ip=settings.keep_ip)
        self._taking = Taking(rewriter)
        self._bodies = Bodies()
        self._draining = False
        self.counts: Counter[str] = Counter()
        """Events by what became of them (`accepted`, `duplicate`, or the code of the reason), and requests as
        `request_` and their status.
        """

    def drain(self) -> None:
        """From now on every request is asked to come again: the service is about to stop."""
        self._draining = True

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] == "OPTIONS":
            await send_preflight(send, headers)
            return
        try:
            reply = await self._answer(scope, headers, receive)
        except ClientGoneError:
            return
        except (TooLargeError, TooSlowError) as error:
            reply = failure(error, error.status, close=True)
        except (RequestError, LaterError) as error:
            reply = failure(error, error.status)
        except BusyError as error:
            reply = failure(error, 429)
        except (UnavailableError, LogError) as error:
            _log.warning("ingest_unavailable", extra={"code": error.code})
            reply = failure(DrainingError("events cannot be stored just now", _STORE_AGAIN_S), 503)
        except Exception as error:
            # A defect of ours, or of what is below: clients keep what they have and come again.
            _log.error("ingest_failed", extra={"error": type(error).__name__, "where": _where(error)})
            reply = failure(DrainingError("something went wrong on our side", _STORE_AGAIN_S), 503)
        self.counts[f"request_{reply.status}"] += 1
        await send_reply(send, reply, headers.get(b"origin"))

    def statistics(self) -> dict[str, int]:
        """`counts`, and `reading_bytes`: what is held of requests that are still arriving."""
        return {**self.counts, "reading_bytes": self._bodies.held}

    def close(self) -> None:
        """Lets go of the geographic database."""
        self._places.close()

    async def _answer(
        self, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes], receive: Receive
    ) -> Reply:
        found = route(scope["path"])
        method = scope["method"]
        if found is None:
            raise PathError("there is nothing at this path", fix="see the reference of the ingest API")
        if isinstance(found, Get):
            if method not in ("GET", "HEAD"):
                raise MethodError("this path is read with GET", fix="send GET")
            return self._page(found, scope, headers)
        if method != "POST":
            raise MethodError("this path takes events with POST", fix="send POST")
        if self._draining:
            raise DrainingError("the service is stopping", _STORE_AGAIN_S)
        return await self._take(found, scope, headers, receive)

    async def _take(
        self, post: Post, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes], receive: Receive
    ) -> Reply:
        named = read.write_key(headers)
        # A wrong key is told before the body is read.
        key = self._key(named) if named else None
        declared = headers.get(b"content-length", b"")
        body = await self._bodies.read(receive, int(declared) if declared.isdigit() else None)
        received = self._clock.now()
        if post.reads == "nothing":
            return DONE
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if len(body) < _ASIDE_BYTES:
            body = unpacked(body, encoding)
        else:
            body = await asyncio.to_thread(unpacked, body, encoding)
        envelope = _envelope(post, body)
        if key is None:
            named = read.write_key({}, envelope)
            key = self._key(named)
        wait = self._keys.wait_s(key, len(envelope.events))
        if wait > 0:
            raise RateError("more events came with this key than its rate allows", math.ceil(wait))
        request = Request(
            source=key.source or "",
            received=received,
            sender=self._sender(post, scope, headers),
            body=body,
            key=named or "",
            type=post.type,
        )
        return await self._store(envelope, request)

    async def _store(self, envelope: Envelope, request: Request) -> Reply:
        taken = Taken([], [], [], [])
        for _ in self._taking.course(envelope, request, taken):
            await asyncio.sleep(0)
        duplicates = 0
        if taken.entries:
            receipts = await self._live.append([NewEvents(taken.entries, taken.keys)])
            duplicates = len(receipts[0].duplicates)
        if taken.dropped:
            # After the append: a request that has to come again must not leave its dead letters twice.
            await self._live.drop(taken.dropped)
            self.counts.update(refused.code for refused in taken.refused)
        accepted = len(taken.entries) - duplicates
        self.counts["accepted"] += accepted
        self.counts["duplicate"] += duplicates
        return summary(accepted, duplicates, taken.refused)

    def _key(self, named: str | None) -> Key:
        found = self._keys.find(named, "write") if named else None
        if found is None:
            what = "the write key is not known" if named else "there is no write key"
            fix = "send it as the user of Basic authorization, as X-Write-Key or as `writeKey` in the body"
            raise WriteKeyError(what, fix=fix)
        return found

    def _sender(self, post: Post, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]) -> Sender:
        # Pages name their origin, and RudderStack's browser and phone clients whom they speak for.
        device = post.device or b"origin" in headers or b"anonymousid" in headers
        address = peer_address(scope.get("client"), headers, self._trusted)
        if not device:
            return Sender(device=False, address=address)
        agent = headers.get(b"user-agent", b"").decode("latin-1")
        return Sender(True, address, agent or None, _language(headers.get(b"accept-language", b"")))

    # --- pages ----------------------------------------------------------------------------------------------

    def _page(self, get: Get, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]) -> Reply:
        if get.page == "posthog_config":
            return page(posthog_config(), seconds=_KEPT_S)
        named = get.key or read.write_key(headers) or _query(scope, "writeKey")
        key = self._key(named)
        assert named is not None
        host, scheme = self._reached(scope, headers)
        if get.page == "loader":
            return script(loader(named, f"{scheme}://{host}"), seconds=_KEPT_S)
        if get.page == "rudder":
            return page(rudder_config(named, key.source or ""), seconds=_KEPT_S)
        return page(segment_settings(named, host, scheme), seconds=_KEPT_S)

    def _reached(self, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]) -> tuple[str, str]:
        """The host and scheme under which clients reach us."""
        if self._public:
            scheme, _, host = self._public.rstrip("/").partition("://")
            return host, scheme
        host = headers.get(b"host", b"").decode("latin-1")
        scheme = scope.get("scheme", "http")
        if self._trusted and behind_proxy(scope.get("client"), self._trusted):
            told = headers.get(b"x-forwarded-proto", b"").decode("latin-1").lower()
            scheme = told if told in ("http", "https") else scheme
        return host, scheme


def ingest_app(services: Services) -> Ingest:
    """The ASGI application for everything that `is_ingest_path` says. Raises SettingsError."""
    return Ingest(services)


def _where(error: Exception) -> str:
    """The line of code; what the error says may be somebody's data, and is not written down."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame is not None else ""


def _envelope(post: Post, body: bytes) -> Envelope:
    if not body:
        raise NotJsonError("the body is empty", fix="send events as JSON")
    if post.reads == "batch":
        return read.read_batch(body)
    if post.reads == "posthog":
        return from_posthog(body)
    return read.read_single(body)


def _language(header: bytes) -> str | None:
    """The first language that a browser names."""
    match = _LANGUAGE.match(header)
    return match[0].decode() if match is not None else None


def _query(scope: MutableMapping[str, Any], name: str) -> str | None:
    found = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=50).get(name)
    return found[0][:WRITE_KEY_CHARS_MAX] if found else None
