"""What falls due before a record: entries and timers, day closes, account ticks, in exact order."""

from __future__ import annotations

from ..profiles.wheel import LOW_MASK, NEVER, OP_BITS, OP_MASK, ROW_MASK
from .compiling import Compiling


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
        wheel, valued, fires, evaluators = self.wheel, self.valued, self._fires, self._evaluators
        forward = self.forward
        while True:
            carries = valued.next_due <= until and valued.head(until, forward)
            # Before the instant of the next entry that carries a value the others are by themselves.
            limit = valued.next_due - 1 if carries else until
            more = wheel.next_due <= limit
            while more and wheel.head(limit, forward):
                dues, rows, ops, at = wheel.dues, wheel.rows, wheel.ops, wheel.at
                due = dues[at]
                while due <= limit:
                    self.t = due
                    op = ops[at]
                    if op >= 0:
                        row = rows[at]
                        wheel.at = at = at + 1
                        d = fires[op](row, due, 1, 0)
                        if d:
                            self._cause = op
                            evaluators[op][d](row, due)
                    else:
                        self._fire_subject()
                        at = wheel.at
                    if self._tick_due < until:
                        wheel.head(until, forward)
                        return True
                    due = dues[at]
                wheel.next_due = due
                more = due == NEVER
            if not carries:
                return False
            self._fire_value()
            if self._tick_due < until:
                return True

    def _fire_subject(self) -> None:
        """The entries of one subject at one instant, on the first of which the wheel stands."""
        wheel = self.wheel
        at = first = wheel.at
        ops = []
        while (op := wheel.ops[at]) < 0:
            ops.append(~op)
            at += 1
        ops.append(op)
        wheel.at = at + 1
        key = tuple(ops)
        separate = self._separate.get(key)
        if separate is None:
            separate = self._separate[key] = len({self._owners[op] for op in ops}) == len(ops)
        if not separate:
            found: dict[int, list[int]] = {}
            for packed in wheel.keys[first : at + 1]:
                found.setdefault(packed & LOW_MASK, [0, 0])[0] += 1
            self._fire_together(self.t, found)
            return
        row, t, fires = wheel.rows[first], self.t, self._fires
        for op in ops:
            d = fires[op](row, t, 1, 0)
            if d:
                self._cause = op
                self._evaluators[op][d](row, t)

    def _fire_value(self) -> None:
        """The next entry that carries a value, with whatever is due at its instant."""
        wheel, valued, forward = self.wheel, self.valued, self.forward
        at = valued.at
        self.t = due = valued.dues[at]
        op = valued.ops[at]
        if (
            valued.dues[at + 1] != due
            and op >= 0
            and not (wheel.next_due <= due and wheel.head(due, forward))
        ):
            row = valued.rows[at]
            valued.at = at + 1
            d = self._fires[op](row, due, 1, valued.values[at])
            if d:
                self._cause = op
                self._evaluators[op][d](row, due)
            return
        found: dict[int, list[int]] = {}
        for one in (wheel, valued):
            while one.next_due <= due and one.head(due, forward):
                held = found.setdefault(one.keys[one.at] & LOW_MASK, [0, 0])
                held[0] += 1
                held[1] += one.values[one.at]
                one.at += 1
        self._fire_together(due, found)

    def _fire_together(self, due: int, found: dict[int, list[int]]) -> None:
        """Entries of one instant by their low bits: (how many, the sum of their values)."""
        self.t = due
        groups: dict[tuple[int, str], list[int]] = {}
        for low in sorted(found):
            groups.setdefault((low >> OP_BITS, self._owners[low & OP_MASK]), []).append(low)
        for (subject, _), lows in groups.items():
            row = subject & ROW_MASK
            d = 0
            for low in lows:
                entries, total = found[low]
                d |= self._fires[low & OP_MASK](row, due, entries, total)
            if d:
                self._cause = lows[0] & OP_MASK
                self._evaluators[lows[0] & OP_MASK][d](row, due)

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
