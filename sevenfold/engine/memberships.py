"""People in accounts: joining and leaving, what members add to an account, and accounts above accounts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from ..effects import CREATED
from ..limits import ACCOUNT_TICK_MS
from ..profiles.columns import Column, Dictionary
from ..profiles.wheel import NEVER
from .core import Core, Membership


class Memberships(Core):
    """Accounts by key, their members and roles, and the roll-ups that members' values move."""

    _roles: Dictionary
    _role_column: Column
    _joined_column: Column
    _role_weights: dict[str, dict[str, float]]
    """Of scores over members: the weight of each role."""

    def member_rows(self, account: int) -> Iterable[int]:
        held = self.members[account]
        return () if held is None else held

    def child_rows(self, account: int) -> Iterable[int]:
        return self.children.get(account, ())

    def _rescan(self, index: int, account: int) -> None:
        """A roll-up of an account has to look at its members anew when the account closes."""
        self._moved_rollups[account] = self._moved_rollups.get(account, 0) | 1 << index
        self._touch(account, 0)

    def _rescan_of(self, index: int, row: int) -> None:
        for account, _, _ in self.accounts_of(row):
            self._rescan(index, account)

    def _set_parent(self, account: int, key: Any) -> None:
        """The trait `parent` of an account names the account above it; a circle is not taken."""
        if key.__class__ is not str or not key:
            return
        if key not in self.account_rows:
            # Ids come from numbers: an account created beside another takes a number of its own.
            self.seq += 1
        parent = self._account(key)
        parents = self.env.scope[self.account.parent_of]
        above, before = parent, parents[account]
        while above and above != account:
            above = parents[above]
        if above == account or parent == before:
            return
        parents[account] = parent
        self.children.setdefault(parent, []).append(account)
        if before:
            self.children[before].remove(account)
        for rollup in self.account.rollups:
            if rollup.of_accounts:
                for one in (parent, before):
                    if one:
                        self._rescan(rollup.index, one)

    def touch(self, account: int) -> None:
        """A fact of an account that members' conditions read has changed: they see it at the next tick."""
        if account != self._closing:
            self._touch(account, 0)

    def _touch(self, account: int, mask: int) -> None:
        self._dirty_accounts[account] = self._dirty_accounts.get(account, 0) | mask
        if self._tick_due == NEVER:
            self._tick_due = (self.t // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS

    def _roll(self, index: int, row: int, old: int, new: int) -> None:
        """A member's value that an account adds up went from `old` to `new`."""
        rollup = self.account.rollups[index]
        a, b = rollup.of_value(old), rollup.of_value(new)
        if a == b:
            return
        account = self._accounts[row]
        weight = self._weight(rollup, self._role(row)) if self._role_weights else 1
        rollup.moved(account, a, b, weight)
        moved = self._moved_rollups
        moved[account] = moved.get(account, 0) | 1 << index
        self._touch(account, 0)
        if self.further and row in self.further:
            for account, role, _ in self.further[row]:
                rollup.moved(account, a, b, self._weight(rollup, role))
                moved[account] = moved.get(account, 0) | 1 << index
                self._touch(account, 0)

    def _weight(self, rollup: Any, role: str) -> int:
        roles = self._role_weights.get(rollup.label)
        return 1 if not roles else round(roles.get(role, 1.0) * 1000)

    @property
    def _accounts(self) -> Any:
        return self.env.scope[self.person.account_of]

    def _role(self, row: int) -> str:
        return self._roles.texts[self.env.scope[self._role_column.name][row]] or ""

    def accounts_of(self, row: int) -> list[Membership]:
        """The accounts a person belongs to, first joined first."""
        first = self._accounts[row]
        if not first:
            return []
        joined = self.env.scope[self._joined_column.name][row]
        return [(first, self._role(row), joined), *self.further.get(row, ())]

    def _set_accounts(self, row: int, held: list[Membership]) -> None:
        held.sort(key=lambda one: one[2])
        first, role, joined = held[0] if held else (0, "", 0)
        self.person.table.put(self._role_column, row, self._roles.code(role) if role else 0)
        self.person.table.put(self._joined_column, row, joined)
        if len(held) > 1:
            self.further[row] = held[1:]
        else:
            self.further.pop(row, None)
        if self._accounts[row] != first:
            # What is read through the account are other facts now.
            self._accounts[row] = first
            self._joined.append(row)

    def _account(self, key: Any) -> int:
        row = self.account_rows.get(key, 0)
        if not row:
            row = self.account_rows[key] = self._new_row(self.account)
            self.account_ids.append(key)
            self.members.append(None)
            self.emit(self.account, row, CREATED, "", {"key": key})
            self.account.traits.set(row, self.account.catalogue_traits(key), 0, 0, self.t)
            self._touch(row, self.account.everything)
        return row

    def _join(self, row: int, account: int, role: str) -> None:
        held = self.accounts_of(row)
        for place, (known, before, since) in enumerate(held):
            if known == account:
                if role and role != before:
                    self._share(row, account, before, -1)
                    held[place] = (account, role, since)
                    self._set_accounts(row, held)
                    self._share(row, account, role, 1)
                return
        self._enlist(row, account)
        self._share(row, account, role, 1)
        self._set_accounts(row, [*held, (account, role, self.seq)])

    def _enlist(self, row: int, account: int) -> None:
        if self.members[account] is None:
            self.members[account] = array("i")
        self.members[account].append(row)

    def _leave(self, row: int, account: int) -> None:
        held = self.accounts_of(row)
        for known, role, _ in held:
            if known == account:
                self._share(row, account, role, -1)
                self.members[account].remove(row)
                self._set_accounts(row, [one for one in held if one[0] != account])
                return

    def _share(self, row: int, account: int, role: str, sign: int) -> None:
        """Adds (or takes away) all that a member contributes to an account."""
        for rollup in self.account.rollups:
            share = rollup.share(row)
            weight = self._weight(rollup, role)
            if sign > 0:
                rollup.moved(account, None, share, weight)
            else:
                rollup.moved(account, share, None, weight)
        self._moved_rollups[account] = (1 << len(self.account.rollups)) - 1
        self._touch(account, 0)
