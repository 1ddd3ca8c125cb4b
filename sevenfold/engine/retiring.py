"""Visitors who do not come back: their profile ends, and its row is given to somebody new.

A person who is known by nothing but anonymous ids is retired when nothing has happened to them for
`identity.retire_after` (or longer than any window of theirs, whichever is more). One timer a visitor looks at
the hour of their last event, which the fold keeps anyway; nobody else costs anything.
docs/decisions/015-visitors-are-retired.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..effects import RETIRED
from ..profiles.expressions import parse_duration
from ..profiles.wheel import OP_BITS
from ..workspace import models as m

if TYPE_CHECKING:
    from ..profiles.unit import Handler
    from .fold import Fold

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
COUNT_BITS: Final = 14
"""Of the column `.hour`: the events of one hour, below the number of that hour."""
HOURS_MASK: Final = (1 << 17) - 1
"""Hours are told apart for 15 years."""
_DAYS_MORE: Final = 2
"""Windows that count whole days last up to so many days longer than they say."""
OWNER: Final = "retirement"


def idle_ms(workspace: m.Workspace) -> int:
    """How long nothing must have happened to a visitor: whole hours in ms; 0: nobody is retired."""
    after = workspace.identity.retire_after
    if after is None:
        return 0
    windows = [_reach(signal) for signal in workspace.signals.values() if signal.of == m.PERSON]
    longest = max(parse_duration(after), max(windows, default=0) + _DAYS_MORE * DAY)
    return -(-longest // HOUR) * HOUR


def _reach(signal: m.Signal) -> int:
    """How long after an event a signal may still lose an entry of it."""
    lengths = [getattr(signal, name, None) for name in ("window", "baseline", "within", "gap")]
    return sum(parse_duration(text) for text in lengths if isinstance(text, str))


class Retirement:
    """The visitors of a fold who have gone. `free` are rows that nobody has, the one freed last last."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.idle = idle_ms(fold.workspace)
        self.free: list[int] = []
        self.count = 0
        """How many were retired."""

    def declare(self) -> None:
        """The timer, after all others, so that it comes last of what falls due for somebody at an instant."""
        person = self.fold.person
        self._hours = self.fold._hour_column
        self._owns = person.table.add(".owner", "int8").name
        if not self.idle:
            return
        person.declaring = OWNER
        self._op = person.op(self._fire, timer=True)
        person.stirring = self._stirring

    def began(self, row: int, t: int) -> None:
        """Somebody is new of whom nothing but anonymous ids is known."""
        if self.idle:
            self._push((t // HOUR + 1) * HOUR + self.idle, row)

    def new_row(self) -> int:
        """A row that somebody had, 0 when there is none."""
        if not self.free:
            return 0
        fold, row = self.fold, self.free.pop()
        known = fold._forwarded == len(fold.forward)
        del fold.forward[row]
        self._rows_moved(known)
        return row

    def owns(self, row: int) -> None:
        """Something (an order) belongs to the person: it stays theirs."""
        self.fold.env.scope[self._owns][row] = 1

    def merge(self, winner: int, loser: int) -> None:
        """What the loser did last, the winner did."""
        scope: Any = self.fold.env.scope
        hours, owns = scope[self._hours], scope[self._owns]
        if owns[loser]:
            owns[winner] = 1
        if hours[loser] and self._age(hours[loser]) < self._age(hours[winner]):
            hours[winner] = hours[loser]

    def _age(self, counted: int) -> int:
        """Hours since the one in which somebody's last event was."""
        return ((self.fold.t // HOUR) - (counted >> COUNT_BITS)) & HOURS_MASK

    def _stirring(self, handler: Handler) -> Handler:
        """What follows from other things happens to people, too: signals have entries of it."""

        def stirred(row: int, te: int, t: int, seq: int, p: Any, event: Any) -> int:
            hours = self.fold.env.scope[self._hours]
            stamp = t // HOUR & HOURS_MASK
            if hours[row] >> COUNT_BITS != stamp:
                hours[row] = stamp << COUNT_BITS
            return handler(row, te, t, seq, p, event)

        return stirred

    def _push(self, due: int, row: int) -> None:
        person = self.fold.person
        self.fold.wheel.push(due, person.low(self._op) + (row << OP_BITS))

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        fold = self.fold
        if not row or row in fold.forward or not self._unknown(row):
            return 0
        counted = fold.env.scope[self._hours][row]
        last = due // HOUR - self._age(counted) if counted else due // HOUR - 1 - self.idle // HOUR
        again = (last + 1) * HOUR + self.idle
        if again <= due and self._needed(row):
            again = (due // DAY + 1) * DAY
        if again > due:
            self._push(again, row)
        else:
            self._retire(row)
        return 0

    def _unknown(self, row: int) -> bool:
        identity = self.fold.identity
        return all(key[0] == identity.anonymous for key in identity.keys_of(row))

    def _needed(self, row: int) -> bool:
        """Somebody in a run, on a list that people keep, with an order or an open task is not let go."""
        fold, scope = self.fold, self.fold.env.scope
        person, journeys = fold.person, fold.journeys
        if scope[self._owns][row]:
            return True
        for node in person.segments.values():
            if node.condition is None and scope[node.slot.column][row] & node.slot.bit:
                return True
        if journeys is None:
            return False
        if scope[journeys.heads[person.kind]][row]:
            return True
        return any(service.keeps(person, row) for service in journeys.services.values())

    def _retire(self, row: int) -> None:
        from .erasure import out_of_journeys

        fold, person = self.fold, self.fold.person
        fold._cause = ("timer", OWNER, 0)
        fold.emit(person, row, RETIRED, "", {})
        for account, _, _ in fold.accounts_of(row):
            fold._leave(row, account)
        fold._joined.clear()
        out_of_journeys(fold, person, row, retired=True)
        fold.identity.forget(row)
        rows = [*sorted(fold._losers(row)), row]
        person.table.reset(row)
        for one in rows:
            fold.forward[one] = 0
            person.ids.pop(one, None)
        self.free += rows
        self.count += 1
        self._rows_moved(True)

    def _rows_moved(self, known: bool) -> None:
        """Rows lead elsewhere: what remembers it looks again. `known`: who became whom is still known."""
        fold = self.fold
        fold._forwarded = len(fold.forward) if known else -1
        for wheel in (fold.wheel, fold.valued):
            wheel.forget_moves()

    def take_over(self, old: Retirement) -> None:
        """Those who went under the workspace before this one."""
        self.free, self.count = old.free, old.count

    def dump(self) -> Any:
        return [self.free, self.count]

    def load(self, held: Any) -> None:
        """What `dump` gave."""
        self.free, self.count = list(held[0]), held[1]


__all__ = ["OWNER", "Retirement", "idle_ms"]
