"""Alerts: what people who run the service have to know, told once, again while it lasts, and when it is over.

`evaluate` is a pure rule over figures; `Alerts` looks every few minutes and tells through a channel of the
workspace.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from ..channels.base import Adapter, Outgoing
from ..channels.registry import make_adapter
from ..clock import Clock
from ..errors import SevenfoldError
from ..messages.policy import DeliveryChannel
from ..messages.rendered import Rendered
from .history import Count, History
from .live import Live
from .secrets import look_up

log = logging.getLogger("sevenfold.alerts")
HOUR_MS: Final = 3_600_000
AGAIN_MS: Final = 24 * HOUR_MS
"""How often people are told again of what lasts."""
OVER_LOOKS: Final = 2
"""Looks without it after which it is over."""
MESSAGES_MIN: Final = 20
"""Fewer messages than this say nothing about a channel."""
FAILED_PER_HUNDRED_MAX: Final = 20
FOLD_LAG_EVENTS_MAX: Final = 100_000
DISK_FREE_BYTES_MIN: Final = 2 * 1024**3
DISK_FREE_PER_HUNDRED_MIN: Final = 5
SILENT_HOURS: Final = 2
USUAL_HOURS: Final = 48
USUAL_HOURS_ACTIVE_MIN: Final = 24
"""Of the hours before, those in which a source that is never silent sent something."""
_FAILED: Final = ("failed", "bounced", "render_error")


class Figures(Struct, kw_only=True):
    """What the rules look at. `counts` are those of the last 50 hours by hour; `status` is the service's."""

    now: int
    status: dict[str, Any]
    counts: Sequence[Count] = ()
    disk_free_bytes: int = 1 << 50
    disk_bytes: int = 1 << 50
    ignored: frozenset[str] = frozenset()
    """Sources that may be silent."""
    digests: Mapping[str, str] = {}
    """Digests that did not arrive or could not answer, with what went wrong."""


class Alert(Struct, frozen=True):
    """Something that is wrong. `key` names it for ever: while it lasts it is the same alert."""

    key: str
    title: str
    detail: str
    fix: str = ""


class Known(Struct, frozen=True):
    """An alert that people were told of: since when, when last, and how many looks it has been away."""

    alert: Alert
    since: int
    told: int
    away: int = 0


class News(Struct, frozen=True):
    """What to tell: `state` is `new`, `lasting` or `over`."""

    state: str
    alert: Alert
    since: int

    def text(self) -> str:
        """In words for people."""
        head = {"new": "Alert", "lasting": "Still", "over": "Over"}[self.state]
        fix = f"\nWhat to do: {self.alert.fix}" if self.alert.fix and self.state != "over" else ""
        return f"{head}: {self.alert.title}\n{self.alert.detail}{fix}"


def evaluate(figures: Figures) -> list[Alert]:
    """Everything that is wrong, by the rules. Pure."""
    found = [*_of_process(figures), *_of_disk(figures), *_of_channels(figures), *_of_sources(figures)]
    return found + _of_digests(figures)


def _of_process(figures: Figures) -> list[Alert]:
    status, found = figures.status, []
    lag = int(status.get("fold_lag") or 0)
    if lag > FOLD_LAG_EVENTS_MAX:
        detail = f"{lag:,} events wait to be decided on."
        found.append(Alert("fold_lag", "Decisions lag behind", detail, "look at the load and the fold's log"))
    for part in ("fold", "delivery"):
        if status.get(f"{part}_connected") is False:
            fix = f"look at the log of the {part} process; it is started again by itself"
            found.append(Alert(f"{part}_away", f"The {part} process is away", "It does not answer.", fix))
    if status.get("snapshot_error"):
        fix = "free some space; until then a restart takes longer"
        found.append(Alert("snapshots", "Snapshots cannot be written", str(status["snapshot_error"]), fix))
    history = (status.get("delivery") or {}).get("history") or {}
    if history.get("error"):
        fix = "free some space; nothing is lost, timelines and reports are behind"
        found.append(Alert("history", "The history cannot be written", str(history["error"]), fix))
    return found


def _of_disk(figures: Figures) -> list[Alert]:
    share = figures.disk_free_bytes * 100 // max(figures.disk_bytes, 1)
    if figures.disk_free_bytes >= DISK_FREE_BYTES_MIN and share >= DISK_FREE_PER_HUNDRED_MIN:
        return []
    detail = f"{figures.disk_free_bytes / 1024**3:.1f} GB are free, {share} %."
    return [Alert("disk", "The disk is nearly full", detail, "free some space, or make the disk larger")]


