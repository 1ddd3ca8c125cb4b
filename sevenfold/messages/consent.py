"""Consent: what people said for each channel and purpose, and whether that is a yes.

A person has one status for each pair of channel and category; category "" stands for messages without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..profiles.columns import Table
from .channels import Channel, Channels
from .fields import Fields, layout
from .policy import Consent, ConsentCategory

NOTHING, CONFIRMED, IN, PENDING, OUT = range(5)
"""Statuses by strictness: when two people turn out to be one, the stricter stands."""
STATUSES: Final = ("", "confirmed", "in", "pending", "out")
CODES: Final = {name: code for code, name in enumerate(STATUSES) if name}
_BITS = 3


class Change(NamedTuple):
    """One pair whose status changed."""

    channel: str
    category: str
    before: int


class Purpose(NamedTuple):
    """A category on a channel, as gates ask for it."""

    pair: int
    """The place of the status."""
    silence: bool
    """Whether nothing said means yes."""
    double: bool
    required: bool
    known: bool
    """Whether the workspace declares the category. A message without one is known where none is declared."""


def allowed(status: int, purpose: Purpose) -> bool:
    """Whether a message for this purpose may be sent to somebody of this status."""
    if purpose.required:
        return True
    if not purpose.known:
        return False
    if purpose.double:
        return status == CONFIRMED
    if status == NOTHING:
        return purpose.silence
    return status in (IN, CONFIRMED)


class Consents:
    """Everybody's statuses: three bits a pair, and when each was said."""

    def __init__(self, model: Consent, channels: Channels, table: Table) -> None:
        self.model, self.channels = model, channels
        self.categories = ["", *model.categories]
        self._place = {name: place for place, name in enumerate(self.categories)}
        self._pairs = len(channels.all) * len(self.categories)
        where = layout([*(one.name for one in channels.all), "", *self.categories])
        self._fields = Fields(table, f".consent.{where}.", self._pairs, _BITS)
        self._times = table.add_bag(f".consent_times.{where}")
        """One time when all that somebody said was said then, else a time for each pair."""

    def purpose(self, category: str | None, channel: Channel) -> Purpose:
        """How a category stands on a channel."""
        label = category or ""
        model = self.model.categories.get(label)
        if model is None:
            known = not self.model.categories and not label
            return Purpose(self._pair(channel, ""), True, False, False, known)
        silence = _default(model, channel) == "opt_out"
        return Purpose(self._pair(channel, label), silence, model.double, model.required, True)

    def status(self, row: int, pair: int) -> int:
        """What somebody said last for a pair; NOTHING when they did not."""
        return self._fields.get(row, pair)

    def said(self, row: int) -> dict[str, dict[str, str]]:
        """`{channel: {category: status}}` of everything somebody said."""
        found: dict[str, dict[str, str]] = {}
        for channel in self.channels.all:
            for category in self.categories:
                status = self.status(row, self._pair(channel, category))
                if status:
                    found.setdefault(channel.name, {})[category] = STATUSES[status]
        return found

    def say(
        self, row: int, status: int, te: int, channels: Iterable[Channel], category: str | None
    ) -> list[Change]:
        """Takes a statement of the time `te` about these channels and one category (None: all).

        Gives what it changed. Where something was said later already, it changes nothing.
        """
        wanted = self.categories if category is None else [category] if category in self._place else []
        times, changes = self._times_of(row), []
        for channel in channels:
            for label in wanted:
                pair = self._pair(channel, label)
                if te < times.get(pair, te):
                    continue
                times[pair] = te
                before = self._fields.get(row, pair)
                if before != status:
                    self._fields.put(row, pair, status)
                    changes.append(Change(channel.name, label, before))
        self._keep_times(row, times)
        return changes

    def merge(self, winner: int, loser: int) -> list[tuple[Change, int]]:
        """The stricter of two statuses stands; gives what changed for the winner, with the new status."""
        times = self._times_of(loser)
        for pair, te in self._times_of(winner).items():
            times[pair] = max(te, times.get(pair, te))
        changes = []
        for channel in self.channels.all:
            for label in self.categories:
                pair = self._pair(channel, label)
                mine, theirs = self._fields.get(winner, pair), self._fields.get(loser, pair)
                if theirs > mine:
                    self._fields.put(winner, pair, theirs)
                    changes.append((Change(channel.name, label, mine), theirs))
        self._keep_times(winner, times)
        return changes

    def take_over(self, old: Consents, rows: int) -> None:
        """Everybody's statements under the workspace before this one, by names of channels and categories."""
        bag = self._fields.scope[self._times]
        if self._fields.take_over(old._fields, rows):
            bag[:] = old._fields.scope[old._times][:rows]
            return
        channels = [(one, self.channels.named.get(one.name)) for one in old.channels.all]
        same = [
            (old._pair(before, label), self._pair(channel, label))
            for before, channel in channels
            if channel is not None
            for label in old.categories
            if label in self._place
        ]
        for row in range(1, rows):
            said = old._times_of(row)
            if not said:
                continue
            times = {pair: said[before] for before, pair in same if before in said}
            for before, pair in same:
                if before in said:
                    self._fields.put(row, pair, old.status(row, before))
            self._extend(
                row, times, {label for _, label in old.labels()}, {one.name for one in old.channels.all}
            )
            self._keep_times(row, times)

    def labels(self) -> list[tuple[str, str]]:
        """Every pair by its names: channel and category."""
        return [(channel.name, label) for channel in self.channels.all for label in self.categories]

    def _extend(self, row: int, times: dict[int, int], labels: set[str], names: set[str]) -> None:
        """Who has said no on every channel there was says no on a new one; so with categories."""
        old_channels = [one for one in self.channels.all if one.name in names]
        old_labels = [label for label in self.categories if label in labels]
        for channel in self.channels.all:
            for label in self.categories:
                if channel.name in names and label in labels:
                    continue
                across = [self._pair(one, label) for one in old_channels] if label in labels else []
                along = [self._pair(channel, one) for one in old_labels] if channel.name in names else []
                everything = [self._pair(one, other) for one in old_channels for other in old_labels]
                for others in (across, along, everything):
                    if others and all(self.status(row, pair) == OUT for pair in others):
                        self._fields.put(row, self._pair(channel, label), OUT)
                        times[self._pair(channel, label)] = max(times[pair] for pair in others)

    def _pair(self, channel: Channel, category: str) -> int:
        return channel.index * len(self.categories) + self._place[category]

    def _times_of(self, row: int) -> dict[int, int]:
        held = self._fields.scope[self._times][row]
        if held is None:
            return {}
        if held.__class__ is dict:
            return dict(held)
        return {pair: held for pair in range(self._pairs) if self._fields.get(row, pair)}

    def _keep_times(self, row: int, times: dict[int, int]) -> None:
        if times:
            one = set(times.values())
            self._fields.scope[self._times][row] = one.pop() if len(one) == 1 else times


def _default(model: ConsentCategory, channel: Channel) -> str:
    return model.channels.get(channel.name) or model.channels.get(channel.kind) or model.default


__all__ = [
    "CODES",
    "CONFIRMED",
    "IN",
    "NOTHING",
    "OUT",
    "PENDING",
    "STATUSES",
    "Change",
    "Consents",
    "Purpose",
    "allowed",
]
