"""What falls due before a record: entries and timers, day closes, account ticks, in exact order."""

from __future__ import annotations

from ..profiles.wheel import KIND_BITS, LOW_BITS, LOW_MASK, NEVER, OP_BITS, OP_MASK, ROW_BITS, ROW_MASK
from .compiling import Compiling

_KIND_SHIFT = OP_BITS + ROW_BITS
_KIND_MASK = (1 << KIND_BITS) - 1


class Draining(Compiling):
    """The passing of time."""

    def _drain(self, t: int) -> None:
        """Everything due at or before `t`, in order."""
        if self.seq == 0:
            self._next_close = self.closer.after(t)
            if self.journeys is not None:
                self.journeys.arm(t)
        while True:
            close, tick = self._next_close, self._tick_due
            until = min(t, close, tick)
            if self.wheel.next_due <= until or self.valued.next_due <= until:
                self._fire(until)
                continue
            if until == close:
                self.t = close
                self._cause = ("day close", "", 0)
                self._next_close = self.closer.after(close)
                self.closer.close(close)
            elif until == tick:
                self._tick(tick)
            else:
                return

    def _fire(self, until: int) -> None:
        """Entries and timers due at or before `until`; stops early when one of them brings a tick nearer."""
        wheel, valued, fires = self.wheel, self.valued, self._fires
        evaluate = self._evaluate
        v = valued.head(until) if valued.next_due <= until else None
        limit = (until + 1) << LOW_BITS
        while True:
            active, at = wheel.active, wheel.at
            if at < len(active):
                key = active[at]
            elif wheel.next_due <= until and wheel.head(until) is not None:
                continue
            else:
                key = limit
            if key >= limit or (v is not None and v[0] < key) or self.forward:
                if key >= limit and v is None:
                    wheel.head(until)
                    return
                self._fire_instant(min(key >> LOW_BITS, v[0] >> LOW_BITS if v is not None else until))
                v = valued.head(until) if valued.next_due <= until else None
            else:
                wheel.at = at = at + 1
                if at < len(active) and active[at] >> OP_BITS == key >> OP_BITS:
                    # More for the same subject at the same instant: it may be one operation.
                    wheel.at -= 1
                    self._fire_instant(key >> LOW_BITS)
                    v = valued.head(until) if valued.next_due <= until else None
                else:
                    self.t = due = key >> LOW_BITS
                    op = key & OP_MASK
                    row = (key >> OP_BITS) & ROW_MASK
                    d = fires[op](row, due, 1, 0)
                    if d:
                        self._cause = op
                        evaluate[(key >> _KIND_SHIFT) & _KIND_MASK](row, due, d)
            if self._tick_due < until:
                until = self._tick_due
                limit = (until + 1) << LOW_BITS
                if v is not None and v[0] >= limit:
                    v = None

    def _fire_instant(self, due: int) -> None:
        """All entries of one instant, when several concern one subject or people have merged.

        Rows are forwarded to merged people first, then the order is made; the entries of one signal of one
        subject are one operation.
        """
        found: dict[int, list[int]] = {}
        while self.wheel.next_due <= due and (a := self.wheel.head(due)) is not None:
            self.wheel.at += 1
            self._gather(found, a & LOW_MASK, 0)
        while self.valued.next_due <= due and (v := self.valued.head(due)) is not None:
            self.valued.at += 1
            self._gather(found, v[0] & LOW_MASK, v[1])
        self.t = due
        groups: dict[tuple[int, str], list[int]] = {}
        for low in sorted(found):
            groups.setdefault((low >> OP_BITS, self._owners[low & OP_MASK]), []).append(low)
        for (subject, _), lows in groups.items():
            row, kind = subject & ROW_MASK, (subject >> ROW_BITS) & _KIND_MASK
            d = 0
            for low in lows:
                entries, total = found[low]
                d |= self._fires[low & OP_MASK](row, due, entries, total)
            if d:
                self._cause = lows[0] & OP_MASK
                self.compiled[kind].evaluate(row, due, d)

    def _gather(self, found: dict[int, list[int]], low: int, value: int) -> None:
        if (low >> _KIND_SHIFT) & _KIND_MASK == 0:
            row = (low >> OP_BITS) & ROW_MASK
            forward = self.forward.get(row)
            if forward is not None:
                low += (forward - row) << OP_BITS
        held = found.setdefault(low, [0, 0])
        held[0] += 1
        held[1] += value

    def _tick(self, tick: int) -> None:
        """Closes every account touched since the last tick, then tells its members what changed."""
        self.t = tick
        self._tick_due = NEVER
        dirty, self._dirty_accounts = self._dirty_accounts, {}
        account = self.account
        for row in sorted(dirty):
            self._cause = ("tick", "", 0)
            d = dirty[row]
            moved = self._moved_rollups.pop(row, 0)
            while moved:
                bit = moved & -moved
                moved ^= bit
                d |= account.rollups[bit.bit_length() - 1].show_tick(row)
            if d:
                account.evaluate(row, tick, d)
            mask = self.exports.close(row)
            if mask:
                for member in sorted(self.member_rows(row)):
                    if self._accounts[member] == row:
                        self._cause = ("account", self.account_ids[row], 0)
                        self.person.evaluate(member, tick, mask)
