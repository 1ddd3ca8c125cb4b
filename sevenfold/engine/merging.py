"""New people, and one person of two."""

from __future__ import annotations

from ..effects import CREATED, MERGED
from .memberships import Memberships


class Merging(Memberships):
    """What identity decides, done to the columns: a row more, or two that become one."""

    def _age_of(self, row: int) -> int:
        """People in the order in which they were created; rows are given again."""
        born: int = self.env.scope[self.person.born.name][row]
        return born

    def _create_person(self) -> int:
        row = self._new_row(self.person)
        self.emit(self.person, row, CREATED, "", {})
        return row

    def _merge(self, winner: int, loser: int, by: str) -> None:
        """Folds the loser's state into the winner's; the winner is evaluated once, with all its nodes."""
        person, t = self.person, self.t
        data = {"loser": self.id_of(person, loser), "by": by}
        self.emit(person, winner, MERGED, "", data)
        joined, kept = self.accounts_of(loser), self.accounts_of(winner)
        for account, _, _ in joined:
            self._leave(loser, account)
        for account, role, _ in kept:
            self._share(winner, account, role, -1)
        # What the signals gain now is added below with all the rest: they must not report it meanwhile.
        self._accounts[winner] = 0
        person.traits.merge(winner, loser, t)
        for prediction in person.predictions.values():
            prediction.merge(winner, loser, t)
        for signal in person.signals.values():
            signal.merge(winner, loser, t)
        for score in person.scores.values():
            score.recompute(winner)
        for node in (*person.segments.values(), *person.hidden):
            node.merge(winner, loser)
        merged = {account: (account, role, since) for account, role, since in kept}
        for account, role, since in joined:
            mine = merged.get(account)
            if mine is None:
                self._enlist(winner, account)
                merged[account] = (account, role, since)
            else:
                # In an account that both belonged to, who joined earlier says the role, if any was said.
                first, second = sorted((mine, (account, role, since)), key=lambda one: one[2])
                merged[account] = (account, first[1] or second[1], first[2])
        for account, role, _ in merged.values():
            self._share(winner, account, role, 1)
        self._set_accounts(winner, list(merged.values()))
        self._joined.clear()
        self.retirement.merge(winner, loser)
        self._forward(loser, winner)
        if self.journeys is not None:
            self.journeys.merge(winner, loser, t)
        born = self.env.scope[person.born.name][loser]
        person.table.reset(loser)
        self.env.scope[person.born.name][loser] = born
        for ids in self.entity_ids.values():
            for place, (key, owner) in enumerate(ids):
                if owner == loser:
                    ids[place] = (key, winner)
        person.evaluate(winner, t, person.everything)

    def _forward(self, loser: int, winner: int) -> None:
        """What is due for the loser, and for those who became the loser before, is the winner's now."""
        forward, absorbed = self.forward, self._absorbed
        rows = [*self._losers(loser), loser]
        for row in rows:
            forward[row] = winner
        absorbed.setdefault(winner, []).extend(rows)
        self._forwarded = len(forward)
        self.wheel.redirect(loser, winner)
        self.valued.redirect(loser, winner)

    def _losers(self, row: int) -> list[int]:
        """Who became somebody, taken out of `_absorbed`."""
        forward, absorbed = self.forward, self._absorbed
        if self._forwarded != len(forward):
            # A snapshot says only who became whom.
            absorbed.clear()
            for one, to in forward.items():
                absorbed.setdefault(to, []).append(one)
            self._forwarded = len(forward)
        return absorbed.pop(row, [])
