"""Advertising audiences of segments, brought up to date by a schedule: a channel of type `ads` whose
settings name a `segment` is its audience.

Beside each audience lies its ledger (digests only) and when it was last done, in the data folder. Nobody is
in an audience who did not agree to its `category`; who left the segment, said no, or was erased is taken
out the next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..channels.audience_platforms import Audience, Synchronised, synchronise
from ..channels.audiences import Dialect, FileLedger, Member, Row, rows_of, write_whole
from ..channels.base import Adapter, ChannelError
from ..channels.registry import make_adapter
from ..clock import Clock
from ..errors import SevenfoldError
from ..messages.policy import DeliveryChannel
from .live import Live
from .secrets import look_up

FOLDER: Final = "audiences"
_HOUR_MS: Final = 3_600_000
_AGAIN_MS: Final = 900_000
"""When one that failed is tried again."""
_IDENTITY: Final = ("account_id", "audience_id", "path", "url", "audience", "dialect")
"""Settings that say which audience it is: with another one another ledger begins."""
_log = logging.getLogger("sevenfold.audiences")
MakeAdapter = Callable[[DeliveryChannel], Adapter]


class Done(Struct, frozen=True, kw_only=True):
    """What became of an audience the last time. `failed`: why it did not end; empty: it did. Times in ms
    UTC.
    """

    at: int
    members: int = 0
    added: int = 0
    removed: int = 0
    failed: str = ""


class Audiences:
    """Keeps them. `step` is called again and again and does what is due."""

    def __init__(self, live: Live, data_folder: Path, clock: Clock, make: MakeAdapter | None = None) -> None:
        self._live, self._clock = live, clock
        self._folder = data_folder / FOLDER
        self._make = make or (lambda model: make_adapter(model, look_up))

    async def step(self) -> bool:
        """Brings up to date what is due."""
        for name, model in list(self._live.workspace.channels.items()):
            if is_kept(model) and self._is_due(name, model):
                await self.synchronise(name)
        return False

    def last(self, name: str) -> Done | None:
        """What became of a channel's audience the last time."""
        try:
            return msgspec.json.decode(self._file(name, "json").read_bytes(), type=Done)
        except (OSError, msgspec.DecodeError):
            return None

    def _is_due(self, name: str, model: DeliveryChannel) -> bool:
        last = self.last(name)
        if last is None:
            return True
        wait = _AGAIN_MS if last.failed else int(model.settings.get("every_hours", 24)) * _HOUR_MS
        return self._clock.now() - last.at >= wait

    async def synchronise(self, name: str) -> Done:
        """Brings one audience up to date, whether it is due or not."""
        model = self._live.workspace.channels[name]
        try:
            members, found = await self._synchronise(name, model)
            failed = found.result.reason or found.result.verdict if found.result is not None else ""
        except SevenfoldError as error:
            members, found, failed = 0, Synchronised(), error.code
        done = Done(
            at=self._clock.now(), members=members, added=found.added, removed=found.removed, failed=failed
        )
        await asyncio.to_thread(write_whole, self._file(name, "json"), msgspec.json.encode(done))
        if failed:
            _log.warning("audience_failed", extra={"channel": name, "reason": failed})
        else:
            _log.info("audience_done", extra={"channel": name, "added": done.added, "removed": done.removed})
        return done

    async def _synchronise(self, name: str, model: DeliveryChannel) -> tuple[int, Synchronised]:
        adapter = self._make(model)
        try:
            if not isinstance(adapter, Audience):
                raise ChannelError("the channel's provider keeps no audience", where=name)
            platform = adapter.platform
            rows = await self._desired(name, model, platform.dialect, platform.region)
            ledger = await asyncio.to_thread(FileLedger, self._file(name, "ledger", _identity(model)))
            return len(rows), await synchronise(platform, rows, ledger)
        finally:
            await adapter.close()

    async def _desired(
        self, name: str, model: DeliveryChannel, dialect: Dialect, region: str | None
    ) -> set[Row]:
        asked = {"channel": name} | {key: str(model.settings.get(key, "")) for key in ("segment", "category")}
        rows: set[Row] = set()
        after: int | None = 0
        while after is not None:
            page: dict[str, Any] = await self._live.ask("audience", after=after, **asked)
            members = [Member(email=one[0], phone=one[1], consented=True) for one in page["items"]]
            rows |= await asyncio.to_thread(rows_of, members, dialect, region)
            after = page["next"]
        return rows

    def _file(self, name: str, kind: str, identity: str = "") -> Path:
        plain = "".join(one if one.isalnum() or one in "-_" else "_" for one in name)[:60]
        digest = blake2b(f"{name}\0{identity}".encode(), digest_size=6).hexdigest()
        return self._folder / f"{plain}-{digest}.{kind}"


def is_kept(model: DeliveryChannel) -> bool:
    """Whether a channel is the audience of a segment."""
    return model.type == "ads" and bool(model.settings.get("segment"))


def _identity(model: DeliveryChannel) -> str:
    named = {key: str(model.settings[key]) for key in _IDENTITY if key in model.settings}
    return msgspec.json.encode([model.provider or "", sorted(named.items())]).decode()