def _of_channels(figures: Figures) -> list[Alert]:
    found = []
    sender = (figures.status.get("delivery") or {}).get("sender") or {}
    if sender.get("trouble"):
        fix = "look at the delivery's log; messages wait and go out then"
        found.append(Alert("sender", "The sender is in trouble", str(sender["trouble"]), fix))
    for name, state in sorted((sender.get("channels") or {}).items()):
        told = state if isinstance(state, dict) else {"state": state}
        if told.get("state") == "paused":
            reason = str(told.get("reason") or "its settings")
            fix = "put its settings right; messages wait and go out then"
            found.append(Alert(f"paused {name}", f"Channel {name} is paused", f"Because of {reason}.", fix))
    standing = (figures.status.get("delivery") or {}).get("standing") or {}
    for name, one in sorted(standing.items()):
        found += _of_standing(name, one)
    since = figures.now // HOUR_MS - 1
    decided: dict[str, int] = {}
    outcomes: dict[str, dict[str, int]] = {}
    for one in figures.counts:
        if one.at < since:
            continue
        if one.kind == "message":
            decided[one.name] = decided.get(one.name, 0) + one.count
        elif one.kind == "outcome":
            held = outcomes.setdefault(one.name, {})
            held[one.what] = held.get(one.what, 0) + one.count
    for name in sorted({*decided, *outcomes}):
        found += _of_channel(name, decided.get(name, 0), outcomes.get(name, {}))
    return found


def _of_standing(name: str, told: dict[str, Any]) -> list[Alert]:
    fix = str(told.get("fix") or "")
    if told.get("action") == "halted":
        said = str((told.get("halted") or {}).get("said") or "")
        fix = f"{fix}; then resume the channel".removeprefix("; then ")
        detail = f"{said or 'Too much came back.'} What nobody asked for waits; transactional messages go on."
        return [Alert(f"halted {name}", f"Channel {name} is halted", detail, fix)]
    if told.get("action") == "warn":
        detail = f"{told.get('said')}; a little more and the channel is halted."
        return [Alert(f"standing {name}", f"Too much comes back on {name}", detail, fix)]
    return []


def _of_channel(name: str, decided: int, outcomes: dict[str, int]) -> list[Alert]:
    sent, failed = outcomes.get("sent", 0), sum(outcomes.get(one, 0) for one in _FAILED)
    if decided >= MESSAGES_MIN and not sent and not failed:
        detail = f"{decided:,} messages were decided in the last hours and none was sent."
        fix = "look at the channel's state and the delivery's log"
        return [Alert(f"stopped {name}", f"Nothing is sent on {name}", detail, fix)]
    if sent + failed >= MESSAGES_MIN and failed * 100 > FAILED_PER_HUNDRED_MAX * (sent + failed):
        detail = f"{failed:,} of {sent + failed:,} failed in the last hours."
        return [Alert(f"errors {name}", f"Many messages fail on {name}", detail, "look at their reasons")]
    return []


def _of_digests(figures: Figures) -> list[Alert]:
    fix = "look at the channel, and at GET /api/digests"
    return [
        Alert(f"digest {name}", f"Digest {name} is in trouble", said, fix)
        for name, said in sorted(figures.digests.items())
    ]


def _of_sources(figures: Figures) -> list[Alert]:
    hour = figures.now // HOUR_MS
    active: dict[str, set[int]] = {}
    for one in figures.counts:
        if one.kind == "events":
            active.setdefault(one.name, set()).add(one.at)
    found = []
    for name, hours in sorted(active.items()):
        usual = sum(hour - SILENT_HOURS - USUAL_HOURS <= at < hour - SILENT_HOURS for at in hours)
        if name in figures.ignored or usual < USUAL_HOURS_ACTIVE_MIN or max(hours) >= hour - SILENT_HOURS:
            continue
        silent = hour - max(hours)
        detail = f"Nothing came for {silent} hours; it sent in {usual} of the {USUAL_HOURS} before."
        fix = "look at the site or program that sends them, and at its write key"
        found.append(
            Alert(f"silent {name}", f"No events from {name or 'a source without a name'}", detail, fix)
        )
    return found


