"""Answers that people get on a schedule: when they are due, what they say, and their way over a channel.

When a digest is due is reckoned in engine time, and what it says holds what was true then: it waits until the
warehouse has everything up to that time, asks about the period before it, and keeps what was made. So a
digest that comes late, or is tried again, says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from ...channels.base import Adapter, Outgoing, Result
from ...channels.registry import make_adapter
from ...clock import Clock
from ...errors import SevenfoldError
from ...journeys.zones import zone
from ...limits import DIGEST_KEPT_MS, DIGEST_WAIT_MS
from ...measures.answer import Answer
from ...measures.events.periods import duration
from ...measures.saved import Saved, find_saved
from ...messages.policy import DeliveryChannel
from ...messages.rendered import Rendered
from ...report import words
from ...report.digest import Asked, render, stretch
from ..audit import OK, Audit
from ..live import Live, UnavailableError
from ..secrets import look_up
from .digest_store import Delivery, Digest, DigestRun, DigestStore
from .saved import saved_questions
from .schedule import following, last_due

log = logging.getLogger("sevenfold.digests")
BY: Final = "schedule"
"""Who acts in the audit log, when nobody pressed anything."""
Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the warehouse; see `line.asked`."""
_AGAIN_MS, _AGAIN_MS_MAX = 10_000, 300_000


class DigestError(SevenfoldError):
    """A digest cannot be sent as it is set up."""

    code = "digest_invalid"


def digest_id(name: str, due: int, address: str) -> str:
    """The id of a delivery for ever: the key under which providers take it once."""
    return blake2b("\0".join(("digest", name, str(due), address)).encode(), digest_size=8).hexdigest()


