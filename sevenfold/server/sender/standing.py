"""How channels stand with those who receive: what a warm-up allows a day, and a halt when too many addresses
do not exist, too much is blocked, or too many people complain.

Both hold up only what nobody asked for: transactional messages go all the same. A halt is a control record
(`{op: channel, held: ...}`), so it outlives every process; what it is decided on is read from the history.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from ...channels.reputation import Assessment, Thresholds, allowance, count, verdict
from ...effects import Effect
from ...messages.policy import DeliveryChannel
from ..history import Numbered, Told

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WINDOW_MS: Final = DAY_MS
"""Over which shares are counted."""
_ASSESSED: Final = "email"
_UNBOUNDED: Final = 1 << 40
_MINUTE_MS: Final = 60_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class Halt(Struct, frozen=True):
    """Why a channel is halted: the measure, since when (ms UTC), and words for people."""

    reason: str
    since: int
    said: str = ""


class Standing:
    """Implements `pacing.Allowance`. Give it the channels in force, the effects `channel`, and what the
    history says was told of messages.
    """

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._thresholds = thresholds or Thresholds()
        self._channels: Mapping[str, DeliveryChannel] = {}
        self._hours: defaultdict[str, dict[int, Counter[tuple[str, str | None, bool]]]] = defaultdict(dict)
        self._sent: Counter[tuple[str, int]] = Counter()
        """Of channels that warm up, by day."""
        self._halts: dict[str, Halt] = {}
        self._since: dict[str, int] = {}
        """What was told before does not count: somebody has looked at it since."""
        self._found: dict[str, Assessment] = {}

    def take_over(self, channels: Mapping[str, DeliveryChannel]) -> None:
        """The channels in force."""
        self._channels = channels

    def take(self, effect: Effect | Numbered) -> None:
        """A channel was halted, or goes on."""
        if effect.kind != "channel":
            return
        held = effect.data.get("held")
        if isinstance(held, str):
            self._halts[effect.name] = Halt(held, effect.time, str(effect.data.get("said") or ""))
        elif effect.data.get("on") is True:
            self._halts.pop(effect.name, None)
            self._since[effect.name] = effect.time
            self._hours.pop(effect.name, None)

    def hear(self, told: Iterable[Told]) -> None:
        """Outcomes, in order."""
        for one in told:
            model = self._channels.get(one.channel)
            if model is None or model.type != _ASSESSED or one.machine:
                continue
            if one.time >= self._since.get(one.channel, 0):
                hour = self._hours[one.channel].setdefault(one.time // HOUR_MS, Counter())
                hour[one.outcome, one.reason, one.permanent] += one.count

    def recall(self, told: Iterable[Told]) -> None:
        """What was sent before this process began counts for the warm-up."""
        for one in told:
            if one.outcome == "sent":
                self._sent[one.channel, one.time // DAY_MS] += one.count

    def assess(self, now: int) -> list[tuple[str, Assessment]]:
        """Channels that are to be halted, and are not."""
        found: dict[str, Assessment] = {}
        for name, hours in self._hours.items():
            for hour in [one for one in hours if (one + 1) * HOUR_MS <= now - WINDOW_MS]:
                del hours[hour]
            whole: Counter[tuple[str, str | None, bool]] = Counter()
            for counted in hours.values():
                whole.update(counted)
            found[name] = verdict(count((*of, many) for of, many in whole.items()), self._thresholds)
        self._found = found
        wanted = [(name, one) for name, one in found.items() if one.action == "pause"]
        return [(name, one) for name, one in wanted if name not in self._halts]

    # ------------------------------------------------------------------------------------- Allowance

    def room(self, channel: str, now: int) -> int:
        if channel in self._halts:
            return 0
        first = self._first_day(channel)
        allowed = allowance(max(now // DAY_MS - first, 0)) if first is not None else None
        return _UNBOUNDED if allowed is None else allowed - self._sent[channel, now // DAY_MS]

    def took(self, channel: str, now: int) -> None:
        if self._first_day(channel) is not None:
            self._sent[channel, now // DAY_MS] += 1

    def next(self, channel: str, now: int) -> int:
        # How long a halt lasts is for people to say.
        return now + _MINUTE_MS if channel in self._halts else (now // DAY_MS + 1) * DAY_MS

    def _first_day(self, channel: str) -> int | None:
        model = self._channels.get(channel)
        if model is None or model.warm_up is None:
            return None
        return date.fromisoformat(model.warm_up).toordinal() - _EPOCH_DAY

    def status(self, now: int) -> dict[str, dict[str, Any]]:
        """For people, by channel: a halt, what is to be looked at, and what is left of today's warm-up."""
        found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for name, one in self._found.items():
            if one.action != "go":
                found[name] |= asdict(one)
        for name, halt in self._halts.items():
            found[name] |= {"action": "halted", "halted": asdict(halt)}
        for name in self._channels:
            left = self.room(name, now)
            if left < _UNBOUNDED and name not in self._halts:
                found[name]["left_today"] = max(left, 0)
        return dict(found)


__all__ = ["HOUR_MS", "WINDOW_MS", "Halt", "Standing"]