def tell(found: Sequence[Alert], known: dict[str, Known], now: int) -> tuple[list[News], dict[str, Known]]:
    """What people are told of what was found, and what is known afterwards. Pure."""
    news: list[News] = []
    after: dict[str, Known] = {}
    for alert in found:
        before = known.get(alert.key)
        if before is None:
            news.append(News("new", alert, now))
            after[alert.key] = Known(alert, now, now)
        elif now - before.told >= AGAIN_MS:
            news.append(News("lasting", alert, before.since))
            after[alert.key] = Known(alert, before.since, now)
        else:
            after[alert.key] = replace(before, alert=alert, away=0)
    for key, before in known.items():
        if key in after:
            continue
        if before.away + 1 >= OVER_LOOKS:
            news.append(News("over", before.alert, before.since))
        else:
            after[key] = replace(before, away=before.away + 1)
    return news, after


Tell = Callable[[Sequence[News]], Awaitable[bool]]
"""Tells people; whether that worked."""


class Alerts:
    """Looks at one service, for ever. `tell_people` is asked again at the next look when it did not work."""

    def __init__(
        self,
        live: Live,
        history: History,
        folder: Path,
        clock: Clock,
        tell_people: Tell,
        every_ms: int,
        alarm: asyncio.Event | None = None,
        digests: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`alarm` is set when something has happened that people should know of before the next look;
        `digests` says which are in trouble, and why.
        """
        self._digests = digests
        self._alarm = alarm or asyncio.Event()
        self._live, self._history, self._folder, self._clock = live, history, folder, clock
        self._tell_people, self._every_s = tell_people, every_ms / 1_000
        self.known: dict[str, Known] = {}

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._alarm.wait(), self._every_s)
            self._alarm.clear()
            try:
                await self.look()
            except (SevenfoldError, OSError) as error:
                log.warning("alerts could not be looked at: %s", type(error).__name__)

    async def look(self) -> list[News]:
        """One look; what was told."""
        figures = await self.figures()
        news, after = tell(evaluate(figures), self.known, figures.now)
        for one in news:
            log.warning("%s: %s", one.state, one.alert.title)
        if not news or await self._tell_people(news):
            self.known = after
        return news

    async def figures(self) -> Figures:
        """What the rules look at, now."""
        now = self._clock.now()
        status = await self._live.status()
        since = now - (SILENT_HOURS + USUAL_HOURS + 1) * HOUR_MS
        counts = await asyncio.to_thread(self._history.counts, ("events", "message", "outcome"), since)
        disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        return Figures(
            now=now, status=status, counts=counts, disk_free_bytes=disk.free, disk_bytes=disk.total,
            digests=await asyncio.to_thread(self._digests),
        )  # fmt: skip


def outgoing(news: Sequence[News], channel: str, address: str, now: int) -> Outgoing:
    """News as one message over an e-mail or chat channel."""
    text = "\n\n".join(one.text() for one in news)
    subject = f"Sevenfold: {news[0].alert.title}" + (f" and {len(news) - 1} more" if len(news) > 1 else "")
    content = Rendered(
        template="alert", digest="", channel=channel, locale="en", subject=subject, title=subject, body=text,
        text=text,
    )  # fmt: skip
    return Outgoing(
        effect=f"alert-{now}",
        channel=channel,
        address=address,
        person="",
        content=content,
        transactional=True,
    )


def through_channel(
    live: Live, clock: Clock, channel: str, addresses: Sequence[str],
    make: Callable[[DeliveryChannel], Adapter] = lambda model: make_adapter(model, look_up),
) -> Tell:  # fmt: skip
    """Tells through a channel of the workspace that is in force: each address, or the channel's own place
    without any.
    """

    async def told(news: Sequence[News]) -> bool:
        model = live.workspace.channels.get(channel)
        if model is None:
            log.error("alerts have no channel %s in the workspace", channel)
            return False
        try:
            adapter = make(model)
        except SevenfoldError as error:
            log.error("alerts cannot be sent: %s", error.code)
            return False
        try:
            results = [
                await adapter.send(outgoing(news, channel, address, clock.now()))
                for address in addresses or [""]
            ]
        finally:
            await adapter.close()
        for one in results:
            if one.verdict != "accepted":
                log.error("an alert was not taken: %s", one.reason or one.verdict)
        return any(one.verdict == "accepted" for one in results)

    return told
