"""What is owed, as a sender looks at it: who is next in each line, and what was claimed and not told of.

Messages to one person over one channel go one after the other, so only the first of each line can be
sent; the next when nothing more is to come of it. Transactional messages have lines of their own: a
receipt does not wait for a newsletter. All of this follows from the book, is made when first asked for,
and is no part of the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .ledger import Kind
from .outcomes import Owed

Group = tuple[str, bool]
"""A channel, and whether the messages are transactional."""


class _Group:
    __slots__ = ("heads", "lines", "unclaimed")

    def __init__(self) -> None:
        self.unclaimed: dict[str, Owed] = {}
        self.lines: dict[tuple[int, int], dict[str, Owed]] = {}
        """Of each subject what holds up what comes after it, in the order of decision."""
        self.heads: dict[str, dict[str, Owed]] = {}
        """By journey the first of each line, where nobody has claimed it."""


class Waiting:
    """An index over a book."""

    def __init__(self, kinds: Sequence[Kind], owed: Iterable[Owed]) -> None:
        self._kinds = kinds
        self._groups: dict[Group, _Group] = {}
        self.unresolved: dict[str, Owed] = {}
        """What was claimed, or of which nobody knows what became of it."""
        self.shown: dict[str, Owed] = {}
        """What waits in the product to be shown."""
        for one in owed:
            if not one.settled:
                self.note(one)

    def note(self, owed: Owed) -> None:
        """Something about it may have changed."""
        effect, kind = owed.effect, self._kinds[owed.code]
        group = self._group(kind)
        shown = owed.leased and owed.was("sent")
        if shown and not owed.settled:
            self.shown[effect] = owed
        elif owed.leased:
            self.shown.pop(effect, None)
        open_ = not owed.settled and not shown
        if open_ and (owed.was("claimed") or owed.was("unknown")):
            self.unresolved[effect] = owed
        else:
            self.unresolved.pop(effect, None)
        holds_up = open_ and not owed.was("unknown")
        if holds_up and not owed.was("claimed"):
            group.unclaimed[effect] = owed
        else:
            group.unclaimed.pop(effect, None)
        key = (owed.unit, owed.row)
        line = group.lines.get(key)
        if line is None:
            if not holds_up:
                return
            line = group.lines[key] = {}
        before = next(iter(line.values()), None)
        if holds_up:
            line[effect] = owed
        else:
            line.pop(effect, None)
        after = next(iter(line.values()), None)
        if before is not None and before is not after:
            self._heads(group, before).pop(before.effect, None)
        if after is None:
            del group.lines[key]
        elif after.effect in group.unclaimed:
            self._heads(group, after)[after.effect] = after
        else:
            self._heads(group, after).pop(after.effect, None)

    def _group(self, kind: Kind) -> _Group:
        key = (kind.channel, kind.transactional)
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = _Group()
        return found

    def _heads(self, group: _Group, owed: Owed) -> dict[str, Owed]:
        return group.heads.setdefault(self._kinds[owed.code].journey, {})

    # ------------------------------------------------------------------------------------------ answers

    def groups(self) -> dict[Group, dict[str, int]]:
        """By group and journey how many could be sent now; `""` has the number of all that nobody claimed."""
        found: dict[Group, dict[str, int]] = {}
        for key, group in self._groups.items():
            if group.unclaimed:
                heads = {journey: len(ones) for journey, ones in group.heads.items() if ones}
                found[key] = {**heads, "": len(group.unclaimed)}
        return found

    def all_of(self, group: Group) -> Iterator[Owed]:
        """What nobody claimed of a group, of each subject in the order of decision."""
        held = self._groups.get(group)
        given: set[str] = set()
        for owed in held.unclaimed.values() if held is not None else ():
            if owed.effect in given:
                continue
            line = held.lines[(owed.unit, owed.row)] if held is not None else {}
            for one in line.values():
                if held is not None and one.effect in held.unclaimed:
                    given.add(one.effect)
                    yield one

    def count(self, group: Group) -> int:
        """How many of a group nobody claimed."""
        held = self._groups.get(group)
        return len(held.unclaimed) if held is not None else 0

    def heads(self, group: Group, held: frozenset[str], each: int, limit: int) -> list[Owed]:
        """What could be sent now and is not among the `held`, at most `limit`: of each journey so much
        that with the held it has `each`, journeys in turn.
        """
        found: list[Owed] = []
        lines = self._groups.get(group)
        offers = []
        for ones in lines.heads.values() if lines is not None else ():
            new = [one for one in islice(ones.values(), each) if one.effect not in held]
            if new:
                offers.append(iter(new))
        while offers and len(found) < limit:
            for offer in list(offers):
                one = next(offer, None)
                if one is None:
                    offers.remove(offer)
                elif len(found) < limit:
                    found.append(one)
        return found


__all__ = ["Group", "Waiting"]
