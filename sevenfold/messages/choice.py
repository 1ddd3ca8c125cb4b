"""Which channel first: the one the person answers to, else the one the purpose asks for, else as written."""

from __future__ import annotations

from collections.abc import Sequence

from ..profiles.columns import Table
from .channels import Channel, Channels
from .fields import Fields, layout
from .ledger import Kind

_BITS = 10
_MOST = (1 << _BITS) - 1


class Responses:
    """How many messages a person got on each channel, and to how many they responded (opened or clicked).

    When a count is full both are halved, so that what happened lately counts more.
    """

    def __init__(self, channels: Channels, table: Table) -> None:
        self.names = [one.name for one in channels.all]
        self._count = len(self.names)
        where = layout(self.names)
        self._fields = Fields(table, f".responses.{where}.", 2 * self._count, _BITS)

    def of(self, row: int, channel: int) -> tuple[int, int]:
        """(messages, responses) of a channel, by its index."""
        return self._fields.get(row, 2 * channel), self._fields.get(row, 2 * channel + 1)

    def got(self, row: int, channel: int) -> None:
        """A message more reached the person."""
        got, responded = self.of(row, channel)
        if got == _MOST:
            got, responded = got >> 1, responded >> 1
        self._put(row, channel, got + 1, responded)

    def responded(self, row: int, channel: int) -> None:
        """The person responded to a message."""
        got, responded = self.of(row, channel)
        self._put(row, channel, got, min(responded + 1, _MOST))

    def merge(self, winner: int, loser: int) -> None:
        """Counts add."""
        for channel in range(self._count):
            mine, theirs = self.of(winner, channel), self.of(loser, channel)
            got, responded = mine[0] + theirs[0], mine[1] + theirs[1]
            while max(got, responded) > _MOST:
                got, responded = got >> 1, responded >> 1
            self._put(winner, channel, got, responded)

    def take_over(self, old: Responses, rows: int) -> None:
        """The counts under the workspace before this one."""
        if self._fields.take_over(old._fields, rows):
            return
        places = {name: place for place, name in enumerate(old.names)}
        same = [(places[name], place) for place, name in enumerate(self.names) if name in places]
        for row in range(1, rows):
            for before, place in same:
                got, responded = old.of(row, before)
                if got or responded:
                    self._put(row, place, got, responded)

    def _put(self, row: int, channel: int, got: int, responded: int) -> None:
        self._fields.put(row, 2 * channel, got)
        self._fields.put(row, 2 * channel + 1, responded)


def preferred(
    kinds: Sequence[Kind], channels: Sequence[Channel], counts: Sequence[tuple[int, int]]
) -> list[int]:
    """The places of templates, best channel first. `counts` are (messages, responses) of each template's
    channel.

    A channel somebody responded on goes before all others, by (responses + 1) / (messages + 2); then those
    whose purposes name the message's intent, then its category; then as written.
    """

    def rank(place: int) -> tuple[int, int, int, int]:
        got, responded = counts[place]
        kind, channel = kinds[place], channels[place]
        # Rates in millionths, rounded down: integers sort alike everywhere.
        rate = (responded + 1) * 1_000_000 // (got + 2) if responded else 0
        return -rate, kind.intent not in channel.purposes, kind.category not in channel.purposes, place

    return sorted(range(len(kinds)), key=rank)
