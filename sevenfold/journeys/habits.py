"""What people answer to, and when: the counts behind learned channels and hours.

Counts of one person are theirs; counts of all, and of people alike, are read as of the last closed tick
(engine rule 3): what happened in the present second is not seen yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..learning.bandits import MILLION, drawn, ends_of, place_of, rounded
from ..learning.channel_choice import rate
from ..learning.send_time import HOURS, counted, hour_name, scores, united
from ..profiles import expressions as x
from .evidence import name_of
from .times import local
from .zones import HOUR, zone

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from .runs import RunView
    from .runtime import Journeys

TICK_MS = 1_000
ALIKE_MAX = 256
"""Groups of people alike; whoever is in a further one is like all."""
Totals = tuple[int, int]


class Moment(NamedTuple):
    """When to speak: an instant, and what was chosen among."""

    due: int
    told: dict[str, Any]


class Habits:
    """The counts of a fold. `alike` names a value by which people are alike (`stage.customer`)."""

    def __init__(self, fold: Fold, runtime: Journeys, alike: str | None) -> None:
        self._fold, self._runtime = fold, runtime
        self._alike = x.Name(name_of(alike)) if alike is not None else None
        self.own: dict[int, bytes] = {}
        """Answers of a person by hour of the week, by row."""
        self.groups: dict[str, list[int]] = {}
        """The same of people alike, and of all under ""."""
        self.channels: dict[str, Totals] = {}
        """(messages, answers) of all, by channel."""
        self.late: list[tuple[int, str, str, int]] = []
        """What happened in the present second: (second, `hour` or `sent` or `answered`, group or channel,
        hour).
        """

    # ------------------------------------------------------------------------------------------ counting

    def sent(self, channel: str) -> None:
        """A message went out."""
        self._note("sent", channel, 0)

    def answered(self, row: int, channel: str) -> None:
        """Somebody opened or clicked."""
        t = self._fold.t
        hour = self.hour_of(row, t)
        self.own[row] = counted(self.own.get(row), hour)
        self._note("answered", channel, 0)
        self._note("hour", "", hour)
        group = self.group_of(row)
        if group:
            self._note("hour", group, hour)

    def _note(self, what: str, where: str, hour: int) -> None:
        self._settle()
        self.late.append((self._fold.t // TICK_MS, what, where, hour))

    def _settle(self) -> None:
        """What happened before the present second is known."""
        if not self.late or self.late[0][0] == self._fold.t // TICK_MS:
            return
        for _, what, where, hour in self.late:
            if what == "hour":
                if where in self.groups or len(self.groups) < ALIKE_MAX:
                    self.groups.setdefault(where, [0] * HOURS)[hour] += 1
            else:
                got, answers = self.channels.get(where, (0, 0))
                self.channels[where] = (got + (what == "sent"), answers + (what == "answered"))
        self.late = []

    def hour_of(self, row: int, t: int) -> int:
        """The hour of the week where somebody is."""
        at = local(t, zone(self._runtime.zone_of(row)[0]))
        return at.weekday * 24 + at.ms // HOUR

    def group_of(self, row: int) -> str:
        """Whom somebody is like; "" for nobody in particular."""
        if self._alike is None or not row:
            return ""
        value = self._fold.person.read_name(self._alike, row)
        return "" if value is None else str(value)

    # ------------------------------------------------------------------------------------------ choosing

    def rate_of(self, channel: str, own: Totals) -> int:
        """The chance that somebody answers on a channel, in millionths; `own` are (messages, answers)."""
        self._settle()
        return rate(*own, *self.channels.get(channel, (0, 0)))

    def best_time(self, run: RunView, within: int, explore: int) -> Moment:
        """The best hour that begins within so many ms, the present one included; `explore` millionths are
        spread over all hours.
        """
        self._settle()
        person, t = run.person, run.t
        here = zone(run.zone()[0])
        starts = [t]
        first = (t // HOUR + 1) * HOUR
        starts += range(first, t + within + 1, HOUR)
        hours = [(at := local(one, here)).weekday * 24 + at.ms // HOUR for one in starts]
        alike = self.groups.get(self.group_of(person)) if self._alike is not None else None
        found = scores(hours, self.own.get(person), alike, self.groups.get("", [0] * HOURS))
        count = len(starts)
        best = found.index(max(found))
        base = rounded([1] * count, explore)
        shares = [one + (MILLION - explore) * (place == best) for place, one in enumerate(base)]
        place = place_of("hour", run.id, run.step, run.visit)
        chosen = drawn(ends_of(shares), place)
        names = [hour_name(hour) for hour in hours]
        told = dict[str, int]()
        for name, share in zip(names, shares, strict=True):
            # A whole week holds the present hour twice.
            told[name] = told.get(name, 0) + share
        data = {"context": {"answers": sum(self.own.get(person, b""))}, "place": place, "propensities": told}
        data |= {"actions": dict.fromkeys(told, "allowed"), "chosen": names[chosen]}
        return Moment(starts[chosen], data)

    # ------------------------------------------------------------------------------------------- keeping

    def merge(self, winner: int, loser: int) -> None:
        both = united(self.own.get(winner), self.own.pop(loser, None))
        if both is not None:
            self.own[winner] = both

    def dump(self) -> Any:
        return {
            "own": list(self.own.items()),
            "groups": list(self.groups.items()),
            "channels": list(self.channels.items()),
            "late": self.late,
        }

    def load(self, held: Any) -> None:
        self.own = dict(held["own"])
        self.groups = {name: list(counts) for name, counts in held["groups"]}
        self.channels = {name: (got, answers) for name, (got, answers) in held["channels"]}
        self.late = [(second, what, where, hour) for second, what, where, hour in held["late"]]


__all__ = ["Habits", "Moment"]
