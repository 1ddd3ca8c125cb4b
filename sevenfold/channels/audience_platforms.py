"""Advertising audiences, the part that hands over: what platforms have in common, a file, a webhook.

Each is a `Platform` that takes batches, for `synchronise`; and a channel of type `ads`, so that a journey's
step can put somebody into an audience or take them out: `payload: {action: add, email: "{{ person.email
}}"}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from ..limits import AUDIENCE_BATCH_ITEMS_MAX
from ..messages.rendered import Rendered
from .audiences import (
    Batch,
    Dialect,
    FileLedger,
    Row,
    agreed,
    applied,
    as_csv,
    hashed,
    member_of,
    plan,
    write_whole,
)
from .base import Outgoing, Provider, Result, provider
from .outside import Outside
from .webhook import Webhook, WebhookSettings

_WEBHOOK_ROWS: Final = 100
"""Rows that fit into a webhook's 20 KB."""


class Platform(Protocol):
    """Takes changes to one audience. Each may be given again: adding twice is adding once."""

    dialect: Dialect
    region: str | None
    batch_rows: int

    async def change(self, batch: Batch) -> Result:
        """Hands a batch over; raises nothing that a platform or a network can cause."""
        ...

    async def check(self) -> Result:
        """Whether settings and credentials work, without changing an audience."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class Synchronised(Struct, frozen=True):
    """What became of bringing an audience up to date. `result` is why it ended before all was done."""

    added: int = 0
    removed: int = 0
    result: Result | None = None


async def synchronise(platform: Platform, desired: Set[Row], ledger: FileLedger) -> Synchronised:
    """Makes the audience what is desired. Each batch is in the ledger before the next is sent, so that it
    goes on where it ended; it ends with the first batch that the platform does not take.
    """
    added = removed = 0
    for batch in plan(desired, ledger.rows, platform.batch_rows):
        result = await platform.change(batch)
        if result.verdict != "accepted":
            return Synchronised(added, removed, result)
        await asyncio.to_thread(ledger.took, batch)
        if batch.change == "add":
            added += len(batch.rows)
        else:
            removed += len(batch.rows)
    return Synchronised(added, removed)


class Audience:
    """A platform as a channel: one person at a time."""

    deduplicates = True
    concurrency = 4

    def __init__(self, platform: Platform, rate_per_s: float | None) -> None:
        self.platform, self.rate_per_s = platform, rate_per_s

    async def send(self, message: Outgoing) -> Result:
        payload = message.content.payload
        given: dict[str, Any] = dict(payload) if isinstance(payload, Mapping) else {}
        address = message.address or ""
        given.setdefault("email" if "@" in address else "phone", address)
        try:
            change, email, phone = member_of(given)
        except ValueError as error:
            return Result(verdict="permanent", reason="rejected", detail=str(error))
        row = hashed(email, phone, self.platform.dialect, self.platform.region)
        if row is None:
            detail = "neither an e-mail address nor a phone number"
            return Result(verdict="permanent", reason="bad_address", detail=detail, scope="recipient")
        result = await self.platform.change(Batch(change, (row,)))
        return (
            msgspec.structs.replace(result, provider_id=message.effect) if not result.provider_id else result
        )

    async def check(self) -> Result:
        return await self.platform.check()

    async def close(self) -> None:
        await self.platform.close()


# ------------------------------------------------------------------------------------------ a file, a webhook


class AudienceFileSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CSV file of digests, for uploading by hand or by another program."""

    path: str
    """The file; beside it `PATH.ledger` remembers who is in it."""
    dialect: Dialect = "google"
    """Whose rules addresses are written by before they are hashed."""
    segment: str = ""
    """The segment whose members the audience is; without one only steps of journeys change it."""
    category: str = ""
    """The purpose that people must have agreed to; needed with `segment`."""
    every_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """How often the audience is brought up to date, in hours."""
    region: str = ""
    """Where phone numbers without a country code are from (ISO 3166)."""

    def __post_init__(self) -> None:
        agreed(self.segment, self.category)


class AudienceFile:
    """Keeps a file up to date; each change writes it anew, all at once."""

    batch_rows = AUDIENCE_BATCH_ITEMS_MAX

    def __init__(self, settings: AudienceFileSettings) -> None:
        self.dialect: Dialect = settings.dialect
        self.region = settings.region or None
        self._path = Path(settings.path)
        self._ledger = FileLedger(self._path.with_name(self._path.name + ".ledger"))
        self._lock = asyncio.Lock()

    async def change(self, batch: Batch) -> Result:
        async with self._lock:
            try:
                await asyncio.to_thread(self._write, batch)
            except OSError as error:
                detail = type(error).__name__
                return Result(verdict="config_error", reason="unwritable", detail=detail, scope="account")
        return Result(verdict="accepted")

    def _write(self, batch: Batch) -> None:
        if applied(self._ledger.rows, batch) != self._ledger.rows:
            self._ledger.took(batch)
        write_whole(self._path, as_csv(self._ledger.rows, self.dialect))

    async def check(self) -> Result:
        """Writes nobody into the file."""
        return await self.change(Batch("add", ()))

    async def close(self) -> None:
        """Nothing is open."""


class AudienceWebhookSettings(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another system that keeps the audience; it is called as a webhook is."""

    audience: str = ""
    """What the audience is called there."""
    dialect: Dialect = "google"
    """Whose rules addresses are written by before they are hashed."""
    segment: str = ""
    """The segment whose members the audience is; without one only steps of journeys change it."""
    category: str = ""
    """The purpose that people must have agreed to; needed with `segment`."""
    every_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """How often the audience is brought up to date, in hours."""
    region: str = ""
    """Where phone numbers without a country code are from (ISO 3166)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        agreed(self.segment, self.category)


class AudienceWebhook:
    """Tells changes: `{type: "audience.add", data: {audience, members: [{email_sha256, phone_sha256}]}}`."""

    batch_rows = _WEBHOOK_ROWS

    def __init__(
        self,
        settings: AudienceWebhookSettings,
        *,
        clock: Clock | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.dialect: Dialect = settings.dialect
        self.region = settings.region or None
        self._audience = settings.audience
        self._clock = clock or SystemClock()
        self._webhook = Webhook(settings, clock=clock, outside=outside)

    async def change(self, batch: Batch) -> Result:
        members = [
            {key: value for key, value in (("email_sha256", row.email), ("phone_sha256", row.phone)) if value}
            for row in batch.rows
        ]
        payload = {
            "type": f"audience.{batch.change}",
            "data": {"audience": self._audience, "members": members},
        }
        content = Rendered(template="", digest="", channel="ads", locale="", payload=payload)
        # Not the digest of what is told: the same change may be right again a day later.
        effect = f"audience-{self._clock.now()}-{hash_of(payload)}"
        return await self._webhook.send(
            Outgoing(effect=effect, channel="ads", address=None, person="", content=content)
        )

    async def check(self) -> Result:
        return await self._webhook.check()

    async def close(self) -> None:
        await self._webhook.close()


def hash_of(payload: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that tell one payload from another."""
    return blake2b(msgspec.json.encode(payload), digest_size=8).hexdigest()


provider(
    Provider(
        name="audience_file",
        types=("ads",),
        settings=AudienceFileSettings,
        adapter=lambda settings: Audience(AudienceFile(settings), None),
        summary="a CSV file of digests",
    )
)
provider(
    Provider(
        name="audience_webhook",
        types=("ads",),
        settings=AudienceWebhookSettings,
        adapter=lambda settings: Audience(AudienceWebhook(settings), settings.rate_per_s),
        summary="another system that keeps an audience, told by webhook",
    )
)
