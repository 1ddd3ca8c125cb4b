"""A sender for virtual time: what would have become of the messages that a fold decides, in order of time.

History that was not recorded live knows nothing of messages that are decided only now. Here each is sent and
delivered after a constant latency, at the pace the journey's `limits.rate` allows, so that waits for
outcomes, caps that failures give back and signals over messages work in a replay as they do live. Nothing is
opened or clicked: nobody knows who would have. Outcomes take no number in the log, so that ids do not depend
on them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, Final

from msgspec import Struct

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.engine.controls import perform
from sevenfold.journeys.limits_text import limit_of
from sevenfold.limits import ACCOUNT_TICK_MS
from sevenfold.log.base import Log
from sevenfold.playback.feed import records
from sevenfold.profiles.unit import Unit
from sevenfold.profiles.wheel import NEVER
from sevenfold.workspace import models as m

LATENCY_MS: Final = 1_000
"""From a decision to `sent`, and from there to `delivered`."""
_PLACES: Final = 10_000
_CANCELLING: Final = frozenset({"cancelled", "revoked"})


class Delivering(Struct, frozen=True, kw_only=True):
    """How messages fare. `failed_percent` of them fail, drawn by the digest of their id; of the templates in
    `failing` all do. Effects in `recorded` have their outcomes in the log already.
    """

    latency_ms: int = LATENCY_MS
    failed_percent: float = 0.0
    failing: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()


class Delivery:
    """Outcomes that are still to come, by time. `next_due` is when the next one is due, NEVER for none."""

    def __init__(self, workspace: m.Workspace, options: Delivering) -> None:
        self.options = options
        self.next_due = NEVER
        self._coming: list[tuple[int, int, str, str]] = []
        self._count = 0
        self._open: dict[str, int] = {}
        """How many outcomes each message still has to come; negative once it was taken back."""
        self._fresh: set[str] = set()
        self._fresh_at = 0
        rates = {name: one.limits.rate for name, one in workspace.journeys.items()}
        self._rates = {name: limit_of(rate) for name, rate in rates.items() if rate is not None}
        self._sent: dict[str, deque[int]] = {}

    def take(self, effect: Effect) -> None:
        """Looks at something that was decided; a message or call is put on its way, once."""
        kind, data = effect.kind, effect.data
        ident = str(data.get("effect"))
        if kind in _CANCELLING:
            if ident in self._open:
                self._open[ident] = -abs(self._open[ident])
            return
        if kind not in ("message", "webhook") or ident in self.options.recorded:
            return
        if effect.time != self._fresh_at:
            self._fresh_at = effect.time
            self._fresh.clear()
        if ident not in self._fresh:
            self._fresh.add(ident)
            self._send(ident, effect)

    def _send(self, ident: str, effect: Effect) -> None:
        data, soon = effect.data, effect.time + self.options.latency_ms
        at = self._paced(effect.name, soon)
        if at > soon:
            self._push(soon, ident, "rate_limited")
        expires = data.get("expires")
        if expires is not None and at > soon and at >= expires:
            self._push(int(expires), ident, "expired")
            return
        if effect.name in self._rates:
            self._sent[effect.name].append(at)
        if self._fails(ident, data):
            self._push(at, ident, "failed")
            return
        self._push(at, ident, "sent")
        if effect.kind == "message" and "shown_until" not in data:
            # What is shown in the product is delivered at a visit, and nobody knows whether it was seen.
            self._push(at + self.options.latency_ms, ident, "delivered")

    def _paced(self, journey: str, soon: int) -> int:
        """The first moment from `soon` on at which the journey's rate has room."""
        rate = self._rates.get(journey)
        if rate is None:
            return soon
        sent = self._sent.setdefault(journey, deque(maxlen=rate[0]))
        return max(soon, sent[0] + rate[1]) if len(sent) == rate[0] else soon

    def _fails(self, ident: str, data: Mapping[str, Any]) -> bool:
        if data.get("template") in self.options.failing:
            return True
        if not self.options.failed_percent:
            return False
        digest = blake2b(f"delivery\0{ident}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % _PLACES < self.options.failed_percent * _PLACES / 100

    def _push(self, due: int, ident: str, outcome: str) -> None:
        self._count += 1
        heappush(self._coming, (due, self._count, ident, outcome))
        self._open[ident] = self._open.get(ident, 0) + 1
        self.next_due = self._coming[0][0]

    def pop(self) -> dict[str, Any] | None:
        """The next outcome as a control record; None when its message was taken back meanwhile."""
        _, _, ident, outcome = heappop(self._coming)
        self.next_due = self._coming[0][0] if self._coming else NEVER
        left = self._open.pop(ident)
        if abs(left) > 1:
            self._open[ident] = left - 1 if left > 0 else left + 1
        if left < 0:
            return None
        return {"op": "outcome", "effect": ident, "outcome": outcome}


class DeliveringFold(Fold):
    """A fold whose messages are sent in virtual time; without `delivery` it is a fold like any other.

    An outcome is folded as a record of its time would be: after everything due at that instant, before any
    record that comes later. It interrupts the passing of time the way an account's tick does.
    """

    delivery: Delivery | None = None
    _accounts_due: int = NEVER

    def __init__(self, workspace: m.Workspace, *, delivering: Delivering | None = None, **kept: Any) -> None:
        super().__init__(workspace, **kept)
        self.deliver(delivering)

    def deliver(self, delivering: Delivering | None) -> None:
        """Sends messages so from now on; None sends nothing."""
        self.delivery = None
        if delivering is not None and self.journeys is not None:
            self.delivery = Delivery(self.workspace, delivering)

    @property
    def _tick_due(self) -> int:
        delivery = self.delivery
        if delivery is None or delivery.next_due >= self._accounts_due:
            return self._accounts_due
        return delivery.next_due

    @_tick_due.setter
    def _tick_due(self, due: int) -> None:
        self._accounts_due = due

    def _touch(self, account: int, mask: int) -> None:
        if self._accounts_due == NEVER:
            self._accounts_due = (self.t // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS
        super()._touch(account, mask)

    def _tick(self, tick: int) -> None:
        delivery = self.delivery
        if delivery is None or self._accounts_due == tick:
            super()._tick(tick)
            return
        record = delivery.pop()
        journeys = self.journeys
        if record is None or journeys is None:
            return
        self.t = tick
        self._cause = ("control", "outcome", self.seq)
        journeys.begin()
        try:
            perform(self, record)
        finally:
            journeys.release()

    def emit(self, unit: Unit, row: int, kind: str, name: str, data: dict[str, Any]) -> None:
        super().emit(unit, row, kind, name, data)
        if self.delivery is not None and kind in _LOOKED_AT:
            self.delivery.take(self.effects[-1])

    def control(self, t: int, record: dict[str, Any]) -> list[Effect]:
        delivery = self.delivery
        effects = super().control(t, record)
        if delivery is not None:
            # A published journey is another fold behind the same object, and what it decided at once is new
            # to us.
            self.delivery = delivery
            for effect in effects:
                delivery.take(effect)
        return effects


_LOOKED_AT: Final = frozenset({"message", "webhook", *_CANCELLING})


def has_journeys(workspace: m.Workspace) -> bool:
    """Whether anything in a workspace may decide messages."""
    return bool(workspace.journeys or workspace.broadcasts or workspace.playbooks)


def recorded_outcomes(log: Log) -> frozenset[str]:
    """The effects whose outcomes (or claims) stand in a log: it was recorded live. One pass over it."""
    return frozenset(
        str(record.control.get("effect"))
        for record in records(log)
        if record.control is not None and record.control.get("op") == "outcome"
    )


def folding(workspace: m.Workspace, delivering: Delivering | None) -> Fold:
    """The fold to replay with: a plain one where nothing is decided or outcomes stand in the log."""
    if delivering is None or not has_journeys(workspace):
        return Fold(workspace)
    return DeliveringFold(workspace, delivering=delivering)


__all__ = [
    "LATENCY_MS", "Delivering", "DeliveringFold", "Delivery", "folding", "has_journeys", "recorded_outcomes",
]  # fmt: skip
