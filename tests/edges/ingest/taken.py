"""Requests taken without HTTP: what goes into the log, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sevenfold.clock import SetClock
from sevenfold.server.ingest.agents import Agents
from sevenfold.server.ingest.envelope import read_batch, read_single
from sevenfold.server.ingest.places import Places
from sevenfold.server.ingest.rewriting import SERVER, Rewriter, Sender
from sevenfold.server.ingest.taking import Request, Taken, Taking

NOW = 1_795_322_817_000  # 2026-11-22T04:46:57Z


def taking(*, keep_ip: bool = False, database: Path | None = None, clock: SetClock | None = None) -> Taking:
    time = clock or SetClock(NOW)
    return Taking(Rewriter(Agents(time), Places(database, time), keep_ip=keep_ip))


USUAL = taking()


def take(
    body: Any, *, sender: Sender = SERVER, by: Taking | None = None, key: str = "", type_: str | None = None
) -> Taken:
    """What becomes of a body, of one event (`type_` says which) or a batch."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = read_batch(raw) if type_ is None else read_single(raw)
    return (by or USUAL).take(envelope, Request("web", NOW, sender, raw, key, type_))


def stored(body: Any, **how: Any) -> list[dict[str, Any]]:
    """The events that go into the log."""
    return [json.loads(entry.raw) for entry in take(body, **how).entries]


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Signed In", "userId": "u1", "messageId": "m1", **fields}
