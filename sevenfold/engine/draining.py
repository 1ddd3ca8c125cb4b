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
        wheel, valued = self.wheel, self.valued
        while True:
            close, tick = self._next_close, self._tick_due
            until = min(t, close, tick)
            if (wheel.next_due <= until or valued.next_due <= until) and self._fire(until):
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

    def _fire(self, until: int) -> bool:
        """Entries and timers due at or before `until`. True: one of them brought a tick nearer than that."""
        wheel, valued, fires, functions = self.wheel, self.valued, self._fires, self._functions
        while True:
            v = valued.head(until, self.forward) if valued.next_due <= until else None
            # Up to the instant of the next entry that carries a value the others are by themselves.
            limit = (until + 1 if v is None else v[0] >> LOW_BITS) << LOW_BITS
            while wheel.at < len(wheel.active) or wheel.head(until, self.forward) is not None:
                active, at, crowded = wheel.active, wheel.at, wheel.crowded
                while at < len(active):
                    key = active[at]
                    if key >= limit:
                        break
                    wheel.at = at = at + 1
                    self.t = due = key >> LOW_BITS
                    if key >> OP_BITS in crowded:
                        self._fire_subject(key >> OP_BITS)
                        at = wheel.at
                    else:
                        op, row = key & OP_MASK, (key >> OP_BITS) & ROW_MASK
                        d = fires[op](row, due, 1, 0)
                        if d:
                            self._cause = op
                            functions[(key >> _KIND_SHIFT) & _KIND_MASK][d](row, due)
                    if self._tick_due < until:
                        wheel.head(until, self.forward)
                        return True
                if at < len(active):
                    wheel.next_due = active[at] >> LOW_BITS
                    break
            if v is None:
                return False
            self._fire_value(v)
            if self._tick_due < until:
                return True

    def _fire_subject(self, subject: int) -> None:
        """The entries of one subject at one instant, of which the first is taken already."""
        wheel = self.wheel
        active, at = wheel.active, wheel.at - 1
        first = at
        while at < len(active) and active[at] >> OP_BITS == subject:
            at += 1
        wheel.at = at
        ops = tuple([key & OP_MASK for key in active[first:at]])
        separate = self._separate.get(ops)
        if separate is None:
            separate = self._separate[ops] = len({self._owners[op] for op in ops}) == len(ops)
        if not separate:
            found: dict[int, list[int]] = {}
            for key in active[first:at]:
                found.setdefault(key & LOW_MASK, [0, 0])[0] += 1
            self._fire_together(subject >> (LOW_BITS - OP_BITS), found)
            return
        # Runs and tasks have timers but no nodes: their kind is none that is evaluated.
        row, kind = subject & ROW_MASK, (subject >> ROW_BITS) & _KIND_MASK
        for op in ops:
            d = self._fires[op](row, self.t, 1, 0)
            if d:
                self._cause = op
                self._functions[kind][d](row, self.t)

    def _fire_value(self, v: tuple[int, int]) -> None:
        """The next entry that carries a value, with whatever is due at its instant."""
        wheel, valued = self.wheel, self.valued
        key, value = v
        due, after = key >> LOW_BITS, valued.at + 1
        alone = after == len(valued.active) or valued.active[after][0] >> OP_BITS != key >> OP_BITS
        if alone and wheel.head(due, self.forward) is None:
            valued.at = after
            self.t = due
            row, op = (key >> OP_BITS) & ROW_MASK, key & OP_MASK
            d = self._fires[op](row, due, 1, value)
            if d:
                self._cause = op
                self._functions[(key >> _KIND_SHIFT) & _KIND_MASK][d](row, due)
            return
        found: dict[int, list[int]] = {}
        while wheel.next_due <= due and (key := wheel.head(due, self.forward)) is not None:
            wheel.at += 1
            found.setdefault(key & LOW_MASK, [0, 0])[0] += 1
        while valued.next_due <= due and (entry := valued.head(due, self.forward)) is not None:
            valued.at += 1
            held = found.setdefault(entry[0] & LOW_MASK, [0, 0])
            held[0] += 1
            held[1] += entry[1]
        self._fire_together(due, found)

    def _fire_together(self, due: int, found: dict[int, list[int]]) -> None:
        """Entries of one instant by their low bits: (how many, the sum of their values)."""
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
                self._functions[kind][d](row, due)

    def _tick(self, tick: int) -> None:
        """Closes every account touched since the last tick, then tells its members what changed."""
        self.t = tick
        self._tick_due = NEVER
        dirty, self._dirty_accounts = self._dirty_accounts, {}
        account, exports = self.account, self.exports
        for row in sorted(dirty):
            self._cause = ("tick", "", 0)
            d = dirty[row]
            moved = self._moved_rollups.pop(row, 0)
            # What its own evaluation changes is seen at this very tick.
            self._closing = row
            while moved:
                bit = moved & -moved
                moved ^= bit
                d |= account.rollups[bit.bit_length() - 1].show_tick(row)
            if d:
                account.evaluate(row, tick, d)
            self._closing = 0
            mask = exports.close(row)
            if mask:
                for member in sorted(self.member_rows(row)):
                    if self._accounts[member] == row:
                        self._cause = ("account", self.account_ids[row], 0)
                        self.person.evaluate(member, tick, mask)