class Digests:
    """The digests of one service. `step` does what is due; one at a time."""

    def __init__(
        self, live: Live, ask: Ask, store: DigestStore, folder: Path, clock: Clock, audit: Audit,
        make: Callable[[DeliveryChannel], Adapter] = lambda model: make_adapter(model, look_up),
    ) -> None:  # fmt: skip
        self._live, self._ask, self.store, self._folder = live, ask, store, folder
        self._clock, self._audit, self._make = clock, audit, make
        self._wanted: dict[tuple[str, int], tuple[int, int | None]] = {}
        """Of runs that wait: the log position and the effect that the warehouse must have."""

    def recover(self) -> None:
        """Once, before the first step: what a stop or a crash found between its claim and the answer may have
        gone out; the channel's rule for the unknown says whether it is sent again.
        """
        for one in self.store.claimed():
            digest = self.store.digests().get(one.name)
            model = self._live.workspace.channels.get(digest[0].channel) if digest else None
            again = model is not None and model.unknown == "retry"
            self.store.mark(one, "owed" if again else "unknown", self._clock.now(), reason="interrupted")

    async def step(self) -> bool:
        """Does what is due now; never more at once than is due, so there is nothing more to do."""
        status = await self._live.status()
        now = max(int(status.get("time") or 0), self._clock.now())
        for digest, since in self.store.digests().values():
            if not digest.paused:
                self._due(digest, since, now)
        for run in reversed(self.store.runs(states=("waiting",))):
            await self._prepare(run, status, now)
        for run in reversed(self.store.runs(states=("ready",))):
            await self._deliver(run, now)
        return False

    def _due(self, digest: Digest, since: int, now: int) -> None:
        try:
            due, missed = last_due(digest.schedule, zone(self._zone(digest)), since, now)
        except SevenfoldError as error:
            log.error("digest %s has no schedule that can be followed: %s", digest.name, error.code)
            return
        if due is not None:
            self.store.begin(digest.name, due, now, missed, scheduled=True)

    def _zone(self, digest: Digest) -> str:
        return digest.timezone or self._live.workspace.timezone

    # ------------------------------------------------------------------------------------------- contents

    async def _prepare(self, run: DigestRun, status: Mapping[str, Any], now: int) -> None:
        digest = self.store.digests()[run.name][0]
        try:
            if not await self._has_everything(run, status):
                raise UnavailableError("the warehouse is behind the log")
            content, trouble = await self.content(digest, run.due)
        except UnavailableError as error:
            if now - run.at > DIGEST_WAIT_MS:
                self.store.finish(run.name, run.due, error.message)
                self._note(run, error.code)
            return
        self._wanted.pop((run.name, run.due), None)
        self.store.ready(run.name, run.due, content, trouble, digest.to)

    async def _has_everything(self, run: DigestRun, status: Mapping[str, Any]) -> bool:
        """Whether the warehouse has what was stored, and decided on it, when the run fell due."""
        place = run.name, run.due
        position, number = self._wanted.setdefault(place, (int(status["position"]), None))
        if number is None:
            if int(status["folded"]) < position:
                return False
            number = int(status["emitted"])
            self._wanted[place] = position, number
        through = await self._ask({})
        return int(through["position"]) >= position and int(through["number"]) >= number

    async def content(self, digest: Digest, due: int) -> tuple[Rendered, str]:
        """What a digest says as of ms UTC, and what kept a question from being answered. Raises
        UnavailableError.
        """
        since = due - duration(digest.period, "period") if digest.period else None
        held = saved_questions(self._folder)
        asked = [Asked(name, await self._answer(held, name, since, due)) for name in digest.questions]
        failed = [f"{one.name}: {one.answer}" for one in asked if isinstance(one.answer, SevenfoldError)]
        model = self._live.workspace.channels.get(digest.channel)
        where = zone(self._zone(digest))
        period = stretch(None if since is None else where.wall(since), where.wall(due), where.name)
        content = render(
            digest.title or words.title(digest.name.replace("-", " ")), period,
            f"Sent by Sevenfold: {digest.schedule}.", asked, digest.channel, model.type if model else "",
        )  # fmt: skip
        return content, "; ".join(failed)

    async def _answer(
        self, held: Mapping[str, Saved], name: str, since: int | None, until: int
    ) -> Answer | SevenfoldError:
        try:
            question = find_saved(held, name).asked(since, until)
            fields = msgspec.to_builtins(question)
            analysis = fields.pop("analysis")
            return Answer.of_json(await self._ask({"analysis": analysis, "fields": fields}), question)
        except UnavailableError:
            raise
        except SevenfoldError as error:
            return error

    # ----------------------------------------------------------------------------------------- deliveries

    async def _deliver(self, run: DigestRun, now: int) -> None:
        owed = [one for one in run.deliveries if one.state == "owed"]
        ready = [one for one in owed if one.next <= now]
        if ready:
            digest = self.store.digests()[run.name][0]
            content = self.store.content(run.name, run.due)
            await self._hand_over(digest, run, content, ready, now)
        after = self.store.runs(name=run.name, states=("ready",))
        if not any(one.due == run.due and _open(one) for one in after):
            self.store.finish(run.name, run.due)

    async def _hand_over(
        self, digest: Digest, run: DigestRun, content: Rendered, ready: list[Delivery], now: int
    ) -> None:
        model = self._live.workspace.channels.get(digest.channel)
        try:
            if model is None:
                raise DigestError(f"the workspace has no channel `{digest.channel}`")
            adapter = self._make(model)
        except SevenfoldError as error:
            for one in ready:
                self._verdict(run, one, Result(verdict="config_error", reason=error.message), now)
            return
        try:
            for one in ready:
                self.store.mark(one, "claimed", now)
                effect = digest_id(run.name, run.due, one.address)
                message = Outgoing(
                    effect=effect, channel=digest.channel, address=one.address, person="", content=content,
                    expires=run.due + DIGEST_KEPT_MS, transactional=True,
                )  # fmt: skip
                self._verdict(run, one, await adapter.send(message), now)
        finally:
            await adapter.close()

    def _verdict(self, run: DigestRun, one: Delivery, result: Result, now: int) -> None:
        reason = result.reason or result.verdict
        if result.verdict == "accepted":
            self.store.mark(one, "sent", now, tries=1)
        elif result.verdict == "unknown":
            self.store.mark(one, "unknown", now, tries=1, reason=reason)
        elif result.verdict == "permanent" or now - max(run.due, run.at) > DIGEST_KEPT_MS:
            self.store.mark(one, "failed", now, tries=1, reason=reason)
        else:
            pause = min(_AGAIN_MS << min(one.tries, 10), _AGAIN_MS_MAX)
            pause = max(pause, int((result.retry_after_s or 0) * 1_000))
            self.store.mark(one, "owed", now, tries=1, again=now + pause, reason=reason)
            log.warning("digest %s is tried again: %s", run.name, reason)
            if one.tries:
                return
        self._note(run, OK if result.verdict == "accepted" else reason)

    def _note(self, run: DigestRun, result: str) -> None:
        action = "digest.sent" if result == OK else "digest.failed"
        self._audit.note(BY, action, run.name, result=result, detail={"due": run.due})

    # ----------------------------------------------------------------------------------------- for people

    async def send_now(self, name: str) -> int:
        """Owes a digest as of now; gives the due time of the run."""
        status = await self._live.status()
        due = max(int(status.get("time") or 0), self._clock.now())
        self.store.begin(name, due, due, 0, scheduled=False)
        return due

    def keep(self, digest: Digest) -> int | None:
        """Keeps a digest, from now on; gives when it is due next. Raises SevenfoldError when it cannot
        work.
        """
        if digest.period:
            duration(digest.period, "period")
        held = saved_questions(self._folder)
        for name in digest.questions:
            find_saved(held, name).asked()
        model = self._live.workspace.channels.get(digest.channel)
        if model is None:
            known = ", ".join(self._live.workspace.channels) or "it has none"
            message = f"the workspace has no channel `{digest.channel}`"
            raise DigestError(message, where="channel", fix=f"one of {known}")
        if model.type == "email" and not digest.to:
            raise DigestError("nobody gets it", where="to", fix="name one or more addresses")
        now = self._clock.now()
        found = following(digest.schedule, zone(self._zone(digest)), now)
        self.store.keep(digest, now)
        return found

    def next_due(self, digest: Digest, since: int) -> int | None:
        """When a digest is due next; None when it is paused or its schedule is over."""
        return None if digest.paused else following(digest.schedule, zone(self._zone(digest)), since)


def failing(store: DigestStore) -> dict[str, str]:
    """Digests whose last run did not reach everybody, or could not answer, by name, with what went wrong."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for run in store.runs():
        if run.name in seen or (run.state == "waiting" and not run.trouble):
            continue
        seen.add(run.name)
        bad = [
            one for one in run.deliveries if one.state in ("failed", "unknown") or (one.tries and _owed(one))
        ]
        if bad:
            reasons = ", ".join(sorted({one.reason for one in bad}))
            found[run.name] = f"{len(bad)} of {len(run.deliveries)} deliveries did not succeed: {reasons}."
        elif run.trouble:
            found[run.name] = run.trouble
    return found


def _owed(one: Delivery) -> bool:
    return one.state == "owed"


def _open(run: DigestRun) -> bool:
    return any(one.state in ("owed", "claimed") for one in run.deliveries)
